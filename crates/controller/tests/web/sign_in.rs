//! Signing in and out, the limits on attempts, and where one is sent afterwards.

use std::net::IpAddr;

use chrono::TimeDelta;
use hourkey_access::identity::setup;

use crate::web::browser::{Browser, PASSWORD, Site, encoded};

#[tokio::test]
async fn a_person_signs_in_and_out() {
    let site = Site::new().await;
    let ann = site.browser();
    assert_eq!(
        ann.get("/access").await.location(),
        "/sign-in?next=%2Faccess"
    );
    ann.get("/sign-in").await;
    let before = site.seq().await;
    let token = ann.token();
    let page = ann
        .post("/sign-in", &[("login", " ANN "), ("password", PASSWORD)])
        .await;
    assert_eq!(page.location(), "/access");
    assert_eq!(
        site.env.actions(before).await,
        ["session.started by Ann Member"]
    );
    ann.get("/access").await.says("Your access");

    let signed_in = ann.cookies();
    // Forms of before the sign-in are not hers.
    let page = ann.post_as_is("/sign-out", &[("token", &token)], &[]).await;
    assert_eq!(page.status, 403);
    ann.get("/access").await;
    assert_eq!(ann.post("/sign-out", &[]).await.location(), "/sign-in");
    assert!(ann.get("/access").await.location().starts_with("/sign-in"));
    // The cookie is worth nothing any more, even to who kept it.
    ann.set_cookies(signed_in);
    assert!(ann.get("/access").await.location().starts_with("/sign-in"));
}

#[tokio::test]
async fn cookies_are_out_of_reach_of_scripts_and_other_sites() {
    let site = Site::new().await;
    let ann = site.browser();
    let page = ann.get("/sign-in").await;
    let visit = page.header("set-cookie").to_owned();
    assert!(visit.starts_with("hourkey-visit="), "{visit}");
    assert!(
        visit.ends_with("; HttpOnly; SameSite=Lax; Path=/"),
        "{visit}"
    );
    let page = ann
        .post("/sign-in", &[("login", "ann"), ("password", PASSWORD)])
        .await;
    let session = page.header("set-cookie");
    assert!(session.starts_with("hourkey="), "{session}");
    assert!(
        session.ends_with("; HttpOnly; SameSite=Lax; Path=/; Max-Age=2592000"),
        "{session}"
    );
    let known = page.headers.get_all("set-cookie").iter().next_back();
    let known = known.unwrap().to_str().unwrap();
    assert!(known.starts_with("hourkey-browser="), "{known}");
    assert!(
        known.ends_with("; HttpOnly; SameSite=Lax; Path=/; Max-Age=31536000"),
        "{known}"
    );

    let site = Site::with(|config| config.public_url = "https://hourkey.test".parse().unwrap());
    let site = site.await;
    let page = site.browser().get("/sign-in").await;
    let visit = page.header("set-cookie").to_owned();
    assert!(visit.starts_with("__Host-hourkey-visit="), "{visit}");
    assert!(
        visit.ends_with("; HttpOnly; SameSite=Lax; Secure; Path=/"),
        "{visit}"
    );
}

#[tokio::test]
async fn a_wrong_password_says_no_more_than_an_unknown_login() {
    let site = Site::new().await;
    let before = site.seq().await;
    let mut seen = Vec::new();
    for login in ["ann", "nobody"] {
        let browser = site.browser();
        browser.get("/sign-in").await;
        let page = browser
            .post("/sign-in", &[("login", login), ("password", "wrong")])
            .await;
        page.refuses(401, "do not fit together");
        let token = page.field("token").unwrap();
        seen.push(page.text.replace(login, "LOGIN").replace(&token, "TOKEN"));
        assert!(
            !page.text.contains("wrong"),
            "a password must not come back"
        );
    }
    let times = |page: &str| page.replace(char::is_numeric, "");
    assert_eq!(times(&seen[0]), times(&seen[1]));
    assert_eq!(site.seq().await, before);
}

#[tokio::test]
async fn a_disabled_account_stays_out() {
    let site = Site::new().await;
    let ann = site.signed_in("ann").await;
    let token = site.env.token(site.env.people.ann).await;
    assert_eq!(site.me(&token).await, 200);
    site.disable(site.env.people.ann).await;
    assert!(ann.get("/access").await.location().starts_with("/sign-in"));
    assert_eq!(site.me(&token).await, 401);
    let again = site.browser();
    again.get("/sign-in").await;
    let page = again
        .post("/sign-in", &[("login", "ann"), ("password", PASSWORD)])
        .await;
    page.refuses(403, "This account is disabled");
    // Who does not know the password does not learn that.
    let page = again
        .post("/sign-in", &[("login", "ann"), ("password", "wrong")])
        .await;
    page.refuses(401, "do not fit together");
}

#[tokio::test]
async fn guessing_one_login_gets_slower_and_slower() {
    let site = Site::new().await;
    // From a new address each time: the login is what is limited.
    let attempt = async |number: u8, password: &str| {
        let browser = site.browser_at(IpAddr::from([198, 51, 100, number]));
        browser.get("/sign-in").await;
        browser
            .post("/sign-in", &[("login", "ann"), ("password", password)])
            .await
    };
    for number in 0..5 {
        attempt(number, "wrong")
            .await
            .refuses(401, "do not fit together");
    }
    // The right password does not help now: else guessing would.
    let page = attempt(5, PASSWORD).await;
    page.refuses(429, "Try again in 1 second.");
    assert_eq!(page.header("retry-after"), "1");
    site.env.clock.forward(TimeDelta::seconds(1));
    attempt(6, "wrong")
        .await
        .refuses(401, "do not fit together");
    let page = attempt(7, PASSWORD).await;
    page.refuses(429, "Try again in 2 seconds.");
    assert_eq!(page.header("retry-after"), "2");
    site.env.clock.forward(TimeDelta::seconds(2));
    assert_eq!(attempt(8, PASSWORD).await.location(), "/access");
    attempt(9, "wrong")
        .await
        .refuses(401, "do not fit together");
}

#[tokio::test]
async fn guessing_from_one_address_gets_slower_too() {
    let site = Site::new().await;
    let browser = site.browser();
    browser.get("/sign-in").await;
    for number in 0..20 {
        let login = format!("guess{number}");
        let page = browser
            .post("/sign-in", &[("login", &login), ("password", "wrong")])
            .await;
        page.refuses(401, "do not fit together");
    }
    let page = browser
        .post("/sign-in", &[("login", "ann"), ("password", PASSWORD)])
        .await;
    page.refuses(429, "too many attempts to sign in");
    assert_eq!(page.header("retry-after"), "1");
    site.signed_in_from([203, 0, 113, 9]).await;
}

#[tokio::test]
async fn many_attempts_at_once_are_no_way_around_the_limit() {
    let site = Site::new().await;
    let browser = site.browser();
    browser.get("/sign-in").await;
    let fields = [("login", "ann"), ("password", "wrong")];
    let all = (0..30).map(|_| browser.post("/sign-in", &fields));
    let pages = futures_util::future::join_all(all).await;
    let tried = pages.iter().filter(|page| page.status == 401).count();
    assert_eq!(tried, 5);
}

#[tokio::test]
async fn only_the_trusted_proxy_is_believed_about_addresses() {
    let proxy = IpAddr::from([10, 0, 0, 1]);
    let site = Site::with(|config| config.trusted_proxy = Some(proxy)).await;
    let tries = async |peer: IpAddr, forwarded: fn(u8) -> String| {
        let browser = site.browser_at(peer);
        browser.get("/sign-in").await;
        let mut refused = 0;
        for number in 0..25_u8 {
            let (token, login) = (browser.token(), format!("x{number}{peer}"));
            let fields = [
                ("login", login.as_str()),
                ("password", "x"),
                ("token", &token),
            ];
            let forwarded = forwarded(number);
            let headers = [("x-forwarded-for", forwarded.as_str())];
            let page = browser.post_as_is("/sign-in", &fields, &headers).await;
            refused += usize::from(page.status == 429);
        }
        refused
    };
    // The proxy adds the client's address at the end; before it stands what the client made up.
    let many = |number: u8| format!("203.0.113.250, 198.51.100.{number}");
    assert_eq!(tries(proxy, many).await, 0);
    let one = |number: u8| format!("203.0.113.{number}, 198.51.100.200");
    assert_eq!(tries(proxy, one).await, 5);
    // This machine may say what it wants, and others are not heard without TLS at all.
    assert_eq!(tries(IpAddr::from([127, 0, 0, 1]), many).await, 5);
    let elsewhere = site.browser_at([10, 0, 0, 2].into());
    let page = elsewhere.get("/sign-in").await;
    page.refuses(403, "This port is for the proxy");
}

#[tokio::test]
async fn after_signing_in_one_never_lands_elsewhere() {
    let site = Site::new().await;
    for (next, lands) in [
        ("/requests/7?as=ann", "/requests/7?as=ann"),
        ("/access?q=a%26b", "/access?q=a%26b"),
        ("", "/access"),
        ("https://evil.example/", "/access"),
        ("//evil.example/", "/access"),
        ("/\\evil.example/", "/access"),
        ("/\t/evil.example/", "/access"),
        ("///evil.example", "/access"),
        ("/x/..//evil.example", "/access"),
        ("/%5cevil.example", "/%5cevil.example"),
        ("\\\\evil.example", "/access"),
        ("javascript:alert(1)", "/access"),
        ("http://127.0.0.1:8080@evil.example/", "/access"),
        ("access", "/access"),
        ("/sign-in?next=/sign-in", "/access"),
        ("/a\r\nset-cookie: x=y", "/access"),
    ] {
        let browser = site.browser();
        browser
            .get(&format!("/sign-in?{}", encoded(&[("next", next)])))
            .await;
        let fields = [("login", "ann"), ("password", PASSWORD), ("next", next)];
        assert_eq!(
            browser.post("/sign-in", &fields).await.location(),
            lands,
            "{next:?}"
        );
        // And the same for who is signed in already.
        let page = browser
            .get(&format!("/sign-in?{}", encoded(&[("next", next)])))
            .await;
        assert_eq!(page.location(), lands, "{next:?}");
    }
}

#[tokio::test]
async fn the_first_admin_is_made_with_the_code_and_once() {
    let site = Site::new().await;
    let visitor = site.browser();
    assert_eq!(visitor.get("/setup").await.location(), "/access");
    let old = setup::make_code(&site.app.store).await.unwrap();
    let code = setup::make_code(&site.app.store).await.unwrap();
    assert_eq!(visitor.get("/sign-in").await.location(), "/setup");
    visitor
        .get("/setup")
        .await
        .says("Create the first administrator");
    let before = site.seq().await;
    let fields = |code: &'static str, password: &'static str| {
        [
            ("code", code),
            ("organisation", "Fresh & new"),
            ("name", "First Admin"),
            ("login", "First"),
            ("password", password),
        ]
    };
    let (old, code): (&'static str, &'static str) = (old.leak(), code.to_lowercase().leak());
    visitor
        .post("/setup", &fields(old, PASSWORD))
        .await
        .refuses(403, "That setup code isn't valid");
    visitor
        .post("/setup", &fields("", PASSWORD))
        .await
        .refuses(403, "That setup code isn't valid");
    let page = visitor.post("/setup", &fields(code, "short")).await;
    page.refuses(400, "at least 12 characters");
    assert!(
        page.text.contains("value=\"Fresh &amp; new\""),
        "what was typed is kept"
    );
    let mut taken = fields(code, PASSWORD);
    taken[3].1 = "ann";
    visitor
        .post("/setup", &taken)
        .await
        .refuses(400, "There is a user ann already");
    assert_eq!(site.seq().await, before);

    assert_eq!(
        visitor
            .post("/setup", &fields(code, PASSWORD))
            .await
            .location(),
        "/overview"
    );
    let actions = site.env.actions(before).await;
    assert_eq!(
        actions,
        [
            "organisation.set_up by First Admin",
            "password.set by First Admin",
            "session.started by First Admin",
        ]
    );
    let page = visitor.get("/review").await;
    page.says("Nothing waits for you");
    assert!(page.text.contains("Fresh &amp; new"));

    let second = site.browser();
    second.get("/reset").await;
    second
        .post("/setup", &fields(code, PASSWORD))
        .await
        .refuses(403, "set up already");
}

#[tokio::test]
async fn of_two_browsers_that_set_up_at_once_one_wins_and_the_other_is_told() {
    let site = Site::new().await;
    let link = setup::make_link(&site.app.store, &site.app.config.public_url).await;
    let link = link.unwrap();
    let (page, code) = link.split_once('#').unwrap();
    assert_eq!(page, "http://127.0.0.1:8080/setup");
    let browsers = [site.browser(), site.browser()];
    for browser in &browsers {
        let page = browser.get("/setup").await;
        assert!(page.text.contains("data-from-fragment"), "{}", page.text);
    }
    let before = site.seq().await;
    let set_up = async |browser: &Browser<'_>, login: &str| {
        let fields = [
            ("code", code),
            ("organisation", "Fresh"),
            ("name", "First Admin"),
            ("login", login),
            ("password", PASSWORD),
        ];
        browser.post("/setup", &fields).await
    };
    let pages = futures_util::join!(set_up(&browsers[0], "one"), set_up(&browsers[1], "two"));
    let (won, lost) = match pages.0.status.as_u16() {
        303 => pages,
        _ => (pages.1, pages.0),
    };
    assert_eq!(won.location(), "/overview");
    lost.refuses(403, "This controller is set up already");
    let actions = site.env.actions(before).await;
    let made = |action: &&String| action.starts_with("organisation.set_up");
    assert_eq!(actions.iter().filter(made).count(), 1, "{actions:?}");
}

impl Site {
    async fn signed_in_from(&self, address: [u8; 4]) {
        self.browser_at(address.into()).sign_in("ann").await;
    }
}
