//! `hourkey ssh-config`: lets ssh reach resources by their own names.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::{fs, io};

use hourkey_client::file;
use hourkey_domain::address::{Address, Ports};
use hourkey_protocol::access::Resource;
use serde::Serialize;

use crate::account::session;
use crate::exit::CommandError;
use crate::print;

/// The port of ssh.
const SSH: u16 = 22;

/// Ports of protocols that are not ssh, so that a web server does not become an ssh host.
const OTHER_PROTOCOLS: [u16; 24] = [
    25, 53, 80, 110, 143, 389, 443, 445, 465, 587, 636, 993, 995, 1433, 1521, 3306, 3389, 5432,
    5900, 6379, 8080, 8443, 9200, 27017,
];

/// The file of [`install`], beside ssh's own configuration.
const FILE: &str = "hourkey.config";
/// ssh finds it beside its own configuration.
const INCLUDE: &str = "Include hourkey.config";

/// `hourkey ssh-config`: the hosts, as JSON.
pub(crate) async fn ssh_config(install_it: bool, json: bool) -> Result<(), CommandError> {
    let resources = session().await?.resources().await?;
    let blocks = blocks(&resources);
    let config = config(&blocks);
    if install_it {
        let home = std::env::home_dir()
            .ok_or_else(|| CommandError::failed("There is no home folder. Set HOME."))?;
        let folder = home.join(".ssh");
        install(&folder, &config).map_err(|error| {
            CommandError::failed(format!("{} cannot be changed: {error}.", folder.display()))
        })?;
    }
    if json {
        let hosts = blocks.iter().flat_map(|it| it.hosts.clone()).collect();
        return print::json(&Hosts { hosts, blocks });
    }
    if install_it {
        print::note(format_args!(
            "Wrote ~/.ssh/{FILE}; ~/.ssh/config begins with \"{INCLUDE}\". Run this again when your \
             resources change."
        ));
        return Ok(());
    }
    if blocks.is_empty() {
        print::note("None of your resources looks like an ssh host.");
        return Ok(());
    }
    print::note(format_args!(
        "Save this as ~/.ssh/{FILE}, and put this line at the top of ~/.ssh/config: {INCLUDE}\n\
         (hourkey ssh-config --install does both.)"
    ));
    print::line(config.trim_end())
}

/// As JSON.
#[derive(Serialize)]
struct Hosts {
    /// All patterns.
    hosts: Vec<String>,
    blocks: Vec<Block>,
}

/// Hosts that take ssh at the same port.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Block {
    /// As ssh_config(5) writes patterns.
    hosts: Vec<String>,
    /// Where it is not ssh's own and there is one alone.
    port: Option<u16>,
}

/// The hosts by their ports. A prefix cannot be written as a pattern. Addresses in canonical form hold
/// nothing that ssh could read in another way.
fn blocks(resources: &[Resource]) -> Vec<Block> {
    let mut hosts: BTreeMap<String, Vec<&Ports>> = BTreeMap::new();
    for resource in resources {
        let address = match resource.address.parse() {
            Ok(address @ (Address::Name(_) | Address::Wildcard(_) | Address::Ip(_))) => address,
            Ok(Address::Net(_, _)) | Err(_) => continue,
        };
        if takes_ssh(&resource.ports) {
            let ports = hosts.entry(address.to_string()).or_default();
            ports.push(&resource.ports);
        }
    }
    let mut by_port: BTreeMap<Option<u16>, Vec<String>> = BTreeMap::new();
    for (host, ports) in hosts {
        by_port.entry(port_line(&ports)).or_default().push(host);
    }
    let block = |(port, hosts)| Block { hosts, port };
    by_port.into_iter().map(block).collect()
}

fn takes_ssh(ports: &Ports) -> bool {
    let only_others =
        |&(first, last): &(u16, u16)| first == last && OTHER_PROTOCOLS.contains(&first);
    ports.contains(SSH) || !ports.ranges().iter().all(only_others)
}

/// The one port that a host's resources leave, where ssh's own is none of them.
fn port_line(ports: &[&Ports]) -> Option<u16> {
    if ports.iter().any(|it| it.contains(SSH)) {
        return None;
    }
    let mut left: Vec<(u16, u16)> = ports
        .iter()
        .flat_map(|it| it.ranges().iter().copied())
        .filter(|(first, last)| first != last || !OTHER_PROTOCOLS.contains(first))
        .collect();
    left.dedup();
    match left.as_slice() {
        [(first, last)] if first == last => Some(*first),
        _ => None,
    }
}

/// An ssh_config(5). `Host` is for what a person types; `Match final` also finds hosts behind a name
/// of their own (`HostName`), once all of their configuration is read.
fn config(blocks: &[Block]) -> String {
    let mut text = String::new();
    for (at, block) in blocks.iter().enumerate() {
        let elsewhere = blocks.iter().enumerate().filter(|(other, _)| *other != at);
        let elsewhere = elsewhere.flat_map(|(_, block)| &block.hosts);
        let excluded = elsewhere.filter(|host| block.hosts.iter().any(|it| holds(it, host)));
        let patterns: Vec<String> = block
            .hosts
            .iter()
            .cloned()
            .chain(excluded.map(|host| format!("!{host}")))
            .collect();
        for condition in [
            format!("Host {}", patterns.join(" ")),
            format!("Match final host {}", patterns.join(",")),
        ] {
            // Writing to a text does not fail.
            let _ = writeln!(text, "{condition}");
            if let Some(port) = block.port {
                let _ = writeln!(text, "  Port {port}");
            }
            let _ = writeln!(text, "  ProxyCommand hourkey connect %h %p");
        }
    }
    text
}

/// True when a pattern with a wildcard also holds another one, which is more exact.
fn holds(pattern: &str, host: &str) -> bool {
    let below = pattern.strip_prefix('*');
    below.is_some_and(|below| host != pattern && host.ends_with(below))
}

/// Writes the configuration beside ssh's own, which includes it first: what comes first counts, and
/// below a `Host` it would count for that host alone.
fn install(folder: &Path, config: &str) -> io::Result<()> {
    file::replace(&folder.join(FILE), config.as_bytes())?;
    let own = folder.join("config");
    let text = match fs::read_to_string(&own) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        read => read?,
    };
    if text.lines().next() == Some(INCLUDE) {
        return Ok(());
    }
    // Where it is a link into a folder of settings, what it leads to is changed.
    let own = fs::canonicalize(&own).unwrap_or(own);
    file::replace(&own, format!("{INCLUDE}\n{text}").as_bytes())
}

#[cfg(test)]
mod tests {
    use hourkey_domain::ids::ResourceId;
    use hourkey_domain::lock::{LockState, Why};
    use hourkey_domain::visibility::Visibility;

    use super::*;

    fn resource((address, ports): (&str, &str)) -> Resource {
        Resource {
            id: ResourceId(1),
            name: "x".to_owned(),
            address: address.to_owned(),
            ports: ports.parse().unwrap(),
            alias: None,
            network: "office".to_owned(),
            tags: Vec::new(),
            url: None,
            lock: LockState::Locked { why: Why::Unused },
            visibility: Visibility::default(),
            description: String::new(),
            how_to_use: None,
            denied_at: None,
            last_decision: None,
            approved: None,
            last_touched: None,
        }
    }

    #[test]
    fn hosts_are_listed_once_with_the_port_that_they_take() {
        let resources = [
            ("build.corp", "22"),
            ("*.db.corp", "20-30"),
            ("build.corp", ""),
            ("10.0.0.1", ""),
            ("10.1.0.0/16", ""),
            ("wiki.corp", "443"),
            ("pg.db.corp", "5432"),
            ("git.db.corp", "2222"),
            ("git.db.corp", "443"),
            ("several.corp", "2222, 2223"),
            ("a\n  ProxyCommand evil", ""),
        ]
        .map(resource);
        assert_eq!(
            config(&blocks(&resources)),
            "Host *.db.corp 10.0.0.1 build.corp several.corp !git.db.corp\n  \
             ProxyCommand hourkey connect %h %p\n\
             Match final host *.db.corp,10.0.0.1,build.corp,several.corp,!git.db.corp\n  \
             ProxyCommand hourkey connect %h %p\n\
             Host git.db.corp\n  Port 2222\n  ProxyCommand hourkey connect %h %p\n\
             Match final host git.db.corp\n  Port 2222\n  ProxyCommand hourkey connect %h %p\n"
        );
    }

    #[test]
    fn it_is_included_once_at_the_top() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join(".ssh");
        let own = || fs::read_to_string(folder.join("config")).unwrap();
        install(&folder, "one").unwrap();
        assert_eq!(own(), format!("{INCLUDE}\n"));
        fs::write(folder.join("config"), "Host mine\n  Port 1\n").unwrap();
        for config in ["two", "three"] {
            install(&folder, config).unwrap();
            assert_eq!(own(), format!("{INCLUDE}\nHost mine\n  Port 1\n"));
            assert_eq!(fs::read_to_string(folder.join(FILE)).unwrap(), config);
        }
    }
}
