//! A person's own account: who they are here, and two-step sign-in.

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse as _, Redirect, Response};
use hourkey_access::app::App;
use hourkey_access::error::AppError;
use hourkey_access::identity::account::NotSignedIn;
use hourkey_access::identity::second_factor::{self, Enrolment, Status};
use maud::{Markup, PreEscaped, html};
use qrcode::QrCode;
use qrcode::render::svg;
use serde::Deserialize;

use super::address::Query;
use super::confirm;
use super::error::PageError;
use super::extract::Owing;
use super::form::{Field, Fields, Form, FormError, out_of_date};
use super::layout::{Frame, Live, Page, Place, Width, plain, token_field};
use super::sign_in::{self, code_field, safe};
use super::time::ago;
use super::unsent::{ShownOnce, Unsent};
use crate::csrf::FormToken;
use crate::page_user::PageUser;

/// The file that recovery codes are downloaded as.
const FILE: &str = "hourkey-recovery-codes.txt";

/// Where somebody was going who has to set up two-step sign-in first.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Going {
    next: String,
}

/// A form that was not taken.
#[derive(Default)]
struct Refused<'a> {
    /// Which: as its button says.
    form: &'a str,
    wrong: FormError,
}

impl Refused<'_> {
    /// What is wrong with this form.
    fn of(&self, form: &str) -> FormError {
        match self.form == form {
            true => self.wrong.clone(),
            false => FormError::default(),
        }
    }
}

/// `GET /account`
pub(super) async fn show(
    State(app): State<App>,
    Owing(user): Owing,
    uri: Uri,
    unsent: Unsent,
) -> Result<Response, PageError> {
    let refused = Refused {
        form: unsent.fields.get("do"),
        wrong: unsent.wrong,
    };
    page(&app, &user, &uri, &refused).await
}

/// `POST /account`
pub(super) async fn send(
    State(app): State<App>,
    Owing(user): Owing,
    uri: Uri,
    Query(going): Query<Going>,
    Form(fields): Form<Fields>,
) -> Result<Response, PageError> {
    if let Some(answer) = confirm::first(&app, &user) {
        return Ok(answer);
    }
    let (me, session) = (user.user.id, user.session.id);
    let (form, code) = (fields.get("do"), fields.get("code"));
    let refused = match form {
        "set-up" => {
            let (enrolment, offer) = second_factor::offer(&app, &user.user, session).await?;
            let wrong = FormError::default();
            return offered(&app, &user, &uri, (&enrolment, &offer), &wrong).await;
        }
        "turn-on" => {
            let offer = fields.get("offer");
            let enrolment = second_factor::offered(&app, &user.user, session, offer).await?;
            match second_factor::turn_on(&app, me, session, offer, code).await {
                Ok(codes) => return recovery_codes(&app, &user, &uri, &going, &codes).await,
                Err(refused) => {
                    let (wrong, retry_after) = wrong(refused)?;
                    let offer = (&enrolment, offer);
                    let mut page = offered(&app, &user, &uri, offer, &wrong).await?;
                    page.headers_mut().extend(retry_after);
                    return Ok(page);
                }
            }
        }
        "renew" => match second_factor::renew_codes(&app, me, code, user.browser).await {
            Ok(codes) => return recovery_codes(&app, &user, &uri, &going, &codes).await,
            Err(refused) => refused,
        },
        "turn-off" => match second_factor::turn_off(&app, me, code, user.browser).await {
            Ok(()) => return Ok(Redirect::to("/account").into_response()),
            Err(refused) => refused,
        },
        _ => return Err(out_of_date().into()),
    };
    let (wrong, retry_after) = wrong(refused)?;
    let mut page = page(&app, &user, &uri, &Refused { form, wrong }).await?;
    page.headers_mut().extend(retry_after);
    Ok(page)
}

/// What the page says of a code that was not taken.
fn wrong(refused: NotSignedIn) -> Result<(FormError, Option<(HeaderName, HeaderValue)>), AppError> {
    let (wrong, retry_after) = sign_in::wrong(refused)?;
    let wrong = match wrong.status() {
        StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS => wrong.about(Field::Code),
        _ => wrong,
    };
    Ok((wrong, retry_after))
}

async fn page(
    app: &App,
    user: &PageUser,
    uri: &Uri,
    refused: &Refused<'_>,
) -> Result<Response, PageError> {
    let status = second_factor::status(app, &user.user).await?;
    let frame = Frame::of(app, user, uri).await?;
    let here = here(uri);
    let me = &user.user;
    let main = html! {
        h1 { "Your account" }
        @if user.owes_second_factor {
            div.bar.warn {
                p role="status" {
                    "Your organisation requires two-step sign-in of your roles. Set it up to go on."
                }
            }
        }
        (refused.wrong.complaint())
        dl.facts {
            dt { "Name" }
            dd { bdi { (plain(&me.name)) } }
            dt { "Login" }
            dd.mono { bdi { (plain(&me.login)) } }
        }
        section #two-step {
            h2 { "Two-step sign-in" }
            @match status.since {
                None => (is_off(&user.token, here)),
                Some(since) => {
                    p {
                        span.state.open { "On" } " since " (ago(since, frame.now)) ". "
                        (codes_left(status.recovery_codes)) " left."
                    }
                    (is_on(&user.token, here, status, refused))
                },
            }
        }
    };
    let page = account_page("Account");
    Ok(frame.answer(refused.wrong.status(), &page, &main))
}

fn codes_left(left: u64) -> String {
    match left {
        0 => "No recovery codes".to_owned(),
        1 => "1 recovery code".to_owned(),
        left => format!("{left} recovery codes"),
    }
}

fn is_off(token: &FormToken, here: &str) -> Markup {
    html! {
        p { "Nobody signs in as you with your password alone: a code from an app on your phone is asked \
             for, too." }
        form.stack #set-up method="post" action=(here) {
            (token_field(token))
            p.acts { button.btn.primary name="do" value="set-up" { "Set up two-step sign-in" } }
        }
    }
}

fn is_on(token: &FormToken, here: &str, status: Status, refused: &Refused<'_>) -> Markup {
    html! {
        details open[refused.form == "renew"] {
            summary { "New recovery codes…" }
            form.stack #renew method="post" action=(here) {
                (token_field(token))
                p.hint { "Those that you have stop working." }
                (code_field("renew-code", &refused.of("renew"), false))
                p.foot { span {} button.btn name="do" value="renew" { "Make new codes" } }
            }
        }
        details open[refused.form == "turn-off"] {
            summary {
                @if status.is_required { "Set it up anew, for another phone…" } @else { "Turn it off…" }
            }
            form.stack #turn-off method="post" action=(here) {
                (token_field(token))
                p.hint {
                    @if status.is_required {
                        "A code of this phone, or a recovery code, ends it. Your organisation requires \
                         two-step sign-in of your roles, so you set it up again before anything else."
                    } @else {
                        "Your password alone signs you in from then on."
                    }
                }
                (code_field("off-code", &refused.of("turn-off"), false))
                p.foot { span {} button.btn.danger name="do" value="turn-off" { "Turn off" } }
            }
        }
    }
}

/// The page that tells an app its secret, and asks for the app's first code.
async fn offered(
    app: &App,
    user: &PageUser,
    uri: &Uri,
    (enrolment, offer): (&Enrolment, &str),
    wrong: &FormError,
) -> Result<Response, PageError> {
    let frame = Frame::of(app, user, uri).await?;
    let main = html! {
        h1 { "Set up two-step sign-in" }
        (wrong.complaint())
        ol.steps {
            li {
                p { "Scan this with an authenticator app on your phone." }
                (picture(&enrolment.address)?)
                p.hint {
                    "Or type it there: " span.mono.secret #secret { (enrolment.typed) }
                }
            }
            li {
                p { "Type the code that the app shows. You’re signed out everywhere else then." }
                form.stack #turn-on method="post" action=(here(uri)) {
                    (token_field(&user.token))
                    input type="hidden" name="offer" value=(offer);
                    (code_field("code", wrong, false))
                    p.foot {
                        a.btn href=(here(uri)) { "Cancel" }
                        button.btn.primary name="do" value="turn-on" { "Turn on" }
                    }
                }
            }
        }
    };
    let mut response = frame.answer(wrong.status(), &account_page("Two-step sign-in"), &main);
    response.extensions_mut().insert(ShownOnce);
    Ok(response)
}

/// The address as a QR code: drawn here, so that it goes through nobody else's hands.
fn picture(address: &str) -> Result<Markup, AppError> {
    let code = QrCode::new(address).map_err(anyhow::Error::from)?;
    let drawn = code
        .render::<svg::Color<'_>>()
        .min_dimensions(200, 200)
        .build();
    // Without the declaration of a file of its own.
    let svg = drawn.split_once("?>").map_or(&*drawn, |(_, svg)| svg);
    Ok(html! {
        div.qr role="img" aria-label="QR code for your authenticator app" { (PreEscaped(svg)) }
    })
}

/// The page that shows new recovery codes, this once.
async fn recovery_codes(
    app: &App,
    user: &PageUser,
    uri: &Uri,
    going: &Going,
    codes: &[String],
) -> Result<Response, PageError> {
    let next = match going.next.is_empty() {
        true => "/account".to_owned(),
        false => safe(&going.next, &app.config),
    };
    let frame = Frame::of(app, user, uri).await?;
    let organisation = plain(frame.organisation());
    let login = plain(&user.user.login);
    let file = format!(
        "Recovery codes of {login} for Hourkey, {organisation}. Each works once.\r\n\r\n{}\r\n",
        codes.join("\r\n")
    );
    let file: String = url::form_urlencoded::byte_serialize(file.as_bytes()).collect();
    let file = format!("data:text/plain;charset=utf-8,{}", file.replace('+', "%20"));
    let main = html! {
        h1 { "Your recovery codes" }
        p.lead { "Two-step sign-in is on. Each of these codes signs you in once where you don’t have your \
                  phone. They’re shown only now: print them, or keep the file where only you get at it." }
        ul.codes #codes {
            @for code in codes { li.mono { (code) } }
        }
        p.foot {
            a.btn href=(file) download=(FILE) { "Download" }
            a.btn.primary href=(next) { "Continue" }
        }
    };
    let mut response = frame.page(&account_page("Recovery codes"), &main);
    response.extensions_mut().insert(ShownOnce);
    Ok(response)
}

fn account_page(title: &str) -> Page<'_> {
    Page {
        title,
        place: Place::Account,
        width: Width::Narrow,
        live: Live::Off,
    }
}

/// The address of the page, with where it leads.
fn here(uri: &Uri) -> &str {
    uri.path_and_query()
        .map_or("/account", |here| here.as_str())
}
