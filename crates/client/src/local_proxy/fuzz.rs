//! Fuzz targets: what holds for any bytes from outside (`fuzz/README.md`).

use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex};

use http::header::{CONNECTION, HOST, HeaderMap, HeaderName};
use http::{Request, Response};
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

use super::greeting::{self, Greeting, MAX_HEAD};
use super::rewrite::RewrittenRequest;
use super::socks;
use crate::dial::Destination;

/// SOCKS5: what a client says first.
pub fn socks(bytes: &[u8]) {
    let (to, rest, answer) = accept(bytes);
    let Some(to) = to else {
        return;
    };
    assert_eq!(answer, [5, 0], "it is told only later how it went");
    assert_ne!(to.port, 0);
    // Not a byte of what follows the request is taken, nor one less than all of the request.
    let (head, rest) = bytes.split_at(bytes.len() - rest);
    assert_eq!(accept(&[head, b"more", rest].concat()).1, rest.len() + 4);
    assert_eq!(accept(&head[..head.len() - 1]).0, None);
    // Whatever way it was written in, its canonical form leads there too.
    let text = to.to_string();
    let (host, port) = text.rsplit_once(':').unwrap_or_default();
    let mut plain = vec![5, 1, 0, 5, 1, 0, 3, u8::try_from(host.len()).unwrap_or(0)];
    plain.extend_from_slice(host.as_bytes());
    plain.extend(port.parse::<u16>().unwrap_or(0).to_be_bytes());
    assert_eq!(accept(&plain).0, Some(to));
}

/// What was accepted, how many bytes were left, and what was answered.
fn accept(bytes: &[u8]) -> (Option<Destination>, usize, Vec<u8>) {
    let (mut unread, mut answer) = (bytes, Vec::new());
    let accepted = run(socks::accept(&mut tokio::io::join(
        &mut unread,
        &mut answer,
    )));
    let to = accepted.and_then(Result::ok).flatten();
    (to, unread.len(), answer)
}

/// How an HTTP client begins.
pub fn http(bytes: &[u8]) {
    match hear(bytes) {
        Some(Greeting::Connect { to, browser, rest }) => {
            let head = &bytes[..bytes.len() - rest.len()];
            assert!(bytes.ends_with(&rest) && head.len() <= MAX_HEAD);
            assert!(matches!(
                hear(&head[..head.len() - 1]),
                None | Some(Greeting::Nothing)
            ));
            let agent = if browser {
                "User-Agent: Mozilla/\r\n"
            } else {
                ""
            };
            let plain = format!("CONNECT {to} HTTP/1.1\r\n{agent}\r\n");
            let rest = Vec::new();
            let again = Greeting::Connect { to, browser, rest };
            assert_eq!(hear(plain.as_bytes()), Some(again));
        }
        Some(Greeting::Http { said, .. }) => {
            assert!(bytes.starts_with(&said));
            requests(bytes);
        }
        Some(Greeting::Socks(_) | Greeting::Bad(_) | Greeting::Nothing) | None => {}
    }
}

fn hear(mut bytes: &[u8]) -> Option<Greeting> {
    let heard = run(greeting::hear(&mut tokio::io::join(
        &mut bytes,
        tokio::io::sink(),
    )));
    heard.and_then(Result::ok)
}

/// Serves whatever requests hyper reads there: each that is passed on is one request in origin form,
/// to the place that was judged, without what was for this hop alone.
fn requests(bytes: &[u8]) {
    let failed = Arc::new(Mutex::new(None));
    let seen = Arc::clone(&failed);
    let service = service_fn(move |request: Request<Incoming>| {
        if let Err(why) = passes_on(request) {
            *seen
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner) = Some(why);
        }
        std::future::ready(Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new())))
    });
    let io = TokioIo::new(tokio::io::join(bytes, tokio::io::sink()));
    let _ = run(http1::Builder::new().serve_connection(io, service));
    let failed = failed
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    assert_eq!(*failed, None);
}

fn passes_on(request: Request<Incoming>) -> Result<(), String> {
    let head = request.into_parts().0;
    if head.uri.scheme().is_none() {
        return Ok(());
    }
    let Ok(RewrittenRequest { to, head, .. }) = RewrittenRequest::of(head, false) else {
        return Ok(());
    };
    let shown = format!("{head:?}");
    let host = |headers: &HeaderMap| {
        let mut hosts = headers.get_all(HOST).iter();
        let host = hosts.next()?.to_str().ok()?.to_owned();
        hosts.next().is_none().then_some(host)
    };
    let named = host(&head.headers).and_then(|host| Destination::read(&host, Some(80)));
    let for_this_hop = [
        HeaderName::from_static("proxy-authorization"),
        HeaderName::from_static("proxy-connection"),
        HeaderName::from_static("keep-alive"),
    ];
    let connection = head.headers.get(CONNECTION);
    let holds = head.uri.scheme().is_none()
        && head.uri.path().starts_with('/')
        && named == Some(to)
        && !for_this_hop.iter().any(|it| head.headers.contains_key(it))
        && connection.is_none_or(|it| it == "Upgrade" || it == "TE");
    holds.then_some(()).ok_or(shown)
}

/// Runs to the end what never has to wait.
fn run<T>(future: impl Future<Output = T>) -> Option<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime: io::Result<_> = runtime;
    Some(runtime.ok()?.block_on(future))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::replay;

    #[test]
    fn any_socks_client_is_taken_at_its_word_or_refused() {
        replay("socks", socks);
    }

    #[test]
    fn any_http_client_is_taken_at_its_word_or_refused() {
        replay("http", http);
    }
}
