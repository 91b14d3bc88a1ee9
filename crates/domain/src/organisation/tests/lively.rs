//! Organisations in which requests wait and grants run on assignments that their users have, and in
//! which a change finds everything settled.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index as Pick;

use super::draw::{any_change, full, hour, hours, moment, noon, settings, text};
use crate::Time;
use crate::grant::{Grant, State as GrantState, Window};
use crate::ids::{GrantId, RequestId, ResourceId, UserId};
use crate::organisation::{Access, Consequences, Contents, Organisation};
use crate::request::{Purpose, Request, State as RequestState, Terms};
use crate::review::Role;
use crate::settings::{EffectiveAssignment, Mode, Settings};
use crate::transition::{Granted, Transition, settle};

/// An organisation at noon.
pub(crate) fn lively() -> impl Strategy<Value = Organisation> {
    let seeds = vec(any::<[u8; 4]>(), 8..=30);
    (full(), seeds).prop_map(|(organisation, seeds)| lived_in(organisation, &seeds))
}

/// An organisation before a change, and after.
pub(crate) fn changed() -> impl Strategy<Value = (Organisation, Organisation)> {
    let edits = vec((0usize..8, any::<Pick>(), settings(), moment()), 0..=3);
    let changes = vec(any_change(), 0..=4);
    (lively(), changes, edits).prop_map(|(before, changes, edits)| {
        let mut after = before.clone();
        for change in changes {
            change.apply(&mut after);
        }
        for (kind, pick, settings, moment) in edits {
            edit(&mut after, kind, &pick, settings, moment);
        }
        (before, after)
    })
}

/// Changes one thing of something that is there, as administrators mostly do.
fn edit(
    organisation: &mut Organisation,
    kind: usize,
    pick: &Pick,
    settings: Settings,
    moment: Time,
) {
    let Contents {
        users,
        groups,
        resources,
        assignments,
        ..
    } = organisation.contents();
    match kind {
        0 if !assignments.is_empty() => {
            let mut own = pick.get(&assignments).clone();
            own.until = Some(moment);
            organisation.set_assignment(own.id, Some(own));
        }
        1 if !resources.is_empty() => {
            let mut resource = pick.get(&resources).clone();
            resource.settings = settings;
            organisation.set_resource(resource.id, Some(resource));
        }
        2 if !resources.is_empty() => {
            let mut resource = pick.get(&resources).clone();
            resource.approvers.pop();
            organisation.set_resource(resource.id, Some(resource));
        }
        3 if !users.is_empty() => {
            let mut user = pick.get(&users).clone();
            user.roles = vec![Role::Member];
            organisation.set_user(user.id, Some(user));
        }
        4 if !users.is_empty() => {
            let mut user = pick.get(&users).clone();
            user.disabled = !user.disabled;
            organisation.set_user(user.id, Some(user));
        }
        5 if !groups.is_empty() => {
            let mut group = pick.get(&groups).clone();
            group.members.pop();
            organisation.set_group(group.id, Some(group));
        }
        6 if !resources.is_empty() => {
            let mut resource = pick.get(&resources).clone();
            resource.ports = "5432".parse().unwrap();
            organisation.set_resource(resource.id, Some(resource));
        }
        7 if !assignments.is_empty() => {
            let mut own = pick.get(&assignments).clone();
            own.own.mode = Some(settings.mode);
            organisation.set_assignment(own.id, Some(own));
        }
        _ => {}
    }
}

/// Opens something for some who may ask; then ends what does not stand.
fn lived_in(mut organisation: Organisation, seeds: &[[u8; 4]]) -> Organisation {
    let users: Vec<_> = organisation.users().map(|user| user.id).collect();
    for (number, seed) in (1..).zip(seeds) {
        let [user, resource, own, kind] = seed.map(usize::from);
        let Some(user) = users.get(user % users.len().max(1)) else {
            continue;
        };
        let reached: Vec<_> = organisation.reached(*user).collect();
        let Some(found) = reached.get(resource % reached.len().max(1)) else {
            continue;
        };
        let id = found.resource.id;
        let own = found.assignments[own % found.assignments.len()];
        let reviewers = organisation.reviewers(id).eligible(*user);
        let by = reviewers.people().first().copied();
        let access = opened(number, *user, id, own, by, kind);
        organisation.set_access(*user, id, Some(access));
    }
    let pairs: Vec<_> = organisation.open_pairs().collect();
    for (user, resource) in pairs {
        let access = organisation.access(user, resource).unwrap();
        let mut access = (**access).clone();
        let (facts, done) = settle(organisation.access_facts(user, resource), noon());
        let open = Consequences::new(&organisation, &organisation, noon());
        if !done.is_empty() || !untouched(open, user, resource) {
            access.pending = None;
            access.grant = None;
        } else {
            access.pending = facts.pending.map(Box::new);
            access.grant = facts.grant.map(Box::new);
        }
        organisation.set_access(user, resource, Some(access));
    }
    organisation
}

fn untouched(mut consequences: Consequences<'_>, user: UserId, resource: ResourceId) -> bool {
    consequences.between(user, resource).is_empty()
}

fn opened(
    number: i64,
    user: UserId,
    resource: ResourceId,
    own: EffectiveAssignment,
    by: Option<UserId>,
    kind: usize,
) -> Access {
    let purpose = match own.settings.mode {
        Mode::AutoLock => Purpose::Unlock,
        Mode::Standing | Mode::AccessRequest => Purpose::Grant,
    };
    let request = Request {
        id: RequestId(number),
        user,
        resource,
        terms: Terms {
            purpose,
            assignment: own.assignment,
            group: own.group,
            period: own.settings.period,
            approval: own.settings.approval,
            until: own.until,
        },
        reason: text("to restore a backup"),
        asked: hours(2),
        starts_at: None,
        created_at: hour(-1),
        lapses_at: hour(23),
        state: RequestState::Pending,
    };
    let mut access = Access::default();
    let scheduled = match kind % 3 {
        0 => {
            access.pending = Some(Box::new(request));
            return access;
        }
        1 => true,
        _ => false,
    };
    let (starts_at, state) = match scheduled {
        true => (hour(1), GrantState::Scheduled),
        false => (hour(-1), GrantState::Active),
    };
    let by = by.filter(|_| !kind.is_multiple_of(5));
    let grant = Grant {
        id: GrantId(number),
        request: request.id,
        user,
        resource,
        assignment: own.assignment,
        window: Window {
            starts_at,
            expires_at: hour(3),
        },
        state,
    };
    let request = Request {
        terms: Terms {
            purpose: Purpose::Grant,
            ..request.terms
        },
        state: RequestState::Approved {
            at: hour(-1),
            by,
            on_behalf_of: None,
            length: hours(2),
            comment: text("go ahead"),
        },
        ..request
    };
    access.grant = Some(Box::new(Granted { grant, request }));
    access
}

/// The effects of a change on all that is open, by asking for each.
pub(crate) fn everything_done(
    before: &Organisation,
    after: &Organisation,
) -> Vec<((UserId, ResourceId), Vec<Transition>)> {
    let mut consequences = Consequences::new(before, after, noon());
    let mut pairs: Vec<_> = after.open_pairs().collect();
    pairs.sort();
    let done = pairs
        .into_iter()
        .map(|(user, resource)| ((user, resource), consequences.between(user, resource)));
    done.filter(|(_, done)| !done.is_empty()).collect()
}
