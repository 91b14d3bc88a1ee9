//! An answer is a promise that survives power loss (rule 12): the kernel must have synced the
//! write-ahead log to disk before the caller is answered. Observed from outside, by strace.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use chrono::DateTime;
use futures_util::future::join_all;
use hourkey_domain::audit::AuditAction;
use hourkey_store::log::{Entity, Entry, Subject};
use hourkey_store::{Room, Store, StoreError};
use hourkey_store_sqlite::SqliteStore;
use tempfile::TempDir;
use tokio::sync::Notify;

/// Names the folder, in the process that is watched.
const FOLDER: &str = "HOURKEY_TEST_FOLDER";

/// How many works gather while the writer is held up.
const CROWD: usize = 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_disk_is_synced_before_the_answer() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return watched(Path::new(&folder)).await;
    }
    let folder = TempDir::new().unwrap();
    let trace = folder.path().join("trace");
    let output = Command::new("strace")
        .args([
            "-f",
            "-y",
            "-s",
            "64",
            "-e",
            "trace=write,pwrite64,fsync,fdatasync",
            "-o",
        ])
        .arg(&trace)
        .arg(std::env::current_exe().unwrap())
        .args([
            "the_disk_is_synced_before_the_answer",
            "--exact",
            "--nocapture",
        ])
        .env(FOLDER, OsString::from(folder.path().join("data")))
        .output()
        .expect("this test needs strace: install the package strace");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let trace = std::fs::read_to_string(trace).unwrap();
    let events = read(&trace);

    for step in ["0", "1", "2", "crowd"] {
        let began = position(&events, &Event::Said(format!("ask {step}")));
        let answered = position(&events, &Event::Said(format!("answered {step}")));
        let between = &events[began..answered];
        let written = between
            .iter()
            .rposition(|event| *event == Event::LogWritten);
        let written = written.unwrap_or_else(|| panic!("{step}: the log was not written\n{trace}"));
        assert!(
            between[written..].contains(&Event::LogSynced),
            "{step}: answered before the log was synced\n{trace}"
        );
        let syncs = between
            .iter()
            .filter(|event| **event == Event::LogSynced)
            .count();
        assert!(
            syncs <= 3,
            "{step}: works that wait together share a sync, here are {syncs}"
        );
    }
}

/// What is watched: says when it asks and when it is answered.
async fn watched(folder: &Path) {
    let store: Arc<dyn Store> = SqliteStore::open(folder).await.unwrap();
    for step in 0..3 {
        say(&format!("ask {step}"));
        record(&store).await.unwrap();
        say(&format!("answered {step}"));
    }
    let gate = Arc::new(Notify::new());
    let opened = Arc::clone(&gate);
    let first = store.write(
        Room::Usual,
        Box::new(move |_| {
            let opened = Arc::clone(&opened);
            Box::pin(async move {
                opened.notified().await;
                Ok(())
            })
        }),
    );
    let crowd = join_all((0..CROWD).map(|_| record(&store)));
    let opened = async {
        say("ask crowd");
        gate.notify_one();
    };
    let (first, crowd, ()) = tokio::join!(biased; first, crowd, opened);
    assert!(first.is_ok() && crowd.iter().all(Result::is_ok));
    say("answered crowd");
}

async fn record(store: &Arc<dyn Store>) -> Result<(), StoreError> {
    let work = store.write(
        Room::Usual,
        Box::new(|tx| {
            Box::pin(async move {
                tx.record(Entry {
                    at: DateTime::UNIX_EPOCH,
                    actor: None,
                    action: AuditAction::GroupChanged,
                    subject: Subject::Organisation {
                        entity: Entity::Any,
                    },
                    detail: serde_json::Value::Null,
                })
                .await?;
                Ok(())
            })
        }),
    );
    work.await
}

/// One system call.
fn say(word: &str) {
    std::io::stderr()
        .write_all(format!("{word}\n").as_bytes())
        .unwrap();
}

#[derive(Debug, PartialEq)]
enum Event {
    /// Bytes went to the write-ahead log.
    LogWritten,
    /// A sync of the write-ahead log returned with success.
    LogSynced,
    /// The watched process said this.
    Said(String),
}

fn position(events: &[Event], event: &Event) -> usize {
    events
        .iter()
        .position(|each| each == event)
        .unwrap_or_else(|| panic!("no {event:?}"))
}

/// The events of a trace: `PID call(FD<PATH>, …) = RESULT`, where another thread's call may come
/// between a call (`<unfinished ...>`) and its return (`<... call resumed>…`).
fn read(trace: &str) -> Vec<Event> {
    let mut begun: HashMap<&str, &str> = HashMap::new();
    let mut events = Vec::new();
    for line in trace.lines() {
        let Some((pid, rest)) = line.split_once(' ') else {
            continue;
        };
        let rest = rest.trim_start();
        let call = if rest.starts_with("<...") {
            begun.remove(pid).unwrap_or(rest)
        } else {
            rest
        };
        let is_log = call.contains("hourkey.db-wal>");
        if rest.contains("<unfinished") {
            begun.insert(pid, rest);
        } else if call.starts_with("fdatasync(") || call.starts_with("fsync(") {
            if is_log && rest.ends_with("= 0") {
                events.push(Event::LogSynced);
            }
        } else if is_log {
            events.push(Event::LogWritten);
        } else if call.starts_with("write(2<")
            && let Some((_, word)) = call.split_once('"')
            && let Some((word, _)) = word.split_once("\\n\"")
        {
            events.push(Event::Said(word.to_owned()));
        }
    }
    events
}
