//! HTTP/1.1 (RFC 9112): one flow a connection, which becomes the raw TLS stream.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use hourkey_protocol::gateway::{FLOW, FLOW_PATH};
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::context::{Client, ServerContext, Tls};
use crate::limits;
use crate::relay::{self, IoSink, IoSource, RelayEnd};
use crate::tunnel::{self, OpenFlow};

/// Serves one connection until it ends or becomes a flow.
pub(crate) async fn serve(server: Arc<ServerContext>, client: Arc<Client>, tls: Tls) {
    let service = service_fn(|request| {
        let (server, client) = (Arc::clone(&server), Arc::clone(&client));
        async move { Ok::<_, Infallible>(answer(server, client, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::HEADER_TIMEOUT)
        .max_buf_size(limits::MAX_HEADER_SIZE)
        .serve_connection(TokioIo::new(tls), service)
        .with_upgrades();
    if let Err(error) = connection.await {
        tracing::debug!(%error, "HTTP/1.1 connection broke");
    }
}

async fn answer(
    server: Arc<ServerContext>,
    client: Arc<Client>,
    mut request: Request<Incoming>,
) -> Response<Full<Bytes>> {
    if let Some(answer) = why(&server, &client, &request) {
        return answer;
    }
    let upgrade = hyper::upgrade::on(&mut request);
    let authority = request.uri().authority().map(http::uri::Authority::as_str);
    match tunnel::open(&server, &client, request.method(), authority).await {
        Ok(opened) => {
            let mut answer = Response::new(Full::default());
            if let Ok(id) = HeaderValue::from_str(opened.report.id()) {
                answer.headers_mut().insert(FLOW, id);
            }
            let flow = flow(Arc::clone(&server), client, opened, upgrade);
            server.tasks.spawn(flow);
            answer
        }
        Err(error) => error.response().map(Full::new),
    }
}

/// Answers a request for why a flow of the device was cut; `None` for another request.
fn why(
    server: &ServerContext,
    client: &Client,
    request: &Request<Incoming>,
) -> Option<Response<Full<Bytes>>> {
    let id = request.uri().path().strip_prefix(FLOW_PATH)?;
    if request.method() != Method::GET || request.uri().authority().is_some() {
        return None;
    }
    let found = server.flow_ends.find(client.peer.device, id);
    let mut answer = match found.and_then(|end| serde_json::to_vec(&end).ok()) {
        Some(json) => Response::new(Full::from(json)),
        None => {
            let mut none = Response::new(Full::default());
            *none.status_mut() = StatusCode::NOT_FOUND;
            none
        }
    };
    let json = HeaderValue::from_static("application/json");
    answer.headers_mut().insert(CONTENT_TYPE, json);
    Some(answer)
}

/// The client counts as connected for as long as its flow lives.
async fn flow(
    server: Arc<ServerContext>,
    _client: Arc<Client>,
    opened: OpenFlow,
    upgrade: OnUpgrade,
) {
    let OpenFlow {
        guard,
        mut origin,
        report,
    } = opened;
    let upgraded = tokio::select! {
        upgraded = upgrade => upgraded,
        () = guard.is_cut() => return relay::reset(&origin),
    };
    // Nobody else makes these connections, so what comes back is always the TLS stream.
    let Some(parts) = upgraded
        .ok()
        .and_then(|it| it.downcast::<TokioIo<Tls>>().ok())
    else {
        return relay::reset(&origin);
    };
    let tls = SharedTls(Arc::new(Mutex::new(parts.io.into_inner())));
    let mut source = IoSource::new(tls.clone(), parts.read_buf);
    let mut sink = IoSink(tls.clone());
    let broke = || tls.with(|tls| !matches!(tls.get_ref().0.take_error(), Ok(None)));
    let outcome = relay::run(
        &mut source,
        &mut sink,
        &mut origin,
        &guard,
        Some(broke),
        report.byte_counts(),
    )
    .await;
    server.flow_ends.note(&guard, &report, &outcome);
    match &outcome.end {
        RelayEnd::Finished => {}
        RelayEnd::Cut(_) | RelayEnd::Broken(..) => tls.with(|tls| relay::reset(tls.get_ref().0)),
    }
    drop((source, sink, tls, origin));
    tunnel::finish(&guard, report, &outcome);
}

/// A client's TLS connection, shared by both directions and the check for a broken connection. Each
/// locks it for one poll only.
#[derive(Clone)]
struct SharedTls(Arc<Mutex<Tls>>);

impl SharedTls {
    fn with<T>(&self, act: impl FnOnce(&mut Tls) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl AsyncRead for SharedTls {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.with(|tls| Pin::new(tls).poll_read(cx, buffer))
    }
}

impl AsyncWrite for SharedTls {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.with(|tls| Pin::new(tls).poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|tls| Pin::new(tls).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|tls| Pin::new(tls).poll_shutdown(cx))
    }
}
