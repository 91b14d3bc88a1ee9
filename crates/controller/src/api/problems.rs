//! Everything that goes wrong before or beside a handler is answered as a problem, too.

use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use hourkey_access::error::AppError;
use hourkey_protocol::API;
use hourkey_protocol::problem::{Code, MEDIA_TYPE, Problem};

use crate::api::error::problem_response;

/// True for addresses that programs call: their answers are JSON.
#[must_use]
pub fn is_api(path: &str) -> bool {
    path.strip_prefix(API)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// For a method that an address does not take.
#[must_use]
pub fn no_method() -> Problem {
    Code::MethodNotAllowed
        .problem("This address exists, but it does not take that method. See /api/v1/openapi.json.")
}

/// Turns whatever else refuses a call of the API into a problem.
pub async fn only_problems(request: Request, next: Next) -> Response {
    let is_api = is_api(request.uri().path());
    let response = next.run(request).await;
    let status = response.status();
    let is_problem = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind == MEDIA_TYPE);
    if !is_api || is_problem || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let problem = match status {
        StatusCode::NOT_FOUND => AppError::not_found().into_problem(),
        StatusCode::METHOD_NOT_ALLOWED => no_method(),
        StatusCode::PAYLOAD_TOO_LARGE => {
            Code::TooLarge.problem("The body is larger than anything that this call takes.")
        }
        status if status.is_client_error() => Code::Malformed
            .problem("The call cannot be read. See /api/v1/openapi.json for what is expected."),
        _ => Code::Internal.problem("Something went wrong. Try again."),
    };
    problem_response(&problem)
}
