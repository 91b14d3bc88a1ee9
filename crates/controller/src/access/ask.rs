//! Asking for access.

use chrono::TimeDelta;
use hourkey_domain::ids::{ResourceId, UserId};
use hourkey_domain::lock::{Facts, LockState, lock_state};
use hourkey_domain::request::{Ask, CannotAsk, Request, State};
use hourkey_domain::review::Eligible;
use hourkey_domain::settings::{Approval, EffectiveAssignment, most_permissive};
use hourkey_domain::{Time, request};
use hourkey_protocol::access::{NewRequest, Request as Shown};
use hourkey_protocol::problem::Code;
use hourkey_store::Write;
use serde_json::json;

use super::actor::Actor;
use super::eligible::{eligible, nobody, send_to_review};
use super::keep::Act;
use super::known::known;
use super::{decide, rows, show, sweep, validate};
use crate::app::App;
use crate::error::AppError;

/// Whether asking made something new (rule 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// A new request.
    New,
    /// The request that waits already, or the one whose grant is scheduled or runs.
    AlreadyThere,
}

/// Asks for access (rules 3, 4, 5, 10, 11 and 14). Under automatic approval it is granted at once.
///
/// # Errors
/// [`Code::NotFound`] for what the person cannot see, [`Code::NotNeeded`] for what is open,
/// [`Code::BlankText`], [`Code::TextTooLong`], [`Code::BadLength`], [`Code::BadStart`],
/// [`Code::NobodyCanApprove`].
pub async fn ask(app: &App, user: UserId, new: NewRequest) -> Result<(Shown, Made), AppError> {
    let lapse = app.config.request_lapse;
    app.transact(move |tx, now| Box::pin(ask_in(tx, user, new, lapse, now)))
        .await
}

/// [`ask`], inside a transaction; a request lapses after `lapse`.
pub(crate) async fn ask_in(
    tx: &mut dyn Write,
    user: UserId,
    new: NewRequest,
    lapse: TimeDelta,
    now: Time,
) -> Result<(Shown, Made), AppError> {
    let ask = Ask {
        reason: validate::text(&new.reason)?,
        length: validate::length(new.seconds)?,
        starts_at: new.starts_at,
    };
    Actor::load(tx, user).await?;
    sweep::settle(tx, user, new.resource, now).await?;

    let known = known(tx, user, Some(new.resource)).await?.pop();
    let known = known.ok_or_else(AppError::not_found)?;
    let facts = known.facts();
    let there = match lock_state(&facts, now).ok_or_else(AppError::not_found)? {
        LockState::Open { .. } => return Err(not_needed()),
        LockState::Granted { grant, .. } | LockState::Scheduled { grant, .. } => {
            let grant = known.grant.as_ref().filter(|found| found.id == grant);
            grant.map(|grant| grant.request)
        }
        LockState::Pending { request, .. } => Some(request),
        LockState::Locked { .. } => None,
    };
    if let Some(there) = there {
        return Ok((show::request(tx, there, now).await?, Made::AlreadyThere));
    }
    let assignments = rows::assignments_in_force(&known.assignments, facts.revoked_at, now);
    let best = most_permissive(&assignments, now).ok_or_else(AppError::not_found)?;
    let assignment = chosen(&assignments, best, &new).ok_or_else(AppError::not_found)?;
    let asked = write(assignment, user, new.resource, ask, &facts, lapse, now)?;
    let eligible = match asked.terms.approval {
        Approval::Manual => Some(eligible(tx, user, new.resource).await?),
        Approval::Automatic => None,
    };
    if eligible == Some(Eligible::Nobody) {
        let own = known
            .assignments
            .iter()
            .find(|own| own.assignment == assignment.assignment);
        let automatic = own.is_some_and(|own| own.settings.approval == Approval::Automatic);
        return Err(nobody(automatic));
    }

    let act = Act {
        by: Some(user),
        at: now,
    };
    let made = make(tx, act, asked).await?;
    match eligible {
        Some(eligible) => send_to_review(tx, act, &made, &eligible).await?,
        None => decide::approve_at_once(tx, &made, assignment, now).await?,
    }
    Ok((show::request(tx, made.id, now).await?, Made::New))
}

/// Keeps a new request and its entry.
async fn make(
    tx: &mut dyn Write,
    act: Act,
    asked: request::NewRequest,
) -> Result<Request, AppError> {
    let id = tx.insert_request(asked.clone()).await?;
    let request = Request {
        id,
        user: asked.user,
        resource: asked.resource,
        terms: asked.terms,
        reason: asked.reason,
        asked: asked.asked,
        starts_at: asked.starts_at,
        created_at: asked.created_at,
        lapses_at: asked.lapses_at,
        state: State::Pending,
    };
    let detail = json!({
        "to": request.state,
        "reason": request.reason,
        "asked": request.asked,
        "terms": request.terms,
        "starts_at": request.starts_at,
        "lapses_at": request.lapses_at,
    });
    act.record(tx, "request.made", &request, None, detail)
        .await?;
    Ok(request)
}

/// The assignment that the requester chose, or the preselected one (rule 3).
fn chosen<'a>(
    assignments: &'a [EffectiveAssignment],
    best: &'a EffectiveAssignment,
    new: &NewRequest,
) -> Option<&'a EffectiveAssignment> {
    match new.assignment {
        None => Some(best),
        Some(id) => assignments.iter().find(|own| own.assignment == id),
    }
}

/// The request as it will be kept: for an unlock, where the assignment has locked by its disuse.
fn write(
    assignment: &EffectiveAssignment,
    user: UserId,
    resource: ResourceId,
    ask: Ask,
    facts: &Facts<'_>,
    lapse: TimeDelta,
    now: Time,
) -> Result<request::NewRequest, AppError> {
    let revoked_at = facts.revoked_at;
    let asked = match assignment.auto_locked(facts.last_used, now) {
        None => request::ask(user, resource, assignment, ask, revoked_at, lapse, now),
        Some(_) if ask.length.is_some() || ask.starts_at.is_some() => {
            return Err(AppError::refused(
                Code::BadLength,
                "This resource opens as soon as it is unlocked, for as long as you use it: leave \
                 length and start out.",
            ));
        }
        Some(locked) => locked.ask(user, resource, ask.reason, revoked_at, lapse, now),
    };
    asked.map_err(cannot_ask)
}

fn not_needed() -> AppError {
    AppError::refused(
        Code::NotNeeded,
        "This resource is open to you without a request. Just use it.",
    )
}

fn cannot_ask(why: CannotAsk) -> AppError {
    match why {
        CannotAsk::NotNeeded => not_needed(),
        CannotAsk::BlankReason => AppError::refused(
            Code::BlankText,
            "This resource opens immediately, and your reason is recorded. Say why you need it.",
        ),
        CannotAsk::TooLong(longest) => AppError::refused(
            Code::BadLength,
            format!("At most {longest} can be asked for here. Ask for less."),
        ),
        CannotAsk::BadStart => AppError::refused(
            Code::BadStart,
            "Access can start at any moment within the next 7 days, and not in the past. Choose \
             another start, or leave it out to start at the approval.",
        ),
        CannotAsk::EndsTooSoon => AppError::refused(
            Code::BadLength,
            "Your group's access to this resource ends within a minute of that start. Ask your \
             administrator to prolong it.",
        ),
    }
}
