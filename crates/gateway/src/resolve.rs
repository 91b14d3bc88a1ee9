//! Where names lead, and where nothing may lead.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, PoisonError, RwLock};

use futures_util::future::join_all;
use hourkey_domain::address::Address;

use crate::config::Mapped;
use crate::gate::Gate;
use crate::index::Resolved;
use crate::limits::RESOLVE;
use crate::pace::Pace;

/// Resolves names: the administrator's host map goes before the system's resolver.
#[derive(Debug)]
pub struct Resolver {
    hosts: HashMap<String, Mapped>,
    listen: SocketAddr,
    /// The addresses of this machine's interfaces.
    own: RwLock<HashSet<IpAddr>>,
}

/// One address that a name leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The address, in canonical form.
    pub ip: IpAddr,
    /// The port to connect to instead of the one that was asked for.
    pub port: Option<u16>,
    /// True when the administrator said so: then it may lead anywhere.
    pub by_map: bool,
}

impl Place {
    /// An address that was asked for as such, or that the resolver gave.
    #[must_use]
    pub fn at(ip: IpAddr) -> Self {
        Self {
            ip: ip.to_canonical(),
            port: None,
            by_map: false,
        }
    }

    /// The address that counts for rule 9. A name that is led to a port of its own stands for one
    /// service there, not for the address: others may share that, with other permits.
    #[must_use]
    pub fn governs(&self) -> Option<IpAddr> {
        self.port.is_none().then_some(self.ip)
    }
}

impl Resolver {
    /// With this host map, for a gateway that listens at `listen`.
    #[must_use]
    pub fn new(hosts: HashMap<String, Mapped>, listen: SocketAddr) -> Self {
        let resolver = Self {
            hosts,
            listen,
            own: RwLock::default(),
        };
        resolver.look_at_interfaces();
        resolver
    }

    /// Where a name leads; nowhere when it is not known.
    pub async fn look_up(&self, name: &str) -> Vec<Place> {
        if let Some(Mapped { ip, port }) = self.hosts.get(name).copied() {
            let by_map = true;
            return vec![Place { ip, port, by_map }];
        }
        match tokio::time::timeout(RESOLVE, tokio::net::lookup_host((name, 0))).await {
            Ok(Ok(found)) => {
                let mut places: Vec<Place> = found.map(|it| Place::at(it.ip())).collect();
                places.dedup();
                places
            }
            Ok(Err(_)) | Err(_) => Vec::new(),
        }
    }

    /// May the gateway connect there, for a resource with this address? Not to itself, to what only
    /// this machine should reach, or to a cloud's metadata, unless the administrator said exactly
    /// that.
    #[must_use]
    pub fn is_allowed(&self, place: &Place, resource: &Address) -> bool {
        place.by_map || *resource == Address::Ip(place.ip) || !self.is_off_limits(place.ip)
    }

    fn is_off_limits(&self, ip: IpAddr) -> bool {
        let own = self.own.read().unwrap_or_else(PoisonError::into_inner);
        own.contains(&ip) || ip == self.listen.ip() || is_special(ip)
    }

    fn look_at_interfaces(&self) {
        let Ok(interfaces) = if_addrs::get_if_addrs() else {
            // Better the old ones than none.
            return;
        };
        let own = interfaces.iter().map(|it| it.ip().to_canonical()).collect();
        *self.own.write().unwrap_or_else(PoisonError::into_inner) = own;
    }

    /// Keeps the gate informed about what exact names resolve to, for as long as the gateway runs.
    pub async fn keep_fresh(self: Arc<Self>, gate: Arc<Gate>, pace: Pace) {
        let mut known = Resolved::new();
        loop {
            self.look_at_interfaces();
            known = self.resolve_all(gate.names(), &known).await;
            gate.resolved(known.clone());
            tokio::select! {
                () = tokio::time::sleep(pace.resolve) => {}
                () = gate.resources_changed() => {}
            }
        }
    }

    async fn resolve_all(&self, names: Vec<String>, known: &Resolved) -> Resolved {
        /// Look-ups at a time.
        const AT_ONCE: usize = 16;
        let mut resolved = Resolved::new();
        for some in names.chunks(AT_ONCE) {
            let looked_up = some.iter().map(|name| self.look_up(name));
            for (name, places) in some.iter().zip(join_all(looked_up).await) {
                let mut ips: Vec<IpAddr> = places.iter().filter_map(Place::governs).collect();
                ips.sort_unstable();
                ips.dedup();
                // A resolver that fails for a moment changes nothing.
                if places.is_empty() {
                    ips = known.get(name).cloned().unwrap_or_default();
                }
                resolved.insert(name.clone(), ips);
            }
        }
        resolved
    }
}

/// What no name should lead to: this machine, this link, everybody, or a cloud's metadata.
fn is_special(ip: IpAddr) -> bool {
    /// AWS's metadata over IPv6; everybody's over IPv4 is link-local.
    const METADATA: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            ip.is_loopback()
                || ip.is_link_local()
                || ip.octets()[0] == 0
                || ip.is_multicast()
                || ip == Ipv4Addr::BROADCAST
        }
        IpAddr::V6(ip) => {
            ip.is_loopback()
                || ip.is_unicast_link_local()
                || ip.is_unspecified()
                || ip.is_multicast()
                || ip == METADATA
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn resolver() -> Resolver {
        Resolver::new(HashMap::new(), "192.0.2.7:8443".parse().unwrap())
    }

    #[test]
    fn special_addresses_and_its_own_are_off_limits() {
        let resolver = resolver();
        let name: Address = "x.corp".parse().unwrap();
        for special in [
            "127.0.0.1",
            "127.9.9.9",
            "::1",
            "::ffff:127.0.0.1",
            "169.254.169.254",
            "fe80::1",
            "fd00:ec2::254",
            "0.0.0.0",
            "0.1.2.3",
            "::",
            "224.0.0.1",
            "ff02::1",
            "255.255.255.255",
            "192.0.2.7",
        ] {
            let place = Place::at(ip(special));
            assert!(!resolver.is_allowed(&place, &name), "{special}");
            let exact = Address::Ip(place.ip);
            assert!(resolver.is_allowed(&place, &exact), "{special}");
            let by_map = Place {
                by_map: true,
                ..place
            };
            assert!(resolver.is_allowed(&by_map, &name), "{special}");
        }
        for usual in ["10.0.0.1", "192.168.1.1", "fd00::1", "2001:db8::1"] {
            assert!(resolver.is_allowed(&Place::at(ip(usual)), &name), "{usual}");
        }
    }

    #[tokio::test]
    async fn the_map_goes_first_and_a_failed_look_up_keeps_what_was_known() {
        let mapped = |port| Mapped {
            ip: ip("10.0.0.1"),
            port,
        };
        let hosts = HashMap::from([
            ("db.corp".to_owned(), mapped(None)),
            ("wiki.corp".to_owned(), mapped(Some(8080))),
        ]);
        let resolver = Resolver::new(hosts, "192.0.2.7:8443".parse().unwrap());
        let wiki = Place {
            ip: ip("10.0.0.1"),
            port: Some(8080),
            by_map: true,
        };
        assert_eq!(resolver.look_up("wiki.corp").await, [wiki]);
        let known = Resolved::from([("gone.invalid".to_owned(), vec![ip("10.0.0.9")])]);
        let names = ["db.corp", "wiki.corp", "gone.invalid"].map(str::to_owned);
        let resolved = resolver.resolve_all(names.to_vec(), &known).await;
        assert_eq!(resolved["db.corp"], [ip("10.0.0.1")]);
        assert!(resolved["wiki.corp"].is_empty());
        assert_eq!(resolved["gone.invalid"], [ip("10.0.0.9")]);
    }
}
