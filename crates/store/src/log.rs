//! The audit log and the change log: written in the same transaction as the change (rule 12).

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use hourkey_domain::audit::AuditAction;
use hourkey_domain::ids::{
    AssignmentId, GatewayId, GrantId, GroupId, NetworkId, RequestId, ResourceId, UserId,
};
use hourkey_domain::organisation::Reach;
use hourkey_domain::request::Request;
use serde::{Deserialize, Serialize};

use crate::StoreError;

/// However old they are, at least this many of the newest changes stay in the change log.
pub const KEEP_CHANGES: i64 = 100_000;

/// However many they are, changes stay in the change log at least this long.
pub const KEEP_CHANGES_FOR: TimeDelta = TimeDelta::days(7);

/// One change of state, as it is recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// When, by the server's clock.
    pub at: DateTime<Utc>,
    /// Who did it; `None` for the system.
    pub actor: Option<UserId>,
    /// What was done.
    pub action: AuditAction,
    /// What it was done to.
    pub subject: Subject,
    /// Everything else worth proving later (state before and after, reason, comment, cause).
    pub detail: serde_json::Value,
}

/// What a change was done to: also what the change log tells the streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "subject", rename_all = "snake_case")]
pub enum Subject {
    /// A request, or its grant, of a user for a resource.
    Access {
        /// Whose.
        user: UserId,
        /// For what.
        resource: ResourceId,
        /// The request.
        request: RequestId,
        /// The grant, where there is one.
        grant: Option<GrantId>,
    },
    /// The organisation: users, groups, resources, assignments. Everybody's view may change.
    Organisation {
        /// What of it.
        #[serde(default)]
        entity: Entity,
    },
    /// One user's account: sign-in, password, sessions, devices. Nobody else's view changes.
    Account {
        /// Whose.
        user: UserId,
    },
    /// A user's connection to a resource, or an unlock.
    Use {
        /// Whose.
        user: UserId,
        /// To what.
        resource: ResourceId,
        /// Under auto-lock: the count of unused days starts again, so that the user's view changes.
        #[serde(default)]
        restarts_count: bool,
        /// It was cut, which the pages about its grant show.
        #[serde(default)]
        cut: bool,
    },
    /// A gateway: added, enrolled or removed. Where clients connect changes.
    Gateway {
        /// Which.
        gateway: GatewayId,
    },
    /// What a gateway asked for. Nobody's view changes.
    GatewayAsked {
        /// Which.
        gateway: GatewayId,
    },
    /// How mail is sent, or mails that wait. Nobody's view changes.
    Mail,
    /// A file that somebody downloads. Nobody's view changes.
    Download,
    /// Something that this version does not know: anything may have changed.
    #[serde(other)]
    Unknown,
}

/// What of the organisation changed. What leads to it changed with it: a removed group takes its
/// assignments and its part among approvers and fallback reviewers along.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(from = "NamedEntity", into = "NamedEntity")]
pub enum Entity {
    /// Any of it: earlier versions named nothing, later ones may name what this one does not know.
    #[default]
    Any,
    /// Its name.
    Name,
    /// The access periods that it offers.
    Periods,
    /// Its groups of fallback reviewers.
    FallbackReviewers,
    /// A user.
    User(UserId),
    /// This reviewer's deputy: named, begun or ended.
    Deputy(UserId),
    /// A group, or who is in it.
    Group(GroupId),
    /// A network.
    Network(NetworkId),
    /// A resource, or its approvers.
    Resource(ResourceId),
    /// An assignment.
    Assignment(AssignmentId),
}

/// An [`Entity`] as it is stored.
#[derive(Serialize, Deserialize)]
struct NamedEntity {
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<i64>,
}

impl From<NamedEntity> for Entity {
    fn from(named: NamedEntity) -> Self {
        match (named.kind.as_str(), named.id) {
            ("name", None) => Self::Name,
            ("periods", None) => Self::Periods,
            ("fallback_reviewers", None) => Self::FallbackReviewers,
            ("user", Some(id)) => Self::User(UserId(id)),
            ("deputy", Some(id)) => Self::Deputy(UserId(id)),
            ("group", Some(id)) => Self::Group(GroupId(id)),
            ("network", Some(id)) => Self::Network(NetworkId(id)),
            ("resource", Some(id)) => Self::Resource(ResourceId(id)),
            ("assignment", Some(id)) => Self::Assignment(AssignmentId(id)),
            _ => Self::Any,
        }
    }
}

impl From<Entity> for NamedEntity {
    fn from(entity: Entity) -> Self {
        let (kind, id) = match entity {
            Entity::Any => ("any", None),
            Entity::Name => ("name", None),
            Entity::Periods => ("periods", None),
            Entity::FallbackReviewers => ("fallback_reviewers", None),
            Entity::User(id) => ("user", Some(id.0)),
            Entity::Deputy(id) => ("deputy", Some(id.0)),
            Entity::Group(id) => ("group", Some(id.0)),
            Entity::Network(id) => ("network", Some(id.0)),
            Entity::Resource(id) => ("resource", Some(id.0)),
            Entity::Assignment(id) => ("assignment", Some(id.0)),
        };
        let kind = kind.to_owned();
        Self { kind, id }
    }
}

impl Subject {
    /// Whether the view of a user may have changed, who may review within `reach`.
    #[must_use]
    pub fn concerns(&self, me: UserId, reach: &Reach) -> bool {
        match *self {
            Self::Access { user, resource, .. } => user == me || reach.covers(user, resource),
            Self::Use {
                user,
                resource,
                restarts_count,
                cut,
            } => match user == me {
                true => restarts_count || cut,
                false => cut && reach.covers(user, resource),
            },
            Self::Account { user } => user == me,
            Self::Organisation { .. } | Self::Gateway { .. } | Self::Unknown => true,
            Self::GatewayAsked { .. } | Self::Mail | Self::Download => false,
        }
    }

    /// A request and, where there is one, its grant.
    #[must_use]
    pub fn of_request(request: &Request, grant: Option<GrantId>) -> Self {
        Self::Access {
            user: request.user,
            resource: request.resource,
            request: request.id,
            grant,
        }
    }
}

/// An entry of the change log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its place in the order of commits.
    pub seq: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// What changed.
    pub subject: Subject,
}

/// An entry of the audit log, as it is read.
#[derive(Clone, Debug, PartialEq)]
pub struct Audited {
    /// Its place in the order of commits; the change log's number of the same change.
    pub seq: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// Who did it; `None` for the system.
    pub actor: Option<UserId>,
    /// What was done.
    pub action: String,
    /// What it was done to.
    pub subject: Subject,
    /// Everything else.
    pub detail: serde_json::Value,
}

/// Reads the logs.
#[async_trait]
pub trait LogRead: Send {
    /// The newest sequence number; 0 before the first change.
    async fn seq(&mut self) -> Result<i64, StoreError>;

    /// When the newest change was made: the clock must not run backwards past it (rule 13).
    async fn last_change_at(&mut self) -> Result<Option<DateTime<Utc>>, StoreError>;

    /// Changes after `seq` in order, at most `limit`; `None` when the log no longer reaches back
    /// that far, or `seq` lies in the future: take a snapshot.
    async fn changes_since(
        &mut self,
        seq: i64,
        limit: u32,
    ) -> Result<Option<Vec<Change>>, StoreError>;

    /// The audit log after `seq` in order, at most `limit`.
    async fn audit(&mut self, after_seq: i64, limit: u32) -> Result<Vec<Audited>, StoreError>;
}

/// Writes the logs.
#[async_trait]
pub trait LogWrite: LogRead {
    /// Records one change: an audit entry and a change-log entry with the same number.
    async fn record(&mut self, entry: Entry) -> Result<i64, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Subject {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn what_this_version_does_not_know_may_be_anything() {
        let any = Subject::Organisation {
            entity: Entity::Any,
        };
        assert_eq!(read(r#"{ "subject": "organisation" }"#), any);
        let later = r#"{ "subject": "organisation", "entity": { "kind": "badge", "id": 7 } }"#;
        assert_eq!(read(later), any);
        let later = r#"{ "subject": "claim", "request": 7, "by": { "user": 1 } }"#;
        assert_eq!(read(later), Subject::Unknown);
    }

    #[test]
    fn entities_are_read_as_they_were_written() {
        for entity in [
            Entity::Any,
            Entity::Name,
            Entity::FallbackReviewers,
            Entity::User(UserId(1)),
            Entity::Deputy(UserId(1)),
            Entity::Group(GroupId(2)),
            Entity::Network(NetworkId(3)),
            Entity::Resource(ResourceId(4)),
            Entity::Assignment(AssignmentId(5)),
        ] {
            let subject = Subject::Organisation { entity };
            let text = serde_json::to_string(&subject).unwrap();
            assert_eq!(read(&text), subject, "{text}");
        }
    }
}
