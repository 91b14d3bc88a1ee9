//! Requests and approvals of many people at once, against the statements alone that these make.

mod replay;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use hourkey_domain::ids::{RequestId, ResourceId};
use hourkey_protocol::access::{Approve, NewRequest, Request};
use hourkey_testkit::controller::Controller;

use self::replay::{Kind, Replay, Statements};
use super::Build;
use super::calls::Connection;
use super::data::{Data, Shape};
use crate::linux::figures::{Figure, Table, short};

/// Each with a reviewer of its own, beside the administrator.
const RESOURCES: i64 = 150;

const ROUNDS: i64 = 3;

/// Requests, and then approvals, of a round: so many that nobody uses up what a person may do in a
/// minute.
const CALLS: i64 = 10 * RESOURCES;
const WARM_UP: i64 = RESOURCES;

const CONNECTIONS: usize = 128;

/// People with lower ids review.
const FIRST: i64 = 1_000;

/// Of its statements alone, the least that the controller should do, in percent.
const MIN_SHARE: f64 = 80.0;

const SHAPE: Shape = Shape {
    people: FIRST + WARM_UP + ROUNDS * CALLS,
    groups: RESOURCES,
    groups_of_each: 0,
    resources: RESOURCES,
    of_everybody: RESOURCES,
    auto_lock: false,
    groups_with_each: 0,
};

/// Somebody asks, and the resource's reviewer approves.
#[derive(Clone, Copy, Debug)]
struct Call {
    user: i64,
    resource: i64,
    reviewer: i64,
}

impl Call {
    fn number(number: i64) -> Self {
        let resource = 1 + number % RESOURCES;
        Self {
            user: FIRST + number,
            resource,
            reviewer: reviewer_of(resource),
        }
    }
}

fn reviewer_of(resource: i64) -> i64 {
    resource + 1
}

/// How fast it was in each round, a second.
#[derive(Default)]
struct Rates {
    by_api: Vec<f64>,
    alone: Vec<f64>,
}

pub(crate) async fn measure(builds: &[Build], table: &mut Table) -> Result<()> {
    for build in builds {
        of_build(build, table).await?;
    }
    Ok(())
}

async fn of_build(build: &Build, table: &mut Table) -> Result<()> {
    let statements = Statements::of(build).await?;
    let mut controller = build.controller().await?;
    let (mut api, mut copy) = (Api::of(&mut controller).await?, build.controller().await?);
    let mut replay = Replay::of(&mut copy, statements).await?;
    let warm_up: Vec<Call> = (0..WARM_UP).map(Call::number).collect();
    api.requests(&warm_up).await?;
    api.approvals(&warm_up).await?;
    replay.all(Kind::Request, &warm_up).await?;
    replay.all(Kind::Approval, &warm_up).await?;
    let (mut requests, mut approvals) = (Rates::default(), Rates::default());
    for round in 0..ROUNDS {
        let first = WARM_UP + round * CALLS;
        let calls: Vec<Call> = (first..first + CALLS).map(Call::number).collect();
        requests.by_api.push(rate(api.requests(&calls).await?));
        requests
            .alone
            .push(rate(replay.all(Kind::Request, &calls).await?));
        approvals.by_api.push(rate(api.approvals(&calls).await?));
        approvals
            .alone
            .push(rate(replay.all(Kind::Approval, &calls).await?));
    }
    for (what, rates) in [("requests", requests), ("approvals", approvals)] {
        rates.add(what, build, table);
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "thousands")]
fn rate(took: Duration) -> f64 {
    CALLS as f64 / took.as_secs_f64()
}

impl Rates {
    fn add(self, what: &str, build: &Build, table: &mut Table) {
        let suffix = build.suffix();
        let of = format!("{CONNECTIONS} connections{suffix}");
        let (by_api, spread) = median(self.by_api);
        let name = format!("{what} a second by the API, {of}");
        table.add(Figure::new(name, by_api, "").spread(spread));
        let (alone, spread) = median(self.alone);
        let group = replay::GROUP;
        let name =
            format!("{what} a second, their statements alone by {group} to a commit{suffix}");
        table.add(Figure::new(name, alone, "").spread(spread));
        let share = 100.0 * by_api / alone;
        let goal = match share >= MIN_SHARE {
            true => "reached",
            false => "missed",
        };
        let spread = format!("at least {MIN_SHARE} % is the goal: {goal}");
        let name = format!("{what} by the API against their statements alone{suffix}");
        table.add(Figure::new(name, share, "%").spread(spread));
    }
}

/// The median, and how far the values lie apart.
fn median(mut values: Vec<f64>) -> (f64, String) {
    values.sort_unstable_by(f64::total_cmp);
    let [least, most] = [values.first(), values.last()].map(|it| short(it.copied().unwrap_or(0.0)));
    let spread = format!("min {least}, max {most}, n = {}", values.len());
    (values.get(values.len() / 2).copied().unwrap_or(0.0), spread)
}

/// Makes the organisation where it is missing.
async fn fill(controller: &Controller) -> Result<Data> {
    let mut data = Data::open(controller).await?;
    data.fill(SHAPE).await?;
    for resource in 1..=RESOURCES {
        data.approve_by(resource, resource + 1, reviewer_of(resource))
            .await?;
    }
    Ok(data)
}

/// People at their clients.
struct Api {
    connections: Vec<Connection>,
    /// Of those who ask, from [`FIRST`] on.
    askers: Vec<String>,
    /// Of the reviewers of the resources.
    reviewers: Vec<String>,
    /// The requests by their numbers, as they were made.
    made: Vec<Vec<(Call, RequestId)>>,
}

impl Api {
    async fn of(controller: &mut Controller) -> Result<Self> {
        let mut data = fill(controller).await?;
        let askers = data.sign_in(FIRST..SHAPE.people).await?;
        let reviewers = data.sign_in((1..=RESOURCES).map(reviewer_of)).await?;
        controller.resume().await?;
        let mut connections = Vec::new();
        for _ in 0..CONNECTIONS {
            connections.push(Connection::open(controller).await?);
        }
        Ok(Self {
            connections,
            askers,
            reviewers,
            made: Vec::new(),
        })
    }

    /// Asks for all of it, and returns how long that took.
    async fn requests(&mut self, calls: &[Call]) -> Result<Duration> {
        let share = calls.len().div_ceil(CONNECTIONS);
        let begin = Instant::now();
        let askers = &self.askers;
        let all = self.connections.iter_mut().zip(calls.chunks(share));
        let all = all.map(|(connection, calls)| async move {
            let mut made = Vec::new();
            for call in calls {
                let token = askers.get(usize::try_from(call.user - FIRST)?);
                let request = request(call.resource);
                let token = token.context("they are signed in")?;
                let asked = connection
                    .post::<Request>("/requests", token, &request)
                    .await?;
                made.push((*call, asked.0.id));
            }
            anyhow::Ok(made)
        });
        self.made = try_join_all(all).await?;
        Ok(begin.elapsed())
    }

    /// Approves what was asked for last, and returns how long that took.
    async fn approvals(&mut self, calls: &[Call]) -> Result<Duration> {
        let made = std::mem::take(&mut self.made);
        let count: usize = made.iter().map(Vec::len).sum();
        ensure!(count == calls.len(), "{count} requests were made");
        let begin = Instant::now();
        let reviewers = &self.reviewers;
        let all = self.connections.iter_mut().zip(&made);
        let all = all.map(|(connection, made)| async move {
            for (call, RequestId(id)) in made {
                let token = &reviewers[usize::try_from(call.resource - 1)?];
                let path = format!("/requests/{id}/approve");
                let approve = Approve::default();
                connection.post::<Request>(&path, token, &approve).await?;
            }
            anyhow::Ok(())
        });
        try_join_all(all).await?;
        Ok(begin.elapsed())
    }
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
