//! TLS connections to one gateway, some of them ready before they are needed.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hourkey_clock::Clock;
use hourkey_pki::{Holder, NoAnswer, Subject};
use hourkey_protocol::device::Gateway;
use hourkey_tcp::{Link, Watchdog};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::lookup_host;
use tokio::sync::{Notify, Semaphore};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A connection to a gateway. It carries one tunnel.
pub(crate) type Connection = TlsStream<Link>;

/// Connections to one gateway.
pub(crate) struct Pool {
    /// `host:port`.
    address: String,
    /// Whose certificate it shows; `None` where the controller does not say it.
    holder: Option<Holder>,
    name: ServerName<'static>,
    connector: TlsConnector,
    clock: Arc<dyn Clock>,
    watchdog: Arc<Watchdog>,
    /// How many are kept ready.
    ready: usize,
    idle: Mutex<Vec<Idle>>,
    /// True while a task keeps them ready.
    kept: AtomicBool,
    /// For connections that are being made.
    handshakes: Semaphore,
    taken: Notify,
}

struct Idle {
    connection: Connection,
    /// On the boot clock: after sleep it is dead.
    since: Duration,
    /// How often the network had changed by then: a connection from before may be dead.
    changes: u64,
}

/// How long a connection lies ready.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// While others lie ready, how long after one was taken the next is made: its handshake would take
/// the processor from the tunnel that is being opened (docs/PERFORMANCE.md).
const REFILL_DELAY: Duration = Duration::from_millis(5);
/// Connections that are made at a time: a gateway refuses more than 256 handshakes of one address,
/// behind which there may be other devices.
const MAX_HANDSHAKES: usize = 48;
/// How long a connection may take to stand.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

impl Pool {
    /// Connections to this gateway, of which `ready` are kept ready while it is in use. `None`
    /// when its address is none.
    pub(crate) fn new(
        gateway: &Gateway,
        tls: Arc<ClientConfig>,
        clock: Arc<dyn Clock>,
        watchdog: Arc<Watchdog>,
        ready: usize,
    ) -> Option<Arc<Self>> {
        let address = &gateway.address;
        let holder = gateway.key.clone().map(|key| Holder {
            subject: Subject::Gateway(gateway.id),
            key,
        });
        let (host, port) = address.rsplit_once(':')?;
        port.parse::<u16>().ok()?;
        let host = host.trim_matches(['[', ']']);
        Some(Arc::new(Self {
            address: address.clone(),
            holder,
            name: ServerName::try_from(host).ok()?.to_owned(),
            connector: TlsConnector::from(tls),
            clock,
            watchdog,
            ready,
            idle: Mutex::default(),
            kept: AtomicBool::new(false),
            handshakes: Semaphore::new(MAX_HANDSHAKES),
            taken: Notify::new(),
        }))
    }

    /// Why it gives no connection, or no answer on one.
    pub(crate) fn why_silent(&self, error: &io::Error) -> String {
        format!("{}: {}", self.address, NoAnswer::of(error))
    }

    /// One that lies ready, and another in its place soon.
    pub(crate) fn warm(self: &Arc<Self>) -> Option<Connection> {
        let (now, changes) = (self.clock.boot(), self.watchdog.changes());
        let mut idle = self.idle();
        idle.retain(|it| now < it.since + IDLE_TIMEOUT && it.changes == changes);
        // The oldest first, so that none grows too old.
        let found = (!idle.is_empty()).then(|| idle.remove(0).connection);
        drop(idle);
        self.keep_ready();
        found
    }

    /// A new one, to the first of the gateway's addresses that accepts.
    pub(crate) async fn connect(&self) -> io::Result<Connection> {
        // Never closed.
        let _one = self.handshakes.acquire().await.map_err(io::Error::other)?;
        let connecting = async {
            let addresses = lookup_host(&self.address).await?.collect();
            let stream = hourkey_tcp::connect(addresses).await?;
            let link = self.watchdog.guard(stream)?;
            let connection = self.connector.connect(self.name.clone(), link).await?;
            self.check(&connection)?;
            Ok(connection)
        };
        tokio::time::timeout(CONNECT_TIMEOUT, connecting)
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    /// Whether the certificate is this gateway's: the authority vouches for others as well, and for
    /// removed ones.
    fn check(&self, connection: &Connection) -> io::Result<()> {
        let Some(expected) = &self.holder else {
            return Ok(());
        };
        let chain = connection.get_ref().1.peer_certificates();
        let shown = chain.and_then(|chain| Holder::of(chain.first()?).ok());
        if shown.as_ref() == Some(expected) {
            return Ok(());
        }
        Err(io::Error::other(
            "another gateway answers at its address than the one that the controller names",
        ))
    }

    /// Makes connections ready, and drops them once nobody has taken one for a while.
    fn keep_ready(self: &Arc<Self>) {
        if self.ready == 0 {
            return;
        }
        self.taken.notify_one();
        if self.kept.swap(true, Ordering::Relaxed) {
            return;
        }
        let pool = Arc::clone(self);
        tokio::spawn(async move {
            while tokio::time::timeout(IDLE_TIMEOUT, pool.taken.notified())
                .await
                .is_ok()
            {
                if !pool.idle().is_empty() {
                    // Unless another one is taken.
                    let _ = tokio::time::timeout(REFILL_DELAY, pool.taken.notified()).await;
                }
                while pool.idle().len() < pool.ready {
                    let changes = pool.watchdog.changes();
                    let Ok(connection) = pool.connect().await else {
                        break;
                    };
                    pool.idle().push(Idle {
                        connection,
                        since: pool.clock.boot(),
                        changes,
                    });
                }
            }
            pool.kept.store(false, Ordering::Relaxed);
            pool.idle().clear();
        });
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
