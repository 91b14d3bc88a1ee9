//! What the stories are about: a small organisation, times, and things made of them.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use hourkey_domain::audit::AuditAction;
use hourkey_domain::grant::{State as GrantState, Window};
use hourkey_domain::ids::{
    AssignmentId, GrantId, GroupId, NetworkId, RequestId, ResourceId, UserId,
};
use hourkey_domain::length::Length;
use hourkey_domain::request::{NewRequest, Purpose, State as RequestState, Terms};
use hourkey_domain::review::Role;
use hourkey_domain::settings::{Approval, Mode, Override, Period, Settings};

use super::write;
use crate::Store;
use crate::access::NewGrant;
use crate::log::{Entity, Entry, Subject};
use crate::organisation::{About, Assignment, Group, Resource, User};

/// A member and a reviewer, the member's group, and the group's access to two resources.
#[derive(Clone, Copy)]
pub(super) struct Sample {
    pub(super) member: UserId,
    pub(super) reviewer: UserId,
    pub(super) group: GroupId,
    pub(super) network: NetworkId,
    pub(super) resource: ResourceId,
    pub(super) assignment: AssignmentId,
    pub(super) other_resource: ResourceId,
    pub(super) other_assignment: AssignmentId,
}

/// Keeps a [`Sample`].
pub(super) async fn sample(store: &Arc<dyn Store>) -> Sample {
    write!(*store, |tx| {
        let member = tx.insert_user(user("member")).await?;
        let reviewer = tx.insert_user(User {
            roles: vec![Role::AccessReviewer],
            ..user("reviewer")
        });
        let reviewer = reviewer.await?;
        let group = tx.insert_group(group("operators", [member])).await?;
        let network = tx.insert_network("home").await?;
        let resource = tx.insert_resource(resource("db", network)).await?;
        let assignment = tx.insert_assignment(assignment(group, resource)).await?;
        let other_resource = tx.insert_resource(self::resource("wiki", network)).await?;
        let other_assignment = self::assignment(group, other_resource);
        let other_assignment = tx.insert_assignment(other_assignment).await?;
        Ok(Sample {
            member,
            reviewer,
            group,
            network,
            resource,
            assignment,
            other_resource,
            other_assignment,
        })
    })
}

/// A fixed moment plus so many minutes.
pub(super) fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_790_000_000_123).unwrap() + TimeDelta::minutes(minutes)
}

/// So many minutes.
pub(super) fn length(minutes: u64) -> Length {
    Length::from_seconds(minutes * 60).unwrap()
}

/// A user with the member role; `login` is also the start of the display name.
pub(super) fn user(login: &str) -> User {
    User {
        id: UserId(0),
        login: login.to_owned(),
        name: format!("{login} by name"),
        email: None,
        roles: vec![Role::Member],
        disabled: false,
        since: None,
    }
}

/// A group.
pub(super) fn group(name: &str, members: impl Into<Vec<UserId>>) -> Group {
    Group {
        id: GroupId(0),
        name: name.to_owned(),
        members: members.into(),
    }
}

/// A resource that wants a request with manual approval.
pub(super) fn resource(name: &str, network: NetworkId) -> Resource {
    Resource {
        id: ResourceId(0),
        name: name.to_owned(),
        address: format!("{name}.corp").parse().unwrap(),
        ports: "443".parse().unwrap(),
        alias: None,
        network,
        tags: Vec::new(),
        url: None,
        keep_alive_offline: false,
        settings: Settings {
            mode: Mode::AccessRequest,
            period: Period::Custom {
                up_to: length(240),
                recommended: Some(length(30)),
            },
            approval: Approval::Manual,
            lock_after: 30,
        },
        approvers: Vec::new(),
        about: About::default(),
    }
}

/// An assignment without an end and without settings of its own.
pub(super) fn assignment(group: GroupId, resource: ResourceId) -> Assignment {
    Assignment {
        auto_locks_since: None,
        id: AssignmentId(0),
        group,
        resource,
        until: None,
        own: Override::default(),
    }
}

/// An entry about the organisation.
pub(super) fn entry(note: &'static str, at: DateTime<Utc>) -> Entry {
    Entry {
        at,
        actor: None,
        action: AuditAction::GroupChanged,
        subject: Subject::Organisation {
            entity: Entity::Any,
        },
        detail: serde_json::json!({ "note": note }),
    }
}

impl Sample {
    /// A request of the member for the resource, made at `at(0)`, that lapses an hour later.
    pub(super) fn request(&self) -> NewRequest {
        NewRequest {
            user: self.member,
            resource: self.resource,
            terms: Terms {
                purpose: Purpose::Grant,
                assignment: self.assignment,
                group: self.group,
                period: Period::Custom {
                    up_to: length(240),
                    recommended: None,
                },
                approval: Approval::Manual,
                until: None,
            },
            reason: "backup failed".to_owned().try_into().unwrap(),
            asked: length(60),
            starts_at: None,
            created_at: at(0),
            lapses_at: at(60),
        }
    }

    /// The same for the other resource.
    pub(super) fn other_request(&self) -> NewRequest {
        let own = self.request();
        NewRequest {
            resource: self.other_resource,
            terms: Terms {
                assignment: self.other_assignment,
                ..own.terms
            },
            ..own
        }
    }

    /// A grant for a request, from one minute to another.
    pub(super) fn grant(
        &self,
        request: RequestId,
        minutes: std::ops::Range<i64>,
        state: GrantState,
    ) -> NewGrant {
        NewGrant {
            request,
            user: self.member,
            resource: self.resource,
            assignment: self.assignment,
            window: Window {
                starts_at: at(minutes.start),
                expires_at: at(minutes.end),
            },
            state,
        }
    }

    /// Keeps a request that the reviewer approved, and its grant.
    pub(super) async fn approved(
        &self,
        store: &Arc<dyn Store>,
        minutes: std::ops::Range<i64>,
        state: GrantState,
    ) -> (RequestId, GrantId) {
        let sample = *self;
        write!(*store, |tx| {
            let request = tx.insert_request(sample.request()).await?;
            tx.set_request_state(request, sample.approval(at(1)))
                .await?;
            let grant = tx
                .insert_grant(sample.grant(request, minutes, state))
                .await?;
            Ok((request, grant))
        })
    }

    /// An approval by the reviewer.
    pub(super) fn approval(&self, at: DateTime<Utc>) -> RequestState {
        RequestState::Approved {
            on_behalf_of: None,
            at,
            by: Some(self.reviewer),
            length: length(30),
            comment: "for the restore".to_owned().try_into().unwrap(),
        }
    }

    /// A denial by the reviewer.
    pub(super) fn denial(&self, at: DateTime<Utc>) -> RequestState {
        RequestState::Denied {
            on_behalf_of: None,
            at,
            by: self.reviewer,
            comment: "use the replica".to_owned().try_into().unwrap(),
        }
    }
}
