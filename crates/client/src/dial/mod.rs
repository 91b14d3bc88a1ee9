//! Opens connections to resources: finds the resource and its gateways, and asks for access first
//! where it is locked.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use hourkey_clock::Clock;
use hourkey_domain::ids::ResourceId;
use hourkey_domain::lock::LockState;
use hourkey_protocol::access::Resource;
use hourkey_protocol::gateway::Refusal;
use hourkey_tcp::Watchdog;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use url::Url;

use crate::device::{Device, Gateways};
use crate::model::{Connection, Model, lock_now};
use crate::pages::{self, Back};
use crate::upstream::pool::Pool;
use crate::upstream::{self, Failed};
pub use crate::upstream::{RelayError, Tunnel};
pub(crate) use crate::upstream::{UNCLEAR_TIMEOUT, Verdict};

mod asks;
mod blocked;
mod destination;
mod lost;
mod refused;
mod route;
pub use blocked::{Blocked, Cut};
pub use destination::{BadDestination, Destination};
pub use lost::Lost;
pub use refused::Refused;

use asks::{Asks, Step};
use blocked::Told;
pub(crate) use route::Routes;

/// What a connection to a locked resource sets off. Each call returns at once.
pub trait Asker: Send + Sync {
    /// Open the request page in the browser.
    fn open_page(&self, ask: &Ask);
    /// Remind of it by a notification: the page was opened before, or another one just now.
    fn remind(&self, ask: &Ask);
    /// A connection waits, and there is nothing to ask for: the person knows, or asked already.
    fn waits(&self, _ask: &Ask) {}
    /// A gateway cut a connection for what went through it.
    fn blocked(&self, _blocked: &Blocked) {}
}

/// A locked resource that something on this machine wants to use.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// The resource, as last heard.
    pub resource: Resource,
    /// Its request page.
    pub page: Url,
    /// How long the connection waits.
    pub patience: Duration,
}

/// Opens connections for one person. Clones share everything.
#[derive(Clone)]
pub struct Dialer(Arc<Inner>);

struct Inner {
    device: Device,
    model: watch::Receiver<Model>,
    asker: Arc<dyn Asker>,
    /// How many connections to each gateway in use are kept ready.
    ready: usize,
    watchdog: Arc<Watchdog>,
    asks: Arc<Mutex<Asks>>,
    told: Told,
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

/// How long to wait for the first word of the controller.
const FIRST: Duration = Duration::from_secs(10);
/// How long opening a connection may take once its resource is open, whatever number of gateways is
/// tried: Chromium gives up at 30 s.
const OPEN_TIMEOUT: Duration = Duration::from_secs(20);
/// How long it may take at least, for a connection that was held almost as long as its caller waits.
const MIN_OPEN_TIMEOUT: Duration = Duration::from_secs(3);
/// A gateway may hear of a grant a little later than this device: how long to ask again.
const CATCH_UP: [Duration; 5] = [
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_millis(1_000),
];
/// How much later than the end of a connection the end of access may be heard of.
const NEWS_TIMEOUT: Duration = Duration::from_secs(1);
/// While a connection is held, its resource's own deadlines are looked at this often.
const LOOK: Duration = Duration::from_secs(1);

impl Dialer {
    /// Opens connections by what `model` says; call it inside the runtime. `ready` is how many
    /// connections to each gateway in use are kept ready: 2 for a program that stays, 0 for one
    /// that opens a single connection.
    #[must_use]
    pub fn new(
        device: Device,
        model: watch::Receiver<Model>,
        asker: Arc<dyn Asker>,
        ready: usize,
    ) -> Self {
        let asks = Arc::new(Mutex::new(Asks::default()));
        let observer = observe(model.clone(), Arc::clone(&asks), device.outdated());
        let observer = tokio::spawn(observer);
        Self(Arc::new(Inner {
            device,
            model,
            asker,
            ready,
            watchdog: Arc::new(Watchdog::start()),
            asks,
            told: Told::default(),
            routes: Mutex::new((-1, Arc::default())),
            pools: Mutex::default(),
            observer,
        }))
    }

    /// Opens a connection, in about `patience`. While its resource is locked, the connection is held
    /// for that long and its request page asked for.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn dial(&self, to: &Destination, patience: Duration) -> Result<Tunnel, Refused> {
        self.dial_and_come_back(to, patience, None).await
    }

    /// [`Self::dial`]; the request page sends the browser `back`.
    pub(crate) async fn dial_and_come_back(
        &self,
        to: &Destination,
        patience: Duration,
        back: Option<&Back>,
    ) -> Result<Tunnel, Refused> {
        let deadline = Instant::now() + patience;
        self.heard().await?;
        let id = self.route(to).ok_or(Refused::NoResource)?;
        let network = self.admit(id, patience, deadline, back).await?;
        let left = deadline.saturating_duration_since(Instant::now());
        let limit = left.clamp(MIN_OPEN_TIMEOUT, OPEN_TIMEOUT);
        let opened = tokio::time::timeout(limit, self.open_soon(&network, to)).await;
        let mut tunnel = opened.unwrap_or_else(|_| {
            let why = format!("none did within {} seconds", limit.as_secs());
            Err(Refused::NoAnswer(why))
        })?;
        let Inner { told, asker, .. } = &*self.0;
        told.watch(&mut tunnel, asker, self.clock());
        Ok(tunnel)
    }

    /// [`Self::open`], again while the gateway has not heard of the grant.
    async fn open_soon(&self, network: &str, to: &Destination) -> Result<Tunnel, Refused> {
        for wait in CATCH_UP {
            match self.open(network, to).await {
                Err(Refused::Gateway(Refusal::NoPermit)) => tokio::time::sleep(wait).await,
                done => return done,
            }
        }
        self.open(network, to).await
    }

    /// Gets this device its certificate, so that the first connection need not wait for it.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn prepare(&self) -> Result<(), Refused> {
        self.heard().await?;
        self.0.device.ensure(self.now()?).await?;
        Ok(())
    }

    /// Why a connection to `to` broke with this error, which nobody on this machine ended. What the
    /// controller says about it may arrive a moment later.
    pub async fn why_lost(&self, to: &Destination, error: Option<&io::Error>) -> Lost {
        if let Some(lost) = error.and_then(hourkey_tcp::LinkError::of) {
            return Lost::Gateway(lost.to_string());
        }
        let mut model = self.0.model.clone();
        let ended = async {
            loop {
                model.mark_unchanged();
                if let Some(lost) = self.access_lost(to) {
                    return lost;
                }
                if model.changed().await.is_err() {
                    return Lost::SignedOut;
                }
            }
        };
        if let Ok(lost) = tokio::time::timeout(NEWS_TIMEOUT, ended).await {
            return lost;
        }
        match self.any_gateway(to).await {
            Ok(()) => Lost::Connection,
            Err(Refused::NoAnswer(why)) => Lost::Gateway(why),
            Err(other) => Lost::Refused(other),
        }
    }

    /// Finds out whether a gateway of the destination's network answers.
    async fn any_gateway(&self, to: &Destination) -> Result<(), Refused> {
        let id = self.route(to).ok_or(Refused::NoResource)?;
        let network = self.row(id)?.0.network;
        let gateways = self.0.device.ensure(self.now()?).await?;
        let mut failed = Refused::NoGateway(network.clone());
        for pool in self.pools(&gateways, &network) {
            match pool.connect().await {
                Ok(_) => return Ok(()),
                Err(error) => failed = Refused::NoAnswer(pool.why_silent(&error)),
            }
        }
        Err(failed)
    }

    fn access_lost(&self, to: &Destination) -> Option<Lost> {
        let row = self.route(to).map(|id| self.row(id));
        let (resource, now) = match row {
            Some(Ok(row)) => row,
            Some(Err(Refused::SignedOut)) => return Some(Lost::SignedOut),
            Some(Err(_)) | None => return Some(Lost::Resource),
        };
        match lock_now(&resource, now) {
            LockState::Open { .. } | LockState::Granted { .. } => None,
            LockState::Scheduled { .. } | LockState::Pending { .. } | LockState::Locked { .. } => {
                Some(Lost::Access(resource.name))
            }
        }
    }

    /// The resource of a destination with its request page, while it is locked.
    pub(crate) async fn locked(&self, to: &Destination) -> Result<Option<Url>, Refused> {
        self.heard().await?;
        let id = self.route(to).ok_or(Refused::NoResource)?;
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
            *routes = (model.seq, Arc::new(Routes::new(model.resources.values())));
        }
        Arc::clone(&routes.1)
    }

    /// Waits for the first word of the controller.
    pub(crate) async fn heard(&self) -> Result<(), Refused> {
        let mut model = self.0.model.clone();
        let heard =
            model.wait_for(|model| model.me.is_some() || model.connection == Connection::Ended);
        match tokio::time::timeout(FIRST, heard).await {
            Ok(Ok(model)) if model.connection == Connection::Ended => Err(Refused::SignedOut),
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(Refused::SignedOut),
            Err(_) => Err(self.nothing_heard()),
        }
    }

    /// The person's resource that governs a destination, as it stands now.
    #[must_use]
    pub fn resource(&self, to: &Destination) -> Option<Resource> {
        let id = self.route(to)?;
        self.0.model.borrow().resources.get(&id).cloned()
    }

    fn route(&self, to: &Destination) -> Option<ResourceId> {
        self.routes().find(&to.host, to.port)
    }

    /// Waits until the resource is open to the person, up to the deadline that `patience` came to;
    /// returns its network.
    async fn admit(
        &self,
        id: ResourceId,
        patience: Duration,
        deadline: Instant,
        back: Option<&Back>,
    ) -> Result<String, Refused> {
        let mut model = self.0.model.clone();
        let mut held: Option<Held<'_>> = None;
        loop {
            model.mark_unchanged();
            let (resource, now) = self.row(id)?;
            match lock_now(&resource, now) {
                LockState::Open { .. } | LockState::Granted { .. } => return Ok(resource.network),
                LockState::Scheduled { .. }
                | LockState::Pending { .. }
                | LockState::Locked { .. } => {}
            }
            match &held {
                None => held = Some(self.hold(&resource, patience, back)),
                Some(held) if resource.denied_at > held.denied_at => return Err(Refused::Denied),
                Some(_) => {}
            }
            tokio::select! {
                changed = model.changed() => changed.map_err(|_| Refused::SignedOut)?,
                () = tokio::time::sleep(LOOK) => {}
                () = tokio::time::sleep_until(deadline) => return Err(Refused::Locked),
            }
        }
    }

    /// Holds a connection, and asks for access.
    fn hold(&self, resource: &Resource, patience: Duration, back: Option<&Back>) -> Held<'_> {
        let now = self.clock().boot();
        let step = lock(&self.0.asks).hold(resource, now);
        let page = self.page(resource.id);
        let ask = Ask {
            resource: resource.clone(),
            page: match back {
                Some(back) => pages::and_back(page, back),
                None => page,
            },
            patience,
        };
        match step {
            Step::OpenPage => self.0.asker.open_page(&ask),
            Step::Remind => self.0.asker.remind(&ask),
            Step::Nothing => self.0.asker.waits(&ask),
        }
        Held {
            asks: &self.0.asks,
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
    fn row(&self, id: ResourceId) -> Result<(Resource, DateTime<Utc>), Refused> {
        let model = self.0.model.borrow();
        if model.connection == Connection::Ended {
            return Err(Refused::SignedOut);
        }
        let now = model.clock.now(self.clock().boot());
        let resource = model.resources.get(&id).ok_or(Refused::NoResource)?;
        Ok((resource.clone(), now.ok_or_else(|| self.nothing_heard())?))
    }

    /// Opens a tunnel through one of the network's gateways.
    async fn open(&self, network: &str, to: &Destination) -> Result<Tunnel, Refused> {
        let now = self.now()?;
        let device = &self.0.device;
        let target = to.to_string();
        let mut gateways = device.ensure(now).await?;
        let mut opened = upstream::open(&self.pools(&gateways, network), &target).await;
        if opened.as_ref().err() == Some(&Failed::Refused(Refusal::Device)) {
            let renewed = device.renew(&gateways, now).await?;
            if !Arc::ptr_eq(&renewed, &gateways) {
                gateways = renewed;
                opened = upstream::open(&self.pools(&gateways, network), &target).await;
            }
        }
        match opened {
            Err(failed) if failed.is_local() => {}
            done => return done.map_err(Refused::from),
        }
        // There may be other gateways by now.
        let gateways = device.look_again(&gateways, now).await?;
        let pools = self.pools(&gateways, network);
        if pools.is_empty() {
            return Err(Refused::NoGateway(network.to_owned()));
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
                tracing::warn!(
                    gateway.address = address,
                    "A gateway's address makes no sense."
                );
                continue;
            };
            pools.by_address.insert(address.clone(), Arc::clone(&pool));
            found.push(pool);
        }
        found
    }

    fn now(&self) -> Result<DateTime<Utc>, Refused> {
        let now = self.0.model.borrow().clock.now(self.clock().boot());
        now.ok_or_else(|| self.nothing_heard())
    }

    fn nothing_heard(&self) -> Refused {
        Refused::NothingHeard(match &self.0.model.borrow().connection {
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
struct Held<'a> {
    asks: &'a Mutex<Asks>,
    resource: ResourceId,
    denied_at: Option<DateTime<Utc>>,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        lock(self.asks).let_go(self.resource);
    }
}

/// Lets [`Asks`] hear of every change, and the device of changed gateways.
async fn observe(
    mut model: watch::Receiver<Model>,
    asks: Arc<Mutex<Asks>>,
    outdated: crate::device::Outdated,
) {
    let mut networks = model.borrow().networks;
    while model.changed().await.is_ok() {
        let model = model.borrow_and_update();
        if std::mem::replace(&mut networks, model.networks) != model.networks {
            outdated.set();
        }
        lock(&asks).observe(|id| model.resources.get(&id));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
