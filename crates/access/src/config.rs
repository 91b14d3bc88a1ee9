//! Settings of a running controller, from flags, environment or `controller.toml`.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use chrono::TimeDelta;
use url::Url;

/// Settings, fixed while the controller runs.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the embedded store lives.
    pub data: PathBuf,
    /// Where to listen.
    pub listen: SocketAddr,
    /// The address people and clients use; never taken from a request. No path, no final slash
    /// in what is built from it.
    pub public_url: Url,
    /// Certificate chain and key in PEM, to speak TLS here.
    pub tls: Option<Tls>,
    /// A proxy in front that speaks TLS: only its `X-Forwarded-For` is believed.
    pub trusted_proxy: Option<IpAddr>,
    /// Whether the device flow (RFC 8628) is offered. Off by default.
    pub device_flow: bool,
    /// How long a request waits for a reviewer before it lapses.
    pub request_lapse: TimeDelta,
}

/// An absolute address below a public one; `path` starts with a slash.
#[must_use]
pub fn address(public_url: &Url, path: &str) -> String {
    format!("{}{path}", public_url.as_str().trim_end_matches('/'))
}

/// TLS by files.
#[derive(Clone, Debug)]
pub struct Tls {
    /// Certificate chain, PEM.
    pub certificates: PathBuf,
    /// Private key, PEM.
    pub key: PathBuf,
}

impl Config {
    /// An absolute address below the public one; `path` starts with a slash.
    #[must_use]
    pub fn address(&self, path: &str) -> String {
        address(&self.public_url, path)
    }

    /// True when browsers reach the controller by TLS: cookies are then marked `Secure`.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.public_url.scheme() == "https"
    }
}
