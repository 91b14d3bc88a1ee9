//! What stands in the address of a page. What cannot be read is answered as a page, too.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use hourkey_access::app::App;
use hourkey_access::error::AppError;
use hourkey_protocol::problem::Code;
use serde::de::DeserializeOwned;

use super::error::PageError;

/// The id in the path. One that is no id answers as an unknown one (rule 1).
pub(super) struct Id<T>(pub(super) T);

impl<T: std::str::FromStr> FromRequestParts<App> for Id<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let text = Path::<String>::from_request_parts(parts, app).await;
        let id = text.ok().and_then(|Path(text)| text.parse().ok());
        id.map(Self)
            .ok_or_else(|| PageError::from(AppError::not_found()).into_response())
    }
}

/// The parameters behind the question mark.
pub(super) struct Query<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<App> for Query<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Response> {
        match axum::extract::Query::try_from_uri(&parts.uri) {
            Ok(axum::extract::Query(parameters)) => Ok(Self(parameters)),
            Err(_) => {
                let detail = "The part of the address after the question mark cannot be read. \
                              Leave it out, or follow the link again.";
                Err(PageError::from(AppError::refused(Code::Malformed, detail)).into_response())
            }
        }
    }
}

/// The sign-in page's address; `next` is where it leads.
#[must_use]
pub fn sign_in(next: &str) -> String {
    format!("/sign-in?next={}", quoted(next))
}

/// The address of the page on which two-step sign-in is set up; `next` is where it leads.
#[must_use]
pub fn account(next: &str) -> String {
    format!("/account?next={}", quoted(next))
}

fn quoted(next: &str) -> String {
    url::form_urlencoded::byte_serialize(next.as_bytes()).collect()
}
