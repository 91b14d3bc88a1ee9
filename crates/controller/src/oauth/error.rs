//! Error answers of the token endpoints (RFC 6749, 5.2).

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hourkey_access::error::AppError;
use hourkey_access::identity::client::Client;
use hourkey_protocol::oauth::Error;

/// Why a client gets no tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The stable code, for example `invalid_grant`.
    pub(super) error: &'static str,
    /// A sentence for people.
    pub(super) description: String,
    status: StatusCode,
}

impl Refusal {
    pub(super) fn new(error: &'static str, description: impl Into<String>) -> Self {
        Self {
            error,
            description: description.into(),
            status: StatusCode::BAD_REQUEST,
        }
    }

    pub(super) fn too_fast(description: impl Into<String>) -> Self {
        let status = StatusCode::TOO_MANY_REQUESTS;
        Self {
            error: "slow_down",
            description: description.into(),
            status,
        }
    }
}

/// The client that makes a call with this id.
pub(super) fn calling_client(id: &str) -> Result<Client, Refusal> {
    Client::by_id(id).ok_or_else(|| Refusal::new("invalid_client", "There is no such client."))
}

/// What is broken is logged and answered without details.
impl From<AppError> for Refusal {
    fn from(failure: AppError) -> Self {
        let problem = failure.into_problem();
        Self {
            error: "server_error",
            description: problem.detail,
            status: StatusCode::from_u16(problem.status)
                .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }
}

impl From<hourkey_store::StoreError> for Refusal {
    fn from(error: hourkey_store::StoreError) -> Self {
        AppError::from(error).into()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = Error {
            error: self.error.to_owned(),
            error_description: Some(self.description),
        };
        (self.status, no_store(Json(body))).into_response()
    }
}

/// Answers with secrets in them are kept by nobody (RFC 6749, 5.1).
pub(super) fn no_store(body: impl IntoResponse) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    response
}
