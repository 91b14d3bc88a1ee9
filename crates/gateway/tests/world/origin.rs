//! A private service: what its client sends first says what it does.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Echoes everything after this byte, and half-closes when its client does.
pub const ECHO: u8 = b'e';
/// Sends without end.
pub const SOURCE: u8 = b's';
/// Reads without end, and sends nothing.
pub const DRAIN: u8 = b'd';

/// How a connection ended, as the service saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Done,
    Broken,
}

pub struct Origin {
    pub address: SocketAddr,
    endings: Arc<Mutex<Vec<Ending>>>,
    received: Arc<AtomicUsize>,
    accepted: Arc<AtomicUsize>,
}

impl Origin {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let endings: Arc<Mutex<Vec<Ending>>> = Arc::default();
        let record = Arc::clone(&endings);
        let received: Arc<AtomicUsize> = Arc::default();
        let count = Arc::clone(&received);
        let accepted: Arc<AtomicUsize> = Arc::default();
        let connections = Arc::clone(&accepted);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                connections.fetch_add(1, SeqCst);
                let (record, count) = (Arc::clone(&record), Arc::clone(&count));
                tokio::spawn(async move {
                    let ending = match serve(stream, &count).await {
                        Ok(()) => Ending::Done,
                        Err(_) => Ending::Broken,
                    };
                    record.lock().unwrap().push(ending);
                });
            }
        });
        Self {
            address,
            endings,
            received,
            accepted,
        }
    }

    /// Bytes that reached the service, after those that say what it does.
    pub fn received(&self) -> usize {
        self.received.load(SeqCst)
    }

    /// Connections that reached the service.
    pub fn accepted(&self) -> usize {
        self.accepted.load(SeqCst)
    }

    pub fn endings(&self) -> Vec<Ending> {
        self.endings.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, count: &AtomicUsize) -> std::io::Result<()> {
    let mut buffer = vec![0; 16 << 10];
    match stream.read_u8().await? {
        SOURCE => loop {
            stream.write_all(&buffer).await?;
        },
        DRAIN => loop {
            let read = stream.read(&mut buffer).await?;
            if read == 0 {
                break;
            }
            count.fetch_add(read, SeqCst);
        },
        // A browser.
        b'G' => {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await?);
            }
            let page = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nHello\n";
            stream.write_all(page).await?;
        }
        // Anything else, such as a TLS ClientHello, is echoed like what follows ECHO.
        first => {
            if first != ECHO {
                stream.write_u8(first).await?;
            }
            loop {
                let read = stream.read(&mut buffer).await?;
                if read == 0 {
                    stream.shutdown().await?;
                    break;
                }
                count.fetch_add(read, SeqCst);
                stream.write_all(&buffer[..read]).await?;
            }
        }
    }
    Ok(())
}
