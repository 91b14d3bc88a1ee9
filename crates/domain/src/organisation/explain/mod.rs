//! Why one person may or may not reach one resource, at a moment from now on: one function for pages,
//! commands and API, projected for its viewer (rule 1).

mod destination;
mod value;
mod words;

use chrono::TimeDelta;
use serde::Serialize;

pub use value::{
    Approving, Because, ExplainedAssignment, ExplainedGrant, ExplainedPermit, ExplainedRequest,
    ExplainedResource, Explanation, Missing, Named, Origin, Presence, Setting, Shadowed, Weight,
    WhoApproves,
};
pub use words::{Told, sentences, told};

use self::destination::Destination;
use super::models::{Assignment, Resource, User};
use super::value::Organisation;
use crate::address::Host;
use crate::grant::{State as GrantState, Window};
use crate::ids::{NetworkId, ResourceId, UserId};
use crate::lock::{Facts, LockState, PermitCause, Why, lock_state, permit};
use crate::review::Eligible;
use crate::settings::{AUTOMATIC_OFF_AFTER_REVOCATION, approval_in_force};
use crate::settings::{Approval, EffectiveAssignment, Settings, most_permissive};
use crate::transition::{AccessFacts, settle};
use crate::{Time, later};

/// People are named up to this many (rule 1).
const NAMED: usize = 5;

/// The person that an explanation is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Viewer {
    /// The person.
    pub user: UserId,
    /// Their session reaches what concerns other people.
    pub reaches_others: bool,
}

/// A question: can this person reach that, then?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The person.
    pub user: UserId,
    /// The thing that they want to reach.
    pub target: Target,
    /// When; a moment that is past is taken as now.
    pub at: Time,
}

/// A thing that somebody wants to reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A resource.
    Resource(ResourceId),
    /// A destination.
    Destination {
        /// The network that it lies in.
        network: NetworkId,
        /// The host.
        host: Host,
        /// The port.
        port: u16,
    },
}

/// There is no such user, resource or destination, or the viewer may not see it: one answer for both
/// (rule 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("There is no such resource here, or you don’t have access to it.")]
pub struct Unknown;

/// Explains to `viewer`: their own access to what they see; as its reviewer, that of somebody who sees
/// the resource; as an administrator or auditor, anything.
///
/// # Errors
/// [`Unknown`].
pub fn explain(
    organisation: &Organisation,
    viewer: Viewer,
    question: &Question,
    now: Time,
) -> Result<Explanation, Unknown> {
    let viewer = Seen {
        organisation,
        user: organisation.enabled_user(viewer.user).ok_or(Unknown)?,
        reaches_others: viewer.reaches_others,
        now,
    };
    let user = organisation.user(question.user).ok_or(Unknown)?;
    let resource = match &question.target {
        Target::Resource(id) => organisation.resource(*id),
        Target::Destination {
            network,
            host,
            port,
        } => organisation.governing(*network, host, &[], *port),
    };
    let resource = resource.ok_or(Unknown)?;
    if !viewer.may_see(user, resource) {
        return Err(Unknown);
    }
    let at = question.at.max(now);
    let then = (at > now).then(|| organisation.counting_at(at));
    let organisation = then.as_ref().unwrap_or(organisation);
    let facts = organisation.access_facts(user.id, resource.id);
    let facts = match at == now {
        true => facts,
        // As time alone will make it.
        false => settle(facts, at).0,
    };
    let view = facts.view();
    let lock = lock_state(&view, at);
    let permit = permit(user.id, resource.id, &view, at);
    let destination = Destination::of(resource, &viewer, permit.is_some());
    let eligible = organisation.reviewers(resource.id).eligible(user.id);
    let mut explanation = Explanation {
        user: named(user.id, &user.name),
        resource: explained_resource(organisation, resource),
        at,
        lock,
        permit: permit.map(|permit| ExplainedPermit {
            because: match permit.cause {
                PermitCause::Standing => Because::Standing,
                PermitCause::AutoLock => Because::AutoLock,
                PermitCause::Grant(_) => Because::Grant,
            },
            until: permit.until,
        }),
        governed_by: destination.governed_by,
        shadowed: destination.shadowed,
        gateway: match organisation.has_gateway(resource.network) {
            true => Presence::Unknown,
            false => Presence::None,
        },
        assignments: considered(organisation, user, resource, at),
        grant: explained_grant(&facts, at),
        pending: explained_request(&facts, at),
        automatic_off_until: facts
            .revoked_at
            .map(|at| later(at, AUTOMATIC_OFF_AFTER_REVOCATION))
            .filter(|until| at < *until),
        approvers: who_approves(organisation, resource, &eligible),
        missing: Vec::new(),
    };
    explanation.missing = missing(user, &explanation, &view, destination.is_taken);
    Ok(explanation)
}

/// A viewer with what they may see now.
struct Seen<'a> {
    organisation: &'a Organisation,
    user: &'a User,
    reaches_others: bool,
    now: Time,
}

impl Seen<'_> {
    fn may_see(&self, user: &User, resource: &Resource) -> bool {
        let own = self.user.id == user.id;
        let visible = is_visible(self.organisation, user.id, resource.id, self.now);
        self.sees_all() || (visible && (own || self.reviews(user.id, resource.id)))
    }

    /// True when the viewer knows that the resource is there.
    fn sees(&self, resource: &Resource) -> bool {
        self.sees_all()
            || is_visible(self.organisation, self.user.id, resource.id, self.now)
            || (self.reaches_others && self.organisation.is_regular(self.user.id, resource.id))
    }

    fn sees_all(&self) -> bool {
        self.reaches_others && self.user.roles.iter().any(|role| role.sees_all())
    }

    fn reviews(&self, requester: UserId, resource: ResourceId) -> bool {
        let stands_in = || {
            self.organisation.lacks_regulars(resource, requester)
                && self.organisation.is_fallback_reviewer(self.user.id)
        };
        self.reaches_others && (self.organisation.is_regular(self.user.id, resource) || stands_in())
    }
}

fn is_visible(of: &Organisation, user: UserId, resource: ResourceId, now: Time) -> bool {
    let own = of.facts(user, resource);
    own.is_some_and(|own| most_permissive(&own.assignments, now).is_some())
}

fn named<Id>(id: Id, name: &str) -> Named<Id> {
    let name = name.to_owned();
    Named { id, name }
}

fn explained_resource(of: &Organisation, resource: &Resource) -> ExplainedResource {
    let network = of.network(resource.network);
    ExplainedResource {
        id: resource.id,
        name: resource.name.clone(),
        address: resource.address.to_string(),
        ports: resource.ports.clone(),
        network: network.map_or_else(String::new, |network| network.name.clone()),
    }
}

/// The assignments, also those of a disabled user.
fn considered(
    of: &Organisation,
    user: &User,
    resource: &Resource,
    at: Time,
) -> Vec<ExplainedAssignment> {
    let counting = of.reachable(user.id, Some(resource.id)).next();
    let counting = counting.map_or_else(Vec::new, |found| found.assignments);
    let best = most_permissive(&counting, at);
    let weight = |live: &EffectiveAssignment| {
        let held = of.held_back_from(user.id);
        let mut held = held.filter(|held| held.assignment == live.assignment);
        let counts = best.is_some_and(|best| best.assignment == live.assignment);
        match (held.next(), best) {
            _ if user.disabled => Weight::UserDisabled,
            _ if !live.is_valid(at) => Weight::Ended,
            (Some(held), _) => Weight::HeldBack { until: held.until },
            (None, Some(best)) if !counts => Weight::Weaker {
                than: best.assignment,
            },
            (None, _) => Weight::Counts,
        }
    };
    let considered = of.live(user.id, Some(resource.id));
    let considered = considered.filter_map(|(own, _, live)| {
        let group = of.group(own.group)?;
        Some(explained(
            own,
            &group.name,
            resource.settings,
            weight(&live),
        ))
    });
    considered.collect()
}

fn explained(
    assignment: &Assignment,
    group: &str,
    settings: Settings,
    weight: Weight,
) -> ExplainedAssignment {
    fn setting<T>(own: Option<T>, value: T) -> Setting<T> {
        match own {
            Some(value) => Setting {
                value,
                from: Origin::Override,
            },
            None => Setting {
                value,
                from: Origin::Resource,
            },
        }
    }
    let own = assignment.own;
    ExplainedAssignment {
        id: assignment.id,
        group: named(assignment.group, group),
        mode: setting(own.mode, settings.mode),
        period: setting(own.period, settings.period),
        approval: setting(own.approval, settings.approval),
        lock_after: setting(own.lock_after, settings.lock_after),
        until: assignment.until,
        weight,
    }
}

/// The grant, as long as its own assignment is valid.
fn explained_grant(facts: &AccessFacts, at: Time) -> Option<ExplainedGrant> {
    let live = facts.grant.as_ref()?.grant.clone().live(at).ok()?;
    let grant = live.into_grant();
    let mut own = facts.assignments.iter();
    let assignment = own.find(|own| own.assignment == grant.assignment && own.is_valid(at))?;
    let scheduled = grant.state == GrantState::Scheduled;
    let window = Window {
        expires_at: grant.ends_at(assignment.until),
        ..grant.window
    };
    Some(ExplainedGrant {
        id: grant.id,
        assignment: grant.assignment,
        window,
        scheduled,
    })
}

fn explained_request(facts: &AccessFacts, at: Time) -> Option<ExplainedRequest> {
    let pending = facts.pending.clone()?.pending(at).ok()?;
    let request = pending.request();
    let mut own = facts.assignments.iter();
    let id = request.terms.assignment;
    let own = own.find(|own| own.assignment == id && own.is_valid(at))?;
    Some(ExplainedRequest {
        id: request.id,
        assignment: id,
        purpose: request.terms.purpose,
        since: request.created_at,
        // With its assignment it is cancelled (rule 7).
        lapses_at: own
            .until
            .map_or(request.lapses_at, |until| until.min(request.lapses_at)),
    })
}

/// Groups by name, and people up to five; never a login or a mail address (rule 1).
fn who_approves(of: &Organisation, resource: &Resource, eligible: &Eligible) -> WhoApproves {
    let (kind, groups) = match eligible {
        Eligible::Regulars(_) => (Approving::Regulars, &*resource.approvers),
        Eligible::Fallback(_) => (Approving::Fallback, of.fallback_groups()),
        Eligible::Nobody => (Approving::Nobody, &[][..]),
    };
    let people = eligible.people();
    let groups = groups.iter().filter_map(|id| {
        let group = of.group(*id)?;
        let can = |member: &UserId| people.binary_search(member).is_ok();
        group.members.iter().any(can).then(|| group.name.clone())
    });
    let named = match people.len() {
        ..=NAMED => people,
        _ => &[],
    };
    let names = named.iter().filter_map(|id| of.user_name(*id));
    WhoApproves {
        kind,
        groups: groups.collect(),
        people: names.map(str::to_owned).collect(),
    }
}

/// What opens a lock: of several assignments that one may ask by, the easiest.
fn opener(view: &Facts<'_>, at: Time) -> Missing {
    let valid = view.assignments.iter().filter(|own| own.is_valid(at));
    // No grant is shorter than a minute (rule 5).
    let least = TimeDelta::minutes(1);
    let has_time = |own: &&EffectiveAssignment| own.until.is_none_or(|until| until - at >= least);
    let mut left = valid.filter(has_time).peekable();
    if left.peek().is_none() {
        return Missing::EndsTooSoon;
    }
    match left.any(|own| approval_in_force(own, view.revoked_at, at) == Approval::Automatic) {
        true => Missing::NeedsReason,
        false => Missing::NeedsApproval,
    }
}

impl Explanation {
    /// That there would be access, but for a change of one's own that does not count yet.
    fn held_back(&self) -> Option<Missing> {
        let untils = self.assignments.iter().filter_map(|own| match own.weight {
            Weight::HeldBack { until } => Some(until),
            Weight::Counts
            | Weight::Weaker { .. }
            | Weight::Ended
            | Weight::UserDisabled
            | Weight::Unknown => None,
        });
        untils.min().map(|until| Missing::HeldBack { until })
    }
}

fn missing(user: &User, found: &Explanation, view: &Facts<'_>, is_taken: bool) -> Vec<Missing> {
    let mut missing = Vec::new();
    let opener = opener(view, found.at);
    match found.lock {
        None if user.disabled => missing.push(Missing::UserDisabled),
        None => missing.push(found.held_back().unwrap_or(Missing::NotAssigned)),
        Some(LockState::Locked { why: Why::Disabled }) => {}
        Some(LockState::Open { .. } | LockState::Granted { .. }) => {}
        Some(LockState::Scheduled { starts_at, .. }) => {
            missing.push(Missing::NotStarted { starts_at });
        }
        Some(LockState::Pending { .. }) => missing.push(Missing::NeedsApproval),
        Some(LockState::Locked { why: Why::Unused }) => missing.extend([Missing::Unused, opener]),
        Some(LockState::Locked {
            why: Why::NeedsApproval | Why::NeedsReason | Why::Unknown,
        }) => missing.push(opener),
    }
    if !view.resource_enabled {
        missing.push(Missing::ResourceDisabled);
    }
    let needs_somebody = missing.contains(&Missing::NeedsApproval);
    if needs_somebody && found.approvers.kind == Approving::Nobody {
        missing.push(Missing::NobodyCanApprove);
    }
    if is_taken {
        missing.extend(destination::governing(found));
    }
    if found.gateway == Presence::None {
        missing.push(Missing::NoGateway);
    }
    missing
}
