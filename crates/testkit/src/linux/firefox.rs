//! A real Firefox, driven by its own remote protocol, Marionette: Debian has no geckodriver.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use url::Url;

use crate::process::Process;
use crate::session::Session;
use crate::webdriver::free_port;

/// A headless Firefox with a profile of its own.
#[derive(Debug)]
pub struct Firefox {
    marionette: Mutex<Marionette>,
    _process: Process,
}

impl Firefox {
    /// Starts it with these preferences, as `about:config` knows them. It takes every certificate.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start(session: &Session, preferences: &[(&str, Value)]) -> Result<Self> {
        let program = Path::new("/usr/bin/firefox-esr");
        if !program.exists() {
            bail!("Firefox is not installed (Debian: firefox-esr)");
        }
        let profile = session.data().join("firefox");
        fs::create_dir(&profile)?;
        let port = free_port()?;
        let ours = [("marionette.port", json!(port))];
        let lines = ours
            .iter()
            .chain(preferences)
            .map(|(name, value)| format!("user_pref({}, {value});\n", json!(name)));
        fs::write(profile.join("user.js"), lines.collect::<String>())?;
        let mut command = session.command(program);
        command
            .args(["--headless", "--marionette", "--no-remote", "--profile"])
            .arg(&profile);
        let process = session.spawn("firefox", command)?;
        let connect = async || TcpStream::connect(("127.0.0.1", port)).await;
        let stream = process.ready("its remote port", connect).await?;
        let mut marionette = Marionette {
            stream: BufReader::new(stream),
            last: 0,
        };
        // It speaks first, and says which protocol.
        let hello = marionette.hear().await?;
        if hello["marionetteProtocol"] != 3 {
            bail!("Firefox speaks another protocol: {hello}");
        }
        let capabilities = json!({ "acceptInsecureCerts": true });
        marionette.call("NewSession", capabilities).await?;
        Ok(Self {
            marionette: Mutex::new(marionette),
            _process: process,
        })
    }

    /// Goes to an address, and waits until the page is there.
    ///
    /// # Errors
    /// When there is no such page.
    pub async fn open(&self, url: &str) -> Result<()> {
        self.call("Navigate", json!({ "url": url })).await?;
        Ok(())
    }

    /// The address of the page.
    ///
    /// # Errors
    /// When the browser is gone.
    pub async fn url(&self) -> Result<Url> {
        let url = self.call("GetCurrentURL", json!({})).await?;
        Ok(Url::parse(url.as_str().context("an address")?)?)
    }

    /// Runs a script in the page, and returns what it returns.
    ///
    /// # Errors
    /// When the script fails.
    pub async fn run(&self, script: &str) -> Result<Value> {
        let script = json!({ "script": script, "args": [] });
        self.call("ExecuteScript", script).await
    }

    async fn call(&self, command: &str, parameters: Value) -> Result<Value> {
        let answer = self
            .marionette
            .lock()
            .await
            .call(command, parameters)
            .await?;
        Ok(answer["value"].clone())
    }
}

/// Messages are JSON arrays, each after its length in bytes and a colon.
#[derive(Debug)]
struct Marionette {
    stream: BufReader<TcpStream>,
    last: u64,
}

impl Marionette {
    /// Calls a WebDriver command, and waits for its answer.
    async fn call(&mut self, command: &str, parameters: Value) -> Result<Value> {
        self.last += 1;
        let message = json!([0, self.last, format!("WebDriver:{command}"), parameters]);
        let message = message.to_string();
        let message = format!("{}:{message}", message.len());
        self.stream.write_all(message.as_bytes()).await?;
        let answer = self.hear().await?;
        match &answer[2] {
            Value::Null if answer[1] == self.last => Ok(answer[3].clone()),
            error => bail!("{command} failed: {error}"),
        }
    }

    async fn hear(&mut self) -> Result<Value> {
        let mut length = Vec::new();
        self.stream.read_until(b':', &mut length).await?;
        let length = String::from_utf8(length)?;
        let mut message = vec![0; length.trim_end_matches(':').parse()?];
        self.stream.read_exact(&mut message).await?;
        Ok(serde_json::from_slice(&message)?)
    }
}
