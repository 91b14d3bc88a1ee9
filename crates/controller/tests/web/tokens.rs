//! The token endpoint: codes once, refresh tokens in turn, and what ends a family.

use chrono::TimeDelta;
use hourkey_access::identity::secret::plain_code;
use hourkey_access::identity::{reset, setup};
use hourkey_protocol::account::SessionKind;
use serde_json::Value;

use crate::test_env::chunked;
use crate::web::browser::{Browser, PASSWORD, Page, Site, encoded};
use crate::web::oauth::{REDIRECT, VERIFIER, code};

pub struct Tokens {
    pub access: String,
    pub refresh: String,
}

pub async fn exchange(site: &Site, code: &str, replaced: &[(&str, &str)]) -> Page {
    let usual = [
        ("grant_type", "authorization_code"),
        ("client_id", "hourkey-desktop"),
        ("code", code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    let fields = usual.map(|(name, value)| {
        let new = replaced.iter().find(|(replaced, _)| *replaced == name);
        (name, new.map_or(value, |(_, new)| *new))
    });
    site.form("/oauth/token", &fields).await
}

pub async fn refresh(site: &Site, token: &str) -> Page {
    refresh_as(site, "hourkey-desktop", token).await
}

async fn refresh_as(site: &Site, client: &str, token: &str) -> Page {
    let fields = [
        ("grant_type", "refresh_token"),
        ("client_id", client),
        ("refresh_token", token),
    ];
    site.form("/oauth/token", &fields).await
}

impl Tokens {
    pub fn of(page: &Page) -> Self {
        assert_eq!(page.status, 200, "{}", page.text);
        let text = |name: &str| page.json()[name].as_str().unwrap().to_owned();
        Self {
            access: text("access_token"),
            refresh: text("refresh_token"),
        }
    }

    async fn new(site: &Site, browser: &Browser<'_>) -> Self {
        Self::of(&exchange(site, &code(browser, &[]).await, &[]).await)
    }

    async fn next(&self, site: &Site) -> Self {
        Self::of(&refresh(site, &self.refresh).await)
    }
}

#[track_caller]
fn refused(page: &Page, error: &str) {
    assert_eq!(
        (page.status.as_u16(), &page.json()["error"]),
        (400, &Value::from(error))
    );
    assert_ne!(page.json()["error_description"], Value::Null);
    assert_eq!(page.header("cache-control"), "no-store");
}

#[tokio::test]
async fn a_code_becomes_tokens_once() {
    let site = Site::new().await;
    let ann = site.signed_in("ann").await;
    let code = code(&ann, &[]).await;
    let before = site.seq().await;
    let page = exchange(&site, &code, &[]).await;
    let tokens = Tokens::of(&page);
    assert_eq!(page.json()["token_type"], "Bearer");
    assert_eq!(page.json()["expires_in"], 600);
    assert_eq!(page.header("cache-control"), "no-store");
    assert_eq!(page.header("pragma"), "no-cache");
    assert_eq!(site.me(&tokens.access).await, 200);
    assert_eq!(
        site.env.actions(before).await,
        ["session.started by Ann Member"]
    );
    ann.get("/sessions")
        .await
        .says("Hourkey on build-host Desktop app");
    // A refresh token is no access token.
    assert_eq!(site.me(&tokens.refresh).await, 401);

    // Whoever holds the code too: neither keeps anything.
    refused(&exchange(&site, &code, &[]).await, "invalid_grant");
    assert_eq!(site.me(&tokens.access).await, 401);
    refused(&refresh(&site, &tokens.refresh).await, "invalid_grant");
    let all = site.env.actions(before).await;
    assert_eq!(all[1..], ["session.ended by the system"]);
    refused(&exchange(&site, &code, &[]).await, "invalid_grant");
}

#[tokio::test]
async fn no_secret_can_be_found_in_the_data_folder() {
    let site = Site::with(|config| config.device_flow = true).await;
    let (store, url, now) = (
        &site.app.store,
        &site.app.config.public_url,
        site.app.clock.now(),
    );
    let ann = site.signed_in("ann").await;
    let unused = code(&ann, &[]).await;
    let tokens = Tokens::new(&site, &ann).await;
    let fields = [("client_id", "hourkey-cli")];
    let host = site
        .form("/oauth/device_authorization", &fields)
        .await
        .json();
    let reset = reset::make_link(store, url, site.env.people.ann, now).await;
    let setup = setup::make_link(store, url).await;
    let fragment = |link: String| plain_code(link.split_once('#').unwrap().1);
    let mut secrets: Vec<String> = ann.cookies().into_values().collect();
    assert_eq!(secrets.len(), 2, "session and browser");
    secrets.extend([
        unused,
        tokens.access,
        tokens.refresh,
        host["device_code"].as_str().unwrap().to_owned(),
        fragment(reset.unwrap()),
        fragment(setup.unwrap()),
        PASSWORD.to_owned(),
    ]);
    let mut all = Vec::new();
    for file in std::fs::read_dir(&site.app.config.data).unwrap() {
        let path = file.unwrap().path();
        if path.is_file() {
            all.extend(std::fs::read(path).unwrap());
        }
    }
    let holds = |text: &str| all.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(holds("Hourkey on build-host"), "what is written is found");
    for secret in secrets {
        assert!(!holds(&secret), "{secret}");
        assert!(!holds(&secret.replace('-', "")), "{secret}");
    }
}

#[tokio::test]
async fn a_code_is_worth_nothing_in_other_hands() {
    let site = Site::new().await;
    let ann = site.signed_in("ann").await;
    let code = code(&ann, &[]).await;
    let before = site.seq().await;
    for (replaced, error) in [
        (
            (
                "code_verifier",
                "dBjftJeZ4CVP-mBz8zFyWcRkhgOUUhlUnRfgcpuaVQs2",
            ),
            "invalid_grant",
        ),
        (("code_verifier", ""), "invalid_grant"),
        (
            ("redirect_uri", "http://127.0.0.1:49153/callback"),
            "invalid_grant",
        ),
        (("redirect_uri", ""), "invalid_grant"),
        (("client_id", "hourkey-cli"), "invalid_grant"),
        (("client_id", "other"), "invalid_client"),
        (("client_id", ""), "invalid_client"),
        (("code", "other"), "invalid_grant"),
        (("code", ""), "invalid_grant"),
        (("grant_type", "password"), "unsupported_grant_type"),
        (
            ("grant_type", "client_credentials"),
            "unsupported_grant_type",
        ),
        (
            ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
            "unsupported_grant_type",
        ),
        (("grant_type", ""), "invalid_request"),
    ] {
        refused(&exchange(&site, &code, &[replaced]).await, error);
    }
    assert_eq!(site.seq().await, before);
    // None of this used it up for its client.
    Tokens::of(&exchange(&site, &code, &[]).await);
}

#[tokio::test]
async fn a_code_lasts_a_minute() {
    let site = Site::new().await;
    let ann = site.signed_in("ann").await;
    let code = code(&ann, &[]).await;
    site.env.clock.forward(TimeDelta::seconds(60));
    refused(&exchange(&site, &code, &[]).await, "invalid_grant");
    assert_eq!(site.sessions(site.env.people.ann).await, 1, "the browser's");
}

#[tokio::test]
async fn calls_that_cannot_be_read_are_refused() {
    let site = Site::new().await;
    let fields = [
        ("grant_type", "refresh_token"),
        ("grant_type", "refresh_token"),
    ];
    refused(&site.form("/oauth/token", &fields).await, "invalid_request");
    let json = axum::http::Request::post("/oauth/token")
        .header("content-type", "application/json")
        .body(axum::body::Body::from("{\"grant_type\":\"refresh_token\"}"));
    refused(&site.send(json.unwrap()).await, "invalid_request");
    refused(
        &site.form("/oauth/revoke", &[("token", "x")]).await,
        "invalid_request",
    );
    assert_eq!(site.browser().get("/oauth/token").await.status, 405);
}

/// As long as it likes, and without saying so beforehand.
#[tokio::test]
async fn a_form_that_is_too_large_is_refused() {
    let site = Site::new().await;
    let before = site.seq().await;
    let refresh_token = "x".repeat(70_000);
    let fields = [
        ("grant_type", "refresh_token"),
        ("client_id", "hourkey-desktop"),
        ("refresh_token", &refresh_token),
    ];
    let request = axum::http::Request::post("/oauth/token")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("transfer-encoding", "chunked")
        .body(chunked(&encoded(&fields)));
    let chunked = site.send(request.unwrap()).await;
    refused(&chunked, "invalid_request");
    let whole = site.form("/oauth/token", &fields).await;
    assert_eq!((whole.status, whole.text), (chunked.status, chunked.text));
    assert_eq!(site.seq().await, before);
}

#[tokio::test]
async fn refresh_tokens_take_turns() {
    let site = Site::new().await;
    let ann = site.signed_in("ann").await;
    let mut tokens = Tokens::new(&site, &ann).await;
    for _ in 0..5 {
        site.env.clock.forward(TimeDelta::minutes(10));
        assert_eq!(site.me(&tokens.access).await, 401, "ten minutes are over");
        let next = tokens.next(&site).await;
        assert_eq!(site.me(&next.access).await, 200);
        assert_ne!(next.refresh, tokens.refresh);
        tokens = next;
    }
}

#[tokio::test]
async fn a_lost_answer_signs_nobody_out() {
    let site = Site::new().await;
    let ann = site.signed_in("ann").await;
    let first = Tokens::new(&site, &ann).await;
    let _lost = first.next(&site).await;
    let _lost_too = first.next(&site).await;
    let heard = first.next(&site).await;
    assert_eq!(site.me(&heard.access).await, 200);
    let after = heard.next(&site).await;
    assert_eq!(site.me(&after.access).await, 200);
}

#[tokio::test]
async fn any_other_reuse_ends_the_family() {
    let site = Site::new().await;
    let ann = site.signed_in("ann").await;
    let ended = async |newest: &Tokens| {
        assert_eq!(site.me(&newest.access).await, 401);
        refused(&refresh(&site, &newest.refresh).await, "invalid_grant");
    };

    // The one before the previous one.
    let first = Tokens::new(&site, &ann).await;
    let second = first.next(&site).await;
    let third = second.next(&site).await;
    let before = site.seq().await;
    refused(&refresh(&site, &first.refresh).await, "invalid_grant");
    assert_eq!(
        site.env.actions(before).await,
        ["session.ended by the system"]
    );
    ended(&third).await;

    // The previous one, after its successor was used by somebody.
    let first = Tokens::new(&site, &ann).await;
    let theirs = first.next(&site).await;
    let ours = first.next(&site).await;
    let newest = theirs.next(&site).await;
    refused(&refresh(&site, &ours.refresh).await, "invalid_grant");
    ended(&newest).await;
}

#[tokio::test]
async fn refresh_tokens_belong_to_their_client() {
    let site = Site::new().await;
    let ann = site.signed_in("ann").await;
    let tokens = Tokens::new(&site, &ann).await;
    refused(
        &refresh_as(&site, "hourkey-cli", &tokens.refresh).await,
        "invalid_grant",
    );
    refused(&refresh(&site, &tokens.access).await, "invalid_grant");
    refused(&refresh(&site, "").await, "invalid_grant");
    assert_eq!(site.me(&tokens.next(&site).await.access).await, 200);
}

#[tokio::test]
async fn a_client_that_is_not_heard_is_signed_out() {
    let site = Site::new().await;
    let ann = site.signed_in("ann").await;
    let mut tokens = Tokens::new(&site, &ann).await;
    for _ in 0..3 {
        site.env.clock.forward(TimeDelta::days(29));
        tokens = tokens.next(&site).await;
    }
    // Three months are the most.
    site.env.clock.forward(TimeDelta::days(3));
    refused(&refresh(&site, &tokens.refresh).await, "invalid_grant");

    let ann = site.signed_in("ann").await;
    let tokens = Tokens::new(&site, &ann).await;
    site.env.clock.forward(TimeDelta::days(30));
    refused(&refresh(&site, &tokens.refresh).await, "invalid_grant");
    assert_eq!(site.sessions(site.env.people.ann).await, 0);
}

#[tokio::test]
async fn a_disabled_person_gets_no_tokens() {
    let site = Site::new().await;
    let ann = site.signed_in("ann").await;
    let tokens = Tokens::new(&site, &ann).await;
    let unused = code(&ann, &[]).await;
    site.disable(site.env.people.ann).await;
    refused(&refresh(&site, &tokens.refresh).await, "invalid_grant");
    refused(&exchange(&site, &unused, &[]).await, "invalid_grant");
}

#[tokio::test]
async fn revoking_any_token_signs_the_client_out() {
    let site = Site::new().await;
    let ann = site.signed_in("ann").await;
    let revoke = async |client: &str, token: &str| {
        let fields = [
            ("client_id", client),
            ("token", token),
            ("token_type_hint", "nonsense"),
        ];
        let page = site.form("/oauth/revoke", &fields).await;
        assert_eq!((page.status.as_u16(), page.text.as_str()), (200, ""));
    };
    for by_access in [true, false] {
        let tokens = Tokens::new(&site, &ann).await;
        let token = if by_access {
            &tokens.access
        } else {
            &tokens.refresh
        };
        // Another client's, or unknown: nothing happens, and nothing is told.
        revoke("hourkey-cli", token).await;
        revoke("hourkey-desktop", "unknown").await;
        assert_eq!(site.me(&tokens.access).await, 200);
        revoke("hourkey-desktop", token).await;
        assert_eq!(site.me(&tokens.access).await, 401);
        refused(&refresh(&site, &tokens.refresh).await, "invalid_grant");
        revoke("hourkey-desktop", token).await;
    }
    // A cookie is no token.
    let cookie = ann.cookies()["hourkey"].clone();
    revoke("hourkey-desktop", &cookie).await;
    ann.get("/access").await.says("Your access");
    assert_eq!(site.me(&cookie).await, 401);
}

#[tokio::test]
async fn the_api_asks_for_a_token_in_the_standard_way() {
    let site = Site::new().await;
    let visitor = site.browser();
    let page = visitor.get("/api/v1/me").await;
    assert_eq!(page.status, 401);
    assert_eq!(page.header("www-authenticate"), "Bearer realm=\"hourkey\"");
    assert_eq!(page.json()["code"], "no_credential");
    let wrong = axum::http::Request::get("/api/v1/me").header("authorization", "Bearer wrong");
    let page = site
        .send(wrong.body(axum::body::Body::empty()).unwrap())
        .await;
    let challenge = "Bearer realm=\"hourkey\", error=\"invalid_token\"";
    assert_eq!(page.header("www-authenticate"), challenge);
    // The browser's cookie does not open the API: forms of other sites could then call it.
    let ann = site.signed_in("ann").await;
    assert_eq!(ann.get("/api/v1/me").await.status, 401);
    let token = site
        .env
        .token_of(site.env.people.ann, SessionKind::Cli)
        .await;
    assert_eq!(site.me(&token).await, 200);
}
