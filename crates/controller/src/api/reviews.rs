//! The review queue.

use axum::Json;
use axum::extract::State;
use hourkey_protocol::access::Review;

use super::errors::QueueErrors;
use crate::access::queries;
use crate::app::App;
use crate::error::AppError;
use crate::identity::ForOthers;

/// The requests that wait for the person's review, oldest first.
#[utoipa::path(get, path = "/reviews", operation_id = "list_reviews", tag = "decide",
    responses((status = 200, description = "The queue.", body = [Review]), QueueErrors))]
pub(super) async fn list(
    State(app): State<App>,
    ForOthers(signed_in): ForOthers,
) -> Result<Json<Vec<Review>>, AppError> {
    queries::reviews(&app, signed_in.caller).await.map(Json)
}
