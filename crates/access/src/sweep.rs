//! What time alone does: lapses, starts, expiries, ends of assignments and of sessions, and deputies.

use std::sync::Arc;
use std::time::Duration;

use hourkey_domain::Time;
use hourkey_domain::audit::AuditAction;
use hourkey_store::access::OpenFilter;
use hourkey_store::log::{Entry, Subject};
use hourkey_store::{Room, Write};
use serde_json::Value;

use super::facts::settled;
use super::reconcile::open;
use super::{deputies, notices};
use crate::app::App;
use crate::clock::sleep_until;
use crate::error::AppError;
use crate::identity::{reset, session};
use crate::organisation::edit::own_gain;
use crate::shutdown::stopped;

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
        app.transact(Room::Usual, |tx, now| {
            Box::pin(async move { Ok(tx.forget_expired(now).await?) })
        })
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
    let before = app.organisation().await?;
    app.transact(Room::Kept, move |tx, now| {
        let before = Arc::clone(&before);
        Box::pin(async move {
            deputies::settle_due(tx, now).await?;
            settle_due(tx, now).await?;
            repeat_due(tx, now).await?;
            own_gain::end_due(tx, &before, now).await?;
            reset::end_due(tx, &before, now).await?;
            session::end_due(tx, now).await
        })
    })
    .await
}

/// Does what is due between users and resources.
async fn settle_due(tx: &mut dyn Write, now: Time) -> Result<(), AppError> {
    let due = OpenFilter {
        due_at: Some(now),
        ..OpenFilter::default()
    };
    for (user, resource) in open(tx, due).await? {
        settled(tx, user, resource, now).await?;
    }
    Ok(())
}

/// Tells reviewers anew of what was asked again too soon, and still waits.
async fn repeat_due(tx: &mut dyn Write, now: Time) -> Result<(), AppError> {
    let mut recorded = None;
    for (of, notice) in tx.review_notices_due(now).await? {
        let waits = match notices::request_of(tx, &notice.what).await? {
            Some(request) => request.pending(now).ok(),
            None => None,
        };
        let Some(waits) = waits else {
            tx.remove_review_notices(of).await?;
            continue;
        };
        let request = waits.request();
        if recorded.replace(request.id) != Some(request.id) {
            let entry = Entry {
                at: now,
                actor: None,
                action: AuditAction::RequestToldAgain,
                subject: Subject::of_request(request, None),
                detail: Value::Null,
            };
            tx.record(entry).await?;
        }
        notices::replace(tx, of, notice.what, now).await?;
    }
    Ok(())
}
