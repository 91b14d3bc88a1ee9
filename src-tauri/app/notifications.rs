//! Notifications people what happened: each thing once, by a notification and in the inbox.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use hourkey_client::delivery::{DeliveryLog, PendingNotification};
use hourkey_client::model::Model;
use hourkey_domain::ids::{GrantId, RequestId};
use hourkey_domain::lock::LockState;
use hourkey_protocol::notice::{Notice, What};

use tokio::sync::mpsc;

use super::{App, Event};
use crate::effects::Effects;
use crate::notify::{Message, Notification, NotificationId, NotifyError, Topic, text};
use crate::trouble::Trouble;

/// What was delivered, and what is on its way to the notification server.
#[derive(Default)]
pub(super) struct Notifications {
    /// When the person signed in, on the boot clock; `None` for a kept sign-in.
    signed_in_at: Option<Duration>,
    log: Option<DeliveryLog>,
    /// Handed to the notification server, which has not answered yet.
    in_flight: HashMap<NotificationId, PendingNotification>,
    /// Each notification on the screen, and what makes it stale.
    on_screen: HashMap<Topic, StaleWhen>,
    last_id: u64,
}

/// What makes a notification stale.
#[derive(Clone, Copy)]
enum StaleWhen {
    /// The request does not wait for this person's review any more.
    Decided(RequestId),
    /// The grant does not run any more.
    Over(GrantId),
    Never,
}

/// How long the app waits for the notification server when it ends.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

impl Notifications {
    /// Somebody signed in.
    pub(super) fn begin(&mut self, signed_in_at: Option<Duration>) {
        self.log = None;
        self.signed_in_at = signed_in_at;
    }

    /// Nobody is signed in: nothing is due.
    pub(super) fn end(&mut self) {
        self.log = None;
        self.in_flight.clear();
    }

    /// When something is due next because time passes.
    pub(super) fn next_wake(&self, model: &Model, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.log.as_ref()?.next_wake(model, now)
    }

    fn next_id(&mut self) -> NotificationId {
        self.last_id += 1;
        NotificationId(self.last_id)
    }
}

impl<E: Effects> App<E> {
    /// Shows what is due and not in flight yet; withdraws what is stale.
    pub(super) fn notify_due(&mut self, now: DateTime<Utc>) {
        if !self.open_delivery_log() {
            return;
        }
        let Some(log) = &mut self.notifications.log else {
            return;
        };
        if let Err(error) = log.observe(&self.state.model, now) {
            tracing::warn!(%error, "cannot save which grants run");
        }
        for due in log.due(&self.state.model, now) {
            if !self
                .notifications
                .in_flight
                .values()
                .any(|it| same(it, &due))
            {
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
                Trouble {
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

    /// Opens the delivery log, once it is known for whom. False while it is not.
    fn open_delivery_log(&mut self) -> bool {
        let (Some(controller), false) = (&self.state.controller, self.state.is_loading()) else {
            return false;
        };
        if self.notifications.log.is_some() {
            return true;
        }
        let model = &self.state.model;
        let signed_in = self
            .notifications
            .signed_in_at
            .and_then(|boot| model.clock.now(boot));
        match DeliveryLog::open(&self.folders.delivery_file(), controller, model, signed_in) {
            Ok(log) => {
                self.state.read_until = log.read_until();
                self.notifications.log = Some(log);
                self.state.warnings.remove("state");
            }
            Err(error) => {
                let folder = self.folders.state.display();
                let trouble = Trouble {
                    text:
                        "Hourkey cannot save which notifications you have seen, so it shows none."
                            .to_owned(),
                    remedy: format!("Make the folder {folder} writable."),
                    details: Some(error.to_string()),
                };
                if !self.state.warnings.contains_key("state") {
                    self.warn("state", trouble);
                }
            }
        }
        self.notifications.log.is_some()
    }

    fn notify_one(&mut self, due: PendingNotification, now: DateTime<Utc>) {
        let is_notice = matches!(due, PendingNotification::Notice(_));
        if !is_notice {
            self.state.endings.push((now, due.clone()));
        }
        if !self.state.config.notifications {
            return self.mark_delivered(&due);
        }
        let (topic, message) = text::pending(&self.state, &due, now);
        let id = self.notifications.next_id();
        self.notifications
            .on_screen
            .insert(topic, stale_when(&due, now));
        self.notifications.in_flight.insert(id, due);
        self.effects.notify(Notification { id, topic, message });
    }

    /// Marks the inbox as read.
    pub(super) fn read_inbox(&mut self) {
        let now = self.now();
        let Some(log) = &mut self.notifications.log else {
            return;
        };
        if let Err(error) = log.mark_read(now) {
            tracing::warn!(%error, "cannot save up to when the inbox was read; it may be unread again");
        }
        self.state.read_until = log.read_until();
    }

    fn mark_delivered(&mut self, delivered: &PendingNotification) {
        let Some(log) = &mut self.notifications.log else {
            return;
        };
        if let Err(error) = log.mark_delivered(delivered) {
            tracing::warn!(%error, "cannot save that a notification was delivered; it may come again");
        }
    }

    fn withdraw_stale(&mut self, now: DateTime<Utc>) {
        let state = &self.state;
        let is_stale = |when: &StaleWhen| match *when {
            StaleWhen::Decided(request) => {
                let mut reviews = state.model.reviews.iter();
                !reviews.any(|review| review.request.id == request)
            }
            StaleWhen::Over(grant) => !state.locks(now).any(|(_, lock)| match lock {
                LockState::Granted { grant: running, .. }
                | LockState::Scheduled { grant: running, .. } => running == grant,
                LockState::Open { .. } | LockState::Pending { .. } | LockState::Locked { .. } => {
                    false
                }
            }),
            StaleWhen::Never => false,
        };
        for (topic, _) in self
            .notifications
            .on_screen
            .extract_if(|_, when| is_stale(when))
        {
            self.effects.withdraw(topic);
        }
    }
}

/// True when both are about the same.
fn same(one: &PendingNotification, other: &PendingNotification) -> bool {
    match (one, other) {
        (PendingNotification::Notice(one), PendingNotification::Notice(other)) => {
            one.id == other.id
        }
        (
            PendingNotification::EndingSoon {
                warning, ending, ..
            },
            PendingNotification::EndingSoon {
                warning: other_warning,
                ending: other,
                ..
            },
        ) => warning == other_warning && ending == other,
        (PendingNotification::Ended(one), PendingNotification::Ended(other)) => one == other,
        (
            PendingNotification::Notice(_)
            | PendingNotification::EndingSoon { .. }
            | PendingNotification::Ended(_),
            _,
        ) => false,
    }
}

fn stale_when(pending: &PendingNotification, now: DateTime<Utc>) -> StaleWhen {
    match pending {
        PendingNotification::Notice(Notice { what, .. }) => match what {
            // Says itself that the time is over.
            What::Approved { expires_at, .. } if *expires_at <= now => StaleWhen::Never,
            What::PleaseReview { request, .. } => StaleWhen::Decided(*request),
            What::Approved { grant, .. } | What::Started { grant, .. } => StaleWhen::Over(*grant),
            What::Denied { .. }
            | What::Cancelled { .. }
            | What::Lapsed { .. }
            | What::Unlocked { .. }
            | What::Revoked { .. }
            | What::Unknown => StaleWhen::Never,
        },
        PendingNotification::EndingSoon { ending, .. } => StaleWhen::Over(ending.grant),
        PendingNotification::Ended(_) => StaleWhen::Never,
    }
}
