//! Deputies, and who was asked to decide a request.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use hourkey_domain::deputy::Deputyship;
use hourkey_domain::ids::{RequestId, UserId};

use crate::StoreError;

/// Reads deputies, of whom a reviewer has one at a time, and who was asked.
#[async_trait]
pub trait ReviewingRead: Send {
    /// All deputies, in order of the principal's id.
    async fn deputies(&mut self) -> Result<Vec<Deputyship>, StoreError>;

    /// A reviewer's deputy.
    async fn deputy_of(&mut self, principal: UserId) -> Result<Option<Deputyship>, StoreError>;

    /// Whose deputy somebody is, or will be, in order of the principal's id.
    async fn deputyships_of(&mut self, deputy: UserId) -> Result<Vec<Deputyship>, StoreError>;

    /// The deputies whose time is over at `now`, or has begun without that having been recorded, in order
    /// of the principal's id.
    async fn deputies_due(&mut self, now: DateTime<Utc>) -> Result<Vec<Deputyship>, StoreError>;

    /// Whom an administrator asked to decide a request, in order of id.
    async fn asked_reviewers(&mut self, request: RequestId) -> Result<Vec<UserId>, StoreError>;
}

/// Writes them.
#[async_trait]
pub trait ReviewingWrite: ReviewingRead {
    /// Names a reviewer's deputy, in place of the one before.
    async fn put_deputy(&mut self, deputyship: Deputyship) -> Result<(), StoreError>;

    /// Notes that the beginning of a deputy's time was recorded.
    async fn start_deputy(&mut self, principal: UserId) -> Result<(), StoreError>;

    /// Forgets a reviewer's deputy.
    async fn remove_deputy(&mut self, principal: UserId) -> Result<(), StoreError>;

    /// Notes that these people, too, were asked to decide a request.
    async fn ask_reviewers(
        &mut self,
        request: RequestId,
        people: Vec<UserId>,
    ) -> Result<(), StoreError>;
}
