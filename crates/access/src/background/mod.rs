//! What runs beside the calls: the sweep of deadlines, and what follows the change log.

mod follow;

use crate::app::App;
use crate::sweep;

/// Starts it. It ends when `stop` turns true.
pub fn start(app: &App) {
    tokio::spawn(sweep::run(app.clone()));
    tokio::spawn(follow::run(app.clone()));
}
