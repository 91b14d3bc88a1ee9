//! One task reads what changed, once, and tells the streams: each sees by itself whether that
//! concerns its person, so that a change costs the store one read and not one for each client.

use std::sync::Arc;
use std::time::Duration;

use hourkey_store::log::Change;
use tokio::sync::{Semaphore, broadcast, watch};
use tokio::time::Instant;

use crate::app::{App, stopped};
use crate::failure::Failure;
use crate::stream::places::Places;

/// How many bells a slow stream may miss before it asks the store by itself.
const KEPT: usize = 256;

/// How many changes are read at once.
const BATCH: u32 = 1_000;

/// How many streams read the store at the same time, so that calls find it free.
const READERS: usize = 2;

/// The log is looked at this often, also when nothing rings, and again this long after a look that
/// failed.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// Streams vouch for what they said while the last look at the log is no older than this.
const MAX_AGE: Duration = Duration::from_millis(1_500);

/// Changes, in order.
#[derive(Clone, Debug)]
pub struct Bell {
    /// The sequence number of the last of them.
    pub seq: i64,
    /// The changes; `None` when the log does not reach back that far.
    pub changes: Option<Arc<[Change]>>,
}

/// Rings the streams.
#[derive(Debug)]
pub struct Feed {
    bells: broadcast::Sender<Bell>,
    /// When the last look at the log began that found everything there was.
    looked_at: watch::Sender<Option<Instant>>,
    /// Taken by a stream while it reads the store.
    pub readers: Semaphore,
    /// Taken by a stream while it is open.
    pub places: Arc<Places>,
}

impl Default for Feed {
    fn default() -> Self {
        Self {
            bells: broadcast::Sender::new(KEPT),
            looked_at: watch::Sender::new(None),
            readers: Semaphore::new(READERS),
            places: Arc::default(),
        }
    }
}

impl Feed {
    /// Everything that rings from now on.
    #[must_use]
    pub fn listen(&self) -> broadcast::Receiver<Bell> {
        self.bells.subscribe()
    }

    /// Returns once the log was looked at lately: at once while all is well.
    pub async fn is_current(&self) {
        let mut looked_at = self.looked_at.subscribe();
        // The sender lives as long as this.
        let _ = looked_at
            .wait_for(|at| at.is_some_and(|at| at.elapsed() <= MAX_AGE))
            .await;
    }

    fn ring(&self, bell: Bell) {
        // Nobody listening is fine.
        let _ = self.bells.send(bell);
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
                app.feed.looked_at.send_replace(Some(began));
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
            () = tokio::time::sleep(LOOK_INTERVAL) => {}
            () = stopped(&mut stop) => return,
        }
    }
}

/// Rings for everything after `seen`. The first time nothing is known yet: then everybody looks.
async fn catch_up(app: &App, seen: &mut Option<i64>) -> Result<(), Failure> {
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
        app.feed.ring(Bell {
            seq,
            changes: changes.map(Into::into),
        });
    }
}
