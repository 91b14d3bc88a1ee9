//! The controller's address, as people type it: in the app, on the command lines of all programs and
//! in their settings.

use url::{Host, Url};

/// Why a text cannot be the controller's address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadControllerUrl {
    /// No address at all.
    #[error(
        "{0:?} is no address. Write the controller's address, for example https://hourkey.example.com."
    )]
    Unreadable(String),
    /// Not encrypted.
    #[error(
        "{0} would send secrets unencrypted. Only https is accepted (http only on this machine itself)."
    )]
    NotEncrypted(String),
    /// More than an origin.
    #[error("The controller's address has no path, question mark or user name. Use {0}.")]
    NotAnOrigin(String),
}

/// Reads the controller's address: an https origin, or an http one on this machine itself. The
/// scheme may be left out.
///
/// # Errors
/// See [`BadControllerUrl`].
pub fn parse(text: &str) -> Result<Url, BadControllerUrl> {
    let text = text.trim();
    let unreadable = || BadControllerUrl::Unreadable(text.to_owned());
    let full = if text.contains("://") {
        text.to_owned()
    } else {
        format!("https://{text}")
    };
    let url: Url = full.parse().map_err(|_| unreadable())?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(unreadable());
    }
    let origin = url.origin().ascii_serialization();
    if url.scheme() == "http" && !is_loopback(&url) {
        return Err(BadControllerUrl::NotEncrypted(origin));
    }
    let bare = url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if !bare {
        return Err(BadControllerUrl::NotAnOrigin(origin));
    }
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_https_and_loopback() {
        for (text, origin) in [
            ("https://hourkey.example", "https://hourkey.example/"),
            (" hourkey.example:8443/ ", "https://hourkey.example:8443/"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/"),
            ("http://[::1]:8080", "http://[::1]:8080/"),
            ("http://localhost", "http://localhost/"),
        ] {
            assert_eq!(parse(text).unwrap().as_str(), origin, "{text}");
        }
    }

    #[test]
    fn refuses_what_is_not_encrypted_wherever_it_leads() {
        for text in [
            "http://hourkey.example",
            "http://localhost.example",
            "http://127.0.0.1.example",
            "http://10.0.0.1",
        ] {
            let error = parse(text).unwrap_err();
            assert!(matches!(error, BadControllerUrl::NotEncrypted(_)), "{text}");
        }
    }

    #[test]
    fn refuses_more_than_an_origin_and_says_what_to_use() {
        for text in [
            "https://hourkey.example/review?as=ada",
            "https://ada@hourkey.example",
            "hourkey.example/#x",
        ] {
            let expected = BadControllerUrl::NotAnOrigin("https://hourkey.example".to_owned());
            assert_eq!(parse(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_address() {
        for text in [
            "",
            "https://",
            "ftp://hourkey.example",
            "a b",
            "file:///etc",
        ] {
            let error = parse(text).unwrap_err();
            assert!(matches!(error, BadControllerUrl::Unreadable(_)), "{text}");
        }
    }
}
