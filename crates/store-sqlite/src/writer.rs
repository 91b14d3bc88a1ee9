//! The one writer: takes what waits, runs each work on its own savepoint, commits once, and
//! answers only then. A commit is a sync to disk, and that is what costs; so while one is under
//! way, the next group gathers.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use hourkey_store::log::LogRead;
use hourkey_store::{Room, StoreError, Work};
use sqlx::{SqlitePool, query_scalar};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{MissedTickBehavior, interval};

use crate::reserve::Reserve;
use crate::tx::{Tx, failed};

/// At most this many works share a commit.
const GROUP: usize = 64;

/// This many works may wait; further callers wait to get in line.
const LINE: usize = 1024;

/// How often other processes' changes are looked for.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// A way to the writer. The writer ends when this is dropped and its line is empty.
#[derive(Debug)]
pub(crate) struct Writer {
    line: mpsc::Sender<Job>,
    changed: watch::Receiver<i64>,
}

struct Job {
    room: Room,
    work: Work,
    answer: oneshot::Sender<Result<(), StoreError>>,
}

impl Writer {
    pub(crate) async fn start(writer: SqlitePool, reserve: Reserve) -> Result<Self, StoreError> {
        let seq = newest(&writer).await?;
        let (line, jobs) = mpsc::channel(LINE);
        let (doorbell, changed) = watch::channel(seq);
        tokio::spawn(run(writer, reserve, jobs, doorbell));
        Ok(Self { line, changed })
    }

    pub(crate) async fn write(&self, room: Room, work: Work) -> Result<(), StoreError> {
        let gone = || StoreError::Unavailable("the writer has ended".to_owned());
        let (answer, answered) = oneshot::channel();
        self.line
            .send(Job { room, work, answer })
            .await
            .map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }

    pub(crate) fn changed(&self) -> watch::Receiver<i64> {
        self.changed.clone()
    }
}

async fn run(
    writer: SqlitePool,
    mut reserve: Reserve,
    mut jobs: mpsc::Receiver<Job>,
    doorbell: watch::Sender<i64>,
) {
    let mut look = interval(POLL_INTERVAL);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_blind = false;
    let mut group = Vec::with_capacity(GROUP);
    loop {
        tokio::select! {
            biased;
            taken = jobs.recv_many(&mut group, GROUP) => match taken {
                0 => break,
                _ => answer(&writer, &mut reserve, &mut group, &doorbell).await,
            },
            _ = look.tick() => match newest(&writer).await {
                Ok(seq) => {
                    is_blind = false;
                    ring(&doorbell, seq);
                }
                Err(error) => {
                    if !std::mem::replace(&mut is_blind, true) {
                        tracing::warn!(error = %error, "the store cannot be read");
                    }
                }
            },
        }
    }
    writer.close().await;
}

/// Runs a group, rings for it, and answers it. On a full disk only what ends access is run.
async fn answer(
    writer: &SqlitePool,
    reserve: &mut Reserve,
    group: &mut Vec<Job>,
    doorbell: &watch::Sender<i64>,
) {
    // A caller that went away wants no answer: nothing is wrong when a send fails.
    if !reserve.has_room_for_all() {
        for job in group.extract_if(.., |job| job.room == Room::Usual) {
            let _ = job.answer.send(Err(StoreError::Full));
        }
    }
    if group.is_empty() {
        return;
    }
    let (works, answers): (Vec<_>, Vec<_>) =
        group.drain(..).map(|job| (job.work, job.answer)).unzip();
    match commit(writer, works).await {
        Ok((results, seq)) => {
            ring(doorbell, seq);
            for (answer, result) in answers.into_iter().zip(results) {
                let _ = answer.send(result);
            }
        }
        Err(error) => {
            let shared = || match &error {
                StoreError::Full => StoreError::Full,
                StoreError::Unavailable(why) => StoreError::Unavailable(why.clone()),
                other => StoreError::Unavailable(other.to_string()),
            };
            if matches!(error, StoreError::Full) {
                reserve.refused();
            }
            for answer in answers {
                let _ = answer.send(Err(shared()));
            }
        }
    }
}

/// Runs works in one transaction: what came of each, and the newest change.
///
/// An error means that nothing was committed of any of them.
async fn commit(
    writer: &SqlitePool,
    works: Vec<Work>,
) -> Result<(Vec<Result<(), StoreError>>, i64), StoreError> {
    let mut tx = Tx::new(writer.acquire().await.map_err(failed)?);
    let committed = transaction(&mut tx, works).await;
    if committed.is_err() {
        // SQLite may have ended the transaction by itself (a full disk), or not: start afresh.
        tx.connection.close_on_drop();
    }
    committed
}

async fn transaction(
    tx: &mut Tx,
    works: Vec<Work>,
) -> Result<(Vec<Result<(), StoreError>>, i64), StoreError> {
    tx.run_raw("BEGIN IMMEDIATE").await?;
    let mut results = Vec::with_capacity(works.len());
    for work in works {
        results.push(attempt(tx, work).await?);
    }
    let seq = tx.seq().await?;
    tx.run_raw("COMMIT").await?;
    Ok((results, seq))
}

/// Runs one work on a savepoint of its own, and undoes it if it fails.
///
/// The outer error means that the whole transaction is lost.
async fn attempt(tx: &mut Tx, work: Work) -> Result<Result<(), StoreError>, StoreError> {
    tx.recorded = None;
    tx.run_raw("SAVEPOINT work").await?;
    let result = AssertUnwindSafe(async { work(&mut *tx).await })
        .catch_unwind()
        .await
        .unwrap_or_else(|panic| Err(StoreError::Unavailable(told(panic.as_ref()))));
    tx.run_raw(match result {
        Ok(()) => "RELEASE work",
        Err(_) => "ROLLBACK TO work; RELEASE work",
    })
    .await?;
    Ok(result)
}

fn ring(doorbell: &watch::Sender<i64>, seq: i64) {
    doorbell.send_if_modified(|known| {
        let is_newer = seq > *known;
        *known = seq.max(*known);
        is_newer
    });
}

async fn newest(writer: &SqlitePool) -> Result<i64, StoreError> {
    let newest = query_scalar("SELECT coalesce(max(seq), 0) FROM audit");
    newest.fetch_one(writer).await.map_err(failed)
}

/// What a panic said.
fn told(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("it did not say why");
    format!("a transaction's work panicked: {text}")
}
