//! The state that tray, window and notifications are drawn from. [`crate::app`] alone changes it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use hourkey_client::config::Config;
use hourkey_client::delivery::PendingNotification;
use hourkey_client::dial::Destination;
use hourkey_client::model::{Connection, Model, lock_now};
use hourkey_domain::ids::ResourceId;
use hourkey_domain::lock::LockState;
use hourkey_protocol::access::Resource;
use hourkey_protocol::notice::What;
use url::Url;

use crate::time_format::Zone;
use crate::view::Warning;

/// Sign-in state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignIn {
    /// Nobody is signed in.
    SignedOut {
        /// Why the session ended or the last attempt failed, as a sentence.
        error: Option<String>,
    },
    /// The browser is open on the sign-in page.
    SigningIn,
    /// Signed in; the first snapshot says as whom.
    SignedIn,
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

/// The state that tray and window are rendered from.
pub struct AppState {
    /// Who is signed in.
    pub sign_in: SignIn,
    /// The controller as last used.
    pub controller: Option<Url>,
    /// The data received from the controller.
    pub model: Model,
    /// Endings notified in this run, and when: the controller keeps no notices of them.
    pub endings: Vec<(DateTime<Utc>, PendingNotification)>,
    /// Up to when the person has read their inbox; `None` while that is not known.
    pub read_until: Option<DateTime<Utc>>,
    /// The zone of shown times.
    pub zone: Zone,
    /// What is missing on this machine, by its stable name.
    pub warnings: BTreeMap<&'static str, Warning>,
    /// The settings.
    pub config: Config,
    /// Whether the app starts at login; `None` where that cannot be.
    pub start_at_login: Option<bool>,
    /// Whether browsers can be set up here.
    pub has_browsers: bool,
    /// Where the refresh token is kept, as a sentence.
    pub secret_store: String,
    /// Addresses of the local proxy, once it listens.
    pub local_proxy: Option<ProxyAddresses>,
    /// Where programs of this computer reach a resource.
    pub forwards: BTreeMap<ResourceId, ActiveForward>,
    /// Snoozed access prompts, by resource, with the end of each on the boot clock.
    pub snoozed: BTreeMap<ResourceId, Duration>,
    /// The folder of the log files.
    pub logs: PathBuf,
}

/// Since when the controller is unreachable, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offline<'a> {
    /// When it was last heard; `None` when it was not heard at all yet.
    pub since: Option<DateTime<Utc>>,
    /// What is wrong, as a sentence.
    pub why: &'a str,
}

impl AppState {
    /// Returns each visible resource with its lock at `now`; none while nobody is signed in.
    pub fn locks(&self, now: DateTime<Utc>) -> impl Iterator<Item = (&Resource, LockState)> {
        self.model
            .resources
            .values()
            .map(move |resource| (resource, lock_now(resource, now)))
    }

    /// Returns since when and why the controller is unreachable, if it is.
    #[must_use]
    pub fn offline(&self) -> Option<Offline<'_>> {
        match &self.model.connection {
            Connection::Lost { since, why } => Some(Offline { since: *since, why }),
            Connection::Connecting | Connection::Live | Connection::Ended => None,
        }
    }

    /// True until the first snapshot is there.
    #[must_use]
    pub fn is_loading(&self) -> bool {
        self.model.me.is_none()
    }

    /// True for a person who reviews requests.
    #[must_use]
    pub fn is_reviewer(&self) -> bool {
        self.model.me.as_ref().is_some_and(|me| me.reviews)
    }

    /// Counts the requests that wait for this person's decision.
    #[must_use]
    pub fn reviews_to_decide(&self) -> usize {
        let decidable = self.model.reviews.iter().filter(|review| review.may_decide);
        decidable.count()
    }

    /// True for what came into the inbox after the person last read it.
    #[must_use]
    pub fn is_unread(&self, at: DateTime<Utc>) -> bool {
        self.read_until.is_some_and(|read| read < at)
    }

    /// Counts the notices that the person has not read. Requests for their review are counted by
    /// [`Self::reviews_to_decide`].
    #[must_use]
    pub fn unread(&self) -> usize {
        let notices = self.model.notices.iter();
        let notices = notices.filter(|notice| !matches!(notice.what, What::PleaseReview { .. }));
        let endings = self.endings.iter().map(|(at, _)| *at);
        let moments = notices.map(|notice| notice.at).chain(endings);
        moments.filter(|at| self.is_unread(*at)).count()
    }

    /// Returns the login name, for the hint in addresses of pages.
    #[must_use]
    pub fn login(&self) -> &str {
        self.model.me.as_ref().map_or("", |me| &me.login)
    }
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
