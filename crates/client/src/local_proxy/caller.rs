//! A local program's connection, and whether the program is still there.
//!
//! The end of its bytes does not tell: a program may say all it has to say and wait for the answer
//! (half-close, RFC 9293, 3.6). Both ends of the connection are on this machine, so the kernel
//! knows.

use std::io;
use std::mem::MaybeUninit;
use std::net::{Shutdown, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::socket_owner::SocketOwners;
use crate::upstream::{CALLER_POLL_INTERVAL, gone};

/// How long a caller may take to read the end of its answer.
const LINGER_TIMEOUT: Duration = Duration::from_secs(120);

/// A caller's connection. Clones are the same connection, which closes with the last of them.
#[derive(Clone)]
pub(super) struct Caller(Arc<Inner>);

struct Inner {
    stream: TcpStream,
    /// The caller's address and ours.
    ends: Option<(SocketAddr, SocketAddr)>,
    owners: Arc<dyn SocketOwners>,
}

impl Caller {
    /// Until [`Self::settle`], closing is abrupt, also when this process is killed: so nobody takes
    /// half an answer for a whole one.
    pub(super) fn new(stream: TcpStream, owners: Arc<dyn SocketOwners>) -> Self {
        // A connection that is gone already cannot be reset either.
        let _ = stream.set_zero_linger();
        let ends = stream.peer_addr().ok().zip(stream.local_addr().ok());
        Self(Arc::new(Inner {
            stream,
            ends,
            owners,
        }))
    }

    /// Our own port, to which the caller has connected.
    pub(super) fn port(&self) -> u16 {
        self.0.ends.map_or(0, |(_, local)| local.port())
    }

    /// To be asked later what lies there to be read, without keeping the connection open.
    pub(super) fn unread(&self) -> Unread {
        Unread(Arc::downgrade(&self.0))
    }

    /// True once the caller has closed its connection altogether.
    pub(super) fn is_gone(&self) -> bool {
        match self.0.ends {
            Some((peer, local)) => !self.0.owners.is_held(peer, local),
            None => true,
        }
    }

    /// Waits until the caller has closed its connection altogether, whatever it said before that
    /// nobody has read yet.
    pub(super) async fn gone(&self) {
        loop {
            match self.0.stream.peek(&mut [0]).await {
                // It has said all it has to say.
                Ok(0) if self.is_gone() => return,
                Ok(0) => return gone(&|| self.is_gone()).await,
                // While this lies unread, its end cannot be heard.
                Ok(_) => tokio::time::sleep(CALLER_POLL_INTERVAL).await,
                Err(_) => return,
            }
            if self.is_gone() {
                return;
            }
        }
    }

    /// Reads and forgets until the caller has closed its connection. Closing ours while something
    /// lies unread would take back what the caller has not read yet (RFC 9293, 3.10.4).
    pub(super) async fn linger(&self) {
        let mut rest = [0; 4096];
        let read = async {
            loop {
                if self.0.stream.readable().await.is_err() {
                    return;
                }
                match self.0.stream.try_read(&mut rest) {
                    Ok(0) => return,
                    Ok(_) => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(_) => return,
                }
            }
        };
        // A caller that goes away misses only its answer.
        let _ = tokio::time::timeout(LINGER_TIMEOUT, read).await;
        self.settle();
    }

    /// Everything was answered: closing is orderly from now on.
    pub(super) fn settle(&self) {
        let _ = SockRef::from(&self.0.stream).set_linger(None);
    }
}

/// What a caller has said and nobody has read yet.
pub(super) struct Unread(Weak<Inner>);

impl Unread {
    /// True when there is something, by the kernel's word.
    pub(super) fn is_there(&self) -> bool {
        let inner = self.0.upgrade();
        inner.is_some_and(|it| {
            let peeked = SockRef::from(&it.stream).peek(&mut [MaybeUninit::uninit()]);
            peeked.is_ok_and(|count| count > 0)
        })
    }
}

impl AsyncRead for Caller {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.0.stream.poll_read_ready(cx))?;
            match self.0.stream.try_read_buf(buffer) {
                Ok(_) => return Poll::Ready(Ok(())),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Caller {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.stream.poll_write_ready(cx))?;
            match self.0.stream.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.stream.poll_write_ready(cx))?;
            match self.0.stream.try_write_vectored(parts) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(SockRef::from(&self.0.stream).shutdown(Shutdown::Write))
    }
}
