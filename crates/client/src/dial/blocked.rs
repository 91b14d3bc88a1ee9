//! Tells the person when a gateway cut a connection for what went through it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use hourkey_clock::Clock;
use hourkey_protocol::gateway::{Ended, FlowEnd};
use tokio::sync::watch;

use super::{Asker, Tunnel, lock};

/// A connection that a gateway cut for what went through it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// The host that the connection was opened for.
    pub asked: String,
    /// The name inside; `None` when there was none.
    pub inside: Option<String>,
}

impl Blocked {
    fn of(end: FlowEnd) -> Option<Self> {
        let asked = end.asked.filter(|_| end.why == Ended::Mismatch)?;
        let inside = end.inside;
        Some(Self { asked, inside })
    }
}

impl std::fmt::Display for Blocked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { asked, inside } = self;
        match inside {
            Some(inside) => write!(
                f,
                "A connection to {asked} was blocked: it was meant for {inside}. Connect to \
                 {inside} itself, or ask your administrator."
            ),
            None => write!(
                f,
                "A connection to {asked} was blocked: other resources share its address, and it \
                 did not say which one it was for. Ask for access to all of them, or have your \
                 administrator give {asked} a port of its own."
            ),
        }
    }
}

/// The connections whose end is being asked about.
#[derive(Clone)]
pub(super) struct Asking {
    count: Arc<watch::Sender<usize>>,
    /// What was told last, and when on the boot clock.
    told: Arc<Mutex<Option<(Blocked, Duration)>>>,
}

/// The same is told at most this often: programs try again.
const TELL_INTERVAL: Duration = Duration::from_secs(60);

impl Default for Asking {
    fn default() -> Self {
        Self {
            count: Arc::new(watch::Sender::new(0)),
            told: Arc::default(),
        }
    }
}

impl Asking {
    /// Has the person told if the gateway cuts the tunnel for what goes through it.
    pub(super) fn watch(
        &self,
        tunnel: &mut Tunnel,
        asker: &Arc<dyn Asker>,
        clock: &Arc<dyn Clock>,
    ) {
        let (asking, asker, clock) = (self.clone(), Arc::clone(asker), Arc::clone(clock));
        tunnel.on_break(move |why| {
            asking.count.send_modify(|count| *count += 1);
            tokio::spawn(async move {
                if let Some(blocked) = why.await.and_then(Blocked::of)
                    && asking.is_news(&blocked, clock.boot())
                {
                    asker.blocked(&blocked);
                }
                asking.count.send_modify(|count| *count -= 1);
            });
        });
    }

    fn is_news(&self, blocked: &Blocked, now: Duration) -> bool {
        let mut told = lock(&self.told);
        let known = |(last, at): &(Blocked, Duration)| last == blocked && now < *at + TELL_INTERVAL;
        if told.as_ref().is_some_and(known) {
            return false;
        }
        *told = Some((blocked.clone(), now));
        true
    }

    /// Waits until nothing is being asked. True when the person was told of anything.
    pub(super) async fn is_over(&self) -> bool {
        // The sender lives as long as this.
        let _ = self.count.subscribe().wait_for(|count| *count == 0).await;
        lock(&self.told).is_some()
    }
}
