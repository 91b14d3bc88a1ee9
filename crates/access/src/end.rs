//! Ending early: cancel a request, give a grant back, take a grant away.

use hourkey_domain::Time;
use hourkey_domain::ids::{GrantId, RequestId, UserId};
use hourkey_domain::transition::{self, TooLate};
use hourkey_protocol::access::{Comment, Grant as ShownGrant, Person, Request as Shown};
use hourkey_protocol::problem::Code;
use hourkey_store::{Read, Room, Write};

use super::act::Act;
use super::actor::{Action, Actor, Target};
use super::decide::already_decided;
use super::facts::settled;
use super::{presenter, record, validate};
use crate::app::App;
use crate::error::AppError;
use crate::identity::Caller;

/// Withdraws one's own pending request.
///
/// # Errors
/// [`Code::NotFound`] for what is not the person's to see, [`Code::Forbidden`] for a request of
/// somebody else, [`Code::AlreadyDecided`], [`Code::RateLimited`].
pub async fn cancel(app: &App, user: UserId, id: RequestId) -> Result<Shown, AppError> {
    app.budgets.change(user, app.clock.now())?;
    app.transact(Room::Usual, move |tx, now| {
        Box::pin(cancel_in(tx, user.into(), id, now))
    })
    .await
}

/// Gives one's own scheduled or running grant back.
///
/// # Errors
/// [`Code::NotFound`] for what is not the person's to see, [`Code::Forbidden`] for a grant of
/// somebody else, [`Code::AlreadyEnded`].
pub async fn release(app: &App, user: UserId, id: GrantId) -> Result<ShownGrant, AppError> {
    app.transact(Room::Kept, move |tx, now| {
        Box::pin(release_in(tx, user.into(), id, now))
    })
    .await
}

/// Takes somebody's scheduled or running grant away, with a word to them.
///
/// # Errors
/// [`Code::NotFound`] for what the person may not review, [`Code::OwnRequest`] for one's own,
/// [`Code::AlreadyEnded`], [`Code::BlankText`], [`Code::TextTooLong`].
pub async fn revoke(
    app: &App,
    user: UserId,
    id: GrantId,
    body: Comment,
) -> Result<ShownGrant, AppError> {
    app.transact(Room::Kept, move |tx, now| {
        Box::pin(revoke_in(tx, user.into(), id, body, now))
    })
    .await
}

/// [`cancel`], inside a transaction.
pub async fn cancel_in(
    tx: &mut dyn Write,
    caller: Caller,
    id: RequestId,
    now: Time,
) -> Result<Shown, AppError> {
    let actor = Actor::load(tx, caller, now).await?;
    let request = tx.request(id).await?.ok_or_else(AppError::not_found)?;
    actor.authorize(Action::Cancel, Target::from(&request))?;
    let facts = settled(tx, request.user, request.resource, now).await?;
    let transition = match transition::cancel(&facts, id, now) {
        Ok(transition) => transition,
        Err(TooLate) => return Err(already_decided(tx, id, now).await),
    };
    record::apply(tx, &transition, Act::of(caller.user, now)).await?;
    presenter::request(tx, id, now).await
}

/// [`release`], inside a transaction.
pub async fn release_in(
    tx: &mut dyn Write,
    caller: Caller,
    id: GrantId,
    now: Time,
) -> Result<ShownGrant, AppError> {
    let actor = Actor::load(tx, caller, now).await?;
    let grant = tx.grant(id).await?.ok_or_else(AppError::not_found)?;
    actor.authorize(Action::Release, Target::from(&grant))?;
    let facts = settled(tx, grant.user, grant.resource, now).await?;
    let transitions = match transition::release(&facts, id, now) {
        Ok(transitions) => transitions,
        Err(TooLate) => return Err(already_ended(tx, id, now).await),
    };
    for transition in &transitions {
        record::apply(tx, transition, Act::of(caller.user, now)).await?;
    }
    presenter::grant(tx, id, now).await
}

/// [`revoke`], inside a transaction.
pub async fn revoke_in(
    tx: &mut dyn Write,
    caller: Caller,
    id: GrantId,
    body: Comment,
    now: Time,
) -> Result<ShownGrant, AppError> {
    let comment = validate::needed_text(&body.comment)?;
    let actor = Actor::load(tx, caller, now).await?;
    let grant = tx.grant(id).await?.ok_or_else(AppError::not_found)?;
    let by = actor.revoker(Target::from(&grant))?;
    let facts = settled(tx, grant.user, grant.resource, now).await?;
    let transitions = match transition::revoke(&facts, id, by, comment, now) {
        Ok(transitions) => transitions,
        Err(TooLate) => return Err(already_ended(tx, id, now).await),
    };
    for transition in &transitions {
        record::apply(tx, transition, Act::of(caller.user, now)).await?;
    }
    presenter::grant(tx, id, now).await
}

/// Tells how and when a grant ended before.
async fn already_ended(tx: &mut dyn Read, id: GrantId, now: Time) -> AppError {
    match presenter::grant(tx, id, now).await {
        Ok(grant) => {
            let told = grant.outcome().told(Person::said);
            let detail = presenter::too_late(&told, grant.ended_at());
            AppError::refused(Code::AlreadyEnded, detail)
        }
        Err(error) => error,
    }
}
