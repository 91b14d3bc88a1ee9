//! Whether a web page of another site made a request.
//!
//! A page may send a request to any port of this machine without being allowed to read the answer
//! (`no-cors`, forms): the resource behind a forward would act on it. Browsers say where it comes
//! from, and no page can change what they say (Fetch Standard, forbidden request-headers).

use http::header::{HOST, ORIGIN};
use http::{HeaderMap, HeaderName, Method};

/// True when a browser says that the request was made by a page of another origin (`Origin`, RFC 6454,
/// 7) or site (`Sec-Fetch-Site`, Fetch Metadata).
///
/// A link that the person follows is none, nor is the way back from a sign-in elsewhere: a `GET` that
/// fills a tab, as cookies with `SameSite=Lax` take it.
pub(super) fn is_cross_site(method: &Method, fields: &HeaderMap) -> bool {
    let values = |name: HeaderName| {
        let named = fields.get_all(name).into_iter();
        named.map(|value| value.as_bytes().trim_ascii())
    };
    let host = values(HOST).next().unwrap_or_default();
    let says = |name, wanted: &[u8]| {
        let mut said = values(HeaderName::from_static(name));
        said.any(|it| it.eq_ignore_ascii_case(wanted))
    };
    let fills_a_tab = method == Method::GET
        && says("sec-fetch-mode", b"navigate")
        && says("sec-fetch-dest", b"document");
    (says("sec-fetch-site", b"cross-site") && !fills_a_tab)
        || values(ORIGIN).any(|origin| !is_origin_of(origin, host))
}

/// True when an origin, such as `http://localhost:15432`, is that of the `Host` which is asked.
fn is_origin_of(origin: &[u8], host: &[u8]) -> bool {
    let (authority, default) = match (
        origin.strip_prefix(b"http://"),
        origin.strip_prefix(b"https://"),
    ) {
        (Some(authority), _) => (authority, ":80"),
        (None, Some(authority)) => (authority, ":443"),
        // Also `null`, of a page that hides where it is from.
        (None, None) => return false,
    };
    let host = host.strip_suffix(default.as_bytes()).unwrap_or(host);
    authority.eq_ignore_ascii_case(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(fields: &[(&str, &str)]) -> bool {
        says_by("POST", fields)
    }

    fn says_by(method: &str, fields: &[(&str, &str)]) -> bool {
        let mut said = HeaderMap::new();
        for (name, value) in fields {
            let name: http::HeaderName = name.parse().unwrap();
            said.append(name, value.parse().unwrap());
        }
        is_cross_site(&method.parse().unwrap(), &said)
    }

    #[test]
    fn what_other_pages_send_is_known_by_what_the_browser_says() {
        const HOST: (&str, &str) = ("Host", "localhost:15432");
        for (field, cross_site) in [
            (("Origin", "http://localhost:15432"), false),
            (("origin", "http://LOCALHOST:15432"), false),
            (("Origin", "http://localhost:3000"), true),
            (("Origin", "http://localhost"), true),
            (("Origin", "http://127.0.0.1:15432"), true),
            (("Origin", "https://evil.example"), true),
            (("Origin", "null"), true),
            (("Origin", ""), true),
            (("Sec-Fetch-Site", "cross-site"), true),
            (("sec-fetch-site", "same-origin"), false),
            (("Sec-Fetch-Site", "same-site"), false),
            (("Sec-Fetch-Site", "none"), false),
            (("Accept", "*/*"), false),
        ] {
            assert_eq!(says(&[HOST, field]), cross_site, "{field:?}");
            assert_eq!(says(&[field, HOST]), cross_site, "{field:?}");
        }
        let own = ("Origin", "http://wiki.corp");
        assert!(!says(&[("Host", "wiki.corp"), own]));
        assert!(!says(&[("Host", "wiki.corp:80"), own]));
        assert!(says(&[
            ("Host", "wiki.corp"),
            own,
            ("Origin", "http://evil.example")
        ]));
    }

    #[test]
    fn a_link_that_fills_a_tab_is_followed() {
        let site = ("Sec-Fetch-Site", "cross-site");
        let mode = ("Sec-Fetch-Mode", "navigate");
        for (method, fields, cross_site) in [
            ("GET", [site, mode, ("Sec-Fetch-Dest", "document")], false),
            ("GET", [site, mode, ("Sec-Fetch-Dest", "iframe")], true),
            ("POST", [site, mode, ("Sec-Fetch-Dest", "document")], true),
            (
                "GET",
                [
                    site,
                    ("Sec-Fetch-Mode", "no-cors"),
                    ("Sec-Fetch-Dest", "image"),
                ],
                true,
            ),
        ] {
            assert_eq!(says_by(method, &fields), cross_site, "{method} {fields:?}");
        }
    }
}
