//! What changed, told to the streams: each sees by itself whether that concerns its person, so that
//! a change costs the store one read and not one for each client.

use std::sync::Arc;

use hourkey_domain::organisation::Organisation;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{broadcast, watch};

pub use hourkey_store::log::{Change, Subject};

use crate::shutdown::stopped;

/// How many events a slow stream may lag behind before it is told of all of them as of anything.
const BACKLOG: usize = 256;

/// The value has advanced.
#[derive(Clone, Debug)]
pub struct ChangeEvent {
    /// To this sequence number.
    pub seq: i64,
    /// By what; `None` where anything may have changed.
    pub known: Option<KnownChanges>,
}

/// Changes that the log names.
#[derive(Clone, Debug)]
pub struct KnownChanges {
    /// In order.
    pub changes: Arc<[Change]>,
    /// The organisation before the first of them.
    pub before: Arc<Organisation>,
    /// The organisation after the last of them.
    pub after: Arc<Organisation>,
}

impl ChangeEvent {
    /// This, and then `later`.
    fn and(self, later: Self) -> Self {
        let both = self.known.zip(later.known);
        let known = both.map(|(first, second)| KnownChanges {
            changes: [&*first.changes, &*second.changes].concat().into(),
            before: first.before,
            after: second.after,
        });
        let seq = later.seq;
        Self { seq, known }
    }
}

/// Where events go.
#[derive(Debug)]
pub(super) struct Events(broadcast::Sender<ChangeEvent>);

impl Default for Events {
    fn default() -> Self {
        Self(broadcast::Sender::new(BACKLOG))
    }
}

impl Events {
    pub(super) fn publish(&self, event: ChangeEvent) {
        // Nobody listening is fine.
        let _ = self.0.send(event);
    }

    pub(super) fn subscribe(&self, stop: &watch::Sender<bool>) -> ChangeSubscription {
        ChangeSubscription {
            events: self.0.subscribe(),
            stop: stop.subscribe(),
        }
    }
}

/// What one stream hears.
#[derive(Debug)]
pub struct ChangeSubscription {
    events: broadcast::Receiver<ChangeEvent>,
    stop: watch::Receiver<bool>,
}

impl ChangeSubscription {
    /// All that was published since the stream heard last, once there is something; `None` when the
    /// controller shuts down. Nothing is lost where the caller stops waiting.
    pub async fn next(&mut self) -> Option<ChangeEvent> {
        let first = tokio::select! {
            biased;
            () = stopped(&mut self.stop) => return None,
            first = self.events.recv() => first,
        };
        let mut heard = match first {
            Ok(event) => event,
            // What is still there comes next: at least one event.
            Err(RecvError::Lagged(_)) => ChangeEvent {
                seq: 0,
                known: None,
            },
            Err(RecvError::Closed) => return None,
        };
        loop {
            match self.events.try_recv() {
                Ok(event) => heard = heard.and(event),
                Err(TryRecvError::Lagged(_)) => heard.known = None,
                Err(TryRecvError::Empty | TryRecvError::Closed) => return Some(heard),
            }
        }
    }
}
