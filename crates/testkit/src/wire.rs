//! A network that can break: a TCP port that leads to another one, or does not.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A port of this machine that leads to another one, until it is cut. It ends with the runtime.
#[derive(Debug)]
pub struct Wire {
    /// The port that leads there.
    pub address: SocketAddr,
    state: watch::Sender<State>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Whole,
    /// Nothing passes, and nobody is told.
    Silent,
    /// Connections break.
    Cut,
}

impl Wire {
    /// A wire from a port of this machine's loopback.
    ///
    /// # Errors
    /// When there is no free port.
    pub async fn to(server: SocketAddr) -> io::Result<Self> {
        Self::between((Ipv4Addr::LOCALHOST, 0).into(), server).await
    }

    /// A wire from this address.
    ///
    /// # Errors
    /// When the address is taken.
    pub async fn between(at: SocketAddr, server: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(at).await?;
        let address = listener.local_addr()?;
        let state = watch::Sender::new(State::Whole);
        let watch = state.subscribe();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(carry(stream, server, watch.clone()));
            }
        });
        Ok(Self { address, state })
    }

    /// Breaks all connections, and each new one at once.
    pub fn cut(&self) {
        self.state.send_replace(State::Cut);
    }

    /// Lets nothing pass any more, as when packets are lost. What was said meanwhile arrives once
    /// the wire is mended.
    pub fn silence(&self) {
        self.state.send_replace(State::Silent);
    }

    /// Makes it whole again.
    pub fn mend(&self) {
        self.state.send_replace(State::Whole);
    }
}

async fn carry(mut stream: TcpStream, server: SocketAddr, mut state: watch::Receiver<State>) {
    let mut both = pin!(async {
        let mut there = TcpStream::connect(server).await?;
        tokio::io::copy_bidirectional(&mut stream, &mut there).await
    });
    loop {
        let now = *state.borrow_and_update();
        tokio::select! {
            biased;
            changed = state.changed() => if changed.is_err() { return },
            _ = &mut both, if now == State::Whole => return,
            () = std::future::ready(()), if now == State::Cut => return,
        }
    }
}
