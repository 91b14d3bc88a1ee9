//! Connections through gateways: who used what, when, and how much.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use hourkey_domain::ids::{DeviceId, GatewayId, ResourceId, UserId};
use hourkey_protocol::gateway::Ended;

use crate::StoreError;

/// A connection, as its gateway reported it last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The gateway.
    pub gateway: GatewayId,
    /// The gateway's own id for it: 32 lower-case hexadecimal digits, never used again.
    pub id: String,
    /// Whose.
    pub user: UserId,
    /// From which device.
    pub device: DeviceId,
    /// To what.
    pub resource: ResourceId,
    /// Its start.
    pub started_at: DateTime<Utc>,
    /// When and why it ended, and the bytes in both directions; `None` while it lasts.
    pub end: Option<End>,
}

/// The end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// When.
    pub at: DateTime<Utc>,
    /// Why.
    pub why: Ended,
    /// Bytes from the device.
    pub sent: u64,
    /// Bytes to the device.
    pub received: u64,
}

/// What a report changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportOutcome {
    /// Nothing: it was known already.
    Unchanged,
    /// The connection is new.
    New,
    /// A known connection was still used later than was known.
    Used,
    /// The end of a known connection is new.
    Ended,
}

/// Reads connections.
#[async_trait]
pub trait UsageRead: Send {
    /// A user's connections to a resource that started before `until` and had not ended at `from`,
    /// newest first, at most `limit`.
    async fn connections(
        &mut self,
        user: UserId,
        resource: ResourceId,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<Connection>, StoreError>;
}

/// Writes connections, and where the counts of unused days start.
#[async_trait]
pub trait UsageWrite: UsageRead {
    /// Records what a gateway reports, and that the resource was used up to `used_at`. Reports may
    /// come twice; what has ended stays as it is.
    async fn record_connection(
        &mut self,
        connection: Connection,
        used_at: DateTime<Utc>,
    ) -> Result<ReportOutcome, StoreError>;

    /// Notes the moment at which members came into groups and assignments came to auto-lock, where
    /// that is not noted yet: there the counts of those whom it concerns start
    /// ([`hourkey_domain::organisation::Assignment::effective_for`]).
    async fn start_counts(&mut self, at: DateTime<Utc>) -> Result<(), StoreError>;

    /// Has connections that started within a span (both ends included) restart no count of unused days,
    /// also those that are reported later; `used_at` is when the resource was last used before.
    async fn forget_uses(
        &mut self,
        between: (UserId, ResourceId),
        span: (DateTime<Utc>, DateTime<Utc>),
        used_at: Option<DateTime<Utc>>,
    ) -> Result<(), StoreError>;

    /// Starts the count of one user and resource again
    /// ([`crate::access::AccessHistory::counted_from`]); `None` forgets where it started.
    async fn restart_count(
        &mut self,
        user: UserId,
        resource: ResourceId,
        at: Option<DateTime<Utc>>,
    ) -> Result<(), StoreError>;
}
