//! Reading and clicking a tray icon as a tray host would: StatusNotifierItem and dbusmenu.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures_util::StreamExt as _;
use tokio::task::JoinHandle;
use zbus::proxy::CacheProperties;
use zbus::zvariant::{OwnedObjectPath, OwnedValue, Value};
use zbus::{Connection, MatchRule, MessageStream};

use crate::poll::eventually;

mod row;
use row::Layout;
pub use row::Row;

pub(crate) const WATCHER: &str = "org.kde.StatusNotifierWatcher";
pub(crate) const WATCHER_PATH: &str = "/StatusNotifierWatcher";
pub(crate) const ITEM: &str = "org.kde.StatusNotifierItem";
pub(crate) const ITEM_PATH: &str = "/StatusNotifierItem";
pub(crate) const MENU: &str = "com.canonical.dbusmenu";

/// A tray icon on the bus.
#[derive(Clone, Debug)]
pub struct Item {
    connection: Connection,
    name: String,
    path: String,
}

/// One picture of an icon: width, height, and pixels as ARGB in network order.
pub type Pixmap = (i32, i32, Vec<u8>);

impl Item {
    /// The icon at an address as watchers give it: `NAME/PATH`, or a bus name alone.
    #[must_use]
    pub fn at(connection: &Connection, address: &str) -> Self {
        let (name, path) = match address.find('/') {
            Some(slash) => address.split_at(slash),
            None => (address, ITEM_PATH),
        };
        Self {
            connection: connection.clone(),
            name: name.to_owned(),
            path: path.to_owned(),
        }
    }

    /// Every icon that the session's tray host, whichever it is, has taken in.
    ///
    /// # Errors
    /// When there is no tray host.
    pub async fn all(connection: &Connection) -> Result<Vec<Self>> {
        let watcher = zbus::Proxy::new(connection, WATCHER, WATCHER_PATH, WATCHER).await?;
        let addresses: Vec<String> = watcher
            .get_property("RegisteredStatusNotifierItems")
            .await?;
        Ok(addresses
            .iter()
            .map(|address| Self::at(connection, address))
            .collect())
    }

    /// Its name on the bus.
    #[must_use]
    pub fn bus_name(&self) -> &str {
        &self.name
    }

    /// True while its program is on the bus.
    pub async fn is_alive(&self) -> bool {
        self.id().await.is_ok()
    }

    /// `Id`: the program.
    ///
    /// # Errors
    /// When the program is gone.
    pub async fn id(&self) -> Result<String> {
        self.property("Id").await
    }

    /// `Title`.
    ///
    /// # Errors
    /// When the program is gone.
    pub async fn title(&self) -> Result<String> {
        self.property("Title").await
    }

    /// `Status`: `Active`, `Passive` or `NeedsAttention`.
    ///
    /// # Errors
    /// When the program is gone.
    pub async fn status(&self) -> Result<String> {
        self.property("Status").await
    }

    /// `IconName`, empty where the icon comes as pixels.
    ///
    /// # Errors
    /// When the program is gone.
    pub async fn icon_name(&self) -> Result<String> {
        self.property("IconName").await
    }

    /// `IconPixmap`.
    ///
    /// # Errors
    /// When the program is gone.
    pub async fn icon(&self) -> Result<Vec<Pixmap>> {
        self.property("IconPixmap").await
    }

    /// The tooltip's title and text.
    ///
    /// # Errors
    /// When the program is gone.
    pub async fn tool_tip(&self) -> Result<(String, String)> {
        let (_, _, title, text): (String, Vec<Pixmap>, String, String) =
            self.property("ToolTip").await?;
        Ok((title, text))
    }

    /// Activates the item, as a left click does.
    ///
    /// # Errors
    /// When the program is gone.
    pub async fn activate(&self) -> Result<()> {
        let item = self.proxy(&self.path, ITEM).await?;
        Ok(item.call("Activate", &(0, 0)).await?)
    }

    /// The whole menu as it is now.
    ///
    /// # Errors
    /// When the program is gone or answers with anything but a menu.
    pub async fn menu(&self) -> Result<Row> {
        let menu = self.menu_proxy().await?;
        let (_revision, layout): (u32, Layout) =
            menu.call("GetLayout", &(0, -1, Vec::<&str>::new())).await?;
        layout.row()
    }

    /// Waits until the menu is as wanted.
    ///
    /// # Errors
    /// When it is not in time; shows the last one.
    pub async fn menu_where(&self, what: &str, wanted: impl Fn(&Row) -> bool) -> Result<Row> {
        eventually(what, async || {
            let menu = self.menu().await.map_err(|error| format!("{error:#}"))?;
            if wanted(&menu) {
                Ok(menu)
            } else {
                Err(menu.outline())
            }
        })
        .await
    }

    /// Clicks the entry at the end of this path of labels (see [`Row::at`]), once it is there.
    ///
    /// # Errors
    /// When there is no such entry that can be clicked in time.
    pub async fn click(&self, path: &[&str]) -> Result<()> {
        let row = eventually(&format!("the menu entry {path:?}"), async || {
            let menu = self.menu().await.map_err(|error| format!("{error:#}"))?;
            let row = menu.at(path)?;
            if row.enabled {
                Ok(row.clone())
            } else {
                Err(format!("{:?} is grey", row.label))
            }
        })
        .await?;
        self.click_id(row.id).await
    }

    /// Clicks the entry with this id, whatever it is by now.
    ///
    /// # Errors
    /// When the program is gone.
    pub async fn click_id(&self, id: i32) -> Result<()> {
        let menu = self.menu_proxy().await?;
        // As panels do: a program that ends on a click may not answer any more.
        let event = (id, "clicked", Value::I32(0), 0u32);
        Ok(menu.call_noreply("Event", &event).await?)
    }

    async fn menu_proxy(&self) -> Result<zbus::Proxy<'_>> {
        let path: OwnedObjectPath = self.property("Menu").await?;
        self.proxy(path.as_str(), MENU).await
    }

    async fn property<T>(&self, name: &str) -> Result<T>
    where
        T: TryFrom<OwnedValue>,
        T::Error: Into<zbus::Error>,
    {
        let item = self.proxy(&self.path, ITEM).await?;
        let value = item.get_property(name).await;
        value.with_context(|| format!("cannot read the tray icon's {name}"))
    }

    async fn proxy(&self, path: &str, interface: &str) -> Result<zbus::Proxy<'_>> {
        Ok(zbus::proxy::Builder::new(&self.connection)
            .destination(self.name.clone())?
            .path(path.to_owned())?
            .interface(interface.to_owned())?
            .cache_properties(CacheProperties::No)
            .build()
            .await?)
    }
}

/// After so long without a signal, none of before is still to come.
const QUIET_PERIOD: Duration = Duration::from_secs(1);

/// Counts the signals of all icons and menus on a bus, from when it began to listen.
#[derive(Debug)]
pub struct Signals {
    counts: Arc<Mutex<HashMap<String, u64>>>,
    counting: JoinHandle<()>,
}

impl Signals {
    /// Begins to listen.
    ///
    /// # Errors
    /// When the bus is gone.
    pub async fn listen(connection: &Connection) -> Result<Self> {
        let of = async |interface| -> Result<MessageStream> {
            let rule = MatchRule::builder().msg_type(zbus::message::Type::Signal);
            let rule = rule.interface(interface)?.build();
            Ok(MessageStream::for_match_rule(rule, connection, Some(4096)).await?)
        };
        let mut signals = futures_util::stream::select(of(ITEM).await?, of(MENU).await?);
        let counts = Arc::<Mutex<HashMap<_, _>>>::default();
        let written = Arc::clone(&counts);
        let counting = tokio::spawn(async move {
            while let Some(Ok(signal)) = signals.next().await {
                if let Some(name) = signal.header().member() {
                    *lock(&written).entry(name.to_string()).or_default() += 1;
                }
            }
        });
        Ok(Self { counts, counting })
    }

    /// How often this signal came, for example `LayoutUpdated`, `ItemsPropertiesUpdated` or
    /// `NewIcon`.
    #[must_use]
    pub fn count(&self, name: &str) -> u64 {
        lock(&self.counts).get(name).copied().unwrap_or(0)
    }

    /// Waits until none has come for a while, so that none of what happened before is still to
    /// come.
    ///
    /// # Errors
    /// When they do not cease.
    pub async fn settled(&self) -> Result<()> {
        let total = || lock(&self.counts).values().sum::<u64>();
        let mut seen = (total(), Instant::now());
        eventually("the end of the signals", async || {
            let now = total();
            if now != seen.0 {
                seen = (now, Instant::now());
            }
            seen.1.elapsed() >= QUIET_PERIOD
        })
        .await
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.counting.abort();
    }
}

fn lock(counts: &Mutex<HashMap<String, u64>>) -> MutexGuard<'_, HashMap<String, u64>> {
    counts
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}
