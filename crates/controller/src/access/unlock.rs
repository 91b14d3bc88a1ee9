//! Unlocking what locked because it was not used: by approving a request, or by an administrator.

use hourkey_domain::Time;
use hourkey_domain::change::Cause;
use hourkey_domain::ids::{RequestId, UserId};
use hourkey_domain::lock::lock_state;
use hourkey_domain::reason::Text;
use hourkey_domain::request::Pending;
use hourkey_domain::settings::{EffectiveAssignment, Mode, most_permissive};
use hourkey_domain::unlock::{Unlock, locks_at};
use hourkey_protocol::access::{AutoLocked, NewUnlock};
use hourkey_protocol::notice::What;
use hourkey_protocol::problem::Code;
use hourkey_store::access::AccessHistory;
use hourkey_store::log::{Entry, Subject};
use hourkey_store::{Read, Write};
use serde_json::json;

use super::actor::Actor;
use super::decide::cannot_approve;
use super::keep::{self, Act};
use super::known::{Known, known};
use super::{reconcile, sweep, validate};
use crate::app::App;
use crate::error::AppError;
use crate::identity::Caller;

/// Keeps an approval of a request for an unlock, and tells the requester. Where the resource is
/// open to them by now, the request is cancelled: there is nothing to unlock.
pub(super) async fn approve(
    tx: &mut dyn Write,
    pending: Pending,
    by: Option<UserId>,
    comment: Text,
    live: &EffectiveAssignment,
    now: Time,
) -> Result<(), AppError> {
    let act = Act { by, at: now };
    let before = pending.request().clone();
    let history = tx
        .access_history(before.user, Some(before.resource))
        .await?;
    let last_used = history.first().and_then(|(_, history)| history.last_used());
    let Some(locked) = live.auto_locked(last_used, now) else {
        return reconcile::cancel(tx, act, before, Cause::NoLongerNeeded).await;
    };
    let (approved, unlock) = locked
        .approve(pending, by, comment.clone(), now)
        .map_err(cannot_approve)?;
    tx.set_request_state(approved.id, approved.state.clone())
        .await?;
    tx.restart_count(unlock.user, unlock.resource, unlock.at)
        .await?;
    let detail = json!({ "from": before.state, "to": approved.state, "unlock": unlock });
    act.record(tx, "request.approved", &approved, None, detail)
        .await?;
    let request = Some(approved.id);
    tell(tx, act, live, &unlock, request, comment).await
}

/// Unlocks a resource for somebody without a request, as an administrator. A request for it that
/// waits is cancelled.
///
/// # Errors
/// [`Code::Forbidden`] for all others, [`Code::OwnRequest`] for one's own, [`Code::NotFound`] for
/// whom or what is unknown, or not assigned, [`Code::NotNeeded`] for what is not locked by its
/// disuse, [`Code::TextTooLong`].
pub(crate) async fn unlock_in(
    tx: &mut dyn Write,
    caller: impl Into<Caller>,
    body: NewUnlock,
    now: Time,
) -> Result<AutoLocked, AppError> {
    let comment = validate::text(&body.comment)?;
    let actor = admin_in(tx, caller.into()).await?;
    let admin = actor.user.id;
    let user = target(tx, &body.login).await?;
    sweep::settle(tx, user, body.resource, now).await?;
    let here = known(tx, user, Some(body.resource)).await?.pop();
    let here = here.ok_or_else(AppError::not_found)?;
    let last_used = here.history.last_used();
    let best = most_permissive(&here.assignments, now).copied();
    let assignment = best.ok_or_else(AppError::not_found)?;
    let locked = assignment
        .auto_locked(last_used, now)
        .ok_or_else(|| not_locked(&here, now))?;
    let reviewer = actor.reach.reviewer(user, body.resource);
    let unlock = locked
        .unlock(user, body.resource, &reviewer, now)
        .map_err(|why| {
            AppError::refused(
                Code::OwnRequest,
                format!("You cannot unlock this: {why}. Another administrator has to."),
            )
        })?;
    tx.restart_count(unlock.user, unlock.resource, unlock.at)
        .await?;
    let act = Act {
        by: Some(admin),
        at: now,
    };
    if let Some(before) = here.pending.clone()
        && let Ok(pending) = before.clone().pending(now)
    {
        let cancelled = pending.cancel(None, Cause::NoLongerNeeded, now);
        act.request(tx, "request.cancelled", &before, &cancelled)
            .await?;
    }
    tx.record(Entry {
        at: now,
        actor: Some(admin),
        action: "resource.unlocked",
        subject: Subject::Use {
            user,
            resource: body.resource,
            restarts_count: true,
            cut: false,
        },
        detail: json!({ "unlock": unlock, "last_used": last_used, "comment": comment }),
    })
    .await?;
    tell(tx, act, &assignment, &unlock, None, comment).await?;
    let history = AccessHistory {
        counted_from: Some(now),
        ..here.history
    };
    let here = Known { history, ..here };
    shown(&here, now).ok_or_else(AppError::not_found)
}

/// What locks when this person does not use it, for an administrator, in order of id.
///
/// # Errors
/// [`Code::Forbidden`] for all others, [`Code::NotFound`] for a login that nobody has.
pub async fn auto_locked(
    app: &App,
    caller: impl Into<Caller>,
    login: &str,
) -> Result<Vec<AutoLocked>, AppError> {
    let mut tx = app.store.read().await?;
    let now = app.clock.now();
    admin_in(&mut *tx, caller.into()).await?;
    let user = target(&mut *tx, login).await?;
    let known = known(&mut *tx, user, None).await?;
    Ok(known.iter().filter_map(|here| shown(here, now)).collect())
}

async fn admin_in(tx: &mut dyn Read, caller: Caller) -> Result<Actor, AppError> {
    let actor = Actor::load(tx, caller).await?;
    match actor.administers() {
        true => Ok(actor),
        false => Err(not_an_admin()),
    }
}

pub(crate) fn not_an_admin() -> AppError {
    AppError::refused(
        Code::Forbidden,
        "Only administrators unlock resources for others. Ask for it on its request page.",
    )
}

async fn target(tx: &mut dyn Read, login: &str) -> Result<UserId, AppError> {
    let user = tx.user_by_login(login.trim()).await?;
    user.map(|user| user.id).ok_or_else(|| {
        AppError::refused(
            Code::NotFound,
            "Nobody signs in with this name. Check it: it is the login, not the display name.",
        )
    })
}

/// `None` for what does not auto-lock for this user.
fn shown(here: &Known, now: Time) -> Option<AutoLocked> {
    let best = most_permissive(&here.assignments, now)?;
    if best.settings.mode != Mode::AutoLock {
        return None;
    }
    Some(AutoLocked {
        resource: here.resource.id,
        resource_name: here.resource.name.clone(),
        last_used: here.history.used_at,
        locks_at: lock_state(&here.facts(), now)?.locks_at(),
    })
}

fn not_locked(here: &Known, now: Time) -> AppError {
    let detail = if lock_state(&here.facts(), now).is_some_and(|lock| lock.is_open()) {
        "It is open to them: there is nothing to unlock."
    } else {
        "It does not lock by disuse: they open it with a request."
    };
    AppError::refused(Code::NotNeeded, detail)
}

async fn tell(
    tx: &mut dyn Write,
    act: Act,
    assignment: &EffectiveAssignment,
    unlock: &Unlock,
    request: Option<RequestId>,
    comment: Text,
) -> Result<(), AppError> {
    let by = match act.by {
        Some(by) => Some(keep::name(tx, by).await?),
        None => None,
    };
    let what = What::Unlocked {
        request,
        by,
        // An unlock counts from now, so there is a moment at which it locks.
        locks_at: locks_at(assignment, Some(unlock.at)).unwrap_or(act.at),
        comment: comment.into(),
    };
    act.tell(tx, unlock.user, unlock.resource, what).await
}
