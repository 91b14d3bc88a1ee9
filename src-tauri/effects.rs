//! Everything that the app does to the world outside of its own state, behind one trait: the app's
//! logic runs in tests against a fake that records.

#[cfg(test)]
pub(crate) mod fake;

use std::path::Path;

use hourkey_client::dial::Destination;
use hourkey_domain::ids::{GrantId, RequestId, ResourceId};
use tokio::sync::{mpsc, oneshot};
use url::Url;

use crate::app::Event;
use crate::notify::{Notification, Topic};
use crate::tray::Tray;
use crate::view::ViewUpdate;

/// The outward effects. None of them blocks; results arrive as [`Event`]s.
pub trait Effects {
    /// Shows this in the tray.
    fn set_tray(&mut self, tray: Tray);
    /// Shows a notification; the answer is [`Event::Notified`].
    fn notify(&mut self, notification: Notification);
    /// Withdraws the notification about a topic.
    fn withdraw(&mut self, topic: Topic);
    /// Opens a web page in the default browser.
    fn open_page(&mut self, url: Url, activation: Option<Activation>, reply: Reply);
    /// Opens a folder in the file manager.
    fn open_folder(&mut self, folder: &Path, reply: Reply);
    /// Puts a text on the clipboard.
    fn copy(&mut self, text: String, reply: Reply);
    /// Builds the window, or brings it forward.
    fn show_window(&mut self, activation: Option<Activation>);
    /// Destroys the window.
    fn close_window(&mut self);
    /// Sends a view model to the window.
    fn push(&mut self, update: ViewUpdate);
    /// Resumes the stored sign-in; the answer is [`Event::Resumed`].
    fn resume(&mut self, controller: Url);
    /// Signs in through the browser; the answer is [`Event::SignedIn`].
    fn sign_in(&mut self, controller: Url);
    /// Stops waiting for the browser.
    fn cancel_sign_in(&mut self);
    /// Revokes and forgets the sign-in.
    fn sign_out(&mut self);
    /// Makes a call to the controller.
    fn call(&mut self, call: ControllerCall, reply: Reply);
    /// Lets programs reach a resource at a port of this computer; the answer is
    /// [`crate::local_proxy::ProxyEvent::Forwards`].
    fn forward(&mut self, resource: ResourceId, to: Destination, reply: Reply);
    /// Ends what [`Self::forward`] began.
    fn end_forward(&mut self, resource: ResourceId);
    /// Reconnects to the controller now.
    fn reconnect(&mut self);
    /// Starts the app at login, or no longer.
    ///
    /// # Errors
    /// A sentence that says what went wrong and what to do.
    fn set_start_at_login(&mut self, on: bool) -> Result<(), String>;
    /// Whether the app starts at login; `None` where this system offers no such thing.
    fn start_at_login(&self) -> Option<bool>;
    /// Lets browsers follow a PAC file, or (`None`) what they followed before.
    ///
    /// # Errors
    /// A sentence that says what went wrong and what to do.
    fn set_browsers(&mut self, pac: Option<&str>) -> Result<(), String>;
    /// Whether browsers can be set up here.
    fn has_browsers(&self) -> bool;
    /// Ends the app.
    fn quit(&mut self);
}

/// What Wayland compositors ask for before a window may come forward (xdg-activation-v1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activation(pub String);

/// A call to the controller that a person asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ControllerCall {
    /// Cancel one's own request.
    Cancel(RequestId),
    /// Give a grant back.
    Release(GrantId),
    /// Approve a request.
    Approve {
        /// Which.
        request: RequestId,
        /// For how many seconds; `None` for what was asked.
        seconds: Option<u32>,
        /// A comment for the requester, possibly empty.
        comment: String,
    },
    /// Deny a request.
    Deny {
        /// Which.
        request: RequestId,
        /// Why.
        comment: String,
    },
}

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
