//! One task reads what changed, once, and tells the streams: each sees by itself whether that
//! concerns its person, so that a change costs the store one read and not one for each client.

use std::sync::Arc;
use std::time::Duration;

use hourkey_store::log::Change;
use tokio::sync::{Semaphore, broadcast, watch};
use tokio::time::Instant;

use crate::app::{App, stopped};
use crate::error::AppError;
use crate::stream::quota::StreamQuota;

/// How many events a slow stream may lag behind before it asks the store by itself.
const BACKLOG: usize = 256;

/// How many changes are read at once.
const BATCH: u32 = 1_000;

/// How many streams read the store at the same time, so that calls find it free.
const READERS: usize = 2;

/// The log is looked at this often, also when nothing is published, and again this long after a look that
/// failed.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

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

    fn publish(&self, event: ChangeEvent) {
        // Nobody listening is fine.
        let _ = self.events.send(event);
    }
}

/// Reads the change log as it grows, until the controller shuts down. A read that failed is tried
/// again soon, and until it succeeds nothing is vouched for.
pub async fn run(app: App) {
    let mut changed = app.store.changed();
    let mut stop = app.stop.subscribe();
    let mut seen = None;
    let mut fails = false;
    loop {
        let began = Instant::now();
        let read = tokio::select! {
            read = catch_up(&app, &mut seen) => read,
            () = stopped(&mut stop) => return,
        };
        match read {
            Ok(()) => {
                app.publisher.looked_at.send_replace(Some(began));
                if std::mem::take(&mut fails) {
                    tracing::info!("the change log can be read again");
                }
            }
            // Once, not at each look.
            Err(failure) if !std::mem::replace(&mut fails, true) => failure.log(),
            Err(_) => {}
        }
        tokio::select! {
            alive = changed.changed() => if alive.is_err() { return },
            () = tokio::time::sleep(POLL_INTERVAL) => {}
            () = stopped(&mut stop) => return,
        }
    }
}

/// Publishes everything after `seen`. The first time nothing is known yet: then everybody looks.
async fn catch_up(app: &App, seen: &mut Option<i64>) -> Result<(), AppError> {
    loop {
        let mut tx = app.store.read_reserved().await?;
        let changes = match *seen {
            Some(after) => tx.changes_since(after, BATCH).await?,
            None => None,
        };
        let seq = match changes.as_deref() {
            None => tx.seq().await?,
            Some([.., last]) => last.seq,
            Some([]) => return Ok(()),
        };
        drop(tx);
        *seen = Some(seq);
        app.publisher.publish(ChangeEvent {
            seq,
            changes: changes.map(Into::into),
        });
    }
}
