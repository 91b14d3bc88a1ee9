//! The transitions, as values.

use crate::Time;
use crate::audit::AuditAction;
use crate::grant::{Grant, State as GrantState, Window};
use crate::ids::{GrantId, UserId};
use crate::reason::Text;
use crate::request::{CannotApprove, NewRequest, Request, State as RequestState};
use crate::review::Decider;
use crate::unlock::Unlock;

/// One change of a request or a grant.
#[derive(Clone, Debug, PartialEq)]
pub enum Transition {
    /// Somebody asks.
    Requested {
        /// The request.
        request: NewRequest,
        /// Those who are asked to review it.
        reviewers: Vec<UserId>,
    },
    /// A reviewer, or nobody under automatic approval, approves a request.
    Approved {
        /// The request, approved.
        request: Request,
        /// What the approval gives.
        gives: Gives,
    },
    /// A reviewer denies a request.
    Denied {
        /// The request, denied.
        request: Request,
    },
    /// Its requester, or the system, cancels a request.
    Cancelled {
        /// The request, cancelled.
        request: Request,
    },
    /// The system cancels a pending request together with what its requester is told of anyway: an
    /// unlock by an administrator, or the end of the grant that it would extend.
    Superseded {
        /// The request, cancelled.
        request: Request,
    },
    /// Nobody decided a request in time.
    Lapsed {
        /// The request, lapsed.
        request: Request,
    },
    /// An approved request is pending again: its reviewer lost that role before the start.
    Reopened {
        /// What had become of it.
        before: RequestState,
        /// The request, pending.
        request: Request,
        /// Those who are asked to review it.
        reviewers: Vec<UserId>,
    },
    /// A pending request goes to the fallback reviewers: nobody else is left to approve it.
    SentToFallback {
        /// The request.
        request: Request,
        /// Those people.
        people: Vec<UserId>,
        /// Those of them who were not told of it yet.
        untold: Vec<UserId>,
    },
    /// A scheduled grant starts.
    Started(GrantChange),
    /// A grant comes to its end.
    Expired(GrantChange),
    /// Its user gives a grant back.
    Released(GrantChange),
    /// A person, or the system, takes a grant away.
    Revoked(GrantChange),
    /// A reviewer takes an approval back that did not make a grant (rule 12).
    TakenBack {
        /// What had become of the request.
        before: RequestState,
        /// The request, cancelled.
        request: Request,
        /// What the approval had given.
        taken: TakenBack,
    },
    /// An administrator unlocks without a request.
    Unlocked {
        /// The unlock.
        unlock: Unlock,
        /// What the unused days were counted from before.
        last_used: Option<Time>,
        /// When it locks again if it stays unused.
        locks_at: Time,
        /// The administrator's word, possibly empty.
        comment: Text,
    },
}

impl Transition {
    /// The person whose decision it is, where a person decides, and for whom; `actor` is who acts.
    #[must_use]
    pub fn decided_by(&self, actor: Option<UserId>) -> Option<Decider> {
        let decider =
            |by: Option<UserId>, on_behalf_of| by.map(|user| Decider { user, on_behalf_of });
        match self {
            Self::Approved { request, .. } | Self::Denied { request } => match request.state {
                RequestState::Approved {
                    by, on_behalf_of, ..
                } => decider(by, on_behalf_of),
                RequestState::Denied {
                    by, on_behalf_of, ..
                } => decider(Some(by), on_behalf_of),
                RequestState::Pending
                | RequestState::Cancelled { .. }
                | RequestState::Lapsed { .. } => None,
            },
            Self::Revoked(change) => match change.after.state {
                GrantState::Revoked {
                    by, on_behalf_of, ..
                } => decider(by, on_behalf_of),
                GrantState::Scheduled
                | GrantState::Active
                | GrantState::Expired { .. }
                | GrantState::Released { .. } => None,
            },
            Self::Unlocked { .. } => actor.map(Decider::from),
            Self::Requested { .. }
            | Self::Cancelled { .. }
            | Self::Superseded { .. }
            | Self::Lapsed { .. }
            | Self::Reopened { .. }
            | Self::SentToFallback { .. }
            | Self::Started(_)
            | Self::Expired(_)
            | Self::TakenBack { .. }
            | Self::Released(_) => None,
        }
    }

    /// Its name in the audit log.
    #[must_use]
    pub fn action(&self) -> AuditAction {
        match self {
            Self::Requested { .. } => AuditAction::RequestMade,
            Self::Approved { .. } => AuditAction::RequestApproved,
            Self::Denied { .. } => AuditAction::RequestDenied,
            Self::Cancelled { .. } | Self::Superseded { .. } => AuditAction::RequestCancelled,
            Self::Lapsed { .. } => AuditAction::RequestLapsed,
            Self::Reopened { .. } => AuditAction::RequestReopened,
            Self::SentToFallback { .. } => AuditAction::RequestSentToFallback,
            Self::Started(_) => AuditAction::GrantStarted,
            Self::Expired(_) => AuditAction::GrantExpired,
            Self::Released(_) => AuditAction::GrantReleased,
            Self::Revoked(_) => AuditAction::GrantRevoked,
            Self::TakenBack { .. } => AuditAction::RequestUndone,
            Self::Unlocked { .. } => AuditAction::ResourceUnlocked,
        }
    }
}

/// What an approval gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gives {
    /// A grant that runs from now on, or later.
    Grant {
        /// When it runs.
        window: Window,
        /// `Scheduled` when its start lies ahead.
        scheduled: bool,
    },
    /// More time for a running grant.
    Extension {
        /// The grant.
        grant: GrantId,
        /// When it ran before.
        before: Window,
        /// When it runs now.
        window: Window,
    },
    /// An unlock.
    Unlock {
        /// The unlock.
        unlock: Unlock,
        /// When it locks again if it stays unused.
        locks_at: Time,
    },
}

/// What is taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TakenBack {
    /// More time: the grant gets its old end.
    End(Box<GrantChange>),
    /// An unlock: the unused days count as they did before, whatever was used meanwhile.
    Count {
        /// From where they count, where that was noted.
        counted_from: Option<Time>,
        /// When it was last used before.
        used_at: Option<Time>,
        /// From when to when it was unlocked.
        span: (Time, Time),
    },
}

/// A grant before and after a transition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantChange {
    /// Before.
    pub before: Grant,
    /// After.
    pub after: Grant,
}

/// Why a request or grant cannot be changed: it was decided, or ended, before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it was decided, or ended, before")]
pub struct TooLate;

impl From<TooLate> for CannotApprove {
    fn from(_: TooLate) -> Self {
        Self::TooLate
    }
}
