//! Calls that must not happen twice (rule 12): the answer of a call with an `Idempotency-Key` is
//! kept in the transaction of its change, and given again to the same call.

use futures_util::future::BoxFuture;
use hourkey_domain::Time;
use hourkey_domain::ids::UserId;
use hourkey_protocol::problem::Code;
use hourkey_store::account::{Digest, StoredResponse};
use hourkey_store::{Room, Write};
use serde::Serialize;

use crate::app::App;
use crate::error::AppError;

/// The longest key that is taken, in characters.
pub const MAX_KEY: usize = 200;

/// What makes a call the same call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The caller's key.
    pub key: String,
    /// SHA-256 over method, path and body.
    pub call: Digest,
}

/// An answer in JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: String,
}

impl Answer {
    /// An answer with this status and body.
    ///
    /// # Errors
    /// When the body cannot be written as JSON.
    pub fn new(status: u16, body: &impl Serialize) -> Result<Self, AppError> {
        let body = serde_json::to_string(body).map_err(anyhow::Error::from)?;
        Ok(Self { status, body })
    }
}

/// Runs `work` as a write transaction ([`App::transact`]), unless the same call was answered before:
/// then that answer comes again, and nothing happens. Without a key it always runs. Refusals are not
/// kept: nothing happened, so the next try is judged anew. What ends access never counts as too much.
///
/// # Errors
/// What `work` returned, [`Code::KeyReused`] when the key belongs to another call, or
/// [`Code::RateLimited`] when the person made too many changes.
pub async fn run_once<F>(
    app: &App,
    room: Room,
    user: UserId,
    key: Option<IdempotencyKey>,
    work: F,
) -> Result<Answer, AppError>
where
    F: for<'t> FnOnce(&'t mut dyn Write, Time) -> BoxFuture<'t, Result<Answer, AppError>>
        + Clone
        + Send
        + Sync
        + 'static,
{
    match room {
        Room::Usual => app.budgets.change(user, app.clock.now())?,
        Room::Kept => {}
    }
    app.transact(room, move |tx, now| {
        Box::pin(answer(tx, now, user, key, work))
    })
    .await
}

async fn answer<F>(
    tx: &mut dyn Write,
    now: Time,
    user: UserId,
    key: Option<IdempotencyKey>,
    work: F,
) -> Result<Answer, AppError>
where
    F: for<'t> FnOnce(&'t mut dyn Write, Time) -> BoxFuture<'t, Result<Answer, AppError>> + Send,
{
    let Some(IdempotencyKey { key, call }) = key else {
        return work(tx, now).await;
    };
    match tx.stored_response(user, &key).await? {
        Some(kept) if kept.call == call => {
            return Ok(Answer {
                status: kept.status,
                body: kept.body,
            });
        }
        Some(_) => {
            return Err(AppError::refused(
                Code::KeyReused,
                "You sent another call with this Idempotency-Key before. Use a new key for each \
                 call, and the same one only to repeat it.",
            ));
        }
        None => {}
    }
    let answer = work(tx, now).await?;
    let Answer { status, body } = answer.clone();
    tx.store_response(user, &key, StoredResponse { call, status, body }, now)
        .await?;
    Ok(answer)
}
