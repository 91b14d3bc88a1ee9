//! The owner task: all state lives here, changes only by [`Event`]s, one after another, and every
//! outward effect goes through [`Effects`].

mod account;
mod commands;
mod notifications;
mod render;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use hourkey_client::config::{Config, Folders};
use hourkey_client::delivery::PendingNotification;
use hourkey_client::dial::Destination;
use hourkey_client::model::{Connection, Model, lock_now};
use hourkey_client::sync::Update;
use hourkey_clock::Clock;
use hourkey_domain::ids::ResourceId;
use hourkey_domain::lock::LockState;
use hourkey_protocol::access::Resource;
use hourkey_protocol::notice::What;
use tokio::sync::mpsc;
use url::Url;

use crate::effects::{Activation, Effects, Reply};
use crate::local_proxy::{ProxyAddresses, ProxyEvent};
use crate::notify::{Action, NotificationId, NotifyError};
use crate::time_format::Zone;
use crate::timer::Timer;
use crate::tray::menu::TrayEvent;
use crate::trouble::Trouble;
use crate::view::{Command, Warning};

/// Everything that the app reacts to.
#[derive(Debug)]
pub enum Event {
    /// A click in the tray menu.
    Tray(TrayEvent),
    /// A command of the window.
    Command {
        /// The command.
        command: Command,
        /// Takes the result.
        reply: Reply,
    },
    /// The window was closed.
    WindowClosed,
    /// A second launch, or a click on the tray icon: show the window.
    Show,
    /// A tray host appeared, or disappeared.
    TrayHost(bool),
    /// The tray could not be created, and why.
    TrayFailed(String),
    /// Loading the stored sign-in ended.
    Resumed(ResumeResult),
    /// Signing in through the browser ended.
    SignedIn(Result<NewSession, String>),
    /// An update from a session.
    Update {
        /// The id of the session: ids grow with each sign-in.
        session: u64,
        /// The update.
        update: Update,
    },
    /// Where the refresh token is stored, or why it is not.
    Stored(TokenStorage),
    /// The notification server answered.
    Notified {
        /// The notification.
        id: NotificationId,
        /// Whether it was shown.
        result: Result<(), NotifyError>,
    },
    /// A notification was clicked.
    Clicked {
        /// What the click does.
        action: Action,
        /// What a window needs to come forward.
        activation: Option<Activation>,
    },
    /// An event of the local proxy.
    LocalProxy(ProxyEvent),
    /// A command without a waiting caller failed; a sentence for the person.
    Failed(String),
    /// The timer fired: a label changes, or a deadline has passed.
    Tick,
    /// The computer woke from sleep.
    Woke,
    /// End the app.
    Quit,
}

/// The result of loading the stored sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResumeResult {
    /// The session goes on.
    Found(NewSession),
    /// Nothing is stored.
    NothingStored,
    /// The keyring refused.
    Failed(Trouble),
}

/// A new session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSession {
    /// Its id.
    pub session: u64,
    /// The controller's origin.
    pub controller: Url,
    /// When the person signed in, on the boot clock; `None` for a kept sign-in.
    pub at: Option<Duration>,
}

/// Where the refresh token is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenStorage {
    /// Where, as a sentence.
    pub place: String,
    /// Why it is lost when the app ends.
    pub unsaved: Option<Trouble>,
}

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

/// The app's logic.
pub struct App<E> {
    state: AppState,
    effects: E,
    clock: Arc<dyn Clock>,
    folders: Folders,
    events: mpsc::Sender<Event>,
    /// Current session id. Updates from other sessions are stale and ignored.
    session: u64,
    has_tray_host: bool,
    rendered: render::Rendered,
    notifications: notifications::Notifications,
}

impl<E: Effects> App<E> {
    /// Creates the app before its first event. `config` is what was read, or why it could not be.
    pub fn new(
        effects: E,
        clock: Arc<dyn Clock>,
        folders: Folders,
        config: Result<Config, String>,
        events: mpsc::Sender<Event>,
    ) -> Self {
        let mut warnings = BTreeMap::new();
        let config = config.unwrap_or_else(|text| {
            warnings.insert(
                "config",
                Warning {
                    id: "config".to_owned(),
                    text,
                    remedy: "Until then the defaults hold, and changes are not saved.".to_owned(),
                    details: None,
                },
            );
            Config::default()
        });
        Self {
            state: AppState {
                sign_in: SignIn::SignedOut { error: None },
                controller: config.controller.clone(),
                model: Model::default(),
                endings: Vec::new(),
                read_until: None,
                zone: Zone::Local,
                warnings,
                start_at_login: effects.start_at_login(),
                has_browsers: effects.has_browsers(),
                secret_store: String::new(),
                local_proxy: None,
                forwards: BTreeMap::new(),
                snoozed: BTreeMap::new(),
                logs: folders.state.join("logs"),
                config,
            },
            effects,
            clock,
            notifications: notifications::Notifications::default(),
            folders,
            events,
            session: 0,
            has_tray_host: false,
            rendered: render::Rendered::default(),
        }
    }

    /// Runs until the app ends.
    pub async fn run(mut self, mut events: mpsc::Receiver<Event>) {
        let mut timer = Timer::new(Arc::clone(&self.clock));
        self.start();
        loop {
            self.refresh();
            let wake = self.next_wake();
            let event = tokio::select! {
                event = events.recv() => event.unwrap_or(Event::Quit),
                () = timer.until(wake) => Event::Tick,
            };
            if let Event::Quit = event {
                break;
            }
            self.handle(event);
        }
        self.wait_for_answers(&mut events).await;
        self.effects.quit();
    }

    /// Resumes the stored sign-in; with no controller known, the window asks for one.
    fn start(&mut self) {
        // A run that crashed may have left its proxy settings behind.
        self.set_browser_proxy_or_warn();
        match self.state.controller.clone() {
            Some(controller) => {
                self.state.sign_in = SignIn::SignedIn;
                self.effects.resume(controller);
            }
            None => self.show(None, None),
        }
    }

    /// Applies an event to the state, and causes its effects.
    fn handle(&mut self, event: Event) {
        match event {
            Event::Tray(event) => self.tray_clicked(event),
            Event::Command { command, reply } => self.command(command, None, reply),
            Event::WindowClosed => self.rendered.window_closed(),
            Event::Show => self.show(None, None),
            Event::TrayHost(is_there) => self.tray_host(is_there),
            Event::TrayFailed(why) => self.tray_failed(&why),
            Event::Resumed(resumed) => self.resumed(resumed),
            Event::SignedIn(result) => self.signed_in(result),
            Event::Update { session, update } => {
                if session == self.session {
                    self.update(update);
                }
            }
            Event::Stored(stored) => self.stored(stored),
            Event::Notified { id, result } => self.notified(id, result),
            Event::Clicked { action, activation } => match action {
                Action::Do(command) => {
                    let reply = Reply::App(self.events.clone());
                    self.command(command, activation, reply);
                }
                Action::Show(tab) => self.show(Some(tab), activation),
            },
            Event::LocalProxy(news) => self.handle_proxy_event(news),
            Event::Failed(sentence) => self.notify_failure(sentence),
            Event::Tick => {}
            Event::Woke => self.effects.reconnect(),
            // Ends the loop before it comes here.
            Event::Quit => {}
        }
    }

    /// Shows notifications that are due, and updates tray and window.
    fn refresh(&mut self) {
        let now = self.now();
        self.notify_due(now);
        self.render(now);
    }

    /// Returns the server's time. Before it is known nothing is shown that has a time.
    fn now(&self) -> DateTime<Utc> {
        let now = self.state.model.clock.now(self.clock.boot());
        now.unwrap_or(DateTime::UNIX_EPOCH)
    }

    /// Returns when the loop must wake next, on the boot clock.
    fn next_wake(&self) -> Option<Duration> {
        let boot = self.clock.boot();
        let now = self.state.model.clock.now(boot)?;
        let at = [
            self.state.model.next_change(now),
            crate::tray::menu::changes_at(&self.state, now),
            self.notifications.next_wake(&self.state.model, now),
            self.rendered.next_push(now),
        ];
        let wait = at.into_iter().flatten().min()? - now;
        Some(boot + wait.to_std().unwrap_or(Duration::ZERO))
    }

    fn warn(&mut self, id: &'static str, trouble: Trouble) {
        let Trouble {
            text,
            remedy,
            details,
        } = trouble;
        tracing::warn!(
            warning.id = id,
            warning.text = text,
            details,
            "warning shown in the window"
        );
        let warning = Warning {
            id: id.to_owned(),
            text,
            remedy,
            details,
        };
        self.state.warnings.insert(id, warning);
    }
}
