//! Reports connections to the controller. What is not answered yet lies in a file, so that a
//! restart loses nothing.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use hourkey_domain::ids::DeviceId;
use hourkey_protocol::gateway::{Connection, End, Ended, REPORTED_AT_ONCE, Report};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::enrol::Controller;
use crate::relay::Carried;
use crate::table::Admission;
use crate::time::ServerTime;

/// The file of what is not answered yet, one connection a line.
const FILE: &str = "connections.jsonl";

/// How often there is a report.
const EVERY: Duration = Duration::from_secs(1);

/// Takes what is to be reported.
pub(crate) struct Usage {
    time: Arc<ServerTime>,
    lines: mpsc::UnboundedSender<Connection>,
}

impl Usage {
    /// Reports go through the returned receiver: see [`run`].
    pub(crate) fn new(time: Arc<ServerTime>) -> (Self, mpsc::UnboundedReceiver<Connection>) {
        let (lines, reported) = mpsc::unbounded_channel();
        (Self { time, lines }, reported)
    }

    /// A connection begins.
    pub(crate) fn begin(&self, device: DeviceId, admission: Admission) -> Connection {
        let connection = Connection {
            id: format!("{:032x}", rand::random::<u128>()),
            device,
            user: admission.user,
            resource: admission.resource,
            started_at: self.time.now(),
            end: None,
        };
        self.say(connection.clone());
        connection
    }

    /// It has ended.
    pub(crate) fn end(&self, connection: Connection, carried: Carried, why: Ended) {
        let end = End {
            at: self.time.now(),
            why,
            sent: carried.sent,
            received: carried.received,
        };
        self.say(Connection {
            end: Some(end),
            ..connection
        });
    }

    fn say(&self, connection: Connection) {
        // Nobody listens once the gateway stops.
        let _ = self.lines.send(connection);
    }
}

/// Keeps what is to be reported, and reports it, until `stop` is cancelled and all is kept.
pub(crate) async fn run(
    folder: &Path,
    controller: Controller,
    mut reported: mpsc::UnboundedReceiver<Connection>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let mut spool = Spool::open(folder)?;
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            connection = reported.recv() => match connection {
                Some(connection) => spool.keep(connection)?,
                None => return Ok(()),
            },
            _ = every.tick() => send(&controller, &mut spool).await?,
            () = stop.cancelled() => break,
        }
    }
    // What was cut just now is kept for the next start.
    reported.close();
    while let Some(connection) = reported.recv().await {
        spool.keep(connection)?;
    }
    send(&controller, &mut spool).await
}

async fn send(controller: &Controller, spool: &mut Spool) -> anyhow::Result<()> {
    while !spool.waiting.is_empty() {
        let count = spool.waiting.len().min(REPORTED_AT_ONCE);
        let report = Report {
            connections: spool.waiting[..count].to_vec(),
        };
        if let Err(error) = controller.post("connections", &report).await {
            tracing::debug!(error = format!("{error:#}"), "a report has to wait");
            return Ok(());
        }
        spool.answered(count)?;
    }
    Ok(())
}

/// What is not answered yet, in memory and in the file.
struct Spool {
    path: PathBuf,
    file: File,
    waiting: Vec<Connection>,
}

impl Spool {
    fn open(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => {
                return Err(error).with_context(|| format!("{} cannot be read", path.display()));
            }
        };
        // The last line may be half written.
        let lines = text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        let waiting = lines.collect();
        let file = File::options()
            .create(true)
            .append(true)
            .open(&path)
            .with_context(|| format!("{} cannot be written", path.display()))?;
        let mut spool = Self {
            path,
            file,
            waiting,
        };
        spool.rewrite()?;
        Ok(spool)
    }

    fn keep(&mut self, connection: Connection) -> anyhow::Result<()> {
        let mut line = serde_json::to_vec(&connection)?;
        line.push(b'\n');
        self.file
            .write_all(&line)
            .with_context(|| format!("{} cannot be written", self.path.display()))?;
        self.waiting.push(connection);
        Ok(())
    }

    fn answered(&mut self, count: usize) -> anyhow::Result<()> {
        self.waiting.drain(..count);
        self.rewrite()
    }

    fn rewrite(&mut self) -> anyhow::Result<()> {
        let mut text = Vec::new();
        for connection in &self.waiting {
            serde_json::to_writer(&mut text, connection)?;
            text.push(b'\n');
        }
        let failed = || format!("{} cannot be written", self.path.display());
        let fresh = self.path.with_extension("new");
        fs::write(&fresh, &text).with_context(failed)?;
        fs::rename(&fresh, &self.path).with_context(failed)?;
        self.file = File::options()
            .append(true)
            .open(&self.path)
            .with_context(failed)?;
        Ok(())
    }
}
