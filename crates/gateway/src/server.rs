//! The gateway as a server: starts its parts, and stops them.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use hourkey_clock::Clock;
use hourkey_tcp::Watchdog;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::api::Api;
use crate::certificate::CertificateRenewer;
use crate::config::Config;
use crate::context::{HandshakeLog, ServerContext};
use crate::descriptors::Descriptors;
use crate::dns::Files;
use crate::enrolment::Folder;
use crate::flow_ends::FlowEnds;
use crate::flow_state::Cause;
use crate::gate::Gate;
use crate::handshake_limit::HandshakeLimit;
use crate::listen;
use crate::resolve::Resolver;
use crate::timings::Timings;
use crate::usage::{self, Journal, Usage};
use crate::{control, limits, tls};

/// Settings of a gateway.
pub struct Settings {
    /// The state folder.
    pub folder: Folder,
    /// The administrator's configuration.
    pub config: Config,
    /// The files of the system's resolver.
    pub files: Files,
    /// Its timeouts and intervals.
    pub timings: Timings,
    /// Its clock.
    pub clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").finish_non_exhaustive()
    }
}

/// A running gateway. Dropping it stops it at once; [`Self::stop`] does so in order.
pub struct Gateway {
    address: SocketAddr,
    gate: Arc<Gate>,
    tasks: TaskTracker,
    stop: CancellationToken,
    /// Ends once all flows have.
    reporting: JoinHandle<()>,
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Gateway {
    /// Starts a gateway. Its address is bound when this returns; it listens once the controller was
    /// heard.
    ///
    /// # Errors
    /// When it is not enrolled, or cannot listen.
    pub async fn start(settings: Settings) -> anyhow::Result<Self> {
        let Settings {
            folder,
            config,
            files,
            timings,
            clock,
        } = settings;
        let (enrolled, key) = folder.identity()?;
        let api = Api::of(&enrolled, timings.call_timeout)?;
        let gate = Arc::new(Gate::new(clock, timings));
        let (tls, tls_in_force) = watch::channel(tls::config(&gate, &key, &enrolled.certificate)?);
        let socket = listen::bind(config.listen())
            .with_context(|| format!("the gateway cannot listen at {}", config.listen()))?;
        let address = socket.local_addr()?;
        gate.take_map(config.hosts.clone());
        gate.set_max_flows_per_user(config.connections_per_user);
        let resolver = Arc::new(Resolver::new(config.hosts, files, address));
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let (usage, reported) = Usage::new(Arc::clone(&gate));
        // Not before the address is taken: a second gateway of this folder ends there.
        let journal = Journal::open(folder.clone())?;
        let reporting = usage::run(Arc::clone(&gate), journal, api.clone(), reported);
        let reporting = tokio::spawn(reporting);
        let server = Arc::new(ServerContext {
            gate: Arc::clone(&gate),
            resolver: Arc::clone(&resolver),
            watchdog: Watchdog::start(),
            usage,
            tls: tls_in_force,
            tasks: tasks.clone(),
            stop: stop.clone(),
            flow_ends: FlowEnds::default(),
            handshake_limit: HandshakeLimit::default(),
            handshake_log: HandshakeLog::default(),
            descriptors: Descriptors::default(),
        });
        let renewer = CertificateRenewer {
            gate: Arc::clone(&gate),
            api: api.clone(),
            folder,
            enrolled,
            key,
            tls,
        };
        let until_stop = |part: std::pin::Pin<Box<dyn Future<Output = ()> + Send>>| {
            let stop = stop.clone();
            tasks.spawn(async move {
                tokio::select! {
                    () = part => {}
                    () = stop.cancelled() => {}
                }
            });
        };
        let watching = Arc::clone(&gate);
        until_stop(Box::pin(async move { watching.watch().await }));
        until_stop(Box::pin(resolver.keep_fresh(Arc::clone(&gate), timings)));
        until_stop(Box::pin(control::run(Arc::clone(&gate), api, timings)));
        until_stop(Box::pin(renewer.run(timings)));
        until_stop(Box::pin(listen::run(server, socket, address)));
        Ok(Self {
            address,
            gate,
            tasks,
            stop,
            reporting,
        })
    }

    /// Returns the address on which it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until it has stopped by itself because it could not listen.
    pub async fn stopped(&self) {
        self.stop.cancelled().await;
    }

    /// Cuts all flows, and returns once they are closed.
    pub async fn stop(mut self) {
        self.gate.fail_closed(Cause::Stopped);
        self.stop.cancel();
        self.tasks.close();
        // A flow that does not end in time is closed by the end of the process.
        let closed = async {
            self.tasks.wait().await;
            // What the last flows said is kept.
            let _ = (&mut self.reporting).await;
        };
        let _ = tokio::time::timeout(limits::CLOSE_TIMEOUT, closed).await;
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.gate.fail_closed(Cause::Stopped);
        self.stop.cancel();
    }
}
