//! A connection through a gateway that says once when the gateway breaks it off.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::pool::Connection;

/// What to do when it breaks.
pub(super) type OnBreak = Box<dyn FnOnce() + Send>;

/// The connection.
pub(crate) struct Watched {
    connection: Connection,
    on_break: Option<OnBreak>,
}

impl Watched {
    pub(super) fn new(connection: Connection) -> Self {
        let on_break = None;
        Self {
            connection,
            on_break,
        }
    }

    pub(super) fn on_break(&mut self, on_break: OnBreak) {
        self.on_break = Some(on_break);
    }

    /// Makes closing abrupt.
    pub(super) fn reset(&self) {
        // A connection that is gone already cannot be reset either.
        let _ = self.connection.get_ref().0.set_zero_linger();
    }

    /// Looks at what came of a read or a write.
    fn look<T>(&mut self, came: &Poll<io::Result<T>>) {
        if let Poll::Ready(Err(_)) = came
            && let Some(on_break) = self.on_break.take()
        {
            on_break();
        }
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.connection).poll_read(cx, buffer);
        self.look(&read);
        read
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.connection).poll_write(cx, bytes);
        self.look(&written);
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.connection).poll_flush(cx);
        self.look(&flushed);
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.connection).poll_write_vectored(cx, parts);
        self.look(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.connection.is_write_vectored()
    }
}
