//! The OAuth 2.0 authorization server for our own native clients (RFC 8252): authorization code
//! with PKCE, refresh tokens that rotate, revocation, and the device flow where it is switched on.
//!
//! A session is the family of a client's tokens; the store keeps digests of them.

mod authorize;
mod device;
mod error;
mod issue;
mod metadata;
mod revoke;
mod token;

use axum::Router;
use axum::routing::{get, post};
use hourkey_access::app::App;
use hourkey_protocol::oauth::METADATA_PATH;

/// The routes.
pub(crate) fn router() -> Router<App> {
    Router::new()
        .route(METADATA_PATH, get(metadata::show))
        .route(
            "/oauth/authorize",
            get(authorize::show).post(authorize::decide),
        )
        .route("/oauth/token", post(token::exchange))
        .route("/oauth/revoke", post(revoke::revoke))
        .route("/oauth/device_authorization", post(device::start))
}
