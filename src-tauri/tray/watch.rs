//! Watches for a tray host: on Linux one may come long after the app, for example at login.

use futures_util::StreamExt as _;
use tokio::sync::mpsc;
use zbus::Connection;
use zbus::fdo::DBusProxy;

use crate::event::Event;

const WATCHER: &str = "org.kde.StatusNotifierWatcher";
const PATH: &str = "/StatusNotifierWatcher";

/// Tells whether there is a tray host, now and whenever that changes. Runs until the app ends.
pub async fn watch(bus: Option<Connection>, events: mpsc::Sender<Event>) {
    let Some(bus) = bus else {
        // Nobody listens any more when the app ends.
        let _ = events.send(Event::TrayHost(false)).await;
        return;
    };
    if let Err(error) = follow(&bus, &events).await {
        tracing::warn!(%error, "cannot watch for tray hosts");
        let _ = events.send(Event::TrayHost(false)).await;
    }
}

async fn follow(bus: &Connection, events: &mpsc::Sender<Event>) -> zbus::Result<()> {
    let dbus = DBusProxy::new(bus).await?;
    let mut owners = dbus
        .receive_name_owner_changed_with_args(&[(0, WATCHER)])
        .await?;
    // Some watchers start before there is a host to show anything.
    let watcher = zbus::proxy::Builder::<zbus::Proxy<'_>>::new(bus)
        .destination(WATCHER)?
        .path(PATH)?
        .interface(WATCHER)?
        .cache_properties(zbus::proxy::CacheProperties::No)
        .build()
        .await?;
    let mut hosts = watcher
        .receive_signal("StatusNotifierHostRegistered")
        .await?;
    let is_there = dbus.name_has_owner(WATCHER.try_into()?).await?;
    let _ = events.send(Event::TrayHost(is_there)).await;
    loop {
        let is_there = tokio::select! {
            Some(change) = owners.next() => change.args()?.new_owner().is_some(),
            Some(_) = hosts.next() => true,
            else => return Ok(()),
        };
        if events.send(Event::TrayHost(is_there)).await.is_err() {
            return Ok(());
        }
    }
}
