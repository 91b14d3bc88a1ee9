//! Reset links.

use chrono::TimeDelta;
use hourkey_access::identity::{account, reset, session};

use crate::web::browser::{PASSWORD, Site};

const NEW: &str = "another horse entirely";

async fn link(site: &Site) -> String {
    let (ann, now) = (site.env.people.ann, site.app.clock.now());
    let link = reset::make_link(&site.app.store, &site.app.config.public_url, ann, now)
        .await
        .unwrap();
    let (page, code) = link.split_once('#').unwrap();
    assert_eq!(
        page, "http://127.0.0.1:8080/reset",
        "no secret in what browsers send"
    );
    code.to_owned()
}

#[tokio::test]
async fn a_link_sets_a_password_once_and_signs_out_everywhere_else() {
    let site = Site::new().await;
    let elsewhere = site.signed_in("ann").await;
    let token = site.env.token(site.env.people.ann).await;
    let code = link(&site).await;
    let browser = site.browser();
    browser.get("/reset").await.says("Set a new password");
    let fields = [("code", code.as_str()), ("password", NEW), ("again", NEW)];
    let before = site.seq().await;
    assert_eq!(browser.post("/reset", &fields).await.location(), "/access");
    browser.get("/access").await.says("Your access");
    assert!(
        elsewhere
            .get("/access")
            .await
            .location()
            .starts_with("/sign-in")
    );
    assert_eq!(site.me(&token).await, 401);
    assert_eq!(
        site.env.actions(before).await,
        [
            "password.set by Ann Member",
            "session.ended by Ann Member",
            "session.ended by Ann Member",
            "session.started by Ann Member",
        ]
    );

    let again = site.browser();
    again.get("/reset").await;
    let before = site.seq().await;
    again
        .post("/reset", &fields)
        .await
        .refuses(403, "used already");
    assert_eq!(site.seq().await, before);
    again.get("/sign-in").await;
    let old = [("login", "ann"), ("password", PASSWORD)];
    assert_eq!(again.post("/sign-in", &old).await.status, 401);
    let new = [("login", "ann"), ("password", NEW)];
    assert_eq!(again.post("/sign-in", &new).await.location(), "/access");
}

#[tokio::test]
async fn a_sign_in_that_a_new_password_overtakes_brings_no_session() {
    let site = Site::new().await;
    let ann = site.env.people.ann;
    let verified = async |password: &str| {
        let from = [192, 0, 2, 9].into();
        let verified = account::check(&site.app, "ann", password.to_owned(), from, None).await;
        verified.unwrap_or_else(|_| panic!("the password fits"))
    };
    let starts = async |verified| {
        let browser = session::Browser::default();
        let started = session::start_browser(&site.app, verified, "x".into(), browser).await;
        started.is_ok()
    };
    assert!(starts(verified(PASSWORD).await).await);
    // Its password was checked, and then another one was set, or the account disabled.
    let overtaken = verified(PASSWORD).await;
    let code = link(&site).await;
    let browser = site.browser();
    browser.get("/reset").await;
    let fields = [("code", code.as_str()), ("password", NEW), ("again", NEW)];
    assert_eq!(browser.post("/reset", &fields).await.location(), "/access");
    let before = site.sessions(ann).await;
    assert!(!starts(overtaken).await);
    let disabled = verified(NEW).await;
    site.disable(ann).await;
    assert!(!starts(disabled).await);
    assert_eq!(site.sessions(ann).await, before);
}

#[tokio::test]
async fn a_link_expires_and_a_newer_one_replaces_it() {
    let site = Site::new().await;
    let first = link(&site).await;
    let second = link(&site).await;
    let browser = site.browser();
    browser.get("/reset").await;
    let fields = |code: &'static str| [("code", code), ("password", NEW), ("again", NEW)];
    browser
        .post("/reset", &fields(first.leak()))
        .await
        .refuses(403, "unknown");
    site.env.clock.forward(TimeDelta::hours(24));
    browser
        .post("/reset", &fields(second.leak()))
        .await
        .refuses(403, "expired");
    browser
        .post("/reset", &fields(""))
        .await
        .refuses(403, "unknown");
    browser.sign_in("ann").await;
}

#[tokio::test]
async fn a_password_that_is_not_good_enough_uses_nothing_up() {
    let site = Site::new().await;
    let code = link(&site).await;
    let browser = site.browser();
    browser.get("/reset").await;
    let before = site.seq().await;
    for (password, again, words) in [
        ("elevenchars", "elevenchars", "at least 12 characters"),
        ("aaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaa", "over and over"),
        (NEW, "another horse entirelx", "differ"),
    ] {
        let fields = [
            ("code", code.as_str()),
            ("password", password),
            ("again", again),
        ];
        let page = browser.post("/reset", &fields).await;
        page.refuses(400, words);
        assert!(page.text.contains(&code), "the code is kept");
        assert!(
            !page.text.contains(password),
            "a password must not come back"
        );
    }
    assert_eq!(site.seq().await, before);
    let fields = [("code", code.as_str()), ("password", NEW), ("again", NEW)];
    assert_eq!(browser.post("/reset", &fields).await.location(), "/access");
}
