//! UnlockErrors for others, by administrators.

use axum::Json;
use axum::extract::{FromRequestParts, Query, State};
use axum::http::request::Parts;
use axum::response::Response;
use hourkey_access::app::App;
use hourkey_access::error::AppError;
use hourkey_access::idempotency::{Answer, run_once};
use hourkey_access::unlock;
use hourkey_protocol::access::{AutoLocked, NewUnlock};
use hourkey_protocol::problem::Code;
use hourkey_store::Room;
use serde::Deserialize;
use utoipa::IntoParams;

use super::call::{JsonBody, response};
use super::error::ApiError;
use super::errors::{AdminErrors, UnlockErrors};
use crate::api::extract::{ForOthers, SignedIn};

/// Whose.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Whose {
    /// The name that they sign in with.
    login: String,
}

impl FromRequestParts<App> for Whose {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, ApiError> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(whose)) => Ok(whose),
            Err(_) => Err(AppError::refused(
                Code::Malformed,
                "Say whose resources: login=NAME, and nothing else.",
            )
            .into()),
        }
    }
}

/// What locks when a person does not use it, for administrators.
#[utoipa::path(get, path = "/unlocks", operation_id = "list_auto_locked", tag = "administer",
    params(Whose),
    responses((status = 200, description = "In order of id.", body = [AutoLocked]), AdminErrors))]
pub(super) async fn list(
    State(app): State<App>,
    ForOthers(signed_in): ForOthers,
    Whose { login }: Whose,
) -> Result<Json<Vec<AutoLocked>>, ApiError> {
    Ok(Json(
        unlock::auto_locked(&app, signed_in.caller, &login).await?,
    ))
}

/// Unlocks a resource for somebody who did not use it for too long, without a request.
#[utoipa::path(post, path = "/unlocks", operation_id = "unlock", tag = "administer",
    request_body(content = NewUnlock, example = json!({ "login": "lee", "resource": 7,
        "comment": "Back from leave." })),
    params(("Idempotency-Key" = Option<String>, Header, description = "New for each call.")),
    responses((status = 200, description = "It is open to them.", body = AutoLocked), UnlockErrors))]
pub(super) async fn unlock(
    State(app): State<App>,
    ForOthers(SignedIn { caller, .. }): ForOthers,
    JsonBody { body, key }: JsonBody<NewUnlock>,
) -> Result<Response, ApiError> {
    let work = run_once(&app, Room::Usual, caller.user, key, move |tx, now| {
        Box::pin(async move { Answer::new(200, &unlock::unlock_in(tx, caller, body, now).await?) })
    });
    Ok(response(work.await?))
}
