//! A device that speaks to the gateway, without any of its own client's code.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use hourkey_pki::Key;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::soon;

pub struct Device {
    pub certificate: String,
    pub key: Key,
    pub gateway: SocketAddr,
    /// The address to come from.
    pub from: IpAddr,
    config: ClientConfig,
}

/// The gateway's answer to a CONNECT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectResponse {
    pub status: u16,
    pub refusal: Option<String>,
    /// The connection's name.
    pub flow: Option<String>,
    pub text: String,
}

impl ConnectResponse {
    pub fn refused(status: u16, refusal: &str) -> (u16, Option<String>) {
        (status, Some(refusal.to_owned()))
    }

    pub fn brief(&self) -> (u16, Option<String>) {
        (self.status, self.refusal.clone())
    }
}

impl Device {
    pub fn new(certificate: String, key: Key, authority: &str, gateway: SocketAddr) -> Self {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        let authority = CertificateDer::from_pem_slice(authority.as_bytes()).unwrap();
        roots.add(authority).unwrap();
        let own = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_root_certificates(roots)
            .with_client_auth_cert(vec![own], key.to_tls())
            .unwrap();
        Self {
            certificate,
            key,
            gateway,
            from: IpAddr::from([127, 0, 0, 1]),
            config,
        }
    }

    /// A TLS connection for a protocol.
    pub async fn tls(&self, alpn: &str) -> std::io::Result<TlsStream<TcpStream>> {
        let mut config = self.config.clone();
        config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
        let socket = TcpSocket::new_v4()?;
        socket.bind((self.from, 0).into())?;
        let stream = socket.connect(self.gateway).await?;
        let name = ServerName::from(self.gateway.ip());
        let connector = TlsConnector::from(Arc::new(config));
        connector.connect(name, stream).await
    }

    /// A TLS connection that is ready for HTTP/1.1.
    pub async fn raw(&self) -> TlsStream<TcpStream> {
        soon("a TLS connection", self.tls("http/1.1"))
            .await
            .unwrap()
    }

    /// True when the gateway takes the certificate. In TLS 1.3 a client learns that only when it
    /// reads.
    pub async fn is_taken(&self) -> bool {
        let Ok(mut tls) = self.tls("http/1.1").await else {
            return false;
        };
        if tls
            .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .is_err()
        {
            return false;
        }
        matches!(tls.read(&mut [0; 16]).await, Ok(read) if read > 0)
    }

    /// CONNECT over HTTP/1.1.
    pub async fn connect(&self, to: &str) -> Result<TlsStream<TcpStream>, ConnectResponse> {
        let mut tls = self.raw().await;
        let head = format!("CONNECT {to} HTTP/1.1\r\nhost: {to}\r\n\r\n");
        tls.write_all(head.as_bytes()).await.unwrap();
        match answer(&mut tls).await {
            ConnectResponse { status: 200, .. } => Ok(tls),
            answer => Err(answer),
        }
    }

    /// GET of the gateway itself.
    pub async fn get(&self, path: &str) -> (u16, String) {
        let mut tls = self.raw().await;
        let head = format!("GET {path} HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\n\r\n");
        tls.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        soon("an answer", tls.read_to_string(&mut answer))
            .await
            .unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, body.to_owned())
    }

    /// CONNECT that must be refused.
    pub async fn refused(&self, to: &str) -> (u16, Option<String>) {
        match self.connect(to).await {
            Ok(_) => panic!("{to} was let in"),
            Err(answer) => answer.brief(),
        }
    }

    /// An HTTP/2 connection, unless the gateway closes it.
    pub async fn try_http2(&self) -> Option<Http2> {
        let tls = soon("a TLS connection", self.tls("h2")).await.ok()?;
        let (send, mut connection) = h2::client::handshake(tls).await.ok()?;
        let mut pings = connection.ping_pong()?;
        tokio::spawn(async move {
            let _ = connection.await;
        });
        soon("an answer", pings.ping(h2::Ping::opaque()))
            .await
            .ok()?;
        Some(Http2(send))
    }

    /// An HTTP/2 connection.
    pub async fn http2(&self) -> Http2 {
        let tls = soon("a TLS connection", self.tls("h2")).await.unwrap();
        let (send, connection) = h2::client::handshake(tls).await.unwrap();
        tokio::spawn(async move {
            let _ = connection.await;
        });
        Http2(send)
    }
}

/// Reads one answer, with its body if it has one.
pub async fn answer(tls: &mut TlsStream<TcpStream>) -> ConnectResponse {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(soon("an answer", tls.read_u8()).await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let header = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value.to_owned())
    };
    let length = header("content-length").map_or(0, |it| it.parse().unwrap());
    let mut body = vec![0; length];
    if status != 200 {
        soon("a body", tls.read_exact(&mut body)).await.unwrap();
    }
    ConnectResponse {
        status,
        refusal: header("hourkey-refusal"),
        flow: header("hourkey-flow"),
        text: String::from_utf8(body).unwrap(),
    }
}

#[derive(Clone)]
pub struct Http2(h2::client::SendRequest<Bytes>);

/// One CONNECT stream.
pub struct Flow {
    pub send: h2::SendStream<Bytes>,
    pub receive: h2::RecvStream,
}

impl Http2 {
    /// Sends a request that must get no success.
    pub async fn is_refused(&self, request: http::Request<()>) -> bool {
        let mut ready = self.0.clone().ready().await.unwrap();
        let Ok((response, _send)) = ready.send_request(request, false) else {
            return true;
        };
        let response = soon("an answer", response).await;
        response.map_or(true, |it| !it.status().is_success())
    }

    /// Begins a CONNECT; `None` when the connection is over.
    pub async fn begin(&mut self, to: &str) -> Option<h2::SendStream<Bytes>> {
        let request = http::Request::connect(to).body(()).unwrap();
        let mut ready = self.0.clone().ready().await.ok()?;
        Some(ready.send_request(request, false).ok()?.1)
    }

    /// CONNECT over HTTP/2.
    pub async fn connect(&mut self, to: &str) -> Result<Flow, ConnectResponse> {
        let request = http::Request::connect(to).body(()).unwrap();
        let mut ready = self.0.clone().ready().await.unwrap();
        let (response, send) = ready.send_request(request, false).unwrap();
        let response = soon("an answer", response).await.unwrap();
        let status = response.status().as_u16();
        let refusal = response.headers().get("hourkey-refusal");
        let refusal = refusal.map(|it| it.to_str().unwrap().to_owned());
        let receive = response.into_body();
        let mut flow = Flow { send, receive };
        if status == 200 {
            return Ok(flow);
        }
        let mut text = Vec::new();
        while let Some(Ok(bytes)) = flow.receive.data().await {
            text.extend(bytes);
        }
        let text = String::from_utf8(text).unwrap();
        Err(ConnectResponse {
            status,
            refusal,
            flow: None,
            text,
        })
    }
}

impl Flow {
    pub fn write(&mut self, bytes: &[u8]) {
        self.send
            .send_data(Bytes::copy_from_slice(bytes), false)
            .unwrap();
    }

    /// The next bytes; `None` at the end.
    pub async fn read(&mut self) -> Result<Option<Bytes>, h2::Error> {
        let next = loop {
            let next = soon("bytes", self.receive.data()).await.transpose()?;
            // The end may come in a frame of its own.
            if next.as_ref().is_none_or(|bytes| !bytes.is_empty()) {
                break next;
            }
        };
        if let Some(bytes) = &next {
            let _ = self.receive.flow_control().release_capacity(bytes.len());
        }
        Ok(next)
    }

    /// Reads as much as `bytes` has, and compares.
    pub async fn expect(&mut self, bytes: &[u8]) {
        let mut read = Vec::new();
        while read.len() < bytes.len() {
            read.extend(self.read().await.unwrap().expect("more bytes"));
        }
        assert_eq!(read, bytes);
    }

    /// Reads until the stream is over. True when it was reset.
    pub async fn is_reset(&mut self) -> bool {
        loop {
            match self.read().await {
                Ok(Some(_)) => {}
                Ok(None) => return false,
                Err(error) => return error.is_reset(),
            }
        }
    }
}
