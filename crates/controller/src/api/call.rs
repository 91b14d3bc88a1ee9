//! What callers send, read strictly: every mistake is answered as a problem.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use hourkey_access::app::App;
use hourkey_access::error::AppError;
use hourkey_access::idempotency::{Answer, IdempotencyKey, MAX_KEY};
use hourkey_protocol::problem::Code;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use super::error::ApiError;

/// The most of a mistake's description that is sent back, in characters.
const MAX_COMPLAINT: usize = 300;

/// A call with a JSON body.
pub(super) struct JsonBody<T> {
    /// What was sent.
    pub(super) body: T,
    /// What makes it the same call, when it has an `Idempotency-Key`.
    pub(super) key: Option<IdempotencyKey>,
}

impl<T: DeserializeOwned> FromRequest<App> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let is_json = is_json(request.headers());
        let (bytes, key) = read(request, app).await?;
        if !is_json {
            return Err(AppError::refused(
                Code::UnsupportedMedia,
                "This call takes JSON: send it with Content-Type: application/json.",
            )
            .into());
        }
        // A list would pass for an object with its fields in order.
        if !bytes.trim_ascii_start().starts_with(b"{") {
            return Err(AppError::refused(
                Code::Malformed,
                "The body is not what this call takes: send a JSON object.",
            )
            .into());
        }
        let body = serde_json::from_slice(&bytes).map_err(|error| unreadable(&error))?;
        Ok(Self { body, key })
    }
}

/// A call without a body.
pub(super) struct NoBody {
    /// What makes it the same call, when it has an `Idempotency-Key`.
    pub(super) key: Option<IdempotencyKey>,
}

impl FromRequest<App> for NoBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let (bytes, key) = read(request, app).await?;
        if !matches!(bytes.trim_ascii(), b"" | b"{}") {
            return Err(AppError::refused(
                Code::Malformed,
                "This call takes no body. Leave it out.",
            )
            .into());
        }
        Ok(Self { key })
    }
}

/// The id in the path. One that is no id answers as an unknown one (rule 1).
pub(super) struct Id<T>(pub(super) T);

impl<T: std::str::FromStr> FromRequestParts<App> for Id<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let text = Path::<String>::from_request_parts(parts, app).await;
        let id = text.ok().and_then(|Path(text)| text.parse().ok());
        id.map(Self).ok_or_else(|| AppError::not_found().into())
    }
}

/// Where a page of a list starts.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Before {
    /// Only ids below this: `before` of the page before.
    pub(super) before: Option<i64>,
}

impl FromRequestParts<App> for Before {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, ApiError> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(before)) => Ok(before),
            Err(_) => Err(AppError::refused(
                Code::Malformed,
                "The only parameter here is before=N, with N a whole number.",
            )
            .into()),
        }
    }
}

/// A kept or new answer as a response.
pub(super) fn response(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    (
        status,
        [(header::CONTENT_TYPE, "application/json")],
        answer.body,
    )
        .into_response()
}

/// The whole body, and what makes the call the same call.
async fn read(request: Request, app: &App) -> Result<(Bytes, Option<IdempotencyKey>), AppError> {
    let key = key(request.headers())?;
    let mut call = Sha256::new();
    for part in [request.method().as_str(), request.uri().path()] {
        call.update(part);
        call.update([0]);
    }
    let bytes = match Bytes::from_request(request, app).await {
        Ok(bytes) => bytes,
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            return Err(AppError::refused(
                Code::TooLarge,
                "The body is larger than anything that this call takes.",
            ));
        }
        Err(_) => {
            return Err(AppError::refused(
                Code::Malformed,
                "The body did not arrive whole.",
            ));
        }
    };
    call.update(&bytes);
    let call = call.finalize().into();
    Ok((bytes, key.map(|key| IdempotencyKey { key, call })))
}

fn key(headers: &HeaderMap) -> Result<Option<String>, AppError> {
    let Some(key) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    match key.to_str().map(str::trim) {
        Ok(key) if !key.is_empty() && key.len() <= MAX_KEY => Ok(Some(key.to_owned())),
        Ok(_) | Err(_) => Err(AppError::refused(
            Code::Malformed,
            format!("An Idempotency-Key has 1 to {MAX_KEY} visible ASCII characters."),
        )),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let essence = kind
        .and_then(|kind| kind.split(';').next())
        .unwrap_or_default()
        .trim();
    essence.eq_ignore_ascii_case("application/json")
}

fn unreadable(error: &serde_json::Error) -> AppError {
    let complaint: String = error.to_string().chars().take(MAX_COMPLAINT).collect();
    AppError::refused(
        Code::Malformed,
        format!("The body is not what this call takes: {complaint}."),
    )
}
