//! A password that was checked.

use hourkey_domain::ids::UserId;
use hourkey_store::{Read, StoreError};

/// Somebody who showed their password: it counts as long as it is theirs and they are enabled, and only
/// together with their second factor where they have one.
#[derive(Clone)]
pub struct Verified {
    /// Who.
    pub user: UserId,
    /// The hash that the password fitted.
    pub(super) hash: String,
    /// Whether they showed their second factor, too.
    second: bool,
}

impl Verified {
    /// By their password alone.
    pub(super) fn by_password(user: UserId, hash: String) -> Self {
        Self {
            user,
            hash,
            second: false,
        }
    }

    /// The same, who showed their second factor, too.
    pub(super) fn with_second_factor(self) -> Self {
        Self {
            second: true,
            ..self
        }
    }

    /// Whether that is still so.
    ///
    /// # Errors
    /// The store's failure.
    pub(super) async fn holds(&self, tx: &mut dyn Read) -> Result<bool, StoreError> {
        let enabled = tx.user(self.user).await?.is_some_and(|user| !user.disabled);
        let whole = self.second || tx.second_factor(self.user).await?.is_none();
        Ok(enabled && whole && tx.password_hash(self.user).await?.as_ref() == Some(&self.hash))
    }
}
