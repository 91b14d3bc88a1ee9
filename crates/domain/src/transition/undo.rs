//! Taking a decision back, for a moment (rule 12).

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::facts::AccessFacts;
use super::kinds::{GrantChange, TakenBack, TooLate, Transition};
use crate::cause::Cause;
use crate::grant::{Grant, Window};
use crate::ids::{GrantId, RequestId, UserId};
use crate::reason::Text;
use crate::request::{NewRequest, Request, State as RequestState};
use crate::review::{Eligible, Reviewers};
use crate::settings::Approval;
use crate::{Time, later};

/// Whoever decided may take it back within this.
pub const UNDO: TimeDelta = TimeDelta::seconds(10);

/// A gateway that does not hear of something cuts by itself within this: connections that began meanwhile
/// began while it was still open there.
const HEARD_WITHIN: TimeDelta = TimeDelta::seconds(15);

/// A reviewer's decision, and what it replaced: kept as long as it may be taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undoable {
    /// The request that was decided.
    pub request: RequestId,
    /// Who decided.
    pub by: UserId,
    /// When.
    pub at: Time,
    /// What it replaced.
    pub replaced: Replaced,
}

/// What a decision replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "replaced", rename_all = "snake_case")]
pub enum Replaced {
    /// No access: a grant was made.
    NoGrant {
        /// The grant.
        grant: GrantId,
    },
    /// The end of a running grant.
    End {
        /// The grant.
        grant: GrantId,
        /// When it ran before.
        before: Window,
        /// When it runs since.
        after: Window,
    },
    /// Where the count of unused days started.
    Count {
        /// Before; nowhere where nothing was noted.
        before: Option<DateTime<Utc>>,
        /// When it was last used before.
        #[serde(default)]
        used_at: Option<DateTime<Utc>>,
    },
    /// A request that waited: it was denied.
    Waiting,
}

/// Why a decision cannot be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotUndo {
    /// Somebody else decided.
    #[error("somebody else decided this")]
    NotTheirs,
    /// It was decided too long ago.
    #[error("a decision may be taken back within 10 seconds")]
    TooLate,
    /// What it gave has changed or ended since, or its requester has asked again.
    #[error("something has changed since")]
    Changed,
}

impl From<TooLate> for CannotUndo {
    fn from(_: TooLate) -> Self {
        Self::Changed
    }
}

impl Undoable {
    /// Up to, and not including, when it may be taken back.
    #[must_use]
    pub fn until(&self) -> Time {
        later(self.at, UNDO)
    }
}

/// Takes a decision back, as whoever made it: a grant is revoked, an extended one gets its old end, what was
/// unlocked its old count; a denial stays, and the same terms wait again.
///
/// # Errors
/// [`CannotUndo`], naming what is in the way.
pub fn undo(
    facts: &AccessFacts,
    reviewers: &Reviewers,
    decision: &Undoable,
    request: &Request,
    (by, lapse): (UserId, TimeDelta),
    now: Time,
) -> Result<Vec<Transition>, CannotUndo> {
    if decision.by != by {
        return Err(CannotUndo::NotTheirs);
    }
    if now >= decision.until() {
        return Err(CannotUndo::TooLate);
    }
    match decision.replaced {
        Replaced::NoGrant { grant } => revoked(facts, grant, now),
        Replaced::End {
            grant,
            before,
            after,
        } => {
            let (running, _) = facts.live(grant, now)?;
            match (running.window == after, before.expires_at > now) {
                (false, _) => Err(CannotUndo::Changed),
                (true, false) => revoked(facts, grant, now),
                (true, true) => {
                    let window = before;
                    let after = Grant {
                        window,
                        ..running.clone()
                    };
                    let before = running;
                    let taken = TakenBack::End(Box::new(GrantChange { before, after }));
                    Ok(vec![taken_back(request, taken, now)])
                }
            }
        }
        Replaced::Count { before, used_at } => {
            let taken = TakenBack::Count {
                counted_from: before,
                used_at,
                span: (decision.at, later(now, HEARD_WITHIN)),
            };
            Ok(vec![taken_back(request, taken, now)])
        }
        Replaced::Waiting => waits_again(facts, reviewers, request, lapse, now),
    }
}

fn revoked(facts: &AccessFacts, grant: GrantId, now: Time) -> Result<Vec<Transition>, CannotUndo> {
    let (before, live) = facts.live(grant, now)?;
    let after = live.revoke(None, Cause::Undone, Text::default(), now);
    let revoked = Transition::Revoked(GrantChange { before, after });
    Ok(facts.with_extension(revoked, Cause::Undone, now))
}

fn taken_back(request: &Request, taken: TakenBack, now: Time) -> Transition {
    let state = RequestState::Cancelled {
        at: now,
        by: None,
        cause: Cause::Undone,
    };
    Transition::TakenBack {
        before: request.state.clone(),
        request: Request {
            state,
            ..request.clone()
        },
        taken,
    }
}

/// The same terms as a new request, as long as they could still be asked for (rules 4, 7 and 14).
fn waits_again(
    facts: &AccessFacts,
    reviewers: &Reviewers,
    request: &Request,
    lapse: TimeDelta,
    now: Time,
) -> Result<Vec<Transition>, CannotUndo> {
    let running = facts.grant.as_ref().map(|granted| granted.grant.id);
    let is_there = facts.pending.is_some() || running != request.terms.purpose.extends();
    let is_gone = facts.request_ends(request, false, now).is_some();
    let is_past = request.starts_at.is_some_and(|at| at <= now);
    let people = match (request.terms.approval, reviewers.eligible(facts.user)) {
        (Approval::Manual, Eligible::Nobody) | (Approval::Automatic, _) => None,
        (Approval::Manual, eligible) => Some(eligible),
    };
    let Some(eligible) = people.filter(|_| !(is_there || is_gone || is_past)) else {
        return Err(CannotUndo::Changed);
    };
    let new = NewRequest {
        user: request.user,
        resource: request.resource,
        terms: request.terms,
        reason: request.reason.clone(),
        asked: request.asked,
        starts_at: request.starts_at,
        created_at: now,
        lapses_at: match &facts.grant {
            // An extension lapses with its grant at the latest.
            Some(granted) => later(now, lapse).min(granted.grant.window.expires_at),
            None => request.starts_at.unwrap_or_else(|| later(now, lapse)),
        },
    };
    Ok(vec![Transition::Requested {
        request: new,
        reviewers: eligible.people().to_vec(),
    }])
}
