//! Forms that are refused come back with everything in them, and name the field that is wrong.

use chrono::TimeDelta;
use hourkey_access::identity::setup;
use serde_json::json;

use crate::web::browser::{Browser, PASSWORD, Page, Site};

/// A form of a page: where it goes, and its fields.
struct Form {
    id: String,
    action: String,
    fields: Vec<(String, String)>,
    /// The fields that people type into, with what stands in them.
    typed: Vec<(String, String)>,
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    rest.split('"').next().map(unescaped)
}

fn unescaped(html: &str) -> String {
    let html = html.replace("&lt;", "<").replace("&gt;", ">");
    html.replace("&quot;", "\"").replace("&amp;", "&")
}

/// Those forms of a page that are filled in.
fn forms(page: &Page, path: &str) -> Vec<Form> {
    let mut forms = Vec::new();
    let main = page.text.split_once("<main").unwrap().1;
    for form in main.split("<form ").skip(1) {
        let (form, _) = form.split_once("</form>").unwrap();
        let (head, inside) = form.split_once('>').unwrap();
        let head = format!(" {head}");
        if attribute(&head, "method").as_deref() != Some("post") {
            continue;
        }
        let mut found = Form {
            id: attribute(&head, "id").unwrap(),
            action: attribute(&head, "action").unwrap_or_else(|| path.to_owned()),
            fields: Vec::new(),
            typed: Vec::new(),
        };
        for (tag, text) in inside.split('<').filter_map(|tag| tag.split_once('>')) {
            let Some(name) = attribute(tag, "name") else {
                continue;
            };
            let value = attribute(tag, "value").unwrap_or_default();
            let kind = attribute(tag, "type").unwrap_or_default();
            if tag.starts_with("button") || kind == "hidden" {
                found.fields.push((name, value));
            } else if kind == "radio" {
                if tag.contains(" checked") {
                    found.fields.push((name, value));
                }
            } else if tag.starts_with("textarea") {
                let text = text.strip_prefix('\n').unwrap();
                found.typed.push((name, unescaped(text)));
            } else if tag.starts_with("input") {
                found.typed.push((name, value));
            }
        }
        if !found.typed.is_empty() {
            forms.push(found);
        }
    }
    forms
}

/// Fills every form of a page in with what is too much for each field, and checks the answers.
async fn refuses_all(browser: &Browser<'_>, path: &str) -> usize {
    let page = browser.get(path).await;
    let forms = forms(&page, path);
    for form in &forms {
        let long = "Much too long. ".repeat(140);
        let mut fields: Vec<(&str, &str)> = Vec::new();
        for (name, _) in &form.typed {
            fields.push((name, if name == "password" { "short" } else { &long }));
        }
        for (name, value) in &form.fields {
            fields.push((name, value));
        }
        let fields: Vec<_> = fields
            .into_iter()
            .filter(|(name, _)| *name != "token")
            .collect();
        let answer = browser.post(&form.action, &fields).await;
        let what = format!("{path} {}: {}", form.action, answer.words());
        assert!(answer.status.is_client_error(), "{what}");
        assert!(answer.text.contains("<title>Error: "), "{what}");
        assert_eq!(
            answer.text.matches("aria-invalid=\"true\"").count(),
            1,
            "{what}"
        );
        let marked = answer.text.split("aria-invalid=\"true\"").nth(1).unwrap();
        let (marked, _) = marked.split_once('>').unwrap();
        let described = attribute(marked, "aria-describedby").unwrap();
        assert!(described.split(' ').any(|id| id == "complaint"), "{what}");
        assert!(
            answer.text.contains("id=\"complaint\" role=\"alert\""),
            "{what}"
        );
        // Each form has a field that is no password.
        assert!(answer.text.contains(&long), "{what}");
    }
    forms.len()
}

/// People who wait, and what reviewers find: the pages with forms of each.
async fn pages(site: &Site) -> [(&'static str, Vec<String>); 3] {
    let env = &site.env;
    // Long enough for what locks by disuse to lock.
    env.wait(TimeDelta::days(1)).await;
    let body = json!({ "resource": env.resources.database, "reason": "Reports", "seconds": 7200 });
    let request = env.post(env.people.ben, "/requests", body).await.id();
    let body = json!({ "resource": env.resources.logs, "reason": "Error 500" });
    let open = env.post(env.people.ben, "/requests", body).await.id();
    let asks = ["/resources/2/request", "/resources/3/request"].map(str::to_owned);
    let reviews = [request, open].map(|id| format!("/review/{id}"));
    [
        ("ann", asks.to_vec()),
        (
            "rae",
            [
                reviews.to_vec(),
                vec!["/review".to_owned(), "/review/deputy".to_owned()],
            ]
            .concat(),
        ),
        ("ada", vec!["/unlock?login=ann".to_owned()]),
    ]
}

#[tokio::test]
async fn every_form_names_the_wrong_field_and_keeps_what_was_typed() {
    let site = Site::with(|config| config.device_flow = true).await;
    let pages = pages(&site).await;
    let mut count = 0;
    for (login, paths) in pages {
        let browser = site.signed_in(login).await;
        for path in paths {
            count += refuses_all(&browser, &path).await;
        }
    }
    count += refuses_all(&site.signed_in("ann").await, "/device").await;
    for path in ["/sign-in", "/reset"] {
        count += refuses_all(&site.browser(), path).await;
    }
    // From now on everything leads there.
    setup::make_code(&site.app.store).await.unwrap();
    count += refuses_all(&site.browser(), "/setup").await;
    assert_eq!(count, 13);
}

#[tokio::test]
async fn a_fresh_controllers_front_door_is_its_setup() {
    let site = Site::new().await;
    assert_eq!(site.browser().get("/").await.location(), "/access");
    setup::make_code(&site.app.store).await.unwrap();
    assert_eq!(site.browser().get("/").await.location(), "/setup");
}

/// What is typed: with what would end a field of a page.
const TYPED: &str = "Reports & \"tables\" </textarea><b>";

/// What is in the fields of the form with this id.
fn typed_into(page: &Page, id: &str) -> Vec<(String, String)> {
    let form = forms(page, "").into_iter().find(|form| form.id == id);
    form.unwrap_or_else(|| panic!("no {id}: {}", page.text))
        .typed
}

/// Types into every form of a page, and sends it as `send` does: nothing happens by that, and all
/// that was typed is shown again.
async fn keeps_all(
    site: &Site,
    browser: &Browser<'_>,
    path: &str,
    send: impl AsyncFn(&Form, &[(&str, &str)]) -> Page,
) -> usize {
    let forms = forms(&browser.get(path).await, path);
    for form in &forms {
        let typed = form.typed.iter().map(|(name, _)| (name.as_str(), TYPED));
        let rest = form
            .fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let fields: Vec<_> = typed
            .clone()
            .chain(rest.filter(|(name, _)| *name != "token"))
            .collect();
        let open = site.open_requests().await;
        let page = send(form, &fields).await;
        let what = format!("{path} {}: {}", form.id, page.words());
        let shown = typed_into(&page, &form.id);
        let typed: Vec<_> = typed
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        assert_eq!(shown, typed, "{what}");
        assert!(
            page.text.contains("id=\"complaint\" role=\"alert\""),
            "{what}"
        );
        assert_eq!(page.header("cache-control"), "private, no-cache");
        assert_eq!(site.open_requests().await, open, "{what}");
    }
    forms.len()
}

/// [`keeps_all`] on every page, for everybody: `send` is given the browser and who is signed in.
async fn every_page_keeps_all(
    site: &Site,
    send: impl AsyncFn(&Browser<'_>, &str, &Form, &[(&str, &str)]) -> Page,
) {
    let mut count = 0;
    for (login, paths) in pages(site).await {
        let browser = site.signed_in(login).await;
        for path in paths {
            let send = async |form: &Form, fields: &[(&str, &str)]| {
                send(&browser, login, form, fields).await
            };
            count += keeps_all(site, &browser, &path, send).await;
        }
    }
    assert_eq!(count, 9);
}

#[tokio::test]
async fn what_is_typed_outlives_a_session_that_ends_in_every_form() {
    let site = Site::new().await;
    every_page_keeps_all(&site, async |browser, login, form, fields| {
        browser.post("/sign-out", &[]).await;
        let asked = browser.post(&form.action, fields).await;
        asked.refuses(403, "Your session ended; nothing was sent.");
        assert_eq!(asked.header("cache-control"), "private, no-cache");
        // Nothing of it is in an address, and it is not seen before signing in.
        let door = forms(&asked, "").remove(0);
        assert_eq!(door.action, form.action);
        assert!(!asked.words().contains("Reports"), "{}", asked.text);
        let unsent = asked.field("unsent").unwrap().replace("&amp;", "&");
        let wrong = [("login", login), ("password", "x"), ("unsent", &unsent)];
        let again = browser.post(&door.action, &wrong).await;
        again.refuses(401, "do not fit together");
        let unsent = again.field("unsent").unwrap().replace("&amp;", "&");
        let right = [
            ("login", login),
            ("password", PASSWORD),
            ("unsent", &unsent),
        ];
        let sent = browser.post(&door.action, &right).await;
        // The browser sends the same there once more, signed in.
        assert_eq!(
            (sent.status.as_u16(), sent.header("location")),
            (307, &*form.action)
        );
        let page = browser.post(&form.action, &right).await;
        page.says("You’re signed in again. Nothing was sent yet");
        assert_eq!(page.status, 200);
        page
    })
    .await;
}

#[tokio::test]
async fn what_is_typed_outlives_a_page_of_an_earlier_sign_in_in_every_form() {
    let site = Site::new().await;
    every_page_keeps_all(&site, async |browser, _, form, fields| {
        let fields = [fields, &[("token", "old")]].concat();
        let ours = [("origin", "http://127.0.0.1:8080")];
        let page = browser.post_as_is(&form.action, &fields, &ours).await;
        page.refuses(403, "This page was out of date, so nothing was sent.");
        page
    })
    .await;
    // What is shown again can be sent.
    let ann = site.signed_in("ann").await;
    let fields = [("reason", "Reports"), ("key", "k"), ("token", "old")];
    let ours = [("origin", "http://127.0.0.1:8080")];
    ann.post_as_is("/resources/2/request", &fields, &ours).await;
    let sent = ann.post("/resources/2/request", &fields[..2]).await;
    assert!(sent.location().starts_with("/requests/"), "{}", sent.text);
}

#[tokio::test]
async fn only_what_our_own_pages_sent_is_kept_and_no_secret_and_nothing_endless() {
    let site = Site::with(|config| config.device_flow = true).await;
    let browser = site.browser();
    browser.get("/sign-in").await;
    let ours = ("origin", "http://127.0.0.1:8080");
    let reason = [("reason", "Reports")];
    for other in [
        vec![],
        vec![("origin", "https://evil.example")],
        vec![ours, ("sec-fetch-site", "cross-site")],
    ] {
        let page = browser
            .post_as_is("/resources/2/request", &reason, &other)
            .await;
        assert!(page.location().ends_with("&unsent=true"), "{}", page.text);
    }
    let page = browser.post("/device", &[("code", "WXYZ-WXYZ")]).await;
    assert_eq!(page.location(), "/sign-in?next=%2Fdevice&unsent=true");
    let secret = [
        ("reason", "Reports"),
        ("password", "the secret"),
        ("code", "WXYZ"),
    ];
    let page = browser.post("/resources/2/request", &secret).await;
    assert_eq!(page.field("unsent").as_deref(), Some("reason=Reports"));
    let long = "\u{1f511}".repeat(2_000);
    let page = browser
        .post("/resources/2/request", &[("reason", &long)])
        .await;
    page.says("what you typed is kept");
    let page = browser
        .post("/resources/2/request", &[("reason", &"x".repeat(60_000))])
        .await;
    page.says("what you typed is kept");
    let page = browser
        .post("/resources/2/request", &[("reason", &"x".repeat(70_000))])
        .await;
    page.refuses(413, "The form is too large");
    // What no browser sends: it is longer once it is encoded.
    let raw = format!("reason={}", "\"".repeat(40_000));
    let page = browser.post_raw("/resources/2/request", raw).await;
    page.refuses(403, "What you typed is too long to be kept");
    assert_eq!(page.field("unsent"), None);
}

/// What one person typed is not shown to another who signs in there, in the same tab or in another.
#[tokio::test]
async fn what_somebody_else_typed_is_not_shown() {
    let site = Site::new().await;
    let browser = site.signed_in("ann").await;
    let path = "/resources/2/request";
    let form = forms(&browser.get(path).await, path).remove(0);
    let hidden = form.fields.iter();
    let hidden: Vec<_> = hidden.map(|(name, value)| (&**name, &**value)).collect();
    let fields = [&hidden, &[("reason", "Only Ann knows")][..]].concat();
    browser.post("/sign-out", &[]).await;
    let asked = browser.post(path, &fields).await;
    asked.refuses(403, "what you typed is kept");
    let unsent = asked.field("unsent").unwrap().replace("&amp;", "&");
    assert!(unsent.contains("Only+Ann+knows"), "{unsent}");
    let door = [
        ("login", "ben"),
        ("password", PASSWORD),
        ("unsent", &unsent),
    ];
    assert_eq!(browser.post(path, &door).await.status, 307);
    let not_theirs = |page: &Page| {
        page.refuses(403, "This browser is signed in as Ben Oncall now.");
        assert!(!page.text.contains("Only"), "{}", page.text);
    };
    not_theirs(&browser.post(path, &door).await);
    // Signing in as Ann there, while the browser is signed in as Ben, changes nothing either.
    let door = [
        ("login", "ann"),
        ("password", PASSWORD),
        ("unsent", &unsent),
    ];
    not_theirs(&browser.post(path, &door).await);
    // The form itself, sent from a tab that Ann left open.
    not_theirs(&browser.post(path, &fields).await);
    assert!(site.open_requests().await.contains("requests: []"));
}

/// What is not there answers as such, however out of date the form is that was sent there.
#[tokio::test]
async fn an_old_form_of_what_is_not_there_finds_nothing() {
    let site = Site::new().await;
    let ann = site.signed_in("ann").await;
    let ours = [("origin", "http://127.0.0.1:8080")];
    for path in ["/review/99", "/resources/99/request", "/unlock"] {
        for token in ["old".to_owned(), ann.token()] {
            let fields = [("token", &*token), ("comment", "x"), ("do", "deny")];
            let page = ann.post_as_is(path, &fields, &ours).await;
            assert!(page.status.is_client_error(), "{path} {}", page.text);
            page.says("Your access");
        }
    }
}

#[tokio::test]
async fn signing_out_has_browsers_forget_the_pages_that_they_keep() {
    let site = Site::new().await;
    let page = site.signed_in("ann").await.post("/sign-out", &[]).await;
    assert_eq!(page.header("clear-site-data"), "\"cache\"");
}

#[tokio::test]
async fn a_session_that_ended_says_so_and_whether_something_was_sent() {
    let site = Site::new().await;
    let ann = site.signed_in("ann").await;
    let kept = ann.cookies();
    ann.get("/access").await;
    ann.post("/sign-out", &[]).await;
    assert!(!ann.get("/sign-in").await.words().contains("session ended"));
    ann.set_cookies(kept);
    let answer = ann.post("/sessions", &[("do", "end-others")]).await;
    let address = answer.location().to_owned();
    assert_eq!(address, "/sign-in?next=%2Fsessions&unsent=true");
    ann.get(&address)
        .await
        .says("Your session ended; nothing was sent.");
    ann.get("/sign-in")
        .await
        .says("Your session ended. Sign in");
}
