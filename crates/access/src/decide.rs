//! Deciding a request: approve, approve for less time, deny.

use chrono::{Offset as _, TimeDelta, Utc};
use hourkey_domain::Time;
use hourkey_domain::audit::AuditAction;
use hourkey_domain::extension::AddsNothing;
use hourkey_domain::format::dated;
use hourkey_domain::ids::{RequestId, UserId};
use hourkey_domain::request::{CannotApprove, Request};
use hourkey_domain::review::Decider;
use hourkey_domain::transition::{self, CannotUndo, TooLate, Transition};
use hourkey_protocol::access::{Approve, Comment, Person, Request as Shown};
use hourkey_protocol::problem::Code;
use hourkey_store::log::{Entry, Subject};
use hourkey_store::{Read, Room, Write};
use serde_json::json;

use super::act::Act;
use super::actor::{Actor, Target};
use super::facts::{reviewers, settled};
use super::{presenter, record, validate};
use crate::app::App;
use crate::error::AppError;
use crate::identity::Caller;
use crate::mail::queue;

/// Approves a request, for less time if the reviewer says so (rules 5 and 6).
///
/// # Errors
/// [`Code::NotFound`] for what the person may not review, [`Code::OwnRequest`],
/// [`Code::AlreadyDecided`] (the detail says who did what), [`Code::BadLength`],
/// [`Code::TextTooLong`], [`Code::RateLimited`].
pub async fn approve(
    app: &App,
    user: UserId,
    id: RequestId,
    body: Approve,
) -> Result<Shown, AppError> {
    app.budgets.change(user, app.clock.now())?;
    app.transact(Room::Usual, move |tx, now| {
        Box::pin(approve_in(tx, user.into(), id, body, now))
    })
    .await
}

/// Denies a request, with a word to its requester (rule 6).
///
/// # Errors
/// As [`approve`], and [`Code::BlankText`].
pub async fn deny(
    app: &App,
    user: UserId,
    id: RequestId,
    body: Comment,
) -> Result<Shown, AppError> {
    app.budgets.change(user, app.clock.now())?;
    app.transact(Room::Usual, move |tx, now| {
        Box::pin(deny_in(tx, user.into(), id, body, now))
    })
    .await
}

/// [`approve`], inside a transaction.
pub async fn approve_in(
    tx: &mut dyn Write,
    caller: Caller,
    id: RequestId,
    body: Approve,
    now: Time,
) -> Result<Shown, AppError> {
    let allowed = validate::length(body.seconds)?;
    let comment = validate::text(&body.comment)?;
    let (Request { user, resource, .. }, by) = to_decide(tx, caller, id, now).await?;
    let facts = settled(tx, user, resource, now).await?;
    let approved = transition::approve(&facts, id, Some(by), allowed, comment, now);
    let transition = match approved {
        Ok(transition) => transition,
        Err(CannotApprove::TooLate) => return Err(already_decided(tx, id, now).await),
        Err(why) => return Err(cannot_approve(why)),
    };
    record::apply(tx, &transition, Act::of(caller.user, now)).await?;
    presenter::request(tx, id, now).await
}

/// [`deny`], inside a transaction.
pub async fn deny_in(
    tx: &mut dyn Write,
    caller: Caller,
    id: RequestId,
    body: Comment,
    now: Time,
) -> Result<Shown, AppError> {
    let comment = validate::needed_text(&body.comment)?;
    let (Request { user, resource, .. }, by) = to_decide(tx, caller, id, now).await?;
    let facts = settled(tx, user, resource, now).await?;
    let transition = match transition::deny(&facts, id, by, comment, now) {
        Ok(transition) => transition,
        Err(TooLate) => return Err(already_decided(tx, id, now).await),
    };
    record::apply(tx, &transition, Act::of(caller.user, now)).await?;
    presenter::request(tx, id, now).await
}

/// Takes one's own decision back, within 10 seconds, once (rule 12). Answers the request, or after a denial
/// the new one with the same terms.
///
/// # Errors
/// As [`approve`]; [`Code::AlreadyDecided`] where there is nothing that this person may take back.
pub async fn undo(app: &App, user: UserId, id: RequestId) -> Result<Shown, AppError> {
    let lapse = app.config.request_lapse;
    app.transact(Room::Kept, move |tx, now| {
        Box::pin(undo_in(tx, user.into(), id, lapse, now))
    })
    .await
}

/// [`undo`], inside a transaction; what waits again lapses after `lapse`.
pub async fn undo_in(
    tx: &mut dyn Write,
    caller: Caller,
    id: RequestId,
    lapse: TimeDelta,
    now: Time,
) -> Result<Shown, AppError> {
    let decision = tx.undoable(id).await?;
    // Whoever decided may take it back, also when their time as a deputy has ended since.
    let request = match &decision {
        Some(decision) if decision.by == caller.user => {
            Actor::load(tx, caller, now).await?;
            caller.must_reach_others()?;
            tx.request(id).await?.ok_or_else(AppError::not_found)?
        }
        Some(_) | None => to_decide(tx, caller, id, now).await?.0,
    };
    let (user, resource) = (request.user, request.resource);
    let facts = settled(tx, user, resource, now).await?;
    let decision = decision.ok_or_else(|| cannot_undo(CannotUndo::TooLate))?;
    let request = tx.request(id).await?.ok_or_else(AppError::not_found)?;
    let reviewers = reviewers(tx, resource).await?;
    let how = (caller.user, lapse);
    let done = transition::undo(&facts, &reviewers, &decision, &request, how, now);
    tx.remove_undoable(id).await?;
    queue::forget_decision(tx, user, id).await?;
    let mut shown = id;
    for transition in done.map_err(cannot_undo)? {
        let recorded = record::apply(tx, &transition, Act::of(caller.user, now)).await?;
        if let (Transition::Requested { .. }, Some(new)) = (&transition, recorded.request) {
            let entry = Entry {
                at: now,
                actor: Some(caller.user),
                action: AuditAction::RequestUndone,
                subject: Subject::of_request(&request, None),
                detail: json!({ "denied": id, "waits_again_as": new }),
            };
            tx.record(entry).await?;
            shown = new;
        }
    }
    presenter::request(tx, shown, now).await
}

/// Up to when this person may take their decision back.
///
/// # Errors
/// The store's failure.
pub async fn undoable_until(
    app: &App,
    user: UserId,
    id: RequestId,
) -> Result<Option<Time>, AppError> {
    let decision = app.store.read().await?.undoable(id).await?;
    let own = decision.filter(|it| it.by == user && app.clock.now() < it.until());
    Ok(own.map(|it| it.until()))
}

fn cannot_undo(why: CannotUndo) -> AppError {
    let sentence = match why {
        CannotUndo::NotTheirs => {
            "Somebody else decided this: only they can take it back. Access that runs can be revoked."
        }
        CannotUndo::TooLate => {
            "A decision can be taken back within 10 seconds. Access that runs can be revoked; what was \
             denied can be asked for again."
        }
        CannotUndo::Changed => {
            "Something has changed since you decided, so there is nothing to take back any more. Nothing \
             was done."
        }
    };
    AppError::refused(Code::AlreadyDecided, sentence)
}

/// The request, if this person may decide it, and who decides it for whom.
async fn to_decide(
    tx: &mut dyn Read,
    caller: Caller,
    id: RequestId,
    now: Time,
) -> Result<(Request, Decider), AppError> {
    let actor = Actor::load(tx, caller, now).await?;
    let request = tx.request(id).await?.ok_or_else(AppError::not_found)?;
    let by = actor.decider(Target::from(&request))?;
    Ok((request, by))
}

/// Tells a reviewer, or the requester, who came first and what they did.
pub(super) async fn already_decided(tx: &mut dyn Read, id: RequestId, now: Time) -> AppError {
    match presenter::request(tx, id, now).await {
        Ok(request) => {
            let told = request.told(Person::said);
            let detail = presenter::too_late(&told, request.decided_at());
            AppError::refused(Code::AlreadyDecided, detail)
        }
        Err(error) => error,
    }
}

/// Says until when access runs already, and what is in the way of more.
pub(super) fn adds_nothing(why: AddsNothing) -> AppError {
    let (until, limit) = (dated(why.ends_at, Utc.fix()), why.limit);
    AppError::refused(
        Code::BadLength,
        format!(
            "Access runs until {until} UTC already, and this would not make it last a minute longer: \
             {limit}. Nothing was changed."
        ),
    )
}

/// Says why there is no time to add to.
pub(super) fn open_while_used() -> AppError {
    AppError::refused(
        Code::NothingToExtend,
        "Access through this group isn’t given for a time any more: it is open while it is used, and locks when \
         it isn’t. So there is nothing to extend, and nothing was changed.",
    )
}

pub(super) fn cannot_approve(why: CannotApprove) -> AppError {
    match why {
        CannotApprove::TooLate => AppError::refused(
            Code::AlreadyDecided,
            "The request was decided, or expired, before. Nothing was changed.",
        ),
        CannotApprove::Lapsed => AppError::refused(
            Code::AlreadyDecided,
            "The request expired before it was decided. Nothing was changed.",
        ),
        CannotApprove::Lengthened(asked) => AppError::refused(
            Code::BadLength,
            format!("A reviewer may shorten, never lengthen: the request asks for {asked}."),
        ),
        CannotApprove::UnlockHasNoLength => AppError::refused(
            Code::BadLength,
            "An unlock has no length: it holds while the resource is used. Approve it as it is.",
        ),
        CannotApprove::EndsTooSoon => AppError::refused(
            Code::BadLength,
            "The group's access to this resource ends in less than a minute, so there is no time \
             left to give. Deny it, or ask an administrator to prolong the group's access.",
        ),
        CannotApprove::AddsNothing(why) => adds_nothing(why),
        CannotApprove::OpenWhileUsed(_) => open_while_used(),
        CannotApprove::OwnRequest => AppError::refused(
            Code::OwnRequest,
            "Nobody decides their own request. Another reviewer has to.",
        ),
        CannotApprove::NeedsReviewer => AppError::refused(
            Code::Forbidden,
            "This request no longer opens immediately: it needs approval.",
        ),
    }
}
