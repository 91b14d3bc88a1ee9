//! `serve`: runs the gateway until it is told to stop.

use std::path::Path;
use std::sync::Arc;

use hourkey_clock::BootClock;
use hourkey_gateway::config::{Config, FILE};
use hourkey_gateway::dns::Files;
use hourkey_gateway::enrolment::Folder;
use hourkey_gateway::timings::Timings;
use hourkey_gateway::{Gateway, Settings};

/// Runs until SIGINT or SIGTERM.
pub(crate) async fn run(state: &Path) -> anyhow::Result<()> {
    hourkey_terminal::log("info");
    let folder = Folder::at(state);
    // Before the settings: in another folder there are none.
    folder.enrolled()?;
    let config = Config::read(&folder.file(FILE))?;
    let gateway = Gateway::start(Settings {
        folder,
        config,
        files: Files::default(),
        timings: Timings::default(),
        clock: Arc::new(BootClock),
    })
    .await?;
    tokio::select! {
        signalled = stop_signal() => signalled?,
        () = gateway.stopped() => anyhow::bail!("the gateway cannot listen; its log says why"),
    }
    tracing::info!("gateway is stopping");
    gateway.stop().await;
    Ok(())
}

#[cfg(unix)]
async fn stop_signal() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn stop_signal() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}
