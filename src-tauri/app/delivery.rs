//! What was delivered, what is on its way to the notification server, and what is on the screen.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use hourkey_client::delivery::{DeliveryLog, PendingNotification};
use hourkey_client::model::Model;
use hourkey_domain::ids::{GrantId, RequestId};
use hourkey_domain::lock::LockState;
use hourkey_protocol::notice::{Notice, What};

use crate::message::{NotificationId, Topic};
use crate::state::AppState;

/// What was delivered, and what is on its way to the notification server.
#[derive(Default)]
pub(super) struct Notifications {
    /// What was shown.
    pub(super) log: Log,
    /// Handed to the notification server, which has not answered yet.
    pub(super) in_flight: HashMap<NotificationId, PendingNotification>,
    /// Each notification on the screen, and what makes it stale.
    pub(super) on_screen: HashMap<Topic, StaleWhen>,
    last_id: u64,
}

/// How far the delivery log is.
#[derive(Default)]
pub(super) enum Log {
    /// Not asked for: it is not known yet for whom.
    #[default]
    Closed,
    /// Asked for.
    Opening,
    /// It could not be opened; it is asked for again with the next update.
    Failed,
    /// Open.
    Open(DeliveryLog),
}

/// What makes a notification stale.
#[derive(Clone, Copy)]
pub(super) enum StaleWhen {
    /// The request does not wait for this person's review any more.
    Decided(RequestId),
    /// The grant does not run any more.
    Over(GrantId),
    /// The grant does not run any more, or ends at another moment.
    OverOrExtended(GrantId, DateTime<Utc>),
    /// It stays until the person closes it.
    Never,
}

impl Notifications {
    /// Somebody signed in.
    pub(super) fn begin(&mut self) {
        self.log = Log::Closed;
    }

    /// Nobody is signed in: nothing is due.
    pub(super) fn end(&mut self) {
        self.log = Log::Closed;
        self.in_flight.clear();
    }

    /// Returns the log, if it is open.
    pub(super) fn log(&mut self) -> Option<&mut DeliveryLog> {
        match &mut self.log {
            Log::Open(log) => Some(log),
            Log::Closed | Log::Opening | Log::Failed => None,
        }
    }

    /// A log that could not be opened is asked for once more.
    pub(super) fn retry_opening(&mut self) {
        if let Log::Failed = self.log {
            self.log = Log::Closed;
        }
    }

    /// When something is due next because time passes.
    pub(super) fn next_wake(&self, model: &Model, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match &self.log {
            Log::Open(log) => log.next_wake(model, now),
            Log::Closed | Log::Opening | Log::Failed => None,
        }
    }

    /// True while the notification server was handed this and has not answered.
    pub(super) fn is_in_flight(&self, due: &PendingNotification) -> bool {
        self.in_flight.values().any(|it| same(it, due))
    }

    /// Returns an id that no notification of this run had.
    pub(super) fn next_id(&mut self) -> NotificationId {
        self.last_id += 1;
        NotificationId(self.last_id)
    }
}

impl StaleWhen {
    /// What makes the notification stale that is shown for `pending`.
    pub(super) fn of(pending: &PendingNotification, now: DateTime<Utc>) -> Self {
        match pending {
            PendingNotification::Notice(Notice { what, .. }) => match what {
                // Says itself that the time is over.
                What::Approved { expires_at, .. } if *expires_at <= now => Self::Never,
                What::PleaseReview { request, .. } => Self::Decided(*request),
                What::Approved { grant, .. } | What::Started { grant, .. } => Self::Over(*grant),
                What::Denied { .. }
                | What::Cancelled { .. }
                | What::Lapsed { .. }
                | What::Unlocked { .. }
                | What::Revoked { .. }
                | What::Unknown => Self::Never,
            },
            PendingNotification::EndingSoon { ending, .. } => {
                Self::OverOrExtended(ending.grant, ending.expires_at)
            }
            PendingNotification::Ended(_) => Self::Never,
        }
    }

    /// True when the notification is stale now.
    pub(super) fn is_now(self, state: &AppState, now: DateTime<Utc>) -> bool {
        match self {
            Self::Decided(request) => {
                let mut reviews = state.model().reviews.iter();
                !reviews.any(|review| review.request.id == request)
            }
            Self::OverOrExtended(grant, ends_at) => !state.locks(now).any(|(_, lock)| match lock {
                LockState::Granted {
                    grant: running,
                    expires_at,
                    ..
                } => (running, expires_at) == (grant, ends_at),
                LockState::Open { .. }
                | LockState::Scheduled { .. }
                | LockState::Pending { .. }
                | LockState::Locked { .. } => false,
            }),
            Self::Over(grant) => !state.locks(now).any(|(_, lock)| match lock {
                LockState::Granted { grant: running, .. }
                | LockState::Scheduled { grant: running, .. } => running == grant,
                LockState::Open { .. } | LockState::Pending { .. } | LockState::Locked { .. } => {
                    false
                }
            }),
            Self::Never => false,
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
