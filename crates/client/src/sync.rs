//! Follows the controller's event stream, and comes back to it whenever it breaks.

use std::sync::Arc;
use std::time::Duration;

use hourkey_pki::NoAnswer;
use hourkey_protocol::event::{CHANGES, Changes, SNAPSHOT, Snapshot};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::api_error::ApiError;
use crate::http_client::no_answer;
use crate::session::Session;
use crate::update::Update;
use hourkey_clock::Clock;
use hourkey_protocol::follower::{Backoff, Follower};
use hourkey_protocol::sse::{Event, EventQueue};

/// A subscription to the event stream: a running task. Ends when dropped, when the receiver is gone, or
/// after [`Update::SessionEnded`].
#[derive(Debug)]
pub struct Subscription {
    nudge: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Subscription {
    /// Reconnects now: after a wake from suspend, or when the network came back.
    pub fn wake(&self) {
        self.nudge.notify_one();
    }

    /// True once the task has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Subscribes to the event stream of `session`.
#[must_use]
pub fn subscribe(session: Session, tx: mpsc::Sender<Update>) -> Subscription {
    subscribe_with(TIMINGS, session, tx)
}

fn subscribe_with(timings: Timings, session: Session, tx: mpsc::Sender<Update>) -> Subscription {
    let nudge = Arc::new(Notify::new());
    let stream = Stream {
        suspend: SuspendDetector::new(Arc::clone(session.clock()), timings.tick),
        timings,
        session,
        tx,
        nudge: Arc::clone(&nudge),
        seq: None,
        heard: None,
        follower: Follower::new(timings.backoff),
    };
    Subscription {
        nudge,
        task: tokio::spawn(stream.run()),
    }
}

/// Timeouts and intervals of a [`Subscription`].
#[derive(Clone, Copy, Debug)]
struct Timings {
    /// Silence after which a stream counts as dead.
    silence: Duration,
    /// How often the clocks are compared, to notice that the machine slept.
    tick: Duration,
    /// Age at which a stream counts as healthy: the back-off starts anew after it.
    proven: Duration,
    /// How long to wait before a reconnect.
    backoff: Backoff,
    /// How long the controller may take to start a stream.
    opening: Duration,
    /// How long its first bytes may take once it has started: the controller sends them together.
    first_bytes: Duration,
}

const TIMINGS: Timings = Timings {
    // A comment comes every 25 seconds: 2.5 times as long.
    silence: Duration::from_millis(62_500),
    // Each tick wakes an idle machine, several times with tokio's timer wheel. Where the system tells
    // of a wake, nobody waits for the tick.
    tick: Duration::from_secs(15),
    proven: Duration::from_secs(10),
    backoff: Backoff {
        initial: Duration::from_millis(500),
        max: Duration::from_secs(30),
    },
    opening: Duration::from_secs(30),
    first_bytes: Duration::from_secs(10),
};

/// How long a plain call may take that shows whether the controller answers at all.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);

const BUFFERED_STREAM: &str = "The controller answers, but its event stream brings nothing: something \
    between here and the controller buffers it, such as a reverse proxy or a virus scanner. \
    Whoever runs the controller finds the right settings in docs/admin/controller.md.";

struct Stream {
    timings: Timings,
    session: Session,
    tx: mpsc::Sender<Update>,
    nudge: Arc<Notify>,
    suspend: SuspendDetector,
    /// The last sequence number that was handed on.
    seq: Option<i64>,
    /// When the controller was last heard, on the boot clock.
    heard: Option<Duration>,
    /// What is known of the streams before.
    follower: Follower,
}

/// Why a stream ended.
enum Disconnect {
    /// It broke; wait, then try again.
    Broken(String),
    /// It was closed from outside; likewise.
    Closed(String),
    /// The machine slept, or somebody asks for it: try again at once.
    Nudged,
    /// The receiver is gone, or the session has ended.
    End,
}

impl Stream {
    async fn run(mut self) {
        loop {
            let began = self.session.clock().boot();
            let cause = self.connect().await;
            let lived = self.session.clock().boot().saturating_sub(began);
            let stood = self.heard.is_some_and(|heard| heard >= began);
            let mut ends_alike = false;
            let why = match cause {
                Disconnect::End => return,
                Disconnect::Nudged => {
                    self.follower.start_over();
                    continue;
                }
                Disconnect::Broken(why) => why,
                Disconnect::Closed(why) => match self.follower.closed(lived) {
                    Some(age) if stood => {
                        ends_alike = true;
                        closed_by_age(age)
                    }
                    Some(_) | None => why,
                },
            };
            if stood && lived >= self.timings.proven {
                self.follower.start_over();
            }
            tracing::debug!(why, "controller stream broke");
            // Most breaks are over with the next attempt, and then nobody need hear of them.
            let is_told = ends_alike || !(stood && self.follower.is_first());
            if is_told && self.lost(why).await.is_err() {
                return;
            }
            let wait = self.follower.next_wait(rand::random());
            if self.pause(wait).await {
                self.follower.start_over();
            }
        }
    }

    /// Opens the stream and hands on what it says, until it breaks.
    async fn connect(&mut self) -> Disconnect {
        let opened = tokio::select! {
            opened = tokio::time::timeout(self.timings.opening, self.session.events(self.seq)) => opened,
            () = self.suspend.slept() => return Disconnect::Nudged,
            () = self.nudge.notified() => return Disconnect::Nudged,
        };
        let mut response = match opened {
            Ok(Ok(response)) => response,
            Ok(Err(ApiError::SessionEnded)) => {
                // Nobody listens any more, or they know now: the end either way.
                let _ = self.tx.send(Update::SessionEnded).await;
                return Disconnect::End;
            }
            Ok(Err(error)) => return Disconnect::Broken(error.to_string()),
            Err(_) => {
                let why = self.unreachable(NoAnswer::Late);
                return Disconnect::Broken(self.why_silent(&why).await);
            }
        };
        let mut events = EventQueue::default();
        let mut stands = false;
        loop {
            let timeout = match stands {
                true => self.timings.silence,
                false => self.timings.first_bytes,
            };
            let chunk = tokio::select! {
                // In this order: what lay in the connection while the machine slept is old.
                biased;
                () = self.suspend.slept() => return Disconnect::Nudged,
                () = self.nudge.notified() => return Disconnect::Nudged,
                () = self.tx.closed() => return Disconnect::End,
                chunk = tokio::time::timeout(timeout, response.chunk()) => chunk,
            };
            if self.suspend.has_slept() {
                return Disconnect::Nudged;
            }
            let bytes = match chunk {
                Ok(Ok(Some(bytes))) => bytes,
                Ok(Ok(None)) => {
                    return Disconnect::Closed("The controller closed the connection.".to_owned());
                }
                Ok(Err(error)) => {
                    return Disconnect::Closed(self.unreachable(no_answer(&error)));
                }
                Err(_) => {
                    const SILENT: &str = "The controller went silent.";
                    // What brought something before is not buffered: the controller stood still.
                    let why = match stands {
                        true => SILENT.to_owned(),
                        false => self.why_silent(SILENT).await,
                    };
                    return Disconnect::Broken(why);
                }
            };
            self.heard = Some(self.session.clock().boot());
            if !std::mem::replace(&mut stands, true) {
                self.follower.heard();
                if self.tx.send(Update::Live).await.is_err() {
                    return Disconnect::End;
                }
            }
            if let Err(error) = events.feed(&bytes) {
                return Disconnect::Broken(format!(
                    "The controller's stream cannot be read: {error}."
                ));
            }
            while let Some(event) = events.next_event() {
                match self.hand_on(event).await {
                    Ok(()) => {}
                    Err(cause) => return cause,
                }
            }
        }
    }

    async fn hand_on(&mut self, event: Event) -> Result<(), Disconnect> {
        let last = self.seq.take();
        let unreadable = |error: serde_json::Error| {
            // The next stream starts with a snapshot instead of the same event.
            Disconnect::Broken(format!("The controller's stream cannot be read: {error}."))
        };
        let (seq, update) = match event.name.as_str() {
            SNAPSHOT => {
                let snapshot: Snapshot = serde_json::from_str(&event.data).map_err(unreadable)?;
                (snapshot.seq, Update::Snapshot(Box::new(snapshot)))
            }
            CHANGES => {
                let changes: Changes = serde_json::from_str(&event.data).map_err(unreadable)?;
                (changes.seq, Update::Changes(Box::new(changes)))
            }
            // An event of a later version.
            _ => {
                self.seq = last;
                return Ok(());
            }
        };
        self.tx.send(update).await.map_err(|_| Disconnect::End)?;
        self.seq = Some(seq);
        Ok(())
    }

    fn unreachable(&self, why: NoAnswer) -> String {
        ApiError::unreachable(self.session.controller(), why).to_string()
    }

    /// Why a stream is silent: a controller that answers other calls sent something on it at once,
    /// and a comment since.
    async fn why_silent(&self, otherwise: &str) -> String {
        let probe = tokio::time::timeout(PROBE_TIMEOUT, self.session.me()).await;
        match probe {
            Ok(Ok(_)) => BUFFERED_STREAM.to_owned(),
            Ok(Err(_)) | Err(_) => otherwise.to_owned(),
        }
    }

    async fn lost(&mut self, why: String) -> Result<(), mpsc::error::SendError<Update>> {
        if !self.follower.is_news(&why) {
            return Ok(());
        }
        let update = Update::Lost {
            why,
            heard: self.heard,
        };
        self.tx.send(update).await
    }

    /// Waits, or less when there is a reason to try at once: then true.
    async fn pause(&mut self, wait: Duration) -> bool {
        tokio::select! {
            () = tokio::time::sleep(wait) => false,
            () = self.suspend.slept() => true,
            () = self.nudge.notified() => true,
            () = self.tx.closed() => true,
        }
    }
}

fn closed_by_age(age: Duration) -> String {
    let seconds = age.as_secs();
    tracing::warn!(
        stream.age_s = seconds,
        "controller stream is closed at the same age each time"
    );
    format!(
        "The controller's event stream is closed after {seconds} seconds each time: something \
         between here and the controller, such as a reverse proxy, limits how long an answer may \
         last. Whoever runs the controller finds the right settings in docs/admin/controller.md."
    )
}

/// Detects suspend: the boot clock went on, the timers' clock did not.
struct SuspendDetector {
    clock: Arc<dyn Clock>,
    tick: Duration,
    boot: Duration,
    timer: Instant,
}

/// How far the clocks may drift apart between two ticks.
const MAX_CLOCK_DRIFT: Duration = Duration::from_secs(2);

impl SuspendDetector {
    fn new(clock: Arc<dyn Clock>, tick: Duration) -> Self {
        Self {
            boot: clock.boot(),
            clock,
            tick,
            timer: Instant::now(),
        }
    }

    /// Ends once the machine has slept and is awake.
    async fn slept(&mut self) {
        while !self.has_slept() {
            tokio::time::sleep(self.tick).await;
        }
    }

    fn has_slept(&mut self) -> bool {
        let (boot, timer) = (self.clock.boot(), Instant::now());
        let by_boot = boot.saturating_sub(std::mem::replace(&mut self.boot, boot));
        let by_timer = timer - std::mem::replace(&mut self.timer, timer);
        by_boot > by_timer + MAX_CLOCK_DRIFT
    }
}

#[cfg(test)]
mod tests;
