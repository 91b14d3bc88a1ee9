//! Who may use what, on which settings, and how it stands now: the rows of the administrators' pages
//! and of the summaries that they download.

use std::sync::Arc;

use super::access::Access;
use super::models::{Group, Resource, User};
use super::reads::Reached;
use super::value::Organisation;
use crate::Time;
use crate::ids::{GroupId, ResourceId, UserId};
use crate::lock::{LockState, lock_state};
use crate::settings::{EffectiveAssignment, Mode, most_permissive};
use crate::transition::Granted;

/// How one person's access to one resource stands.
#[derive(Clone, Debug)]
pub struct Standing<'a> {
    /// The person, enabled.
    pub user: &'a Arc<User>,
    /// The resource, which they see.
    pub resource: &'a Arc<Resource>,
    /// The assignment that counts (rule 3).
    pub counts: EffectiveAssignment,
    /// What they see of it.
    pub lock: LockState,
    /// What is kept between the two.
    pub access: Option<&'a Access>,
}

impl<'a> Standing<'a> {
    fn of(user: &'a Arc<User>, found: Reached<'a>, now: Time) -> Option<Self> {
        Some(Self {
            user,
            resource: found.resource,
            counts: *most_permissive(&found.assignments, now)?,
            lock: lock_state(&found.facts(), now)?,
            access: found.access,
        })
    }

    /// The grant that is scheduled or runs, with its request.
    #[must_use]
    pub fn granted(&self) -> Option<&Granted> {
        match self.lock {
            LockState::Granted { .. } | LockState::Scheduled { .. } => {
                self.access?.grant.as_deref()
            }
            LockState::Open { .. } | LockState::Pending { .. } | LockState::Locked { .. } => None,
        }
    }

    /// When it was last used.
    #[must_use]
    pub fn used_at(&self) -> Option<Time> {
        self.access.and_then(|access| access.history.used_at)
    }

    /// The days of disuse that are left until it locks, begun ones too; 0 once it has. Nothing under
    /// other modes.
    #[must_use]
    pub fn days_left(&self, now: Time) -> Option<u64> {
        let auto_locks = self.counts.settings.mode == Mode::AutoLock;
        auto_locks.then(|| {
            let last_used = self.access.and_then(|access| access.history.last_used());
            let locks_at = self.counts.locks_at(last_used);
            let left = locks_at.map_or(0, |at| (at - now).num_seconds());
            // Unused days are days of 24 hours, not of a calendar.
            u64::try_from(left).unwrap_or_default().div_ceil(86_400)
        })
    }
}

impl Organisation {
    /// How this person's access to this resource stands; nothing where they do not see it (rule 1).
    #[must_use]
    pub fn standing(&self, user: UserId, resource: ResourceId, now: Time) -> Option<Standing<'_>> {
        Standing::of(self.user(user)?, self.facts(user, resource)?, now)
    }

    /// All that this person sees, in order of the resource's id.
    pub fn standings_of(&self, user: UserId, now: Time) -> impl Iterator<Item = Standing<'_>> {
        let of = self.user(user);
        let reached = self.reached(user);
        reached.filter_map(move |found| Standing::of(of?, found, now))
    }

    /// All who see this resource (rule 1), in order of id.
    #[must_use]
    pub fn seen_by(&self, resource: ResourceId, now: Time) -> Vec<UserId> {
        let valid = self.assignments_of(resource);
        let valid = valid.filter(|own| own.until.is_none_or(|until| now < until));
        self.enabled_members_of(valid.map(|own| own.group))
    }

    /// How the access of all who see this resource stands, in order of their ids.
    pub fn standings_to(
        &self,
        resource: ResourceId,
        now: Time,
    ) -> impl Iterator<Item = Standing<'_>> {
        let users = self.seen_by(resource, now).into_iter();
        users.filter_map(move |user| self.standing(user, resource, now))
    }

    /// The members of a group with all resources that it is assigned to and that they see, whichever
    /// of their assignments counts; in order of the resource's id, then the user's.
    pub fn standings_in(&self, group: GroupId, now: Time) -> impl Iterator<Item = Standing<'_>> {
        let assigned = self.assignments_to(group);
        let valid = assigned.filter(move |own| own.until.is_none_or(|until| now < until));
        valid.flat_map(move |own| {
            let members = self.members(group);
            members.filter_map(move |user| self.standing(user, own.resource, now))
        })
    }

    /// The groups whose assignments give this person the resource at this moment, in order of the
    /// assignment's id.
    #[must_use]
    pub fn through(&self, standing: &Standing<'_>, now: Time) -> Vec<&Arc<Group>> {
        let reachable = self.reachable(standing.user.id, Some(standing.resource.id));
        let own = reachable.flat_map(|found| found.assignments);
        own.filter(|own| own.is_valid(now))
            .filter_map(|own| self.group(own.group))
            .collect()
    }
}
