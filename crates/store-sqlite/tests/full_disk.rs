//! A disk that is full refuses writes and loses nothing; with room again, the store goes on.
//!
//! The kernel's limit on the size of a file plays the full disk. It ends a process that does not
//! ignore its signal, so the test starts itself again, under a shell that has it ignored.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use chrono::DateTime;
use hourkey_store::log::{Entry, Subject};
use hourkey_store::{Store, StoreError, transact};
use hourkey_store_sqlite::SqliteStore;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tempfile::TempDir;

/// Names the folder, in the process whose disk is full.
const FOLDER: &str = "HOURKEY_TEST_FOLDER";

#[tokio::test]
async fn a_full_disk_refuses_and_with_room_again_the_store_goes_on() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return on_a_full_disk(Path::new(&folder)).await;
    }
    let folder = TempDir::new().unwrap();
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args([
            "a_full_disk_refuses_and_with_room_again_the_store_goes_on",
            "--exact",
        ])
        .env(FOLDER, folder.path())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );

    let store = SqliteStore::open(folder.path()).await.unwrap();
    let audited = store.read().await.unwrap().audit(0, 10).await.unwrap();
    let actions: Vec<_> = audited.into_iter().map(|entry| entry.action).collect();
    assert_eq!(
        actions,
        ["before", "after"],
        "what was confirmed is there, and nothing else"
    );
}

async fn on_a_full_disk(folder: &Path) {
    let store: Arc<dyn Store> = SqliteStore::open(folder).await.unwrap();
    record(&store, "before", 1).await.unwrap();

    let roomy = getrlimit(Resource::Fsize);
    setrlimit(
        Resource::Fsize,
        Rlimit {
            current: Some(600_000),
            ..roomy
        },
    )
    .unwrap();
    for _ in 0..3 {
        let error = record(&store, "too.much", 4_000_000).await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    }
    let read = store.read().await.unwrap().seq().await.unwrap();
    assert_eq!(read, 1, "what is there can still be read");

    setrlimit(Resource::Fsize, roomy).unwrap();
    assert_eq!(record(&store, "after", 1).await.unwrap(), 2);
}

/// Records an entry of about so many bytes, and answers its number.
async fn record(
    store: &Arc<dyn Store>,
    action: &'static str,
    bytes: usize,
) -> Result<i64, StoreError> {
    transact(store, move |tx| {
        Box::pin(async move {
            let at = DateTime::UNIX_EPOCH;
            let detail = serde_json::Value::String("x".repeat(bytes));
            let (actor, subject) = (None, Subject::Organisation);
            tx.record(Entry {
                at,
                actor,
                action,
                subject,
                detail,
            })
            .await
        })
    })
    .await
}
