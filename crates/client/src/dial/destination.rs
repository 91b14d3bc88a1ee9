//! Where a connection goes.

use std::net::SocketAddr;

use hourkey_domain::address::{Address, Host};
use hourkey_protocol::access::Resource;

/// Where a connection goes, in canonical form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// The host.
    pub host: Host,
    /// The port, not 0.
    pub port: u16,
}

/// A text names no destination.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no destination: write it as HOST:PORT")]
pub struct ParseDestinationError(String);

impl Destination {
    /// Of a resource with one host and one port; `None` for all others.
    #[must_use]
    pub fn of(resource: &Resource) -> Option<Self> {
        let host = match resource.address.parse::<Address>().ok()? {
            Address::Name(name) => Host::Name(name),
            Address::Ip(ip) => Host::Ip(ip),
            Address::Wildcard(_) | Address::Net(_, _) => return None,
        };
        let port = resource.ports.single()?;
        Some(Self { host, port })
    }

    /// Reads `host:port`, IPv6 in brackets; the port may be left out, or empty (RFC 3986, 3.2.3),
    /// where `default` says which.
    pub(crate) fn read(text: &str, default: Option<u16>) -> Option<Self> {
        let bracketed = text.find(']').map(|end| end + 1);
        let end = bracketed.or_else(|| text.find(':')).unwrap_or(text.len());
        let (host, rest) = text.split_at_checked(end)?;
        let port = match (rest.strip_prefix(':'), default) {
            (Some(""), Some(default)) => default,
            (Some(port), _) if port.bytes().all(|b| b.is_ascii_digit()) => port.parse().ok()?,
            (None, Some(default)) if rest.is_empty() => default,
            (Some(_) | None, _) => return None,
        };
        let host = host.parse::<Host>().ok()?;
        (port != 0).then_some(Self { host, port })
    }
}

impl std::str::FromStr for Destination {
    type Err = ParseDestinationError;

    fn from_str(text: &str) -> Result<Self, ParseDestinationError> {
        Self::read(text, None).ok_or_else(|| ParseDestinationError(text.to_owned()))
    }
}

impl std::fmt::Display for Destination {
    /// As CONNECT has it: `host:port`, IPv6 in brackets (RFC 9110, 9.3.6).
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let port = self.port;
        match &self.host {
            Host::Name(name) => write!(f, "{name}:{port}"),
            Host::Ip(ip) => SocketAddr::new(*ip, port).fmt(f),
        }
    }
}
