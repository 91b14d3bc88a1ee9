//! What holds for every call: bounds, headers, and one line in the log.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use axum::body::{HttpBody as _, to_bytes};
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use futures_util::FutureExt as _;
use hourkey_access::app::App;
use hourkey_protocol::problem::{Code, Problem};
use tracing::Instrument as _;

use crate::api::error::problem_response;
use crate::api::problems::is_api;

/// The largest body that is read, in bytes, unless the call has a limit of its own.
pub const MAX_BODY: usize = hourkey_console::form::MAX_FORM;

/// An answer has to begin within this; a stream then lasts as long as it likes.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Each answer carries the id under which the log knows its call.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A refusal: a problem for programs, a page for people.
pub(super) fn refuse(path: &str, problem: &Problem) -> Response {
    if is_api(path) {
        problem_response(problem)
    } else {
        hourkey_console::error::page(problem)
    }
}

/// Gives up on a call whose answer does not begin.
pub(super) async fn bound_in_time(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    match tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            tracing::warn!("a call was given up after 30 s");
            let problem = Code::Unavailable.problem(
                "The controller is too busy to answer now. Try again in a moment; with the same \
                 Idempotency-Key nothing happens twice.",
            );
            refuse(&path, &problem)
        }
    }
}

/// Reads a body of the usual size before anything answers. A connection on which part of a refused
/// call's body is left is closed without a word, and the client's next call on it fails.
pub(super) async fn read_body_first(request: Request, next: Next) -> Response {
    let length = request.body().size_hint().exact();
    if !length.is_some_and(|length| 0 < length && length <= MAX_BODY as u64) {
        return next.run(request).await;
    }
    let path = request.uri().path().to_owned();
    let (parts, body) = request.into_parts();
    match to_bytes(body, MAX_BODY).await {
        Ok(bytes) => next.run(Request::from_parts(parts, bytes.into())).await,
        Err(_) => {
            let problem = Code::Malformed.problem("The call broke off. Send it again.");
            refuse(&path, &problem)
        }
    }
}

/// Answers a call whose handler panicked, and lives on.
pub(super) async fn survive_panics(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    answer.unwrap_or_else(|_| {
        // The panic hook wrote where and why.
        tracing::error!("a handler panicked");
        let problem = Code::Internal.problem(
            "Something went wrong. Try again, and tell your administrator if it stays like this.",
        );
        refuse(&path, &problem)
    })
}

/// Where a proxy speaks TLS, plain calls from elsewhere are refused: they would carry passwords and
/// tokens in the clear. This machine itself may call, to see whether all is well.
pub(super) async fn only_by_proxy(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map(|peer| peer.0.ip().to_canonical());
    let from_elsewhere = match (&app.config.tls, app.config.trusted_proxy, peer) {
        (None, Some(proxy), Some(peer)) => peer != proxy.to_canonical() && !peer.is_loopback(),
        (Some(_), _, _) | (None, None, _) | (None, Some(_), None) => false,
    };
    if from_elsewhere {
        let address = app.config.address("/");
        let problem = Code::Forbidden.problem(format!(
            "This port is for the proxy in front of Hourkey, without TLS. Go to {address}."
        ));
        return refuse(request.uri().path(), &problem);
    }
    next.run(request).await
}

/// nginx's own header: it switches buffering of this answer off.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Asks proxies on the way to pass a stream of events on as it comes: no buffering, and no
/// compression, which would hold back what does not fill a block (RFC 9111, 5.2.2.6).
pub(super) async fn unbuffered(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let is_stream = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
    if is_stream {
        let control = HeaderValue::from_static("no-cache, no-transform");
        headers.insert(header::CACHE_CONTROL, control);
        headers.insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
    }
    response
}

/// Headers that every answer carries, unless it brings its own.
pub(super) async fn secure(State(app): State<App>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let all = [
        (header::CACHE_CONTROL, "no-store"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ];
    for (name, value) in all {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    if app.config.is_secure() {
        let always = HeaderValue::from_static("max-age=31536000");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, always);
    }
    response
}

/// One line for each call: its route as written in the code, so that neither ids nor queries nor
/// anything that somebody put into an address gets into the log.
pub(super) async fn trace(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = format!("{:016x}", rand::random::<u64>());
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("none", MatchedPath::as_str);
    let span = tracing::info_span!(
        "call",
        request.id = id,
        http.method = %request.method(),
        http.route = route,
    );
    async {
        let mut response = next.run(request).await;
        tracing::debug!(
            http.status = response.status().as_u16(),
            call.duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            "answered",
        );
        if let Ok(id) = HeaderValue::from_str(&id) {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        response
    }
    .instrument(span)
    .await
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::{Body, to_bytes};
    use axum::middleware::from_fn;
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::*;

    async fn broken() -> &'static str {
        if true {
            panic!("of the test");
        }
        "never"
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_whose_answer_does_not_begin_is_given_up() {
        let router = Router::new()
            .route("/api/v1/never", get(std::future::pending::<String>))
            .layer(from_fn(bound_in_time));
        let request = Request::get("/api/v1/never").body(Body::empty()).unwrap();
        let response = router.oneshot(request).await.unwrap();
        assert_eq!(response.status(), 503);
        assert_eq!(
            response.headers()[header::CONTENT_TYPE],
            "application/problem+json"
        );
    }

    #[tokio::test]
    async fn a_panic_is_answered_without_a_word_of_its_own() {
        let router = Router::new()
            .route("/api/v1/broken", get(broken))
            .route("/broken", get(broken))
            .layer(from_fn(survive_panics));
        for (path, kind) in [
            ("/api/v1/broken", "application/problem+json"),
            ("/broken", "text/html; charset=utf-8"),
        ] {
            let request = Request::get(path).body(Body::empty()).unwrap();
            let response = router.clone().oneshot(request).await.unwrap();
            assert_eq!(response.status(), 500);
            assert_eq!(response.headers()[header::CONTENT_TYPE], kind);
            let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
            let text = String::from_utf8(body.to_vec()).unwrap();
            assert!(text.contains("Something went wrong"), "{text}");
            assert!(!text.contains("of the test"), "{text}");
        }
    }
}
