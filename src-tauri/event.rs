//! What the app reacts to, and all that it carries. Everybody sends these; [`crate::app`] alone
//! receives them.

use std::sync::Arc;

use hourkey_client::delivery::DeliveryLog;
use hourkey_client::dial::{BlockedConnection, Destination};
use hourkey_client::model::Model;
use hourkey_domain::ids::ResourceId;
use tokio::sync::{mpsc, oneshot};
use url::Url;

use crate::failure::Failure;
use crate::intent::Intent;
use crate::message::{NotificationId, NotifyError};
use crate::state::{NewSession, ProxyAddresses, SessionId};

/// Everything that the app reacts to.
#[derive(Debug)]
pub enum Event {
    /// Somebody wants something, in the window, the tray menu or a notification.
    Intent {
        /// What.
        intent: Intent,
        /// What a window needs to come forward.
        activation: Option<Activation>,
        /// Takes the result; `None` where nobody waits for it, and a failure is notified.
        reply: Option<Reply>,
    },
    /// The window was closed.
    WindowClosed,
    /// A tray host appeared, or disappeared.
    TrayHost(bool),
    /// The tray could not be created, and why.
    TrayFailed(String),
    /// Loading the stored sign-in ended.
    Resumed(ResumeResult),
    /// Signing in through the browser ended.
    SignedIn(Result<NewSession, String>),
    /// News of a session. Those of an earlier one are stale, and ignored.
    Session {
        /// The session.
        id: SessionId,
        /// The news.
        news: SessionNews,
    },
    /// The notification server answered.
    Notified {
        /// The notification.
        id: NotificationId,
        /// Whether it was shown.
        result: Result<(), NotifyError>,
    },
    /// The delivery log was saved, or what the system said.
    DeliveryLogSaved(Result<(), String>),
    /// Starting at login was switched on or off, or why it could not be.
    StartAtLogin {
        /// Whether the app starts at login now; `None` where this system offers no such thing.
        is_on: Option<bool>,
        /// A failure is a sentence that says what went wrong and what to do.
        result: Result<(), String>,
        /// Takes the result.
        reply: Reply,
    },
    /// Browsers follow the local proxy, or what they followed before; or why they do not.
    BrowsersSet {
        /// A failure is a sentence that says what went wrong and what to do.
        result: Result<(), String>,
        /// The switch that the person moved, if they did.
        asked: Option<BrowserSwitch>,
    },
    /// A command without a waiting caller failed; a sentence for the person.
    Failed(String),
    /// The timer fired: a label changes, or a deadline has passed.
    Tick,
    /// The computer woke from sleep.
    Woke,
    /// End the app.
    Quit,
}

impl Event {
    /// What somebody wants who does not wait for the result.
    #[must_use]
    pub fn click(intent: Intent) -> Self {
        Self::Intent {
            intent,
            activation: None,
            reply: None,
        }
    }
}

/// News of a session.
#[derive(Debug)]
pub enum SessionNews {
    /// What is known of the controller's state changed.
    Model(Arc<Model>),
    /// Where the refresh token is stored, or why it is not.
    Stored(TokenStorage),
    /// An event of the local proxy.
    LocalProxy(ProxyEvent),
    /// The delivery log was opened, or what the system said.
    DeliveryLog(Result<DeliveryLog, String>),
}

/// The result of loading the stored sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResumeResult {
    /// The session goes on.
    Found(NewSession),
    /// Nothing is stored.
    NothingStored,
    /// The keyring refused.
    Failed(Failure),
}

/// Where the refresh token is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenStorage {
    /// Where, as a sentence.
    pub place: String,
    /// Why it is lost when the app ends.
    pub unsaved: Option<Failure>,
}

/// An event of the local proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProxyEvent {
    /// Its addresses changed.
    Listens(ProxyAddresses),
    /// Programs reach a resource at a port of this computer.
    Forwards {
        /// Which.
        resource: ResourceId,
        /// Where it is.
        to: Destination,
        /// `127.0.0.1:PORT`.
        address: String,
    },
    /// A program wants to use a locked resource.
    AccessPrompt {
        /// Which.
        resource: ResourceId,
        /// The request page to open; `None` to only show a notification.
        page: Option<Url>,
    },
    /// A gateway cut a connection for what went through it.
    Blocked(BlockedConnection),
}

/// The person lets browsers follow the local proxy, or no longer.
#[derive(Debug)]
pub struct BrowserSwitch {
    /// Wanted.
    pub on: bool,
    /// Takes the result.
    pub reply: Reply,
}

/// What Wayland compositors ask for before a window may come forward (xdg-activation-v1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activation(pub String);

/// Where the result of a command goes.
#[derive(Debug)]
pub enum Reply {
    /// The window, which waits.
    Window(oneshot::Sender<Result<(), String>>),
    /// Nobody waits: failures come back as [`Event::Failed`].
    App(mpsc::Sender<Event>),
    /// The answer is an event of its own.
    Nobody,
}

impl Reply {
    /// Sends the result; a failure is a sentence that a person can act on.
    pub fn send(self, result: Result<(), String>) {
        match (self, result) {
            (Self::Window(window), result) => {
                // A window that was closed meanwhile does not want to know.
                let _ = window.send(result);
            }
            (Self::App(_), Ok(())) | (Self::Nobody, _) => {}
            (Self::App(events), Err(sentence)) => {
                if events.try_send(Event::Failed(sentence)).is_err() {
                    tracing::warn!("cannot queue the failure of a command; it is not shown");
                }
            }
        }
    }

    /// Sends success.
    pub fn done(self) {
        self.send(Ok(()));
    }

    /// Sends a failure.
    pub fn fail(self, sentence: impl Into<String>) {
        self.send(Err(sentence.into()));
    }
}
