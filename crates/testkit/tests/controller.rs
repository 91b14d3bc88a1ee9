//! The kit's controller: killed and resumed on the same folder and port.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use hourkey_testkit::controller::Controller;
use hourkey_testkit::organisation::SAMPLE;
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

#[tokio::test]
async fn of_a_mistaken_file_nothing_is_applied() {
    let controller = Controller::prepare(SAMPLE).await.unwrap();
    let state = async || {
        let mut said = String::new();
        for command in [["audit", "--json"].as_slice(), &["user", "list"]] {
            said += &controller.run(command).await.unwrap();
        }
        said
    };
    let before = state().await;
    assert!(before.contains("Ada Park"), "{before}");

    let user = "[[user]]\nlogin = \"new\"\nname = \"New Here\"\n";
    let dangling = "[[group]]\nname = \"New\"\nmembers = [\"nobody\"]\n";
    let no_days = r#"[[assignment]]
group = "Everyone"
resource = "Grafana"
access = { mode = "AutoLock", lock_after = "never" }
"#;
    let mistaken = format!("{SAMPLE}{user}{dangling}{user}{no_days}");
    let error = controller.apply(&mistaken).await.unwrap_err();
    let said = format!("{error:#}");
    assert!(said.contains("nothing was applied"), "{said}");
    // Every line is named: in the name's, the second user's, and the unused days'.
    let first = SAMPLE.lines().count();
    for (below, mistake) in [
        (6, "no user \"nobody\" in this file"),
        (8, "user \"new\" stands here a second time"),
        (13, "\"never\" is no number of unused days"),
    ] {
        let mistake = format!("line {}: {mistake}", first + below);
        assert!(said.contains(&mistake), "{mistake} is not in {said}");
    }
    assert_eq!(state().await, before);

    // Without its mistakes it would have been applied.
    controller.apply(&format!("{SAMPLE}{user}")).await.unwrap();
    assert!(state().await.contains("New Here"));
}
