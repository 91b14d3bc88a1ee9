//! Setting a password with a reset link. The link's code stands in its fragment, which the script
//! moves into the form; without the script it is pasted.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use hourkey_access::app::App;
use hourkey_access::error::AppError;
use hourkey_access::identity::password::SHORTEST;
use hourkey_access::identity::reset;
use hourkey_protocol::problem::Code;
use maud::html;
use serde::Deserialize;

use super::error::PageError;
use super::form::{Field, Form, FormError};
use super::layout::{Frame, Live, Page, Place, Width, token_field};
use super::sign_in::{self, Entered, SignInForm};
use crate::csrf;

/// What was typed.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ResetInput {
    code: String,
    password: String,
    again: String,
}

/// `GET /reset`
pub(super) async fn show(
    State(app): State<App>,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    page(&app, &headers, "", &FormError::default()).await
}

/// `POST /reset`: sets the password and signs this browser in.
pub(super) async fn send(
    State(app): State<App>,
    headers: HeaderMap,
    Form(typed): Form<ResetInput>,
) -> Result<Response, PageError> {
    if typed.password != typed.again {
        let wrong = FormError::new(
            StatusCode::BAD_REQUEST,
            "The two passwords differ. Type the same one twice.",
            Field::Again,
        );
        return page(&app, &headers, &typed.code, &wrong).await;
    }
    match reset::finish(&app, &typed.code, typed.password).await {
        // The link stands for the password, and for nothing else.
        Ok(verified) => match sign_in::go_on(&app, &headers, verified).await? {
            Entered::In(cookies) => Ok((cookies, Redirect::to("/access")).into_response()),
            Entered::Not { step, wrong, .. } => {
                let door = SignInForm {
                    next: "/access",
                    step: step.as_deref(),
                    wrong,
                    ..SignInForm::default()
                };
                Ok(sign_in::page(&app, &headers, &door).await?)
            }
        },
        Err(AppError::Refused(problem)) => {
            let field = match problem.code {
                Code::Forbidden => Field::Code,
                _ => Field::Password,
            };
            page(
                &app,
                &headers,
                &typed.code,
                &FormError::of(&problem).about(field),
            )
            .await
        }
        Err(failure) => Err(failure.into()),
    }
}

async fn page(
    app: &App,
    headers: &HeaderMap,
    code: &str,
    wrong: &FormError,
) -> Result<Response, PageError> {
    let frame = Frame::visitor(app).await?;
    let (token, cookie) = csrf::visitor(headers, &app.config);
    let page = Page {
        title: "New password",
        place: Place::Elsewhere,
        width: Width::Narrow,
        live: Live::Off,
    };
    let main = html! {
        h1 { "Set a new password" }
        p.lead { "You’ll be signed out everywhere else." }
        (wrong.complaint())
        form.stack #reset method="post" action="/reset" {
            (token_field(&token))
            label for="code" { "Code" }
            input.field.mono #code name="code" value=(code) required autocomplete="off"
                autocapitalize="characters" spellcheck="false" data-from-fragment
                autofocus[wrong.is(Field::Code)] aria-invalid=[wrong.invalid(Field::Code)]
                aria-describedby=[wrong.described_by(Field::Code, "code-rule")];
            p.hint #code-rule { "What follows # in the link that your administrator gave you." }
            label for="password" { "New password" }
            input.field #password name="password" type="password" required
                autocomplete="new-password" minlength=(SHORTEST)
                autofocus[wrong.is(Field::Password)]
                aria-invalid=[wrong.invalid(Field::Password)]
                aria-describedby=[wrong.described_by(Field::Password, "password-rule")];
            p.hint #password-rule { "At least " (SHORTEST) " characters. A few words make a good one." }
            label for="again" { "New password again" }
            input.field #again name="again" type="password" required autocomplete="new-password"
                autofocus[wrong.is(Field::Again)]
                aria-invalid=[wrong.invalid(Field::Again)]
                aria-describedby=[wrong.described_by(Field::Again, "")];
            p.foot { span {} button.btn.primary { "Set password" } }
        }
    };
    let mut response = frame.answer(wrong.status(), &page, &main);
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}
