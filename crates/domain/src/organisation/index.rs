//! The indexes that lead from one thing to others. The setters ([`super::set`]) keep them right; an id
//! in them may lead nowhere.

use std::sync::Arc;

use imbl::{OrdMap, OrdSet};

use super::models::Assignment;
use crate::ids::{AssignmentId, DeviceId, GroupId, NetworkId, ResourceId, SessionId, UserId};

#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    /// The groups that name the user as a member, in order of id.
    pub(super) groups_of: OrdMap<UserId, Arc<[GroupId]>>,
    /// The assignments, by group.
    pub(super) by_group: OrdMap<(GroupId, ResourceId, AssignmentId), Arc<Assignment>>,
    /// The assignments, by resource.
    pub(super) by_resource: OrdMap<(ResourceId, AssignmentId), Arc<Assignment>>,
    /// The resources that name a group among their approvers.
    pub(super) approved_by: OrdSet<(GroupId, ResourceId)>,
    /// The resources by network.
    pub(super) in_network: OrdSet<(NetworkId, ResourceId)>,
    /// Where a request waits, or a grant is scheduled or runs.
    pub(super) open: OrdSet<(ResourceId, UserId)>,
    /// The enabled users who review every request by their role.
    pub(super) review_all: OrdSet<UserId>,
    /// On whose behalf each deputy is named.
    pub(super) deputises: OrdSet<(UserId, UserId)>,
    /// The sessions by user.
    pub(super) sessions_of: OrdSet<(UserId, SessionId)>,
    /// The devices by user.
    pub(super) devices_of: OrdSet<(UserId, DeviceId)>,
}

impl Index {
    pub(super) fn assignments_of(
        &self,
        resource: ResourceId,
    ) -> impl Iterator<Item = &Arc<Assignment>> {
        let all = (resource, AssignmentId(i64::MIN))..=(resource, AssignmentId(i64::MAX));
        self.by_resource
            .range(all)
            .map(|(_, assignment)| assignment)
    }

    /// In order of the resource's id, then their own.
    pub(super) fn assignments_to(&self, group: GroupId) -> impl Iterator<Item = &Arc<Assignment>> {
        let first = (group, ResourceId(i64::MIN), AssignmentId(i64::MIN));
        let last = (group, ResourceId(i64::MAX), AssignmentId(i64::MAX));
        let all = self.by_group.range(first..=last);
        all.map(|(_, assignment)| assignment)
    }

    pub(super) fn approved_by(&self, group: GroupId) -> impl Iterator<Item = ResourceId> {
        let all = (group, ResourceId(i64::MIN))..=(group, ResourceId(i64::MAX));
        self.approved_by.range(all).map(|(_, resource)| *resource)
    }

    pub(super) fn in_network(&self, network: NetworkId) -> impl Iterator<Item = ResourceId> {
        let all = (network, ResourceId(i64::MIN))..=(network, ResourceId(i64::MAX));
        self.in_network.range(all).map(|(_, resource)| *resource)
    }

    pub(super) fn open_for(&self, resource: ResourceId) -> impl Iterator<Item = UserId> {
        let all = (resource, UserId(i64::MIN))..=(resource, UserId(i64::MAX));
        self.open.range(all).map(|(_, user)| *user)
    }

    pub(super) fn deputises(&self, deputy: UserId) -> impl Iterator<Item = UserId> {
        let all = (deputy, UserId(i64::MIN))..=(deputy, UserId(i64::MAX));
        self.deputises.range(all).map(|(_, principal)| *principal)
    }

    pub(super) fn devices_of(&self, user: UserId) -> impl Iterator<Item = DeviceId> {
        let all = (user, DeviceId(i64::MIN))..=(user, DeviceId(i64::MAX));
        self.devices_of.range(all).map(|(_, device)| *device)
    }

    pub(super) fn sessions_of(&self, user: UserId) -> impl Iterator<Item = SessionId> {
        let all = (user, SessionId(i64::MIN))..=(user, SessionId(i64::MAX));
        self.sessions_of.range(all).map(|(_, session)| *session)
    }

    pub(super) fn join(&mut self, user: UserId, group: GroupId) {
        let groups = self
            .groups_of
            .get(&user)
            .map_or(&[][..], |groups| &**groups);
        if let Err(at) = groups.binary_search(&group) {
            let (before, after) = groups.split_at(at);
            let with = [before, &[group], after].concat();
            self.groups_of.insert(user, with.into());
        }
    }

    pub(super) fn leave(&mut self, user: UserId, group: GroupId) {
        let Some(groups) = self.groups_of.get(&user) else {
            return;
        };
        let rest = groups.iter().copied().filter(|own| *own != group);
        let rest: Vec<_> = rest.collect();
        if rest.is_empty() {
            self.groups_of.remove(&user);
        } else {
            self.groups_of.insert(user, rest.into());
        }
    }
}
