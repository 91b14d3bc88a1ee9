//! The tray: what it shows is a pure function of the state; a backend renders it.

pub mod backend;
pub mod icon;
pub mod menu;
#[cfg(target_os = "linux")]
pub mod watch;

use chrono::{DateTime, Utc};
use hourkey_domain::lock::LockState;

use crate::state::{AppState, SignIn};
use icon::Icon;
use menu::Menu;

/// All that the tray shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tray {
    /// The icon.
    pub icon: Icon,
    /// Whether the icon has the mark of unread notices.
    pub is_marked: bool,
    /// What is said when the pointer rests on it.
    pub tooltip: String,
    /// The menu.
    pub menu: Menu,
}

impl Tray {
    /// The tray for this state.
    #[must_use]
    pub fn of(state: &AppState, now: DateTime<Utc>) -> Self {
        Self {
            icon: icon::icon(state, now),
            is_marked: state.unread() > 0,
            tooltip: tooltip(state, now),
            menu: menu::menu(state, now),
        }
    }
}

/// For example `Hourkey: 2 open, 1 waiting`.
fn tooltip(state: &AppState, now: DateTime<Utc>) -> String {
    match &state.sign_in {
        SignIn::SignedOut { .. } => return "Hourkey: signed out".to_owned(),
        SignIn::SigningIn { .. } => return "Hourkey: signing in".to_owned(),
        SignIn::SignedIn(session) if session.offline().is_some() => {
            return "Hourkey: offline".to_owned();
        }
        SignIn::Resuming { .. } | SignIn::SignedIn(_) => {}
    }
    let (mut open, mut waiting) = (0, 0);
    for (_, lock) in state.locks(now) {
        match lock {
            LockState::Granted { .. } => open += 1,
            LockState::Pending { .. } => waiting += 1,
            LockState::Open { .. } | LockState::Scheduled { .. } | LockState::Locked { .. } => {}
        }
    }
    let parts = [
        (open, "open"),
        (waiting, "waiting"),
        (state.reviews_to_decide(), "to review"),
        (state.unread(), "new in the inbox"),
    ];
    let said: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    if said.is_empty() {
        "Hourkey".to_owned()
    } else {
        format!("Hourkey: {}", said.join(", "))
    }
}
