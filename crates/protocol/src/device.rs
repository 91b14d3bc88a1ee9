//! Devices: each installed client has a key of its own, and a certificate that the controller
//! issues for a day at a time.

use chrono::{DateTime, Utc};
use hourkey_domain::ids::{DeviceId, GatewayId, NetworkId};
use serde::{Deserialize, Serialize};

use crate::account::SessionKind;

/// Body of `PUT /device`: enrols the device of this session, or renews its certificate.
///
/// The request is signed with the device's key, which proves that the caller holds it (RFC 2986,
/// 4). The same key as before renews; another one enrols anew, and the device that this session
/// had before ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EnrolDevice {
    /// What the device calls itself, for example `build-host`.
    pub name: String,
    /// A certificate signing request in PEM (PKCS #10, RFC 2986). Only its key counts.
    pub request: String,
}

/// Answer of `PUT /device`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeviceEnrolment {
    /// The device.
    pub device: DeviceId,
    /// Its certificate, PEM.
    pub certificate: String,
    /// The certificate's end: renew well before.
    pub expires_at: DateTime<Utc>,
}

/// A device of the person, or, for an administrator, of anybody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Device {
    /// Its id.
    pub id: DeviceId,
    /// What it calls itself.
    pub name: String,
    /// Which client it is.
    pub kind: SessionKind,
    /// When it was enrolled.
    pub created_at: DateTime<Utc>,
    /// When its certificate was last issued.
    pub renewed_at: DateTime<Utc>,
    /// True for the device of the session that asks.
    pub current: bool,
}

/// A network, and the gateways that serve it: in it lies a resource that the person sees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Network {
    /// Its id.
    pub id: NetworkId,
    /// Its name, as resources carry it.
    pub name: String,
    /// Its gateways, in no order of preference. Empty while there is none.
    pub gateways: Vec<Gateway>,
}

/// A gateway, as clients see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Gateway {
    /// Its id.
    pub id: GatewayId,
    /// Its name.
    pub name: String,
    /// Where it listens: `host:port`. Its certificate is for this host.
    pub address: String,
    /// SHA-256 of its public key (DER of SubjectPublicKeyInfo, RFC 5280, 4.1.2.7), in lower-case
    /// hexadecimal: a certificate with another key, or of another gateway, is not this one's,
    /// whoever issued it. `None` from a controller that does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// Answer of `GET /networks`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Networks {
    /// The networks of the person's resources.
    pub networks: Vec<Network>,
    /// The authority that issues the gateways' certificates, PEM. Trust nothing else for them.
    pub authority: String,
}
