//! What the tests of this crate share. The controller that they meet is the test kit's.

use std::sync::Arc;

pub(crate) use hourkey_testkit::fake::{
    FakeController, LOCKED, Play, TestClock, at, changes, granted, notice, on_stream, person,
    resource, snapshot,
};
use url::Url;

use crate::secrets::{MemoryOnly, Secret, SecretStore};
use crate::session::SessionConfig;

/// Polls until `found` finds something; fails after a generous while.
pub(crate) async fn eventually<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let found = hourkey_testkit::poll::eventually(what, async || found());
    found.await.unwrap()
}

/// What a client needs to sign in at the controller.
pub(crate) fn session_config(controller: &FakeController, clock: Arc<TestClock>) -> SessionConfig {
    SessionConfig {
        http: crate::session::http().unwrap(),
        controller: controller.url.clone(),
        client_id: "hourkey-cli",
        store: Arc::new(MemoryOnly::default()),
        clock,
        lock_file: None,
    }
}

/// Puts a valid refresh token into `store`, as a sign-in did.
pub(crate) async fn signed_in(controller: &FakeController, store: &dyn SecretStore) {
    let refresh = Secret::new(controller.sign_in());
    store.save(&refresh).await.unwrap();
}

/// Goes where a browser would go from `url`, with the cookies that it is given, and returns the page
/// at the end.
pub(crate) async fn browse(mut url: Url) -> String {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    let client = client.build().unwrap();
    let mut cookies: Vec<String> = Vec::new();
    loop {
        let call = client.get(url.clone()).header("Cookie", cookies.join("; "));
        let answer = call.send().await.unwrap();
        for cookie in answer.headers().get_all("Set-Cookie") {
            let cookie = cookie.to_str().unwrap().split(';').next().unwrap();
            cookies.push(cookie.to_owned());
        }
        match answer.headers().get("Location") {
            Some(next) => url = url.join(next.to_str().unwrap()).unwrap(),
            None => return answer.text().await.unwrap(),
        }
    }
}
