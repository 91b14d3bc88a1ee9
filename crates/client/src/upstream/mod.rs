//! Connections to gateways, and tunnels through them.

use std::fmt::Display;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hourkey_protocol::gateway::{FLOW, REFUSAL, Refusal};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;

pub(crate) mod pool;
mod relay;
mod settled;
mod tunnel;
mod watched;

use pool::{Connection, Pool};
pub use relay::RelayError;
pub(crate) use relay::{CALLER_POLL_INTERVAL, Sniff, UNCLEAR_TIMEOUT, gone, relay};
pub(crate) use settled::Settled;
pub use tunnel::Tunnel;
use tunnel::{MAX_HEAD, WhyCut};
use watched::Watched;

/// Why there is no tunnel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TunnelError {
    /// The gateway refuses.
    Refused(Refusal),
    /// No gateway answered; with what the last one's connection failed of.
    NoAnswer(String),
}

impl TunnelError {
    /// True when another gateway of the network may do what this one did not.
    pub(crate) fn is_local(&self) -> bool {
        match self {
            Self::NoAnswer(_) | Self::Refused(Refusal::Stale | Refusal::Busy) => true,
            Self::Refused(
                Refusal::NoPermit | Refusal::Device | Refusal::Unreachable | Refusal::Malformed,
            ) => false,
        }
    }
}

/// How long to wait for a gateway before the next one is tried beside it.
const NEXT_GATEWAY_DELAY: Duration = Duration::from_secs(2);
/// How long an answer may take in all: a gateway waits for its destination meanwhile.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// Opens a tunnel to `target` (`host:port`) through the first of `pools` that answers. The next
/// one is tried when one cannot be reached or cannot serve now, and beside it when it does not
/// answer in time.
pub(crate) async fn open(pools: &[Arc<Pool>], target: &str) -> Result<Tunnel, TunnelError> {
    let mut attempts = JoinSet::new();
    let attempt = |attempts: &mut JoinSet<_>, pool: &Arc<Pool>, source: Source| {
        let (pool, target) = (Arc::clone(pool), target.to_owned());
        attempts.spawn(async move {
            tokio::time::timeout(ANSWER_TIMEOUT, connect(&pool, &target, source))
                .await
                .unwrap_or_else(|_| Err(no_answer("it did not answer in time")))
        });
    };
    let mut untried = pools.iter();
    // The network may have changed under a connection that lay ready.
    let mut again = pools.first();
    let Some(first) = untried.next() else {
        return Err(no_answer("there is none"));
    };
    attempt(&mut attempts, first, Source::Ready);
    loop {
        tokio::select! {
            Some(done) = attempts.join_next() => {
                let failed = match done {
                    Ok(Err(failed)) if failed.is_local() => failed,
                    Ok(done) => return done,
                    Err(error) => no_answer(error),
                };
                if let Some(pool) = untried.next() {
                    attempt(&mut attempts, pool, Source::Ready);
                } else if attempts.is_empty() {
                    return Err(failed);
                }
            }
            () = tokio::time::sleep(NEXT_GATEWAY_DELAY), if untried.len() > 0 || again.is_some() => {
                if let Some(pool) = untried.next() {
                    attempt(&mut attempts, pool, Source::Ready);
                } else if let Some(pool) = again.take() {
                    attempt(&mut attempts, pool, Source::Afresh);
                }
            }
        }
    }
}

/// Where a connection comes from.
#[derive(Clone, Copy)]
enum Source {
    /// One that lies ready, if there is one.
    Ready,
    /// A new one.
    Afresh,
}

/// Opens a tunnel through one gateway.
async fn connect(pool: &Arc<Pool>, target: &str, source: Source) -> Result<Tunnel, TunnelError> {
    let ready = match source {
        Source::Ready => pool.warm(),
        Source::Afresh => None,
    };
    if let Some(ready) = ready
        // One that lay ready may have been closed since; nothing was asked through it yet.
        && let Ok(answer) = ask(pool, ready, target).await
    {
        return answer;
    }
    let silent = |error: io::Error| no_answer(pool.why_silent(&error));
    let fresh = pool.connect().await.map_err(silent)?;
    ask(pool, fresh, target).await.map_err(silent)?
}

/// Asks for the tunnel (CONNECT: RFC 9110, 9.3.6).
async fn ask(
    pool: &Arc<Pool>,
    mut stream: Connection,
    target: &str,
) -> io::Result<Result<Tunnel, TunnelError>> {
    let request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    stream.flush().await?;
    let mut head = Vec::with_capacity(1024);
    loop {
        if stream.read_buf(&mut head).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut response = httparse::Response::new(&mut headers);
        match response.parse(&head).map_err(io::Error::other)? {
            httparse::Status::Partial if head.len() < MAX_HEAD => {}
            httparse::Status::Partial => return Err(io::Error::other("its answer is too long")),
            httparse::Status::Complete(length) => {
                if response.code == Some(200) {
                    let flow = header(&response, FLOW);
                    let flow = flow.map(|flow| (Arc::clone(pool), flow.to_owned()));
                    let early = head.split_off(length);
                    return Ok(Ok(Tunnel {
                        stream: Watched::new(stream),
                        early,
                        settled: Settled::default(),
                        flow,
                        why_cut: WhyCut::default(),
                    }));
                }
                return match refusal(&response) {
                    Some(refusal) => Ok(Err(TunnelError::Refused(refusal))),
                    None => Err(io::Error::other("its answer is none that a gateway gives")),
                };
            }
        }
    }
}

fn refusal(response: &httparse::Response<'_, '_>) -> Option<Refusal> {
    Refusal::from_header(header(response, REFUSAL)?)
}

fn header<'a>(response: &httparse::Response<'_, 'a>, name: &str) -> Option<&'a str> {
    let mut headers = response.headers.iter();
    let found = headers.find(|header| header.name.eq_ignore_ascii_case(name))?;
    std::str::from_utf8(found.value).ok()
}

fn no_answer(why: impl Display) -> TunnelError {
    TunnelError::NoAnswer(why.to_string())
}
