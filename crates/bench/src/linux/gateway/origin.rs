//! What lies behind every relay: it does what the first byte of a connection asks for.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use hourkey_testkit::process::{self, Process};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Says everything back. (None of these begins an HTTP request, which a forward would read to its
/// end before it lets anything pass.)
pub(crate) const ECHO: u8 = 1;
/// Sends as many bytes as the eight bytes after it say (big endian).
pub(crate) const DOWN: u8 = 2;
/// Reads as many, and says so with one byte.
pub(crate) const UP: u8 = 3;
/// Sends a byte every millisecond.
pub(crate) const TICK: u8 = 4;

/// The largest piece that is read or written at a time.
pub(crate) const PIECE: usize = 256 << 10;

/// A part of this program that runs as a process of its own, so that its processor time is its own.
pub(crate) struct Part {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
}

impl Part {
    /// Starts a subcommand that prints its address.
    pub(crate) async fn start(name: &str, arguments: &[&str], folder: &Path) -> Result<Self> {
        let mut command = process::command(std::env::current_exe()?);
        command.arg(name).args(arguments);
        let process = Process::start(name, command, folder)?;
        let address = async || process.log().trim().parse::<SocketAddr>();
        let address = process.ready("its address", address).await?;
        Ok(Self { process, address })
    }
}

/// The subcommand: prints its address, and serves until it is ended.
pub(crate) async fn run() -> Result<()> {
    serve(|stream| async { answer(stream).await }).await
}

/// Serves connections at a free port, whose address is printed.
pub(crate) async fn serve<F: Future<Output = io::Result<()>> + Send + 'static>(
    answer: impl Fn(TcpStream) -> F,
) -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await.context("too many open files?")?;
        stream.set_nodelay(true)?;
        // The other end tells what went wrong.
        tokio::spawn(answer(stream));
    }
}

async fn answer(mut stream: TcpStream) -> io::Result<()> {
    match stream.read_u8().await? {
        ECHO => {
            let mut said = [0; 256];
            loop {
                match stream.read(&mut said).await? {
                    0 => return Ok(()),
                    length => stream.write_all(&said[..length]).await?,
                }
            }
        }
        DOWN => {
            let mut left = stream.read_u64().await?;
            let piece = vec![0; PIECE];
            while left > 0 {
                let length = piece.len().min(usize::try_from(left).unwrap_or(PIECE));
                stream.write_all(&piece[..length]).await?;
                left -= length as u64;
            }
            stream.shutdown().await
        }
        UP => {
            let left = stream.read_u64().await?;
            drain(&mut stream, left).await?;
            stream.write_u8(UP).await
        }
        TICK => loop {
            stream.write_u8(TICK).await?;
            tokio::time::sleep(Duration::from_millis(1)).await;
        },
        other => Err(io::Error::other(format!("nobody asks for {other}"))),
    }
}

/// Reads exactly so many bytes.
pub(crate) async fn drain(stream: &mut TcpStream, mut left: u64) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    while left > 0 {
        match stream.read(&mut piece).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            length => left = left.saturating_sub(length as u64),
        }
    }
    Ok(())
}
