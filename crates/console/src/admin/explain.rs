//! Why somebody may or may not reach a resource, now or later: for oneself, and for whoever one may
//! see.

use axum::Extension;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use chrono::{NaiveDateTime, Offset as _, Utc};
use hourkey_access::app::App;
use hourkey_access::error::AppError;
use hourkey_access::explain::{Asked, explained};
use hourkey_access::overview::{Overview, Sight};
use hourkey_domain::Time;
use hourkey_domain::organisation::explain::{Explanation, told};
use hourkey_protocol::problem::Code;
use maud::{Markup, html};
use serde::Deserialize;

use crate::address::Query;
use crate::connected::ConnectedGateways;
use crate::error::PageError;
use crate::form::FormError;
use crate::icon::Icon;
use crate::layout::{Frame, Live, Page, Place, Width};
use crate::page_user::PageUser;
use crate::sentence::{Links, shown};
use crate::state;

/// The question.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ExplainQuery {
    /// The login of the person; oneself when left out.
    user: String,
    /// The resource: id, name, alias or address.
    resource: String,
    /// When, in UTC as a form for times sends it; now when left out.
    at: String,
}

/// `GET /explain`
pub(super) async fn show(
    State(app): State<App>,
    Extension(gateways): Extension<ConnectedGateways>,
    user: PageUser,
    uri: Uri,
    Query(query): Query<ExplainQuery>,
) -> Result<Response, PageError> {
    let frame = Frame::of(&app, &user, &uri).await?;
    let view = Overview::of(&app, user.user.id, Sight::Configuration).await;
    let links = Links {
        configuration: view.is_ok(),
        people: view.is_ok_and(|view| view.sees_all),
    };
    let asked = asked(&query);
    let (answer, wrong) = match asked {
        Ok(None) => (None, FormError::default()),
        Ok(Some(asked)) => {
            let is_connected = |gateway| gateways.is_connected(gateway, frame.now);
            match explained(&app, user.user.id.into(), &asked, is_connected).await {
                Ok(answer) => (Some(answer), FormError::default()),
                Err(AppError::Refused(problem)) => (None, FormError::of(&problem)),
                Err(failure) => return Err(failure.into()),
            }
        }
        Err(AppError::Refused(problem)) => (None, FormError::of(&problem)),
        Err(failure) => return Err(failure.into()),
    };
    let page = Page {
        title: "Explain",
        place: Place::Explain,
        width: Width::Wide,
        live: Live::Off,
    };
    Ok(frame.answer(
        wrong.status(),
        &page,
        &html! {
            div.head { h1 { "Explain" } }
            p.lead {
                "Why somebody can or can’t reach a resource, now or at a later time if nothing else \
                 changes until then."
            }
            (wrong.complaint())
            (form(&query, links.people))
            @if let Some((answer, now)) = &answer { (answered(answer, *now, links)) }
        },
    ))
}

/// The question, once a resource is named.
fn asked(query: &ExplainQuery) -> Result<Option<Asked>, AppError> {
    if query.resource.trim().is_empty() {
        return Ok(None);
    }
    let login = query.user.trim();
    Ok(Some(Asked {
        resource: query.resource.trim().to_owned(),
        login: (!login.is_empty()).then(|| login.to_owned()),
        at: moment(query.at.trim())?,
    }))
}

/// A moment as a browser's field for times sends it.
fn moment(text: &str) -> Result<Option<Time>, AppError> {
    if text.is_empty() {
        return Ok(None);
    }
    let read = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    match read {
        Some(at) => Ok(Some(at.and_utc())),
        None => Err(AppError::refused(
            Code::Malformed,
            "This is no time. Write it like 2026-12-24T18:00, in UTC, or leave it out for now.",
        )),
    }
}

fn form(query: &ExplainQuery, sees_all: bool) -> Markup {
    html! {
        form.question #question method="get" action="/explain" {
            p {
                label for="user" { "Who" }
                input.field #user name="user" value=(query.user) maxlength="200" autocomplete="off"
                    spellcheck="false" placeholder={
                        @if sees_all { "the name they sign in with" } @else { "yourself" }
                    };
            }
            p {
                label for="resource" { "Resource" }
                input.field #resource name="resource" value=(query.resource) maxlength="400"
                    autocomplete="off" spellcheck="false" required placeholder="name, alias or address";
            }
            p {
                label for="at" { "When (UTC) " span.optional { "now if left out" } }
                input.field #at type="datetime-local" name="at" value=(query.at);
            }
            button.btn.primary { "Explain" }
        }
    }
}

fn answered(answer: &Explanation, now: Time, links: Links) -> Markup {
    let told = told(answer, now, Utc.fix());
    let reaches = answer.permit.is_some() && answer.missing.is_empty();
    html! {
        section.answer #answer role="status" {
            h2 {
                @match reaches {
                    true => (state::dot(Icon::Check, "open")),
                    false => (state::dot(Icon::Lock, "muted")),
                }
                span { (shown(&told.answer, links)) }
            }
            @if !told.missing.is_empty() {
                ul.missing { @for line in &told.missing { li { (shown(line, links)) } } }
            }
            ol.ladder { @for line in &told.facts { li { (shown(line, links)) } } }
            p.hint { "Times are in UTC." }
            @if links.people {
                p.inverse {
                    a href={ "/resources/" (answer.resource.id) "#people" } { "Who can reach it?" }
                    " · "
                    a href={ "/people/" (answer.user.id) "#access" } { "What else can they reach?" }
                }
            }
        }
    }
}
