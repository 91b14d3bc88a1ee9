//! Notifications on Windows and macOS. Clicks do not come back there yet; the tray and the inbox
//! offer the same.

use tokio::sync::mpsc;

use crate::event::Event;
use crate::message::{Notification, NotifyError, Topic};

/// Shows notifications.
pub struct Notifier {
    events: mpsc::Sender<Event>,
}

impl Notifier {
    /// Starts the notifier.
    #[must_use]
    pub fn start(events: mpsc::Sender<Event>) -> Self {
        Self { events }
    }

    /// Shows it.
    pub fn show(&self, notification: Notification) {
        let events = self.events.clone();
        // The systems' calls block.
        tokio::task::spawn_blocking(move || {
            let result = notify_rust::Notification::new()
                .appname("Hourkey")
                .summary(&notification.message.title)
                .body(&notification.message.body)
                .show()
                .map(drop)
                .map_err(|error| NotifyError(error.to_string()));
            let id = notification.id;
            // Nobody listens any more when the app ends.
            let _ = events.blocking_send(Event::Notified { id, result });
        });
    }

    /// These systems take nothing back.
    pub fn withdraw(&self, _topic: Topic) {}
}
