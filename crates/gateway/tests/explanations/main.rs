//! What people are told of their access is what the gateway does: for every organisation, person,
//! destination and moment, `domain::organisation::explain` finds a permit exactly where the gateway's
//! table admits a flow, of the same resource and up to the same end.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a panic is how a test fails"
)]

mod draw;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::IpAddr;

use chrono::TimeDelta;
use hourkey_domain::Time;
use hourkey_domain::address::Host;
use hourkey_domain::grant::State as GrantState;
use hourkey_domain::ids::{DeviceId, NetworkId, ResourceId, UserId};
use hourkey_domain::organisation::Organisation;
use hourkey_domain::organisation::explain::{
    Because, Missing, Question, Target as Wanted, Viewer, explain,
};
use hourkey_gateway::table::{PeerIdentity, Table, Target};
use hourkey_protocol::gateway::{All, Destination, Device as Told, LiveDevice, Permit, User as Of};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use self::draw::{ADMIN, NETWORKS, USERS, hour, key, organisation};

const HOSTS: [&str; 6] = [
    "db.corp",
    "a.db.corp",
    "wiki.corp",
    "other.test",
    "10.0.0.1",
    "10.0.0.7",
];
const ASKED: [u16; 3] = [22, 443, 8005];

/// On the gateway's clock, in milliseconds.
fn boot(at: Time) -> u64 {
    u64::try_from((at - hour(-1_000)).num_milliseconds()).unwrap()
}

/// What a controller tells a gateway of the network, as `controller::gateways::message` makes it.
fn told(organisation: &Organisation, network: NetworkId, now: Time) -> All {
    let mut all = All {
        stream: 1,
        seq: organisation.seq(),
        server_time: now,
        resources: Vec::new(),
        devices: Vec::new(),
        users: Vec::new(),
        takes_mismatch: true,
    };
    for resource in organisation.resources_of(network) {
        all.resources.push(Destination {
            id: resource.id,
            address: resource.address.to_string(),
            ports: resource.ports.clone(),
            keep_alive_offline: resource.keep_alive_offline,
        });
    }
    for device in organisation.devices() {
        let here = organisation.permits(device.user, network, now);
        let live = here.sees_any.then(|| LiveDevice {
            user: device.user,
            key: device.key.clone(),
        });
        let id = device.id;
        all.devices.push(Told { id, live });
        if here.sees_any {
            let permits = here.permits.into_iter().map(|permit| Permit {
                resource: permit.resource,
                until: permit.until,
            });
            let (id, permits) = (device.user, permits.collect());
            all.users.push(Of { id, permits });
        }
    }
    // As the wire has it.
    serde_json::from_value(serde_json::to_value(&all).unwrap()).unwrap()
}

/// A gateway's table that was told at a moment. No name leads anywhere: what names lead to is known
/// to gateways alone, and no explanation is about it.
fn table(organisation: &Organisation, network: NetworkId, now: Time) -> Table {
    let mut table = Table::default();
    let message = told(organisation, network, now);
    table.all(message, boot(now)).unwrap();
    table.sync(-hour(-1_000).timestamp_millis(), boot(now));
    let names = table.names().into_iter();
    table.resolved(names.map(|name| (name, Vec::new())).collect(), boot(now));
    table
}

/// The ports, of those asked, at which somebody is told that they themselves reach a resource.
fn told_to_reach(of: &Organisation, user: UserId, resource: ResourceId, now: Time) -> Vec<u16> {
    let viewer = Viewer {
        user,
        reaches_others: false,
    };
    let target = Wanted::Resource(resource);
    let question = Question {
        user,
        target,
        at: now,
    };
    let Ok(told) = explain(of, viewer, &question, now) else {
        return Vec::new();
    };
    // No gateway is in the organisations.
    if told.missing != [Missing::NoGateway] {
        return Vec::new();
    }
    let mut ports = ASKED.to_vec();
    ports.retain(|port| {
        let mut taken = told.shadowed.iter();
        told.resource.ports.contains(*port) && !taken.any(|it| it.ports.contains(*port))
    });
    ports
}

/// The resource of a flow, and when its permit ends.
type Use = Option<(ResourceId, Option<Time>)>;

fn admitted(table: &Table, user: UserId, host: &Host, port: u16, at: Time) -> Use {
    let peer = PeerIdentity {
        device: DeviceId(user.0),
        key: key(user),
    };
    let ip = match host {
        Host::Ip(ip) => Some(IpAddr::to_canonical(ip)),
        Host::Name(_) => None,
    };
    let (host, mapped) = (host.clone(), None);
    let target = Target {
        host,
        ip,
        port,
        mapped,
    };
    let admission = table.admit(&peer, &target, boot(at)).ok()?;
    let until = (admission.deadline < u64::MAX)
        .then(|| hour(-1_000) + TimeDelta::milliseconds(admission.deadline.cast_signed()));
    Some((admission.resource, until))
}

/// Whether a flow is of what is permitted, and ends no later.
fn is_within(flows: Use, permit: Use) -> bool {
    flows.is_none_or(|(resource, end)| {
        permit.is_some_and(|(permitted, until)| {
            let no_later = until.is_none_or(|until| end.is_some_and(|end| end <= until));
            permitted == resource && no_later
        })
    })
}

#[test]
fn an_explanation_says_what_the_gateway_does() {
    // How often each kind was seen: the property must not hold for want of cases.
    let seen = RefCell::new(BTreeMap::<String, usize>::new());
    let saw = |what: &str| *seen.borrow_mut().entry(what.to_owned()).or_default() += 1;
    let mut runner = TestRunner::new(Config {
        failure_persistence: None,
        ..Config::default()
    });
    let cases = (organisation(), -50i64..=50, 0i64..=24);
    let holds = runner.run(&cases, |(organisation, now, ahead)| {
        let (now, later) = (hour(now), hour(now + ahead));
        let viewer = Viewer {
            user: ADMIN,
            reaches_others: true,
        };
        for network in (1..=NETWORKS).map(NetworkId) {
            let table = table(&organisation, network, now);
            let people = (1..=USERS).map(UserId);
            let places = HOSTS
                .iter()
                .flat_map(|host| ASKED.map(|port| (*host, port)));
            for (user, (host, port)) in
                people.flat_map(|user| places.clone().map(move |it| (user, it)))
            {
                let host: Host = host.parse().unwrap();
                for at in [now, later] {
                    let target = Wanted::Destination {
                        network,
                        host: host.clone(),
                        port,
                    };
                    let question = Question { user, target, at };
                    let told = explain(&organisation, viewer, &question, now).ok();
                    let permit = told.as_ref().and_then(|told| {
                        let permit = told.permit.as_ref()?;
                        Some((told.resource.id, permit.until))
                    });
                    let flows = admitted(&table, user, &host, port, at);
                    // What starts by then is told when it starts.
                    let starts = told.as_ref().is_some_and(|told| {
                        let access = organisation.access(user, told.resource.id);
                        let grant = access.and_then(|access| access.grant.as_ref());
                        at > now && grant.is_some_and(|it| it.grant.state == GrantState::Scheduled)
                    });
                    if starts {
                        prop_assert!(is_within(flows, permit), "{flows:?} in {permit:?}");
                        saw("starts");
                        continue;
                    }
                    prop_assert_eq!(
                        permit,
                        flows,
                        "{:?} at {:?}:{} by {}",
                        told,
                        host,
                        port,
                        user
                    );
                    let because = told
                        .and_then(|told| told.permit)
                        .map(|permit| permit.because);
                    saw(match because {
                        Some(Because::Standing) => "standing",
                        Some(Because::AutoLock) => "auto-lock",
                        Some(Because::Grant) => "grant",
                        None => "refused",
                    });
                }
            }
        }
        Ok(())
    });
    holds.unwrap();
    for what in ["starts", "standing", "auto-lock", "grant", "refused"] {
        let times = seen.borrow().get(what).copied().unwrap_or(0);
        assert!(times >= 50, "{what}: {times} of {:?}", seen.borrow());
    }
}

/// Rule 9, as a member hears it: they are told that they reach a resource at a port exactly where the
/// gateway admits them to it, whatever hidden resources take its address.
#[test]
fn a_member_is_told_what_the_gateway_does() {
    let seen = RefCell::new(BTreeMap::<&str, usize>::new());
    let mut runner = TestRunner::new(Config {
        failure_persistence: None,
        ..Config::default()
    });
    let holds = runner.run(&(organisation(), -50i64..=50), |(organisation, now)| {
        let now = hour(now);
        for network in (1..=NETWORKS).map(NetworkId) {
            let table = table(&organisation, network, now);
            let named = organisation.resources_of(network).filter_map(|resource| {
                let host: Host = resource.address.to_string().parse().ok()?;
                Some((resource.id, host))
            });
            for (resource, host) in named {
                for user in (1..=USERS).map(UserId) {
                    let told = told_to_reach(&organisation, user, resource, now);
                    let mut flows = ASKED.to_vec();
                    flows.retain(|port| {
                        let flow = admitted(&table, user, &host, *port, now);
                        flow.is_some_and(|(by, _)| by == resource)
                    });
                    prop_assert_eq!(&told, &flows, "{} by {}", resource, user);
                    let kind = if told.is_empty() {
                        "refused"
                    } else {
                        "reached"
                    };
                    *seen.borrow_mut().entry(kind).or_default() += 1;
                }
            }
        }
        Ok(())
    });
    holds.unwrap();
    for what in ["refused", "reached"] {
        assert!(
            seen.borrow().get(what).is_some_and(|times| *times >= 50),
            "{seen:?}"
        );
    }
}
