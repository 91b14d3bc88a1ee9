//! The ports at which `hourkey proxy` and `hourkey forward` listen.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use hourkey_testkit::binaries;
use hourkey_testkit::controller::Controller;
use hourkey_testkit::organisation::SAMPLE;
use hourkey_testkit::poll::eventually;
use hourkey_testkit::process::Process;
use hourkey_testkit::terminal::Terminal;
use serde::Deserialize;

/// Where a local proxy listens.
#[derive(Deserialize)]
struct Listening {
    port: u16,
    pac: String,
}

/// Starts `hourkey proxy` with a log of its own, and returns it once it listens.
async fn proxy(terminal: &Terminal, arguments: &[&str]) -> (Process, Listening) {
    static STARTED: AtomicU32 = AtomicU32::new(0);
    let mut command = terminal.session.command(binaries::path("hourkey").unwrap());
    command.args(["proxy", "--json"]).args(arguments);
    let name = format!("hourkey-proxy-{}", STARTED.fetch_add(1, Relaxed));
    let proxy = terminal.session.spawn(&name, command).unwrap();
    let listening = proxy
        .ready("where it listens", async || {
            let log = proxy.log();
            let json = log.split_once('{')?.1.split_once('}')?.0;
            serde_json::from_str::<Listening>(&format!("{{{json}}}")).ok()
        })
        .await
        .unwrap();
    (proxy, listening)
}

#[tokio::test]
async fn the_address_of_the_pac_file_outlives_a_port_that_is_taken() {
    let controller = Controller::start(SAMPLE).await.unwrap();
    let terminal = Terminal::of("ada", &controller).await;
    let (first, usual) = proxy(&terminal, &[]).await;

    // Beside one that runs: said, and forgotten.
    let (second, other) = proxy(&terminal, &[]).await;
    assert_ne!(other.port, usual.port);
    let told = format!("Port {} is taken", usual.port);
    let says = async || match second.log() {
        log if log.contains(&told) => Ok(()),
        log => Err(log),
    };
    eventually("the word about the usual port", says)
        .await
        .unwrap();
    second.kill().unwrap();
    let (any, other) = proxy(&terminal, &["--port", "0"]).await;
    assert_ne!(other.port, usual.port);
    assert!(!any.log().contains("is taken"), "{}", any.log());
    any.kill().unwrap();
    first.kill().unwrap();

    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, usual.port)).unwrap();
    let (third, other) = proxy(&terminal, &[]).await;
    assert_ne!(other.port, usual.port);
    third.kill().unwrap();
    drop(taken);
    let (fourth, again) = proxy(&terminal, &[]).await;
    assert_eq!(again.pac, usual.pac);
    assert!(!fourth.log().contains("is taken"), "{}", fourth.log());
    fourth.kill().unwrap();

    // What somebody asks for by its number is the usual one from then on.
    let asked = other.port.to_string();
    proxy(&terminal, &["--port", &asked])
        .await
        .0
        .kill()
        .unwrap();
    let (_fifth, moved) = proxy(&terminal, &[]).await;
    assert_eq!(moved.port, other.port);
}

#[tokio::test]
async fn a_forward_leads_to_resources_only() {
    let controller = Controller::start(SAMPLE).await.unwrap();
    let terminal = Terminal::of("ada", &controller).await;
    for (to, json) in [
        ("nothing.corp:80", &["--json"][..]),
        // A port that it does not have.
        ("payroll-db.corp.example:1", &[]),
    ] {
        let forward = [&["forward", to], json].concat();
        let ran = terminal.run(&forward).await.ended(4);
        assert!(ran.err.contains("no resource of yours"), "{ran:?}");
        assert_eq!(ran.out, "");
    }

    // Locked is fine. One that goes away later is told.
    let forward = terminal.start(&["forward", "payroll database"]);
    let says = async |what: &str| {
        let says = async || match forward.log() {
            log if log.contains(what) => Ok(()),
            log => Err(log),
        };
        eventually(what, says).await.unwrap();
    };
    says("leads to").await;
    let without = SAMPLE.replace("payroll-db.corp.example", "elsewhere.corp.example");
    assert_ne!(without, SAMPLE);
    controller.apply(&without).await.unwrap();
    says("no resource of yours any more").await;
    assert!(forward.runs());
}
