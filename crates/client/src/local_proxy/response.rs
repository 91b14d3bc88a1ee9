//! The local proxy's own answers over HTTP. None of them may be read by other origins.

use bytes::Bytes;
use hourkey_protocol::gateway::Refusal;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use http::{Response, StatusCode};
use http_body_util::Full;
use serde::Serialize;
use tokio::io::AsyncWriteExt as _;
use url::Url;

use super::caller::Caller;
use super::greeting::HeadError;
use super::pac;
use super::rewrite::TargetError;
use crate::dial::DialError;

/// A response of the proxy itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ProxyResponse {
    status: StatusCode,
    media_type: &'static str,
    location: Option<Box<Url>>,
    body: String,
}

/// A locked resource, for programs (RFC 9457, 3).
#[derive(Serialize)]
struct LockedProblem<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
    /// Where access is asked for.
    request_page: &'a Url,
}

impl ProxyResponse {
    fn text(status: StatusCode, sentence: &str) -> Self {
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
            ..Self::text(StatusCode::OK, "")
        }
    }

    /// The request page instead, for a browser that would show the resource.
    pub(super) fn see(page: Url) -> Self {
        Self {
            location: Some(Box::new(page)),
            ..Self::text(
                StatusCode::FOUND,
                "This resource is locked: ask for access.",
            )
        }
    }

    /// The resource is locked, for a program that cannot show the request page.
    pub(super) fn locked(refused: &DialError, page: &Url) -> Self {
        let problem = LockedProblem {
            kind: "urn:hourkey:problem:locked",
            title: "This resource is locked",
            status: StatusCode::FORBIDDEN.as_u16(),
            detail: format!("{refused} Request page: {page}"),
            request_page: page,
        };
        Self {
            media_type: "application/problem+json",
            // A struct of texts and a number is always JSON.
            body: serde_json::to_string(&problem).unwrap_or_default() + "\n",
            ..Self::text(StatusCode::FORBIDDEN, "")
        }
    }

    /// Go on to where the browser was going.
    pub(super) fn there(url: Url) -> Self {
        Self {
            location: Some(Box::new(url)),
            ..Self::text(StatusCode::FOUND, "Continue there.")
        }
    }

    /// A browser stays on its page (RFC 9110, 15.3.5).
    pub(super) fn stay() -> Self {
        Self {
            body: String::new(),
            ..Self::text(StatusCode::NO_CONTENT, "")
        }
    }

    /// There is nothing, or nothing for this caller.
    pub(super) fn nothing() -> Self {
        Self::text(StatusCode::NOT_FOUND, "There is nothing here.")
    }

    /// Refuses a page of another host name, which must learn nothing.
    pub(super) fn foreign() -> Self {
        Self::text(
            StatusCode::FORBIDDEN,
            "This proxy does not serve that host name.",
        )
    }

    /// [`Self::foreign`], at a port for one resource, whose name is not said.
    pub(super) fn foreign_to_forward() -> Self {
        Self::text(
            StatusCode::FORBIDDEN,
            "This forward does not serve that host name. Use 127.0.0.1, localhost, or the name of the \
             resource that it leads to.",
        )
    }

    /// A forward leads to its resource as it is.
    pub(super) fn no_connect_by_forward() -> Self {
        Self::text(
            StatusCode::FORBIDDEN,
            "A forward is no proxy, and serves no CONNECT. Use the proxy of `hourkey proxy`, or \
             `hourkey connect`.",
        )
    }

    /// Refuses a page of another site, which must change nothing.
    pub(super) fn cross_site() -> Self {
        Self::text(
            StatusCode::FORBIDDEN,
            "A page of another site asked for this: its Origin is not the host that it asks. Type the \
             address, or follow a link to it.",
        )
    }

    /// The body of the request broke off, or is malformed.
    pub(super) fn unread() -> Self {
        let sentence = "The body of this request broke off, or is not what its head announces.";
        Self::text(StatusCode::BAD_REQUEST, sentence)
    }

    /// The destination took the request and gave no answer.
    pub(super) fn unanswered(why: &str) -> Self {
        Self::text(StatusCode::BAD_GATEWAY, why)
    }

    /// As it is served on a connection that may go on.
    pub(super) fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(Bytes::from(self.body)));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        for (name, value) in [
            (CONTENT_TYPE, self.media_type),
            (CACHE_CONTROL, "no-store"),
            (HeaderName::from_static("x-content-type-options"), "nosniff"),
            (
                HeaderName::from_static("cross-origin-resource-policy"),
                "same-origin",
            ),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if let Some(location) = self.location
            // A URL is written in ASCII without control characters.
            && let Ok(location) = HeaderValue::from_str(location.as_str())
        {
            headers.insert(LOCATION, location);
        }
        response
    }

    /// Sends it on a connection that carries no HTTP of ours otherwise, and ends that, in a way that
    /// the caller still gets to read it.
    pub(super) async fn send(self, mut caller: Caller) {
        let length = self.body.len();
        let body = self.body.clone();
        let response = self.into_response();
        let mut text = format!("HTTP/1.1 {}\r\n", response.status());
        for (name, value) in response.headers() {
            text.push_str(name.as_str());
            text.push_str(": ");
            text.push_str(value.to_str().unwrap_or_default());
            text.push_str("\r\n");
        }
        text.push_str(&format!(
            "content-length: {length}\r\nconnection: close\r\n\r\n{body}"
        ));
        let sent = async {
            caller.write_all(text.as_bytes()).await?;
            caller.shutdown().await
        };
        if sent.await.is_ok() {
            caller.linger().await;
        }
    }
}

impl From<HeadError> for ProxyResponse {
    fn from(bad: HeadError) -> Self {
        match bad {
            HeadError::Malformed => Self::text(
                StatusCode::BAD_REQUEST,
                "This is not a request that a proxy can read: write CONNECT host:port HTTP/1.1.",
            ),
            HeadError::Target => Self::text(
                StatusCode::BAD_REQUEST,
                "The address of this request has characters that a URL holds percent-encoded \
                 only: \" is %22, < is %3C, > is %3E, ` is %60, and so are letters beyond ASCII. \
                 Encode them, or go through CONNECT (curl: --proxytunnel).",
            ),
            HeadError::TooLong => Self::text(
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "The head of this request is too long: 64 KiB and 256 fields are read. Clear \
                 this site's cookies, or send less.",
            ),
        }
    }
}

impl From<TargetError> for ProxyResponse {
    fn from(bad: TargetError) -> Self {
        let sentence = match bad {
            TargetError::Scheme => {
                "This proxy hands on http:// addresses; use CONNECT for all others."
            }
            TargetError::Authority => {
                "The address of this request names no host and port, or a user before them."
            }
        };
        Self::text(StatusCode::BAD_REQUEST, sentence)
    }
}

impl From<DialError> for ProxyResponse {
    fn from(refused: DialError) -> Self {
        let status = match &refused {
            DialError::NoResource
            | DialError::Locked
            | DialError::Disabled
            | DialError::Denied
            | DialError::SignedOut
            | DialError::Gateway(Refusal::NoPermit | Refusal::Device) => StatusCode::FORBIDDEN,
            DialError::NothingHeard(_)
            | DialError::NoGateway(_)
            | DialError::Device(_)
            | DialError::Gateway(Refusal::Stale | Refusal::Busy) => StatusCode::SERVICE_UNAVAILABLE,
            DialError::NoAnswer(_)
            | DialError::Gateway(Refusal::Unreachable | Refusal::Malformed) => {
                StatusCode::BAD_GATEWAY
            }
        };
        Self::text(status, &refused.to_string())
    }
}
