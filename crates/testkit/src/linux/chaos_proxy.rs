//! A chaos proxy: forwards a TCP port to another one, and breaks or stalls connections on demand.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Forwards a port of this machine to another one. It ends with the runtime.
#[derive(Debug)]
pub struct ChaosProxy {
    /// The address on which it accepts connections.
    pub address: SocketAddr,
    state: watch::Sender<ProxyState>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ProxyState {
    Forwarding,
    /// Stalls connections.
    Stalled,
    /// Breaks connections.
    Cut,
}

impl ChaosProxy {
    /// Starts a proxy on a free port of the loopback address.
    ///
    /// # Errors
    /// When there is no free port.
    pub async fn to(server: SocketAddr) -> io::Result<Self> {
        Self::between((Ipv4Addr::LOCALHOST, 0).into(), server).await
    }

    /// Starts a proxy on this address.
    ///
    /// # Errors
    /// When the address is taken.
    pub async fn between(at: SocketAddr, server: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(at).await?;
        let address = listener.local_addr()?;
        let state = watch::Sender::new(ProxyState::Forwarding);
        let watch = state.subscribe();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(forward(stream, server, watch.clone()));
            }
        });
        Ok(Self { address, state })
    }

    /// Breaks all connections, and each new one at once.
    pub fn cut(&self) {
        self.state.send_replace(ProxyState::Cut);
    }

    /// Stalls all connections, as when packets are lost. Bytes sent meanwhile arrive after
    /// [`Self::restore`].
    pub fn stall(&self) {
        self.state.send_replace(ProxyState::Stalled);
    }

    /// Forwards again.
    pub fn restore(&self) {
        self.state.send_replace(ProxyState::Forwarding);
    }
}

async fn forward(
    mut stream: TcpStream,
    server: SocketAddr,
    mut state: watch::Receiver<ProxyState>,
) {
    let mut both = pin!(async {
        let mut there = TcpStream::connect(server).await?;
        tokio::io::copy_bidirectional(&mut stream, &mut there).await
    });
    loop {
        let now = *state.borrow_and_update();
        tokio::select! {
            biased;
            changed = state.changed() => if changed.is_err() { return },
            _ = &mut both, if now == ProxyState::Forwarding => return,
            () = std::future::ready(()), if now == ProxyState::Cut => return,
        }
    }
}
