//! The first admin of a fresh controller.

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use hourkey_access::app::App;
use hourkey_access::error::AppError;
use hourkey_access::identity::password::SHORTEST;
use hourkey_access::identity::setup::{self, FirstAdmin};
use hourkey_protocol::problem::Code;
use maud::html;
use serde::Deserialize;

use super::error::PageError;
use super::form::{Field, Form, FormError};
use super::layout::{Frame, Live, Page, Place, Width, token_field};
use super::sign_in::browser;
use crate::{cookie, csrf};

/// What was typed.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct SetupInput {
    code: String,
    organisation: String,
    login: String,
    name: String,
    password: String,
}

/// `GET /`: to one's access, or to the setup of a fresh controller.
pub(super) async fn front_door(State(app): State<App>) -> Result<Redirect, PageError> {
    let fresh = setup::is_open(&app).await?;
    Ok(Redirect::to(if fresh { "/setup" } else { "/access" }))
}

/// `GET /setup`
pub(super) async fn show(
    State(app): State<App>,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    if !setup::is_open(&app).await? {
        return Ok(Redirect::to("/access").into_response());
    }
    page(
        &app,
        &headers,
        &SetupInput::default(),
        &FormError::default(),
    )
    .await
}

/// `POST /setup`
pub(super) async fn send(
    State(app): State<App>,
    headers: HeaderMap,
    Form(typed): Form<SetupInput>,
) -> Result<Response, PageError> {
    let first = FirstAdmin {
        code: typed.code.clone(),
        organisation: typed.organisation.clone(),
        login: typed.login.clone(),
        name: typed.name.clone(),
        password: typed.password.clone(),
    };
    match setup::finish(&app, first).await {
        Ok(verified) => {
            let label = browser(&headers);
            let cookies = cookie::sign_in(&app, verified, label, &headers).await?;
            Ok((cookies, Redirect::to("/overview")).into_response())
        }
        Err(AppError::Refused(problem)) => {
            let wrong = FormError::of(&problem);
            let wrong = match problem.code {
                Code::Forbidden => wrong.about(Field::Code),
                // Fields that must not be empty are checked by the browser, too.
                _ if typed.password.chars().count() < SHORTEST => wrong.about(Field::Password),
                _ => wrong.about(Field::Login),
            };
            page(&app, &headers, &typed, &wrong).await
        }
        Err(failure) => Err(failure.into()),
    }
}

async fn page(
    app: &App,
    headers: &HeaderMap,
    typed: &SetupInput,
    wrong: &FormError,
) -> Result<Response, PageError> {
    let frame = Frame::visitor(app).await?;
    let (token, cookie) = csrf::visitor(headers, &app.config);
    let page = Page {
        title: "Set up",
        place: Place::Elsewhere,
        width: Width::Narrow,
        live: Live::Off,
    };
    let main = html! {
        h1 { "Set up Hourkey" }
        p.lead { "Create the first administrator. You’ll find the setup code in the terminal where \
                  you started the controller, or run " code { "hourkey-controller setup-code" }
            " on its host." }
        (wrong.complaint())
        form.stack #setup method="post" action="/setup" {
            (token_field(&token))
            label for="code" { "Setup code" }
            input.field.mono #code name="code" value=(typed.code) required autocomplete="off"
                autocapitalize="characters" spellcheck="false" data-from-fragment
                autofocus[!wrong.is(Field::Login) && !wrong.is(Field::Password)]
                aria-invalid=[wrong.invalid(Field::Code)]
                aria-describedby=[wrong.described_by(Field::Code, "")];
            label for="organisation" { "Organisation" }
            input.field #organisation name="organisation" value=(typed.organisation) required
                autocomplete="organization" maxlength="200";
            label for="name" { "Your name" }
            input.field #name name="name" value=(typed.name) required autocomplete="name"
                maxlength="200";
            label for="login" { "Your login" }
            input.field #login name="login" value=(typed.login) required autocomplete="username"
                autocapitalize="none" spellcheck="false" maxlength="100"
                autofocus[wrong.is(Field::Login)]
                aria-invalid=[wrong.invalid(Field::Login)]
                aria-describedby=[wrong.described_by(Field::Login, "")];
            label for="password" { "Your password" }
            input.field #password name="password" type="password" required
                autocomplete="new-password" minlength=(SHORTEST)
                autofocus[wrong.is(Field::Password)]
                aria-invalid=[wrong.invalid(Field::Password)]
                aria-describedby=[wrong.described_by(Field::Password, "password-rule")];
            p.hint #password-rule { "At least " (SHORTEST) " characters. A few words make a good one." }
            p.foot { span {} button.btn.primary { "Set up" } }
        }
    };
    let mut response = frame.answer(wrong.status(), &page, &main);
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}
