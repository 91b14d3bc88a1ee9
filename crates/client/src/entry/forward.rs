//! A loopback port for one resource, for programs that know no proxies.

use std::io;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;

use super::answer::Answer;
use super::http::{FIELDS, LONGEST, host};
use super::listen::{Listening, listen};
use super::{PATIENCE, peer};
use crate::dial::{Destination, Dialer, Verdict};

/// A running forward. It and its connections end when this is dropped.
#[derive(Debug)]
pub struct Forward {
    listening: Listening,
}

impl Forward {
    /// Listens on `port` of 127.0.0.1 (0 for any free one) and connects each caller to `to`.
    ///
    /// Callers that speak HTTP must know the resource by its own host, or this port by
    /// 127.0.0.1 or localhost: any other name is a page's that made it point here (DNS
    /// rebinding), which must not read the resource.
    ///
    /// # Errors
    /// When the port is taken.
    pub async fn start(dialer: Dialer, to: Destination, port: u16) -> io::Result<Self> {
        let serve = move |stream: TcpStream, waiting: OwnedSemaphorePermit| {
            // What it asks for is known from the start.
            drop(waiting);
            serve(dialer.clone(), to.clone(), stream)
        };
        let listening = listen(port, Arc::new(peer::System), serve).await?;
        Ok(Self { listening })
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.listening.port
    }
}

async fn serve(dialer: Dialer, to: Destination, mut stream: TcpStream) {
    let mut tunnel = match dialer.dial(&to, PATIENCE).await {
        Ok(tunnel) => tunnel,
        Err(refused) => {
            tracing::warn!(%refused, "A forwarded connection was refused.");
            // Abrupt, so that nobody takes it for an empty answer.
            let _ = stream.set_zero_linger();
            return;
        }
    };
    let port = stream.local_addr().map_or(0, |address| address.port());
    let judge = |said: &[u8]| judge(said, &to, port);
    match tunnel.first_words(&mut stream, judge).await {
        Ok(Some(said)) => tunnel.serve(stream, &said).await,
        Ok(None) => Answer::foreign().send(stream).await,
        Err(error) => {
            tracing::debug!(%error, "A forwarded connection was cut.");
            let _ = stream.set_zero_linger();
        }
    }
}

/// Judges the first words of a caller: whether they are HTTP, and meant for here.
fn judge(said: &[u8], to: &Destination, port: u16) -> Verdict {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    match request.parse(said) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) if said.len() < LONGEST => return Verdict::Unclear,
        Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => {
            return Verdict::Refuse;
        }
        // Not HTTP.
        Err(_) => return Verdict::Pass,
    }
    let here = ["127.0.0.1", "localhost"].map(|host| format!("{host}:{port}"));
    let meant = host(request.headers).is_some_and(|host| {
        here.contains(&host.to_ascii_lowercase())
            || Destination::read(&host, Some(to.port)).is_some_and(|named| named.host == to.host)
    });
    if meant {
        Verdict::Pass
    } else {
        Verdict::Refuse
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_is_let_through_under_its_own_names_only() {
        let to = "wiki.corp:80".parse::<Destination>().unwrap();
        for (said, verdict) in [
            ("GET / HTTP/1.1\r\nHost: wiki.corp\r\n\r\n", Verdict::Pass),
            (
                "GET / HTTP/1.1\r\nhost: Wiki.Corp:80\r\n\r\n",
                Verdict::Pass,
            ),
            (
                "GET / HTTP/1.1\r\nHost: LOCALHOST:4711\r\n\r\n",
                Verdict::Pass,
            ),
            (
                "GET / HTTP/1.1\r\nHost: 127.0.0.1:4711\r\n\r\n",
                Verdict::Pass,
            ),
            (
                "GET / HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n",
                Verdict::Refuse,
            ),
            (
                "GET / HTTP/1.1\r\nHost: evil.example:4711\r\n\r\n",
                Verdict::Refuse,
            ),
            ("GET / HTTP/1.1\r\n\r\n", Verdict::Refuse),
            (
                "GET / HTTP/1.1\r\nHost: wiki.corp\r\nHost: x\r\n\r\n",
                Verdict::Refuse,
            ),
            ("GET / HTTP/1.1\r\nHost: evil", Verdict::Unclear),
            ("SSH-2.0-OpenSSH_9.2\r\n", Verdict::Pass),
            ("EHLO mail.example\r\n", Verdict::Pass),
            ("a001 LOGIN ada secret\r\n", Verdict::Pass),
            ("\0\0\0\x08\x04\u{d2}\x16/", Verdict::Pass),
            ("\x16\x03\x01", Verdict::Pass),
        ] {
            assert_eq!(judge(said.as_bytes(), &to, 4711), verdict, "{said:?}");
        }
        let long = format!("GET /{} HTTP/1.1\r\n", "x".repeat(LONGEST));
        assert_eq!(judge(long.as_bytes(), &to, 4711), Verdict::Refuse);
    }
}
