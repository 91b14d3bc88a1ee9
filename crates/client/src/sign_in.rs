//! Signing in: through the browser (RFC 8252 with PKCE, RFC 7636), or by device code (RFC 8628).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hourkey_protocol::oauth::{self, Metadata};
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::api_error::ApiError;
use crate::discover::discover;
use crate::http_client::oauth_sentence;
use crate::secrets::Secret;
use crate::session::{Session, SessionConfig};

mod device;
mod error;
mod loopback;
mod token_endpoint;

pub use crate::discover::DiscoverError;
pub use device::by_device;
use error::BROWSER_TIMEOUT;
pub use error::SignInError;
use token_endpoint::post;

/// Signs in through the person's browser.
///
/// `open` is handed the address to open there, on this machine, which sends the browser on; `label` says in the list of sessions what signed
/// in, for example `Hourkey on build-host`. The person sees in the browser how it ended.
///
/// # Errors
/// See [`SignInError`]. Waits for at most ten minutes.
pub async fn through_browser(
    config: SessionConfig,
    label: &str,
    open: impl FnOnce(&Url),
) -> Result<Session, SignInError> {
    let metadata = discover(&config.http, &config.controller).await?;
    let state = Secret::random();
    let verifier = Secret::random();
    let mut listener = loopback::Listener::bind(state.clone())
        .await
        .map_err(SignInError::Listen)?;
    let redirect = listener.redirect_uri();
    let mut url: Url = endpoint(&metadata.authorization_endpoint)?;
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.expose()));
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", config.client_id)
        .append_pair("redirect_uri", &redirect)
        .append_pair("code_challenge", &challenge)
        .append_pair("code_challenge_method", "S256")
        .append_pair("state", state.expose())
        .append_pair("label", label);
    let start = listener.start_url(url);
    open(&start.map_err(|error| ApiError::Protocol(error.to_string()))?);
    let Ok(callback) = tokio::time::timeout(BROWSER_TIMEOUT, listener.wait()).await else {
        return Err(SignInError::TimedOut);
    };
    let (answer, browser) = callback.map_err(SignInError::Listen)?;
    let result = exchange(&config, &metadata, answer, &redirect, &verifier).await;
    match &result {
        Ok(_) => browser.signed_in().await,
        Err(error) => browser.failed(&error.to_string()).await,
    }
    Ok(Session::begin(config, metadata, result?).await)
}

async fn exchange(
    config: &SessionConfig,
    metadata: &Metadata,
    answer: loopback::AuthorizationResponse,
    redirect: &str,
    verifier: &Secret,
) -> Result<oauth::Tokens, SignInError> {
    if answer.issuer.as_deref() != Some(metadata.issuer.as_str()) {
        let issuer = answer.issuer.unwrap_or_else(|| "without a name".to_owned());
        return Err(SignInError::WrongIssuer(issuer));
    }
    let code = answer
        .result
        .map_err(|error| SignInError::Refused(oauth_sentence(&error)))?;
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.expose()),
        ("redirect_uri", redirect),
        ("client_id", config.client_id),
        ("code_verifier", verifier.expose()),
    ];
    post(config, &metadata.token_endpoint, &form)
        .await?
        .map_err(|error| SignInError::Refused(oauth_sentence(&error)))
}

fn endpoint(text: &str) -> Result<Url, ApiError> {
    text.parse()
        .map_err(|_| ApiError::Protocol(format!("{text:?} is no address")))
}

#[cfg(test)]
mod tests;
