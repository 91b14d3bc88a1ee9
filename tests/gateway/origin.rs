//! What lies behind the gateway: a web page, and a server that sends as long as it is let.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hourkey_testkit::web::{plain, serve};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// What the web page says.
pub(crate) const PAGE: &str = "the private page";

/// The servers. They end with the test's runtime.
pub(crate) struct Origin {
    web: SocketAddr,
    /// The same page on ports of their own.
    others: [SocketAddr; 3],
    ticks: SocketAddr,
    open: Arc<AtomicUsize>,
}

impl Origin {
    pub(crate) async fn start() -> Self {
        let page = async || plain(PAGE).await.unwrap();
        let open = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&open);
        Self {
            web: page().await,
            others: [page().await, page().await, page().await],
            ticks: serve(move |stream| {
                let count = Arc::clone(&count);
                async move {
                    count.fetch_add(1, Ordering::SeqCst);
                    ticks(stream).await;
                    count.fetch_sub(1, Ordering::SeqCst);
                }
            })
            .await
            .unwrap(),
            open,
        }
    }

    pub(crate) fn web(&self) -> SocketAddr {
        self.web
    }

    /// For names that must not share a port: who may use one could not use it for the other.
    pub(crate) fn others(&self) -> [SocketAddr; 3] {
        self.others
    }

    pub(crate) fn ticks(&self) -> SocketAddr {
        self.ticks
    }

    /// How many connections the server that sends has now.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }
}

/// On a connection that begins with this byte, nothing is sent but what is said.
pub(crate) const QUIET: u8 = b'q';
/// On a connection that begins with this byte, a line is sent again and again.
pub(crate) const TICKS: u8 = b'x';

/// On a connection that begins with this byte, as much is sent as is taken.
pub(crate) const FLOOD: u8 = b'f';

/// Does what the first byte says.
async fn ticks(mut stream: TcpStream) {
    let mut said = [0; 1];
    if stream.read(&mut said).await.unwrap_or(0) == 0 {
        return;
    }
    if said == [QUIET] {
        let _ = stream.write_all(b"quiet").await;
        let (mut read, mut write) = stream.split();
        let _ = tokio::io::copy(&mut read, &mut write).await;
        return;
    }
    if said == [FLOOD] {
        let block = vec![b'f'; 64 << 10];
        while stream.write_all(&block).await.is_ok() {}
        return;
    }
    while stream.write_all(b"tick\n").await.is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
