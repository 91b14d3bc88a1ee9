//! Second factors of signing in, and of whom the organisation requires one.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use hourkey_domain::ids::UserId;

use crate::StoreError;
use crate::account::Digest;

/// A person's second factor.
#[derive(Clone, PartialEq, Eq)]
pub struct SecondFactor {
    /// Whose.
    pub user: UserId,
    /// The secret, sealed: the store cannot read it.
    pub secret: Vec<u8>,
    /// When it was set up.
    pub since: DateTime<Utc>,
    /// The newest step whose code was taken.
    pub last_step: i64,
}

impl std::fmt::Debug for SecondFactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SecondFactor({}, …)", self.user)
    }
}

/// Who must have a second factor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TwoStepFor {
    /// Nobody: each decides for themselves.
    #[default]
    None,
    /// Those whose roles decide about others: administrators, operators and access reviewers.
    Roles,
}

impl TwoStepFor {
    /// Its name in the store, in forms and in the audit log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Roles => "roles",
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        let all = [Self::None, Self::Roles];
        all.into_iter().find(|one| one.as_str() == name)
    }
}

/// Reads second factors.
#[async_trait]
pub trait SecondFactorRead: Send {
    /// A person's second factor, where they have one.
    async fn second_factor(&mut self, user: UserId) -> Result<Option<SecondFactor>, StoreError>;

    /// Who has one, in order of id.
    async fn with_second_factor(&mut self) -> Result<Vec<UserId>, StoreError>;

    /// How many recovery codes a person has left.
    async fn recovery_codes(&mut self, user: UserId) -> Result<u64, StoreError>;

    /// Who must have one.
    async fn two_step_for(&mut self) -> Result<TwoStepFor, StoreError>;
}

/// Writes second factors.
#[async_trait]
pub trait SecondFactorWrite: SecondFactorRead {
    /// Keeps a second factor in place of the one before, whose recovery codes go with it.
    async fn put_second_factor(&mut self, factor: SecondFactor) -> Result<(), StoreError>;

    /// Notes that the code of a step was taken.
    async fn set_last_step(&mut self, user: UserId, step: i64) -> Result<(), StoreError>;

    /// Forgets a second factor with its recovery codes; true where there was one.
    async fn remove_second_factor(&mut self, user: UserId) -> Result<bool, StoreError>;

    /// Keeps recovery codes in place of those before.
    async fn set_recovery_codes(
        &mut self,
        user: UserId,
        codes: Vec<Digest>,
    ) -> Result<(), StoreError>;

    /// Takes a recovery code, which is gone then; true where there was such a one.
    async fn take_recovery_code(&mut self, user: UserId, code: Digest) -> Result<bool, StoreError>;

    /// Sets who must have one.
    async fn set_two_step_for(&mut self, whom: TwoStepFor) -> Result<(), StoreError>;
}
