//! What a database of an older version holds is understood after an upgrade.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::path::Path;

use chrono::{DateTime, TimeDelta};
use hourkey_domain::ids::{NoticeId, ResourceId, SessionId, UserId};
use hourkey_store::Store as _;
use hourkey_store::access::ReviewOf;
use hourkey_store_sqlite::SqliteStore;
use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, raw_sql};
use tempfile::TempDir;

/// Makes a database with the first `count` migrations, and what `sql` puts in.
async fn older(folder: &Path, count: usize, sql: &'static str) {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let some = TempDir::new().unwrap();
    let mut files: Vec<_> = std::fs::read_dir(all)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    for file in &files[..count] {
        std::fs::copy(file, some.path().join(file.file_name().unwrap())).unwrap();
    }
    let options = SqliteConnectOptions::new()
        .filename(folder.join("hourkey.db"))
        .create_if_missing(true);
    let mut connection = options.connect().await.unwrap();
    let migrator = Migrator::new(some.path()).await.unwrap();
    migrator
        .run_direct(None, &mut connection, false)
        .await
        .unwrap();
    raw_sql(sql).execute(&mut connection).await.unwrap();
}

#[tokio::test]
async fn sessions_end_when_they_would_have_and_consents_are_asked_for_again() {
    let folder = TempDir::new().unwrap();
    let rows = "INSERT INTO users (login, name, member, access_reviewer, admin, disabled)
            VALUES ('ann', 'Ann', 1, 0, 0, 0);
        INSERT INTO sessions (user_id, kind, label, created_at, last_seen, cookie) VALUES
            (1, 'browser', '', 0, 86400000, zeroblob(32)),
            (1, 'browser', '', 0, 2505600000, NULL),
            (1, 'cli', '', 0, 86400000, NULL),
            (1, 'desktop', '', 0, 7689600000, NULL);
        INSERT INTO device_codes VALUES
            (zeroblob(32), 'WAITS', 'hourkey-cli', '', 900000, NULL, NULL, 0),
            (randomblob(32), 'ALLOWED', 'hourkey-cli', '', 900000, NULL, 1, 0);
        INSERT INTO codes VALUES (zeroblob(32), 1, 'hourkey-cli', '', '', '', 60000, NULL);";
    older(folder.path(), 5, rows).await;
    let store = SqliteStore::open(folder.path()).await.unwrap();
    let mut read = store.read().await.unwrap();
    for (id, days) in [(1, 8), (2, 30), (3, 31), (4, 90)] {
        let session = read.session(SessionId(id)).await.unwrap().unwrap();
        let end = DateTime::UNIX_EPOCH + TimeDelta::days(days);
        assert_eq!(session.ends_at, end, "session {id}");
    }
    let mut host = async |code| read.device_code_by_user_code(code).await.unwrap();
    assert!(host("WAITS").await.is_some());
    assert!(host("ALLOWED").await.is_none());
    let code = read.code([0; 32]).await.unwrap().unwrap();
    let session = read.session(code.consent.session).await.unwrap();
    assert!(
        session.is_none(),
        "a consent of which nobody knows where it was given"
    );
}

#[tokio::test]
async fn notices_that_ask_for_a_review_are_known_by_their_requester() {
    let folder = TempDir::new().unwrap();
    let rows = r#"INSERT INTO users (login, name, member, access_reviewer, admin, disabled)
            VALUES ('ann', 'Ann', 1, 0, 0, 0), ('rae', 'Rae', 0, 1, 0, 0);
        INSERT INTO networks (name) VALUES ('Office');
        PRAGMA foreign_keys = OFF;
        INSERT INTO requests (user_id, resource_id, assignment_id, terms, reason, asked_seconds,
            created_at, lapses_at, ended_at, state, detail) VALUES (1, 1, 1, '{}', '', 60, 0, 1, 1, 'lapsed', '{}');
        INSERT INTO notices (seq, user_id, at, resource_id, resource_name, what) VALUES
            (1, 2, 0, 1, 'db', '{"kind":"please_review","request":1,"requester":"Ann",
                "reason":"","asked":60}'),
            (1, 1, 0, 1, 'db', '{"kind":"lapsed","request":1}');"#;
    older(folder.path(), 9, rows).await;
    let of = ReviewOf {
        reviewer: UserId(2),
        requester: UserId(1),
        resource: ResourceId(1),
    };
    let store = SqliteStore::open(folder.path()).await.unwrap();
    let mut read = store.read().await.unwrap();
    let found = read.review_notice(of).await.unwrap().unwrap();
    assert_eq!(found.id, NoticeId(1));
    let of = ReviewOf {
        reviewer: UserId(1),
        ..of
    };
    assert_eq!(read.review_notice(of).await.unwrap(), None);
}
