//! The page on which a person lets a host without a browser in (RFC 8628, 3.3).

use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use hourkey_domain::Time;
use hourkey_protocol::problem::Code;
use hourkey_store::account::{Consent, DeviceCode};
use maud::{Markup, html};
use serde::Deserialize;

use super::address::Query;
use super::error::PageFailure;
use super::form::Form;
use super::layout::{Frame, Page, Place, Width, complaint, plain, token_field};
use crate::app::App;
use crate::failure::Failure;
use crate::identity::PageUser;
use crate::identity::secret::plain_code;
use crate::oauth::client::Client;
use crate::oauth::device::USER_CODE;

/// A code from the address.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Prefilled {
    code: String,
}

/// What was typed and clicked.
#[derive(Deserialize)]
pub(super) struct Typed {
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
) -> Result<Response, PageFailure> {
    switched_on(&app)?;
    answer(
        &app,
        &user,
        &uri,
        StatusCode::OK,
        typing(&user, &grouped(&plain_code(&prefilled.code)), ""),
    )
    .await
}

/// `POST /device`: puts the question, then takes the answer.
pub(super) async fn send(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Form(typed): Form<Typed>,
) -> Result<Response, PageFailure> {
    switched_on(&app)?;
    let now = app.clock.now();
    if let Err(wait) = app.attempts.admit_typed_code(user.user.id, now) {
        let wrong = format!("Too many codes were typed. Try again in {wait}.");
        let main = typing(&user, &typed.code, &wrong);
        let page = answer(&app, &user, &uri, StatusCode::TOO_MANY_REQUESTS, main).await?;
        return Ok(([(header::RETRY_AFTER, wait.seconds())], page).into_response());
    }
    let code = plain_code(&typed.code);
    let device = app
        .store
        .read()
        .await?
        .device_code_by_user_code(&code)
        .await?;
    let Some(device) = device.filter(|device| is_open(device, now)) else {
        let wrong = "This code is unknown, used or expired. Compare it with what the host shows; \
                     a code is good for 15 minutes.";
        let main = typing(&user, &typed.code, wrong);
        return answer(&app, &user, &uri, StatusCode::UNPROCESSABLE_ENTITY, main).await;
    };
    app.attempts.succeeded_typed_code(user.user.id);
    let consent = match typed.decision.as_str() {
        "allow" => Some(Consent {
            user: user.user.id,
            session: user.session.id,
        }),
        "deny" => None,
        _ => {
            let main = question(&user, &device);
            return answer(&app, &user, &uri, StatusCode::OK, main).await;
        }
    };
    app.transact(move |tx, now| {
        Box::pin(async move {
            // Somebody else may have typed it meanwhile.
            let device = tx.device_code_by_user_code(&code).await?;
            if device.is_some_and(|device| is_open(&device, now)) {
                tx.decide_device_code(&code, consent).await?;
            }
            Ok(())
        })
    })
    .await?;
    let main = html! {
        @if consent.is_some() {
            h1 { "It is signed in" }
            p.lead { "Go back to " bdi { (plain(&device.label)) } ": it goes on by itself." }
        } @else {
            h1 { "It was turned away" }
            p.lead { bdi { (plain(&device.label)) } " was not signed in." }
        }
        p.foot { span {} a.btn href="/sessions" { "See your sessions" } }
    };
    answer(&app, &user, &uri, StatusCode::OK, main).await
}

async fn answer(
    app: &App,
    user: &PageUser,
    uri: &Uri,
    status: StatusCode,
    main: Markup,
) -> Result<Response, PageFailure> {
    let frame = Frame::of(app, user, uri).await?;
    let page = Page {
        title: "Sign in a host",
        place: Place::Elsewhere,
        width: Width::Narrow,
        live: false,
    };
    Ok(frame.answer(status, &page, &main))
}

fn typing(user: &PageUser, code: &str, wrong: &str) -> Markup {
    html! {
        h1 { "Sign in a host without a browser" }
        p.lead { "Type the code that the " span.mono { "hourkey" } " command shows there." }
        (complaint(wrong))
        form.stack method="post" action="/device" {
            (token_field(&user.token))
            label for="code" { "Code" }
            input.field.mono.code #code name="code" value=(code) required autocomplete="off"
                autocapitalize="characters" spellcheck="false" maxlength="40" autofocus;
            p.foot { span {} button.btn.primary { "Go on" } }
        }
    }
}

fn question(user: &PageUser, device: &DeviceCode) -> Markup {
    let client = Client::by_id(&device.client_id).map_or("An unknown app", Client::name);
    html! {
        h1 { "Let this host sign in as you?" }
        dl.facts {
            dt { "Code" }
            dd.mono { (grouped(&device.user_code)) }
            dt { "App" }
            dd { (client) }
            dt { "Calls itself" }
            dd { bdi { (plain(&device.label)) } }
            dt { "Signs in as" }
            dd { bdi { (plain(&user.user.name)) } }
        }
        p.muted {
            "Allow this only if you ran the command yourself just now: whoever gave you the code "
            "gets your access. Such a sign-in can never review requests."
        }
        form.foot method="post" action="/device" {
            (token_field(&user.token))
            input type="hidden" name="code" value=(device.user_code);
            button.btn name="decision" value="deny" { "Turn away" }
            button.btn.primary name="decision" value="allow" { "Allow" }
        }
    }
}

fn is_open(device: &DeviceCode, now: Time) -> bool {
    now < device.expires_at && device.consent.is_none() && !device.denied
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

fn switched_on(app: &App) -> Result<(), Failure> {
    if app.config.device_flow {
        return Ok(());
    }
    Err(Failure::refused(
        Code::NotFound,
        "Signing in by a code is switched off at this controller. Sign in through a browser, or \
         ask your administrator to set device_flow.",
    ))
}
