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
use tokio::time::timeout;

use crate::limits;
use crate::listen::{Client, Server, Tls};
use crate::relay::{self, End, Sink, Source};
use crate::tunnel::{self, Opened};

/// Serves one connection until it ends, or has had no flow for a while.
pub(crate) async fn serve(server: Arc<Server>, client: Arc<Client>, tls: Tls) {
    let mut builder = h2::server::Builder::new();
    builder
        .initial_window_size(limits::STREAM_WINDOW)
        .initial_connection_window_size(limits::CONNECTION_WINDOW)
        .max_frame_size(limits::CHUNK as u32)
        .max_send_buffer_size(limits::SEND_BUFFER)
        .max_concurrent_streams(limits::STREAMS)
        .max_header_list_size(limits::HEADER_SIZE as u32);
    let Ok(Ok(mut connection)) =
        timeout(limits::HANDSHAKE, builder.handshake::<_, Bytes>(tls)).await
    else {
        return;
    };
    let mut leaving = false;
    loop {
        // Accepting also drives the connection.
        let accepted = timeout(limits::IDLE, connection.accept()).await;
        match accepted {
            Ok(Some(Ok((request, respond)))) => {
                let flow = flow(Arc::clone(&server), Arc::clone(&client), request, respond);
                server.tasks.spawn(flow);
            }
            Ok(Some(Err(error))) => {
                tracing::debug!(%error, "An HTTP/2 connection broke.");
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
    server: Arc<Server>,
    client: Arc<Client>,
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
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
        Err(refused) => {
            let (head, text) = refused.answer().into_parts();
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
    let mut source = Receive {
        stream: body,
        owed: 0,
    };
    let mut sink = Send(send);
    let Opened {
        pass,
        mut origin,
        used,
    } = opened;
    let outcome = relay::run(&mut source, &mut sink, &mut origin, &pass).await;
    match &outcome.end {
        End::Finished => {}
        End::Cut(_) => sink.0.send_reset(Reason::CANCEL),
        End::Broken(_) => sink.0.send_reset(Reason::CONNECT_ERROR),
    }
    drop(origin);
    tunnel::finish(&pass, used, &outcome);
}

struct Receive {
    stream: RecvStream,
    /// Received and passed on, but not given back to the sender's window yet.
    owed: usize,
}

impl Source for Receive {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
        let owed = std::mem::take(&mut self.owed);
        if owed > 0 {
            let window = self.stream.flow_control();
            window.release_capacity(owed).map_err(io::Error::other)?;
        }
        loop {
            return Poll::Ready(match ready!(self.stream.poll_data(cx)) {
                None => Ok(None),
                Some(Err(error)) => Err(io::Error::other(error)),
                Some(Ok(bytes)) if bytes.is_empty() => continue,
                Some(Ok(bytes)) => {
                    self.owed = bytes.len();
                    Ok(Some(bytes))
                }
            });
        }
    }
}

struct Send(SendStream<Bytes>);

impl Sink for Send {
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
