//! Where the refresh token is kept.

use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use url::Url;

mod keyring;
mod secret;
mod store;
pub use keyring::Keyring;
pub use secret::Secret;
pub use store::{SecretError, SecretStore};

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
