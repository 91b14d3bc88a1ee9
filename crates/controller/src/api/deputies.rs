//! Deputies.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use hourkey_access::app::App;
use hourkey_access::ask_reviewers::ask_reviewers_in;
use hourkey_access::deputies;
use hourkey_access::idempotency::{Answer, run_once};
use hourkey_domain::ids::{RequestId, UserId};
use hourkey_protocol::access::Request;
use hourkey_protocol::deputy::{AskReviewers, Deputy, NewDeputy};
use hourkey_store::Room;

use super::call::{Id, JsonBody, response};
use super::error::ApiError;
use super::errors::{AskReviewersErrors, DeputyErrors, EndErrors, QueueErrors};
use crate::api::extract::{ForOthers, SignedIn};

/// Who decides for the person while they are away, and for whom they decide; for administrators and
/// auditors everybody's.
#[utoipa::path(get, path = "/deputies", operation_id = "list_deputies", tag = "decide",
    responses((status = 200, description = "In order of the principal's id.", body = [Deputy]), QueueErrors))]
pub(super) async fn list(
    State(app): State<App>,
    ForOthers(signed_in): ForOthers,
) -> Result<Json<Vec<Deputy>>, ApiError> {
    Ok(Json(deputies::list(&app, signed_in.caller).await?))
}

/// Names a deputy for a span of time, in place of the one before. Administrators are told.
#[utoipa::path(post, path = "/deputies", operation_id = "name_deputy", tag = "decide",
    request_body(content = NewDeputy, example = json!({ "deputy": "ben",
        "until": "2030-01-15T17:00:00Z" })),
    params(("Idempotency-Key" = Option<String>, Header, description = "New for each call.")),
    responses((status = 201, description = "The deputy.", body = Deputy), DeputyErrors))]
pub(super) async fn name(
    State(app): State<App>,
    ForOthers(SignedIn { caller, .. }): ForOthers,
    JsonBody { body, key }: JsonBody<NewDeputy>,
) -> Result<Response, ApiError> {
    let work = run_once(&app, Room::Usual, caller.user, key, move |tx, now| {
        Box::pin(async move { Answer::new(201, &deputies::name_in(tx, caller, body, now).await?) })
    });
    Ok(response(work.await?))
}

/// Ends the deputyship on behalf of this person before its time: their own, or as an administrator.
#[utoipa::path(delete, path = "/deputies/{id}", operation_id = "end_deputy", tag = "decide",
    params(("id" = UserId, Path, description = "On whose behalf: the principal.")),
    responses((status = 204, description = "It has ended."), EndErrors))]
pub(super) async fn end(
    State(app): State<App>,
    ForOthers(SignedIn { caller, .. }): ForOthers,
    Id(id): Id<UserId>,
) -> Result<StatusCode, ApiError> {
    deputies::end(&app, caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Asks reviewers who may decide a request to do so, as an administrator. Nobody else loses the right to.
#[utoipa::path(post, path = "/requests/{id}/reviewers", operation_id = "ask_reviewers", tag = "administer",
    request_body(content = AskReviewers, example = json!({ "logins": ["rosa"] })),
    params(("id" = RequestId, Path, description = "The request."),
        ("Idempotency-Key" = Option<String>, Header, description = "New for each call.")),
    responses((status = 200, description = "The request.", body = Request), AskReviewersErrors))]
pub(super) async fn ask(
    State(app): State<App>,
    ForOthers(SignedIn { caller, .. }): ForOthers,
    Id(id): Id<RequestId>,
    JsonBody { body, key }: JsonBody<AskReviewers>,
) -> Result<Response, ApiError> {
    let work = run_once(&app, Room::Usual, caller.user, key, move |tx, now| {
        Box::pin(
            async move { Answer::new(200, &ask_reviewers_in(tx, caller, id, body, now).await?) },
        )
    });
    Ok(response(work.await?))
}
