//! Follows the change log.

use std::time::Duration;

use crate::app::App;
use crate::shutdown::stopped;

/// The log is looked at this often, also when the store has heard nothing, and again this long after a
/// look that failed.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Advances the organisation as one value as the log grows, until the controller shuts down. A look that
/// failed is tried again soon, and until one succeeds nothing is vouched for.
pub(super) async fn run(app: App) {
    let mut changed = app.store.changed();
    let mut stop = app.stop.subscribe();
    let mut fails = false;
    loop {
        let looked = tokio::select! {
            looked = app.directory.look(&app.store) => looked,
            () = stopped(&mut stop) => return,
        };
        match looked {
            Ok(()) => {
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
