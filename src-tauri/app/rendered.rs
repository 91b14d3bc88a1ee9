//! What tray and window show: what they were last sent.

use chrono::{DateTime, TimeDelta, Utc};

use crate::intent::Tab;
use crate::tray::Tray;
use crate::view::ViewUpdate;

/// What tray and window were last sent.
#[derive(Default)]
pub(super) struct Rendered {
    /// The tray; `None` before it is shown, and after a failure.
    pub(super) tray: Option<Tray>,
    /// The window.
    pub(super) window: Window,
    /// There was a tray in this run.
    pub(super) had_tray: bool,
}

/// How far the window is.
#[derive(Default)]
pub(super) enum Window {
    /// There is none.
    #[default]
    Closed,
    /// Built; the page has not asked for its view models yet.
    Loading { tab: Option<Tab> },
    /// The page shows what it was sent.
    Open {
        sent: Vec<ViewUpdate>,
        sent_at: DateTime<Utc>,
    },
}

/// How often the window hears the time, at least.
pub(super) const TIME_SIGNAL: TimeDelta = TimeDelta::minutes(1);

impl Rendered {
    pub(super) fn window_closed(&mut self) {
        self.window = Window::Closed;
    }

    /// When the window must hear the time again.
    pub(super) fn next_push(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match &self.window {
            Window::Open { sent_at, .. } => Some((*sent_at + TIME_SIGNAL).max(now)),
            Window::Closed | Window::Loading { .. } => None,
        }
    }
}
