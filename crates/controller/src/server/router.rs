//! Everything the controller answers, and what each call passes on its way.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::Uri;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Router};
use hourkey_access::app::App;
use hourkey_access::error::AppError;
use hourkey_console::{ConnectedGateways, turn};

use super::layers::MAX_BODY;
use super::{forwarded, layers};
use crate::api::error::ApiError;
use crate::api::{self, problems};
use crate::gateways::streams::GatewayStreams;
use crate::oauth;

/// Everything the controller answers.
pub fn router(app: App) -> Router {
    let proxies = forwarded::Proxies::new(Arc::clone(&app.config));
    let streams = Arc::new(GatewayStreams::default());
    let known = Arc::clone(&streams);
    let connected = ConnectedGateways(Arc::new(move |gateway, now| known.heard(gateway, now)));
    Router::new()
        .merge(api::router(streams))
        .merge(oauth::router())
        .merge(hourkey_console::router(&app))
        .route("/healthz", get(health))
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn_with_state(
            app.clone(),
            hourkey_console::error::with_navigation,
        ))
        .layer(Extension(connected))
        .layer(from_fn(turn::give_back))
        .layer(from_fn(problems::only_problems))
        .layer(from_fn(layers::read_body_first))
        .layer(from_fn(layers::bound_in_time))
        .layer(from_fn(layers::survive_panics))
        .layer(from_fn_with_state(app.clone(), layers::only_by_proxy))
        .layer(from_fn_with_state(Arc::new(proxies), forwarded::look))
        .layer(from_fn(layers::unbuffered))
        .layer(from_fn_with_state(app.clone(), layers::secure))
        .layer(from_fn(layers::trace))
        .with_state(app)
}

/// For whoever watches over the controller: it answers, and its store can be read.
async fn health(State(app): State<App>) -> Result<&'static str, ApiError> {
    app.store.read().await?.seq().await?;
    Ok("ok\n")
}

async fn no_route(uri: Uri) -> Response {
    layers::refuse(uri.path(), &AppError::not_found().into_problem())
}

async fn no_method(uri: Uri) -> Response {
    layers::refuse(uri.path(), &problems::no_method())
}
