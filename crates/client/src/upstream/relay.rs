//! Bytes both ways, until one end is done, one breaks, or the gateway cuts.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio_util::io::poll_read_buf;

use super::settled::Settled;
use super::tunnel::Tunnel;

/// Measured: tokio's own 8 KiB cost a quarter more CPU (docs/PERFORMANCE.md).
const BUFFER: usize = 64 * 1024;

/// How often a caller who can no longer be heard (its bytes have ended, or wait for room further
/// on) is looked for.
pub(crate) const CALLER_POLL_INTERVAL: Duration = Duration::from_millis(500);

/// What the first words of a local caller are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sniff {
    /// No HTTP: they may reach the destination.
    Pass,
    /// HTTP, each request of which has to be judged.
    Http,
    /// A first line that is longer than any that is read.
    TooLong,
    /// More has to be heard.
    Unclear,
}

/// A caller whose first words stay unclear for this long speaks byte by byte, which no browser
/// does: it is let through. A person who typed a letter may wait for its echo.
pub(crate) const UNCLEAR_TIMEOUT: Duration = Duration::from_millis(250);

/// Which side of a relay ended before both were done.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// The local program closed its connection before the destination did. All that it had said
    /// has been sent.
    #[error("the local program closed the connection")]
    CallerClosed,
    /// The local program closed its connection, and the destination has not taken all that it had
    /// said, or still has something to say.
    #[error("the local program left the connection")]
    CallerGone,
    /// The local side broke: its disk is full, say.
    #[error("the local side failed: {0}")]
    Local(#[source] io::Error),
    /// The way to the destination broke: the destination or the gateway broke it off, or the
    /// network did. [`crate::dial::Dialer::why_lost`] says which.
    #[error("the connection to the gateway ended: {0}")]
    Tunnel(#[source] io::Error),
}

impl Tunnel {
    /// Hears a local caller's first words, of which `said` were heard already, and returns them with
    /// what they were judged to be. What the destination says meanwhile is handed back: in many
    /// protocols it speaks first.
    ///
    /// # Errors
    /// As [`Self::relay`].
    pub(crate) async fn first_words<L>(
        &mut self,
        local: &mut L,
        mut said: Vec<u8>,
        judge: impl Fn(&[u8]) -> Sniff,
    ) -> Result<(Sniff, Vec<u8>), RelayError>
    where
        L: AsyncRead + AsyncWrite + Unpin,
    {
        let mut answer = Vec::with_capacity(BUFFER);
        match judge(&said) {
            Sniff::Unclear => {}
            judged => return Ok((judged, said)),
        }
        loop {
            tokio::select! {
                () = tokio::time::sleep(UNCLEAR_TIMEOUT), if !said.is_empty() => {
                    return Ok((Sniff::Pass, said));
                }
                more = local.read_buf(&mut said) => {
                    let ended = more.map_err(RelayError::Local)? == 0;
                    match judge(&said) {
                        Sniff::Unclear if !ended => {}
                        Sniff::Unclear => return Ok((Sniff::Pass, said)),
                        judged => return Ok((judged, said)),
                    }
                }
                more = self.read_buf(&mut answer) => {
                    if more.map_err(RelayError::Tunnel)? == 0 {
                        return Ok((Sniff::Pass, said));
                    }
                    local.write_all(&answer).await.map_err(RelayError::Local)?;
                    answer.clear();
                }
            }
        }
    }

    /// Relays between `local` and the destination; `sent` is what the local end said already, and
    /// `is_gone` tells whether the local program has closed its connection.
    ///
    /// # Errors
    /// See [`RelayError`].
    pub async fn relay<L>(
        self,
        local: L,
        sent: &[u8],
        is_gone: impl Fn() -> bool,
    ) -> Result<(), RelayError>
    where
        L: AsyncRead + AsyncWrite + Unpin,
    {
        let settled = self.settled.clone();
        relay(local, self, &settled, sent, is_gone).await
    }

    /// Sends everything from `input`, and hands back everything that is answered. Once the answer
    /// is over, so is this, unless `input` has more to say just then: it may stay open for good, as
    /// a terminal's. `reader_gone` ends once nobody reads `output` any more.
    ///
    /// # Errors
    /// See [`RelayError`].
    pub async fn pipe<I, O>(
        mut self,
        input: &mut I,
        output: &mut O,
        reader_gone: impl Future<Output = ()>,
    ) -> Result<(), RelayError>
    where
        I: AsyncRead + Unpin,
        O: AsyncWrite + Unpin,
    {
        let piped = {
            let (mut answer, mut request) = tokio::io::split(&mut self);
            let mut input = Input::new(input);
            let idle = input.idle();
            let said_all = AtomicBool::new(false);
            let send = async {
                copy(
                    &mut input,
                    &mut request,
                    [RelayError::Local, RelayError::Tunnel],
                )
                .await?;
                said_all.store(true, Relaxed);
                request.shutdown().await.map_err(RelayError::Tunnel)
            };
            let receive = copy(&mut answer, output, [RelayError::Tunnel, RelayError::Local]);
            tokio::pin!(send, receive, reader_gone);
            let both = async {
                tokio::select! {
                    received = &mut receive => {
                        received?;
                        tokio::select! {
                            sent = &mut send => sent,
                            () = idle.lasts() => Ok(()),
                        }
                    }
                    sent = &mut send => {
                        sent?;
                        receive.await
                    }
                }
            };
            tokio::pin!(both);
            tokio::select! {
                ended = &mut both => ended,
                () = &mut reader_gone => {
                    // A program that ends closes one after the other.
                    let ended = tokio::time::timeout(CLOSING_GRACE, both).await;
                    match ended {
                        _ if said_all.load(Relaxed) => Err(RelayError::CallerClosed),
                        Ok(ended) => ended,
                        Err(_) => Err(RelayError::CallerGone),
                    }
                }
            }
        };
        match &piped {
            // Nothing comes any more, so nobody waits for an answer to this.
            Ok(()) => tokio::select! {
                _ = self.shutdown() => {}
                () = tokio::time::sleep(CALLER_POLL_INTERVAL) => {}
            },
            // It was said that nothing follows.
            Err(RelayError::CallerClosed) => {}
            Err(_) => self.settled.set(false),
        }
        piped
    }
}

/// Something to read from, of which can be told that it has nothing to say.
struct Input<'a, R> {
    from: &'a mut R,
    idle: Idle,
}

/// Tells that an input has nothing to say: it was asked for more that often, and waits since.
#[derive(Clone, Default)]
struct Idle(Arc<(AtomicBool, AtomicU64)>);

/// How long after its reader an input may still be closed as well, by the same program.
const CLOSING_GRACE: Duration = Duration::from_millis(200);

/// An input that says nothing for this long, once the answer is over, has nothing more to say.
const INPUT_GRACE: Duration = Duration::from_millis(500);

impl<'a, R> Input<'a, R> {
    fn new(from: &'a mut R) -> Self {
        let idle = Idle::default();
        Self { from, idle }
    }

    fn idle(&self) -> Idle {
        self.idle.clone()
    }
}

impl Idle {
    /// Waits until nothing was said for [`INPUT_GRACE`], although more was asked for.
    async fn lasts(&self) {
        let (waits, reads) = &*self.0;
        loop {
            let before = reads.load(Relaxed);
            tokio::time::sleep(INPUT_GRACE).await;
            if waits.load(Relaxed) && reads.load(Relaxed) == before {
                return;
            }
        }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Input<'_, R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut *self.from).poll_read(cx, buffer);
        let (waits, reads) = &*self.idle.0;
        waits.store(read.is_pending(), Relaxed);
        if read.is_ready() {
            reads.fetch_add(1, Relaxed);
        }
        read
    }
}

/// Relays between a local connection and a tunnel; an end that has said all it has to say is told
/// to the other, which may go on. `sent` is what the local end said already. `is_gone` tells
/// whether the local program has closed its connection, which it may do without a word: it is
/// asked at the end of its bytes, which may be a half-close, and while none of them are read.
///
/// # Errors
/// See [`RelayError`]. A gateway that cuts ends its TLS stream without saying so.
pub(crate) async fn relay<L, T>(
    local: L,
    tunnel: T,
    settled: &Settled,
    sent: &[u8],
    is_gone: impl Fn() -> bool,
) -> Result<(), RelayError>
where
    L: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    // Dropped, and so closed, by when this returns.
    let (mut answer, mut request) = tokio::io::split(tunnel);
    let (mut from_local, mut to_local) = tokio::io::split(local);
    let answered = AtomicBool::new(false);
    let relayed = {
        let up = async {
            let mut part = sent.to_vec();
            loop {
                let sending = async {
                    request.write_all(&part).await?;
                    request.flush().await
                };
                unless_gone(&is_gone, sending).await?;
                part.clear();
                let read = poll_fn(|cx| fill(&mut part, &mut from_local, cx)).await;
                if read.map_err(RelayError::Local)? == 0 {
                    break;
                }
            }
            if !answered.load(Relaxed) && is_gone() {
                return Err(RelayError::CallerClosed);
            }
            unless_gone(&is_gone, request.shutdown()).await
        };
        let down = async {
            let failures = [RelayError::Tunnel, RelayError::Local];
            copy(&mut answer, &mut to_local, failures).await?;
            answered.store(true, Relaxed);
            to_local.shutdown().await.map_err(RelayError::Local)
        };
        both(up, down, &is_gone).await
    };
    settled.set(matches!(&relayed, Ok(()) | Err(RelayError::CallerClosed)));
    relayed
}

impl Tunnel {
    /// Says how this tunnel ends, for whoever has handed it on.
    pub(crate) fn settled(&self) -> Settled {
        self.settled.clone()
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        if self.settled.is_orderly() {
            self.stream.settle();
        }
    }
}

/// Waits for both directions of a relay.
async fn both(
    up: impl Future<Output = Result<(), RelayError>>,
    down: impl Future<Output = Result<(), RelayError>>,
    is_gone: &impl Fn() -> bool,
) -> Result<(), RelayError> {
    tokio::pin!(up, down);
    tokio::select! {
        sent = &mut up => {
            let broke = match sent {
                Ok(()) => None,
                // What was answered before is still there to be read.
                Err(RelayError::Tunnel(error)) => Some(error),
                Err(ended) => return Err(ended),
            };
            // A half-closed caller is heard no more.
            tokio::select! {
                received = &mut down => received?,
                () = gone(is_gone) => return Err(RelayError::CallerGone),
            }
            broke.map_or(Ok(()), |error| Err(RelayError::Tunnel(error)))
        }
        received = &mut down => {
            received?;
            up.await
        }
    }
}

/// Waits until the caller is gone.
pub(crate) async fn gone(is_gone: &impl Fn() -> bool) {
    loop {
        tokio::time::sleep(CALLER_POLL_INTERVAL).await;
        if is_gone() {
            return;
        }
    }
}

/// Does something that may have to wait for room; the caller, whose bytes are not read meanwhile,
/// may go away.
async fn unless_gone(
    is_gone: &impl Fn() -> bool,
    done: impl Future<Output = io::Result<()>>,
) -> Result<(), RelayError> {
    tokio::select! {
        biased;
        done = done => done.map_err(RelayError::Tunnel),
        () = gone(is_gone) => Err(RelayError::CallerGone),
    }
}

/// Copies to the end. Each part goes out at once: TLS may hold some of it back otherwise. The
/// errors are those of reading and of writing.
async fn copy<R, W>(
    from: &mut R,
    to: &mut W,
    [reading, writing]: [fn(io::Error) -> RelayError; 2],
) -> Result<(), RelayError>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut part = Vec::new();
    while poll_fn(|cx| fill(&mut part, from, cx))
        .await
        .map_err(reading)?
        > 0
    {
        to.write_all(&part).await.map_err(writing)?;
        to.flush().await.map_err(writing)?;
        part.clear();
    }
    Ok(())
}

/// Reads what there is. While there is nothing, no buffer is held: most connections are idle.
fn fill<R>(part: &mut Vec<u8>, from: &mut R, cx: &mut Context<'_>) -> Poll<io::Result<usize>>
where
    R: AsyncRead + Unpin,
{
    part.reserve(BUFFER);
    let read = poll_read_buf(Pin::new(from), cx, part);
    if read.is_pending() {
        *part = Vec::new();
    }
    read
}

impl AsyncRead for Tunnel {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.early.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buffer);
        }
        let length = buffer.remaining().min(self.early.len());
        buffer.put_slice(&self.early[..length]);
        self.early.drain(..length);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tunnel {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.settled.set(true);
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl std::fmt::Debug for Tunnel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tunnel")
    }
}
