//! Serves the controller's calls.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post, put};
use hourkey_protocol::problem::Code;
use tokio::net::TcpListener;

use super::controller::{FakeController, problem};
use super::{calls, oauth, stream};

impl FakeController {
    /// Starts one that has no gateways, and nothing to say on its stream: see [`Self::show`] and
    /// [`Self::play`].
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let controller = Self::at(url.parse().unwrap());
        let api = Router::new()
            .route("/api/v1/me", get(calls::me))
            .route("/api/v1/requests", post(calls::requests))
            .route("/api/v1/device", put(calls::enrol))
            .route("/api/v1/networks", get(calls::networks))
            .route("/api/v1/resources", get(calls::resources))
            .route("/api/v1/snapshot", get(calls::snapshot))
            .route("/api/v1/events", get(stream::events))
            .layer(middleware::from_fn_with_state(
                controller.clone(),
                signed_in,
            ));
        let app = Router::new()
            .route(
                "/.well-known/oauth-authorization-server",
                get(oauth::metadata),
            )
            .route("/oauth/authorize", get(oauth::authorize))
            .route("/oauth/token", post(oauth::token))
            .route("/oauth/revoke", post(oauth::revoke))
            .route("/oauth/device_authorization", post(oauth::device))
            .merge(api)
            .layer(middleware::from_fn_with_state(controller.clone(), proxy))
            .with_state(controller.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        controller
    }
}

/// Stands before the controller, and answers for it when it is away.
async fn proxy(State(controller): State<FakeController>, request: Request, next: Next) -> Response {
    {
        let mut script = controller.script();
        if let Some((path, status, times)) = &mut script.broken
            && *path == request.uri().path()
            && *times > 0
        {
            *times -= 1;
            let page = "<html><body><h1>Nobody is here</h1></body></html>";
            let html = (header::CONTENT_TYPE, "text/html");
            return (*status, [html], page).into_response();
        }
    }
    next.run(request).await
}

/// Lets those through who have an access token.
async fn signed_in(
    State(controller): State<FakeController>,
    headers: HeaderMap,
    request: Request,
    next: Next,
) -> Response {
    let sent = headers.get(header::AUTHORIZATION);
    let token = sent.and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let valid = token.is_some_and(|token| controller.tokens().knows(token));
    match valid {
        true => next.run(request).await,
        false => problem(Code::Unauthenticated),
    }
}
