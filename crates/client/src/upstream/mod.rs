//! Connections to gateways, and tunnels through them.

use std::fmt::Display;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hourkey_protocol::gateway::{FLOW, FLOW_PATH, FlowEnd, REFUSAL, Refusal};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::watch;
use tokio::task::JoinSet;

pub(crate) mod pool;
mod relay;
mod watched;

use pool::{Connection, Pool};
pub use relay::RelayError;
pub(crate) use relay::{CALLER_POLL_INTERVAL, Settled, Sniff, UNCLEAR_TIMEOUT, gone, relay};
use watched::Watched;

/// A way through a gateway to a destination, ready for its bytes.
pub struct Tunnel {
    stream: Watched,
    /// What the destination said in the same breath as the gateway's answer.
    early: Vec<u8>,
    settled: Settled,
    /// The gateway's name for it, if it has one.
    flow: Option<(Arc<Pool>, String)>,
    why_cut: WhyCut,
}

impl Tunnel {
    /// Has something done when the gateway has cut it and says why.
    pub(crate) fn on_cut<F>(&mut self, done: F)
    where
        F: FnOnce(&FlowEnd) + Send + 'static,
    {
        let (said, why_cut) = watch::channel(None);
        self.why_cut = WhyCut(why_cut);
        if let Some((pool, flow)) = self.flow.take() {
            let ask = async move {
                if let Some(end) = why(pool, flow).await {
                    done(&end);
                    said.send_replace(Some(end));
                }
            };
            self.stream.on_break(Box::new(move || {
                tokio::spawn(ask);
            }));
        }
    }

    /// What the gateway says if it cuts this, for whoever wants to know once this is gone.
    pub(crate) fn why_cut(&self) -> WhyCut {
        self.why_cut.clone()
    }
}

/// Why a gateway cut a connection, as far as it says.
#[derive(Clone, Debug)]
pub(crate) struct WhyCut(watch::Receiver<Option<FlowEnd>>);

impl WhyCut {
    /// Waits for the gateway's word; `None` when it has cut nothing, or says nothing. To be asked
    /// once the tunnel is gone.
    pub(crate) async fn said(mut self) -> Option<FlowEnd> {
        let said = self.0.wait_for(Option::is_some).await;
        said.ok().and_then(|end| end.clone())
    }
}

impl Default for WhyCut {
    fn default() -> Self {
        Self(watch::channel(None).1)
    }
}

/// How long a gateway may take to say why it cut a connection.
const WHY_TIMEOUT: Duration = Duration::from_secs(3);

async fn why(pool: Arc<Pool>, flow: String) -> Option<FlowEnd> {
    let asked = async {
        let mut stream = pool.connect().await.ok()?;
        let request =
            format!("GET {FLOW_PATH}{flow} HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.ok()?;
        stream.flush().await.ok()?;
        let mut answer = Vec::new();
        // One that ends without a word of TLS is whole as far as it says so itself.
        let _ = (&mut stream)
            .take(MAX_HEAD as u64)
            .read_to_end(&mut answer)
            .await;
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut response = httparse::Response::new(&mut headers);
        match response.parse(&answer).ok()? {
            httparse::Status::Complete(length) if response.code == Some(200) => {
                serde_json::from_slice(&answer[length..]).ok()
            }
            httparse::Status::Complete(_) | httparse::Status::Partial => None,
        }
    };
    tokio::time::timeout(WHY_TIMEOUT, asked).await.ok()?
}

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
/// The longest head of an answer that is read.
const MAX_HEAD: usize = 16 * 1024;

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
