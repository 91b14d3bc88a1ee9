//! Local accounts: checking a password, and setting one.

use std::net::IpAddr;

use hourkey_domain::Time;
use hourkey_domain::audit::AuditAction;
use hourkey_domain::ids::{SessionId, UserId};
use hourkey_domain::text::is_unsafe;
use hourkey_protocol::problem::Code;
use hourkey_store::log::{Entry, Subject};
use hourkey_store::organisation::User;
use hourkey_store::{Read, StoreError, Write};
use serde_json::json;

pub use hourkey_store::account::{BROWSER_KNOWN_FOR, Digest};

use super::attempts::{Origin, Wait};
use super::password::Priority;
use super::session;
use super::verified::Verified;
use crate::app::App;
use crate::error::AppError;

/// Why somebody is not signed in.
#[derive(Debug)]
pub enum NotSignedIn {
    /// Attempts come too fast.
    TooFast(Wait),
    /// Anything else: [`Code::Unauthenticated`] when login and password do not fit, without a word
    /// on which of them, [`Code::Forbidden`] for a disabled account, our own failure.
    Failed(AppError),
}

impl<E: Into<AppError>> From<E> for NotSignedIn {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Who signs in with this login and password, from this address and browser.
///
/// # Errors
/// Why they do not.
pub async fn check(
    app: &App,
    login: &str,
    password: String,
    address: IpAddr,
    browser: Option<Digest>,
) -> Result<Verified, NotSignedIn> {
    let mut tx = app.store.read().await?;
    let known = known_in(&mut *tx, browser, login).await?;
    let origin = Origin {
        address,
        browser: browser.filter(|_| known.is_some()),
    };
    if let Err(wait) = app.attempts.admit(login, origin, app.clock.now()) {
        // Who hammers is worth a look; the login is not logged, since people type passwords there.
        if wait.first {
            tracing::warn!(client.address = %address, "sign-in attempts come too fast");
        }
        return Err(NotSignedIn::TooFast(wait));
    }
    let user = tx.user_by_login(login.trim()).await?;
    let hash = match &user {
        Some(user) => tx.password_hash(user.id).await?,
        None => None,
    };
    drop(tx);
    let priority = match known {
        Some(_) => Priority::Known,
        None => Priority::Anybody,
    };
    let fits = app.passwords.verify(password, hash.clone(), priority);
    let fits = fits.await?;
    let Some((user, hash)) = user.zip(hash).filter(|_| fits) else {
        tracing::info!(client.address = %address, "a sign-in failed");
        return Err(NotSignedIn::Failed(AppError::refused(
            Code::Unauthenticated,
            "This login and password do not fit together. Check both and try again; your \
             administrator can make you a link to set a new password.",
        )));
    };
    if user.disabled {
        return Err(NotSignedIn::Failed(AppError::refused(
            Code::Forbidden,
            "This account is disabled. Ask your administrator.",
        )));
    }
    app.attempts.succeeded(login, origin, app.clock.now());
    let user = user.id;
    Ok(Verified::by_password(user, hash))
}

/// [`known_in`], now.
///
/// # Errors
/// The store's failure.
pub async fn known(
    app: &App,
    browser: Option<Digest>,
    login: &str,
) -> Result<Option<User>, StoreError> {
    known_in(&mut *app.store.read().await?, browser, login).await
}

/// The user of a login, if they signed in in this browser before.
///
/// # Errors
/// The store's failure.
pub async fn known_in(
    tx: &mut dyn Read,
    browser: Option<Digest>,
    login: &str,
) -> Result<Option<User>, StoreError> {
    let Some(browser) = browser else {
        return Ok(None);
    };
    let user = tx.user_by_login(login.trim()).await?;
    let known = tx.known_users(browser).await?;
    Ok(user.filter(|user| known.contains(&user.id)))
}

/// Sets a password (its hash, see [`super::password::Hasher::hash`]), ends the user's other sessions, and
/// invalidates reset links.
///
/// # Errors
/// The store's failure.
pub async fn set_password(
    tx: &mut dyn Write,
    user: UserId,
    hash: &str,
    keep: Option<SessionId>,
    actor: Option<UserId>,
    now: Time,
) -> Result<(), AppError> {
    tx.set_password_hash(user, hash).await?;
    tx.remove_reset_links(user).await?;
    let entry = Entry {
        at: now,
        actor,
        action: AuditAction::PasswordSet,
        subject: Subject::Account { user },
        detail: json!({}),
    };
    tx.record(entry).await?;
    session::end_all(tx, user, keep, actor, "a new password was set", now).await
}

/// A login as it is kept: lower case, 1 to 100 characters, none of them blank or control.
///
/// # Errors
/// [`Code::Malformed`].
pub fn check_login(typed: &str) -> Result<String, AppError> {
    let login = typed.trim().to_lowercase();
    let odd = |c: char| c.is_whitespace() || c.is_control() || is_unsafe(c);
    if login.is_empty() || login.chars().count() > 100 || login.contains(odd) {
        return Err(AppError::refused(
            Code::Malformed,
            "A login has 1 to 100 characters, and no spaces.",
        ));
    }
    Ok(login)
}

/// A person's display name as it is kept.
///
/// # Errors
/// [`Code::Malformed`].
pub fn check_name(typed: &str) -> Result<String, AppError> {
    one_line(
        typed,
        "A name is needed: it is shown to those whose requests are decided.",
    )
}

/// One line that says something, at most 200 characters.
///
/// # Errors
/// [`Code::Malformed`] with the complaint.
pub fn one_line(typed: &str, complaint: &str) -> Result<String, AppError> {
    let text = typed.trim();
    if text.is_empty() || text.chars().count() > 200 || text.chars().any(char::is_control) {
        return Err(AppError::refused(
            Code::Malformed,
            format!("{complaint} One line of at most 200 characters."),
        ));
    }
    Ok(text.to_owned())
}
