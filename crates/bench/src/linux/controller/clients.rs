//! The controller: its start, and what clients that follow the event stream cost it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use hourkey_client::session::Session;
use hourkey_client::sync::{Subscription, subscribe};
use hourkey_client::update::Update;
use hourkey_protocol::access::NewRequest;
use hourkey_testkit::controller::Controller;
use hourkey_testkit::organisation::SAMPLE;
use hourkey_testkit::test_user::TestUser;
use tokio::sync::mpsc;

use crate::linux::figures::{Figure, Table, Times};
use crate::linux::process_load::Memory;

const STARTS: usize = 10;
const CLIENTS: usize = 1_000;

/// Clients before those that count.
const WARM_UP: usize = 50;

/// How often something is asked for and taken back, so that all hear of it.
const ROUNDS: usize = 5;

/// Longer than the time after which the controller says that it is still there.
const IDLE_TIME: Duration = Duration::from_secs(30);

/// The budgets: KiB for each client, and milliseconds until an event has reached all.
const MAX_MEMORY_KIB: f64 = 32.0;
const MAX_REACH_MS: f64 = 500.0;

pub(crate) async fn measure(table: &mut Table) -> Result<()> {
    let mut controller = Controller::start(SAMPLE).await?;
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        controller.kill()?;
        let begin = Instant::now();
        controller.resume().await?;
        starts.push(begin.elapsed());
    }
    let what = "controller: start → first answer (to within 20 ms)";
    table.add(Times::of(starts).figure(what));

    let ada = TestUser::new(&controller, "ada")
        .await?
        .session(&controller)
        .await?;
    let mut clients = Clients::default();
    clients.follow(&ada, WARM_UP).await?;
    let before = memory(&controller)?;
    clients.follow(&ada, CLIENTS).await?;
    tokio::time::sleep(IDLE_TIME).await;
    let grown = (memory(&controller)? - before) * 1024.0;
    #[expect(clippy::cast_precision_loss, reason = "a thousand")]
    let each = grown / CLIENTS as f64;
    let what = format!("controller: memory for each of {CLIENTS} idle clients");
    let without = format!("{before:.1} MiB without them; http on loopback");
    table.add(
        Figure::new(what, each, "KiB")
            .spread(without)
            .budget(MAX_MEMORY_KIB),
    );

    let Reached { clients, answers } = clients.reached(&ada).await?;
    let what = format!(
        "change → event at {} clients of one person",
        WARM_UP + CLIENTS
    );
    table.add(clients.figure(&what));
    let last = Figure::new(format!("{what}, p99"), clients.percentile(99), "ms");
    table.add(last.budget(MAX_REACH_MS));
    table.add(answers.figure("change → its answer, with those clients"));
    Ok(())
}

/// Private memory of the controller, in MiB.
fn memory(controller: &Controller) -> Result<f64> {
    Ok(Memory::of(controller.id().context("the controller runs")?)?.total())
}

/// How long changes took until they were heard of.
struct Reached {
    /// By each client.
    clients: Times,
    /// By whoever made the change.
    answers: Times,
}

/// Clients that follow the event stream, each on a connection of its own.
struct Clients {
    followers: Vec<Subscription>,
    tx: mpsc::Sender<Update>,
    updates: mpsc::Receiver<Update>,
}

impl Default for Clients {
    fn default() -> Self {
        let (tx, updates) = mpsc::channel(4 * CLIENTS);
        Self {
            followers: Vec::new(),
            tx,
            updates,
        }
    }
}

impl Clients {
    /// Adds so many, and waits until each has its first snapshot.
    async fn follow(&mut self, session: &Session, count: usize) -> Result<()> {
        for _ in 0..count {
            self.followers
                .push(subscribe(session.clone(), self.tx.clone()));
            loop {
                match self.next().await? {
                    Update::Snapshot(_) => break,
                    Update::Live | Update::Changes(_) => {}
                    Update::Lost { why, .. } => bail!("a client lost its stream: {why}"),
                    Update::SessionEnded => bail!("the session ended"),
                }
            }
        }
        Ok(())
    }

    /// Asks for access and takes it back again and again, and measures from then until each client
    /// has heard of it.
    async fn reached(&mut self, session: &Session) -> Result<Reached> {
        let resources = session.resources().await?;
        let locked = resources.iter().find(|resource| resource.name == "Grafana");
        let request = NewRequest {
            resource: locked.context("Ada sees the resource")?.id,
            assignment: None,
            reason: "To measure".to_owned(),
            seconds: Some(60 * 45),
            starts_at: None,
            extends: false,
        };
        let (mut clients, mut answers) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let begin = Instant::now();
            let asked = session.ask(&request).await?.request;
            answers.push(begin.elapsed());
            self.all_hear(begin, &mut clients).await?;
            let begin = Instant::now();
            session.cancel(asked.id).await?;
            answers.push(begin.elapsed());
            self.all_hear(begin, &mut clients).await?;
        }
        Ok(Reached {
            clients: Times::of(clients),
            answers: Times::of(answers),
        })
    }

    async fn all_hear(&mut self, begin: Instant, times: &mut Vec<Duration>) -> Result<()> {
        let mut left = self.followers.len();
        while left > 0 {
            match self.next().await? {
                Update::Changes(changes) if !changes.resources.is_empty() => {
                    times.push(begin.elapsed());
                    left -= 1;
                }
                Update::Changes(_) | Update::Live | Update::Snapshot(_) => {}
                Update::Lost { why, .. } => bail!("a client lost its stream: {why}"),
                Update::SessionEnded => bail!("the session ended"),
            }
        }
        Ok(())
    }

    async fn next(&mut self) -> Result<Update> {
        let next = tokio::time::timeout(Duration::from_secs(60), self.updates.recv());
        next.await?.context("the clients follow")
    }
}
