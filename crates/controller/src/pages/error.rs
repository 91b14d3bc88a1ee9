//! What went wrong, as a page.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use hourkey_protocol::problem::{Code, Problem};
use maud::html;

use super::layout::{Frame, Page, Place, Width};
use crate::failure::Failure;

/// A failure that is answered as a page.
#[derive(Debug)]
pub struct PageFailure(Failure);

impl<E: Into<Failure>> From<E> for PageFailure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for PageFailure {
    fn into_response(self) -> Response {
        self.0.answer(page)
    }
}

/// The page for a problem. Needs neither the store nor a sign-in.
pub fn page(problem: &Problem) -> Response {
    let title = match problem.code {
        Code::NotFound => "Nothing to see here",
        Code::Forbidden | Code::OwnRequest => "This is not yours to do",
        Code::RateLimited => "Too many attempts",
        Code::TooLarge => "That is too much",
        Code::Malformed
        | Code::MethodNotAllowed
        | Code::UnsupportedMedia
        | Code::BlankText
        | Code::TextTooLong
        | Code::BadLength
        | Code::BadStart => "That did not work",
        Code::Unauthenticated | Code::NoCredential => "Sign in first",
        Code::AlreadyDecided | Code::AlreadyEnded | Code::NotNeeded | Code::KeyReused => {
            "Somebody was faster"
        }
        Code::Internal | Code::Unavailable => "Something broke here",
    };
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let page = Page {
        title,
        place: Place::Elsewhere,
        width: Width::Narrow,
        live: false,
    };
    Frame::bare().answer(
        status,
        &page,
        &html! {
            h1 { (title) }
            p.lead { (problem.detail) }
            p.foot {
                span.muted { "Error " (problem.status) }
                a.btn href="/access" { "Go to your access" }
            }
        },
    )
}
