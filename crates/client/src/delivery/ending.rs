//! The end of a grant, as the delivery log keeps it.

use chrono::{DateTime, Utc};
use hourkey_domain::ids::{GrantId, ResourceId};
use serde::{Deserialize, Serialize};

/// A grant with its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// The grant.
    pub grant: GrantId,
    /// Its resource.
    pub resource: ResourceId,
    /// The resource's name.
    pub resource_name: String,
    /// Its start.
    pub started_at: DateTime<Utc>,
    /// Its end.
    pub expires_at: DateTime<Utc>,
}
