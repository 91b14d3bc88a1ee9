//! Random organisations and changes. Ids come from small pools, so that things meet, and miss each
//! other.

use chrono::{TimeDelta, TimeZone, Utc};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::change::Change;
use crate::Time;
use crate::cause::Cause;
use crate::grant::{Grant, State as GrantState, Window};
use crate::ids::{
    AssignmentId, DeviceId, GatewayId, GrantId, GroupId, NetworkId, RequestId, ResourceId,
    SessionId, UserId,
};
use crate::length::Length;
use crate::organisation::{
    About, Access, AccessHistory, Assignment, Device, Group, Joined, Network, Organisation,
    Resource, Session, User,
};
use crate::periods::Periods;
use crate::reason::Text;
use crate::request::{Purpose, Request, State as RequestState, Terms};
use crate::review::Role;
use crate::settings::{Approval, Mode, Override, Period, Settings};
use crate::transition::Granted;

pub(crate) fn noon() -> Time {
    Utc.with_ymd_and_hms(2031, 5, 14, 12, 0, 0).unwrap()
}

pub(crate) fn hour(hours: i64) -> Time {
    noon() + TimeDelta::hours(hours)
}

pub(crate) fn hours(hours: u64) -> Length {
    Length::from_seconds(hours * 3_600).unwrap()
}

pub(crate) fn text(text: &str) -> Text {
    Text::new(text).unwrap()
}

/// Within two days of noon.
pub(crate) fn moment() -> impl Strategy<Value = Time> + Clone {
    (-48i64..=48).prop_map(hour)
}

pub(crate) fn user_id() -> impl Strategy<Value = UserId> + Clone {
    (1i64..=5).prop_map(UserId)
}

pub(crate) fn group_id() -> impl Strategy<Value = GroupId> + Clone {
    (1i64..=4).prop_map(GroupId)
}

/// A group that is kept, or the built-in one.
fn any_group_id() -> impl Strategy<Value = GroupId> + Clone {
    prop_oneof![4 => group_id(), 1 => Just(GroupId::EVERYONE)]
}

pub(crate) fn network_id() -> impl Strategy<Value = NetworkId> + Clone {
    (1i64..=2).prop_map(NetworkId)
}

pub(crate) fn resource_id() -> impl Strategy<Value = ResourceId> + Clone {
    (1i64..=4).prop_map(ResourceId)
}

pub(crate) fn assignment_id() -> impl Strategy<Value = AssignmentId> + Clone {
    (1i64..=8).prop_map(AssignmentId)
}

fn length() -> impl Strategy<Value = Length> + Clone {
    prop_oneof![
        1 => Just(Length::MIN),
        4 => (1u64..=48).prop_map(hours),
        1 => (6u64..=365).prop_map(|days| hours(days * 24)),
    ]
}

fn periods() -> impl Strategy<Value = Periods> + Clone {
    length().prop_map(|longest| Periods::new(vec![Length::MIN], longest).unwrap())
}

fn mode() -> impl Strategy<Value = Mode> + Clone {
    prop_oneof![
        1 => Just(Mode::Standing),
        2 => Just(Mode::AutoLock),
        4 => Just(Mode::AccessRequest),
    ]
}

fn approval() -> impl Strategy<Value = Approval> + Clone {
    prop_oneof![Just(Approval::Manual), Just(Approval::Automatic)]
}

fn period() -> impl Strategy<Value = Period> + Clone {
    prop_oneof![
        length().prop_map(Period::Preset),
        length().prop_map(|up_to| Period::Custom {
            up_to,
            recommended: None
        }),
    ]
}

pub(crate) fn settings() -> impl Strategy<Value = Settings> + Clone {
    (mode(), period(), approval(), 1u16..=3).prop_map(|(mode, period, approval, lock_after)| {
        Settings {
            mode,
            period,
            approval,
            lock_after,
        }
    })
}

fn overrides() -> impl Strategy<Value = Override> + Clone {
    let fields = (
        option::weighted(0.3, mode()),
        option::weighted(0.2, period()),
        option::weighted(0.3, approval()),
        option::weighted(0.2, 1u16..=3),
    );
    fields.prop_map(|(mode, period, approval, lock_after)| Override {
        mode,
        period,
        approval,
        lock_after,
    })
}

pub(crate) fn user(id: UserId) -> impl Strategy<Value = User> + Clone {
    let roles = prop_oneof![
        6 => Just(vec![Role::Member]),
        1 => Just(vec![Role::Member, Role::AccessReviewer]),
        1 => Just(vec![Role::Admin]),
        1 => Just(vec![Role::Member, Role::Auditor]),
        1 => Just(vec![Role::Member, Role::Operator]),
        1 => Just(vec![]),
    ];
    let disabled = prop::bool::weighted(0.15);
    // It never changes while the user stays.
    let since = (id.0 % 3 > 0).then(|| hour(-7 * id.0));
    ("[a-c]", roles, disabled).prop_map(move |(name, roles, disabled)| User {
        id,
        login: format!("login-{name}{id}"),
        name: format!("{name} {id} by name"),
        email: Some(format!("{name}{id}@corp.example")),
        roles,
        disabled,
        since,
    })
}

pub(crate) fn group(id: GroupId) -> impl Strategy<Value = Group> + Clone {
    ("[a-c]", vec(user_id(), 0..=4)).prop_map(move |(name, members)| Group {
        id,
        name: format!("{name}{id}"),
        members,
    })
}

fn address() -> impl Strategy<Value = String> + Clone {
    prop::sample::select(vec![
        "db.corp".to_owned(),
        "wiki.corp".to_owned(),
        "*.corp".to_owned(),
        "*.db.corp".to_owned(),
        "10.0.0.1".to_owned(),
        "10.0.0.0/24".to_owned(),
    ])
}

pub(crate) fn resource(id: ResourceId) -> impl Strategy<Value = Resource> + Clone {
    let ports = prop::sample::select(vec!["", "22", "443,8000-8010"]);
    // It never approves, whoever says so.
    let approvers = vec(any_group_id(), 0..=2);
    let parts = (
        "[a-c]",
        address(),
        ports,
        network_id(),
        settings(),
        approvers,
        prop::bool::weighted(0.85),
    );
    parts.prop_map(
        move |(name, address, ports, network, settings, approvers, enabled)| Resource {
            id,
            name: format!("{name}{id}"),
            address: address.parse().unwrap(),
            ports: ports.parse().unwrap(),
            alias: None,
            network,
            tags: Vec::new(),
            url: None,
            keep_alive_offline: false,
            settings,
            approvers,
            about: About {
                enabled,
                ..About::default()
            },
        },
    )
}

pub(crate) fn assignment(id: AssignmentId) -> impl Strategy<Value = Assignment> + Clone {
    let until = option::weighted(0.3, moment());
    // It never changes while the assignment stays.
    let since = (id.0 % 3 > 0).then(|| hour(-10 * id.0));
    let parts = (any_group_id(), resource_id(), until, overrides());
    parts.prop_map(move |(group, resource, until, own)| Assignment {
        auto_locks_since: since,
        id,
        group,
        resource,
        until,
        own,
    })
}

/// Since when members are in a group.
pub(crate) fn joined() -> impl Strategy<Value = Joined> + Clone {
    vec((user_id(), option::weighted(0.8, moment())), 0..=5).prop_map(|mut members| {
        members.sort_unstable();
        members.dedup_by_key(|(member, _)| *member);
        Joined::new(&members)
    })
}

fn request(user: UserId, resource: ResourceId) -> impl Strategy<Value = Request> + Clone {
    let terms = (assignment_id(), any_group_id(), period(), approval());
    let purpose = prop_oneof![3 => Just(Purpose::Grant), 1 => Just(Purpose::Unlock)];
    let parts = (1i64..=99, terms, purpose, length(), moment());
    parts.prop_map(move |(id, terms, purpose, asked, created_at)| {
        let (assignment, group, period, approval) = terms;
        Request {
            id: RequestId(id),
            user,
            resource,
            terms: Terms {
                purpose,
                assignment,
                group,
                period,
                approval,
                until: None,
            },
            reason: text("to restore a backup"),
            asked,
            starts_at: None,
            created_at,
            lapses_at: created_at + TimeDelta::hours(24),
            state: RequestState::Pending,
        }
    })
}

fn granted(user: UserId, resource: ResourceId) -> impl Strategy<Value = Granted> + Clone {
    let states = prop_oneof![Just(GrantState::Scheduled), Just(GrantState::Active)];
    let parts = (
        request(user, resource),
        1i64..=99,
        moment(),
        length(),
        states,
        option::of(user_id()),
    );
    parts.prop_map(move |(request, id, starts_at, length, state, by)| Granted {
        grant: Grant {
            id: GrantId(id),
            request: request.id,
            user,
            resource,
            assignment: request.terms.assignment,
            window: Window {
                starts_at,
                expires_at: length.after(starts_at),
            },
            state,
        },
        request: Request {
            terms: Terms {
                purpose: Purpose::Grant,
                ..request.terms
            },
            state: RequestState::Approved {
                at: request.created_at,
                by,
                on_behalf_of: None,
                length,
                comment: text("go ahead"),
            },
            ..request
        },
    })
}

/// A request or a grant, or neither, and some history.
pub(crate) fn access(user: UserId, resource: ResourceId) -> impl Strategy<Value = Access> + Clone {
    let open = prop_oneof![
        1 => Just((None, None)),
        2 => request(user, resource).prop_map(|request| (Some(Box::new(request)), None)),
        2 => granted(user, resource).prop_map(|granted| (None, Some(Box::new(granted)))),
    ];
    let denied = option::weighted(0.2, (request(user, resource), moment(), user_id()));
    let taken = option::weighted(
        0.2,
        (granted(user, resource), moment(), option::of(user_id())),
    );
    let times = [
        option::weighted(0.3, moment()),
        option::weighted(0.3, moment()),
    ];
    (open, denied, taken, times).prop_map(|(open, denied, taken, [used_at, counted_from])| {
        let (pending, grant) = open;
        let mut access = Access {
            pending,
            grant,
            ..Access::default()
        };
        access.history.used_at = used_at;
        access.history.counted_from = counted_from;
        if let Some((mut request, at, by)) = denied {
            request.state = RequestState::Denied {
                at,
                by,
                on_behalf_of: None,
                comment: text("not today"),
            };
            access.history.denied_at = Some(at);
            access.history.denied = Some(request.id);
            access.denied = Some(Box::new(request));
        }
        if let Some((granted, at, by)) = taken {
            let mut grant = granted.grant;
            grant.state = GrantState::Revoked {
                at,
                by,
                on_behalf_of: None,
                cause: Cause::Person,
                comment: text("enough"),
            };
            access.history = AccessHistory {
                revoked_at: grant.revoked_by_person(),
                taken_at: Some(at),
                taken: Some(grant.id),
                ..access.history
            };
            access.taken = Some(Box::new(grant));
        }
        access
    })
}

fn kept<T: std::fmt::Debug + 'static>(
    some: impl Strategy<Value = T> + 'static,
) -> BoxedStrategy<Option<T>> {
    option::weighted(0.8, some).boxed()
}

/// Any change of the organisation itself, as an administrator makes it.
pub(crate) fn change() -> impl Strategy<Value = Change> {
    let fallback = vec(any_group_id(), 0..=2);
    let network = network_id().prop_flat_map(|id| {
        let name = "[a-c]".prop_map(move |name| Network { id, name });
        (Just(id), kept(name))
    });
    prop_oneof![
        1 => "[a-c]".prop_map(Change::Name),
        2 => fallback.prop_map(Change::Fallback),
        1 => periods().prop_map(Change::Periods),
        4 => user_id()
            .prop_flat_map(|id| (Just(id), kept(user(id))))
            .prop_map(|(id, user)| Change::User(id, user)),
        4 => group_id()
            .prop_flat_map(|id| (Just(id), kept(group(id))))
            .prop_map(|(id, group)| Change::Group(id, group)),
        1 => network.prop_map(|(id, network)| Change::Network(id, network)),
        4 => resource_id()
            .prop_flat_map(|id| (Just(id), kept(resource(id))))
            .prop_map(|(id, resource)| Change::Resource(id, resource)),
        6 => assignment_id()
            .prop_flat_map(|id| (Just(id), kept(assignment(id))))
            .prop_map(|(id, assignment)| Change::Assignment(id, assignment)),
    ]
}

/// Any change of what is open or signed in.
fn doing() -> impl Strategy<Value = Change> {
    let device = (1i64..=4).prop_map(DeviceId).prop_flat_map(|id| {
        let parts = (user_id(), 1i64..=4, "[a-f]{4}");
        let device = parts.prop_map(move |(user, session, key)| Device {
            id,
            user,
            session: SessionId(session),
            key,
        });
        (Just(id), kept(device))
    });
    let session = (1i64..=4).prop_map(SessionId).prop_flat_map(|id| {
        let parts = (user_id(), moment());
        let session = parts.prop_map(move |(user, ends_at)| Session { id, user, ends_at });
        (Just(id), kept(session))
    });
    let gateway = (1i64..=3).prop_map(GatewayId);
    prop_oneof![
        6 => (user_id(), resource_id())
            .prop_flat_map(|(user, resource)| {
                (Just((user, resource)), kept(access(user, resource)))
            })
            .prop_map(|((user, resource), access)| Change::Access(user, resource, access)),
        1 => device.prop_map(|(id, device)| Change::Device(id, device)),
        1 => session.prop_map(|(id, session)| Change::Session(id, session)),
        1 => (gateway, kept(network_id())).prop_map(|(id, network)| Change::Gateway(id, network)),
    ]
}

/// Anything that can be set: also since when members are in a group, which no change moves while they stay.
pub(crate) fn any_set() -> impl Strategy<Value = Change> {
    let joined = (group_id(), joined());
    prop_oneof![
        9 => any_change(),
        1 => joined.prop_map(|(group, joined)| Change::Joined(group, joined)),
    ]
}

/// Any change at all.
pub(crate) fn any_change() -> impl Strategy<Value = Change> {
    prop_oneof![2 => change(), 1 => doing()]
}

/// Many changes, in any order.
pub(crate) fn changes() -> impl Strategy<Value = Vec<Change>> {
    vec(any_set(), 0..=60)
}

/// An organisation that is rather full.
pub(crate) fn organisation() -> impl Strategy<Value = Organisation> {
    vec(any_set(), 30..=60).prop_map(|changes| {
        let mut organisation = Organisation::default();
        for change in changes {
            change.apply(&mut organisation);
        }
        organisation
    })
}

/// An organisation in which hardly anything is missing.
pub(crate) fn full() -> impl Strategy<Value = Organisation> {
    let mut all = Vec::new();
    for id in (1..=5).map(UserId) {
        let user = option::weighted(0.95, user(id));
        all.push(user.prop_map(move |user| Change::User(id, user)).boxed());
    }
    for id in (1..=4).map(GroupId) {
        let group = option::weighted(0.95, group(id));
        all.push(
            joined()
                .prop_map(move |joined| Change::Joined(id, joined))
                .boxed(),
        );
        let group = group.prop_map(move |group| Change::Group(id, group));
        all.push(group.boxed());
    }
    for id in (1..=4).map(ResourceId) {
        let resource = option::weighted(0.95, resource(id));
        let resource = resource.prop_map(move |resource| Change::Resource(id, resource));
        all.push(resource.boxed());
    }
    for id in (1..=8).map(AssignmentId) {
        let own = option::weighted(0.9, assignment(id));
        let own = own.prop_map(move |own| Change::Assignment(id, own));
        all.push(own.boxed());
    }
    let fallback = vec(any_group_id(), 0..=2).prop_map(Change::Fallback);
    all.push(fallback.boxed());
    (all, vec(doing(), 0..=20)).prop_map(|(changes, doings)| {
        let mut organisation = Organisation::default();
        for change in changes.into_iter().chain(doings) {
            change.apply(&mut organisation);
        }
        organisation
    })
}
