//! Finds the resource that governs a destination among many, without looking at each.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};

use hourkey_domain::address::{Address, Candidate, Host, Ports, governing};
use hourkey_domain::ids::ResourceId;

use crate::config::Mapped;

/// A resource, as far as destinations go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// The resource.
    pub id: ResourceId,
    /// Its address.
    pub address: Address,
    /// Its ports.
    pub ports: Ports,
    /// Running flows stay while the controller is away, up to the ends of their permits.
    pub keep_alive_offline: bool,
}

/// Addresses of each exact name. A name that was never answered is not in here.
pub type Resolved = HashMap<String, Vec<IpAddr>>;

/// The administrator's host map.
pub type HostMap = HashMap<String, Mapped>;

/// All resources of the network, and what leads to them.
#[derive(Debug, Default)]
pub struct Index {
    resources: Vec<Resource>,
    resolved: Resolved,
    names: HashMap<String, Vec<usize>>,
    wildcards: HashMap<String, Vec<usize>>,
    addresses: HashMap<IpAddr, Vec<usize>>,
    prefixes: Vec<usize>,
    /// Resources whose names the map leads to a port of their own.
    mapped: HashMap<SocketAddr, Vec<usize>>,
    /// The wildcards of which the map leads a name to an address, at any port.
    mapped_below: HashMap<IpAddr, Vec<usize>>,
    /// Those with exact names that were never answered.
    unanswered: Vec<usize>,
    kept_alive: HashSet<ResourceId>,
    by_id: HashMap<ResourceId, usize>,
}

impl Index {
    /// Of these resources, with what their names resolve to.
    #[must_use]
    pub fn new(resources: Vec<Resource>, resolved: Resolved) -> Self {
        let mut index = Self::default();
        for (at, resource) in resources.iter().enumerate() {
            index.by_id.insert(resource.id, at);
            if resource.keep_alive_offline {
                index.kept_alive.insert(resource.id);
            }
            match &resource.address {
                Address::Name(name) => {
                    index.names.entry(name.clone()).or_default().push(at);
                    if !resolved.contains_key(name) {
                        index.unanswered.push(at);
                    }
                    for ip in resolved.get(name).into_iter().flatten() {
                        let ip = ip.to_canonical();
                        index.addresses.entry(ip).or_default().push(at);
                    }
                }
                Address::Wildcard(suffix) => {
                    index.wildcards.entry(suffix.clone()).or_default().push(at);
                }
                Address::Ip(ip) => {
                    let ip = ip.to_canonical();
                    index.addresses.entry(ip).or_default().push(at);
                }
                Address::Net(..) => index.prefixes.push(at),
            }
        }
        Self {
            resources,
            resolved,
            ..index
        }
    }

    /// With the administrator's map.
    #[must_use]
    pub fn with_map(mut self, map: &HostMap) -> Self {
        for (name, Mapped { ip, port }) in map {
            let ip = ip.to_canonical();
            let exact = self.names.get(name).cloned();
            let is_exact = exact.is_some();
            let governing = exact.unwrap_or_else(|| self.longest_wildcard(name, |_| true));
            match port {
                Some(port) => {
                    let destination = SocketAddr::new(ip, *port);
                    self.mapped
                        .entry(destination)
                        .or_default()
                        .extend(governing);
                }
                // Exact names are looked up, also in the map.
                None if is_exact => {}
                None => self.mapped_below.entry(ip).or_default().extend(governing),
            }
        }
        for below in self.mapped_below.values_mut() {
            below.sort_unstable();
            below.dedup();
        }
        self
    }

    /// The resources that are known to be at this address and port: numbers, exact names that
    /// resolve to it, and names that the map leads there.
    pub fn known_at(&self, destination: SocketAddr) -> impl Iterator<Item = &Resource> {
        let by_address = self
            .at(destination.ip())
            .map(|at| &self.resources[at])
            .filter(move |resource| resource.ports.contains(destination.port()));
        let by_map = self.mapped.get(&destination).into_iter().flatten();
        by_address.chain(by_map.map(|at| &self.resources[*at]))
    }

    /// Returns the resources known at an address, at any port.
    fn at(&self, ip: IpAddr) -> impl Iterator<Item = usize> {
        let known = [&self.addresses, &self.mapped_below];
        let known = known.map(|it| it.get(&ip).into_iter().flatten().copied());
        known.into_iter().flatten()
    }

    /// The resource that a name stands for which was found inside of a flow to `port`, at `destination`
    /// (rule 9). `None` for a name by which no resource is known there: `localhost`, say.
    #[must_use]
    pub fn named(&self, name: &str, port: u16, destination: SocketAddr) -> Option<&Resource> {
        let exact = self.names.get(name).into_iter().flatten();
        let exact = exact.map(|at| &self.resources[*at]);
        if let Some(governs) = exact
            .filter(|it| it.ports.contains(port))
            .min_by_key(|it| it.id)
        {
            return Some(governs);
        }
        let below = self.below(name);
        let mapped = self.mapped.get(&destination).into_iter().flatten();
        if let Some(at) = mapped.into_iter().find(|at| below.contains(at)) {
            return self.resources.get(*at);
        }
        // An address goes before a wildcard.
        let mut numbered = self.addresses.get(&destination.ip()).into_iter().flatten();
        if numbered.any(|at| self.resources[*at].ports.contains(destination.port())) {
            return None;
        }
        self.wildcard(name, port)
    }

    /// The wildcard by which a name would be governed at a port, did its address not matter (rule
    /// 9). Whoever asks for such a name needs a permit for it, whatever governs the address.
    #[must_use]
    pub fn wildcard(&self, name: &str, port: u16) -> Option<&Resource> {
        let counts = |it: &Resource| it.ports.contains(port);
        let mut exact = self.names.get(name).into_iter().flatten();
        if exact.any(|at| counts(&self.resources[*at])) {
            return None;
        }
        let longest = self.longest_wildcard(name, counts).into_iter();
        longest.map(|at| &self.resources[at]).min_by_key(|it| it.id)
    }

    /// Pairs of resources that are known at one address and share ports there, each once, at most
    /// `limit`.
    #[must_use]
    pub fn shared(&self, limit: usize) -> Vec<(IpAddr, &Resource, &Resource)> {
        let ips: HashSet<_> = self
            .addresses
            .keys()
            .chain(self.mapped_below.keys())
            .collect();
        let by_address = ips.into_iter().map(|ip| {
            let found: Vec<usize> = self.at(*ip).collect();
            (*ip, found, true)
        });
        let by_map = self
            .mapped
            .iter()
            .map(|(destination, found)| (destination.ip(), found.clone(), false));
        let pairs = by_address
            .chain(by_map)
            .flat_map(|(ip, found, by_address)| {
                let pair = |(nth, one)| found[nth + 1..].iter().map(move |two| (one, *two));
                let pairs: Vec<_> = found.iter().copied().enumerate().flat_map(pair).collect();
                let pairs = pairs.into_iter();
                pairs
                    .map(move |(one, two)| (ip, &self.resources[one], &self.resources[two]))
                    .filter(move |(_, one, two)| {
                        one.id != two.id && (!by_address || one.ports.overlap(&two.ports))
                    })
            });
        pairs.take(limit).collect()
    }

    /// The longest wildcards above a name, among those that count.
    fn longest_wildcard(&self, name: &str, counts: impl Fn(&Resource) -> bool) -> Vec<usize> {
        let parents = name.match_indices('.').map(|(dot, _)| &name[dot + 1..]);
        let counting = |at: &usize| counts(&self.resources[*at]);
        parents
            .filter_map(|parent| self.wildcards.get(parent))
            .map(|found| found.iter().copied().filter(counting).collect::<Vec<_>>())
            .find(|found| !found.is_empty())
            .unwrap_or_default()
    }

    /// The resource with this id.
    #[must_use]
    pub fn get(&self, id: ResourceId) -> Option<&Resource> {
        self.by_id.get(&id).map(|at| &self.resources[*at])
    }

    /// All resources.
    #[must_use]
    pub fn resources(&self) -> &[Resource] {
        &self.resources
    }

    /// Whether the resource's flows outlast the controller's silence.
    #[must_use]
    pub fn keep_alive_offline(&self, resource: ResourceId) -> bool {
        self.kept_alive.contains(&resource)
    }

    /// Returns the addresses of the names.
    #[must_use]
    pub fn resolved(&self) -> &Resolved {
        &self.resolved
    }

    /// The exact names among the addresses, each once.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.names.keys()
    }

    /// The resource that governs a connection to `ip`, asked for as `host` (rule 9). `None` for an
    /// address that is not known: then as if no resource had it.
    #[must_use]
    pub fn governing(&self, host: &Host, ip: Option<IpAddr>, port: u16) -> Option<&Resource> {
        let ip = match host {
            Host::Ip(own) => Some(*own),
            Host::Name(_) => ip,
        };
        let by_name = match host {
            Host::Name(name) => self.below(name),
            Host::Ip(_) => Vec::new(),
        };
        let by_address = ip.and_then(|ip| self.addresses.get(&ip.to_canonical()));
        let found: Vec<usize> = by_name
            .into_iter()
            .chain(by_address.into_iter().flatten().copied())
            .chain(self.prefixes.iter().copied())
            .collect();
        let candidates: Vec<Candidate<'_>> = found.iter().map(|at| self.candidate(*at)).collect();
        let targets: Vec<IpAddr> = ip.into_iter().collect();
        let governs = governing(&candidates, host, &targets, port)?;
        let at = found.iter().find(|at| self.resources[**at].id == governs)?;
        self.resources.get(*at)
    }

    /// The resources that would govern a connection instead of `governs`, should their names,
    /// which were never answered, lead to its address (rule 9).
    pub fn may_govern(
        &self,
        host: &Host,
        governs: &Resource,
        port: u16,
    ) -> impl Iterator<Item = &Resource> {
        // An exact name goes before every address, and an address before the rest.
        let (by_name, by_address) = match (&governs.address, host) {
            (Address::Name(own), Host::Name(name)) => (own == name, true),
            (Address::Name(_) | Address::Ip(_), _) => (false, true),
            (Address::Wildcard(_) | Address::Net(..), _) => (false, false),
        };
        let id = governs.id;
        let unanswered = self.unanswered.iter().map(|at| &self.resources[*at]);
        unanswered.filter(move |other| {
            !by_name && other.ports.contains(port) && (!by_address || other.id < id)
        })
    }

    /// Those that have this name, or a wildcard above it.
    fn below(&self, name: &str) -> Vec<usize> {
        let parents = name
            .match_indices('.')
            .filter_map(|(dot, _)| self.wildcards.get(&name[dot + 1..]));
        let exact = self.names.get(name);
        exact
            .into_iter()
            .chain(parents)
            .flatten()
            .copied()
            .collect()
    }

    fn candidate(&self, at: usize) -> Candidate<'_> {
        let resource = &self.resources[at];
        let resolved = match &resource.address {
            Address::Name(name) => self.resolved.get(name).map_or(&[][..], Vec::as_slice),
            Address::Wildcard(_) | Address::Ip(_) | Address::Net(..) => &[],
        };
        Candidate {
            id: resource.id,
            address: &resource.address,
            ports: &resource.ports,
            resolved,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn address() -> impl Strategy<Value = Address> {
        prop::sample::select(vec![
            "a.corp",
            "b.corp",
            "x.b.corp",
            "*.corp",
            "*.b.corp",
            "10.0.0.1",
            "10.0.0.2",
            "10.0.0.0/8",
            "10.0.0.0/31",
            "0.0.0.0/0",
        ])
        .prop_map(|text| text.parse().unwrap())
    }

    fn ip() -> impl Strategy<Value = IpAddr> {
        prop::sample::select(vec!["10.0.0.1", "10.0.0.2", "10.9.9.9", "192.0.2.1"])
            .prop_map(|text| text.parse().unwrap())
    }

    proptest! {
        /// The short way finds what the rule finds among all.
        #[test]
        fn finds_what_the_rule_finds(
            addresses in prop::collection::vec((address(), prop::sample::select(vec!["", "443", "22"])), 0..12),
            resolved in prop::collection::hash_map(
                prop::sample::select(vec!["a.corp".to_owned(), "b.corp".to_owned()]),
                prop::collection::vec(ip(), 0..3), 0..3),
            host in prop::sample::select(vec!["a.corp", "x.b.corp", "y.x.b.corp", "other.example", "10.0.0.1"]),
            ip in prop::option::of(ip()),
            port in prop::sample::select(vec![22_u16, 443]),
        ) {
            let resources: Vec<Resource> = addresses.into_iter().zip(1..).map(|((address, ports), id)| Resource {
                id: ResourceId(id),
                address,
                ports: ports.parse().unwrap(),
                keep_alive_offline: false,
            }).collect();
            let host: Host = host.parse().unwrap();
            let index = Index::new(resources, resolved);
            let all: Vec<Candidate<'_>> = (0..index.resources.len()).map(|at| index.candidate(at)).collect();
            let targets: Vec<IpAddr> = ip.into_iter().collect();
            prop_assert_eq!(
                index.governing(&host, ip, port).map(|resource| resource.id),
                governing(&all, &host, &targets, port)
            );
        }
    }
}
