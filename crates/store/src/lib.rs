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
pub mod mail;
pub mod organisation;
pub mod reviewing;
pub mod second_factor;
pub mod usage;

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use tokio::sync::watch;

/// Everything that can be read inside a transaction.
pub trait Read:
    access::AccessRead
    + account::AccountRead
    + device::DeviceRead
    + gateway::GatewayRead
    + log::LogRead
    + mail::MailRead
    + organisation::OrganisationRead
    + reviewing::ReviewingRead
    + second_factor::SecondFactorRead
    + usage::UsageRead
{
}

impl<T> Read for T where
    T: access::AccessRead
        + account::AccountRead
        + device::DeviceRead
        + gateway::GatewayRead
        + log::LogRead
        + mail::MailRead
        + organisation::OrganisationRead
        + reviewing::ReviewingRead
        + second_factor::SecondFactorRead
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
    + mail::MailWrite
    + organisation::OrganisationWrite
    + reviewing::ReviewingWrite
    + second_factor::SecondFactorWrite
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
        + mail::MailWrite
        + organisation::OrganisationWrite
        + reviewing::ReviewingWrite
        + second_factor::SecondFactorWrite
        + usage::UsageWrite
{
}

/// What a write transaction does. An error rolls this work back, and only this work, even when it
/// was committed in a group with others.
///
/// A store may run it again from the start: a database server refuses one of two works that read
/// what the other changes (PostgreSQL's error 40001). So nothing outside the transaction may follow
/// from a run.
pub type Work =
    Box<dyn for<'t> Fn(&'t mut dyn Write) -> BoxFuture<'t, Result<(), StoreError>> + Send + Sync>;

/// Which room on the disk a work may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// What is free: on a full disk the work is refused.
    Usual,
    /// Also what is kept for works that end access.
    Kept,
}

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
    async fn write(&self, room: Room, work: Work) -> Result<(), StoreError>;

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

/// Runs `work` as a write transaction, and returns what its last run returned. Each run is a copy of
/// `work` ([`Work`]).
///
/// # Errors
/// What `work` returned (nothing is kept), or the store's own failure.
pub async fn transact<T, E, F>(store: &Arc<dyn Store>, room: Room, work: F) -> Result<T, E>
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
    F: for<'t> FnOnce(&'t mut dyn Write) -> BoxFuture<'t, Result<T, E>>
        + Clone
        + Send
        + Sync
        + 'static,
{
    let outcome = Arc::new(Mutex::new(None));
    let answer = Arc::clone(&outcome);
    let run: Work = Box::new(move |tx| {
        let (work, answer) = (work.clone(), Arc::clone(&answer));
        Box::pin(async move {
            let outcome = work(tx).await;
            let kept = match outcome {
                Ok(_) => Ok(()),
                Err(_) => Err(StoreError::RolledBack),
            };
            *answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
            kept
        })
    });
    let done = store.write(room, run).await;
    let outcome = outcome
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    match (done, outcome) {
        (Ok(()) | Err(StoreError::RolledBack), Some(outcome)) => outcome,
        (Ok(()), None) => Err(StoreError::RolledBack.into()),
        (Err(error), _) => Err(error.into()),
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
    /// The disk has no room. What ends access may still be kept ([`Room::Kept`]).
    #[error("the disk is full: make room")]
    Full,
    /// The store cannot be reached.
    #[error("the store cannot be used: {0}")]
    Unavailable(String),
}
