//! Unlocking for others, by administrators: what locked because somebody did not use it.

use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse as _, Redirect, Response};
use hourkey_access::app::App;
use hourkey_access::error::AppError;
use hourkey_access::unlock;
use hourkey_domain::ids::ResourceId;
use hourkey_protocol::access::{AutoLocked, NewUnlock};
use maud::{Markup, html};

use super::error::PageError;
use super::form::{Field, Fields, Form, FormError, out_of_date};
use super::icon::Icon;
use super::layout::{Frame, Live, Page, Place, Width, plain, token_field};
use super::state;
use super::time::{ago, left};
use super::unsent::Unsent;
use crate::csrf::FormToken;
use crate::page_user::PageUser;

/// What was typed in a row, kept when it has to be corrected.
struct UnlockInput {
    resource: Option<ResourceId>,
    comment: String,
    wrong: FormError,
}

impl UnlockInput {
    fn read(fields: &Fields, wrong: FormError) -> Self {
        Self {
            resource: fields.number("resource").map(ResourceId),
            comment: fields.text("comment"),
            wrong,
        }
    }
}

/// `GET /unlock`
pub(super) async fn show(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    unsent: Unsent,
) -> Result<Response, PageError> {
    let typed = UnlockInput::read(&unsent.fields, unsent.wrong);
    let asked = Fields::parse(uri.query().unwrap_or_default().as_bytes());
    // The forms below are sent to the page without the question.
    let login = match asked.has("login") {
        true => asked.get("login"),
        false => unsent.fields.get("login"),
    };
    let only = asked.number("resource").map(ResourceId);
    page(&app, &user, &uri, (login.trim(), only), &typed).await
}

/// `POST /unlock`
pub(super) async fn send(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Form(fields): Form<Fields>,
) -> Result<Response, PageError> {
    let Some(resource) = fields.number("resource") else {
        return Err(out_of_date().into());
    };
    let login = fields.get("login").trim().to_owned();
    let body = NewUnlock {
        login: login.clone(),
        resource: ResourceId(resource),
        comment: fields.text("comment"),
    };
    let admin = user.user.id;
    app.budgets.change(user.user.id, app.clock.now())?;
    match unlock::unlock(&app, admin, body).await {
        Ok(_) => Ok(Redirect::to(&format!("/unlock?{}", of_login(&login))).into_response()),
        Err(AppError::Refused(problem)) => {
            let typed = UnlockInput::read(&fields, FormError::of(&problem));
            page(&app, &user, &uri, (&login, None), &typed).await
        }
        Err(failure) => Err(failure.into()),
    }
}

/// The question for all that somebody has.
fn of_login(login: &str) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .append_pair("login", login)
        .finish()
}

async fn page(
    app: &App,
    user: &PageUser,
    uri: &Uri,
    (login, only): (&str, Option<ResourceId>),
    typed: &UnlockInput,
) -> Result<Response, PageError> {
    unlock::check_admin(app, user.user.id).await?;
    let mut unknown = FormError::default();
    let found = match login {
        "" => None,
        login => match unlock::auto_locked(app, user.user.id, login).await {
            Ok(found) => Some(found),
            Err(AppError::Refused(problem)) => {
                unknown = FormError::of(&problem).about(Field::Login);
                None
            }
            Err(failure) => return Err(failure.into()),
        },
    };
    let shown = found.as_ref().map(|all| {
        let meant = all
            .iter()
            .filter(|it| only.is_none_or(|only| it.resource == only));
        meant.collect::<Vec<_>>()
    });
    let frame = Frame::of(app, user, uri).await?;
    let page = Page {
        title: "Unlock a resource",
        place: Place::Unlock,
        width: Width::Wide,
        live: Live::Off,
    };
    let row = |found: &AutoLocked| row(&user.token, login, found, &frame, (typed, only.is_some()));
    let wrong = if found.is_some() {
        &typed.wrong
    } else {
        &unknown
    };
    Ok(frame.answer(wrong.status(), &page, &html! {
        div.head { h1 { "Unlock a resource" } }
        p.lead { "Unlock a resource that locked because somebody didn’t use it. They can also \
                  request it themselves." }
        (wrong.complaint())
        form.find method="get" action="/unlock" {
            label for="login" { "Who?" }
            input.field #login name="login" value=(login) autocomplete="off" spellcheck="false"
                required placeholder="the name they sign in with"
                autofocus[unknown.is(Field::Login)] aria-invalid=[unknown.invalid(Field::Login)]
                aria-describedby=[unknown.described_by(Field::Login, "")];
            button.btn { "Show" }
        }
        @if let (Some(found), Some(shown)) = (&found, &shown) {
            @if found.is_empty() { p.empty { "They don’t have any resource that locks when it isn’t used." } }
            ul.rows { @for found in shown { (row(found)) } }
            @if shown.len() < found.len() {
                p.pager {
                    a.btn href={ "/unlock?" (of_login(login)) } { "All of theirs that lock when unused" }
                }
            }
        }
    }))
}

fn row(
    token: &FormToken,
    login: &str,
    found: &AutoLocked,
    frame: &Frame,
    (typed, is_meant): (&UnlockInput, bool),
) -> Markup {
    let AutoLocked {
        resource,
        resource_name,
        last_used,
        locks_at,
    } = found;
    let name = plain(resource_name);
    let typed = (typed.resource == Some(*resource)).then_some(typed);
    let wrong = typed.map(|typed| &typed.wrong);
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
                form.acts #{ "unlock-for-" (resource) } method="post" action="/unlock" {
                    (token_field(token))
                    input type="hidden" name="login" value=(login);
                    input type="hidden" name="resource" value=(resource);
                    input.field name="comment" maxlength="2000" dir="auto"
                        value=[typed.map(|typed| &typed.comment)]
                        aria-label={ "Comment (optional), " (name) }
                        placeholder="Comment (optional)"
                        autofocus[is_meant || wrong.is_some_and(|wrong| wrong.is(Field::Text))]
                        aria-invalid=[wrong.and_then(|wrong| wrong.invalid(Field::Text))]
                        aria-describedby=[wrong.and_then(|wrong| wrong.described_by(Field::Text, ""))];
                    button.btn aria-label={ "Unlock " (name) } { "Unlock" }
                }
            }
        }
    }
}
