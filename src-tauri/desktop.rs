//! The real [`Effects`].

use std::path::Path;
use std::time::Duration;

use hourkey_client::config::Folders;
use hourkey_client::delivery::{DeliveryFile, DeliveryStart};
use tauri::AppHandle;
use tokio::sync::mpsc;
use url::Url;

use crate::clipboard::Copier;
use crate::command::SessionCommand;
use crate::effects::Effects;
use crate::event::{Activation, BrowserSwitch, Event, Reply, SessionNews};
use crate::files::{self, Settings};
use crate::message::{Notification, Topic};
use crate::notify::Notifier;
use crate::platform::{Login, Proxy, StartAtLogin as _, SystemProxy as _};
use crate::state::SessionId;
use crate::tray::{Tray, backend};
use crate::view::ViewUpdate;
use crate::worker::Worker;
use crate::{opener, window};

/// Acts through Tauri, the session bus and the controller.
pub(crate) struct Desktop {
    /// Tauri.
    pub(crate) app: AppHandle,
    /// Where events go.
    pub(crate) events: mpsc::Sender<Event>,
    /// Commands to [`crate::session::run`].
    pub(crate) session: mpsc::UnboundedSender<(SessionCommand, Reply)>,
    /// Notifications.
    pub(crate) notifier: Notifier,
    /// The clipboard.
    pub(crate) copier: Copier,
    /// The files, which are read and written one after another.
    pub(crate) files: Worker<Files>,
    /// The proxy that browsers follow. The system's settings may be slow: nothing else waits for them.
    pub(crate) proxy: Worker<Proxy>,
}

/// What only the worker of the files uses.
pub(crate) struct Files {
    /// Where they are.
    pub(crate) folders: Folders,
    /// Starting at login.
    pub(crate) login: Login,
}

/// How long files and the browsers' settings may take when the app ends.
const QUIT_TIMEOUT: Duration = Duration::from_secs(5);

impl Desktop {
    /// Tauri's own calls belong on the main thread.
    fn on_main_thread(&self, act: impl FnOnce(&AppHandle) + Send + 'static) {
        on_main_thread(&self.app, act);
    }
}

fn on_main_thread(app: &AppHandle, act: impl FnOnce(&AppHandle) + Send + 'static) {
    let on_main = app.clone();
    if let Err(error) = app.run_on_main_thread(move || act(&on_main)) {
        tracing::debug!(%error, "main thread has ended");
    }
}

/// Answers from a thread that may wait for room in the queue.
fn answer(events: &mpsc::Sender<Event>, event: Event) {
    // Nobody listens any more when the app ends.
    let _ = events.blocking_send(event);
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

    fn session(&mut self, command: SessionCommand, reply: Reply) {
        // The session task ends only with the app.
        let _ = self.session.send((command, reply));
    }

    fn save_settings(&mut self, settings: Settings, reply: Reply) {
        self.files
            .queue(move |kept| reply.send(files::save_settings(&kept.folders, settings)));
    }

    fn open_delivery_log(&mut self, session: SessionId, start: DeliveryStart) {
        let events = self.events.clone();
        self.files.queue(move |kept| {
            let result = files::open_delivery_log(&kept.folders, start);
            let news = SessionNews::DeliveryLog(result);
            answer(&events, Event::Session { id: session, news });
        });
    }

    fn save_delivery_log(&mut self, file: DeliveryFile) {
        let events = self.events.clone();
        self.files.queue(move |kept| {
            let result = files::save_delivery_log(&kept.folders, &file);
            answer(&events, Event::DeliveryLogSaved(result));
        });
    }

    fn set_start_at_login(&mut self, on: bool, reply: Reply) {
        let events = self.events.clone();
        self.files.queue(move |kept| {
            let result = kept.login.set(on);
            let is_on = kept.login.is_on();
            let event = Event::StartAtLogin {
                is_on,
                result,
                reply,
            };
            answer(&events, event);
        });
    }

    fn set_browsers(&mut self, pac: Option<String>, asked: Option<BrowserSwitch>) {
        let events = self.events.clone();
        self.proxy.queue(move |proxy| {
            let result = match pac {
                Some(pac) => proxy.follow(&pac),
                None => proxy.restore(),
            };
            answer(&events, Event::BrowsersSet { result, asked });
        });
    }

    fn quit(&mut self) {
        self.on_main_thread(|app| {
            backend::remove(app);
            window::close(app);
        });
        let restored = self.proxy.queue(Proxy::restore);
        let saved = self.files.queue(|_| ());
        let (app, session) = (self.app.clone(), self.session.clone());
        tokio::spawn(async move {
            // The local proxy, which ends with the session task, serves browsers as long as they
            // follow it.
            let _session = session;
            let done = async { (restored.await, saved.await) };
            match tokio::time::timeout(QUIT_TIMEOUT, done).await {
                Ok((Ok(Err(error)), _)) => {
                    tracing::warn!(error, "cannot restore the browsers' proxy settings");
                }
                Ok(_) => {}
                Err(_) => tracing::warn!("files or the browsers' settings take too long; ending"),
            }
            on_main_thread(&app, |app| app.exit(0));
        });
    }
}
