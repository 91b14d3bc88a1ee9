//! An administrator asks reviewers to decide a request. Nobody else loses the right to.

use hourkey_domain::Time;
use hourkey_domain::audit::AuditAction;
use hourkey_domain::ids::RequestId;
use hourkey_domain::review::Decider;
use hourkey_protocol::access::Request as Shown;
use hourkey_protocol::deputy::AskReviewers;
use hourkey_protocol::problem::Code;
use hourkey_store::log::{Entry, Subject};
use hourkey_store::{Room, Write};
use serde_json::json;

use super::actor::{Action, Actor, Target};
use super::decide::already_decided;
use super::{notices, presenter};
use crate::app::App;
use crate::error::AppError;
use crate::identity::Caller;

/// How many people are asked in one call.
const MAX_ASKED: usize = 20;

/// [`ask_reviewers_in`], in a transaction of its own.
///
/// # Errors
/// As there.
pub async fn ask_reviewers(
    app: &App,
    caller: impl Into<Caller>,
    id: RequestId,
    body: AskReviewers,
) -> Result<Shown, AppError> {
    let caller = caller.into();
    app.budgets.change(caller.user, app.clock.now())?;
    app.transact(Room::Usual, move |tx, now| {
        Box::pin(ask_reviewers_in(tx, caller, id, body, now))
    })
    .await
}

/// Asks people who may decide a request to do so, as an administrator: they are told, and the request says
/// whom it waits for.
///
/// # Errors
/// [`Code::NotFound`] for what the person does not see, and for people who may not decide it,
/// [`Code::Forbidden`] for all but administrators, [`Code::OwnRequest`], [`Code::AlreadyDecided`],
/// [`Code::Malformed`] for nobody or too many.
pub async fn ask_reviewers_in(
    tx: &mut dyn Write,
    caller: Caller,
    id: RequestId,
    body: AskReviewers,
    now: Time,
) -> Result<Shown, AppError> {
    let actor = Actor::load(tx, caller, now).await?;
    let request = tx.request(id).await?.ok_or_else(AppError::not_found)?;
    actor.authorize(Action::See, Target::from(&request))?;
    if request.user == actor.user.id {
        return Err(AppError::refused(
            Code::OwnRequest,
            "You asked for this yourself, so another administrator has to choose who is asked.",
        ));
    }
    if !actor.administers() {
        return Err(AppError::refused(
            Code::Forbidden,
            "Only administrators ask other reviewers to decide a request.",
        ));
    }
    let Ok(pending) = request.pending(now) else {
        return Err(already_decided(tx, id, now).await);
    };
    if body.logins.is_empty() || body.logins.len() > MAX_ASKED {
        return Err(AppError::refused(
            Code::Malformed,
            format!(
                "Name who should decide it: 1 to {MAX_ASKED} people, by the names that they sign in with."
            ),
        ));
    }
    let request = pending.request();
    let mut deciders = Vec::with_capacity(body.logins.len());
    for login in &body.logins {
        let decider = may_decide(tx, login.trim(), Target::from(request), now).await?;
        if !deciders.contains(&decider) {
            deciders.push(decider);
        }
    }
    let people: Vec<_> = deciders.iter().map(|decider| decider.user).collect();
    tx.ask_reviewers(id, people.clone()).await?;
    let entry = Entry {
        at: now,
        actor: Some(actor.user.id),
        action: AuditAction::ReviewersAsked,
        subject: Subject::of_request(request, None),
        detail: json!({ "reviewers": people }),
    };
    tx.record(entry).await?;
    notices::ask_for_review(tx, request, &deciders, now).await?;
    presenter::request(tx, id, now).await
}

/// Somebody who may decide this; who may not is answered as somebody unknown.
async fn may_decide(
    tx: &mut dyn Write,
    login: &str,
    target: Target,
    now: Time,
) -> Result<Decider, AppError> {
    let person = tx.user_by_login(login).await?;
    if let Some(person) = person.filter(|person| !person.disabled) {
        let reach = Actor::load(tx, person.id, now).await?.reach;
        if let Some(decider) = reach.decider(target.user, target.resource) {
            return Ok(decider);
        }
    }
    Err(AppError::refused(
        Code::NotFound,
        format!(
            "Nobody who may decide this request signs in as “{login}”. Check it: it is the login, not the \
             display name."
        ),
    ))
}
