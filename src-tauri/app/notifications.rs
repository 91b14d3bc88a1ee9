//! Notifies people of what happened: each thing once, by a notification and in the inbox.

use std::time::Duration;

use chrono::{DateTime, Utc};
use hourkey_client::delivery::{DeliveryLog, DeliveryStart, PendingNotification};
use tokio::sync::mpsc;

use super::App;
use super::delivery::{Log, StaleWhen};
use crate::effects::Effects;
use crate::event::Event;
use crate::failure::Failure;
use crate::message::{Message, Notification, NotificationId, NotifyError, Topic};
use crate::notify::text;

/// How long the app waits for the notification server when it ends.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

impl<E: Effects> App<E> {
    /// Shows what is due and not in flight yet; withdraws what is stale.
    pub(super) fn notify_due(&mut self, now: DateTime<Utc>) {
        self.open_delivery_log();
        let Some(log) = self.notifications.log() else {
            return;
        };
        log.observe(self.state.model(), now);
        for due in log.due(self.state.model(), now) {
            if !self.notifications.is_in_flight(&due) {
                self.notify_one(due, now);
            }
        }
        self.withdraw_stale(now);
    }

    /// Handles the answer of the notification server. Whether shown or not, the notice stays in the
    /// inbox, and is not shown again.
    pub(super) fn notified(&mut self, id: NotificationId, result: Result<(), NotifyError>) {
        match result {
            Ok(()) => {
                self.state.warnings.remove("notifications");
            }
            Err(NotifyError(why)) => self.warn(
                "notifications",
                Failure {
                    text: "Notifications cannot be shown.".to_owned(),
                    remedy: "Start a notification service, or switch notifications off. \
                             Everything is kept in the inbox."
                        .to_owned(),
                    details: Some(why),
                },
            ),
        }
        if let Some(delivered) = self.notifications.in_flight.remove(&id) {
            self.mark_delivered(&delivered);
        }
    }

    /// Before the app ends: what was just handed to the notification server is not shown again by
    /// the next run, if the server answers in time.
    pub(super) async fn wait_for_answers(&mut self, events: &mut mpsc::Receiver<Event>) {
        let answers = async {
            while !self.notifications.in_flight.is_empty() {
                match events.recv().await {
                    Some(Event::Notified { id, result }) => self.notified(id, result),
                    Some(_) => {}
                    None => return,
                }
            }
        };
        if tokio::time::timeout(ANSWER_TIMEOUT, answers).await.is_err() {
            tracing::warn!(
                "no answer from the notification service; a notification may come again"
            );
        }
        self.save_delivery_log();
    }

    /// Notifies of something that the person asked for outside of the window and that failed.
    pub(super) fn notify_failure(&mut self, sentence: String) {
        self.notify_now(Topic::Failure, text::failure(sentence));
    }

    /// Notifies of something on this machine, which the delivery log does not keep.
    pub(super) fn notify_now(&mut self, topic: Topic, message: Message) {
        let id = self.notifications.next_id();
        self.effects.notify(Notification { id, topic, message });
    }

    /// Asks for the delivery log, once it is known for whom.
    fn open_delivery_log(&mut self) {
        let (Log::Closed, Some(session)) = (&self.notifications.log, self.state.session()) else {
            return;
        };
        if session.model.me.is_none() {
            return;
        }
        let clock = &session.model.clock;
        let signed_in = session.signed_in_at.and_then(|boot| clock.now(boot));
        let start = DeliveryStart::of(&session.controller, &session.model, signed_in);
        self.notifications.log = Log::Opening;
        self.effects.open_delivery_log(session.id, start);
    }

    /// The delivery log is open, or what the system said.
    pub(super) fn delivery_log_opened(&mut self, result: Result<DeliveryLog, String>) {
        match result {
            Ok(log) => {
                self.set_read_until(log.read_until());
                self.notifications.log = Log::Open(log);
                self.state.warnings.remove("state");
            }
            Err(error) => {
                self.notifications.log = Log::Failed;
                let folder = self.folders.state.display();
                let failure = Failure {
                    text:
                        "Hourkey cannot save which notifications you have seen, so it shows none."
                            .to_owned(),
                    remedy: format!("Make the folder {folder} writable."),
                    details: Some(error),
                };
                if !self.state.warnings.contains_key("state") {
                    self.warn("state", failure);
                }
            }
        }
    }

    /// Saves what changed in the delivery log.
    pub(super) fn save_delivery_log(&mut self) {
        let changes = self.notifications.log().and_then(DeliveryLog::changes);
        if let Some(file) = changes {
            self.effects.save_delivery_log(file);
        }
    }

    fn notify_one(&mut self, due: PendingNotification, now: DateTime<Utc>) {
        let is_notice = matches!(due, PendingNotification::Notice(_));
        if !is_notice && let Some(session) = self.state.sign_in.session_mut() {
            session.endings.push((now, due.clone()));
        }
        if !self.state.config.notifications {
            return self.mark_delivered(&due);
        }
        let (topic, message) = text::pending(&self.state, &due, now);
        let id = self.notifications.next_id();
        self.notifications
            .on_screen
            .insert(topic, StaleWhen::of(&due, now));
        self.notifications.in_flight.insert(id, due);
        self.effects.notify(Notification { id, topic, message });
    }

    /// Marks the inbox as read.
    pub(super) fn read_inbox(&mut self) {
        let now = self.now();
        let Some(log) = self.notifications.log() else {
            return;
        };
        log.mark_read(now);
        let read_until = log.read_until();
        self.set_read_until(read_until);
    }

    fn set_read_until(&mut self, read_until: Option<DateTime<Utc>>) {
        if let Some(session) = self.state.sign_in.session_mut() {
            session.read_until = read_until;
        }
    }

    fn mark_delivered(&mut self, delivered: &PendingNotification) {
        if let Some(log) = self.notifications.log() {
            log.mark_delivered(delivered);
        }
    }

    fn withdraw_stale(&mut self, now: DateTime<Utc>) {
        let state = &self.state;
        let on_screen = &mut self.notifications.on_screen;
        for (topic, _) in on_screen.extract_if(|_, when| when.is_now(state, now)) {
            self.effects.withdraw(topic);
        }
    }
}
