//! Where one secret is kept, and why it cannot be.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;

use super::secret::Secret;

/// How long a keyring may take.
pub(super) const KEYRING_TIMEOUT: Duration = Duration::from_secs(5);

/// Keeps one secret.
#[async_trait]
pub trait SecretStore: Send + Sync {
    /// The secret, or `None` when there is none.
    async fn load(&self) -> Result<Option<Secret>, SecretError>;
    /// Replaces the secret. When this returns, it is stored.
    async fn save(&self, secret: &Secret) -> Result<(), SecretError>;
    /// Removes the secret. Removing what is not there is fine.
    async fn clear(&self) -> Result<(), SecretError>;
    /// Whether a secret could be kept, as far as that shows without keeping one.
    async fn check(&self) -> Result<(), SecretError> {
        self.load().await.map(drop)
    }
    /// Where secrets are kept, as a sentence.
    fn describe(&self) -> String;
}

/// Why a secret could not be loaded, saved or removed, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// No keyring runs here.
    #[error(
        "No keyring is running, so the sign-in cannot be kept: {why}. Start one (for example \
         gnome-keyring or KWallet), or keep the sign-in in a file: hourkey sign-in --store file."
    )]
    Absent {
        /// What the system said.
        why: String,
    },
    /// The keyring is locked.
    #[error(
        "The keyring is locked, so the sign-in cannot be read or kept. Unlock it and try again."
    )]
    Locked,
    /// The keyring did not answer, for example because it waits for its password to be typed.
    #[error(
        "The keyring did not answer within {} seconds. If it asks for its password somewhere, \
         answer it, and try again.",
        KEYRING_TIMEOUT.as_secs()
    )]
    TimedOut,
    /// The file cannot be read or written.
    #[error(
        "The file {} cannot be read or written: {why}. See who may write there, and whether the disk \
         is full.",
        path.display()
    )]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// Anything else.
    #[error("The sign-in cannot be read or kept: {0}.")]
    Other(String),
}
