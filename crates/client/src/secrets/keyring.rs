//! The system's keyring, through the keyring crate.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use keyring::{Entry, Error};
use url::Url;

mod like;

use super::secret::Secret;
use super::store::{KEYRING_TIMEOUT, SecretError, SecretStore};
use like::said;

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
            timeout: KEYRING_TIMEOUT,
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
        act: impl FnOnce(&Entry) -> keyring::Result<T> + Send + 'static,
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
                        .and_then(|entry| act(&entry).map_err(SecretError::from));
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

/// The entry in a store made anew: the keyring crate makes one for the life of the process, and
/// keeps it (or its absence) also after the keyring went away or came.
#[cfg(target_os = "linux")]
fn open(service: &str, account: &str) -> Result<Entry, SecretError> {
    use keyring_core::api::CredentialStoreApi as _;

    let store = zbus_secret_service_keyring_store::Store::new();
    let store = store.map_err(|error| SecretError::Absent { why: said(&error) })?;
    let inner = store.build(service, account, None)?;
    Ok(Entry { inner })
}

/// The entry; the keyring of these systems is always there.
#[cfg(not(target_os = "linux"))]
fn open(service: &str, account: &str) -> Result<Entry, SecretError> {
    Ok(Entry::new(service, account)?)
}

impl From<Error> for SecretError {
    fn from(error: Error) -> Self {
        match error {
            Error::NoStorageAccess(_) => Self::Locked,
            // The enum is not ours and grows; and errors that carry the secret's bytes must not
            // be printed.
            Error::BadEncoding(_) | Error::BadDataFormat(..) => {
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
            Ok(text) => Ok(Some(Secret::new(text))),
            Err(Error::NoEntry) => Ok(None),
            Err(Error::Ambiguous(like)) => like::load(like).map(|text| Some(Secret::new(text))),
            Err(error) => Err(error),
        })
        .await
    }

    async fn save(&self, secret: &Secret) -> Result<(), SecretError> {
        let secret = secret.clone();
        self.run(move |entry| match entry.set_password(secret.expose()) {
            Err(Error::Ambiguous(like)) => like::save(like, secret.expose()),
            saved => saved,
        })
        .await
    }

    async fn clear(&self) -> Result<(), SecretError> {
        self.run(|entry| match entry.delete_credential() {
            Ok(()) | Err(Error::NoEntry) => Ok(()),
            Err(Error::Ambiguous(like)) => like::clear(like),
            Err(error) => Err(error),
        })
        .await
    }

    fn describe(&self) -> String {
        "The sign-in is kept in the system's keyring.".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn the_message_of_an_absent_keyring_says_why_in_plain_words() {
        let cause = std::io::Error::other("no bus here").into();
        let error = Error::PlatformFailure(cause);
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
    fn errors_never_carry_the_bytes_of_a_secret() {
        let error = SecretError::from(Error::BadEncoding(b"hunter2".to_vec()));
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
