//! The reads once more, over plain lists: slow, and plain to see.

use super::draw::hours;
use crate::Time;
use crate::address::{Candidate, Host, governing};
use crate::ids::{AssignmentId, GroupId, NetworkId, ResourceId, UserId};
use crate::lock::{Facts, Permit, lock_state, permit};
use crate::organisation::{Access, Assignment, Contents, Group, Resource, User};
use crate::review::{Eligible, Reviewers, Role};
use crate::settings::{EffectiveAssignment, Period, Settings};
use crate::transition::AccessFacts;

impl Contents {
    pub(super) fn user(&self, id: UserId) -> Option<&User> {
        self.users.iter().find(|user| user.id == id)
    }

    pub(super) fn is_enabled(&self, id: UserId) -> bool {
        self.user(id).is_some_and(|user| !user.disabled)
    }

    pub(super) fn group(&self, id: GroupId) -> Option<&Group> {
        self.groups.iter().find(|group| group.id == id)
    }

    pub(super) fn resource(&self, id: ResourceId) -> Option<&Resource> {
        self.resources.iter().find(|resource| resource.id == id)
    }

    pub(super) fn access(&self, user: UserId, resource: ResourceId) -> Option<&Access> {
        let mut all = self.accesses.iter();
        let found = all.find(|(key, _)| *key == (user, resource));
        found.map(|(_, access)| access)
    }

    pub(super) fn is_member(&self, user: UserId, group: GroupId) -> bool {
        let kept = self.group(group);
        let is_in = kept.is_some_and(|group| group.members.contains(&user));
        self.user(user).is_some() && (is_in || group == GroupId::EVERYONE)
    }

    fn effective(&self, own: &Assignment) -> Option<EffectiveAssignment> {
        let resource = self.resource(own.resource)?;
        if own.group != GroupId::EVERYONE {
            self.group(own.group)?;
        }
        let settings = self.no_longer(resource.settings.with(own.own));
        Some(EffectiveAssignment {
            assignment: own.id,
            group: own.group,
            settings,
            total: match settings.period {
                Period::Preset(_) => self.periods.longest(),
                Period::Custom { .. } => self.periods.longest().min(hours(7 * 24)),
            },
            until: own.until,
            counts_from: None,
        })
    }

    fn no_longer(&self, mut settings: Settings) -> Settings {
        let longest = self.periods.longest();
        match &mut settings.period {
            Period::Preset(length) => *length = longest.min(*length),
            Period::Custom { up_to, recommended } => {
                let longest = longest.min(hours(7 * 24));
                *up_to = longest.min(*up_to);
                *recommended = recommended.map(|length| longest.min(length));
            }
        }
        settings
    }

    /// Of a member of its group.
    fn effective_for(&self, own: &Assignment, user: UserId) -> Option<EffectiveAssignment> {
        let mut effective = self.effective(own)?;
        let joined = match own.group == GroupId::EVERYONE {
            true => self.user(user)?.since,
            false => {
                let mut kept = self.joined.iter();
                let kept = kept.find(|(group, _)| *group == own.group);
                kept.and_then(|(_, joined)| joined.of(user))
            }
        };
        if let (Some(joined), Some(since)) = (joined, own.auto_locks_since) {
            effective.counts_from = Some(joined.max(since));
        }
        Some(effective)
    }

    pub(super) fn effective_assignment(&self, id: AssignmentId) -> Option<EffectiveAssignment> {
        let own = self.assignments.iter().find(|own| own.id == id)?;
        self.effective(own)
    }

    pub(super) fn assigned(&self, user: UserId, resource: ResourceId) -> Vec<EffectiveAssignment> {
        let assigned = self
            .assignments
            .iter()
            .filter(|own| own.resource == resource);
        let own = assigned.filter(|own| self.is_member(user, own.group));
        own.filter_map(|own| self.effective_for(own, user))
            .collect()
    }

    fn is_usable(&self, resource: ResourceId) -> bool {
        self.resource(resource).is_some_and(|it| it.about.enabled)
    }

    pub(super) fn reachable(&self, user: UserId) -> Vec<(ResourceId, Vec<EffectiveAssignment>)> {
        let ids = self.resources.iter().map(|resource| resource.id);
        let reachable = ids.map(|id| (id, self.assigned(user, id)));
        reachable.filter(|(_, own)| !own.is_empty()).collect()
    }

    pub(super) fn permits(&self, user: UserId, network: NetworkId, now: Time) -> Vec<Permit> {
        let mut permits = Vec::new();
        for resource in self.resources.iter().filter(|it| it.network == network) {
            let facts = self.access_facts(user, resource.id);
            permits.extend(permit(user, resource.id, &facts.view(), now));
        }
        permits
    }

    pub(super) fn sees_any(&self, user: UserId, network: NetworkId, now: Time) -> bool {
        let mut here = self.resources.iter().filter(|it| it.network == network);
        here.any(|resource| {
            let facts = self.access_facts(user, resource.id);
            lock_state(&facts.view(), now).is_some()
        })
    }

    pub(super) fn access_facts(&self, user: UserId, resource: ResourceId) -> AccessFacts {
        let user_enabled = self.is_enabled(user);
        let mut assignments = self.assigned(user, resource);
        assignments.retain(|_| user_enabled);
        let access = self.access(user, resource).cloned().unwrap_or_default();
        let rests_on = match (&access.grant, &access.pending) {
            (Some(granted), _) => Some(granted.grant.assignment),
            (None, Some(request)) => Some(request.terms.assignment),
            (None, None) => None,
        };
        let former = rests_on.filter(|id| assignments.iter().all(|own| own.assignment != *id));
        AccessFacts {
            user,
            resource,
            user_enabled,
            resource_exists: self.resource(resource).is_some(),
            resource_enabled: self.is_usable(resource),
            former: former.and_then(|id| self.effective_assignment(id)),
            assignments,
            pending: access.pending.map(|request| *request),
            grant: access.grant.map(|granted| *granted),
            last_used: access.history.used_at.max(access.history.counted_from),
            revoked_at: access.history.revoked_at,
            deputy_left: false,
        }
    }

    fn people(&self, is: impl Fn(&User) -> bool) -> Vec<UserId> {
        let people = self.users.iter().filter(|user| !user.disabled && is(user));
        people.map(|user| user.id).collect()
    }

    pub(super) fn reviewers(&self, resource: ResourceId) -> Reviewers {
        let approvers = self.resource(resource).map(|resource| &*resource.approvers);
        let approvers = approvers.unwrap_or_default();
        let regular = self.people(|user| {
            user.roles.contains(&Role::Admin)
                || user.roles.contains(&Role::AccessReviewer)
                || approvers
                    .iter()
                    .any(|group| self.is_member(user.id, *group))
        });
        let fallback = &self.fallback_reviewers;
        let fallback = self.people(|user| {
            let mut groups = fallback.iter();
            groups.any(|group| self.is_member(user.id, *group))
        });
        Reviewers {
            regular,
            fallback,
            bars: self.bars.clone(),
        }
    }

    pub(super) fn approves(&self, user: UserId) -> Vec<ResourceId> {
        let approved = self.resources.iter().filter(|resource| {
            let mut groups = resource.approvers.iter();
            groups.any(|group| self.is_member(user, *group))
        });
        approved.map(|resource| resource.id).collect()
    }

    pub(super) fn scarcely_reviewed(&self) -> Vec<(ResourceId, Option<UserId>)> {
        let by_role = self.people(|user| user.roles.iter().any(|role| role.reviews_all()));
        if by_role.len() > 1 {
            return Vec::new();
        }
        let living = self.resources.iter().map(|resource| resource.id);
        let mut all: Vec<_> = living.chain(self.removed_resources.clone()).collect();
        all.sort();
        let each = all.into_iter().map(|id| (id, self.reviewers(id).regular));
        let scarce = each.filter(|(_, people)| people.len() < 2);
        scarce
            .map(|(id, people)| (id, people.first().copied()))
            .collect()
    }

    /// Whether `viewer` reviews what `requester` asks for here.
    pub(super) fn may_review(
        &self,
        viewer: UserId,
        requester: UserId,
        resource: ResourceId,
    ) -> bool {
        let reviewers = self.reviewers(resource);
        let exists = |id: &ResourceId| self.resource(*id).is_some();
        let known = exists(&resource) || self.removed_resources.contains(&resource);
        let regulars_lack = !matches!(reviewers.eligible(requester), Eligible::Regulars(_));
        viewer != requester
            && (reviewers.regular.contains(&viewer)
                || (known && regulars_lack && reviewers.fallback.contains(&viewer)))
    }

    pub(super) fn concerned_by(&self, resource: ResourceId) -> Vec<UserId> {
        self.people(|user| !self.assigned(user.id, resource).is_empty())
    }

    pub(super) fn governing(
        &self,
        network: NetworkId,
        host: &Host,
        port: u16,
    ) -> Option<ResourceId> {
        let here = self.resources.iter().filter(|it| it.network == network);
        let candidates: Vec<_> = here
            .map(|resource| Candidate {
                id: resource.id,
                address: &resource.address,
                ports: &resource.ports,
                resolved: &[],
            })
            .collect();
        governing(&candidates, host, &[], port)
    }

    /// The locks of all rows of an enabled user.
    pub(super) fn locks(
        &self,
        user: UserId,
        now: Time,
    ) -> Vec<(ResourceId, Option<crate::lock::LockState>)> {
        if !self.is_enabled(user) {
            return Vec::new();
        }
        let reachable = self.reachable(user).into_iter();
        let locks = reachable.map(|(id, assignments)| {
            let access = self.access(user, id).cloned().unwrap_or_default();
            let facts = Facts {
                resource_enabled: self.is_usable(id),
                assignments: &assignments,
                grant: access.grant.as_ref().map(|granted| &granted.grant),
                pending: access.pending.as_deref(),
                last_used: access.history.used_at.max(access.history.counted_from),
                revoked_at: access.history.revoked_at,
            };
            (id, lock_state(&facts, now))
        });
        locks.collect()
    }
}
