//! The gate: owns the table, the lease, and the connected devices. Everything that lets traffic
//! pass, or cuts it, goes through here.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use hourkey_clock::Clock;
use hourkey_domain::ids::{DeviceId, ResourceId};
use hourkey_protocol::gateway::{All, Changes, Refusal};
use tokio::sync::{Notify, watch};

use crate::budget::{Budget, Share};
use crate::flow_state::{Cause, FlowState};
use crate::index::{HostMap, Resolved};
use crate::lease::{Lease, LeaseState};
use crate::limits::{MAX_CONNECTIONS_PER_DEVICE, MAX_OPENING_PER_DEVICE, MAX_READY_PER_USER};
use crate::table::{Admission, EndedFlows, InvalidAddress, PeerIdentity, Table, Target};
use crate::timings::Timings;

mod guards;
mod look_up;
mod shared;

pub use guards::{ConnectionGuard, Decision, FlowGuard, OpeningGuard};
use look_up::LookUps;

/// The gate.
pub struct Gate {
    timings: Timings,
    lease: Lease,
    budget: Budget,
    state: Mutex<GateState>,
    /// How far the boot clock is ahead of the server's, in milliseconds; `UNKNOWN` at first.
    offset: AtomicI64,
    /// The controller accepts mismatches in reports.
    takes_mismatch: AtomicBool,
    /// Counts messages from the controller.
    heard: watch::Sender<u64>,
    /// Devices came or went.
    presence: Notify,
    /// The network's resources changed.
    resources: Notify,
    /// Traffic stopped passing, because of a pause or the controller's silence.
    stopped: Notify,
}

const UNKNOWN: i64 = i64::MIN;

#[derive(Default)]
struct GateState {
    table: Table,
    /// The devices that have connections here.
    connected: HashMap<DeviceId, Connected>,
    /// The devices that the controller knows to be connected, on this stream.
    announced: HashSet<DeviceId>,
    /// Look-ups that are under way.
    look_ups: LookUps,
    /// The pairs of resources that the log names as sharing an address.
    shared: HashSet<(ResourceId, ResourceId)>,
}

impl GateState {
    /// Returns how many connections the owner of the device has.
    fn connections_of_owner(&self, device: DeviceId) -> usize {
        let Some(owner) = self.table.owner(device) else {
            return 0;
        };
        let theirs = self.connected.iter();
        theirs
            .filter(|(device, _)| self.table.owner(**device) == Some(owner))
            .map(|(_, connected)| connected.connections)
            .sum()
    }
}

/// Connections and opening flows of a connected device.
#[derive(Default)]
struct Connected {
    connections: usize,
    /// Flows that are being resolved and connected.
    opening: usize,
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gate").finish_non_exhaustive()
    }
}

impl Gate {
    /// A gate that lets nothing pass yet.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, timings: Timings) -> Self {
        Self {
            timings,
            lease: Lease::new(clock, timings),
            budget: Budget::default(),
            state: Mutex::default(),
            offset: AtomicI64::new(UNKNOWN),
            takes_mismatch: AtomicBool::new(false),
            heard: watch::Sender::new(0),
            presence: Notify::new(),
            resources: Notify::new(),
            stopped: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, GateState> {
        // Nothing in here panics half-way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Now, in milliseconds on the boot clock.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.lease.now()
    }

    /// The server's time, once it was heard. Independent of this machine's wall clock.
    #[must_use]
    pub fn server_time(&self) -> Option<DateTime<Utc>> {
        match self.offset.load(SeqCst) {
            UNKNOWN => None,
            offset => DateTime::from_timestamp_millis(self.now().cast_signed() - offset),
        }
    }

    // Updates from the controller.

    /// Begins a stream. Returns the devices that are connected now.
    pub(crate) fn begin(&self) -> Vec<DeviceId> {
        let mut state = self.state();
        state.announced = state.connected.keys().copied().collect();
        state.announced.iter().copied().collect()
    }

    /// Sets how far the boot clock is ahead of the server's, in milliseconds.
    pub(crate) fn sync(&self, offset: i64) {
        self.offset.store(offset, SeqCst);
        let ended = self.state().table.sync(offset, self.now());
        cut(ended);
    }

    /// Replaces everything that is known. Returns the flows to close before it is acknowledged.
    pub(crate) fn all(&self, mut all: All) -> Result<Vec<Arc<FlowState>>, InvalidAddress> {
        let mut state = self.state();
        all.devices
            .retain(|device| state.announced.contains(&device.id));
        self.takes_mismatch.store(all.takes_mismatch, SeqCst);
        let ended = state.table.all(all, self.now())?;
        state.warn_of_shared();
        drop(state);
        self.resources.notify_one();
        Ok(cut(ended))
    }

    /// Applies a change. Returns the flows to close before it is acknowledged.
    pub(crate) fn changes(
        &self,
        mut changes: Changes,
    ) -> Result<Vec<Arc<FlowState>>, InvalidAddress> {
        let moved = changes.resources.is_some();
        let mut state = self.state();
        // What is still on its way about a device that went is true no longer.
        let announced = &state.announced;
        changes
            .devices
            .retain(|device| announced.contains(&device.id));
        let ended = state.table.changes(changes, self.now())?;
        if moved {
            state.warn_of_shared();
        }
        drop(state);
        if moved {
            self.resources.notify_one();
        }
        let ended = cut(ended);
        self.bump();
        Ok(ended)
    }

    /// Renews the lease: `basis` is a lower bound on when the controller sent our current state, in
    /// milliseconds on the boot clock.
    pub(crate) fn renew(&self, basis: u64) {
        self.lease.renew(basis);
        self.bump();
    }

    pub(crate) fn takes_mismatch(&self) -> bool {
        self.takes_mismatch.load(SeqCst)
    }

    /// Waits until the controller has been heard for the first time.
    pub(crate) async fn heard(&self) {
        // The gate holds the sender.
        let _ = self.heard.subscribe().wait_for(|count| *count > 0).await;
    }

    /// Waits until traffic stops passing.
    pub(crate) async fn stopped(&self) {
        self.stopped.notified().await;
    }

    fn bump(&self) {
        self.heard.send_modify(|count| *count += 1);
    }

    /// Forgets everything and cuts everything: the gateway was removed, or stops.
    pub(crate) fn fail_closed(&self, cause: Cause) -> Vec<Arc<FlowState>> {
        self.lease.end();
        let ended = self.state().table.clear(cause);
        cut(ended)
    }

    // Names.

    pub(crate) fn names(&self) -> Vec<String> {
        self.state().table.names()
    }

    pub(crate) fn resolved(&self, resolved: Resolved) {
        let mut state = self.state();
        let ended = state.table.resolved(resolved, self.now());
        state.warn_of_shared();
        drop(state);
        cut(ended);
    }

    /// Sets the administrator's host map.
    pub(crate) fn take_map(&self, map: HostMap) {
        self.state().table.take_map(map);
    }

    /// Sets the administrator's limit on flows of one user.
    pub(crate) fn set_max_flows_per_user(&self, most: Option<usize>) {
        self.state().table.set_max_flows_per_user(most);
    }

    pub(crate) async fn resources_changed(&self) {
        self.resources.notified().await;
    }

    // Devices.

    /// Counts one more connection of a device, until the guard is dropped; `None` when it has too
    /// many.
    #[must_use]
    pub fn connect(self: &Arc<Self>, device: DeviceId) -> Option<ConnectionGuard> {
        let mut state = self.state();
        let most = state
            .table
            .max_flows_per_user()
            .saturating_add(MAX_READY_PER_USER);
        if state.connections_of_owner(device) >= most {
            return None;
        }
        let connected = state.connected.entry(device).or_default();
        if connected.connections >= MAX_CONNECTIONS_PER_DEVICE {
            return None;
        }
        connected.connections += 1;
        if connected.connections == 1 {
            self.presence.notify_one();
        }
        let gate = Arc::clone(self);
        Some(ConnectionGuard { gate, device })
    }

    /// Reserves the window of one more HTTP/2 connection of a device; `None` when there is no room.
    pub(crate) async fn share(&self, peer: &PeerIdentity) -> Option<Share> {
        self.ready(peer).await.ok()?;
        let user = self.state().table.owner(peer.device)?;
        self.budget.take(user, peer.device)
    }

    fn disconnect(&self, device: DeviceId) {
        let mut state = self.state();
        let Some(connected) = state.connected.get_mut(&device) else {
            return;
        };
        connected.connections -= 1;
        if connected.connections == 0 {
            state.connected.remove(&device);
            self.presence.notify_one();
        }
    }

    fn opening(&self, device: DeviceId, change: impl FnOnce(usize) -> usize) -> bool {
        let mut state = self.state();
        let Some(connected) = state.connected.get_mut(&device) else {
            return false;
        };
        connected.opening = change(connected.opening);
        connected.opening <= MAX_OPENING_PER_DEVICE
    }

    /// Waits for devices to come or go.
    pub(crate) async fn presence_changed(&self) {
        self.presence.notified().await;
    }

    /// Returns which devices connected and disconnected since the last call. Those that
    /// disconnected are forgotten at once: from here on the controller sends no changes about them.
    pub(crate) fn presence(&self) -> (Vec<DeviceId>, Vec<DeviceId>) {
        let now = self.now();
        let mut state = self.state();
        let GateState {
            table,
            connected,
            announced,
            ..
        } = &mut *state;
        let came = connected.keys().filter(|id| !announced.contains(id));
        let came: Vec<DeviceId> = came.copied().collect();
        let went = announced.iter().filter(|id| !connected.contains_key(id));
        let went: Vec<DeviceId> = went.copied().collect();
        announced.extend(&came);
        for device in &went {
            announced.remove(device);
            cut(table.forget(*device, now));
        }
        (came, went)
    }

    // Flows.

    /// Waits until it is known whether the device may use the gateway.
    ///
    /// # Errors
    /// [`Refusal::Stale`] when nothing is heard in time.
    pub(crate) async fn ready(&self, peer: &PeerIdentity) -> Result<(), Refusal> {
        let mut heard = self.heard.subscribe();
        let known = async {
            loop {
                match self.lease.check() {
                    LeaseState::Live(_) if self.state().table.knows(peer.device) => return Ok(()),
                    LeaseState::Live(_) | LeaseState::Held => {}
                    LeaseState::Expired(_) => return Err(Refusal::Stale),
                }
                if heard.changed().await.is_err() {
                    return Err(Refusal::Stale);
                }
            }
        };
        let waited = tokio::time::timeout(self.timings.device_timeout, known).await;
        waited.unwrap_or(Err(Refusal::Stale))
    }

    /// As [`Table::admit`], under the lease.
    ///
    /// # Errors
    /// [`Refusal::Stale`], [`Refusal::Device`] and [`Refusal::NoPermit`].
    pub(crate) fn admit(&self, peer: &PeerIdentity, target: &Target) -> Result<Admission, Refusal> {
        self.state().table.admit(peer, target, self.live()?)
    }

    /// Lets a flow in, until the guard is dropped.
    pub(crate) fn open(
        self: &Arc<Self>,
        peer: &PeerIdentity,
        target: &Target,
    ) -> Result<(FlowGuard, Admission), Refusal> {
        let now = self.live()?;
        let (noted, opened) = {
            let table = &mut self.state().table;
            (table.note(target, now), table.open(peer, target, now))
        };
        cut(noted);
        let (state, admission) = opened?;
        let gate = Arc::clone(self);
        Ok((FlowGuard { gate, state }, admission))
    }

    fn live(&self) -> Result<u64, Refusal> {
        match self.lease.check() {
            LeaseState::Live(now) => Ok(now),
            LeaseState::Held | LeaseState::Expired(_) => Err(Refusal::Stale),
        }
    }

    /// Watches the clock for as long as the gateway runs, and cuts what is due, also where nothing
    /// is being sent.
    pub async fn watch(&self) {
        let mut passes = false;
        let mut silence_logged = false;
        loop {
            let lease_state = self.lease.tick();
            let passed = std::mem::replace(&mut passes, matches!(lease_state, LeaseState::Live(_)));
            if passed && !passes {
                self.stopped.notify_one();
            }
            if passes && std::mem::take(&mut silence_logged) {
                tracing::info!("connections pass again");
            }
            let ended = {
                let table = &mut self.state().table;
                let mut ended = match lease_state {
                    LeaseState::Expired(_) => table.stale(),
                    LeaseState::Live(_) | LeaseState::Held => EndedFlows::new(),
                };
                if passed && !passes && !self.lease.is_ended() {
                    silence_logged = true;
                    warn_of_silence(lease_state, ended.len());
                }
                ended.extend(table.due(self.now()));
                ended
            };
            cut(ended);
            let now = self.now();
            let deadline = self.state().table.next_deadline().unwrap_or(u64::MAX);
            // An end that has come needs no second look.
            let lease = Some(self.lease.ends()).filter(|ends| *ends > now);
            let next = deadline.min(lease.unwrap_or(u64::MAX)).saturating_sub(now);
            let next = Duration::from_millis(next.max(1));
            tokio::time::sleep(next.min(self.timings.tick_interval)).await;
        }
    }
}

/// Says why nothing passes any more, and how many connections that ends.
fn warn_of_silence(lease_state: LeaseState, cut: usize) {
    match lease_state {
        LeaseState::Live(_) => {}
        LeaseState::Held | LeaseState::Expired(None) => tracing::warn!(
            connections.cut = cut,
            "the gateway or its machine was suspended: nothing passes until the controller is heard \
             again"
        ),
        LeaseState::Expired(Some(_)) => tracing::warn!(
            connections.cut = cut,
            "the lease has expired because the controller is silent: nothing passes until it is heard \
             again"
        ),
    }
}

fn cut(ended: EndedFlows) -> Vec<Arc<FlowState>> {
    let cut = |(state, cause): (Arc<FlowState>, Cause)| {
        state.cut(cause);
        state
    };
    ended.into_iter().map(cut).collect()
}
