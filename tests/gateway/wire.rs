//! A network that can be cut: a TCP port that leads to another one, or does not.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A port of this machine that leads to another one, until it is cut. It ends with the runtime.
pub(crate) struct Wire {
    pub(crate) address: SocketAddr,
    whole: watch::Sender<bool>,
}

impl Wire {
    pub(crate) async fn to(server: SocketAddr) -> Self {
        Self::between((Ipv4Addr::LOCALHOST, 0).into(), server).await
    }

    pub(crate) async fn between(at: SocketAddr, server: SocketAddr) -> Self {
        let listener = TcpListener::bind(at).await.unwrap();
        let address = listener.local_addr().unwrap();
        let whole = watch::Sender::new(true);
        let watch = whole.subscribe();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(carry(stream, server, watch.clone()));
            }
        });
        Self { address, whole }
    }

    /// Breaks all connections, and each new one at once.
    pub(crate) fn cut(&self) {
        self.whole.send_replace(false);
    }

    pub(crate) fn mend(&self) {
        self.whole.send_replace(true);
    }
}

async fn carry(mut stream: TcpStream, server: SocketAddr, mut whole: watch::Receiver<bool>) {
    let both = async {
        let mut there = TcpStream::connect(server).await?;
        tokio::io::copy_bidirectional(&mut stream, &mut there).await
    };
    tokio::select! {
        biased;
        _ = whole.wait_for(|whole| !whole) => {}
        _ = both => {}
    }
}
