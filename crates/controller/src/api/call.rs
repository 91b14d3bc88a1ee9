//! What callers send, read strictly: every mistake is answered as a problem.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use hourkey_protocol::problem::Code;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use crate::access::once::{Answer, MAX_KEY, Once};
use crate::app::App;
use crate::failure::Failure;

/// The most of a mistake's description that is sent back, in characters.
const MAX_COMPLAINT: usize = 300;

/// A call with a JSON body.
pub(super) struct Call<T> {
    /// What was sent.
    pub(super) body: T,
    /// What makes it the same call, when it has an `Idempotency-Key`.
    pub(super) once: Option<Once>,
}

impl<T: DeserializeOwned> FromRequest<App> for Call<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &App) -> Result<Self, Failure> {
        let is_json = is_json(request.headers());
        let (bytes, once) = read(request, app).await?;
        if !is_json {
            return Err(Failure::refused(
                Code::UnsupportedMedia,
                "This call takes JSON: send it with Content-Type: application/json.",
            ));
        }
        // A list would pass for an object with its fields in order.
        if !bytes.trim_ascii_start().starts_with(b"{") {
            return Err(Failure::refused(
                Code::Malformed,
                "The body is not what this call takes: send a JSON object.",
            ));
        }
        let body = serde_json::from_slice(&bytes).map_err(|error| unreadable(&error))?;
        Ok(Self { body, once })
    }
}

/// A call without a body.
pub(super) struct Bare {
    /// What makes it the same call, when it has an `Idempotency-Key`.
    pub(super) once: Option<Once>,
}

impl FromRequest<App> for Bare {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &App) -> Result<Self, Failure> {
        let (bytes, once) = read(request, app).await?;
        if !matches!(bytes.trim_ascii(), b"" | b"{}") {
            return Err(Failure::refused(
                Code::Malformed,
                "This call takes no body. Leave it out.",
            ));
        }
        Ok(Self { once })
    }
}

/// The id in the path. One that is no id answers as an unknown one (rule 1).
pub(super) struct Id<T>(pub(super) T);

impl<T: std::str::FromStr> FromRequestParts<App> for Id<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let text = Path::<String>::from_request_parts(parts, app).await;
        let id = text.ok().and_then(|Path(text)| text.parse().ok());
        id.map(Self).ok_or_else(Failure::not_found)
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
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Failure> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(before)) => Ok(before),
            Err(_) => Err(Failure::refused(
                Code::Malformed,
                "The only parameter here is before=N, with N a whole number.",
            )),
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
async fn read(request: Request, app: &App) -> Result<(Bytes, Option<Once>), Failure> {
    let key = key(request.headers())?;
    let mut call = Sha256::new();
    for part in [request.method().as_str(), request.uri().path()] {
        call.update(part);
        call.update([0]);
    }
    let bytes = match Bytes::from_request(request, app).await {
        Ok(bytes) => bytes,
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            return Err(Failure::refused(
                Code::TooLarge,
                "The body is larger than anything that this call takes.",
            ));
        }
        Err(_) => {
            return Err(Failure::refused(
                Code::Malformed,
                "The body did not arrive whole.",
            ));
        }
    };
    call.update(&bytes);
    let call = call.finalize().into();
    Ok((bytes, key.map(|key| Once { key, call })))
}

fn key(headers: &HeaderMap) -> Result<Option<String>, Failure> {
    let Some(key) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    match key.to_str().map(str::trim) {
        Ok(key) if !key.is_empty() && key.len() <= MAX_KEY => Ok(Some(key.to_owned())),
        Ok(_) | Err(_) => Err(Failure::refused(
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

fn unreadable(error: &serde_json::Error) -> Failure {
    let complaint: String = error.to_string().chars().take(MAX_COMPLAINT).collect();
    Failure::refused(
        Code::Malformed,
        format!("The body is not what this call takes: {complaint}."),
    )
}
