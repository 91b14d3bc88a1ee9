//! Where the refresh token is kept.

use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use url::Url;

mod keyring;
pub use keyring::Keyring;

/// A text that must not be seen: its `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself. Never log it, never put it into an address or an argument.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

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
        keyring::TIMEOUT.as_secs()
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

/// Keeps the secret until the program ends.
#[derive(Default)]
pub struct MemoryOnly(Mutex<Option<Secret>>);

#[async_trait]
impl SecretStore for MemoryOnly {
    async fn load(&self) -> Result<Option<Secret>, SecretError> {
        Ok(self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone())
    }

    async fn save(&self, secret: &Secret) -> Result<(), SecretError> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(secret.clone());
        Ok(())
    }

    async fn clear(&self) -> Result<(), SecretError> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(())
    }

    fn describe(&self) -> String {
        "The sign-in is kept until the program ends.".to_owned()
    }
}

/// Keeps the secret in a file that only its owner may read; for hosts without a keyring, by
/// choice.
pub struct File {
    path: PathBuf,
}

impl File {
    /// Keeps it in the file at `path`.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The file of one client at one controller in `folder`, as [`Keyring::of`].
    #[must_use]
    pub fn of(folder: &std::path::Path, client_id: &str, controller: &Url) -> Self {
        let host = controller.host_str().unwrap_or_default();
        let port = controller.port_or_known_default().unwrap_or_default();
        // An IPv6 address has colons, which file names cannot have everywhere.
        let name = format!("{}-{port}", host.trim_matches(['[', ']']).replace(':', "_"));
        Self::new(folder.join(format!("{client_id}.{name}.token")))
    }

    fn failed(&self, error: &io::Error) -> SecretError {
        SecretError::File {
            path: self.path.clone(),
            why: error.to_string(),
        }
    }
}

#[async_trait]
impl SecretStore for File {
    async fn load(&self) -> Result<Option<Secret>, SecretError> {
        match std::fs::read(&self.path) {
            // A damaged secret is refused like a wrong one, wherever it is used.
            Ok(bytes) => Ok(Some(Secret::new(
                String::from_utf8_lossy(&bytes).trim_end(),
            ))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed(&error)),
        }
    }

    async fn save(&self, secret: &Secret) -> Result<(), SecretError> {
        crate::file::replace(&self.path, secret.expose().as_bytes())
            .map_err(|error| self.failed(&error))
    }

    async fn clear(&self) -> Result<(), SecretError> {
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.failed(&error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    async fn check(&self) -> Result<(), SecretError> {
        crate::file::check(&self.path).map_err(|error| self.failed(&error))
    }

    fn describe(&self) -> String {
        format!("The sign-in is kept in the file {}.", self.path.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_keeps_replaces_and_forgets() {
        let folder = tempfile::tempdir().unwrap();
        let controller = "https://hourkey.example:8443/".parse().unwrap();
        let file = File::of(folder.path(), "hourkey-cli", &controller);
        assert_eq!(file.load().await, Ok(None));
        file.save(&Secret::new("one")).await.unwrap();
        file.save(&Secret::new("two")).await.unwrap();
        assert_eq!(file.load().await, Ok(Some(Secret::new("two"))));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(&file.path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        file.clear().await.unwrap();
        file.clear().await.unwrap();
        assert_eq!(file.load().await, Ok(None));
    }

    #[test]
    fn debug_shows_no_secret() {
        assert!(!format!("{:?}", Secret::new("hunter2")).contains("hunter2"));
    }
}
