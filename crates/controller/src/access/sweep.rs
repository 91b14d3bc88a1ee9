//! What time alone does: lapses, starts, expiries, ends of assignments and of sessions.

use std::time::Duration;

use hourkey_domain::Time;
use hourkey_domain::grant::{Grant, State as GrantState};
use hourkey_domain::ids::{ResourceId, UserId};
use hourkey_domain::request::{Request, State as RequestState};
use hourkey_protocol::notice::What;
use hourkey_store::access::OpenFilter;
use hourkey_store::{StoreError, Write};

use super::keep::Act;
use super::{keep, reconcile};
use crate::app::{App, stopped};
use crate::clock::sleep_until;
use crate::error::AppError;
use crate::identity::session;

/// After the store failed, it is asked again after this.
const RETRY: Duration = Duration::from_secs(1);

/// How often expired tokens, links and kept answers are forgotten.
const FORGET_EVERY: chrono::TimeDelta = chrono::TimeDelta::hours(1);

/// Does what is due, until the controller shuts down. Sleeps up to the next deadline; a change of
/// the store wakes it, since it may bring an earlier one.
pub async fn run(app: App) {
    let mut changed = app.store.changed();
    let mut stop = app.stop.subscribe();
    let mut forget_at = app.clock.now();
    loop {
        changed.mark_unchanged();
        let next = match sweep(&app, &mut forget_at).await {
            Ok(next) => next,
            Err(failure) => {
                // The deadlines stay due.
                failure.log();
                tokio::select! {
                    () = tokio::time::sleep(RETRY) => continue,
                    () = stopped(&mut stop) => return,
                }
            }
        };
        tokio::select! {
            () = sleep_until(&*app.clock, next) => {}
            alive = changed.changed() => if alive.is_err() { return },
            () = stopped(&mut stop) => return,
        }
    }
}

/// Does what is due now, and says when to come back.
async fn sweep(app: &App, forget_at: &mut Time) -> Result<Time, AppError> {
    let now = app.clock.now();
    if *forget_at <= now {
        app.transact(|tx, now| Box::pin(async move { Ok(tx.forget_expired(now).await?) }))
            .await?;
        *forget_at = now + FORGET_EVERY;
    }
    loop {
        let next = app.store.read_reserved().await?.next_deadline().await?;
        match next {
            Some(next) if next <= app.clock.now() => sweep_now(app).await?,
            Some(next) => return Ok(next.min(*forget_at)),
            None => return Ok(*forget_at),
        }
    }
}

/// Does everything that is due now, in one transaction.
///
/// # Errors
/// The store's own failure; everything stays due.
pub async fn sweep_now(app: &App) -> Result<(), AppError> {
    app.transact_ending(|tx, now| {
        Box::pin(async move {
            due(tx, OpenFilter::default(), now).await?;
            keep::repeat_due(tx, now).await?;
            session::end_due(tx, now).await
        })
    })
    .await
}

/// What time has done to one user's access to one resource, before anything else happens to it.
pub(super) async fn settle(
    tx: &mut dyn Write,
    user: UserId,
    resource: ResourceId,
    now: Time,
) -> Result<(), AppError> {
    due(tx, OpenFilter::between(user, resource), now).await
}

/// Does what is due at `now` among the open things of the filter.
pub(super) async fn due(tx: &mut dyn Write, filter: OpenFilter, now: Time) -> Result<(), AppError> {
    let open = tx
        .open(OpenFilter {
            due_at: Some(now),
            ..filter
        })
        .await?;
    let act = Act { by: None, at: now };
    for request in open.requests {
        settle_request(tx, act, request).await?;
    }
    for grant in open.grants {
        settle_grant(tx, act, grant).await?;
    }
    Ok(())
}

async fn settle_request(tx: &mut dyn Write, act: Act, request: Request) -> Result<(), AppError> {
    let before = request.clone();
    match request.pending(act.at) {
        Ok(pending) => {
            let request = pending.request().clone();
            match reconcile::request_ends(tx, &request, false, act.at).await? {
                Some(cause) => reconcile::cancel(tx, act, request, cause).await,
                None => Ok(()),
            }
        }
        Err(lapsed) => {
            let RequestState::Lapsed { .. } = lapsed.state else {
                return Ok(());
            };
            act.request(tx, "request.lapsed", &before, &lapsed).await?;
            let what = What::Lapsed { request: lapsed.id };
            act.tell(tx, lapsed.user, lapsed.resource, what).await
        }
    }
}

async fn settle_grant(tx: &mut dyn Write, act: Act, grant: Grant) -> Result<(), AppError> {
    let before = grant.clone();
    let grant = grant.at(act.at);
    match grant.state {
        GrantState::Expired { .. } => act.grant(tx, "grant.expired", &before, &grant).await,
        GrantState::Scheduled | GrantState::Active => {
            match reconcile::grant_ends(tx, &grant, false, act.at).await? {
                Some(cause) => reconcile::revoke(tx, act, grant, cause).await,
                None => start(tx, act, grant).await,
            }
        }
        GrantState::Released { .. } | GrantState::Revoked { .. } => Ok(()),
    }
}

/// Starts a scheduled grant whose time has come, as far as today's settings allow (rule 7).
async fn start(tx: &mut dyn Write, act: Act, grant: Grant) -> Result<(), AppError> {
    let before = grant.clone();
    let Ok(due) = grant.due(act.at) else {
        return Ok(());
    };
    let (Some(request), Some(assignment)) = (
        tx.request(before.request).await?,
        tx.effective_assignment(before.assignment).await?,
    ) else {
        return Err(StoreError::Corrupt(format!("grant {} rests on nothing", before.id)).into());
    };
    let RequestState::Approved { by, .. } = request.state else {
        return Err(StoreError::Corrupt(format!("grant {} was not approved", before.id)).into());
    };
    let started = due.start(by, &assignment, act.at);
    match started.state.clone() {
        GrantState::Active => {
            act.grant(tx, "grant.started", &before, &started).await?;
            let expires_at = started.window.expires_at;
            let what = What::Started {
                grant: started.id,
                expires_at,
            };
            act.tell(tx, started.user, started.resource, what).await
        }
        GrantState::Revoked { cause, .. } => {
            reconcile::keep_revoked(tx, act, &before, &started, cause).await
        }
        GrantState::Expired { .. } => act.grant(tx, "grant.expired", &before, &started).await,
        GrantState::Scheduled | GrantState::Released { .. } => {
            Err(StoreError::Corrupt(format!("grant {} did not start", before.id)).into())
        }
    }
}
