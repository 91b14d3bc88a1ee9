//! The authorization endpoint: who may be let in, where codes go, and where they never go.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hourkey_access::identity::secret::digest;
use url::Url;

use crate::web::browser::{Browser, PASSWORD, Page, Site, encoded};

pub const VERIFIER: &str = "dBjftJeZ4CVP-mBz8zFyWcRkhgOUUhlUnRfgcpuaVQs1";
pub const REDIRECT: &str = "http://127.0.0.1:49152/callback";

/// A sign-in of the desktop app, with some parameters replaced; empty ones are left out.
pub fn address(replaced: &[(&str, &str)]) -> String {
    let challenge = URL_SAFE_NO_PAD.encode(digest(VERIFIER));
    let usual = [
        ("response_type", "code"),
        ("client_id", "hourkey-desktop"),
        ("redirect_uri", REDIRECT),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
        ("state", "a state & more"),
        ("label", "Hourkey on build-host"),
    ];
    let fields: Vec<(&str, &str)> = usual
        .into_iter()
        .map(|(name, value)| {
            let new = replaced.iter().find(|(replaced, _)| *replaced == name);
            (name, new.map_or(value, |(_, new)| new))
        })
        .filter(|(_, value)| !value.is_empty())
        .collect();
    format!("/oauth/authorize?{}", encoded(&fields))
}

/// The parameters of the redirect to the client.
pub fn given(page: &Page) -> Vec<(String, String)> {
    let location = Url::parse(page.location()).unwrap();
    assert_eq!(location.as_str().split('?').next(), Some(REDIRECT));
    location.query_pairs().into_owned().collect()
}

pub fn get<'a>(given: &'a [(String, String)], name: &str) -> &'a str {
    given
        .iter()
        .find(|(found, _)| found == name)
        .map_or("", |(_, value)| value)
}

/// Consents, and returns the code.
pub async fn code(browser: &Browser<'_>, replaced: &[(&str, &str)]) -> String {
    let address = address(replaced);
    browser
        .get(&address)
        .await
        .says("Sign in to the Hourkey app as");
    let page = browser.post(&address, &[("decision", "allow")]).await;
    get(&given(&page), "code").to_owned()
}

#[tokio::test]
async fn clients_find_out_where_everything_is() {
    let site = Site::new().await;
    let page = site
        .browser()
        .get("/.well-known/oauth-authorization-server")
        .await;
    insta::assert_json_snapshot!(page.json(), @r#"
    {
      "authorization_endpoint": "http://127.0.0.1:8080/oauth/authorize",
      "authorization_response_iss_parameter_supported": true,
      "code_challenge_methods_supported": [
        "S256"
      ],
      "grant_types_supported": [
        "authorization_code",
        "refresh_token"
      ],
      "issuer": "http://127.0.0.1:8080",
      "response_types_supported": [
        "code"
      ],
      "revocation_endpoint": "http://127.0.0.1:8080/oauth/revoke",
      "token_endpoint": "http://127.0.0.1:8080/oauth/token",
      "token_endpoint_auth_methods_supported": [
        "none"
      ]
    }
    "#);
}

#[tokio::test]
async fn a_person_signs_in_consents_and_the_client_gets_a_code() {
    let site = Site::new().await;
    let browser = site.browser();
    let address = address(&[]);
    let page = browser.get(&address).await;
    assert_eq!(
        page.location(),
        format!("/sign-in?{}", encoded(&[("next", &address)]))
    );
    let page = browser.get(page.location()).await;
    page.says("To continue with the Hourkey app.");
    let next = page.field("next").unwrap().replace("&amp;", "&");
    let fields = [
        ("login", "ann"),
        ("password", PASSWORD),
        ("next", next.as_str()),
    ];
    let page = browser.post("/sign-in", &fields).await;
    assert_eq!(page.location(), address);

    let page = browser.get(page.location()).await;
    page.says("Device name Hourkey on build-host");
    page.says("Login ann Computer This one, 127.0.0.1:49152");
    let policy = page.header("content-security-policy");
    assert!(
        policy.contains("form-action 'self' http://127.0.0.1:49152;"),
        "{policy}"
    );
    let page = browser.post(&address, &[("decision", "allow")]).await;
    let given = given(&page);
    let names: Vec<&str> = given.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["code", "state", "iss"]);
    assert_eq!(get(&given, "code").len(), 43);
    assert_eq!(get(&given, "state"), "a state & more");
    assert_eq!(get(&given, "iss"), "http://127.0.0.1:8080");
    assert_eq!(page.header("cache-control"), "no-store");
}

#[tokio::test]
async fn a_click_is_needed_each_time() {
    let site = Site::new().await;
    let ann = site.signed_in("ann").await;
    code(&ann, &[]).await;
    ann.get(&address(&[]))
        .await
        .says("Sign in to the Hourkey app as");
}

#[tokio::test]
async fn a_person_may_say_no() {
    let site = Site::new().await;
    let ann = site.signed_in("ann").await;
    ann.get(&address(&[])).await;
    for decision in ["deny", "", "ALLOW"] {
        let page = ann.post(&address(&[]), &[("decision", decision)]).await;
        let given = given(&page);
        assert_eq!(get(&given, "error"), "access_denied");
        assert_eq!(get(&given, "state"), "a state & more");
        assert_eq!(get(&given, "code"), "");
    }
}

#[tokio::test]
async fn nothing_is_sent_to_an_address_that_is_not_known_to_be_the_clients() {
    let site = Site::new().await;
    let ann = site.signed_in("ann").await;
    for redirect in [
        "https://evil.example/callback",
        "http://127.0.0.1.evil.example:80/callback",
        "http://127.0.0.1:80@evil.example/callback",
        "http://localhost:49152/callback",
        "http://127.0.0.1:49152/other",
        "http://127.0.0.1:49152/callback?x=y",
        "",
    ] {
        let address = address(&[("redirect_uri", redirect)]);
        let page = ann.get(&address).await;
        page.refuses(
            400,
            "The redirect_uri is not http://127.0.0.1:PORT/callback",
        );
        let page = ann.post(&address, &[("decision", "allow")]).await;
        page.refuses(
            400,
            "The redirect_uri is not http://127.0.0.1:PORT/callback",
        );
    }
    for client in ["", "other", "Hourkey-desktop"] {
        let page = ann.get(&address(&[("client_id", client)])).await;
        page.refuses(400, "No client of Hourkey has this client_id");
    }
    let twice = format!("{}&redirect_uri=http://127.0.0.1:1/callback", address(&[]));
    ann.get(&twice)
        .await
        .refuses(400, "stands in the address twice");
    let page = ann.get(&address(&[("state", &"x".repeat(1001))])).await;
    page.refuses(400, "longer than 1,000 characters");
}

#[tokio::test]
async fn other_mistakes_are_told_to_the_client() {
    let site = Site::new().await;
    // Also when nobody is signed in: there is nothing to sign in for.
    let visitor = site.browser();
    for (replaced, error) in [
        (("response_type", "token"), "unsupported_response_type"),
        (("response_type", ""), "invalid_request"),
        (("code_challenge", ""), "invalid_request"),
        (("code_challenge", "short"), "invalid_request"),
        (
            (
                "code_challenge",
                "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM",
            ),
            "invalid_request",
        ),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("code_challenge_method", ""), "invalid_request"),
    ] {
        let given = given(&visitor.get(&address(&[replaced])).await);
        assert_eq!(get(&given, "error"), error, "{replaced:?}");
        assert_eq!(get(&given, "state"), "a state & more");
        assert_eq!(get(&given, "iss"), "http://127.0.0.1:8080");
    }
    let given = given(
        &visitor
            .get(&address(&[("response_type", ""), ("state", "")]))
            .await,
    );
    assert!(given.iter().all(|(name, _)| name != "state"));
}

#[tokio::test]
async fn hostile_labels_are_shown_harmlessly() {
    let site = Site::new().await;
    let ann = site.signed_in("ann").await;
    let label = "<b>Hourkey</b>\u{202e}\n\u{0}\"onload=x";
    let page = ann.get(&address(&[("label", label)])).await;
    assert!(
        page.text.contains("&lt;b&gt;Hourkey&lt;/b&gt;"),
        "{}",
        page.text
    );
    assert!(!page.text.contains('\u{202e}'));
    let page = ann.get(&address(&[("label", " ")])).await;
    page.says("Device name Hourkey for the desktop");
}

#[tokio::test]
async fn an_ipv6_loopback_address_is_as_good() {
    let site = Site::new().await;
    let ann = site.signed_in("ann").await;
    let address = address(&[("redirect_uri", "http://[::1]:4000/callback")]);
    let policy = ann
        .get(&address)
        .await
        .header("content-security-policy")
        .to_owned();
    // CSP has no way to write an IPv6 address.
    assert!(policy.contains("form-action 'self' http:;"), "{policy}");
    let page = ann.post(&address, &[("decision", "allow")]).await;
    assert!(
        page.location()
            .starts_with("http://[::1]:4000/callback?code=")
    );
}
