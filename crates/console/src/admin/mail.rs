//! How mail is sent: set by administrators, read by auditors.

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Redirect, Response};
use hourkey_access::app::App;
use hourkey_access::mail::outbox::{self, Outbox};
use hourkey_access::mail::settings::{self, SettingsField, TypedSettings, Wrong};
use hourkey_access::mail::trial::{self, Trial};
use hourkey_access::mail::{MailId, MailSecurity};
use maud::{Markup, html};

use super::mail_outbox;
use crate::confirm;
use crate::csrf::FormToken;
use crate::error::PageError;
use crate::form::{Fields, Form, FormError, out_of_date};
use crate::layout::{Frame, Live, Page, Place, Width, plain, token_field};
use crate::page_user::PageUser;
use crate::time::{ago, moment};
use crate::unsent::Unsent;

/// The page's address.
const HERE: &str = "/settings/mail";

/// What the address says after the settings were saved.
const SAVED: &str = "saved";

/// What was sent, and what came of it.
#[derive(Default)]
struct Sent {
    typed: Option<TypedSettings>,
    wrong: Vec<Wrong>,
    refused: FormError,
    trial: Option<Trial>,
}

/// `GET /settings/mail`
pub(crate) async fn show(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    unsent: Unsent,
) -> Result<Response, PageError> {
    let sent = Sent {
        typed: unsent.fields.has("host").then(|| typed(&unsent.fields)),
        refused: unsent.wrong,
        ..Sent::default()
    };
    page(&app, &user, &uri, &sent).await
}

/// `POST /settings/mail`
pub(crate) async fn send(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Form(fields): Form<Fields>,
) -> Result<Response, PageError> {
    let me = user.user.id;
    let mail = fields.number("mail").map(MailId);
    if ["save", "off"].contains(&fields.get("do"))
        && outbox::look(&app, me).await?.administers
        && let Some(answer) = confirm::first(&app, &user)
    {
        return Ok(answer);
    }
    match (fields.get("do"), mail) {
        ("save", _) => {
            let typed = typed(&fields);
            let wrong = settings::save(&app, me, typed.clone()).await?;
            if !wrong.is_empty() {
                let typed = Some(typed);
                let sent = Sent {
                    typed,
                    wrong,
                    ..Sent::default()
                };
                return page(&app, &user, &uri, &sent).await;
            }
            return Ok(Redirect::to(&format!("{HERE}?{SAVED}")).into_response());
        }
        ("test", _) => {
            let trial = Some(trial::send(&app, me).await?);
            let sent = Sent {
                trial,
                ..Sent::default()
            };
            return page(&app, &user, &uri, &sent).await;
        }
        ("off", _) => settings::switch_off(&app, me).await?,
        ("retry-all", _) => outbox::retry(&app, me, None).await?,
        ("retry", Some(mail)) => outbox::retry(&app, me, Some(mail)).await?,
        ("discard", Some(mail)) => outbox::discard(&app, me, mail).await?,
        _ => {
            // Who may not see the page learns nothing of its forms.
            outbox::look(&app, me).await?;
            return Err(out_of_date().into());
        }
    }
    Ok(Redirect::to(HERE).into_response())
}

fn typed(fields: &Fields) -> TypedSettings {
    let field = |name| fields.get(name).to_owned();
    TypedSettings {
        host: field("host"),
        port: field("port"),
        security: field("security"),
        clear_is_meant: fields.has("clear"),
        login: field("login"),
        password: field("password"),
        sender: field("sender"),
        sender_name: field("sender-name"),
        authorities: fields.text("authorities"),
    }
}

async fn page(app: &App, user: &PageUser, uri: &Uri, sent: &Sent) -> Result<Response, PageError> {
    let outbox = outbox::look(app, user.user.id).await?;
    let frame = Frame::of(app, user, uri).await?;
    let page = Page {
        title: "Mail settings",
        place: Place::MailSettings,
        width: Width::Full,
        live: Live::Off,
    };
    let status = match sent.wrong.is_empty() {
        true => sent.refused.status(),
        false => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let is_saved = uri.query() == Some(SAVED) && sent.typed.is_none();
    let token = &user.token;
    Ok(frame.answer(status, &page, &html! {
        div.head { h1 { "Mail settings" } }
        p.lead { "Hourkey tells people by mail what waits for them and what became of their requests." }
        (sent.refused.complaint())
        @if is_saved { p.bar role="status" { "Saved. Send a test mail to see whether it works." } }
        @if let Some(trial) = &sent.trial { (self::trial(trial)) }
        (self::status(&outbox, &frame))
        @if outbox.administers {
            section #server {
                div.head { h2 { "Mail server" } }
                (form(token, &outbox, sent))
            }
            @if outbox.settings.is_some() { (more(token, &outbox)) }
        } @else {
            (facts(&outbox))
        }
        (mail_outbox::lists(token, &outbox, frame.now))
    }))
}

/// How sending goes.
fn status(outbox: &Outbox, frame: &Frame) -> Markup {
    let status = &outbox.status;
    html! {
        dl.facts #status {
            dt { "State" }
            dd {
                @match (&outbox.settings, status.trouble) {
                    (None, _) => span.state { "Not set up: nobody gets mail" },
                    (Some(_), Some(trouble)) => {
                        span.state.stop { "No mail goes out since " (ago(trouble.since, frame.now)) }
                        " Next try " (moment(trouble.next_at, frame.now)) "."
                    },
                    (Some(_), None) => span.state.open { "Set up" },
                }
            }
            dt { "Last sent" }
            dd {
                @match status.sent_at {
                    Some(at) => (ago(at, frame.now)),
                    None => "Nothing yet",
                }
            }
            @if !status.said.is_empty() {
                dt { "The server said" }
                dd { bdi { (plain(&status.said)) } }
            }
            dt { "Waiting" }
            dd { (outbox.counts.waiting) }
            dt { "Given up" }
            dd { (outbox.counts.dead) }
        }
    }
}

fn trial(trial: &Trial) -> Markup {
    html! {
        @match trial {
            Trial::Sent { to, said } => p.bar role="status" {
                "The server took a mail for " b { bdi { (plain(to)) } } ": " bdi { (plain(said)) }
            },
            Trial::Failed(why) => p.complaint role="alert" tabindex="-1" {
                span { "The test mail was not sent. " bdi { (why) } }
            },
        }
    }
}

/// The settings, for who does not change them.
fn facts(outbox: &Outbox) -> Markup {
    html! {
        @if let Some(settings) = &outbox.settings {
            dl.facts #settings {
                dt { "Server" }
                dd { bdi { (plain(&settings.host)) } ":" (settings.port) }
                dt { "Security" }
                dd { (security_name(MailSecurity::of(&settings.security))) }
                dt { "User name" }
                dd { bdi { (plain(&settings.login)) } @if settings.login.is_empty() { "None" } }
                dt { "Sender" }
                dd { bdi { (plain(&settings.sender_name)) } " " bdi { (plain(&settings.sender)) } }
            }
        }
    }
}

fn security_name(security: Option<MailSecurity>) -> &'static str {
    match security {
        Some(MailSecurity::StartTls) => "STARTTLS, required",
        Some(MailSecurity::Tls) => "TLS",
        Some(MailSecurity::Clear) | None => "None: mails go in the clear",
    }
}

/// The form. The script draws it anew when it is wrong, since what is wrong stands beside each field.
fn form(token: &FormToken, outbox: &Outbox, sent: &Sent) -> Markup {
    let usual = || TypedSettings {
        port: "587".to_owned(),
        security: MailSecurity::StartTls.as_str().to_owned(),
        ..TypedSettings::default()
    };
    let typed = sent.typed.clone().or_else(|| outbox.settings.clone());
    let typed = &typed.unwrap_or_else(usual);
    let input = Inputs { wrong: &sent.wrong };
    use SettingsField as Field;
    let password_rule = match outbox.has_password {
        true => "Leave it empty to keep the stored one.",
        false => "",
    };
    html! {
        form.stack.short #mail-server method="post" action=(HERE) data-redraws {
            (token_field(token))
            (input.line(Field::Host, "host", "Server", &typed.host, "The name or IP address of your mail server."))
            (input.line(Field::Port, "port", "Port", &typed.port, "Usually 587 with STARTTLS, 465 with TLS."))
            fieldset.checks {
                legend { "Security" }
                @for security in [MailSecurity::StartTls, MailSecurity::Tls, MailSecurity::Clear] {
                    label.check {
                        input type="radio" name="security" value=(security.as_str())
                            checked[typed.security == security.as_str()];
                        span { (security_name(Some(security))) }
                    }
                }
                label.check {
                    input type="checkbox" name="clear" checked[typed.clear_is_meant]
                        aria-describedby=[input.is_wrong(Field::Security).then_some("security-wrong")];
                    span { "Without security, send also to a server on another machine" }
                }
                (input.what_is_wrong(Field::Security, "security"))
            }
            (input.line(Field::Login, "login", "User name", &typed.login, "Empty where the server wants none."))
            label for="password" { "Password" }
            input.field #password name="password" type="password" autocomplete="off"
                aria-invalid=[input.is_wrong(Field::Password).then_some("true")]
                aria-describedby=(input.described_by(Field::Password, "password"));
            (input.what_is_wrong(Field::Password, "password"))
            p.hint #password-rule { (password_rule) }
            (input.line(Field::Sender, "sender", "Sender’s address", &typed.sender, "Mails come from it."))
            (input.line(Field::SenderName, "sender-name", "Sender’s name", &typed.sender_name, "For example Hourkey. It may be empty."))
            label for="authorities" { "Certificates of your own authority " span.optional { "(optional)" } }
            textarea.field.mono #authorities name="authorities" spellcheck="false" rows="4"
                aria-invalid=[input.is_wrong(Field::Authorities).then_some("true")]
                aria-describedby=(input.described_by(Field::Authorities, "authorities")) {
                (typed.authorities)
            }
            (input.what_is_wrong(Field::Authorities, "authorities"))
            p.hint #authorities-rule { "In PEM, where your organisation issues the server’s certificate itself. The system’s authorities are trusted, too." }
            p.foot { span {} button.btn.primary name="do" value="save" { "Save" } }
        }
    }
}

/// The fields of the form.
struct Inputs<'a> {
    wrong: &'a [Wrong],
}

impl Inputs<'_> {
    fn is_wrong(&self, field: SettingsField) -> bool {
        self.wrong.iter().any(|wrong| wrong.field == field)
    }

    fn described_by(&self, field: SettingsField, id: &str) -> String {
        match self.is_wrong(field) {
            true => format!("{id}-wrong {id}-rule"),
            false => format!("{id}-rule"),
        }
    }

    fn what_is_wrong(&self, field: SettingsField, id: &str) -> Markup {
        let sentences = self.wrong.iter().filter(|wrong| wrong.field == field);
        let sentences: Vec<&str> = sentences.map(|wrong| &*wrong.sentence).collect();
        html! {
            @if !sentences.is_empty() { p.wrong #{ (id) "-wrong" } { (sentences.join(" ")) } }
        }
    }

    fn line(&self, field: SettingsField, id: &str, label: &str, value: &str, rule: &str) -> Markup {
        let is_first = self.wrong.first().is_some_and(|wrong| wrong.field == field);
        html! {
            label for=(id) { (label) }
            input.field #(id) name=(id) value=(value) autocomplete="off" spellcheck="false"
                autofocus[is_first] aria-invalid=[self.is_wrong(field).then_some("true")]
                aria-describedby=(self.described_by(field, id));
            (self.what_is_wrong(field, id))
            p.hint #{ (id) "-rule" } { (rule) }
        }
    }
}

/// What can be done with settings that are saved.
fn more(token: &FormToken, outbox: &Outbox) -> Markup {
    html! {
        section #test {
            div.head { h2 { "Does it work?" } }
            form method="post" action=(HERE) {
                (token_field(token))
                button.btn name="do" value="test" disabled[outbox.my_address.is_none()] {
                    "Send a test mail to me"
                }
                p.hint {
                    @match &outbox.my_address {
                        Some(address) => { "With the settings as they are saved, to " bdi { (plain(address)) } "." },
                        None => "No mail address is known for you, so there is nowhere to send it.",
                    }
                }
            }
        }
        section #off {
            details {
                summary { "Switch mail off…" }
                form method="post" action=(HERE) {
                    (token_field(token))
                    p.hint { "Settings, password and all mails that wait are forgotten." }
                    p.foot { span {} button.btn name="do" value="off" { "Switch mail off" } }
                }
            }
        }
    }
}
