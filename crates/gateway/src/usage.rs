//! Reports connections to the controller. What it has not answered yet lies in a file, so that a
//! restart loses nothing.

mod journal;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use hourkey_protocol::gateway::{
    self as protocol, Connection, End, Ended, REPORTED_AT_ONCE, Report, USED_EVERY,
};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::api::Api;
use crate::flow_state::{Cause, Mismatch};
use crate::gate::{FlowGuard, Gate};
use crate::relay::{self, ByteCounts, Outcome, Side};
pub(crate) use journal::Journal;

/// How often reports are sent.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// Collects what is to be reported.
#[derive(Clone)]
pub(crate) struct Usage {
    gate: Arc<Gate>,
    transitions: mpsc::UnboundedSender<Transition>,
}

/// The beginning or the end of a connection, with its byte counts.
pub(crate) struct Transition {
    connection: Connection,
    byte_counts: Arc<ByteCounts>,
}

/// The report of a connection that has begun: its end is reported when this is dropped, at the latest.
pub(crate) struct ConnectionReport {
    usage: Usage,
    connection: Connection,
    byte_counts: Arc<ByteCounts>,
    end: (u64, u64, Ended),
}

impl Usage {
    /// Returns the collector, and a receiver of what it collects, for [`run`].
    pub(crate) fn new(gate: Arc<Gate>) -> (Self, mpsc::UnboundedReceiver<Transition>) {
        let (transitions, reported) = mpsc::unbounded_channel();
        (Self { gate, transitions }, reported)
    }

    /// Reports that a flow begins.
    pub(crate) fn begin(&self, guard: &FlowGuard) -> ConnectionReport {
        let state = guard.state();
        let connection = Connection {
            id: format!("{:032x}", rand::random::<u128>()),
            device: state.device,
            user: state.user,
            resource: state.resource,
            started_at: self.now(),
            used_at: None,
            end: None,
            mismatch: None,
        };
        let byte_counts = Arc::default();
        self.say(connection.clone(), &byte_counts);
        ConnectionReport {
            usage: self.clone(),
            connection,
            byte_counts,
            end: (0, 0, Ended::Closed),
        }
    }

    /// Flows begin only once the controller was heard, so its time is known.
    fn now(&self) -> DateTime<Utc> {
        self.gate.server_time().unwrap_or_default()
    }

    fn say(&self, connection: Connection, byte_counts: &Arc<ByteCounts>) {
        let byte_counts = Arc::clone(byte_counts);
        // Nobody listens once the gateway has stopped.
        let _ = self.transitions.send(Transition {
            connection,
            byte_counts,
        });
    }
}

impl ConnectionReport {
    /// Names the flow.
    pub(crate) fn id(&self) -> &str {
        &self.connection.id
    }

    /// Returns the flow's byte counts.
    pub(crate) fn byte_counts(&self) -> &ByteCounts {
        &self.byte_counts
    }

    /// Sets how the flow has ended.
    pub(crate) fn ended(mut self, outcome: &Outcome, mismatch: Option<&Mismatch>) {
        self.connection.mismatch = mismatch.map(|it| protocol::Mismatch {
            asked: it.asked.clone(),
            inside: it.inside.clone(),
            other: it.other,
        });
        let why = match &outcome.end {
            relay::RelayEnd::Finished => Ended::Closed,
            relay::RelayEnd::Broken(Side::Client, _) => Ended::Client,
            relay::RelayEnd::Broken(Side::Origin, _) => Ended::Destination,
            relay::RelayEnd::Cut(cause) => ended(*cause),
        };
        self.end = (outcome.up, outcome.down, why);
    }
}

impl Drop for ConnectionReport {
    fn drop(&mut self) {
        let (sent, received, why) = self.end;
        let at = self.usage.now();
        let end = Some(End {
            at,
            why,
            sent,
            received,
        });
        let connection = self.connection.clone();
        self.usage
            .say(Connection { end, ..connection }, &self.byte_counts);
    }
}

pub(crate) fn ended(cause: Cause) -> Ended {
    match cause {
        Cause::Expired | Cause::Revoked | Cause::Moved => Ended::Permit,
        Cause::Device => Ended::Device,
        Cause::Stale => Ended::Stale,
        Cause::Mismatch => Ended::Mismatch,
        Cause::Stopped => Ended::Stopped,
    }
}

/// Running connections by id. One that carries no bytes is not in use.
#[derive(Default)]
struct RunningConnections(BTreeMap<String, Flow>);

/// A running connection.
struct Flow {
    byte_counts: Arc<ByteCounts>,
    /// Total at the last look, in bytes.
    seen: u64,
    /// When it was last seen to be in use.
    used_at: DateTime<Utc>,
}

impl RunningConnections {
    /// Follows a connection's beginning; at its end, says when it was last in use: at the end, if it
    /// carried bytes since it was last looked at.
    fn follow(&mut self, transition: Transition) -> Connection {
        let Transition {
            mut connection,
            byte_counts,
        } = transition;
        let used_at = connection.started_at;
        match connection.end {
            None => {
                let flow = Flow {
                    byte_counts,
                    seen: 0,
                    used_at,
                };
                self.0.insert(connection.id.clone(), flow);
            }
            Some(end) => {
                let flow = self.0.remove(&connection.id);
                connection.used_at = flow.map(|flow| match flow.byte_counts.total() > flow.seen {
                    true => end.at,
                    false => flow.used_at,
                });
            }
        }
        connection
    }

    /// Returns the ids of those that carried bytes since the last call.
    fn in_use(&mut self, now: DateTime<Utc>) -> BTreeSet<String> {
        let mut ids = BTreeSet::new();
        for (id, flow) in &mut self.0 {
            let total = flow.byte_counts.total();
            if total > flow.seen {
                flow.seen = total;
                flow.used_at = now;
                ids.insert(id.clone());
            }
        }
        ids
    }
}

/// Journals and sends reports until all senders are gone.
pub(crate) async fn run(
    gate: Arc<Gate>,
    mut journal: Journal,
    api: Api,
    mut reported: mpsc::UnboundedReceiver<Transition>,
) {
    let mut report_interval = tokio::time::interval(REPORT_INTERVAL);
    report_interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut usage_interval = interval_at(Instant::now() + USED_EVERY, USED_EVERY);
    let mut running = RunningConnections::default();
    loop {
        tokio::select! {
            connection = reported.recv() => match connection {
                Some(transition) => journal.keep(running.follow(transition)),
                None => break,
            },
            _ = usage_interval.tick() => if let Some(now) = gate.server_time() {
                journal.still_used(&running.in_use(now), now);
            },
            _ = report_interval.tick() => {
                journal.catch_up();
                send(&gate, &api, &mut journal).await;
            }
        }
    }
    // What the last flows said is kept for the next start.
    journal.catch_up();
    if journal.unwritten() > 0 {
        // The gateway waits no longer for the end of its parts.
        let _ = tokio::time::timeout(REPORT_INTERVAL, send(&gate, &api, &mut journal)).await;
    }
    if journal.unwritten() > 0 {
        tracing::error!(
            reports = journal.unwritten(),
            "reports of connections are lost: they could be neither written to the disk nor sent to \
             the controller"
        );
    }
}

/// Downgrades a report for older controllers, which refuse fields and values that they do not know.
fn downgrade(connection: &mut Connection) {
    connection.mismatch = None;
    if let Some(End { why, .. }) = &mut connection.end
        && matches!(why, Ended::Client | Ended::Destination)
    {
        *why = Ended::Closed;
    }
}

async fn send(gate: &Gate, api: &Api, journal: &mut Journal) {
    if let Some(now) = gate.server_time() {
        journal.end_lost(now);
    }
    loop {
        let mut connections = journal.waiting(REPORTED_AT_ONCE).to_vec();
        if !gate.takes_mismatch() {
            connections.iter_mut().for_each(downgrade);
        }
        let count = connections.len();
        if count == 0 {
            return;
        }
        if let Err(error) = api.connections(&Report { connections }).await {
            tracing::debug!(
                error = format!("{error:#}"),
                "cannot send the report of connections; trying again"
            );
            return;
        }
        journal.answered(count);
    }
}

#[cfg(test)]
mod tests {
    use hourkey_domain::ids::{DeviceId, ResourceId, UserId};

    use super::*;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + 60 * minutes, 0).unwrap()
    }

    fn transition(end: Option<i64>, byte_counts: &Arc<ByteCounts>) -> Transition {
        let end = end.map(|minutes| End {
            at: at(minutes),
            why: Ended::Closed,
            sent: 0,
            received: 0,
        });
        let connection = Connection {
            id: "1".to_owned(),
            device: DeviceId(1),
            user: UserId(1),
            resource: ResourceId(1),
            started_at: at(0),
            used_at: None,
            end,
            mismatch: None,
        };
        Transition {
            connection,
            byte_counts: Arc::clone(byte_counts),
        }
    }

    #[test]
    fn a_connection_that_carries_nothing_is_not_in_use() {
        let byte_counts = Arc::default();
        let mut running = RunningConnections::default();
        assert_eq!(running.follow(transition(None, &byte_counts)).used_at, None);
        assert!(running.in_use(at(60)).is_empty(), "nothing yet");
        byte_counts.add(7);
        assert_eq!(running.in_use(at(120)).len(), 1);
        assert!(running.in_use(at(180)).is_empty(), "nothing since");
        let ended = running.follow(transition(Some(200), &byte_counts));
        assert_eq!(ended.used_at, Some(at(120)));

        // What came since the last look is a use at the end; nothing at all, at the start.
        running.follow(transition(None, &byte_counts));
        assert_eq!(running.in_use(at(240)).len(), 1);
        byte_counts.add(1);
        let ended = running.follow(transition(Some(250), &byte_counts));
        assert_eq!(ended.used_at, Some(at(250)));
        let idle = Arc::default();
        running.follow(transition(None, &idle));
        let ended = running.follow(transition(Some(250), &idle));
        assert_eq!(ended.used_at, Some(at(0)));
    }

    #[test]
    fn a_controller_of_before_is_told_what_it_knows() {
        let at = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        for (why, told) in [
            (Ended::Client, Ended::Closed),
            (Ended::Destination, Ended::Closed),
            (Ended::Permit, Ended::Permit),
        ] {
            let (sent, received) = (1, 2);
            let mut connection = Connection {
                id: "1".to_owned(),
                device: DeviceId(1),
                user: UserId(1),
                resource: ResourceId(1),
                started_at: at,
                used_at: None,
                end: Some(End {
                    at,
                    why,
                    sent,
                    received,
                }),
                mismatch: Some(protocol::Mismatch {
                    asked: "a.corp".to_owned(),
                    inside: None,
                    other: ResourceId(2),
                }),
            };
            downgrade(&mut connection);
            assert_eq!(connection.end.map(|end| end.why), Some(told));
            assert_eq!(connection.mismatch, None);
        }
    }
}
