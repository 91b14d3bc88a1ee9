//! HTTP heads, from one hop to the next (RFC 9110, 7.6; RFC 9112, 3.2).

use http::header::{
    ACCEPT, CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue,
    PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRANSFER_ENCODING, UPGRADE,
    UPGRADE_INSECURE_REQUESTS,
};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{Method, StatusCode, Uri, Version};
use url::Url;

use crate::dial::Destination;

/// A request in absolute form, as its destination gets it.
#[derive(Debug)]
pub(super) struct RewrittenRequest {
    /// Where to.
    pub(super) to: Destination,
    /// Where a browser that shows a page instead can come back to: what it asks for, if it is about
    /// to show that.
    pub(super) return_to: Option<Url>,
    /// The head in origin form.
    pub(super) head: Parts,
}

/// What the head of a request in absolute form lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TargetError {
    /// Only `http` is handed on; TLS goes through CONNECT.
    Scheme,
    /// The authority names no host and port.
    Authority,
}

impl RewrittenRequest {
    /// Rewrites a request in absolute form (RFC 9112, 3.2.2) for its destination, without what was
    /// meant for this hop alone. `is_for_server` says that the target had no path, which makes
    /// OPTIONS a question about the server as a whole (RFC 9112, 3.2.4).
    pub(super) fn of(mut head: Parts, is_for_server: bool) -> Result<Self, TargetError> {
        // Some clients write `ws` where they mean to upgrade; on the wire it is HTTP (RFC 6455, 3).
        if !matches!(head.uri.scheme_str(), Some("http" | "ws")) {
            return Err(TargetError::Scheme);
        }
        let authority = head.uri.authority().ok_or(TargetError::Authority)?.as_str();
        let to = Destination::read(authority, Some(80)).ok_or(TargetError::Authority)?;
        // As the client would have sent it, less an empty port (RFC 9110, 7.2).
        let host = HeaderValue::from_str(authority.trim_end_matches(':'))
            .map_err(|_| TargetError::Authority)?;
        let target = head.uri.path_and_query().map_or("/", PathAndQuery::as_str);
        let slash = if target.starts_with('/') { "" } else { "/" };
        let target = format!("{slash}{target}");
        let return_to = is_navigation(&head.method, &head.headers)
            .then(|| format!("http://{to}{target}").parse().ok())
            .flatten();
        head.uri = if is_for_server && head.method == Method::OPTIONS {
            Uri::from_static("*")
        } else {
            target.parse().map_err(|_| TargetError::Authority)?
        };
        let mut head = from_hop(head);
        head.headers.insert(HOST, host);
        Ok(Self {
            to,
            return_to,
            head,
        })
    }

    /// Rewrites a request that was made as to its destination itself.
    pub(super) fn by_forward(mut head: Parts, to: Destination) -> Result<Self, TargetError> {
        let target = head.uri.path_and_query().map_or("/", PathAndQuery::as_str);
        head.uri = target.parse().map_err(|_| TargetError::Authority)?;
        let (return_to, head) = (None, from_hop(head));
        Ok(Self {
            to,
            return_to,
            head,
        })
    }
}

/// Takes from a request what was meant for this hop alone.
fn from_hop(mut head: Parts) -> Parts {
    // HTTP/1.0 knows no upgrades (RFC 9110, 7.8).
    let upgrade = match std::mem::replace(&mut head.version, Version::HTTP_11) {
        Version::HTTP_10 => None,
        _ => upgrade(&head.headers),
    };
    let trailers = head
        .headers
        .get(TE)
        .is_some_and(|te| has_token(te, "trailers"));
    for_next_hop(&mut head.headers, upgrade);
    if trailers {
        head.headers
            .insert(TE, HeaderValue::from_static("trailers"));
        head.headers
            .append(CONNECTION, HeaderValue::from_static("TE"));
    }
    one_length(&mut head.headers);
    head
}

/// Rewrites the head of a response for the caller.
pub(super) fn answered(head: &mut http::response::Parts) {
    head.version = Version::HTTP_11;
    let upgrade = match head.status {
        StatusCode::SWITCHING_PROTOCOLS => upgrade(&head.headers),
        _ => None,
    };
    for_next_hop(&mut head.headers, upgrade);
    // It says nothing, and is no coding any more (RFC 9112, 7).
    if let Some(coding) = head.headers.get(TRANSFER_ENCODING)
        && coding.as_bytes().eq_ignore_ascii_case(b"identity")
    {
        head.headers.remove(TRANSFER_ENCODING);
    }
    // The chunks tell the length, and two words on it can be read in two ways (RFC 9112, 6.3).
    if head.headers.contains_key(TRANSFER_ENCODING) {
        head.headers.remove(CONTENT_LENGTH);
    }
    one_length(&mut head.headers);
}

/// True for an answer whose length can be read in one way, as far as it says one. Of one that has no
/// body, nobody else looks at it.
pub(super) fn has_clear_length(headers: &HeaderMap) -> bool {
    let mut said = headers.get_all(CONTENT_LENGTH).iter();
    said.next().is_none_or(|length| {
        let digits = length.to_str().unwrap_or_default();
        let is_number = !digits.is_empty() && digits.bytes().all(|it| it.is_ascii_digit());
        is_number && digits.parse::<u64>().is_ok() && said.next().is_none()
    })
}

/// Says a length once that is said several times alike, as a list or in several fields: not every
/// reader takes the first (RFC 9110, 8.6).
fn one_length(headers: &mut HeaderMap) {
    let mut said = headers
        .get_all(CONTENT_LENGTH)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii);
    let Some(first) = said.next().filter(|first| !first.is_empty()) else {
        return;
    };
    let alike = said.all(|length| length == first);
    if alike && let Ok(length) = HeaderValue::from_bytes(first) {
        headers.insert(CONTENT_LENGTH, length);
    }
}

/// What a request wants to go on with on its connection (RFC 9110, 7.8), if that can be tunnelled.
/// HTTP/2 is not asked for in this way any more (RFC 9113, 3.1), and its settings are for one hop.
pub(super) fn upgrade(headers: &HeaderMap) -> Option<HeaderValue> {
    let asked = headers.get(UPGRADE)?;
    let named = headers
        .get_all(CONNECTION)
        .iter()
        .any(|it| has_token(it, "upgrade"));
    (named && !has_token(asked, "h2c")).then(|| asked.clone())
}

/// Removes what concerns one hop alone (RFC 9110, 7.6.1). `Transfer-Encoding` stays: hyper takes the
/// chunks off and puts them on again, and only this field tells it to, and of codings beneath.
fn for_next_hop(headers: &mut HeaderMap, upgrade: Option<HeaderValue>) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        // Without these a message means something else: nobody may take them off.
        .filter(|name| ![HOST, CONTENT_LENGTH, TRANSFER_ENCODING].contains(name))
        .collect();
    let own = [
        CONNECTION,
        HeaderName::from_static("keep-alive"),
        HeaderName::from_static("proxy-connection"),
        PROXY_AUTHENTICATE,
        PROXY_AUTHORIZATION,
        TE,
        UPGRADE,
    ];
    for name in named.iter().chain(&own) {
        headers.remove(name);
    }
    if let Some(upgrade) = upgrade {
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, upgrade);
    }
}

/// True for a browser that is about to show what it asks for. It says so even over plain HTTP,
/// where it sends no `Sec-Fetch-Mode` (Fetch Metadata, 2).
pub(super) fn is_navigation(method: &Method, headers: &HeaderMap) -> bool {
    let asks_for_page = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|range| {
            let kind = range.split(';').next().unwrap_or_default().trim();
            kind.eq_ignore_ascii_case("text/html")
        });
    let upgrades = headers
        .get(UPGRADE_INSECURE_REQUESTS)
        .is_some_and(|it| it == "1");
    matches!(*method, Method::GET | Method::HEAD) && (asks_for_page || upgrades)
}

fn has_token(value: &HeaderValue, token: &str) -> bool {
    let mut tokens = value.to_str().unwrap_or_default().split(',');
    tokens.any(|it| it.trim().eq_ignore_ascii_case(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(method: &str, target: &str, fields: &[(&str, &str)]) -> Parts {
        let mut request = http::Request::builder().method(method).uri(target);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn onward(method: &str, target: &str, fields: &[(&str, &str)]) -> RewrittenRequest {
        RewrittenRequest::of(head(method, target, fields), false).unwrap()
    }

    fn shown(head: &Parts) -> Vec<String> {
        let field = |(name, value): (&HeaderName, &HeaderValue)| {
            format!("{name}: {}", value.to_str().unwrap())
        };
        let mut fields: Vec<String> = head.headers.iter().map(field).collect();
        fields.sort();
        fields
    }

    #[test]
    fn what_is_for_this_hop_stays_here_and_the_target_wins_over_the_host_field() {
        let onward = onward(
            "POST",
            "http://Wiki.corp?q#f",
            &[
                ("Host", "evil.example"),
                ("X-A", "1"),
                ("Proxy-Authorization", "secret"),
                ("Proxy-Connection", "keep-alive"),
                ("Connection", "keep-alive, x-b, content-length, host"),
                ("X-B", "2"),
                ("TE", "gzip"),
                ("Keep-Alive", "timeout=5"),
                ("Content-Length", "3"),
            ],
        );
        assert_eq!(onward.to, "wiki.corp:80".parse().unwrap());
        assert_eq!(onward.return_to, None);
        assert_eq!(onward.head.uri, "/?q");
        let expected = ["content-length: 3", "host: Wiki.corp", "x-a: 1"];
        assert_eq!(shown(&onward.head), expected);
    }

    #[test]
    fn targets_are_read_as_the_standards_say() {
        for (target, to, path, host) in [
            ("http://a.corp/x?y", "a.corp:80", "/x?y", "a.corp"),
            ("http://a.corp:/", "a.corp:80", "/", "a.corp"),
            ("http://a.corp:8080", "a.corp:8080", "/", "a.corp:8080"),
            ("http://[fd00::1]/", "[fd00::1]:80", "/", "[fd00::1]"),
            ("HTTP://A.corp/", "a.corp:80", "/", "A.corp"),
            ("ws://a.corp/x", "a.corp:80", "/x", "a.corp"),
        ] {
            let onward = onward("GET", target, &[]);
            assert_eq!(onward.to.to_string(), to, "{target}");
            assert_eq!(onward.head.uri.to_string(), path, "{target}");
            assert_eq!(onward.head.headers[HOST], host, "{target}");
        }
        for (target, bad) in [
            ("https://a.corp/", TargetError::Scheme),
            ("ftp://a.corp/", TargetError::Scheme),
            ("http://ada@a.corp/", TargetError::Authority),
            ("http://a.corp:0/", TargetError::Authority),
            ("http://a.corp:99999/", TargetError::Authority),
        ] {
            let Ok(request) = http::Request::get(target).body(()) else {
                continue;
            };
            let head = request.into_parts().0;
            assert_eq!(
                RewrittenRequest::of(head, false).unwrap_err(),
                bad,
                "{target}"
            );
        }
    }

    #[test]
    fn only_options_without_a_path_are_for_the_server_as_a_whole() {
        for (method, is_for_server, target) in [
            ("OPTIONS", true, "*"),
            ("OPTIONS", false, "/"),
            ("GET", true, "/"),
        ] {
            let head = head(method, "http://a.corp", &[]);
            let onward = RewrittenRequest::of(head, is_for_server).unwrap();
            assert_eq!(onward.head.uri, target, "{method}");
        }
    }

    #[test]
    fn navigations_come_back_to_where_they_were_going() {
        let html = ("Accept", "application/xhtml+xml, Text/HTML;q=0.9, */*");
        let insecure = ("Upgrade-Insecure-Requests", "1");
        for (method, target, field, return_to) in [
            ("GET", "http://Wiki.corp", html, Some("http://wiki.corp/")),
            (
                "GET",
                "http://wiki.corp:8080/a?b=c",
                insecure,
                Some("http://wiki.corp:8080/a?b=c"),
            ),
            ("HEAD", "http://[fd00::1]/", html, Some("http://[fd00::1]/")),
            ("POST", "http://wiki.corp/", html, None),
            ("GET", "http://wiki.corp/", ("Accept", "*/*"), None),
            ("GET", "http://wiki.corp/", ("Accept", "text/html2"), None),
        ] {
            let return_to = return_to.map(|it| it.parse::<Url>().unwrap());
            let found = onward(method, target, &[field]).return_to;
            assert_eq!(found, return_to, "{method} {target} {field:?}");
        }
    }

    #[test]
    fn upgrades_and_trailers_are_asked_for_at_the_destination_too() {
        let websocket = [
            ("Connection", "keep-alive, Upgrade"),
            ("Upgrade", "websocket"),
        ];
        let fields = shown(&onward("GET", "http://a.corp/", &websocket).head);
        assert_eq!(
            fields,
            ["connection: Upgrade", "host: a.corp", "upgrade: websocket"]
        );
        let h2c = [
            ("Connection", "Upgrade, HTTP2-Settings"),
            ("Upgrade", "h2c"),
            ("HTTP2-Settings", "AAMAAABkAARAAAAAAAIAAAAA"),
        ];
        assert_eq!(
            shown(&onward("GET", "http://a.corp/", &h2c).head),
            ["host: a.corp"]
        );
        let unnamed = [("Upgrade", "websocket")];
        assert_eq!(
            shown(&onward("GET", "http://a.corp/", &unnamed).head),
            ["host: a.corp"]
        );
        let trailers = [("Connection", "TE"), ("TE", "trailers")];
        let fields = shown(&onward("GET", "http://a.corp/", &trailers).head);
        assert_eq!(fields, ["connection: TE", "host: a.corp", "te: trailers"]);
    }

    #[test]
    fn a_length_is_said_once() {
        for (said, expected) in [
            (&["5"][..], &["5"][..]),
            (&["5, 5"], &["5"]),
            (&["5", "5"], &["5"]),
            (&["5,6"], &["5,6"]),
            (&[], &[]),
        ] {
            let mut headers = HeaderMap::new();
            for value in said {
                headers.append(CONTENT_LENGTH, HeaderValue::from_static(value));
            }
            one_length(&mut headers);
            let found: Vec<_> = headers.get_all(CONTENT_LENGTH).iter().collect();
            assert_eq!(found, expected, "{said:?}");
        }
    }
}
