//! While the disk is full, people come in to end access, and nobody's loop takes the room for it.

use std::sync::atomic::Ordering;

use chrono::TimeDelta;
use hourkey_access::identity::reset;
use serde_json::{Value, json};

use crate::test_env::gateways::call;
use crate::web::browser::{PASSWORD, Site};
use crate::web::oauth::code;
use crate::web::tokens::{Tokens, exchange, refresh};

/// From now on the disk has room only for what ends access.
fn fill(site: &Site) {
    site.env.full.store(true, Ordering::SeqCst);
}

#[tokio::test]
async fn on_a_full_disk_people_come_in_and_end_access() {
    let site = Site::new().await;
    let env = &site.env;
    let logs = json!({ "resource": env.resources.logs, "reason": "Nightly backup" });
    let mine = env.post(env.people.ann, "/requests", logs.clone()).await;
    let other = env.post(env.people.ben, "/requests", logs).await;
    let ann = site.signed_in("ann").await;
    let tokens = Tokens::of(&exchange(&site, &code(&ann, &[]).await, &[]).await);
    fill(&site);

    // Her app's access token runs out; it goes on, and gives back.
    env.clock.forward(TimeDelta::minutes(11));
    assert_eq!(site.me(&tokens.access).await, 401);
    let page = refresh(&site, &tokens.refresh).await;
    assert_eq!(page.json()["expires_in"], 4 * 3600);
    let tokens = Tokens::of(&page);
    let path = format!("/grants/{}/release", mine.grant());
    let released = call(env, "POST", &path, &tokens.access, Value::Null).await;
    assert_eq!(released.status, 200, "{}", released.text);
    let again = Tokens::of(&refresh(&site, &tokens.refresh).await);
    assert_eq!(site.me(&again.access).await, 200);

    // What was typed is kept where nothing else is.
    let asked = ann
        .post("/resources/2/request", &[("reason", "Reports")])
        .await;
    asked.refuses(503, "The controller's disk is full");
    assert!(
        asked.text.contains("\nReports</textarea>"),
        "{}",
        asked.text
    );

    // Rae was signed in nowhere.
    let rae = site.signed_in("rae").await;
    let fields = [
        ("do", "revoke"),
        ("grant", &other.grant().to_string()),
        ("comment", "It’s over."),
    ];
    let page = rae.post(&format!("/review/{}", other.id()), &fields).await;
    page.location();
    let shown = rae.get(&format!("/review/{}", other.id())).await;
    shown.says("Revoked");
    rae.post("/sign-out", &[]).await.location();
}

#[tokio::test]
async fn on_a_full_disk_a_new_password_ends_what_the_old_one_began() {
    let site = Site::new().await;
    let ann = site.signed_in("ann").await;
    fill(&site);
    let (of, now) = (site.env.people.ann, site.app.clock.now());
    let url = &site.app.config.public_url;
    let link = reset::make_link(&site.app.store, url, of, now)
        .await
        .unwrap();
    let (_, code) = link.split_once('#').unwrap();
    let browser = site.browser();
    browser.get("/reset").await;
    let new = "another horse entirely";
    let fields = [("code", code), ("password", new), ("again", new)];
    assert_eq!(browser.post("/reset", &fields).await.location(), "/access");
    browser.get("/access").await.says("Your access");
    assert!(ann.get("/access").await.location().starts_with("/sign-in"));
}

#[tokio::test]
async fn on_a_full_disk_nobody_comes_in_in_a_loop() {
    let site = Site::new().await;
    let ann = site.signed_in("ann").await;
    let tokens = Tokens::of(&exchange(&site, &code(&ann, &[]).await, &[]).await);
    fill(&site);
    let sign_in = async || {
        let browser = site.browser();
        browser.get("/sign-in").await;
        let fields = [("login", "ann"), ("password", PASSWORD)];
        browser.post("/sign-in", &fields).await
    };
    for _ in 0..9 {
        sign_in().await.location();
    }
    let tokens = Tokens::of(&refresh(&site, &tokens.refresh).await);
    let before = site.seq().await;
    sign_in()
        .await
        .refuses(503, "The controller's disk is full");
    let refused = refresh(&site, &tokens.refresh).await;
    assert_eq!(refused.status, 503, "{}", refused.text);
    assert_eq!(site.seq().await, before);
    // The others come in, and what she has signed in ends.
    site.signed_in("rae").await;
    ann.post("/sign-out", &[]).await.location();
    site.env.clock.forward(TimeDelta::minutes(10));
    let tokens = Tokens::of(&refresh(&site, &tokens.refresh).await);
    site.env.full.store(false, Ordering::SeqCst);
    let page = refresh(&site, &tokens.refresh).await;
    assert_eq!(page.json()["expires_in"], 600);
}
