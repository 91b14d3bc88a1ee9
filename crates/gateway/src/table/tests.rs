//! Rules 8 and 9 at the gateway: a flow lives exactly as long as a permit of its user for the
//! resource that governs it remains.

use std::collections::BTreeMap;

use hourkey_protocol::gateway::Permit;
use proptest::prelude::*;

use super::*;

const KEY: &str = "key";

fn time(ms: i64) -> hourkey_domain::Time {
    hourkey_domain::Time::from_timestamp_millis(ms).unwrap()
}

fn destination(id: i64, address: &str, ports: &str) -> Destination {
    Destination {
        id: ResourceId(id),
        address: address.to_owned(),
        ports: ports.parse().unwrap(),
    }
}

fn live(device: i64, user: i64) -> Device {
    Device {
        id: DeviceId(device),
        live: Some(LiveDevice {
            user: UserId(user),
            key: KEY.to_owned(),
        }),
    }
}

fn permits(user: i64, permits: &[(i64, Option<i64>)]) -> User {
    User {
        id: UserId(user),
        permits: permits
            .iter()
            .map(|(resource, until)| Permit {
                resource: ResourceId(*resource),
                until: until.map(time),
            })
            .collect(),
    }
}

fn target(host: &str, ip: Option<&str>, port: u16) -> Target {
    Target {
        host: host.parse().unwrap(),
        ip: ip.map(|ip| ip.parse().unwrap()),
        port,
    }
}

fn nothing() -> Changes {
    Changes {
        seq: 0,
        server_time: time(0),
        resources: None,
        devices: Vec::new(),
        users: Vec::new(),
    }
}

fn table(resources: Vec<Destination>) -> Table<u64> {
    let mut table = Table::default();
    table.replace(All {
        stream: 1,
        seq: 1,
        server_time: time(0),
        resources,
        devices: vec![live(1, 1), live(2, 2)],
        users: vec![permits(1, &[(1, Some(100)), (3, None)]), permits(2, &[])],
    });
    table
}

#[test]
fn rule_09_one_resource_governs_however_the_destination_is_written() {
    let table = table(vec![
        destination(1, "db.corp.example", "5432"),
        destination(2, "10.0.0.7", ""),
        destination(3, "*.corp.example", ""),
        destination(4, "secret.corp.example", "443"),
    ]);
    let admit = |host: &str, ip: Option<&str>, port| {
        let admitted = table.admit(DeviceId(1), KEY, &target(host, ip, port), 50);
        admitted.map(|admission| admission.resource.0)
    };
    assert_eq!(admit("db.corp.example", None, 5432), Ok(1));
    assert_eq!(admit("DB.Corp.Example.", None, 5432), Ok(1));
    // Outside of its ports the wildcard governs, for which there is a permit, too.
    assert_eq!(admit("db.corp.example", None, 80), Ok(3));
    assert_eq!(admit("any.corp.example", None, 80), Ok(3));
    // A stronger match without a permit is refused, although the wildcard would let pass.
    assert_eq!(
        admit("secret.corp.example", None, 443),
        Err(Refusal::NoPermit)
    );
    assert_eq!(
        admit("any.corp.example", Some("10.0.0.7"), 80),
        Err(Refusal::NoPermit)
    );
    for address in ["10.0.0.7", "167772167", "0xa000007", "::ffff:10.0.0.7"] {
        let refused = admit(address, Some("10.0.0.7"), 80);
        assert_eq!(refused, Err(Refusal::NoPermit), "{address}");
    }
    assert_eq!(admit("elsewhere.example", None, 80), Err(Refusal::NoPermit));
}

#[test]
fn rule_09_an_address_belongs_to_the_name_that_resolves_to_it() {
    let mut table = table(vec![
        destination(1, "db.corp.example", ""),
        destination(3, "10.0.0.0/8", ""),
    ]);
    let by_address = target("10.0.0.7", Some("10.0.0.7"), 80);
    let admit = |table: &Table<u64>| {
        let admitted = table.admit(DeviceId(1), KEY, &by_address, 50);
        admitted.map(|admission| admission.resource.0)
    };
    assert_eq!(admit(&table), Ok(3));
    let flow = Admission {
        user: UserId(1),
        resource: ResourceId(3),
        until: NEVER,
    };
    table.begin(DeviceId(1), flow, by_address.clone(), 7);
    let verdicts = table.resolved("db.corp.example", &["10.0.0.7".parse().unwrap()]);
    assert_eq!(
        verdicts,
        [(7, Verdict::Cut(Ended::Permit))],
        "another one governs it now"
    );
    assert_eq!(admit(&table), Ok(1));
    let again = table.resolved("db.corp.example", &["10.0.0.7".parse().unwrap()]);
    assert_eq!(again, [], "nothing changed");
}

#[test]
fn a_device_needs_its_own_key_and_a_life() {
    let mut table = table(vec![destination(1, "db.corp.example", "")]);
    let to = target("db.corp.example", None, 80);
    let admit = |table: &Table<u64>, device, key: &str| {
        table.admit(DeviceId(device), key, &to, 50).map(|_| ())
    };
    assert_eq!(admit(&table, 1, KEY), Ok(()));
    assert_eq!(admit(&table, 1, "another"), Err(Refusal::Device));
    assert_eq!(admit(&table, 9, KEY), Err(Refusal::Device));
    assert_eq!(admit(&table, 2, KEY), Err(Refusal::NoPermit));
    let ended = Device {
        id: DeviceId(1),
        live: None,
    };
    table.change(Changes {
        devices: vec![ended],
        ..nothing()
    });
    assert_eq!(admit(&table, 1, KEY), Err(Refusal::Device));
}

#[test]
fn rule_07_at_equal_instants_the_ending_wins() {
    let table = table(vec![destination(1, "db.corp.example", "")]);
    let to = target("db.corp.example", None, 80);
    assert!(table.admit(DeviceId(1), KEY, &to, 99).is_ok());
    let over = table.admit(DeviceId(1), KEY, &to, 100);
    assert_eq!(over, Err(Refusal::NoPermit));
}

/// What can happen.
#[derive(Clone, Debug)]
enum Step {
    /// A user's permits become these: resource and end.
    Permits(i64, BTreeMap<i64, Option<i64>>),
    /// A device lives, or not.
    Device(i64, bool),
    /// A resource moves to another name, or back.
    Move(i64, bool),
    /// A device asks for a resource's first name.
    Ask(i64, i64),
    /// Time passes.
    Wait(i64),
    /// The stream starts anew.
    Reconnect,
}

fn step() -> impl Strategy<Value = Step> {
    let (user, device, resource) = (1_i64..3, 1_i64..4, 1_i64..4);
    let ends = prop::collection::btree_map(1_i64..4, prop::option::of(1_i64..60), 0..4);
    prop_oneof![
        2 => (user, ends).prop_map(|(user, ends)| Step::Permits(user, ends)),
        2 => (device.clone(), any::<bool>()).prop_map(|(device, lives)| Step::Device(device, lives)),
        1 => (resource.clone(), any::<bool>()).prop_map(|(which, moved)| Step::Move(which, moved)),
        4 => (device, resource).prop_map(|(device, resource)| Step::Ask(device, resource)),
        1 => (0_i64..10).prop_map(Step::Wait),
        1 => Just(Step::Reconnect),
    ]
}

/// What is true, kept apart from the table.
#[derive(Default)]
struct Truth {
    now: i64,
    permits: BTreeMap<i64, BTreeMap<i64, Option<i64>>>,
    lives: BTreeMap<i64, bool>,
    moved: BTreeMap<i64, bool>,
    /// Flows by their handle: device and resource.
    flows: BTreeMap<u64, (i64, i64)>,
}

impl Truth {
    /// Devices 1 and 3 are the first user's, device 2 the second's.
    fn user(device: i64) -> i64 {
        if device == 2 { 2 } else { 1 }
    }

    fn may(&self, device: i64, resource: i64) -> bool {
        let until = self
            .permits
            .get(&Self::user(device))
            .and_then(|permits| permits.get(&resource));
        let permitted = until.is_some_and(|until| until.is_none_or(|until| self.now < until));
        let lives = self.lives.get(&device).copied().unwrap_or(false);
        let moved = self.moved.get(&resource).copied().unwrap_or(false);
        permitted && lives && !moved
    }

    fn resources(&self) -> Vec<Destination> {
        let resources = (1..4).map(|id| {
            let moved = self.moved.get(&id).copied().unwrap_or(false);
            let name = if moved { "moved" } else { "at" };
            destination(id, &format!("{name}-{id}.corp.example"), "")
        });
        resources.collect()
    }

    fn device(&self, id: i64) -> Device {
        match self.lives.get(&id) {
            Some(true) => live(id, Self::user(id)),
            Some(false) | None => Device {
                id: DeviceId(id),
                live: None,
            },
        }
    }

    fn permits_of(&self, user: i64) -> User {
        let ends = self.permits.get(&user).cloned().unwrap_or_default();
        permits(user, &ends.into_iter().collect::<Vec<_>>())
    }
}

proptest! {
    /// Rule 8: whatever happens in whatever order, the flows that are left are exactly those of
    /// users who may still use the resource that governs them, and what is asked for is let in
    /// exactly then.
    #[test]
    fn rule_08_a_flow_lives_exactly_as_long_as_a_permit(
        steps in prop::collection::vec(step(), 1..60)
    ) {
        let mut truth = Truth::default();
        let mut table: Table<u64> = Table::default();
        table.change(Changes { resources: Some(truth.resources()), ..nothing() });
        let mut handle = 0;
        let mut numbers = BTreeMap::new();
        for step in steps {
            let verdicts = match step {
                Step::Permits(user, ends) => {
                    truth.permits.insert(user, ends);
                    table.change(Changes { users: vec![truth.permits_of(user)], ..nothing() })
                }
                Step::Device(device, lives) => {
                    truth.lives.insert(device, lives);
                    let users = vec![truth.permits_of(Truth::user(device))];
                    let devices = vec![truth.device(device)];
                    table.change(Changes { devices, users, ..nothing() })
                }
                Step::Move(resource, moved) => {
                    truth.moved.insert(resource, moved);
                    table.change(Changes { resources: Some(truth.resources()), ..nothing() })
                }
                Step::Ask(device, resource) => {
                    let to = target(&format!("at-{resource}.corp.example"), None, 80);
                    let admitted = table.admit(DeviceId(device), KEY, &to, truth.now);
                    prop_assert_eq!(admitted.is_ok(), truth.may(device, resource));
                    if let Ok(admission) = admitted {
                        handle += 1;
                        let number = table.begin(DeviceId(device), admission, to, handle);
                        numbers.insert(handle, number);
                        truth.flows.insert(handle, (device, resource));
                    }
                    Vec::new()
                }
                Step::Wait(ms) => {
                    truth.now += ms;
                    Vec::new()
                }
                Step::Reconnect => table.replace(All {
                    stream: 1,
                    seq: 1,
                    server_time: time(truth.now),
                    resources: truth.resources(),
                    devices: (1..4).map(|id| truth.device(id)).collect(),
                    users: (1..3).map(|id| truth.permits_of(id)).collect(),
                }),
            };
            let cut = verdicts
                .into_iter()
                .filter(|(_, verdict)| matches!(verdict, Verdict::Cut(_)))
                .map(|(handle, _)| handle)
                .chain(table.due(truth.now));
            for handle in cut.collect::<Vec<_>>() {
                if let Some(number) = numbers.remove(&handle) {
                    table.end(number);
                }
            }
            let flows: Vec<u64> = truth
                .flows
                .iter()
                .filter(|(_, (device, resource))| truth.may(*device, *resource))
                .map(|(handle, _)| *handle)
                .collect();
            // What ended once stays ended, even when a permit comes back.
            truth.flows.retain(|handle, _| flows.contains(handle));
            let mut left = table.handles();
            left.sort_unstable();
            prop_assert_eq!(left, flows);
        }
        let mut counts = [0; 4];
        for (device, _) in truth.flows.values() {
            counts[usize::try_from(*device).unwrap()] += 1;
        }
        for device in 1..4 {
            let theirs = table.count(DeviceId(device)).0;
            prop_assert_eq!(theirs, counts[usize::try_from(device).unwrap()]);
        }
    }
}
