//! Asking for access, and deciding.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use hourkey_access::app::App;
use hourkey_access::ask::{Made, ask_in};
use hourkey_access::decide::{approve_in, deny_in, undo_in};
use hourkey_access::end::cancel_in;
use hourkey_access::idempotency::{Answer, run_once};
use hourkey_access::queries;
use hourkey_domain::ids::RequestId;
use hourkey_protocol::access::{Approve, Comment, NewRequest, Page, Request};
use hourkey_store::Room;

use super::call::{Before, Id, JsonBody, NoBody, response};
use super::error::ApiError;
use super::errors::{AskErrors, CancelErrors, FindErrors, ListErrors, ReviewErrors, UndoErrors};
use crate::api::extract::{ForOthers, SignedIn};

/// The person's own requests, newest first.
#[utoipa::path(get, path = "/requests", operation_id = "list_requests", tag = "ask", params(Before),
    responses((status = 200, description = "A page of them.", body = Page<Request>), ListErrors))]
pub(super) async fn list(
    State(app): State<App>,
    signed_in: SignedIn,
    Before { before }: Before,
) -> Result<Json<Page<Request>>, ApiError> {
    Ok(Json(
        queries::requests(&app, signed_in.caller.user, before.map(RequestId)).await?,
    ))
}

/// Asks for access. Under automatic approval it is granted at once.
#[utoipa::path(post, path = "/requests", operation_id = "ask", tag = "ask",
    request_body(content = NewRequest, example = json!({ "resource": 7, "seconds": 7200,
        "reason": "The nightly backup failed: read the log of the last run." })),
    params(("Idempotency-Key" = Option<String>, Header, description = "New for each call.")),
    responses((status = 201, description = "The new request.", body = Request),
        (status = 200, description = "What is there already: a pending request, or the one whose \
            grant is scheduled or runs.", body = Request), AskErrors))]
pub(super) async fn make(
    State(app): State<App>,
    signed_in: SignedIn,
    JsonBody { body, key }: JsonBody<NewRequest>,
) -> Result<Response, ApiError> {
    let user = signed_in.caller.user;
    let lapse = app.config.request_lapse;
    let work = run_once(&app, Room::Usual, user, key, move |tx, now| {
        Box::pin(async move {
            let (request, made) = ask_in(tx, user, body, lapse, now).await?;
            let status = match made {
                Made::New => 201,
                Made::AlreadyThere => 200,
            };
            Answer::new(status, &request)
        })
    });
    Ok(response(work.await?))
}

/// One request: one's own, or one that the person may review.
#[utoipa::path(get, path = "/requests/{id}", operation_id = "get_request", tag = "ask",
    params(("id" = RequestId, Path, description = "The request.")),
    responses((status = 200, description = "The request.", body = Request), FindErrors))]
pub(super) async fn one(
    State(app): State<App>,
    signed_in: SignedIn,
    Id(id): Id<RequestId>,
) -> Result<Json<Request>, ApiError> {
    Ok(Json(queries::request(&app, signed_in.caller, id).await?))
}

/// Withdraws one's own pending request.
#[utoipa::path(post, path = "/requests/{id}/cancel", operation_id = "cancel", tag = "ask",
    params(("id" = RequestId, Path, description = "The request."),
        ("Idempotency-Key" = Option<String>, Header, description = "New for each call.")),
    responses((status = 200, description = "The request, cancelled.", body = Request), CancelErrors))]
pub(super) async fn cancel(
    State(app): State<App>,
    signed_in: SignedIn,
    Id(id): Id<RequestId>,
    NoBody { key }: NoBody,
) -> Result<Response, ApiError> {
    let caller = signed_in.caller;
    let work = run_once(&app, Room::Usual, caller.user, key, move |tx, now| {
        Box::pin(async move { Answer::new(200, &cancel_in(tx, caller, id, now).await?) })
    });
    Ok(response(work.await?))
}

/// Approves a request, for less time if the reviewer says so.
#[utoipa::path(post, path = "/requests/{id}/approve", operation_id = "approve", tag = "decide",
    request_body(content = Approve, example = json!({ "seconds": 1800,
        "comment": "Half an hour should do. Ask again if not." })),
    params(("id" = RequestId, Path, description = "The request."),
        ("Idempotency-Key" = Option<String>, Header, description = "New for each call.")),
    responses((status = 200, description = "The request, with its grant.", body = Request), ReviewErrors))]
pub(super) async fn approve(
    State(app): State<App>,
    ForOthers(SignedIn { caller, .. }): ForOthers,
    Id(id): Id<RequestId>,
    JsonBody { body, key }: JsonBody<Approve>,
) -> Result<Response, ApiError> {
    let work = run_once(&app, Room::Usual, caller.user, key, move |tx, now| {
        Box::pin(async move { Answer::new(200, &approve_in(tx, caller, id, body, now).await?) })
    });
    Ok(response(work.await?))
}

/// Denies a request, with a word to its requester.
#[utoipa::path(post, path = "/requests/{id}/deny", operation_id = "deny", tag = "decide",
    request_body(content = Comment, example = json!({
        "comment": "Please ask its owners first: they are moving it today." })),
    params(("id" = RequestId, Path, description = "The request."),
        ("Idempotency-Key" = Option<String>, Header, description = "New for each call.")),
    responses((status = 200, description = "The request, denied.", body = Request), ReviewErrors))]
pub(super) async fn deny(
    State(app): State<App>,
    ForOthers(SignedIn { caller, .. }): ForOthers,
    Id(id): Id<RequestId>,
    JsonBody { body, key }: JsonBody<Comment>,
) -> Result<Response, ApiError> {
    let work = run_once(&app, Room::Usual, caller.user, key, move |tx, now| {
        Box::pin(async move { Answer::new(200, &deny_in(tx, caller, id, body, now).await?) })
    });
    Ok(response(work.await?))
}

/// Takes one's own decision back, within 10 seconds and once. A denial stays; the same terms wait again, as a
/// new request.
#[utoipa::path(post, path = "/requests/{id}/undo", operation_id = "undo", tag = "decide",
    params(("id" = RequestId, Path, description = "The request."),
        ("Idempotency-Key" = Option<String>, Header, description = "New for each call.")),
    responses((status = 200, description = "The request; after a denial, the new one.", body = Request),
        UndoErrors))]
pub(super) async fn undo(
    State(app): State<App>,
    ForOthers(SignedIn { caller, .. }): ForOthers,
    Id(id): Id<RequestId>,
    NoBody { key }: NoBody,
) -> Result<Response, ApiError> {
    let lapse = app.config.request_lapse;
    let work = run_once(&app, Room::Kept, caller.user, key, move |tx, now| {
        Box::pin(async move { Answer::new(200, &undo_in(tx, caller, id, lapse, now).await?) })
    });
    Ok(response(work.await?))
}
