//! A connection to the server behind "Logs", through the local proxy.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::test_env::LocalProxy;

/// An open connection.
pub(crate) struct Connection(TcpStream);

impl Connection {
    /// Asks for one; nothing is said on it yet.
    pub(crate) async fn ask(local_proxy: &LocalProxy) -> io::Result<Self> {
        Self::to(local_proxy, "logs.corp.example:9000").await
    }

    /// Asks for one to another `host:port`; nothing is said on it.
    pub(crate) async fn to(local_proxy: &LocalProxy, to: &str) -> io::Result<Self> {
        let proxy = local_proxy.proxy().strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(proxy).await?;
        let connect = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n\r\n");
        stream.write_all(connect.as_bytes()).await?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await?);
        }
        match head.starts_with(b"HTTP/1.1 200") {
            true => Ok(Self(stream)),
            false => {
                // And why, as far as it comes.
                let rest = stream.read_to_end(&mut head);
                let _ = tokio::time::timeout(Duration::from_secs(1), rest).await;
                Err(io::Error::other(String::from_utf8_lossy(&head)))
            }
        }
    }

    /// Opens one that does what `mode` says, and waits until it does.
    pub(crate) async fn open(local_proxy: &LocalProxy, mode: u8) -> Self {
        let mut opened = Self::ask(local_proxy).await.unwrap();
        opened.says(mode).await;
        opened
    }

    /// Says what it shall do, and waits until it does.
    pub(crate) async fn says(&mut self, mode: u8) {
        self.0.write_all(&[mode]).await.unwrap();
        self.0.read_exact(&mut [0; 5]).await.unwrap();
    }

    /// Sees that a quiet connection still carries bytes both ways.
    pub(crate) async fn goes_on(&mut self) {
        self.0.write_all(b"on").await.unwrap();
        let mut echo = [0; 2];
        self.0.read_exact(&mut echo).await.unwrap();
        assert_eq!(&echo, b"on");
    }

    /// Says something that may never be answered.
    pub(crate) async fn asks(&mut self) {
        self.0.write_all(b"anybody?").await.unwrap();
    }

    /// Reads so many bytes.
    pub(crate) async fn reads(&mut self, bytes: usize) {
        let mut rest = vec![0; 64 << 10];
        let mut left = bytes;
        while left > 0 {
            let read = self.0.read(&mut rest).await.unwrap();
            assert!(read > 0, "{left} bytes of {bytes} are missing");
            left = left.saturating_sub(read);
        }
    }

    /// Waits until it ends, whatever still comes.
    pub(crate) async fn ends(mut self) {
        let mut rest = [0; 4096];
        let end = async { while self.0.read(&mut rest).await.is_ok_and(|count| count > 0) {} };
        tokio::time::timeout(Duration::from_secs(60), end)
            .await
            .expect("the connection is cut");
    }
}
