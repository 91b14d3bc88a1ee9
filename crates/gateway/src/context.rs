//! What a connection from a device is served with.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use hourkey_tcp::{Link, Watchdog};
use rustls::ServerConfig;
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::descriptors::Descriptors;
use crate::flow_ends::FlowEnds;
use crate::gate::{ConnectionGuard, Gate};
use crate::handshake_limit::{HandshakeLimit, site};
use crate::limits;
use crate::resolve::Resolver;
use crate::table::PeerIdentity;
use crate::usage::Usage;

/// A connection from a device.
pub(crate) type Tls = tokio_rustls::server::TlsStream<Link>;

/// What all connections share.
pub(crate) struct ServerContext {
    pub(crate) gate: Arc<Gate>,
    pub(crate) resolver: Arc<Resolver>,
    /// Ends connections to clients and destinations that are gone without a word.
    pub(crate) watchdog: Watchdog,
    pub(crate) usage: Usage,
    /// The current TLS configuration; renewed with the certificate.
    pub(crate) tls: watch::Receiver<Arc<ServerConfig>>,
    /// All connections and flows.
    pub(crate) tasks: TaskTracker,
    /// Ends all connections.
    pub(crate) stop: CancellationToken,
    pub(crate) flow_ends: FlowEnds,
    pub(crate) handshake_limit: HandshakeLimit,
    pub(crate) handshake_log: HandshakeLog,
    pub(crate) descriptors: Descriptors,
}

/// A connected device.
pub(crate) struct Client {
    /// Its identity.
    pub(crate) peer: PeerIdentity,
    /// When its certificate ends.
    pub(crate) expires_at: DateTime<Utc>,
    pub(crate) guard: ConnectionGuard,
}

/// Limits what the kernel buffers for a peer that does not read, which could grow to megabytes.
pub(crate) fn limit_unsent(stream: &TcpStream) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let _ = SockRef::from(stream).set_tcp_notsent_lowat(limits::MAX_UNSENT);
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = stream;
}

/// Logs failed handshakes, at most one a second for each [`site`].
#[derive(Default)]
pub(crate) struct HandshakeLog(Mutex<HashMap<IpAddr, Instant>>);

impl HandshakeLog {
    pub(crate) fn log(&self, from: IpAddr, why: &str) {
        let now = Instant::now();
        let mut logged = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if logged
            .get(&site(from))
            .is_some_and(|at| now - *at < limits::LOG_INTERVAL)
        {
            return;
        }
        logged.retain(|_, at| now - *at < limits::LOG_INTERVAL);
        logged.insert(site(from), now);
        tracing::info!(client.address = %from, why, "handshake failed");
    }
}
