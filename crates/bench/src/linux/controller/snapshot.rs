//! All that one person sees, once.

use std::time::Instant;

use anyhow::{Result, ensure};
use hourkey_protocol::event::Snapshot;

use super::Build;
use super::calls::Connection;
use super::data::{Data, Shape};
use crate::linux::figures::{Figure, Table, Times};

const RESOURCES: i64 = 10_000;

/// The person whose snapshots are taken.
const PERSON: i64 = 2;

/// Fewer than a person may take in a row.
const SNAPSHOTS: usize = 80;
const WARM_UP: usize = 5;

/// The budget, in milliseconds.
const MAX_MEDIAN_MS: f64 = 20.0;

pub(crate) async fn measure(builds: &[Build], table: &mut Table) -> Result<()> {
    let mut medians = Vec::new();
    for build in builds {
        medians.push(of_build(build, table).await?);
    }
    if let [ours, other] = medians[..] {
        let what = "snapshot by the API, against the other build";
        table.add(Figure::new(what, ours / other, "×"));
    }
    Ok(())
}

async fn of_build(build: &Build, table: &mut Table) -> Result<f64> {
    let mut controller = build.controller().await?;
    let mut data = Data::open(&controller).await?;
    let shape = Shape {
        people: 10,
        groups: 1,
        groups_of_each: 0,
        resources: RESOURCES,
        of_everybody: RESOURCES,
        auto_lock: false,
        groups_with_each: 0,
    };
    data.fill(shape).await?;
    let tokens = data.sign_in([PERSON]).await?;
    controller.resume().await?;
    let mut connection = Connection::open(&controller).await?;
    let (mut taken, mut read) = (Vec::new(), Vec::new());
    let mut bytes = 0;
    for round in 0..WARM_UP + SNAPSHOTS {
        let (body, took) = connection.get("/snapshot", &tokens[0]).await?;
        let begin = Instant::now();
        let snapshot: Snapshot = serde_json::from_slice(&body)?;
        let reading = begin.elapsed();
        ensure!(
            i64::try_from(snapshot.resources.len())? == RESOURCES,
            "{} resources are seen",
            snapshot.resources.len()
        );
        if round >= WARM_UP {
            taken.push(took);
            read.push(reading);
        }
        bytes = body.len();
    }
    let suffix = build.suffix();
    let what = format!("snapshot by the API, {RESOURCES} resources{suffix}");
    let (taken, read) = (Times::of(taken), Times::of(read));
    let median = taken.figure(&what);
    table.add(match build.folder {
        None => median.budget(MAX_MEDIAN_MS),
        Some(_) => median,
    });
    table.add(Figure::new(
        format!("{what}, p99"),
        taken.percentile(99),
        "ms",
    ));
    let mib = bytes >> 20;
    let what = format!("{what}: its reading by the client");
    table.add(
        read.figure(what)
            .spread(format!("{mib} MiB; {}", read.spread())),
    );
    Ok(taken.percentile(50))
}
