//! Entities in the file's form: names instead of ids.

use hourkey_domain::ids::{GroupId, UserId};
use hourkey_domain::organisation::{Assignment, Group, Organisation, Resource, User};

use super::file::{AssignmentSpec, GroupSpec, ResourceSpec, UserSpec};

impl UserSpec {
    pub(super) fn of(user: &User) -> Self {
        Self {
            login: user.login.clone(),
            name: user.name.clone(),
            email: user.email.clone(),
            roles: user.roles.clone(),
            disabled: user.disabled,
        }
    }
}

impl GroupSpec {
    pub(super) fn of(today: &Organisation, group: &Group) -> Self {
        let login = |id: &UserId| today.user(*id).map(|user| user.login.clone());
        Self {
            name: group.name.clone(),
            members: names(&group.members, login),
        }
    }
}

impl ResourceSpec {
    pub(super) fn of(today: &Organisation, resource: &Resource) -> Self {
        let group = |id: &GroupId| today.group(*id).map(|group| group.name.clone());
        let network = today.network(resource.network);
        let owner = resource.about.owner.and_then(|id| today.user(id));
        Self {
            name: resource.name.clone(),
            address: resource.address.clone(),
            ports: resource.ports.clone(),
            alias: resource.alias.clone(),
            network: network.map(|it| it.name.clone()).unwrap_or_default(),
            tags: resource.tags.clone(),
            url: resource.url.clone(),
            keep_alive_offline: resource.keep_alive_offline,
            settings: resource.settings,
            approvers: names(&resource.approvers, group),
            disabled: !resource.about.enabled,
            visibility: resource.about.visibility,
            description: resource.about.description.clone(),
            how_to_use: resource.about.how_to_use.clone(),
            owner: owner.map(|owner| owner.login.clone()),
        }
    }
}

impl AssignmentSpec {
    pub(super) fn of(today: &Organisation, own: &Assignment) -> Self {
        let group = today.group(own.group);
        let resource = today.resource(own.resource);
        Self {
            group: group.map(|it| it.name.clone()).unwrap_or_default(),
            resource: resource.map(|it| it.name.clone()).unwrap_or_default(),
            until: own.until,
            own: own.own,
        }
    }
}

/// The names of `ids`, sorted.
pub(super) fn names<Id>(ids: &[Id], name: impl Fn(&Id) -> Option<String>) -> Vec<String> {
    let mut names: Vec<_> = ids.iter().filter_map(name).collect();
    names.sort();
    names
}
