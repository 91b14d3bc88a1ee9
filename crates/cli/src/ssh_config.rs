//! `hourkey ssh-config`: lets ssh reach resources by their own names.

use hourkey_domain::address::Address;
use hourkey_protocol::access::Resource;
use serde::Serialize;

use crate::account::session;
use crate::exit::Failure;
use crate::print;

/// The port of ssh.
const SSH: u16 = 22;

/// `hourkey ssh-config`: the hosts, as JSON.
pub(crate) async fn ssh_config(json: bool) -> Result<(), Failure> {
    let resources = session().await?.resources().await?;
    let hosts = patterns(&resources);
    if json {
        return print::json(&Hosts { hosts });
    }
    if hosts.is_empty() {
        print::note("None of your resources takes ssh (port 22).");
        return Ok(());
    }
    print::note("Put this at the top of ~/.ssh/config:");
    print::line(block(&hosts))
}

/// The hosts as ssh_config(5) writes patterns.
#[derive(Serialize)]
struct Hosts {
    hosts: Vec<String>,
}

/// Patterns of the hosts that take ssh. A prefix cannot be written as one. Addresses in canonical
/// form hold nothing that ssh could read in another way.
fn patterns(resources: &[Resource]) -> Vec<String> {
    let taking = resources.iter().filter(|it| it.ports.contains(SSH));
    let mut patterns: Vec<String> = taking
        .filter_map(|resource| match resource.address.parse().ok()? {
            address @ (Address::Name(_) | Address::Wildcard(_) | Address::Ip(_)) => {
                Some(address.to_string())
            }
            Address::Net(_, _) => None,
        })
        .collect();
    patterns.sort_unstable();
    patterns.dedup();
    patterns
}

fn block(hosts: &[String]) -> String {
    format!(
        "Host {}\n  ProxyCommand hourkey connect %h %p",
        hosts.join(" ")
    )
}

#[cfg(test)]
mod tests {
    use hourkey_domain::ids::ResourceId;
    use hourkey_domain::lock::{LockState, Why};

    use super::*;

    #[test]
    fn hosts_that_take_ssh_are_listed_once() {
        let resource = |(address, ports): (&str, &str)| Resource {
            id: ResourceId(1),
            name: "x".to_owned(),
            address: address.to_owned(),
            ports: ports.parse().unwrap(),
            alias: None,
            network: "office".to_owned(),
            tags: Vec::new(),
            url: None,
            lock: LockState::Locked { why: Why::Unused },
            denied_at: None,
            last_touched: None,
        };
        let resources = [
            ("build.corp", "22"),
            ("*.db.corp", "20-30"),
            ("build.corp", ""),
            ("10.0.0.1", ""),
            ("10.1.0.0/16", ""),
            ("wiki.corp", "443"),
            ("a\n  ProxyCommand evil", ""),
        ]
        .map(resource);
        assert_eq!(
            block(&patterns(&resources)),
            "Host *.db.corp 10.0.0.1 build.corp\n  ProxyCommand hourkey connect %h %p"
        );
    }
}
