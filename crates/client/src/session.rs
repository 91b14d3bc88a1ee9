//! A signed-in session: an access token in memory, refreshed when it ends.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hourkey_protocol::oauth::{self, Metadata, Tokens};
use tokio::sync::Mutex;
use url::Url;

use crate::api_error::ApiError;
use crate::discover::discover;
use crate::http_client::{self, answer};
use crate::secrets::{Secret, SecretError, SecretStore};
use hourkey_clock::Clock;

mod lock;
pub use crate::http_client::{HttpError, http};

/// What a session needs apart from its tokens: one client of one controller on this machine.
#[derive(Clone)]
pub struct SessionConfig {
    /// From [`http()`].
    pub http: reqwest::Client,
    /// The controller's origin, from [`hourkey_protocol::controller_url::parse`].
    pub controller: Url,
    /// [`oauth::DESKTOP_CLIENT`] or [`oauth::CLI_CLIENT`].
    pub client_id: &'static str,
    /// Where the refresh token is kept.
    pub store: Arc<dyn SecretStore>,
    /// Counts the access token's life.
    pub clock: Arc<dyn Clock>,
    /// Locked around each refresh, where several processes share the stored refresh token.
    pub lock_file: Option<PathBuf>,
}

/// A signed-in session. Clones share everything.
#[derive(Clone)]
pub struct Session(Arc<Inner>);

struct Inner {
    config: SessionConfig,
    signed_in_at: Option<Duration>,
    endpoints: tokio::sync::OnceCell<Metadata>,
    tokens: Mutex<HeldTokens>,
    /// Beside the tokens, so that it can be read while a refresh waits for a slow keyring.
    unsaved: std::sync::Mutex<Option<SecretError>>,
}

/// The tokens held in memory.
struct HeldTokens {
    refresh: Option<Secret>,
    access: Option<Access>,
}

#[derive(Clone)]
struct Access {
    token: Secret,
    /// On the boot clock.
    ends: Duration,
}

/// The controller ended this session, or it signed out: sign in again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("The session has ended. Sign in again.")]
pub struct SessionEnded;

/// Refresh this long before the access token ends, for the time a call is under way.
const REFRESH_MARGIN: Duration = Duration::from_secs(15);

impl Session {
    /// The session whose refresh token is stored, or `None` when there is none. Asks only the
    /// store, not the controller.
    ///
    /// # Errors
    /// What the store says.
    pub async fn resume(config: SessionConfig) -> Result<Option<Self>, SecretError> {
        let Some(refresh) = config.store.load().await? else {
            return Ok(None);
        };
        let held = HeldTokens {
            refresh: Some(refresh),
            access: None,
        };
        Ok(Some(Self::assemble(config, None, None, held)))
    }

    /// The session of a sign-in that just succeeded.
    pub(crate) async fn begin(config: SessionConfig, endpoints: Metadata, tokens: Tokens) -> Self {
        let now = config.clock.boot();
        let held = HeldTokens {
            refresh: None,
            access: None,
        };
        let session = Self::assemble(config, Some(now), Some(endpoints), held);
        let mut held = session.0.tokens.lock().await;
        session.take(&mut held, tokens, now).await;
        drop(held);
        session
    }

    fn assemble(
        config: SessionConfig,
        signed_in_at: Option<Duration>,
        endpoints: Option<Metadata>,
        held: HeldTokens,
    ) -> Self {
        Self(Arc::new(Inner {
            config,
            signed_in_at,
            endpoints: tokio::sync::OnceCell::new_with(endpoints),
            tokens: Mutex::new(held),
            unsaved: std::sync::Mutex::new(None),
        }))
    }

    /// The controller's origin.
    #[must_use]
    pub fn controller(&self) -> &Url {
        &self.0.config.controller
    }

    /// The clock that the session counts by.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.config.clock
    }

    /// When the person signed in, on the boot clock; `None` for a resumed session.
    #[must_use]
    pub fn signed_in_at(&self) -> Option<Duration> {
        self.0.signed_in_at
    }

    /// Why the refresh token could not be stored, if so: the session then lasts only as long as
    /// the program. Storing is tried again at each refresh.
    #[must_use]
    pub fn unsaved(&self) -> Option<SecretError> {
        self.0
            .unsaved
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }

    /// Revokes the session's tokens at the controller (RFC 7009) and forgets them here.
    ///
    /// # Errors
    /// What went wrong. Each half is done even when the other fails.
    pub async fn sign_out(&self) -> Result<(), SignOutError> {
        let mut held = self.0.tokens.lock().await;
        let _guard = self.lock_processes().await;
        let stored = self.0.config.store.load().await.ok().flatten();
        let refresh = stored.or_else(|| held.refresh.clone());
        *held = HeldTokens {
            refresh: None,
            access: None,
        };
        let cleared = self.0.config.store.clear().await;
        if let Some(refresh) = refresh {
            self.revoke_token(&refresh)
                .await
                .map_err(SignOutError::Revoke)?;
        }
        cleared.map_err(SignOutError::Clear)
    }

    async fn revoke_token(&self, refresh: &Secret) -> Result<(), ApiError> {
        let endpoint = &self.endpoints().await?.revocation_endpoint;
        let form = [
            ("token", refresh.expose()),
            ("token_type_hint", "refresh_token"),
            ("client_id", self.0.config.client_id),
        ];
        let response = self.post_form(endpoint, &form).await?;
        if !response.status().is_success() {
            return Err(http_client::problem(response).await);
        }
        Ok(())
    }

    /// The client with which calls are made.
    pub(crate) fn client(&self) -> &reqwest::Client {
        &self.0.config.http
    }

    /// A valid access token, refreshed when `refused` (the one that the controller just refused)
    /// or the clock says so. However many callers wait, one refresh is made.
    pub(crate) async fn access_token(&self, refused: Option<&Secret>) -> Result<Secret, ApiError> {
        let mut held = self.0.tokens.lock().await;
        let now = self.0.config.clock.boot();
        if let Some(access) = &held.access
            && now + REFRESH_MARGIN < access.ends
            && refused != Some(&access.token)
        {
            return Ok(access.token.clone());
        }
        self.refresh(&mut held).await
    }

    async fn refresh(&self, held: &mut HeldTokens) -> Result<Secret, ApiError> {
        let _guard = self.lock_processes().await;
        if self.0.config.lock_file.is_some()
            && let Ok(Some(stored)) = self.0.config.store.load().await
            && self.unsaved().is_none()
        {
            // Another process may have refreshed meanwhile.
            held.refresh = Some(stored);
        }
        let Some(refresh) = held.refresh.clone() else {
            return Err(ApiError::SessionEnded);
        };
        let endpoint = &self.endpoints().await?.token_endpoint;
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh.expose()),
            ("client_id", self.0.config.client_id),
        ];
        // Counted from before the call: the token must not seem to live longer than it does.
        let asked_at = self.0.config.clock.boot();
        let response = self.post_form(endpoint, &form).await?;
        let tokens = match http_client::tokens(response).await? {
            Ok(tokens) => tokens,
            Err(oauth::Error { error, .. }) if error == "invalid_grant" => {
                held.refresh = None;
                held.access = None;
                // What is stored is worth nothing now; if it stays, the next start finds out.
                let _ = self.0.config.store.clear().await;
                return Err(ApiError::SessionEnded);
            }
            Err(error) => return Err(ApiError::Protocol(http_client::oauth_sentence(&error))),
        };
        Ok(self.take(held, tokens, asked_at).await)
    }

    /// Stores the new refresh token, and only then lets the new access token be used: if the
    /// program dies before, the old refresh token is still valid, since its successor was never
    /// used.
    async fn take(&self, held: &mut HeldTokens, tokens: Tokens, asked_at: Duration) -> Secret {
        let refresh = Secret::new(tokens.refresh_token);
        let saved = self.0.config.store.save(&refresh).await;
        if let Err(error) = &saved {
            tracing::warn!(%error, "cannot store the sign-in; it lasts until the program ends");
        }
        *self
            .0
            .unsaved
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = saved.err();
        held.refresh = Some(refresh);
        let token = Secret::new(tokens.access_token);
        held.access = Some(Access {
            token: token.clone(),
            ends: asked_at + Duration::from_secs(tokens.expires_in.into()),
        });
        token
    }

    async fn endpoints(&self) -> Result<&Metadata, ApiError> {
        let config = &self.0.config;
        self.0
            .endpoints
            .get_or_try_init(|| discover(&config.http, &config.controller))
            .await
            .map_err(ApiError::from)
    }

    async fn post_form(
        &self,
        endpoint: &str,
        form: &[(&str, &str)],
    ) -> Result<reqwest::Response, ApiError> {
        let sent = answer(self.client().post(endpoint).form(form)).await;
        sent.map_err(|why| ApiError::unreachable(self.controller(), why))
    }

    /// HeldTokens while one process changes what several share in the store.
    pub(crate) async fn lock_processes(&self) -> Option<std::fs::File> {
        lock::exclusive(self.0.config.lock_file.clone()?).await
    }
}

/// Why signing out was not complete.
#[derive(Debug, thiserror::Error)]
pub enum SignOutError {
    /// The controller could not be told.
    #[error(
        "Signed out here, but the controller could not be told, and ends the session only later: {0}"
    )]
    Revoke(ApiError),
    /// The stored refresh token could not be removed; it is worth nothing any more.
    #[error("Signed out, but the stored sign-in could not be removed: {0}")]
    Clear(SecretError),
}

#[cfg(test)]
mod tests;
