//! What runs beside the calls: the sweep of deadlines, what follows the change log, and the delivery of
//! mail.

mod follow;

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::app::App;
use crate::mail::delivery::{self, Timings};
use crate::sweep;

/// What was started.
#[derive(Debug)]
pub struct Background {
    delivery: JoinHandle<()>,
}

/// Starts it. It ends when `stop` turns true.
pub fn start(app: &App) -> Background {
    tokio::spawn(sweep::run(app.clone()));
    tokio::spawn(follow::run(app.clone()));
    let delivery = tokio::spawn(delivery::run(app.clone(), Timings::default()));
    Background { delivery }
}

impl Background {
    /// Waits for the mail that is being sent when the controller shuts down: broken off after the server
    /// has taken it, it would be sent again.
    pub async fn ended(self, grace: Duration) {
        let _ = timeout(grace, self.delivery).await;
    }
}
