//! Unlocking, as an administrator, what locked because it was not used.

use hourkey_domain::Time;
use hourkey_domain::ids::UserId;
use hourkey_domain::lock::{Facts, lock_state};
use hourkey_domain::organisation::Resource;
use hourkey_domain::review::MayNot;
use hourkey_domain::settings::{Mode, most_permissive};
use hourkey_domain::transition::{self, CannotUnlock};
use hourkey_protocol::access::{AutoLocked, NewUnlock};
use hourkey_protocol::problem::Code;
use hourkey_store::{Read, Room, Write};

use super::act::Act;
use super::actor::Actor;
use super::facts::settled;
use super::{record, validate};
use crate::app::App;
use crate::error::AppError;
use crate::identity::Caller;

/// [`unlock_in`], in a transaction of its own.
///
/// # Errors
/// As there.
pub async fn unlock(
    app: &App,
    caller: impl Into<Caller>,
    body: NewUnlock,
) -> Result<AutoLocked, AppError> {
    let caller = caller.into();
    app.transact(Room::Usual, move |tx, now| {
        Box::pin(unlock_in(tx, caller, body, now))
    })
    .await
}

/// Unlocks a resource for somebody without a request, as an administrator. A request for it that
/// waits is cancelled.
///
/// # Errors
/// [`Code::Forbidden`] for all others, [`Code::OwnRequest`] for one's own, [`Code::NotFound`] for
/// whom or what is unknown, or not assigned, [`Code::NotNeeded`] for what is not locked by its
/// disuse, [`Code::TextTooLong`].
pub async fn unlock_in(
    tx: &mut dyn Write,
    caller: impl Into<Caller>,
    body: NewUnlock,
    now: Time,
) -> Result<AutoLocked, AppError> {
    let comment = validate::text(&body.comment)?;
    let actor = Actor::load(tx, caller, now).await?;
    actor.authorize_admin()?;
    let admin = actor.user.id;
    let user = target(tx, &body.login).await?;
    let facts = settled(tx, user, body.resource, now).await?;
    let reviewer = actor.reach.reviewer(user, body.resource);
    let done = transition::unlock(&facts, &reviewer, comment, now).map_err(cannot_unlock)?;
    for transition in &done {
        record::apply(tx, transition, Act::of(admin, now)).await?;
    }
    let facts = settled(tx, user, body.resource, now).await?;
    let resource = tx.resource(body.resource).await?;
    let (resource, _) = resource.ok_or_else(AppError::not_found)?;
    let history = tx.access_history(user, Some(body.resource)).await?;
    let used_at = history.first().and_then(|(_, history)| history.used_at);
    shown(&resource, &facts.view(), used_at, now).ok_or_else(AppError::not_found)
}

/// Whether the person may unlock for others.
///
/// # Errors
/// [`Code::Forbidden`] for everybody but administrators.
pub async fn check_admin(app: &App, caller: impl Into<Caller>) -> Result<(), AppError> {
    Actor::looking(&*app.organisation().await?, caller, app.clock.now())?.authorize_admin()
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
    let organisation = app.organisation().await?;
    let now = app.clock.now();
    Actor::looking(&organisation, caller, app.clock.now())?.authorize_admin()?;
    let user = organisation.user_by_login(login).ok_or_else(unknown)?;
    let reached = organisation.reached(user.id).filter_map(|here| {
        let used_at = here.access.and_then(|access| access.history.used_at);
        shown(here.resource, &here.facts(), used_at, now)
    });
    Ok(reached.collect())
}

async fn target(tx: &mut dyn Read, login: &str) -> Result<UserId, AppError> {
    let user = tx.user_by_login(login.trim()).await?;
    user.map(|user| user.id).ok_or_else(unknown)
}

fn unknown() -> AppError {
    AppError::refused(
        Code::NotFound,
        "Nobody signs in with this name. Check it: it is the login, not the display name.",
    )
}

/// `None` for what does not auto-lock for this user.
fn shown(
    resource: &Resource,
    facts: &Facts<'_>,
    used_at: Option<Time>,
    now: Time,
) -> Option<AutoLocked> {
    let best = most_permissive(facts.assignments, now).filter(|_| facts.resource_enabled)?;
    if best.settings.mode != Mode::AutoLock {
        return None;
    }
    Some(AutoLocked {
        resource: resource.id,
        resource_name: resource.name.clone(),
        last_used: used_at,
        locks_at: lock_state(facts, now)?.locks_at(),
    })
}

fn cannot_unlock(why: CannotUnlock) -> AppError {
    match why {
        CannotUnlock::NotVisible => AppError::not_found(),
        CannotUnlock::Disabled => AppError::refused(
            Code::ResourceDisabled,
            "The resource is disabled: it opens for nobody. Enable it first.",
        ),
        CannotUnlock::Open => AppError::refused(
            Code::NotNeeded,
            "It is open to them: there is nothing to unlock.",
        ),
        CannotUnlock::NotAutoLocked => AppError::refused(
            Code::NotNeeded,
            "It does not lock by disuse: they open it with a request.",
        ),
        CannotUnlock::MayNot(MayNot::Barred) => AppError::refused(
            Code::OwnRequest,
            "Less than a day ago this person was shown a link to your password, or set up where such links \
             go. Another administrator has to unlock this.",
        ),
        CannotUnlock::MayNot(why) => AppError::refused(
            Code::OwnRequest,
            format!("You cannot unlock this: {why}. Another administrator has to."),
        ),
    }
}
