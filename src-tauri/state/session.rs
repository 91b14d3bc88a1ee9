//! What belongs to one sign-in, and goes with it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use hourkey_client::delivery::PendingNotification;
use hourkey_client::dial::Destination;
use hourkey_client::model::{Connection, Model};
use hourkey_domain::ids::ResourceId;
use hourkey_protocol::account::Me;
use url::Url;

/// Tells one session from another within this run of the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionId(pub u64);

/// A session that has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSession {
    /// Its id.
    pub id: SessionId,
    /// The controller's origin.
    pub controller: Url,
    /// When the person signed in, on the boot clock; `None` for a kept sign-in.
    pub at: Option<Duration>,
    /// Addresses of its local proxy, or why there is none, as a sentence.
    pub local_proxy: Result<ProxyAddresses, String>,
}

/// The session of the person who is signed in.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    /// Tells it from earlier ones, whose news are stale.
    pub id: SessionId,
    /// The controller's origin.
    pub controller: Url,
    /// When the person signed in, on the boot clock; `None` for a kept sign-in.
    pub signed_in_at: Option<Duration>,
    /// The data received from the controller.
    pub model: Arc<Model>,
    /// Endings notified in this session, and when: the controller keeps no notices of them.
    pub endings: Vec<(DateTime<Utc>, PendingNotification)>,
    /// Up to when the person has read their inbox; `None` while that is not known.
    pub read_until: Option<DateTime<Utc>>,
    /// Addresses of the local proxy, if it listens.
    pub local_proxy: Option<ProxyAddresses>,
    /// Where programs of this computer reach a resource.
    pub forwards: BTreeMap<ResourceId, ActiveForward>,
    /// Snoozed access prompts, by resource, with the end of each on the boot clock.
    pub snoozed: BTreeMap<ResourceId, Duration>,
}

/// How much of a session can be shown.
#[derive(Clone, Debug, PartialEq)]
pub enum Phase<'a> {
    /// The first snapshot is on its way; why it does not come, if that is known.
    Loading(Option<Offline<'a>>),
    /// Everything is current.
    Live(&'a Me),
    /// Everything was current when the controller was last heard.
    Offline(&'a Me, Offline<'a>),
}

/// Since when the controller is unreachable, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offline<'a> {
    /// When it was last heard; `None` when it was not heard at all yet.
    pub since: Option<DateTime<Utc>>,
    /// What is wrong, as a sentence.
    pub why: &'a str,
}

/// How programs use the local proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyAddresses {
    /// As an HTTP proxy; SOCKS5 listens on the same port.
    pub proxy: String,
    /// For browsers: the address of the automatic proxy configuration (PAC).
    pub pac: String,
    /// The same for settings that follow changes: it changes with the resources.
    pub versioned_pac: String,
}

/// A port of this computer that leads to a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActiveForward {
    /// Where the resource is.
    pub to: Destination,
    /// `127.0.0.1:PORT`.
    pub address: String,
    /// Whether access was open when it was last looked at.
    pub is_open: bool,
}

impl Session {
    /// A session of which nothing was heard yet.
    #[must_use]
    pub fn begin(new: NewSession) -> Self {
        Self {
            id: new.id,
            controller: new.controller,
            signed_in_at: new.at,
            model: Arc::default(),
            endings: Vec::new(),
            read_until: None,
            local_proxy: new.local_proxy.ok(),
            forwards: BTreeMap::new(),
            snoozed: BTreeMap::new(),
        }
    }

    /// Returns how much of it can be shown.
    #[must_use]
    pub fn phase(&self) -> Phase<'_> {
        match (&self.model.me, self.offline()) {
            (None, offline) => Phase::Loading(offline),
            (Some(me), None) => Phase::Live(me),
            (Some(me), Some(offline)) => Phase::Offline(me, offline),
        }
    }

    /// Returns since when and why the controller is unreachable, if it is.
    #[must_use]
    pub fn offline(&self) -> Option<Offline<'_>> {
        match &self.model.connection {
            Connection::Lost { since, why } => Some(Offline { since: *since, why }),
            Connection::Connecting | Connection::Live | Connection::Ended => None,
        }
    }
}
