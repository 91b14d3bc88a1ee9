//! A tray host's register, owned by the test.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use anyhow::Result;
use zbus::Connection;
use zbus::message::Header;

use crate::poll::eventually;
use crate::session::Session;
use crate::tray::{ITEM_PATH, Item, Signals, WATCHER, WATCHER_PATH};

/// An `org.kde.StatusNotifierWatcher` with a host.
#[derive(Debug)]
pub struct Watcher {
    /// Signals of icons and their menus since the start.
    pub signals: Signals,
    connection: Connection,
    record: Record,
}

/// Addresses in the order they registered in, `NAME/PATH`, and when.
type Record = Arc<Mutex<Vec<(String, Instant)>>>;

impl Watcher {
    /// Appears on the session's bus.
    ///
    /// # Errors
    /// When the session has a tray host already.
    pub async fn start(session: &Session) -> Result<Self> {
        let record = Record::default();
        let service = WatcherService {
            record: Arc::clone(&record),
        };
        let connection = session
            .connection()?
            .serve_at(WATCHER_PATH, service)?
            .build()
            .await?;
        // Before the name: an item that sees it sends signals at once.
        let signals = Signals::listen(&connection).await?;
        connection.request_name(WATCHER).await?;
        Ok(Self {
            signals,
            connection,
            record,
        })
    }

    /// Addresses of all items that ever registered, in order.
    #[must_use]
    pub fn registrations(&self) -> Vec<String> {
        addresses(&self.record)
    }

    /// When the first item registered after these many others, if it has.
    #[must_use]
    pub fn registered_after(&self, others: usize) -> Option<Instant> {
        lock(&self.record).get(others).map(|(_, at)| *at)
    }

    /// The item that registered last, once there is one whose program runs.
    ///
    /// # Errors
    /// When none registers in time.
    pub async fn item(&self) -> Result<Item> {
        eventually("a tray icon", async || {
            let registrations = self.registrations();
            let last = registrations.last().ok_or("nothing registered")?;
            let item = Item::at(&self.connection, last);
            if item.is_alive().await {
                Ok(item)
            } else {
                Err("its program is gone")
            }
        })
        .await
    }

    /// Leaves the bus, as when a panel ends.
    ///
    /// # Errors
    /// When the bus is gone.
    pub async fn stop(self) -> Result<()> {
        // Items that were handed out share the connection; dropping it would not close it.
        Ok(self.connection.clone().close().await?)
    }
}

struct WatcherService {
    record: Record,
}

#[zbus::interface(name = "org.kde.StatusNotifierWatcher")]
impl WatcherService {
    async fn register_status_notifier_item(
        &self,
        service: &str,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> zbus::fdo::Result<()> {
        // Some give their bus name, others the item's path.
        let address = if service.starts_with('/') {
            let sender = header.sender().map(ToString::to_string).unwrap_or_default();
            format!("{sender}{service}")
        } else {
            format!("{service}{ITEM_PATH}")
        };
        lock(&self.record).push((address.clone(), Instant::now()));
        let signal = "StatusNotifierItemRegistered";
        connection
            .emit_signal(None::<&str>, WATCHER_PATH, WATCHER, signal, &address)
            .await?;
        Ok(())
    }

    fn register_status_notifier_host(&self, _service: &str) {}

    #[zbus(property)]
    fn registered_status_notifier_items(&self) -> Vec<String> {
        addresses(&self.record)
    }

    #[zbus(property)]
    fn is_status_notifier_host_registered(&self) -> bool {
        true
    }

    #[zbus(property)]
    fn protocol_version(&self) -> i32 {
        0
    }
}

fn addresses(record: &Record) -> Vec<String> {
    lock(record)
        .iter()
        .map(|(address, _)| address.clone())
        .collect()
}

fn lock(record: &Record) -> MutexGuard<'_, Vec<(String, Instant)>> {
    record
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}
