use std::collections::{BTreeMap, BTreeSet};

use hourkey_domain::address::{Candidate, governing};
use proptest::prelude::*;

use super::*;

const ADDRESSES: [(&str, &str); 6] = [
    ("db.corp", "5432"),
    ("*.corp", ""),
    ("10.0.0.1", "22,5432"),
    ("10.0.0.0/8", ""),
    ("wiki.corp", "443"),
    ("*.lab.corp", "5432"),
];
const HOSTS: [&str; 4] = ["db.corp", "x.lab.corp", "wiki.corp", "10.0.0.1"];
const IPS: [&str; 3] = ["10.0.0.1", "10.0.0.2", "192.0.2.1"];
const PORTS: [u16; 3] = [22, 443, 5432];
/// The server's time at 0 on the boot clock, in milliseconds.
const EPOCH: i64 = 1_800_000_000_000;

/// What happens, one after the other. Times are in milliseconds on the boot clock.
#[derive(Clone, Debug)]
enum Op {
    Permit(i64, i64, Option<u64>),
    Revoke(i64, i64),
    Device(i64, bool),
    Resource(i64, bool),
    Resolve(usize),
    Open(i64, usize, usize, usize),
    Close(usize),
    Advance(u64),
    Reconnect,
    Went(i64),
}

fn op() -> impl Strategy<Value = Op> {
    let user = || 1..3_i64;
    let resource = || 1..=ADDRESSES.len() as i64;
    prop_oneof![
        4 => (user(), resource(), prop::option::of(0..400_u64))
            .prop_map(|(user, resource, until)| Op::Permit(user, resource, until)),
        2 => (user(), resource()).prop_map(|(user, resource)| Op::Revoke(user, resource)),
        1 => (1..4_i64, any::<bool>()).prop_map(|(device, live)| Op::Device(device, live)),
        1 => (resource(), any::<bool>()).prop_map(|(id, there)| Op::Resource(id, there)),
        1 => (0..IPS.len()).prop_map(Op::Resolve),
        6 => (1..4_i64, 0..HOSTS.len(), 0..IPS.len(), 0..PORTS.len())
            .prop_map(|(device, host, ip, port)| Op::Open(device, host, ip, port)),
        1 => (0..20_usize).prop_map(Op::Close),
        2 => (1..100_u64).prop_map(Op::Advance),
        1 => Just(Op::Reconnect),
        1 => (1..4_i64).prop_map(Op::Went),
    ]
}

/// What is true, kept in the plainest way.
#[derive(Default)]
struct Truth {
    permits: BTreeMap<(i64, i64), Option<u64>>,
    dead: BTreeSet<i64>,
    gone: BTreeSet<i64>,
    db: Option<IpAddr>,
    now: u64,
}

fn user_of(device: i64) -> UserId {
    // Devices 1 and 3 are the first user's.
    UserId(2 - device % 2)
}

fn key_of(device: i64) -> String {
    format!("key-{device}")
}

fn time(boot: u64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(EPOCH + boot.cast_signed()).unwrap()
}

impl Truth {
    fn destinations(&self) -> Vec<Destination> {
        let all = (1_i64..).zip(ADDRESSES);
        let there = all.filter(|(id, _)| !self.gone.contains(id));
        there
            .map(|(id, (address, ports))| Destination {
                id: ResourceId(id),
                address: address.to_owned(),
                ports: ports.parse().unwrap(),
                keep_alive_offline: false,
            })
            .collect()
    }

    fn resolved(&self) -> Resolved {
        let db = self.db.into_iter().collect();
        Resolved::from([
            ("db.corp".to_owned(), db),
            ("wiki.corp".to_owned(), Vec::new()),
        ])
    }

    fn governing(&self, target: &Target) -> Option<ResourceId> {
        let resources = resources(self.destinations()).unwrap();
        let resolved: Vec<IpAddr> = self.db.into_iter().collect();
        let candidates: Vec<Candidate<'_>> = resources
            .iter()
            .map(|resource| Candidate {
                id: resource.id,
                address: &resource.address,
                ports: &resource.ports,
                resolved: match &resource.address {
                    Address::Name(name) if name == "db.corp" => &resolved,
                    _ => &[],
                },
            })
            .collect();
        let ips: Vec<IpAddr> = target.ip.into_iter().collect();
        governing(&candidates, &target.host, &ips, target.port)
    }

    fn may(&self, device: i64, target: &Target) -> Option<ResourceId> {
        let resource = self.governing(target)?;
        let until = self.permits.get(&(user_of(device).0, resource.0))?;
        let lasts = until.is_none_or(|until| self.now < until);
        (lasts && !self.dead.contains(&device)).then_some(resource)
    }

    fn device(&self, id: i64) -> Device {
        let live = LiveDevice {
            user: user_of(id),
            key: key_of(id),
        };
        Device {
            id: DeviceId(id),
            live: (!self.dead.contains(&id)).then_some(live),
        }
    }

    fn user(&self, id: i64) -> User {
        let own = self.permits.iter().filter(|((user, _), _)| *user == id);
        let permit = |((_, resource), until): (&(i64, i64), &Option<u64>)| Permit {
            resource: ResourceId(*resource),
            until: until.map(time),
        };
        User {
            id: UserId(id),
            permits: own.map(permit).collect(),
        }
    }

    fn all(&self) -> All {
        All {
            stream: 1,
            seq: 1,
            server_time: time(self.now),
            resources: self.destinations(),
            devices: (1..4).map(|id| self.device(id)).collect(),
            users: (1..3).map(|id| self.user(id)).collect(),
            takes_mismatch: false,
        }
    }

    fn changes(&self) -> Changes {
        Changes {
            seq: 1,
            server_time: time(self.now),
            resources: None,
            devices: Vec::new(),
            users: Vec::new(),
        }
    }
}

/// A flow that was let in.
struct Running {
    device: i64,
    target: Target,
    state: Arc<FlowState>,
}

fn peer(device: i64) -> PeerIdentity {
    PeerIdentity {
        device: DeviceId(device),
        key: key_of(device),
    }
}

proptest! {
    /// Rules 8 and 9: a flow lives exactly as long as some permit of its user for the resource
    /// that governs its destination remains.
    #[test]
    fn a_flow_lives_exactly_as_long_as_a_permit_for_it(ops in prop::collection::vec(op(), 1..60)) {
        let mut truth = Truth::default();
        let mut table = Table::default();
        table.sync(-EPOCH, 0);
        table.all(truth.all(), 0).unwrap();
        table.resolved(truth.resolved(), 0);
        let mut running: Vec<Running> = Vec::new();
        for op in ops {
            let now = truth.now;
            let ended = match op.clone() {
                Op::Permit(user, resource, after) => {
                    truth.permits.insert((user, resource), after.map(|after| now + after));
                    let users = vec![truth.user(user)];
                    table.changes(Changes { users, ..truth.changes() }, now).unwrap()
                }
                Op::Revoke(user, resource) => {
                    truth.permits.remove(&(user, resource));
                    let users = vec![truth.user(user)];
                    table.changes(Changes { users, ..truth.changes() }, now).unwrap()
                }
                Op::Device(device, live) => {
                    if live {
                        truth.dead.remove(&device);
                    } else {
                        truth.dead.insert(device);
                    }
                    let devices = vec![truth.device(device)];
                    let users = vec![truth.user(user_of(device).0)];
                    table.changes(Changes { devices, users, ..truth.changes() }, now).unwrap()
                }
                Op::Resource(id, there) => {
                    if there {
                        truth.gone.remove(&id);
                    } else {
                        truth.gone.insert(id);
                    }
                    let resources = Some(truth.destinations());
                    table.changes(Changes { resources, ..truth.changes() }, now).unwrap()
                }
                Op::Resolve(ip) => {
                    truth.db = Some(IPS[ip].parse().unwrap());
                    table.resolved(truth.resolved(), now)
                }
                Op::Open(device, host, ip, port) => {
                    let host: Host = HOSTS[host].parse().unwrap();
                    let ip = match &host {
                        Host::Ip(own) => Some(*own),
                        Host::Name(_) => Some(IPS[ip].parse().unwrap()),
                    };
                    let target = Target { host, ip, port: PORTS[port], mapped: None };
                    let may = truth.may(device, &target);
                    let opened = table.open(&peer(device), &target, now).ok();
                    prop_assert_eq!(opened.as_ref().map(|(_, it)| it.resource), may);
                    if let Some((state, _)) = opened {
                        let by_name = !matches!(table.index.get(state.resource).unwrap().address, Address::Ip(_) | Address::Net(..));
                        let unknown = Target { ip: None, ..target.clone() };
                        if by_name && table.admit(&peer(device), &unknown, now).is_err() {
                            // Only by the address of another name.
                            prop_assert_eq!(truth.db, target.address());
                        }
                        running.push(Running { device, target, state });
                    }
                    Vec::new()
                }
                Op::Close(at) if at < running.len() => {
                    let over = running.remove(at);
                    prop_assert!(table.close(over.state.id).is_some());
                    Vec::new()
                }
                Op::Close(_) => Vec::new(),
                Op::Advance(by) => {
                    truth.now += by;
                    table.due(truth.now)
                }
                Op::Reconnect => table.all(truth.all(), now).unwrap(),
                Op::Went(device) => {
                    let mut ended = table.forget(DeviceId(device), now);
                    let devices = vec![truth.device(device)];
                    let users = vec![truth.user(user_of(device).0)];
                    let back = Changes { devices, users, ..truth.changes() };
                    ended.extend(table.changes(back, now).unwrap());
                    running.retain(|it| {
                        let cut = ended.iter().any(|(state, _)| state.id == it.state.id);
                        !(cut && it.device == device)
                    });
                    ended.retain(|(state, _)| state.device != DeviceId(device));
                    ended
                }
            };
            let ended: BTreeSet<u64> = ended.iter().map(|(state, _)| state.id).collect();
            let (over, on): (Vec<Running>, Vec<Running>) = running
                .into_iter()
                .partition(|it| truth.may(it.device, &it.target) != Some(it.state.resource));
            let over: BTreeSet<u64> = over.iter().map(|it| it.state.id).collect();
            prop_assert_eq!(&ended, &over, "after {:?}", op);
            for it in &on {
                let until = truth.permits[&(user_of(it.device).0, it.state.resource.0)];
                prop_assert_eq!(it.state.deadline(), until.unwrap_or(u64::MAX));
            }
            let mut per_device: HashMap<DeviceId, usize> = HashMap::new();
            for it in &on {
                *per_device.entry(DeviceId(it.device)).or_default() += 1;
            }
            prop_assert_eq!(&table.per_device, &per_device);
            running = on;
        }
    }
}

#[test]
fn a_clock_that_turns_out_to_be_further_on_moves_deadlines() {
    let mut truth = Truth::default();
    truth.permits.insert((1, 1), Some(1_000));
    let mut table = Table::default();
    table.sync(-EPOCH, 0);
    table.all(truth.all(), 0).unwrap();
    let target = Target {
        host: "db.corp".parse().unwrap(),
        ip: Some("10.0.0.1".parse().unwrap()),
        port: 5432,
        mapped: None,
    };
    let (state, _) = table.open(&peer(1), &target, 0).unwrap();
    assert_eq!(state.deadline(), 1_000);
    assert!(table.sync(-EPOCH - 100, 0).is_empty());
    assert_eq!(state.deadline(), 900);
    let ended = table.sync(-EPOCH - 100 - 50, 850);
    assert_eq!(ended[0].1, Cause::Expired);
}

#[test]
fn a_user_s_permits_are_forgotten_with_the_last_device() {
    let mut truth = Truth::default();
    truth.permits.insert((1, 1), None);
    let mut table = Table::default();
    table.all(truth.all(), 0).unwrap();
    table.forget(DeviceId(1), 0);
    assert!(table.users.contains_key(&UserId(1)));
    table.forget(DeviceId(3), 0);
    assert!(!table.users.contains_key(&UserId(1)));
    assert!(!table.knows(DeviceId(3)));
}

#[test]
fn an_address_that_cannot_be_read_changes_nothing() {
    let truth = Truth::default();
    let mut table = Table::default();
    table.all(truth.all(), 0).unwrap();
    let mut destinations = truth.destinations();
    destinations[0].address = "no address".to_owned();
    let resources = Some(destinations);
    let changes = Changes {
        resources,
        ..truth.changes()
    };
    let refused = table.changes(changes, 0).unwrap_err();
    assert_eq!(refused, InvalidAddress(ResourceId(1)));
    assert_eq!(table.names().len(), 2);
}

fn at(address: &str, id: i64) -> Destination {
    Destination {
        id: ResourceId(id),
        address: address.to_owned(),
        ports: "443".parse().unwrap(),
        keep_alive_offline: false,
    }
}

/// Ann, with permits for these resources.
fn ann_with(resources: Vec<Destination>, permits: &[i64]) -> Table {
    let mut table = Table::default();
    let permit = |id: &i64| Permit {
        resource: ResourceId(*id),
        until: None,
    };
    let all = All {
        resources,
        devices: vec![Truth::default().device(1)],
        users: vec![User {
            id: user_of(1),
            permits: permits.iter().map(permit).collect(),
        }],
        ..Truth::default().all()
    };
    table.all(all, 0).unwrap();
    table
}

fn to(host: &str, ip: Option<&str>) -> Target {
    Target {
        host: host.parse().unwrap(),
        ip: ip.map(|ip| ip.parse().unwrap()),
        port: 443,
        mapped: None,
    }
}

#[test]
fn what_a_name_without_an_answer_may_govern_is_refused() {
    let resources = || {
        vec![
            at("db.corp", 1),
            at("10.0.0.0/8", 2),
            at("10.0.0.9", 3),
            at("*.lab.corp", 4),
            at("wiki.corp", 5),
        ]
    };
    let mut table = ann_with(resources(), &[2, 3, 4, 5]);
    let wiki = |ips: &[&str]| {
        let ips = ips.iter().map(|ip| ip.parse().unwrap()).collect();
        ("wiki.corp".to_owned(), ips)
    };
    table.resolved(Resolved::from([wiki(&["10.0.0.7"])]), 0);
    let admit = |table: &Table, target: &Target| {
        let admitted = table.admit(&peer(1), target, 0);
        admitted.map(|it| it.resource.0)
    };
    // db.corp may lead to each of these.
    let numbers = [
        (to("10.0.0.8", None), 2),
        (to("10.0.0.9", None), 3),
        (to("10.0.0.7", None), 5),
        (to("x.lab.corp", Some("10.0.0.8")), 4),
    ];
    for (target, _) in &numbers {
        assert_eq!(admit(&table, target), Err(Refusal::Busy), "{target:?}");
    }
    // By their own names they are governed whatever it leads to.
    assert_eq!(admit(&table, &to("wiki.corp", Some("10.0.0.7"))), Ok(5));
    assert_eq!(admit(&table, &to("x.lab.corp", None)), Ok(4));
    // Nothing is told to who has no permit anyway.
    assert_eq!(
        admit(&table, &to("192.0.2.1", None)),
        Err(Refusal::NoPermit)
    );

    // That there is no such name is an answer.
    let none = ("db.corp".to_owned(), Vec::new());
    table.resolved(Resolved::from([wiki(&["10.0.0.7"]), none]), 0);
    for (target, id) in &numbers {
        assert_eq!(admit(&table, target), Ok(*id), "{target:?}");
    }

    // Who may use it as well need not wait.
    let table = ann_with(resources(), &[1, 2, 3, 4, 5]);
    assert_eq!(admit(&table, &to("10.0.0.8", None)), Ok(2));
}

#[test]
fn only_names_that_a_permit_names_are_looked_up() {
    let resources = vec![
        at("db.corp", 1),
        at("10.0.0.0/8", 2),
        at("10.0.0.9", 3),
        at("*.lab.corp", 4),
        at("*.secret.lab.corp", 5),
        at("hidden.lab.corp", 6),
    ];
    let table = ann_with(resources, &[1, 2, 3, 4]);
    let may = |name| table.admit(&peer(1), &to(name, None), 0).is_ok();
    assert!(may("db.corp") && may("x.lab.corp"));
    for other in [
        "internal.corp",
        "x.secret.lab.corp",
        "hidden.lab.corp",
        "lab.corp",
        "data.in.a.name.example",
    ] {
        assert!(!may(other), "{other}");
    }
}
