//! Where the refresh token is kept.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use keyring_core::CredentialStore;
use url::Url;

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
        TIMEOUT.as_secs()
    )]
    TimedOut,
    /// Anything else.
    #[error("The sign-in cannot be read or kept: {0}.")]
    Other(String),
}

/// How long a keyring may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The system's keyring: Secret Service on Linux, Keychain on macOS, Credential Manager on
/// Windows.
///
/// Each operation finds the keyring anew, so that one which starts later is noticed. Operations
/// run one after another, each on a thread of its own with a time limit: a locked keyring may
/// wait for its password for ever, and neither the async runtime nor the program's end may wait
/// with it.
#[derive(Clone)]
pub struct Keyring {
    service: String,
    account: String,
    timeout: Duration,
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Keyring {
    /// The entry of `account` under `service`.
    #[must_use]
    pub fn new(service: impl Into<String>, account: impl Into<String>) -> Self {
        Self {
            service: service.into(),
            account: account.into(),
            timeout: TIMEOUT,
            turn: Arc::default(),
        }
    }

    /// The entry of one client at one controller: the desktop app and the CLI never share one,
    /// since a refresh token used by two programs ends the session of both.
    #[must_use]
    pub fn of(client_id: &str, controller: &Url) -> Self {
        Self::new(client_id, controller.origin().ascii_serialization())
    }

    async fn run<T: Send + 'static>(
        &self,
        act: impl FnOnce(keyring_core::Entry) -> keyring_core::Result<T> + Send + 'static,
    ) -> Result<T, SecretError> {
        let entry = (self.service.clone(), self.account.clone());
        let turn = Arc::clone(&self.turn);
        let work = async move {
            let turn = turn.lock_owned().await;
            let (done, result) = tokio::sync::oneshot::channel();
            // Not spawn_blocking: the end of the runtime would wait for a keyring that hangs.
            std::thread::Builder::new()
                .name("keyring".to_owned())
                .spawn(move || {
                    let result = open(&entry.0, &entry.1)
                        .and_then(|entry| act(entry).map_err(SecretError::from));
                    // Held until here, also when the wait is over: a slow save must not come
                    // after a later one.
                    drop(turn);
                    // Nobody waits any more: the time was up.
                    let _ = done.send(result);
                })
                .map_err(|error| SecretError::Other(error.to_string()))?;
            result
                .await
                .unwrap_or_else(|_| Err(SecretError::Other("the keyring's code failed".into())))
        };
        tokio::time::timeout(self.timeout, work)
            .await
            .unwrap_or(Err(SecretError::TimedOut))
    }
}

fn open(service: &str, account: &str) -> Result<keyring_core::Entry, SecretError> {
    let store = store().map_err(|error| SecretError::Absent { why: said(&error) })?;
    Ok(store.build(service, account, None)?)
}

/// What the system says, without the library's words around it.
fn said(error: &keyring_core::Error) -> String {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    let cause = cause.unwrap_or_else(|| error.to_string());
    cause.trim_end_matches('.').to_owned()
}

#[cfg(target_os = "linux")]
fn store() -> keyring_core::Result<Arc<CredentialStore>> {
    Ok(zbus_secret_service_keyring_store::Store::new()?)
}

#[cfg(target_os = "macos")]
fn store() -> keyring_core::Result<Arc<CredentialStore>> {
    Ok(apple_native_keyring_store::keychain::Store::new()?)
}

#[cfg(windows)]
fn store() -> keyring_core::Result<Arc<CredentialStore>> {
    Ok(windows_native_keyring_store::Store::new()?)
}

impl From<keyring_core::Error> for SecretError {
    fn from(error: keyring_core::Error) -> Self {
        match error {
            keyring_core::Error::NoStorageAccess(_) => Self::Locked,
            // The enum is not ours and grows; and errors that carry the secret's bytes must not
            // be printed.
            keyring_core::Error::BadEncoding(_) | keyring_core::Error::BadDataFormat(..) => {
                Self::Other("the keyring's entry is damaged; sign out and in again".into())
            }
            other => Self::Other(said(&other)),
        }
    }
}

#[async_trait]
impl SecretStore for Keyring {
    async fn load(&self) -> Result<Option<Secret>, SecretError> {
        self.run(|entry| match entry.get_password() {
            Ok(text) => Ok(Some(Secret(text))),
            Err(keyring_core::Error::NoEntry) => Ok(None),
            Err(error) => Err(error),
        })
        .await
    }

    async fn save(&self, secret: &Secret) -> Result<(), SecretError> {
        let secret = secret.clone();
        self.run(move |entry| entry.set_password(secret.expose()))
            .await
    }

    async fn clear(&self) -> Result<(), SecretError> {
        self.run(|entry| match entry.delete_credential() {
            Ok(()) | Err(keyring_core::Error::NoEntry) => Ok(()),
            Err(error) => Err(error),
        })
        .await
    }

    fn describe(&self) -> String {
        "The sign-in is kept in the system's keyring.".to_owned()
    }
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
        SecretError::Other(format!("{}: {error}", self.path.display()))
    }
}

#[async_trait]
impl SecretStore for File {
    async fn load(&self) -> Result<Option<Secret>, SecretError> {
        match std::fs::read_to_string(&self.path) {
            Ok(text) => Ok(Some(Secret::new(text.trim_end()))),
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

    #[cfg(target_os = "linux")]
    #[test]
    fn the_message_of_an_absent_keyring_says_why_in_plain_words() {
        let cause = std::io::Error::other("no bus here").into();
        let error = keyring_core::Error::PlatformFailure(cause);
        assert_eq!(said(&error), "no bus here");
    }

    #[test]
    fn desktop_and_cli_and_controllers_have_entries_of_their_own() {
        let one = "https://one.example/".parse().unwrap();
        let two = "https://two.example/".parse().unwrap();
        let entries: std::collections::HashSet<_> = [
            Keyring::of("hourkey-cli", &one),
            Keyring::of("hourkey-desktop", &one),
            Keyring::of("hourkey-cli", &two),
        ]
        .map(|entry| (entry.service, entry.account))
        .into();
        assert_eq!(entries.len(), 3);
    }

    #[test]
    fn debug_shows_no_secret() {
        assert!(!format!("{:?}", Secret::new("hunter2")).contains("hunter2"));
    }

    #[test]
    fn errors_never_carry_the_bytes_of_a_secret() {
        let error = SecretError::from(keyring_core::Error::BadEncoding(b"hunter2".to_vec()));
        assert!(!error.to_string().contains("hunter2"));
    }

    #[tokio::test]
    async fn a_keyring_that_hangs_times_out_and_blocks_nobody_for_ever() {
        let mut keyring = Keyring::new("hourkey-test", "hang");
        keyring.timeout = Duration::from_millis(10);
        // Another operation that never ends.
        let _turn = Arc::clone(&keyring.turn).lock_owned().await;
        assert_eq!(keyring.load().await, Err(SecretError::TimedOut));
    }
}
