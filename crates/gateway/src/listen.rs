//! Takes connections of devices: TLS, then HTTP/1.1 or HTTP/2 as the device asks.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use hourkey_pki::{Holder, Subject};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use crate::tunnel::{Caller, Tunnels};

/// How long a handshake may take, and a request's header.
const PATIENCE: Duration = Duration::from_secs(10);

/// The largest header of a request, in bytes.
const HEADER: usize = 16 * 1024;

/// Connections at a time from one address.
const FROM_ONE_ADDRESS: usize = 1_024;

/// Connections in all that have not finished their handshake.
const HANDSHAKES: usize = 1_024;

/// Streams of one HTTP/2 connection.
const STREAMS: u32 = 256;

/// Windows of HTTP/2. The defaults cap a tunnel at 26 Mbit/s over 20 ms.
const STREAM_WINDOW: u32 = 4 << 20;
const CONNECTION_WINDOW: u32 = 16 << 20;
const FRAME: u32 = 64 * 1024;
const SEND_BUFFER: usize = 1 << 20;

/// Serves until `stop` is cancelled.
pub(crate) async fn listen(
    listener: TcpListener,
    tunnels: Arc<Tunnels>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let places = Arc::new(Places::default());
    let handshakes = Arc::new(tokio::sync::Semaphore::new(HANDSHAKES));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return Ok(()),
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, most likely: others have to end first.
                tracing::warn!(%error, "a connection cannot be taken");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let ip = peer.ip().to_canonical();
        let (Some(place), Ok(handshake)) =
            (places.take(ip), Arc::clone(&handshakes).try_acquire_owned())
        else {
            // Closed without a word: whoever floods gets as little as can be.
            tracing::debug!("a connection was refused: too many at once");
            continue;
        };
        let tunnels = Arc::clone(&tunnels);
        tokio::spawn(async move {
            let shaken = tokio::time::timeout(PATIENCE, shake_hands(stream, &tunnels)).await;
            drop(handshake);
            match shaken {
                Ok(Ok((stream, caller))) => serve(stream, caller, tunnels).await,
                Ok(Err(error)) => {
                    tracing::debug!(error = format!("{error:#}"), "a handshake failed");
                }
                Err(_) => tracing::debug!("a handshake took too long"),
            }
            drop(place);
        });
    }
}

async fn shake_hands(
    stream: TcpStream,
    tunnels: &Tunnels,
) -> anyhow::Result<(TlsStream<TcpStream>, Caller)> {
    // Small answers must not wait for more; failing to say so does no harm.
    let _ = stream.set_nodelay(true);
    let acceptor = TlsAcceptor::from(tunnels.tls.config());
    let stream = acceptor.accept(stream).await?;
    let (_, tls) = stream.get_ref();
    let shown = tls.peer_certificates().and_then(|chain| chain.first());
    let Holder {
        subject,
        key,
        expires_at,
    } = Holder::of(shown.context("no certificate was shown")?)?;
    let Subject::Device(device) = subject else {
        anyhow::bail!("the certificate is no device's");
    };
    let caller = Caller {
        device,
        key,
        expires_at,
    };
    Ok((stream, caller))
}

async fn serve(stream: TlsStream<TcpStream>, caller: Caller, tunnels: Arc<Tunnels>) {
    let caller = Arc::new(caller);
    let arrival = tunnels.gate.arrive(caller.device);
    let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let answer = |tunnels: &Arc<Tunnels>| {
        let tunnels = Arc::clone(tunnels);
        service_fn(move |request| {
            let (tunnels, caller) = (Arc::clone(&tunnels), Arc::clone(&caller));
            async move { Ok::<_, std::convert::Infallible>(tunnels.answer(caller, request).await) }
        })
    };
    let io = TokioIo::new(stream);
    let served = if is_h2 {
        hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_frame_size(FRAME)
            .max_send_buf_size(SEND_BUFFER)
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(u32::try_from(HEADER).unwrap_or(u32::MAX))
            .keep_alive_interval(Duration::from_secs(30))
            .serve_connection(io, answer(&tunnels))
            .await
    } else {
        hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .max_buf_size(HEADER)
            .half_close(true)
            .serve_connection(io, answer(&tunnels))
            .with_upgrades()
            .await
    };
    if let Err(error) = served {
        tracing::debug!(%error, "a device's connection broke");
    }
    drop(arrival);
}

/// How many connections there are from each address.
#[derive(Default)]
struct Places(Mutex<HashMap<IpAddr, usize>>);

struct Place {
    places: Arc<Places>,
    ip: IpAddr,
}

impl Places {
    fn take(self: &Arc<Self>, ip: IpAddr) -> Option<Place> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(ip).or_default();
        if *count >= FROM_ONE_ADDRESS {
            return None;
        }
        *count += 1;
        Some(Place {
            places: Arc::clone(self),
            ip,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.ip) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.ip);
            }
        }
    }
}
