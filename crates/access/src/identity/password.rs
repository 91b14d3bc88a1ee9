//! Passwords: argon2id in PHC form, computed off the async threads and few at a time.

use std::sync::{Arc, LazyLock};

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use hourkey_protocol::problem::Code;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::AppError;

/// The fewest characters of a password.
pub const SHORTEST: usize = 12;
/// The most bytes of a password: hashing longer ones would be work that strangers can order.
pub const MAX_BYTES: usize = 1024;

/// How many are computed at once: each takes 19 MiB and a core for some 20 ms.
const RUNNING: usize = 2;
/// How many of anybody's are computed or wait. Who comes later is told to come back.
const ADMITTED: usize = 64;
/// How many more may wait of those who are known, when strangers have taken all other places.
const RESERVED: usize = 16;

/// Who asks for a hash to be computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// Anybody.
    Anybody,
    /// Somebody whose browser or code is known.
    Known,
}

/// Computes hashes, a bounded number at a time. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Hasher {
    running: Arc<Semaphore>,
    admitted: Arc<Semaphore>,
    reserved: Arc<Semaphore>,
}

impl Default for Hasher {
    fn default() -> Self {
        let places = |count| Arc::new(Semaphore::new(count));
        Self {
            running: places(RUNNING),
            admitted: places(ADMITTED),
            reserved: places(RESERVED),
        }
    }
}

/// A hash that no password fits, checked for logins that do not exist so that they take as long.
static NOBODY: LazyLock<String> = LazyLock::new(|| {
    let nobody = super::secret::new_secret().0;
    compute(&nobody).unwrap_or_default()
});

impl Hasher {
    /// The argon2id hash of a password with a fresh salt, in PHC form.
    ///
    /// # Errors
    /// [`Code::Unavailable`] when too many wait, or our own failure.
    pub async fn hash(&self, password: String, priority: Priority) -> Result<String, AppError> {
        self.blocking(priority, move || compute(&password)).await?
    }

    /// True when the password fits. `hash` is `None` for an unknown login: that takes as long.
    ///
    /// # Errors
    /// [`Code::Unavailable`] when too many wait, or our own failure.
    pub async fn verify(
        &self,
        password: String,
        hash: Option<String>,
        priority: Priority,
    ) -> Result<bool, AppError> {
        self.blocking(priority, move || {
            let known = hash.is_some();
            let hash = hash.unwrap_or_else(|| NOBODY.clone());
            let fits = Argon2::default().verify_password(password.as_bytes(), hash.as_str());
            fits.is_ok() && known && password.len() <= MAX_BYTES
        })
        .await
    }

    /// A place in the line, until it is dropped.
    ///
    /// # Errors
    /// [`Code::Unavailable`] when too many wait.
    pub fn admit(&self, priority: Priority) -> Result<OwnedSemaphorePermit, AppError> {
        let place = Arc::clone(&self.admitted).try_acquire_owned();
        let place = match priority {
            Priority::Anybody => place,
            Priority::Known => place.or_else(|_| Arc::clone(&self.reserved).try_acquire_owned()),
        };
        place.map_err(|_| {
            AppError::refused(
                Code::Unavailable,
                "Too many people are signing in at this moment. Try again in a few seconds.",
            )
        })
    }

    async fn blocking<T: Send + 'static>(
        &self,
        priority: Priority,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, AppError> {
        let admitted = self.admit(priority)?;
        // It is never closed.
        let running = Arc::clone(&self.running).acquire_owned().await;
        // The work keeps its places: a caller that hangs up stops waiting, but does not stop the
        // work, and must not make room for more of it.
        let work = move || {
            let _places = (admitted, running);
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(|error| {
            AppError::Broken(anyhow::Error::new(error).context("hashing a password did not finish"))
        })
    }
}

/// Whether a new password is good enough.
///
/// # Errors
/// [`Code::Malformed`] with a sentence that says what is wrong with it.
pub fn check_new(password: &str) -> Result<(), AppError> {
    let length = password.chars().count();
    let mut characters = password.chars();
    let first = characters.next();
    let complaint = if length < SHORTEST {
        format!(
            "A password has at least {SHORTEST} characters; this one has {length}. A few words in \
             a row make a good one."
        )
    } else if password.len() > MAX_BYTES {
        format!("A password has at most {MAX_BYTES} bytes. Take a shorter one.")
    } else if characters.all(|character| Some(character) == first) {
        "This is one character over and over. Take something harder to guess.".to_owned()
    } else {
        return Ok(());
    };
    Err(AppError::refused(Code::Malformed, complaint))
}

fn compute(password: &str) -> Result<String, AppError> {
    match Argon2::default().hash_password(password.as_bytes()) {
        Ok(hash) => Ok(hash.to_string()),
        Err(error) => Err(AppError::Broken(anyhow::anyhow!(
            "cannot hash a password: {error}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hash_fits_its_password_only() {
        let hasher = Hasher::default();
        let hash = hasher.hash("correct horse battery".into(), Priority::Anybody);
        let hash = hash.await.unwrap();
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        let fits = async |password: &str, hash: Option<&str>| {
            let hash = hash.map(str::to_owned);
            let fits = hasher.verify(password.to_owned(), hash, Priority::Anybody);
            fits.await.unwrap()
        };
        assert!(fits("correct horse battery", Some(&hash)).await);
        assert!(!fits("correct horse batterz", Some(&hash)).await);
        assert!(!fits("correct horse battery", None).await);
        assert!(!fits("anything", Some("not a hash")).await);
    }

    #[tokio::test]
    async fn who_hangs_up_makes_no_room_for_more() {
        let hasher = Hasher::default();
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let (started, running) = tokio::sync::oneshot::channel();
        let caller = tokio::spawn({
            let hasher = hasher.clone();
            async move {
                let work = move || {
                    let _ = started.send(());
                    let _ = wait.recv();
                };
                hasher.blocking(Priority::Anybody, work).await
            }
        });
        running.await.unwrap();
        caller.abort();
        assert!(caller.await.unwrap_err().is_cancelled());
        assert!(
            hasher.running.available_permits() < RUNNING,
            "its place is taken still"
        );
        go.send(()).unwrap();
    }

    #[test]
    fn strangers_leave_places_for_those_who_are_known() {
        let hasher = Hasher::default();
        let take = |priority| hasher.admit(priority).ok();
        let strangers: Vec<_> = std::iter::from_fn(|| take(Priority::Anybody)).collect();
        assert_eq!(strangers.len(), ADMITTED);
        let known: Vec<_> = std::iter::from_fn(|| take(Priority::Known)).collect();
        assert_eq!(known.len(), RESERVED, "bounded, too");
        drop(known);
        assert!(take(Priority::Known).is_some());
        assert!(take(Priority::Anybody).is_none());
    }

    #[test]
    fn unacceptable_passwords_are_named() {
        let complaint = |password: &str| match check_new(password) {
            Ok(()) => String::new(),
            Err(failure) => failure.into_problem().detail,
        };
        assert_eq!(complaint("correct horse battery"), "");
        assert!(complaint("elevenchars").contains("at least 12"));
        assert!(complaint(&"x".repeat(30)).contains("over and over"));
        assert!(complaint(&"xy".repeat(600)).contains("at most"));
        // Counted in characters, not bytes: eleven of them here, in 22 bytes.
        assert!(complaint("ключотчасаа").contains("this one has 11"));
        assert_eq!(complaint("ключ-от-часа"), "");
    }
}
