//! Signing in: through the browser (RFC 8252 with PKCE, RFC 7636), or by device code (RFC 8628).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hourkey_protocol::oauth::{self, Metadata};
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::api::ApiError;
use crate::secrets::Secret;
use crate::session::{Session, SessionConfig};

mod device;
mod discover;
mod loopback;

pub use device::by_device;
pub use discover::DiscoverError;
pub(crate) use discover::discover;

/// Why signing in failed, as a sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The address leads to no controller that can be used.
    #[error(transparent)]
    Discover(#[from] DiscoverError),
    /// The person, or somebody for them, said no.
    #[error("The sign-in was refused: {0}.")]
    Refused(String),
    /// Nobody finished the sign-in.
    #[error("Nobody finished signing in within {} minutes. Try again.", BROWSER_TIMEOUT.as_secs() / 60)]
    TimedOut,
    /// The answer in the browser came from another controller (RFC 9207).
    #[error(
        "The sign-in was answered by another server ({0}), so it was stopped. Try again; if it happens again, tell whoever runs the controller."
    )]
    WrongIssuer(String),
    /// The browser's way back cannot be opened.
    #[error("The browser's answer cannot be received on this machine: {0}.")]
    Listen(std::io::Error),
    /// The controller has the device flow switched off.
    #[error(
        "This controller does not let anybody sign in by code. Sign in through the browser, or ask an administrator to switch it on."
    )]
    NoDeviceFlow,
    /// The code was not typed in time.
    #[error("The code has expired. Try again.")]
    CodeExpired,
    /// The controller failed on the way.
    #[error(transparent)]
    Api(#[from] ApiError),
}

/// How long a person may take in the browser.
const BROWSER_TIMEOUT: Duration = Duration::from_secs(600);

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
    let state = random();
    let verifier = random();
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
        .map_err(|error| SignInError::Refused(crate::session::oauth_sentence(&error)))?;
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.expose()),
        ("redirect_uri", redirect),
        ("client_id", config.client_id),
        ("code_verifier", verifier.expose()),
    ];
    post(config, &metadata.token_endpoint, &form)
        .await?
        .map_err(|error| SignInError::Refused(crate::session::oauth_sentence(&error)))
}

async fn post(
    config: &SessionConfig,
    endpoint: &str,
    form: &[(&str, &str)],
) -> Result<Result<oauth::Tokens, oauth::Error>, ApiError> {
    let sent = crate::session::answer(config.http.post(endpoint).form(form)).await;
    let response = sent.map_err(|why| ApiError::unreachable(&config.controller, why))?;
    crate::session::tokens(response).await
}

fn endpoint(text: &str) -> Result<Url, ApiError> {
    text.parse()
        .map_err(|_| ApiError::Protocol(format!("{text:?} is no address")))
}

/// 256 random bits.
fn random() -> Secret {
    Secret::new(URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()))
}

#[cfg(test)]
mod tests;
