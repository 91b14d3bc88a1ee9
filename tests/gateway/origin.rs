//! What lies behind the gateway: a web page, and a server that sends as long as it is let.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What the web page says.
pub(crate) const PAGE: &str = "the private page";

/// The servers. They end with the test's runtime.
pub(crate) struct Origin {
    web: SocketAddr,
    ticks: SocketAddr,
    open: Arc<AtomicUsize>,
}

impl Origin {
    pub(crate) async fn start() -> Self {
        let open = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&open);
        Self {
            web: serve(|stream| async { page(stream).await }).await,
            ticks: serve(move |stream| {
                let count = Arc::clone(&count);
                async move {
                    count.fetch_add(1, Ordering::SeqCst);
                    ticks(stream).await;
                    count.fetch_sub(1, Ordering::SeqCst);
                }
            })
            .await,
            open,
        }
    }

    pub(crate) fn web(&self) -> SocketAddr {
        self.web
    }

    pub(crate) fn ticks(&self) -> SocketAddr {
        self.ticks
    }

    /// How many connections the server that sends has now.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }
}

async fn serve<F: Future<Output = ()> + Send + 'static>(
    answer: impl Fn(TcpStream) -> F + Send + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream));
        }
    });
    address
}

/// Answers one request with a page.
async fn page(mut stream: TcpStream) {
    let mut head = Vec::new();
    let mut buffer = [0; 1024];
    while !head.windows(4).any(|it| it == b"\r\n\r\n") {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(count) => head.extend_from_slice(&buffer[..count]),
        }
    }
    let length = PAGE.len();
    let answer =
        format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{PAGE}");
    let _ = stream.write_all(answer.as_bytes()).await;
}

/// What is said is read: `q` for a quiet connection. All others are sent a line again and again.
async fn ticks(mut stream: TcpStream) {
    let mut said = [0; 1];
    if stream.read(&mut said).await.unwrap_or(0) == 0 {
        return;
    }
    if said == *b"q" {
        let _ = stream.write_all(b"quiet\n").await;
        // Until the connection ends.
        let mut rest = [0; 64];
        while stream.read(&mut rest).await.is_ok_and(|count| count > 0) {}
        return;
    }
    while stream.write_all(b"tick\n").await.is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
