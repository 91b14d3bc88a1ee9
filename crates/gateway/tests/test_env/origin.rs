//! A private service: what its client sends first says what it does.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Echoes everything after this byte, and half-closes when its client does.
pub const ECHO: u8 = b'e';
/// Sends without end.
pub const SOURCE: u8 = b's';
/// Reads without end, and sends nothing.
pub const DRAIN: u8 = b'd';
/// Reads nothing more, and says nothing.
pub const SILENT: u8 = b'n';

/// Says again and again what time it is, and keeps what times it is told, and by whom.
pub const STAMPS: u8 = b't';

/// Who said something, and when: microseconds since the service's start.
pub type Stamp = (u8, u64);

/// How a connection ended, as the service saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Done,
    Broken,
}

pub struct Origin {
    pub address: SocketAddr,
    /// The same service on ports of their own, for other names.
    pub others: [SocketAddr; 2],
    /// And on one that no name is led to.
    pub bare: SocketAddr,
    endings: Arc<Mutex<Vec<Ending>>>,
    received: Arc<AtomicUsize>,
    accepted: Arc<AtomicUsize>,
    stamps: Arc<Stamps>,
}

struct Stamps {
    since: Instant,
    heard: Mutex<Vec<Stamp>>,
}

impl Origin {
    pub async fn start() -> Self {
        let listen = async || TcpListener::bind("127.0.0.1:0").await.unwrap();
        let listeners = [
            listen().await,
            listen().await,
            listen().await,
            listen().await,
        ];
        let addresses = [0, 1, 2, 3].map(|at| listeners[at].local_addr().unwrap());
        let [address, others @ .., bare] = addresses;
        let endings: Arc<Mutex<Vec<Ending>>> = Arc::default();
        let record = Arc::clone(&endings);
        let received: Arc<AtomicUsize> = Arc::default();
        let count = Arc::clone(&received);
        let accepted: Arc<AtomicUsize> = Arc::default();
        let connections = Arc::clone(&accepted);
        let stamps = Arc::new(Stamps {
            since: Instant::now(),
            heard: Mutex::default(),
        });
        let kept = Arc::clone(&stamps);
        for listener in listeners {
            let (record, count) = (Arc::clone(&record), Arc::clone(&count));
            let (connections, kept) = (Arc::clone(&connections), Arc::clone(&kept));
            tokio::spawn(async move {
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    connections.fetch_add(1, SeqCst);
                    let (record, count) = (Arc::clone(&record), Arc::clone(&count));
                    let kept = Arc::clone(&kept);
                    tokio::spawn(async move {
                        let ending = match serve(stream, &count, &kept).await {
                            Ok(()) => Ending::Done,
                            Err(_) => Ending::Broken,
                        };
                        record.lock().unwrap().push(ending);
                    });
                }
            });
        }
        Self {
            address,
            others,
            bare,
            endings,
            received,
            accepted,
            stamps,
        }
    }

    /// Now, as stamps have it.
    pub fn now(&self) -> u64 {
        self.stamps.since.elapsed().as_micros() as u64
    }

    /// What it was told on connections that begin with [`STAMPS`].
    pub fn stamps(&self) -> Vec<Stamp> {
        self.stamps.heard.lock().unwrap().clone()
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

async fn serve(mut stream: TcpStream, count: &AtomicUsize, stamps: &Stamps) -> std::io::Result<()> {
    let mut buffer = vec![0; 16 << 10];
    match stream.read_u8().await? {
        SILENT => std::future::pending::<()>().await,
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
        STAMPS => {
            let (mut read, mut write) = stream.split();
            let tell = async {
                let now = || stamps.since.elapsed().as_micros() as u64;
                while write.write_u64(now()).await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                // Whatever still comes is heard.
                std::future::pending().await
            };
            let hear = async {
                loop {
                    let stamp = (read.read_u8().await?, read.read_u64().await?);
                    stamps.heard.lock().unwrap().push(stamp);
                }
            };
            tokio::select! {
                () = tell => {}
                broken = hear => return broken,
            }
        }
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
