//! The organisation as one value, as this controller knows it: what people see, what gateways are
//! told and who reviews what is read from it, and no table is.
//!
//! The value is true at one sequence number of the change log. It advances by what the log names
//! (`advance`), in one read transaction up to the log's head: a value in between would hold
//! entities that were read later than their entries, and permits that were true at no moment. Where
//! the log does not say enough, it is loaded afresh (`load`).

mod advance;
mod load;

use std::sync::Arc;

use hourkey_domain::organisation::Organisation;
use hourkey_store::{Read, Store};
use tokio::sync::{Mutex, watch};

use crate::error::AppError;

/// Keeps the value.
#[derive(Debug, Default)]
pub struct Directory {
    current: watch::Sender<Option<Arc<Organisation>>>,
    /// Held while the value advances: one look at the store serves all who wait.
    advancing: Mutex<()>,
}

impl Directory {
    /// The organisation as it is now: at least as new as every change that this process has made, and
    /// what the store has heard of others. Looks at the store only where the value is behind.
    ///
    /// # Errors
    /// The store's failure.
    pub async fn current(&self, store: &Arc<dyn Store>) -> Result<Arc<Organisation>, AppError> {
        self.at_least(store, 0).await
    }

    /// The organisation, true at this sequence number or a later one, and at least as new as
    /// [`Directory::current`].
    ///
    /// # Errors
    /// The store's failure.
    pub async fn at_least(
        &self,
        store: &Arc<dyn Store>,
        seq: i64,
    ) -> Result<Arc<Organisation>, AppError> {
        // A statement of its own: the guard must not be held while others wait to ring.
        let newest = *store.changed().borrow();
        let seq = seq.max(newest);
        let is_new_enough = |value: &Option<Arc<Organisation>>| {
            let value = value.clone();
            value.filter(|value| value.seq() >= seq)
        };
        if let Some(value) = is_new_enough(&self.current.borrow()) {
            return Ok(value);
        }
        let _turn = self.advancing.lock().await;
        // Whoever had the turn before may have come that far.
        if let Some(value) = is_new_enough(&self.current.borrow()) {
            return Ok(value);
        }
        let mut tx = store.read_reserved().await?;
        self.advance(&mut *tx).await
    }

    /// Advances the value to the head of the log.
    async fn advance(&self, tx: &mut dyn Read) -> Result<Arc<Organisation>, AppError> {
        let before = self.current.borrow().clone();
        let after = match before {
            Some(before) => advanced(tx, &before).await?,
            None => load::load(tx).await?,
        };
        let after = Arc::new(after);
        self.current.send_replace(Some(Arc::clone(&after)));
        Ok(after)
    }
}

/// The organisation as it stands in a transaction, from one that was true before: also with what the
/// transaction itself has recorded so far.
///
/// # Errors
/// The store's failure.
pub async fn advanced(tx: &mut dyn Read, known: &Organisation) -> Result<Organisation, AppError> {
    match advance::advance(tx, known).await? {
        Some(after) => Ok(after),
        None => load::load(tx).await,
    }
}
