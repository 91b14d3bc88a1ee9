//! The value and its parts, one by one.

use std::sync::Arc;

use imbl::{OrdMap, OrdSet};

use super::access::Access;
use super::everyone;
use super::held_back::HeldBack;
use super::index::Index;
use super::models::{Assignment, Device, Group, Joined, Names, Network, Resource, Session, User};
use crate::Time;
use crate::deputy::Deputyship;
use crate::grant::Grant;
use crate::ids::{
    AssignmentId, DeviceId, GatewayId, GroupId, NetworkId, ResourceId, SessionId, UserId,
};
use crate::periods::Periods;
use crate::review::Bar;

/// The organisation at one moment of the change log, as one immutable value. A clone is cheap, and
/// no later change of either reaches the other.
///
/// An id that leads nowhere (a member, group or resource that is not there) counts for nothing.
/// There is no `==`, and no difference but by iteration, on purpose: those of the maps missed
/// differences before (`imbl` 6).
#[derive(Clone, Default)]
pub struct Organisation {
    pub(super) seq: i64,
    pub(super) name: Arc<str>,
    pub(super) periods: Arc<Periods>,
    /// In order of id, each once.
    pub(super) fallback_reviewers: Arc<[GroupId]>,
    /// By the reviewer on whose behalf.
    pub(super) deputies: OrdMap<UserId, Deputyship>,
    /// Who decides nothing of whom (rule 6).
    pub(super) bars: OrdSet<Bar>,
    pub(super) users: OrdMap<UserId, Arc<User>>,
    pub(super) removed_users: OrdMap<UserId, Arc<Names>>,
    pub(super) groups: OrdMap<GroupId, Arc<Group>>,
    pub(super) joined: OrdMap<GroupId, Arc<Joined>>,
    pub(super) networks: OrdMap<NetworkId, Arc<Network>>,
    pub(super) resources: OrdMap<ResourceId, Arc<Resource>>,
    pub(super) removed_resources: OrdSet<ResourceId>,
    pub(super) assignments: OrdMap<AssignmentId, Arc<Assignment>>,
    /// What people do not have yet of what they gave themselves (rule 6).
    pub(super) held_back: OrdMap<(UserId, AssignmentId), HeldBack>,
    pub(super) gateways: OrdMap<GatewayId, NetworkId>,
    pub(super) accesses: OrdMap<(UserId, ResourceId), Arc<Access>>,
    pub(super) devices: OrdMap<DeviceId, Arc<Device>>,
    pub(super) sessions: OrdMap<SessionId, Session>,
    pub(super) index: Index,
}

impl Organisation {
    /// The sequence number of the change log that it is true at.
    #[must_use]
    pub fn seq(&self) -> i64 {
        self.seq
    }

    /// Its name; empty before the first set-up.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The access periods that it offers.
    #[must_use]
    pub fn periods(&self) -> &Periods {
        &self.periods
    }

    /// Groups whose members review what nobody else can (rule 14), in order of id.
    #[must_use]
    pub fn fallback_groups(&self) -> &[GroupId] {
        &self.fallback_reviewers
    }

    /// One user.
    #[must_use]
    pub fn user(&self, id: UserId) -> Option<&Arc<User>> {
        self.users.get(&id)
    }

    /// One user, unless disabled.
    #[must_use]
    pub fn enabled_user(&self, id: UserId) -> Option<&Arc<User>> {
        self.user(id).filter(|user| !user.disabled)
    }

    /// One user by the name that they sign in with, in whatever case and space around it: a look at
    /// each user.
    #[must_use]
    pub fn user_by_login(&self, login: &str) -> Option<&Arc<User>> {
        let login = login.trim().to_lowercase();
        self.users().find(|user| user.login == login)
    }

    /// True when an enabled user has the role Admin.
    #[must_use]
    pub fn has_admin(&self) -> bool {
        let mut users = self.users();
        users.any(|user| user.administers())
    }

    /// All users, in order of id; so for the other lists.
    pub fn users(&self) -> impl ExactSizeIterator<Item = &Arc<User>> {
        self.users.values()
    }

    /// A user's display name, also of one who was removed.
    #[must_use]
    pub fn user_name(&self, id: UserId) -> Option<&str> {
        let removed = || self.removed_users.get(&id).map(|names| names.name.as_str());
        let user = self.users.get(&id).map(|user| user.name.as_str());
        user.or_else(removed)
    }

    /// A user's login, also of one who was removed.
    #[must_use]
    pub fn user_login(&self, id: UserId) -> Option<&str> {
        let removed = || {
            let names = self.removed_users.get(&id);
            names.map(|names| names.login.as_str())
        };
        let user = self.users.get(&id).map(|user| user.login.as_str());
        user.or_else(removed)
    }

    /// One group, the built-in one too.
    #[must_use]
    pub fn group(&self, id: GroupId) -> Option<&Arc<Group>> {
        match id {
            GroupId::EVERYONE => Some(&everyone::GROUP),
            kept => self.groups.get(&kept),
        }
    }

    /// All groups that can be given access: the built-in one, and then [`Organisation::groups`].
    pub fn assignable_groups(&self) -> impl Iterator<Item = &Arc<Group>> {
        std::iter::once(&*everyone::GROUP).chain(self.groups())
    }

    /// The groups that are kept, which may approve: all but the built-in one.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = &Arc<Group>> {
        self.groups.values()
    }

    /// The groups that a user is kept in, in order of id; beside them, everybody is in
    /// [`GroupId::EVERYONE`].
    #[must_use]
    pub fn groups_of(&self, user: UserId) -> &[GroupId] {
        let groups = self.index.groups_of.get(&user);
        let groups = groups.filter(|_| self.users.contains_key(&user));
        groups.map_or(&[], |groups| &**groups)
    }

    /// True when the user is in the group. Disabled users stay in theirs, and have nothing of it.
    #[must_use]
    pub fn is_member(&self, user: UserId, group: GroupId) -> bool {
        match group {
            GroupId::EVERYONE => self.users.contains_key(&user),
            kept => self.groups_of(user).binary_search(&kept).is_ok(),
        }
    }

    /// One network.
    #[must_use]
    pub fn network(&self, id: NetworkId) -> Option<&Arc<Network>> {
        self.networks.get(&id)
    }

    /// All networks.
    pub fn networks(&self) -> impl Iterator<Item = &Arc<Network>> {
        self.networks.values()
    }

    /// One resource.
    #[must_use]
    pub fn resource(&self, id: ResourceId) -> Option<&Arc<Resource>> {
        self.resources.get(&id)
    }

    /// All resources.
    pub fn resources(&self) -> impl ExactSizeIterator<Item = &Arc<Resource>> {
        self.resources.values()
    }

    /// The resources of a network, in order of id.
    pub fn resources_of(&self, network: NetworkId) -> impl Iterator<Item = &Arc<Resource>> {
        let ids = self.index.in_network(network);
        ids.filter_map(|id| self.resources.get(&id))
    }

    /// When a grant ends by itself, its own assignment's end being no later
    /// ([`Grant::ends_at`]).
    #[must_use]
    pub fn ends_at(&self, grant: &Grant) -> Time {
        let own = self.assignments.get(&grant.assignment);
        grant.ends_at(own.and_then(|own| own.until))
    }

    /// One assignment, whether it leads anywhere or not; see
    /// [`Organisation::effective_assignment`].
    #[must_use]
    pub fn assignment(&self, id: AssignmentId) -> Option<&Arc<Assignment>> {
        self.assignments.get(&id)
    }

    /// All assignments, whether they lead anywhere or not.
    pub fn assignments(&self) -> impl Iterator<Item = &Arc<Assignment>> {
        self.assignments.values()
    }

    /// The assignments of a resource whose group and resource exist, in order of id.
    pub fn assignments_of(&self, resource: ResourceId) -> impl Iterator<Item = &Arc<Assignment>> {
        let all = self.index.assignments_of(resource);
        let exists = self.resources.contains_key(&resource);
        all.filter(move |own| exists && self.group(own.group).is_some())
    }

    /// The assignments of a group that exists to resources that do, in order of the resource's id.
    pub fn assignments_to(&self, group: GroupId) -> impl Iterator<Item = &Arc<Assignment>> {
        let all = self.index.assignments_to(group);
        let exists = self.group(group).is_some();
        all.filter(move |own| exists && self.resources.contains_key(&own.resource))
    }

    /// The network that a gateway serves.
    #[must_use]
    pub fn gateway(&self, id: GatewayId) -> Option<NetworkId> {
        self.gateways.get(&id).copied()
    }

    /// All gateways with their networks.
    pub fn gateways(&self) -> impl Iterator<Item = (GatewayId, NetworkId)> {
        self.gateways.iter().map(|(id, network)| (*id, *network))
    }

    /// True when the network has a gateway.
    #[must_use]
    pub fn has_gateway(&self, network: NetworkId) -> bool {
        self.gateways.values().any(|served| *served == network)
    }

    /// The access kept between a user and a resource, where there is one.
    #[must_use]
    pub fn access(&self, user: UserId, resource: ResourceId) -> Option<&Arc<Access>> {
        self.accesses.get(&(user, resource))
    }

    /// The accesses kept of a user, in order of the resource's id.
    pub fn accesses_of(&self, user: UserId) -> impl Iterator<Item = (ResourceId, &Arc<Access>)> {
        let all = (user, ResourceId(i64::MIN))..=(user, ResourceId(i64::MAX));
        let own = self.accesses.range(all);
        own.map(|((_, resource), access)| (*resource, access))
    }

    /// The users who have a request that waits, or a grant that is scheduled or runs, for the
    /// resource, in order of id.
    pub fn open_for(&self, resource: ResourceId) -> impl Iterator<Item = UserId> {
        self.index.open_for(resource)
    }

    /// All pairs between which a request waits, or a grant is scheduled or runs, in order of the
    /// resource's id.
    pub fn open_pairs(&self) -> impl Iterator<Item = (UserId, ResourceId)> {
        let open = self.index.open.iter();
        open.map(|(resource, user)| (*user, *resource))
    }

    /// One device, with its session's liveness left to [`Organisation::session`].
    #[must_use]
    pub fn device(&self, id: DeviceId) -> Option<&Arc<Device>> {
        self.devices.get(&id)
    }

    /// All devices.
    pub fn devices(&self) -> impl Iterator<Item = &Arc<Device>> {
        self.devices.values()
    }

    /// A user's devices, in order of id.
    pub fn devices_of(&self, user: UserId) -> impl Iterator<Item = &Arc<Device>> {
        let ids = self.index.devices_of(user);
        ids.filter_map(|id| self.devices.get(&id))
    }

    /// One session.
    #[must_use]
    pub fn session(&self, id: SessionId) -> Option<&Session> {
        self.sessions.get(&id)
    }

    /// A user's sessions, in order of id.
    pub fn sessions_of(&self, user: UserId) -> impl Iterator<Item = &Session> {
        let ids = self.index.sessions_of(user);
        ids.filter_map(|id| self.sessions.get(&id))
    }

    /// All sessions.
    pub fn sessions(&self) -> impl Iterator<Item = &Session> {
        self.sessions.values()
    }
}

/// In short: the whole value would fill a log.
impl std::fmt::Debug for Organisation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Organisation")
            .field("seq", &self.seq)
            .field("users", &self.users.len())
            .field("groups", &self.groups.len())
            .field("resources", &self.resources.len())
            .field("assignments", &self.assignments.len())
            .field("accesses", &self.accesses.len())
            .finish_non_exhaustive()
    }
}
