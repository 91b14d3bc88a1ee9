//! The owner task: all state lives here, changes only by [`Event`]s, one after another, and every
//! outward effect goes through [`Effects`].

mod account;
mod delivery;
mod intents;
mod notifications;
mod proxy;
mod render;
mod rendered;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use hourkey_client::config::{Config, Folders};
use hourkey_clock::Clock;
use tokio::sync::mpsc;

use crate::command::SessionCommand;
use crate::effects::Effects;
use crate::event::Event;
use crate::failure::Failure;
use crate::state::{AppState, SignIn};
use crate::time_format::Zone;
use crate::timer::Timer;
use crate::view::Warning;
use delivery::Notifications;
use rendered::Rendered;

/// The settings of the app and of this machine, as they are when the app starts.
#[derive(Clone, Debug)]
pub struct FoundSettings {
    /// The app's own, or why they cannot be read, as a sentence.
    pub config: Result<Config, String>,
    /// Whether the app starts at login; `None` where that cannot be.
    pub start_at_login: Option<bool>,
    /// Whether browsers can be set up here.
    pub has_browsers: bool,
}

/// The app's logic.
pub struct App<E> {
    state: AppState,
    effects: E,
    clock: Arc<dyn Clock>,
    folders: Folders,
    events: mpsc::Sender<Event>,
    has_tray_host: bool,
    rendered: Rendered,
    notifications: Notifications,
}

impl<E: Effects> App<E> {
    /// Creates the app before its first event.
    pub fn new(
        effects: E,
        clock: Arc<dyn Clock>,
        folders: Folders,
        found: FoundSettings,
        events: mpsc::Sender<Event>,
    ) -> Self {
        let mut warnings = BTreeMap::new();
        let config = found.config.unwrap_or_else(|text| {
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
                sign_in: SignIn::SignedOut {
                    controller: config.controller.clone(),
                    error: None,
                },
                zone: Zone::Local,
                warnings,
                start_at_login: found.start_at_login,
                has_browsers: found.has_browsers,
                secret_store: String::new(),
                logs: folders.state.join("logs"),
                config,
            },
            effects,
            clock,
            notifications: Notifications::default(),
            folders,
            events,
            has_tray_host: false,
            rendered: Rendered::default(),
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

    /// Resumes the stored sign-in.
    fn start(&mut self) {
        // A run that crashed may have left its proxy settings behind.
        self.set_browser_proxy();
        self.resume();
    }

    /// Applies an event to the state, and causes its effects.
    fn handle(&mut self, event: Event) {
        match event {
            Event::Intent {
                intent,
                activation,
                reply,
            } => self.intent(intent, activation, reply),
            Event::WindowClosed => self.rendered.window_closed(),
            Event::TrayHost(is_there) => self.tray_host(is_there),
            Event::TrayFailed(why) => self.tray_failed(&why),
            Event::Resumed(resumed) => self.resumed(resumed),
            Event::SignedIn(result) => self.signed_in(result),
            Event::Session { id, news } => self.session_news(id, news),
            Event::Notified { id, result } => self.notified(id, result),
            Event::DeliveryLogSaved(Ok(())) => {}
            Event::DeliveryLogSaved(Err(error)) => {
                tracing::warn!(
                    error,
                    "cannot save the delivery log; a notification may come again"
                );
            }
            Event::StartAtLogin {
                is_on,
                result,
                reply,
            } => {
                self.state.start_at_login = is_on;
                reply.send(result);
            }
            Event::BrowsersSet { result, asked } => self.browsers_set(result, asked),
            Event::Failed(sentence) => self.notify_failure(sentence),
            Event::Tick => {}
            Event::Woke => self.order(SessionCommand::Reconnect),
            // Ends the loop before it comes here.
            Event::Quit => {}
        }
    }

    /// Shows notifications that are due, and updates tray and window.
    fn refresh(&mut self) {
        let now = self.now();
        self.notify_due(now);
        self.save_delivery_log();
        self.render(now);
    }

    /// Returns the server's time. Before it is known nothing is shown that has a time.
    fn now(&self) -> DateTime<Utc> {
        let now = self.state.model().clock.now(self.clock.boot());
        now.unwrap_or(DateTime::UNIX_EPOCH)
    }

    /// Returns when the loop must wake next, on the boot clock.
    fn next_wake(&self) -> Option<Duration> {
        let boot = self.clock.boot();
        let now = self.state.model().clock.now(boot)?;
        let at = [
            self.state.model().next_change(now),
            crate::tray::menu::changes_at(&self.state, now),
            self.notifications.next_wake(self.state.model(), now),
            self.rendered.next_push(now),
        ];
        let wait = at.into_iter().flatten().min()? - now;
        Some(boot + wait.to_std().unwrap_or(Duration::ZERO))
    }

    fn warn(&mut self, id: &'static str, failure: Failure) {
        let Failure {
            text,
            remedy,
            details,
        } = failure;
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
