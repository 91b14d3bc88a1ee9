//! What lies behind the gateway: a web page, and a server that sends as long as it is let.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{ServerConfig, crypto::aws_lc_rs, pki_types::PrivatePkcs8KeyDer};

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
            web: plain(PAGE).await,
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

/// A web server that says this on every page.
pub(crate) async fn plain(text: &'static str) -> SocketAddr {
    serve(move |stream| page(stream, text)).await
}

/// The same over TLS, with a certificate that nobody vouches for.
pub(crate) async fn secure(text: &'static str) -> SocketAddr {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed([]).unwrap();
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key.into())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    serve(move |stream| {
        let accepted = acceptor.accept(stream);
        async move {
            if let Ok(tls) = accepted.await {
                page(tls, text).await;
            }
        }
    })
    .await
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
async fn page(mut stream: impl AsyncRead + AsyncWrite + Unpin, text: &str) {
    let mut head = Vec::new();
    let mut buffer = [0; 1024];
    while !head.windows(4).any(|it| it == b"\r\n\r\n") {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(count) => head.extend_from_slice(&buffer[..count]),
        }
    }
    let length = text.len();
    let answer =
        format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{text}");
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

/// On a connection that begins with this byte, nothing is sent but what is said.
pub(crate) const QUIET: u8 = b'q';
/// On a connection that begins with this byte, a line is sent again and again.
pub(crate) const TICKS: u8 = b'x';

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
    while stream.write_all(b"tick\n").await.is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
