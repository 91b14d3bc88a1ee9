//! The outbox, as administrators and auditors see it, and what administrators do about it.

use chrono::TimeDelta;
use hourkey_domain::Time;
use hourkey_domain::audit::AuditAction;
use hourkey_domain::ids::{MailId, UserId};
use hourkey_protocol::problem::Code;
use hourkey_store::mail::{Mail, MailContent, MailCounts, MailStatus};
use hourkey_store::{Read, Room};
use serde_json::json;

use super::delivery::ask_server_again;
use super::settings::{TypedSettings, must_administer, record};
use super::wording::{Known, words};
use crate::actor::Actor;
use crate::app::App;
use crate::error::AppError;

/// Mails that wait longer than this are listed.
const LISTED_AFTER: TimeDelta = TimeDelta::minutes(1);

/// How many mails are listed.
const LISTED: u32 = 100;

/// How mail is sent, and how that goes.
#[derive(Clone, Debug)]
pub struct Outbox {
    /// What was typed last; `None` while mail is not set up.
    pub settings: Option<TypedSettings>,
    /// Whether a password is stored.
    pub has_password: bool,
    /// How sending goes.
    pub status: MailStatus,
    /// How many mails there are.
    pub counts: MailCounts,
    /// Those that wait longer than a minute, the oldest first.
    pub waiting: Vec<Listed>,
    /// Those that were given up, the newest first.
    pub dead: Vec<Listed>,
    /// The address that a test mail goes to.
    pub my_address: Option<String>,
    /// Whether they may change something.
    pub administers: bool,
}

/// A mail in a list.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The mail.
    pub mail: Mail,
    /// The name of its reader.
    pub to: String,
    /// Their address, where one is known.
    pub address: Option<String>,
    /// Its subject.
    pub subject: String,
}

/// The outbox, for those who see all that there is.
///
/// # Errors
/// As for an unknown page for all others.
pub async fn look(app: &App, user: UserId) -> Result<Outbox, AppError> {
    let now = app.clock.now();
    let mut tx = app.store.read().await?;
    let actor = Actor::load(&mut *tx, user, now).await?;
    if !actor.sees_all() {
        return Err(AppError::not_found());
    }
    let settings = tx.mail_settings().await?;
    let waiting = tx.waiting_mails(now - LISTED_AFTER, LISTED).await?;
    let dead = tx.dead_mails(LISTED).await?;
    Ok(Outbox {
        has_password: settings.as_ref().is_some_and(|it| it.password.is_some()),
        settings: settings.as_ref().map(TypedSettings::of),
        status: tx.mail_status().await?,
        counts: tx.mail_counts().await?,
        waiting: listed(&mut *tx, waiting).await?,
        dead: listed(&mut *tx, dead).await?,
        administers: actor.administers(),
        my_address: actor.user.email,
    })
}

async fn listed(tx: &mut dyn Read, mails: Vec<Mail>) -> Result<Vec<Listed>, AppError> {
    let mut listed = Vec::with_capacity(mails.len());
    for mail in mails {
        let person = tx.user(mail.new.user).await?;
        let name = tx.user_name(mail.new.user).await?;
        let new = &mail.new;
        let subject = words(&new.content, new.at, &new.resource_name, Known::default()).title;
        listed.push(Listed {
            to: name.map(|(_, name)| name).unwrap_or_default(),
            address: person.and_then(|person| person.email),
            subject,
            mail,
        });
    }
    Ok(listed)
}

/// Has one mail, or all, tried again now.
///
/// # Errors
/// As [`super::settings::save`].
pub async fn retry(app: &App, user: UserId, id: Option<MailId>) -> Result<(), AppError> {
    change(app, user, move |tx, now| {
        Box::pin(async move {
            let count = tx.retry_mail(id, now).await?;
            let waits = ask_server_again(tx, now).await?;
            let detail = json!({ "mail": id, "count": count });
            Ok((count > 0 || waits).then_some((AuditAction::MailRetried, detail)))
        })
    })
    .await
}

/// Forgets a mail without sending it.
///
/// # Errors
/// As [`super::settings::save`].
pub async fn discard(app: &App, user: UserId, id: MailId) -> Result<(), AppError> {
    change(app, user, move |tx, _| {
        Box::pin(async move {
            let found = tx.mail(id).await?;
            let Some(found) = found else { return Ok(None) };
            if let MailContent::Account { .. } = found.new.content
                && found.new.user != user
                && !found.dead
            {
                return Err(AppError::refused(
                    Code::Forbidden,
                    "This mail tells somebody about an account. It is kept until it is sent.",
                ));
            }
            tx.remove_mail(id).await?;
            let detail = json!({
                "mail": id,
                "to": found.new.user,
                "resource": found.new.resource,
                "content": found.new.content,
            });
            Ok(Some((AuditAction::MailDiscarded, detail)))
        })
    })
    .await
}

/// A change by an administrator, recorded where it changed something.
async fn change<F>(app: &App, user: UserId, work: F) -> Result<(), AppError>
where
    F: for<'t> FnOnce(
            &'t mut dyn hourkey_store::Write,
            Time,
        ) -> futures_util::future::BoxFuture<
            't,
            Result<Option<(AuditAction, serde_json::Value)>, AppError>,
        > + Clone
        + Send
        + Sync
        + 'static,
{
    app.budgets.change(user, app.clock.now())?;
    app.transact(Room::Usual, move |tx, now| {
        Box::pin(async move {
            must_administer(&Actor::load(tx, user, now).await?)?;
            match work(tx, now).await? {
                Some((action, detail)) => record(tx, now, user, action, detail).await,
                None => Ok(()),
            }
        })
    })
    .await
}
