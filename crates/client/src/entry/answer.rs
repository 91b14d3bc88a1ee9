//! The entry's own answers over HTTP. None of them may be read by other origins.

use std::time::Duration;

use hourkey_protocol::gateway::Refusal;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use url::Url;

use super::http::Bad;
use super::pac;
use crate::dial::Refused;

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    status: &'static str,
    media_type: &'static str,
    location: Option<Url>,
    body: String,
}

/// A caller is given this long to take its answer, and to finish what it still says.
const LINGER: Duration = Duration::from_secs(2);

impl Answer {
    fn text(status: &'static str, sentence: &str) -> Self {
        Self {
            status,
            media_type: "text/plain; charset=utf-8",
            location: None,
            body: format!("{sentence}\n"),
        }
    }

    /// The PAC file.
    pub(super) fn pac(file: String) -> Self {
        Self {
            media_type: pac::MEDIA_TYPE,
            body: file,
            ..Self::text("200 OK", "")
        }
    }

    /// Go there instead.
    pub(super) fn see(page: Url) -> Self {
        Self {
            location: Some(page),
            ..Self::text("302 Found", "This resource is locked: ask for access.")
        }
    }

    /// Go on to where the browser was going.
    pub(super) fn there(url: Url) -> Self {
        Self {
            location: Some(url),
            ..Self::text("302 Found", "Go on.")
        }
    }

    /// A browser stays on its page (RFC 9110, 15.3.5).
    pub(super) fn stay() -> Self {
        Self {
            body: String::new(),
            ..Self::text("204 No Content", "")
        }
    }

    /// There is nothing, or nothing for this caller.
    pub(super) fn nothing() -> Self {
        Self::text("404 Not Found", "There is nothing here.")
    }

    /// A page of another name must learn nothing.
    pub(super) fn foreign() -> Self {
        Self::text("403 Forbidden", "This name is not for here.")
    }

    /// Sends it and ends the connection, in a way that the caller still gets to read it.
    pub(super) async fn send(self, mut stream: TcpStream) {
        let location = self
            .location
            .map_or_else(String::new, |page| format!("Location: {page}\r\n"));
        let text = format!(
            "HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n{location}\
             Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\
             Cross-Origin-Resource-Policy: same-origin\r\nConnection: close\r\n\r\n{}",
            self.status,
            self.media_type,
            self.body.len(),
            self.body
        );
        // A caller that goes away misses only its answer.
        let _ = tokio::time::timeout(LINGER, async {
            stream.write_all(text.as_bytes()).await?;
            stream.shutdown().await?;
            // Closing while something lies unread would take the answer back.
            let mut rest = [0; 4096];
            while stream.read(&mut rest).await? > 0 {}
            Ok::<_, std::io::Error>(())
        })
        .await;
    }
}

impl From<Bad> for Answer {
    fn from(bad: Bad) -> Self {
        match bad {
            Bad::Malformed => Self::text("400 Bad Request", "This request makes no sense."),
            Bad::NoLength => Self::text(
                "411 Length Required",
                "Only requests whose length is known beforehand are handed on.",
            ),
            Bad::TooLong => Self::text(
                "431 Request Header Fields Too Large",
                "The head of this request is too long.",
            ),
        }
    }
}

impl From<Refused> for Answer {
    fn from(refused: Refused) -> Self {
        let status = match &refused {
            Refused::NoResource
            | Refused::Locked
            | Refused::Denied
            | Refused::SignedOut
            | Refused::Gateway(Refusal::NoPermit | Refusal::Device) => "403 Forbidden",
            Refused::NothingHeard
            | Refused::NoGateway(_)
            | Refused::Device(_)
            | Refused::Gateway(Refusal::Stale | Refusal::Busy) => "503 Service Unavailable",
            Refused::NoAnswer(_) | Refused::Gateway(Refusal::Unreachable | Refusal::Malformed) => {
                "502 Bad Gateway"
            }
        };
        Self::text(status, &refused.to_string())
    }
}
