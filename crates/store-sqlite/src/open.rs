//! Opening the database: folder, file, connections, migrations.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;

use hourkey_store::StoreError;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection, SqlitePool, raw_sql};

static MIGRATIONS: Migrator = sqlx::migrate!();

/// How many may read at a time.
const READERS: u32 = 4;

/// How many more may read in the lane that people cannot fill.
const RESERVED: u32 = 2;

/// How long to wait for another process's transaction, or for a free reader.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// The write-ahead log is cut back to this after it has grown for a while.
const LOG_BYTES: &str = "67108864";

/// The database, in its folder.
pub(crate) const FILE: &str = "hourkey.db";

/// The connections.
pub(crate) struct Pools {
    /// What reads.
    pub(crate) readers: SqlitePool,
    /// What reads in its own lane.
    pub(crate) reserved: SqlitePool,
    /// The one that writes.
    pub(crate) writer: SqlitePool,
}

/// Opens the database of a folder.
pub(crate) async fn open(folder: &Path) -> Result<Pools, StoreError> {
    let unusable = |why: String| {
        StoreError::Unavailable(format!("the data folder {}: {why}", folder.display()))
    };
    let path = folder.join(FILE);
    // Two that open a new folder at the same moment would trip over each other. Waiting for the
    // turn blocks a thread, and whoever has it may need this one.
    let (of, to) = (folder.to_owned(), path.clone());
    let prepared = tokio::task::spawn_blocking(move || prepare(&of, &to)).await;
    let _turn = prepared
        .map_err(io::Error::other)
        .flatten()
        .map_err(|error| unusable(error.to_string()))?;
    let options = SqliteConnectOptions::new()
        .filename(&path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .pragma("journal_size_limit", LOG_BYTES);
    let pool = SqlitePoolOptions::new()
        .acquire_timeout(BUSY_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false);

    let writer = pool
        .clone()
        .max_connections(1)
        .connect_with(options.clone())
        .await
        .map_err(|error| unusable(error.to_string()))?;
    migrate(&writer).await.map_err(|error| {
        unusable(match error {
            MigrateError::VersionMissing(version) | MigrateError::VersionMismatch(version) => {
                format!(
                    "hourkey.db was written by another version of Hourkey (it holds schema \
                     {version}, which this one does not know): use that version, or a newer one"
                )
            }
            error => format!("hourkey.db cannot be brought up to date: {error}"),
        })
    })?;
    let pool = pool
        // However a read ended; a connection that cannot end its transaction is thrown away.
        .after_release(|connection, _| {
            Box::pin(async move { Ok(raw_sql("ROLLBACK").execute(connection).await.is_ok()) })
        });
    let options = options.pragma("query_only", "ON");
    let lane = async |count| {
        let pool = pool.clone().max_connections(count);
        let connected = pool.connect_with(options.clone()).await;
        connected.map_err(|error| unusable(error.to_string()))
    };
    Ok(Pools {
        readers: lane(READERS).await?,
        reserved: lane(RESERVED).await?,
        writer,
    })
}

/// All missing migrations in one transaction, so that a crash leaves none half-done.
async fn migrate(writer: &SqlitePool) -> Result<(), MigrateError> {
    let mut connection = writer.acquire().await?;
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    MIGRATIONS
        .run_direct(None, &mut *transaction, false)
        .await?;
    transaction.commit().await?;
    Ok(())
}

/// Makes folder and file for this user alone, and waits for the turn to open them, which lasts as
/// long as the file that is returned.
fn prepare(folder: &Path, database: &Path) -> io::Result<File> {
    if !folder.exists() {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder)?;
        sync_parent(folder)?;
    }
    let turn = private(&folder.join("hourkey.lock"))?;
    turn.lock()?;
    // SQLite gives its log files the mode of the database.
    private(database)?;
    Ok(turn)
}

/// Opens a file, made if it is missing, that only its owner may read and write.
pub(crate) fn private(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.create(true).truncate(false).read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(file)
}

/// Makes a new folder survive power loss (SQLite does the same for what it makes inside).
fn sync_parent(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    if let Some(parent) = folder.canonicalize()?.parent() {
        File::open(parent)?.sync_all()?;
    }
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}
