//! A very large organisation: what it takes to know it, and to answer from it.

use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use hourkey_access::directory::Directory;
use hourkey_domain::ids::ResourceId;
use hourkey_domain::length::Length;
use hourkey_domain::organisation::{Organisation, diff, lint};
use hourkey_domain::settings::Period;
use hourkey_store::Store;
use hourkey_store_sqlite::SqliteStore;
use hourkey_testkit::controller::Controller;
use hourkey_testkit::poll::eventually;

use super::Build;
use super::calls::Connection;
use super::data::{ADMINISTRATOR, Data, Shape, now};
use super::{pages, writer};
use crate::linux::figures::{Figure, Table, Times, short};
use crate::linux::process_load::resident;

/// 1,000,000 memberships, and 20 auto-locked resources for everybody.
const SHAPE: Shape = Shape {
    people: 100_000,
    groups: 2_000,
    groups_of_each: 9,
    resources: 10_000,
    of_everybody: 20,
    auto_lock: true,
    groups_with_each: 5,
};

/// A resource that very many groups have, and how many more than others.
const SCATTERED: i64 = 9_999;
const GROUPS_OF_SCATTERED: i64 = 995;

const STARTS: usize = 3;

/// People who ask for explanations, and how often each does: less often than they may in a row.
const ASKERS: i64 = 25;
const QUESTIONS_OF_EACH: i64 = 40;

const COMMANDS: usize = 3;
const DIFFERENCES: usize = 20;
const LINTS: usize = 5;

/// The budgets, in milliseconds.
const MAX_EXPLANATION_MS: f64 = 2.0;
const MAX_DIFF_MS: f64 = 50.0;
const MAX_LINT_MS: f64 = 2_000.0;

pub(crate) async fn measure(table: &mut Table) -> Result<()> {
    let build = Build::default();
    let mut controller = build.controller().await?;
    let (_, empty) = start(&mut controller).await?;
    controller.stop().await?;

    let begin = Instant::now();
    let mut data = Data::open(&controller).await?;
    data.fill(SHAPE).await?;
    eprintln!("  (the organisation was written in {:?})", begin.elapsed());
    let askers = ADMINISTRATOR..=ASKERS;
    let tokens = data.sign_in(askers.clone()).await?;
    let cookie = data.open_browser(ADMINISTRATOR).await?;
    data.scatter(SCATTERED, GROUPS_OF_SCATTERED).await?;
    let mut starts = Vec::new();
    let mut full = 0.0;
    for _ in 0..STARTS {
        let begin = Instant::now();
        (_, full) = start(&mut controller).await?;
        let mut connection = Connection::open(&controller).await?;
        // While the value is loaded, calls may be refused for now.
        eventually("the organisation", async || {
            connection.get("/resources", &tokens[1]).await
        })
        .await?;
        starts.push(begin.elapsed());
        controller.stop().await?;
    }
    let of = "100,000 people with 1,000,000 memberships";
    table
        .add(Times::of(starts).figure(format!("start → first answer from the organisation, {of}")));
    controller.resume().await?;
    let mut connection = Connection::open(&controller).await?;
    eventually("the organisation", async || {
        connection.get("/resources", &tokens[1]).await
    })
    .await?;
    full = full.max(memory(&controller)?);
    let spread = format!(
        "{} MiB resident, {} MiB without anybody",
        short(full),
        short(empty)
    );
    let what = format!("memory of the controller for {of}");
    table.add(Figure::new(what, full - empty, "MiB").spread(spread));

    explanations(&mut connection, &tokens, of, table).await?;
    pages::measure(&mut connection, &cookie, (SHAPE, SCATTERED), of, table).await?;
    let of_groups = SHAPE.of_everybody + 1;
    pages::consequences(&mut connection, &cookie, of_groups, of, table).await?;
    commands(&controller, of, table).await?;
    pure(&controller, of, table).await?;
    writer::of_organisation(&controller, &mut data, SHAPE, &format!(", {of}"), table).await
}

/// Starts it, and returns when it answered and what is resident then, in MiB.
async fn start(controller: &mut Controller) -> Result<(Duration, f64)> {
    let begin = Instant::now();
    controller.resume().await?;
    Ok((begin.elapsed(), memory(controller)?))
}

fn memory(controller: &Controller) -> Result<f64> {
    resident(controller.id().context("the controller runs")?)
}

async fn explanations(
    connection: &mut Connection,
    tokens: &[String],
    of: &str,
    table: &mut Table,
) -> Result<()> {
    let (mut own, mut others, mut least) = (Vec::new(), Vec::new(), Vec::new());
    for question in 0..QUESTIONS_OF_EACH {
        for token in &tokens[1..] {
            // Everybody sees the first ones.
            let resource = 1 + question % SHAPE.of_everybody;
            let path = format!("/explain?resource={resource}");
            own.push(connection.get(&path, token).await?.1);
            least.push(connection.get("/me", token).await?.1);
        }
        let resource = SHAPE.of_everybody + 1 + question * 97;
        let path = format!(
            "/explain?resource={resource}&user=user{}",
            1_000 + question * 31
        );
        others.push(connection.get(&path, &tokens[0]).await?.1);
    }
    let what = format!("explanation by the API, {of}");
    let (own, least) = (Times::of(own), Times::of(least));
    table.add(own.figure(&what));
    let worst = Figure::new(format!("{what}, p99"), own.percentile(99), "ms");
    table.add(worst.budget(MAX_EXPLANATION_MS));
    table.add(Times::of(others).figure(format!("{what}: of others, to an administrator")));
    table.add(least.figure(format!("the least that a call takes (GET /me), {of}")));
    Ok(())
}

/// Whole processes, from their start to their end.
async fn commands(controller: &Controller, of: &str, table: &mut Table) -> Result<()> {
    let commands: [(&str, &[&str]); 2] = [
        ("explain", &["explain", "user777", "Resource 7"]),
        ("lint --json", &["lint", "--json"]),
    ];
    for (name, arguments) in commands {
        let mut times = Vec::new();
        let mut lines = 0;
        for _ in 0..COMMANDS {
            let mut command = controller.command(arguments);
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
            let begin = Instant::now();
            let output = tokio::process::Command::from(command).output().await?;
            times.push(begin.elapsed());
            // `lint` ends with 1 where it finds a problem, and says all the same what.
            ensure!(
                !output.stdout.is_empty(),
                "{name} said {}",
                String::from_utf8_lossy(&output.stderr)
            );
            lines = output.stdout.split(|byte| *byte == b'\n').count() - 1;
        }
        let times = Times::of(times);
        let spread = format!("{lines} lines; {}", times.spread());
        let what = format!("hourkey-controller {name}, {of}");
        table.add(times.figure(what).spread(spread));
    }
    Ok(())
}

/// The domain alone, on the value as the controller loads it.
async fn pure(controller: &Controller, of: &str, table: &mut Table) -> Result<()> {
    let store: Arc<dyn Store> = SqliteStore::open(&controller.data()).await?;
    let begin = Instant::now();
    let value = Directory::default().current(&store).await;
    let value = value.map_err(|error| anyhow!("{error:?}"))?;
    let loaded = begin.elapsed();
    table.add(Times::of(vec![loaded]).figure(format!("loading the value alone, {of}")));
    let now = now();
    let everybodys = ResourceId(1);
    let of_groups = ResourceId(SHAPE.of_everybody + 1);
    for (whose, resource) in [("of five groups", of_groups), ("of everybody", everybodys)] {
        let mut times = Vec::new();
        for round in 0..DIFFERENCES {
            let after = changed(&value, resource, 3_600 + 60 * u64::try_from(round)?)?;
            let begin = Instant::now();
            let difference = diff(&value, &after, now);
            times.push(begin.elapsed());
            std::hint::black_box(difference);
        }
        let times = Times::of(times);
        let what = format!("the domain alone: difference of one setting {whose}, {of}");
        table.add(times.figure(what).budget(MAX_DIFF_MS));
    }
    let mut times = Vec::new();
    let mut findings = 0;
    for _ in 0..LINTS {
        let begin = Instant::now();
        findings = lint(&value, now).len();
        times.push(begin.elapsed());
    }
    let times = Times::of(times);
    let spread = format!("{findings} findings; {}", times.spread());
    let what = format!("the domain alone: all warnings, {of}");
    table.add(times.figure(what).spread(spread).budget(MAX_LINT_MS));
    Ok(())
}

/// The organisation where this resource opens for so long, and locks a day sooner.
fn changed(value: &Organisation, id: ResourceId, seconds: u64) -> Result<Organisation> {
    let before = value.resource(id).context("the resource is there")?;
    let mut resource = (**before).clone();
    resource.settings.period = Period::Custom {
        up_to: Length::from_seconds(seconds)?,
        recommended: None,
    };
    resource.settings.lock_after -= 1;
    let mut after = value.clone();
    after.set_resource(id, Some(resource));
    Ok(after)
}
