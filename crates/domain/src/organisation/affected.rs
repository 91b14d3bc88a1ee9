//! The effects of a change of the organisation on open requests and grants, looked for only where the
//! change can reach.

use std::collections::{BTreeMap, BTreeSet};

use super::changes::{changed, in_one_only};
use super::models::{Group, Resource, User};
use super::value::Organisation;
use crate::Time;
use crate::ids::{GroupId, ResourceId, UserId};
use crate::review::{Eligible, Reviewers};
use crate::transition::{Transition, reconcile, settle};

/// The users and resources between which something is open that a change may end, or send back to
/// review: all that [`reconcile`] must look at when `before` became `after`. What was open between
/// others stays as it was, provided that `before` was reconciled.
#[must_use]
pub fn affected_pairs(
    before: &Organisation,
    after: &Organisation,
) -> BTreeSet<(UserId, ResourceId)> {
    let mut found = Affected {
        before,
        after,
        pairs: BTreeSet::new(),
    };
    found.accesses();
    found.resources();
    found.memberships();
    found.users();
    found.held_back();
    found.reviewers();
    found.pairs
}

/// True when address, ports or network of a resource changed (rule 7).
#[must_use]
pub fn moved(before: &Organisation, after: &Organisation, resource: ResourceId) -> bool {
    match (before.resource(resource), after.resource(resource)) {
        (Some(before), Some(after)) => !before.same_destination(after),
        (None, _) | (_, None) => false,
    }
}

struct Affected<'a> {
    before: &'a Organisation,
    after: &'a Organisation,
    pairs: BTreeSet<(UserId, ResourceId)>,
}

impl Affected<'_> {
    /// Adds pairs that changed themselves: a use that is reported late may open a resource that
    /// somebody asks for.
    fn accesses(&mut self) {
        let changed = changed(&self.before.accesses, &self.after.accesses);
        let open = changed
            .iter()
            .filter(|access| access.after.is_some_and(|access| access.is_open()));
        self.pairs.extend(open.map(|access| access.id));
    }

    /// Adds the open pairs of resources that changed, or are assigned otherwise.
    fn resources(&mut self) {
        let resources = changed(&self.before.resources, &self.after.resources);
        let differs = |before: &Resource, after: &Resource| {
            before.settings != after.settings
                || before.about.enabled != after.about.enabled
                || !before.same_destination(after)
        };
        let mut all: BTreeSet<_> = resources
            .iter()
            .filter(|it| match (it.before, it.after) {
                (Some(before), Some(after)) => differs(before, after),
                (None, _) | (_, None) => true,
            })
            .map(|it| it.id)
            .collect();
        for assignment in changed(&self.before.assignments, &self.after.assignments) {
            let both = assignment.before.into_iter().chain(assignment.after);
            all.extend(both.map(|assignment| assignment.resource));
        }
        if self.before.periods.longest() != self.after.periods.longest() {
            all.extend(self.after.resources.keys());
        }
        for resource in all {
            let open = self.after.open_for(resource);
            self.pairs.extend(open.map(|user| (user, resource)));
        }
    }

    /// Adds the open pairs of people who joined or left a group.
    fn memberships(&mut self) {
        for group in changed(&self.before.groups, &self.after.groups) {
            for user in in_one_only(members(group.before), members(group.after)) {
                self.open_of(user);
            }
        }
    }

    /// Adds the open pairs of people who came, went, or were disabled or enabled.
    fn users(&mut self) {
        for user in changed(&self.before.users, &self.after.users) {
            if is_enabled(user.before) != is_enabled(user.after) {
                self.open_of(user.id);
            }
        }
    }

    /// Adds the open pairs of people from whom something else is held back.
    fn held_back(&mut self) {
        if self.before.held_back.ptr_eq(&self.after.held_back) {
            return;
        }
        let both = [self.before, self.after].map(|side| side.held_back.values());
        let users: BTreeSet<_> = both.into_iter().flatten().map(|held| held.user).collect();
        users.into_iter().for_each(|user| self.open_of(user));
    }

    fn open_of(&mut self, user: UserId) {
        let own = self.after.accesses_of(user);
        let open = own.filter(|(_, access)| access.is_open());
        self.pairs
            .extend(open.map(|(resource, _)| (user, resource)));
    }

    /// Adds the pairs with a pending request or a scheduled grant whose reviewers went (rules 7 and
    /// 14).
    fn reviewers(&mut self) {
        let everywhere = self.before.fallback_reviewers() != self.after.fallback_reviewers()
            || self.before.reviewing_all() != self.after.reviewing_all();
        let waiting: BTreeSet<_> = if everywhere {
            self.after.open_pairs().collect()
        } else {
            let resources = self.differently_approved();
            let open = resources.iter().flat_map(|resource| {
                let users = self.after.open_for(*resource);
                users.map(|user| (user, *resource))
            });
            open.collect()
        };
        let mut waiting = waiting;
        for requester in self.barred_otherwise() {
            let own = self.after.accesses_of(requester);
            waiting.extend(own.map(|(resource, _)| (requester, resource)));
        }
        let left = self.left();
        let approved_by_them = |(user, resource): &(UserId, ResourceId)| {
            let access = self.after.access(*user, *resource);
            let granted = access.and_then(|access| access.grant.as_deref());
            let by = granted.and_then(crate::transition::Granted::approved_by);
            by.is_some_and(|by| by.on_behalf_of.is_some() && left.contains(&by.user))
        };
        if !left.is_empty() {
            waiting.extend(self.after.open_pairs().filter(approved_by_them));
        }
        for (user, resource) in waiting {
            let access = self.after.access(user, resource);
            let Some(access) = access.filter(|access| access.is_waiting()) else {
                continue;
            };
            let granted = access.grant.as_deref();
            let by = granted.and_then(crate::transition::Granted::approved_by);
            let grant_at_stake = by.is_some_and(|by| !self.after.counts(by, resource));
            let request_at_stake =
                || access.pending.is_some() && self.loses_eligible(user, resource);
            if grant_at_stake || request_at_stake() {
                self.pairs.insert((user, resource));
            }
        }
    }

    /// The people of whom other accounts decide nothing than before.
    fn barred_otherwise(&self) -> BTreeSet<UserId> {
        let (before, after) = (&self.before.bars, &self.after.bars);
        if before.ptr_eq(after) {
            return BTreeSet::new();
        }
        let gone = before.iter().filter(|bar| !after.contains(*bar));
        let come = after.iter().filter(|bar| !before.contains(*bar));
        gone.chain(come).map(|bar| bar.requester).collect()
    }

    /// The people who review nothing any more: what they approved as a deputy, wherever it is, may go back
    /// to review.
    fn left(&self) -> BTreeSet<UserId> {
        let users = changed(&self.before.users, &self.after.users);
        let mut may: BTreeSet<UserId> = users.iter().map(|user| user.id).collect();
        for group in changed(&self.before.groups, &self.after.groups) {
            may.extend(members(group.before));
        }
        let unnamed = changed(&self.before.resources, &self.after.resources);
        let unnamed = unnamed.iter().flat_map(|it| {
            let gone = approvers(it.before).iter();
            gone.filter(|group| !approvers(it.after).contains(group))
        });
        let fallback = self.before.fallback_groups().iter();
        let fallback = fallback.filter(|group| !self.after.fallback_groups().contains(group));
        for group in unnamed.chain(fallback) {
            may.extend(self.before.enabled_members(*group));
        }
        may.retain(|user| {
            self.before.reviews_anything(*user) && !self.after.reviews_anything(*user)
        });
        may
    }

    /// True when a pending request may end, or go to other fallback reviewers.
    fn loses_eligible(&self, user: UserId, resource: ResourceId) -> bool {
        let eligible = |of: &Organisation| of.reviewers(resource).eligible(user);
        // Asked first, because it looks at few people.
        self.after.lacks_regulars(resource, user) && eligible(self.before) != eligible(self.after)
    }

    /// The resources whose approvers, or their members, changed.
    fn differently_approved(&self) -> BTreeSet<ResourceId> {
        let resources = changed(&self.before.resources, &self.after.resources);
        let mut found: BTreeSet<_> = resources
            .iter()
            .filter(|it| approvers(it.before) != approvers(it.after))
            .map(|it| it.id)
            .collect();
        let groups = changed(&self.before.groups, &self.after.groups);
        let mut groups: BTreeSet<GroupId> = groups.iter().map(|group| group.id).collect();
        for user in changed(&self.before.users, &self.after.users) {
            if is_enabled(user.before) != is_enabled(user.after) {
                // Whoever is unknown is in no group.
                groups.extend(self.before.groups_of(user.id));
                groups.extend(self.after.groups_of(user.id));
            }
        }
        for group in groups {
            found.extend(self.after.index.approved_by(group));
        }
        found
    }
}

fn members(group: Option<&Group>) -> &[UserId] {
    group.map_or(&[], |group| &group.members)
}

fn approvers(resource: Option<&Resource>) -> &[GroupId] {
    resource.map_or(&[], |resource| &resource.approvers)
}

fn is_enabled(user: Option<&User>) -> bool {
    user.is_some_and(|user| !user.disabled)
}

/// The transitions that a change leads to, beyond those of time alone: as they will be recorded.
pub struct Consequences<'a> {
    before: &'a Organisation,
    after: &'a Organisation,
    now: Time,
    /// Who reviewed, and who reviews.
    reviewers: BTreeMap<ResourceId, (Reviewers, Reviewers)>,
}

impl<'a> Consequences<'a> {
    /// Of `before` becoming `after` at `now`.
    #[must_use]
    pub fn new(before: &'a Organisation, after: &'a Organisation, now: Time) -> Self {
        Self {
            before,
            after,
            now,
            reviewers: BTreeMap::new(),
        }
    }

    /// Between one user and one resource. Fallback reviewers who could approve before were told.
    pub fn between(&mut self, user: UserId, resource: ResourceId) -> Vec<Transition> {
        let Self {
            before, after, now, ..
        } = *self;
        let access = after.access(user, resource).map(|access| &**access);
        let facts = |of: &Organisation| of.access_facts_of(user, resource, access);
        let (open, _) = settle(facts(before), now);
        let (facts, at_once) = settle(facts(after), now);
        let known = self.reviewers.entry(resource);
        let (old, new) =
            known.or_insert_with(|| (before.reviewers(resource), after.reviewers(resource)));
        let told = match old.eligible(user) {
            Eligible::Fallback(people) => people,
            Eligible::Regulars(_) | Eligible::Nobody => Vec::new(),
        };
        let moved = moved(before, after, resource);
        let done = reconcile(&facts, moved, new, &told, now);
        let all = at_once.into_iter().chain(done);
        all.filter(|transition| match transition {
            Transition::Cancelled { .. }
            | Transition::Superseded { .. }
            | Transition::Lapsed { .. } => {
                // Or sent back to review, and cancelled in the same moment.
                open.pending.is_some() || open.grant.is_some()
            }
            Transition::Revoked(_) | Transition::Expired(_) => open.grant.is_some(),
            // By time, whatever changed.
            Transition::Started(_) => false,
            Transition::Requested { .. }
            | Transition::Approved { .. }
            | Transition::Denied { .. }
            | Transition::Reopened { .. }
            | Transition::SentToFallback { .. }
            | Transition::Released(_)
            | Transition::TakenBack { .. }
            | Transition::Unlocked { .. } => true,
        })
        .collect()
    }
}
