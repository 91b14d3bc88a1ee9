//! What a person with very many resources costs the memory of a program that follows the stream.
//!
//! Measured by hand: `cargo test --workspace --test memory -- --ignored --nocapture ten_thousand`
//! (docs/PERFORMANCE.md).
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub
)]
#![cfg(target_os = "linux")]

mod test_user;

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use hourkey_client::device::Device;
use hourkey_client::live::LiveClient;
use hourkey_client::model::Model;
use hourkey_client::secrets::MemoryOnly;
use hourkey_testkit::fake::{FakeController, LOCKED, TestClock, granted, resource_at};
use test_user::{Recorder, session};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{ChildStdout, Command};

const RESOURCES: i64 = 10_000;
const CHANGES: i64 = 200;
/// Names the controller to the process that is measured.
const CONTROLLER: &str = "HOURKEY_TEST_CONTROLLER";
/// The refresh token with which it is signed in.
const REFRESH: &str = "HOURKEY_TEST_REFRESH";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures; nothing is asserted"]
async fn ten_thousand_resources() {
    let controller = FakeController::start().await;
    let row = |id| resource_at(id, &format!("s{id:05}.corp.example"), LOCKED);
    controller.show(vec![row(1)]);
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "a_program_that_follows",
            "--ignored",
            "--nocapture",
        ])
        .env(CONTROLLER, controller.url.as_str())
        .env(REFRESH, controller.sign_in())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut ask = child.stdin.take().unwrap();
    let mut figures = vec![measured(&mut said).await];
    let mut rows: Vec<_> = (1..=RESOURCES).map(row).collect();
    controller.show(rows.clone());
    ask.write_all(b"\n").await.unwrap();
    figures.push(measured(&mut said).await);
    for change in 0..CHANGES {
        let index = usize::try_from(change * 37 % RESOURCES).unwrap();
        rows[index].lock = if change % 2 == 0 {
            granted(1, 0, 3_600)
        } else {
            LOCKED
        };
        controller.show(rows.clone());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    ask.write_all(b"\n").await.unwrap();
    figures.push(measured(&mut said).await);
    println!(
        "written memory: {:.1} MiB with 1 resource, {:.1} more with {RESOURCES}, {:.1} more after {CHANGES} changes",
        figures[0],
        figures[1] - figures[0],
        figures[2] - figures[0]
    );
}

async fn measured(said: &mut Lines<BufReader<ChildStdout>>) -> f64 {
    loop {
        let line = said.next_line().await.unwrap().unwrap();
        if let Some(figure) = line.rsplit("MiB ").next().filter(|_| line.contains("MiB ")) {
            return figure.parse().unwrap();
        }
    }
}

/// The program that is measured: it follows the stream as the desktop app does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs as a process of the other test"]
async fn a_program_that_follows() {
    let Ok(url) = std::env::var(CONTROLLER) else {
        return;
    };
    let refresh = std::env::var(REFRESH).unwrap();
    let session = session(&url.parse().unwrap(), refresh, TestClock::new()).await;
    let device = Device::new(session, Arc::new(MemoryOnly::default()), "test");
    let prompts = Arc::<Recorder>::default();
    let client = LiveClient::start(device, prompts, 2);
    let mut model = client.model().watch();
    // The app draws from the model, and holds the last that it heard.
    let mut changes = client.model().watch();
    tokio::spawn(async move {
        let mut drawn = Arc::default();
        while changes.changed().await.is_ok() {
            drawn = Arc::clone(&changes.borrow_and_update());
        }
        drop::<Arc<Model>>(drawn);
    });
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    for least in [1, 10_000, 10_000] {
        model
            .wait_for(|model| model.resources.len() >= least)
            .await
            .unwrap();
        let _ = client
            .dialer()
            .resource(&"s00001.corp.example:443".parse().unwrap());
        tokio::time::sleep(Duration::from_secs(1)).await;
        println!("MiB {}", written());
        if lines.next_line().await.unwrap().is_none() {
            break;
        }
    }
}

/// The memory that this process has written, in MiB.
fn written() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|it| it.starts_with("RssAnon")).unwrap();
    let kib: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib / 1024.0
}
