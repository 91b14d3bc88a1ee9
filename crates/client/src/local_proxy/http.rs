//! HTTP at the local proxy, but for the tunnels: requests in absolute form, which are passed on, and
//! those for the proxy itself; and HTTP at the port of one resource.
//!
//! hyper reads and writes both hops. A caller that goes away is noticed by the kernel's word
//! ([`Caller::gone`]): hyper sees it only while it reads.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use http::header::{UPGRADE, USER_AGENT};
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};

use super::caller::Caller;
use super::greeting::{self, MAX_FIELDS, MAX_HEAD};
use super::origin::{
    MAX_ANSWER_FIELDS, MAX_ANSWER_HEAD, Origin, OriginAbort, Unanswered, is_repeatable,
};
use super::response::ProxyResponse;
use super::rewrite::{self, RewrittenRequest, has_clear_length, is_navigation};
use super::shared::{BROWSER_HOLD_TIMEOUT, HOLD_TIMEOUT, Shared};
use super::{judge, own, tunnel};
use crate::dial::{Destination, DialError, Dialer, Tunnel};
use crate::pages::{self, ReturnTo};
use crate::upstream::{RelayError, relay};

/// How long a connection stays without a request, and how long the head of one may take.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// A response of a destination, or our own.
type Answered = Response<Either<Incoming, Full<Bytes>>>;

/// What follows HTTP on a connection.
type Afterwards = Pin<Box<dyn Future<Output = Result<(), RelayError>> + Send>>;

/// Where the requests of a connection may go.
enum Serves {
    /// To any resource, by the local proxy, which has pages of its own.
    Proxy(Arc<Shared>),
    /// To one resource.
    Forward(Destination),
}

/// One connection of a caller.
struct Connection {
    serves: Serves,
    dialer: Dialer,
    caller: Caller,
    /// True until the first request, if that is for a whole server.
    is_for_server: AtomicBool,
    /// The destination of the last request, which may be that of the next one.
    origin: Mutex<Option<Origin>>,
    /// Ends the connection to the destination at once.
    cut: Mutex<Option<OriginAbort>>,
    afterwards: Mutex<Option<Afterwards>>,
    /// What the first request is told.
    refused: Mutex<Option<DialError>>,
}

/// Serves the requests of a connection to the local proxy until either side ends it. `said` was read
/// already.
pub(super) async fn serve(proxy: Arc<Shared>, caller: Caller, said: Vec<u8>, is_for_server: bool) {
    let connection = Connection {
        dialer: proxy.dialer.clone(),
        serves: Serves::Proxy(proxy),
        caller,
        is_for_server: AtomicBool::new(is_for_server),
        origin: Mutex::default(),
        cut: Mutex::default(),
        afterwards: Mutex::default(),
        refused: Mutex::default(),
    };
    run(connection, said).await;
}

/// Serves the requests of a connection to the port of one resource. `dialed` is what opening the way
/// there has come to, if that was tried. `said` was read already.
pub(super) async fn serve_forward(
    dialer: Dialer,
    to: Destination,
    dialed: Option<Result<Tunnel, DialError>>,
    caller: Caller,
    said: Vec<u8>,
) {
    let (origin, refused) = match dialed {
        Some(Ok(tunnel)) => match Origin::new(to.clone(), tunnel).await {
            Ok(origin) => (Some(origin), None),
            Err(_) => return,
        },
        Some(Err(refused)) => (None, Some(refused)),
        None => (None, None),
    };
    let connection = Connection {
        serves: Serves::Forward(to),
        dialer,
        caller,
        is_for_server: AtomicBool::new(false),
        cut: Mutex::new(origin.as_ref().map(Origin::cut)),
        origin: Mutex::new(origin),
        afterwards: Mutex::default(),
        refused: Mutex::new(refused),
    };
    run(connection, said).await;
}

async fn run(connection: Connection, said: Vec<u8>) {
    let (caller, connection) = (connection.caller.clone(), Arc::new(connection));
    let answering = Arc::clone(&connection);
    let service = service_fn(move |request| {
        let connection = Arc::clone(&answering);
        async move { Ok::<_, Infallible>(connection.answer(request).await) }
    });
    let begun = Begun {
        said: said.into(),
        caller: caller.clone(),
    };
    let serving = http1::Builder::new()
        // A caller may say all it has to say and wait for the answer.
        .half_close(true)
        .preserve_header_case(true)
        // Where there is no case to preserve: in our own answers.
        .title_case_headers(true)
        .auto_date_header(false)
        .max_headers(MAX_FIELDS)
        .max_header_size(MAX_HEAD)
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE_TIMEOUT)
        .serve_connection(TokioIo::new(begun), service)
        .with_upgrades();
    tokio::pin!(serving);
    // Dropped before `serving`, which would end the connection to the destination in order.
    let unfinished = Unfinished(&connection);
    let served = tokio::select! {
        served = &mut serving => served,
        () = caller.gone() => return,
    };
    let afterwards = connection.afterwards().take();
    match (served, afterwards) {
        (Ok(()), Some(afterwards)) => match afterwards.await {
            Ok(()) => caller.settle(),
            Err(error) => tracing::debug!(%error, "upgraded connection broke"),
        },
        // It was told what is wrong, or said nothing for long.
        (Err(error), _) if !(error.is_parse() || error.is_timeout()) => {
            tracing::debug!(%error, "local HTTP connection broke");
            return;
        }
        (Ok(()) | Err(_), _) => {
            // hyper leaves it open where an upgrade was asked for and not given.
            let _ = caller.clone().shutdown().await;
            caller.linger().await;
        }
    }
    std::mem::forget(unfinished);
}

/// A connection whose end was not reached: the caller has gone, or the proxy is stopped.
struct Unfinished<'a>(&'a Connection);

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        self.0.left();
    }
}

impl Connection {
    async fn answer(&self, request: Request<Incoming>) -> Answered {
        let is_for_server = self.is_for_server.swap(false, Relaxed);
        let proxy = match &self.serves {
            Serves::Proxy(proxy) => proxy,
            Serves::Forward(to) => {
                let onward = |head: Parts| {
                    judge::judge(&head, to)?;
                    Ok(RewrittenRequest::by_forward(head, to.clone())?)
                };
                return self.pass_on(request, onward).await.unwrap_or_else(ours);
            }
        };
        if request.method() == Method::CONNECT {
            self.tunnel(proxy, request).await.unwrap_or_else(ours)
        } else if request.uri().scheme().is_some() {
            let onward = |head| Ok(RewrittenRequest::of(head, is_for_server)?);
            self.pass_on(request, onward).await.unwrap_or_else(ours)
        } else {
            let host = single_host(&request);
            let target = request.uri().path_and_query();
            let path = target.map_or("/", http::uri::PathAndQuery::as_str);
            let port = self.caller.port();
            ours(own::answer(proxy, port, request.method(), path, host).await)
        }
    }

    /// A tunnel on a connection that carried other requests before.
    async fn tunnel(
        &self,
        proxy: &Shared,
        mut request: Request<Incoming>,
    ) -> Result<Answered, ProxyResponse> {
        let upgraded = hyper::upgrade::on(&mut request);
        let target = request.uri().authority().map(http::uri::Authority::as_str);
        let to = target.and_then(|target| Destination::read(target, None));
        let to = to.ok_or(greeting::HeadError::Malformed)?;
        let browser = is_browser(request.headers());
        let tunnel = tunnel::open(proxy, self.caller.port(), &to, browser).await?;
        let caller = self.caller.clone();
        *self.afterwards() = Some(Box::pin(async move {
            let Ok(local) = upgraded.await else {
                return Err(RelayError::CallerGone);
            };
            tunnel
                .relay(TokioIo::new(local), &[], || caller.is_gone())
                .await
        }));
        Ok(Response::new(Either::Right(Full::default())))
    }

    /// Plain HTTP: a locked resource has a page to go to, in the same tab.
    async fn pass_on(
        &self,
        mut request: Request<Incoming>,
        onward: impl FnOnce(Parts) -> Result<RewrittenRequest, ProxyResponse>,
    ) -> Result<Answered, ProxyResponse> {
        let upgraded = hyper::upgrade::on(&mut request);
        let (head, body) = request.into_parts();
        let browser = is_browser(&head.headers);
        let RewrittenRequest {
            to,
            return_to,
            head,
        } = onward(head)?;
        let page = self.dialer.locked(&to).await?;
        match (&page, return_to, &self.serves) {
            (Some(page), Some(url), Serves::Proxy(proxy)) => {
                let id = proxy.return_targets.add(url, to);
                let port = self.caller.port();
                return Err(ProxyResponse::see(pages::with_return_to(
                    page.clone(),
                    &ReturnTo { port, id },
                )));
            }
            // Nobody is there for the browser to come back to but the person.
            (Some(page), _, Serves::Forward(_)) if is_navigation(&head.method, &head.headers) => {
                return Err(ProxyResponse::see(page.clone()));
            }
            (_, _, _) => {}
        }
        let hold_timeout = if browser {
            BROWSER_HOLD_TIMEOUT
        } else {
            HOLD_TIMEOUT
        };
        let refused = |refused: DialError| match (&page, &refused) {
            (Some(page), DialError::Locked | DialError::Denied) => {
                ProxyResponse::locked(&refused, page)
            }
            (_, _) => refused.into(),
        };
        let mut request = Request::from_parts(head, Either::Left(body));
        // What is switched to needs a connection on which nothing was asked before.
        let upgrades = request.headers().contains_key(UPGRADE);
        let is_head = request.method() == Method::HEAD;
        let last = self.last_origin(&to).await;
        let last = last.filter(|last| !upgrades || last.is_new());
        // The connection of a resource that is locked now is about to be cut.
        let (mut origin, mut fresh) = match last.filter(|_| page.is_none()) {
            Some(new) if new.is_new() => (new, true),
            Some(used) if is_repeatable(&request) || used.was_just_used() => (used, false),
            _ => (
                self.connect(&to, hold_timeout).await.map_err(refused)?,
                true,
            ),
        };
        let mut response = loop {
            match origin.send(request).await {
                Ok(response) => break response,
                Err(unanswered) => match *unanswered {
                    // The destination closed it, as it may between two requests.
                    Unanswered {
                        again: Some(again), ..
                    } if !fresh => {
                        request = again;
                        origin = self.connect(&to, hold_timeout).await.map_err(refused)?;
                        fresh = true;
                    }
                    Unanswered { error, .. } if error.is_user() => {
                        return Err(ProxyResponse::unread());
                    }
                    Unanswered { error, .. } if error.is_parse_too_large() => {
                        return Err(ProxyResponse::unanswered(&format!(
                            "The head of the resource's answer is too large: more than {} KiB, or \
                             than {MAX_ANSWER_FIELDS} fields.",
                            MAX_ANSWER_HEAD / 1024
                        )));
                    }
                    Unanswered { error, .. } if error.is_parse() => {
                        return Err(ProxyResponse::unanswered(&format!(
                            "The resource's answer cannot be read: {error}."
                        )));
                    }
                    Unanswered { error, .. } => {
                        tracing::debug!(%error, "the destination gave no answer");
                        if let Some(why) = origin.why_cut().await {
                            return Err(ProxyResponse::unanswered(&why.to_string()));
                        }
                        let cause = std::error::Error::source(&error);
                        let cause = cause.and_then(|it| it.downcast_ref::<io::Error>());
                        let why = self.dialer.why_lost(&to, cause).await;
                        return Err(ProxyResponse::unanswered(&why.to_string()));
                    }
                },
            }
        };
        let switches = response.status() == StatusCode::SWITCHING_PROTOCOLS;
        if let Some(odd) = match () {
            () if switches && !upgrades => Some("it switches to a protocol that nobody asked for"),
            () if is_head && !has_clear_length(response.headers()) => Some("its length is none"),
            () => None,
        } {
            origin.cut().now();
            return Err(ProxyResponse::unanswered(&format!(
                "The resource's answer cannot be read: {odd}."
            )));
        }
        if switches {
            let (there, caller) = (hyper::upgrade::on(&mut response), self.caller.clone());
            let cut = origin.cut();
            *self.afterwards() = Some(Box::pin(async move {
                let (Ok(local), Ok(there)) = tokio::join!(upgraded, there) else {
                    return Err(RelayError::CallerGone);
                };
                let (local, there) = (TokioIo::new(local), TokioIo::new(there));
                relay(local, there, cut.settled(), &[], || caller.is_gone()).await
            }));
        } else {
            *self.origin() = Some(origin);
        }
        let (mut head, body) = response.into_parts();
        rewrite::answered(&mut head);
        Ok(Response::from_parts(head, Either::Left(body)))
    }

    /// The connection of the last request, if the next one can use it.
    async fn last_origin(&self, to: &Destination) -> Option<Origin> {
        let mut last = self.origin().take().filter(|origin| origin.to == *to)?;
        last.is_ready().await.then_some(last)
    }

    async fn connect(&self, to: &Destination, hold_timeout: Duration) -> Result<Origin, DialError> {
        let refused = self
            .refused
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(refused) = refused {
            return Err(refused);
        }
        let tunnel = self.dialer.dial(to, hold_timeout).await?;
        let origin = Origin::new(to.clone(), tunnel).await;
        let origin = origin.map_err(|error| DialError::NoAnswer(error.to_string()))?;
        let cut = origin.cut();
        *self.cut.lock().unwrap_or_else(PoisonError::into_inner) = Some(cut);
        Ok(origin)
    }

    /// The caller has closed its connection: between two requests, or amid one.
    fn left(&self) {
        let last = self.origin().take();
        if !last.is_some_and(|last| last.is_idle()) {
            self.cut();
        }
    }

    /// Ends the connection to the destination at once, which shows there as a reset.
    fn cut(&self) {
        let cut = self.cut.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cut) = &*cut {
            cut.now();
        }
    }

    fn origin(&self) -> MutexGuard<'_, Option<Origin>> {
        self.origin.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn afterwards(&self) -> MutexGuard<'_, Option<Afterwards>> {
        self.afterwards
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn ours(answer: ProxyResponse) -> Answered {
    answer.into_response().map(Either::Right)
}

fn is_browser(headers: &HeaderMap) -> bool {
    let agent = headers.get(USER_AGENT);
    agent.is_some_and(|agent| greeting::is_browser(agent.as_bytes()))
}

/// The one `Host` field.
fn single_host(request: &Request<Incoming>) -> Option<&str> {
    let mut hosts = request.headers().get_all(http::header::HOST).iter();
    let host = hosts.next()?.to_str().ok()?;
    hosts.next().is_none().then_some(host)
}

/// A caller's connection of which some was read already.
struct Begun {
    said: Bytes,
    caller: Caller,
}

impl AsyncRead for Begun {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.said.is_empty() {
            return Pin::new(&mut self.caller).poll_read(cx, buffer);
        }
        let length = buffer.remaining().min(self.said.len());
        buffer.put_slice(&self.said[..length]);
        self.said.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Begun {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.caller).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.caller).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.caller).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.caller).poll_shutdown(cx)
    }
}
