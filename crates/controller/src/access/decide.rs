//! Deciding a request: approve, approve for less time, deny.

use hourkey_domain::Time;
use hourkey_domain::grant::State as GrantState;
use hourkey_domain::ids::{RequestId, UserId};
use hourkey_domain::reason::Text;
use hourkey_domain::request::{CannotApprove, Pending, Purpose, Request};
use hourkey_domain::settings::EffectiveAssignment;
use hourkey_protocol::access::{Approve, Comment, Request as Shown};
use hourkey_protocol::notice::What;
use hourkey_protocol::problem::Code;
use hourkey_store::access::NewGrant;
use hourkey_store::{StoreError, Write};
use serde_json::json;

use super::actor::Actor;
use super::keep::{self, Act};
use super::{show, sweep, unlock, validate};
use crate::app::App;
use crate::error::AppError;
use crate::identity::Caller;

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
    app.transact(move |tx, now| Box::pin(approve_in(tx, user.into(), id, body, now)))
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
    app.transact(move |tx, now| Box::pin(deny_in(tx, user.into(), id, body, now)))
        .await
}

/// [`approve`], inside a transaction.
pub(crate) async fn approve_in(
    tx: &mut dyn Write,
    caller: Caller,
    id: RequestId,
    body: Approve,
    now: Time,
) -> Result<Shown, AppError> {
    let allowed = validate::length(body.seconds)?;
    let comment = validate::text(&body.comment)?;
    let user = caller.user;
    let pending = to_decide(tx, caller, id, now).await?;
    let assignment = pending.request().terms.assignment;
    let Some(live) = tx.effective_assignment(assignment).await? else {
        // Removing an assignment cancels what rests on it, in the same transaction.
        return Err(StoreError::Corrupt(format!("no assignment {assignment}")).into());
    };
    give(tx, pending, Some(user), allowed, comment, &live, now).await?;
    show::request(tx, id, now).await
}

/// [`deny`], inside a transaction.
pub(crate) async fn deny_in(
    tx: &mut dyn Write,
    caller: Caller,
    id: RequestId,
    body: Comment,
    now: Time,
) -> Result<Shown, AppError> {
    let comment = validate::needed_text(&body.comment)?;
    let user = caller.user;
    let pending = to_decide(tx, caller, id, now).await?;
    let before = pending.request().clone();
    let denied = pending.deny(user, comment.clone(), now);
    let act = Act {
        by: Some(user),
        at: now,
    };
    act.request(tx, "request.denied", &before, &denied).await?;
    let by = keep::name(tx, user).await?;
    let what = What::Denied {
        request: id,
        by,
        comment: comment.into(),
    };
    act.tell(tx, denied.user, denied.resource, what).await?;
    show::request(tx, id, now).await
}

/// Approves what was just asked for, without a reviewer.
pub(super) async fn approve_at_once(
    tx: &mut dyn Write,
    request: &Request,
    assignment: &EffectiveAssignment,
    now: Time,
) -> Result<(), AppError> {
    let pending = request.clone().pending(now).map_err(|request| {
        StoreError::Corrupt(format!("request {} was decided as it was made", request.id))
    })?;
    give(tx, pending, None, None, Text::default(), assignment, now).await
}

/// The request, if this person may decide it and nobody did.
async fn to_decide(
    tx: &mut dyn Write,
    caller: Caller,
    id: RequestId,
    now: Time,
) -> Result<Pending, AppError> {
    let actor = Actor::load(tx, caller).await?;
    let request = tx.request(id).await?.ok_or_else(AppError::not_found)?;
    actor.may_decide(request.user, request.resource)?;
    sweep::settle(tx, request.user, request.resource, now).await?;
    let request = tx.request(id).await?.ok_or_else(AppError::not_found)?;
    match request.pending(now) {
        Ok(pending) => Ok(pending),
        Err(_) => Err(already_decided(&show::request(tx, id, now).await?)),
    }
}

/// Keeps an approval with its grant or unlock, and tells the requester.
async fn give(
    tx: &mut dyn Write,
    pending: Pending,
    by: Option<UserId>,
    allowed: Option<hourkey_domain::length::Length>,
    comment: Text,
    live: &EffectiveAssignment,
    now: Time,
) -> Result<(), AppError> {
    let before = pending.request().clone();
    match before.terms.purpose {
        Purpose::Grant => {}
        Purpose::Unlock if allowed.is_some() => {
            return Err(AppError::refused(
                Code::BadLength,
                "An unlock has no length: it holds while the resource is used. Approve it as it is.",
            ));
        }
        Purpose::Unlock => return unlock::approve(tx, pending, by, comment, live, now).await,
    }
    let (approved, window) = pending
        .approve(by, allowed, comment.clone(), live, now)
        .map_err(cannot_approve)?;
    let state = if window.starts_at > now {
        GrantState::Scheduled
    } else {
        GrantState::Active
    };
    let new = NewGrant {
        request: approved.id,
        user: approved.user,
        resource: approved.resource,
        assignment: approved.terms.assignment,
        window,
        state,
    };
    tx.set_request_state(approved.id, approved.state.clone())
        .await?;
    let grant = tx.insert_grant(new).await?;
    let act = Act { by, at: now };
    let detail = json!({ "from": before.state, "to": approved.state, "window": window });
    act.record(tx, "request.approved", &approved, Some(grant), detail)
        .await?;

    let by = match by {
        Some(by) => Some(keep::name(tx, by).await?),
        None => None,
    };
    let length = hourkey_domain::length::Length::between(window.starts_at, window.expires_at)
        .map_err(|_| StoreError::Corrupt(format!("grant {grant} has no length")))?;
    let what = What::Approved {
        request: approved.id,
        grant,
        by,
        length,
        starts_at: window.starts_at,
        expires_at: window.expires_at,
        comment: comment.into(),
    };
    act.tell(tx, approved.user, approved.resource, what).await
}

/// Tells a reviewer, or the requester, who came first and what they did.
pub(super) fn already_decided(request: &Shown) -> AppError {
    AppError::refused(
        Code::AlreadyDecided,
        format!("{} Nothing was changed.", show::outcome(&request.status)),
    )
}

pub(super) fn cannot_approve(why: CannotApprove) -> AppError {
    match why {
        CannotApprove::Lapsed => AppError::refused(
            Code::AlreadyDecided,
            "The request expired before it was decided. Nothing was changed.",
        ),
        CannotApprove::Lengthened(asked) => AppError::refused(
            Code::BadLength,
            format!("A reviewer may shorten, never lengthen: the request asks for {asked}."),
        ),
        CannotApprove::EndsTooSoon => AppError::refused(
            Code::BadLength,
            "The group's access to this resource ends in less than a minute, so there is no time \
             left to give. Deny it, or ask an administrator to prolong the group's access.",
        ),
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
