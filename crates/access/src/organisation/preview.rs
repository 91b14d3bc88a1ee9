//! What applying a file would do, found by doing it in a transaction that is rolled back.

use std::sync::Arc;

use hourkey_domain::Time;
use hourkey_store::{Room, Store, StoreError, transact};

use super::apply::{Applied, Compared, Refused};
use super::file::OrgFile;

/// Why the transaction was rolled back.
enum RolledBack {
    /// On purpose.
    Done(Box<Applied>),
    Refused(Refused),
}

impl From<StoreError> for RolledBack {
    fn from(error: StoreError) -> Self {
        Self::Refused(error.into())
    }
}

/// Returns what [`super::apply()`] would do, and does nothing. Other writers wait for it as for that.
///
/// # Errors
/// [`Refused`], where applying would be.
pub async fn preview(
    store: &Arc<dyn Store>,
    file: OrgFile,
    prune: bool,
    now: Time,
) -> Result<Applied, Refused> {
    let compared = Compared::new(store, file, prune).await?;
    let outcome: Result<(), RolledBack> = transact(store, Room::Usual, move |tx| {
        Box::pin(async move {
            let applied = compared.apply(tx, None, now).await;
            Err(applied.map_or_else(RolledBack::Refused, |applied| {
                RolledBack::Done(Box::new(applied))
            }))
        })
    })
    .await;
    match outcome {
        Err(RolledBack::Done(applied)) => Ok(*applied),
        Err(RolledBack::Refused(refused)) => Err(refused),
        // The work always rolls back.
        Ok(()) => Err(StoreError::RolledBack.into()),
    }
}
