//! Who is signed in, and their sessions.

use hourkey_domain::ids::{SessionId, UserId};
use hourkey_domain::review::Role;
use serde::{Deserialize, Serialize};

use chrono::{DateTime, Utc};

use crate::lenient;

/// The signed-in person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Me {
    /// Their id.
    pub id: UserId,
    /// The name they sign in with.
    pub login: String,
    /// Their display name.
    pub name: String,
    /// Their roles, as far as this version knows them.
    #[serde(deserialize_with = "lenient::list")]
    pub roles: Vec<Role>,
    /// True when they review at least one resource, by role or as a resource approver.
    pub reviews: bool,
    /// The organisation's name.
    pub organisation: String,
}

/// A signed-in browser or client of the person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// What it is.
    pub kind: SessionKind,
    /// What it called itself when it signed in, for example `Hourkey on build-host`.
    pub label: String,
    /// When it signed in.
    pub created_at: DateTime<Utc>,
    /// When it was last heard.
    pub last_seen: DateTime<Utc>,
    /// True for the session that asks.
    pub current: bool,
}

/// Kinds of sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SessionKind {
    /// A browser, by cookie.
    Browser,
    /// The desktop app, by tokens.
    Desktop,
    /// The CLI, by tokens.
    Cli,
    /// A client on a host without a browser, by tokens of the device flow (RFC 8628): it may ask
    /// and use, and never reviews.
    Headless,
}
