//! One change, on a value and on plain lists.

use crate::ids::{
    AssignmentId, DeviceId, GatewayId, GroupId, NetworkId, ResourceId, SessionId, UserId,
};
use crate::organisation::{
    Access, Assignment, Contents, Device, Group, Joined, Names, Network, Organisation, Resource,
    Session, User,
};
use crate::periods::Periods;

/// One thing that is set.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Name(String),
    Periods(Periods),
    Fallback(Vec<GroupId>),
    User(UserId, Option<User>),
    Group(GroupId, Option<Group>),
    Joined(GroupId, Joined),
    Network(NetworkId, Option<Network>),
    Resource(ResourceId, Option<Resource>),
    Assignment(AssignmentId, Option<Assignment>),
    Access(UserId, ResourceId, Option<Access>),
    Device(DeviceId, Option<Device>),
    Session(SessionId, Option<Session>),
    Gateway(GatewayId, Option<NetworkId>),
}

impl Change {
    pub(crate) fn apply(self, to: &mut Organisation) {
        match self {
            Self::Name(name) => to.set_name(&name),
            Self::Periods(periods) => to.set_periods(periods),
            Self::Fallback(groups) => to.set_fallback_reviewers(groups),
            Self::User(id, user) => to.set_user(id, user),
            Self::Group(id, group) => to.set_group(id, group),
            Self::Joined(group, joined) => to.set_joined(group, joined),
            Self::Network(id, network) => to.set_network(id, network),
            Self::Resource(id, resource) => to.set_resource(id, resource),
            Self::Assignment(id, assignment) => to.set_assignment(id, assignment),
            Self::Access(user, resource, access) => to.set_access(user, resource, access),
            Self::Device(id, device) => to.set_device(id, device),
            Self::Session(id, session) => to.set_session(id, session),
            Self::Gateway(id, network) => to.set_gateway(id, network),
        }
    }

    /// The same on plain lists.
    pub(crate) fn apply_plainly(self, to: &mut Contents) {
        match self {
            Self::Name(name) => to.name = name,
            Self::Periods(periods) => to.periods = periods,
            Self::Fallback(groups) => to.fallback_reviewers = approving(groups),
            Self::User(id, user) => {
                to.removed_users
                    .retain(|(other, _)| *other != id || user.is_none());
                let before = to.users.iter().find(|it| it.id == id).cloned();
                if let (Some(User { login, name, .. }), None) = (before, &user) {
                    let names = Names { login, name };
                    put(
                        &mut to.removed_users,
                        Some((id, names)),
                        |it| it.0 == id,
                        |it| it.0,
                    );
                }
                put(&mut to.users, user, |it| it.id == id, |it| it.id);
            }
            Self::Group(id, group) => {
                let group = group.map(|group| Group {
                    members: in_order(group.members),
                    ..group
                });
                put(&mut to.groups, group, |it| it.id == id, |it| it.id);
            }
            Self::Joined(group, joined) => {
                let joined = Some((group, joined)).filter(|(_, it)| *it != Joined::default());
                put(&mut to.joined, joined, |it| it.0 == group, |it| it.0);
            }
            Self::Network(id, network) => {
                put(&mut to.networks, network, |it| it.id == id, |it| it.id);
            }
            Self::Resource(id, resource) => {
                to.removed_resources
                    .retain(|other| *other != id || resource.is_none());
                let was_here = to.resources.iter().any(|it| it.id == id);
                if was_here && resource.is_none() {
                    put(
                        &mut to.removed_resources,
                        Some(id),
                        |it| *it == id,
                        |it| *it,
                    );
                }
                let resource = resource.map(|resource| Resource {
                    approvers: approving(resource.approvers),
                    ..resource
                });
                put(&mut to.resources, resource, |it| it.id == id, |it| it.id);
            }
            Self::Assignment(id, assignment) => {
                put(
                    &mut to.assignments,
                    assignment,
                    |it| it.id == id,
                    |it| it.id,
                );
            }
            Self::Access(user, resource, access) => {
                let key = (user, resource);
                let access = access.filter(|access| !access.is_empty());
                let access = access.map(|access| (key, access));
                put(&mut to.accesses, access, |it| it.0 == key, |it| it.0);
            }
            Self::Device(id, device) => {
                put(&mut to.devices, device, |it| it.id == id, |it| it.id);
            }
            Self::Session(id, session) => {
                put(&mut to.sessions, session, |it| it.id == id, |it| it.id);
            }
            Self::Gateway(id, network) => {
                let gateway = network.map(|network| (id, network));
                put(&mut to.gateways, gateway, |it| it.0 == id, |it| it.0);
            }
        }
    }
}

/// Replaces or removes the one that `is` names, in order of `key`.
fn put<T, K: Ord>(list: &mut Vec<T>, new: Option<T>, is: impl Fn(&T) -> bool, key: fn(&T) -> K) {
    list.retain(|one| !is(one));
    list.extend(new);
    list.sort_by_key(key);
}

/// The built-in group never approves.
fn approving(groups: Vec<GroupId>) -> Vec<GroupId> {
    let kept = groups.into_iter().filter(|it| *it != GroupId::EVERYONE);
    in_order(kept.collect())
}

fn in_order<T: Ord>(mut ids: Vec<T>) -> Vec<T> {
    ids.sort();
    ids.dedup();
    ids
}
