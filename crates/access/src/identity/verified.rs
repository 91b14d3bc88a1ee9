//! A password that was checked.

use hourkey_domain::ids::UserId;
use hourkey_store::{Read, StoreError};

/// Somebody who showed their password: it counts as long as it is theirs and they are enabled.
#[derive(Clone)]
pub struct Verified {
    /// Who.
    pub user: UserId,
    /// The hash that the password fitted.
    pub(super) hash: String,
}

impl Verified {
    /// Whether that is still so.
    ///
    /// # Errors
    /// The store's failure.
    pub(super) async fn holds(&self, tx: &mut dyn Read) -> Result<bool, StoreError> {
        let enabled = tx.user(self.user).await?.is_some_and(|user| !user.disabled);
        Ok(enabled && tx.password_hash(self.user).await?.as_ref() == Some(&self.hash))
    }
}
