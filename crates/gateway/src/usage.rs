//! Reports connections to the controller. What it has not answered yet lies in a file, so that a
//! restart loses nothing.

use std::fs::{self, File};
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use hourkey_protocol::gateway::{Connection, End, Ended, REPORTED_AT_ONCE, Report};
use tokio::sync::mpsc;

use crate::api::Api;
use crate::enrolment::Folder;
use crate::gate::{Gate, Pass};
use crate::relay::{self, Outcome};
use crate::ticket::Cause;

/// The file of what is not answered yet, one connection a line.
const FILE: &str = "connections.jsonl";

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
            end: None,
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
    /// The flow has ended like this.
    pub(crate) fn ended(mut self, outcome: &Outcome) {
        let why = match &outcome.end {
            relay::End::Finished | relay::End::Broken(_) => Ended::Closed,
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

fn ended(cause: Cause) -> Ended {
    match cause {
        Cause::Expired | Cause::Revoked | Cause::Moved => Ended::Permit,
        Cause::Device => Ended::Device,
        Cause::Stale => Ended::Stale,
        Cause::ServerName => Ended::Mismatch,
        Cause::Stopped => Ended::Stopped,
    }
}

/// Keeps what is to be reported, and reports it, until nobody can report any more.
pub(crate) async fn run(
    folder: Folder,
    api: Api,
    mut reported: mpsc::UnboundedReceiver<Connection>,
) {
    let mut spool = match Spool::open(folder) {
        Ok(spool) => spool,
        Err(error) => return failed(&error),
    };
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let done = tokio::select! {
            connection = reported.recv() => match connection {
                Some(connection) => spool.keep(connection),
                // What the last flows said is kept for the next start.
                None => return,
            },
            _ = every.tick() => send(&api, &mut spool).await,
        };
        if let Err(error) = done {
            failed(&error);
        }
    }
}

fn failed(error: &anyhow::Error) {
    let error = format!("{error:#}");
    tracing::error!(error, "Connections cannot be kept for their report.");
}

async fn send(api: &Api, spool: &mut Spool) -> anyhow::Result<()> {
    while !spool.waiting.is_empty() {
        let count = spool.waiting.len().min(REPORTED_AT_ONCE);
        let report = Report {
            connections: spool.waiting[..count].to_vec(),
        };
        if let Err(error) = api.connections(&report).await {
            tracing::debug!(error = format!("{error:#}"), "A report has to wait.");
            return Ok(());
        }
        spool.answered(count)?;
    }
    Ok(())
}

/// What is not answered yet, in memory and in the file.
struct Spool {
    folder: Folder,
    file: File,
    waiting: Vec<Connection>,
}

impl Spool {
    fn open(folder: Folder) -> anyhow::Result<Self> {
        let path = folder.file(FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => {
                return Err(error).with_context(|| format!("{} cannot be read", path.display()));
            }
        };
        // The last line may be half written.
        let lines = text.lines();
        let waiting: Vec<Connection> = lines
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect();
        let file = rewritten(&folder, &waiting)?;
        Ok(Self {
            folder,
            file,
            waiting,
        })
    }

    fn keep(&mut self, connection: Connection) -> anyhow::Result<()> {
        let mut line = serde_json::to_vec(&connection)?;
        line.push(b'\n');
        self.waiting.push(connection);
        self.file.write_all(&line)?;
        Ok(())
    }

    fn answered(&mut self, count: usize) -> anyhow::Result<()> {
        self.waiting.drain(..count);
        self.file = rewritten(&self.folder, &self.waiting)?;
        Ok(())
    }
}

/// The file with just these, open for more.
fn rewritten(folder: &Folder, waiting: &[Connection]) -> anyhow::Result<File> {
    let mut text = Vec::new();
    for connection in waiting {
        serde_json::to_writer(&mut text, connection)?;
        text.push(b'\n');
    }
    folder.replace(FILE, &text)?;
    let path = folder.file(FILE);
    File::options()
        .append(true)
        .open(&path)
        .with_context(|| format!("{} cannot be written", path.display()))
}

#[cfg(test)]
mod tests {
    use hourkey_domain::ids::{DeviceId, ResourceId, UserId};

    use super::*;

    #[test]
    fn what_is_not_answered_is_there_after_a_restart() {
        let path = tempfile::tempdir().unwrap();
        let open = || Spool::open(Folder::open(path.path()).unwrap()).unwrap();
        let connection = |id: &str| Connection {
            id: id.repeat(32),
            device: DeviceId(1),
            user: UserId(1),
            resource: ResourceId(1),
            started_at: DateTime::from_timestamp(1_900_000_000, 0).unwrap(),
            end: None,
        };
        let mut spool = open();
        for id in ["a", "b", "c"] {
            spool.keep(connection(id)).unwrap();
        }
        spool.answered(1).unwrap();
        spool.keep(connection("d")).unwrap();
        // Killed in the middle of a line.
        spool.file.write_all(b"{\"id\":\"").unwrap();
        drop(spool);
        let ids =
            |spool: &Spool| -> String { spool.waiting.iter().map(|it| &it.id[..1]).collect() };
        let mut spool = open();
        assert_eq!(ids(&spool), "bcd");
        spool.keep(connection("e")).unwrap();
        drop(spool);
        assert_eq!(ids(&open()), "bcde");
    }
}
