//! Several processes on one folder: a command beside the running controller. Each test starts
//! itself again as the other process, told so by the environment.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use hourkey_domain::audit::AuditAction;
use hourkey_store::log::{Entity, Entry, Subject};
use hourkey_store::{Room, Store, StoreError, transact};
use hourkey_store_sqlite::SqliteStore;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};
use tokio::sync::watch;
use tokio::time::timeout;

/// Names the folder, in the other process.
const FOLDER: &str = "HOURKEY_TEST_FOLDER";

/// Longer than anything here takes on the slowest machine.
const TIMEOUT: Duration = Duration::from_secs(60);

#[tokio::test]
async fn processes_hear_of_each_others_changes() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        let store = open(Path::new(&folder)).await;
        let mut doorbell = store.changed();
        assert_eq!(
            *doorbell.borrow_and_update(),
            1,
            "what is there already is seen at once"
        );
        let seq = record(&store, AuditAction::UserAdded).await;
        say("recorded");
        heard(&mut doorbell, seq + 1).await;
        return say("heard");
    }
    let folder = TempDir::new().unwrap();
    let store = open(folder.path()).await;
    let mut doorbell = store.changed();
    record(&store, AuditAction::UserChanged).await;
    let (mut other, mut lines) = other("processes_hear_of_each_others_changes", folder.path());

    expect(&mut lines, "recorded").await;
    heard(&mut doorbell, 2).await;
    let mut read = store.read().await.unwrap();
    let actions: Vec<_> = read
        .audit(0, 10)
        .await
        .unwrap()
        .into_iter()
        .map(|it| it.action)
        .collect();
    assert_eq!(
        actions,
        ["user.changed", "user.added"],
        "and the change can be read"
    );
    drop(read);

    assert_eq!(record(&store, AuditAction::UserChanged).await, 3);
    expect(&mut lines, "heard").await;
    assert!(
        timeout(TIMEOUT, other.wait())
            .await
            .unwrap()
            .unwrap()
            .success()
    );
}

#[tokio::test]
async fn a_process_killed_in_the_middle_leaves_nothing_and_blocks_nobody() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        let store = open(Path::new(&folder)).await;
        let never: Result<(), StoreError> = transact(&store, Room::Usual, |tx| {
            Box::pin(async move {
                tx.record(entry(AuditAction::UserRemoved)).await?;
                say("inside");
                std::future::pending().await
            })
        })
        .await;
        return never.unwrap();
    }
    let folder = TempDir::new().unwrap();
    let store = open(folder.path()).await;
    let name = "a_process_killed_in_the_middle_leaves_nothing_and_blocks_nobody";
    let (mut other, mut lines) = other(name, folder.path());
    expect(&mut lines, "inside").await;

    // This one waits for the other's transaction, which never ends by itself.
    let waiting = tokio::spawn({
        let store = Arc::clone(&store);
        async move { record(&store, AuditAction::UserChanged).await }
    });
    assert_eq!(
        store.read().await.unwrap().seq().await.unwrap(),
        0,
        "reads do not wait"
    );
    other.kill().await.unwrap();
    assert_eq!(timeout(TIMEOUT, waiting).await.unwrap().unwrap(), 1);
    let audited = store.read().await.unwrap().audit(0, 10).await.unwrap();
    assert_eq!(audited.len(), 1);
    assert_eq!(audited[0].action, "user.changed");
}

/// Starts the test of this name again, as the other process; its words come line by line.
fn other(test: &str, folder: &Path) -> (Child, Lines<BufReader<ChildStderr>>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(FOLDER, OsString::from(folder))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    (child, lines)
}

async fn expect(lines: &mut Lines<BufReader<ChildStderr>>, word: &str) {
    let mut said = Vec::new();
    while let Some(line) = timeout(TIMEOUT, lines.next_line()).await.unwrap().unwrap() {
        if line == word {
            return;
        }
        said.push(line);
    }
    panic!("the other process ended without saying {word:?}, but: {said:#?}");
}

fn say(word: &str) {
    std::io::stderr()
        .write_all(format!("{word}\n").as_bytes())
        .unwrap();
}

async fn heard(doorbell: &mut watch::Receiver<i64>, seq: i64) {
    let rung = timeout(TIMEOUT, doorbell.wait_for(|now| *now >= seq)).await;
    rung.expect("the doorbell rings for the other process")
        .unwrap();
}

async fn open(folder: &Path) -> Arc<dyn Store> {
    SqliteStore::open(folder).await.unwrap()
}

async fn record(store: &Arc<dyn Store>, action: AuditAction) -> i64 {
    let seq: Result<i64, StoreError> = transact(store, Room::Usual, move |tx| {
        Box::pin(async move { tx.record(entry(action)).await })
    })
    .await;
    seq.unwrap()
}

fn entry(action: AuditAction) -> Entry {
    Entry {
        at: DateTime::UNIX_EPOCH,
        actor: None,
        action,
        subject: Subject::Organisation {
            entity: Entity::Any,
        },
        detail: serde_json::Value::Null,
    }
}
