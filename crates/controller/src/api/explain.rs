//! Why somebody may or may not reach a resource.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Query, State};
use axum::http::request::Parts;
use axum::{Extension, Json};
use chrono::{DateTime, Utc};
use hourkey_access::app::App;
use hourkey_access::error::AppError;
use hourkey_access::explain::{Asked, explained};
use hourkey_domain::format::typed_moment;
use hourkey_domain::organisation::explain::Explanation;
use hourkey_protocol::problem::Code;
use serde::{Deserialize, Deserializer};
use utoipa::IntoParams;

use super::error::ApiError;
use super::errors::ExplainErrors;
use crate::api::extract::SignedIn;
use crate::gateways::streams::GatewayStreams;

/// The question.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Asking {
    /// The id of the resource; or its name, its alias or its address. What is written exactly so comes
    /// first.
    resource: String,
    /// The name that the person signs in with; the caller when left out. Others are explained to those
    /// who review them here, and to administrators.
    user: Option<String>,
    /// The moment (RFC 3339); now when left out or past.
    #[serde(default, deserialize_with = "moment")]
    at: Option<DateTime<Utc>>,
}

fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    let text = String::deserialize(deserializer)?;
    typed_moment(&text)
        .map(Some)
        .map_err(serde::de::Error::custom)
}

impl FromRequestParts<App> for Asking {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, ApiError> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(asking)) => Ok(asking),
            Err(_) => Err(AppError::refused(
                Code::Malformed,
                "Say which resource: resource=ID or resource=NAME. user=LOGIN and at=TIME, for \
                 example at=2026-12-24T18:00:00Z, may be added, and nothing else.",
            )
            .into()),
        }
    }
}

/// Why a person may or may not reach a resource, now or later.
///
/// Later is as time alone will make it: if nobody asks, decides or changes anything until then.
#[utoipa::path(get, path = "/explain", operation_id = "explain", tag = "see",
    params(Asking),
    responses((status = 200, description = "The explanation.", body = Explanation), ExplainErrors))]
pub(super) async fn explain(
    State(app): State<App>,
    Extension(streams): Extension<Arc<GatewayStreams>>,
    SignedIn { caller, .. }: SignedIn,
    Asking { resource, user, at }: Asking,
) -> Result<Json<Explanation>, ApiError> {
    let asked = Asked {
        resource,
        login: user,
        at,
    };
    let is_connected = |gateway| streams.is_connected(gateway, app.clock.now());
    let (explanation, _) = explained(&app, caller, &asked, is_connected).await?;
    Ok(Json(explanation))
}
