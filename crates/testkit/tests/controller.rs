//! The kit's controller: killed and resumed on the same folder and port.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use hourkey_testkit::controller::{Controller, SAMPLE};
use hourkey_testkit::webdriver::http;

#[tokio::test]
async fn a_controller_keeps_its_folder_and_port() {
    let mut controller = Controller::start(SAMPLE).await.unwrap();
    let health = controller.url().join("healthz").unwrap();
    let answer = async || http().unwrap().get(health.clone()).send().await;
    assert!(answer().await.unwrap().status().is_success());

    let ended = controller.kill().unwrap();
    assert!(!ended.success());
    assert!(answer().await.is_err(), "something answers after kill -9");
    controller.resume().await.unwrap();
    let users = controller.run(&["user", "list"]).await.unwrap();
    assert!(users.contains("Ada Park"), "{users}");
    controller
        .set_password("ada", "a long password for ada")
        .await
        .unwrap();
    assert!(controller.stop().await.unwrap().success());
}

#[tokio::test]
async fn a_mistaken_organisation_is_refused_with_its_mistakes() {
    let error = Controller::prepare("[[group]]\nname = 3\n")
        .await
        .unwrap_err();
    assert!(format!("{error:#}").contains("mistake"), "{error:#}");
}
