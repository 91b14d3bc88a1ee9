//! Ends connections whose other side is gone without a word: power, a forgotten NAT entry, Wi-Fi
//! left for a mobile network.
//!
//! - *Idle ones*: TCP keepalive, by the kernel.
//! - *Ones with something under way*: the kernel's own limit is a quarter of an hour. On Linux the
//!   watchdog asks the kernel what each connection's other side leaves unanswered. `TCP_USER_TIMEOUT`
//!   would do the same in the kernel, but also ends connections to a reader who pauses: a shut
//!   window counts as unanswered there (tcp(7)), though every probe is answered.
//! - *Ones of an address that is no longer this machine's*: soon after it goes.

use std::collections::HashSet;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use crate::link::Link;
use crate::registry::Registry;

/// An idle connection is probed after this long, and lost after [`KEEPALIVE_PROBES`] more
/// intervals: 25 s in all.
const KEEPALIVE_TIME: Duration = Duration::from_secs(10);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_PROBES: u32 = 3;
/// How often connections with something under way are looked at.
const POLL_INTERVAL: Duration = Duration::from_secs(5);
/// A machine that changes networks says so in many pieces; an address may also be back at once.
const SETTLE_DELAY: Duration = Duration::from_millis(500);

/// Watches the connections of one program.
#[derive(Debug)]
pub struct Watchdog {
    registry: Arc<Registry>,
    task: JoinHandle<()>,
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
