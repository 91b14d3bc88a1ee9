//! Calls to the controller.

use std::time::Duration;

use hourkey_pki::NoAnswer;
use hourkey_protocol::controller_url;
use hourkey_protocol::gateway::{
    Ack, Certificate, Connected, Enrol, Enrolment, Follow, Renew, Report,
};
use hourkey_protocol::problem::{Code, MEDIA_TYPE, Problem};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::enrolment::Enrolled;
use crate::timings::while_running;

/// The largest response that is read, except for the stream.
const MAX_ANSWER: usize = 1 << 20;

/// The controller, as one gateway calls it.
#[derive(Clone)]
pub struct Api {
    http: Client,
    base: Url,
    credential: Option<String>,
    /// An administrator named the only authority that it trusts.
    names_authority: bool,
    call_timeout: Duration,
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Api")
            .field("base", &self.base.as_str())
            .finish_non_exhaustive()
    }
}

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The controller does not know the gateway.
    #[error("the controller does not know this gateway")]
    Removed,
    /// The controller refused the call.
    #[error("{0}")]
    Refused(Problem),
    /// No response, or an unexpected one.
    #[error("the controller cannot be reached: {0}")]
    Unreachable(String),
    /// No response in time.
    #[error("the controller cannot be reached: {0}")]
    Silent(String),
    /// Another call with the same credential has opened a stream since.
    #[error("another process uses this gateway's credential")]
    Replaced,
    /// It answers calls, but its stream stays empty.
    #[error(
        "the controller answers, but its stream brings nothing: something between here and the \
         controller, such as a reverse proxy, buffers it. Switch buffering off there \
         (docs/admin/controller.md)"
    )]
    HeldBack,
}

impl Api {
    /// Creates a client for the controller at `base`, which trusts the `authority` (PEM) alone, or
    /// else the system's.
    ///
    /// # Errors
    /// When the address is not allowed or the authority cannot be read.
    pub fn new(
        base: &Url,
        authority: Option<&str>,
        call_timeout: Duration,
    ) -> anyhow::Result<Self> {
        controller_url::parse(base.as_str())?;
        // Fails only when the program chose a provider before, which is fine.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let mut builder = Client::builder()
            .user_agent(concat!("hourkey-gateway/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .http1_only()
            // The gateway is the controller's neighbour or reaches it by its own ways.
            .no_proxy()
            .connect_timeout(call_timeout)
            // One that stood idle for longer may be dead without anybody knowing.
            .pool_idle_timeout(Duration::from_secs(10))
            .tcp_keepalive(Duration::from_secs(30));
        if let Some(pem) = authority {
            let trusted = reqwest::Certificate::from_pem_bundle(pem.as_bytes())?;
            anyhow::ensure!(!trusted.is_empty(), "the CA file holds no certificate");
            builder = builder.tls_certs_only(trusted);
        }
        Ok(Self {
            http: builder.build()?,
            base: base.clone(),
            credential: None,
            names_authority: authority.is_some(),
            call_timeout,
        })
    }

    /// Creates a client for the controller that the gateway enrolled with.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn of(enrolled: &Enrolled, call_timeout: Duration) -> anyhow::Result<Self> {
        let api = Self::new(
            &enrolled.controller,
            enrolled.authority.as_deref(),
            call_timeout,
        )?;
        let credential = Some(enrolled.credential.clone());
        Ok(Self { credential, ..api })
    }

    /// Enrols.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn enrol(&self, body: &Enrol) -> Result<Enrolment, ApiError> {
        self.whole(read(self.call("enrol", body).await?)).await
    }

    /// Renews the gateway's certificate.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn certificate(&self, body: &Renew) -> Result<Certificate, ApiError> {
        self.whole(read(self.call("certificate", body).await?))
            .await
    }

    /// Tells the controller which devices connected and disconnected.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn devices(&self, body: &Connected) -> Result<(), ApiError> {
        self.whole(done(self.call("devices", body).await?)).await
    }

    /// Acknowledges events of the stream.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn ack(&self, body: &Ack) -> Result<(), ApiError> {
        self.whole(done(self.call("ack", body).await?)).await
    }

    /// Reports connections.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn connections(&self, body: &Report) -> Result<(), ApiError> {
        self.whole(done(self.call("connections", body).await?))
            .await
    }

    /// Opens the stream.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn stream(&self, body: &Follow) -> Result<Response, ApiError> {
        // It stays open; whoever reads it knows when it is dead. The controller first reads what
        // there is about each device.
        let begin = self.call_timeout * 4;
        self.call_within("stream", body, begin).await
    }

    /// Returns whether the controller answers calls and can read its store.
    pub async fn answers(&self) -> bool {
        let base = self.base.as_str().trim_end_matches('/');
        let health = self.http.get(format!("{base}/healthz"));
        let answer = health.timeout(self.call_timeout).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// Calls; the answer begins within the call timeout.
    async fn call(&self, name: &str, body: &impl Serialize) -> Result<Response, ApiError> {
        self.call_within(name, body, self.call_timeout).await
    }

    /// Waits for the end of an answer for as long as for its begin; a pause of this process does not count.
    async fn whole<T>(
        &self,
        answer: impl Future<Output = Result<T, ApiError>>,
    ) -> Result<T, ApiError> {
        let answer = while_running(self.call_timeout, answer).await;
        answer.ok_or_else(silent)?
    }

    /// Calls; the answer begins within `begin`.
    async fn call_within(
        &self,
        name: &str,
        body: &impl Serialize,
        begin: Duration,
    ) -> Result<Response, ApiError> {
        let base = self.base.as_str().trim_end_matches('/');
        let url = format!("{base}/api/v1/gateway/{name}");
        let mut request = self.http.post(url).json(body);
        if let Some(credential) = &self.credential {
            request = request.bearer_auth(credential);
        }
        let response = while_running(begin, request.send())
            .await
            .ok_or_else(silent)?
            .map_err(|error| self.no_answer(&error))?;
        let kind = response.headers().get(CONTENT_TYPE);
        let is = |expected: &str| {
            kind.is_some_and(|kind| kind.as_bytes().starts_with(expected.as_bytes()))
        };
        match response.status() {
            StatusCode::NO_CONTENT => Ok(response),
            StatusCode::OK if is("application/json") || is("text/event-stream") => Ok(response),
            _ if is(MEDIA_TYPE) => {
                // The answer that was asked for may be one without end; this is not.
                let problem = self.whole(read::<Problem>(response)).await?;
                Err(match problem.code {
                    Code::Unauthenticated if self.credential.is_some() => ApiError::Removed,
                    Code::NoCredential => ApiError::Unreachable(NO_CREDENTIAL.to_owned()),
                    _ => ApiError::Refused(problem),
                })
            }
            status => Err(ApiError::Unreachable(in_between(status))),
        }
    }

    fn no_answer(&self, error: &reqwest::Error) -> ApiError {
        let why = why(error);
        let advice = match why {
            NoAnswer::UnknownAuthority if self.names_authority => "; --ca FILE named another one",
            NoAnswer::UnknownAuthority => {
                "; if it is your own, enrol the gateway with --ca FILE, which names it"
            }
            _ => "",
        };
        ApiError::Unreachable(format!("{why}{advice}"))
    }
}

/// The explanation of a call that reached the controller without its credential.
const NO_CREDENTIAL: &str = "this gateway's credential does not arrive there. Something in \
    between, such as a reverse proxy or a firewall, removes the Authorization header; have it pass \
    the header on (docs/admin/controller.md)";

/// Explains a response that cannot be the controller's: neither a problem nor of the expected type.
fn in_between(status: StatusCode) -> String {
    let advice = if status.is_server_error() {
        "see whether the controller runs and can be reached from there"
    } else {
        "have it pass calls to /api/v1/gateway/ on to the controller (docs/admin/controller.md)"
    };
    format!(
        "something in front of it, such as a reverse proxy or a firewall, answers {status} in its \
         place; {advice}"
    )
}

fn silent() -> ApiError {
    ApiError::Silent("it did not answer in time".to_owned())
}

async fn read<T: DeserializeOwned>(mut response: Response) -> Result<T, ApiError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        body.extend(chunk);
        if body.len() > MAX_ANSWER {
            return Err(ApiError::Unreachable("its answer is too large".to_owned()));
        }
    }
    serde_json::from_slice(&body)
        .map_err(|error| ApiError::Unreachable(format!("its answer cannot be read: {error}")))
}

/// Reads a response to its end, so that the connection can be reused.
async fn done(mut response: Response) -> Result<(), ApiError> {
    while response.chunk().await.map_err(unreachable)?.is_some() {}
    Ok(())
}

/// Maps an error that broke a response off.
pub(crate) fn unreachable(error: reqwest::Error) -> ApiError {
    ApiError::Unreachable(why(&error).to_string())
}

fn why(error: &reqwest::Error) -> NoAnswer {
    match error.is_timeout() {
        true => NoAnswer::Late,
        false => NoAnswer::of(error),
    }
}
