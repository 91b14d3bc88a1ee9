//! A loopback port for one resource, for programs that know no proxies.

use std::io;
use std::sync::Arc;

use super::answer::Answer;
use super::caller::Caller;
use super::cross_site::is_cross_site;
use super::greeting::{BadHead, MAX_FIELDS, MAX_HEAD, host};
use super::listen::{Listening, SilentSlot, listen};
use super::{PATIENCE, peer, tunnel};
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
    /// rebinding), which must not read the resource. What a page of another site sends is refused
    /// as well: it could not read the answer, but the resource would act on it.
    ///
    /// # Errors
    /// When the port is taken.
    pub async fn start(dialer: Dialer, to: Destination, port: u16) -> io::Result<Self> {
        let serve = move |caller: Caller, slot: SilentSlot| {
            // What it asks for is known from the start.
            drop(slot);
            serve(dialer.clone(), to.clone(), caller)
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

async fn serve(dialer: Dialer, to: Destination, mut caller: Caller) {
    let dialed = tokio::select! {
        dialed = dialer.dial(&to, PATIENCE) => dialed,
        () = caller.gone() => return,
    };
    let mut opened = match dialed {
        Ok(opened) => opened,
        Err(refused) => {
            tracing::warn!(%refused, destination = %to, "refused a forwarded connection");
            // Abrupt, so that nobody takes it for an empty answer.
            return;
        }
    };
    let judge = |said: &[u8]| judge(said, &to);
    match opened.first_words(&mut caller, judge).await {
        Ok((Verdict::Refuse, _)) => Answer::foreign_to_forward().send(caller).await,
        Ok((Verdict::CrossSite, _)) => Answer::cross_site().send(caller).await,
        Ok((Verdict::TooLong, _)) => Answer::from(BadHead::TooLong).send(caller).await,
        Ok((Verdict::Pass | Verdict::Unclear, said)) => {
            tunnel::carry(&dialer, opened, caller, &to, &said).await;
        }
        Err(error) => {
            tracing::debug!(%error, destination = %to, "forwarded connection ended early");
        }
    }
}

/// Judges the first words of a caller: whether they are HTTP, and meant for here.
fn judge(said: &[u8], to: &Destination) -> Verdict {
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    match request.parse(said) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) if said.len() < MAX_HEAD => return Verdict::Unclear,
        Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => {
            return Verdict::TooLong;
        }
        // HTTP by its first line, and some servers read on where this parser does not.
        Err(httparse::Error::HeaderName | httparse::Error::HeaderValue) => return Verdict::Refuse,
        // Not HTTP.
        Err(_) => return Verdict::Pass,
    }
    let hosts = request.headers.iter();
    let hosts = hosts.filter(|field| field.name.eq_ignore_ascii_case("host"));
    // HTTP/1.0 knows no Host (RFC 9112, 3.2), and no browser speaks it.
    if request.version == Some(0) && hosts.count() == 0 {
        return Verdict::Pass;
    }
    let meant = host(request.headers).is_some_and(|host| is_here(&host, to));
    if meant && is_cross_site(request.method, request.headers) {
        Verdict::CrossSite
    } else if meant {
        Verdict::Pass
    } else {
        Verdict::Refuse
    }
}

/// True for a host that is the resource's own, or this machine's. The port is not compared: a page
/// cannot make any of these names point here, whatever port it says.
fn is_here(host: &str, to: &Destination) -> bool {
    let named = Destination::read(host, Some(to.port)).map(|named| named.host);
    let here = ["127.0.0.1", "localhost"];
    named.is_some_and(|named| {
        named == to.host || here.iter().any(|it| it.parse().is_ok_and(|it| named == it))
    })
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
                Verdict::Pass,
            ),
            ("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", Verdict::Pass),
            ("GET / HTTP/1.0\r\n\r\n", Verdict::Pass),
            (
                "GET / HTTP/1.0\r\nHost: evil.example\r\n\r\n",
                Verdict::Refuse,
            ),
            (
                "GET / HTTP/1.1\r\nHost: evil.example:4711\r\n\r\n",
                Verdict::Refuse,
            ),
            ("GET / HTTP/1.1\r\n\r\n", Verdict::Refuse),
            (
                "POST / HTTP/1.1\r\nHost: localhost:4711\r\nOrigin: http://evil\r\n\r\n",
                Verdict::CrossSite,
            ),
            (
                "GET / HTTP/1.1\r\nHost: wiki.corp\r\nHost: x\r\n\r\n",
                Verdict::Refuse,
            ),
            ("GET / HTTP/1.1\r\nHost: evil", Verdict::Unclear),
            (
                "GET / HTTP/1.1\r\nX-A: \u{1}\r\nHost: evil.example\r\n\r\n",
                Verdict::Refuse,
            ),
            (
                "GET / HTTP/1.1\r\nX-A: \u{7f}\r\nHost: evil.example\r\n\r\n",
                Verdict::Refuse,
            ),
            ("SSH-2.0-OpenSSH_9.2\r\n", Verdict::Pass),
            ("EHLO mail.example\r\n", Verdict::Pass),
            ("a001 LOGIN ada secret\r\n", Verdict::Pass),
            ("\0\0\0\x08\x04\u{d2}\x16/", Verdict::Pass),
            ("\x16\x03\x01", Verdict::Pass),
        ] {
            assert_eq!(judge(said.as_bytes(), &to), verdict, "{said:?}");
        }
        let long = format!("GET /{} HTTP/1.1\r\n", "x".repeat(MAX_HEAD));
        assert_eq!(judge(long.as_bytes(), &to), Verdict::TooLong);
    }
}
