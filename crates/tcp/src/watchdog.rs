//! Ends connections whose other side is gone without a word: power, a forgotten NAT entry, Wi-Fi
//! left for a mobile network.
//!
//! - *Idle ones*: TCP keepalive, by the kernel.
//! - *Ones with something under way*: the kernel's own limit is a quarter of an hour. On Linux the
//!   watchdog asks the kernel what each connection's other side leaves unanswered. `TCP_USER_TIMEOUT`
//!   would do the same in the kernel, but also ends connections to a reader who pauses: a shut
//!   window counts as unanswered there (tcp(7)), though every probe is answered.
//! - *Ones of an address that is no longer this machine's*: soon after it goes.

use std::collections::{HashMap, HashSet};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use crate::link::{Link, LinkError, LinkState};

/// An idle connection is probed after this long, and lost after [`KEEPALIVE_PROBES`] more
/// intervals: 25 s in all.
const KEEPALIVE_TIME: Duration = Duration::from_secs(10);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_PROBES: u32 = 3;
/// How often connections with something under way are looked at.
const POLL_INTERVAL: Duration = Duration::from_secs(5);
/// A connection is lost after this many polls in a row with something unanswered, and never less
/// than before: 20 to 25 s after the first loss.
const MAX_UNANSWERED_POLLS: u32 = 5;
/// A machine that changes networks says so in many pieces; an address may also be back at once.
const SETTLE_DELAY: Duration = Duration::from_millis(500);

/// Watches the connections of one program.
#[derive(Debug)]
pub struct Watchdog {
    registry: Arc<Registry>,
    task: JoinHandle<()>,
}

/// The watched connections.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    connections: Mutex<HashMap<(SocketAddr, SocketAddr), WatchedLink>>,
    /// Counts the network's changes.
    changes: AtomicU64,
}

#[derive(Debug)]
struct WatchedLink {
    state: Arc<LinkState>,
    /// Unanswered probes in the last poll, and polls in a row with some.
    unanswered: u8,
    polls: u32,
}

impl Watchdog {
    /// Starts to watch; call it inside the runtime. Ends with the value.
    #[must_use]
    pub fn start() -> Self {
        let registry = Arc::<Registry>::default();
        let task = tokio::spawn(watch(Arc::clone(&registry)));
        Self { registry, task }
    }

    /// Puts a connection under the watchdog. Small messages go out at once from here on.
    ///
    /// # Errors
    /// When the connection is gone already.
    pub fn guard(&self, stream: TcpStream) -> io::Result<Link> {
        stream.set_nodelay(true)?;
        let keepalive = TcpKeepalive::new()
            .with_time(KEEPALIVE_TIME)
            .with_interval(KEEPALIVE_INTERVAL);
        #[cfg(not(windows))]
        let keepalive = keepalive.with_retries(KEEPALIVE_PROBES);
        SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
        let link = Link::new(stream, Arc::downgrade(&self.registry))?;
        self.registry.remember(Arc::clone(link.state()));
        Ok(link)
    }

    /// How often the network has changed. A connection that lay unused over a change may be dead.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.registry.changes.load(SeqCst)
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Registry {
    fn connections(&self) -> MutexGuard<'_, HashMap<(SocketAddr, SocketAddr), WatchedLink>> {
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, state: Arc<LinkState>) {
        let link = WatchedLink {
            unanswered: 0,
            polls: 0,
            state,
        };
        let ends = (link.state.local, link.state.peer);
        self.connections().insert(ends, link);
    }

    pub(crate) fn forget(&self, state: &Arc<LinkState>) {
        let mut connections = self.connections();
        let ends = (state.local, state.peer);
        // Another one may have the same ends by now.
        if connections
            .get(&ends)
            .is_some_and(|it| Arc::ptr_eq(&it.state, state))
        {
            connections.remove(&ends);
        }
    }

    /// Updates one connection after a poll.
    #[cfg(target_os = "linux")]
    fn update(&self, ends: (SocketAddr, SocketAddr), unanswered: u8) {
        let mut connections = self.connections();
        let Some(link) = connections.get_mut(&ends) else {
            return;
        };
        let goes_on = unanswered > 0 && unanswered >= link.unanswered;
        link.polls = if goes_on { link.polls + 1 } else { 0 };
        link.unanswered = unanswered;
        if link.polls >= MAX_UNANSWERED_POLLS {
            link.state.lose(LinkError::Silent);
        }
    }

    /// Ends the connections from addresses that are gone.
    fn network_changed(&self, gone: &HashSet<IpAddr>) {
        self.changes.fetch_add(1, SeqCst);
        let connections = self.connections();
        let lost = connections
            .values()
            .filter(|it| gone.contains(&it.state.local.ip()));
        lost.for_each(|link| link.state.lose(LinkError::Network));
    }

    #[cfg(target_os = "linux")]
    async fn poll(self: &Arc<Self>) {
        if self.connections().is_empty() {
            return;
        }
        let registry = Arc::clone(self);
        let poll = move || {
            crate::netlink::each_socket(|socket| {
                registry.update((socket.local, socket.peer), socket.unanswered);
            })
        };
        if let Ok(Err(error)) = tokio::task::spawn_blocking(poll).await {
            tracing::debug!(%error, "cannot query connections");
        }
    }
}

#[cfg(target_os = "linux")]
async fn watch(registry: Arc<Registry>) {
    let changes = crate::netlink::NetworkChanges::new();
    let changed = async || match &changes {
        Ok(changes) => changes.next().await,
        Err(_) => std::future::pending().await,
    };
    if let Err(error) = &changes {
        tracing::warn!(%error, "cannot watch for changes of the network");
    }
    let mut every = ticks();
    let mut addresses = own_addresses().unwrap_or_default();
    loop {
        tokio::select! {
            _ = every.tick() => registry.poll().await,
            () = changed() => {
                tokio::time::sleep(SETTLE_DELAY).await;
                if let Ok(changes) = &changes {
                    changes.drain();
                }
                let now = own_addresses().unwrap_or_else(|| addresses.clone());
                let gone = addresses.difference(&now).copied().collect();
                registry.network_changed(&gone);
                addresses = now;
            }
        }
    }
}

/// Elsewhere the addresses are looked at, and the rest is the kernel's.
#[cfg(not(target_os = "linux"))]
async fn watch(registry: Arc<Registry>) {
    let mut every = ticks();
    let mut addresses = own_addresses().unwrap_or_default();
    loop {
        every.tick().await;
        tokio::time::sleep(SETTLE_DELAY).await;
        let now = own_addresses().unwrap_or_else(|| addresses.clone());
        if now != addresses {
            let gone = addresses.difference(&now).copied().collect();
            registry.network_changed(&gone);
            addresses = now;
        }
    }
}

fn ticks() -> tokio::time::Interval {
    let mut every = interval(POLL_INTERVAL);
    // After sleep one poll is enough.
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    every
}

/// The addresses of this machine's interfaces; `None` when they cannot be told.
fn own_addresses() -> Option<HashSet<IpAddr>> {
    let interfaces = if_addrs::get_if_addrs().ok()?;
    Some(interfaces.iter().map(|it| it.ip()).collect())
}
