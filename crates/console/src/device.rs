//! The page on which a person lets a host without a browser in (RFC 8628, 3.3).

use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use hourkey_access::app::App;
use hourkey_access::error::AppError;
use hourkey_access::identity::client::Client;
use hourkey_access::identity::device_code::{self, USER_CODE, WaitingHost};
use hourkey_access::identity::secret::plain_code;
use hourkey_protocol::problem::Code;
use maud::{Markup, html};
use serde::Deserialize;

use super::address::Query;
use super::consent::app_name;
use super::error::PageError;
use super::form::{Field, Form, FormError};
use super::layout::{Frame, Live, Page, Place, Width, plain, token_field};
use crate::page_user::PageUser;

/// A code from the address.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Prefilled {
    code: String,
}

/// What was typed and clicked.
#[derive(Deserialize)]
pub(super) struct DeviceInput {
    code: String,
    /// `allow`, `deny`, or nothing before the question was put.
    #[serde(default)]
    decision: String,
}

/// `GET /device`: never decides, even when the code is in the address.
pub(super) async fn show(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Query(prefilled): Query<Prefilled>,
) -> Result<Response, PageError> {
    switched_on(&app)?;
    let code = grouped(&plain_code(&prefilled.code));
    type_code(&app, &user, &uri, &code, &FormError::default()).await
}

/// `POST /device`: puts the question, then takes the answer.
pub(super) async fn send(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Form(typed): Form<DeviceInput>,
) -> Result<Response, PageError> {
    switched_on(&app)?;
    let now = app.clock.now();
    if let Err(wait) = app.attempts.admit_typed_code(user.user.id, now) {
        let wrong = format!("Too many codes were typed. Try again in {wait}.");
        let wrong = FormError::new(StatusCode::TOO_MANY_REQUESTS, wrong, Field::Code);
        let page = type_code(&app, &user, &uri, &typed.code, &wrong).await?;
        return Ok(([(header::RETRY_AFTER, wait.seconds())], page).into_response());
    }
    let code = plain_code(&typed.code);
    let Some(host) = device_code::find(&app, &code).await? else {
        let wrong = "That code isn’t valid, or it has expired: codes work for 15 minutes. Compare \
                     it with the one in your terminal.";
        let wrong = FormError::new(StatusCode::UNPROCESSABLE_ENTITY, wrong, Field::Code);
        return type_code(&app, &user, &uri, &typed.code, &wrong).await;
    };
    app.attempts.succeeded_typed_code(user.user.id);
    let allowed = match typed.decision.as_str() {
        "allow" => Some((user.user.id, user.session.id)),
        "deny" => None,
        _ => {
            let main = question(&user, &host);
            return answer(&app, &user, &uri, StatusCode::OK, &main).await;
        }
    };
    device_code::decide(&app, code, allowed).await?;
    let main = html! {
        @if allowed.is_some() {
            h1 { "You’re signed in" }
            p.lead { "Go back to " bdi { (plain(&host.label)) } ". It continues by itself." }
        } @else {
            h1 { "Sign-in cancelled" }
            p.lead { bdi { (plain(&host.label)) } " was not signed in." }
        }
        p.foot { span {} a.btn href="/sessions" { "See your sessions" } }
    };
    answer(&app, &user, &uri, StatusCode::OK, &main).await
}

async fn answer(
    app: &App,
    user: &PageUser,
    uri: &Uri,
    status: StatusCode,
    main: &Markup,
) -> Result<Response, PageError> {
    let frame = Frame::of(app, user, uri).await?;
    let page = Page {
        title: "Sign in a computer",
        place: Place::Elsewhere,
        width: Width::Narrow,
        live: Live::Off,
    };
    Ok(frame.answer(status, &page, main))
}

async fn type_code(
    app: &App,
    user: &PageUser,
    uri: &Uri,
    code: &str,
    wrong: &FormError,
) -> Result<Response, PageError> {
    let main = html! {
        h1 { "Sign in a computer without a browser" }
        p.lead { "Type the code that the " span.mono { "hourkey" } " command shows there. A session \
                  that signs in by a code never reviews or administers." }
        (wrong.complaint())
        form.stack #device method="post" action="/device" {
            (token_field(&user.token))
            label for="code" { "Code" }
            input.field.mono.code #code name="code" value=(code) required autocomplete="off"
                autocapitalize="characters" spellcheck="false" maxlength="40" autofocus
                aria-invalid=[wrong.invalid(Field::Code)]
                aria-describedby=[wrong.described_by(Field::Code, "")];
            p.foot { span {} button.btn.primary { "Continue" } }
        }
    };
    answer(app, user, uri, wrong.status(), &main).await
}

fn question(user: &PageUser, host: &WaitingHost) -> Markup {
    let client = Client::by_id(&host.client_id).map_or("an unknown app", app_name);
    html! {
        h1 { "Sign in to " (client) " as " bdi { (plain(&user.user.name)) } "?" }
        dl.facts {
            dt { "Code" }
            dd.mono { (grouped(&host.user_code)) }
            dt { "Device name" }
            dd { bdi { (plain(&host.label)) } }
            dt { "Login" }
            dd { bdi { (plain(&user.user.login)) } }
            dt { "Kind of session" }
            dd { "CLI, signed in by a code" }
        }
        p { "It can use and request your resources. It never reviews or administers, and it can’t \
             end your other sessions." }
        p.muted {
            "Allow this only if you’ve just run the command yourself: anybody who gave you this "
            "code would get your access."
        }
        form.foot #consent method="post" action="/device" {
            (token_field(&user.token))
            input type="hidden" name="code" value=(host.user_code);
            button.btn name="decision" value="deny" { "Cancel" }
            button.btn.primary name="decision" value="allow" { "Allow" }
        }
    }
}

fn grouped(code: &str) -> String {
    // A link may hold anything: no more of it than a code has is shown.
    let letters: Vec<char> = code.chars().take(USER_CODE).collect();
    letters
        .chunks(4)
        .map(|group| group.iter().collect())
        .collect::<Vec<String>>()
        .join("-")
}

fn switched_on(app: &App) -> Result<(), AppError> {
    if app.config.device_flow {
        return Ok(());
    }
    Err(AppError::refused(
        Code::NotFound,
        "Signing in by a code is switched off at this controller. Sign in through a browser, or \
         ask your administrator to set device_flow.",
    ))
}
