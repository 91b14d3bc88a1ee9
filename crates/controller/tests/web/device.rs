//! The device flow: off by default, and never for reviewing.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::web::browser::{Page, Site, encoded};

const CLIENT: (&str, &str) = ("client_id", "hourkey-cli");

async fn on() -> Site {
    Site::with(|config| config.device_flow = true).await
}

struct Started {
    device_code: String,
    user_code: String,
}

async fn start(site: &Site) -> Started {
    let fields = [CLIENT, ("label", "hourkey on backup-host")];
    let page = site.form("/oauth/device_authorization", &fields).await;
    assert_eq!(page.status, 200, "{}", page.text);
    let answer = page.json();
    let text = |name: &str| answer[name].as_str().unwrap().to_owned();
    assert_eq!(text("verification_uri"), "http://127.0.0.1:8080/device");
    let complete = format!("http://127.0.0.1:8080/device?code={}", text("user_code"));
    assert_eq!(text("verification_uri_complete"), complete);
    assert_eq!(
        (&answer["expires_in"], &answer["interval"]),
        (&json!(900), &json!(5))
    );
    Started {
        device_code: text("device_code"),
        user_code: text("user_code"),
    }
}

async fn poll(site: &Site, started: &Started) -> Page {
    let grant = ("grant_type", "urn:ietf:params:oauth:grant-type:device_code");
    let fields = [grant, CLIENT, ("device_code", &started.device_code)];
    site.env.clock.forward(TimeDelta::seconds(5));
    site.form("/oauth/token", &fields).await
}

#[track_caller]
fn refused(page: &Page, error: &str) {
    assert_eq!(
        (page.status.as_u16(), &page.json()["error"]),
        (400, &Value::from(error))
    );
}

#[tokio::test]
async fn it_is_off_unless_it_is_switched_on() {
    let site = Site::new().await;
    let page = site.form("/oauth/device_authorization", &[CLIENT]).await;
    refused(&page, "unauthorized_client");
    let metadata = site
        .browser()
        .get("/.well-known/oauth-authorization-server")
        .await;
    assert!(!metadata.text.contains("device"), "{}", metadata.text);
    let ann = site.signed_in("ann").await;
    ann.get("/device").await.refuses(404, "switched off");

    let metadata = on()
        .await
        .browser()
        .get("/.well-known/oauth-authorization-server")
        .await;
    assert_eq!(
        metadata.json()["device_authorization_endpoint"],
        "http://127.0.0.1:8080/oauth/device_authorization"
    );
}

#[tokio::test]
async fn a_person_types_the_code_and_the_host_is_signed_in_without_review() {
    let site = on().await;
    let started = start(&site).await;
    refused(&poll(&site, &started).await, "authorization_pending");
    let rae = site.signed_in("rae").await;
    let page = rae
        .get(&format!("/device?code={}", started.user_code))
        .await;
    page.says("Type the code");
    page.says("A session that signs in by a code never reviews or administers.");
    // As people type it.
    let typed = started.user_code.to_lowercase().replace('-', " ");
    let page = rae.post("/device", &[("code", &typed)]).await;
    page.says("Sign in to the hourkey command as");
    page.says("Device name hourkey on backup-host Login rae");
    page.says("Kind of session CLI, signed in by a code");
    page.says("It never reviews or administers, and it can’t end your other sessions.");
    refused(&poll(&site, &started).await, "authorization_pending");
    let code = page.field("code").unwrap();
    rae.post("/device", &[("code", &code), ("decision", "allow")])
        .await
        .says("You’re signed in");

    let page = poll(&site, &started).await;
    let token = page.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(site.me(&token).await, 200);
    refused(&poll(&site, &started).await, "invalid_grant");
    rae.get("/sessions")
        .await
        .says("CLI, signed in by a code: never reviews or administers");

    let env = &site.env;
    let body = json!({ "resource": env.resources.database, "reason": "Reports" });
    let made = env.post(env.people.ann, "/requests", body).await;
    let before = site.seq().await;
    for (path, body) in [
        (format!("/api/v1/requests/{}/approve", made.id()), json!({})),
        (
            format!("/api/v1/requests/{}/deny", made.id()),
            json!({ "comment": "No" }),
        ),
        (
            "/api/v1/grants/1/revoke".to_owned(),
            json!({ "comment": "No" }),
        ),
    ] {
        let request = axum::http::Request::post(&path)
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .body(axum::body::Body::from(body.to_string()));
        let page = site.send(request.unwrap()).await;
        assert_eq!(
            (page.status.as_u16(), &page.json()["code"]),
            (403, &json!("forbidden"))
        );
        assert!(page.text.contains("never review"), "{}", page.text);
    }
    assert_eq!(site.seq().await, before);
}

#[tokio::test]
async fn a_refresh_token_of_a_headless_host_stays_headless() {
    let site = on().await;
    let started = start(&site).await;
    let ann = site.signed_in("ann").await;
    ann.get("/device").await;
    ann.post(
        "/device",
        &[("code", &started.user_code), ("decision", "allow")],
    )
    .await;
    let page = poll(&site, &started).await;
    let refresh = page.json()["refresh_token"].as_str().unwrap().to_owned();
    let fields = [
        ("grant_type", "refresh_token"),
        CLIENT,
        ("refresh_token", &refresh),
    ];
    assert_eq!(site.form("/oauth/token", &fields).await.status, 200);
    ann.get("/sessions")
        .await
        .says("CLI, signed in by a code: never reviews or administers");
    assert_eq!(site.sessions(site.env.people.ann).await, 2);
}

#[tokio::test]
async fn a_host_that_asks_too_often_is_told_to_slow_down() {
    let site = on().await;
    let started = start(&site).await;
    refused(&poll(&site, &started).await, "authorization_pending");
    let grant = ("grant_type", "urn:ietf:params:oauth:grant-type:device_code");
    let fields = [grant, CLIENT, ("device_code", started.device_code.as_str())];
    refused(&site.form("/oauth/token", &fields).await, "slow_down");
    refused(&poll(&site, &started).await, "authorization_pending");
    // Another client does not even learn that the code exists.
    let fields = [grant, ("client_id", "hourkey-desktop"), fields[2]];
    refused(&site.form("/oauth/token", &fields).await, "invalid_grant");
}

#[tokio::test]
async fn a_person_may_turn_a_host_away() {
    let site = on().await;
    let started = start(&site).await;
    let ann = site.signed_in("ann").await;
    ann.get("/device").await;
    let fields = [("code", started.user_code.as_str()), ("decision", "deny")];
    ann.post("/device", &fields).await.says("Sign-in cancelled");
    let again = [("code", started.user_code.as_str()), ("decision", "allow")];
    ann.get("/device").await;
    ann.post("/device", &again)
        .await
        .refuses(422, "isn’t valid, or it has expired");
    refused(&poll(&site, &started).await, "access_denied");
    refused(&poll(&site, &started).await, "invalid_grant");
}

#[tokio::test]
async fn a_link_puts_no_more_than_a_code_onto_the_page() {
    let site = on().await;
    let ann = site.signed_in("ann").await;
    for (link, shown) in [
        ("wdjb-mjht", "WDJB-MJHT"),
        ("Call +1 555 0100 at once", "CALL-1555"),
    ] {
        let page = ann
            .get(&format!("/device?{}", encoded(&[("code", link)])))
            .await;
        assert_eq!(page.field("code").unwrap(), shown);
    }
}

#[tokio::test]
async fn asking_for_codes_gets_slower() {
    let site = on().await;
    for _ in 0..20 {
        start(&site).await;
    }
    let page = site.form("/oauth/device_authorization", &[CLIENT]).await;
    assert_eq!(
        (page.status.as_u16(), page.header("retry-after")),
        (429, "1")
    );
    assert_eq!(page.json()["error"], "slow_down");
}

#[tokio::test]
async fn codes_expire() {
    let site = on().await;
    let started = start(&site).await;
    let ann = site.signed_in("ann").await;
    site.env.clock.forward(TimeDelta::minutes(15));
    ann.get("/device").await;
    let fields = [("code", started.user_code.as_str()), ("decision", "allow")];
    ann.post("/device", &fields)
        .await
        .refuses(422, "isn’t valid, or it has expired");
    refused(&poll(&site, &started).await, "expired_token");
}

#[tokio::test]
async fn guessing_codes_gets_slower() {
    let site = on().await;
    let started = start(&site).await;
    let ann = site.signed_in("ann").await;
    ann.get("/device").await;
    for _ in 0..20 {
        ann.post("/device", &[("code", "BBBB-BBBB")])
            .await
            .refuses(422, "isn’t valid");
    }
    let right = [("code", started.user_code.as_str())];
    let page = ann.post("/device", &right).await;
    page.refuses(429, "Too many codes were typed");
    assert_eq!(page.header("retry-after"), "1");
    // Others behind the same address are not held up.
    let ben = site.signed_in("ben").await;
    ben.get("/device").await;
    ben.post("/device", &right)
        .await
        .says("Sign in to the hourkey command as");
    site.env.clock.forward(TimeDelta::seconds(1));
    ann.post("/device", &right)
        .await
        .says("Sign in to the hourkey command as");
}
