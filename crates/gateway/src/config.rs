//! `gateway.toml`: the administrator's configuration.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use anyhow::{Context as _, bail};
use hourkey_domain::address::Host;
use serde::Deserialize;

/// The file's name, inside the state folder.
pub const FILE: &str = "gateway.toml";

/// The file that enrolling creates, of a gateway that listens there.
#[must_use]
pub fn template(listen: Option<SocketAddr>) -> String {
    match listen {
        Some(listen) => TEMPLATE.replace("0.0.0.0:8443", &listen.to_string()),
        None => TEMPLATE.to_owned(),
    }
}

const TEMPLATE: &str = r#"# Settings of the Hourkey gateway.

# Where clients connect.
listen = "0.0.0.0:8443"

# The most connections to resources of one person at once, from all their devices.
#connections_per_user = 1024

# Where names lead, before the system's resolver is asked: an address, or an address and the port
# to connect to. May point anywhere, also to this machine. With a port, the name stands for that one
# service, and its resource alone decides; with an address only, so do resources of the address.
[hosts]
#"payroll.corp.example" = "10.1.2.3"
#"wiki.corp.example" = "127.0.0.1:8080"
"#;

/// The configuration, fixed while the gateway runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// The address to listen on; `None` for 0.0.0.0:8443.
    pub listen: Option<SocketAddr>,
    /// The most flows of one user; `None` for [`crate::limits::MAX_FLOWS_PER_USER`].
    pub connections_per_user: Option<usize>,
    /// The host map: addresses of names (in canonical form).
    pub hosts: HashMap<String, Mapped>,
}

/// The address of a name in the host map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapped {
    /// The address.
    pub ip: IpAddr,
    /// The port to connect to; `None` for the one that was asked for.
    pub port: Option<u16>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    listen: Option<SocketAddr>,
    connections_per_user: Option<usize>,
    #[serde(default)]
    hosts: HashMap<String, String>,
}

impl Config {
    /// Reads the file.
    ///
    /// # Errors
    /// When it cannot be read, or has a mistake.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("{} cannot be read", path.display()))?;
        Self::parse(&text).with_context(|| format!("{} has a mistake", path.display()))
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let file: File = toml::from_str(text)?;
        let mut hosts = HashMap::new();
        for (name, to) in file.hosts {
            let Ok(Host::Name(canonical)) = name.parse() else {
                bail!("hosts: {name:?} is no DNS name");
            };
            let Some(mapped) = Mapped::read(&to) else {
                bail!("hosts: {to:?} is neither an IP address nor one with a port");
            };
            if hosts.insert(canonical, mapped).is_some() {
                bail!("hosts: {name:?} is there twice");
            }
        }
        Ok(Self {
            listen: file.listen,
            connections_per_user: file.connections_per_user,
            hosts,
        })
    }

    /// Returns the address to listen on.
    #[must_use]
    pub fn listen(&self) -> SocketAddr {
        self.listen
            .unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 8443)))
    }
}

impl Mapped {
    fn read(text: &str) -> Option<Self> {
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Some(Self {
                ip: ip.to_canonical(),
                port: None,
            });
        }
        let address: SocketAddr = text.parse().ok()?;
        (address.port() != 0).then(|| Self {
            ip: address.ip().to_canonical(),
            port: Some(address.port()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_is_right() {
        let config = Config::parse(TEMPLATE).unwrap();
        assert_eq!(config.listen(), "0.0.0.0:8443".parse().unwrap());
        assert!(config.hosts.is_empty());
    }

    #[test]
    fn names_lead_to_addresses_with_or_without_a_port() {
        let text = "[hosts]\n\"DB.Corp.\" = \"10.0.0.1\"\n\"x.corp\" = \"[::1]:99\"";
        let hosts = Config::parse(text).unwrap().hosts;
        let mapped = |ip: &str, port| Mapped {
            ip: ip.parse().unwrap(),
            port,
        };
        assert_eq!(hosts["db.corp"], mapped("10.0.0.1", None));
        assert_eq!(hosts["x.corp"], mapped("::1", Some(99)));
    }

    #[test]
    fn mistakes_are_named() {
        for (text, why) in [
            ("lisen = \"0.0.0.0:1\"", "unknown field `lisen`"),
            ("[hosts]\n\"10.0.0.1\" = \"10.0.0.2\"", "no DNS name"),
            ("[hosts]\n\"a.corp\" = \"b.corp\"", "neither an IP address"),
            (
                "[hosts]\n\"a.corp\" = \"10.0.0.1:0\"",
                "neither an IP address",
            ),
            (
                "[hosts]\n\"a.corp\" = \"10.0.0.1\"\n\"A.corp\" = \"10.0.0.2\"",
                "twice",
            ),
        ] {
            let error = format!("{:#}", Config::parse(text).unwrap_err());
            assert!(error.contains(why), "{error}");
        }
    }
}
