//! Enrolling, and the calls to the controller.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use hourkey_pki::Key;
use hourkey_protocol::API;
use hourkey_protocol::gateway::{Enrol, Enrolment};
use hourkey_protocol::problem::Problem;
use reqwest::{Certificate, Client, Response};
use serde::Serialize;
use url::Url;

use crate::config::Config;
use crate::state::{State, make_folder};

/// How long a call may take.
const CALL: Duration = Duration::from_secs(10);

/// Enrols this host as the gateway that the token is for, and keeps the enrolment in `folder`.
///
/// With `authority` (PEM) nothing else is trusted for the controller, now and later.
///
/// # Errors
/// A sentence for the terminal: what went wrong, and what to do.
pub async fn enrol(
    folder: &Path,
    controller: &str,
    authority: Option<String>,
    token: &str,
) -> anyhow::Result<State> {
    let controller = address(controller)?;
    if token.is_empty() {
        bail!("no token came on standard input: `hourkey-controller gateway add` prints one");
    }
    make_folder(folder)?;
    let key = Key::generate()?;
    let call = Enrol {
        token: token.to_owned(),
        request: key.request()?,
    };
    let http = client(authority.as_deref())?;
    let sent = http.post(endpoint(&controller, "enrol")).timeout(CALL);
    let response = answer(sent.json(&call), &controller).await?;
    let enrolment: Enrolment = response
        .json()
        .await
        .context("the controller's answer cannot be read")?;
    let state = State {
        controller,
        controller_authority: authority,
        enrolment,
        key: key.to_pem(),
    };
    state.save(folder)?;
    Config::write_example(folder)?;
    Ok(state)
}

/// Calls to the controller of an enrolled gateway.
#[derive(Clone)]
pub(crate) struct Controller {
    http: Client,
    address: Url,
    credential: String,
}

impl Controller {
    pub(crate) fn of(state: &State) -> anyhow::Result<Self> {
        Ok(Self {
            http: client(state.controller_authority.as_deref())?,
            address: state.controller.clone(),
            credential: state.enrolment.credential.clone(),
        })
    }

    /// Posts to `/gateway/NAME`; anything but success is an error.
    pub(crate) async fn post(&self, name: &str, body: &impl Serialize) -> anyhow::Result<Response> {
        let call = self.call(name, body).timeout(CALL);
        answer(call, &self.address).await
    }

    /// The same for an answer that goes on and on.
    pub(crate) async fn stream(
        &self,
        name: &str,
        body: &impl Serialize,
    ) -> anyhow::Result<Response> {
        let opening = answer(self.call(name, body), &self.address);
        tokio::time::timeout(CALL, opening)
            .await
            .context("the controller does not begin to answer")?
    }

    fn call(&self, name: &str, body: &impl Serialize) -> reqwest::RequestBuilder {
        let call = self.http.post(endpoint(&self.address, name));
        call.bearer_auth(&self.credential).json(body)
    }
}

/// The controller says that it does not know this gateway.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the controller does not know this gateway any more: enrol it anew")]
pub(crate) struct Unknown;

async fn answer(call: reqwest::RequestBuilder, at: &Url) -> anyhow::Result<Response> {
    let sent = call.send().await;
    let response = sent.map_err(reqwest::Error::without_url);
    let response = response.with_context(|| format!("{at} cannot be reached"))?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let problem = response.json::<Problem>().await.ok();
    let said = problem.map_or_else(|| format!("it answers {status}"), |it| it.detail);
    if status == reqwest::StatusCode::UNAUTHORIZED {
        return Err(anyhow::Error::new(Unknown).context(said));
    }
    bail!("{at} refuses: {said}")
}

fn endpoint(controller: &Url, name: &str) -> Url {
    let mut url = controller.clone();
    url.set_path(&format!("{API}/gateway/{name}"));
    url
}

/// The controller's address: https, or http on this machine itself.
fn address(text: &str) -> anyhow::Result<Url> {
    let url = Url::parse(text).with_context(|| {
        format!("{text:?} is no address: write it as https://hourkey.example.org")
    })?;
    let local = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" => {}
        "http" if local => {}
        _ => bail!("{text} must be https: over http anybody on the way could read the credential"),
    }
    Ok(url)
}

fn client(authority: Option<&str>) -> anyhow::Result<Client> {
    // Fails only when it was chosen before, which is fine.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let builder = Client::builder()
        .user_agent(concat!("hourkey-gateway/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .http1_only()
        .pool_idle_timeout(Duration::from_secs(10))
        .connect_timeout(Duration::from_secs(5))
        .tcp_nodelay(true);
    let builder = match authority {
        Some(pem) => {
            let only = Certificate::from_pem_bundle(pem.as_bytes())
                .context("the authority's file holds no PEM certificates")?;
            if only.is_empty() {
                bail!("the authority's file holds no PEM certificates");
            }
            builder.tls_certs_only(only)
        }
        None => builder,
    };
    builder.build().context("there is no HTTP client")
}
