//! Signing in beside other users of the machine.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, missing_docs)]

use std::sync::Arc;

use hourkey_client::secrets::MemoryOnly;
use hourkey_client::session::{self, SessionConfig};
use hourkey_client::sign_in;
use hourkey_testkit::fake::{FakeController, TestClock};
use tokio::process::Command;
use tokio::sync::oneshot;
use url::Url;

const NOBODY: u32 = 65_534;

/// curl as this user, with what it says about the answer's head.
async fn curl(user: u32, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new("curl");
    command
        .args(["--silent", "--include", "--noproxy", "*"])
        .args(arguments);
    let output = command.uid(user).output().await.unwrap();
    output
        .status
        .success()
        .then(|| String::from_utf8(output.stdout).unwrap())
}

/// Only where the test may run curl as somebody else: as root.
#[tokio::test]
async fn another_user_neither_learns_what_the_answer_must_show_nor_can_answer() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let controller = FakeController::start().await;
    let config = SessionConfig {
        http: session::http().unwrap(),
        controller: controller.url.clone(),
        client_id: "hourkey-cli",
        store: Arc::new(MemoryOnly::default()),
        clock: TestClock::new(),
        lock_file: None,
    };
    let (opened, start) = oneshot::channel();
    let signing_in = tokio::spawn(async move {
        let open = |url: &Url| opened.send(url.clone()).unwrap();
        sign_in::through_browser(config, "test", open).await
    });
    // What stands in the arguments of the program that opens the browser, for everybody to read.
    let start = start.await.unwrap();
    assert_eq!(start.host_str(), Some("127.0.0.1"));
    assert_eq!(start.query(), None, "{start}");

    assert_eq!(curl(NOBODY, &[start.as_str()]).await, None);
    let sent_on = curl(0, &[start.as_str()]).await.unwrap();
    let field = |name: &str| {
        let line = sent_on.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("{name} in {sent_on}"))
            .trim()
            .to_owned()
    };
    let to: Url = field("Location: ").parse().unwrap();
    assert!(to.as_str().starts_with(controller.url.as_str()), "{to}");
    let state = to
        .query_pairs()
        .find(|(name, _)| name == "state")
        .unwrap()
        .1
        .into_owned();
    let cookie = field("Set-Cookie: ");
    let cookie = cookie.split(';').next().unwrap();

    // With everything known, from another user, and from a browser that did not go out here.
    let callback = start
        .join(&format!("/callback?state={state}&code=theirs"))
        .unwrap();
    let with_cookie = ["--cookie", cookie, callback.as_str()];
    assert_eq!(curl(NOBODY, &with_cookie).await, None);
    let without = curl(0, &[callback.as_str()]).await.unwrap();
    assert!(without.starts_with("HTTP/1.1 404"), "{without}");
    assert!(!signing_in.is_finished());
    // It is taken from the browser that went out; another server's name is what it fails by.
    let taken = curl(0, &with_cookie).await.unwrap();
    assert!(taken.contains("Signing in failed"), "{taken}");
    assert!(signing_in.await.unwrap().is_err());
}
