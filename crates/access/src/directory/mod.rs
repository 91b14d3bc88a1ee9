//! The organisation as one value, as this controller knows it: what people see, what gateways are
//! told and who reviews what is read from it, and no table is.
//!
//! The value is true at one sequence number of the change log. It advances by what the log names
//! (`advance`), in one read transaction up to the log's head: a value in between would hold
//! entities that were read later than their entries, and permits that were true at no moment. Where
//! the log does not say enough, it is loaded afresh (`load`).

mod advance;
mod changes;
mod load;

use std::sync::Arc;
use std::time::Duration;

use hourkey_domain::organisation::Organisation;
use hourkey_store::account::Session;
use hourkey_store::{Read, Store};
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;

use self::changes::Events;
use crate::error::AppError;

pub use self::changes::{Change, ChangeEvent, ChangeSubscription, KnownChanges, Subject};

/// Streams vouch for what they said while the last look at the log is no older than this.
const MAX_AGE: Duration = Duration::from_millis(1_500);

/// Keeps the value, and tells the streams when it has advanced: by then they find it.
#[derive(Debug, Default)]
pub struct Directory {
    current: watch::Sender<Option<Arc<Organisation>>>,
    events: Events,
    /// When the last look at the log began that found everything there was.
    looked_at: watch::Sender<Option<Instant>>,
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
        self.advance(store).await
    }

    /// Looks at the log, whatever the store has heard of others. Whoever follows it does so every
    /// now and then.
    ///
    /// # Errors
    /// The store's failure.
    pub async fn look(&self, store: &Arc<dyn Store>) -> Result<(), AppError> {
        let _turn = self.advancing.lock().await;
        self.advance(store).await.map(|_| ())
    }

    /// Everything that changes from now on, until `stop` turns true.
    #[must_use]
    pub fn subscribe(&self, stop: &watch::Sender<bool>) -> ChangeSubscription {
        self.events.subscribe(stop)
    }

    /// Returns once the log was looked at recently: at once while all is well.
    pub async fn is_current(&self) {
        let mut looked_at = self.looked_at.subscribe();
        // The sender lives as long as this.
        let _ = looked_at
            .wait_for(|at| at.is_some_and(|at| at.elapsed() <= MAX_AGE))
            .await;
    }

    /// Takes note of when a session ends by now: that moves without an entry in the change log, each
    /// time that its client is heard.
    pub fn heard(&self, session: &Session) {
        self.current.send_if_modified(|value| {
            let Some(known) = value else { return false };
            let before = known.session(session.id);
            if before.is_none_or(|before| before.ends_at >= session.ends_at) {
                return false;
            }
            let mut later = (**known).clone();
            later.set_session(session.id, Some(load::running(session)));
            *known = Arc::new(later);
            true
        });
    }

    /// Advances the value to the head of the log, by whoever has the turn, and then tells of it.
    async fn advance(&self, store: &Arc<dyn Store>) -> Result<Arc<Organisation>, AppError> {
        let began = Instant::now();
        let mut tx = store.read_reserved().await?;
        let before = self.current.borrow().clone();
        let Some(before) = before else {
            // Nobody was told anything before.
            let first = Arc::new(load::load(&mut *tx).await?);
            self.current.send_replace(Some(Arc::clone(&first)));
            self.looked_at.send_replace(Some(began));
            return Ok(first);
        };
        let named = advance::advance(&mut *tx, &before).await?;
        let (after, changes) = match named {
            Some((after, changes)) => (Arc::new(after), Some(changes)),
            None => (Arc::new(load::load(&mut *tx).await?), None),
        };
        drop(tx);
        if after.seq() == before.seq() && changes.is_some() {
            self.looked_at.send_replace(Some(began));
            return Ok(before);
        }
        self.current.send_replace(Some(Arc::clone(&after)));
        self.events.publish(ChangeEvent {
            seq: after.seq(),
            known: changes.map(|changes| KnownChanges {
                changes: changes.into(),
                before,
                after: Arc::clone(&after),
            }),
        });
        // Not before: a ping vouches for what the look found.
        self.looked_at.send_replace(Some(began));
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
        Some((after, _)) => Ok(after),
        None => load::load(tx).await,
    }
}
