//! Telling people what happened: each thing once, by a notification and in the inbox.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use hourkey_client::model::Model;
use hourkey_client::told::{ToTell, Told};
use hourkey_domain::ids::{GrantId, RequestId};
use hourkey_domain::lock::LockState;
use hourkey_protocol::notice::{Notice, What};

use tokio::sync::mpsc;

use super::{App, Event};
use crate::effects::Effects;
use crate::notify::{Message, NotShown, Notification, Ticket, Topic, text};
use crate::trouble::Trouble;

/// What was told, and what is being told.
#[derive(Default)]
pub(super) struct Telling {
    /// When the person signed in, on the boot clock; `None` for a kept sign-in.
    signed_in_at: Option<Duration>,
    told: Option<Told>,
    /// Handed to the notification server, which has not answered yet.
    under_way: HashMap<Ticket, ToTell>,
    /// Each notification on the screen, and what makes it stale.
    on_screen: HashMap<Topic, StaleWhen>,
    tickets: u64,
}

/// When a notification says nothing new any more.
#[derive(Clone, Copy)]
enum StaleWhen {
    /// The request does not wait for this person's review any more.
    Decided(RequestId),
    /// The grant does not run any more.
    Over(GrantId),
    Never,
}

/// How long the end of the app waits for the notification server.
const PATIENCE: Duration = Duration::from_secs(1);

impl Telling {
    /// Somebody signed in.
    pub(super) fn begin(&mut self, signed_in_at: Option<Duration>) {
        self.told = None;
        self.signed_in_at = signed_in_at;
    }

    /// Nobody is signed in: nothing is due.
    pub(super) fn end(&mut self) {
        self.told = None;
        self.under_way.clear();
    }

    /// When something is due next because time passes.
    pub(super) fn next_wake(&self, model: &Model, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.told.as_ref()?.next_wake(model, now)
    }

    fn ticket(&mut self) -> Ticket {
        self.tickets += 1;
        Ticket(self.tickets)
    }
}

impl<E: Effects> App<E> {
    /// Tells what is due and is not under way yet; takes back what is stale.
    pub(super) fn tell(&mut self, now: DateTime<Utc>) {
        if !self.open_told() {
            return;
        }
        let Some(told) = &mut self.telling.told else {
            return;
        };
        if let Err(error) = told.observe(&self.state.model, now) {
            tracing::warn!(%error, "which grants run could not be remembered");
        }
        for due in told.due(&self.state.model, now) {
            if !self.telling.under_way.values().any(|it| same(it, &due)) {
                self.tell_one(due, now);
            }
        }
        self.take_back(now);
    }

    /// The notification server answered: told, or not to be told by it. Either way it is kept in
    /// the inbox, and not tried again.
    pub(super) fn notified(&mut self, ticket: Ticket, result: Result<(), NotShown>) {
        match result {
            Ok(()) => {
                self.state.warnings.remove("notifications");
            }
            Err(NotShown(why)) => self.warn(
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
        if let Some(told) = self.telling.under_way.remove(&ticket) {
            self.mark(&told);
        }
    }

    /// Before the app ends: what was just handed to the notification server is not told again by
    /// the next run, if the server answers in time.
    pub(super) async fn wait_for_answers(&mut self, events: &mut mpsc::Receiver<Event>) {
        let answers = async {
            while !self.telling.under_way.is_empty() {
                match events.recv().await {
                    Some(Event::Notified { ticket, result }) => self.notified(ticket, result),
                    Some(_) => {}
                    None => return,
                }
            }
        };
        if tokio::time::timeout(PATIENCE, answers).await.is_err() {
            tracing::warn!("the notification service did not answer; something may be told again");
        }
    }

    /// Tells that something did not work which the person asked for outside of the window.
    pub(super) fn tell_failure(&mut self, sentence: String) {
        self.tell_now(Topic::Failure, text::failure(sentence));
    }

    /// Tells something of this machine, which is not remembered.
    pub(super) fn tell_now(&mut self, topic: Topic, message: Message) {
        let ticket = self.telling.ticket();
        self.effects.notify(Notification {
            ticket,
            topic,
            message,
        });
    }

    /// Opens the record of what was told, once it is known for whom. False while it is not.
    fn open_told(&mut self) -> bool {
        let (Some(controller), false) = (&self.state.controller, self.state.is_loading()) else {
            return false;
        };
        if self.telling.told.is_some() {
            return true;
        }
        let model = &self.state.model;
        let signed_in = self
            .telling
            .signed_in_at
            .and_then(|boot| model.clock.now(boot));
        match Told::open(&self.folders.told_file(), controller, model, signed_in) {
            Ok(told) => {
                self.state.read_until = told.read_until();
                self.telling.told = Some(told);
                self.state.warnings.remove("state");
            }
            Err(error) => {
                let folder = self.folders.state.display();
                let trouble = Trouble {
                    text: "What you were told cannot be remembered, so nothing is told.".to_owned(),
                    remedy: format!("Make the folder {folder} writable."),
                    details: Some(error.to_string()),
                };
                if !self.state.warnings.contains_key("state") {
                    self.warn("state", trouble);
                }
            }
        }
        self.telling.told.is_some()
    }

    fn tell_one(&mut self, due: ToTell, now: DateTime<Utc>) {
        let is_notice = matches!(due, ToTell::Notice(_));
        if !is_notice {
            self.state.endings.push((now, due.clone()));
        }
        if !self.state.config.notifications {
            return self.mark(&due);
        }
        let (topic, message) = text::told(&self.state, &due, now);
        let ticket = self.telling.ticket();
        self.telling.on_screen.insert(topic, stale_when(&due, now));
        self.telling.under_way.insert(ticket, due);
        self.effects.notify(Notification {
            ticket,
            topic,
            message,
        });
    }

    /// The person looks at their inbox.
    pub(super) fn read_inbox(&mut self) {
        let now = self.now();
        let Some(record) = &mut self.telling.told else {
            return;
        };
        if let Err(error) = record.mark_read(now) {
            tracing::warn!(%error, "what was read could not be remembered; it may be new again");
        }
        self.state.read_until = record.read_until();
    }

    fn mark(&mut self, told: &ToTell) {
        let Some(record) = &mut self.telling.told else {
            return;
        };
        if let Err(error) = record.mark(told) {
            tracing::warn!(%error, "what was told could not be remembered; it may be told again");
        }
    }

    fn take_back(&mut self, now: DateTime<Utc>) {
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
        for (topic, _) in self.telling.on_screen.extract_if(|_, when| is_stale(when)) {
            self.effects.withdraw(topic);
        }
    }
}

/// True when both are about the same.
fn same(one: &ToTell, other: &ToTell) -> bool {
    match (one, other) {
        (ToTell::Notice(one), ToTell::Notice(other)) => one.id == other.id,
        (
            ToTell::EndingSoon {
                warning, ending, ..
            },
            ToTell::EndingSoon {
                warning: other_warning,
                ending: other,
                ..
            },
        ) => warning == other_warning && ending == other,
        (ToTell::Ended(one), ToTell::Ended(other)) => one == other,
        (ToTell::Notice(_) | ToTell::EndingSoon { .. } | ToTell::Ended(_), _) => false,
    }
}

fn stale_when(told: &ToTell, now: DateTime<Utc>) -> StaleWhen {
    match told {
        ToTell::Notice(Notice { what, .. }) => match what {
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
        ToTell::EndingSoon { ending, .. } => StaleWhen::Over(ending.grant),
        ToTell::Ended(_) => StaleWhen::Never,
    }
}
