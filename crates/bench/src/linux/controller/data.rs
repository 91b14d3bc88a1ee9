//! A data folder that is filled by statements: thousands of people, who would take hours by the pages.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use hourkey_access::clock::{Clock as _, SystemClock};
use hourkey_domain::Time;
use hourkey_testkit::controller::Controller;
use sha2::{Digest as _, Sha256};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, query, query_as, query_scalar};

/// Who administers, and is in no group but that of everybody.
pub(crate) const ADMINISTRATOR: i64 = 1;

/// The group that everybody is in. Others follow.
pub(crate) const EVERYBODY: i64 = 1;

const DAY_MS: i64 = 86_400_000;

/// How large the organisation is. Ids count from 1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) people: i64,
    /// Groups beside that of everybody.
    pub(crate) groups: i64,
    /// In how many of these each person is.
    pub(crate) groups_of_each: i64,
    pub(crate) resources: i64,
    /// The first so many resources are everybody's.
    pub(crate) of_everybody: i64,
    /// Those lock when they are not used, which is counted for each person; else they are asked for.
    pub(crate) auto_lock: bool,
    /// How many groups have each of the other resources.
    pub(crate) groups_with_each: i64,
}

/// What a parameter of a statement stands for.
pub(crate) enum Value {
    Number(i64),
    Text(String),
    Nothing,
}

/// A controller's database, by a connection of our own.
pub(crate) struct Data(SqliteConnection);

impl Data {
    pub(crate) async fn open(controller: &Controller) -> Result<Self> {
        Self::of_folder(&controller.data()).await
    }

    pub(crate) async fn of_folder(folder: &Path) -> Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(folder.join("hourkey.db"))
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(30));
        let connection = SqliteConnection::connect_with(&options).await?;
        Ok(Self(connection))
    }

    /// Makes the organisation in a database that has none.
    pub(crate) async fn fill(&mut self, shape: Shape) -> Result<()> {
        let Shape {
            people,
            groups,
            groups_of_each,
            resources,
            of_everybody,
            auto_lock,
            groups_with_each,
        } = shape;
        let mode = if auto_lock {
            "auto_lock"
        } else {
            "access_request"
        };
        // Whose groups lie that far apart, so that everybody's differ.
        let apart = groups / groups_of_each.max(1);
        let apart_with = groups / groups_with_each.max(1);
        let now = now_ms();
        self.run(format!(
            "BEGIN;
             UPDATE organisation SET name = 'Measured', setup_code = NULL;
             INSERT INTO networks (id, name) VALUES (1, 'Network');
             {numbers} {people})
                INSERT INTO users (id, login, name, member, access_reviewer, admin, disabled)
                SELECT i, 'user' || i, 'User ' || i, 1, 0, i = {ADMINISTRATOR}, 0 FROM n;
             {numbers} {groups} + 1)
                INSERT INTO groups (id, name) SELECT i, 'Group ' || i FROM n;
             {numbers} {people})
                INSERT INTO memberships (user_id, group_id) SELECT i, {EVERYBODY} FROM n;
             WITH RECURSIVE n(i, j) AS (SELECT 1, 0 WHERE {groups_of_each} > 0 UNION ALL
                SELECT iif(j + 1 < {groups_of_each}, i, i + 1), (j + 1) % {groups_of_each} FROM n
                WHERE i < {people} OR j + 1 < {groups_of_each})
                INSERT INTO memberships (user_id, group_id)
                SELECT i, 2 + (i + j * {apart}) % {groups} FROM n;
             {numbers} {resources})
                INSERT INTO resources (id, name, address, ports, network_id, tags, mode, period,
                    period_seconds, approval, lock_after)
                SELECT i, 'Resource ' || i, 'r' || i || '.corp.example', '443', 1, '[]',
                    iif(i <= {of_everybody}, '{mode}', 'access_request'), 'custom', 7200,
                    'manual', 30 FROM n;
             {numbers} {of_everybody})
                INSERT INTO assignments (group_id, resource_id)
                SELECT {EVERYBODY}, i FROM n WHERE {of_everybody} > 0;
             WITH RECURSIVE n(i, j) AS (SELECT {of_everybody} + 1, 0 WHERE {groups_with_each} > 0
                UNION ALL
                SELECT iif(j + 1 < {groups_with_each}, i, i + 1), (j + 1) % {groups_with_each}
                FROM n WHERE i < {resources} OR j + 1 < {groups_with_each})
                INSERT INTO assignments (group_id, resource_id)
                SELECT 2 + (i + j * {apart_with}) % {groups}, i FROM n;
             UPDATE memberships SET since = {now};
                UPDATE assignments SET auto_locks_since = {now} WHERE resource_id IN
                (SELECT id FROM resources WHERE mode = 'auto_lock');
             COMMIT",
            numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i <",
        ))
        .await
    }

    /// Signs these people in, and returns their access tokens.
    pub(crate) async fn sign_in(
        &mut self,
        people: impl IntoIterator<Item = i64>,
    ) -> Result<Vec<String>> {
        let now = now_ms();
        let mut tokens = Vec::new();
        let mut tx = self.0.begin().await?;
        for user in people {
            let session = query(
                "INSERT INTO sessions (user_id, kind, label, created_at, last_seen, ends_at) \
                 VALUES (?, 'cli', 'measured', ?, ?, ?)",
            );
            let session = session.bind(user).bind(now).bind(now);
            let session = session.bind(now + 30 * DAY_MS).execute(&mut *tx).await?;
            let session = session.last_insert_rowid();
            let token = format!("token-of-session-{session}");
            query("INSERT INTO access_tokens (token, session_id, expires_at) VALUES (?, ?, ?)")
                .bind(Sha256::digest(&token).to_vec())
                .bind(session)
                .bind(now + DAY_MS)
                .execute(&mut *tx)
                .await?;
            tokens.push(token);
        }
        tx.commit().await?;
        Ok(tokens)
    }

    /// Signs a person in in a browser, and returns its cookie.
    pub(crate) async fn open_browser(&mut self, user: i64) -> Result<String> {
        let now = now_ms();
        let cookie = format!("cookie-of-user-{user}");
        let session = query(
            "INSERT INTO sessions (user_id, kind, label, created_at, last_seen, ends_at, cookie) \
             VALUES (?, 'browser', 'measured', ?, ?, ?, ?)",
        );
        let session = session.bind(user).bind(now).bind(now);
        let session = session.bind(now + 30 * DAY_MS);
        let session = session.bind(Sha256::digest(&cookie).to_vec());
        session.execute(&mut self.0).await?;
        Ok(cookie)
    }

    /// Gives so many groups a resource that they do not have.
    pub(crate) async fn scatter(&mut self, resource: i64, groups: i64) -> Result<()> {
        self.run(format!(
            "INSERT INTO assignments (group_id, resource_id) SELECT id, {resource} FROM groups
                WHERE id > {EVERYBODY} AND id NOT IN
                    (SELECT group_id FROM assignments WHERE resource_id = {resource})
                LIMIT {groups}"
        ))
        .await
    }

    /// Changes how long a resource opens, as the controller's own command does it; returns when that
    /// is on disk.
    pub(crate) async fn change(&mut self, resource: i64, seconds: i64) -> Result<()> {
        let now = now_ms();
        let subject = format!(
            "{{\"subject\":\"organisation\",\"entity\":{{\"kind\":\"resource\",\"id\":{resource}}}}}"
        );
        self.run(format!(
            "BEGIN IMMEDIATE;
             UPDATE resources SET period_seconds = {seconds} WHERE id = {resource};
             INSERT INTO audit (at, action, subject, detail)
                VALUES ({now}, 'resource.changed', '{subject}', '{{}}');
             INSERT INTO change_log (seq, at, subject)
                VALUES (last_insert_rowid(), {now}, '{subject}');
             COMMIT"
        ))
        .await
    }

    /// Gives the grant that there is, to other people, too: one to each of `people`, each for another
    /// resource of everybody's.
    pub(crate) async fn grant_to(
        &mut self,
        people: std::ops::Range<i64>,
        of_everybody: i64,
    ) -> Result<()> {
        let count: i64 = query_scalar("SELECT count(*) FROM grants WHERE state = 'active'")
            .fetch_one(&mut self.0)
            .await?;
        if count != 1 {
            bail!("{count} grants run, where one is copied");
        }
        let first: i64 = query_scalar("SELECT max(id) FROM requests")
            .fetch_one(&mut self.0)
            .await?;
        let std::ops::Range { start, end } = people;
        self.run(format!(
            "BEGIN IMMEDIATE;
             CREATE TEMP TABLE given AS WITH RECURSIVE n(i) AS (
                SELECT {start} UNION ALL SELECT i + 1 FROM n WHERE i < {end} - 1)
                SELECT {first} + 1 + i - {start} AS request, i AS user, a.resource_id AS resource,
                    a.id AS assignment
                FROM n JOIN assignments a
                ON a.group_id = {EVERYBODY} AND a.resource_id = 1 + i % {of_everybody};
             INSERT INTO requests (id, user_id, resource_id, assignment_id, terms, reason,
                asked_seconds, starts_at, created_at, lapses_at, state, ended_at, detail,
                resource_name)
                SELECT given.request, user, resource, assignment,
                    json_set(terms, '$.assignment', assignment), reason, asked_seconds, starts_at,
                    created_at, lapses_at, state, ended_at, detail, 'Resource ' || resource
                FROM given, (SELECT * FROM requests WHERE state = 'approved');
             INSERT INTO grants (request_id, user_id, resource_id, assignment_id, starts_at,
                expires_at, state, ended_at, revoked_by, detail)
                SELECT given.request, given.user, given.resource, given.assignment, starts_at,
                    expires_at, state, ended_at, revoked_by, detail
                FROM given, (SELECT * FROM grants WHERE state = 'active');
             DROP TABLE given;
             COMMIT"
        ))
        .await
    }

    /// Lets a group approve for a resource, with this one member.
    pub(crate) async fn approve_by(
        &mut self,
        resource: i64,
        group: i64,
        member: i64,
    ) -> Result<()> {
        self.run(format!(
            "INSERT INTO memberships (user_id, group_id) VALUES ({member}, {group});
             INSERT INTO approvers (resource_id, group_id) VALUES ({resource}, {group})"
        ))
        .await
    }

    /// The first column of the first row.
    pub(crate) async fn text(&mut self, sql: &'static str) -> Result<String> {
        Ok(query_scalar(sql).fetch_one(&mut self.0).await?)
    }

    /// Runs a statement without parameters.
    pub(crate) async fn raw(&mut self, sql: &'static str) -> Result<()> {
        sqlx::raw_sql(sql).execute(&mut self.0).await?;
        Ok(())
    }

    /// Runs a statement with its parameters, and returns the id that it inserted last.
    pub(crate) async fn bound(&mut self, sql: &'static str, values: Vec<Value>) -> Result<i64> {
        let mut statement = query(sql);
        for value in values {
            statement = match value {
                Value::Number(number) => statement.bind(number),
                Value::Text(text) => statement.bind(text),
                Value::Nothing => statement.bind(None::<i64>),
            };
        }
        if sql.starts_with("SELECT") {
            statement
                .fetch_all(&mut self.0)
                .await
                .with_context(|| sql)?;
            return Ok(0);
        }
        let done = statement.execute(&mut self.0).await.with_context(|| sql)?;
        Ok(done.last_insert_rowid())
    }

    /// Whether somebody else writes at this moment.
    pub(crate) async fn is_held(&mut self) -> Result<bool> {
        match self.0.execute("BEGIN IMMEDIATE").await {
            Ok(_) => {
                self.0.execute("ROLLBACK").await?;
                Ok(false)
            }
            Err(sqlx::Error::Database(error)) if error.message().contains("locked") => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    /// Lets [`Self::is_held`] answer at once.
    pub(crate) async fn never_wait(&mut self) -> Result<()> {
        self.run("PRAGMA busy_timeout = 0".to_owned()).await
    }

    /// What these people may ask for: who for what, each in turn.
    pub(crate) async fn asked_for(
        &mut self,
        people: std::ops::Range<i64>,
    ) -> Result<Vec<(i64, i64)>> {
        let pairs = query_as(
            "SELECT m.user_id, a.resource_id FROM memberships m \
             JOIN assignments a ON a.group_id = m.group_id \
             JOIN resources r ON r.id = a.resource_id \
             WHERE m.user_id >= ? AND m.user_id < ? AND r.mode = 'access_request' \
             ORDER BY row_number() OVER (PARTITION BY m.user_id ORDER BY a.resource_id)",
        );
        let pairs = pairs.bind(people.start).bind(people.end);
        Ok(pairs.fetch_all(&mut self.0).await?)
    }

    async fn run(&mut self, statements: String) -> Result<()> {
        let run = sqlx::raw_sql(AssertSqlSafe(statements.clone())).execute(&mut self.0);
        run.await.with_context(|| format!("in {statements}"))?;
        Ok(())
    }
}

/// Now.
pub(crate) fn now() -> Time {
    SystemClock::new(None).now()
}

/// Now, as the database keeps it.
pub(crate) fn now_ms() -> i64 {
    now().timestamp_millis()
}
