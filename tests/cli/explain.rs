//! Why a resource can or cannot be reached.

use hourkey_domain::organisation::explain::{Explanation, Missing};
use hourkey_testkit::controller::Controller;
use hourkey_testkit::gateway::Gateway;
use hourkey_testkit::organisation::SAMPLE;
use hourkey_testkit::terminal::Terminal;

#[tokio::test]
async fn people_read_why_they_reach_a_resource_or_not() {
    let controller = Controller::start(SAMPLE).await.unwrap();
    let none = [];
    let _serving = [
        Gateway::start(&controller, "gw-1", "Headquarters", &none)
            .await
            .unwrap(),
        Gateway::start(&controller, "gw-2", "Cloud", &none)
            .await
            .unwrap(),
    ];
    let terminal = Terminal::of("ada", &controller).await;
    // By alias and by address.
    for payroll in ["payroll", "payroll-db.corp.example:5432"] {
        let ran = terminal.run(&["explain", payroll]).await.ended(0);
        let lines: Vec<&str> = ran.out.lines().collect();
        assert_eq!(
            lines[..2],
            [
                "Ada Park can’t reach Payroll database now.",
                "A reviewer has to approve."
            ]
        );
        assert!(ran.out.contains("Through group Finance: "), "{ran:?}");
        assert!(
            lines.last().unwrap().starts_with("Times are UTC"),
            "{ran:?}"
        );
    }

    let ask = ["request", "ci", "--reason", "deploy", "--for", "30m"];
    terminal.run(&ask).await.ended(0);
    let ran = terminal.run(&["explain", "ci"]).await.ended(0);
    let first = ran.out.lines().next().unwrap();
    let open = "Ada Park can reach Release pipeline now: access was granted, until ";
    assert!(first.starts_with(open), "{ran:?}");
    let at = "2099-01-01T00:00:00+01:00";
    let later = terminal.run(&["explain", "ci", "--at", at]).await.ended(0);
    let first = later.out.lines().next().unwrap();
    let locked = "Ada Park can’t reach Release pipeline at ";
    assert!(first.starts_with(locked), "{later:?}");
    let past = ["explain", "ci", "--at", "1999-01-01T00:00:00Z"];
    let past = terminal.run(&past).await.ended(0);
    assert!(past.out.starts_with(open), "{past:?}");

    let json = ["explain", "ci", "--at", at, "--json"];
    let explanation: Explanation = terminal.run(&json).await.ended(0).json();
    assert_eq!(explanation.missing, [Missing::NeedsReason]);
    assert_eq!(explanation.at.to_rfc3339(), "2098-12-31T23:00:00+00:00");

    terminal.run(&["explain", "nothing"]).await.ended(4);
    terminal
        .run(&["explain", "ci", "--at", "soon"])
        .await
        .ended(2);
}
