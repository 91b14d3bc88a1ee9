//! A transaction on one connection: what reads and writes run in.

use futures_util::TryStreamExt as _;
use hourkey_store::StoreError;
use sqlx::error::ErrorKind;
use sqlx::pool::PoolConnection;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteQueryResult, SqliteRow};
use sqlx::{Sqlite, raw_sql};

/// A query with its parameters.
pub(crate) type Sql<'q> = Query<'q, Sqlite, SqliteArguments>;

/// A connection inside a transaction. The traits of the store are implemented on it, one module
/// for each.
pub(crate) struct Tx {
    pub(crate) connection: PoolConnection<Sqlite>,
    /// The change recorded last by the work that runs in it.
    pub(crate) recorded: Option<i64>,
}

impl Tx {
    pub(crate) fn new(connection: PoolConnection<Sqlite>) -> Self {
        Self {
            connection,
            recorded: None,
        }
    }

    /// All rows. Each is read as it comes: a row of the driver holds each value apart.
    pub(crate) async fn all<T>(
        &mut self,
        sql: Sql<'_>,
        read: fn(&SqliteRow) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut rows = sql.fetch(&mut *self.connection);
        let mut all = Vec::new();
        while let Some(row) = rows.try_next().await.map_err(failed)? {
            all.push(read(&row)?);
        }
        Ok(all)
    }

    /// The first row.
    pub(crate) async fn one<T>(
        &mut self,
        sql: Sql<'_>,
        read: fn(&SqliteRow) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let row = sql
            .fetch_optional(&mut *self.connection)
            .await
            .map_err(failed)?;
        row.as_ref().map(read).transpose()
    }

    /// True when there is a row.
    pub(crate) async fn any(&mut self, sql: Sql<'_>) -> Result<bool, StoreError> {
        Ok(self.one(sql, |_| Ok(())).await?.is_some())
    }

    /// Runs a statement.
    pub(crate) async fn run(&mut self, sql: Sql<'_>) -> Result<SqliteQueryResult, StoreError> {
        sql.execute(&mut *self.connection).await.map_err(failed)
    }

    /// Runs statements that begin or end something.
    pub(crate) async fn run_raw(&mut self, sql: &'static str) -> Result<(), StoreError> {
        let run = raw_sql(sql).execute(&mut *self.connection);
        run.await.map(|_| ()).map_err(failed)
    }

    /// Runs a statement that must touch a row; `what` names the row it would have touched.
    pub(crate) async fn update_one(
        &mut self,
        sql: Sql<'_>,
        what: impl Fn() -> String,
    ) -> Result<(), StoreError> {
        if self.run(sql).await?.rows_affected() == 0 {
            return Err(StoreError::Refused(format!(
                "{} is unknown or removed",
                what()
            )));
        }
        Ok(())
    }
}

/// What a failure of SQLite or sqlx means to a caller of the store.
pub(crate) fn failed(error: sqlx::Error) -> StoreError {
    match &error {
        sqlx::Error::Database(database) => match database.kind() {
            ErrorKind::UniqueViolation => StoreError::Duplicate(rule(database.message())),
            ErrorKind::ForeignKeyViolation => {
                StoreError::Refused("an id that is unknown".to_owned())
            }
            ErrorKind::NotNullViolation | ErrorKind::CheckViolation => {
                StoreError::Refused(database.message().to_owned())
            }
            // Anything else goes by SQLite's primary code, the lowest byte.
            _ => match database.code().and_then(|code| code.parse::<i32>().ok()) {
                Some(code) if matches!(code & 0xff, CORRUPT | NOT_A_DATABASE) => {
                    StoreError::Corrupt(error.to_string())
                }
                Some(code) if code & 0xff == BUSY => StoreError::Unavailable(
                    "another process holds the database for too long: end it, or try again"
                        .to_owned(),
                ),
                Some(code) if code & 0xff == FULL || code == SHARED_MEMORY_SIZE => StoreError::Full,
                _ => StoreError::Unavailable(error.to_string()),
            },
        },
        sqlx::Error::ColumnDecode { .. }
        | sqlx::Error::ColumnNotFound(_)
        | sqlx::Error::Decode(_) => StoreError::Corrupt(error.to_string()),
        sqlx::Error::PoolTimedOut => StoreError::Unavailable(
            "all connections are busy: a transaction is held for too long".to_owned(),
        ),
        _ => StoreError::Unavailable(error.to_string()),
    }
}

const BUSY: i32 = 5;
const CORRUPT: i32 = 11;
const FULL: i32 = 13;
/// SQLITE_IOERR_SHMSIZE: the index of the write-ahead log cannot grow.
const SHARED_MEMORY_SIZE: i32 = 4874;
const NOT_A_DATABASE: i32 = 26;

/// The name of the uniqueness rule (see [`StoreError::Duplicate`]) that SQLite tells by columns.
fn rule(message: &str) -> String {
    let columns = message
        .strip_prefix("UNIQUE constraint failed: ")
        .unwrap_or(message);
    match columns {
        "users.login" => "user.login",
        "groups.name" => "group.name",
        "networks.name" => "network.name",
        "resources.name" => "resource.name",
        "assignments.group_id, assignments.resource_id" => "assignment",
        "requests.user_id, requests.resource_id" => "request.pending",
        "grants.user_id, grants.resource_id" => "grant.live",
        "remembered.user_id, remembered.key" => "idempotency-key",
        "devices.session_id" => "device.session",
        "gateways.name" => "gateway.name",
        "device_codes.user_code" => "device_code.user_code",
        "sessions.cookie"
        | "access_tokens.token"
        | "refresh_tokens.token"
        | "reset_links.link"
        | "gateways.token"
        | "gateways.credential" => "secret",
        other => other,
    }
    .to_owned()
}
