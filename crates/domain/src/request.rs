//! The life cycle of an access request: `Pending → Approved | Denied | Cancelled | Lapsed`.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::cause::Cause;
use crate::extension::{AddsNothing, Extension, OpenWhileUsed, is_for_a_time};
use crate::grant::Window;
use crate::ids::{AssignmentId, GrantId, GroupId, RequestId, ResourceId, UserId};
use crate::length::Length;
use crate::reason::Text;
use crate::review::Decider;
use crate::settings::{Approval, EffectiveAssignment, Mode, Period, approval_in_force};
use crate::{Time, later};

/// A pending request lapses after this, unless configured otherwise (rule 4).
pub const DEFAULT_LAPSE: TimeDelta = TimeDelta::hours(24);

/// A start lies ahead by this at most (rule 5).
pub const MAX_AHEAD: Length = Length::WEEK;

/// What a request is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// A grant.
    #[default]
    Grant,
    /// The unlocking of an auto-locked resource ([`crate::unlock`]).
    Unlock,
    /// More time for this running grant ([`crate::extension`]).
    Extension(GrantId),
}

impl Purpose {
    /// The grant that it would extend.
    #[must_use]
    pub fn extends(self) -> Option<GrantId> {
        match self {
            Self::Extension(grant) => Some(grant),
            Self::Grant | Self::Unlock => None,
        }
    }

    /// What kind of request it is, in one word: `access`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Grant => "access",
            Self::Unlock => "unlock",
            Self::Extension(_) => "extension",
        }
    }
}

/// The terms under which a request was made: a snapshot of its assignment (rule 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// What it is for, which the assignment's mode decides.
    #[serde(default)]
    pub purpose: Purpose,
    /// The assignment chosen.
    pub assignment: AssignmentId,
    /// Its group.
    pub group: GroupId,
    /// The period at the time of asking.
    pub period: Period,
    /// The approval at the time of asking.
    pub approval: Approval,
    /// The assignment's end at the time of asking.
    pub until: Option<Time>,
}

/// An access request and its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its id.
    pub id: RequestId,
    /// Who asks.
    pub user: UserId,
    /// For what.
    pub resource: ResourceId,
    /// On which terms.
    pub terms: Terms,
    /// Why, as typed.
    pub reason: Text,
    /// For how long.
    pub asked: Length,
    /// When access should start; `None` for at approval.
    pub starts_at: Option<Time>,
    /// When it was made.
    pub created_at: Time,
    /// When it lapses if nobody decides.
    pub lapses_at: Time,
    /// What became of it.
    pub state: State,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// Waits for a reviewer.
    Pending,
    /// Made a grant.
    Approved {
        /// When.
        at: Time,
        /// By whom; `None` when automatic.
        by: Option<UserId>,
        /// The reviewer whose deputy they were, if so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        on_behalf_of: Option<UserId>,
        /// For how long.
        length: Length,
        /// The reviewer's word, possibly empty.
        comment: Text,
    },
    /// Refused by a reviewer.
    Denied {
        /// When.
        at: Time,
        /// By whom.
        by: UserId,
        /// The reviewer whose deputy they were, if so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        on_behalf_of: Option<UserId>,
        /// Why.
        comment: Text,
    },
    /// Withdrawn by its requester, or by the system with a cause.
    Cancelled {
        /// When.
        at: Time,
        /// By whom; `None` for the system.
        by: Option<UserId>,
        /// Why.
        cause: Cause,
    },
    /// Nobody decided in time.
    Lapsed {
        /// When.
        at: Time,
    },
}

/// Why a request cannot be made (rules 4, 5 and 10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotAsk {
    /// The requester does not see the resource, or not through the assignment they chose (rule 1).
    #[error("no such resource")]
    NotVisible,
    /// The resource is disabled.
    #[error("this resource is disabled")]
    Disabled,
    /// Standing and auto-lock resources need no grant.
    #[error("this resource needs no request: it is open")]
    NotNeeded,
    /// Automatic approval needs a reason that can be seen (rule 10).
    #[error("a reason is needed: this resource opens at once, and the reason is kept")]
    BlankReason,
    /// More than the period allows.
    #[error("at most {0} may be asked for here")]
    TooLong(Length),
    /// An unlock holds while the resource is used: it has neither a length nor a start.
    #[error("an unlock has no length and no start")]
    UnlockHasNoLength,
    /// No grant runs that could be extended.
    #[error("no access runs here that could be extended")]
    NothingToExtend,
    /// An extension begins where access is already.
    #[error("an extension has no start")]
    ExtensionHasNoStart,
    /// It would make access last hardly longer.
    #[error(transparent)]
    AddsNothing(#[from] AddsNothing),
    /// Its assignment gives access for no time any more that could be extended.
    #[error(transparent)]
    OpenWhileUsed(#[from] OpenWhileUsed),
    /// The start is not in the future, or too far away.
    #[error("the start must lie in the future, and within 7 days")]
    BadStart,
    /// There is access already, or a request for it, with another start (rule 4).
    #[error("there is access or a request already, with another start")]
    AnotherStart {
        /// Until when access lasts; `None` for a request that waits.
        until: Option<Time>,
    },
    /// Less than a minute is left of the assignment.
    #[error("the group's access to this resource ends too soon")]
    EndsTooSoon,
    /// Nobody may approve it (rule 14).
    #[error("nobody else can approve this")]
    NobodyCanApprove {
        /// After a revocation: automatic approval comes back by itself (rule 11).
        opens_again: bool,
    },
}

/// What somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Why.
    pub reason: Text,
    /// For how long; `None` for [`Period::usual`].
    pub length: Option<Length>,
    /// When access should start; `None` for at approval.
    pub starts_at: Option<Time>,
}

/// A valid request that has no id yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRequest {
    /// Who asks.
    pub user: UserId,
    /// For what.
    pub resource: ResourceId,
    /// On which terms.
    pub terms: Terms,
    /// Why.
    pub reason: Text,
    /// For how long.
    pub asked: Length,
    /// When access should start; `None` for at approval.
    pub starts_at: Option<Time>,
    /// When it was made.
    pub created_at: Time,
    /// When it lapses.
    pub lapses_at: Time,
}

impl NewRequest {
    /// The request as it is kept under this id: pending.
    #[must_use]
    pub fn numbered(self, id: RequestId) -> Request {
        Request {
            id,
            user: self.user,
            resource: self.resource,
            terms: self.terms,
            reason: self.reason,
            asked: self.asked,
            starts_at: self.starts_at,
            created_at: self.created_at,
            lapses_at: self.lapses_at,
            state: State::Pending,
        }
    }
}

/// Checks what somebody asks for against the assignment they chose (rules 4, 5, 10 and 11).
///
/// `revoked_at` is the last time a person revoked a grant of this user for this resource. A
/// request lapses `lapse` after it was made, or at the start that it asks for.
///
/// # Errors
/// [`CannotAsk`], naming the rule that is in the way.
pub fn ask(
    user: UserId,
    resource: ResourceId,
    assignment: &EffectiveAssignment,
    ask: Ask,
    revoked_at: Option<Time>,
    lapse: TimeDelta,
    now: Time,
) -> Result<NewRequest, CannotAsk> {
    match assignment.settings.mode {
        Mode::Standing | Mode::AutoLock => return Err(CannotAsk::NotNeeded),
        Mode::AccessRequest => {}
    }
    write(
        Purpose::Grant,
        user,
        resource,
        assignment,
        ask,
        revoked_at,
        lapse,
        now,
    )
}

/// [`ask`], whatever the mode of the assignment.
#[expect(clippy::too_many_arguments, reason = "those of `ask`, and what for")]
pub(crate) fn write(
    purpose: Purpose,
    user: UserId,
    resource: ResourceId,
    assignment: &EffectiveAssignment,
    ask: Ask,
    revoked_at: Option<Time>,
    lapse: TimeDelta,
    now: Time,
) -> Result<NewRequest, CannotAsk> {
    let approval = approval_in_force(assignment, revoked_at, now);
    match approval {
        Approval::Automatic if ask.reason.is_blank() => return Err(CannotAsk::BlankReason),
        Approval::Automatic | Approval::Manual => {}
    }
    let longest = assignment.settings.period.longest();
    let asked = ask.length.unwrap_or(assignment.settings.period.usual());
    if asked > longest {
        return Err(CannotAsk::TooLong(longest));
    }
    if ask
        .starts_at
        .is_some_and(|at| at <= now || at > MAX_AHEAD.after(now))
    {
        return Err(CannotAsk::BadStart);
    }
    let start = ask.starts_at.unwrap_or(now);
    if assignment
        .until
        .is_some_and(|until| until < Length::MIN.after(start))
    {
        return Err(CannotAsk::EndsTooSoon);
    }
    Ok(NewRequest {
        user,
        resource,
        terms: Terms {
            purpose,
            assignment: assignment.assignment,
            group: assignment.group,
            period: assignment.settings.period,
            approval,
            until: assignment.until,
        },
        reason: ask.reason,
        asked,
        starts_at: ask.starts_at,
        created_at: now,
        lapses_at: ask.starts_at.unwrap_or_else(|| later(now, lapse)),
    })
}

/// A request known to be pending: the only one that can be decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending(Request);

/// Why an approval cannot be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotApprove {
    /// It was decided, or cancelled, before.
    #[error("the request was decided before")]
    TooLate,
    /// The request lapsed.
    #[error("the request lapsed before it was decided")]
    Lapsed,
    /// A reviewer may shorten, never lengthen (rule 5).
    #[error("a reviewer may shorten, never lengthen: at most {0}")]
    Lengthened(Length),
    /// An unlock holds while the resource is used.
    #[error("an unlock has no length")]
    UnlockHasNoLength,
    /// Less than a minute would be left before the assignment ends.
    #[error("the group's access to this resource ends too soon")]
    EndsTooSoon,
    /// An extension would make access last hardly longer.
    #[error(transparent)]
    AddsNothing(#[from] AddsNothing),
    /// As it cannot be asked for.
    #[error(transparent)]
    OpenWhileUsed(#[from] OpenWhileUsed),
    /// Nobody approves their own request (rule 6).
    #[error("nobody decides their own request")]
    OwnRequest,
    /// Automatic approval was not on, or is no longer: a reviewer decides (rules 6 and 7).
    #[error("this request needs a reviewer: it does not open at once")]
    NeedsReviewer,
}

impl Request {
    /// The request, if it can still be decided at `now`.
    ///
    /// # Errors
    /// The request itself, when it is decided already. A lapsed one that nobody swept yet comes
    /// back with its state set to [`State::Lapsed`]: at equal instants the ending wins (rule 7).
    #[expect(
        clippy::result_large_err,
        reason = "the error is the request, given back"
    )]
    pub fn pending(self, now: Time) -> Result<Pending, Request> {
        match self.state {
            State::Pending if now < self.lapses_at => Ok(Pending(self)),
            State::Pending => {
                let at = self.lapses_at;
                Err(Request {
                    state: State::Lapsed { at },
                    ..self
                })
            }
            State::Approved { .. }
            | State::Denied { .. }
            | State::Cancelled { .. }
            | State::Lapsed { .. } => Err(self),
        }
    }
}

impl Request {
    /// What it asks of a grant that runs so, on the live assignment.
    #[must_use]
    pub fn extension(&self, running: Window, live: &EffectiveAssignment) -> Extension {
        let longest = self.terms.period.longest();
        let longest = longest.min(live.settings.period.longest());
        Extension {
            running,
            asked: self.asked.min(longest),
            longest,
            total: self.terms.period.total(live.total),
            until: self.until(live),
        }
    }

    /// When the assignment ends along which it asks, as snapshot and live assignment have it: access lasts
    /// no longer.
    #[must_use]
    pub fn until(&self, live: &EffectiveAssignment) -> Option<Time> {
        [self.terms.until, live.until].into_iter().flatten().min()
    }

    /// An extension that goes with its grant, though nobody decided it up to that very moment
    /// (rule 7).
    pub(crate) fn ended_with_its_grant(self, cause: Cause, now: Time) -> Self {
        Pending(self).cancel(None, cause, now)
    }
}

impl Pending {
    /// The request.
    #[must_use]
    pub fn request(&self) -> &Request {
        &self.0
    }

    /// The request, as it is.
    pub(crate) fn into_request(self) -> Request {
        self.0
    }

    /// Approves: the request's final state, and when its grant runs (rules 5, 6 and 7).
    ///
    /// `by` is `None` for automatic approval, and `live` the request's own assignment as it is now (an
    /// unlock is approved by [`crate::unlock::Locked::approve`]). The
    /// length is the shortest of what was asked, what the reviewer allows, and what the snapshot
    /// and the live assignment allow; it never passes the assignment's end. The clock starts at `now`, or
    /// at the scheduled start.
    ///
    /// # Errors
    /// [`CannotApprove`]; the request stays as it was in the store.
    pub fn approve(
        self,
        by: Option<Decider>,
        allowed: Option<Length>,
        comment: Text,
        live: &EffectiveAssignment,
        now: Time,
    ) -> Result<(Request, Window), CannotApprove> {
        self.may_be_approved(by, live, now)?;
        let (window, length) = self.window(allowed, live, now)?;
        let state = State::Approved {
            at: now,
            by: by.map(|by| by.user),
            on_behalf_of: by.and_then(|by| by.on_behalf_of),
            length,
            comment,
        };
        Ok((Request { state, ..self.0 }, window))
    }

    /// When its grant would run if it were approved at `now`, and for how long.
    fn window(
        &self,
        allowed: Option<Length>,
        live: &EffectiveAssignment,
        now: Time,
    ) -> Result<(Window, Length), CannotApprove> {
        let starts_at = self.0.starts_at.unwrap_or(now);
        let full = self.longest(allowed, live)?.after(starts_at);
        let expires_at = self.0.until(live).map_or(full, |until| until.min(full));
        let length =
            Length::between(starts_at, expires_at).map_err(|_| CannotApprove::EndsTooSoon)?;
        let window = Window {
            starts_at,
            expires_at,
        };
        Ok((window, length))
    }

    /// When access would end if it were approved at `now` as it was asked, on the live assignment.
    /// `running` is when the grant runs that it would extend. `None` for an unlock, and where it could not
    /// be approved so.
    #[must_use]
    pub fn ends_at(
        &self,
        running: Option<Window>,
        live: &EffectiveAssignment,
        now: Time,
    ) -> Option<Time> {
        match self.0.terms.purpose {
            Purpose::Grant => {
                let (window, _) = self.window(None, live, now).ok()?;
                Some(window.expires_at)
            }
            Purpose::Extension(_) => {
                is_for_a_time(live).ok()?;
                self.0.extension(running?, live).ends_at(now).ok()
            }
            Purpose::Unlock => None,
        }
    }

    /// Approves more time for a running grant: the request's final state, and when its grant runs now
    /// (rules 5, 6 and 7). As [`Pending::approve`], the length being what lies ahead of `now`.
    ///
    /// # Errors
    /// [`CannotApprove`]; request and grant stay as they were in the store.
    pub fn extend(
        self,
        by: Option<Decider>,
        allowed: Option<Length>,
        comment: Text,
        running: Window,
        live: &EffectiveAssignment,
        now: Time,
    ) -> Result<(Request, Window), CannotApprove> {
        self.may_be_approved(by, live, now)?;
        is_for_a_time(live)?;
        let extension = Extension {
            asked: self.longest(allowed, live)?,
            ..self.0.extension(running, live)
        };
        let expires_at = extension.ends_at(now)?;
        let length = Length::between(now, expires_at).map_err(|_| CannotApprove::EndsTooSoon)?;
        let state = State::Approved {
            at: now,
            by: by.map(|by| by.user),
            on_behalf_of: by.and_then(|by| by.on_behalf_of),
            length,
            comment,
        };
        let window = Window {
            expires_at,
            ..running
        };
        Ok((Request { state, ..self.0 }, window))
    }

    /// The shortest of what was asked, what the reviewer allows, and what the snapshot and the live
    /// assignment allow.
    fn longest(
        &self,
        allowed: Option<Length>,
        live: &EffectiveAssignment,
    ) -> Result<Length, CannotApprove> {
        let asked = self.0.asked;
        if allowed.is_some_and(|allowed| allowed > asked) {
            return Err(CannotApprove::Lengthened(asked));
        }
        Ok(asked
            .min(allowed.unwrap_or(Length::MAX))
            .min(self.0.terms.period.longest())
            .min(live.settings.period.longest()))
    }

    /// Whether `by` (`None` for automatic approval) may approve this at `now`, on the live assignment.
    pub(crate) fn may_be_approved(
        &self,
        by: Option<Decider>,
        live: &EffectiveAssignment,
        now: Time,
    ) -> Result<(), CannotApprove> {
        if now >= self.0.lapses_at {
            return Err(CannotApprove::Lapsed);
        }
        match (by, self.0.terms.approval, live.settings.approval) {
            (Some(by), _, _) if by.is(self.0.user) => Err(CannotApprove::OwnRequest),
            (Some(_), _, _) | (None, Approval::Automatic, Approval::Automatic) => Ok(()),
            (None, Approval::Manual, _) | (None, Approval::Automatic, Approval::Manual) => {
                Err(CannotApprove::NeedsReviewer)
            }
        }
    }

    /// Denies.
    #[must_use]
    pub fn deny(self, by: impl Into<Decider>, comment: Text, now: Time) -> Request {
        let by = by.into();
        Request {
            state: State::Denied {
                at: now,
                by: by.user,
                on_behalf_of: by.on_behalf_of,
                comment,
            },
            ..self.0
        }
    }

    /// Cancels: by the requester, or (`None`) by the system.
    #[must_use]
    pub fn cancel(self, by: Option<UserId>, cause: Cause, now: Time) -> Request {
        Request {
            state: State::Cancelled { at: now, by, cause },
            ..self.0
        }
    }
}
