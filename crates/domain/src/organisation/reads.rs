//! Who reaches what, on which assignments, and what follows from it: rows' facts and permits.

use std::net::IpAddr;
use std::sync::Arc;

use super::access::Access;
use super::models::{Assignment, Resource};
use super::value::Organisation;
use crate::Time;
use crate::address::{Candidate, Host, governing};
use crate::ids::{AssignmentId, GroupId, NetworkId, ResourceId, UserId};
use crate::lock::{Facts, Permit, lock_state, permit};
use crate::settings::EffectiveAssignment;
use crate::transition::AccessFacts;

/// A resource that a user's groups are assigned to.
#[derive(Clone, Debug)]
pub struct Reachable<'a> {
    /// The resource.
    pub resource: &'a Arc<Resource>,
    /// The assignments, settings resolved, in order of id; also those past their end date.
    pub assignments: Vec<EffectiveAssignment>,
}

/// A resource that an enabled user reaches, and all that decides its row.
#[derive(Clone, Debug)]
pub struct Reached<'a> {
    /// The resource.
    pub resource: &'a Arc<Resource>,
    /// The user's assignments to it, in order of id; also those past their end date.
    pub assignments: Vec<EffectiveAssignment>,
    /// The access kept between the user and the resource, where there is one.
    pub access: Option<&'a Access>,
}

impl Reached<'_> {
    /// As the rules take it.
    #[must_use]
    pub fn facts(&self) -> Facts<'_> {
        let granted = self.access.and_then(|access| access.grant.as_deref());
        Facts {
            resource_enabled: self.resource.about.enabled,
            assignments: &self.assignments,
            grant: granted.map(|granted| &granted.grant),
            pending: self.access.and_then(|access| access.pending.as_deref()),
            last_used: self.access.and_then(|access| access.history.last_used()),
            revoked_at: self.access.and_then(|access| access.history.revoked_at),
        }
    }
}

/// A user's permits in a network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InNetwork {
    /// All their permits there, in order of the resource's id.
    pub permits: Vec<Permit>,
    /// Whether they see any of its resources (rule 1), locked or not.
    pub sees_any: bool,
}

impl Organisation {
    /// The resources that a user's groups are assigned to (or just one of them), in order of id; also
    /// of a disabled user, unlike [`Organisation::reached`]. What is held back from the user does not count.
    pub fn reachable(
        &self,
        user: UserId,
        only: Option<ResourceId>,
    ) -> impl Iterator<Item = Reachable<'_>> {
        let mut all = self
            .live(user, only)
            .filter_map(move |(_, resource, live)| {
                self.counted(user, live).map(|counts| (resource, counts))
            })
            .peekable();
        std::iter::from_fn(move || {
            let (resource, first) = all.next()?;
            let rest = std::iter::from_fn(|| {
                let same = all.next_if(|(other, _)| other.id == resource.id);
                same.map(|(_, counts)| counts)
            });
            let assignments = std::iter::once(first).chain(rest).collect();
            Some(Reachable {
                resource,
                assignments,
            })
        })
    }

    /// The assignments of a user's groups (or those to one resource) with their resources, in order of
    /// resource and id, settings resolved: also what is held back from them.
    pub(super) fn live(
        &self,
        user: UserId,
        only: Option<ResourceId>,
    ) -> impl Iterator<Item = (&Assignment, &Arc<Resource>, EffectiveAssignment)> {
        let mut assigned = match only {
            Some(resource) => self.assigned_to(user, resource).collect(),
            None => self.assigned(user),
        };
        assigned.sort_by_key(|own| (own.resource, own.id));
        assigned.into_iter().filter_map(move |own| {
            let resource = self.resources.get(&own.resource)?;
            let joined = match own.group {
                GroupId::EVERYONE => self.users.get(&user)?.since,
                kept => self.joined.get(&kept).and_then(|joined| joined.of(user)),
            };
            let live = own.effective_for(resource.settings, self.periods.longest(), joined);
            Some((&**own, resource, live))
        })
    }

    /// All that a user reaches, in order of id, with what decides its rows. Nothing for a disabled
    /// user.
    pub fn reached(&self, user: UserId) -> impl Iterator<Item = Reached<'_>> {
        let enabled = self.enabled_user(user).map(|user| user.id);
        let reachable = enabled.into_iter().flat_map(|id| self.reachable(id, None));
        let mut accesses = self.accesses_of(user).peekable();
        reachable.map(move |found| {
            let id = found.resource.id;
            while accesses.next_if(|(other, _)| *other < id).is_some() {}
            let access = accesses.next_if(|(other, _)| *other == id);
            Reached {
                resource: found.resource,
                assignments: found.assignments,
                access: access.map(|(_, access)| &**access),
            }
        })
    }

    /// All that decides the row of one resource of a user; `None` where they do not reach it, or are
    /// disabled.
    #[must_use]
    pub fn facts(&self, user: UserId, resource: ResourceId) -> Option<Reached<'_>> {
        self.enabled_user(user)?;
        let found = self.reachable(user, Some(resource)).next()?;
        Some(Reached {
            resource: found.resource,
            assignments: found.assignments,
            access: self.access(user, resource).map(|access| &**access),
        })
    }

    /// One assignment with its live settings, whoever asks.
    #[must_use]
    pub fn effective_assignment(&self, id: AssignmentId) -> Option<EffectiveAssignment> {
        let assignment = self.assignments.get(&id)?;
        self.group(assignment.group)?;
        let resource = self.resources.get(&assignment.resource)?;
        Some(assignment.effective(resource.settings, self.periods.longest()))
    }

    /// All that bears on one user and one resource, as the transitions take it.
    #[must_use]
    pub fn access_facts(&self, user: UserId, resource: ResourceId) -> AccessFacts {
        let access = self.access(user, resource);
        self.access_facts_of(user, resource, access.map(|access| &**access))
    }

    /// [`Organisation::access_facts`], if this were what was kept between them.
    pub(super) fn access_facts_of(
        &self,
        user: UserId,
        resource: ResourceId,
        access: Option<&Access>,
    ) -> AccessFacts {
        let user_enabled = self.enabled_user(user).is_some();
        let found = self.resources.get(&resource);
        let reached = self.facts(user, resource);
        let assignments = reached.map_or_else(Vec::new, |reached| reached.assignments);
        let pending = access.and_then(|access| access.pending.as_deref());
        let grant = access.and_then(|access| access.grant.as_deref());
        let outstanding = grant.map(|granted| granted.grant.assignment);
        let outstanding = outstanding.or(pending.map(|request| request.terms.assignment));
        let is_own = |id| assignments.iter().any(|own| own.assignment == id);
        let former = outstanding.filter(|id| !is_own(*id));
        AccessFacts {
            user,
            resource,
            user_enabled,
            resource_exists: found.is_some(),
            resource_enabled: found.is_some_and(|found| found.about.enabled),
            former: former.and_then(|id| self.effective_assignment(id)),
            assignments,
            pending: pending.cloned(),
            grant: grant.cloned(),
            last_used: access.and_then(|access| access.history.last_used()),
            revoked_at: access.and_then(|access| access.history.revoked_at),
            deputy_left: grant
                .and_then(|granted| granted.approved_by())
                .is_some_and(|by| by.on_behalf_of.is_some() && !self.reviews_anything(by.user)),
        }
    }

    /// All permits of a user for the resources of a network (rule 8). They stay true until the
    /// organisation changes, or their own end comes: no permit begins by time alone.
    #[must_use]
    pub fn permits(&self, user: UserId, network: NetworkId, now: Time) -> InNetwork {
        let mut all = InNetwork::default();
        let here = self.reached(user);
        for found in here.filter(|found| found.resource.network == network) {
            let facts = found.facts();
            all.sees_any |= lock_state(&facts, now).is_some();
            all.permits
                .extend(permit(user, found.resource.id, &facts, now));
        }
        all
    }

    /// The resource that governs a destination in a network (rule 9); `addresses` is what the host
    /// resolves to, as [`governing`] takes it. What the names of resources resolve to is not known
    /// here.
    #[must_use]
    pub fn governing(
        &self,
        network: NetworkId,
        host: &Host,
        addresses: &[IpAddr],
        port: u16,
    ) -> Option<&Arc<Resource>> {
        let candidates: Vec<_> = self
            .resources_of(network)
            .map(|resource| Candidate {
                id: resource.id,
                address: &resource.address,
                ports: &resource.ports,
                resolved: &[],
            })
            .collect();
        let id = governing(&candidates, host, addresses, port)?;
        self.resource(id)
    }

    /// The resources that govern some of this one's ports in its place (rule 9): they have the same
    /// address, a port in common, and a lower id. In order of id.
    pub fn shadowing(&self, resource: &Resource) -> impl Iterator<Item = &Arc<Resource>> {
        let here = self.resources_of(resource.network);
        here.take_while(|other| other.id < resource.id)
            .filter(|other| {
                other.address == resource.address && other.ports.overlap(&resource.ports)
            })
    }

    /// The enabled users whose groups are assigned to a resource, also past the assignment's end, in
    /// order of id: those whose row a change of the resource may change.
    #[must_use]
    pub fn concerned_by(&self, resource: ResourceId) -> Vec<UserId> {
        let assigned = self.assignments_of(resource);
        self.enabled_members_of(assigned.map(|own| own.group))
    }

    /// The enabled members of these groups, in order of id, each once.
    pub(super) fn enabled_members_of(&self, groups: impl Iterator<Item = GroupId>) -> Vec<UserId> {
        let members = groups.flat_map(|group| self.members(group));
        let mut members: Vec<_> = members.collect();
        members.sort_unstable();
        members.dedup();
        members.retain(|user| self.enabled_user(*user).is_some());
        members
    }

    /// The assignments of a user's groups, whether their resources exist or not.
    fn assigned(&self, user: UserId) -> Vec<&Arc<Assignment>> {
        let everyone = self.users.get(&user).map(|_| &GroupId::EVERYONE);
        let groups = everyone.into_iter().chain(self.groups_of(user));
        let assigned = groups.flat_map(|group| self.index.assignments_to(*group));
        assigned.collect()
    }

    /// The assignments of a user's groups to one resource.
    fn assigned_to(
        &self,
        user: UserId,
        resource: ResourceId,
    ) -> impl Iterator<Item = &Arc<Assignment>> {
        let (groups, is_here) = (self.groups_of(user), self.users.contains_key(&user));
        let all = self.index.assignments_of(resource);
        all.filter(move |own| match own.group {
            GroupId::EVERYONE => is_here,
            kept => groups.binary_search(&kept).is_ok(),
        })
    }
}
