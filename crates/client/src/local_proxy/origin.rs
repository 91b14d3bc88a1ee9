//! Requests to a destination, through a tunnel.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{Either, Empty};
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::AbortHandle;

use crate::dial::{self, Destination};
use crate::upstream::{Settled, Tunnel};

/// The longest head of an answer that is read, bytes. curl's limit is alike.
pub(super) const MAX_ANSWER_HEAD: usize = 256 * 1024;

/// The most fields of an answer that are read.
pub(super) const MAX_ANSWER_FIELDS: usize = 1_024;

/// Between the answer to a request and the next request: see [`Origin::was_just_used`].
const RECENT_USE: Duration = Duration::from_secs(1);

/// The caller's body, as it comes, or none.
pub(super) type Body = Either<Incoming, Empty<Bytes>>;

/// A connection to a destination, for one request after the other. It ends in order when this is
/// dropped, once what was asked is answered.
pub(super) struct Origin {
    /// Where it leads.
    pub(super) to: Destination,
    sender: SendRequest<Body>,
    cut: OriginAbort,
    /// The gateway's word on why it cut this.
    why_cut: Pin<Box<dyn Future<Output = Option<dial::CutReason>> + Send>>,
    /// When the head of the last answer came.
    answered: Option<Instant>,
    /// Nothing reaches the destination any more.
    is_deaf: Arc<AtomicBool>,
}

/// Ends a connection to a destination at once, which shows there as a reset.
#[derive(Clone)]
pub(super) struct OriginAbort(AbortHandle, Settled);

impl OriginAbort {
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
        let why_cut = Box::pin(tunnel.cut());
        let is_deaf = Arc::new(AtomicBool::new(false));
        let tunnel = Deafening {
            tunnel,
            is_deaf: Arc::clone(&is_deaf),
        };
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
        let cut = OriginAbort(driver.abort_handle(), settled);
        Ok(Self {
            to,
            sender,
            cut,
            why_cut,
            answered: None,
            is_deaf,
        })
    }

    /// True when nothing was asked on it yet.
    pub(super) fn is_new(&self) -> bool {
        self.answered.is_none()
    }

    /// Waits for the gateway's word on why it cut this connection, which has broken.
    pub(super) async fn why_cut(self) -> Option<dial::CutReason> {
        self.cut.now();
        self.why_cut.await
    }

    /// What ends this connection at once.
    pub(super) fn cut(&self) -> OriginAbort {
        self.cut.clone()
    }

    /// True when all that was asked is answered.
    pub(super) fn is_idle(&self) -> bool {
        self.sender.is_ready()
    }

    /// True when the last answer came so lately that no destination will have closed the connection
    /// since: the shortest timeouts between two requests are 2 s (gunicorn) and 5 s (Apache, Node).
    pub(super) fn was_just_used(&self) -> bool {
        self.answered.is_some_and(|at| at.elapsed() < RECENT_USE)
    }

    /// Waits until the last request was answered whole. False when no other one can follow.
    pub(super) async fn is_ready(&mut self) -> bool {
        self.sender.ready().await.is_ok() && !self.is_deaf.load(Relaxed)
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

/// A tunnel of which a destination that answers and closes, with no mind for the rest of what is
/// sent, is heard to the end: what cannot be sent any more is dropped, and the end is what reading
/// comes to.
struct Deafening {
    tunnel: Tunnel,
    is_deaf: Arc<AtomicBool>,
}

impl Deafening {
    /// What came of sending, or `dropped` where it cannot be sent.
    fn unless_deaf<T>(
        &mut self,
        dropped: T,
        send: impl FnOnce(Pin<&mut Tunnel>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if self.is_deaf.load(Relaxed) {
            return Poll::Ready(Ok(dropped));
        }
        match send(Pin::new(&mut self.tunnel)) {
            Poll::Ready(Err(_)) => {
                self.is_deaf.store(true, Relaxed);
                Poll::Ready(Ok(dropped))
            }
            sent => sent,
        }
    }
}

impl AsyncRead for Deafening {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tunnel).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Deafening {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.unless_deaf(bytes.len(), |tunnel| tunnel.poll_write(cx, bytes))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.unless_deaf((), |tunnel| tunnel.poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.unless_deaf((), |tunnel| tunnel.poll_shutdown(cx))
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
