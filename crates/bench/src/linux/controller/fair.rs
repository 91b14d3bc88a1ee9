//! What one person's flood costs the others: from an approval or a revocation to its notice, and
//! until a gateway's acknowledgement is answered.

mod flood;
mod full_disk;
mod streams;

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use hourkey_client::api::ApiError;
use hourkey_client::session::Session;
use hourkey_domain::ids::ResourceId;
use hourkey_protocol::access::{Approve, Comment, NewRequest};
use hourkey_protocol::problem::Code;
use hourkey_testkit::controller::Controller;
use hourkey_testkit::gateway::Gateway;
use hourkey_testkit::organisation::OrgBuilder;
use hourkey_testkit::test_user::TestUser;

use self::flood::{CallCounts, Flood};
use self::streams::{AckStream, EventReader};
use crate::linux::desktop_harness::RESOURCE;
use crate::linux::figures::{Figure, Table, Times, short};
use crate::linux::process_load;

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

/// The sample organisation, with the others of them.
fn organisation() -> OrgBuilder {
    OrgBuilder::sample()
        .member("ines", "Ines Roth")
        .member("omar", "Omar Haddad")
        .member("pia", "Pia Lund")
        .reviewer("nils", "Nils Berg")
        .reviewer("vera", "Vera Kohl")
        .group("Measured", &["ines", "omar", "pia"])
        .assign("Measured", &["Grafana"])
}

/// Tabs that read at once.
const TABS: usize = 50;

/// The budgets: times what it is without a flood, and milliseconds.
const MAX_SLOWDOWN: f64 = 2.0;
const MAX_ACK_MS: f64 = 1_000.0;

pub(crate) async fn measure(table: &mut Table) -> Result<()> {
    let mut controller = Controller::start(&organisation().text()).await?;
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
        extends: false,
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
