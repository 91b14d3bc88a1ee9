//! The first admin of a fresh controller.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use maud::html;
use serde::Deserialize;

use super::error::PageFailure;
use super::form::Form;
use super::layout::{Frame, Page, Place, Width, complaint, token_field};
use super::sign_in::browser;
use crate::app::App;
use crate::failure::Failure;
use crate::identity::password::SHORTEST;
use crate::identity::setup::{self, FirstAdmin};
use crate::identity::{csrf, session};

/// What was typed.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Typed {
    code: String,
    organisation: String,
    login: String,
    name: String,
    password: String,
}

/// `GET /setup`
pub(super) async fn show(
    State(app): State<App>,
    headers: HeaderMap,
) -> Result<Response, PageFailure> {
    if !setup::is_open(&app).await? {
        return Ok(Redirect::to("/access").into_response());
    }
    page(&app, &headers, StatusCode::OK, &Typed::default(), "").await
}

/// `POST /setup`
pub(super) async fn send(
    State(app): State<App>,
    headers: HeaderMap,
    Form(typed): Form<Typed>,
) -> Result<Response, PageFailure> {
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
            let cookies = session::start_browser(&app, verified, label, &headers).await?;
            Ok((cookies, Redirect::to("/access")).into_response())
        }
        Err(Failure::Refused(problem)) => {
            let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::BAD_REQUEST);
            page(&app, &headers, status, &typed, &problem.detail).await
        }
        Err(failure) => Err(failure.into()),
    }
}

async fn page(
    app: &App,
    headers: &HeaderMap,
    status: StatusCode,
    typed: &Typed,
    wrong: &str,
) -> Result<Response, PageFailure> {
    let frame = Frame::visitor(app).await?;
    let (token, cookie) = csrf::visitor(headers, &app.config);
    let page = Page {
        title: "Set up",
        place: Place::Elsewhere,
        width: Width::Narrow,
        live: false,
    };
    let main = html! {
        h1 { "Set up Hourkey" }
        p.lead { "Make the first administrator. You'll find the setup code in the terminal where \
                  you started the controller, or run " code { "hourkey-controller setup-code" }
            " on its host." }
        (complaint(wrong))
        form.stack method="post" action="/setup" {
            (token_field(&token))
            label for="code" { "Setup code" }
            input.field.mono #code name="code" value=(typed.code) required autocomplete="off"
                autocapitalize="characters" spellcheck="false" autofocus data-from-fragment;
            label for="organisation" { "Organisation" }
            input.field #organisation name="organisation" value=(typed.organisation) required
                autocomplete="organization" maxlength="200";
            label for="name" { "Your name" }
            input.field #name name="name" value=(typed.name) required autocomplete="name"
                maxlength="200";
            label for="login" { "Your login" }
            input.field #login name="login" value=(typed.login) required autocomplete="username"
                autocapitalize="none" spellcheck="false" maxlength="100";
            label for="password" { "Your password" }
            input.field #password name="password" type="password" required
                autocomplete="new-password" minlength=(SHORTEST)
                aria-describedby="password-rule";
            p.hint #password-rule { "At least " (SHORTEST) " characters. A few words make a good one." }
            p.foot { span {} button.btn.primary { "Set up" } }
        }
    };
    let mut response = frame.answer(status, &page, &main);
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}
