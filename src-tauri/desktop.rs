//! The real [`Effects`].

use std::path::Path;

use hourkey_client::dial::Destination;
use hourkey_domain::ids::ResourceId;
use tauri::AppHandle;
use tokio::sync::mpsc;
use url::Url;

use crate::app::Event;
use crate::clipboard::Copier;
use crate::effects::{Activation, ControllerCall, Effects, Reply};
use crate::notify::{Notification, Notifier, Topic};
use crate::platform::{Login, Proxy, StartAtLogin as _, SystemProxy as _};
use crate::session::SessionCommand;
use crate::tray::{Tray, backend};
use crate::view::ViewUpdate;
use crate::{opener, window};

/// Acts through Tauri, the session bus and the controller.
pub(crate) struct Desktop {
    /// Tauri.
    pub(crate) app: AppHandle,
    /// Where events go.
    pub(crate) events: mpsc::Sender<Event>,
    /// Commands to [`crate::session::run`].
    pub(crate) session: mpsc::UnboundedSender<SessionCommand>,
    /// Notifications.
    pub(crate) notifier: Notifier,
    /// The clipboard.
    pub(crate) copier: Copier,
    /// Starting at login.
    pub(crate) login: Login,
    /// The proxy that browsers follow.
    pub(crate) proxy: Proxy,
}

impl Desktop {
    /// Tauri's own calls belong on the main thread.
    fn on_main_thread(&self, act: impl FnOnce(&AppHandle) + Send + 'static) {
        let app = self.app.clone();
        if let Err(error) = self.app.run_on_main_thread(move || act(&app)) {
            tracing::debug!(%error, "main thread has ended");
        }
    }

    fn send(&self, command: SessionCommand) {
        // The session task ends only with the app.
        let _ = self.session.send(command);
    }
}

impl Effects for Desktop {
    fn set_tray(&mut self, tray: Tray) {
        let events = self.events.clone();
        self.on_main_thread(move |app| backend::show(app, tray, &events));
    }

    fn notify(&mut self, notification: Notification) {
        self.notifier.show(notification);
    }

    fn withdraw(&mut self, topic: Topic) {
        self.notifier.withdraw(topic);
    }

    fn open_page(&mut self, url: Url, activation: Option<Activation>, reply: Reply) {
        opener::open(url.as_str(), activation, reply);
    }

    fn open_folder(&mut self, folder: &Path, reply: Reply) {
        opener::open(folder, None, reply);
    }

    fn copy(&mut self, text: String, reply: Reply) {
        self.copier.copy(text, reply);
    }

    fn show_window(&mut self, activation: Option<Activation>) {
        self.on_main_thread(move |app| window::show(app, activation.as_ref()));
    }

    fn close_window(&mut self) {
        self.on_main_thread(window::close);
    }

    fn push(&mut self, update: ViewUpdate) {
        window::push(&self.app, &update);
    }

    fn resume(&mut self, controller: Url) {
        self.send(SessionCommand::Resume(controller));
    }

    fn sign_in(&mut self, controller: Url) {
        self.send(SessionCommand::SignIn(controller));
    }

    fn cancel_sign_in(&mut self) {
        self.send(SessionCommand::CancelSignIn);
    }

    fn sign_out(&mut self) {
        self.send(SessionCommand::SignOut);
    }

    fn call(&mut self, call: ControllerCall, reply: Reply) {
        self.send(SessionCommand::Call(call, reply));
    }

    fn forward(&mut self, resource: ResourceId, to: Destination, reply: Reply) {
        self.send(SessionCommand::Forward(resource, to, reply));
    }

    fn end_forward(&mut self, resource: ResourceId) {
        self.send(SessionCommand::EndForward(resource));
    }

    fn reconnect(&mut self) {
        self.send(SessionCommand::Reconnect);
    }

    fn set_start_at_login(&mut self, on: bool) -> Result<(), String> {
        self.login.set(on)
    }

    fn start_at_login(&self) -> Option<bool> {
        self.login.is_on()
    }

    fn set_browsers(&mut self, pac: Option<&str>) -> Result<(), String> {
        match pac {
            Some(pac) => self.proxy.follow(pac),
            None => self.proxy.restore(),
        }
    }

    fn has_browsers(&self) -> bool {
        self.proxy.is_here()
    }

    fn quit(&mut self) {
        if let Err(error) = self.proxy.restore() {
            tracing::warn!(error, "cannot restore the browsers' proxy settings");
        }
        self.on_main_thread(|app| {
            backend::remove(app);
            window::close(app);
            app.exit(0);
        });
    }
}
