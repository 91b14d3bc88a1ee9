//! Carries bytes both ways, and asks before each write.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};

use bytes::{Buf as _, Bytes, BytesMut};
use hourkey_tcp::Link;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_util::io::poll_read_buf;

use crate::gate::{Pass, Step};
use crate::limits::CHUNK;
use crate::sniff::Sniffer;
use crate::ticket::Cause;

/// Where bytes come from.
pub(crate) trait Source: Send {
    /// The next bytes; `None` at the end. Gives the sender room for more than that only once it is
    /// called again.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>>;
}

/// Where bytes go.
pub(crate) trait Sink: Send {
    /// Writes some of the bytes, and takes them off.
    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &mut Bytes) -> Poll<io::Result<()>>;

    /// Sends on what is still buffered here.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Says that nothing follows, and leaves the other direction as it is.
    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Ready when the other side wants nothing any more.
    fn poll_gone(&mut self, _cx: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}

/// How a flow ended.
#[derive(Debug)]
pub(crate) enum End {
    /// Both sides said that they were done.
    Finished,
    /// It was cut: reset the client's side too.
    Cut(Cause),
    /// A connection broke: reset the client's side too.
    Broken(io::Error),
}

/// What passed, in bytes, and how it ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// From the client.
    pub(crate) up: u64,
    /// To the client.
    pub(crate) down: u64,
    /// How it ended.
    pub(crate) end: End,
}

/// Carries bytes until both sides are done, one breaks, or the flow is cut. Then the origin's side
/// is reset, unless both were done; the client's is the caller's to reset.
pub(crate) async fn run(
    source: &mut impl Source,
    sink: &mut impl Sink,
    origin: &mut Link,
    pass: &Pass,
) -> Outcome {
    let (up, down) = (AtomicU64::new(0), AtomicU64::new(0));
    let end = {
        let (from_origin, to_origin) = tokio::io::split(&mut *origin);
        let mut from_origin = IoSource::new(from_origin, Bytes::new());
        let mut to_origin = IoSink(to_origin);
        let upwards = async {
            let first = sniff(source, &mut to_origin, pass, &up).await?;
            pump(source, &mut to_origin, first, pass, &up).await
        };
        let downwards = async {
            let first = next(&mut from_origin, sink).await?;
            if first.is_some() && !pass.judge_answer() {
                return Err(Stop::Cut);
            }
            pump(&mut from_origin, sink, first, pass, &down).await
        };
        tokio::select! {
            biased;
            () = pass.is_cut() => End::Cut(pass.cause()),
            ended = async { tokio::try_join!(upwards, downwards) } => match ended {
                Ok(_) => End::Finished,
                Err(Stop::Cut) => End::Cut(pass.cause()),
                Err(Stop::Io(error)) => End::Broken(error),
            },
        }
    };
    if !matches!(end, End::Finished) {
        reset(origin);
    }
    let (up, down) = (up.into_inner(), down.into_inner());
    Outcome { up, down, end }
}

/// Carries the client's bytes for as long as names may be in them, and has each judged before it
/// passes. Returns the first bytes that need no look; `None` at the end.
async fn sniff(
    source: &mut impl Source,
    sink: &mut impl Sink,
    pass: &Pass,
    count: &AtomicU64,
) -> Result<Option<Bytes>, Stop> {
    let (mut sniffer, mut found) = (Sniffer::default(), Vec::new());
    loop {
        let next = next(source, sink).await?;
        let ended = next.is_none();
        let passes = match next {
            Some(bytes) => sniffer.read(bytes, || pass.is_shared(), &mut found),
            None => sniffer.end(&mut found),
        };
        if !found.drain(..).all(|found| pass.judge(&found)) {
            return Err(Stop::Cut);
        }
        if sniffer.is_done() && !ended {
            return Ok(Some(passes));
        }
        send(sink, passes, pass, count).await?;
        if ended {
            return Ok(None);
        }
    }
}

/// Makes closing drop what is buffered, and tell the other side by RST (RFC 9293, 3.10.7.3).
pub(crate) fn reset(stream: &TcpStream) {
    // It may be gone already.
    let _ = stream.set_zero_linger();
}

/// Why a direction stopped before its end.
enum Stop {
    /// The flow may not go on.
    Cut,
    /// A connection broke.
    Io(io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Carries `first` and all that follows it, up to the end.
async fn pump(
    source: &mut impl Source,
    sink: &mut impl Sink,
    first: Option<Bytes>,
    pass: &Pass,
    count: &AtomicU64,
) -> Result<(), Stop> {
    let mut bytes = first;
    while let Some(part) = bytes {
        send(sink, part, pass, count).await?;
        bytes = next(source, sink).await?;
    }
    guarded(pass, |cx| sink.poll_finish(cx)).await
}

/// The next bytes; `None` at the end.
async fn next(source: &mut impl Source, sink: &mut impl Sink) -> io::Result<Option<Bytes>> {
    poll_fn(|cx| match sink.poll_gone(cx) {
        Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
        Poll::Pending => source.poll_next(cx),
    })
    .await
}

async fn send(
    sink: &mut impl Sink,
    mut bytes: Bytes,
    pass: &Pass,
    count: &AtomicU64,
) -> Result<(), Stop> {
    while !bytes.is_empty() {
        let before = bytes.len();
        guarded(pass, |cx| sink.poll_write(cx, &mut bytes)).await?;
        count.fetch_add((before - bytes.len()) as u64, Relaxed);
    }
    guarded(pass, |cx| sink.poll_flush(cx)).await
}

/// Does something that may send, and asks right before each attempt: one that had to wait for room
/// asks again.
async fn guarded(
    pass: &Pass,
    mut attempt: impl FnMut(&mut Context<'_>) -> Poll<io::Result<()>>,
) -> Result<(), Stop> {
    loop {
        let done = poll_fn(|cx| match pass.step() {
            Step::Go => attempt(cx).map(|done| done.map(Some).map_err(Stop::Io)),
            Step::Wait => Poll::Ready(Ok(None)),
            Step::End => Poll::Ready(Err(Stop::Cut)),
        });
        match done.await? {
            Some(()) => return Ok(()),
            None if pass.may_go_on().await => {}
            None => return Err(Stop::Cut),
        }
    }
}

/// Reads a byte stream in large pieces.
pub(crate) struct IoSource<R> {
    pub(crate) io: R,
    first: Bytes,
    buffer: BytesMut,
}

impl<R> IoSource<R> {
    /// `first` was read already.
    pub(crate) fn new(io: R, first: Bytes) -> Self {
        let buffer = BytesMut::new();
        Self { io, first, buffer }
    }
}

impl<R: AsyncRead + Unpin + Send> Source for IoSource<R> {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
        if !self.first.is_empty() {
            return Poll::Ready(Ok(Some(std::mem::take(&mut self.first))));
        }
        // Small pieces share one block, so that a queue of them holds little more than they have.
        // Once all of them are written and dropped, its room is used again.
        if self.buffer.capacity() < CHUNK / 4 {
            self.buffer.reserve(CHUNK);
        }
        let read = match poll_read_buf(Pin::new(&mut self.io), cx, &mut self.buffer) {
            Poll::Ready(read) => read?,
            Poll::Pending => {
                // Idle flows hold no block.
                self.buffer = BytesMut::new();
                return Poll::Pending;
            }
        };
        Poll::Ready(Ok((read > 0).then(|| self.buffer.split().freeze())))
    }
}

/// Writes to a byte stream.
pub(crate) struct IoSink<W>(pub(crate) W);

impl<W: AsyncWrite + Unpin + Send> Sink for IoSink<W> {
    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &mut Bytes) -> Poll<io::Result<()>> {
        match std::task::ready!(Pin::new(&mut self.0).poll_write(cx, bytes))? {
            0 => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            written => {
                bytes.advance(written);
                Poll::Ready(Ok(()))
            }
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
