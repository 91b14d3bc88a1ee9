//! How a connection to the local proxy begins: SOCKS5, a tunnel by HTTP, or other HTTP.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};

use super::socks;
use crate::dial::Destination;

/// The longest head that is read, bytes.
pub(crate) const MAX_HEAD: usize = 64 * 1024;

/// The most header fields that are read.
pub(super) const MAX_FIELDS: usize = 256;

/// What a client asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Greeting {
    /// A SOCKS5 tunnel.
    Socks(Destination),
    /// A tunnel (CONNECT, RFC 9110, 9.3.6), read by hand because it is what most connections are.
    Connect {
        /// Where to.
        to: Destination,
        /// True for a browser, which cannot wait for long, and has pages to come back to.
        browser: bool,
        /// The bytes after the head.
        rest: Vec<u8>,
    },
    /// Other HTTP, of which this was read.
    Http {
        /// The first bytes.
        said: Vec<u8>,
        /// True when the first request is OPTIONS for a whole server.
        is_for_server: bool,
    },
    /// A CONNECT that is refused.
    Bad(HeadError),
    /// The client was answered already, or is gone.
    Nothing,
}

/// Why a head is refused, with the status of the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeadError {
    /// 400.
    Malformed,
    /// 400: its target has bytes that have to be percent-encoded.
    Target,
    /// 431.
    TooLong,
}

/// Reads the beginning of a connection.
///
/// # Errors
/// When the client breaks off, or its SOCKS5 is malformed.
pub(super) async fn hear<S>(stream: &mut S) -> io::Result<Greeting>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let first = match stream.read_u8().await {
        Ok(socks::VERSION) => {
            let (read, write) = tokio::io::split(stream);
            let said = (&[socks::VERSION][..]).chain(read);
            let to = socks::accept(&mut tokio::io::join(said, write)).await?;
            return Ok(to.map_or(Greeting::Nothing, Greeting::Socks));
        }
        Ok(socks::VERSION_4) => {
            socks::refuse_4(stream).await?;
            return Ok(Greeting::Nothing);
        }
        Ok(first) => first,
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(Greeting::Nothing),
        Err(error) => return Err(error),
    };
    let mut said = Vec::with_capacity(2048);
    said.push(first);
    loop {
        if let Some(heard) = read(&mut said) {
            return Ok(heard);
        }
        if stream.read_buf(&mut said).await? == 0 {
            // Not even a method was said whole.
            return Ok(Greeting::Nothing);
        }
    }
}

/// Reads a head as far as it is there; `None` while more is needed to know what it is.
fn read(said: &mut Vec<u8>) -> Option<Greeting> {
    const CONNECT: &[u8] = b"CONNECT ";
    const OPTIONS: &[u8] = b"OPTIONS ";
    let begins = |with: &[u8]| {
        let length = said.len().min(with.len());
        said[..length] == with[..length]
    };
    if begins(CONNECT) {
        return match connect(said) {
            Ok(None) => None,
            Ok(Some((to, browser, length))) => {
                let rest = said.split_off(length);
                Some(Greeting::Connect { to, browser, rest })
            }
            Err(bad) => Some(Greeting::Bad(bad)),
        };
    }
    // What was sent with the first byte is there by the next read.
    if said.len() == 1 || begins(OPTIONS) && !said.contains(&b'\n') && said.len() < MAX_HEAD {
        return None;
    }
    if let Some(target) = target(said)
        && !is_url(target)
    {
        return Some(Greeting::Bad(HeadError::Target));
    }
    let is_for_server = begins(OPTIONS) && said.len() > OPTIONS.len() && names_server(said);
    let said = std::mem::take(said);
    Some(Greeting::Http {
        said,
        is_for_server,
    })
}

/// The target of a first line that is there whole (RFC 9112, 3).
fn target(said: &[u8]) -> Option<&[u8]> {
    let end = said.iter().position(|byte| *byte == b'\n')?;
    said[..end].split(|byte| *byte == b' ').nth(1)
}

/// False for a target with bytes that no URL has, which hyper would refuse without a word.
fn is_url(target: &[u8]) -> bool {
    http::Uri::try_from(target).is_ok() || !target.iter().any(|byte| is_odd(*byte))
}

/// True for what a URL has percent-encoded only, and is found bare in some programs' requests
/// (RFC 3986, 2).
fn is_odd(byte: u8) -> bool {
    matches!(byte, b'"' | b'<' | b'>' | b'`') || !byte.is_ascii()
}

/// True for a first line whose target has no path (RFC 9112, 3.2.4).
fn names_server(said: &[u8]) -> bool {
    let target = target(said).unwrap_or_default();
    let Some((scheme, authority)) = target.split_at_checked(b"http://".len()) else {
        return false;
    };
    scheme.eq_ignore_ascii_case(b"http://")
        && !authority.contains(&b'/')
        && !authority.contains(&b'?')
}

/// Reads the head of a CONNECT: where to, whether for a browser, and the head's length.
fn connect(said: &[u8]) -> Result<Option<(Destination, bool, usize)>, HeadError> {
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    let length = match request.parse(said) {
        Ok(httparse::Status::Complete(length)) if length <= MAX_HEAD => length,
        Ok(httparse::Status::Partial) if said.len() < MAX_HEAD => return Ok(None),
        Ok(_) | Err(httparse::Error::TooManyHeaders) => return Err(HeadError::TooLong),
        Err(_) => return Err(HeadError::Malformed),
    };
    let to = request
        .path
        .and_then(|target| Destination::read(target, None));
    let mut agents = request
        .headers
        .iter()
        .filter(|field| field.name.eq_ignore_ascii_case("user-agent"));
    let browser = agents.any(|field| is_browser(field.value));
    let to = to.ok_or(HeadError::Malformed)?;
    Ok(Some((to, browser, length)))
}

/// True for what a browser says in `User-Agent`: all of them begin alike (RFC 9110, 10.1.5).
pub(super) fn is_browser(agent: &[u8]) -> bool {
    agent.starts_with(b"Mozilla/")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn heard(said: &str) -> Option<Greeting> {
        read(&mut said.as_bytes().to_vec())
    }

    #[test]
    fn connect_names_a_host_and_a_port() {
        for (target, to) in [
            ("wiki.corp:443", Some("wiki.corp:443")),
            ("WIKI.Corp.:443", Some("wiki.corp:443")),
            ("[fd00::1]:22", Some("[fd00::1]:22")),
            ("10.0.0.1:80", Some("10.0.0.1:80")),
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
            let expected = match to {
                Some(to) => Greeting::Connect {
                    to: to.parse().unwrap(),
                    browser: false,
                    rest: b"more".to_vec(),
                },
                None => Greeting::Bad(HeadError::Malformed),
            };
            let said = format!("CONNECT {target} HTTP/1.1\r\n\r\nmore");
            assert_eq!(heard(&said), Some(expected), "{target}");
        }
    }

    #[test]
    fn browsers_are_told_apart() {
        let connect = |agent: &str| {
            let head = format!("CONNECT a.corp:443 HTTP/1.1\r\nUser-Agent: {agent}\r\n\r\n");
            matches!(heard(&head), Some(Greeting::Connect { browser: true, .. }))
        };
        assert!(connect("Mozilla/5.0 (X11; Linux x86_64)"));
        assert!(!connect("curl/8.0"));
    }

    #[test]
    fn a_target_with_bytes_that_no_url_has_is_refused() {
        for (target, refused) in [
            ("http://a.corp/?q=a\"b", true),
            ("http://a.corp/<b>", true),
            ("http://a.corp/`", true),
            ("http://a.corp/\u{e9}", false),
            ("http://a.corp/{x}|^\\~[]", false),
            ("http://a.corp/%22", false),
        ] {
            let said = format!("GET {target} HTTP/1.1\r\n");
            let found = heard(&said) == Some(Greeting::Bad(HeadError::Target));
            assert_eq!(found, refused, "{target}");
        }
        let mut said = b"GET http://a.corp/\xe9 HTTP/1.1\r\n".to_vec();
        assert_eq!(read(&mut said), Some(Greeting::Bad(HeadError::Target)));
    }

    #[test]
    fn other_methods_are_told_apart_by_their_first_bytes() {
        let is_for_server = |said: &str| match heard(said) {
            Some(Greeting::Http { is_for_server, .. }) => Some(is_for_server),
            _ => None,
        };
        for (said, expected) in [
            ("G", None),
            ("GE", Some(false)),
            ("CONN", None),
            ("COPY http://a.corp/", Some(false)),
            ("OPTIONS http://a.corp", None),
            ("OPTIONS http://a.corp HTTP/1.1\r\n", Some(true)),
            ("OPTIONS http://a.corp:80 HTTP/1.1\r\n", Some(true)),
            ("OPTIONS http://a.corp/ HTTP/1.1\r\n", Some(false)),
            ("OPTIONS http://a.corp?q HTTP/1.1\r\n", Some(false)),
            ("OPTIONS * HTTP/1.1\r\n", Some(false)),
            ("OPTIONS /x:// HTTP/1.1\r\n", Some(false)),
        ] {
            assert_eq!(is_for_server(said), expected, "{said}");
        }
    }

    #[test]
    fn heads_have_an_end() {
        let long = format!("CONNECT a.corp:1 HTTP/1.1\r\nX: {}", "x".repeat(MAX_HEAD));
        assert_eq!(heard(&long), Some(Greeting::Bad(HeadError::TooLong)));
        let many = "X: x\r\n".repeat(MAX_FIELDS + 1);
        let many = format!("CONNECT a.corp:1 HTTP/1.1\r\n{many}\r\n");
        assert_eq!(heard(&many), Some(Greeting::Bad(HeadError::TooLong)));
        let long = format!("OPTIONS http://{}", "x".repeat(MAX_HEAD));
        assert!(matches!(heard(&long), Some(Greeting::Http { .. })));
    }

    proptest! {
        #[test]
        fn any_bytes_are_heard_or_more_are_awaited(
            method in "(CONNECT|OPTIONS|GET)?",
            bytes in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            let _ = read(&mut [method.as_bytes(), &bytes].concat());
        }
    }
}
