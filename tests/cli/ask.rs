//! Asking for access, using it, and giving it back.

use hourkey_domain::lock::LockState;
use hourkey_protocol::access::{Grant, GrantStatus, Request, RequestStatus, ResourceDetail};
use hourkey_protocol::event::Snapshot;
use hourkey_testkit::controller::Controller;
use hourkey_testkit::organisation::{Access, OrgBuilder, Resource, SAMPLE, User};
use hourkey_testkit::poll::eventually;
use hourkey_testkit::terminal::Terminal;

#[tokio::test]
async fn what_opens_at_once_is_used_and_given_back() {
    let controller = Controller::start(SAMPLE).await.unwrap();
    let terminal = Terminal::of("ada", &controller).await;
    // Automatic approval wants a reason (rule 10).
    terminal.run(&["request", "ci"]).await.ended(2);
    terminal
        .run(&["request", "ci", "--reason", " \u{200b}"])
        .await
        .ended(2);
    let ask = [
        "request", "CI", "--reason", "deploy", "--for", "30m", "--json",
    ];
    let request: Request = terminal.run(&ask).await.ended(0).json();
    assert_eq!(request.asked.unwrap().seconds(), 1_800);
    assert_eq!(request.reason, "deploy");

    let list = terminal.run(&["list"]).await.ended(0).out;
    let row = list.lines().nth(1).unwrap();
    assert!(
        row.starts_with("Release pipeline") && row.contains("granted"),
        "{list}"
    );
    let left = row.rsplit_once("granted").unwrap().1.trim();
    let left: u64 = left.strip_suffix(" min").unwrap().parse().unwrap();
    assert!((25..=30).contains(&left), "{list}");
    let url = terminal.opens(&["open", "ci"]).await;
    assert_eq!(url.as_str(), "https://ci.corp.example/");

    // Asking again returns what is there (rule 4).
    let ran = terminal.run(&ask).await.ended(0);
    assert!(ran.err.contains("already"), "{ran:?}");
    assert_eq!(ran.json::<Request>().id, request.id);

    let grant: Grant = terminal
        .run(&["release", "ci", "--json"])
        .await
        .ended(0)
        .json();
    assert!(matches!(grant.status, GrantStatus::Released { .. }));
    terminal.run(&["release", "ci"]).await.ended(9);
}

#[tokio::test]
async fn what_a_reviewer_decides_is_waited_for() {
    let mut controller = Controller::start(SAMPLE).await.unwrap();
    let ada = Terminal::of("ada", &controller).await;
    let marta = Terminal::of("marta", &controller).await;
    let waiting = async |resource: &str| {
        let ask = ["request", resource, "--reason", "for the test", "--wait"];
        let process = ada.start(&ask);
        let id = eventually("a pending request", async || {
            let status = ada.run(&["status", resource, "--json"]).await.ended(0);
            match status.json::<ResourceDetail>().resource.lock {
                LockState::Pending { request, .. } => Ok(request.to_string()),
                other @ (LockState::Open { .. }
                | LockState::Granted { .. }
                | LockState::Scheduled { .. }
                | LockState::Locked { .. }) => Err(format!("{other:?}")),
            }
        });
        (process, id.await.unwrap())
    };
    let code = async |mut process: hourkey_testkit::process::Process| {
        let code = process.ended().await.unwrap().code();
        (code, process.log())
    };

    let (process, id) = waiting("payroll").await;
    let approve = [
        "review",
        "approve",
        &id,
        "--for",
        "20m",
        "--comment",
        "Be quick.",
    ];
    marta.run(&approve).await.ended(0);
    let (ended, said) = code(process).await;
    assert_eq!(ended, Some(0), "{said}");
    assert!(
        said.contains("Approved by Marta Ruiz for 20 minutes"),
        "{said}"
    );
    assert!(said.contains("“Be quick.”"), "{said}");

    let (process, id) = waiting("grafana").await;
    marta
        .run(&["review", "deny", &id, "--comment", "Not now."])
        .await
        .ended(0);
    let (ended, said) = code(process).await;
    assert_eq!(ended, Some(5), "{said}");
    assert!(said.contains("“Not now.”"), "{said}");

    let (process, _) = waiting("grafana").await;
    ada.run(&["cancel", "grafana"]).await.ended(0);
    assert_eq!(code(process).await.0, Some(6));
    ada.run(&["cancel", "grafana"]).await.ended(9);

    // A restart of the controller in between is sat out, and said.
    let (process, id) = waiting("grafana").await;
    controller.kill().unwrap();
    process
        .ready("word of the loss", async || {
            process.log().contains("Still trying")
        })
        .await
        .unwrap();
    controller.resume().await.unwrap();
    process
        .ready("word of the return", async || {
            process.log().contains("Connected again")
        })
        .await
        .unwrap();
    marta.run(&["review", "approve", &id]).await.ended(0);
    assert_eq!(code(process).await.0, Some(0));

    let status: Snapshot = ada.run(&["status", "--json"]).await.ended(0).json();
    let granted = |lock: &LockState| matches!(lock, LockState::Granted { .. });
    let open = status
        .resources
        .iter()
        .filter(|it| granted(&it.lock))
        .count();
    assert_eq!(open, 2);
}

#[tokio::test]
async fn what_runs_is_extended() {
    let controller = Controller::start(SAMPLE).await.unwrap();
    let ada = Terminal::of("ada", &controller).await;
    let marta = Terminal::of("marta", &controller).await;
    // Nothing runs; something that adds nothing; no reason where it is extended at once.
    ada.run(&["extend", "ci", "--reason", "x"]).await.ended(9);
    let asked = [
        "request", "ci", "--reason", "deploy", "--for", "30m", "--json",
    ];
    let asked: Request = ada.run(&asked).await.ended(0).json();
    ada.run(&["extend", "ci", "--for", "1h"]).await.ended(2);
    let refused = ada
        .run(&["extend", "ci", "--reason", "x", "--for", "30m"])
        .await
        .ended(2);
    assert!(refused.err.contains("already"), "{refused:?}");
    let extend = ["extend", "ci", "--reason", "not done", "--for", "1h"];
    let said = ada.run(&extend).await.ended(0).out;
    assert!(
        said.starts_with("Extended: Release pipeline is open until "),
        "{said}"
    );
    let detail: ResourceDetail = ada.run(&["status", "ci", "--json"]).await.json();
    let LockState::Granted { grant, .. } = detail.resource.lock else {
        panic!("{detail:?}");
    };
    assert_eq!(grant, asked.grant.unwrap().id);

    // Where a reviewer decides, it waits, access goes on, and it can be withdrawn.
    let asked: Request = ada
        .run(&["request", "grafana", "--for", "30m", "--json"])
        .await
        .json();
    marta
        .run(&["review", "approve", &asked.id.to_string()])
        .await
        .ended(0);
    let extend = ["extend", "grafana", "--for", "2h"];
    let said = ada.run(&extend).await.ended(0).out;
    assert!(
        said.contains("to extend Grafana waits for a reviewer"),
        "{said}"
    );
    assert!(said.contains("Access goes on until"), "{said}");
    let again = ada.run(&extend).await.ended(0);
    assert!(again.err.contains("already"), "{again:?}");
    let list = ada.run(&["list"]).await.ended(0).out;
    assert!(list.contains("min, more requested"), "{list}");
    let queue = marta.run(&["review", "list"]).await.ended(0).out;
    assert!(queue.contains("extension  2 hours"), "{queue}");
    ada.run(&["cancel", "grafana"]).await.ended(0);
    let asked: Request = ada
        .run(&["extend", "grafana", "--for", "2h", "--json"])
        .await
        .json();
    marta
        .run(&["review", "deny", &asked.id.to_string(), "--comment", "No."])
        .await
        .ended(0);
    let status = ada.run(&["status", "grafana"]).await.ended(0).out;
    assert!(
        status.contains("Granted: ") && status.contains("Run: hourkey extend"),
        "{status}"
    );
}

#[tokio::test]
async fn a_wait_may_be_limited() {
    let controller = Controller::start(SAMPLE).await.unwrap();
    let terminal = Terminal::of("ada", &controller).await;
    let ask = ["request", "payroll", "--wait", "--timeout", "0s", "--json"];
    let ran = terminal.run(&ask).await.ended(7);
    let request: Request = ran.json();
    assert_eq!(request.status, RequestStatus::Pending);
    // It stays, and without --wait the asking is all there is to do.
    terminal.run(&["request", "payroll"]).await.ended(0);
    let id = request.id.to_string();
    terminal.run(&["cancel", &id]).await.ended(0);
    terminal.run(&["cancel", &id]).await.ended(9);
}

#[tokio::test]
async fn the_status_says_who_can_approve() {
    let controller = Controller::start(SAMPLE).await.unwrap();
    let terminal = Terminal::of("ada", &controller).await;
    let status = terminal.run(&["status", "grafana"]).await.ended(0);
    assert!(
        status
            .out
            .contains("\nCan approve: Marta Ruiz or Rosa Ott\n"),
        "{status:?}"
    );
    // What opens with a reason needs nobody.
    let status = terminal.run(&["status", "ci"]).await.ended(0);
    assert!(!status.out.contains("Can approve"), "{status:?}");
}

#[tokio::test]
async fn the_status_promises_no_extension_that_nobody_may_approve() {
    let with = |marta: User| {
        OrgBuilder::new("Example")
            .member("ada", "Ada Park")
            .user(marta)
            .group("Staff", &["ada"])
            .network("Office")
            .resource(Resource::new(
                "Wiki",
                "wiki.corp.example",
                Access::request().up_to("4h").manual(),
            ))
            .assign("Staff", &["Wiki"])
            .text()
    };
    let marta = User::reviewer("marta", "Marta Ruiz");
    let controller = Controller::start(&with(marta.clone())).await.unwrap();
    let ada = Terminal::of("ada", &controller).await;
    let reviewer = Terminal::of("marta", &controller).await;
    let ask = ["request", "wiki", "--for", "30m", "--json"];
    let asked: Request = ada.run(&ask).await.json();
    let approve = ["review", "approve", &asked.id.to_string()];
    reviewer.run(&approve).await.ended(0);
    let status = ada.run(&["status", "wiki"]).await.ended(0).out;
    assert!(
        status.contains("If approved now, it could run until"),
        "{status}"
    );
    controller.apply(&with(marta.disabled())).await.unwrap();
    let status = ada.run(&["status", "wiki"]).await.ended(0).out;
    assert!(
        status.contains("Nobody can approve an extension for you now"),
        "{status}"
    );
    assert!(!status.contains("Run: hourkey extend"), "{status}");
}

#[tokio::test]
async fn locked_resources_lead_to_their_request_page_without_secrets() {
    let controller = Controller::start(SAMPLE).await.unwrap();
    let terminal = Terminal::of("ada", &controller).await;
    let detail: ResourceDetail = terminal.run(&["status", "grafana", "--json"]).await.json();
    let page = terminal.opens(&["open", "grafana"]).await;
    let expected = format!(
        "{}resources/{}/request?as=ada",
        controller.url(),
        detail.resource.id
    );
    assert_eq!(page.as_str(), expected);
    let asked: Request = terminal.run(&["request", "grafana", "--json"]).await.json();
    let page = terminal.opens(&["open", "grafana"]).await;
    assert_eq!(page.path(), format!("/requests/{}", asked.id));
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_its_code() {
    let controller = Controller::start(SAMPLE).await.unwrap();
    let terminal = Terminal::of("ada", &controller).await;
    let lee = Terminal::of("lee", &controller).await;
    let request: Request = lee.run(&["request", "grafana", "--json"]).await.json();
    // Exists, but not for her (rule 1): answered alike.
    let cancelled = async |id: &str| {
        let ran = terminal.run(&["cancel", id]).await.ended(4);
        assert!(ran.out.is_empty() && !ran.err.trim().is_empty(), "{ran:?}");
        ran.err.replace(id, "ID")
    };
    let hidden = request.id.to_string();
    assert_eq!(cancelled(&hidden).await, cancelled("999999").await);
    for (arguments, code) in [
        (vec!["status", "no such thing"], 4),
        (vec!["request", "grafana", "--as", "Finance"], 4),
        (vec!["request", "ci", "--reason", "x", "--for", "0m"], 2),
        (vec!["request", "ci", "--reason", "x", "--for", "8d"], 2),
        (
            vec![
                "request",
                "ci",
                "--reason",
                "x",
                "--for",
                "99999999999999999999d",
            ],
            2,
        ),
        (vec!["request", "payroll", "--for", "7d"], 2),
        (vec!["request", "Company wiki"], 9),
        (vec!["request", ""], 2),
        (vec!["request", "payroll", "--timeout", "1s"], 2),
        (vec!["frobnicate"], 2),
    ] {
        let ran = terminal.run(&arguments).await.ended(code);
        assert!(ran.out.is_empty() && !ran.err.trim().is_empty(), "{ran:?}");
    }
}

#[tokio::test]
async fn hostile_names_are_shown_and_steer_nothing() {
    let hostile = "Evil\u{202e}gnp.exe";
    let resource = Resource::new(hostile, "evil.corp.example", Access::standing());
    let organisation = OrgBuilder::sample()
        .resource(resource.network("Cloud"))
        .assign("Everyone", &[hostile])
        .text();
    let controller = Controller::start(&organisation).await.unwrap();
    let terminal = Terminal::of("ada", &controller).await;
    let list = terminal.run(&["list"]).await.ended(0).out;
    assert!(list.contains("evil.corp.example"), "{list}");
    assert!(!list.contains(['\u{1b}', '\u{202e}']), "{list:?}");

    // A reason may hold any character: U+009B starts a terminal's commands as ESC [ does.
    let reason = "why\u{9b}31m\u{202e}\u{2028}\u{200e}\u{e0041}";
    let request = [
        "request", "ci", "--for", "30m", "--reason", reason, "--json",
    ];
    let asked = terminal.run(&request).await.ended(0);
    let read: Request = asked.json();
    assert_eq!(read.reason, reason, "the value is the same");
    let mut printed = vec![asked.out];
    for command in [
        ["list", "--json"].as_slice(),
        &["status"],
        &["status", "--json"],
    ] {
        printed.push(terminal.run(command).await.ended(0).out);
    }
    let path = controller.data().join("hostile.toml");
    let renamed = organisation.replace("Evil", "Very evil");
    std::fs::write(&path, renamed).unwrap();
    let apply = ["apply", path.to_str().unwrap(), "--dry-run"];
    for command in [
        ["audit"].as_slice(),
        &["audit", "--json"],
        &["user", "list"],
        &apply,
    ] {
        printed.push(controller.run(command).await.unwrap());
    }
    for text in printed {
        let steers = |c: char| c != '\n' && hourkey_domain::text::is_unsafe(c);
        assert!(!text.contains(steers), "{text:?}");
    }
}

#[tokio::test]
async fn help_and_completions_need_nobody_signed_in() {
    let terminal = Terminal::open().await;
    let help = terminal.run(&["--help"]).await.ended(0).out;
    assert!(help.contains("Exit codes:"), "{help}");
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = terminal.run(&["completions", shell]).await.ended(0).out;
        assert!(script.contains("sign-in"), "{shell}");
    }
}
