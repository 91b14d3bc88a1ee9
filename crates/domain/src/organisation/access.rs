//! The past and the present between one user and one resource.

use chrono::{DateTime, Utc};

use crate::grant::{Grant, State as GrantState};
use crate::ids::{GrantId, RequestId};
use crate::request::Request;
use crate::transition::Granted;

/// All that is kept between one user and one resource. Boxed, because most of it is absent most of
/// the time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// The pending request.
    pub pending: Option<Box<Request>>,
    /// The scheduled or active grant, with its request.
    pub grant: Option<Box<Granted>>,
    /// The history.
    pub history: AccessHistory,
    /// The request that [`AccessHistory::denied`] names.
    pub denied: Option<Box<Request>>,
    /// The grant that [`AccessHistory::taken`] names.
    pub taken: Option<Box<Grant>>,
}

impl Access {
    /// True when a request waits, or a grant is scheduled or runs.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.pending.is_some() || self.grant.is_some()
    }

    /// True when a request waits or a grant is scheduled: what a change of reviewers bears on
    /// (rules 7 and 14).
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        let scheduled = |granted: &Granted| granted.grant.state == GrantState::Scheduled;
        self.pending.is_some() || self.grant.as_deref().is_some_and(scheduled)
    }

    /// True when there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.is_open()
            && self.history == AccessHistory::default()
            && self.denied.is_none()
            && self.taken.is_none()
    }
}

/// The history between one user and one resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccessHistory {
    /// When the user's last request was denied; `None` when it came to anything else.
    pub denied_at: Option<DateTime<Utc>>,
    /// That request.
    pub denied: Option<RequestId>,
    /// When a person last revoked a grant of the user (rule 11).
    pub revoked_at: Option<DateTime<Utc>>,
    /// When a grant of the user was last revoked, by a person or the system.
    pub taken_at: Option<DateTime<Utc>>,
    /// That grant.
    pub taken: Option<GrantId>,
    /// When the user last asked.
    pub asked_at: Option<DateTime<Utc>>,
    /// When the user last used it: the newest start or end of their connections.
    pub used_at: Option<DateTime<Utc>>,
    /// Under auto-lock: when it was last unlocked. (Until version 13 of the database also when it was
    /// first assigned to the user; today's assignments say that themselves.)
    pub counted_from: Option<DateTime<Utc>>,
}

impl AccessHistory {
    /// When it was last used or unlocked, as in [`crate::lock::Facts`].
    #[must_use]
    pub fn last_used(&self) -> Option<DateTime<Utc>> {
        self.used_at.max(self.counted_from)
    }
}
