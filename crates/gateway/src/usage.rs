//! Reports connections to the controller. What it has not answered yet lies in a file, so that a
//! restart loses nothing.

mod journal;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use hourkey_protocol::gateway::{
    self as wire, Connection, End, Ended, REPORTED_AT_ONCE, Report, USED_EVERY,
};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::api::Api;
use crate::gate::{Gate, Pass};
use crate::relay::{self, Outcome, Side};
use crate::ticket::{Cause, Mismatch};
pub(crate) use journal::Journal;

/// How often there is a report.
const EVERY: Duration = Duration::from_secs(1);

/// Takes what is to be reported.
#[derive(Clone)]
pub(crate) struct Usage {
    gate: Arc<Gate>,
    lines: mpsc::UnboundedSender<Connection>,
}

/// A connection that has begun: its end is reported when this is dropped, at the latest.
pub(crate) struct Used {
    usage: Usage,
    connection: Connection,
    end: (u64, u64, Ended),
}

impl Usage {
    /// What is to be reported comes out of the receiver, for [`run`].
    pub(crate) fn new(gate: Arc<Gate>) -> (Self, mpsc::UnboundedReceiver<Connection>) {
        let (lines, reported) = mpsc::unbounded_channel();
        (Self { gate, lines }, reported)
    }

    /// A flow begins.
    pub(crate) fn begin(&self, pass: &Pass) -> Used {
        let ticket = pass.ticket();
        let connection = Connection {
            id: format!("{:032x}", rand::random::<u128>()),
            device: ticket.device,
            user: ticket.user,
            resource: ticket.resource,
            started_at: self.now(),
            used_at: None,
            end: None,
            mismatch: None,
        };
        self.say(connection.clone());
        Used {
            usage: self.clone(),
            connection,
            end: (0, 0, Ended::Closed),
        }
    }

    /// Flows begin only once the controller was heard, so its time is known.
    fn now(&self) -> DateTime<Utc> {
        self.gate.server_time().unwrap_or_default()
    }

    fn say(&self, connection: Connection) {
        // Nobody listens once the gateway has stopped.
        let _ = self.lines.send(connection);
    }
}

impl Used {
    /// Names the flow.
    pub(crate) fn id(&self) -> &str {
        &self.connection.id
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
        self.usage.say(Connection { end, ..connection });
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

/// Keeps what is to be reported, and reports it, until nobody can report any more.
pub(crate) async fn run(
    gate: Arc<Gate>,
    mut journal: Journal,
    api: Api,
    mut reported: mpsc::UnboundedReceiver<Connection>,
) {
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut used = interval_at(Instant::now() + USED_EVERY, USED_EVERY);
    loop {
        tokio::select! {
            connection = reported.recv() => match connection {
                Some(connection) => journal.keep(connection),
                None => break,
            },
            _ = used.tick() => if let Some(now) = gate.server_time() {
                journal.still_used(now);
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
