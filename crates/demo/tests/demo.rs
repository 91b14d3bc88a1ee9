//! The two plays of `cargo xtask demo`.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use std::process::Command;

use hourkey_testkit::display::Display;
use hourkey_testkit::keyring::Keyring;
use hourkey_testkit::session::Session;
use hourkey_testkit::watcher::Watcher;
use rustix::process::Signal;

const DEMO: &str = env!("CARGO_BIN_EXE_hourkey-demo");

#[test]
fn the_tour_is_played_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let pictures = folder.path().join("tour");
    let output = Command::new(DEMO)
        .args(["tour", "--pictures"])
        .arg(&pictures)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(said.trim_end().ends_with("steps, 0 failed"), "{said}");
    for name in [
        "tray-menu",
        "window-light",
        "window-dark",
        "notification",
        "request-page-dark",
        "access-page-sizes-light",
        "review-page-sizes-dark",
        "window-resources-sizes-light",
        "window-form-sizes-dark",
    ] {
        let picture = pictures.join(format!("{name}.png"));
        assert!(picture.metadata().unwrap().len() > 1_000, "{name}");
    }
}

#[tokio::test]
async fn the_demo_signs_the_app_in_and_leaves_nothing_in_the_keyring() {
    let display = Display::start().await.unwrap();
    let mut session = Session::start().await.unwrap();
    session.attach(&display);
    let watcher = Watcher::start(&session).await.unwrap();
    let _keyring = Keyring::start(&session).await.unwrap();
    let search = ["search", "--all", "service", "hourkey-desktop"];
    let kept = async || session.run("secret-tool", &search).await.unwrap();

    let mut command = session.command(DEMO);
    command.arg("serve");
    let mut demo = session.spawn("hourkey-demo", command).unwrap();
    let shows = demo.ready("the tray", async || {
        let item = watcher.item().await.map_err(|error| format!("{error:#}"))?;
        let menu = item.menu().await.map_err(|error| format!("{error:#}"))?;
        menu.at(&["Payroll database", "Authenticate…"]).map(drop)
    });
    shows.await.unwrap();
    let said = demo.log();
    assert!(
        said.contains("signed in as ada") && said.contains("Marta Ruiz"),
        "{said}"
    );
    assert_ne!(kept().await, "");

    demo.signal(Signal::INT).unwrap();
    let status = demo.ended().await.unwrap();
    assert!(status.success(), "{status}: {}", demo.log());
    assert_eq!(kept().await, "");
}
