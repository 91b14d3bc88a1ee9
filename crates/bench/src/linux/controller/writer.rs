//! How long a change of the organisation holds the one writer, and what others wait for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use hourkey_domain::ids::{RequestId, ResourceId};
use hourkey_protocol::access::{Approve, NewRequest, Request};
use hourkey_testkit::controller::Controller;
use hourkey_testkit::organisation::{Access, OrgBuilder, Resource};

use super::Build;
use super::calls::Connection;
use super::data::{ADMINISTRATOR, Data, Shape};
use crate::linux::figures::{Figure, Table, Times};

const GRANTS: i64 = 10_000;
const SHAPE: Shape = Shape {
    people: GRANTS + 200,
    groups: 100,
    groups_of_each: 9,
    resources: 1_000,
    of_everybody: 900,
    auto_lock: false,
    groups_with_each: 1,
};

/// People with grants have these ids and above; those before do other things.
const FIRST: i64 = 200;

/// Who asks for something, each at most thirty times a minute.
const REQUESTERS: std::ops::Range<i64> = 2..100;

/// Who is disabled, one after another.
const DISABLED: std::ops::Range<i64> = 100..200;

/// How often each change is made alone, and how often while others ask.
const ROUNDS: usize = 6;

/// The same in an organisation that each command takes seconds to load.
const FEW_ROUNDS: usize = 2;

/// So often is it asked for something at the same time.
const INTERVAL: Duration = Duration::from_millis(10);

const ALONE: usize = 50;

/// So often is it looked whether the writer is held.
const POLL_INTERVAL: Duration = Duration::from_micros(200);

/// Until what a change has begun is done.
const REST: Duration = Duration::from_millis(700);

/// The budget, in milliseconds.
const MAX_HELD_MS: f64 = 20.0;

pub(crate) async fn measure(builds: &[Build], table: &mut Table) -> Result<()> {
    for build in builds {
        let mut controller = build.controller().await?;
        let mut data = Data::open(&controller).await?;
        data.fill(SHAPE).await?;
        controller.resume().await?;
        one_grant(&controller, &mut data).await?;
        controller.stop().await?;
        data.grant_to(FIRST..FIRST + GRANTS - 1, SHAPE.of_everybody)
            .await?;
        controller.resume().await?;
        let what = format!(", {GRANTS} grants elsewhere{}", build.suffix());
        of_organisation(&controller, &mut data, SHAPE, &what, table).await?;
    }
    Ok(())
}

/// Asks and approves as people do.
async fn one_grant(controller: &Controller, data: &mut Data) -> Result<()> {
    let last = SHAPE.people;
    let tokens = data.sign_in([ADMINISTRATOR, last]).await?;
    let mut connection = Connection::open(controller).await?;
    let wanted = request(1);
    let asked = connection.post::<Request>("/requests", &tokens[1], &wanted);
    let RequestId(id) = asked.await?.0.id;
    let approve = format!("/requests/{id}/approve");
    let as_asked = Approve::default();
    let approved = connection.post::<Request>(&approve, &tokens[0], &as_asked);
    approved
        .await?
        .0
        .grant
        .context("an approval makes a grant")?;
    Ok(())
}

fn request(resource: i64) -> NewRequest {
    NewRequest {
        resource: ResourceId(resource),
        assignment: None,
        reason: "To measure".to_owned(),
        seconds: None,
        starts_at: None,
        extends: false,
    }
}

/// Measures changes in the organisation of a running controller.
pub(crate) async fn of_organisation(
    controller: &Controller,
    data: &mut Data,
    shape: Shape,
    of: &str,
    table: &mut Table,
) -> Result<()> {
    let rounds = if shape.auto_lock { FEW_ROUNDS } else { ROUNDS };
    let mut asking = Asking {
        connection: Connection::open(controller).await?,
        tokens: data.sign_in(REQUESTERS).await?,
        next: data.asked_for(REQUESTERS).await?.into_iter(),
    };
    let mut alone = Vec::new();
    for _ in 0..ALONE {
        alone.push(asking.ask().await?);
        tokio::time::sleep(INTERVAL).await;
    }
    let alone = Times::of(alone);
    table.add(alone.figure(format!("request → its answer, nothing else{of}")));

    // Of some groups, and of everybody. Nobody has a grant for the first.
    let settings = [
        ("settings of a resource", shape.of_everybody + 1),
        ("settings of a resource of everybody’s", 1),
    ];
    for (what, resource) in settings {
        let mut changes = Changes::default();
        for round in 0..2 * rounds {
            let file = file(controller, resource, shape, round)?;
            let arguments = ["apply", &file, "--yes"];
            changes
                .one(controller, &arguments, round, &mut asking)
                .await?;
        }
        changes.add(what, of, &alone, table);
    }
    let mut changes = Changes::default();
    for (round, user) in DISABLED.take(2 * rounds).enumerate() {
        let login = format!("user{user}");
        let arguments = ["user", "disable", &login];
        changes
            .one(controller, &arguments, round, &mut asking)
            .await?;
    }
    changes.add("disabling one person", of, &alone, table);
    Ok(())
}

/// A file that changes the settings of one resource, and nothing else.
fn file(controller: &Controller, resource: i64, shape: Shape, round: usize) -> Result<String> {
    let step = round % 2;
    let access = match shape.auto_lock && resource <= shape.of_everybody {
        true => Access::auto_lock(&format!("{}d", 20 + step)),
        false => Access::request().up_to(&format!("{}h", 3 + step)),
    };
    let (name, address) = (
        format!("Resource {resource}"),
        format!("r{resource}.corp.example"),
    );
    let text = OrgBuilder::new("Measured")
        .network("Network")
        .resource(Resource::new(&name, &address, access.manual()).ports("443"))
        .text();
    let file = controller.data().with_file_name("change.toml");
    std::fs::write(&file, text)?;
    Ok(file.to_str().context("the path is not text")?.to_owned())
}

/// What one kind of change took.
#[derive(Default)]
struct Changes {
    /// The command, from its start to its end.
    command: Vec<Duration>,
    /// For so long another process was refused the writer.
    held: Vec<Duration>,
    /// The slowest request that was made meanwhile.
    slowest: Vec<Duration>,
}

impl Changes {
    /// Makes one: by turns alone, and while others ask. Whoever looks at the writer takes it, too, so
    /// that both at once would disturb each other.
    async fn one(
        &mut self,
        controller: &Controller,
        arguments: &[&str],
        round: usize,
        asking: &mut Asking,
    ) -> Result<()> {
        if round.is_multiple_of(2) {
            let look = Look::begin(controller);
            let begin = Instant::now();
            controller.run(arguments).await?;
            self.command.push(begin.elapsed());
            self.held.push(look.end()?);
        } else {
            self.slowest
                .push(asking.beside(controller, arguments).await?);
        }
        tokio::time::sleep(REST).await;
        Ok(())
    }

    fn add(self, what: &str, of: &str, alone: &Times, table: &mut Table) {
        let held = Times::of(self.held).figure(format!("{what}: the writer is held{of}"));
        table.add(match of.ends_with("other build") {
            true => held,
            false => held.budget(MAX_HELD_MS),
        });
        let slowest = Times::of(self.slowest);
        let more = slowest.percentile(50) - alone.percentile(50);
        let what_waits = format!("{what}: the slowest request beside it takes longer by{of}");
        let spread = format!("the slowest of each change: {}", slowest.spread());
        table.add(Figure::new(what_waits, more, "ms").spread(spread));
        let command = Times::of(self.command);
        table.add(command.figure(format!("{what}: the whole command{of}")));
    }
}

/// People who ask for something, one after another.
struct Asking {
    connection: Connection,
    /// Of [`REQUESTERS`].
    tokens: Vec<String>,
    /// Who asks for what.
    next: std::vec::IntoIter<(i64, i64)>,
}

impl Asking {
    /// Returns how long the answer took.
    async fn ask(&mut self) -> Result<Duration> {
        let (user, resource) = self.next.next().context("everything was asked for")?;
        let token = &self.tokens[usize::try_from(user - REQUESTERS.start)?];
        let request = request(resource);
        let asked = self
            .connection
            .post::<Request>("/requests", token, &request);
        Ok(asked.await?.1)
    }

    /// Runs a command meanwhile, and returns how long the slowest answer took.
    async fn beside(&mut self, controller: &Controller, arguments: &[&str]) -> Result<Duration> {
        let command = controller.run(arguments);
        tokio::pin!(command);
        let mut slowest = Duration::ZERO;
        let mut rounds = tokio::time::interval(INTERVAL);
        let mut is_done = false;
        while !is_done {
            let ask = async {
                rounds.tick().await;
                self.ask().await
            };
            tokio::pin!(ask);
            // What was asked for while the command ran is waited for.
            let took = tokio::select! {
                done = &mut command => {
                    done?;
                    is_done = true;
                    ask.await?
                }
                took = &mut ask => took?,
            };
            slowest = slowest.max(took);
        }
        Ok(slowest)
    }
}

/// Looks again and again whether somebody holds the writer, from a thread of its own.
struct Look {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<Result<Duration>>,
}

impl Look {
    fn begin(controller: &Controller) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let (ended, folder) = (Arc::clone(&stop), controller.data());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = { runtime }.enable_all().build()?;
            runtime.block_on(async {
                let mut data = Data::of_folder(&folder).await?;
                data.never_wait().await?;
                let (mut longest, mut since) = (Duration::ZERO, None);
                while !ended.load(Relaxed) {
                    if data.is_held().await? {
                        since = since.or_else(|| Some(Instant::now()));
                    } else if let Some(since) = since.take() {
                        longest = longest.max(since.elapsed());
                    }
                    tokio::time::sleep(POLL_INTERVAL).await;
                }
                Ok(longest)
            })
        });
        Self { stop, thread }
    }

    /// The longest time that it was held in one piece.
    fn end(self) -> Result<Duration> {
        self.stop.store(true, Relaxed);
        self.thread
            .join()
            .map_err(|_| anyhow!("the look panicked"))?
    }
}
