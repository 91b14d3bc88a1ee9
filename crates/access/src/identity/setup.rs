//! The first admin of a fresh controller, by a one-time code from the terminal.

use std::sync::Arc;

use hourkey_domain::audit::AuditAction;
use hourkey_domain::ids::UserId;
use hourkey_domain::review::Role;
use hourkey_protocol::problem::Code;
use hourkey_store::log::{Entity, Entry, Subject};
use hourkey_store::organisation::User;
use hourkey_store::{Room, Store, StoreError, transact};
use serde_json::json;
use url::Url;

use super::account;
use super::password::{self, Priority};
use super::secret::{digest, new_code, plain_code};
use super::verified::Verified;
use crate::app::App;
use crate::config::address;
use crate::error::AppError;

/// What the setup page asks for.
#[derive(Clone)]
pub struct FirstAdmin {
    /// The code from the terminal.
    pub code: String,
    /// The organisation's name.
    pub organisation: String,
    /// The admin's login.
    pub login: String,
    /// Their display name.
    pub name: String,
    /// Their password.
    pub password: String,
}

/// A new setup code; older ones stop working. It is for a controller without users: whoever adds
/// the first one forgets the code in the same transaction. Show it to whoever asked for it, and
/// nowhere else.
///
/// # Errors
/// The store's failure.
pub async fn make_code(store: &Arc<dyn Store>) -> Result<String, AppError> {
    let code = new_code(32);
    let kept = digest(&plain_code(&code));
    transact(store, Room::Usual, move |tx| {
        Box::pin(async move { Ok::<_, AppError>(tx.set_setup_code(Some(kept)).await?) })
    })
    .await?;
    Ok(code)
}

/// A link with a new setup code in its fragment, which browsers send to nobody.
///
/// # Errors
/// The store's failure.
pub async fn make_link(store: &Arc<dyn Store>, public_url: &Url) -> Result<String, AppError> {
    let code = make_code(store).await?;
    Ok(format!("{}#{code}", address(public_url, "/setup")))
}

/// Waits for a first admin with a code that nobody knows, unless there is one already: the pages
/// then say how to get a link.
///
/// # Errors
/// The store's failure.
pub async fn open(store: &Arc<dyn Store>) -> Result<(), AppError> {
    if store.read().await?.setup_code().await?.is_none() {
        make_code(store).await?;
    }
    Ok(())
}

/// Whether a first admin is still waited for.
///
/// # Errors
/// The store's failure.
pub async fn is_open(app: &App) -> Result<bool, AppError> {
    Ok(app.store.read().await?.setup_code().await?.is_some())
}

/// Makes the first admin and names the organisation. The code is used up.
///
/// # Errors
/// [`Code::Forbidden`] when the code does not fit; [`Code::Malformed`] when a field is not good
/// enough; our own failure.
pub async fn finish(app: &App, first: FirstAdmin) -> Result<Verified, AppError> {
    check_code(app.store.read().await?.setup_code().await?, &first.code)?;
    let FirstAdmin {
        code,
        organisation,
        login,
        name,
        password,
    } = first;
    let organisation = account::one_line(&organisation, "The organisation needs a name.")?;
    let name = account::check_name(&name)?;
    let login = account::check_login(&login)?;
    password::check_new(&password)?;
    let hash = app.passwords.hash(password, Priority::Known).await?;
    app.transact(Room::Usual, move |tx, now| {
        Box::pin(async move {
            check_code(tx.setup_code().await?, &code)?;
            let mut user = User {
                id: UserId(0),
                login,
                name,
                email: None,
                roles: vec![Role::Admin],
                disabled: false,
                since: None,
            };
            user.id = match tx.insert_user(user.clone()).await {
                Ok(id) => id,
                Err(StoreError::Duplicate(_)) => return Err(login_taken(&user.login)),
                Err(error) => return Err(error.into()),
            };
            tx.start_counts(now).await?;
            tx.set_organisation_name(&organisation).await?;
            tx.set_setup_code(None).await?;
            let entry = Entry {
                at: now,
                actor: Some(user.id),
                action: AuditAction::OrganisationSetUp,
                subject: Subject::Organisation {
                    entity: Entity::Any,
                },
                detail: json!({ "organisation": organisation, "login": user.login }),
            };
            tx.record(entry).await?;
            let user = user.id;
            account::set_password(tx, user, &hash, None, Some(user), now).await?;
            Ok(Verified::by_password(user, hash))
        })
    })
    .await
}

fn check_code(kept: Option<hourkey_store::account::Digest>, typed: &str) -> Result<(), AppError> {
    let Some(kept) = kept else {
        return Err(AppError::refused(
            Code::Forbidden,
            "This controller is set up already. Sign in, or ask its administrator for an account.",
        ));
    };
    let typed = digest(&plain_code(typed));
    if subtle::ConstantTimeEq::ct_eq(kept.as_slice(), typed.as_slice()).into() {
        return Ok(());
    }
    Err(AppError::refused(
        Code::Forbidden,
        "That setup code isn't valid. You'll find it in the terminal where you started the \
         controller; `hourkey-controller setup-code` prints a link with a new one.",
    ))
}

fn login_taken(login: &str) -> AppError {
    AppError::refused(
        Code::Malformed,
        format!("There is a user {login} already. Take another login for the first admin."),
    )
}
