//! Opens connections to resources: finds the resource and its gateways, and throttle for access first
//! where it is locked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use hourkey_clock::Clock;
use hourkey_domain::ids::ResourceId;
use hourkey_domain::lock::{LockState, Why};
use hourkey_protocol::access::Resource;
use hourkey_protocol::gateway::Refusal;
use hourkey_tcp::Watchdog;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use url::Url;

use crate::device::{Device, Gateways};
use crate::model::{Connection, Model, lock_now};
use crate::pages::{self, ReturnTo};
use crate::upstream::pool::Pool;
use crate::upstream::{self, TunnelError};
pub use crate::upstream::{RelayError, Tunnel};
pub(crate) use crate::upstream::{Sniff, UNCLEAR_TIMEOUT};

mod blocked;
mod blocked_connection;
mod connection_lost;
mod destination;
mod error;
mod prompt_handler;
mod prompts;
mod route;
mod why_lost;
pub use blocked_connection::{BlockedConnection, CutReason};
pub use connection_lost::ConnectionLost;
pub use destination::{Destination, ParseDestinationError};
pub use error::DialError;
pub use prompt_handler::{AccessPrompt, PromptHandler};

use blocked::BlockedThrottle;
use prompts::{Prompt, PromptThrottle};
pub(crate) use route::Routes;

/// Opens connections for one person. Clones share everything.
#[derive(Clone)]
pub struct Dialer(Arc<Inner>);

struct Inner {
    device: Device,
    model: watch::Receiver<Arc<Model>>,
    prompts: Arc<dyn PromptHandler>,
    /// How many connections to each gateway in use are kept ready.
    ready: usize,
    watchdog: Arc<Watchdog>,
    throttle: Arc<Mutex<PromptThrottle>>,
    blocked: BlockedThrottle,
    routes: Mutex<(i64, Arc<Routes>)>,
    pools: Mutex<Pools>,
    observer: JoinHandle<()>,
}

/// The pools, by the gateway's address, and what they connect with.
#[derive(Default)]
struct Pools {
    of: Option<Arc<Gateways>>,
    by_address: HashMap<String, Arc<Pool>>,
}

/// How long to wait for the first snapshot from the controller.
const SNAPSHOT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long opening a connection may take once its resource is open, whatever number of gateways is
/// tried: Chromium gives up at 30 s.
const OPEN_TIMEOUT: Duration = Duration::from_secs(20);
/// How long it may take at least, for a connection that was held almost as long as its caller waits.
const MIN_OPEN_TIMEOUT: Duration = Duration::from_secs(3);
/// A gateway may hear of a grant a little later than this device: how long to ask again.
const PERMIT_RETRY_DELAYS: [Duration; 5] = [
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_millis(1_000),
];
/// How often the deadlines of a held connection's resource are checked.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

impl Dialer {
    /// Opens connections by what `model` says; call it inside the runtime. `ready` is how many
    /// connections to each gateway in use are kept ready: 2 for a program that stays, 0 for one
    /// that opens a single connection.
    #[must_use]
    pub fn new(
        device: Device,
        model: watch::Receiver<Arc<Model>>,
        prompts: Arc<dyn PromptHandler>,
        ready: usize,
    ) -> Self {
        let throttle = Arc::new(Mutex::new(PromptThrottle::default()));
        let observer = observe(model.clone(), Arc::clone(&throttle), device.outdated());
        let observer = tokio::spawn(observer);
        Self(Arc::new(Inner {
            device,
            model,
            prompts,
            ready,
            watchdog: Arc::new(Watchdog::start()),
            throttle,
            blocked: BlockedThrottle::default(),
            routes: Mutex::new((-1, Arc::default())),
            pools: Mutex::default(),
            observer,
        }))
    }

    /// Opens a connection, in about `hold_timeout`. While its resource is locked, the connection is held
    /// for that long and its request page asked for.
    ///
    /// # Errors
    /// See [`DialError`].
    pub async fn dial(
        &self,
        to: &Destination,
        hold_timeout: Duration,
    ) -> Result<Tunnel, DialError> {
        self.dial_with_return_to(to, hold_timeout, None).await
    }

    /// [`Self::dial`]; the request page sends the browser to `return_to`.
    pub(crate) async fn dial_with_return_to(
        &self,
        to: &Destination,
        hold_timeout: Duration,
        return_to: Option<&ReturnTo>,
    ) -> Result<Tunnel, DialError> {
        let deadline = Instant::now() + hold_timeout;
        self.heard().await?;
        let id = self.route(to).ok_or(DialError::NoResource)?;
        let network = self.admit(id, hold_timeout, deadline, return_to).await?;
        let left = deadline.saturating_duration_since(Instant::now());
        let limit = left.clamp(MIN_OPEN_TIMEOUT, OPEN_TIMEOUT);
        let opened = tokio::time::timeout(limit, self.open_soon(&network, to)).await;
        let mut tunnel = opened.unwrap_or_else(|_| {
            let why = format!("none did within {} seconds", limit.as_secs());
            Err(DialError::NoAnswer(why))
        })?;
        let Inner {
            blocked, prompts, ..
        } = &*self.0;
        blocked.watch(&mut tunnel, prompts, self.clock());
        Ok(tunnel)
    }

    /// [`Self::open`], again while the gateway has not heard of the grant.
    async fn open_soon(&self, network: &str, to: &Destination) -> Result<Tunnel, DialError> {
        for wait in PERMIT_RETRY_DELAYS {
            match self.open(network, to).await {
                Err(DialError::Gateway(Refusal::NoPermit)) => tokio::time::sleep(wait).await,
                done => return done,
            }
        }
        self.open(network, to).await
    }

    /// Gets this device its certificate, so that the first connection need not wait for it.
    ///
    /// # Errors
    /// See [`DialError`].
    pub async fn prepare(&self) -> Result<(), DialError> {
        self.heard().await?;
        self.0.device.ensure(self.now()?).await?;
        Ok(())
    }

    /// The resource of a destination with its request page, while it is locked.
    pub(crate) async fn locked(&self, to: &Destination) -> Result<Option<Url>, DialError> {
        self.heard().await?;
        let id = self.route(to).ok_or(DialError::NoResource)?;
        let (resource, now) = self.row(id)?;
        Ok(match lock_now(&resource, now) {
            LockState::Open { .. } | LockState::Granted { .. } => None,
            LockState::Scheduled { .. } | LockState::Pending { .. } | LockState::Locked { .. } => {
                Some(self.page(id))
            }
        })
    }

    /// Waits until the resource of a destination is open.
    pub(crate) async fn opens(&self, to: &Destination) {
        let mut model = self.0.model.clone();
        loop {
            model.mark_unchanged();
            let locked = self.locked(to).await;
            if !matches!(locked, Ok(Some(_))) || model.changed().await.is_err() {
                return;
            }
        }
    }

    /// Where the person's resources are.
    pub(crate) fn routes(&self) -> Arc<Routes> {
        let model = self.0.model.borrow();
        let mut routes = lock(&self.0.routes);
        // The rows change with the sequence number only.
        if routes.0 != model.seq {
            *routes = (model.seq, Arc::new(Routes::new(model.rows())));
        }
        Arc::clone(&routes.1)
    }

    /// Waits for the first word of the controller.
    pub(crate) async fn heard(&self) -> Result<(), DialError> {
        let mut model = self.0.model.clone();
        let heard =
            model.wait_for(|model| model.me.is_some() || model.connection == Connection::Ended);
        match tokio::time::timeout(SNAPSHOT_TIMEOUT, heard).await {
            Ok(Ok(model)) if model.connection == Connection::Ended => Err(DialError::SignedOut),
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(DialError::SignedOut),
            Err(_) => Err(self.nothing_heard()),
        }
    }

    /// The person's resource that governs a destination, as it stands now.
    #[must_use]
    pub fn resource(&self, to: &Destination) -> Option<Arc<Resource>> {
        let id = self.route(to)?;
        self.0.model.borrow().resources.get(&id).cloned()
    }

    fn route(&self, to: &Destination) -> Option<ResourceId> {
        self.routes().find(&to.host, to.port)
    }

    /// Waits until the resource is open to the person, up to the deadline that `hold_timeout` came to;
    /// returns its network.
    async fn admit(
        &self,
        id: ResourceId,
        hold_timeout: Duration,
        deadline: Instant,
        return_to: Option<&ReturnTo>,
    ) -> Result<String, DialError> {
        let mut model = self.0.model.clone();
        let mut held: Option<HeldConnection<'_>> = None;
        loop {
            model.mark_unchanged();
            let (resource, now) = self.row(id)?;
            match lock_now(&resource, now) {
                LockState::Open { .. } | LockState::Granted { .. } => {
                    return Ok(resource.network.clone());
                }
                // There is nothing to wait for.
                LockState::Locked { why: Why::Disabled } => return Err(DialError::Disabled),
                LockState::Scheduled { .. }
                | LockState::Pending { .. }
                | LockState::Locked { .. } => {}
            }
            match &held {
                None => held = Some(self.hold(&resource, hold_timeout, return_to)),
                Some(held) if resource.denied_at > held.denied_at => return Err(DialError::Denied),
                Some(_) => {}
            }
            tokio::select! {
                changed = model.changed() => changed.map_err(|_| DialError::SignedOut)?,
                () = tokio::time::sleep(POLL_INTERVAL) => {}
                () = tokio::time::sleep_until(deadline) => return Err(DialError::Locked),
            }
        }
    }

    /// Holds a connection, and prompts for access.
    fn hold(
        &self,
        resource: &Resource,
        hold_timeout: Duration,
        return_to: Option<&ReturnTo>,
    ) -> HeldConnection<'_> {
        let now = self.clock().boot();
        let what = lock(&self.0.throttle).hold(resource, now);
        let page = self.page(resource.id);
        let prompt = AccessPrompt {
            resource: resource.clone(),
            page: match return_to {
                Some(return_to) => pages::with_return_to(page, return_to),
                None => page,
            },
            hold_timeout,
        };
        match what {
            Prompt::OpenPage => self.0.prompts.open_page(&prompt),
            Prompt::Notify => self.0.prompts.notify(&prompt),
            Prompt::None => self.0.prompts.waits(&prompt),
        }
        HeldConnection {
            throttle: &self.0.throttle,
            resource: resource.id,
            denied_at: resource.denied_at,
        }
    }

    fn page(&self, id: ResourceId) -> Url {
        let model = self.0.model.borrow();
        let login = model.me.as_ref().map_or("", |me| me.login.as_str());
        pages::ask(self.0.device.session().controller(), id, login)
    }

    /// A resource as last heard, and the server's time.
    fn row(&self, id: ResourceId) -> Result<(Arc<Resource>, DateTime<Utc>), DialError> {
        let model = self.0.model.borrow();
        if model.connection == Connection::Ended {
            return Err(DialError::SignedOut);
        }
        let now = model.clock.now(self.clock().boot());
        let resource = model.resources.get(&id).ok_or(DialError::NoResource)?;
        Ok((
            Arc::clone(resource),
            now.ok_or_else(|| self.nothing_heard())?,
        ))
    }

    /// Opens a tunnel through one of the network's gateways.
    async fn open(&self, network: &str, to: &Destination) -> Result<Tunnel, DialError> {
        let now = self.now()?;
        let device = &self.0.device;
        let target = to.to_string();
        let mut gateways = device.ensure(now).await?;
        let mut opened = upstream::open(&self.pools(&gateways, network), &target).await;
        if opened.as_ref().err() == Some(&TunnelError::Refused(Refusal::Device)) {
            let renewed = device.renew(&gateways, now).await?;
            if !Arc::ptr_eq(&renewed, &gateways) {
                gateways = renewed;
                opened = upstream::open(&self.pools(&gateways, network), &target).await;
            }
        }
        match opened {
            Err(failed) if failed.is_local() => {}
            done => return done.map_err(DialError::from),
        }
        // There may be other gateways by now.
        let gateways = device.look_again(&gateways, now).await?;
        let pools = self.pools(&gateways, network);
        if pools.is_empty() {
            return Err(DialError::NoGateway(network.to_owned()));
        }
        Ok(upstream::open(&pools, &target).await?)
    }

    /// The pools of a network's gateways.
    fn pools(&self, gateways: &Arc<Gateways>, network: &str) -> Vec<Arc<Pool>> {
        let mut pools = lock(&self.0.pools);
        if !pools
            .of
            .as_ref()
            .is_some_and(|of| Arc::ptr_eq(of, gateways))
        {
            *pools = Pools {
                of: Some(Arc::clone(gateways)),
                by_address: HashMap::new(),
            };
        }
        let network = gateways.networks.iter().find(|it| it.name == network);
        let mut found = Vec::new();
        for gateway in network.into_iter().flat_map(|network| &network.gateways) {
            let address = &gateway.address;
            if let Some(pool) = pools.by_address.get(address) {
                found.push(Arc::clone(pool));
                continue;
            }
            let (tls, clock) = (Arc::clone(&gateways.tls), Arc::clone(self.clock()));
            let watchdog = Arc::clone(&self.0.watchdog);
            let Some(pool) = Pool::new(gateway, tls, clock, watchdog, self.0.ready) else {
                tracing::warn!(gateway.address = address, "invalid gateway address");
                continue;
            };
            pools.by_address.insert(address.clone(), Arc::clone(&pool));
            found.push(pool);
        }
        found
    }

    fn now(&self) -> Result<DateTime<Utc>, DialError> {
        let now = self.0.model.borrow().clock.now(self.clock().boot());
        now.ok_or_else(|| self.nothing_heard())
    }

    fn nothing_heard(&self) -> DialError {
        DialError::NothingHeard(match &self.0.model.borrow().connection {
            Connection::Lost { why, .. } => Some(why.clone()),
            Connection::Connecting | Connection::Live | Connection::Ended => None,
        })
    }

    /// The boot clock.
    pub(crate) fn boot(&self) -> Duration {
        self.clock().boot()
    }

    fn clock(&self) -> &Arc<dyn Clock> {
        self.0.device.session().clock()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.observer.abort();
    }
}

impl std::fmt::Debug for Dialer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Dialer").field(&self.0.device).finish()
    }
}

/// A connection that is held.
struct HeldConnection<'a> {
    throttle: &'a Mutex<PromptThrottle>,
    resource: ResourceId,
    denied_at: Option<DateTime<Utc>>,
}

impl Drop for HeldConnection<'_> {
    fn drop(&mut self) {
        lock(self.throttle).release(self.resource);
    }
}

/// Passes each change to the throttle, and changed gateways to the device.
async fn observe(
    mut model: watch::Receiver<Arc<Model>>,
    throttle: Arc<Mutex<PromptThrottle>>,
    outdated: crate::device::Outdated,
) {
    let mut networks = model.borrow().networks;
    while model.changed().await.is_ok() {
        let model = model.borrow_and_update();
        if std::mem::replace(&mut networks, model.networks) != model.networks {
            outdated.set();
        }
        lock(&throttle).observe(|id| model.row(id));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
