//! What went wrong, as a page.

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hourkey_access::app::App;
use hourkey_access::error::AppError;
use hourkey_protocol::problem::{Code, Problem};
use maud::html;

use super::layout::{Frame, Live, Page, Place, Width};
use crate::page_user::PageUser;

/// A failure that is answered as a page.
#[derive(Debug)]
pub struct PageError(AppError);

impl<E: Into<AppError>> From<E> for PageError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        answer(self.0, page)
    }
}

/// The answer to a failure, with its problem as `show` shows it.
pub fn answer(failure: AppError, show: impl FnOnce(&Problem) -> Response) -> Response {
    let seconds = failure.retry_after();
    let mut response = show(&failure.into_problem());
    if let Some(seconds) = seconds {
        let headers = response.headers_mut();
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// The page for a problem. Needs neither the store nor a sign-in; `with_navigation` adds what it
/// can.
pub fn page(problem: &Problem) -> Response {
    let mut response = framed(&Frame::bare(), problem);
    response.extensions_mut().insert(problem.clone());
    response
}

/// Gives people who are signed in the navigation on pages that say what went wrong.
pub async fn with_navigation(State(app): State<App>, request: Request, next: Next) -> Response {
    let (uri, headers) = (request.uri().clone(), request.headers().clone());
    let gateways = request.extensions().get().cloned();
    let response = next.run(request).await;
    let Some(problem) = response.extensions().get::<Problem>() else {
        return response;
    };
    // Whoever sends too much is not given more to read.
    if problem.code == Code::RateLimited {
        return response;
    }
    let Ok(Some(mut user)) = PageUser::find(&app, &headers).await else {
        return response;
    };
    user.gateways = gateways;
    let Ok(frame) = Frame::of(&app, &user, &uri).await else {
        return response;
    };
    let mut framed = framed(&frame, problem);
    let kept = response.headers().iter();
    // It is the length of the page without the navigation.
    for (name, value) in kept.filter(|(name, _)| *name != header::CONTENT_LENGTH) {
        framed.headers_mut().entry(name).or_insert(value.clone());
    }
    framed
}

fn framed(frame: &Frame, problem: &Problem) -> Response {
    let title = match problem.code {
        Code::NotFound => "Page not found",
        Code::Forbidden | Code::OwnRequest => "You can’t do that",
        Code::RateLimited => "Too many attempts",
        Code::TooLarge => "Too long",
        Code::Malformed
        | Code::MethodNotAllowed
        | Code::UnsupportedMedia
        | Code::BlankText
        | Code::TextTooLong
        | Code::BadLength
        | Code::BadStart => "That did not work",
        Code::Unauthenticated | Code::NoCredential => "Sign in first",
        Code::AlreadyDecided | Code::AlreadyEnded | Code::NotNeeded | Code::KeyReused => {
            "Already decided"
        }
        Code::ResourceDisabled => "This is disabled",
        Code::NothingToExtend => "Nothing to extend",
        Code::NobodyCanApprove => "Nobody can approve this",
        Code::Internal | Code::Unavailable => "Something went wrong",
    };
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let page = Page {
        title,
        place: Place::Elsewhere,
        width: Width::Narrow,
        live: Live::Off,
    };
    frame.answer(
        status,
        &page,
        &html! {
            h1 { (title) }
            p.lead { (problem.detail) }
            p.foot {
                span.muted { "Error " (problem.status) }
                a.btn href="/access" { "Your access" }
            }
        },
    )
}
