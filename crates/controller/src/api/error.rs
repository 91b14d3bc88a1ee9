//! A failure of a use case, as an answer of the API.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hourkey_access::error::AppError;
use hourkey_console::error::answer;
use hourkey_protocol::problem::{MEDIA_TYPE, Problem};

/// A failure that is answered as a problem (RFC 9457).
#[derive(Debug)]
pub(crate) struct ApiError(AppError);

impl<E: Into<AppError>> From<E> for ApiError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        answer(self.0, problem_response)
    }
}

/// A problem as an answer (RFC 9457, 3).
#[must_use]
pub(crate) fn problem_response(problem: &Problem) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = serde_json::to_vec(problem).unwrap_or_default();
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE))];
    (status, kind, body).into_response()
}
