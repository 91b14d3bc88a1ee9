//! The way back to an address that was locked: through the local proxy of the person's machine,
//! which alone knows where it leads. The page's address names it by the proxy's port and an id.

use axum::http::Uri;
use maud::{Markup, html};

/// A way back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Back {
    port: u16,
    id: String,
}

/// The length of an id: 128 bits in base64url without padding (RFC 4648, 5).
const ID: usize = 22;

impl Back {
    /// The one in a page's address, if there is a proper one.
    pub(super) fn of(uri: &Uri) -> Option<Self> {
        let mut query = url::form_urlencoded::parse(uri.query()?.as_bytes());
        let (_, back) = query.find(|(name, _)| name == "back")?;
        let (port, id) = back.split_once('-')?;
        let digits = port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse().ok().filter(|port| digits && *port != 0)?;
        let is_id = id.len() == ID
            && id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        is_id.then(|| Self {
            port,
            id: id.to_owned(),
        })
    }

    /// The button, which the script follows by itself once.
    pub(super) fn button(&self) -> Markup {
        let Self { port, id } = self;
        html! {
            a.btn.primary #back href={ "http://127.0.0.1:" (port) "/back/" (id) }
                rel="noreferrer" data-back { "Continue" }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_proper_way_back_is_one() {
        let of = |query: &str| Back::of(&format!("/requests/1?as=a&back={query}").parse().unwrap());
        let back = of("8421-AAAAAAAAAAAAAAAAAAAA_-").unwrap();
        let button = back.button().into_string();
        assert!(button.contains("\"http://127.0.0.1:8421/back/AAAAAAAAAAAAAAAAAAAA_-\""));
        for wrong in [
            "",
            "8421",
            "8421-",
            "-AAAAAAAAAAAAAAAAAAAAAA",
            "0-AAAAAAAAAAAAAAAAAAAAAA",
            "%2B1-AAAAAAAAAAAAAAAAAAAAAA",
            "65536-AAAAAAAAAAAAAAAAAAAAAA",
            "8421-AAAAAAAAAAAAAAAAAAAAA",
            "8421-AAAAAAAAAAAAAAAAAAAA%2F.",
            "8421-AAAAAAAAAAAAAAAAAAAAAAA",
            "8421@evil.example-AAAAAAAAAAAAAAAAAAAAAA",
        ] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }
}
