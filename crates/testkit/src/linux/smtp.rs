//! A real SMTP server (`aiosmtpd`), with a certificate of its own, that misbehaves when it is told to.

use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde::Deserialize;
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::binaries;
use crate::poll::eventually;
use crate::process::{self, Process};
use crate::webdriver::free_port;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/linux/smtp_server.py");

/// How the server is set up.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'a> {
    /// `starttls`, `tls` or `clear`.
    pub security: &'a str,
    /// User name and password that it wants, if any.
    pub login: Option<(&'a str, &'a str)>,
    /// The name in its certificate.
    pub name: &'a str,
}

/// The server. It keeps its port and what it took from one start to the next.
#[derive(Debug)]
pub struct SmtpServer {
    /// The certificate of the authority that issued the server's, in PEM.
    pub authority: String,
    /// Where it listens, at 127.0.0.1.
    pub port: u16,
    folder: TempDir,
    process: Option<Process>,
}

/// A mail that it took.
#[derive(Clone, Debug, Deserialize)]
pub struct TakenMail {
    /// The sender of the envelope.
    pub sender: String,
    /// The recipients of the envelope.
    pub to: Vec<String>,
    /// The headers as Python reads them, in order.
    pub headers: Vec<(String, String)>,
    /// The text.
    pub text: String,
    /// The HTML.
    pub html: String,
    /// The media types of all parts.
    pub parts: Vec<String>,
    /// Whether it came by TLS.
    pub tls: bool,
    raw: String,
}

impl TakenMail {
    /// A header; empty where it is missing.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let found = self
            .headers
            .iter()
            .find(|(it, _)| it.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value)
    }

    /// Its bytes.
    ///
    /// # Panics
    /// When the server wrote none.
    #[must_use]
    pub fn raw(&self) -> String {
        let bytes = STANDARD.decode(&self.raw).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl SmtpServer {
    /// Starts it.
    ///
    /// # Errors
    /// When it does not start: `cargo xtask test` installs what it needs.
    pub async fn start(setup: Setup<'_>) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("smtp-").tempdir()?;
        let login = setup.login.map(|(login, password)| [login, password]);
        let options = json!({ "security": setup.security, "login": login });
        fs::write(folder.path().join("options.json"), options.to_string())?;
        let authority = certificate(folder.path(), setup.name)?;
        let mut server = Self {
            authority,
            port: free_port()?,
            folder,
            process: None,
        };
        server.resume().await?;
        Ok(server)
    }

    /// Starts it again.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn resume(&mut self) -> Result<()> {
        let mut command = process::command(binaries::python("python")?);
        command
            .arg(SCRIPT)
            .arg(self.folder.path())
            .arg(self.port.to_string())
            .env("PYTHONDONTWRITEBYTECODE", "1");
        let process = Process::start("smtp", command, self.folder.path())?;
        let address = SocketAddr::from(([127, 0, 0, 1], self.port));
        let listens = async || TcpStream::connect(address).await;
        process.ready("the mail server", listens).await?;
        self.process = Some(process);
        Ok(())
    }

    /// Ends it.
    ///
    /// # Errors
    /// When it does not run.
    pub fn stop(&mut self) -> Result<()> {
        let process = self
            .process
            .take()
            .context("the mail server does not run")?;
        process.kill()?;
        Ok(())
    }

    /// At this step (`mail`, `rcpt`, `data`), for this address (or for nobody in particular), it does this
    /// (an answer such as `550 no`, `close` or `slow`) so many times.
    ///
    /// # Errors
    /// When the rule cannot be written.
    pub fn rule(&self, at: &str, to: Option<&str>, what: &str, times: u32) -> Result<()> {
        let rule = json!({ "at": at, "to": to, "do": what, "times": times });
        let path = self.folder.path().join("rules.jsonl");
        let mut file = fs::File::options().create(true).append(true).open(path)?;
        Ok(writeln!(file, "{rule}")?)
    }

    /// All that it took.
    ///
    /// # Errors
    /// When that cannot be read.
    pub fn taken(&self) -> Result<Vec<TakenMail>> {
        lines(&self.folder.path().join("mails.jsonl"))
    }

    /// The commands that mattered.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn seen(&self) -> Result<Vec<serde_json::Value>> {
        lines(&self.folder.path().join("seen.jsonl"))
    }

    /// Waits until it took so many mails, and returns them.
    ///
    /// # Errors
    /// When it does not in time, or took more.
    pub async fn wait_for(&self, count: usize) -> Result<Vec<TakenMail>> {
        let what = format!("{count} mails");
        let taken = eventually(&what, async || {
            let taken = self.taken()?;
            if taken.len() < count {
                bail!("{} mails, and {:?}", taken.len(), self.seen()?);
            }
            Ok(taken)
        });
        let taken = taken.await?;
        if taken.len() > count {
            bail!("{} mails, not {count}", taken.len());
        }
        Ok(taken)
    }
}

fn lines<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Vec<T>> {
    let text = fs::read_to_string(path).unwrap_or_default();
    // A line is whole once its end is there.
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let lines = whole.lines().map(serde_json::from_str);
    Ok(lines.collect::<Result<_, _>>()?)
}

/// Puts a certificate for this name into the folder, and returns that of its issuer.
fn certificate(folder: &Path, name: &str) -> Result<String> {
    let (issuer_key, key) = (KeyPair::generate()?, KeyPair::generate()?);
    let mut params = CertificateParams::default();
    // Of another name than what it issues.
    params
        .distinguished_name
        .push(DnType::CommonName, "Authority of the mail tests");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = params.self_signed(&issuer_key)?.pem();
    let issuer = Issuer::new(params, issuer_key);
    let certificate = CertificateParams::new([name.to_owned()])?.signed_by(&key, &issuer)?;
    fs::write(folder.join("certificate.pem"), certificate.pem())?;
    fs::write(folder.join("key.pem"), key.serialize_pem())?;
    Ok(authority)
}
