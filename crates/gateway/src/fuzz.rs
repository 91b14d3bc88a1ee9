//! Fuzz targets: properties of the parsers for any bytes from outside (`fuzz/README.md`).

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use hourkey_domain::address::Host;
use hourkey_domain::ids::{ResourceId, UserId};
use hourkey_protocol::gateway::{ALL, All, CHANGES, Changes, Destination, Device, User};
use hourkey_protocol::sse::Parser;

use crate::sniff::{FirstAnswer, SniffedHost, Sniffer};
use crate::table::{PeerIdentity, Table, Target};
use crate::tunnel;

/// Reads the controller's stream: nobody is admitted without a permit in the latest state.
pub fn events(bytes: &[u8]) {
    let mut parser = Parser::default();
    let mut events = Vec::new();
    let half = bytes.len() / 2;
    for part in [&bytes[..half], &bytes[half..]] {
        // Too large an event breaks the stream.
        let _ = parser.feed(part, |event| events.push(event));
    }
    let mut table = Table::default();
    let mut permits: HashMap<UserId, HashSet<ResourceId>> = HashMap::new();
    let mut destinations: Vec<Destination> = Vec::new();
    let mut devices: Vec<Device> = Vec::new();
    for event in events {
        match event.name.as_str() {
            ALL => {
                let Ok(all) = serde_json::from_str::<All>(&event.data) else {
                    return;
                };
                if table.all(all.clone(), 1).is_err() {
                    return;
                }
                permits.clear();
                permits.extend(all.users.iter().map(resources));
                (destinations, devices) = (all.resources, all.devices);
            }
            CHANGES => {
                let Ok(changes) = serde_json::from_str::<Changes>(&event.data) else {
                    return;
                };
                if table.changes(changes.clone(), 1).is_err() {
                    return;
                }
                permits.extend(changes.users.iter().map(resources));
                destinations = changes.resources.unwrap_or(destinations);
                devices.extend(changes.devices);
            }
            _ => {}
        }
    }
    for (device, live) in devices
        .iter()
        .filter_map(|it| Some((it.id, it.live.as_ref()?)))
    {
        for destination in &destinations {
            let Ok(host) = destination.address.parse::<Host>() else {
                continue;
            };
            let peer = PeerIdentity {
                device,
                key: live.key.clone(),
            };
            let target = Target {
                host,
                ip: None,
                port: 443,
                mapped: None,
            };
            let Ok(admission) = table.admit(&peer, &target, 1) else {
                continue;
            };
            let permits = permits.get(&admission.user);
            assert!(permits.is_some_and(|it| it.contains(&admission.resource)));
            let stranger = PeerIdentity {
                device,
                key: format!("{} of another", live.key),
            };
            assert!(table.admit(&stranger, &target, 1).is_err());
        }
    }
}

fn resources(user: &User) -> (UserId, HashSet<ResourceId>) {
    let resources = user.permits.iter().map(|permit| permit.resource);
    (user.id, resources.collect())
}

/// Reads the authority of a CONNECT: every parser finds the same target.
pub fn connect(bytes: &[u8]) {
    let Ok(authority) = http::uri::Authority::try_from(bytes) else {
        return;
    };
    let Some(target) = tunnel::target(authority.as_str()) else {
        return;
    };
    assert_ne!(target.port, 0);
    assert_eq!(authority.port_u16(), Some(target.port));
    assert_eq!(authority.host().parse().as_ref(), Ok(&target.host));
    let port = target.port;
    let plain = match &target.host {
        Host::Name(name) => format!("{name}:{port}"),
        Host::Ip(ip) => std::net::SocketAddr::new(*ip, port).to_string(),
    };
    assert_eq!(tunnel::target(&plain), Some(target));
}

/// Sniffs the bytes of a flow's client: they pass unchanged and in order, bytes that name no host
/// are noticed before they pass, and the result does not depend on how the bytes are split.
pub fn sniffer(bytes: &[u8]) {
    let mut all: Option<Vec<SniffedHost>> = None;
    for size in [1, 7, bytes.len().max(1)] {
        let (mut sniffer, mut passed, mut found) = (Sniffer::default(), Vec::new(), Vec::new());
        for chunk in bytes.chunks(size) {
            let passes = sniffer.read(Bytes::copy_from_slice(chunk), || true, &mut found);
            assert!(passes.is_empty() || !found.is_empty());
            passed.extend(passes);
            if sniffer.awaits_answer() {
                passed.extend(sniffer.answered(FirstAnswer::Tls, &mut found));
            }
            if sniffer.is_done() {
                break;
            }
        }
        passed.extend(sniffer.end(&mut found));
        assert!(bytes.starts_with(&passed));
        // What is looked at no more may differ: more or less of it came with the end.
        found.dedup();
        let first = all.get_or_insert_with(|| found.clone());
        assert_eq!(*first, found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::replay;

    #[test]
    fn no_stream_lets_in_whom_it_gives_no_permit() {
        replay("events", events);
    }

    #[test]
    fn any_connect_leads_to_one_place_or_is_refused() {
        replay("connect", connect);
    }

    #[test]
    fn any_bytes_of_a_client_pass_as_they_are_and_say_the_same_however_cut() {
        replay("sniffer", sniffer);
    }
}
