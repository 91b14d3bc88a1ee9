//! Reads the change log, and publishes what it says.

use std::time::Duration;

use tokio::time::Instant;

use crate::app::{App, stopped};
use crate::error::AppError;
use crate::publisher::ChangeEvent;

/// How many changes are read at once.
const BATCH: u32 = 1_000;

/// The log is looked at this often, also when nothing is published, and again this long after a look that
/// failed.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Reads the change log as it grows, until the controller shuts down. A read that failed is tried
/// again soon, and until it succeeds nothing is vouched for.
pub(super) async fn run(app: App) {
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
                app.publisher.looked(began);
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
        // Whoever is told looks at once, and finds a value that has what they were told of: also of
        // what other processes wrote, of which the store itself may hear later than this look.
        app.organisation_at(seq).await?;
        *seen = Some(seq);
        app.publisher.publish(ChangeEvent {
            seq,
            changes: changes.map(Into::into),
        });
    }
}
