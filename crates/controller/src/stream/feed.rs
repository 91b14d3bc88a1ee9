//! One task reads what changed, once, and tells the streams: each sees by itself whether that
//! concerns its person, so that a change costs the store one read and not one for each client.

use std::sync::Arc;

use hourkey_store::log::Change;
use tokio::sync::{Semaphore, broadcast};

use crate::app::{App, stopped};
use crate::failure::Failure;
use crate::stream::places::Places;

/// How many bells a slow stream may miss before it asks the store by itself.
const KEPT: usize = 256;

/// How many changes are read at once.
const BATCH: u32 = 1_000;

/// How many streams read the store at the same time, so that calls find it free.
const READERS: usize = 2;

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
    /// Taken by a stream while it reads the store.
    pub readers: Semaphore,
    /// Taken by a stream while it is open.
    pub places: Arc<Places>,
}

impl Default for Feed {
    fn default() -> Self {
        Self {
            bells: broadcast::Sender::new(KEPT),
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

    fn ring(&self, bell: Bell) {
        // Nobody listening is fine.
        let _ = self.bells.send(bell);
    }
}

/// Reads the change log as it grows, until the controller shuts down.
pub async fn run(app: App) {
    let mut changed = app.store.changed();
    let mut stop = app.stop.subscribe();
    let mut seen = None;
    loop {
        let read = tokio::select! {
            read = catch_up(&app, &mut seen) => read,
            () = stopped(&mut stop) => return,
        };
        if let Err(failure) = read {
            // The next change, at the latest, tries again.
            failure.log();
        }
        tokio::select! {
            alive = changed.changed() => if alive.is_err() { return },
            () = stopped(&mut stop) => return,
        }
    }
}

/// Rings for everything after `seen`. The first time nothing is known yet: then everybody looks.
async fn catch_up(app: &App, seen: &mut Option<i64>) -> Result<(), Failure> {
    loop {
        let mut tx = app.store.read().await?;
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
