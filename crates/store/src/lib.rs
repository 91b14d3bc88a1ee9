//! The controller's store: traits, models, and the suite that every store must pass.
//!
//! All work runs in transactions. A [`Store`] hands out read transactions and runs write
//! transactions; the rules (who may do what, and what follows from it) live with the callers, the
//! stores only keep rows. A second store implements these traits and passes the conformance suite;
//! no caller changes.
//!
//! Times are kept to the millisecond. Text is kept byte for byte; roles, members, approvers and
//! the like come back in order and without repetition.
#![warn(missing_docs)]

pub mod access;
pub mod account;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod device;
pub mod gateway;
pub mod log;
pub mod organisation;
pub mod usage;

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use tokio::sync::{oneshot, watch};

/// Everything that can be read inside a transaction.
pub trait Read:
    access::AccessRead
    + account::AccountRead
    + device::DeviceRead
    + gateway::GatewayRead
    + log::LogRead
    + organisation::OrganisationRead
    + usage::UsageRead
{
}

impl<T> Read for T where
    T: access::AccessRead
        + account::AccountRead
        + device::DeviceRead
        + gateway::GatewayRead
        + log::LogRead
        + organisation::OrganisationRead
        + usage::UsageRead
{
}

/// Everything that can be read and written inside a transaction.
pub trait Write:
    Read
    + access::AccessWrite
    + account::AccountWrite
    + device::DeviceWrite
    + gateway::GatewayWrite
    + log::LogWrite
    + organisation::OrganisationWrite
    + usage::UsageWrite
{
}

impl<T> Write for T where
    T: Read
        + access::AccessWrite
        + account::AccountWrite
        + device::DeviceWrite
        + gateway::GatewayWrite
        + log::LogWrite
        + organisation::OrganisationWrite
        + usage::UsageWrite
{
}

/// What a write transaction does. An error rolls this work back, and only this work, even when it
/// was committed in a group with others.
pub type Work =
    Box<dyn for<'t> FnOnce(&'t mut dyn Write) -> BoxFuture<'t, Result<(), StoreError>> + Send>;

/// A store.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Runs `work` in a transaction and returns when it is on disk (rule 12).
    ///
    /// Write transactions run one after another: what `work` reads stays true until it commits.
    /// So `work` waits for nothing but this store. It runs to its end even when the caller goes
    /// away, and if it panics, nothing of it is kept and other work goes on.
    ///
    /// # Errors
    /// What `work` returned, in which case nothing of it is kept, or the store's own failure.
    async fn write(&self, work: Work) -> Result<(), StoreError>;

    /// As [`Store::write`], for work that ends access: it has room kept for it where the disk has
    /// none left for other work.
    ///
    /// # Errors
    /// As [`Store::write`].
    async fn write_ending(&self, work: Work) -> Result<(), StoreError>;

    /// A read transaction: one consistent state, as of now. Drop it soon: there are few.
    ///
    /// # Errors
    /// The store's own failure.
    async fn read(&self) -> Result<Box<dyn Read + Send>, StoreError>;

    /// As [`Store::read`], in a lane of its own, for what must go on however many people read:
    /// what gateways are told, and what time ends.
    ///
    /// # Errors
    /// The store's own failure.
    async fn read_reserved(&self) -> Result<Box<dyn Read + Send>, StoreError>;

    /// The change log's newest sequence number, as it grows. Only a doorbell: the truth is
    /// [`log::LogRead::changes_since`].
    fn changed(&self) -> watch::Receiver<i64>;
}

/// Runs `work` as a write transaction and returns what it returns.
///
/// # Errors
/// What `work` returned (nothing is kept), or the store's own failure.
pub async fn transact<T, E, F>(store: &Arc<dyn Store>, work: F) -> Result<T, E>
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
    F: for<'t> FnOnce(&'t mut dyn Write) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
{
    let (work, result) = answering(work);
    answered(store.write(work).await, result).await
}

/// [`transact`] for work that ends access ([`Store::write_ending`]).
///
/// # Errors
/// As [`transact`].
pub async fn transact_ending<T, E, F>(store: &Arc<dyn Store>, work: F) -> Result<T, E>
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
    F: for<'t> FnOnce(&'t mut dyn Write) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
{
    let (work, result) = answering(work);
    answered(store.write_ending(work).await, result).await
}

/// A work as a store takes it, and where its result comes out.
fn answering<T, E, F>(work: F) -> (Work, oneshot::Receiver<Result<T, E>>)
where
    T: Send + 'static,
    E: Send + 'static,
    F: for<'t> FnOnce(&'t mut dyn Write) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
{
    let (answer, result) = oneshot::channel();
    let work: Work = Box::new(move |tx| {
        Box::pin(async move {
            let outcome = work(tx).await;
            let kept = if outcome.is_ok() {
                Ok(())
            } else {
                Err(StoreError::RolledBack)
            };
            // The receiver lives until the store has answered.
            let _ = answer.send(outcome);
            kept
        })
    });
    (work, result)
}

async fn answered<T, E: From<StoreError>>(
    done: Result<(), StoreError>,
    result: oneshot::Receiver<Result<T, E>>,
) -> Result<T, E> {
    match done {
        Ok(()) | Err(StoreError::RolledBack) => {
            result.await.map_err(|_| E::from(StoreError::RolledBack))?
        }
        Err(error) => Err(error.into()),
    }
}

/// Why the store could not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The work refused; nothing of it is kept.
    #[error("the transaction was rolled back")]
    RolledBack,
    /// A uniqueness rule of the store was hit. Names the rule, the same in every store:
    /// `user.login`, `group.name`, `network.name`, `resource.name`, `assignment`,
    /// `request.pending` and `grant.live` (rule 4), `idempotency-key`, `device_code.user_code`,
    /// `device.session`, `gateway.name`, or `secret` (two equal digests).
    #[error("the store refuses a duplicate: {0}")]
    Duplicate(String),
    /// What was asked does not fit what is stored: an id that is unknown or removed, or something
    /// that is still in use.
    #[error("the store refuses: {0}")]
    Refused(String),
    /// What is stored cannot be understood.
    #[error("the store holds something unreadable: {0}")]
    Corrupt(String),
    /// The disk has no room. What ends access may still be kept ([`Store::write_ending`]).
    #[error("the disk is full: make room")]
    Full,
    /// The store cannot be reached.
    #[error("the store cannot be used: {0}")]
    Unavailable(String),
}
