//! Reset links: an administrator makes one, its user sets a password with it, once.

use std::sync::Arc;

use chrono::TimeDelta;
use hourkey_domain::Time;
use hourkey_domain::audit::AuditAction;
use hourkey_domain::ids::UserId;
use hourkey_protocol::problem::Code;
use hourkey_store::log::{Entry, Subject};
use hourkey_store::{Room, Store, transact};
use serde_json::json;
use url::Url;

use super::account;
use super::password::{self, Priority};
use super::secret::{digest, new_code, plain_code};
use super::verified::Verified;
use crate::app::App;
use crate::config::address;
use crate::error::AppError;

/// A link is good for this long.
pub const LIFETIME: TimeDelta = TimeDelta::hours(24);

/// A new link for a user; older ones stop working. The code is in the link's fragment, which
/// browsers send to nobody, so that it gets into no log.
///
/// # Errors
/// The store's failure.
pub async fn make_link(
    store: &Arc<dyn Store>,
    public_url: &Url,
    user: UserId,
    now: Time,
) -> Result<String, AppError> {
    let code = new_code(32);
    let link = digest(&plain_code(&code));
    // An administrator's at the terminal, for the password that ends sessions.
    transact(store, Room::Kept, move |tx| {
        Box::pin(async move {
            tx.put_reset_link(link, user, now + LIFETIME).await?;
            let entry = Entry {
                at: now,
                actor: None,
                action: AuditAction::PasswordLinkMade,
                subject: Subject::Account { user },
                detail: json!({ "expires_at": now + LIFETIME }),
            };
            tx.record(entry).await?;
            Ok::<_, AppError>(())
        })
    })
    .await?;
    Ok(format!("{}#{code}", address(public_url, "/reset")))
}

/// Sets a password by a link's code, ends all sessions of its user, and returns who that is.
///
/// # Errors
/// [`Code::Malformed`] when the password is not good enough; [`Code::Forbidden`] when the code is
/// unknown, used or expired; our own failure.
pub async fn finish(app: &App, code: &str, new_password: String) -> Result<Verified, AppError> {
    let link = digest(&plain_code(code));
    // Before the password is hashed, so that strangers cannot order that work.
    let known = app
        .store
        .read()
        .await?
        .reset_link(link, app.clock.now())
        .await?;
    if known.is_none() {
        return Err(useless());
    }
    password::check_new(&new_password)?;
    let hash = app.passwords.hash(new_password, Priority::Known).await?;
    // It ends what was signed in by the old one.
    app.transact(Room::Kept, move |tx, now| {
        Box::pin(async move {
            let user = match tx.reset_link(link, now).await? {
                Some(id) => tx.user(id).await?.filter(|user| !user.disabled),
                None => None,
            };
            let Some(user) = user else {
                return Err(useless());
            };
            let user = user.id;
            account::set_password(tx, user, &hash, None, Some(user), now).await?;
            Ok(Verified { user, hash })
        })
    })
    .await
}

fn useless() -> AppError {
    AppError::refused(
        Code::Forbidden,
        "This code is unknown, or it was used already, or it has expired: a link is good once and \
         for 24 hours. Ask your administrator for a new one.",
    )
}
