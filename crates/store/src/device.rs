//! Devices: the installed clients, each with a key of its own.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use hourkey_domain::ids::{DeviceId, SessionId, UserId};
use hourkey_protocol::account::SessionKind;

use crate::StoreError;

/// A device that has not ended. It ends with its session at the latest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its id.
    pub id: DeviceId,
    /// Whose.
    pub user: UserId,
    /// The session that enrolled it; one session has one device at most.
    pub session: SessionId,
    /// Which client it is: its session's kind.
    pub kind: SessionKind,
    /// What it calls itself.
    pub name: String,
    /// SHA-256 of its public key, in lower-case hexadecimal.
    pub key: String,
    /// When it was enrolled.
    pub created_at: DateTime<Utc>,
    /// When its certificate was last issued.
    pub renewed_at: DateTime<Utc>,
}

/// A device that has no id yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDevice {
    /// The session that enrols it.
    pub session: SessionId,
    /// What it calls itself.
    pub name: String,
    /// SHA-256 of its public key, in lower-case hexadecimal.
    pub key: String,
    /// Now.
    pub created_at: DateTime<Utc>,
}

/// Reads devices. Ended ones are unknown here.
#[async_trait]
pub trait DeviceRead: Send {
    /// One device.
    async fn device(&mut self, id: DeviceId) -> Result<Option<Device>, StoreError>;

    /// The device of a session.
    async fn device_of(&mut self, session: SessionId) -> Result<Option<Device>, StoreError>;

    /// A user's devices, or everybody's, newest first.
    async fn devices(&mut self, user: Option<UserId>) -> Result<Vec<Device>, StoreError>;
}

/// Writes devices.
#[async_trait]
pub trait DeviceWrite: DeviceRead {
    /// Keeps a device. Its session must have none.
    async fn insert_device(&mut self, new: NewDevice) -> Result<DeviceId, StoreError>;

    /// Notes that a device's certificate was issued anew.
    async fn renew_device(&mut self, id: DeviceId, at: DateTime<Utc>) -> Result<(), StoreError>;

    /// Ends a device. Unknown and ended ones do no harm.
    async fn end_device(&mut self, id: DeviceId) -> Result<(), StoreError>;
}
