//! Accepts connections: TLS, the device's identity, and then HTTP/2 or HTTP/1.1.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use hourkey_pki::{Holder, Subject};
use tokio::io::AsyncBufReadExt as _;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::context::{Client, ServerContext, Tls, limit_unsent};
use crate::handshake_limit::HandshakeSlot;
use crate::table::PeerIdentity;
use crate::tls::{H2, Validity};
use crate::{http1, http2, limits};

/// The most connections that wait to be accepted.
const BACKLOG: u32 = 1024;

/// Binds an address. Nobody can connect to it yet.
pub(crate) fn bind(address: SocketAddr) -> std::io::Result<TcpSocket> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A gateway that is started again needs the address of connections that ended a moment ago.
    #[cfg(not(windows))]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// Accepts connections until the gateway stops. It listens only once the controller was heard: the
/// server's time, by which certificates are judged, is unknown until then, and clients that are
/// refused try another gateway at once.
pub(crate) async fn run(server: Arc<ServerContext>, socket: TcpSocket, address: SocketAddr) {
    tracing::info!(%address, "waiting for the controller before listening");
    server.gate.heard().await;
    let listener = match socket.listen(BACKLOG) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(%error, "cannot listen: another program uses the address");
            return server.stop.cancel();
        }
    };
    tracing::info!(%address, "gateway is listening");
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = server.stop.cancelled() => return,
        };
        let (stream, from) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                if !server.descriptors.are_used_up(&error) {
                    tracing::warn!(%error, "cannot accept a connection");
                }
                // It helps to wait until some are closed.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        // Beyond its address's limit it is closed at once.
        if let Some(slot) = server.handshake_limit.take(from.ip()) {
            let (stop, serve) = (
                server.stop.clone(),
                serve(Arc::clone(&server), stream, from, slot),
            );
            server.tasks.spawn(async move {
                tokio::select! {
                    () = serve => {}
                    () = stop.cancelled() => {}
                }
            });
        }
    }
}

async fn serve(
    server: Arc<ServerContext>,
    stream: TcpStream,
    from: SocketAddr,
    slot: HandshakeSlot,
) {
    limit_unsent(&stream);
    let Ok(link) = server.watchdog.guard(stream) else {
        return;
    };
    let acceptor = TlsAcceptor::from(Arc::clone(&server.tls.borrow()));
    let handshake = acceptor.accept(link);
    let shaken = tokio::select! {
        shaken = timeout(limits::HANDSHAKE_TIMEOUT, handshake) => shaken,
        () = slot.is_taken() => {
            return server.handshake_log.log(from.ip(), "newer connections took its place");
        }
    };
    let mut tls = match shaken {
        Ok(Ok(tls)) => tls,
        Ok(Err(error)) => return server.handshake_log.log(from.ip(), &error.to_string()),
        Err(_) => return server.handshake_log.log(from.ip(), "it took too long"),
    };
    let Some((peer, expires_at)) = peer(&tls) else {
        return server
            .handshake_log
            .log(from.ip(), "the certificate is no device's");
    };
    let Some(guard) = server.gate.connect(peer.device) else {
        return server
            .handshake_log
            .log(from.ip(), "the device has too many connections");
    };
    // From here on the device's own limits count.
    drop(slot);
    let client = Arc::new(Client {
        guard,
        peer,
        expires_at,
    });
    // Clients keep connections ready; the time limit for the head begins with its first byte.
    if !matches!(timeout(limits::IDLE_TIMEOUT, tls.fill_buf()).await, Ok(Ok(bytes)) if !bytes.is_empty())
    {
        return;
    }
    if tls.get_ref().1.alpn_protocol() == Some(H2) {
        http2::serve(server, client, tls).await;
    } else {
        http1::serve(server, client, tls).await;
    }
}

fn peer(tls: &Tls) -> Option<(PeerIdentity, DateTime<Utc>)> {
    let certificate = tls.get_ref().1.peer_certificates()?.first()?;
    let Holder { subject, key } = Holder::of(certificate).ok()?;
    let Subject::Device(device) = subject else {
        return None;
    };
    Some((
        PeerIdentity { device, key },
        Validity::of(certificate)?.until,
    ))
}
