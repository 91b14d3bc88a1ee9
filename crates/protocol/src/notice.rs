//! Notices: what one person should be told. Kept as rows per person, told once.

use hourkey_domain::cause::Cause;
use hourkey_domain::ids::{GrantId, NoticeId, RequestId, ResourceId};
use hourkey_domain::length::Length;
use serde::{Deserialize, Serialize};

use chrono::{DateTime, Utc};

/// Something the signed-in person should be told. Ids grow in the order of commits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Notice {
    /// Its id: a client remembers the highest one it told.
    pub id: NoticeId,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// The resource it is about.
    pub resource: ResourceId,
    /// The resource's name then.
    pub resource_name: String,
    /// What happened.
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum What {
    /// The person's request was approved.
    Approved {
        /// The request.
        request: RequestId,
        /// Its grant.
        grant: GrantId,
        /// The reviewer's name; `None` when automatic.
        by: Option<String>,
        /// For how long.
        length: Length,
        /// When the grant starts.
        starts_at: DateTime<Utc>,
        /// When it ends.
        expires_at: DateTime<Utc>,
        /// The reviewer's word, possibly empty.
        comment: String,
        /// Of a request for more time: when access ended before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        extends: Option<DateTime<Utc>>,
    },
    /// The person's request was denied.
    Denied {
        /// The request.
        request: RequestId,
        /// The reviewer's name.
        by: String,
        /// Why.
        comment: String,
        /// Of a request for more time: when access ends all the same.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        extends: Option<DateTime<Utc>>,
    },
    /// The system cancelled the person's request.
    Cancelled {
        /// The request.
        request: RequestId,
        /// Why.
        cause: Cause,
        /// Of a request for more time: when access ends, or ended.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        extends: Option<DateTime<Utc>>,
    },
    /// Nobody decided the person's request in time.
    Lapsed {
        /// The request.
        request: RequestId,
        /// Of a request for more time: when access ends all the same.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        extends: Option<DateTime<Utc>>,
    },
    /// The person's grant was taken away.
    Revoked {
        /// The grant.
        grant: GrantId,
        /// By whom; `None` for the system.
        by: Option<String>,
        /// Why.
        cause: Cause,
        /// The word of the person who did it, possibly empty.
        comment: String,
    },
    /// What had locked because the person did not use it is open to them again.
    Unlocked {
        /// The request; `None` when an administrator did it without one.
        request: Option<RequestId>,
        /// By whom; `None` when automatic.
        by: Option<String>,
        /// When it locks again if it stays unused.
        locks_at: DateTime<Utc>,
        /// Their word, possibly empty.
        comment: String,
    },
    /// A scheduled grant of the person started.
    Started {
        /// The grant.
        grant: GrantId,
        /// When it ends.
        expires_at: DateTime<Utc>,
    },
    /// Somebody's request waits for this person's review.
    PleaseReview {
        /// The request.
        request: RequestId,
        /// Who asks.
        requester: String,
        /// Why, as typed, possibly empty.
        reason: String,
        /// For how long; `None` when it is to be unlocked.
        asked: Option<Length>,
        /// Of a request for more time: when access ends without it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        extends: Option<DateTime<Utc>>,
        /// When access should start; left out for at approval.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        starts_at: Option<DateTime<Utc>>,
        /// The name of the reviewer for whom this person decides as a deputy, if so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        on_behalf_of: Option<String>,
    },
    /// Something that this version does not know.
    #[serde(other)]
    Unknown,
}
