//! What one person's flood costs the others: from an approval or a revocation to its notice, and
//! until a gateway's acknowledgement is answered.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use hourkey_client::api::ApiError;
use hourkey_client::session::Session;
use hourkey_client::sync::{Subscription, subscribe};
use hourkey_client::update::Update;
use hourkey_domain::ids::ResourceId;
use hourkey_domain::lock::LockState;
use hourkey_protocol::access::{Approve, Comment, NewRequest};
use hourkey_protocol::gateway::{Ack, All, Follow};
use hourkey_protocol::notice::What;
use hourkey_protocol::problem::Code;
use hourkey_protocol::sse::Parser;
use hourkey_testkit::controller::{Controller, SAMPLE};
use hourkey_testkit::gateway::Gateway;
use hourkey_testkit::poll::eventually;
use hourkey_testkit::test_user::TestUser;
use tokio::sync::mpsc;

use super::desktop_harness::RESOURCE;
use super::figures::{Figure, Table, Times, short};
use super::process_load;

/// How often it is approved and revoked under each flood, in blocks that take turns: what slows the
/// machine down for some seconds then falls upon all of them.
const BLOCKS: usize = 12;
const ROUNDS: usize = 20;

/// A round begins so long after the one before: within the budgets of those who ask and decide.
const ROUND_INTERVAL: Duration = Duration::from_millis(400);

/// A flood has used up what may be read and changed in a row after this; what is measured is how it
/// goes on.
const FLOOD_LEAD: Duration = Duration::from_secs(2);

/// Who asks, and who decides, in turns: each has 30 changes a minute.
const REQUESTERS: [&str; 4] = ["ada", "ines", "omar", "pia"];
const REVIEWERS: [&str; 4] = ["marta", "root", "nils", "vera"];

/// Beside the sample organisation: the others of them.
const MORE_PEOPLE: &str = r#"
[[user]]
login = "ines"
name = "Ines Roth"

[[user]]
login = "omar"
name = "Omar Haddad"

[[user]]
login = "pia"
name = "Pia Lund"

[[user]]
login = "nils"
name = "Nils Berg"
roles = ["AccessReviewer"]

[[user]]
login = "vera"
name = "Vera Kohl"
roles = ["AccessReviewer"]

[[group]]
name = "Measured"
members = ["ines", "omar", "pia"]

[[assignment]]
group = "Measured"
resource = "Grafana"
"#;

/// Tabs that read at once.
const TABS: usize = 50;

/// The least priority of a thread (setpriority(2)).
const LOWEST_PRIORITY: i32 = 19;

/// How often a gateway acknowledges here.
const ACK_INTERVAL: Duration = Duration::from_millis(100);

/// The budgets: times what it is without a flood, and milliseconds.
const MAX_SLOWDOWN: f64 = 2.0;
const MAX_ACK_MS: f64 = 1_000.0;

/// Lets the controller run on a disk of its own of 96 MiB, which is filled up to 8 MiB once the file
/// `$0.fill` is there: less than what is kept for endings.
const SMALL_DISK: &str = r#"cp -a "$0" "$0.before" && mount -t tmpfs -o size=96m none "$0" &&
cp -a "$0.before/." "$0" && {
    ( while [ ! -e "$0.fill" ]; do sleep 0.05; done
      left=$(df -Pm "$0" | awk 'END { print $4 - 8 }')
      dd if=/dev/zero of="$0/filler" bs=1M count="$left" 2>/dev/null; touch "$0.full" ) &
    exec "$@"
}"#;

pub(crate) async fn measure(table: &mut Table) -> Result<()> {
    let mut controller = Controller::start(&format!("{SAMPLE}{MORE_PEOPLE}")).await?;
    let gateway = Gateway::start(&controller, "gw-1", "Cloud", &[]).await?;
    let credential = gateway.credential()?;
    drop(gateway);
    let sign_in = async |login| {
        TestUser::new(&controller, login)
            .await?
            .session(&controller)
            .await
    };
    let lee = sign_in("lee").await?;
    let (mut requesters, mut reviewers) = (Vec::new(), Vec::new());
    for login in REQUESTERS {
        requesters.push(Requester::new(sign_in(login).await?).await?);
    }
    for login in REVIEWERS {
        reviewers.push(sign_in(login).await?);
    }
    let mut people = Participants {
        acks: AckStream::open(&controller, &credential).await?,
        resource: resource(&lee).await?,
        requesters,
        reviewers,
    };

    let mut conditions = [
        Condition::of("", 0, 0),
        Condition::of(", one asks and cancels in a loop", 1, 0),
        Condition::of(", one reads in 50 tabs", 0, TABS),
        Condition::of(", one does both", 1, TABS),
    ];
    for _ in 0..BLOCKS {
        for condition in &mut conditions {
            condition.block(&mut people, &controller, &lee).await?;
        }
    }
    let [alone, floods @ ..] = &conditions;
    alone.measured.add("", table, None);
    for flood in floods {
        flood.measured.add(flood.what, table, Some(&alone.measured));
        flood.add_load(table);
    }
    let alone = &alone.measured;
    people
        .on_a_full_disk(&mut controller, &credential, alone, table)
        .await
}

/// Processor time so far: of the controller, and of this program.
fn shares(controller: &Controller) -> Result<[Duration; 2]> {
    let controller = process_load::processor(controller.id().context("the controller runs")?)?;
    // The controller is a child of this program, and counts with it.
    let all = process_load::processor(std::process::id())?;
    Ok([controller, all.saturating_sub(controller)])
}

fn data(controller: &Controller) -> String {
    controller.data().display().to_string()
}

async fn resource(member: &Session) -> Result<ResourceId> {
    let resources = member.resources().await?;
    let found = resources.iter().find(|resource| resource.name == RESOURCE);
    Ok(found.context("the resource is seen")?.id)
}

fn request(resource: ResourceId) -> NewRequest {
    NewRequest {
        resource,
        assignment: None,
        reason: "To measure".to_owned(),
        seconds: Some(60 * 45),
        starts_at: None,
    }
}

/// The users who are measured.
struct Participants {
    requesters: Vec<Requester>,
    reviewers: Vec<Session>,
    resource: ResourceId,
    acks: AckStream,
}

/// A user who requests access and is notified.
struct Requester {
    session: Session,
    events: EventReader,
}

impl Requester {
    async fn new(session: Session) -> Result<Self> {
        let events = EventReader::of(&session).await?;
        Ok(Self { session, events })
    }
}

/// Measured times.
#[derive(Default)]
struct Samples {
    approved: Vec<Duration>,
    revoked: Vec<Duration>,
    acknowledged: Vec<Duration>,
}

/// What is measured beside a flood, and the flood's own load.
struct Condition {
    what: &'static str,
    loops: usize,
    tabs: usize,
    measured: Samples,
    took: Duration,
    /// Processor time of the controller, and of this program.
    processor: [Duration; 2],
    calls: CallCounts,
}

impl Condition {
    fn of(what: &'static str, loops: usize, tabs: usize) -> Self {
        Self {
            what,
            loops,
            tabs,
            measured: Samples::default(),
            took: Duration::ZERO,
            processor: [Duration::ZERO; 2],
            calls: CallCounts::default(),
        }
    }

    async fn block(
        &mut self,
        people: &mut Participants,
        controller: &Controller,
        flooding: &Session,
    ) -> Result<()> {
        let flood = Flood::begin(flooding, self.loops, self.tabs).await?;
        tokio::time::sleep(FLOOD_LEAD).await;
        let (begun, before, calls) = (Instant::now(), shares(controller)?, flood.calls());
        people.rounds(&mut self.measured).await?;
        let after = shares(controller)?;
        for (sum, (after, before)) in self.processor.iter_mut().zip(after.iter().zip(before)) {
            *sum += after.saturating_sub(before);
        }
        self.took += begun.elapsed();
        let so_far = flood.calls();
        self.calls.answered += so_far.answered - calls.answered;
        self.calls.refused += so_far.refused - calls.refused;
        flood.end()?;
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "thousands")]
    fn add_load(&self, table: &mut Table) {
        let Self { what, took, .. } = self;
        let [answered, refused] = [self.calls.answered, self.calls.refused]
            .map(|calls| calls as f64 / took.as_secs_f64());
        let calls = Figure::new(format!("calls answered a second{what}"), answered, "");
        table.add(calls.spread(format!("{} more were refused for now", short(refused))));
        let [theirs, ours] = self.processor.map(|time| time.div_duration_f64(*took));
        let share = Figure::new(
            format!("processors that the controller keeps busy{what}"),
            theirs,
            "",
        );
        table.add(share.spread(format!("{} more by what floods and measures", short(ours))));
    }
}

impl Participants {
    async fn rounds(&mut self, measured: &mut Samples) -> Result<()> {
        self.acks.begin();
        let mut rounds = tokio::time::interval(ROUND_INTERVAL);
        for round in 0..ROUNDS {
            rounds.tick().await;
            let reviewer = &self.reviewers[round % REVIEWERS.len()];
            let requester = &mut self.requesters[round % REQUESTERS.len()];
            let ask = async || requester.session.ask(&request(self.resource)).await;
            let (asked, _) = when_allowed(ask).await?;
            let approve = async || reviewer.approve(asked.request.id, &APPROVAL).await;
            let (answer, begin) = when_allowed(approve).await?;
            measured
                .approved
                .push(requester.events.approved().await? - begin);
            let grant = answer.grant.context("an approval makes a grant")?.id;
            let begin = Instant::now();
            reviewer.revoke(grant, &why()).await?;
            measured
                .revoked
                .push(requester.events.revoked().await? - begin);
        }
        measured.acknowledged.extend(self.acks.times()?);
        Ok(())
    }

    /// Revokes all that Ada can be given, when the controller's disk has only what is kept left.
    async fn on_a_full_disk(
        &mut self,
        controller: &mut Controller,
        credential: &str,
        alone: &Samples,
        table: &mut Table,
    ) -> Result<()> {
        controller.stop().await?;
        let data = data(controller);
        let root = rustix::process::geteuid().is_root();
        let user: &[&str] = if root {
            &[]
        } else {
            &["--user", "--map-root-user"]
        };
        let command = [user, &["--mount", "sh", "-c", SMALL_DISK, &data]].concat();
        controller.wrap(&[&["unshare"], &*command].concat());
        controller.resume().await?;
        let ada = &mut self.requesters[0];
        ada.events = EventReader::of(&ada.session).await?;
        self.acks = AckStream::open(controller, credential).await?;
        let mut grants = Vec::new();
        for resource in ada.session.resources().await? {
            if !matches!(resource.lock, LockState::Locked { .. }) {
                continue;
            }
            let ask = async || ada.session.ask(&request(resource.id)).await;
            let (asked, _) = match when_allowed(ask).await {
                Ok(asked) => asked,
                // An unlock takes no length; there are enough others.
                Err(_) => continue,
            };
            if let Some(grant) = asked.request.grant {
                grants.push(grant.id);
                ada.events.approved().await?;
                continue;
            }
            let approve = async || self.reviewers[0].approve(asked.request.id, &APPROVAL).await;
            let (answer, _) = when_allowed(approve).await?;
            grants.extend(answer.grant.map(|grant| grant.id));
            ada.events.approved().await?;
        }
        ensure!(grants.len() > 2, "too little to revoke: {}", grants.len());
        fill(&data).await?;
        let refused = ada.session.ask(&request(self.resource)).await;
        ensure!(
            refused.is_err_and(|error| error.code() == Some(Code::Unavailable)),
            "the disk is not full"
        );
        self.acks.begin();
        let mut revoked = Vec::new();
        for grant in grants {
            let begin = Instant::now();
            self.reviewers[0].revoke(grant, &why()).await?;
            revoked.push(ada.events.revoked().await? - begin);
        }
        // A few seconds of acknowledgements.
        tokio::time::sleep(30 * ACK_INTERVAL).await;
        let what = "on a full disk";
        let (revoked, before) = (Times::of(revoked), Times::of(alone.revoked.clone()));
        let revoke = format!("revoke → notice {what}");
        table.add(revoked.figure(&revoke));
        slower(&revoke, &revoked, &before, table);
        let acks = Times::of(self.acks.times()?);
        acknowledged(&format!(" {what}"), &acks, table);
        Ok(())
    }
}

const APPROVAL: Approve = Approve {
    seconds: None,
    comment: String::new(),
};

fn why() -> Comment {
    Comment {
        comment: "enough".to_owned(),
    }
}

impl Samples {
    fn add(&self, what: &str, table: &mut Table, alone: Option<&Self>) {
        type Part = fn(&Samples) -> &Vec<Duration>;
        let parts: [(&str, Part); 2] =
            [("approve", |it| &it.approved), ("revoke", |it| &it.revoked)];
        for (act, part) in parts {
            let (name, times) = (
                format!("{act} → notice{what}"),
                Times::of(part(self).clone()),
            );
            table.add(times.figure(&name));
            if let Some(alone) = alone {
                slower(&name, &times, &Times::of(part(alone).clone()), table);
            }
        }
        acknowledged(what, &Times::of(self.acknowledged.clone()), table);
    }
}

/// How many times as long the slowest of a hundred took.
fn slower(what: &str, flooded: &Times, alone: &Times, table: &mut Table) {
    let ratio = flooded.percentile(99) / alone.percentile(99);
    let what = format!("{what}: p99 against nobody else there");
    table.add(Figure::new(what, ratio, "×").budget(MAX_SLOWDOWN));
}

fn acknowledged(what: &str, times: &Times, table: &mut Table) {
    let slowest = Figure::new(
        format!("a gateway’s acknowledgement{what}, slowest"),
        times.percentile(100),
        "ms",
    );
    table.add(slowest.spread(times.spread()).budget(MAX_ACK_MS));
}

/// Does it, once there is budget for it, and returns when the call that was allowed began.
async fn when_allowed<T>(
    mut call: impl AsyncFnMut() -> Result<T, ApiError>,
) -> Result<(T, Instant)> {
    loop {
        let begin = Instant::now();
        match call().await {
            Err(error) if error.code() == Some(Code::RateLimited) => {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            done => return Ok((done?, begin)),
        }
    }
}

async fn fill(data: &str) -> Result<()> {
    std::fs::write(format!("{data}.fill"), "")?;
    let full = format!("{data}.full");
    eventually("a full disk", async || std::fs::metadata(&full)).await?;
    Ok(())
}

/// Reads a user's event stream.
struct EventReader {
    _subscription: Subscription,
    updates: mpsc::Receiver<Update>,
}

impl EventReader {
    async fn of(session: &Session) -> Result<Self> {
        let (tx, updates) = mpsc::channel(64);
        let mut events = Self {
            _subscription: subscribe(session.clone(), tx),
            updates,
        };
        while !matches!(events.next().await?, Update::Snapshot(_)) {}
        Ok(events)
    }

    async fn approved(&mut self) -> Result<Instant> {
        self.told(|what| matches!(what, What::Approved { .. }))
            .await
    }

    async fn revoked(&mut self) -> Result<Instant> {
        self.told(|what| matches!(what, What::Revoked { .. })).await
    }

    /// When the next such notice came.
    async fn told(&mut self, is_it: impl Fn(&What) -> bool) -> Result<Instant> {
        loop {
            match self.next().await? {
                Update::Changes(changes) if changes.notices.iter().any(|it| is_it(&it.what)) => {
                    return Ok(Instant::now());
                }
                Update::Changes(_) | Update::Snapshot(_) | Update::Live => {}
                Update::Lost { why, .. } => bail!("the stream was lost: {why}"),
                Update::SessionEnded => bail!("the session ended"),
            }
        }
    }

    async fn next(&mut self) -> Result<Update> {
        let next = tokio::time::timeout(Duration::from_secs(60), self.updates.recv());
        next.await?.context("the stream goes on")
    }
}

/// Acknowledges as a gateway does, on a stream of its own.
struct AckStream {
    times: Arc<Mutex<Vec<Duration>>>,
    task: tokio::task::JoinHandle<Result<()>>,
}

impl AckStream {
    async fn open(controller: &Controller, credential: &str) -> Result<Self> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        let url = controller.url().join("api/v1/gateway/")?;
        let follow = Follow {
            devices: Vec::new(),
        };
        let stream = http
            .post(url.join("stream")?)
            .bearer_auth(credential)
            .json(&follow);
        let mut body = stream.send().await?.error_for_status()?.bytes_stream();
        let (mut parser, mut first) = (Parser::default(), None);
        while first.is_none() {
            let bytes = body.next().await.context("the stream goes on")??;
            let found = parser.feed(&bytes, |event| {
                first = first.take().or(Some(event.data));
            });
            found.ok().context("events of a usual size")?;
        }
        let all: All = serde_json::from_str(&first.unwrap_or_default())?;
        let times = Arc::<Mutex<Vec<Duration>>>::default();
        let noted = Arc::clone(&times);
        let (url, credential) = (url.join("ack")?, credential.to_owned());
        let task = tokio::spawn(async move {
            // Nobody reads it: there is nobody whose devices it could be about.
            let _body = body;
            for number in 1.. {
                let ack = Ack {
                    stream: all.stream,
                    number,
                    seq: all.seq,
                };
                let begin = Instant::now();
                let call = http.post(url.clone()).bearer_auth(&credential).json(&ack);
                call.send().await?.error_for_status()?;
                noted
                    .lock()
                    .map_err(|_| anyhow!("a task panicked"))?
                    .push(begin.elapsed());
                tokio::time::sleep(ACK_INTERVAL).await;
            }
            Ok(())
        });
        Ok(Self { times, task })
    }

    /// Forgets those before.
    fn begin(&self) {
        drop(self.taken());
    }

    /// How long each took since.
    fn times(&self) -> Result<Vec<Duration>> {
        ensure!(!self.task.is_finished(), "an acknowledgement was refused");
        Ok(self.taken())
    }

    fn taken(&self) -> Vec<Duration> {
        std::mem::take(&mut *self.times.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Calls of one person as fast as they are answered, from a thread of its own.
struct Flood {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    refused: Arc<AtomicU64>,
    thread: JoinHandle<Result<()>>,
}

/// How many calls.
#[derive(Default)]
struct CallCounts {
    answered: u64,
    refused: u64,
}

impl Flood {
    /// `loops` of asking and cancelling, which do not heed that they shall wait, and `tabs` that read.
    async fn begin(session: &Session, loops: usize, tabs: usize) -> Result<Self> {
        let resource = resource(session).await?;
        let (stop, answered) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let refused = Arc::<AtomicU64>::default();
        let flood = FloodWorker {
            session: session.clone(),
            resource,
            stop: Arc::clone(&stop),
            answered: Arc::clone(&answered),
            refused: Arc::clone(&refused),
        };
        let thread = std::thread::spawn(move || {
            // It would run on a machine of its own: here it takes what the others leave.
            rustix::process::setpriority_process(None, LOWEST_PRIORITY)?;
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(async {
                let loops = join_all((0..loops).map(|_| flood.asks()));
                let tabs = join_all((0..tabs).map(|_| flood.reads()));
                tokio::join!(loops, tabs);
            });
            Ok(())
        });
        Ok(Self {
            stop,
            answered,
            refused,
            thread,
        })
    }

    /// So far.
    fn calls(&self) -> CallCounts {
        CallCounts {
            answered: self.answered.load(Relaxed),
            refused: self.refused.load(Relaxed),
        }
    }

    fn end(self) -> Result<()> {
        self.stop.store(true, Relaxed);
        let joined = self.thread.join();
        joined.map_err(|_| anyhow!("the flood panicked"))?
    }
}

struct FloodWorker {
    session: Session,
    resource: ResourceId,
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    refused: Arc<AtomicU64>,
}

impl FloodWorker {
    async fn asks(&self) {
        while !self.stop.load(Relaxed) {
            let asked = self.session.ask(&request(self.resource)).await;
            if let Some(asked) = self.count(asked) {
                self.count(self.session.cancel(asked.request.id).await);
            }
        }
    }

    async fn reads(&self) {
        while !self.stop.load(Relaxed) {
            self.count(self.session.snapshot().await);
        }
    }

    fn count<T>(&self, done: Result<T, ApiError>) -> Option<T> {
        let counter = if done.is_ok() {
            &self.answered
        } else {
            &self.refused
        };
        counter.fetch_add(1, Relaxed);
        done.ok()
    }
}
