//! Settings from flags, environment and `controller.toml`, in this order of weight.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use chrono::TimeDelta;
use hourkey_access::config::{Config, Tls};
use hourkey_controller::server::running;
use hourkey_domain::length::Length;
use hourkey_domain::request::DEFAULT_LAPSE;
use hourkey_protocol::controller_url;
use serde::Deserialize;
use url::Url;

/// The settings file's name, inside the data folder.
const FILE: &str = "controller.toml";
const DEFAULT_LISTEN: &str = "127.0.0.1:8420";
/// A request waits this long at most.
const MAX_LAPSE: Length = Length::WEEK;

/// Every setting can be a flag, an environment variable, or a line of `controller.toml`.
#[derive(Clone, Debug, Default, Deserialize, clap::Args)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Flags {
    /// Where to listen; 127.0.0.1:8420 if nothing else is said.
    #[arg(long, env = "HOURKEY_LISTEN")]
    listen: Option<SocketAddr>,
    /// The address that people and clients use, for example https://hourkey.example.org.
    #[arg(long, env = "HOURKEY_PUBLIC_URL")]
    public_url: Option<String>,
    /// Certificate chain in PEM, to speak TLS here.
    #[arg(long, env = "HOURKEY_TLS_CERTIFICATES")]
    tls_certificates: Option<PathBuf>,
    /// Private key in PEM.
    #[arg(long, env = "HOURKEY_TLS_KEY")]
    tls_key: Option<PathBuf>,
    /// The address of a proxy in front of the controller that speaks TLS.
    #[arg(long, env = "HOURKEY_TRUSTED_PROXY")]
    trusted_proxy: Option<IpAddr>,
    /// Offer signing in with a code from another device, for hosts without a browser.
    #[arg(long, env = "HOURKEY_DEVICE_FLOW", num_args = 0..=1, default_missing_value = "true")]
    device_flow: Option<bool>,
    /// How long a request waits for a reviewer before it lapses: 30m, 24h, 3d.
    #[arg(long, env = "HOURKEY_REQUEST_LAPSE")]
    request_lapse: Option<Length>,
}

impl Flags {
    /// The settings that follow from these flags and the file in the data folder.
    ///
    /// # Errors
    /// A setting that cannot be read or does not fit the others.
    pub(crate) fn config(self, data: &Path) -> anyhow::Result<Config> {
        let file = read(&data.join(FILE))?;
        let listen = match self.listen.or(file.listen) {
            Some(listen) => listen,
            None => DEFAULT_LISTEN.parse()?,
        };
        // A path in the file is meant from the data folder, any other from where the command runs.
        let in_data = |path: Option<PathBuf>| path.map(|path| data.join(path));
        let certificates = self.tls_certificates.or(in_data(file.tls_certificates));
        let tls = match (certificates, self.tls_key.or(in_data(file.tls_key))) {
            (Some(certificates), Some(key)) => Some(Tls { certificates, key }),
            (None, None) => None,
            (Some(_), None) => bail!("tls_certificates is set, but tls_key is not"),
            (None, Some(_)) => bail!("tls_key is set, but tls_certificates is not"),
        };
        let public_url = match self.public_url.or(file.public_url) {
            Some(url) => controller_url::parse(&url).context("public_url cannot be used")?,
            None if listen.ip().is_loopback() && tls.is_none() => {
                Url::parse(&format!("http://{listen}"))?
            }
            None => bail!(
                "public_url is not set: say by which address people reach the controller, for \
                 example --public-url https://hourkey.example.org"
            ),
        };
        let lapse = self.request_lapse.or(file.request_lapse);
        if let Some(lapse) = lapse.filter(|lapse| *lapse > MAX_LAPSE) {
            bail!("request_lapse is {lapse}: a request waits for a reviewer {MAX_LAPSE} at most");
        }
        Ok(Config {
            data: data.to_owned(),
            listen,
            public_url,
            tls,
            trusted_proxy: self.trusted_proxy.or(file.trusted_proxy),
            device_flow: self.device_flow.or(file.device_flow).unwrap_or(false),
            request_lapse: lapse.map_or(DEFAULT_LAPSE, |lapse| {
                TimeDelta::seconds(lapse.seconds().into())
            }),
        })
    }

    /// Where a link leads that a command prints: where these flags say, or else to the controller
    /// that runs on this data folder, or else where the settings say.
    ///
    /// # Errors
    /// As [`Flags::config`].
    pub(crate) fn public_url(self, data: &Path) -> anyhow::Result<Url> {
        let said = self.public_url.is_some() || self.listen.is_some();
        match running::public_url(data).filter(|_| !said) {
            Some(running) => Ok(running),
            None => Ok(self.config(data)?.public_url),
        }
    }

    /// Writes these flags as a commented `controller.toml`, unless there is one.
    ///
    /// # Errors
    /// When there is one already and flags are given that it would have to take, or the file
    /// cannot be written.
    pub(crate) fn write(&self, data: &Path) -> anyhow::Result<PathBuf> {
        let path = data.join(FILE);
        if path.exists() {
            bail!(
                "{} exists already; change it with an editor",
                path.display()
            );
        }
        let mut text = String::from(
            "# Settings of the Hourkey controller. Flags and HOURKEY_… variables go before them.\n",
        );
        let mut line = |about: &str, key: &str, value: Option<String>, example: &str| {
            let _ = match value {
                Some(value) => writeln!(text, "\n# {about}\n{key} = {value}"),
                None => writeln!(text, "\n# {about}\n#{key} = {example}"),
            };
        };
        let quoted = |value: &dyn std::fmt::Display| format!("\"{value}\"");
        line(
            "Where to listen.",
            "listen",
            self.listen.map(|listen| quoted(&listen)),
            &quoted(&DEFAULT_LISTEN),
        );
        line(
            "The address that people and clients use.",
            "public_url",
            self.public_url.as_ref().map(|url| quoted(&url)),
            "\"https://hourkey.example.org\"",
        );
        line(
            "Speak TLS here: certificate chain and key in PEM, from this folder on.",
            "tls_certificates",
            self.tls_certificates
                .as_ref()
                .map(|path| quoted(&path.display())),
            "\"fullchain.pem\"",
        );
        line(
            "…and the key.",
            "tls_key",
            self.tls_key.as_ref().map(|path| quoted(&path.display())),
            "\"privkey.pem\"",
        );
        line(
            "Or: a proxy in front speaks TLS. Only its X-Forwarded-For is believed.",
            "trusted_proxy",
            self.trusted_proxy.map(|ip| quoted(&ip)),
            "\"127.0.0.1\"",
        );
        line(
            "Signing in with a code from another device, for hosts without a browser.",
            "device_flow",
            self.device_flow.map(|on| on.to_string()),
            "false",
        );
        line(
            "How long a request waits for a reviewer, in seconds.",
            "request_lapse",
            self.request_lapse.map(|lapse| lapse.seconds().to_string()),
            "86400",
        );
        std::fs::write(&path, text)
            .with_context(|| format!("{} cannot be written", path.display()))?;
        Ok(path)
    }
}

fn read(path: &Path) -> anyhow::Result<Flags> {
    match std::fs::read_to_string(path) {
        Ok(text) => {
            toml::from_str(&text).with_context(|| format!("{} has a mistake", path.display()))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Flags::default()),
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
    }
}
