//! Reviewing from the terminal.

use hourkey_protocol::access::{Request, RequestStatus, Review};
use hourkey_testkit::controller::Controller;
use hourkey_testkit::organisation::{OrgBuilder, SAMPLE};
use hourkey_testkit::terminal::Terminal;

async fn ask(terminal: &Terminal, resource: &str) -> String {
    let ask = ["request", resource, "--reason", "a\nb\u{1b}[31m", "--json"];
    let request: Request = terminal.run(&ask).await.ended(0).json();
    request.id.to_string()
}

#[tokio::test]
async fn requests_are_listed_and_decided_once() {
    let controller = Controller::start(SAMPLE).await.unwrap();
    let ada = Terminal::of("ada", &controller).await;
    let marta = Terminal::of("marta", &controller).await;
    let id = ask(&ada, "payroll").await;

    // A member who reviews nothing sees nothing, and decides nothing (rules 1 and 6).
    let none: Vec<Review> = ada.run(&["review", "list", "--json"]).await.ended(0).json();
    assert_eq!(none, []);
    ada.run(&["review", "approve", &id]).await.ended(9);

    let list = marta.run(&["review", "list"]).await.ended(0).out;
    let row = list.lines().nth(1).unwrap();
    assert!(
        row.contains("Ada Park") && row.contains("Payroll database"),
        "{list}"
    );
    assert_eq!(list.lines().count(), 2, "{list}");
    assert!(!list.contains('\u{1b}'), "{list:?}");
    let listed: Vec<Review> = marta.run(&["review", "list", "--json"]).await.json();
    assert_eq!(listed[0].request.reason, "a\nb\u{1b}[31m");

    // A denial needs a comment, and a reviewer never lengthens (rule 5).
    marta
        .run(&["review", "deny", &id, "--comment", " "])
        .await
        .ended(2);
    marta
        .run(&["review", "approve", &id, "--for", "7d"])
        .await
        .ended(2);
    let deny = ["review", "deny", &id, "--comment", "Use staging.", "--json"];
    let denied: Request = marta.run(&deny).await.ended(0).json();
    assert!(matches!(denied.status, RequestStatus::Denied { .. }));
    let again = marta.run(&["review", "approve", &id]).await.ended(9);
    assert!(again.err.contains("Marta Ruiz"), "{again:?}");
}

#[tokio::test]
async fn what_was_approved_is_revoked_with_a_comment() {
    let controller = Controller::start(SAMPLE).await.unwrap();
    let ada = Terminal::of("ada", &controller).await;
    let marta = Terminal::of("marta", &controller).await;
    let id = ask(&ada, "payroll").await;
    let revoke = [
        "review",
        "revoke",
        &id,
        "--comment",
        "The incident is over.",
    ];
    // It still waits; nobody takes what they do not review; and a comment is needed.
    let waits = marta.run(&revoke).await.ended(9);
    assert!(waits.err.contains("gave no access"), "{waits:?}");
    marta.run(&["review", "approve", &id]).await.ended(0);
    ada.run(&revoke).await.ended(9);
    let blank = ["review", "revoke", &id, "--comment", " "];
    marta.run(&blank).await.ended(2);
    let said = marta.run(&revoke).await.ended(0).out;
    assert!(said.contains("Revoked by Marta Ruiz"), "{said}");
    let status = ada.run(&["status", "payroll"]).await.out;
    assert!(status.contains("The incident is over."), "{status}");
    let again = marta.run(&revoke).await.ended(9);
    assert!(again.err.contains("Marta Ruiz"), "{again:?}");
}

#[tokio::test]
async fn while_access_runs_it_is_said_who_approved_it() {
    let controller = Controller::start(SAMPLE).await.unwrap();
    let ada = Terminal::of("ada", &controller).await;
    let marta = Terminal::of("marta", &controller).await;
    let id = ask(&ada, "payroll").await;
    let approve = ["review", "approve", &id, "--comment", "Only\u{1b} reading."];
    marta.run(&approve).await.ended(0);
    let sentence = "Approved by Marta Ruiz: “Only";
    for command in [&["list"][..], &["status"], &["status", "payroll"]] {
        let said = ada.run(command).await.ended(0).out;
        assert!(said.contains(sentence), "{command:?}: {said}");
        assert!(!said.contains('\u{1b}'), "{said:?}");
    }
    // A grant that nobody had to approve says nothing of the kind.
    ada.run(&["release", "payroll"]).await.ended(0);
    ada.run(&["request", "Staging SSH", "--reason", "Deploy"])
        .await
        .ended(0);
    let said = ada.run(&["status"]).await.ended(0).out;
    assert!(
        said.contains("Staging SSH") && !said.contains("Approved by"),
        "{said}"
    );
}

#[tokio::test]
async fn nobody_approves_their_own_request() {
    let organisation = OrgBuilder::sample()
        .group("Site reliability", &["ada", "lee", "marta"])
        .text();
    let controller = Controller::start(&organisation).await.unwrap();
    let marta = Terminal::of("marta", &controller).await;
    let id = ask(&marta, "grafana").await;
    let ran = marta.run(&["review", "approve", &id]).await.ended(9);
    assert!(!ran.err.is_empty());
    let list = marta.run(&["review", "list"]).await.ended(0).out;
    assert!(
        list.contains("Marta Ruiz (you)") || list.is_empty(),
        "{list}"
    );
}
