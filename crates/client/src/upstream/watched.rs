//! A connection through a gateway that says once when the gateway breaks it off.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::SockRef;
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
    /// Until [`Self::settle`], closing is abrupt, also when this process is killed: so the gateway
    /// takes no half of what was sent for all of it.
    pub(super) fn new(connection: Connection) -> Self {
        let on_break = None;
        // A connection that is gone already cannot be reset either.
        let _ = socket(&connection).set_linger(Some(Duration::ZERO));
        Self {
            connection,
            on_break,
        }
    }

    pub(super) fn on_break(&mut self, on_break: OnBreak) {
        self.on_break = Some(on_break);
    }

    /// Makes closing orderly.
    pub(super) fn settle(&self) {
        let _ = socket(&self.connection).set_linger(None);
    }

    /// Looks at what came of reading, writing or closing.
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
        let shut = Pin::new(&mut self.connection).poll_shutdown(cx);
        self.look(&shut);
        shut
    }
}

fn socket(connection: &Connection) -> SockRef<'_> {
    SockRef::from(&**connection.get_ref().0)
}
