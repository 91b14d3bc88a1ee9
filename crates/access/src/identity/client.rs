//! The clients: built in, public (they keep no secret), with loopback redirects only.

use hourkey_protocol::account::SessionKind;
use hourkey_protocol::oauth::{CLI_CLIENT, DESKTOP_CLIENT};

/// A client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// The desktop app.
    Desktop,
    /// The CLI.
    Cli,
}

impl Client {
    /// The client with this id.
    #[must_use]
    pub fn by_id(id: &str) -> Option<Self> {
        [Self::Desktop, Self::Cli]
            .into_iter()
            .find(|client| client.id() == id)
    }

    /// Its id.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Desktop => DESKTOP_CLIENT,
            Self::Cli => CLI_CLIENT,
        }
    }

    /// Its name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Desktop => "Hourkey for the desktop",
            Self::Cli => "The hourkey command",
        }
    }

    /// The kind of the sessions that it gets through a browser.
    #[must_use]
    pub fn session_kind(self) -> SessionKind {
        match self {
            Self::Desktop => SessionKind::Desktop,
            Self::Cli => SessionKind::Cli,
        }
    }

    /// True when a session of this kind is this client's.
    #[must_use]
    pub fn owns(self, kind: SessionKind) -> bool {
        match kind {
            SessionKind::Browser => false,
            SessionKind::Desktop => self == Self::Desktop,
            SessionKind::Cli => self == Self::Cli,
            SessionKind::Headless => true,
        }
    }
}

/// A redirect address that a native client may have: `http`, a literal loopback address, a port,
/// and `/callback` (RFC 8252, 7.3 and 8.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loopback {
    /// `127.0.0.1` or `[::1]`.
    host: &'static str,
    port: u16,
}

impl Loopback {
    /// Reads a redirect address; `None` for every other one, however alike it looks.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        ["127.0.0.1", "[::1]"].into_iter().find_map(|host| {
            let rest = text
                .strip_prefix("http://")?
                .strip_prefix(host)?
                .strip_prefix(':')?;
            let port = rest.strip_suffix("/callback")?;
            let plain = port.bytes().all(|b| b.is_ascii_digit()) && !port.starts_with('0');
            let port = port.parse().ok().filter(|_| plain)?;
            Some(Self { host, port })
        })
    }

    /// `127.0.0.1:PORT`, for people.
    #[must_use]
    pub fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// The source for `form-action`: Chromium applies it to the redirect after the form too. The
    /// grammar of CSP knows no IPv6 address, so there it is the scheme.
    #[must_use]
    pub fn csp_source(&self) -> String {
        match self.host {
            "127.0.0.1" => format!("http://{}", self.authority()),
            _ => "http:".to_owned(),
        }
    }

    /// The address with these parameters.
    #[must_use]
    pub fn with(&self, parameters: &[(&str, &str)]) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(parameters);
        format!("{self}?{}", query.finish())
    }
}

impl std::fmt::Display for Loopback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "http://{}:{}/callback", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literal_loopback_addresses_only() {
        for good in ["http://127.0.0.1:49152/callback", "http://[::1]:1/callback"] {
            assert_eq!(Loopback::parse(good).unwrap().to_string(), good);
        }
        for bad in [
            "https://127.0.0.1:49152/callback",
            "http://localhost:49152/callback",
            "http://127.0.0.1/callback",
            "http://127.0.0.1:0/callback",
            "http://127.0.0.1:080/callback",
            "http://127.0.0.1:+80/callback",
            "http://127.0.0.1:65536/callback",
            "http://127.0.0.1:80/callback/",
            "http://127.0.0.1:80/callback?x=1",
            "http://127.0.0.1:80/callback#x",
            "http://127.0.0.1:80@evil.example/callback",
            "http://127.0.0.1:80/../callback",
            "http://127.0.0.1.evil.example:80/callback",
            "http://127.0.0.2:80/callback",
            "http://2130706433:80/callback",
            "http://[::ffff:127.0.0.1]:80/callback",
            " http://127.0.0.1:80/callback",
            "HTTP://127.0.0.1:80/callback",
            "",
        ] {
            assert_eq!(Loopback::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn parameters_are_encoded() {
        let to = Loopback::parse("http://127.0.0.1:80/callback").unwrap();
        assert_eq!(
            to.with(&[("state", "a&b=c d"), ("iss", "http://x")]),
            "http://127.0.0.1:80/callback?state=a%26b%3Dc+d&iss=http%3A%2F%2Fx"
        );
    }
}
