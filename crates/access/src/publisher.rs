//! One task reads what changed, once, and tells the streams: each sees by itself whether that
//! concerns its person, so that a change costs the store one read and not one for each client.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, broadcast, watch};
use tokio::time::Instant;

pub use hourkey_store::log::{Change, Subject};

use crate::quota::StreamQuota;

/// How many events a slow stream may lag behind before it asks the store by itself.
const BACKLOG: usize = 256;

/// How many streams read the store at the same time, so that calls find it free.
const READERS: usize = 2;

/// Streams vouch for what they said while the last look at the log is no older than this.
const MAX_AGE: Duration = Duration::from_millis(1_500);

/// Changes, in order.
#[derive(Clone, Debug)]
pub struct ChangeEvent {
    /// The sequence number of the last of them.
    pub seq: i64,
    /// The changes; `None` when the log does not reach back that far.
    pub changes: Option<Arc<[Change]>>,
}

/// Tells the streams of changes.
#[derive(Debug)]
pub struct ChangePublisher {
    events: broadcast::Sender<ChangeEvent>,
    /// When the last look at the log began that found everything there was.
    looked_at: watch::Sender<Option<Instant>>,
    /// Taken by a stream while it reads the store.
    pub readers: Semaphore,
    /// Taken by a stream while it is open.
    pub quota: Arc<StreamQuota>,
}

impl Default for ChangePublisher {
    fn default() -> Self {
        Self {
            events: broadcast::Sender::new(BACKLOG),
            looked_at: watch::Sender::new(None),
            readers: Semaphore::new(READERS),
            quota: Arc::default(),
        }
    }
}

impl ChangePublisher {
    /// Everything that is published from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<ChangeEvent> {
        self.events.subscribe()
    }

    /// Returns once the log was looked at recently: at once while all is well.
    pub async fn is_current(&self) {
        let mut looked_at = self.looked_at.subscribe();
        // The sender lives as long as this.
        let _ = looked_at
            .wait_for(|at| at.is_some_and(|at| at.elapsed() <= MAX_AGE))
            .await;
    }

    /// Notes that a look at the log that began then found everything there was.
    pub(crate) fn looked(&self, began: Instant) {
        self.looked_at.send_replace(Some(began));
    }

    pub(crate) fn publish(&self, event: ChangeEvent) {
        // Nobody listening is fine.
        let _ = self.events.send(event);
    }
}
