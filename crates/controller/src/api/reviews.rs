//! The review queue.

use axum::Json;
use axum::extract::State;
use hourkey_access::app::App;
use hourkey_access::queries;
use hourkey_protocol::access::Review;

use super::error::ApiError;
use super::errors::QueueErrors;
use crate::api::extract::ForOthers;

/// The requests that wait for the person's review, oldest first.
#[utoipa::path(get, path = "/reviews", operation_id = "list_reviews", tag = "decide",
    responses((status = 200, description = "The queue.", body = [Review]), QueueErrors))]
pub(super) async fn list(
    State(app): State<App>,
    ForOthers(signed_in): ForOthers,
) -> Result<Json<Vec<Review>>, ApiError> {
    Ok(Json(queries::reviews(&app, signed_in.caller).await?))
}
