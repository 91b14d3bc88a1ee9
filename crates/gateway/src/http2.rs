//! HTTP/2 (RFC 9113): many flows on one connection, each a CONNECT stream (8.5).
//!
//! The `h2` crate is used as it is, since hyper's upgraded streams cannot be reset: dropping one
//! ends it as if all had been sent, and a client's reset reads as the end.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::{Request, Response, StatusCode};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::context::{Client, ServerContext, Tls};
use crate::limits;
use crate::relay::{self, RelayEnd, Sink, Source};
use crate::tunnel::{self, OpenFlow};

/// Serves one connection until it ends, or has had no flow for a while.
pub(crate) async fn serve(server: Arc<ServerContext>, client: Arc<Client>, tls: Tls) {
    let Some(share) = server.gate.share(&client.peer).await else {
        tracing::debug!(device.id = %client.peer.device, "no room for another HTTP/2 connection");
        return;
    };
    let mut builder = h2::server::Builder::new();
    let mut window = share.stream_window(1);
    builder
        .initial_window_size(window)
        .initial_connection_window_size(share.window)
        .max_frame_size(limits::CHUNK as u32)
        .max_send_buffer_size(limits::MAX_SEND_BUFFER)
        .max_concurrent_streams(limits::MAX_STREAMS)
        .max_header_list_size(limits::MAX_HEADER_SIZE as u32);
    let Ok(Ok(mut connection)) = timeout(
        limits::HANDSHAKE_TIMEOUT,
        builder.handshake::<_, Bytes>(tls),
    )
    .await
    else {
        return;
    };
    // One here, and one for each stream.
    let streams = Arc::new(());
    let ended = Arc::new(Notify::new());
    let mut leaving = false;
    loop {
        let wanted = share.stream_window(Arc::strong_count(&streams).saturating_sub(1).max(1));
        // While the client has not taken the last one, the next comes with the next stream.
        if wanted != window && connection.set_initial_window_size(wanted).is_ok() {
            window = wanted;
        }
        // Accepting also drives the connection.
        let accepted = tokio::select! {
            accepted = timeout(limits::IDLE_TIMEOUT, connection.accept()) => accepted,
            () = ended.notified() => continue,
        };
        match accepted {
            Ok(Some(Ok((request, respond)))) => {
                let (server, client) = (Arc::clone(&server), Arc::clone(&client));
                let tasks = server.tasks.clone();
                let flow = flow(server, client, request, respond, share.release_threshold());
                let (stream, ended) = (Arc::clone(&streams), Arc::clone(&ended));
                tasks.spawn(async move {
                    flow.await;
                    drop(stream);
                    ended.notify_one();
                });
            }
            Ok(Some(Err(error))) => {
                tracing::debug!(%error, "HTTP/2 connection broke");
                return;
            }
            Ok(None) => return,
            Err(_) if connection.has_streams() => {}
            // It did not take the hint.
            Err(_) if leaving => return,
            Err(_) => {
                connection.graceful_shutdown();
                leaving = true;
            }
        }
    }
}

async fn flow(
    server: Arc<ServerContext>,
    client: Arc<Client>,
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    release_threshold: usize,
) {
    let (head, body) = request.into_parts();
    let authority = head.uri.authority().map(http::uri::Authority::as_str);
    let opened = tokio::select! {
        opened = tunnel::open(&server, &client, &head.method, authority) => opened,
        // The client does not want it any more.
        _ = std::future::poll_fn(|cx| respond.poll_reset(cx)) => return,
    };
    let opened = match opened {
        Ok(opened) => opened,
        Err(error) => {
            let (head, text) = error.response().into_parts();
            if let Ok(mut stream) = respond.send_response(Response::from_parts(head, ()), false) {
                let _ = stream.send_data(text, true);
            }
            return;
        }
    };
    let mut accepted = Response::new(());
    *accepted.status_mut() = StatusCode::OK;
    let Ok(send) = respond.send_response(accepted, false) else {
        return;
    };
    let mut source = StreamSource {
        stream: body,
        unreleased: 0,
        release_threshold,
    };
    let mut sink = StreamSink(send);
    let OpenFlow {
        guard,
        mut origin,
        report,
    } = opened;
    // A stream that breaks wakes the direction that waits.
    let outcome = relay::run(
        &mut source,
        &mut sink,
        &mut origin,
        &guard,
        None::<fn() -> bool>,
        report.byte_counts(),
    )
    .await;
    match &outcome.end {
        RelayEnd::Finished => {}
        RelayEnd::Cut(_) => sink.0.send_reset(Reason::CANCEL),
        RelayEnd::Broken(..) => sink.0.send_reset(Reason::CONNECT_ERROR),
    }
    drop(origin);
    tunnel::finish(&guard, report, &outcome);
}

struct StreamSource {
    stream: RecvStream,
    /// Received and passed on, but not given back to the sender's window yet.
    unreleased: usize,
    /// It is given back once it is this much: a sender whose window was made smaller would be given
    /// it byte by byte.
    release_threshold: usize,
}

impl Source for StreamSource {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
        if self.unreleased >= self.release_threshold {
            let unreleased = std::mem::take(&mut self.unreleased);
            let window = self.stream.flow_control();
            window
                .release_capacity(unreleased)
                .map_err(io::Error::other)?;
        }
        loop {
            return Poll::Ready(match ready!(self.stream.poll_data(cx)) {
                None => Ok(None),
                Some(Err(error)) => Err(io::Error::other(error)),
                Some(Ok(bytes)) if bytes.is_empty() => continue,
                Some(Ok(bytes)) => {
                    self.unreleased += bytes.len();
                    Ok(Some(bytes))
                }
            });
        }
    }
}

struct StreamSink(SendStream<Bytes>);

impl Sink for StreamSink {
    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &mut Bytes) -> Poll<io::Result<()>> {
        // Reserved only while there is something to send: it is taken from all other streams.
        self.0.reserve_capacity(bytes.len());
        let mut room = self.0.capacity();
        while room == 0 {
            room = match ready!(self.0.poll_capacity(cx)) {
                Some(Ok(room)) => room,
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
                None => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            };
        }
        let part = bytes.split_to(room.min(bytes.len()));
        Poll::Ready(self.0.send_data(part, false).map_err(io::Error::other))
    }

    fn poll_flush(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_finish(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(
            self.0
                .send_data(Bytes::new(), true)
                .map_err(io::Error::other),
        )
    }

    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.poll_reset(cx).map(drop)
    }
}
