//! Ordinary users, groups, resources and assignments, from which a test changes what it is about.

use crate::ids::{AssignmentId, GroupId, NetworkId, ResourceId, UserId};
use crate::length::Length;
use crate::organisation::{Assignment, Group, Resource, User};
use crate::settings::{Approval, Mode, Override, Period, Settings};

/// An enabled user without a role.
pub(super) fn user(id: i64) -> User {
    User {
        id: UserId(id),
        login: format!("login-{id}"),
        name: format!("User {id}"),
        email: None,
        roles: Vec::new(),
        disabled: false,
        since: None,
    }
}

pub(super) fn group(id: i64, members: &[i64]) -> Group {
    Group {
        id: GroupId(id),
        name: format!("Group {id}"),
        members: members.iter().copied().map(UserId).collect(),
    }
}

/// In network 1, at an address of its own on all ports; asked for, for an hour, with no approvers.
pub(super) fn resource(id: i64) -> Resource {
    Resource {
        id: ResourceId(id),
        name: format!("Resource {id}"),
        address: format!("host-{id}.corp").parse().unwrap(),
        ports: "".parse().unwrap(),
        alias: None,
        network: NetworkId(1),
        tags: Vec::new(),
        url: None,
        keep_alive_offline: false,
        settings: Settings {
            mode: Mode::AccessRequest,
            period: Period::Preset(Length::HOUR),
            approval: Approval::Manual,
            lock_after: 30,
        },
        approvers: Vec::new(),
        about: crate::organisation::About::default(),
    }
}

/// Without settings or an end of its own.
pub(super) fn assignment(id: i64, group: i64, resource: i64) -> Assignment {
    Assignment {
        id: AssignmentId(id),
        group: GroupId(group),
        resource: ResourceId(resource),
        until: None,
        own: Override::default(),
        auto_locks_since: None,
    }
}
