//! The value as plain lists: to build one from, and to compare two by.

use std::sync::Arc;

use super::access::Access;
use super::held_back::HeldBack;
use super::index::Index;
use super::models::{Assignment, Device, Group, Joined, Names, Network, Resource, Session, User};
use super::set::{approving, sorted};
use super::value::Organisation;
use crate::deputy::Deputyship;
use crate::ids::{AssignmentId, DeviceId, GatewayId, GroupId, NetworkId, ResourceId, UserId};
use crate::periods::Periods;
use crate::review::Bar;

/// All that an [`Organisation`] carries. Its own lists are in order of id; those that it is built from
/// may be in any order, each id once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// The sequence number of the change log that it is true at.
    pub seq: i64,
    /// Its name; empty before the first set-up.
    pub name: String,
    /// The access periods that it offers.
    pub periods: Periods,
    /// Groups whose members review what nobody else can (rule 14).
    pub fallback_reviewers: Vec<GroupId>,
    /// Deputies who are named and whose time is not over.
    pub deputies: Vec<Deputyship>,
    /// Who decides nothing of whom (rule 6), in order.
    pub bars: Vec<Bar>,
    /// Its people.
    pub users: Vec<User>,
    /// People who were removed.
    pub removed_users: Vec<(UserId, Names)>,
    /// Its groups, without the built-in one.
    pub groups: Vec<Group>,
    /// Since when their members are in them.
    pub joined: Vec<(GroupId, Joined)>,
    /// Its networks.
    pub networks: Vec<Network>,
    /// Its resources.
    pub resources: Vec<Resource>,
    /// Resources that were removed.
    pub removed_resources: Vec<ResourceId>,
    /// Its assignments.
    pub assignments: Vec<Assignment>,
    /// What people do not have yet of what they gave themselves (rule 6), in order of user and
    /// assignment.
    pub held_back: Vec<HeldBack>,
    /// The networks that its gateways serve, once they have enrolled.
    pub gateways: Vec<(GatewayId, NetworkId)>,
    /// The accesses kept between users and resources.
    pub accesses: Vec<((UserId, ResourceId), Access)>,
    /// Its devices.
    pub devices: Vec<Device>,
    /// Its sessions.
    pub sessions: Vec<Session>,
}

impl Organisation {
    /// The organisation with these contents, built at once: the setters would give the same, slower.
    #[must_use]
    pub fn build(contents: Contents) -> Self {
        let mut index = Index::default();
        let groups = contents.groups.into_iter().map(|mut group| {
            group.members = sorted(group.members);
            (group.id, Arc::new(group))
        });
        let groups: imbl::OrdMap<GroupId, Arc<Group>> = groups.collect();
        index.groups_of = memberships(groups.values());
        let joined = contents.joined.into_iter();
        let joined = joined.filter(|(_, joined)| *joined != Joined::default());
        let joined = joined
            .map(|(group, joined)| (group, Arc::new(joined)))
            .collect();

        let users = contents.users.into_iter();
        let users: imbl::OrdMap<UserId, Arc<User>> =
            users.map(|user| (user.id, Arc::new(user))).collect();
        let reviewing = users.iter().filter(|(_, user)| user.reviews_all());
        index.review_all = reviewing.map(|(id, _)| *id).collect();
        let removed = contents.removed_users.into_iter();
        let removed_users = removed
            .filter(|(id, _)| !users.contains_key(id))
            .map(|(id, names)| (id, Arc::new(names)))
            .collect();

        let resources = contents.resources.into_iter().map(|mut resource| {
            resource.approvers = approving(resource.approvers);
            (resource.id, Arc::new(resource))
        });
        let resources: imbl::OrdMap<ResourceId, Arc<Resource>> = resources.collect();
        let all = resources.iter();
        index.in_network = all.map(|(id, resource)| (resource.network, *id)).collect();
        let approvals = resources.iter().flat_map(|(id, resource)| {
            let groups = resource.approvers.iter();
            groups.map(|group| (*group, *id))
        });
        index.approved_by = approvals.collect();
        let removed = contents.removed_resources.into_iter();
        let removed_resources = removed.filter(|id| !resources.contains_key(id)).collect();

        let assignments = contents.assignments.into_iter();
        let assignments = assignments.map(|own| (own.id, Arc::new(own)));
        let assignments: imbl::OrdMap<AssignmentId, Arc<Assignment>> = assignments.collect();
        let by_group = assignments.values().map(|own| {
            let key = (own.group, own.resource, own.id);
            (key, Arc::clone(own))
        });
        index.by_group = by_group.collect();
        let by_resource = assignments.values().map(|own| {
            let key = (own.resource, own.id);
            (key, Arc::clone(own))
        });
        index.by_resource = by_resource.collect();

        let accesses = contents.accesses.into_iter();
        let accesses: imbl::OrdMap<(UserId, ResourceId), Arc<Access>> = accesses
            .filter(|(_, access)| !access.is_empty())
            .map(|(key, access)| (key, Arc::new(access)))
            .collect();
        let open = accesses.iter().filter(|(_, access)| access.is_open());
        index.open = open
            .map(|((user, resource), _)| (*resource, *user))
            .collect();

        let deputies = contents.deputies.iter();
        index.deputises = deputies.map(|it| (it.deputy, it.principal)).collect();
        let deputies = contents.deputies.into_iter();

        let devices = contents.devices.into_iter();
        let devices: imbl::OrdMap<DeviceId, Arc<Device>> = devices
            .map(|device| (device.id, Arc::new(device)))
            .collect();
        index.devices_of = devices.values().map(|own| (own.user, own.id)).collect();

        let sessions = contents.sessions.iter();
        index.sessions_of = sessions.map(|own| (own.user, own.id)).collect();
        let sessions = contents.sessions.into_iter();
        let networks = contents.networks.into_iter();
        Self {
            seq: contents.seq,
            name: contents.name.into(),
            periods: Arc::new(contents.periods),
            fallback_reviewers: approving(contents.fallback_reviewers).into(),
            deputies: deputies.map(|it| (it.principal, it)).collect(),
            bars: contents.bars.into_iter().collect(),
            users,
            removed_users,
            groups,
            joined,
            networks: networks.map(|it| (it.id, Arc::new(it))).collect(),
            resources,
            removed_resources,
            assignments,
            held_back: { contents.held_back.into_iter() }
                .map(|held| ((held.user, held.assignment), held))
                .collect(),
            gateways: contents.gateways.into_iter().collect(),
            accesses,
            devices,
            sessions: sessions.map(|session| (session.id, session)).collect(),
            index,
        }
    }

    /// All that it carries, in order of id: for tests, exports and comparisons of everything.
    #[must_use]
    pub fn contents(&self) -> Contents {
        let removed = self.removed_users.iter();
        let accesses = self.accesses.iter();
        Contents {
            seq: self.seq,
            name: self.name.to_string(),
            periods: (*self.periods).clone(),
            fallback_reviewers: self.fallback_reviewers.to_vec(),
            deputies: self.deputies.values().copied().collect(),
            bars: self.bars.iter().copied().collect(),
            users: copies(self.users.values()),
            removed_users: removed
                .map(|(id, names)| (*id, (**names).clone()))
                .collect(),
            groups: copies(self.groups.values()),
            joined: self
                .joined
                .iter()
                .map(|(group, joined)| (*group, (**joined).clone()))
                .collect(),
            networks: copies(self.networks.values()),
            resources: copies(self.resources.values()),
            removed_resources: self.removed_resources.iter().copied().collect(),
            assignments: copies(self.assignments.values()),
            held_back: self.held_back.values().copied().collect(),
            gateways: self.gateways().collect(),
            accesses: accesses
                .map(|(key, access)| (*key, (**access).clone()))
                .collect(),
            devices: copies(self.devices.values()),
            sessions: self.sessions.values().copied().collect(),
        }
    }
}

/// The groups of each user. One sort of all memberships is ten times as fast as adding them one by
/// one.
fn memberships<'a>(
    groups: impl Iterator<Item = &'a Arc<Group>>,
) -> imbl::OrdMap<UserId, Arc<[GroupId]>> {
    let mut all: Vec<(UserId, GroupId)> = groups
        .flat_map(|group| group.members.iter().map(|member| (*member, group.id)))
        .collect();
    all.sort_unstable();
    let by_user = all.chunk_by(|(one, _), (other, _)| one == other);
    let lists = by_user.filter_map(|own| {
        let (user, _) = own.first()?;
        let groups: Arc<[GroupId]> = own.iter().map(|(_, group)| *group).collect();
        Some((*user, groups))
    });
    lists.collect()
}

fn copies<'a, T: Clone + 'a>(all: impl Iterator<Item = &'a Arc<T>>) -> Vec<T> {
    all.map(|one| (**one).clone()).collect()
}
