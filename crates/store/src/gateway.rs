//! Gateways: what lets granted traffic into a network.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use hourkey_domain::ids::{GatewayId, NetworkId};

use crate::StoreError;
use crate::account::Digest;

/// A gateway. Removed ones are unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gateway {
    /// Its id.
    pub id: GatewayId,
    /// Its name; unique.
    pub name: String,
    /// The network that it serves.
    pub network: NetworkId,
    /// Where clients reach it: `host:port`.
    pub address: String,
    /// SHA-256 of its public key, in lower-case hexadecimal; `None` until it has enrolled.
    pub key: Option<String>,
    /// When the certificate ends that it got last; `None` where that was not noted.
    pub certificate_until: Option<DateTime<Utc>>,
}

/// A gateway that has no id yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewGateway {
    /// Its name.
    pub name: String,
    /// The network that it serves.
    pub network: NetworkId,
    /// Where clients reach it: `host:port`.
    pub address: String,
}

/// Reads gateways.
#[async_trait]
pub trait GatewayRead: Send {
    /// One gateway.
    async fn gateway(&mut self, id: GatewayId) -> Result<Option<Gateway>, StoreError>;

    /// All gateways, in order of id.
    async fn gateways(&mut self) -> Result<Vec<Gateway>, StoreError>;

    /// How many connections go on through each gateway that has any, as it reported them; in no order.
    async fn open_connections(&mut self) -> Result<Vec<(GatewayId, u64)>, StoreError>;

    /// The gateway that this token enrols, if it has not expired at `now`.
    async fn gateway_by_token(
        &mut self,
        token: Digest,
        now: DateTime<Utc>,
    ) -> Result<Option<Gateway>, StoreError>;

    /// The gateway with this credential.
    async fn gateway_by_credential(
        &mut self,
        credential: Digest,
    ) -> Result<Option<Gateway>, StoreError>;
}

/// Writes gateways.
#[async_trait]
pub trait GatewayWrite: GatewayRead {
    /// Adds a gateway.
    async fn insert_gateway(&mut self, new: NewGateway) -> Result<GatewayId, StoreError>;

    /// Keeps the token that enrols a gateway, in place of an older one.
    async fn set_gateway_token(
        &mut self,
        id: GatewayId,
        token: Digest,
        expires_at: DateTime<Utc>,
    ) -> Result<(), StoreError>;

    /// Enrols a gateway: its token is used up, and a credential that it had before ends.
    async fn enrol_gateway(
        &mut self,
        id: GatewayId,
        credential: Digest,
        key: &str,
    ) -> Result<(), StoreError>;

    /// Notes when the certificate ends that a gateway got.
    async fn set_gateway_certificate(
        &mut self,
        id: GatewayId,
        until: DateTime<Utc>,
    ) -> Result<(), StoreError>;

    /// Removes a gateway, with its token and credential.
    async fn remove_gateway(&mut self, id: GatewayId) -> Result<(), StoreError>;
}
