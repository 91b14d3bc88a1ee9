//! Addresses of resources, and which resource governs a destination (rule 9).

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::ids::ResourceId;

/// The address of a resource, in canonical form.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Address {
    /// An exact DNS name, lower case, ASCII (punycode), no final dot.
    Name(String),
    /// Every name below this one: `*.db.corp` holds `db.corp`.
    Wildcard(String),
    /// One IP address.
    Ip(IpAddr),
    /// A network prefix, host bits zero, shorter than a whole address.
    Net(IpAddr, u8),
}

/// Why a text is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no address: write a DNS name, *.name, an IP address or a prefix such as 10.1.0.0/16"
)]
pub struct BadAddress(pub String);

/// Where somebody wants to go, in canonical form.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// By name.
    Name(String),
    /// By number.
    Ip(IpAddr),
}

impl std::str::FromStr for Host {
    type Err = BadAddress;

    /// Canonical form of a host as anybody may write it: IDNA, case, final dot, decimal, octal
    /// and hexadecimal IPv4, bracketed or mapped IPv6 (WHATWG URL Standard, host parsing).
    fn from_str(text: &str) -> Result<Self, BadAddress> {
        let bad = || BadAddress(text.to_owned());
        if text.contains('%') {
            return Err(bad());
        }
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Ok(Self::Ip(ip.to_canonical()));
        }
        match url::Host::parse(text).map_err(|_| bad())? {
            url::Host::Ipv4(ip) => Ok(Self::Ip(ip.into())),
            url::Host::Ipv6(ip) => Ok(Self::Ip(IpAddr::from(ip).to_canonical())),
            url::Host::Domain(name) => {
                let name = name.strip_suffix('.').unwrap_or(&name);
                if !is_dns_name(name) {
                    return Err(bad());
                }
                Ok(Self::Name(name.to_owned()))
            }
        }
    }
}

impl std::str::FromStr for Address {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        let bad = || BadAddress(text.to_owned());
        if let Some(rest) = text.strip_prefix("*.") {
            return match rest.parse::<Host>().map_err(|_| bad())? {
                Host::Name(name) => Ok(Self::Wildcard(name)),
                Host::Ip(_) => Err(bad()),
            };
        }
        if let Some((ip, bits)) = text.split_once('/') {
            return prefix(ip, bits).ok_or_else(bad);
        }
        Ok(match text.parse::<Host>().map_err(|_| bad())? {
            Host::Name(name) => Self::Name(name),
            Host::Ip(ip) => Self::Ip(ip),
        })
    }
}

impl Address {
    /// True where a destination that `other` governs may be this one's once `other` is gone (rule 9). What
    /// names resolve to is not known here, so that a number or a prefix may cover each of them.
    #[must_use]
    pub fn may_cover(&self, other: &Self) -> bool {
        let is_below = |name: &str, suffix: &str| {
            let rest = name.strip_suffix(suffix);
            rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        match (self, other) {
            (Self::Name(own), Self::Name(name)) => own == name,
            (Self::Name(name), Self::Wildcard(suffix)) => is_below(name, suffix),
            (Self::Wildcard(one), Self::Wildcard(two)) => is_below(one, two) || is_below(two, one),
            (Self::Ip(own), Self::Ip(ip)) => own == ip,
            (Self::Net(net, bits), Self::Ip(ip)) | (Self::Ip(ip), Self::Net(net, bits)) => {
                ip.is_ipv4() == net.is_ipv4() && masked(*ip, *bits) == *net
            }
            (Self::Net(one, bits), Self::Net(two, others)) => {
                let bits = *bits.min(others);
                one.is_ipv4() == two.is_ipv4() && masked(*one, bits) == masked(*two, bits)
            }
            (Self::Ip(_) | Self::Net(..), Self::Name(_) | Self::Wildcard(_)) => true,
            // Names below it may resolve to the address, or to what the name resolves to: both come first.
            (Self::Wildcard(_), Self::Ip(_) | Self::Name(_)) => true,
            // Whoever may use a name reaches what it resolves to already.
            (Self::Name(_), Self::Ip(_)) | (Self::Name(_) | Self::Wildcard(_), Self::Net(..)) => {
                false
            }
        }
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Wildcard(name) => write!(f, "*.{name}"),
            Self::Ip(ip) => ip.fmt(f),
            Self::Net(ip, bits) => write!(f, "{ip}/{bits}"),
        }
    }
}

impl TryFrom<String> for Address {
    type Error = BadAddress;

    fn try_from(text: String) -> Result<Self, BadAddress> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}

/// The ports of a resource: ranges, both ends included; empty means every port. In canonical
/// form: two are equal when they hold the same ports, however they were written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "openapi", schema(value_type = String))]
pub struct Ports(Vec<(u16, u16)>);

/// Why a text is no set of ports.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} are no ports: write 443, 8000-8010, or several with commas; leave it out for all")]
pub struct BadPorts(pub String);

impl Ports {
    /// True when `port` is among them.
    #[must_use]
    pub fn contains(&self, port: u16) -> bool {
        self.0.is_empty()
            || self
                .0
                .iter()
                .any(|(from, to)| (*from..=*to).contains(&port))
    }

    /// True when all ports of `other` are among them.
    #[must_use]
    pub fn contain_all(&self, other: &Self) -> bool {
        let within = |(from, to): &(u16, u16)| {
            let mut own = self.0.iter();
            own.any(|(own_from, own_to)| own_from <= from && to <= own_to)
        };
        self.0.is_empty() || (!other.0.is_empty() && other.0.iter().all(within))
    }

    /// True when some port is among both.
    #[must_use]
    pub fn overlap(&self, other: &Self) -> bool {
        let within = |(from, to): &(u16, u16)| {
            let mut others = other.0.iter();
            others.any(|(other_from, other_to)| from <= other_to && other_from <= to)
        };
        self.0.is_empty() || other.0.is_empty() || self.0.iter().any(within)
    }

    /// The ports that are among both, where there are any.
    #[must_use]
    pub fn common(&self, other: &Self) -> Option<Self> {
        let pairs = self.spans().iter().flat_map(|own| {
            let others = other.spans().iter();
            others.map(move |other| (own.0.max(other.0), own.1.min(other.1)))
        });
        Self::of(pairs.filter(|(from, to)| from <= to).collect())
    }

    /// The ports that are not among `other`, where there are any.
    #[must_use]
    pub fn without(&self, other: &Self) -> Option<Self> {
        let mut next = 1;
        let mut gaps = Vec::new();
        for (from, to) in other.spans() {
            if next < *from {
                gaps.push((next, from - 1));
            }
            match to.checked_add(1) {
                Some(after) => next = after,
                None => return self.common(&Self::of(gaps)?),
            }
        }
        gaps.push((next, u16::MAX));
        self.common(&Self::of(gaps)?)
    }

    /// Ports in any ranges; nothing where there are none.
    fn of(ranges: Vec<(u16, u16)>) -> Option<Self> {
        (!ranges.is_empty()).then(|| Self(merged(ranges)))
    }

    /// As [`Self::ranges`], with the one range that holds every port.
    fn spans(&self) -> &[(u16, u16)] {
        match self.0.as_slice() {
            [] => &[(1, u16::MAX)],
            ranges => ranges,
        }
    }

    /// The port, when there is exactly one.
    #[must_use]
    pub fn single(&self) -> Option<u16> {
        match self.0.as_slice() {
            [(from, to)] if from == to => Some(*from),
            _ => None,
        }
    }

    /// The ranges, both ends included; empty means every port.
    #[must_use]
    pub fn ranges(&self) -> &[(u16, u16)] {
        &self.0
    }
}

impl std::str::FromStr for Ports {
    type Err = BadPorts;

    fn from_str(text: &str) -> Result<Self, BadPorts> {
        let bad = || BadPorts(text.to_owned());
        let port = |text: &str| match text.trim().parse::<u16>() {
            Ok(0) | Err(_) => Err(bad()),
            Ok(port) => Ok(port),
        };
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let mut ranges = Vec::new();
        for part in text.split(',') {
            let (from, to) = part.split_once('-').unwrap_or((part, part));
            let (from, to) = (port(from)?, port(to)?);
            if from > to {
                return Err(bad());
            }
            ranges.push((from, to));
        }
        Ok(Self(merged(ranges)))
    }
}

impl std::fmt::Display for Ports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, (from, to)) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            if from == to {
                write!(f, "{comma}{from}")?;
            } else {
                write!(f, "{comma}{from}-{to}")?;
            }
        }
        Ok(())
    }
}

impl TryFrom<String> for Ports {
    type Error = BadPorts;

    fn try_from(text: String) -> Result<Self, BadPorts> {
        text.parse()
    }
}

impl From<Ports> for String {
    fn from(ports: Ports) -> Self {
        ports.to_string()
    }
}

/// One resource of a network, as far as destinations go.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// The resource.
    pub id: ResourceId,
    /// Its address.
    pub address: &'a Address,
    /// Its ports.
    pub ports: &'a Ports,
    /// For an exact name: what it resolves to.
    pub resolved: &'a [IpAddr],
}

/// The one resource that governs a destination, among **all** resources of the network (rule 9):
/// exact name > exact address (also what exact names resolve to) > longest wildcard > longest
/// prefix > lower id. A resource's ports are part of what it is: outside of them it governs
/// nothing.
///
/// `addresses` is what the destination's name resolves to. Whoever connects to one of them hands
/// in that one alone: among several, the strongest match decides, whichever address it is for.
#[must_use]
pub fn governing(
    candidates: &[Candidate<'_>],
    host: &Host,
    addresses: &[IpAddr],
    port: u16,
) -> Option<ResourceId> {
    let targets: Vec<IpAddr> = match host {
        Host::Ip(own) => vec![own.to_canonical()],
        Host::Name(_) => addresses.iter().map(IpAddr::to_canonical).collect(),
    };
    let is_target = |ip: &IpAddr| targets.contains(&ip.to_canonical());
    let rank = |candidate: &Candidate<'_>| -> Option<(u8, usize)> {
        match (candidate.address, host) {
            (Address::Name(own), Host::Name(name)) if own == name => Some((3, 0)),
            (Address::Name(_), Host::Name(_) | Host::Ip(_)) => {
                candidate.resolved.iter().any(is_target).then_some((2, 0))
            }
            (Address::Ip(own), Host::Name(_) | Host::Ip(_)) => is_target(own).then_some((2, 0)),
            (Address::Wildcard(suffix), Host::Name(name)) => name
                .strip_suffix(suffix.as_str())
                .is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
                .then_some((1, suffix.len())),
            (Address::Wildcard(_), Host::Ip(_)) => None,
            (Address::Net(net, bits), Host::Name(_) | Host::Ip(_)) => targets
                .iter()
                .any(|ip| ip.is_ipv4() == net.is_ipv4() && masked(*ip, *bits) == *net)
                .then_some((0, usize::from(*bits))),
        }
    };
    candidates
        .iter()
        .filter(|candidate| candidate.ports.contains(port))
        .filter_map(|candidate| rank(candidate).map(|rank| (rank, candidate.id)))
        .max_by_key(|(rank, id)| (*rank, std::cmp::Reverse(*id)))
        .map(|(_, id)| id)
}

/// A prefix in canonical form: mapped IPv6 as IPv4, and a whole address as that address. `None`
/// when it is none, or has host bits.
fn prefix(ip: &str, bits: &str) -> Option<Address> {
    if !bits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (mut ip, mut bits): (IpAddr, u8) = (ip.parse().ok()?, bits.parse().ok()?);
    if ip.is_ipv6() && ip.to_canonical().is_ipv4() && bits >= 96 {
        (ip, bits) = (ip.to_canonical(), bits - 96);
    }
    let width = if ip.is_ipv4() { 32 } else { 128 };
    if bits > width || masked(ip, bits) != ip {
        return None;
    }
    Some(if bits == width {
        Address::Ip(ip)
    } else {
        Address::Net(ip, bits)
    })
}

/// `ip` with everything after its first `bits` bits cleared.
fn masked(ip: IpAddr, bits: u8) -> IpAddr {
    let bits = u32::from(bits);
    match ip {
        IpAddr::V4(ip) => {
            let shift = 32u32.saturating_sub(bits);
            let mask = u32::MAX.checked_shl(shift).unwrap_or(0);
            IpAddr::V4((u32::from(ip) & mask).into())
        }
        IpAddr::V6(ip) => {
            let shift = 128u32.saturating_sub(bits);
            let mask = u128::MAX.checked_shl(shift).unwrap_or(0);
            IpAddr::V6((u128::from(ip) & mask).into())
        }
    }
}

/// The same ports in the fewest ranges, ascending; none for all ports.
fn merged(mut ranges: Vec<(u16, u16)>) -> Vec<(u16, u16)> {
    ranges.sort_unstable();
    let mut merged: Vec<(u16, u16)> = Vec::new();
    for (from, to) in ranges {
        match merged.last_mut() {
            Some((_, end)) if from <= end.saturating_add(1) => *end = to.max(*end),
            Some(_) | None => merged.push((from, to)),
        }
    }
    if merged == [(1, u16::MAX)] {
        merged.clear();
    }
    merged
}

/// Letters, digits, hyphens and underscores in labels of 1 to 63, 253 in all (RFC 1035, 2.3.4).
fn is_dns_name(name: &str) -> bool {
    name.len() <= 253
        && name.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        })
}
