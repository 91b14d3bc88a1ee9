//! The state that tray, window and notifications are drawn from. [`crate::app`] alone changes it.

mod session;
mod sign_in;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use hourkey_client::config::Config;
use hourkey_client::delivery::PendingNotification;
use hourkey_client::model::{Model, lock_now};
use hourkey_domain::ids::ResourceId;
use hourkey_domain::lock::LockState;
use hourkey_protocol::access::Resource;
use hourkey_protocol::notice::What;
use url::Url;

use crate::time_format::Zone;
use crate::view::Warning;
pub use session::{ActiveForward, NewSession, Offline, Phase, ProxyAddresses, Session, SessionId};
pub use sign_in::{SignIn, Transition};

/// The state that tray and window are rendered from.
pub struct AppState {
    /// Whether somebody is signed in, and all that goes when they sign out.
    pub sign_in: SignIn,
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
    /// The folder of the log files.
    pub logs: PathBuf,
}

impl AppState {
    /// Returns the session, if somebody is signed in.
    #[must_use]
    pub fn session(&self) -> Option<&Session> {
        self.sign_in.session()
    }

    /// Returns the data received from the controller; an empty model while nobody is signed in.
    #[must_use]
    pub fn model(&self) -> &Model {
        static NOTHING: LazyLock<Model> = LazyLock::new(Model::default);
        self.session()
            .map_or_else(|| &*NOTHING, |session| &session.model)
    }

    /// Returns the endings notified in this session, and when.
    #[must_use]
    pub fn endings(&self) -> &[(DateTime<Utc>, PendingNotification)] {
        self.session().map_or(&[], |session| &session.endings)
    }

    /// Returns where programs of this computer reach a resource, if they can.
    #[must_use]
    pub fn forward(&self, id: ResourceId) -> Option<&ActiveForward> {
        self.session()?.forwards.get(&id)
    }

    /// Returns the addresses of the local proxy, if it listens.
    #[must_use]
    pub fn local_proxy(&self) -> Option<&ProxyAddresses> {
        self.session()?.local_proxy.as_ref()
    }

    /// Returns the controller: the current one, or the one last used.
    #[must_use]
    pub fn controller(&self) -> Option<&Url> {
        self.sign_in.controller()
    }

    /// Returns each visible resource with its lock at `now`; none while nobody is signed in.
    pub fn locks(&self, now: DateTime<Utc>) -> impl Iterator<Item = (&Resource, LockState)> {
        self.model()
            .rows()
            .map(move |resource| (resource, lock_now(resource, now)))
    }

    /// Returns since when and why the controller is unreachable, if it is.
    #[must_use]
    pub fn offline(&self) -> Option<Offline<'_>> {
        self.session()?.offline()
    }

    /// True for a person who reviews requests.
    #[must_use]
    pub fn is_reviewer(&self) -> bool {
        self.model().me.as_ref().is_some_and(|me| me.reviews)
    }

    /// Counts the requests that wait for this person's decision.
    #[must_use]
    pub fn reviews_to_decide(&self) -> usize {
        let decidable = self
            .model()
            .reviews
            .iter()
            .filter(|review| review.may_decide);
        decidable.count()
    }

    /// True for what came into the inbox after the person last read it.
    #[must_use]
    pub fn is_unread(&self, at: DateTime<Utc>) -> bool {
        let read_until = self.session().and_then(|session| session.read_until);
        read_until.is_some_and(|read| read < at)
    }

    /// Counts the notices that the person has not read. Requests for their review are counted by
    /// [`Self::reviews_to_decide`].
    #[must_use]
    pub fn unread(&self) -> usize {
        let notices = self.model().notices.iter();
        let notices = notices.filter(|notice| !matches!(notice.what, What::PleaseReview { .. }));
        let endings = self.endings().iter().map(|(at, _)| *at);
        let moments = notices.map(|notice| notice.at).chain(endings);
        moments.filter(|at| self.is_unread(*at)).count()
    }

    /// Returns the login name, for the hint in addresses of pages.
    #[must_use]
    pub fn login(&self) -> &str {
        self.model().me.as_ref().map_or("", |me| &me.login)
    }
}
