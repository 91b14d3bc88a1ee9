//! What an HTTP client asks of a proxy: the head of its request, read and judged.

use url::Url;

use crate::dial::Destination;

/// The longest head that is read.
pub(crate) const LONGEST: usize = 16 * 1024;

/// The most header fields that are read.
pub(super) const FIELDS: usize = 100;

/// A request, by what it asks.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// A tunnel (CONNECT, RFC 9110, 9.3.6).
    Connect {
        /// Where to.
        to: Destination,
        /// True for a browser, which cannot wait for long, and has pages to come back to.
        browser: bool,
    },
    /// To be handed on (absolute form, RFC 9112, 3.2.2).
    Forward(Forward),
    /// For the entry itself (origin form, RFC 9112, 3.2.1).
    Own {
        /// The method.
        method: String,
        /// The path with the query.
        path: String,
        /// `Host`, when there is exactly one.
        host: Option<String>,
    },
}

/// A request to be handed on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Forward {
    /// Where to.
    pub(super) to: Destination,
    /// Where a browser can come back to: what it asks for, if only to see it (GET and HEAD).
    pub(super) back: Option<Url>,
    /// Its head as the destination gets it.
    pub(super) head: Vec<u8>,
    /// The length of its body, bytes.
    pub(super) body: u64,
}

/// A request that is not taken, by the status that it is answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bad {
    /// 400: it makes no sense, or the same thing twice.
    Malformed,
    /// 411: the length of its body is not known beforehand.
    NoLength,
    /// 431: too long.
    TooLong,
}

/// Reads a head. `None` while more is to come; else the request and the length of its head.
pub(super) fn read(bytes: &[u8]) -> Result<Option<(Request, usize)>, Bad> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    let length = match request.parse(bytes) {
        Ok(httparse::Status::Complete(length)) if length <= LONGEST => length,
        Ok(httparse::Status::Partial) if bytes.len() < LONGEST => return Ok(None),
        Ok(_) | Err(httparse::Error::TooManyHeaders) => return Err(Bad::TooLong),
        Err(_) => return Err(Bad::Malformed),
    };
    let (method, target) = match (request.method, request.path) {
        (Some(method), Some(target)) => (method, target),
        _ => return Err(Bad::Malformed),
    };
    let read = if method == "CONNECT" {
        Request::Connect {
            to: Destination::read(target, None).ok_or(Bad::Malformed)?,
            browser: is_browser(request.headers),
        }
    } else if target.starts_with('/') || target == "*" {
        Request::Own {
            method: method.to_owned(),
            path: target.to_owned(),
            host: host(request.headers),
        }
    } else {
        Request::Forward(forward(method, target, request.headers)?)
    };
    Ok(Some((read, length)))
}

/// All browsers say so (RFC 9110, 10.1.5).
fn is_browser(fields: &[httparse::Header<'_>]) -> bool {
    let mut agents = fields
        .iter()
        .filter(|field| field.name.eq_ignore_ascii_case("user-agent"));
    agents.any(|field| field.value.starts_with(b"Mozilla/"))
}

/// The one `Host` field.
pub(super) fn host(fields: &[httparse::Header<'_>]) -> Option<String> {
    let mut hosts = fields
        .iter()
        .filter(|field| field.name.eq_ignore_ascii_case("host"));
    let host = std::str::from_utf8(hosts.next()?.value).ok()?;
    hosts.next().is_none().then(|| host.trim().to_owned())
}

/// Rewrites a request in absolute form for its destination: one request on the connection, and
/// nothing that was meant for the proxy.
fn forward(method: &str, target: &str, fields: &[httparse::Header<'_>]) -> Result<Forward, Bad> {
    let scheme = target
        .get(..7)
        .filter(|it| it.eq_ignore_ascii_case("http://"));
    let rest = scheme.and(target.get(7..)).ok_or(Bad::Malformed)?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (place, path) = rest.split_at(end);
    let to = Destination::read(place, Some(80)).ok_or(Bad::Malformed)?;
    let path = path.split('#').next().unwrap_or_default();
    let slash = if path.starts_with('/') { "" } else { "/" };
    let full = to.to_string();
    let host = match Destination::read(place, None) {
        Some(_) => full.as_str(),
        None => full.trim_end_matches(":80"),
    };
    let mut head = format!("{method} {slash}{path} HTTP/1.1\r\nHost: {host}\r\n").into_bytes();
    let connection = fields
        .iter()
        .filter(|field| field.name.eq_ignore_ascii_case("connection"));
    let for_this_hop: Vec<String> = connection
        .flat_map(|field| field.value.split(|byte| *byte == b','))
        .map(|name| String::from_utf8_lossy(name).trim().to_ascii_lowercase())
        .collect();
    let mut body = None;
    for field in fields {
        let name = field.name.to_ascii_lowercase();
        match name.as_str() {
            // Hop by hop (RFC 9110, 7.6.1), or replaced.
            "host" | "connection" | "keep-alive" | "upgrade" | "te" => continue,
            _ if name.starts_with("proxy-") => continue,
            "transfer-encoding" => return Err(Bad::NoLength),
            "content-length" => {
                let length = length(field.value).ok_or(Bad::Malformed)?;
                if body.replace(length).is_some() {
                    return Err(Bad::Malformed);
                }
            }
            _ if for_this_hop.contains(&name) => continue,
            _ => {}
        }
        head.extend_from_slice(field.name.as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(field.value);
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"Connection: close\r\n\r\n");
    Ok(Forward {
        back: matches!(method, "GET" | "HEAD")
            .then(|| format!("http://{to}{slash}{path}").parse().ok())
            .flatten(),
        to,
        head,
        body: body.unwrap_or(0),
    })
}

/// Digits alone (RFC 9110, 8.6).
fn length(value: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(value).ok()?;
    text.bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn destination(host: &str, port: u16) -> Destination {
        Destination {
            host: host.parse().unwrap(),
            port,
        }
    }

    fn one(head: &str) -> Result<Request, Bad> {
        read(head.as_bytes()).map(|read| {
            let (request, length) = read.unwrap();
            assert_eq!(length, head.len());
            request
        })
    }

    #[test]
    fn connect_names_a_host_and_a_port() {
        for (target, to) in [
            ("wiki.corp:443", Some(destination("wiki.corp", 443))),
            ("WIKI.Corp.:443", Some(destination("wiki.corp", 443))),
            ("[fd00::1]:22", Some(destination("fd00::1", 22))),
            ("10.0.0.1:80", Some(destination("10.0.0.1", 80))),
            ("wiki.corp", None),
            ("wiki.corp:", None),
            ("wiki.corp:0", None),
            ("wiki.corp:+80", None),
            ("wiki.corp:65536", None),
            ("ada@wiki.corp:443", None),
            ("fd00::1:22", None),
            ("[fd00::1]22", None),
            (":443", None),
            ("http://wiki.corp:443", None),
        ] {
            let read = one(&format!("CONNECT {target} HTTP/1.1\r\n\r\n"));
            let browser = false;
            let expected = to.map(|to| Request::Connect { to, browser });
            assert_eq!(read.ok(), expected, "{target}");
        }
    }

    #[test]
    fn absolute_form_is_rewritten_and_the_target_wins_over_the_host_field() {
        let read = one(
            "POST http://Wiki.corp?q#f HTTP/1.1\r\nHost: evil.example\r\nX-A: 1\r\n\
             Proxy-Authorization: secret\r\nConnection: keep-alive, x-b\r\nX-B: 2\r\nContent-Length: 3\r\n\r\n",
        );
        let Ok(Request::Forward(forward)) = read else {
            panic!("{read:?}");
        };
        assert_eq!(forward.to, destination("wiki.corp", 80));
        assert_eq!((forward.body, forward.back), (3, None));
        assert_eq!(
            String::from_utf8(forward.head).unwrap(),
            "POST /?q HTTP/1.1\r\nHost: wiki.corp\r\nX-A: 1\r\nContent-Length: 3\r\n\
             Connection: close\r\n\r\n"
        );
    }

    #[test]
    fn browsers_are_told_apart_and_come_back_to_where_they_were_going() {
        let connect = |agent: &str| {
            let head = format!("CONNECT a.corp:443 HTTP/1.1\r\nUser-Agent: {agent}\r\n\r\n");
            matches!(one(&head), Ok(Request::Connect { browser: true, .. }))
        };
        assert!(connect("Mozilla/5.0 (X11; Linux x86_64)"));
        assert!(!connect("curl/8.0"));
        for (target, back) in [
            ("http://Wiki.corp", "http://wiki.corp/"),
            (
                "http://wiki.corp:8080/a?b=c#d",
                "http://wiki.corp:8080/a?b=c",
            ),
            ("http://[fd00::1]/", "http://[fd00::1]/"),
        ] {
            let Ok(Request::Forward(forward)) = one(&format!("GET {target} HTTP/1.1\r\n\r\n"))
            else {
                panic!("{target}");
            };
            assert_eq!(forward.back.unwrap().as_str(), back);
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        let get = |field: &str| one(&format!("GET http://a.corp/ HTTP/1.1\r\n{field}\r\n\r\n"));
        for (field, bad) in [
            ("Transfer-Encoding: chunked", Bad::NoLength),
            ("Content-Length: 1\r\nContent-Length: 1", Bad::Malformed),
            ("Content-Length: 1, 1", Bad::Malformed),
            ("Content-Length: +1", Bad::Malformed),
        ] {
            assert_eq!(get(field), Err(bad), "{field}");
        }
        for target in ["https://a.corp/", "a.corp/", "http://", "http://a b/"] {
            let read = one(&format!("GET {target} HTTP/1.1\r\n\r\n"));
            assert_eq!(read, Err(Bad::Malformed), "{target}");
        }
    }

    #[test]
    fn heads_have_an_end() {
        let long = format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(LONGEST));
        assert_eq!(read(long.as_bytes()), Err(Bad::TooLong));
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "X: x\r\n".repeat(FIELDS + 1));
        assert_eq!(read(many.as_bytes()), Err(Bad::TooLong));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&bytes);
        }

        #[test]
        fn any_request_is_read_or_refused(
            method in "CONNECT|GET",
            target in "(http://)?\\PC{0,40}",
            fields in "(([a-zA-Z-]{1,17}|Host|Content-Length): \\PC{0,20}\r\n){0,4}",
        ) {
            let head = format!("{method} {target} HTTP/1.1\r\n{fields}\r\n");
            if let Ok(Some((Request::Forward(forward), _))) = read(head.as_bytes()) {
                // What is handed on is one head in origin form, and says itself that it is the last.
                let mut fields = [httparse::EMPTY_HEADER; FIELDS + 2];
                let mut sent = httparse::Request::new(&mut fields);
                let parsed = sent.parse(&forward.head).unwrap();
                prop_assert_eq!(parsed, httparse::Status::Complete(forward.head.len()));
                prop_assert!(sent.path.unwrap().starts_with('/'));
            }
        }
    }
}
