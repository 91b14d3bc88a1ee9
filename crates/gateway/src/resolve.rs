//! Resolves names to addresses, and forbids some addresses.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, PoisonError, RwLock};

use futures_util::StreamExt as _;
use futures_util::stream;
use hourkey_domain::address::Address;

use crate::config::Mapped;
use crate::dns::{Dns, DnsAnswer, Files, RESOLUTION_DELAY};
use crate::forbidden;
use crate::gate::Gate;
use crate::index::Resolved;
use crate::limits::RESOLVE_TIMEOUT;
use crate::timings::Timings;

/// Resolves names: the administrator's host map goes before the system's resolver.
#[derive(Debug)]
pub struct Resolver {
    hosts: HashMap<String, Mapped>,
    dns: Dns,
    listen: SocketAddr,
    /// The addresses of this machine's interfaces.
    own: RwLock<HashSet<IpAddr>>,
}

/// An address that a name resolves to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResolvedAddress {
    /// The address, in canonical form.
    pub ip: IpAddr,
    /// The port to connect to instead of the one that was asked for.
    pub port: Option<u16>,
    /// True for one of the administrator's host map, which may be any address.
    pub by_map: bool,
}

impl ResolvedAddress {
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
    /// With this host map and these files, for a gateway that listens at `listen`.
    #[must_use]
    pub fn new(hosts: HashMap<String, Mapped>, files: Files, listen: SocketAddr) -> Self {
        let resolver = Self {
            hosts,
            dns: Dns::new(files),
            listen,
            own: RwLock::default(),
        };
        resolver.look_at_interfaces();
        resolver
    }

    /// Resolves a name; returns nothing when it is unknown.
    pub async fn look_up(&self, name: &str) -> Vec<ResolvedAddress> {
        if let Some(address) = self.mapped(name) {
            return vec![address];
        }
        match self.dns.look_up(name, RESOLUTION_DELAY).await {
            DnsAnswer::Found(ips) => ips.into_iter().map(ResolvedAddress::at).collect(),
            DnsAnswer::Nothing | DnsAnswer::Failed(_) => Vec::new(),
        }
    }

    fn mapped(&self, name: &str) -> Option<ResolvedAddress> {
        let Mapped { ip, port } = *self.hosts.get(name)?;
        let by_map = true;
        Some(ResolvedAddress { ip, port, by_map })
    }

    /// May the gateway connect there, for a resource with this address? Not to itself, to what only
    /// this machine should reach, or to a cloud's metadata, unless the administrator said exactly
    /// that.
    #[must_use]
    pub fn is_allowed(&self, address: &ResolvedAddress, resource: &Address) -> bool {
        address.by_map || *resource == Address::Ip(address.ip) || !self.is_off_limits(address.ip)
    }

    fn is_off_limits(&self, ip: IpAddr) -> bool {
        let own = self.own.read().unwrap_or_else(PoisonError::into_inner);
        own.contains(&ip) || ip == self.listen.ip() || forbidden::why(ip).is_some()
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
    pub async fn keep_fresh(self: Arc<Self>, gate: Arc<Gate>, timings: Timings) {
        let mut names = NameCache::default();
        loop {
            self.look_at_interfaces();
            tokio::select! {
                () = self.look_up_all(&mut names, &gate) => {}
                () = gate.resources_changed() => continue,
            }
            tokio::select! {
                () = tokio::time::sleep(timings.resolve_interval) => {}
                () = gate.resources_changed() => {}
            }
        }
    }

    /// Looks all exact names up. Each answer counts as it comes: the slow ones hold nobody up.
    async fn look_up_all(&self, names: &mut NameCache, gate: &Gate) {
        /// Look-ups at a time.
        const AT_ONCE: usize = 256;
        /// Answers that arrive together are taken together.
        const TOGETHER: usize = 1_024;
        let all = names.begin(gate.names());
        let look_up = |name: String| async move {
            let answer = match self.mapped(&name) {
                Some(address) => DnsAnswer::Found(address.governs().into_iter().collect()),
                None => self.dns.look_up(&name, RESOLVE_TIMEOUT).await,
            };
            (name, answer)
        };
        let answers = stream::iter(all).map(look_up).buffer_unordered(AT_ONCE);
        let mut answers = std::pin::pin!(answers.ready_chunks(TOGETHER));
        while let Some(answers) = answers.next().await {
            for (name, answer) in answers {
                if let DnsAnswer::Found(ips) = &answer {
                    let off_limits = ips.iter().find(|ip| self.is_off_limits(**ip));
                    let by_map = self.mapped(&name).is_some();
                    names.misled(&name, off_limits.filter(|_| !by_map));
                }
                names.take(name, answer);
            }
            gate.resolved(names.resolved.clone());
        }
    }
}

/// Answers for the exact names among the resources' addresses.
#[derive(Debug, Default)]
struct NameCache {
    /// The last answers. A name that has had none yet is not in here.
    resolved: Resolved,
    /// The names whose last look-up failed.
    failing: HashSet<String>,
    /// The names that lead where no name may.
    misled: HashSet<String>,
}

impl NameCache {
    /// These are all there are now. Returns them in the order in which to look them up: what was
    /// never answered first, what failed the last time at the end.
    fn begin(&mut self, mut all: Vec<String>) -> Vec<String> {
        let there: HashSet<&String> = all.iter().collect();
        self.resolved.retain(|name, _| there.contains(name));
        self.failing.retain(|name| there.contains(name));
        self.misled.retain(|name| there.contains(name));
        all.sort_by_key(|name| {
            (
                self.failing.contains(name),
                self.resolved.contains_key(name),
            )
        });
        all
    }

    /// Says once that a name leads to an address to which no name may.
    fn misled(&mut self, name: &str, off_limits: Option<&IpAddr>) {
        let Some(ip) = off_limits else {
            self.misled.remove(name);
            return;
        };
        if self.misled.insert(name.to_owned()) {
            let why = forbidden::why(*ip).unwrap_or("the gateway's own address");
            tracing::warn!(
                name,
                address = %ip,
                why,
                "a resource's name leads to an address to which no name may lead; if that is meant, \
                 lead it there under [hosts]"
            );
        }
    }

    /// Takes an answer. A look-up that failed changes nothing of what is known, and is said once.
    fn take(&mut self, name: String, answer: DnsAnswer) {
        let mut ips = match answer {
            DnsAnswer::Found(ips) => ips,
            DnsAnswer::Nothing => Vec::new(),
            DnsAnswer::Failed(error) => {
                let known = self.resolved.contains_key(&name);
                if !self.failing.contains(&name) {
                    tracing::warn!(
                        name,
                        error,
                        known,
                        "a resource's name cannot be looked up; its last answer counts, or, if \
                         there was none, connections by number on its ports are refused"
                    );
                }
                self.failing.insert(name);
                return;
            }
        };
        if self.failing.remove(&name) {
            tracing::info!(name, "a resource's name can be looked up again");
        }
        ips.iter_mut().for_each(|ip| *ip = ip.to_canonical());
        ips.sort_unstable();
        ips.dedup();
        self.resolved.insert(name, ips);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn resolver(hosts: HashMap<String, Mapped>) -> Resolver {
        Resolver::new(hosts, Files::default(), "192.0.2.7:8443".parse().unwrap())
    }

    #[test]
    fn only_an_administrator_leads_to_what_is_off_limits() {
        let resolver = resolver(HashMap::new());
        let name: Address = "x.corp".parse().unwrap();
        for special in [
            "127.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "169.254.169.254",
            "192.0.2.7",
        ] {
            let address = ResolvedAddress::at(ip(special));
            assert!(!resolver.is_allowed(&address, &name), "{special}");
            let exact = Address::Ip(address.ip);
            assert!(resolver.is_allowed(&address, &exact), "{special}");
            let by_map = ResolvedAddress {
                by_map: true,
                ..address
            };
            assert!(resolver.is_allowed(&by_map, &name), "{special}");
        }
        for usual in ["10.0.0.1", "192.168.1.1", "fd00::1", "2001:db8::1"] {
            assert!(
                resolver.is_allowed(&ResolvedAddress::at(ip(usual)), &name),
                "{usual}"
            );
        }
    }

    #[tokio::test]
    async fn the_map_goes_first() {
        let mapped = Mapped {
            ip: ip("10.0.0.1"),
            port: Some(8080),
        };
        let resolver = resolver(HashMap::from([("wiki.corp".to_owned(), mapped)]));
        let wiki = ResolvedAddress {
            ip: ip("10.0.0.1"),
            port: Some(8080),
            by_map: true,
        };
        assert_eq!(resolver.look_up("wiki.corp").await, [wiki]);
        assert_eq!(wiki.governs(), None);
    }

    #[test]
    fn a_failure_keeps_the_last_answer_and_is_none_itself() {
        let failed = || DnsAnswer::Failed("nobody answers".to_owned());
        let mut names = NameCache::default();
        let all = || ["a", "b", "c"].map(str::to_owned).to_vec();
        assert_eq!(names.begin(all()), ["a", "b", "c"]);
        names.take(
            "a".to_owned(),
            DnsAnswer::Found(vec![ip("::ffff:10.0.0.1")]),
        );
        names.take("b".to_owned(), failed());
        assert_eq!(names.resolved["a"], [ip("10.0.0.1")]);
        assert!(!names.resolved.contains_key("b"));
        // What was never tried goes first, what failed last.
        assert_eq!(names.begin(all()), ["c", "a", "b"]);
        names.take("a".to_owned(), failed());
        assert_eq!(names.resolved["a"], [ip("10.0.0.1")]);
        // That there is no such name is an answer.
        names.take("b".to_owned(), DnsAnswer::Nothing);
        names.take("a".to_owned(), DnsAnswer::Nothing);
        assert!(names.resolved["a"].is_empty() && names.resolved["b"].is_empty());
        assert!(names.failing.is_empty());
        assert_eq!(names.begin(vec!["b".to_owned()]), ["b"]);
        assert!(!names.resolved.contains_key("a"));
    }
}
