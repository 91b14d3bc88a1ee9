//! Relays bytes both ways, and asks before each write.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use hourkey_tcp::Link;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::SetOnce;
use tokio::time::timeout;
use tokio_util::io::poll_read_buf;

use crate::flow_state::Cause;
use crate::gate::{Decision, FlowGuard};
use crate::limits::{self, CHUNK};
use crate::sniff::{FirstAnswer, Sniffer};

/// A source of bytes.
pub(crate) trait Source: Send {
    /// Returns the next bytes; `None` at the end. Gives the sender room for more than that only once it is
    /// called again.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>>;
}

/// A sink for bytes.
pub(crate) trait Sink: Send {
    /// Writes some of the bytes, and takes them off.
    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &mut Bytes) -> Poll<io::Result<()>>;

    /// Sends on what is still buffered here.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Ends this direction, and leaves the other one as it is.
    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Ready when the other side wants nothing any more.
    fn poll_gone(&mut self, _cx: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}

/// How a flow ended.
#[derive(Debug)]
pub(crate) enum RelayEnd {
    /// Both sides have ended their direction.
    Finished,
    /// It was cut: reset the client's side too.
    Cut(Cause),
    /// A connection broke, or was broken off: reset the client's side too.
    Broken(Side, io::Error),
}

/// The two ends of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The device that asked for it.
    Client,
    /// The destination.
    Origin,
}

/// How often a client that is not read from (it has ended its direction, or its bytes wait for room
/// at the origin) is checked for a broken connection.
const CLIENT_POLL_INTERVAL: Duration = Duration::from_millis(500);

/// One direction of a flow.
struct Direction<'a, F> {
    from: Side,
    to: Side,
    guard: &'a FlowGuard,
    /// Counts what passes.
    count: &'a AtomicU64,
    /// Tells that the client's connection broke, which nobody sees who does not read from it; `None`
    /// where it is seen all the same.
    client_broke: Option<&'a F>,
}

/// Counts the bytes that have passed.
#[derive(Debug, Default)]
pub(crate) struct ByteCounts {
    /// From the client.
    up: AtomicU64,
    /// To the client.
    down: AtomicU64,
}

impl ByteCounts {
    /// In both directions.
    pub(crate) fn total(&self) -> u64 {
        self.up.load(Relaxed) + self.down.load(Relaxed)
    }

    #[cfg(test)]
    pub(crate) fn add(&self, bytes: u64) {
        self.up.fetch_add(bytes, Relaxed);
    }
}

/// Bytes that passed, and how the flow ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// From the client.
    pub(crate) up: u64,
    /// To the client.
    pub(crate) down: u64,
    /// How it ended.
    pub(crate) end: RelayEnd,
}

/// Relays bytes until both sides are done, one breaks, or the flow is cut, and counts them in
/// `byte_counts`. `client_broke` returns whether the client's connection broke; it is called while
/// nothing is read from it. `None` where a broken connection shows in another way.
///
/// Unless both were done, the origin's side is reset. A client that ended without a word has
/// delivered all that it had sent, as a program that closes its socket: then so does the gateway.
/// The client's side is the caller's to reset.
pub(crate) async fn run(
    source: &mut impl Source,
    sink: &mut impl Sink,
    origin: &mut Link,
    guard: &FlowGuard,
    client_broke: Option<impl Fn() -> bool>,
    byte_counts: &ByteCounts,
) -> Outcome {
    let ByteCounts { up, down } = byte_counts;
    let end = {
        let (from_origin, to_origin) = tokio::io::split(&mut *origin);
        let mut from_origin = IoSource::new(from_origin, Bytes::new());
        let mut to_origin = IoSink(to_origin);
        let client_broke = client_broke.as_ref();
        let upwards = Direction {
            from: Side::Client,
            to: Side::Origin,
            guard,
            count: up,
            client_broke,
        };
        let downwards = Direction {
            from: Side::Origin,
            to: Side::Client,
            guard,
            count: down,
            client_broke,
        };
        let answered = SetOnce::new();
        let sending = async {
            let first = sniff(source, &mut to_origin, &answered, &upwards).await?;
            pump(source, &mut to_origin, first, &upwards).await
        };
        let receiving = async {
            let first = next(&mut from_origin, sink, &downwards).await?;
            if first.is_some() && !guard.judge_answer() {
                return Err(RelayError::Cut);
            }
            let rest = answer(&mut from_origin, sink, first, &answered, &downwards).await?;
            pump(&mut from_origin, sink, rest, &downwards).await
        };
        let both = async {
            tokio::pin!(sending, receiving);
            tokio::select! {
                sent = &mut sending => {
                    let broke = match sent {
                        Ok(()) => None,
                        // What the origin answered before is still there to be read.
                        Err(broke @ RelayError::Io(Side::Origin, _)) => Some(broke),
                        Err(stop) => return Err(stop),
                    };
                    // A half-closed client is heard no more.
                    tokio::select! {
                        received = &mut receiving => received?,
                        broke = until_broken(client_broke) => return Err(broke),
                    }
                    broke.map_or(Ok(()), Err)
                }
                received = &mut receiving => {
                    received?;
                    sending.await
                }
            }
        };
        tokio::select! {
            biased;
            () = guard.is_cut() => RelayEnd::Cut(guard.cause()),
            ended = both => match ended {
                Ok(()) => RelayEnd::Finished,
                Err(RelayError::Cut) => RelayEnd::Cut(guard.cause()),
                Err(RelayError::Io(side, error)) => RelayEnd::Broken(side, error),
            },
        }
    };
    let delivered = match &end {
        RelayEnd::Finished => true,
        RelayEnd::Broken(Side::Client, error) => error.kind() == io::ErrorKind::UnexpectedEof,
        RelayEnd::Broken(Side::Origin, _) | RelayEnd::Cut(_) => false,
    };
    if !delivered {
        reset(origin);
    }
    let (up, down) = (up.load(Relaxed), down.load(Relaxed));
    Outcome { up, down, end }
}

/// Waits until the client's connection is seen to have broken.
async fn until_broken(client_broke: Option<&impl Fn() -> bool>) -> RelayError {
    let Some(client_broke) = client_broke else {
        return std::future::pending().await;
    };
    loop {
        tokio::time::sleep(CLIENT_POLL_INTERVAL).await;
        if client_broke() {
            return RelayError::Io(Side::Client, io::ErrorKind::ConnectionReset.into());
        }
    }
}

/// Carries the client's bytes for as long as names may be in them, and has each judged before it
/// passes. Returns the first bytes that need no look; `None` at the end. `answered` tells how the
/// origin's first answer begins.
async fn sniff(
    source: &mut impl Source,
    sink: &mut impl Sink,
    answered: &SetOnce<FirstAnswer>,
    direction: &Direction<'_, impl Fn() -> bool>,
) -> Result<Option<Bytes>, RelayError> {
    let guard = direction.guard;
    let (mut sniffer, mut found) = (Sniffer::default(), Vec::new());
    loop {
        let (mut ended, mut closed) = (false, None);
        let passes = if sniffer.awaits_answer() {
            let answer = tokio::select! {
                answer = answered.wait() => *answer,
                broke = until_broken(direction.client_broke) => return Err(broke),
            };
            sniffer.answered(answer, &mut found)
        } else {
            let input = match sniffer.is_unclear() {
                true => wait_for_protocol(source, sink, direction).await,
                false => next(source, sink, direction).await.map(ClientInput::from),
            };
            let input = match input {
                // What a program said before it closed its socket is delivered.
                Err(RelayError::Io(Side::Client, error))
                    if error.kind() == io::ErrorKind::UnexpectedEof =>
                {
                    closed = Some(RelayError::Io(Side::Client, error));
                    ClientInput::End
                }
                input => input?,
            };
            ended = matches!(input, ClientInput::End);
            match input {
                ClientInput::More(bytes) => sniffer.read(bytes, || guard.is_shared(), &mut found),
                ClientInput::End | ClientInput::Nothing => sniffer.end(&mut found),
            }
        };
        if !found.drain(..).all(|found| guard.judge(&found)) {
            return Err(RelayError::Cut);
        }
        if sniffer.is_done() && !ended {
            return Ok(Some(passes));
        }
        send(sink, passes, direction).await?;
        if ended {
            return closed.map_or(Ok(None), Err);
        }
    }
}

/// The next input from a client.
enum ClientInput {
    More(Bytes),
    /// The end of its bytes.
    End,
    /// None in time: it waits for an answer.
    Nothing,
}

impl From<Option<Bytes>> for ClientInput {
    fn from(next: Option<Bytes>) -> Self {
        next.map_or(Self::End, Self::More)
    }
}

/// Waits for the bytes that show a flow's protocol: briefly where nothing depends on it, since a
/// person may have typed a letter and wait for its echo.
async fn wait_for_protocol(
    source: &mut impl Source,
    sink: &mut impl Sink,
    direction: &Direction<'_, impl Fn() -> bool>,
) -> Result<ClientInput, RelayError> {
    let next = next(source, sink, direction);
    tokio::pin!(next);
    for limit in [limits::UNCLEAR_TIMEOUT, limits::SHARED_UNCLEAR_TIMEOUT] {
        match timeout(limit, &mut next).await {
            Ok(next) => return Ok(next?.into()),
            Err(_) if direction.guard.may_use_all() => break,
            Err(_) => {}
        }
    }
    Ok(ClientInput::Nothing)
}

/// Relays the origin's bytes until the kind of its first answer is known. Returns the bytes after
/// that; `None` at the end.
async fn answer(
    source: &mut impl Source,
    sink: &mut impl Sink,
    first: Option<Bytes>,
    answered: &SetOnce<FirstAnswer>,
    direction: &Direction<'_, impl Fn() -> bool>,
) -> Result<Option<Bytes>, RelayError> {
    let (mut begun, mut bytes) = (Vec::new(), first);
    while let Some(part) = bytes {
        begun.extend_from_slice(&part[..part.len().min(FirstAnswer::LENGTH)]);
        if let Some(answer) = FirstAnswer::of(&begun) {
            // Nobody else says so.
            let _ = answered.set(answer);
            return Ok(Some(part));
        }
        send(sink, part, direction).await?;
        bytes = next(source, sink, direction).await?;
    }
    let _ = answered.set(FirstAnswer::Other);
    Ok(None)
}

/// Makes closing drop what is buffered, and tell the other side by RST (RFC 9293, 3.10.7.3).
pub(crate) fn reset(stream: &TcpStream) {
    // It may be gone already.
    let _ = stream.set_zero_linger();
}

/// The reason why a direction stopped before its end.
enum RelayError {
    /// The flow may not go on.
    Cut,
    /// The connection of this side broke.
    Io(Side, io::Error),
}

/// Carries `first` and all that follows it, up to the end.
async fn pump(
    source: &mut impl Source,
    sink: &mut impl Sink,
    first: Option<Bytes>,
    direction: &Direction<'_, impl Fn() -> bool>,
) -> Result<(), RelayError> {
    let mut bytes = first;
    while let Some(part) = bytes {
        send(sink, part, direction).await?;
        bytes = next(source, sink, direction).await?;
    }
    direction.guarded(|cx| sink.poll_finish(cx)).await
}

/// Reads the next bytes; `None` at the end.
async fn next(
    source: &mut impl Source,
    sink: &mut impl Sink,
    direction: &Direction<'_, impl Fn() -> bool>,
) -> Result<Option<Bytes>, RelayError> {
    poll_fn(|cx| match sink.poll_gone(cx) {
        Poll::Ready(()) => {
            let reset = io::ErrorKind::ConnectionReset.into();
            Poll::Ready(Err(RelayError::Io(direction.to, reset)))
        }
        Poll::Pending => {
            let next = source.poll_next(cx);
            next.map_err(|error| RelayError::Io(direction.from, error))
        }
    })
    .await
}

async fn send(
    sink: &mut impl Sink,
    mut bytes: Bytes,
    direction: &Direction<'_, impl Fn() -> bool>,
) -> Result<(), RelayError> {
    while !bytes.is_empty() {
        let before = bytes.len();
        let write = |cx: &mut Context<'_>| sink.poll_write(cx, &mut bytes);
        direction.guarded(write).await?;
        let passed = before - bytes.len();
        direction.count.fetch_add(passed as u64, Relaxed);
    }
    direction.guarded(|cx| sink.poll_flush(cx)).await
}

impl<F: Fn() -> bool> Direction<'_, F> {
    /// Makes an attempt to send, and asks right before it: one that had to wait for
    /// room asks again. A client that goes away while its bytes wait for room is noticed.
    async fn guarded(
        &self,
        mut attempt: impl FnMut(&mut Context<'_>) -> Poll<io::Result<()>>,
    ) -> Result<(), RelayError> {
        loop {
            let done = poll_fn(|cx| match self.guard.decide() {
                Decision::Allow => attempt(cx).map(|done| match done {
                    Ok(()) => Ok(true),
                    Err(error) => Err(RelayError::Io(self.to, error)),
                }),
                Decision::Hold => Poll::Ready(Ok(false)),
                Decision::Close => Poll::Ready(Err(RelayError::Cut)),
            });
            let done = tokio::select! {
                biased;
                done = done => done?,
                broke = until_broken(self.client_broke), if self.to == Side::Origin => {
                    return Err(broke);
                }
            };
            if done {
                return Ok(());
            }
            if !self.guard.may_go_on().await {
                return Err(RelayError::Cut);
            }
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
