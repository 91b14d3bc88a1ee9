//! A loopback port for one resource, for programs that know no proxies.

use std::io;
use std::sync::Arc;

use tokio::io::AsyncReadExt as _;

use ::http::Method;

use super::caller::Caller;
use super::greeting::{HeadError, MAX_HEAD};
use super::listen::{Listening, SilentSlot, listen};
use super::response::ProxyResponse;
use super::shared::HOLD_TIMEOUT;
use super::{http, socket_owner, tunnel};
use crate::dial::{Destination, DialError, Dialer, Sniff, Tunnel, UNCLEAR_TIMEOUT};

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
        let listening = listen(port, Arc::new(socket_owner::SystemSocketOwners), serve).await?;
        Ok(Self { listening })
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.listening.port
    }
}

async fn serve(dialer: Dialer, to: Destination, mut caller: Caller) {
    let mut said = Vec::new();
    // While access is asked for, a program that speaks HTTP waits for an answer in HTTP.
    if matches!(dialer.locked(&to).await, Ok(Some(_)))
        && hear(&mut caller, &mut said).await == Sniff::Http
    {
        return http::serve_forward(dialer, to, None, caller, said).await;
    }
    let Some(dialed) = dial(&dialer, &to, &caller, &said).await else {
        return;
    };
    let mut opened = match dialed {
        Ok(opened) => opened,
        Err(refused) => {
            tracing::warn!(%refused, destination = %to, "refused a forwarded connection");
            if hear(&mut caller, &mut said).await == Sniff::Http {
                http::serve_forward(dialer, to, Some(Err(refused)), caller, said).await;
            }
            // Abrupt, so that nobody takes it for an empty answer.
            return;
        }
    };
    match opened.first_words(&mut caller, said, begins).await {
        Ok((Sniff::Http, said)) => {
            http::serve_forward(dialer, to, Some(Ok(opened)), caller, said).await;
        }
        Ok((Sniff::TooLong, _)) => ProxyResponse::from(HeadError::TooLong).send(caller).await,
        Ok((Sniff::Pass | Sniff::Unclear, said)) => {
            tunnel::carry(&dialer, opened, caller, &to, &said).await;
        }
        Err(error) => {
            tracing::debug!(%error, destination = %to, "forwarded connection ended early");
        }
    }
}

/// Hears a caller's first words, beginning with what it has `said` already, for as long as they may
/// still become HTTP: not for long, since in many protocols the destination speaks first.
async fn hear(caller: &mut Caller, said: &mut Vec<u8>) -> Sniff {
    let hearing = async {
        loop {
            match begins(said) {
                Sniff::Unclear => {}
                judged => return judged,
            }
            let Ok(1..) = caller.read_buf(said).await else {
                return Sniff::Unclear;
            };
        }
    };
    let heard = tokio::time::timeout(UNCLEAR_TIMEOUT, hearing).await;
    heard.unwrap_or(Sniff::Unclear)
}

/// Opens the way for a caller. `None` when the caller has gone: not before what it said is delivered
/// where nobody has to be asked first, as a program that sends and closes at once expects.
async fn dial(
    dialer: &Dialer,
    to: &Destination,
    caller: &Caller,
    said: &[u8],
) -> Option<Result<Tunnel, DialError>> {
    let dialing = dialer.dial(to, HOLD_TIMEOUT);
    tokio::pin!(dialing);
    tokio::select! {
        dialed = &mut dialing => return Some(dialed),
        () = caller.gone() => {}
    }
    let is_open = matches!(dialer.locked(to).await, Ok(None));
    if is_open && (!said.is_empty() || caller.unread().is_there()) {
        Some(dialing.await)
    } else {
        None
    }
}

/// The longest method that is known as one, in bytes.
const MAX_METHOD: usize = 64;

/// Judges the first words of a caller: whether they are HTTP.
fn begins(said: &[u8]) -> Sniff {
    // Empty lines before a request are skipped (RFC 9112, 2.2).
    let begun = said.iter().position(|byte| !b"\r\n".contains(byte));
    let said = &said[begun.unwrap_or(said.len())..];
    let line = said.split_inclusive(|byte| *byte == b'\n').next();
    let line = line.unwrap_or_default();
    if line.ends_with(b"\n") {
        let alone = [line, b"\r\n"].concat();
        let mut request = httparse::Request::new(&mut []);
        return match request.parse(&alone) {
            Ok(_) => Sniff::Http,
            Err(_) => Sniff::Pass,
        };
    }
    let is_text = line
        .iter()
        .all(|byte| !byte.is_ascii_control() || *byte == b'\r');
    let method = line.split(|byte| *byte == b' ').next();
    let method = method.unwrap_or_default();
    let is_method = method.is_empty() || Method::from_bytes(method).is_ok();
    if !is_text || !is_method || method.len() > MAX_METHOD {
        Sniff::Pass
    } else if line.len() < MAX_HEAD {
        Sniff::Unclear
    } else {
        Sniff::TooLong
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_is_known_by_its_first_line() {
        let long = format!("GET /{}", "x".repeat(MAX_HEAD));
        let token = "f".repeat(MAX_METHOD + 1);
        for (said, verdict) in [
            ("GET / HTTP/1.1\r\n", Sniff::Http),
            ("\r\nGET / HTTP/1.1\n", Sniff::Http),
            ("LIST /a b HTTP/1.0\r\nHo", Sniff::Pass),
            ("LIST /\u{e4} HTTP/1.0\r\nX-A: \u{1}\r\n", Sniff::Http),
            ("GET / HTTP/1.1\r", Sniff::Unclear),
            ("GE", Sniff::Unclear),
            ("\r\n", Sniff::Unclear),
            (&long, Sniff::TooLong),
            (&token, Sniff::Pass),
            ("OPTIONS * RTSP/1.0\r\n", Sniff::Pass),
            ("PRI * HTTP/2.0\r\n", Sniff::Pass),
            ("SSH-2.0-OpenSSH_9.2\r\n", Sniff::Pass),
            ("EHLO mail.example\r\n", Sniff::Pass),
            ("a001 LOGIN ada secret\r\n", Sniff::Pass),
            ("{\"x\":1}", Sniff::Pass),
            ("\0\0\0\x08\x04\u{d2}\x16/", Sniff::Pass),
            ("\x16\x03\x01", Sniff::Pass),
        ] {
            assert_eq!(begins(said.as_bytes()), verdict, "{said:?}");
        }
    }
}
