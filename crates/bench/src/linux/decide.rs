//! From the reviewer's click to the requester's notification.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use hourkey_testkit::organisation::SAMPLE;
use hourkey_testkit::poll::eventually;

use super::desktop_harness::{DesktopHarness, People, RESOURCE};
use super::figures::{Figure, Table, Times, short};

const APPROVALS: usize = 200;

/// Rounds before those that count.
const WARM_UP: usize = 5;

/// The budgets, in milliseconds.
const MAX_MEDIAN_MS: f64 = 50.0;
const MAX_WORST_MS: f64 = 250.0;

/// Approvals, and how long each took.
pub(crate) struct Approvals {
    /// Until the call of `Notify` arrived.
    pub(crate) told: Times,
    /// Until the reviewer had the controller's answer.
    answered: Times,
}

pub(crate) async fn measure(table: &mut Table) -> Result<()> {
    let mut harness = DesktopHarness::set_up(SAMPLE).await?;
    let people = harness.sign_in().await?;
    let Approvals { told, answered } = approvals(&harness, &people, APPROVALS).await?;
    add(table, "", &told);
    table.add(answered.figure("approve → answer to the reviewer"));
    let ratio = told.percentile(50) / answered.percentile(50);
    let more = short(told.percentile(50) - answered.percentile(50));
    let what = "notification against the reviewer's answer";
    table.add(Figure::new(what, ratio, "×").spread(format!("{more} ms more")));
    Ok(())
}

/// Adds the median and the 99th percentile, which have a budget each.
pub(crate) fn add(table: &mut Table, when: &str, told: &Times) {
    let what = format!("approve → notification{when}");
    table.add(told.figure(&what).budget(MAX_MEDIAN_MS));
    let worst = Figure::new(format!("{what}, p99"), told.percentile(99), "ms");
    table.add(worst.budget(MAX_WORST_MS));
}

/// Asks, approves and gives back, again and again.
pub(crate) async fn approvals(
    harness: &DesktopHarness,
    people: &People,
    count: usize,
) -> Result<Approvals> {
    let (mut told, mut answered) = (Vec::new(), Vec::new());
    let headline = format!("{RESOURCE} is open");
    for round in 0..count + WARM_UP {
        let request = people.ask(45).await?;
        // Else the approval may overtake the news of the request.
        harness.row(&format!("{RESOURCE} · waiting")).await?;
        let seen = harness.notifications.shown().len();
        let begin = Instant::now();
        let approved = people.approve(&request).await?;
        let answer = begin.elapsed();
        let notification = eventually("the notification", async || {
            let shown = harness.notifications.shown();
            shown
                .into_iter()
                .skip(seen)
                .find(|told| told.summary == headline)
        });
        let notified: Duration = notification.await?.at - begin;
        if round >= WARM_UP {
            told.push(notified);
            answered.push(answer);
        }
        let grant = approved.grant.context("an approval makes a grant")?;
        people.ada.release(grant.id).await?;
    }
    Ok(Approvals {
        told: Times::of(told),
        answered: Times::of(answered),
    })
}
