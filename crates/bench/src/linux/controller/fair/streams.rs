//! What a user and a gateway hear while others flood.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use futures_util::StreamExt as _;
use hourkey_client::session::Session;
use hourkey_client::sync::{Subscription, subscribe};
use hourkey_client::update::Update;
use hourkey_protocol::gateway::{Ack, All, Follow};
use hourkey_protocol::notice::What;
use hourkey_protocol::sse::Parser;
use hourkey_testkit::controller::Controller;
use tokio::sync::mpsc;

/// How often a gateway acknowledges here.
pub(crate) const ACK_INTERVAL: Duration = Duration::from_millis(100);

/// Reads a user's event stream.
pub(crate) struct EventReader {
    _subscription: Subscription,
    updates: mpsc::Receiver<Update>,
}

impl EventReader {
    pub(crate) async fn of(session: &Session) -> Result<Self> {
        let (tx, updates) = mpsc::channel(64);
        let mut events = Self {
            _subscription: subscribe(session.clone(), tx),
            updates,
        };
        while !matches!(events.next().await?, Update::Snapshot(_)) {}
        Ok(events)
    }

    pub(crate) async fn approved(&mut self) -> Result<Instant> {
        self.told(|what| matches!(what, What::Approved { .. }))
            .await
    }

    pub(crate) async fn revoked(&mut self) -> Result<Instant> {
        self.told(|what| matches!(what, What::Revoked { .. })).await
    }

    /// When the next such notice came.
    async fn told(&mut self, is_it: impl Fn(&What) -> bool) -> Result<Instant> {
        loop {
            match self.next().await? {
                Update::Changes(changes) if changes.notices.iter().any(|it| is_it(&it.what)) => {
                    return Ok(Instant::now());
                }
                Update::Changes(_) | Update::Snapshot(_) | Update::Live => {}
                Update::Lost { why, .. } => bail!("the stream was lost: {why}"),
                Update::SessionEnded => bail!("the session ended"),
            }
        }
    }

    async fn next(&mut self) -> Result<Update> {
        let next = tokio::time::timeout(Duration::from_secs(60), self.updates.recv());
        next.await?.context("the stream goes on")
    }
}

/// Acknowledges as a gateway does, on a stream of its own.
pub(crate) struct AckStream {
    times: Arc<Mutex<Vec<Duration>>>,
    task: tokio::task::JoinHandle<Result<()>>,
}

impl AckStream {
    pub(crate) async fn open(controller: &Controller, credential: &str) -> Result<Self> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        let url = controller.url().join("api/v1/gateway/")?;
        let follow = Follow {
            devices: Vec::new(),
        };
        let stream = http
            .post(url.join("stream")?)
            .bearer_auth(credential)
            .json(&follow);
        let mut body = stream.send().await?.error_for_status()?.bytes_stream();
        let (mut parser, mut first) = (Parser::default(), None);
        while first.is_none() {
            let bytes = body.next().await.context("the stream goes on")??;
            let found = parser.feed(&bytes, |event| {
                first = first.take().or(Some(event.data));
            });
            found.ok().context("events of a usual size")?;
        }
        let all: All = serde_json::from_str(&first.unwrap_or_default())?;
        let times = Arc::<Mutex<Vec<Duration>>>::default();
        let noted = Arc::clone(&times);
        let (url, credential) = (url.join("ack")?, credential.to_owned());
        let task = tokio::spawn(async move {
            // Nobody reads it: there is nobody whose devices it could be about.
            let _body = body;
            for number in 1.. {
                let ack = Ack {
                    stream: all.stream,
                    number,
                    seq: all.seq,
                };
                let begin = Instant::now();
                let call = http.post(url.clone()).bearer_auth(&credential).json(&ack);
                call.send().await?.error_for_status()?;
                noted
                    .lock()
                    .map_err(|_| anyhow!("a task panicked"))?
                    .push(begin.elapsed());
                tokio::time::sleep(ACK_INTERVAL).await;
            }
            Ok(())
        });
        Ok(Self { times, task })
    }

    /// Forgets those before.
    pub(crate) fn begin(&self) {
        drop(self.taken());
    }

    /// How long each took since.
    pub(crate) fn times(&self) -> Result<Vec<Duration>> {
        ensure!(!self.task.is_finished(), "an acknowledgement was refused");
        Ok(self.taken())
    }

    fn taken(&self) -> Vec<Duration> {
        std::mem::take(&mut *self.times.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
