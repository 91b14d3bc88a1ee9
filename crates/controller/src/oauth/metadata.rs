//! What clients find out first (RFC 8414).

use axum::Json;
use axum::extract::State;
use hourkey_access::app::App;
use hourkey_protocol::oauth::{DEVICE_GRANT, Metadata};

/// `GET /.well-known/oauth-authorization-server`
pub(super) async fn show(State(app): State<App>) -> Json<Metadata> {
    let config = &app.config;
    let mut grants = vec!["authorization_code".to_owned(), "refresh_token".to_owned()];
    if config.device_flow {
        grants.push(DEVICE_GRANT.to_owned());
    }
    Json(Metadata {
        issuer: config.address(""),
        authorization_endpoint: config.address("/oauth/authorize"),
        token_endpoint: config.address("/oauth/token"),
        revocation_endpoint: config.address("/oauth/revoke"),
        device_authorization_endpoint: config
            .device_flow
            .then(|| config.address("/oauth/device_authorization")),
        response_types_supported: vec!["code".to_owned()],
        grant_types_supported: grants,
        code_challenge_methods_supported: vec!["S256".to_owned()],
        token_endpoint_auth_methods_supported: vec!["none".to_owned()],
        authorization_response_iss_parameter_supported: true,
    })
}
