//! `gateway.toml`: what the administrator of the gateway's host decides.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use anyhow::{Context as _, bail};
use hourkey_domain::address::Host;
use serde::Deserialize;

/// The file's name in the state folder.
const FILE: &str = "gateway.toml";

const COMMENTED: &str = "\
# Settings of this gateway.

# Where to listen. Clients reach it by the address that the controller was told.
listen = \"0.0.0.0:8443\"

# Where names lead, before the system's resolver is asked: an address, or an address and a port.
# What stands here may lead anywhere, also to this machine itself.
[hosts]
#\"payroll-db.corp.example\" = \"10.1.0.7\"
#\"wiki.corp.example\" = \"127.0.0.1:8080\"
";

/// The settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where names lead.
    pub hosts: HashMap<Host, Lead>,
}

/// Where a name of the host map leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lead {
    /// To this address.
    pub ip: IpAddr,
    /// To this port instead of the one asked for.
    pub port: Option<u16>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    listen: SocketAddr,
    #[serde(default)]
    hosts: HashMap<String, String>,
}

impl Config {
    /// Reads the file in the state folder.
    ///
    /// # Errors
    /// When it is missing or has a mistake; the message says which.
    pub fn load(state: &Path) -> anyhow::Result<Self> {
        let path = state.join(FILE);
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("{} cannot be read", path.display()))?;
        Self::parse(&text).with_context(|| format!("{} has a mistake", path.display()))
    }

    /// Writes a commented file into the state folder, unless there is one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_example(state: &Path) -> anyhow::Result<()> {
        let path = state.join(FILE);
        if path.exists() {
            return Ok(());
        }
        std::fs::write(&path, COMMENTED)
            .with_context(|| format!("{} cannot be written", path.display()))
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let file: File = toml::from_str(text)?;
        let mut hosts = HashMap::new();
        for (name, lead) in file.hosts {
            let host: Host = name
                .parse()
                .with_context(|| format!("[hosts] {name:?} is no host name"))?;
            if hosts.insert(host, lead_of(&name, &lead)?).is_some() {
                bail!("[hosts] {name:?} stands there twice, in two spellings");
            }
        }
        Ok(Self {
            listen: file.listen,
            hosts,
        })
    }
}

fn lead_of(name: &str, lead: &str) -> anyhow::Result<Lead> {
    if let Ok(ip) = lead.parse() {
        return Ok(Lead { ip, port: None });
    }
    match lead.parse::<SocketAddr>() {
        Ok(at) if at.port() != 0 => Ok(Lead {
            ip: at.ip(),
            port: Some(at.port()),
        }),
        Ok(_) | Err(_) => {
            bail!("[hosts] {name:?} leads to {lead:?}: write an address, or address:port")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_read() {
        let config = Config::parse(COMMENTED).unwrap();
        assert_eq!(config.listen.port(), 8443);
        assert!(config.hosts.is_empty());
        let all = Config::parse(&COMMENTED.replace("\n#\"", "\n\"")).unwrap();
        let wiki = all.hosts[&"WIKI.corp.example.".parse().unwrap()];
        assert_eq!(
            (wiki.ip.to_string().as_str(), wiki.port),
            ("127.0.0.1", Some(8080))
        );
    }

    #[test]
    fn mistakes_are_named() {
        for (text, word) in [
            ("listen = \"here\"", "listen"),
            ("listen = \"0.0.0.0:1\"\nhost = 1", "host"),
            (
                "listen = \"0.0.0.0:1\"\n[hosts]\n\"a b\" = \"10.0.0.1\"",
                "a b",
            ),
            (
                "listen = \"0.0.0.0:1\"\n[hosts]\na = \"elsewhere\"",
                "elsewhere",
            ),
            (
                "listen = \"0.0.0.0:1\"\n[hosts]\na = \"10.0.0.1:0\"",
                "address:port",
            ),
            (
                "listen = \"0.0.0.0:1\"\n[hosts]\na = \"10.0.0.1\"\nA = \"10.0.0.1\"",
                "twice",
            ),
        ] {
            let error = format!("{:#}", Config::parse(text).unwrap_err());
            assert!(error.contains(word), "{error}");
        }
    }
}
