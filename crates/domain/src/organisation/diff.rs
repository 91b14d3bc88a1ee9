//! The differences between two organisations for the people in them: who sees which resource, whose
//! locks change, and what ends.

mod words;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

pub use words::{sentences, sentences_without_people};

use super::affected::{Consequences, affected_pairs};
use super::changes::{changed, in_one_only};
use super::unreviewed::Unreviewed;
use super::value::Organisation;
use crate::Time;
use crate::cause::Cause;
use crate::grant::State as GrantState;
use crate::ids::{GrantId, RequestId, ResourceId, UserId};
use crate::request::State as RequestState;
use crate::settings::{EffectiveAssignment, most_permissive};
use crate::transition::Transition;

/// The effects of a change of the organisation on people. Every list is in order of id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Diff {
    /// Who may use a resource, or ask for it, that they could not: they did not see it, or it was
    /// disabled.
    pub gains: Vec<Sight>,
    /// Who may neither use nor ask for a resource any more: they do not see it, or it is disabled.
    pub losses: Vec<Sight>,
    /// Whose lock of a resource that they go on seeing becomes stricter (rule 3).
    pub stricter: Vec<LockChange>,
    /// Whose lock becomes looser.
    pub looser: Vec<LockChange>,
    /// Requests that are cancelled.
    pub cancelled: Vec<EndedRequest>,
    /// Grants that are revoked.
    pub revoked: Vec<EndedGrant>,
    /// Approved requests that go back to review: their reviewer is no reviewer any more.
    pub reopened: Vec<SentRequest>,
    /// Requests that go to the fallback reviewers.
    pub sent_to_fallback: Vec<SentRequest>,
    /// Resources for which nobody could approve afterwards, though somebody could before.
    pub unreviewed: Vec<UnreviewedResource>,
}

/// People who have, or have not, to do with a resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sight {
    /// The resource.
    pub resource: ResourceId,
    /// The people.
    pub users: Vec<UserId>,
}

/// People for whom another assignment, or other settings of one, count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LockChange {
    /// The resource.
    pub resource: ResourceId,
    /// The assignment that counted.
    pub before: EffectiveAssignment,
    /// The one that counts now.
    pub after: EffectiveAssignment,
    /// The people.
    pub users: Vec<UserId>,
}

/// A request that is cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct EndedRequest {
    /// Whose.
    pub user: UserId,
    /// For what.
    pub resource: ResourceId,
    /// The request.
    pub request: RequestId,
    /// Why.
    pub cause: Cause,
}

/// A grant that is revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct EndedGrant {
    /// Whose.
    pub user: UserId,
    /// For what.
    pub resource: ResourceId,
    /// The grant.
    pub grant: GrantId,
    /// Why.
    pub cause: Cause,
}

/// A request that others are asked to review.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct SentRequest {
    /// Whose.
    pub user: UserId,
    /// For what.
    pub resource: ResourceId,
    /// The request.
    pub request: RequestId,
}

/// A resource for which nobody could approve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct UnreviewedResource {
    /// The resource.
    pub resource: ResourceId,
    /// Whose requests.
    pub whose: Unreviewed,
}

impl Diff {
    /// True when the change does nothing to anybody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Returns the effects on people of `before` becoming `after` at `now`. It looks at changed entities
/// only.
#[must_use]
pub fn diff(before: &Organisation, after: &Organisation, now: Time) -> Diff {
    let mut diff = Diff::default();
    for (resource, whose) in examined(before, after) {
        let sides = Sides {
            before,
            after,
            resource,
            now,
        };
        diff.add_locks(&sides, &whose);
    }
    let mut consequences = Consequences::new(before, after, now);
    for (user, resource) in affected_pairs(before, after) {
        for transition in consequences.between(user, resource) {
            diff.add_transition(&transition);
        }
    }
    diff.unreviewed = newly_unreviewed(before, after, now);
    diff
}

/// Whose view of a resource may have changed.
#[derive(Debug)]
enum Whose {
    Everybody,
    Users(BTreeSet<UserId>),
}

/// The resources that somebody may see, or see differently, and who.
fn examined(before: &Organisation, after: &Organisation) -> BTreeMap<ResourceId, Whose> {
    let mut everybody = BTreeSet::new();
    for resource in changed(&before.resources, &after.resources) {
        let settings =
            |side: Option<&super::models::Resource>| side.map(|it| (it.settings, it.about.enabled));
        if settings(resource.before) != settings(resource.after) {
            everybody.insert(resource.id);
        }
    }
    for assignment in changed(&before.assignments, &after.assignments) {
        let both = assignment.before.into_iter().chain(assignment.after);
        everybody.extend(both.map(|assignment| assignment.resource));
    }
    if before.periods.longest() != after.periods.longest() {
        let settings =
            |side: &Organisation, id| side.effective_assignment(id).map(|it| it.settings);
        let counts_otherwise = after
            .assignments
            .values()
            .filter(|own| settings(before, own.id) != settings(after, own.id));
        everybody.extend(counts_otherwise.map(|own| own.resource));
    }
    let mut users: BTreeMap<ResourceId, BTreeSet<UserId>> = BTreeMap::new();
    for group in changed(&before.groups, &after.groups) {
        let members = |side: Option<&super::models::Group>| {
            side.map(|group| group.members.clone()).unwrap_or_default()
        };
        let moved = in_one_only(&members(group.before), &members(group.after));
        if moved.is_empty() {
            continue;
        }
        for organisation in [before, after] {
            for assignment in organisation.index.assignments_to(group.id) {
                let own = users.entry(assignment.resource).or_default();
                own.extend(&moved);
            }
        }
    }
    for user in changed(&before.users, &after.users) {
        let is_enabled = |side: Option<&super::models::User>| side.is_some_and(|it| !it.disabled);
        if is_enabled(user.before) == is_enabled(user.after) {
            continue;
        }
        for organisation in [before, after] {
            for found in organisation.reachable(user.id, None) {
                users.entry(found.resource.id).or_default().insert(user.id);
            }
        }
    }
    // What is held back may change without its assignment: another resource left its destination (rule 9).
    let sides = [before, after];
    for (side, other) in [(before, after), (after, before)] {
        for (key, held) in &side.held_back {
            if other.held_back.get(key) == Some(held) {
                continue;
            }
            let own = sides.iter().find_map(|side| side.assignment(key.1));
            if let Some(own) = own {
                users.entry(own.resource).or_default().insert(key.0);
            }
        }
    }
    let users = users.into_iter();
    let mut all: BTreeMap<_, _> = users.map(|(id, users)| (id, Whose::Users(users))).collect();
    all.extend(everybody.into_iter().map(|id| (id, Whose::Everybody)));
    all
}

/// One resource before and after.
struct Sides<'a> {
    before: &'a Organisation,
    after: &'a Organisation,
    resource: ResourceId,
    now: Time,
}

/// The assignment that counts for somebody, before and after.
type Best = (Option<EffectiveAssignment>, Option<EffectiveAssignment>);

impl Sides<'_> {
    /// Finds the assignments that count for each of these people. Most share theirs with many others:
    /// each set of assignments is judged once, and apart for whom something is held back (rule 6).
    fn best(&self, whose: &Whose) -> Vec<(Best, Vec<UserId>)> {
        let (old, new) = (self.assigned(self.before), self.assigned(self.after));
        let mut held: Vec<(UserId, usize)> = Vec::new();
        let sides = [(self.before, &old, 0), (self.after, &new, old.len())];
        for (organisation, assignments, first) in sides {
            for (index, assignment) in assignments.iter().enumerate() {
                let group = assignment.group;
                let first = first + index;
                match whose {
                    Whose::Everybody => {
                        held.extend(organisation.members(group).map(|user| (user, first)));
                    }
                    Whose::Users(users) => {
                        let own = users
                            .iter()
                            .filter(|it| organisation.is_member(**it, group));
                        held.extend(own.map(|user| (*user, first)));
                    }
                }
            }
        }
        held.sort_unstable();
        let mut found: Vec<(Best, Vec<UserId>)> = Vec::new();
        let mut known: BTreeMap<(bool, bool, Vec<usize>, Option<UserId>), usize> = BTreeMap::new();
        for own in held.chunk_by(|(one, _), (other, _)| one == other) {
            let Some((user, _)) = own.first() else {
                continue;
            };
            let enabled = |side: &Organisation| side.enabled_user(*user).is_some();
            let (was, is) = (enabled(self.before), enabled(self.after));
            let indexes = own.iter().map(|(_, index)| *index);
            let is_held = |side: &Organisation| side.held_back_from(*user).next().is_some();
            let held = (is_held(self.before) || is_held(self.after)).then_some(*user);
            let key = (was, is, indexes.collect::<Vec<_>>(), held);
            let at = *known
                .entry(key)
                .or_insert_with_key(|(was, is, indexes, _)| {
                    let side = |of: &Organisation, all: &[EffectiveAssignment], first: usize| {
                        let own = indexes.iter().filter_map(|index| index.checked_sub(first));
                        let own = own.filter_map(|index| all.get(index)).copied();
                        let own: Vec<_> = own.filter_map(|live| of.counted(*user, live)).collect();
                        most_permissive(&own, self.now).copied()
                    };
                    let best = (
                        side(self.before, &old, 0).filter(|_| *was),
                        side(self.after, &new, old.len()).filter(|_| *is),
                    );
                    found.push((best, Vec::new()));
                    found.len() - 1
                });
            if let Some((_, users)) = found.get_mut(at) {
                users.push(*user);
            }
        }
        found
    }

    fn assigned(&self, organisation: &Organisation) -> Vec<EffectiveAssignment> {
        let resource = organisation.resource(self.resource);
        // Whom a disabled one is given to gains nothing by that.
        let Some(resource) = resource.filter(|resource| resource.about.enabled) else {
            return Vec::new();
        };
        let assigned = organisation.assignments_of(self.resource);
        assigned
            .map(|own| own.effective(resource.settings, organisation.periods.longest()))
            .collect()
    }
}

impl Diff {
    fn add_locks(&mut self, sides: &Sides<'_>, whose: &Whose) {
        let resource = sides.resource;
        let (mut gains, mut losses) = (Vec::new(), Vec::new());
        for (best, users) in sides.best(whose) {
            match best {
                (None, None) => {}
                (None, Some(_)) => gains.extend(users),
                (Some(_), None) => losses.extend(users),
                (Some(before), Some(after)) => {
                    let list = match looseness(&after).cmp(&looseness(&before)) {
                        std::cmp::Ordering::Less => &mut self.stricter,
                        std::cmp::Ordering::Equal => continue,
                        std::cmp::Ordering::Greater => &mut self.looser,
                    };
                    list.push(LockChange {
                        resource,
                        before,
                        after,
                        users,
                    });
                }
            }
        }
        for (list, mut users) in [(&mut self.gains, gains), (&mut self.losses, losses)] {
            users.sort_unstable();
            if !users.is_empty() {
                list.push(Sight { resource, users });
            }
        }
    }

    fn add_transition(&mut self, transition: &Transition) {
        let sent = |request: &crate::request::Request| SentRequest {
            user: request.user,
            resource: request.resource,
            request: request.id,
        };
        match transition {
            Transition::Cancelled { request } | Transition::Superseded { request } => {
                if let RequestState::Cancelled { cause, .. } = request.state {
                    self.cancelled.push(EndedRequest {
                        user: request.user,
                        resource: request.resource,
                        request: request.id,
                        cause,
                    });
                }
            }
            Transition::Revoked(change) | Transition::Expired(change) => {
                let grant = &change.after;
                let cause = match grant.state {
                    GrantState::Revoked { cause, .. } => cause,
                    // Nothing is left of it on today's terms.
                    GrantState::Expired { .. } => Cause::TermsTightened,
                    GrantState::Scheduled | GrantState::Active | GrantState::Released { .. } => {
                        return;
                    }
                };
                self.revoked.push(EndedGrant {
                    user: grant.user,
                    resource: grant.resource,
                    grant: grant.id,
                    cause,
                });
            }
            Transition::Reopened { request, .. } => self.reopened.push(sent(request)),
            Transition::SentToFallback { request, .. } => {
                self.sent_to_fallback.push(sent(request));
            }
            // No change of the organisation does these.
            Transition::Requested { .. }
            | Transition::TakenBack { .. }
            | Transition::Approved { .. }
            | Transition::Denied { .. }
            | Transition::Lapsed { .. }
            | Transition::Started(_)
            | Transition::Released(_)
            | Transition::Unlocked { .. } => {}
        }
    }
}

/// The order of rule 3; of equals, the assignment that ends later.
fn looseness(assignment: &EffectiveAssignment) -> impl Ord + use<> {
    let until = assignment.until.unwrap_or(Time::MAX_UTC);
    (assignment.settings.permissiveness(), until)
}

fn newly_unreviewed(
    before: &Organisation,
    after: &Organisation,
    now: Time,
) -> Vec<UnreviewedResource> {
    if after.is_reviewed_everywhere() {
        return Vec::new();
    }
    let (old, new) = (before.fallback_reviewers(), after.fallback_reviewers());
    let lacking = after.resources().filter_map(|resource| {
        let whose = after.unreviewed(resource, &new, now)?;
        let earlier = before.resource(resource.id);
        let earlier = earlier.and_then(|resource| before.unreviewed(resource, &old, now));
        (earlier != Some(whose)).then_some(UnreviewedResource {
            resource: resource.id,
            whose,
        })
    });
    lacking.collect()
}
