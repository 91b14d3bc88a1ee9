//! Requests to a destination, through a tunnel.

use std::pin::Pin;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{Either, Empty};
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::task::AbortHandle;

use crate::dial::{Blocked, Destination};
use crate::upstream::{Settled, Tunnel};

/// The longest head of an answer that is read, bytes. curl's limit is alike.
pub(super) const MAX_ANSWER_HEAD: usize = 256 * 1024;

/// The most fields of an answer that are read.
pub(super) const MAX_ANSWER_FIELDS: usize = 1_024;

/// Between the answer to a request and the next request: see [`Origin::was_just_used`].
const JUST_USED: Duration = Duration::from_secs(1);

/// The caller's body, as it comes, or none.
pub(super) type Body = Either<Incoming, Empty<Bytes>>;

/// A connection to a destination, for one request after the other. It ends in order when this is
/// dropped, once what was asked is answered.
pub(super) struct Origin {
    /// Where it leads.
    pub(super) to: Destination,
    sender: SendRequest<Body>,
    cut: Cut,
    /// The gateway's word on why it cut this.
    blocked: Pin<Box<dyn Future<Output = Option<Blocked>> + Send>>,
    /// When the head of the last answer came.
    answered: Option<Instant>,
}

/// Ends a connection to a destination at once, which shows there as a reset.
#[derive(Clone)]
pub(super) struct Cut(AbortHandle, Settled);

impl Cut {
    /// Says how the tunnel beneath ends, for whatever follows HTTP on it.
    pub(super) fn settled(&self) -> &Settled {
        &self.1
    }

    pub(super) fn now(&self) {
        self.1.set(false);
        self.0.abort();
    }
}

/// A request was not answered.
pub(super) struct Unanswered {
    pub(super) error: hyper::Error,
    /// The request, where asking again on another connection does no harm.
    pub(super) again: Option<Request<Body>>,
}

impl Origin {
    /// Speaks HTTP/1.1 through a tunnel.
    pub(super) async fn new(to: Destination, tunnel: Tunnel) -> hyper::Result<Self> {
        let settled = tunnel.settled();
        let blocked = Box::pin(tunnel.blocked());
        let (sender, connection) = http1::Builder::new()
            .preserve_header_case(true)
            .max_headers(MAX_ANSWER_FIELDS)
            .max_header_size(MAX_ANSWER_HEAD)
            // Browsers and curl read these too.
            .allow_spaces_after_header_name_in_responses(true)
            .allow_obsolete_multiline_headers_in_responses(true)
            .handshake(TokioIo::new(tunnel))
            .await?;
        let driver = tokio::spawn(async move {
            if let Err(error) = connection.with_upgrades().await {
                tracing::debug!(%error, "connection to the destination broke");
            }
        });
        let cut = Cut(driver.abort_handle(), settled);
        Ok(Self {
            to,
            sender,
            cut,
            blocked,
            answered: None,
        })
    }

    /// Waits for the gateway's word on why it cut this connection, which has broken.
    pub(super) async fn blocked(self) -> Option<Blocked> {
        self.cut.now();
        self.blocked.await
    }

    /// What ends this connection at once.
    pub(super) fn cut(&self) -> Cut {
        self.cut.clone()
    }

    /// True when all that was asked is answered.
    pub(super) fn is_idle(&self) -> bool {
        self.sender.is_ready()
    }

    /// True when the last answer came so lately that no destination will have closed the connection
    /// since: the shortest timeouts between two requests are 2 s (gunicorn) and 5 s (Apache, Node).
    pub(super) fn was_just_used(&self) -> bool {
        self.answered.is_some_and(|at| at.elapsed() < JUST_USED)
    }

    /// Waits until the last request was answered whole. False when no other one can follow.
    pub(super) async fn is_ready(&mut self) -> bool {
        self.sender.ready().await.is_ok()
    }

    /// Sends a request. The answer may come before all of the request's body has gone.
    pub(super) async fn send(
        &mut self,
        request: Request<Body>,
    ) -> Result<Response<Incoming>, Box<Unanswered>> {
        let copy = repeatable(&request);
        let sent = self.sender.try_send_request(request).await;
        self.answered = Some(Instant::now());
        sent.map_err(|mut failed| {
            let again = failed.take_message().or(copy);
            let error = failed.into_error();
            Box::new(Unanswered { error, again })
        })
    }
}

/// True for a request that changes nothing at the destination, however often it is made
/// (RFC 9110, 9.2.1).
pub(super) fn is_repeatable(request: &Request<Body>) -> bool {
    let safe = [Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method());
    safe && request.body().is_end_stream()
}

/// A copy of a request that may be made again.
fn repeatable(request: &Request<Body>) -> Option<Request<Body>> {
    is_repeatable(request).then(|| {
        let mut copy = Request::new(Either::Right(Empty::new()));
        *copy.method_mut() = request.method().clone();
        *copy.uri_mut() = request.uri().clone();
        *copy.headers_mut() = request.headers().clone();
        *copy.extensions_mut() = request.extensions().clone();
        copy
    })
}
