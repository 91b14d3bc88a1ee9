//! A TCP connection that ends when its other side is gone without a word.

use std::io;
use std::net::SocketAddr;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering::SeqCst};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::watchdog::Registry;

/// Why a connection ended although neither side closed it. It lies inside the [`io::Error`] of
/// every later call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The other side leaves everything unanswered.
    #[error("the other side does not answer any more")]
    Silent,
    /// The address that the connection was made from is no longer this machine's.
    #[error("the network has changed")]
    Network,
}

impl LinkError {
    /// Returns the link error inside of an I/O error, if there is one.
    #[must_use]
    pub fn of(error: &io::Error) -> Option<Self> {
        if let Some(lost) = error.get_ref().and_then(|it| it.downcast_ref::<Self>()) {
            return Some(*lost);
        }
        // What the kernel says when keepalive goes unanswered (tcp(7)).
        let silent = [
            io::ErrorKind::TimedOut,
            io::ErrorKind::HostUnreachable,
            io::ErrorKind::NetworkUnreachable,
        ];
        (error.raw_os_error().is_some() && silent.contains(&error.kind())).then_some(Self::Silent)
    }

    fn error(self) -> io::Error {
        let kind = match self {
            Self::Silent => io::ErrorKind::TimedOut,
            Self::Network => io::ErrorKind::NetworkDown,
        };
        io::Error::new(kind, self)
    }
}

/// State of a link: whether it is lost, and the tasks that wait for it.
#[derive(Debug)]
pub(crate) struct LinkState {
    pub(crate) local: SocketAddr,
    pub(crate) peer: SocketAddr,
    lost: AtomicU8,
    reader: AtomicWaker,
    writer: AtomicWaker,
}

impl LinkState {
    fn lost(&self) -> Option<LinkError> {
        match self.lost.load(SeqCst) {
            0 => None,
            1 => Some(LinkError::Silent),
            _ => Some(LinkError::Network),
        }
    }

    /// Ends the connection.
    pub(crate) fn lose(&self, lost: LinkError) {
        let code = match lost {
            LinkError::Silent => 1,
            LinkError::Network => 2,
        };
        self.lost.store(code, SeqCst);
        self.reader.wake();
        self.writer.wake();
    }
}

/// A TCP connection under a [`crate::Watchdog`]. Once it is lost, every call fails with [`LinkError`].
#[derive(Debug)]
pub struct Link {
    stream: TcpStream,
    state: Arc<LinkState>,
    registry: Weak<Registry>,
}

impl Link {
    pub(crate) fn new(stream: TcpStream, registry: Weak<Registry>) -> io::Result<Self> {
        let canonical = |at: SocketAddr| SocketAddr::new(at.ip().to_canonical(), at.port());
        let state = Arc::new(LinkState {
            local: canonical(stream.local_addr()?),
            peer: canonical(stream.peer_addr()?),
            lost: AtomicU8::new(0),
            reader: AtomicWaker::new(),
            writer: AtomicWaker::new(),
        });
        Ok(Self {
            stream,
            state,
            registry,
        })
    }

    pub(crate) fn state(&self) -> &Arc<LinkState> {
        &self.state
    }

    fn check(&self, waker: &AtomicWaker, cx: &Context<'_>) -> io::Result<()> {
        waker.register(cx.waker());
        self.state.lost().map_or(Ok(()), |lost| Err(lost.error()))
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Some(registry) = self.registry.upgrade() {
            registry.forget(&self.state);
        }
    }
}

/// For its addresses and options.
impl Deref for Link {
    type Target = TcpStream;

    fn deref(&self) -> &TcpStream {
        &self.stream
    }
}

impl AsyncRead for Link {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(&self.state.reader, cx)?;
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Link {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check(&self.state.writer, cx)?;
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check(&self.state.writer, cx)?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
