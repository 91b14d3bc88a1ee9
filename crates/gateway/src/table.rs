//! Admission table: resources, devices, permits, and the flows that run on them. No I/O in here.
//!
//! Times of permits are the server's; `offset` makes them times of the boot clock.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use hourkey_domain::address::{Address, Host};
use hourkey_domain::ids::{DeviceId, ResourceId, UserId};
use hourkey_protocol::gateway::{
    All, Changes, Destination, Device, LiveDevice, Permit, Refusal, User,
};

use crate::flow_state::{Cause, FlowState};
use crate::index::{HostMap, Index, Resolved, Resource};
use crate::limits::{MAX_FLOWS, MAX_FLOWS_PER_DEVICE, MAX_FLOWS_PER_USER};

mod shared_address;

use shared_address::{SniffedHosts, WildcardAddresses};

/// Identity of a peer, from its verified certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerIdentity {
    /// The device.
    pub device: DeviceId,
    /// Fingerprint of its key ([`hourkey_pki::fingerprint()`]).
    pub key: String,
}

/// The destination of a flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// As it was asked for, in canonical form.
    pub host: Host,
    /// The address that is connected to; `None` while it is not known, and where only the name
    /// counts ([`crate::resolve::ResolvedAddress::governs`]).
    pub ip: Option<IpAddr>,
    /// The port that was asked for.
    pub port: u16,
    /// The name's address and port in the administrator's map, if it names a port.
    pub mapped: Option<SocketAddr>,
}

impl Target {
    /// Returns the address to connect to; `None` while it is not known.
    #[must_use]
    pub fn socket_addr(&self) -> Option<SocketAddr> {
        let asked = self
            .address()
            .map(|ip| SocketAddr::new(ip.to_canonical(), self.port));
        self.mapped.or(asked)
    }

    /// The address that counts for rule 9; `None` while it is not known, and where only the name
    /// counts.
    fn address(&self) -> Option<IpAddr> {
        match self.host {
            Host::Ip(ip) => Some(ip),
            Host::Name(_) => self.ip,
        }
    }
}

/// The admission of a flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// The owner of the device.
    pub user: UserId,
    /// The governing resource.
    pub resource: ResourceId,
    /// Its address.
    pub address: Address,
    /// When the permit ends, in milliseconds on the boot clock.
    pub deadline: u64,
}

struct Flow {
    state: Arc<FlowState>,
    peer: PeerIdentity,
    target: Target,
    /// The hosts that its client named.
    sniffed: SniffedHosts,
}

/// Flows that an update ended: cut them before it is acknowledged.
pub type EndedFlows = Vec<(Arc<FlowState>, Cause)>;

type Permits = HashMap<ResourceId, Option<DateTime<Utc>>>;

/// Resources, devices and permits, and the flows that run on them.
#[derive(Default)]
pub struct Table {
    index: Index,
    map: HostMap,
    wildcard_addresses: WildcardAddresses,
    devices: HashMap<DeviceId, Option<LiveDevice>>,
    users: HashMap<UserId, Permits>,
    offset: i64,
    flows: HashMap<u64, Flow>,
    per_device: HashMap<DeviceId, usize>,
    per_user: HashMap<UserId, usize>,
    max_flows_per_user: Option<usize>,
    last_id: u64,
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table")
            .field("flows", &self.flows.len())
            .finish_non_exhaustive()
    }
}

impl Table {
    /// Replaces everything that is known.
    ///
    /// # Errors
    /// When a resource's address cannot be read. Nothing is changed.
    pub fn all(&mut self, all: All, now: u64) -> Result<EndedFlows, InvalidAddress> {
        let resources = resources(all.resources)?;
        self.reindex(resources, self.index.resolved().clone());
        self.devices.clear();
        self.users.clear();
        self.take(all.devices, all.users);
        Ok(self.review(true, now))
    }

    /// Applies a change.
    ///
    /// # Errors
    /// When a resource's address cannot be read. Nothing is changed.
    pub fn changes(&mut self, changes: Changes, now: u64) -> Result<EndedFlows, InvalidAddress> {
        let moved = changes.resources.is_some();
        if let Some(destinations) = changes.resources {
            self.reindex(resources(destinations)?, self.index.resolved().clone());
        }
        self.take(changes.devices, changes.users);
        Ok(self.review(moved, now))
    }

    /// Sets what the exact names among the addresses resolve to.
    pub fn resolved(&mut self, resolved: Resolved, now: u64) -> EndedFlows {
        if *self.index.resolved() == resolved {
            return Vec::new();
        }
        self.reindex(self.index.resources().to_vec(), resolved);
        self.review(true, now)
    }

    /// Sets the administrator's host map.
    pub fn take_map(&mut self, map: HostMap) {
        self.map = map;
        self.reindex(
            self.index.resources().to_vec(),
            self.index.resolved().clone(),
        );
    }

    /// Sets the administrator's limit on flows of one user.
    pub fn set_max_flows_per_user(&mut self, most: Option<usize>) {
        self.max_flows_per_user = most;
    }

    /// The most flows of one user.
    pub(crate) fn max_flows_per_user(&self) -> usize {
        self.max_flows_per_user.unwrap_or(MAX_FLOWS_PER_USER)
    }

    fn reindex(&mut self, resources: Vec<Resource>, resolved: Resolved) {
        self.index = Index::new(resources, resolved).with_map(&self.map);
    }

    /// Sets how far the boot clock is ahead of the server's, in milliseconds: moves deadlines.
    pub fn sync(&mut self, offset: i64, now: u64) -> EndedFlows {
        if self.offset == offset {
            return Vec::new();
        }
        self.offset = offset;
        self.review(false, now)
    }

    /// Forgets a disconnected device, and its user with the last of their devices.
    pub fn forget(&mut self, device: DeviceId, now: u64) -> EndedFlows {
        self.devices.remove(&device);
        self.drop_strangers();
        self.review(false, now)
    }

    /// Forgets everything, and ends all flows.
    pub fn clear(&mut self, cause: Cause) -> EndedFlows {
        self.devices.clear();
        self.users.clear();
        self.end_all(cause)
    }

    /// Ends the flows that are not kept alive while the controller is away.
    pub fn stale(&mut self) -> EndedFlows {
        self.end_where(Cause::Stale, |state| !state.keep_alive_offline())
    }

    /// Ends all flows.
    pub fn end_all(&mut self, cause: Cause) -> EndedFlows {
        self.per_device.clear();
        self.per_user.clear();
        let flows = self.flows.drain();
        flows.map(|(_, flow)| (flow.state, cause)).collect()
    }

    /// Ends the flows whose permits have reached their end.
    pub fn due(&mut self, now: u64) -> EndedFlows {
        self.end_where(Cause::Expired, |state| state.deadline() <= now)
    }

    fn end_where(&mut self, cause: Cause, ends: impl Fn(&FlowState) -> bool) -> EndedFlows {
        let ended = self.flows.values().filter(|flow| ends(&flow.state));
        let ended: Vec<u64> = ended.map(|flow| flow.state.id).collect();
        ended
            .into_iter()
            .filter_map(|id| Some((self.close(id)?, cause)))
            .collect()
    }

    /// The next deadline of a flow, in milliseconds on the boot clock.
    #[must_use]
    pub fn next_deadline(&self) -> Option<u64> {
        self.flows.values().map(|flow| flow.state.deadline()).min()
    }

    /// Returns true when the controller has sent something about the device.
    #[must_use]
    pub fn knows(&self, device: DeviceId) -> bool {
        self.devices.contains_key(&device)
    }

    /// The exact names among the addresses, each once.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.index.names().cloned().collect()
    }

    /// Admits a device to a target (rule 9).
    ///
    /// A name whose address is not known yet is judged by the name alone: a client that is refused
    /// must not learn whether there is an address.
    ///
    /// # Errors
    /// [`Refusal::Device`], [`Refusal::NoPermit`], and [`Refusal::Busy`] while it is not known
    /// whether another resource governs the address.
    pub fn admit(
        &self,
        peer: &PeerIdentity,
        target: &Target,
        now: u64,
    ) -> Result<Admission, Refusal> {
        let user = self.user(peer)?;
        let resource = self
            .index
            .governing(&target.host, target.ip, target.port)
            .ok_or(Refusal::NoPermit)?;
        let deadline = self.deadline(user, resource.id).ok_or(Refusal::NoPermit)?;
        if deadline <= now {
            return Err(Refusal::NoPermit);
        }
        let may_use = |other: &Resource| self.deadline(user, other.id).is_some_and(|it| it > now);
        if target.address().is_some()
            && let Some(other) = self
                .index
                .may_govern(&target.host, resource, target.port)
                .find(|other| !may_use(other))
        {
            tracing::debug!(
                resource.id = %resource.id,
                other.address = %other.address,
                "connection refused until another resource's name is resolved"
            );
            return Err(Refusal::Busy);
        }
        Ok(Admission {
            user,
            resource: resource.id,
            address: resource.address.clone(),
            deadline,
        })
    }

    /// Lets a flow in.
    ///
    /// # Errors
    /// As [`Self::admit`], and [`Refusal::Busy`].
    pub fn open(
        &mut self,
        peer: &PeerIdentity,
        target: &Target,
        now: u64,
    ) -> Result<(Arc<FlowState>, Admission), Refusal> {
        let admission = self.admit(peer, target, now)?;
        let of_device = self.per_device.get(&peer.device).copied().unwrap_or(0);
        let of_user = self.per_user.get(&admission.user).copied().unwrap_or(0);
        let most_of_user = self.max_flows_per_user();
        if of_device >= MAX_FLOWS_PER_DEVICE
            || of_user >= most_of_user
            || self.flows.len() >= MAX_FLOWS
        {
            return Err(Refusal::Busy);
        }
        self.per_user.insert(admission.user, of_user + 1);
        self.per_device.insert(peer.device, of_device + 1);
        self.last_id += 1;
        let state = Arc::new(FlowState::new(
            self.last_id,
            peer.device,
            admission.user,
            admission.resource,
            admission.deadline,
        ));
        state.set_keep_alive_offline(
            self.keep_alive_offline(admission.resource, admission.deadline),
        );
        let flow = Flow {
            state: Arc::clone(&state),
            peer: peer.clone(),
            target: target.clone(),
            sniffed: SniffedHosts::default(),
        };
        self.flows.insert(state.id, flow);
        Ok((state, admission))
    }

    /// Removes a flow. `None` when it was ended already.
    pub fn close(&mut self, id: u64) -> Option<Arc<FlowState>> {
        let flow = self.flows.remove(&id)?;
        one_less(&mut self.per_device, flow.peer.device);
        one_less(&mut self.per_user, flow.state.user);
        Some(flow.state)
    }

    /// Returns the user of a device, if known.
    pub(crate) fn owner(&self, device: DeviceId) -> Option<UserId> {
        Some(self.devices.get(&device)?.as_ref()?.user)
    }

    fn user(&self, peer: &PeerIdentity) -> Result<UserId, Refusal> {
        match self.devices.get(&peer.device) {
            Some(Some(live)) if live.key == peer.key => Ok(live.user),
            Some(_) | None => Err(Refusal::Device),
        }
    }

    /// When the user's permit ends, in milliseconds on the boot clock; `None` without a permit.
    fn deadline(&self, user: UserId, resource: ResourceId) -> Option<u64> {
        Some(match self.users.get(&user)?.get(&resource)? {
            None => u64::MAX,
            Some(until) => {
                let boot = until.timestamp_millis().saturating_add(self.offset);
                u64::try_from(boot).unwrap_or(0)
            }
        })
    }

    /// Returns true when a flow of the resource may go on to its deadline without the controller.
    fn keep_alive_offline(&self, resource: ResourceId, deadline: u64) -> bool {
        deadline < u64::MAX && self.index.keep_alive_offline(resource)
    }

    fn take(&mut self, devices: Vec<Device>, users: Vec<User>) {
        for device in devices {
            self.devices.insert(device.id, device.live);
        }
        for user in users {
            let permit = |permit: Permit| (permit.resource, permit.until);
            let permits = user.permits.into_iter().map(permit).collect();
            self.users.insert(user.id, permits);
        }
        self.drop_strangers();
    }

    /// The controller does not keep the gateway informed about users without a device here.
    fn drop_strangers(&mut self) {
        let live: HashSet<UserId> = self.devices.values().flatten().map(|it| it.user).collect();
        self.users.retain(|id, _| live.contains(id));
    }

    /// Ends the flows that no permit carries any more (rule 8), and moves the deadlines of the
    /// others.
    fn review(&mut self, moved: bool, now: u64) -> EndedFlows {
        let mut ended = Vec::new();
        for flow in self.flows.values() {
            match self.deadline_of(flow, moved, now) {
                Ok(deadline) => {
                    let resource = flow.state.resource;
                    flow.state
                        .set_keep_alive_offline(self.keep_alive_offline(resource, deadline));
                    flow.state.set_deadline(deadline);
                }
                Err(cause) => ended.push((flow.state.id, cause)),
            }
        }
        ended
            .into_iter()
            .filter_map(|(id, cause)| Some((self.close(id)?, cause)))
            .collect()
    }

    fn deadline_of(&self, flow: &Flow, moved: bool, now: u64) -> Result<u64, Cause> {
        let user = self.user(&flow.peer).map_err(|_| Cause::Device)?;
        let Target { host, ip, port, .. } = &flow.target;
        let resource = flow.state.resource;
        if moved && self.index.governing(host, *ip, *port).map(|it| it.id) != Some(resource) {
            return Err(Cause::Moved);
        }
        match self.deadline(user, resource) {
            None => Err(Cause::Revoked),
            Some(deadline) if deadline <= now => Err(Cause::Expired),
            Some(deadline) => match self.sniffed_deadline(flow, now) {
                Ok(until) => Ok(deadline.min(until)),
                Err(mismatch) => {
                    flow.state.set_mismatch(mismatch);
                    Err(Cause::Mismatch)
                }
            },
        }
    }
}

fn one_less<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, usize>, key: K) {
    if let Some(count) = counts.get_mut(&key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(&key);
        }
    }
}

/// The address of a resource cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the address of resource {0} cannot be read")]
pub struct InvalidAddress(pub ResourceId);

fn resources(destinations: Vec<Destination>) -> Result<Vec<Resource>, InvalidAddress> {
    let read = |destination: Destination| {
        Ok(Resource {
            address: destination
                .address
                .parse()
                .map_err(|_| InvalidAddress(destination.id))?,
            id: destination.id,
            ports: destination.ports,
            keep_alive_offline: destination.keep_alive_offline,
        })
    };
    destinations.into_iter().map(read).collect()
}

#[cfg(test)]
mod tests;
