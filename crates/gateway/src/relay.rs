//! Carries bytes both ways, for as long as the gate lets them pass.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hourkey_protocol::gateway::Ended;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::gate::{Admitted, Pass};
use crate::hello::{self, Hello};

/// The size of a buffer. Measured: 8 KiB costs a quarter more processor time.
const BUFFER: usize = 64 * 1024;

/// What went through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Carried {
    /// Bytes from the device.
    pub(crate) sent: u64,
    /// Bytes to the device.
    pub(crate) received: u64,
}

/// Carries until both ends have closed, one breaks, or the flow is cut. `first` are bytes of the
/// device that arrived already; `name` is what the device asked for, if it was a name.
pub(crate) async fn relay<D, O>(
    device: &mut D,
    origin: &mut O,
    first: &[u8],
    name: Option<&str>,
    admitted: &Admitted,
) -> (Carried, Ended)
where
    D: AsyncRead + AsyncWrite + Unpin,
    O: AsyncRead + AsyncWrite + Unpin,
{
    let mut out = Pipe::new(first, name);
    let mut back = Pipe::new(&[], None);
    let mut bell = admitted.bell();
    let ended = loop {
        let carry = poll_fn(|cx| {
            let sent = out.poll(cx, device, origin, admitted)?;
            let received = back.poll(cx, origin, device, admitted)?;
            match (sent, received) {
                (Poll::Ready(()), Poll::Ready(())) => Poll::Ready(Ok(())),
                (Poll::Ready(()) | Poll::Pending, _) => Poll::Pending,
            }
        });
        let stop = tokio::select! {
            biased;
            () = admitted.line.is_cut() => break admitted.line.why().unwrap_or(Ended::Closed),
            carried = carry => match carried {
                Ok(()) | Err(Stop::Broken(_)) => break Ended::Closed,
                Err(stop) => stop,
            },
        };
        match stop {
            Stop::Wait => {
                // What was read stays in its buffer until the controller is heard, or it is cut.
                tokio::select! {
                    () = admitted.line.is_cut() => {}
                    _ = bell.changed() => {}
                }
            }
            Stop::Cut => break admitted.line.why().unwrap_or(Ended::Permit),
            Stop::Broken(_) => break Ended::Closed,
        }
    };
    let carried = Carried {
        sent: out.written,
        received: back.written,
    };
    (carried, ended)
}

/// Why carrying stopped before its end.
#[derive(Debug)]
enum Stop {
    /// Nothing passes for now.
    Wait,
    /// Nothing passes any more.
    Cut,
    /// An end broke.
    Broken(#[expect(dead_code, reason = "for whoever debugs")] io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

/// One direction.
struct Pipe<'n> {
    /// The name that a TLS handshake must be for; `None` once that is settled.
    name: Option<&'n str>,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    /// The reader has closed.
    closed: bool,
    /// Written bytes may lie in the writer still.
    unflushed: bool,
    /// The writer is closed: nothing is left to do.
    done: bool,
    written: u64,
}

impl<'n> Pipe<'n> {
    fn new(first: &[u8], name: Option<&'n str>) -> Self {
        let mut buffer = vec![0; BUFFER.max(first.len())].into_boxed_slice();
        buffer[..first.len()].copy_from_slice(first);
        Self {
            name,
            buffer,
            start: 0,
            end: first.len(),
            closed: false,
            unflushed: false,
            done: false,
            written: 0,
        }
    }

    fn poll<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        reader: &mut R,
        writer: &mut W,
        admitted: &Admitted,
    ) -> Result<Poll<()>, Stop>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        if self.done {
            return Ok(Poll::Ready(()));
        }
        match self.poll_all(cx, reader, writer, admitted) {
            Poll::Ready(Ok(())) => Ok(Poll::Ready(())),
            Poll::Ready(Err(stop)) => Err(stop),
            Poll::Pending => Ok(Poll::Pending),
        }
    }

    fn poll_all<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        reader: &mut R,
        writer: &mut W,
        admitted: &Admitted,
    ) -> Poll<Result<(), Stop>>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        loop {
            if (self.start == self.end || self.is_undecided(admitted)) && !self.closed {
                match self.poll_fill(cx, reader) {
                    Poll::Ready(read) => read?,
                    Poll::Pending => {
                        if self.unflushed {
                            ready!(Pin::new(&mut *writer).poll_flush(cx))?;
                            self.unflushed = false;
                        }
                        return Poll::Pending;
                    }
                }
            }
            while self.start < self.end {
                match admitted.may_pass() {
                    Pass::Yes => {}
                    Pass::Wait => return Poll::Ready(Err(Stop::Wait)),
                    Pass::No => return Poll::Ready(Err(Stop::Cut)),
                }
                let bytes = &self.buffer[self.start..self.end];
                let count = ready!(Pin::new(&mut *writer).poll_write(cx, bytes))?;
                if count == 0 {
                    return Poll::Ready(Err(io::Error::from(io::ErrorKind::WriteZero).into()));
                }
                self.start += count;
                self.written += count as u64;
                self.unflushed = true;
            }
            if self.closed {
                ready!(Pin::new(&mut *writer).poll_shutdown(cx))?;
                self.done = true;
                return Poll::Ready(Ok(()));
            }
        }
    }

    fn poll_fill<R: AsyncRead + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        reader: &mut R,
    ) -> Poll<io::Result<()>> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
        let mut buffer = ReadBuf::new(&mut self.buffer[self.end..]);
        ready!(Pin::new(reader).poll_read(cx, &mut buffer))?;
        let count = buffer.filled().len();
        self.end += count;
        self.closed = count == 0;
        Poll::Ready(Ok(()))
    }

    /// True while more bytes are needed to see for which name a TLS handshake is. One for another
    /// name than the device asked for cuts the flow.
    fn is_undecided(&mut self, admitted: &Admitted) -> bool {
        let Some(name) = self.name else {
            return false;
        };
        let said = hello::inspect(&self.buffer[self.start..self.end], name);
        match said {
            Hello::Incomplete if self.end < self.buffer.len() => return true,
            Hello::Incomplete | Hello::Fits => {}
            Hello::Differs => admitted.line.cut(Ended::Mismatch),
        }
        self.name = None;
        false
    }
}
