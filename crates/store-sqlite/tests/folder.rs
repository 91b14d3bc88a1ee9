//! What a data folder holds survives, stays private, and is not touched by the wrong program.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use futures_util::future::join_all;
use hourkey_domain::audit::AuditAction;
use hourkey_domain::ids::UserId;
use hourkey_domain::review::Role;
use hourkey_store::log::{Entity, Entry, Subject};
use hourkey_store::organisation::User;
use hourkey_store::{Room, Store, StoreError, transact};
use hourkey_store_sqlite::SqliteStore;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, query};
use tempfile::TempDir;

#[tokio::test]
async fn a_store_opened_again_shows_everything() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path()).await.unwrap();
    let id = add_user(&store, "kept").await;
    let before = store.read().await.unwrap().organisation().await.unwrap();
    drop(store);

    let store = open(folder.path()).await.unwrap();
    let mut read = store.read().await.unwrap();
    assert_eq!(read.organisation().await.unwrap(), before);
    assert_eq!(read.audit(0, 10).await.unwrap().len(), 1);
    let seq = read.seq().await.unwrap();
    assert_eq!(
        *store.changed().borrow(),
        seq,
        "the doorbell starts at what is there"
    );
    drop(read);
    assert!(add_user(&store, "next").await > id, "and ids go on");
}

#[tokio::test]
async fn nobody_else_may_look_inside() {
    let parent = TempDir::new().unwrap();
    let folder = parent.path().join("deep/data");
    let store = open(&folder).await.unwrap();
    add_user(&store, "private").await;
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    let files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|each| each.unwrap().path())
        .collect();
    assert!(
        files.iter().any(|path| path.ends_with("hourkey.db-wal")),
        "{files:?}"
    );
    for path in files {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }

    // A copy that was put back with the wrong mode is made private again.
    drop(store);
    let database = folder.join("hourkey.db");
    std::fs::set_permissions(&database, PermissionsExt::from_mode(0o644)).unwrap();
    open(&folder).await.unwrap();
    assert_eq!(mode(&database), 0o600);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_may_open_a_new_folder_at_once() {
    let parent = TempDir::new().unwrap();
    let folder = parent.path().join("data");
    let stores = join_all((0..8).map(|_| {
        let folder = folder.clone();
        tokio::spawn(async move { open(&folder).await })
    }));
    let stores: Vec<_> = stores
        .await
        .into_iter()
        .map(|store| store.unwrap().unwrap())
        .collect();
    for (number, store) in stores.iter().enumerate() {
        add_user(store, &format!("user{number}")).await;
    }
    let seen = stores[0]
        .read()
        .await
        .unwrap()
        .organisation()
        .await
        .unwrap();
    assert_eq!(seen.users.len(), 8);
}

#[tokio::test]
async fn what_a_newer_version_wrote_is_refused() {
    let folder = TempDir::new().unwrap();
    drop(open(folder.path()).await.unwrap());
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, \
                 execution_time) VALUES (9999, 'later', 1, x'00', 0)";
    change(folder.path(), newer).await;
    let why = SqliteStore::open(folder.path())
        .await
        .unwrap_err()
        .to_string();
    assert!(
        why.contains("written by another version of Hourkey"),
        "{why}"
    );
    assert!(why.contains("schema 9999"), "{why}");
    assert!(why.contains(folder.path().to_str().unwrap()), "{why}");

    change(
        folder.path(),
        "DELETE FROM _sqlx_migrations WHERE version = 9999",
    )
    .await;
    open(folder.path())
        .await
        .expect("refusing left it as it was");
}

#[tokio::test]
async fn what_is_no_database_is_refused_and_left_alone() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("hourkey.db");
    let text = "this is somebody's shopping list, and not a database at all\n".repeat(20);
    std::fs::write(&file, &text).unwrap();
    let why = SqliteStore::open(folder.path())
        .await
        .unwrap_err()
        .to_string();
    assert!(why.contains("not a database"), "{why}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);

    let not_a_folder = SqliteStore::open(&file).await.unwrap_err().to_string();
    assert!(not_a_folder.contains("hourkey.db: "), "{not_a_folder}");
}

#[tokio::test]
async fn a_damaged_row_is_an_error_and_no_guess() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path()).await.unwrap();
    add_user(&store, "one").await;
    change(
        folder.path(),
        "UPDATE audit SET subject = '{\"subject\":\"use\"}'",
    )
    .await;
    let error = store.read().await.unwrap().audit(0, 10).await.unwrap_err();
    assert!(
        matches!(&error, StoreError::Corrupt(what) if what.contains("subject")),
        "{error}"
    );
}

async fn open(folder: &Path) -> Result<Arc<dyn Store>, StoreError> {
    SqliteStore::open(folder)
        .await
        .map(|store| store as Arc<dyn Store>)
}

async fn add_user(store: &Arc<dyn Store>, login: &str) -> UserId {
    let user = User {
        id: UserId(0),
        login: login.to_owned(),
        name: login.to_owned(),
        email: None,
        roles: vec![Role::Member],
        disabled: false,
        since: None,
    };
    let added: Result<UserId, StoreError> = transact(store, Room::Usual, |tx| {
        Box::pin(async move {
            tx.record(Entry {
                at: chrono::DateTime::UNIX_EPOCH,
                actor: None,
                action: AuditAction::UserAdded,
                subject: Subject::Organisation {
                    entity: Entity::Any,
                },
                detail: serde_json::Value::Null,
            })
            .await?;
            tx.insert_user(user).await
        })
    })
    .await;
    added.unwrap()
}

/// Changes the database behind the store's back.
async fn change(folder: &Path, sql: &'static str) {
    let options = SqliteConnectOptions::new().filename(folder.join("hourkey.db"));
    let mut connection = options.connect().await.unwrap();
    query(sql).execute(&mut connection).await.unwrap();
}
