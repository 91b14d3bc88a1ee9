//! The app of a person who sees very many resources.

use std::time::{Duration, Instant};

use anyhow::Result;
use hourkey_testkit::organisation::{Access, OrgBuilder, Resource};

use super::decide;
use super::desktop_harness::DesktopHarness;
use super::figures::{Figure, Table, Times};
use super::idle::settled_memory;
use super::start::{MAX_START_MS, starts};

/// How many there are beside those of the sample organisation.
const RESOURCES: usize = 10_000;
const STARTS: usize = 5;
const APPROVALS: usize = 50;

/// The most rows of resources in the tray.
const MAX_ROWS: f64 = 15.0;

pub(crate) async fn measure(table: &mut Table) -> Result<()> {
    let begin = Instant::now();
    let mut harness = DesktopHarness::set_up(&organisation()).await?;
    eprintln!(
        "  ({RESOURCES} resources were applied in {:?})",
        begin.elapsed()
    );
    let people = harness.sign_in().await?;
    harness.kill_app()?;
    let (registered, complete) = starts(&mut harness, STARTS, "More resources").await?;
    let with = format!(", {RESOURCES} resources");
    let what = format!("start → tray registered{with}");
    table.add(registered.figure(what).budget(MAX_START_MS));
    table.add(complete.figure(format!("start → resources in the menu{with}")));
    table.add(
        snapshots(&people.ada)
            .await?
            .figure(format!("snapshot by the API{with}")),
    );

    harness.start_app().await?;
    let menu = harness.row("More resources").await?;
    let rows = menu.children.iter().filter(|row| !row.children.is_empty());
    let rows = u32::try_from(rows.count())?;
    table.add(Figure::new(format!("rows in the tray{with}"), rows.into(), "").budget(MAX_ROWS));
    table.add(settled_memory(&harness, format!("memory, no window{with}")).await?);
    let approvals = decide::approvals(&harness, &people, APPROVALS).await?;
    decide::add(table, &with, &approvals.told);
    let what = format!("memory after {APPROVALS} approvals{with}");
    table.add(settled_memory(&harness, what).await?);
    Ok(())
}

async fn snapshots(ada: &hourkey_client::session::Session) -> Result<Times> {
    let mut times: Vec<Duration> = Vec::new();
    for _ in 0..STARTS {
        let begin = Instant::now();
        ada.snapshot().await?;
        times.push(begin.elapsed());
    }
    Ok(Times::of(times))
}

/// The sample organisation, with many more resources that Ada may ask for.
fn organisation() -> String {
    let names: Vec<_> = (1..=RESOURCES)
        .map(|number| format!("Service {number:05}"))
        .collect();
    let access = Access::request().up_to("7d").manual();
    let resources = (1..).zip(&names).map(|(number, name)| {
        let address = format!("s{number:05}.corp.example");
        let resource = Resource::new(name, &address, access.clone()).ports("443");
        resource.network("Cloud").tags(&["service"])
    });
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    OrgBuilder::sample()
        .resources(resources)
        .assign("Site reliability", &names)
        .text()
}
