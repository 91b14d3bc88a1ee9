//! Passwords: argon2id in PHC form, computed off the async threads and few at a time.

use std::sync::LazyLock;

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use hourkey_protocol::problem::Code;
use tokio::sync::Semaphore;

use crate::failure::Failure;

/// The fewest characters of a password.
pub const SHORTEST: usize = 12;
/// The most bytes of a password: hashing longer ones would be work that strangers can order.
pub const LONGEST: usize = 1024;

/// How many run at once: each takes 19 MiB and a core for some 20 ms.
static RUNNING: Semaphore = Semaphore::const_new(2);
/// How many run or wait. Who comes later is told to come back.
static ADMITTED: Semaphore = Semaphore::const_new(64);

/// A hash that no password fits, checked for logins that do not exist so that they take as long.
static NOBODY: LazyLock<String> = LazyLock::new(|| {
    let nobody = super::secret::new_secret().0;
    compute(&nobody).unwrap_or_default()
});

/// The argon2id hash of a password with a fresh salt, in PHC form.
///
/// # Errors
/// [`Code::Unavailable`] when too many wait, or our own failure.
pub async fn hash(password: String) -> Result<String, Failure> {
    blocking(move || compute(&password)).await?
}

/// True when the password fits. `hash` is `None` for an unknown login: that takes as long.
///
/// # Errors
/// [`Code::Unavailable`] when too many wait, or our own failure.
pub async fn verify(password: String, hash: Option<String>) -> Result<bool, Failure> {
    blocking(move || {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| NOBODY.clone());
        let fits = Argon2::default().verify_password(password.as_bytes(), hash.as_str());
        fits.is_ok() && known && password.len() <= LONGEST
    })
    .await
}

/// Whether a new password is good enough.
///
/// # Errors
/// [`Code::Malformed`] with a sentence that says what is wrong with it.
pub fn check_new(password: &str) -> Result<(), Failure> {
    let length = password.chars().count();
    let mut characters = password.chars();
    let first = characters.next();
    let complaint = if length < SHORTEST {
        format!(
            "A password has at least {SHORTEST} characters; this one has {length}. A few words in \
             a row make a good one."
        )
    } else if password.len() > LONGEST {
        format!("A password has at most {LONGEST} bytes. Take a shorter one.")
    } else if characters.all(|character| Some(character) == first) {
        "This is one character over and over. Take something harder to guess.".to_owned()
    } else {
        return Ok(());
    };
    Err(Failure::refused(Code::Malformed, complaint))
}

fn compute(password: &str) -> Result<String, Failure> {
    match Argon2::default().hash_password(password.as_bytes()) {
        Ok(hash) => Ok(hash.to_string()),
        Err(error) => Err(Failure::Broken(anyhow::anyhow!(
            "cannot hash a password: {error}"
        ))),
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    let Ok(admitted) = ADMITTED.try_acquire() else {
        return Err(Failure::refused(
            Code::Unavailable,
            "Too many people are signing in at this moment. Try again in a few seconds.",
        ));
    };
    // Neither semaphore is ever closed.
    let running = RUNNING.acquire().await;
    // The work keeps its places: a caller that hangs up stops waiting, but does not stop the work,
    // and must not make room for more of it.
    let work = move || {
        let _places = (admitted, running);
        work()
    };
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        Failure::Broken(anyhow::Error::new(error).context("hashing a password did not finish"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hash_fits_its_password_only() {
        let hash = hash("correct horse battery".into()).await.unwrap();
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        assert!(
            verify("correct horse battery".into(), Some(hash.clone()))
                .await
                .unwrap()
        );
        assert!(
            !verify("correct horse batterz".into(), Some(hash))
                .await
                .unwrap()
        );
        assert!(!verify("correct horse battery".into(), None).await.unwrap());
        assert!(
            !verify("anything".into(), Some("not a hash".into()))
                .await
                .unwrap()
        );
    }

    #[tokio::test]
    async fn who_hangs_up_makes_no_room_for_more() {
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let (started, running) = tokio::sync::oneshot::channel();
        let caller = tokio::spawn(blocking(move || {
            let _ = started.send(());
            let _ = wait.recv();
        }));
        running.await.unwrap();
        caller.abort();
        assert!(caller.await.unwrap_err().is_cancelled());
        assert!(RUNNING.available_permits() < 2, "its place is taken still");
        go.send(()).unwrap();
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
