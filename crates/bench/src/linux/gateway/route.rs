//! How a client gets to the origin, and what it does there.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::origin::{DOWN, ECHO, PIECE, UP, drain};

/// A way to the origin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route {
    /// Where to connect.
    pub(crate) address: SocketAddr,
    /// What to ask a proxy there for (`host:port`).
    pub(crate) connect: Option<&'static str>,
}

impl Route {
    /// To a port that leads to the origin by itself.
    pub(crate) fn plain(address: SocketAddr) -> Self {
        Self {
            address,
            connect: None,
        }
    }

    /// A connection that the origin has not heard of yet, or only just; `first` is said in the same
    /// breath.
    pub(crate) async fn open(self, first: &[u8]) -> io::Result<TcpStream> {
        let mut stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        if let Some(to) = self.connect {
            let ask = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n\r\n");
            stream.write_all(ask.as_bytes()).await?;
            let mut head = Vec::new();
            // By bytes: what follows is the origin's.
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await?);
            }
            if !head.starts_with(b"HTTP/1.1 200") {
                let said = String::from_utf8_lossy(&head);
                return Err(io::Error::other(format!("the proxy says {said}")));
            }
        }
        stream.write_all(first).await?;
        Ok(stream)
    }

    /// A connection through which one byte went there and back.
    pub(crate) async fn echo(self) -> io::Result<TcpStream> {
        let mut stream = self.open(&[ECHO, ECHO]).await?;
        stream.read_u8().await?;
        Ok(stream)
    }

    /// How long a new connection takes until the first byte is back.
    pub(crate) async fn time_to_open(self) -> io::Result<Duration> {
        let begin = Instant::now();
        let stream = self.echo().await?;
        let took = begin.elapsed();
        drop(stream);
        Ok(took)
    }

    /// Sends bytes over this many connections at a time, and returns how long all of them took.
    pub(crate) async fn transfer(
        self,
        direction: Direction,
        streams: u64,
        bytes: u64,
    ) -> io::Result<Duration> {
        let begin = Instant::now();
        let transfers: Vec<_> = (0..streams)
            .map(|_| tokio::spawn(self.one(direction, bytes / streams)))
            .collect();
        for transfer in transfers {
            transfer.await??;
        }
        Ok(begin.elapsed())
    }

    async fn one(self, direction: Direction, bytes: u64) -> io::Result<()> {
        let mut first = bytes.to_be_bytes().to_vec();
        match direction {
            Direction::Down => {
                first.insert(0, DOWN);
                let mut stream = self.open(&first).await?;
                drain(&mut stream, bytes).await
            }
            Direction::Up => {
                first.insert(0, UP);
                let mut stream = self.open(&first).await?;
                let piece = vec![0; PIECE];
                let mut left = bytes;
                while left > 0 {
                    let length = piece.len().min(usize::try_from(left).unwrap_or(PIECE));
                    stream.write_all(&piece[..length]).await?;
                    left -= length as u64;
                }
                stream.read_u8().await.map(drop)
            }
        }
    }

    /// Round trips of 64 bytes, one after the other, on one connection.
    pub(crate) async fn round_trips(self, count: usize) -> io::Result<Vec<Duration>> {
        let mut stream = self.echo().await?;
        let mut message = [ECHO; 64];
        let mut times = Vec::with_capacity(count);
        for _ in 0..count {
            let begin = Instant::now();
            stream.write_all(&message).await?;
            stream.read_exact(&mut message).await?;
            times.push(begin.elapsed());
        }
        Ok(times)
    }

    /// Idle connections, each of which has been to the origin and back, opened a few at a time.
    pub(crate) async fn idle(self, count: usize) -> io::Result<Vec<TcpStream>> {
        const AT_A_TIME: usize = 4;
        let openers: Vec<_> = (0..AT_A_TIME)
            .map(|opener| (count + opener) / AT_A_TIME)
            .map(|share| {
                tokio::spawn(async move {
                    let mut streams = Vec::with_capacity(share);
                    for _ in 0..share {
                        streams.push(self.echo().await?);
                    }
                    io::Result::Ok(streams)
                })
            })
            .collect();
        let mut streams = Vec::with_capacity(count);
        for opener in openers {
            streams.extend(opener.await??);
        }
        Ok(streams)
    }
}

/// Where bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From the origin to the client.
    Down,
    /// From the client to the origin.
    Up,
}
