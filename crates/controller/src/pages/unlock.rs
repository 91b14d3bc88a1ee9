//! Unlocking for others, by administrators: what locked because somebody did not use it.

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Redirect, Response};
use hourkey_domain::ids::ResourceId;
use hourkey_domain::review::Role;
use hourkey_protocol::access::{AutoLocked, NewUnlock};
use hourkey_protocol::problem::Code;
use maud::{Markup, html};

use super::error::PageFailure;
use super::form::{Fields, Form};
use super::icon::Icon;
use super::layout::{Frame, Page, Place, Width, complaint, plain, token_field};
use super::state;
use super::time::{ago, left};
use crate::access::unlock;
use crate::app::App;
use crate::failure::Failure;
use crate::identity::{PageUser, csrf::FormToken};

/// `GET /unlock`
pub(super) async fn show(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
) -> Result<Response, PageFailure> {
    let mut query = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let login = query.find(|(name, _)| name == "login");
    let login = login.map(|(_, login)| login).unwrap_or_default();
    page(&app, &user, &uri, login.trim(), StatusCode::OK, "").await
}

/// `POST /unlock`
pub(super) async fn send(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Form(fields): Form<Fields>,
) -> Result<Response, PageFailure> {
    let Some(resource) = fields.number("resource") else {
        return Err(Failure::refused(Code::Malformed, "There is no such button.").into());
    };
    let login = fields.get("login").trim().to_owned();
    let body = NewUnlock {
        login: login.clone(),
        resource: ResourceId(resource),
        comment: fields.get("comment").replace("\r\n", "\n"),
    };
    let admin = user.user.id;
    let done = app
        .transact(move |tx, now| Box::pin(unlock::unlock_in(tx, admin, body, now)))
        .await;
    match done {
        Ok(_) => {
            let query = url::form_urlencoded::Serializer::new(String::new())
                .append_pair("login", &login)
                .finish();
            Ok(Redirect::to(&format!("/unlock?{query}")).into_response())
        }
        Err(Failure::Refused(problem)) => {
            let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::CONFLICT);
            page(&app, &user, &uri, &login, status, &problem.detail).await
        }
        Err(failure) => Err(failure.into()),
    }
}

async fn page(
    app: &App,
    user: &PageUser,
    uri: &Uri,
    login: &str,
    mut status: StatusCode,
    wrong: &str,
) -> Result<Response, PageFailure> {
    if !user.user.roles.contains(&Role::Admin) {
        return Err(unlock::not_an_admin().into());
    }
    let mut wrong = wrong.to_owned();
    let found = match login {
        "" => None,
        login => match unlock::auto_locked(app, user.user.id, login).await {
            Ok(found) => Some(found),
            Err(Failure::Refused(problem)) => {
                status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::NOT_FOUND);
                wrong = problem.detail;
                None
            }
            Err(failure) => return Err(failure.into()),
        },
    };
    let frame = Frame::of(app, user, uri).await?;
    let page = Page {
        title: "Unlock for somebody",
        place: Place::Unlock,
        width: Width::Wide,
        live: false,
    };
    let row = |found: &AutoLocked| row(&user.token, login, found, &frame);
    Ok(frame.answer(status, &page, &html! {
        div.head { h1 { "Unlock for somebody" } }
        p.lead { "Some resources lock when a person does not use them for a while. They can ask \
                  for them on their request pages; here you open them without a request." }
        (complaint(&wrong))
        form.find method="get" action="/unlock" {
            label for="login" { "Who?" }
            input.field #login name="login" value=(login) autocomplete="off" spellcheck="false"
                required placeholder="the name they sign in with";
            button.btn { "Show" }
        }
        @if let Some(found) = found {
            @if found.is_empty() { p.empty { "Nothing that they have access to locks by disuse." } }
            ul.rows { @for found in &found { (row(found)) } }
        }
    }))
}

fn row(token: &FormToken, login: &str, found: &AutoLocked, frame: &Frame) -> Markup {
    let AutoLocked {
        resource,
        resource_name,
        last_used,
        locks_at,
    } = found;
    let name = plain(resource_name);
    html! {
        li.row #{ "unlock-" (resource) } {
            @match locks_at {
                Some(_) => (state::dot(Icon::Check, "open")),
                None => (state::dot(Icon::Lock, "muted")),
            }
            div.what {
                div.name { bdi { (name) } }
                div.sub {
                    @match locks_at {
                        Some(at) => span.state.open { "Open, locks in " (left(*at, frame.now)) },
                        None => span.state { "Locked" },
                    }
                    span.state {
                        @match last_used {
                            Some(at) => { "last used " (ago(*at, frame.now)) },
                            None => "never used",
                        }
                    }
                }
            }
            @if locks_at.is_none() {
                form.acts method="post" action="/unlock" {
                    (token_field(token))
                    input type="hidden" name="login" value=(login);
                    input type="hidden" name="resource" value=(resource);
                    input.field name="comment" maxlength="2000" dir="auto"
                        aria-label="A word to them" placeholder="A word to them (optional)";
                    button.btn aria-label={ "Unlock " (name) } { "Unlock" }
                }
            }
        }
    }
}
