//! What the person sees: once, and as it changes.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use hourkey_access::app::App;
use hourkey_access::queries;
use hourkey_protocol::event::Snapshot;

use super::error::ApiError;
use super::errors::{ReadErrors, StreamErrors};
use crate::api::extract::SignedIn;
use crate::stream;

/// Everything that the person sees.
#[utoipa::path(get, path = "/snapshot", operation_id = "snapshot", tag = "see",
    responses((status = 200, description = "Everything, and the sequence number that it is true \
        for.", body = Snapshot), ReadErrors))]
pub(super) async fn snapshot(
    State(app): State<App>,
    signed_in: SignedIn,
) -> Result<Json<Snapshot>, ApiError> {
    Ok(Json(queries::snapshot(&app, signed_in.caller).await?))
}

/// What changes, as it happens: server-sent events (WHATWG HTML, section 9.2).
///
/// An event `snapshot` carries a `Snapshot`, an event `changes` a `Changes`; its id is the
/// sequence number that the rows are true for. With the id of the last event that arrived, the
/// stream goes on after it; otherwise, or when that is too long ago, it starts with a snapshot.
/// Rows come whole, so that being sent one twice does no harm. A comment comes every 25 seconds.
#[utoipa::path(get, path = "/events", operation_id = "events", tag = "see",
    params(("Last-Event-ID" = Option<i64>, Header, description = "The last event that arrived.")),
    responses((status = 200, description = "The stream.", body = String,
        content_type = "text/event-stream"), StreamErrors))]
pub(super) async fn events(
    State(app): State<App>,
    SignedIn { caller, session }: SignedIn,
    headers: HeaderMap,
) -> Result<impl IntoResponse, ApiError> {
    let last = stream::last_event(&headers);
    Ok(stream::open(&app, caller, session.id, last).await?)
}
