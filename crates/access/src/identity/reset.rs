//! Reset links: an administrator makes one, its user sets a password with it, once.
//!
//! A link goes to the account's own mail. Only where that cannot be is it shown to the administrator, and
//! then its owner and all administrators are told. For a day the account approves nothing of whoever was shown
//! it, or may have read its mail: who chose the address or the server, or could sign in as one of them (rule 6).

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::TimeDelta;
use hourkey_domain::Time;
use hourkey_domain::audit::AuditAction;
use hourkey_domain::ids::{MailId, UserId};
use hourkey_domain::organisation::Organisation;
use hourkey_domain::review::BARRED_FOR;
use hourkey_protocol::problem::Code;
use hourkey_store::log::{Entity, Entry, Subject};
use hourkey_store::mail::AboutAccount;
use hourkey_store::{Read, Room, Store, Write, transact};
use serde_json::{Value, json};
use url::Url;

pub use hourkey_store::account::ShownLink;

use super::account;
use super::caller::Caller;
use super::password::{self, Priority};
use super::secret::{digest, new_code, plain_code};
use super::verified::Verified;
use crate::actor::Actor;
use crate::app::App;
use crate::config::address;
use crate::directory;
use crate::error::AppError;
use crate::mail::queue;
use crate::organisation::edit::own_gain;
use crate::reconcile::reconcile;

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
    // An administrator's at the terminal, for the password that ends sessions.
    let code = transact(store, Room::Kept, move |tx| {
        Box::pin(new_link_code(tx, user, None, now))
    })
    .await?;
    Ok(with_code(public_url, &code))
}

/// A new code of a link for a user; `actor` is who wants it.
///
/// # Errors
/// The store's failure.
pub(crate) async fn new_link_code(
    tx: &mut dyn Write,
    user: UserId,
    actor: Option<UserId>,
    now: Time,
) -> Result<String, AppError> {
    let code = new_code(32);
    let link = digest(&plain_code(&code));
    tx.put_reset_link(link, user, now + LIFETIME).await?;
    let entry = Entry {
        at: now,
        actor,
        action: AuditAction::PasswordLinkMade,
        subject: Subject::Account { user },
        detail: json!({ "expires_at": now + LIFETIME }),
    };
    tx.record(entry).await?;
    Ok(code)
}

/// A new code of a link that `mail` carries; `None` once that mail is discarded. Who may read it beside its
/// reader is noted: who chose the address, and who chose the server less than a day ago.
///
/// # Errors
/// The store's failure.
pub(crate) async fn mailed_link_code(
    app: &App,
    mail: MailId,
    user: UserId,
    actor: UserId,
) -> Result<Option<String>, AppError> {
    let known = app.organisation().await?;
    app.transact(Room::Kept, move |tx, now| {
        let known = Arc::clone(&known);
        Box::pin(async move {
            if tx.mail(mail).await?.is_none() {
                return Ok(None);
            }
            let code = new_link_code(tx, user, Some(actor), now).await?;
            let address = tx.address_choosers(user).await?;
            let server = tx.server_choosers(now - BARRED_FOR).await?;
            let readers: BTreeSet<_> = { address.iter().chain(&server).copied() }
                .filter(|reader| *reader != user)
                .collect();
            let barred = tx.shown_links(Some(user)).await?;
            let is_known = |reader: &UserId| barred.iter().any(|it| it.shown_to == *reader);
            // Where all are barred already, the day only begins again: nothing follows from that.
            let before = match readers.iter().all(is_known) {
                true => None,
                false => Some(directory::advanced(tx, &known).await?),
            };
            note_ways_in(tx, user, Vec::from_iter(readers), false, now).await?;
            if let Some(before) = before {
                let detail = json!({ "address": address, "server": server });
                record_bar(tx, AuditAction::AccountBarred, user, None, detail, now).await?;
                reconcile(tx, &before, None, now).await?;
            }
            Ok(Some(code))
        })
    })
    .await
}

/// The link with this code.
#[must_use]
pub(crate) fn with_code(public_url: &Url, code: &str) -> String {
    format!("{}#{code}", address(public_url, "/reset"))
}

/// What came of an administrator's wish for a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handed {
    /// It is on its way to this address: the account's own.
    Mailed(String),
    /// It could not be mailed: this is the link, to be given to its owner in person.
    Shown(String),
}

/// Has a link sent to an account's own mail, or, where none can be sent, shows it to the administrator
/// who wants it (rule 6).
///
/// # Errors
/// [`Code::NotFound`] for an unknown account, [`Code::NotNeeded`] for a disabled one,
/// [`Code::Forbidden`] for whoever is no administrator, [`Code::OwnRequest`] for one's own account, [`Code::RateLimited`].
pub async fn hand(app: &App, caller: impl Into<Caller>, of: UserId) -> Result<Handed, AppError> {
    let caller = caller.into();
    app.budgets.change(caller.user, app.clock.now())?;
    let url = app.config.public_url.clone();
    let known = app.organisation().await?;
    app.transact(Room::Kept, move |tx, now| {
        let (url, known) = (url.clone(), Arc::clone(&known));
        Box::pin(async move {
            let actor = Actor::load(tx, caller, now).await?;
            let account = tx.user(of).await?.filter(|_| actor.sees_all());
            let account = account.ok_or_else(AppError::not_found)?;
            if !actor.administers() {
                return Err(AppError::refused(
                    Code::Forbidden,
                    "Only administrators have links made that set a password.",
                ));
            }
            let maker = actor.user;
            if maker.id == of {
                return Err(AppError::refused(
                    Code::OwnRequest,
                    "This is your own account: another administrator can have a link made for you.",
                ));
            }
            if account.disabled {
                return Err(AppError::refused(
                    Code::NotNeeded,
                    "This account is disabled: nobody signs in to it. Enable it first.",
                ));
            }
            let has_mail = tx.mail_settings().await?.is_some();
            if let Some(address) = account.email.filter(|_| has_mail) {
                let (by, by_name, to) = (maker.id, maker.name.clone(), address.clone());
                let what = AboutAccount::PasswordLink { by, by_name, to };
                queue::account(tx, of, what, now).await?;
                // The record is also what wakes the delivery.
                record(tx, AuditAction::PasswordLinkMailed, of, maker.id, now).await?;
                return Ok(Handed::Mailed(address));
            }
            let code = new_link_code(tx, of, Some(maker.id), now).await?;
            let before = directory::advanced(tx, &known).await?;
            let hands = hands_of(tx, maker.id).await?;
            let hands = note_ways_in(tx, of, hands, true, now).await?;
            let shown_to = maker.id;
            // Nobody but whoever has the link can be who uses it first.
            if tx.password_hash(of).await?.is_none() {
                own_gain::keep_entered(tx, &before, of, shown_to, now).await?;
            }
            let action = AuditAction::PasswordLinkShown;
            let detail = json!({ "of": hands });
            record_bar(tx, action, of, Some(shown_to), detail, now).await?;
            reconcile(tx, &before, Some(shown_to), now).await?;
            let what = AboutAccount::LinkShown {
                of: account.name,
                to: maker.name,
            };
            queue::account_and_admins(tx, of, Some(shown_to), what, now).await?;
            Ok(Handed::Shown(with_code(&url, &code)))
        })
    })
    .await
}

async fn record(
    tx: &mut dyn Write,
    action: AuditAction,
    user: UserId,
    actor: UserId,
    at: Time,
) -> Result<(), AppError> {
    let entry = Entry {
        at,
        actor: Some(actor),
        action,
        subject: Subject::Account { user },
        detail: json!({}),
    };
    tx.record(entry).await?;
    Ok(())
}

/// Somebody, and whoever could sign in as them; in order of id.
///
/// # Errors
/// The store's failure.
pub(crate) async fn hands_of(tx: &mut dyn Read, user: UserId) -> Result<Vec<UserId>, AppError> {
    let shown = tx.shown_links(Some(user)).await?;
    let hands = shown.iter().map(|shown| shown.shown_to).chain([user]);
    Ok(Vec::from_iter(hands.collect::<BTreeSet<_>>()))
}

/// Notes that `maker`, and whoever could sign in as them, could sign in as somebody: they chose the address
/// that links go to. Who changes their own address lets in those alone who could sign in as them.
///
/// # Errors
/// The store's failure.
pub(crate) async fn note_chosen_address(
    tx: &mut dyn Write,
    user: UserId,
    maker: UserId,
    at: Time,
) -> Result<(), AppError> {
    let hands = hands_of(tx, maker).await?;
    let hands = note_ways_in(tx, user, hands, false, at).await?;
    tx.set_address_choosers(user, &hands).await?;
    // The maker's own is in the entry of the change.
    if hands.iter().any(|it| *it != maker) {
        let detail = json!({ "address": hands });
        record_bar(
            tx,
            AuditAction::AccountBarred,
            user,
            Some(maker),
            detail,
            at,
        )
        .await?;
    }
    Ok(())
}

/// Notes that these people, but for its owner, could sign in to an account: by a link that was shown, or
/// otherwise. Returns them.
async fn note_ways_in(
    tx: &mut dyn Write,
    user: UserId,
    mut by: Vec<UserId>,
    is_shown: bool,
    at: Time,
) -> Result<Vec<UserId>, AppError> {
    by.retain(|it| *it != user);
    for shown_to in by.iter().copied() {
        let way_in = ShownLink {
            user,
            shown_to,
            is_shown,
            at,
        };
        tx.note_shown_link(way_in).await?;
    }
    Ok(by)
}

/// Who was shown links, or chose an address for them, in the last day, of everybody.
///
/// # Errors
/// The store's failure.
pub async fn shown_lately(tx: &mut dyn Read) -> Result<Vec<ShownLink>, AppError> {
    Ok(tx.shown_links(None).await?)
}

/// Ends what has barred accounts for long enough: they decide again. `known` is the organisation as it was a
/// moment ago.
///
/// # Errors
/// The store's failure.
pub(crate) async fn end_due(
    tx: &mut dyn Write,
    known: &Organisation,
    now: Time,
) -> Result<(), AppError> {
    let until = now - BARRED_FOR;
    let shown = tx.shown_links(None).await?;
    let due: Vec<_> = shown.iter().filter(|shown| shown.at <= until).collect();
    if due.is_empty() {
        return Ok(());
    }
    let before = directory::advanced(tx, known).await?;
    tx.forget_shown_links(until).await?;
    for shown in due {
        if before.user(shown.user).is_some() {
            let detail = json!({ "of": shown.shown_to });
            let action = AuditAction::AccountDecidesAgain;
            record_bar(tx, action, shown.user, None, detail, now).await?;
        }
    }
    reconcile(tx, &before, None, now).await?;
    Ok(())
}

/// Records what changes of whom an account decides nothing: of the organisation, since who reviews changes.
async fn record_bar(
    tx: &mut dyn Write,
    action: AuditAction,
    account: UserId,
    actor: Option<UserId>,
    detail: Value,
    at: Time,
) -> Result<(), AppError> {
    let entry = Entry {
        at,
        actor,
        action,
        subject: Subject::Organisation {
            entity: Entity::User(account),
        },
        detail,
    };
    tx.record(entry).await?;
    Ok(())
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
            // Whoever was shown the link may be who uses it: the day begins now.
            for shown in tx.shown_links(Some(user)).await? {
                tx.note_shown_link(ShownLink { at: now, ..shown }).await?;
            }
            account::set_password(tx, user, &hash, None, Some(user), now).await?;
            Ok(Verified::by_password(user, hash))
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
