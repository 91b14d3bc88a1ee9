//! The snapshot and the event stream (`GET /snapshot`, `GET /events`, Server-Sent Events:
//! WHATWG HTML, section 9.2).
//!
//! The stream sends messages of two kinds, each with the change log's sequence number as its id:
//! `snapshot` carries a [`Snapshot`], `changes` a [`Changes`]. A client reconnects with
//! `Last-Event-ID` and is sent what changed since, or a fresh snapshot. Rows come whole, so that
//! being sent one twice does no harm. A comment line comes every 25 seconds.

use hourkey_domain::ids::{RequestId, ResourceId};
use serde::{Deserialize, Serialize};

use crate::access::{Request, Resource, Review};
use crate::account::Me;
use crate::notice::Notice;
use chrono::{DateTime, Utc};

/// Name of the SSE event that carries a [`Snapshot`].
pub const SNAPSHOT: &str = "snapshot";
/// Name of the SSE event that carries [`Changes`].
pub const CHANGES: &str = "changes";

/// Everything that one person sees.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Snapshot {
    /// The change log's sequence number that this is true for.
    pub seq: i64,
    /// The server's time when this was made.
    pub server_time: DateTime<Utc>,
    /// The person.
    pub me: Me,
    /// Every resource that they may see.
    pub resources: Vec<Resource>,
    /// Requests that wait for their review, oldest first.
    pub reviews: Vec<Review>,
    /// Their latest notices (at most 200), newest first.
    pub notices: Vec<Notice>,
}

/// What changed for one person since the message before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Changes {
    /// The change log's sequence number that the rows are true for.
    pub seq: i64,
    /// The server's time when this was made.
    pub server_time: DateTime<Utc>,
    /// The person, when they changed.
    pub me: Option<Me>,
    /// Whether a gateway was added, enrolled or removed: ask for `GET /networks` again, and use no
    /// connection to a gateway that is not there any more, or has another key.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub networks_changed: bool,
    /// Resources that changed or became visible, whole.
    pub resources: Vec<Resource>,
    /// Resources that are no longer visible.
    pub removed_resources: Vec<ResourceId>,
    /// Requests that came into the review queue, or changed, whole.
    pub reviews: Vec<Review>,
    /// Requests that left the review queue.
    pub removed_reviews: Vec<RequestId>,
    /// Those of them that somebody decided, with what became of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub decided_reviews: Vec<Request>,
    /// New notices, oldest first.
    pub notices: Vec<Notice>,
}
