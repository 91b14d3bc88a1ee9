//! `explain` and `lint` in the terminal of the controller's host, with the real program.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use chrono::DateTime;
use hourkey_domain::audit::AuditAction;
use hourkey_store::log::{Entry, Subject};
use hourkey_store::{Room, Store, StoreError, transact};
use hourkey_store_sqlite::SqliteStore;
use hourkey_testkit::host::Host;
use hourkey_testkit::organisation::{Access, OrgBuilder, Resource, SAMPLE};
use serde_json::Value;

/// A host with the sample organisation, whose networks have no gateway.
fn sample() -> Host {
    Host::of(SAMPLE)
}

fn add_gateways(host: &Host) {
    for (name, network) in [("gw-1", "Headquarters"), ("gw-2", "Cloud")] {
        let address = format!("{name}.corp.example:8443");
        let add = ["gateway", "add", name, "--network", network];
        let ran = host.run(&[&add[..], &["--address", &address]].concat());
        assert_eq!(ran.code, 0, "{ran:?}");
    }
}

/// As each does when it starts.
fn enrol_gateways(host: &Host) {
    let data = host.data();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store: Arc<dyn Store> = SqliteStore::open(&data).await.unwrap();
        let enrolled: Result<(), StoreError> = transact(&store, Room::Usual, |tx| {
            Box::pin(async move {
                for (at, gateway) in (1..).zip(tx.gateways().await?) {
                    tx.enrol_gateway(gateway.id, [at; 32], &format!("{at:064x}"))
                        .await?;
                    let entry = Entry {
                        at: DateTime::UNIX_EPOCH,
                        actor: None,
                        action: AuditAction::GatewayEnrolled,
                        subject: Subject::Gateway {
                            gateway: gateway.id,
                        },
                        detail: Value::Null,
                    };
                    tx.record(entry).await?;
                }
                Ok(())
            })
        })
        .await;
        enrolled.unwrap();
    });
}

#[test]
fn a_folder_without_a_controller_is_no_healthy_one() {
    let host = Host::empty();
    for command in [&["lint"][..], &["explain", "ada", "Wiki"], &["audit"]] {
        let ran = host.run(command);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{ran:?}");
        assert!(
            ran.err.contains("there is no controller in the folder"),
            "{ran:?}"
        );
        assert!(!host.data().exists(), "nothing is made");
    }
}

#[test]
fn a_gateway_serves_once_it_has_enrolled() {
    let host = sample();
    add_gateways(&host);
    let before = host.run(&["lint"]);
    assert_eq!(before.code, 1, "{before:?}");
    assert!(before.out.contains("gateway"), "{before:?}");
    enrol_gateways(&host);
    let after = host.run(&["lint"]);
    assert!(!after.out.contains("gateway"), "{after:?}");
}

#[test]
fn an_explanation_is_read_line_by_line_or_as_json() {
    let host = sample();
    let ran = host.run(&["explain", "ada", "Payroll database"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(
        lines[..3],
        [
            "Ada Park can’t reach Payroll database now.",
            "A reviewer has to approve.",
            "No gateway of network Headquarters has enrolled: nobody can reach its resources.",
        ]
    );
    assert!(ran.out.contains("Through group Finance: "), "{ran:?}");
    assert!(ran.out.contains("approved by"), "{ran:?}");
    assert_eq!(lines.last(), Some(&"Times are UTC."));

    let json = host.run(&["explain", "ada", "Payroll database", "--json"]);
    let explanation: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(explanation["user"]["name"], "Ada Park");
    assert_eq!(explanation["missing"][1]["missing"], "no_gateway");

    let later = host.run(&[
        "explain",
        "jun",
        "Log search",
        "--at",
        "2030-01-01T01:00:00+01:00",
    ]);
    assert!(
        later.out.contains("None of Jun Sato’s groups has access"),
        "{later:?}"
    );
}

#[test]
fn a_destination_is_explained_by_the_resource_that_governs_it() {
    let host = sample();
    let ask = |destination: &str, network: &str| {
        host.run(&["explain", "lee", destination, "--network", network])
    };
    for (destination, network, name) in [
        ("db.prod.corp.example:22", "Cloud", "Production SSH"),
        ("10.1.40.7:631", "Headquarters", "Office printers"),
    ] {
        let ran = ask(destination, network);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(ran.out.lines().next().unwrap().contains(name), "{ran:?}");
    }
    for (destination, network, said) in [
        ("db.prod.corp.example:23", "Cloud", "nobody reaches it"),
        ("db.prod.corp.example", "Cloud", "write it as HOST:PORT"),
        ("db.prod.corp.example:22", "Sky", "Cloud, Headquarters"),
    ] {
        let ran = ask(destination, network);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{ran:?}");
        assert!(ran.err.contains(said), "{ran:?}");
    }
}

#[test]
fn what_is_unknown_is_named_with_what_to_do() {
    let host = sample();
    for (arguments, code, said) in [
        (["nobody", "Grafana"], 1, "hourkey-controller user list"),
        (["ada", "payrol"], 1, "Did you mean: Payroll database?"),
        (["ada", "Nothing"], 1, "with --network"),
        // Harmless on a terminal.
        (["ada", "\u{1b}[2J"], 1, "\\u{1b}[2J"),
        (["ada", "--at=tomorrow"], 2, "2026-12-24T18:00:00Z"),
    ] {
        let ran = host.run(&[&["explain"], &arguments[..]].concat());
        assert_eq!((ran.code, ran.out.as_str()), (code, ""), "{ran:?}");
        assert!(ran.err.contains(said), "{ran:?}");
    }
    let host = Host::of(&OrgBuilder::sample().member("root", "Rosa Ott").text());
    let ran = host.run(&["explain", "ada", "Grafana"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("role Admin"), "{ran:?}");
}

#[test]
fn findings_fail_only_where_a_problem_is_among_them() {
    let host = sample();
    let ran = host.run(&["lint"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let problem = "problem: Network Cloud has resources, and no gateway that has enrolled: nobody can reach them.";
    assert!(ran.out.lines().any(|line| line == problem), "{ran:?}");
    let json = host.run(&["lint", "--json"]);
    assert_eq!(json.code, 1, "{json:?}");
    let rows = json.out.lines().map(serde_json::from_str::<Value>);
    let rows: Vec<Value> = rows.collect::<Result<_, _>>().unwrap();
    let found = rows.iter().filter(|row| row["finding"] == "no_gateway");
    assert_eq!(found.count(), 2, "{json:?}");
    let network = &rows[0]["network"];
    assert!(
        network.is_number() && rows[0]["severity"] == "problem",
        "{json:?}"
    );

    add_gateways(&host);

    enrol_gateways(&host);
    let ran = host.run(&["lint"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{ran:?}");
    assert!(ran.err.contains("Nothing was found"), "{ran:?}");
    // Two resources at one place: a warning.
    let twin = Resource::new("Wiki twin", "wiki.corp.example", Access::standing()).ports("443");
    let twin = OrgBuilder::sample().resource(twin.network("Headquarters"));
    let _ = host.apply(&twin.text(), &["--yes"]).ended(0);
    let ran = host.run(&["lint"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.out
            .starts_with("warning: Company wiki and Wiki twin have"),
        "{ran:?}"
    );
}
