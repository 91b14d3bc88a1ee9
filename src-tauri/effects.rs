//! Everything that the app does to the world outside of its own state, behind one trait: the app's
//! logic runs in tests against a fake that records.

#[cfg(test)]
pub(crate) mod fake;

use std::path::Path;

use hourkey_client::delivery::{DeliveryFile, DeliveryStart};
use url::Url;

use crate::command::SessionCommand;
use crate::event::{Activation, BrowserSwitch, Reply};
use crate::files::Settings;
use crate::message::{Notification, Topic};
use crate::state::SessionId;
use crate::tray::Tray;
use crate::view::ViewUpdate;

/// The outward effects. None of them blocks; results arrive as [`Event`](crate::event::Event)s.
pub trait Effects {
    /// Shows this in the tray.
    fn set_tray(&mut self, tray: Tray);
    /// Shows a notification; the answer is [`Notified`](crate::event::Event::Notified).
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
    /// Asks something of the session task. `reply` takes the result of a call or a forward.
    fn session(&mut self, command: SessionCommand, reply: Reply);
    /// Saves the settings.
    fn save_settings(&mut self, settings: Settings, reply: Reply);
    /// Opens the delivery log for a session; the answer is
    /// [`DeliveryLog`](crate::event::SessionNews::DeliveryLog).
    fn open_delivery_log(&mut self, session: SessionId, start: DeliveryStart);
    /// Saves the delivery log; the answer is
    /// [`DeliveryLogSaved`](crate::event::Event::DeliveryLogSaved).
    fn save_delivery_log(&mut self, file: DeliveryFile);
    /// Starts the app at login, or no longer; the answer is
    /// [`StartAtLogin`](crate::event::Event::StartAtLogin).
    fn set_start_at_login(&mut self, on: bool, reply: Reply);
    /// Lets browsers follow a PAC file, or (`None`) what they followed before; the answer is
    /// [`BrowsersSet`](crate::event::Event::BrowsersSet).
    fn set_browsers(&mut self, pac: Option<String>, asked: Option<BrowserSwitch>);
    /// Ends the app, once what was asked of it before is done.
    fn quit(&mut self);
}
