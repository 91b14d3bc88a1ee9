//! Renders the state to tray and window; what did not change is not sent again.

use std::mem::discriminant;

use chrono::{DateTime, Utc};

use super::App;
use super::rendered::{TIME_SIGNAL, Window};
use crate::effects::Effects;
use crate::event::Activation;
use crate::failure::Failure;
use crate::intent::Tab;
use crate::tray::Tray;
use crate::view::ViewUpdate;
use crate::view_models;

impl<E: Effects> App<E> {
    /// Shows the window, on this tab if one is named.
    pub(super) fn show(&mut self, tab: Option<Tab>, activation: Option<Activation>) {
        self.effects.show_window(activation);
        match (&mut self.rendered.window, tab) {
            (Window::Closed, _) => self.rendered.window = Window::Loading { tab },
            (Window::Loading { tab: wanted }, Some(_)) => *wanted = tab,
            (Window::Open { .. }, Some(tab)) => self.effects.push(ViewUpdate::Show(tab)),
            (Window::Loading { .. } | Window::Open { .. }, None) => {}
        }
    }

    /// Sends everything to a page that has loaded.
    pub(super) fn page_loaded(&mut self) {
        let tab = match self.rendered.window {
            Window::Loading { tab } => tab,
            Window::Closed | Window::Open { .. } => None,
        };
        self.rendered.window = Window::Open {
            sent: vec![],
            sent_at: DateTime::UNIX_EPOCH,
        };
        self.render(self.now());
        if let Some(tab) = tab {
            self.effects.push(ViewUpdate::Show(tab));
        }
    }

    pub(super) fn render(&mut self, now: DateTime<Utc>) {
        if self.has_tray_host {
            let tray = Tray::of(&self.state, now);
            if self.rendered.tray.as_ref() != Some(&tray) {
                self.effects.set_tray(tray.clone());
                self.rendered.tray = Some(tray);
            }
        }
        let Window::Open { sent, sent_at } = &mut self.rendered.window else {
            return;
        };
        let is_late = now - *sent_at >= TIME_SIGNAL;
        for update in view_models::view_models(&self.state, now) {
            let before = sent
                .iter_mut()
                .find(|sent| discriminant(*sent) == discriminant(&update));
            let is_same = before
                .as_deref()
                .is_some_and(|before| view_models::same(before, &update));
            if is_same && !(is_late && matches!(update, ViewUpdate::Session(_))) {
                continue;
            }
            if let ViewUpdate::Session(_) = update {
                *sent_at = now;
            }
            self.effects.push(update.clone());
            match before {
                Some(before) => *before = update,
                None => sent.push(update),
            }
        }
    }

    pub(super) fn tray_host(&mut self, is_there: bool) {
        self.has_tray_host = is_there;
        if is_there {
            self.state.warnings.remove("tray");
            self.rendered.had_tray = true;
            // Also after a failure: made anew.
            self.rendered.tray = None;
            return;
        }
        // A panel that restarts brings no window up.
        let is_start = !self.rendered.had_tray;
        self.no_tray(None, is_start);
    }

    pub(super) fn tray_failed(&mut self, why: &str) {
        let is_first = !self.state.warnings.contains_key("tray");
        self.no_tray(Some(why.to_owned()), is_first);
    }

    /// The app lives without a tray, by its window.
    fn no_tray(&mut self, details: Option<String>, show_window: bool) {
        self.has_tray_host = false;
        let failure = Failure {
            text: "Hourkey has no tray icon here.".to_owned(),
            remedy: "On GNOME, install and switch on the AppIndicator extension; on other \
                     desktops, add a system tray to the panel. Start Hourkey again to show this \
                     window."
                .to_owned(),
            details,
        };
        self.warn("tray", failure);
        if show_window {
            self.show(None, None);
        }
    }
}
