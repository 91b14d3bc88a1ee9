//! What the gateway knows, and what follows from it: pure, no clock, no I/O.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use hourkey_domain::address::{Address, Candidate, Host, Ports, governing};
use hourkey_domain::ids::{DeviceId, ResourceId, UserId};
use hourkey_protocol::gateway::{
    All, Changes, Destination, Device, Ended, LiveDevice, Refusal, User,
};

/// A permit's end by the server's clock, in milliseconds since the Unix epoch; the end of time for
/// none of its own.
pub(crate) type Deadline = i64;

/// No end of its own.
pub(crate) const NEVER: Deadline = i64::MAX;

/// Where somebody wants to go: the name that they said, and the address that is connected to (none
/// while it is not known, or where the host map alone says where the name leads).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) host: Host,
    pub(crate) ip: Option<IpAddr>,
    pub(crate) port: u16,
}

/// What was let in: on whose permit, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Admission {
    pub(crate) user: UserId,
    pub(crate) resource: ResourceId,
    pub(crate) until: Deadline,
}

/// A flow that was let in, and how it is reached.
#[derive(Debug)]
struct Flow<H> {
    device: DeviceId,
    user: UserId,
    resource: ResourceId,
    target: Target,
    handle: H,
}

/// What becomes of a running flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It goes on, up to this deadline.
    Until(Deadline),
    /// It is cut.
    Cut(Ended),
}

/// The gateway's knowledge. `H` is how a flow is reached.
#[derive(Debug)]
pub(crate) struct Table<H> {
    resources: Vec<Resource>,
    /// Places in `resources` of exact names, in order of id.
    by_name: HashMap<String, Vec<usize>>,
    devices: HashMap<DeviceId, Option<LiveDevice>>,
    permits: HashMap<UserId, HashMap<ResourceId, Deadline>>,
    flows: HashMap<u64, Flow<H>>,
    flows_of: HashMap<DeviceId, usize>,
    next_flow: u64,
}

#[derive(Debug)]
struct Resource {
    id: ResourceId,
    address: Address,
    ports: Ports,
    resolved: Vec<IpAddr>,
}

impl<H> Default for Table<H> {
    fn default() -> Self {
        Self {
            resources: Vec::new(),
            by_name: HashMap::new(),
            devices: HashMap::new(),
            permits: HashMap::new(),
            flows: HashMap::new(),
            flows_of: HashMap::new(),
            next_flow: 0,
        }
    }
}

impl<H: Clone> Table<H> {
    /// Takes everything anew; what is not in it is void. Returns what becomes of each flow.
    pub(crate) fn replace(&mut self, all: All) -> Vec<(H, Verdict)> {
        self.set_resources(all.resources);
        self.devices.clear();
        self.permits.clear();
        self.set_devices(all.devices);
        self.set_users(all.users);
        self.judge(|_| true, true)
    }

    /// Takes what changed. Returns what becomes of the flows that it concerns.
    pub(crate) fn change(&mut self, changes: Changes) -> Vec<(H, Verdict)> {
        let moved = changes.resources.is_some();
        let devices: HashSet<DeviceId> = changes.devices.iter().map(|it| it.id).collect();
        let users: HashSet<UserId> = changes.users.iter().map(|it| it.id).collect();
        if let Some(resources) = changes.resources {
            self.set_resources(resources);
        }
        self.set_devices(changes.devices);
        self.set_users(changes.users);
        self.judge(
            |flow| moved || devices.contains(&flow.device) || users.contains(&flow.user),
            moved,
        )
    }

    /// Takes what an exact name resolves to now. Returns what becomes of the flows.
    pub(crate) fn resolved(&mut self, name: &str, addresses: &[IpAddr]) -> Vec<(H, Verdict)> {
        let Some(places) = self.by_name.get(name) else {
            return Vec::new();
        };
        let mut changed = false;
        for place in places {
            let resource = &mut self.resources[*place];
            if resource.resolved != addresses {
                addresses.clone_into(&mut resource.resolved);
                changed = true;
            }
        }
        if changed {
            self.judge(|_| true, true)
        } else {
            Vec::new()
        }
    }

    /// The exact names of the network, for looking up what they resolve to.
    pub(crate) fn names(&self) -> Vec<String> {
        self.by_name.keys().cloned().collect()
    }

    /// Whether the device is known, ended or not.
    pub(crate) fn knows(&self, device: DeviceId) -> bool {
        self.devices.contains_key(&device)
    }

    /// Forgets a device that is no longer connected.
    pub(crate) fn forget(&mut self, device: DeviceId) {
        self.devices.remove(&device);
    }

    /// Whose a device is, if it has not ended and this is its key.
    ///
    /// # Errors
    /// [`Refusal::Device`].
    pub(crate) fn holder(&self, device: DeviceId, key: &str) -> Result<UserId, Refusal> {
        match self.devices.get(&device) {
            Some(Some(live)) if live.key == key => Ok(live.user),
            Some(Some(_) | None) | None => Err(Refusal::Device),
        }
    }

    /// True when one of the resources is exactly this address: then it may even be this machine's.
    pub(crate) fn names_exactly(&self, ip: IpAddr, port: u16) -> bool {
        self.resources.iter().any(|resource| {
            resource.address == Address::Ip(ip.to_canonical()) && resource.ports.contains(port)
        })
    }

    /// True when the host and port alone, wherever they lead, are a resource's.
    pub(crate) fn is_resource(&self, host: &Host, port: u16) -> bool {
        let target = Target {
            host: host.clone(),
            ip: None,
            port,
        };
        self.governing(&target).is_some()
    }

    /// True when the user has some permit at all: who has none learns nothing from how long a
    /// look-up takes.
    pub(crate) fn has_permits(&self, user: UserId, now: Deadline) -> bool {
        self.permits
            .get(&user)
            .is_some_and(|permits| permits.values().any(|until| now < *until))
    }

    /// Whether the device may go there now (rule 9).
    ///
    /// # Errors
    /// [`Refusal::Device`], or [`Refusal::NoPermit`] for what is locked and what is no resource
    /// alike.
    pub(crate) fn admit(
        &self,
        device: DeviceId,
        key: &str,
        target: &Target,
        now: Deadline,
    ) -> Result<Admission, Refusal> {
        let user = self.holder(device, key)?;
        let resource = self.governing(target).ok_or(Refusal::NoPermit)?;
        let until = self.permit(user, resource);
        match until {
            Some(until) if now < until => Ok(Admission {
                user,
                resource,
                until,
            }),
            Some(_) | None => Err(Refusal::NoPermit),
        }
    }

    /// Keeps a flow that was admitted. Returns its number.
    pub(crate) fn begin(
        &mut self,
        device: DeviceId,
        admission: Admission,
        target: Target,
        handle: H,
    ) -> u64 {
        self.next_flow += 1;
        let flow = Flow {
            device,
            user: admission.user,
            resource: admission.resource,
            target,
            handle,
        };
        self.flows.insert(self.next_flow, flow);
        *self.flows_of.entry(device).or_default() += 1;
        self.next_flow
    }

    /// Forgets a flow that has ended.
    pub(crate) fn end(&mut self, flow: u64) {
        let Some(flow) = self.flows.remove(&flow) else {
            return;
        };
        if let Some(count) = self.flows_of.get_mut(&flow.device) {
            *count -= 1;
            if *count == 0 {
                self.flows_of.remove(&flow.device);
            }
        }
    }

    /// How many flows there are: of the device, and in all.
    pub(crate) fn count(&self, device: DeviceId) -> (usize, usize) {
        let theirs = self.flows_of.get(&device).copied().unwrap_or(0);
        (theirs, self.flows.len())
    }

    /// Every flow whose last permit has come to its end.
    pub(crate) fn due(&self, now: Deadline) -> Vec<H> {
        let over = self.flows.values().filter(|flow| {
            self.permit(flow.user, flow.resource)
                .is_none_or(|until| now >= until)
        });
        over.map(|flow| flow.handle.clone()).collect()
    }

    /// Every flow.
    pub(crate) fn handles(&self) -> Vec<H> {
        let flows = self.flows.values();
        flows.map(|flow| flow.handle.clone()).collect()
    }

    fn permit(&self, user: UserId, resource: ResourceId) -> Option<Deadline> {
        self.permits.get(&user)?.get(&resource).copied()
    }

    fn governing(&self, target: &Target) -> Option<ResourceId> {
        // The strongest match there is: no need to look at all the others.
        if let Host::Name(name) = &target.host
            && let Some(places) = self.by_name.get(name)
            && let Some(found) = places
                .iter()
                .map(|place| &self.resources[*place])
                .find(|resource| resource.ports.contains(target.port))
        {
            return Some(found.id);
        }
        let candidates: Vec<Candidate<'_>> = self
            .resources
            .iter()
            .map(|resource| Candidate {
                id: resource.id,
                address: &resource.address,
                ports: &resource.ports,
                resolved: &resource.resolved,
            })
            .collect();
        governing(&candidates, &target.host, target.ip.as_slice(), target.port)
    }

    /// Judges the flows that `concerned` picks; `anew` when another resource may govern them.
    fn judge(&self, concerned: impl Fn(&Flow<H>) -> bool, anew: bool) -> Vec<(H, Verdict)> {
        let flows = self.flows.values().filter(|flow| concerned(flow));
        let judged = flows.map(|flow| {
            let lives = matches!(
                self.devices.get(&flow.device),
                Some(Some(live)) if live.user == flow.user
            );
            let governs = !anew || self.governing(&flow.target) == Some(flow.resource);
            let verdict = match self.permit(flow.user, flow.resource) {
                _ if !lives => Verdict::Cut(Ended::Device),
                Some(until) if governs => Verdict::Until(until),
                Some(_) | None => Verdict::Cut(Ended::Permit),
            };
            (flow.handle.clone(), verdict)
        });
        judged.collect()
    }

    fn set_resources(&mut self, destinations: Vec<Destination>) {
        let mut known: HashMap<ResourceId, Resource> = self
            .resources
            .drain(..)
            .map(|resource| (resource.id, resource))
            .collect();
        self.by_name.clear();
        for destination in destinations {
            let Ok(address) = destination.address.parse::<Address>() else {
                // A newer controller's: nothing can be reached by it, and nobody is hurt.
                tracing::warn!(resource.id = destination.id.0, "an address cannot be read");
                continue;
            };
            let before = known.remove(&destination.id);
            let resolved = before
                .filter(|before| before.address == address)
                .map(|before| before.resolved)
                .unwrap_or_default();
            if let Address::Name(name) = &address {
                let places = self.by_name.entry(name.clone()).or_default();
                places.push(self.resources.len());
            }
            self.resources.push(Resource {
                id: destination.id,
                address,
                ports: destination.ports,
                resolved,
            });
        }
        for places in self.by_name.values_mut() {
            places.sort_by_key(|place| self.resources[*place].id);
        }
    }

    fn set_devices(&mut self, devices: Vec<Device>) {
        let devices = devices.into_iter().map(|device| (device.id, device.live));
        self.devices.extend(devices);
    }

    fn set_users(&mut self, users: Vec<User>) {
        for user in users {
            let permits = user.permits.into_iter().map(|permit| {
                let until = permit.until.map_or(NEVER, |until| until.timestamp_millis());
                (permit.resource, until)
            });
            self.permits.insert(user.id, permits.collect());
        }
    }
}

#[cfg(test)]
mod tests;
