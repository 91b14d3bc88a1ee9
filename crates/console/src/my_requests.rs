//! What a person has asked for, newest first: what became of it, and asking again.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse as _, Redirect, Response};
use hourkey_access::app::App;
use hourkey_access::error::AppError;
use hourkey_access::{end, queries};
use hourkey_domain::Time;
use hourkey_domain::ids::{RequestId, ResourceId};
use hourkey_domain::lock::{LockState, Why};
use hourkey_domain::outcome::Outcome;
use hourkey_protocol::access::Request;
use hourkey_protocol::problem::Code;
use maud::{Markup, html};
use serde::Deserialize;

use super::address::Query;
use super::admin::requests::{decided_by, given};
use super::admin::table::{framed, moments};
use super::error::PageError;
use super::form::{Fields, Form, out_of_date};
use super::layout::{Frame, Live, Page, Place, Width, plain, token_field};
use super::outcome::{asked, sentence, tone};
use super::time::clock;
use crate::csrf::FormToken;
use crate::page_user::PageUser;

/// Which of them.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct MyRequestsQuery {
    /// Below this id.
    before: Option<i64>,
}

/// `GET /my-requests`
pub(super) async fn show(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Query(query): Query<MyRequestsQuery>,
) -> Result<Response, PageError> {
    let frame = Frame::of(&app, &user, &uri).await?;
    let found = queries::requests(&app, user.user.id, query.before.map(RequestId)).await?;
    let resources = queries::resources(&app, user.user.id).await?;
    let locked = resources.iter().filter(|it| match it.lock {
        LockState::Locked { why } => why != Why::Disabled,
        LockState::Open { .. }
        | LockState::Granted { .. }
        | LockState::Scheduled { .. }
        | LockState::Pending { .. } => false,
    });
    let locked: BTreeSet<ResourceId> = locked.map(|it| it.id).collect();
    let page = Page {
        title: "My requests",
        place: Place::MyRequests,
        width: Width::Full,
        live: Live::On,
    };
    let headings = html! {
        th scope="col" { "Resource" }
        (moments("Asked"))
        @for heading in ["Asked → given", "State", "Decided by", "Next"] { th scope="col" { (heading) } }
    };
    Ok(frame.page(
        &page,
        &html! {
            div.head { h1 { "My requests" } }
            div #my-requests data-live {
                @if found.items.is_empty() {
                    p.empty {
                        "You haven’t requested anything yet. What you can request is under "
                        a href="/access" { "Access" } "."
                    }
                } @else {
                    (framed("My requests", &headings, &html! {
                        @for request in &found.items { (row(request, &locked, &user.token, frame.now)) }
                    }))
                }
                @if let Some(before) = found.before {
                    p.pager { a.btn href={ "/my-requests?before=" (before) } { "Older" } }
                }
            }
        },
    ))
}

/// `POST /my-requests`: cancels one that waits.
pub(super) async fn send(
    State(app): State<App>,
    user: PageUser,
    Form(fields): Form<Fields>,
) -> Result<Response, PageError> {
    let (Some(request), "cancel") = (fields.number("request"), fields.get("do")) else {
        return Err(out_of_date().into());
    };
    match end::cancel(&app, user.user.id, RequestId(request)).await {
        // What was decided meanwhile needs no cancelling: the page shows what became of it.
        Err(AppError::Refused(problem)) if problem.code == Code::AlreadyDecided => {}
        other => {
            other?;
        }
    }
    Ok(Redirect::to("/my-requests").into_response())
}

fn row(request: &Request, locked: &BTreeSet<ResourceId>, token: &FormToken, now: Time) -> Markup {
    let outcome = request.outcome();
    let name = plain(&request.resource_name);
    html! {
        tr #{ "asked-" (request.id) } {
            th scope="row" { a href={ "/requests/" (request.id) } { bdi { (name) } } }
            td { (clock(request.created_at, now)) }
            td { (asked(request)) @if let Some(given) = given(request) { " → " (given) } }
            td { span.state.(tone(&outcome)) { (sentence(&outcome, now)) } }
            td { (decided_by(request)) }
            td {
                @if let Outcome::Waiting { .. } = outcome {
                    form #{ "cancel-" (request.id) } method="post" action="/my-requests" {
                        (token_field(token))
                        input type="hidden" name="request" value=(request.id);
                        button.btn name="do" value="cancel"
                            aria-label={ "Cancel " (name) ", request " (request.id) } { "Cancel" }
                    }
                } @else if locked.contains(&request.resource) {
                    a href=(again(request)) aria-label={ "Request again: " (name) ", request " (request.id) } {
                        "Request again"
                    }
                }
            }
        }
    }
}

/// The page on which the same is asked for again, with the reason and the length of this request.
pub(super) fn again(request: &Request) -> String {
    format!(
        "/resources/{}/request?again={}",
        request.resource, request.id
    )
}
