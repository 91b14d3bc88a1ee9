//! Bytes both ways, until one end is done or the gateway cuts.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_util::io::poll_read_buf;

use super::Tunnel;

/// Measured: tokio's own 8 KiB cost a quarter more CPU (docs/PERFORMANCE.md).
const BUFFER: usize = 64 * 1024;

/// What the first words of a local caller are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// They may reach the destination.
    Pass,
    /// They must not.
    Refuse,
    /// More has to be heard.
    Unclear,
}

/// A caller whose first words stay unclear for this long speaks byte by byte, which no browser
/// does: it is let through.
const UNCLEAR: Duration = Duration::from_secs(2);

impl Tunnel {
    /// Hears a local caller's first words and returns them, or `None` when they must not pass.
    /// What the destination says meanwhile is handed back: in many protocols it speaks first.
    pub(crate) async fn first_words(
        &mut self,
        local: &mut TcpStream,
        judge: impl Fn(&[u8]) -> Verdict,
    ) -> io::Result<Option<Vec<u8>>> {
        local.write_all(&std::mem::take(&mut self.early)).await?;
        let (mut said, mut answer) = (Vec::new(), Vec::with_capacity(BUFFER));
        loop {
            tokio::select! {
                () = tokio::time::sleep(UNCLEAR), if !said.is_empty() => return Ok(Some(said)),
                more = local.read_buf(&mut said) => {
                    let ended = more? == 0;
                    match judge(&said) {
                        Verdict::Unclear if !ended => {}
                        Verdict::Pass | Verdict::Unclear => return Ok(Some(said)),
                        Verdict::Refuse => return Ok(None),
                    }
                }
                more = self.stream.read_buf(&mut answer) => {
                    if more? == 0 {
                        return Ok(Some(said));
                    }
                    local.write_all(&answer).await?;
                    answer.clear();
                }
            }
        }
    }

    /// Relays between `local` and the destination; an end that has said all it has to say is told
    /// to the other, which may go on. `sent` is what the local end said already.
    ///
    /// # Errors
    /// When the gateway cuts (its TLS stream ends without saying so), or either end breaks.
    pub async fn relay<L>(mut self, local: &mut L, sent: &[u8]) -> io::Result<()>
    where
        L: AsyncRead + AsyncWrite + Unpin,
    {
        local.write_all(&self.early).await?;
        self.stream.write_all(sent).await?;
        let (mut answer, mut request) = tokio::io::split(&mut self.stream);
        let (mut from_local, mut to_local) = tokio::io::split(local);
        let up = async {
            copy(&mut from_local, &mut request).await?;
            request.shutdown().await
        };
        let down = async {
            copy(&mut answer, &mut to_local).await?;
            to_local.shutdown().await
        };
        tokio::try_join!(up, down).map(drop)
    }

    /// [`Self::relay`] for a local connection: one that is cut ends abruptly there too, so that
    /// nobody takes half an answer for a whole one.
    pub(crate) async fn serve(self, mut local: TcpStream, sent: &[u8]) {
        if let Err(error) = self.relay(&mut local, sent).await {
            tracing::debug!(%error, "A connection was cut.");
            // A connection that is gone already cannot be reset either.
            let _ = local.set_zero_linger();
        }
    }

    /// Sends everything from `input`, and hands back everything that is answered; it is over once
    /// the answer is, whatever may still come from `input`.
    ///
    /// # Errors
    /// As [`Self::relay`].
    pub async fn pipe<I, O>(mut self, input: &mut I, output: &mut O) -> io::Result<()>
    where
        I: AsyncRead + Unpin,
        O: AsyncWrite + Unpin,
    {
        output.write_all(&self.early).await?;
        output.flush().await?;
        let (mut answer, mut request) = tokio::io::split(&mut self.stream);
        let send = async {
            copy(input, &mut request).await?;
            request.shutdown().await
        };
        first(copy(&mut answer, output), send).await
    }

    /// Sends one request, whose head is `head` and whose body is the next `body` bytes of `local`
    /// after `sent`, and hands back everything that is answered. Nothing else that `local` sends
    /// reaches the destination: the next request may be for another one.
    pub(crate) async fn exchange(
        mut self,
        mut local: TcpStream,
        head: &[u8],
        sent: &[u8],
        body: u64,
    ) {
        let exchanged = async {
            let (from_local, mut to_local) = local.split();
            let (mut answer, mut request) = tokio::io::split(&mut self.stream);
            to_local.write_all(&self.early).await?;
            request.write_all(head).await?;
            let mut body = sent.chain(from_local).take(body);
            let send = copy(&mut body, &mut request);
            first(copy(&mut answer, &mut to_local), send).await?;
            to_local.shutdown().await
        };
        let exchanged: io::Result<()> = exchanged.await;
        if let Err(error) = exchanged {
            tracing::debug!(%error, "A connection was cut.");
            let _ = local.set_zero_linger();
        }
    }
}

/// Waits for an answer; it may be whole before the request is.
async fn first(
    receive: impl Future<Output = io::Result<()>>,
    send: impl Future<Output = io::Result<()>>,
) -> io::Result<()> {
    tokio::pin!(receive);
    tokio::select! {
        received = &mut receive => received,
        sent = send => match sent {
            Ok(()) => receive.await,
            Err(error) => Err(error),
        },
    }
}

/// Copies to the end. Each part goes out at once: TLS may hold some of it back otherwise.
async fn copy<R, W>(from: &mut R, to: &mut W) -> io::Result<()>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut part = Vec::new();
    while poll_fn(|cx| fill(&mut part, from, cx)).await? > 0 {
        to.write_all(&part).await?;
        to.flush().await?;
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

impl std::fmt::Debug for Tunnel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tunnel")
    }
}
