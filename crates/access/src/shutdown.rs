//! Waiting for the end of the controller.

use tokio::sync::watch;

/// Returns when the controller shuts down.
pub async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that nobody is left who could stop it.
    let _ = stop.wait_for(|stop| *stop).await;
}
