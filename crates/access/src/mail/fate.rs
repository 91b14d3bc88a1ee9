//! What becomes of a mail whose turn has come: most are sent, some nobody needs any more.

use hourkey_domain::Time;
use hourkey_domain::ids::RequestId;
use hourkey_domain::request::Request;
use hourkey_domain::review::Role;
use hourkey_protocol::notice::What;
use hourkey_store::Read;
use hourkey_store::mail::{AboutAccount, Mail, MailContent, MailKind, MailSettings};
use lettre::Message;

use super::choices::CHOICES;
use super::message::{Frame, Recipient, message};
use super::queue;
use super::wording::{Known, words};
use crate::actor::{Actor, Target};
use crate::app::App;
use crate::error::AppError;
use crate::identity::reset;
use crate::presenter;

/// What becomes of a mail.
pub(super) enum Fate {
    /// Nobody needs it: it is forgotten.
    Unneeded,
    /// It can never be sent; says why.
    Undeliverable(String),
    /// It is sent.
    Send(Box<Message>),
}

/// Decides about a mail by what is true now: its reader's account, address and choices, and for one that
/// asks for a review whether it still waits, for them.
///
/// # Errors
/// The store's failure.
pub(super) async fn decide(
    app: &App,
    settings: &MailSettings,
    mail: &Mail,
) -> Result<Fate, AppError> {
    let now = app.clock.now();
    let mut tx = app.store.read().await?;
    let Some(found) = look(&mut *tx, mail, now).await? else {
        return Ok(Fate::Unneeded);
    };
    let organisation = tx.organisation_name().await?;
    // Few may read at a time, and writing needs nothing more.
    drop(tx);
    let link = match &mail.new.content {
        MailContent::Account {
            what: AboutAccount::Invited { by, .. } | AboutAccount::PasswordLink { by, .. },
        } => {
            let (user, by) = (mail.new.user, *by);
            let Some(code) = reset::mailed_link_code(app, mail.id, user, by).await? else {
                return Ok(Fate::Unneeded);
            };
            reset::with_code(&app.config.public_url, &code)
        }
        MailContent::Account { .. } | MailContent::Notice { .. } | MailContent::Ended { .. } => {
            link(app, &found.path, &found.login)
        }
    };
    let choices = self::link(app, "/mail", &found.login);
    let frame = Frame {
        settings,
        config: &app.config,
        organisation: &organisation,
        to: &found.to,
        id: format!("{}.{}", mail.id, mail.new.at.timestamp_millis()),
        now,
        link: &link,
        choices: &choices,
    };
    let new = &mail.new;
    let known = Known {
        lapses_at: found.lapses_at,
        ends_at: found.ends_at,
        login: &found.login,
    };
    let words = words(&new.content, new.at, &new.resource_name, known);
    Ok(match message(&frame, &words) {
        Ok(message) => Fate::Send(Box::new(message)),
        Err(why) => Fate::Undeliverable(why),
    })
}

/// What a mail needs to know beside what it carries.
struct Found {
    to: Recipient,
    login: String,
    path: String,
    lapses_at: Option<Time>,
    ends_at: Option<Time>,
}

/// `None` for a mail that nobody needs.
async fn look(tx: &mut dyn Read, mail: &Mail, now: Time) -> Result<Option<Found>, AppError> {
    let user = mail.new.user;
    let (Some(kind), Some(person)) = (queue::kind(&mail.new.content), tx.user(user).await?) else {
        return Ok(None);
    };
    let other = match &mail.new.content {
        MailContent::Account {
            what: AboutAccount::AddressMoved { to, .. },
        } => to.clone(),
        _ => None,
    };
    let own = person.email.filter(|_| !person.disabled);
    let Some(address) = other.or(own) else {
        return Ok(None);
    };
    if !is_still_meant(tx, mail, &address, now).await? {
        return Ok(None);
    }
    if CHOICES.contains(&kind) && tx.unwanted_mail(user).await?.contains(&kind) {
        return Ok(None);
    }
    let request = match about(tx, &mail.new.content).await? {
        Some(id) => tx.request(id).await?,
        None => None,
    };
    let (mut lapses_at, mut ends_at) = (None, None);
    let mut path = match &request {
        Some(request) => format!("/requests/{}", request.id),
        None => "/access".to_owned(),
    };
    if kind == MailKind::Review {
        let Some(waits) = request.and_then(|request| request.pending(now).ok()) else {
            return Ok(None);
        };
        let request: &Request = waits.request();
        let reviewer = Actor::load(tx, user, now).await?;
        if reviewer.decider(Target::from(request)).is_err() {
            return Ok(None);
        }
        lapses_at = Some(request.lapses_at);
        ends_at = presenter::ends_at(tx, request.clone(), now).await?;
        path = format!("/review/{}", request.id);
    }
    Ok(Some(Found {
        to: Recipient {
            name: person.name,
            address,
        },
        login: person.login,
        path,
        lapses_at,
        ends_at,
    }))
}

/// Whether a mail that makes a link still goes where it was meant to go, soon enough, and by somebody who
/// still administers.
async fn is_still_meant(
    tx: &mut dyn Read,
    mail: &Mail,
    address: &str,
    now: Time,
) -> Result<bool, AppError> {
    let MailContent::Account {
        what: AboutAccount::Invited { by, to, .. } | AboutAccount::PasswordLink { by, to, .. },
    } = &mail.new.content
    else {
        return Ok(true);
    };
    let by = tx.user(*by).await?;
    let administers = by.is_some_and(|by| !by.disabled && by.roles.contains(&Role::Admin));
    Ok(administers && to == address && now - mail.new.at < reset::LIFETIME)
}

/// The request that a mail is about.
async fn about(tx: &mut dyn Read, content: &MailContent) -> Result<Option<RequestId>, AppError> {
    let grant = match content {
        MailContent::Ended { grant, .. } => *grant,
        MailContent::Account { .. } => return Ok(None),
        MailContent::Notice { what } => match what {
            What::Revoked { grant, .. } | What::Started { grant, .. } => *grant,
            What::Approved { request, .. }
            | What::Denied { request, .. }
            | What::Cancelled { request, .. }
            | What::Lapsed { request, .. }
            | What::PleaseReview { request, .. } => return Ok(Some(*request)),
            What::Unlocked { request, .. } => return Ok(*request),
            What::Unknown => return Ok(None),
        },
    };
    Ok(tx.grant(grant).await?.map(|grant| grant.request))
}

/// A page's address, with the hint who should be signed in.
pub(super) fn link(app: &App, path: &str, login: &str) -> String {
    let login: String = url::form_urlencoded::byte_serialize(login.as_bytes()).collect();
    app.config.address(&format!("{path}?as={login}"))
}
