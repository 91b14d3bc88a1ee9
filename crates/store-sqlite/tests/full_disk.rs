//! A disk that is full refuses writes and loses nothing; with room again, the store goes on.
//!
//! In one test the kernel's limit on the size of a file plays the full disk. It ends a process that
//! does not ignore its signal, so the test starts itself again, under a shell that has it ignored.
//! The other starts itself again beside a small disk of its own, which takes root or a namespace
//! for users.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use chrono::DateTime;
use hourkey_domain::audit::AuditAction;
use hourkey_store::log::{Entity, Entry, Subject};
use hourkey_store::{Room, Store, StoreError, transact};
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
        ["user.added", "user.removed"],
        "what was confirmed is there, and nothing else"
    );
}

async fn on_a_full_disk(folder: &Path) {
    let store: Arc<dyn Store> = SqliteStore::open(folder).await.unwrap();
    record(&store, AuditAction::UserAdded, 1).await.unwrap();

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
        let error = record(&store, AuditAction::UserChanged, 4_000_000)
            .await
            .unwrap_err();
        assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    }
    let read = store.read().await.unwrap().seq().await.unwrap();
    assert_eq!(read, 1, "what is there can still be read");

    setrlimit(Resource::Fsize, roomy).unwrap();
    assert_eq!(
        record(&store, AuditAction::UserRemoved, 1).await.unwrap(),
        2
    );
}

#[tokio::test]
async fn on_a_full_disk_what_ends_access_is_kept_and_nothing_else() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return ending_on_a_full_disk(Path::new(&folder)).await;
    }
    let folder = TempDir::new().unwrap();
    let mut unshare = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        unshare.args(["--user", "--map-root-user"]);
    }
    let output = unshare
        .args(["--mount", "sh", "-c"])
        .arg("mount -t tmpfs -o size=96m none \"$0\" && exec \"$@\"")
        .arg(folder.path())
        .arg(std::env::current_exe().unwrap())
        .args([
            "on_a_full_disk_what_ends_access_is_kept_and_nothing_else",
            "--exact",
        ])
        .env(FOLDER, folder.path())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

async fn ending_on_a_full_disk(disk: &Path) {
    let folder = disk.join("data");
    let store: Arc<dyn Store> = SqliteStore::open(&folder).await.unwrap();
    record(&store, AuditAction::UserAdded, 1).await.unwrap();
    let reserve = folder.join("hourkey.reserve");
    assert!(reserve.exists());

    // Others fill the disk, nearly and then wholly.
    let filler = disk.join("filler");
    let mut file = File::create(&filler).unwrap();
    for left in [8 << 20, 0] {
        fill(&mut file, disk, left);
        let error = record(&store, AuditAction::UserChanged, 1)
            .await
            .unwrap_err();
        assert!(matches!(error, StoreError::Full), "{error}");
        for _ in 0..200 {
            record_ending(&store, 1_000).await.unwrap();
        }
    }
    assert!(!reserve.exists(), "it made way");
    let error = record(&store, AuditAction::UserChanged, 1)
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Full), "{error}");
    // One that starts meanwhile ends access, too.
    let another: Arc<dyn Store> = SqliteStore::open(&folder).await.unwrap();
    record_ending(&another, 1).await.unwrap();
    assert!(record(&another, AuditAction::UserChanged, 1).await.is_err());

    drop(file);
    std::fs::remove_file(&filler).unwrap();
    record(&store, AuditAction::UserRemoved, 1).await.unwrap();
    assert!(reserve.exists(), "room is kept again");
    let audited = store.read().await.unwrap().audit(0, 1_000).await.unwrap();
    let endings = audited
        .iter()
        .filter(|it| it.action == "grant.revoked")
        .count();
    assert_eq!((endings, audited.len()), (401, 403));
}

/// Writes until only so many bytes are left on the disk.
fn fill(file: &mut File, disk: &Path, left: u64) {
    let zeros = [0; 4096];
    let free = || {
        let disk = rustix::fs::statvfs(disk).unwrap();
        disk.f_bavail * disk.f_frsize
    };
    while free() > left {
        file.write_all(&zeros).unwrap();
    }
}

async fn record_ending(store: &Arc<dyn Store>, bytes: usize) -> Result<i64, StoreError> {
    transact(store, Room::Kept, move |tx| {
        Box::pin(tx.record(entry(AuditAction::GrantRevoked, bytes)))
    })
    .await
}

/// Records an entry of about so many bytes, and answers its number.
async fn record(
    store: &Arc<dyn Store>,
    action: AuditAction,
    bytes: usize,
) -> Result<i64, StoreError> {
    transact(store, Room::Usual, move |tx| {
        Box::pin(tx.record(entry(action, bytes)))
    })
    .await
}

fn entry(action: AuditAction, bytes: usize) -> Entry {
    Entry {
        at: DateTime::UNIX_EPOCH,
        actor: None,
        action,
        subject: Subject::Organisation {
            entity: Entity::Any,
        },
        detail: serde_json::Value::String("x".repeat(bytes)),
    }
}
