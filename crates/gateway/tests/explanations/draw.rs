//! Random organisations. Ids and addresses come from small pools, so that things meet.

use chrono::{DateTime, TimeDelta};
use hourkey_domain::Time;
use hourkey_domain::grant::{Grant, State as GrantState, Window};
use hourkey_domain::ids::{
    AssignmentId, DeviceId, GrantId, GroupId, NetworkId, RequestId, ResourceId, SessionId, UserId,
};
use hourkey_domain::length::Length;
use hourkey_domain::organisation::{
    About, Access, Assignment, Contents, Device, Group, Network, Organisation, Resource, Session,
    User,
};
use hourkey_domain::reason::Text;
use hourkey_domain::request::{Purpose, Request, State as RequestState, Terms};
use hourkey_domain::review::Role;
use hourkey_domain::settings::{Approval, Mode, Override, Period, Settings};
use hourkey_domain::transition::Granted;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

pub(crate) const USERS: i64 = 4;
const RESOURCES: i64 = 6;
const ASSIGNMENTS: i64 = 8;
pub(crate) const NETWORKS: i64 = 2;
/// Sees every explanation.
pub(crate) const ADMIN: UserId = UserId(99);

/// Some are there several times: the lowest id governs.
const ADDRESSES: [&str; 7] = [
    "db.corp",
    "*.corp",
    "*.db.corp",
    "10.0.0.1",
    "10.0.0.0/24",
    "db.corp",
    "10.0.0.1",
];
const PORTS: [&str; 3] = ["", "22", "443,8000-8010"];
pub(crate) fn hour(hours: i64) -> Time {
    DateTime::from_timestamp(2_000_000_000, 0).unwrap() + TimeDelta::hours(hours)
}

fn moment() -> impl Strategy<Value = Time> {
    (-48i64..=48).prop_map(hour)
}

fn mode() -> impl Strategy<Value = Mode> {
    prop::sample::select(vec![
        Mode::Standing,
        Mode::AutoLock,
        Mode::AccessRequest,
        Mode::AccessRequest,
    ])
}

/// The longest grant that anybody draws.
fn preset() -> Period {
    Period::Preset(Length::from_seconds(48 * 3_600).unwrap())
}

fn user(id: i64) -> impl Strategy<Value = User> {
    prop::bool::weighted(0.2).prop_map(move |disabled| User {
        id: UserId(id),
        login: format!("user-{id}"),
        name: format!("User {id}"),
        email: None,
        roles: vec![Role::Member],
        disabled,
        since: None,
    })
}

fn resource(id: i64) -> impl Strategy<Value = Resource> {
    let address = prop::sample::select(ADDRESSES.to_vec());
    let ports = prop::sample::select(PORTS.to_vec());
    let parts = (address, ports, 1..=NETWORKS, mode(), 1u16..=3);
    parts.prop_map(
        move |(address, ports, network, mode, lock_after)| Resource {
            id: ResourceId(id),
            name: format!("Resource {id}"),
            address: address.parse().unwrap(),
            ports: ports.parse().unwrap(),
            alias: None,
            network: NetworkId(network),
            tags: Vec::new(),
            url: None,
            keep_alive_offline: false,
            settings: Settings {
                mode,
                period: preset(),
                approval: Approval::Manual,
                lock_after,
            },
            approvers: Vec::new(),
            about: About::default(),
        },
    )
}

fn assignment(id: i64) -> impl Strategy<Value = Assignment> {
    let until = option::weighted(0.4, moment());
    let own = option::weighted(0.3, mode());
    let parts = (1i64..=3, 1..=RESOURCES, until, own);
    parts.prop_map(move |(group, resource, until, mode)| Assignment {
        auto_locks_since: None,
        id: AssignmentId(id),
        group: GroupId(group),
        resource: ResourceId(resource),
        until,
        own: Override {
            mode,
            ..Override::default()
        },
    })
}

/// A grant, scheduled or running, which may be over by now; and how it was used.
fn access(user: i64, resource: i64) -> impl Strategy<Value = Access> {
    let state = prop_oneof![Just(GrantState::Scheduled), Just(GrantState::Active)];
    let grant = (1..=ASSIGNMENTS, -48i64..=24, 1i64..=48, state);
    let times = (
        option::weighted(0.3, moment()),
        option::weighted(0.7, moment()),
    );
    (option::weighted(0.7, grant), times).prop_map(move |(grant, (used_at, counted_from))| {
        let grant = grant.map(|(assignment, start, length, state)| {
            let window = (hour(start), hour(start + length));
            Box::new(granted(user, resource, assignment, window, state))
        });
        let mut access = Access {
            grant,
            ..Access::default()
        };
        access.history.used_at = used_at;
        access.history.counted_from = counted_from;
        access
    })
}

fn granted(
    user: i64,
    resource: i64,
    assignment: i64,
    (starts_at, expires_at): (Time, Time),
    state: GrantState,
) -> Granted {
    let id = user * 100 + resource;
    let (user, resource) = (UserId(user), ResourceId(resource));
    let assignment = AssignmentId(assignment);
    let created_at = hour(-60);
    Granted {
        grant: Grant {
            id: GrantId(id),
            request: RequestId(id),
            user,
            resource,
            assignment,
            window: Window {
                starts_at,
                expires_at,
            },
            state,
        },
        request: Request {
            id: RequestId(id),
            user,
            resource,
            terms: Terms {
                purpose: Purpose::Grant,
                assignment,
                group: GroupId(1),
                period: preset(),
                approval: Approval::Manual,
                until: None,
            },
            reason: Text::new("to mend it").unwrap(),
            asked: Length::HOUR,
            starts_at: None,
            created_at,
            lapses_at: created_at + TimeDelta::hours(24),
            state: RequestState::Approved {
                on_behalf_of: None,
                at: created_at,
                by: Some(ADMIN),
                length: Length::HOUR,
                comment: Text::new("").unwrap(),
            },
        },
    }
}

/// Has most grants rest on an assignment of their resource; some rest on another, which counts for
/// nothing.
fn through_their_own(assignments: &[Assignment], resource: ResourceId, access: &mut Access) {
    let mut own = assignments.iter().filter(|own| own.resource == resource);
    if let Some(granted) = &mut access.grant
        && granted.grant.assignment.0 % 4 != 0
        && let Some(own) = own.next()
    {
        granted.grant.assignment = own.id;
        granted.request.terms.assignment = own.id;
    }
}

/// Each person has a device whose session runs.
pub(crate) fn organisation() -> impl Strategy<Value = Organisation> {
    let users: Vec<_> = (1..=USERS).map(user).collect();
    let resources: Vec<_> = (1..=RESOURCES)
        .map(|id| option::weighted(0.9, resource(id)))
        .collect();
    let assignments: Vec<_> = (1..=ASSIGNMENTS).map(assignment).collect();
    let members = vec(vec((1..=USERS).prop_map(UserId), 0..=4), 3);
    let pairs = (1..=USERS).flat_map(|user| (1..=RESOURCES).map(move |resource| (user, resource)));
    let accesses: Vec<_> = pairs
        .map(|(user, resource)| {
            let key = (UserId(user), ResourceId(resource));
            access(user, resource).prop_map(move |access| (key, access))
        })
        .collect();
    let parts = (users, resources, assignments, members, accesses);
    parts.prop_map(
        |(mut users, resources, assignments, members, mut accesses)| {
            for (key, access) in &mut accesses {
                through_their_own(&assignments, key.1, access);
            }
            let device = |user: &User| Device {
                id: DeviceId(user.id.0),
                user: user.id,
                session: SessionId(user.id.0),
                key: key(user.id),
            };
            let session = |user: &User| Session {
                id: SessionId(user.id.0),
                user: user.id,
                ends_at: hour(900),
            };
            let devices = users.iter().map(device).collect();
            let sessions = users.iter().map(session).collect();
            users.push(User {
                id: ADMIN,
                login: "admin".to_owned(),
                name: "Admin".to_owned(),
                email: None,
                roles: vec![Role::Admin],
                disabled: false,
                since: None,
            });
            let groups = (1i64..).zip(members).map(|(id, mut members)| {
                members.sort_unstable();
                members.dedup();
                let name = format!("Group {id}");
                Group {
                    id: GroupId(id),
                    name,
                    members,
                }
            });
            let networks = (1..=NETWORKS).map(|id| Network {
                id: NetworkId(id),
                name: format!("Network {id}"),
            });
            Organisation::build(Contents {
                users,
                groups: groups.collect(),
                networks: networks.collect(),
                resources: resources.into_iter().flatten().collect(),
                assignments,
                accesses,
                devices,
                sessions,
                ..Contents::default()
            })
        },
    )
}

pub(crate) fn key(user: UserId) -> String {
    format!("key-{user}")
}
