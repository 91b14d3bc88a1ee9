//! How mail is sent: set by administrators in the browser.

use std::fmt;
use std::net::IpAddr;

use hourkey_domain::audit::AuditAction;
use hourkey_domain::ids::UserId;
use hourkey_domain::text::one_line;
use hourkey_protocol::problem::Code;
use hourkey_store::log::{Entry, Subject};
use hourkey_store::mail::{MailSecurity, MailSettings};
use hourkey_store::{Room, Write};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};

use super::message::address;
use super::password;
use crate::actor::Actor;
use crate::app::App;
use crate::error::AppError;
use crate::identity::reset;

/// The longest name or address that is taken, in characters.
const MAX_CHARS: usize = 250;

/// What an administrator types.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct TypedSettings {
    /// The server's name.
    pub host: String,
    /// Its port.
    pub port: String,
    /// The name of a [`MailSecurity`].
    pub security: String,
    /// Whether sending in the clear is meant, to a server that is not on this machine.
    pub clear_is_meant: bool,
    /// The name to sign in with, possibly empty.
    pub login: String,
    /// The password; empty to keep the one that is stored.
    pub password: String,
    /// The sender's address.
    pub sender: String,
    /// The sender's name, possibly empty.
    pub sender_name: String,
    /// Certificates in PEM, possibly empty.
    pub authorities: String,
}

impl fmt::Debug for TypedSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TypedSettings({}:{}, …)", self.host, self.port)
    }
}

impl TypedSettings {
    /// What would have to be typed for these settings, without the password.
    #[must_use]
    pub fn of(settings: &MailSettings) -> Self {
        Self {
            host: settings.host.clone(),
            port: settings.port.to_string(),
            security: settings.security.as_str().to_owned(),
            clear_is_meant: settings.security == MailSecurity::Clear
                && !is_this_machine(&settings.host),
            login: settings.login.clone().unwrap_or_default(),
            password: String::new(),
            sender: settings.sender.clone(),
            sender_name: settings.sender_name.clone(),
            authorities: settings.authorities.clone(),
        }
    }
}

/// A field of [`TypedSettings`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as the fields")]
pub enum SettingsField {
    Host,
    Port,
    Security,
    Login,
    Password,
    Sender,
    SenderName,
    Authorities,
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Which.
    pub field: SettingsField,
    /// What, and what to do.
    pub sentence: String,
}

/// Sets how mail is sent, and returns what is wrong where it was not set.
///
/// # Errors
/// As for an unknown page for who does not see it, [`Code::Forbidden`] for auditors,
/// [`Code::RateLimited`].
pub async fn save(app: &App, user: UserId, typed: TypedSettings) -> Result<Vec<Wrong>, AppError> {
    app.budgets.change(user, app.clock.now())?;
    check_admin(app, user).await?;
    let password = typed.password.clone();
    let mut new = match read(typed) {
        Ok(new) => new,
        Err(wrong) => return Ok(wrong),
    };
    if !password.is_empty() {
        new.password = Some(password::sealed(&app.config.data, &new, &password)?);
    }
    app.transact(Room::Usual, move |tx, now| {
        Box::pin(async move {
            must_administer(&Actor::load(tx, user, now).await?)?;
            let before = tx.mail_settings().await?;
            let about_password = match (&new.login, &new.password) {
                (None, _) => "none",
                (Some(_), Some(_)) => "changed",
                (Some(_), None) => match before.as_ref().and_then(|before| kept(before, &new)) {
                    Some(kept) => {
                        new.password = Some(kept);
                        "kept"
                    }
                    None => return Ok(vec![password_needed(before.is_some())]),
                },
            };
            let detail = json!({
                "from": before.as_ref().map(shown),
                "to": shown(&new),
                "password": about_password,
            });
            if !before.is_some_and(|before| is_same_server(&before, &new)) {
                let hands = reset::hands_of(tx, user).await?;
                tx.note_server_choosers(&hands, now).await?;
            }
            tx.set_mail_settings(Some(new)).await?;
            record(tx, now, user, AuditAction::MailSettingsChanged, detail).await?;
            Ok(Vec::new())
        })
    })
    .await
}

/// Switches mail off: settings, password and all mails that wait are forgotten.
///
/// # Errors
/// As [`save`].
pub async fn switch_off(app: &App, user: UserId) -> Result<(), AppError> {
    app.budgets.change(user, app.clock.now())?;
    app.transact(Room::Usual, move |tx, now| {
        Box::pin(async move {
            must_administer(&Actor::load(tx, user, now).await?)?;
            let Some(before) = tx.mail_settings().await? else {
                return Ok(());
            };
            let counts = tx.mail_counts().await?;
            let discarded = counts.waiting + counts.dead;
            let detail = json!({ "from": shown(&before), "to": null, "discarded": discarded });
            tx.set_mail_settings(None).await?;
            record(tx, now, user, AuditAction::MailSettingsChanged, detail).await
        })
    })
    .await
}

/// The stored password, where it may go on being used: typed once, it goes to no other server, to no other
/// account, and not otherwise protected.
fn kept(before: &MailSettings, new: &MailSettings) -> Option<Vec<u8>> {
    before
        .password
        .clone()
        .filter(|_| is_same_server(before, new))
}

/// Whether mails are seen by the same server, for the same account, protected alike.
fn is_same_server(before: &MailSettings, new: &MailSettings) -> bool {
    let same_account =
        before.host == new.host && before.port == new.port && before.login == new.login;
    let as_protected = before.security == new.security && before.authorities == new.authorities;
    same_account && as_protected
}

fn password_needed(was_set_up: bool) -> Wrong {
    let sentence = match was_set_up {
        true => {
            "Type the password again: server, port, user name, security or certificates changed, and \
             the stored password goes nowhere that it was not typed for."
        }
        false => "Type the password of this user name.",
    };
    wrong(SettingsField::Password, sentence)
}

/// The settings as the audit log shows them.
fn shown(settings: &MailSettings) -> Value {
    json!({
        "host": settings.host,
        "port": settings.port,
        "security": settings.security.as_str(),
        "login": settings.login,
        "sender": settings.sender,
        "sender_name": settings.sender_name,
        "certificates": certificates(&settings.authorities).unwrap_or_default(),
    })
}

/// Records what an administrator did about mail.
pub(super) async fn record(
    tx: &mut dyn Write,
    at: hourkey_domain::Time,
    user: UserId,
    action: AuditAction,
    detail: Value,
) -> Result<(), AppError> {
    let entry = Entry {
        at,
        actor: Some(user),
        action,
        subject: Subject::Mail,
        detail,
    };
    tx.record(entry).await?;
    Ok(())
}

/// Refuses who may not change how mail is sent.
pub(super) async fn check_admin(app: &App, user: UserId) -> Result<(), AppError> {
    must_administer(&Actor::looking(
        &*app.organisation().await?,
        user,
        app.clock.now(),
    )?)
}

/// As [`check_admin`].
pub(super) fn must_administer(actor: &Actor) -> Result<(), AppError> {
    match (actor.administers(), actor.sees_all()) {
        (true, _) => Ok(()),
        (false, true) => Err(AppError::refused(
            Code::Forbidden,
            "Only administrators change how mail is sent.",
        )),
        (false, false) => Err(AppError::not_found()),
    }
}

fn wrong(field: SettingsField, sentence: impl Into<String>) -> Wrong {
    Wrong {
        field,
        sentence: sentence.into(),
    }
}

/// Reads what was typed, without the password.
fn read(typed: TypedSettings) -> Result<MailSettings, Vec<Wrong>> {
    use SettingsField as Field;
    let mut all = Vec::new();
    let mut line = |field, text: &str, needed: &str| {
        let text = text.trim();
        if text.is_empty() && !needed.is_empty() {
            all.push(wrong(field, needed));
        } else if text.chars().count() > MAX_CHARS {
            all.push(wrong(field, format!("At most {MAX_CHARS} characters.")));
        } else if one_line(text, MAX_CHARS) != text {
            all.push(wrong(
                field,
                "There is a character in it that cannot be seen.",
            ));
        }
        text.to_owned()
    };
    let host = line(
        Field::Host,
        &typed.host,
        "Type the name of your mail server.",
    );
    let login = line(Field::Login, &typed.login, "");
    let sender = line(
        Field::Sender,
        &typed.sender,
        "Type the address that mails come from.",
    );
    let sender_name = line(Field::SenderName, &typed.sender_name, "");
    if !host.is_empty() && ServerName::try_from(&*host).is_err() {
        let words = "This is no name of a server, such as mail.example.org.";
        all.push(wrong(Field::Host, words));
    }
    let port = typed.port.trim().parse().unwrap_or(0);
    if port == 0 {
        let words = "A port is a number from 1 to 65535.";
        all.push(wrong(Field::Port, words));
    }
    let security = MailSecurity::of(&typed.security).unwrap_or(MailSecurity::StartTls);
    if security == MailSecurity::Clear && !typed.clear_is_meant && !is_this_machine(&host) {
        all.push(wrong(
            Field::Security,
            "Everybody on the way could read mails and password. Choose STARTTLS or TLS, or tick \
             that this is meant.",
        ));
    }
    if !sender.is_empty() && !address(&sender).is_ok_and(|_| sender.is_ascii()) {
        let words = "This is no mail address, such as hourkey@example.org.";
        all.push(wrong(Field::Sender, words));
    }
    if login.is_empty() && !typed.password.is_empty() {
        all.push(wrong(Field::Login, "Type the user name of this password."));
    }
    if typed.password.chars().count() > MAX_CHARS {
        all.push(wrong(
            Field::Password,
            format!("At most {MAX_CHARS} characters."),
        ));
    }
    let authorities = typed.authorities.trim().replace("\r\n", "\n");
    if let Err(words) = certificates(&authorities) {
        all.push(wrong(Field::Authorities, words));
    }
    if !all.is_empty() {
        return Err(all);
    }
    Ok(MailSettings {
        host,
        port,
        security,
        login: Some(login).filter(|login| !login.is_empty()),
        password: None,
        sender,
        sender_name,
        authorities,
    })
}

/// Whether nobody is between us and this server.
fn is_this_machine(host: &str) -> bool {
    let ip = host.parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || ip.is_ok_and(|ip| ip.is_loopback())
}

/// How many certificates a text in PEM holds.
fn certificates(pem: &str) -> Result<usize, &'static str> {
    let mut trusted = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let added = certificate.ok().map(|it| trusted.add(it));
        if !matches!(added, Some(Ok(()))) {
            return Err("One of these is no certificate. Copy the whole file, in PEM.");
        }
    }
    match pem.is_empty() || !trusted.is_empty() {
        true => Ok(trusted.len()),
        false => {
            Err("There is no certificate in this. It begins with -----BEGIN CERTIFICATE-----.")
        }
    }
}
