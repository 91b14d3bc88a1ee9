//! Forms come from our own pages only, and reading a page never changes anything.

use serde_json::json;

use crate::web::browser::{PASSWORD, Site};

/// Every address that takes a form, with fields that would do something.
fn all(request: i64) -> Vec<(String, Vec<(&'static str, &'static str)>)> {
    let own =
        |path: &str, fields: &[(&'static str, &'static str)]| (path.to_owned(), fields.to_vec());
    vec![
        own("/sign-in", &[("login", "ann"), ("password", PASSWORD)]),
        own("/sign-out", &[]),
        own("/setup", &[("code", "x")]),
        own(
            "/reset",
            &[("code", "x"), ("password", PASSWORD), ("again", PASSWORD)],
        ),
        own("/device", &[("code", "x"), ("decision", "allow")]),
        own("/sessions", &[("do", "end-others")]),
        own("/account", &[("do", "turn-off"), ("code", "123456")]),
        own(
            "/settings/sign-in",
            &[("seen", "none"), ("two-step", "roles")],
        ),
        own("/people/1/two-step", &[]),
        own("/access", &[("do", "cancel"), ("request", "1")]),
        own("/resources/3/request", &[("reason", "because")]),
        own(&format!("/requests/{request}"), &[("do", "cancel")]),
        own(&format!("/review/{request}"), &[("do", "approve")]),
        own(
            "/oauth/authorize?response_type=code&client_id=hourkey-cli&redirect_uri=\
             http://127.0.0.1:4000/callback&code_challenge_method=S256&\
             code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
            &[("decision", "allow")],
        ),
    ]
}

#[tokio::test]
async fn a_form_without_the_right_token_changes_nothing() {
    let site = Site::with(|config| config.device_flow = true).await;
    let env = &site.env;
    let body = json!({ "resource": env.resources.database, "reason": "Reports" });
    let request = env.post(env.people.ben, "/requests", body).await.id();
    let ada = site.signed_in("ada").await;
    let other = site.signed_in("ada").await;
    let before = site.seq().await;
    for (path, fields) in all(request) {
        for token in ["", "x", &other.token(), &format!("{}x", ada.token())] {
            let fields = [fields.as_slice(), &[("token", token)]].concat();
            let page = ada.post_as_is(&path, &fields, &[]).await;
            page.refuses(403, "This page is out of date. Reload it.");
        }
        let page = ada.post_as_is(&path, &fields, &[]).await;
        page.refuses(403, "This page is out of date. Reload it.");
    }
    assert_eq!(site.seq().await, before);
}

#[tokio::test]
async fn a_form_of_another_site_changes_nothing_even_with_the_token() {
    let site = Site::with(|config| config.device_flow = true).await;
    let env = &site.env;
    let body = json!({ "resource": env.resources.database, "reason": "Reports" });
    let request = env.post(env.people.ben, "/requests", body).await.id();
    let ada = site.signed_in("ada").await;
    let token = ada.token();
    let before = site.seq().await;
    for (path, fields) in all(request) {
        for header in [
            ("origin", "https://evil.example"),
            ("origin", "http://127.0.0.1:8081"),
            ("origin", "http://localhost:8080"),
            ("origin", "null"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            let fields = [fields.as_slice(), &[("token", token.as_str())]].concat();
            let page = ada.post_as_is(&path, &fields, &[header]).await;
            page.refuses(403, "This form was sent from another site");
        }
    }
    assert_eq!(site.seq().await, before);
}

#[tokio::test]
async fn reading_never_decides() {
    let site = Site::new().await;
    let env = &site.env;
    let body = json!({ "resource": env.resources.database, "reason": "Reports" });
    let request = env.post(env.people.ben, "/requests", body).await.id();
    let rae = site.signed_in("rae").await;
    let before = site.seq().await;
    let token = rae.token();
    for path in [
        format!("/review/{request}?do=approve&token={token}"),
        format!("/review?do=approve&request={request}&token={token}"),
        format!("/requests/{request}?do=cancel&token={token}"),
        format!("/sessions?do=end-others&token={token}"),
    ] {
        rae.get(&path).await;
    }
    assert_eq!(rae.get("/sign-out").await.status, 405);
    assert_eq!(site.seq().await, before);
}

#[tokio::test]
async fn addresses_that_cannot_be_read_are_refused_as_pages() {
    let site = Site::new().await;
    let ann = site.signed_in("ann").await;
    let unknown = ann.get("/requests/99999").await;
    unknown.refuses(404, "Page not found");
    // It keeps the assignment to other pages, and without a sign-in says no time that it does not know.
    assert!(unknown.text.contains("<nav"), "{}", unknown.text);
    let stranger = site.browser().get("/nowhere").await;
    assert!(!stranger.text.contains("data-now"), "{}", stranger.text);
    assert!(ann.get("/access").await.text.contains("data-now"));
    for path in ["/requests/x", "/review/1.5", "/resources/%ff/request"] {
        let page = ann.get(path).await;
        assert_eq!(page.status, 404, "{path}");
        assert_eq!(page.text, unknown.text, "{path}");
    }
    for path in [
        "/my-requests?before=x",
        "/access?page=-1",
        "/review?before=x",
    ] {
        let page = ann.get(path).await;
        page.refuses(400, "after the question mark cannot be read");
    }
}

#[tokio::test]
async fn forms_that_cannot_be_read_are_refused_as_pages() {
    let site = Site::new().await;
    let ann = site.signed_in("ann").await;
    let token = ann.token();
    let large = "x".repeat(70_000);
    let fields = [("token", token.as_str()), ("reason", &large)];
    let page = ann.post_as_is("/resources/2/request", &fields, &[]).await;
    page.refuses(413, "The form is too large");
    // A field twice.
    let fields = [
        ("token", token.as_str()),
        ("login", "a"),
        ("login", "b"),
        ("password", "c"),
    ];
    let page = ann.post_as_is("/sign-in", &fields, &[]).await;
    page.refuses(400, "This form cannot be read");
}

#[tokio::test]
async fn every_page_says_what_a_browser_may_do_with_it() {
    let site = Site::new().await;
    let env = &site.env;
    let ben = site.signed_in("ben").await;
    let body = json!({ "resource": env.resources.database, "reason": "Reports" });
    let request = env.post(env.people.ben, "/requests", body).await.id();
    let rae = site.signed_in("rae").await;
    let visitor = site.browser();
    let mut pages = vec![
        visitor.get("/sign-in").await,
        visitor.get("/reset").await,
        visitor.get("/access").await,
        visitor.get("/nowhere").await,
        visitor.get("/oauth/authorize").await,
        rae.get("/review").await,
        rae.get(&format!("/review/{request}")).await,
    ];
    for path in [
        "/access",
        "/sessions",
        "/resources/3/request",
        "/resources/99/request",
    ] {
        pages.push(ben.get(path).await);
    }
    pages.push(ben.get(&format!("/requests/{request}")).await);
    for page in pages {
        // Browsers keep pages on which people type for Back; others they fetch again.
        let typed_on = page.status == 200 && page.text.contains("<textarea");
        let control = if typed_on {
            "private, no-cache"
        } else {
            "no-store"
        };
        assert_eq!(page.header("cache-control"), control, "{}", page.text);
        let policy = page.header("content-security-policy");
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.contains(part), "{policy}\n{}", page.text);
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        assert_eq!(page.header("referrer-policy"), "same-origin");
        // Nothing inline: the policy would stop it.
        for inline in ["<script>", " style=", " onclick=", "javascript:"] {
            assert!(!page.text.contains(inline), "{inline}\n{}", page.text);
        }
    }
}

#[tokio::test]
async fn what_pages_load_is_asked_for_again_and_sent_once() {
    let site = Site::new().await;
    for (path, kind) in [
        ("/static/pages.css", "text/css; charset=utf-8"),
        ("/static/pages.js", "text/javascript; charset=utf-8"),
        ("/static/icon.svg", "image/svg+xml"),
    ] {
        let get = |tag: &str| {
            let request = axum::http::Request::get(path).header("if-none-match", tag);
            site.send(request.body(axum::body::Body::empty()).unwrap())
        };
        let first = get("\"other\"").await;
        assert_eq!(first.status, 200);
        assert_eq!(first.header("content-type"), kind);
        assert!(first.text.len() > 500);
        let again = get(first.header("etag")).await;
        assert_eq!((again.status.as_u16(), again.text.as_str()), (304, ""));
        assert_eq!(again.header("cache-control"), "no-cache");
    }
    // The style sheet of this version is kept for good: pages wait for it once.
    let page = site.browser().get("/sign-in").await;
    let (_, style) = page.text.split_once("rel=\"stylesheet\" href=\"").unwrap();
    let (style, _) = style.split_once('"').unwrap();
    let kept = site.browser().get(style).await;
    assert_eq!(
        kept.header("cache-control"),
        "public, max-age=31536000, immutable"
    );
    let other = site
        .browser()
        .get("/static/pages.css?of-another-version")
        .await;
    assert_eq!(other.header("cache-control"), "no-cache");
    assert_eq!(site.browser().get("/static/other").await.status, 404);
    assert_eq!(
        site.browser().get("/static/..%2f..%2fsecret").await.status,
        404
    );
}

#[tokio::test]
async fn who_sends_too_many_forms_is_told_when_to_try_again() {
    let site = Site::new().await;
    let ann = site.signed_in("ann").await;
    let database = site.env.resources.database;
    let asks = format!("/resources/{database}/request");
    for round in 0..15 {
        let key = round.to_string();
        let asked = ann
            .post(&asks, &[("key", &key), ("reason", "Reports")])
            .await;
        let request = asked.location().to_owned();
        ann.post(&request, &[("do", "cancel")]).await;
    }
    let page = ann
        .post(&asks, &[("key", "k"), ("reason", "Reports")])
        .await;
    page.refuses(429, "You made 30 changes within a minute");
    page.says("Try again in 2 seconds.");
    assert_eq!(page.header("retry-after"), "2");
    page.says("Request access to Database");
    assert!(page.text.contains("\nReports</textarea>"), "{}", page.text);
    ann.get("/access").await.says("Database");
}
