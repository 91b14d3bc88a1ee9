//! Two-step sign-in where the organisation requires it: of whom, and what they may do until they have it.

use axum::body::Body;
use axum::http::{Request, header};
use hourkey_store::second_factor::TwoStepFor;

use crate::web::browser::{Browser, PASSWORD, Page, Site};
use crate::web::oauth;
use crate::web::two_step::Phone;

const SETTINGS: &str = "/settings/sign-in";

async fn require(admin: &Browser<'_>) {
    let page = admin
        .post(SETTINGS, &[("seen", "none"), ("two-step", "roles")])
        .await;
    assert_eq!(page.location(), "/settings/sign-in?saved");
}

/// A browser in which somebody typed their password, where they were on their way to `next`.
async fn entered<'a>(site: &'a Site, login: &str, next: &str) -> (Browser<'a>, Page) {
    let browser = site.browser();
    browser.get("/sign-in").await;
    let typed = [("login", login), ("password", PASSWORD), ("next", next)];
    let page = browser.post("/sign-in", &typed).await;
    let page = browser.get(page.location()).await;
    (browser, page)
}

async fn call(site: &Site, token: &str, path: &str) -> u16 {
    let request = Request::get(format!("/api/v1{path}"))
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .body(Body::empty());
    site.send(request.unwrap()).await.status.as_u16()
}

#[tokio::test]
async fn who_must_and_has_not_sets_it_up_before_anything_else() {
    let site = Site::new().await;
    let ada = site.signed_in("ada").await;
    let page = ada.get(SETTINGS).await;
    page.says("4 people have not set it up, of 4");
    let before = site.seq().await;
    require(&ada).await;
    let actions = site.env.actions(before).await;
    assert_eq!(actions, ["organisation.sign_in_changed by Ada Admin"]);
    // Also whoever is signed in, and who required it.
    let page = ada.get("/people").await;
    assert_eq!(page.location(), "/account?next=%2Fpeople");
    for (login, next) in [
        ("rae", "/review"),
        ("ola", "/resources"),
        ("roy", "/devices"),
    ] {
        let (browser, page) = entered(&site, login, next).await;
        let account = page.location().to_owned();
        assert!(account.starts_with("/account?next="), "{account}");
        browser
            .get(&account)
            .await
            .says("Your organisation requires two-step sign-in of your roles");
        let authorize = oauth::address(&[]);
        for path in [
            "/access",
            "/review",
            "/resources",
            "/sessions",
            "/live",
            &authorize,
        ] {
            let page = browser.get(path).await;
            assert!(page.location().starts_with("/account?next="), "{path}");
        }
        let before = site.seq().await;
        for (path, fields) in [
            (&*authorize, &[("decision", "allow")][..]),
            ("/sessions", &[("do", "end-others")]),
            ("/resources/2/edit", &[("do", "save")]),
            ("/settings/mail", &[("do", "off")]),
        ] {
            let page = browser.post(path, fields).await;
            let led = page.header("location").starts_with("/account?next=");
            assert!(led || page.status == 404, "{path}: {}", page.status);
        }
        assert_eq!(site.seq().await, before);
        Phone::of(&browser).await;
        let page = browser.get(next).await;
        assert_eq!(page.status, 200, "{login}");
    }
    // Of others it is not required.
    for login in ["ann", "dan", "aud", "eve"] {
        let (_, page) = entered(&site, login, "/access").await;
        assert_eq!(page.status, 200, "{login}");
    }
    // Who must sign out may.
    let page = ada.post("/sign-out", &[]).await;
    assert!(page.location().starts_with("/sign-in"));
}

#[tokio::test]
async fn until_then_apps_reach_nothing_of_others() {
    let site = Site::new().await;
    let ada = site.signed_in("ada").await;
    let (rae, aud) = (site.env.people.rae, site.env.people.aud);
    let (token, auditor) = (site.env.token(rae).await, site.env.token(aud).await);
    assert_eq!(call(&site, &token, "/reviews").await, 200);
    let before = call(&site, &auditor, "/reviews").await;
    require(&ada).await;
    assert_eq!(call(&site, &token, "/reviews").await, 403);
    assert_eq!(call(&site, &token, "/resources").await, 200, "their own");
    assert_eq!(call(&site, &token, "/me").await, 200);
    assert_eq!(call(&site, &auditor, "/reviews").await, before);
    let (browser, _) = entered(&site, "rae", "/account").await;
    Phone::of(&browser).await;
    // What began with a password alone ends with it, and signs in anew.
    assert_eq!(call(&site, &token, "/reviews").await, 401);
    let token = site.env.token(rae).await;
    assert_eq!(call(&site, &token, "/reviews").await, 200);
}

#[tokio::test]
async fn who_moves_to_another_phone_sets_it_up_anew_first() {
    let site = Site::new().await;
    let ada = site.signed_in("ada").await;
    let phone = Phone::of(&ada).await;
    require(&ada).await;
    ada.get("/account")
        .await
        .says("Set it up anew, for another phone");
    let off = [("do", "turn-off"), ("code", &*phone.codes[0])];
    assert_eq!(ada.post("/account", &off).await.location(), "/account");
    let next = ada.get("/people").await;
    assert!(next.location().starts_with("/account"), "{}", next.words());
    Phone::of(&ada).await;
    assert_eq!(ada.get("/people").await.status, 200);
}

#[tokio::test]
async fn of_two_administrators_the_second_is_told() {
    let site = Site::new().await;
    let ada = site.signed_in("ada").await;
    Phone::of(&ada).await;
    require(&ada).await;
    let stale = [("seen", "none"), ("two-step", "none")];
    let page = ada.post(SETTINGS, &stale).await;
    page.refuses(409, "Somebody else has changed this");
    for wrong in ["", "all", "None"] {
        let page = ada
            .post(SETTINGS, &[("seen", "roles"), ("two-step", wrong)])
            .await;
        assert_eq!(page.status, 400, "{wrong}");
    }
    let kept = site.app.store.read().await.unwrap().two_step_for().await;
    assert_eq!(kept.unwrap(), TwoStepFor::Roles);
    let aud = site.signed_in("aud").await;
    aud.get(SETTINGS).await.says("Required of administrators");
    let page = aud
        .post(SETTINGS, &[("seen", "roles"), ("two-step", "none")])
        .await;
    page.refuses(403, "Only administrators");
}
