//! WebDriver servers, which drive browsers and web views.

use std::net::{Ipv4Addr, TcpListener};
use std::process::Command;

use anyhow::Result;
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Map, Value};

use crate::process::Process;
use crate::session::Session;

/// A running WebDriver server.
#[derive(Debug)]
pub struct Driver {
    address: String,
    process: Process,
}

impl Driver {
    /// Starts a server, whose program takes `--port=…`, and waits until it answers.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start(session: &Session, name: &str, mut command: Command) -> Result<Self> {
        let port = free_port()?;
        command.arg(format!("--port={port}"));
        let driver = Self {
            address: format!("http://127.0.0.1:{port}"),
            process: session.spawn(name, command)?,
        };
        let status = format!("{}/status", driver.address);
        let http = http()?;
        let answers = async || http.get(&status).send().await?.error_for_status();
        driver
            .process
            .ready("an answer to /status", answers)
            .await?;
        Ok(driver)
    }

    /// Opens a session, which starts the browser. Tried again until it works: drivers fail at
    /// times when the machine is busy.
    ///
    /// # Errors
    /// When none can be opened in time.
    pub async fn open(&self, capabilities: Map<String, Value>) -> Result<Client> {
        let open = async || {
            ClientBuilder::new(HttpConnector::new())
                .capabilities(capabilities.clone())
                .connect(&self.address)
                .await
        };
        self.process.ready("a browser", open).await
    }

    /// Sends a command that WebDriver itself does not know.
    ///
    /// # Errors
    /// When the server refuses it.
    pub async fn send(&self, session: &str, command: &str, body: &Value) -> Result<Value> {
        let url = format!("{}/session/{session}/{command}", self.address);
        let answer = http()?.post(url).json(body).send().await?;
        let answer: Value = answer.error_for_status()?.json().await?;
        Ok(answer["value"].clone())
    }
}

/// A client for what listens on this machine, whatever proxy the person's session has.
///
/// # Errors
/// When TLS cannot be set up.
pub fn http() -> Result<reqwest::Client> {
    let builder = reqwest::Client::builder().no_proxy();
    // There is no TLS on loopback, so a machine without any authorities will do.
    Ok(builder.tls_certs_only([]).build()?)
}

/// A port of the loopback address that nobody listens on.
///
/// # Errors
/// When there is none.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}
