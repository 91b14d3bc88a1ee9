//! Several like items where one is meant: other programs, a restored backup or a second collection
//! can leave them. The newest is the one that was written last, so the others are worth nothing.

use std::cmp::Reverse;

use keyring::{Entry, Error, Result};

/// The text of the newest one that can be read. Removes the others.
///
/// # Errors
/// What the newest one says, when none can be read; all stay then.
pub(super) fn load(like: Vec<keyring_core::Entry>) -> Result<String> {
    let mut like = newest_first(like);
    let mut first_error = None;
    for at in 0..like.len() {
        match like[at].get_password() {
            Ok(text) => {
                like.remove(at);
                remove(&like);
                return Ok(text);
            }
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    Err(first_error.unwrap_or(Error::NoEntry))
}

/// Replaces the newest one's text. Removes the others.
///
/// # Errors
/// When it cannot be written; all stay then.
pub(super) fn save(like: Vec<keyring_core::Entry>, text: &str) -> Result<()> {
    let like = newest_first(like);
    let (newest, others) = like.split_first().ok_or(Error::NoEntry)?;
    newest.set_password(text)?;
    remove(others);
    Ok(())
}

/// Removes all of them.
///
/// # Errors
/// The first one's that stays.
pub(super) fn clear(like: Vec<keyring_core::Entry>) -> Result<()> {
    let mut cleared = Ok(());
    for inner in like {
        match (Entry { inner }).delete_credential() {
            Ok(()) | Err(Error::NoEntry) => {}
            Err(error) => cleared = cleared.and(Err(error)),
        }
    }
    cleared
}

fn remove(others: &[Entry]) {
    let count = others.len();
    tracing::warn!(
        count,
        "the keyring held several sign-ins of this program; the newest is used, the others are removed"
    );
    for other in others {
        if let Err(error) = other.delete_credential() {
            let why = said(&error);
            tracing::warn!(error = why, "an older sign-in stays in the keyring");
        }
    }
}

fn newest_first(like: Vec<keyring_core::Entry>) -> Vec<Entry> {
    let mut like: Vec<Entry> = like.into_iter().map(|inner| Entry { inner }).collect();
    let age = Age::of_this_system();
    like.sort_by_cached_key(|entry| Reverse(age.rank(entry)));
    like
}

/// Tells when items were written.
#[cfg(target_os = "linux")]
struct Age(Option<secret_service::blocking::SecretService<'static>>);

#[cfg(target_os = "linux")]
impl Age {
    fn of_this_system() -> Self {
        use secret_service::{EncryptionType, blocking::SecretService};

        // No secret passes here.
        Self(SecretService::connect(EncryptionType::Plain).ok())
    }

    /// When it was last written and made, in seconds, and its number, which counts up in
    /// gnome-keyring: grows with the age's end.
    fn rank(&self, entry: &Entry) -> Option<(u64, u64, Option<u64>)> {
        use zbus_secret_service_keyring_store::cred::Wrapper;

        let path = entry
            .inner
            .as_any()
            .downcast_ref::<Wrapper>()
            .map(Wrapper::get_path)?;
        let number = path.rsplit('/').next().and_then(|it| it.parse().ok());
        let service = self.0.as_ref()?;
        let item = service.get_item_by_path(path.try_into().ok()?).ok()?;
        Some((item.get_modified().ok()?, item.get_created().ok()?, number))
    }
}

/// Other systems hold one item under a name.
#[cfg(not(target_os = "linux"))]
struct Age;

#[cfg(not(target_os = "linux"))]
impl Age {
    fn of_this_system() -> Self {
        Self
    }

    fn rank(&self, _entry: &Entry) {}
}

/// What the system says, without the library's words around it.
pub(super) fn said(error: &Error) -> String {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    let cause = cause.unwrap_or_else(|| error.to_string());
    cause.trim_end_matches('.').to_owned()
}
