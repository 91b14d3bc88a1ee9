//! What the app reacts to, and all that it carries. Everybody sends these; [`crate::app`] alone
//! receives them.

use std::time::Duration;

use hourkey_client::delivery::DeliveryLog;
use hourkey_client::dial::{BlockedConnection, Destination};
use hourkey_client::sync::Update;
use hourkey_domain::ids::{GrantId, RequestId, ResourceId};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};
use url::Url;

use crate::message::{Action, NotificationId, NotifyError};
use crate::state::ProxyAddresses;
use crate::trouble::Trouble;
use crate::view::Command;

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
    /// The delivery log was opened, or why it could not be.
    DeliveryLogOpened {
        /// The session that it was opened for.
        session: u64,
        /// The log, or what the system said.
        result: Result<DeliveryLog, String>,
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

/// What a click in the tray menu asks for. Its JSON is the id of the menu's entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TrayEvent {
    /// Sign in through the browser.
    SignIn,
    /// Stop waiting for the browser.
    CancelSignIn,
    /// Let programs of this computer reach a resource at a port of it, and copy where.
    Forward(ResourceId),
    /// Open the request page of a locked resource.
    Authenticate(ResourceId),
    /// Open an open resource in the browser.
    Open(ResourceId),
    /// Put the resource's address on the clipboard.
    Copy(ResourceId),
    /// Open the page of one's own request.
    ViewRequest(RequestId),
    /// Withdraw one's own request.
    CancelRequest(RequestId),
    /// Give a grant back.
    Release(GrantId),
    /// Show all resources in the window.
    More,
    /// Show the review queue in the window.
    Review,
    /// Show the inbox in the window.
    Inbox,
    /// Show the window.
    Show,
    /// Show the window's settings.
    Settings,
    /// End the app.
    Quit,
}

/// An event of the local proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProxyEvent {
    /// It listens.
    Listens(ProxyAddresses),
    /// It cannot start; why, as a sentence.
    Failed(String),
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
}

impl Reply {
    /// Sends the result; a failure is a sentence that a person can act on.
    pub fn send(self, result: Result<(), String>) {
        match (self, result) {
            (Self::Window(window), result) => {
                // A window that was closed meanwhile does not want to know.
                let _ = window.send(result);
            }
            (Self::App(_), Ok(())) => {}
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
