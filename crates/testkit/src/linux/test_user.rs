//! A user with a browser, as far as the controller can tell: follows redirects, keeps cookies,
//! fills forms in.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail, ensure};
use hourkey_client::secrets::{MemoryOnly, SecretStore as _};
use hourkey_client::session::{self, Session, SessionConfig};
use hourkey_client::sign_in;
use hourkey_clock::BootClock;
use hourkey_protocol::oauth::CLI_CLIENT;
use reqwest::header::{COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use tokio::sync::oneshot;
use url::Url;

use crate::controller::Controller;

/// A user of the organisation, with a browser of their own.
#[derive(Debug)]
pub struct TestUser {
    login: &'static str,
    password: String,
    http: reqwest::Client,
    cookies: BTreeMap<String, String>,
}

impl TestUser {
    /// Creates the user of this login, and sets a password.
    ///
    /// # Errors
    /// When there is no such user.
    pub async fn new(controller: &Controller, login: &'static str) -> Result<Self> {
        let password = format!("the password of {login}");
        controller.set_password(login, &password).await?;
        Self::with_password(login, password)
    }

    /// Creates a user who has this password.
    ///
    /// # Errors
    /// When there is no HTTP client.
    pub fn with_password(login: &'static str, password: String) -> Result<Self> {
        Ok(Self {
            login,
            password,
            http: session::http()?,
            cookies: BTreeMap::new(),
        })
    }

    /// Creates a user who has this password, and whose browser trusts this authority (PEM).
    ///
    /// # Errors
    /// When the authority cannot be used.
    pub fn trusting(login: &'static str, password: String, authority: &[u8]) -> Result<Self> {
        let trusted = reqwest::Certificate::from_pem_bundle(authority)?;
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .tls_certs_only(trusted);
        Ok(Self {
            login,
            password,
            http: http.build()?,
            cookies: BTreeMap::new(),
        })
    }

    /// Signs in on the page that a program opened, and lets the program in.
    ///
    /// # Errors
    /// When the controller says no on the way.
    pub async fn let_in(&mut self, page: &Url) -> Result<()> {
        let mut url = page.clone();
        for _ in 0..10 {
            let mut answer = self.get(&url).await?;
            let html = loop {
                match answer {
                    PageResponse::Page(html) => break html,
                    PageResponse::Redirect(next) if next.path() == "/callback" => {
                        return self.back(&next).await;
                    }
                    PageResponse::Redirect(next) => {
                        answer = self.get(&next).await?;
                        url = next;
                    }
                }
            };
            // The header has a form of its own, to sign out.
            let html = html.split_once("<main").map_or(&*html, |(_, main)| main);
            let mut form = hidden_fields(html);
            if html.contains("name=\"password\"") {
                form.push(("login".to_owned(), self.login.to_owned()));
                form.push(("password".to_owned(), self.password.clone()));
            } else {
                form.push(("decision".to_owned(), "allow".to_owned()));
            }
            let action = attribute(html, "action").context("a form")?;
            match self.post(&url.join(&action)?, &form).await? {
                PageResponse::Redirect(next) if next.path() == "/callback" => {
                    return self.back(&next).await;
                }
                PageResponse::Redirect(next) => url = next,
                PageResponse::Page(html) => bail!("{url} says {html}"),
            }
        }
        bail!("{page} leads nowhere");
    }

    /// A session of the API, as the CLI has one.
    ///
    /// # Errors
    /// When the controller says no on the way.
    pub async fn session(&mut self, controller: &Controller) -> Result<Session> {
        let store = std::sync::Arc::new(MemoryOnly::default());
        self.session_in(controller, store).await
    }

    async fn session_in(
        &mut self,
        controller: &Controller,
        store: std::sync::Arc<MemoryOnly>,
    ) -> Result<Session> {
        let home = SessionConfig {
            http: self.http.clone(),
            controller: controller.url().clone(),
            client_id: CLI_CLIENT,
            store,
            clock: std::sync::Arc::new(BootClock),
            lock_file: None,
        };
        let (opened, page) = oneshot::channel();
        let signing_in = sign_in::through_browser(home, "the test", |url| {
            let _ = opened.send(url.clone());
        });
        let browser = async { self.let_in(&page.await?).await };
        let (session, browsed) = tokio::join!(signing_in, browser);
        browsed?;
        Ok(session?)
    }

    /// A token for calls of the API, good for some minutes.
    ///
    /// # Errors
    /// When the controller says no on the way.
    pub async fn access_token(&mut self, controller: &Controller) -> Result<String> {
        let store = std::sync::Arc::new(MemoryOnly::default());
        drop(self.session_in(controller, store.clone()).await?);
        let refresh = store.load().await?.context("a refresh token")?;
        let fields = [
            ("grant_type", "refresh_token"),
            ("client_id", CLI_CLIENT),
            ("refresh_token", refresh.expose()),
        ];
        let call = self.http.post(controller.url().join("oauth/token")?);
        let tokens: serde_json::Value = call.form(&fields).send().await?.json().await?;
        let token = tokens["access_token"].as_str();
        Ok(token.with_context(|| tokens.to_string())?.to_owned())
    }

    /// Back to the program, which shows a page.
    async fn back(&mut self, callback: &Url) -> Result<()> {
        match self.get(callback).await? {
            PageResponse::Page(_) => Ok(()),
            PageResponse::Redirect(next) => bail!("the program leads on to {next}"),
        }
    }

    async fn get(&mut self, url: &Url) -> Result<PageResponse> {
        let call = self.http.get(url.clone());
        self.send(url, call).await
    }

    async fn post(&mut self, url: &Url, form: &[(String, String)]) -> Result<PageResponse> {
        let call = self.http.post(url.clone()).form(form);
        let call = call.header(ORIGIN, url.origin().ascii_serialization());
        self.send(url, call).await
    }

    async fn send(&mut self, url: &Url, call: reqwest::RequestBuilder) -> Result<PageResponse> {
        let cookies = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        let cookies = cookies.collect::<Vec<_>>().join("; ");
        let response = call.header(COOKIE, cookies).send().await?;
        for cookie in response.headers().get_all(SET_COOKIE) {
            let (name, rest) = cookie.to_str()?.split_once('=').context("a cookie")?;
            let value = rest.split(';').next().unwrap_or_default();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        if let Some(next) = response.headers().get(LOCATION) {
            return Ok(PageResponse::Redirect(url.join(next.to_str()?)?));
        }
        let status = response.status();
        let html = response.text().await?;
        ensure!(status.is_success(), "{url} answers {status}: {html}");
        Ok(PageResponse::Page(html))
    }
}

enum PageResponse {
    Page(String),
    Redirect(Url),
}

/// Names and values of the hidden fields of a page with one form.
fn hidden_fields(html: &str) -> Vec<(String, String)> {
    let inputs = html.split("<input type=\"hidden\"").skip(1);
    let fields =
        inputs.filter_map(|input| Some((attribute(input, "name")?, attribute(input, "value")?)));
    fields.collect()
}

/// The first attribute of this name.
fn attribute(html: &str, name: &str) -> Option<String> {
    let (_, rest) = html.split_once(&format!("{name}=\""))?;
    let (value, _) = rest.split_once('"')?;
    Some(value.replace("&amp;", "&").replace("&quot;", "\""))
}
