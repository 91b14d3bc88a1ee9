//! The least that a tray program can be: what the app's start is compared with.

use anyhow::Result;

const WATCHER: &str = "org.kde.StatusNotifierWatcher";

/// Connects to the session bus, registers an icon, and waits to be ended.
pub(crate) async fn run() -> Result<()> {
    let bus = zbus::Connection::session().await?;
    let name = format!("org.kde.StatusNotifierItem-{}-1", std::process::id());
    bus.request_name(name.as_str()).await?;
    bus.call_method(
        Some(WATCHER),
        "/StatusNotifierWatcher",
        Some(WATCHER),
        "RegisterStatusNotifierItem",
        &name,
    )
    .await?;
    std::future::pending().await
}
