//! Where a destination leads, and connecting to it.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use hourkey_domain::address::Host;
use hourkey_protocol::gateway::Refusal;
use tokio::net::TcpStream;

use crate::config::Lead;

/// How long a look-up may take.
const LOOK_UP: Duration = Duration::from_secs(5);

/// How long a destination may take to answer.
const CONNECT: Duration = Duration::from_secs(10);

/// The IPv6 address of cloud metadata services.
const METADATA: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

/// Resolves and connects.
pub(crate) struct Dialer {
    hosts: HashMap<Host, Lead>,
    listen: SocketAddr,
}

/// An address that a destination leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) ip: IpAddr,
    /// The port to connect to: the one asked for, unless the host map says otherwise.
    pub(crate) port: u16,
    /// The administrator of this host wrote it: it may lead anywhere.
    pub(crate) written: bool,
}

impl Dialer {
    pub(crate) fn new(hosts: HashMap<Host, Lead>, listen: SocketAddr) -> Self {
        Self { hosts, listen }
    }

    /// Where a destination leads: by the host map, or the system's resolver.
    pub(crate) async fn find(&self, host: &Host, port: u16) -> Result<Vec<Found>, Refusal> {
        if let Some(lead) = self.hosts.get(host) {
            return Ok(vec![Found {
                ip: lead.ip,
                port: lead.port.unwrap_or(port),
                written: true,
            }]);
        }
        let found = |ip: IpAddr| Found {
            ip: ip.to_canonical(),
            port,
            written: false,
        };
        match host {
            Host::Ip(ip) => Ok(vec![found(*ip)]),
            Host::Name(name) => {
                let look_up = tokio::net::lookup_host((name.as_str(), port));
                let addresses = tokio::time::timeout(LOOK_UP, look_up).await;
                match addresses {
                    Ok(Ok(addresses)) => Ok(addresses.map(|at| found(at.ip())).collect()),
                    Ok(Err(_)) | Err(_) => Err(Refusal::Unreachable),
                }
            }
        }
    }

    /// What an exact name resolves to; none when it does not.
    pub(crate) async fn resolve(&self, name: &str) -> Vec<IpAddr> {
        let host = Host::Name(name.to_owned());
        let found = self.find(&host, 0).await.unwrap_or_default();
        // What the host map says is about this name alone: two names may lead to one address.
        let found = found.iter().filter(|found| !found.written);
        let mut addresses: Vec<IpAddr> = found.map(|found| found.ip).collect();
        addresses.sort_unstable();
        addresses.dedup();
        addresses
    }

    /// Whether this address is one that nobody is let to by a name: this machine's own, and those
    /// that mean something only on it.
    pub(crate) fn is_private_to_us(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        let special = match ip {
            IpAddr::V4(v4) => {
                v4.is_loopback()
                    || v4.is_link_local()
                    || v4.is_multicast()
                    || v4.is_broadcast()
                    || v4.octets()[0] == 0
            }
            IpAddr::V6(v6) => {
                v6.is_loopback()
                    || v6.is_unspecified()
                    || v6.is_multicast()
                    || v6.is_unicast_link_local()
                    || v6 == METADATA
            }
        };
        special || ip == self.listen.ip().to_canonical() || own_addresses().contains(&ip)
    }

    /// Connects.
    pub(crate) async fn connect(&self, to: Found) -> Result<TcpStream, Refusal> {
        let connect = TcpStream::connect((to.ip, to.port));
        match tokio::time::timeout(CONNECT, connect).await {
            Ok(Ok(origin)) => {
                // Small answers must not wait for more; failing to say so does no harm.
                let _ = origin.set_nodelay(true);
                Ok(origin)
            }
            Ok(Err(_)) | Err(_) => Err(Refusal::Unreachable),
        }
    }
}

fn own_addresses() -> HashSet<IpAddr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    interfaces.iter().map(if_addrs::Interface::ip).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_this_machine_is_recognised() {
        let dialer = Dialer::new(HashMap::new(), "10.9.9.9:8443".parse().unwrap());
        for ip in [
            "127.0.0.1",
            "127.9.9.9",
            "::1",
            "::ffff:127.0.0.1",
            "0.0.0.0",
            "0.1.2.3",
            "::",
            "169.254.169.254",
            "fe80::1",
            "fd00:ec2::254",
            "224.0.0.1",
            "255.255.255.255",
            "10.9.9.9",
        ] {
            assert!(dialer.is_private_to_us(ip.parse().unwrap()), "{ip}");
        }
        for ip in ["10.0.0.1", "192.168.1.1", "fd00::1", "93.184.216.34"] {
            assert!(!dialer.is_private_to_us(ip.parse().unwrap()), "{ip}");
        }
    }

    #[tokio::test]
    async fn the_host_map_goes_first() {
        let lead = Lead {
            ip: "127.0.0.1".parse().unwrap(),
            port: Some(81),
        };
        let hosts = HashMap::from([("wiki.corp".parse().unwrap(), lead)]);
        let dialer = Dialer::new(hosts, "10.9.9.9:8443".parse().unwrap());
        let found = dialer.find(&"WIKI.corp.".parse().unwrap(), 80).await;
        let found = found.unwrap()[0];
        assert_eq!((found.port, found.written), (81, true));
        assert_eq!(dialer.resolve("wiki.corp").await, [] as [IpAddr; 0]);
        let ip = dialer.find(&"0x7f000001".parse().unwrap(), 80).await;
        assert_eq!(ip.unwrap()[0].ip.to_string(), "127.0.0.1");
    }
}
