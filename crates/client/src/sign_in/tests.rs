use std::sync::{Arc, Mutex};

use hourkey_protocol::controller_url;
use serde_json::json;

use super::*;
use crate::testing::{FakeController, TestClock, session_config};

/// Goes where a browser would go, and remembers the last page it saw.
#[derive(Clone, Default)]
struct Browser(Arc<Mutex<Option<String>>>);

impl Browser {
    fn open(&self, url: &Url) {
        let (url, page) = (url.clone(), Arc::clone(&self.0));
        tokio::spawn(async move {
            let shown = crate::testing::browse(url).await;
            *page.lock().unwrap() = Some(shown);
        });
    }

    async fn page(&self) -> String {
        crate::testing::eventually("a page", || self.0.lock().unwrap().clone()).await
    }
}

#[tokio::test]
async fn through_the_browser_with_pkce_and_a_page_at_the_end() {
    let controller = FakeController::start().await;
    let config = session_config(&controller, TestClock::new());
    let store = Arc::clone(&config.store);
    let browser = Browser::default();
    let session = through_browser(config, "Hourkey on build & host", |url| browser.open(url))
        .await
        .unwrap();
    assert!(browser.page().await.contains("You are signed in"));
    assert!(session.signed_in_at().is_some());
    let stored = store.load().await.unwrap().unwrap();
    assert_eq!(stored.expose(), "refresh-1");
    session.me().await.unwrap();
    assert_eq!(
        controller.seen().log,
        ["label Hourkey on build & host", "code exchanged", "me"]
    );
}

#[tokio::test]
async fn an_answer_from_another_server_is_refused() {
    let controller = FakeController::start().await;
    controller.script().issuer = Some("https://evil.example".to_owned());
    let config = session_config(&controller, TestClock::new());
    let store = Arc::clone(&config.store);
    let browser = Browser::default();
    let failed = through_browser(config, "test", |url| browser.open(url)).await;
    assert!(matches!(failed, Err(SignInError::WrongIssuer(_))));
    assert!(browser.page().await.contains("Signing in failed"));
    // The code was not handed out, and nothing is stored.
    assert!(!controller.seen().log.contains(&"code exchanged".to_owned()));
    assert_eq!(store.load().await, Ok(None));
}

#[tokio::test]
async fn by_device_code() {
    let controller = FakeController::start().await;
    let config = session_config(&controller, TestClock::new());
    let mut shown = None;
    let session = by_device(config, "test", |device| {
        shown = Some(device.user_code.clone());
    })
    .await
    .unwrap();
    assert_eq!(shown.as_deref(), Some("WDJB-MJHT"));
    session.me().await.unwrap();
}

#[tokio::test]
async fn a_controller_without_the_device_flow_says_so() {
    let controller = FakeController::start().await;
    let mut metadata = controller.metadata();
    metadata["device_authorization_endpoint"].take();
    controller.script().metadata = Some(metadata);
    let config = session_config(&controller, TestClock::new());
    let failed = by_device(config, "test", |_| panic!("there is no code")).await;
    assert!(matches!(failed, Err(SignInError::NoDeviceFlow)));
}

async fn discovered(controller: &FakeController) -> DiscoverError {
    let http = crate::session::http().unwrap();
    discover(&http, &controller.url).await.unwrap_err()
}

#[tokio::test]
async fn metadata_that_lead_elsewhere_are_refused() {
    let controller = FakeController::start().await;
    let mut metadata = controller.metadata();
    metadata["issuer"] = json!("https://other.example");
    controller.script().metadata = Some(metadata);
    let error = discovered(&controller).await;
    assert!(matches!(error, DiscoverError::OtherIssuer { .. }));
    assert!(error.to_string().contains("https://other.example"));
    for (key, value) in [
        (
            "authorization_endpoint",
            json!("https://evil.example/oauth/authorize"),
        ),
        ("token_endpoint", json!("https://evil.example/oauth/token")),
        ("revocation_endpoint", json!("nonsense")),
        (
            "device_authorization_endpoint",
            json!("https://evil.example/"),
        ),
        ("code_challenge_methods_supported", json!(["plain"])),
        ("issuer", json!(7)),
    ] {
        let mut metadata = controller.metadata();
        metadata[key] = value;
        controller.script().metadata = Some(metadata);
        let error = discovered(&controller).await;
        assert!(
            matches!(error, DiscoverError::NotAController { .. }),
            "{key}: {error}"
        );
    }
}

#[tokio::test]
async fn an_address_where_something_else_or_nothing_answers_is_named() {
    let http = crate::session::http().unwrap();
    let other = axum::Router::new().fallback(|| async { "<html>Welcome" });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = controller_url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    tokio::spawn(async move { axum::serve(listener, other).await.unwrap() });
    let error = discover(&http, &url).await.unwrap_err();
    assert!(matches!(error, DiscoverError::Foreign { .. }), "{error}");
    let nowhere = controller_url::parse("http://127.0.0.1:1").unwrap();
    assert_eq!(
        discover(&http, &nowhere).await.unwrap_err().to_string(),
        "The controller at http://127.0.0.1:1 cannot be reached: nothing answers at its address. \
         Check the address and the network."
    );
}
