//! What gateways call.

use std::sync::Arc;

use axum::Json;
use axum::extract::{DefaultBodyLimit, Extension, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use hourkey_access::app::App;
use hourkey_domain::text::one_line;
use hourkey_protocol::gateway::{
    Ack, Certificate, Connected, Enrol, Enrolment, Follow, Renew, Report,
};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::call::JsonBody;
use super::error::ApiError;
use super::errors::{AcknowledgeErrors, EnrolErrors, FollowErrors};
use super::extract::CallingGateway;
use crate::gateways::streams::GatewayStreams;
use crate::gateways::{self, enrol, usage};

/// The largest body of the calls that name devices or connections, in bytes: the ids of more than
/// 200,000 devices. The gateway's credential is checked before the body is read.
const MAX_BODY: usize = 4 * 1024 * 1024;

/// The most characters of a version.
const MAX_VERSION_CHARS: usize = 40;

/// The calls whose bodies grow with what is connected to a gateway.
pub(super) fn large() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(follow))
        .routes(routes!(connected))
        .routes(routes!(report))
        .layer(DefaultBodyLimit::max(MAX_BODY))
}

/// Enrols a gateway with its single-use token.
#[utoipa::path(post, path = "/gateway/enrol", operation_id = "enrol_gateway", tag = "gateway",
    request_body = Enrol, security(()),
    responses((status = 200, description = "Its credential and certificate.", body = Enrolment),
        EnrolErrors))]
pub(super) async fn enrol_gateway(
    State(app): State<App>,
    JsonBody { body, key: _ }: JsonBody<Enrol>,
) -> Result<Json<Enrolment>, ApiError> {
    Ok(Json(enrol::enrol(&app, body).await?))
}

/// Renews a gateway's certificate.
#[utoipa::path(post, path = "/gateway/certificate", operation_id = "renew_gateway",
    tag = "gateway", request_body = Renew, security(("gateway" = [])),
    responses((status = 200, description = "Its certificate.", body = Certificate), EnrolErrors))]
pub(super) async fn renew(
    State(app): State<App>,
    CallingGateway(gateway): CallingGateway,
    JsonBody { body, key: _ }: JsonBody<Renew>,
) -> Result<Json<Certificate>, ApiError> {
    Ok(Json(enrol::renew(&app, &gateway, &body.request).await?))
}

/// What the gateway's network holds and who may use it, as it changes: server-sent events (WHATWG
/// HTML, section 9.2).
///
/// An event `all` comes first, then `changes` and `ping`. A gateway has one stream: opening
/// another ends it, with a last event `replaced`.
#[utoipa::path(post, path = "/gateway/stream", operation_id = "follow", tag = "gateway",
    request_body = Follow, security(("gateway" = [])),
    responses((status = 200, description = "The stream.", body = String,
        content_type = "text/event-stream"), FollowErrors))]
pub(super) async fn follow(
    State(app): State<App>,
    Extension(streams): Extension<Arc<GatewayStreams>>,
    CallingGateway(gateway): CallingGateway,
    headers: HeaderMap,
    JsonBody { body, key: _ }: JsonBody<Follow>,
) -> Result<impl IntoResponse, ApiError> {
    let version = version(&headers);
    Ok(gateways::follow(&app, streams, gateway, version, body).await?)
}

/// The version of a gateway, as it names itself.
fn version(headers: &HeaderMap) -> Option<String> {
    let agent = headers.get(header::USER_AGENT)?.to_str().ok()?;
    let version = agent.strip_prefix("hourkey-gateway/")?;
    Some(one_line(version, MAX_VERSION_CHARS))
}

/// Says which devices came and went; the stream answers about those that came.
#[utoipa::path(post, path = "/gateway/devices", operation_id = "connected", tag = "gateway",
    request_body = Connected, security(("gateway" = [])),
    responses((status = 204, description = "The stream will answer."), AcknowledgeErrors))]
pub(super) async fn connected(
    Extension(streams): Extension<Arc<GatewayStreams>>,
    CallingGateway(gateway): CallingGateway,
    JsonBody { body, key: _ }: JsonBody<Connected>,
) -> Result<StatusCode, ApiError> {
    streams.connected(gateway.id, body).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Acknowledges that everything up to a sequence number is in force.
#[utoipa::path(post, path = "/gateway/ack", operation_id = "acknowledge", tag = "gateway",
    request_body = Ack, security(("gateway" = [])),
    responses((status = 204, description = "Noted."), AcknowledgeErrors))]
pub(super) async fn acknowledge(
    State(app): State<App>,
    Extension(streams): Extension<Arc<GatewayStreams>>,
    CallingGateway(gateway): CallingGateway,
    JsonBody { body, key: _ }: JsonBody<Ack>,
) -> Result<StatusCode, ApiError> {
    streams.acknowledged(gateway.id, body, app.clock.now())?;
    Ok(StatusCode::NO_CONTENT)
}

/// Reports connections. A report may be sent twice.
#[utoipa::path(post, path = "/gateway/connections", operation_id = "report", tag = "gateway",
    request_body = Report, security(("gateway" = [])),
    responses((status = 204, description = "Kept."), FollowErrors))]
pub(super) async fn report(
    State(app): State<App>,
    CallingGateway(gateway): CallingGateway,
    JsonBody { body, key: _ }: JsonBody<Report>,
) -> Result<StatusCode, ApiError> {
    usage::keep(&app, gateway, body).await?;
    Ok(StatusCode::NO_CONTENT)
}
