//! A person's sessions: browsers, the desktop app, the CLI.

use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse as _, Redirect, Response};
use hourkey_access::app::App;
use hourkey_access::identity::session;
use hourkey_domain::ids::SessionId;
use hourkey_protocol::account::{Session, SessionKind};
use maud::{Markup, html};

use super::error::PageError;
use super::form::{Fields, Form, out_of_date};
use super::icon::Icon;
use super::layout::{Frame, Live, Page, Place, Width, plain, token_field};
use super::time::ago;
use crate::page_user::PageUser;

/// `GET /sessions`
pub(super) async fn show(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
) -> Result<Response, PageError> {
    let frame = Frame::of(&app, &user, &uri).await?;
    let sessions = session::list(&app, user.user.id, user.session.id).await?;
    let page = Page {
        title: "Sessions",
        place: Place::Sessions,
        width: Width::Wide,
        live: Live::On,
    };
    let several = sessions.len() > 1;
    Ok(frame.page(
        &page,
        &html! {
            div.head {
                h1 { "Your sessions" }
                @if several {
                    form #end-others method="post" action="/sessions" {
                        (token_field(&user.token))
                        button.btn.danger name="do" value="end-others" { "End all others" }
                    }
                }
            }
            p.lead { "Where you’re signed in. End any you don’t recognise, then ask your \
                      administrator for a link to set a new password." }
            ul.rows #sessions data-live {
                @for session in &sessions { (row(&user, session, &frame)) }
            }
        },
    ))
}

/// `POST /sessions`
pub(super) async fn send(
    State(app): State<App>,
    user: PageUser,
    Form(fields): Form<Fields>,
) -> Result<Response, PageError> {
    match (fields.get("do"), fields.number("session")) {
        ("end", Some(id)) => {
            let caller = user.user.id.into();
            session::end_own(&app, caller, user.session.id, SessionId(id)).await?;
        }
        ("end-others", _) => {
            session::end_others(&app, user.user.id, user.session.id).await?;
        }
        _ => return Err(out_of_date().into()),
    }
    Ok(Redirect::to("/sessions").into_response())
}

fn row(user: &PageUser, session: &Session, frame: &Frame) -> Markup {
    let (icon, kind) = match session.kind {
        SessionKind::Browser => (Icon::Window, "Browser"),
        SessionKind::Desktop => (Icon::Screen, "Desktop app"),
        SessionKind::Cli => (Icon::Terminal, "CLI"),
        SessionKind::Headless => (
            Icon::Terminal,
            "CLI, signed in by a code: never reviews or administers",
        ),
    };
    html! {
        li.row #{ "session-" (session.id) } {
            span.dot { (icon) }
            div.what {
                div.name { bdi { (plain(&session.label)) } }
                div.sub {
                    @if session.current {
                        span.state.open { "This browser" }
                    } @else {
                        span.state { (kind) }
                    }
                    span.state { "signed in " (ago(session.created_at, frame.now)) }
                    span.state { "last seen " (ago(session.last_seen, frame.now)) }
                }
            }
            @if !session.current {
                form.acts #{ "end-" (session.id) } method="post" action="/sessions" {
                    (token_field(&user.token))
                    input type="hidden" name="session" value=(session.id);
                    button.btn name="do" value="end"
                        aria-label={ "End " (plain(&session.label)) } { "End" }
                }
            }
        }
    }
}
