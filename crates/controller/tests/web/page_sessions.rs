//! A session is known by what it was given: browsers by their cookie, everything else by tokens.
//! Neither passes for the other.

use std::collections::BTreeMap;

use axum::http::Method;
use hourkey_protocol::account::SessionKind;
use serde_json::Value;

use crate::test_env::gateways::call;
use crate::web::browser::{Browser, Site};
use crate::web::page_authority::AUTHORIZE;
use crate::web::page_routes::routes;
use crate::web::session_kinds::operations;

/// Pages for people who need not be signed in, and calls that read no cookie.
const FOR_ALL: [&str; 12] = [
    "GET /",
    "GET /static/{name}",
    "GET /sign-in",
    "POST /sign-in",
    "GET /setup",
    "POST /setup",
    "GET /reset",
    "POST /reset",
    "GET METADATA_PATH",
    "POST /oauth/token",
    "POST /oauth/revoke",
    "POST /oauth/device_authorization",
];

/// Routes that are somebody's, as method and address.
fn of_people() -> Vec<(Method, String)> {
    let routes = routes();
    assert!(FOR_ALL.iter().all(|route| routes.contains(*route)));
    let own = routes
        .iter()
        .filter(|route| !FOR_ALL.contains(&route.as_str()));
    let own = own.map(|route| {
        let (method, path) = route.split_once(' ').unwrap();
        let query = if path == "/oauth/authorize" {
            AUTHORIZE
        } else {
            ""
        };
        let path = format!("{}{query}", path.replace("{id}", "1"));
        (method.parse().unwrap(), path)
    });
    own.collect()
}

#[tokio::test]
async fn a_token_is_no_cookie() {
    let site = Site::with(|config| config.device_flow = true).await;
    let (env, ada) = (&site.env, site.env.people.ada);
    for kind in [
        SessionKind::Desktop,
        SessionKind::Cli,
        SessionKind::Headless,
    ] {
        let token = env.token_of(ada, kind).await;
        assert_eq!(site.me(&token).await, 200, "the token is good");
        let browser = site.browser();
        let cookie = BTreeMap::from([("hourkey".to_owned(), token.clone())]);
        browser.set_cookies(cookie);
        // The token that would go with this cookie's forms.
        browser.get("/sign-in").await;
        let bearer = format!("Bearer {token}");
        for (method, path) in of_people() {
            for headers in [&[][..], &[("authorization", bearer.as_str())]] {
                let before = site.seq().await;
                assert_door(&site, &browser, &method, &path, headers).await;
                assert_eq!(site.seq().await, before, "{method} {path}");
            }
        }
    }
}

#[tokio::test]
async fn a_cookie_is_no_token() {
    let site = Site::new().await;
    let env = &site.env;
    let browser = site.signed_in("ada").await;
    assert_eq!(
        browser.get("/access").await.status,
        200,
        "the cookie is good"
    );
    let cookies = browser.cookies();
    for value in cookies.values() {
        // Gateways have credentials of their own, and no call of theirs is a session's.
        for operation in operations().filter(|operation| !operation.contains(" /gateway/")) {
            let (method, path) = operation.split_once(' ').unwrap();
            let path = path.replace("{id}", "1");
            let query = match path.as_str() {
                "/explain" => "?resource=1",
                "/unlocks" if method == "GET" => "?login=ann",
                _ => "",
            };
            let path = format!("{path}{query}");
            let answer = call(env, method, &path, value, Value::Null).await;
            assert_eq!(answer.status, 401, "{operation}: {}", answer.text);
            // As a cookie, it is for pages alone.
            let api = format!("/api/v1{path}");
            let request = browser.request(method.parse().unwrap(), &api, &[], String::new());
            assert_eq!(
                site.send(request).await.status,
                401,
                "{operation} with the cookie"
            );
        }
        let fields = [
            ("grant_type", "refresh_token"),
            ("client_id", "hourkey-cli"),
            ("refresh_token", value.as_str()),
        ];
        let page = site.form("/oauth/token", &fields).await;
        assert_eq!(page.json()["error"], "invalid_grant", "{}", page.text);
    }
    assert_eq!(browser.get("/access").await.status, 200, "it is still good");
}

/// Nobody is signed in.
async fn assert_door(
    site: &Site,
    browser: &Browser<'_>,
    method: &Method,
    path: &str,
    headers: &[(&str, &str)],
) {
    let kind = ("content-type", "application/x-www-form-urlencoded");
    let origin = ("origin", "http://127.0.0.1:8080");
    let headers = [&[kind, origin], headers].concat();
    let body = format!("token={}", browser.token());
    let request = browser.request(method.clone(), path, &headers, body);
    let page = site.send(request).await;
    let door = match page.status.as_u16() {
        303 => page.header("location").starts_with("/sign-in?"),
        // The form's own page of signing in.
        403 => page.text.contains("id=\"sign-in\""),
        _ => false,
    };
    assert!(door, "{method} {path}: {} {}", page.status, page.text);
}
