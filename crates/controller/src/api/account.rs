//! Who is signed in, and where.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use hourkey_access::app::App;
use hourkey_access::identity::session;
use hourkey_access::queries;
use hourkey_domain::ids::SessionId;
use hourkey_protocol::account::{Me, Session};

use super::call::Id;
use super::error::ApiError;
use super::errors::{EndErrors, ReadErrors};
use crate::api::extract::SignedIn;

/// The signed-in person.
#[utoipa::path(get, path = "/me", operation_id = "me", tag = "account",
    responses((status = 200, description = "The person.", body = Me), ReadErrors))]
pub(super) async fn me(State(app): State<App>, signed_in: SignedIn) -> Result<Json<Me>, ApiError> {
    Ok(Json(queries::me(&app, signed_in.caller).await?))
}

/// Where the person is signed in, newest first.
#[utoipa::path(get, path = "/sessions", operation_id = "list_sessions", tag = "account",
    responses((status = 200, description = "Their sessions.", body = [Session]), ReadErrors))]
pub(super) async fn sessions(
    State(app): State<App>,
    SignedIn { caller, session }: SignedIn,
) -> Result<Json<Vec<Session>>, ApiError> {
    Ok(Json(session::list(&app, caller.user, session.id).await?))
}

/// Ends one of the person's sessions. One that signed in by a device code ends itself alone.
#[utoipa::path(delete, path = "/sessions/{id}", operation_id = "end_session", tag = "account",
    params(("id" = SessionId, Path, description = "The session.")),
    responses((status = 204, description = "It has ended."), EndErrors))]
pub(super) async fn end_session(
    State(app): State<App>,
    SignedIn { caller, session }: SignedIn,
    Id(id): Id<SessionId>,
) -> Result<StatusCode, ApiError> {
    session::end_own(&app, caller, session.id, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
