//! Reports connections to the controller. What it has not answered yet lies in a file, so that a
//! restart loses nothing.

mod journal;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use hourkey_protocol::gateway::{
    self as wire, Connection, End, Ended, REPORTED_AT_ONCE, Report, USED_EVERY,
};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::api::Api;
use crate::flow_state::{Cause, Mismatch};
use crate::gate::{FlowGuard, Gate};
use crate::relay::{self, Carried, Outcome, Side};
pub(crate) use journal::Journal;

/// How often there is a report.
const EVERY: Duration = Duration::from_secs(1);

/// Takes what is to be reported.
#[derive(Clone)]
pub(crate) struct Usage {
    gate: Arc<Gate>,
    transitions: mpsc::UnboundedSender<Transition>,
}

/// That a connection has begun or ended, and what it carries.
pub(crate) struct Transition {
    connection: Connection,
    carried: Arc<Carried>,
}

/// A connection that has begun: its end is reported when this is dropped, at the latest.
pub(crate) struct Used {
    usage: Usage,
    connection: Connection,
    carried: Arc<Carried>,
    end: (u64, u64, Ended),
}

impl Usage {
    /// What is to be reported comes out of the receiver, for [`run`].
    pub(crate) fn new(gate: Arc<Gate>) -> (Self, mpsc::UnboundedReceiver<Transition>) {
        let (transitions, reported) = mpsc::unbounded_channel();
        (Self { gate, transitions }, reported)
    }

    /// A flow begins.
    pub(crate) fn begin(&self, guard: &FlowGuard) -> Used {
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
        let carried = Arc::default();
        self.say(connection.clone(), &carried);
        Used {
            usage: self.clone(),
            connection,
            carried,
            end: (0, 0, Ended::Closed),
        }
    }

    /// Flows begin only once the controller was heard, so its time is known.
    fn now(&self) -> DateTime<Utc> {
        self.gate.server_time().unwrap_or_default()
    }

    fn say(&self, connection: Connection, carried: &Arc<Carried>) {
        let carried = Arc::clone(carried);
        // Nobody listens once the gateway has stopped.
        let _ = self.transitions.send(Transition {
            connection,
            carried,
        });
    }
}

impl Used {
    /// Names the flow.
    pub(crate) fn id(&self) -> &str {
        &self.connection.id
    }

    /// Where what the flow carries is counted.
    pub(crate) fn carried(&self) -> &Carried {
        &self.carried
    }

    /// The flow has ended like this.
    pub(crate) fn ended(mut self, outcome: &Outcome, mismatch: Option<&Mismatch>) {
        self.connection.mismatch = mismatch.map(|it| wire::Mismatch {
            asked: it.asked.clone(),
            inside: it.inside.clone(),
            other: it.other,
        });
        let why = match &outcome.end {
            relay::End::Finished => Ended::Closed,
            relay::End::Broken(Side::Client, _) => Ended::Client,
            relay::End::Broken(Side::Origin, _) => Ended::Destination,
            relay::End::Cut(cause) => ended(*cause),
        };
        self.end = (outcome.up, outcome.down, why);
    }
}

impl Drop for Used {
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
            .say(Connection { end, ..connection }, &self.carried);
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

/// The connections that last, by their ids. One that carries nothing is not in use.
#[derive(Default)]
struct Lasting(BTreeMap<String, Flow>);

/// What is known of a connection that lasts.
struct Flow {
    carried: Arc<Carried>,
    /// What it had carried when it was last looked at, in bytes.
    seen: u64,
    /// When it was last seen to be in use.
    used_at: DateTime<Utc>,
}

impl Lasting {
    /// Follows a connection's beginning; at its end, says when it was last in use: at the end, if it
    /// carried something since it was last looked at.
    fn follow(&mut self, transition: Transition) -> Connection {
        let Transition {
            mut connection,
            carried,
        } = transition;
        let used_at = connection.started_at;
        match connection.end {
            None => {
                let flow = Flow {
                    carried,
                    seen: 0,
                    used_at,
                };
                self.0.insert(connection.id.clone(), flow);
            }
            Some(end) => {
                let flow = self.0.remove(&connection.id);
                connection.used_at = flow.map(|flow| match flow.carried.total() > flow.seen {
                    true => end.at,
                    false => flow.used_at,
                });
            }
        }
        connection
    }

    /// The ids of those that carried something since they were last looked at.
    fn in_use(&mut self, now: DateTime<Utc>) -> BTreeSet<String> {
        let mut ids = BTreeSet::new();
        for (id, flow) in &mut self.0 {
            let total = flow.carried.total();
            if total > flow.seen {
                flow.seen = total;
                flow.used_at = now;
                ids.insert(id.clone());
            }
        }
        ids
    }
}

/// Keeps what is to be reported, and reports it, until nobody can report any more.
pub(crate) async fn run(
    gate: Arc<Gate>,
    mut journal: Journal,
    api: Api,
    mut reported: mpsc::UnboundedReceiver<Transition>,
) {
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut used = interval_at(Instant::now() + USED_EVERY, USED_EVERY);
    let mut lasting = Lasting::default();
    loop {
        tokio::select! {
            connection = reported.recv() => match connection {
                Some(transition) => journal.keep(lasting.follow(transition)),
                None => break,
            },
            _ = used.tick() => if let Some(now) = gate.server_time() {
                journal.still_used(&lasting.in_use(now), now);
            },
            _ = every.tick() => {
                journal.catch_up();
                send(&gate, &api, &mut journal).await;
            }
        }
    }
    // What the last flows said is kept for the next start.
    journal.catch_up();
    if journal.unwritten() > 0 {
        // The gateway waits no longer for the end of its parts.
        let _ = tokio::time::timeout(EVERY, send(&gate, &api, &mut journal)).await;
    }
    if journal.unwritten() > 0 {
        tracing::error!(
            reports = journal.unwritten(),
            "reports of connections are lost: neither could they be kept on the disk, nor did the \
             controller take them"
        );
    }
}

/// What controllers of before can read: they refuse a report with anything that they do not know.
fn as_before(connection: &mut Connection) {
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
            connections.iter_mut().for_each(as_before);
        }
        let count = connections.len();
        if count == 0 {
            return;
        }
        if let Err(error) = api.connections(&Report { connections }).await {
            tracing::debug!(error = format!("{error:#}"), "A report has to wait.");
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

    fn transition(end: Option<i64>, carried: &Arc<Carried>) -> Transition {
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
            carried: Arc::clone(carried),
        }
    }

    #[test]
    fn a_connection_that_carries_nothing_is_not_in_use() {
        let carried = Arc::default();
        let mut lasting = Lasting::default();
        assert_eq!(lasting.follow(transition(None, &carried)).used_at, None);
        assert!(lasting.in_use(at(60)).is_empty(), "nothing yet");
        carried.add(7);
        assert_eq!(lasting.in_use(at(120)).len(), 1);
        assert!(lasting.in_use(at(180)).is_empty(), "nothing since");
        let ended = lasting.follow(transition(Some(200), &carried));
        assert_eq!(ended.used_at, Some(at(120)));

        // What came since the last look is a use at the end; nothing at all, at the start.
        lasting.follow(transition(None, &carried));
        assert_eq!(lasting.in_use(at(240)).len(), 1);
        carried.add(1);
        let ended = lasting.follow(transition(Some(250), &carried));
        assert_eq!(ended.used_at, Some(at(250)));
        let idle = Arc::default();
        lasting.follow(transition(None, &idle));
        let ended = lasting.follow(transition(Some(250), &idle));
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
                mismatch: Some(wire::Mismatch {
                    asked: "a.corp".to_owned(),
                    inside: None,
                    other: ResourceId(2),
                }),
            };
            as_before(&mut connection);
            assert_eq!(connection.end.map(|end| end.why), Some(told));
            assert_eq!(connection.mismatch, None);
        }
    }
}
