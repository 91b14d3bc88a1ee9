//! From the start of the process to the icon in the tray.

use std::env;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use hourkey_testkit::organisation::SAMPLE;

use super::desktop_harness::DesktopHarness;
use super::figures::{Figure, Table, Times, short};

const STARTS: usize = 20;

/// The budget, in milliseconds.
pub(crate) const MAX_START_MS: f64 = 300.0;

pub(crate) async fn measure(table: &mut Table) -> Result<()> {
    let mut harness = DesktopHarness::set_up(SAMPLE).await?;
    let bare = bare(&harness).await?;
    table.add(bare.figure("a bare tray program: start → registered"));

    let (signed_out, _) = starts(&mut harness, STARTS, "Sign in…").await?;
    table.add(
        signed_out
            .figure("start → tray registered, signed out")
            .budget(MAX_START_MS),
    );
    harness.sign_in().await?;
    harness.kill_app()?;
    let (signed_in, rows) = starts(&mut harness, STARTS, "Company wiki").await?;
    table.add(
        signed_in
            .figure("start → tray registered, signed in")
            .budget(MAX_START_MS),
    );
    table.add(rows.figure("start → resources in the menu"));
    let ratio = signed_in.percentile(50) / bare.percentile(50);
    let what = "start, signed in, against the bare tray program";
    let spread = format!(
        "{} ms more",
        short(signed_in.percentile(50) - bare.percentile(50))
    );
    table.add(Figure::new(what, ratio, "×").spread(spread));
    Ok(())
}

/// Starts the app again and again, and measures until its icon is registered, and until its menu
/// has an entry that begins with `entry`.
pub(crate) async fn starts(
    harness: &mut DesktopHarness,
    count: usize,
    entry: &str,
) -> Result<(Times, Times)> {
    let (mut registered, mut complete) = (Vec::new(), Vec::new());
    // The first one fills the caches, and does not count.
    for round in 0..=count {
        let begin = Instant::now();
        let icon = harness.start_app().await?;
        harness.row(entry).await?;
        let all = begin.elapsed();
        harness.kill_app()?;
        if round > 0 {
            registered.push(icon);
            complete.push(all);
        }
    }
    Ok((Times::of(registered), Times::of(complete)))
}

/// The same for the least that a tray program can be.
async fn bare(harness: &DesktopHarness) -> Result<Times> {
    let mut times: Vec<Duration> = Vec::new();
    for _ in 0..=STARTS {
        let seen = harness.watcher.registrations().len();
        let mut command = harness.session.command(env::current_exe()?);
        command.arg("bare-tray");
        let begin = Instant::now();
        let program = harness.session.spawn("bare-tray", command)?;
        let icon = async || harness.watcher.registered_after(seen);
        times.push(program.ready("a tray icon", icon).await? - begin);
    }
    times.splice(..1, []);
    times.first().context("it was started")?;
    Ok(Times::of(times))
}
