//! Web servers to stand behind a gateway.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Result;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

/// Starts a web server that answers every request with this page.
///
/// # Errors
/// When there is no free port.
pub async fn plain(text: &'static str) -> Result<SocketAddr> {
    serve(move |stream| page(stream, text)).await
}

/// [`plain`] over TLS, with a certificate that nobody vouches for.
///
/// # Errors
/// When there is no free port.
pub async fn secure(text: &'static str) -> Result<SocketAddr> {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed([])?;
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key.into())?;
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

/// Starts a server that treats each connection like this. It ends with the runtime.
///
/// # Errors
/// When there is no free port.
pub async fn serve<F: Future<Output = ()> + Send + 'static>(
    answer: impl Fn(TcpStream) -> F + Send + 'static,
) -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream));
        }
    });
    Ok(address)
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
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{text}"
    );
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}
