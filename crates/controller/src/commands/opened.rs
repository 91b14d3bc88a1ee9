//! The store that a command works on, and how failures are told.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use hourkey_access::clock::{Clock as _, SystemClock};
use hourkey_access::error::AppError;
use hourkey_domain::Time;
use hourkey_store::Store;
use hourkey_store_sqlite::SqliteStore;

/// The store of a data folder, and the clock that does not run behind it.
pub(crate) struct Opened {
    /// The store.
    pub(crate) store: Arc<dyn Store>,
    /// The clock.
    pub(crate) clock: Arc<SystemClock>,
}

impl Opened {
    /// Now, by its clock.
    pub(crate) fn now(&self) -> Time {
        self.clock.now()
    }
}

/// As [`open`], for commands that only look: a folder without a controller is one that was mistyped.
pub(crate) async fn open_existing(data: &Path) -> anyhow::Result<Opened> {
    anyhow::ensure!(
        SqliteStore::exists(data),
        "there is no controller in the folder {}: check --data, or make one there with \
         `hourkey-controller --data {} init`",
        data.display(),
        data.display()
    );
    open(data).await
}

/// Opens the store of a data folder, which it makes where it is missing.
pub(crate) async fn open(data: &Path) -> anyhow::Result<Opened> {
    let store: Arc<dyn Store> = SqliteStore::open(data)
        .await
        .with_context(|| format!("the data folder {} cannot be used", data.display()))?;
    let floor = store.read().await?.last_change_at().await?;
    Ok(Opened {
        store,
        clock: Arc::new(SystemClock::new(floor)),
    })
}

/// A failure as the terminal tells it: here, whoever reads it also runs the controller.
pub(crate) fn told(failure: AppError) -> anyhow::Error {
    match failure {
        AppError::Refused(problem) | AppError::Later { problem, .. } => {
            anyhow::anyhow!("{}", problem.detail)
        }
        AppError::Broken(error) => error,
    }
}
