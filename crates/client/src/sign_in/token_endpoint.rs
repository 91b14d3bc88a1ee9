//! Calls of the token endpoint (RFC 6749, 3.2).

use hourkey_protocol::oauth;

use crate::api_error::ApiError;
use crate::http_client::{answer, tokens};
use crate::session::SessionConfig;

/// Posts a form; the inner error is the controller's refusal.
pub(super) async fn post(
    config: &SessionConfig,
    endpoint: &str,
    form: &[(&str, &str)],
) -> Result<Result<oauth::Tokens, oauth::Error>, ApiError> {
    let sent = answer(config.http.post(endpoint).form(form)).await;
    let response = sent.map_err(|why| ApiError::unreachable(&config.controller, why))?;
    tokens(response).await
}
