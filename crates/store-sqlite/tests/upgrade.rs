//! What a database of an older version holds is understood after an upgrade.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use hourkey_domain::cause::Cause;
use hourkey_domain::grant::{State as GrantState, Window};
use hourkey_domain::ids::{
    DeviceId, GrantId, GroupId, NoticeId, RequestId, ResourceId, SessionId, UserId,
};
use hourkey_domain::reason::Text;
use hourkey_domain::request::{Purpose, State as RequestState};
use hourkey_protocol::account::SessionKind;
use hourkey_store::Store as _;
use hourkey_store::access::{OpenFilter, ReviewOf};
use hourkey_store::log::{Entity, Subject};
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

/// All that people, time and gateways do to a database, as schema 12 kept it.
const VERSION_12: &str = include_str!("version_12.sql");

#[tokio::test]
async fn everything_that_version_12_kept_is_read_back() {
    let folder = TempDir::new().unwrap();
    let options = SqliteConnectOptions::new()
        .filename(folder.path().join("hourkey.db"))
        .create_if_missing(true);
    let mut connection = options.connect().await.unwrap();
    raw_sql(VERSION_12).execute(&mut connection).await.unwrap();
    drop(connection);
    let store = SqliteStore::open(folder.path()).await.unwrap();
    let mut read = store.read().await.unwrap();
    let (ann, ben, rae, roy) = (UserId(1), UserId(2), UserId(3), UserId(4));
    let (wiki, database, logs, vault, payroll) = (
        ResourceId(1),
        ResourceId(2),
        ResourceId(3),
        ResourceId(4),
        ResourceId(5),
    );
    let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    let start = at("2030-01-01T00:00:00Z");
    let night = at("2030-01-09T00:00:00Z");

    let open = read.open(OpenFilter::default()).await.unwrap();
    let waits = open.requests.iter().map(|it| {
        let purpose = it.terms.purpose;
        (it.id.0, it.user, it.resource, purpose, it.reason.as_str())
    });
    assert_eq!(
        waits.collect::<Vec<_>>(),
        [
            (2, rae, payroll, Purpose::Unlock, "Back from leave"),
            (8, ben, database, Purpose::Grant, "An index"),
        ]
    );
    let runs = open.grants.iter().map(|it| {
        let Window {
            starts_at,
            expires_at,
        } = it.window;
        (it.user, it.resource, &it.state, starts_at, expires_at)
    });
    let two = at("2030-01-09T02:00:00Z");
    let one = at("2030-01-09T01:00:00Z");
    let [release, over] = [at("2030-01-10T20:00:00Z"), at("2030-01-10T21:00:00Z")];
    assert_eq!(
        runs.collect::<Vec<_>>(),
        [
            (ann, database, &GrantState::Active, night, two),
            (ben, logs, &GrantState::Active, night, one),
            (ann, logs, &GrantState::Scheduled, release, over),
        ]
    );

    let denied = read.request(RequestId(3)).await.unwrap().unwrap();
    let comment = Text::new("Not before the audit is over").unwrap();
    let by = roy;
    assert_eq!(
        denied.state,
        RequestState::Denied {
            on_behalf_of: None,
            at: night,
            by,
            comment
        }
    );
    let name = read.name_when_asked(RequestId(3)).await.unwrap();
    assert_eq!(name.as_deref(), Some("Vault"));
    let revoked = read.grant(GrantId(1)).await.unwrap().unwrap();
    let GrantState::Revoked {
        by, cause, comment, ..
    } = &revoked.state
    else {
        panic!("{revoked:?}");
    };
    assert_eq!((*by, *cause), (Some(roy), Cause::Person));
    assert_eq!(comment.as_str(), "The shift is over");

    let mut history = async |user, resource| {
        let found = read.access_history(user, Some(resource)).await.unwrap();
        found[0].1
    };
    let refused = history(ann, vault).await;
    assert_eq!(
        (refused.denied_at, refused.denied),
        (Some(night), Some(RequestId(3)))
    );
    assert_eq!(history(ben, vault).await.revoked_at, Some(night));
    let counts = [
        (ann, Some(night), Some(night)),
        (ben, None, Some(start)),
        (rae, None, Some(start)),
    ];
    for (user, used_at, counted_from) in counts {
        let found = history(user, payroll).await;
        assert_eq!(
            (found.used_at, found.counted_from),
            (used_at, counted_from),
            "{user}"
        );
    }

    let notices = read.notices(ann, 0, 100).await.unwrap();
    let said = notices.iter().map(|it| {
        let what = serde_json::to_value(&it.what).unwrap();
        let comment = what["comment"].as_str().unwrap().to_owned();
        let kind = what["kind"].as_str().unwrap().to_owned();
        (it.id.0, it.resource_name.as_str(), kind, comment)
    });
    let expected = [
        (19, "Logs", "approved", ""),
        (17, "Database", "approved", "Two hours will do"),
        (10, "Vault", "denied", "Not before the audit is over"),
        (4, "Payroll", "unlocked", ""),
    ];
    let own = expected.map(|(id, of, kind, comment)| (id, of, kind.to_owned(), comment.to_owned()));
    assert_eq!(said.collect::<Vec<_>>(), own);

    let sessions = read.sessions().await.unwrap();
    let of = |kind| sessions.iter().filter(|it| it.kind == kind).count();
    let kinds = [
        SessionKind::Browser,
        SessionKind::Desktop,
        SessionKind::Cli,
        SessionKind::Headless,
    ];
    assert_eq!(kinds.map(of), [1, 13, 1, 1]);
    let browser = read.session_by_cookie([7; 32]).await.unwrap().unwrap();
    assert_eq!(
        (browser.user, browser.ends_at),
        (ann, start + TimeDelta::days(12))
    );
    let device = read.device(DeviceId(1)).await.unwrap().unwrap();
    assert_eq!(
        (device.user, device.session, &*device.name),
        (ann, SessionId(2), "laptop")
    );
    let gateways = read.gateways().await.unwrap();
    assert_eq!(
        (gateways.len(), &*gateways[0].address),
        (1, "gw.corp.example:8443")
    );
    let mut ends = Vec::new();
    for resource in [wiki, payroll] {
        let found = read.connections(ann, resource, start, two, 10).await;
        let found = found.unwrap();
        ends.push((
            found.len(),
            found[0].end.map(|end| (end.sent, end.received)),
        ));
    }
    assert_eq!(ends, [(1, Some((7, 8))), (1, None)]);
    assert_eq!(read.audit(0, 100).await.unwrap().len(), 21);
    assert_eq!(read.seq().await.unwrap(), 21);
}

/// A group that was kept by hand under the name of the built-in one keeps all but its name: nobody's access
/// widens.
#[tokio::test]
async fn a_group_called_everyone_gives_way_to_the_built_in_one() {
    let folder = TempDir::new().unwrap();
    let rows = r#"INSERT INTO users (login, name, member, access_reviewer, admin, disabled)
            VALUES ('ann', 'Ann', 1, 0, 0, 0), ('ben', 'Ben', 1, 0, 0, 0);
        INSERT INTO groups (name, removed) VALUES
            ('Everyone', 0), ('Everyone (listed)', 0), ('EVERYONE', 0), ('Everyone', 1), ('Ops', 0);
        INSERT INTO memberships (user_id, group_id, since) VALUES (1, 1, 7), (2, 3, 8);
        INSERT INTO networks (name) VALUES ('Office');
        INSERT INTO resources (name, address, ports, network_id, tags, mode, period, period_seconds, approval,
            lock_after) VALUES ('Wiki', 'wiki.corp', '', 1, '[]', 'auto_lock', 'preset', 60, 'manual', 7);
        INSERT INTO approvers VALUES (1, 1);
        INSERT INTO fallback_reviewers VALUES (1);
        INSERT INTO assignments (group_id, resource_id, auto_locks_since) VALUES (1, 1, 5);
        INSERT INTO audit (at, action, subject, detail)
            VALUES (9000000000000, 'user.added', '{"subject":"mail"}', '{}');"#;
    older(folder.path(), 24, rows).await;
    let store = SqliteStore::open(folder.path()).await.unwrap();
    let mut read = store.read().await.unwrap();
    let organisation = read.organisation().await.unwrap();
    let groups = organisation.groups.iter();
    let groups: Vec<_> = groups.map(|it| (&*it.name, it.members.len())).collect();
    assert_eq!(
        groups,
        [
            ("Everyone (listed 2)", 1),
            ("Everyone (listed)", 0),
            ("EVERYONE (listed)", 1),
            ("Ops", 0)
        ]
    );
    let listed = organisation.groups[0].id;
    assert_eq!(organisation.resources[0].approvers, [listed]);
    assert_eq!(organisation.fallback_reviewers, [listed]);
    let (ann, ben) = (UserId(1), UserId(2));
    assert_eq!(read.reachable(ann, None).await.unwrap().len(), 1);
    assert_eq!(read.reachable(ben, None).await.unwrap().len(), 0);
    let everyone = read.group_name(GroupId::EVERYONE).await.unwrap();
    assert_eq!(everyone.as_deref(), Some("Everyone"));
    // What was kept of the past names it as it was called.
    let removed = read.group_name(GroupId(4)).await.unwrap();
    assert_eq!(removed.as_deref(), Some("Everyone"));

    let audited = read.audit(1, 10).await.unwrap();
    let said = audited.iter().map(|entry| {
        assert_eq!((&*entry.action, entry.actor), ("group.changed", None));
        assert_eq!(entry.at.timestamp_millis(), 9_000_000_000_000);
        (entry.subject, entry.detail.to_string())
    });
    let group = |id| Subject::Organisation {
        entity: Entity::Group(GroupId(id)),
    };
    let became =
        |before: &str, after: &str| format!(r#"{{"after":"{after}","before":"{before}"}}"#);
    assert_eq!(
        said.collect::<Vec<_>>(),
        [
            (group(1), became("Everyone", "Everyone (listed 2)")),
            (group(3), became("EVERYONE", "EVERYONE (listed)")),
        ]
    );
    assert_eq!(read.changes_since(1, 10).await.unwrap().unwrap().len(), 2);
    assert_eq!(read.seq().await.unwrap(), 3);
}

/// Who was there before the built-in group counts its unused days from when it is given to them.
#[tokio::test]
async fn who_was_there_counts_from_the_assignment() {
    let folder = TempDir::new().unwrap();
    let rows = "INSERT INTO users (login, name, member, access_reviewer, admin, disabled)
            VALUES ('ann', 'Ann', 1, 0, 0, 0);";
    older(folder.path(), 24, rows).await;
    let store = SqliteStore::open(folder.path()).await.unwrap();
    let mut read = store.read().await.unwrap();
    let ann = read.user(UserId(1)).await.unwrap().unwrap();
    assert_eq!(ann.since, Some(DateTime::UNIX_EPOCH));
    assert_eq!(read.organisation().await.unwrap().groups, []);
    assert_eq!(read.audit(0, 10).await.unwrap(), []);
}
/// What is kept may be longer from now on, and nothing else changes: the rows, what refers to them, and every
/// other check.
#[tokio::test]
async fn access_of_365_days_is_kept_where_7_were_the_most() {
    let folder = TempDir::new().unwrap();
    let options = SqliteConnectOptions::new()
        .filename(folder.path().join("hourkey.db"))
        .create_if_missing(true);
    let mut connection = options.connect().await.unwrap();
    raw_sql(VERSION_12).execute(&mut connection).await.unwrap();
    let refused = raw_sql(LONG_PRESET).execute(&mut connection).await;
    assert!(refused.is_err());
    drop(connection);
    drop(SqliteStore::open(folder.path()).await.unwrap());

    let mut connection = options.foreign_keys(true).connect().await.unwrap();
    let mut column = async |sql: &'static str| {
        let rows = sqlx::query_scalar::<_, String>(sql);
        rows.fetch_all(&mut connection).await.unwrap()
    };
    assert_eq!(column("PRAGMA integrity_check").await, ["ok"]);
    assert_eq!(
        column("SELECT \"table\" FROM pragma_foreign_key_check").await,
        [""; 0]
    );
    let old =
        column("SELECT name FROM sqlite_schema WHERE sql LIKE '%BETWEEN 60 AND 604800%'").await;
    assert_eq!(old, [""; 0]);
    let counts = "SELECT concat((SELECT count(*) FROM resources), ' ', (SELECT count(*) FROM assignments), ' ', \
         (SELECT count(*) FROM requests), ' ', (SELECT count(*) FROM grants))";
    assert_eq!(column(counts).await, ["5 6 8 4"]);
    for (sql, is_taken) in [
        (LONG_PRESET, true),
        (
            "UPDATE resources SET period = 'preset', period_seconds = 31536001",
            false,
        ),
        (
            "UPDATE resources SET period = 'custom', period_seconds = 604801",
            false,
        ),
        (
            "UPDATE resources SET period = 'custom', period_seconds = 604800",
            true,
        ),
        ("UPDATE resources SET period_seconds = 59", false),
        (
            "UPDATE assignments SET period = 'preset', period_seconds = 31536000",
            true,
        ),
        ("UPDATE assignments SET period = 'custom'", false),
        ("UPDATE assignments SET period = NULL", false),
        ("UPDATE requests SET asked_seconds = 31536000", true),
        ("UPDATE requests SET asked_seconds = 31536001", false),
        ("UPDATE requests SET asked_seconds = 0", false),
        ("DELETE FROM resources", false),
    ] {
        let done = raw_sql(sql).execute(&mut connection).await;
        assert_eq!(done.is_ok(), is_taken, "{sql}: {done:?}");
    }
}

const LONG_PRESET: &str =
    "UPDATE resources SET period = 'preset', period_seconds = 31536000, recommended_seconds = NULL";
