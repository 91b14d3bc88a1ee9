//! What runs beside the calls: the sweep of deadlines, and the publisher of changes.

mod publish;

use crate::app::App;
use crate::sweep;

/// Starts it. It ends when `stop` turns true.
pub fn start(app: &App) {
    tokio::spawn(sweep::run(app.clone()));
    tokio::spawn(publish::run(app.clone()));
}
