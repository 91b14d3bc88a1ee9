//! Deputies: who decides on a reviewer's behalf while they are away.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::access::Person;

/// A reviewer's deputy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Deputy {
    /// On whose behalf; ended by this id.
    pub principal: Person,
    /// Who decides for them.
    pub deputy: Person,
    /// From here on.
    pub from: DateTime<Utc>,
    /// Up to, and not including, this moment.
    pub until: DateTime<Utc>,
    /// Who named the deputy: the principal, or an administrator.
    pub named_by: Person,
    /// True while the deputy decides: the time has begun.
    pub holds: bool,
}

/// Body of `POST /deputies`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewDeputy {
    /// Who decides: the name that they sign in with. They review requests already.
    pub deputy: String,
    /// On whose behalf: the name that they sign in with; the caller's own when left out. Only
    /// administrators name a deputy for somebody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// From when on; from now on when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<DateTime<Utc>>,
    /// Until when: at most 30 days after it begins.
    pub until: DateTime<Utc>,
}

/// Body of `POST /requests/{id}/reviewers`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AskReviewers {
    /// Who should decide it: the names that they sign in with.
    pub logins: Vec<String>,
}
