//! What the controller and its gateways say to each other.
//!
//! A gateway enrols once with a single-use token, and from then on calls with the credential that
//! it was given. It follows one stream (Server-Sent Events, WHATWG HTML, 9.2), opened by
//! `POST /gateway/stream` with the devices that are connected to it. The stream sends [`ALL`]
//! first, then [`CHANGES`] and [`PING`]; each sequence number is acknowledged by
//! `POST /gateway/ack`.
//!
//! **Lease.** A ping carries the number of the last acknowledgement that the controller had heard
//! when it sent the ping, and the sequence number that it vouches for. So whoever remembers when it *sent* that acknowledgement, on its own
//! clock, knows that everything up to the ping was said no earlier than then, however long the ping
//! was under way: what it knows is good for [`LEASE`] from that moment. The same holds for [`ALL`],
//! counted from the sending of the call that opened the stream.

use std::time::Duration;

use chrono::{DateTime, Utc};
use hourkey_domain::address::Ports;
use hourkey_domain::ids::{DeviceId, GatewayId, ResourceId, UserId};
use serde::{Deserialize, Serialize};

/// Name of the SSE event that carries an [`All`].
pub const ALL: &str = "all";
/// Name of the SSE event that carries [`Changes`].
pub const CHANGES: &str = "changes";
/// Name of the SSE event that carries a [`Ping`].
pub const PING: &str = "ping";
/// Name of the SSE event, the last of its stream, which says that another call with the same
/// credential has opened a stream since. Its data are an empty object.
pub const REPLACED: &str = "replaced";

/// A ping comes this often.
pub const PING_EVERY: Duration = Duration::from_secs(3);

/// How long a gateway lets traffic pass without hearing from the controller.
pub const LEASE: Duration = Duration::from_secs(15);

/// Body of `POST /gateway/enrol`; the one call without a credential.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Enrol {
    /// The token of `hourkey-controller gateway add`. It works once.
    pub token: String,
    /// A certificate signing request in PEM (PKCS #10, RFC 2986). Only its key counts.
    pub request: String,
}

/// Answer of `POST /gateway/enrol`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Enrolment {
    /// The gateway.
    pub gateway: GatewayId,
    /// Its name.
    pub name: String,
    /// The network that it serves.
    pub network: String,
    /// Secret: for the `Authorization` header of every other call.
    pub credential: String,
    /// Its certificate.
    pub certificate: Certificate,
}

/// A gateway's certificate: answer of `POST /gateway/certificate`, and part of [`Enrolment`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Certificate {
    /// The certificate, PEM.
    pub certificate: String,
    /// Its end: renew well before.
    pub expires_at: DateTime<Utc>,
    /// The authority that issues devices' certificates, PEM. Trust nothing else for them.
    pub devices_authority: String,
}

/// Body of `POST /gateway/certificate`: renews, by proving the key again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Renew {
    /// A certificate signing request in PEM (PKCS #10, RFC 2986) of the gateway's key.
    pub request: String,
}

/// Body of `POST /gateway/stream`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Follow {
    /// The devices that are connected to the gateway: what is sent is about their users.
    pub devices: Vec<DeviceId>,
}

/// Body of `POST /gateway/devices`: which devices came and went since. The stream answers with
/// [`Changes`] that name each device that came, known or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Connected {
    /// The stream, from [`All::stream`].
    pub stream: u64,
    /// Connected since.
    pub came: Vec<DeviceId>,
    /// No longer connected.
    pub went: Vec<DeviceId>,
}

/// Body of `POST /gateway/ack`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Ack {
    /// The stream, from [`All::stream`].
    pub stream: u64,
    /// Counts up by one with each acknowledgement on this stream, from 1.
    pub number: u64,
    /// Everything up to this sequence number is in force: what it ended was cut.
    pub seq: i64,
}

/// Everything, anew. What the gateway knew before is void.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct All {
    /// Names this stream in the gateway's other calls.
    pub stream: u64,
    /// The change log's sequence number that this is true for.
    pub seq: i64,
    /// The server's time when this was made.
    pub server_time: DateTime<Utc>,
    /// Every resource of the network: which one governs a destination is decided among all of
    /// them (rule 9).
    pub resources: Vec<Destination>,
    /// The devices asked for.
    pub devices: Vec<Device>,
    /// What their users may use.
    pub users: Vec<User>,
    /// The controller takes [`Connection::mismatch`], [`Ended::Client`] and [`Ended::Destination`]:
    /// one of before would refuse the report.
    #[serde(default)]
    pub takes_mismatch: bool,
}

/// What changed. Each part that is there comes whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Changes {
    /// The change log's sequence number that this is true for.
    pub seq: i64,
    /// The server's time when this was made.
    pub server_time: DateTime<Utc>,
    /// All resources of the network, when one of them changed.
    pub resources: Option<Vec<Destination>>,
    /// Devices that came or changed.
    pub devices: Vec<Device>,
    /// Users whose permits changed, each with all of them.
    pub users: Vec<User>,
}

/// Comes every [`PING_EVERY`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Ping {
    /// The server's time when this was made.
    pub server_time: DateTime<Utc>,
    /// The number of the last [`Ack`] that the controller has heard on this stream; 0 for none.
    pub heard: u64,
    /// Everything that concerns the gateway up to this sequence number was sent before the ping.
    /// The controller sends none while it cannot read what changed. `None` from a controller that
    /// does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<i64>,
}

/// A resource, as far as destinations go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Destination {
    /// The resource.
    pub id: ResourceId,
    /// Its address in canonical form ([`hourkey_domain::address::Address`]).
    pub address: String,
    /// Its ports; empty for all.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub ports: Ports,
    /// Connections to it stay while the controller is away, up to their permits' own ends.
    #[serde(
        rename = "outlasts_controller",
        default,
        skip_serializing_if = "std::ops::Not::not"
    )]
    pub keep_alive_offline: bool,
}

/// A device, as gateways know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Device {
    /// The device.
    pub id: DeviceId,
    /// Whose it is, and its key; `None` when there is no such device, or it has ended.
    pub live: Option<LiveDevice>,
}

/// A device that has not ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LiveDevice {
    /// Whose.
    pub user: UserId,
    /// SHA-256 of its public key (DER of SubjectPublicKeyInfo, RFC 5280, 4.1.2.7), in lower-case
    /// hexadecimal. A certificate with another key is refused, whoever issued it.
    pub key: String,
}

/// What one user may use in the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct User {
    /// The user.
    pub id: UserId,
    /// All their permits; none for what is not here.
    pub permits: Vec<Permit>,
}

/// A permit ([`hourkey_domain::lock::Permit`]), as gateways are fed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Permit {
    /// To what.
    pub resource: ResourceId,
    /// Up to, and not including, this moment; `None` without an end of its own.
    pub until: Option<DateTime<Utc>>,
}

/// Body of `POST /gateway/connections`: connections that began, last or ended since the last report
/// that was answered. A report may be sent twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// At most [`REPORTED_AT_ONCE`].
    pub connections: Vec<Connection>,
}

/// The most connections of one [`Report`].
pub const REPORTED_AT_ONCE: usize = 200;

/// A connection through a gateway. Times are the server's, as the gateway counts them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Connection {
    /// 128 random bits in lower-case hexadecimal, made by the gateway.
    pub id: String,
    /// From which device.
    pub device: DeviceId,
    /// Whose it is.
    pub user: UserId,
    /// To what.
    pub resource: ResourceId,
    /// Its start.
    pub started_at: DateTime<Utc>,
    /// When it was last seen to carry something, in either direction: while it lasts and is reported
    /// again ([`USED_EVERY`]), and at its end. `None` at its beginning, and from gateways of before at
    /// its end: then the end counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_at: Option<DateTime<Utc>>,
    /// Its end; `None` while it lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<End>,
    /// With [`Ended::Mismatch`], what it was cut for. Only for a controller that says
    /// [`All::takes_mismatch`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mismatch: Option<Mismatch>,
}

/// What was found inside of a connection that may not be there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Mismatch {
    /// The host that the connection was opened for.
    pub asked: String,
    /// The name inside; `None` when there was none that could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inside: Option<String>,
    /// The resource that governs that name, or another one that is known at the address.
    pub other: ResourceId,
}

/// Answer of a gateway to `GET` [`FLOW_PATH`] with the value of [`FLOW`]: why it cut one of the
/// device's connections. It knows the latest ones only; others are not found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowEnd {
    /// Why.
    pub why: Ended,
    /// With [`Ended::Mismatch`], the host that the connection was opened for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<String>,
    /// With [`Ended::Mismatch`], the name inside, as far as there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inside: Option<String>,
}

/// The header of a gateway's answer to CONNECT over HTTP/1.1 that names the connection: its
/// [`Connection::id`].
pub const FLOW: &str = "hourkey-flow";

/// The path at which a gateway says why it cut a connection, before its name.
pub const FLOW_PATH: &str = "/flows/";

/// How often a connection that lasts is reported again, if it carried something meanwhile: open and
/// idle it is no use of its resource.
pub const USED_EVERY: Duration = Duration::from_hours(1);

/// The end of a [`Connection`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
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

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// Both ends were done.
    Closed,
    /// The device's end broke it off, or was lost.
    Client,
    /// The destination broke it off, or was lost.
    Destination,
    /// The last permit went: it was cut.
    Permit,
    /// The device ended: it was cut.
    Device,
    /// The controller was not heard: it was cut.
    Stale,
    /// What went through was meant for another name: it was cut.
    Mismatch,
    /// The gateway stopped.
    Stopped,
    /// The gateway was killed, and could not say more: it had ended by then at the latest.
    Lost,
}

/// Why a gateway refuses a connection: the value of the header [`REFUSAL`] in its answer, which
/// says no more than the caller may know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No permit: the destination is locked, or it is no resource at all. Both answer alike
    /// (rule 1).
    NoPermit,
    /// The device has ended, or its certificate is not right.
    Device,
    /// The gateway has not heard from its controller, and fails closed.
    Stale,
    /// The destination cannot be resolved or does not answer.
    Unreachable,
    /// Not a call that the gateway takes.
    Malformed,
    /// Too many connections at once.
    Busy,
}

/// The header that carries a [`Refusal`].
pub const REFUSAL: &str = "hourkey-refusal";

impl Refusal {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::NoPermit,
        Self::Device,
        Self::Stale,
        Self::Unreachable,
        Self::Malformed,
        Self::Busy,
    ];

    /// As it stands in the header.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoPermit => "no-permit",
            Self::Device => "device",
            Self::Stale => "stale",
            Self::Unreachable => "unreachable",
            Self::Malformed => "malformed",
            Self::Busy => "busy",
        }
    }

    /// The status that goes with it.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::NoPermit | Self::Device => 403,
            Self::Stale | Self::Busy => 503,
            Self::Unreachable => 502,
            Self::Malformed => 400,
        }
    }

    /// What the header says, if it is one of these.
    #[must_use]
    pub fn from_header(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == text)
    }
}

impl std::fmt::Debug for Enrol {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Enrol").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Enrolment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Enrolment")
            .field("gateway", &self.gateway)
            .field("network", &self.network)
            .finish_non_exhaustive()
    }
}
