//! A scripted web server behind the gateway: the path of a request chooses its behaviour, and it
//! counts how its connections end.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hourkey_testkit::web::serve;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A whole answer.
pub(crate) const DONE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone";

/// The length of a big answer's body, bytes.
pub(crate) const BIG: usize = 30_000_000;

/// The server. It ends with the test's runtime.
pub(crate) struct ScriptedServer {
    address: SocketAddr,
    open: Arc<AtomicUsize>,
    heard: Arc<AtomicUsize>,
    resets: Arc<AtomicUsize>,
    taken: Arc<AtomicUsize>,
}

impl ScriptedServer {
    pub(crate) async fn start() -> Self {
        let [open, heard, resets, taken] = <[Arc<AtomicUsize>; 4]>::default();
        let counts = [&open, &heard, &resets, &taken].map(Arc::clone);
        let address = serve(move |stream| {
            let [open, heard, resets, taken] = counts.clone();
            async move {
                open.fetch_add(1, Ordering::SeqCst);
                play(stream, [&heard, &resets, &taken]).await;
                open.fetch_sub(1, Ordering::SeqCst);
            }
        })
        .await
        .unwrap();
        Self {
            address,
            open,
            heard,
            resets,
            taken,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections it has now.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    /// How many of its connections were reset while it read from them.
    pub(crate) fn resets(&self) -> usize {
        self.resets.load(Ordering::SeqCst)
    }

    /// How many bytes it has taken after its own last word.
    pub(crate) fn taken(&self) -> usize {
        self.taken.load(Ordering::SeqCst)
    }

    /// How many requests it has heard.
    pub(crate) fn heard(&self) -> usize {
        self.heard.load(Ordering::SeqCst)
    }
}

/// Does what the path says; the connection is closed when this returns.
async fn play(mut stream: TcpStream, [heard, resets, taken]: [&AtomicUsize; 3]) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    heard.fetch_add(1, Ordering::SeqCst);
    let head = String::from_utf8_lossy(&head).into_owned();
    match head.split(' ').nth(1).unwrap_or_default() {
        // Never answers.
        "/hold" | "/sink" => {
            if until_closed(&mut stream).await.is_err() {
                resets.fetch_add(1, Ordering::SeqCst);
            }
        }
        // Sends as long as it is let.
        "/stream" => {
            let head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n";
            let _ = stream.write_all(head).await;
            while stream.write_all(b"tick\n").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        // Reads nothing any more.
        "/stall" => {
            while matches!(stream.take_error(), Ok(None)) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        // Answers once the caller has said all.
        "/end" => {
            let _ = until_closed(&mut stream).await;
            let _ = stream.write_all(DONE.as_bytes()).await;
        }
        // Says all it has to say, and goes on to listen.
        "/takes" => {
            let _ = stream.write_all(DONE.as_bytes()).await;
            let _ = stream.shutdown().await;
            let mut part = [0; 65_536];
            while let Ok(count @ 1..) = stream.read(&mut part).await {
                taken.fetch_add(count, Ordering::SeqCst);
            }
        }
        // Answers, and has closed by the time of the next request.
        "/once" => {
            let _ = stream.write_all(DONE.as_bytes()).await;
            let _ = stream.peek(&mut [0]).await;
        }
        // Answers after a while.
        "/late" => {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let _ = stream.write_all(DONE.as_bytes()).await;
        }
        // Answers and stays for more, whatever the request says of the connection.
        "/keepopen" => {
            let mut head = Vec::new();
            while stream.write_all(DONE.as_bytes()).await.is_ok() {
                head.clear();
                while !head.ends_with(b"\r\n\r\n") {
                    match stream.read_u8().await {
                        Ok(byte) => head.push(byte),
                        Err(_) => return,
                    }
                }
            }
        }
        "/big" => {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {BIG}\r\n\r\n");
            let _ = stream.write_all(head.as_bytes()).await;
            let _ = stream.write_all(&vec![b'x'; BIG]).await;
        }
        "/reset" => {
            let half = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf";
            let _ = stream.write_all(half).await;
            tokio::time::sleep(Duration::from_millis(300)).await;
            let _ = stream.set_zero_linger();
        }
        _ => {
            let _ = stream.write_all(DONE.as_bytes()).await;
        }
    }
}

async fn until_closed(stream: &mut TcpStream) -> io::Result<()> {
    let mut rest = [0; 65_536];
    while stream.read(&mut rest).await? > 0 {}
    Ok(())
}
