//! Asking for access.

use chrono::TimeDelta;

use super::facts::AccessFacts;
use crate::Time;
use crate::extension::{Extension, is_for_a_time};
use crate::ids::{AssignmentId, RequestId};
use crate::lock::{LockState, Why, lock_state};
use crate::request::{self, Ask, CannotAsk, NewRequest, Purpose};
use crate::review::{Eligible, Reviewers};
use crate::settings::{Approval, in_force, most_permissive};

/// What comes of asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Nothing new: this request waits, or its grant is scheduled or runs (rule 4).
    AlreadyThere(RequestId),
    /// A new request.
    New {
        /// The request.
        request: NewRequest,
        /// Who can approve it; `None` where that is automatic.
        eligible: Option<Eligible>,
    },
}

/// Asks for access (rules 3, 4, 5, 10, 11 and 14), by the assignment chosen or else by the one that
/// is preselected. What is there already is returned, unless another start is asked for.
///
/// # Errors
/// [`CannotAsk`], naming what is in the way.
pub fn ask(
    facts: &AccessFacts,
    reviewers: &Reviewers,
    ask: Ask,
    chosen: Option<AssignmentId>,
    lapse: TimeDelta,
    now: Time,
) -> Result<Asked, CannotAsk> {
    let there = match lock_state(&facts.view(), now).ok_or(CannotAsk::NotVisible)? {
        LockState::Open { .. } => return Err(CannotAsk::NotNeeded),
        LockState::Granted { .. } | LockState::Scheduled { .. } => {
            let granted = facts.grant.as_ref();
            granted.map(|it| (&it.request, Some(it.grant.window.expires_at)))
        }
        LockState::Pending { .. } => facts.pending.as_ref().map(|request| (request, None)),
        LockState::Locked { why: Why::Disabled } => return Err(CannotAsk::Disabled),
        LockState::Locked { .. } => None,
    };
    if let Some((request, until)) = there {
        return match ask.starts_at {
            Some(_) if ask.starts_at != request.starts_at => Err(CannotAsk::AnotherStart { until }),
            Some(_) | None => Ok(Asked::AlreadyThere(request.id)),
        };
    }
    let AccessFacts {
        user,
        resource,
        revoked_at,
        ..
    } = *facts;
    let in_force = in_force(&facts.assignments, revoked_at, now);
    let assignment = match chosen {
        None => most_permissive(&in_force, now),
        Some(id) => in_force.iter().find(|it| it.assignment == id),
    };
    let assignment = assignment.ok_or(CannotAsk::NotVisible)?;
    let request = match assignment.auto_locked(facts.last_used, now) {
        None => request::ask(user, resource, assignment, ask, revoked_at, lapse, now),
        Some(_) if ask.length.is_some() || ask.starts_at.is_some() => {
            return Err(CannotAsk::UnlockHasNoLength);
        }
        Some(locked) => locked.ask(user, resource, ask.reason, revoked_at, lapse, now),
    }?;
    waits_for(facts, reviewers, request)
}

/// Asks for more time for the grant that runs, by its own assignment (rules 4, 5, 10, 11 and 14).
///
/// # Errors
/// [`CannotAsk`], naming what is in the way.
pub fn extend(
    facts: &AccessFacts,
    reviewers: &Reviewers,
    ask: Ask,
    chosen: Option<AssignmentId>,
    lapse: TimeDelta,
    now: Time,
) -> Result<Asked, CannotAsk> {
    match lock_state(&facts.view(), now).ok_or(CannotAsk::NotVisible)? {
        LockState::Open { .. } => return Err(CannotAsk::NotNeeded),
        LockState::Granted {
            extension: Some(waits),
            ..
        } => return Ok(Asked::AlreadyThere(waits.request)),
        LockState::Granted {
            extension: None, ..
        } => {}
        LockState::Locked { why: Why::Disabled } => return Err(CannotAsk::Disabled),
        LockState::Scheduled { .. } | LockState::Pending { .. } | LockState::Locked { .. } => {
            return Err(CannotAsk::NothingToExtend);
        }
    }
    if ask.starts_at.is_some() {
        return Err(CannotAsk::ExtensionHasNoStart);
    }
    let granted = facts.grant.as_ref().ok_or(CannotAsk::NothingToExtend)?;
    let grant = &granted.grant;
    if chosen.is_some_and(|chosen| chosen != grant.assignment) {
        return Err(CannotAsk::NotVisible);
    }
    let own = facts.assignment(grant.assignment);
    let assignment = own.ok_or(CannotAsk::NothingToExtend)?;
    is_for_a_time(assignment)?;
    let request = request::write(
        Purpose::Extension(grant.id),
        facts.user,
        facts.resource,
        assignment,
        ask,
        facts.revoked_at,
        lapse,
        now,
    )?;
    let extension = Extension {
        running: grant.window,
        asked: request.asked,
        longest: assignment.settings.period.longest(),
        total: assignment.total,
        until: assignment.until,
    };
    extension.ends_at(now)?;
    let lapses_at = request.lapses_at.min(grant.window.expires_at);
    waits_for(
        facts,
        reviewers,
        NewRequest {
            lapses_at,
            ..request
        },
    )
}

/// Who can approve a new request, where that is not automatic (rule 14).
fn waits_for(
    facts: &AccessFacts,
    reviewers: &Reviewers,
    request: NewRequest,
) -> Result<Asked, CannotAsk> {
    let eligible = match (request.terms.approval, reviewers.eligible(facts.user)) {
        (Approval::Automatic, _) => None,
        (Approval::Manual, Eligible::Nobody) => {
            let mut own = facts.assignments.iter();
            let own = own.find(|own| own.assignment == request.terms.assignment);
            // Unless it is off for a while (rule 11).
            let opens_again = own.is_some_and(|own| own.settings.approval == Approval::Automatic);
            return Err(CannotAsk::NobodyCanApprove { opens_again });
        }
        (Approval::Manual, found) => Some(found),
    };
    Ok(Asked::New { request, eligible })
}
