//! The setters: one for each kind of entity, in any order, as often as anybody likes. Each sets what
//! is true now (`None`: it is gone) and keeps the indexes right.

use std::sync::Arc;

use super::access::Access;
use super::held_back::HeldBack;
use super::models::{Assignment, Device, Group, Joined, Names, Network, Resource, Session, User};
use super::value::Organisation;
use crate::deputy::Deputyship;
use crate::ids::{
    AssignmentId, DeviceId, GatewayId, GroupId, NetworkId, ResourceId, SessionId, UserId,
};
use crate::periods::Periods;
use crate::review::Bar;

impl Organisation {
    /// Sets the sequence number that it is true at.
    pub fn set_seq(&mut self, seq: i64) {
        self.seq = seq;
    }

    /// Sets its name.
    pub fn set_name(&mut self, name: &str) {
        self.name = name.into();
    }

    /// Sets the access periods that it offers.
    pub fn set_periods(&mut self, periods: Periods) {
        self.periods = Arc::new(periods);
    }

    /// Sets the groups of fallback reviewers.
    pub fn set_fallback_reviewers(&mut self, groups: Vec<GroupId>) {
        self.fallback_reviewers = approving(groups).into();
    }

    /// Sets a reviewer's deputy.
    pub fn set_deputy(&mut self, principal: UserId, deputyship: Option<Deputyship>) {
        if let Some(before) = self.deputies.remove(&principal) {
            self.index.deputises.remove(&(before.deputy, principal));
        }
        if let Some(deputyship) = deputyship {
            debug_assert_eq!(deputyship.principal, principal);
            self.index.deputises.insert((deputyship.deputy, principal));
            self.deputies.insert(principal, deputyship);
        }
    }

    /// Sets of whom an account decides nothing (rule 6).
    pub fn set_bars(&mut self, account: UserId, requesters: &[UserId]) {
        let bar = |requester| Bar { account, requester };
        let all = bar(UserId(i64::MIN))..=bar(UserId(i64::MAX));
        let before: Vec<_> = self.bars.range(all).copied().collect();
        for bar in before {
            self.bars.remove(&bar);
        }
        self.bars.extend(requesters.iter().copied().map(bar));
    }

    /// Sets a user. The names of one who was here and goes are kept, as by
    /// [`Organisation::set_removed_user`]; ids are never reused.
    pub fn set_user(&mut self, id: UserId, user: Option<User>) {
        if is_same(self.users.get(&id), user.as_ref()) {
            return;
        }
        match &user {
            Some(user) if user.reviews_all() => _ = self.index.review_all.insert(id),
            Some(_) | None => _ = self.index.review_all.remove(&id),
        }
        match user {
            Some(user) => {
                debug_assert_eq!(user.id, id);
                self.removed_users.remove(&id);
                self.users.insert(id, Arc::new(user));
            }
            None => {
                if let Some(user) = self.users.remove(&id) {
                    let (login, name) = (user.login.clone(), user.name.clone());
                    let names = Names { login, name };
                    self.removed_users.insert(id, Arc::new(names));
                }
            }
        }
    }

    /// Sets the names of a user who was removed.
    pub fn set_removed_user(&mut self, id: UserId, names: Names) {
        self.set_user(id, None);
        self.removed_users.insert(id, Arc::new(names));
    }

    /// Sets a group with its members: any but [`GroupId::EVERYONE`], which is always there.
    pub fn set_group(&mut self, id: GroupId, group: Option<Group>) {
        debug_assert_ne!(id, GroupId::EVERYONE);
        let after = group.map(|mut group| {
            debug_assert_eq!(group.id, id);
            group.members = sorted(group.members);
            group
        });
        if is_same(self.groups.get(&id), after.as_ref()) {
            return;
        }
        let after = after.map(Arc::new);
        let before = match after.clone() {
            Some(after) => self.groups.insert(id, after),
            None => self.groups.remove(&id),
        };
        let members = |group: &Option<Arc<Group>>| {
            let group = group.as_ref();
            group.map(|group| group.members.clone()).unwrap_or_default()
        };
        let (before, after) = (members(&before), members(&after));
        for user in missing(&before, &after) {
            self.index.leave(user, id);
        }
        for user in missing(&after, &before) {
            self.index.join(user, id);
        }
    }

    /// Sets since when its members are in a group, which may come later, or never.
    pub fn set_joined(&mut self, group: GroupId, joined: Joined) {
        if joined == Joined::default() {
            self.joined.remove(&group);
        } else if !is_same(self.joined.get(&group), Some(&joined)) {
            self.joined.insert(group, Arc::new(joined));
        }
    }

    /// Sets a network.
    pub fn set_network(&mut self, id: NetworkId, network: Option<Network>) {
        if is_same(self.networks.get(&id), network.as_ref()) {
            return;
        }
        match network {
            Some(network) => {
                debug_assert_eq!(network.id, id);
                self.networks.insert(id, Arc::new(network));
            }
            None => _ = self.networks.remove(&id),
        }
    }

    /// Sets a resource with its approvers. The id of one that was here and goes is kept, as by
    /// [`Organisation::set_removed_resource`]; ids are never reused.
    pub fn set_resource(&mut self, id: ResourceId, resource: Option<Resource>) {
        let resource = resource.map(|mut resource| {
            debug_assert_eq!(resource.id, id);
            resource.approvers = approving(resource.approvers);
            resource
        });
        if is_same(self.resources.get(&id), resource.as_ref()) {
            return;
        }
        if let Some(before) = self.resources.remove(&id) {
            self.removed_resources.insert(id);
            self.index.in_network.remove(&(before.network, id));
            for group in &before.approvers {
                self.index.approved_by.remove(&(*group, id));
            }
        }
        if let Some(resource) = resource {
            self.removed_resources.remove(&id);
            self.index.in_network.insert((resource.network, id));
            for group in &resource.approvers {
                self.index.approved_by.insert((*group, id));
            }
            self.resources.insert(id, Arc::new(resource));
        }
    }

    /// Notes that there was a resource with this id, which was removed.
    pub fn set_removed_resource(&mut self, id: ResourceId) {
        self.set_resource(id, None);
        self.removed_resources.insert(id);
    }

    /// Sets an assignment. Its group and resource may come later, or never.
    pub fn set_assignment(&mut self, id: AssignmentId, assignment: Option<Assignment>) {
        if is_same(self.assignments.get(&id), assignment.as_ref()) {
            return;
        }
        if let Some(before) = self.assignments.remove(&id) {
            let (group, resource) = (before.group, before.resource);
            self.index.by_group.remove(&(group, resource, id));
            self.index.by_resource.remove(&(resource, id));
        }
        if assignment.is_none() {
            let held = self.held_back.keys();
            let of_it: Vec<_> = held.filter(|(_, own)| *own == id).copied().collect();
            for key in of_it {
                self.held_back.remove(&key);
            }
        }
        if let Some(assignment) = assignment {
            debug_assert_eq!(assignment.id, id);
            let (group, resource) = (assignment.group, assignment.resource);
            let shared = Arc::new(assignment);
            let by_group = (group, resource, id);
            self.index.by_group.insert(by_group, Arc::clone(&shared));
            let by_resource = (resource, id);
            self.index
                .by_resource
                .insert(by_resource, Arc::clone(&shared));
            self.assignments.insert(id, shared);
        }
    }

    /// Sets what was kept between a user and a resource; an empty one is none.
    pub fn set_access(&mut self, user: UserId, resource: ResourceId, access: Option<Access>) {
        let access = access.filter(|access| !access.is_empty());
        if is_same(self.accesses.get(&(user, resource)), access.as_ref()) {
            return;
        }
        match &access {
            Some(access) if access.is_open() => _ = self.index.open.insert((resource, user)),
            Some(_) | None => _ = self.index.open.remove(&(resource, user)),
        }
        match access {
            Some(access) => _ = self.accesses.insert((user, resource), Arc::new(access)),
            None => _ = self.accesses.remove(&(user, resource)),
        }
    }

    /// Sets a device.
    pub fn set_device(&mut self, id: DeviceId, device: Option<Device>) {
        if is_same(self.devices.get(&id), device.as_ref()) {
            return;
        }
        if let Some(before) = self.devices.remove(&id) {
            self.index.devices_of.remove(&(before.user, id));
        }
        if let Some(device) = device {
            debug_assert_eq!(device.id, id);
            self.index.devices_of.insert((device.user, id));
            self.devices.insert(id, Arc::new(device));
        }
    }

    /// Sets how long a session lasts.
    pub fn set_session(&mut self, id: SessionId, session: Option<Session>) {
        if let Some(before) = self.sessions.remove(&id) {
            self.index.sessions_of.remove(&(before.user, id));
        }
        if let Some(session) = session {
            debug_assert_eq!(session.id, id);
            self.index.sessions_of.insert((session.user, id));
            self.sessions.insert(id, session);
        }
    }

    /// Sets what is held back from somebody (rule 6).
    pub fn set_held_back(&mut self, user: UserId, all: Vec<HeldBack>) {
        let before: Vec<_> = self.held_back_from(user).map(|it| it.assignment).collect();
        for assignment in before {
            self.held_back.remove(&(user, assignment));
        }
        for held in all {
            debug_assert_eq!(held.user, user);
            self.held_back.insert((user, held.assignment), held);
        }
    }

    /// Sets the network that a gateway serves.
    pub fn set_gateway(&mut self, id: GatewayId, network: Option<NetworkId>) {
        match network {
            Some(network) => _ = self.gateways.insert(id, network),
            None => _ = self.gateways.remove(&id),
        }
    }
}

/// True when nothing changes: the entity stays shared with the values before, and a comparison of the
/// two passes over it at once.
fn is_same<T: PartialEq>(before: Option<&Arc<T>>, after: Option<&T>) -> bool {
    before.map(|before| &**before) == after
}

/// In order, each once.
pub(super) fn sorted<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort_unstable();
    list.dedup();
    list
}

/// Groups that approve, in order, each once: [`GroupId::EVERYONE`] never does.
pub(super) fn approving(mut groups: Vec<GroupId>) -> Vec<GroupId> {
    groups.retain(|group| *group != GroupId::EVERYONE);
    sorted(groups)
}

/// Those of `all` that are not in `others`; both in order.
fn missing<'a>(all: &'a [UserId], others: &'a [UserId]) -> impl Iterator<Item = UserId> + 'a {
    let mut others = others.iter().peekable();
    all.iter().copied().filter(move |one| {
        while others.next_if(|other| *other < one).is_some() {}
        others.peek().is_none_or(|other| *other != one)
    })
}
