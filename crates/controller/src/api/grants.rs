//! EndErrors grants early.

use axum::extract::State;
use axum::response::Response;
use hourkey_access::app::App;
use hourkey_access::end::{release_in, revoke_in};
use hourkey_access::idempotency::{Answer, run_once};
use hourkey_domain::ids::GrantId;
use hourkey_protocol::access::{Comment, Grant};
use hourkey_store::Room;

use super::call::{Id, JsonBody, NoBody, response};
use super::error::ApiError;
use super::errors::{ReleaseErrors, RevokeErrors};
use crate::api::extract::{ForOthers, SignedIn};

/// Gives one's own grant back, before it starts or while it runs.
#[utoipa::path(post, path = "/grants/{id}/release", operation_id = "release", tag = "ask",
    params(("id" = GrantId, Path, description = "The grant."),
        ("Idempotency-Key" = Option<String>, Header, description = "New for each call.")),
    responses((status = 200, description = "The grant, released.", body = Grant), ReleaseErrors))]
pub(super) async fn release(
    State(app): State<App>,
    signed_in: SignedIn,
    Id(id): Id<GrantId>,
    NoBody { key }: NoBody,
) -> Result<Response, ApiError> {
    let caller = signed_in.caller;
    let work = run_once(&app, Room::Kept, caller.user, key, move |tx, now| {
        Box::pin(async move { Answer::new(200, &release_in(tx, caller, id, now).await?) })
    });
    Ok(response(work.await?))
}

/// Takes somebody's grant away, with a word to them.
#[utoipa::path(post, path = "/grants/{id}/revoke", operation_id = "revoke", tag = "decide",
    request_body(content = Comment, example = json!({
        "comment": "The incident is over; thank you." })),
    params(("id" = GrantId, Path, description = "The grant."),
        ("Idempotency-Key" = Option<String>, Header, description = "New for each call.")),
    responses((status = 200, description = "The grant, revoked.", body = Grant), RevokeErrors))]
pub(super) async fn revoke(
    State(app): State<App>,
    ForOthers(SignedIn { caller, .. }): ForOthers,
    Id(id): Id<GrantId>,
    JsonBody { body, key }: JsonBody<Comment>,
) -> Result<Response, ApiError> {
    let work = run_once(&app, Room::Kept, caller.user, key, move |tx, now| {
        Box::pin(async move { Answer::new(200, &revoke_in(tx, caller, id, body, now).await?) })
    });
    Ok(response(work.await?))
}
