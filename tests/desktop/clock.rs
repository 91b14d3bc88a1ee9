//! Time, by a clock that the test moves.

use anyhow::{Context as _, Result};
use hourkey_testkit::poll::eventually;

use crate::harness::DesktopHarness;

#[tokio::test]
async fn labels_tick_by_the_minute_without_a_new_layout() -> Result<()> {
    let (harness, people) = DesktopHarness::with_ada().await?;
    let request = people.ask("Grafana", 45).await?;
    people.approve(request, "").await?;
    let mut left = minutes_left(&harness, 45).await?;

    let signals = &harness.watcher.signals;
    signals.settled().await?;
    let layouts = signals.count("LayoutUpdated");
    let texts = signals.count("ItemsPropertiesUpdated");
    for _ in 0..3 {
        harness.pass(1)?;
        left = minutes_left(&harness, left - 1).await?;
    }
    eventually("signals of the new labels", async || {
        signals.count("ItemsPropertiesUpdated") >= texts + 3
    })
    .await?;
    signals.settled().await?;
    assert_eq!(signals.count("LayoutUpdated"), layouts);
    Ok(())
}

#[tokio::test]
async fn the_end_is_told_ten_and_two_minutes_before_and_when_it_comes() -> Result<()> {
    let (harness, people) = DesktopHarness::with_ada().await?;
    let request = people.ask("Grafana", 45).await?;
    people.approve(request, "").await?;
    harness.open_for("Grafana", 45).await?;
    for (minutes, headline) in [
        (35, "10 minutes left on Grafana"),
        (8, "2 minutes left on Grafana"),
        (2, "Grafana is locked again"),
    ] {
        harness.pass(minutes)?;
        harness.notification(headline).await?;
    }
    harness.is_locked("Grafana").await?;
    // When something later is notification, a repeat would have been.
    let request = people.ask("Customer exports", 30).await?;
    people.approve(request, "").await?;
    harness.notification("Customer exports is open").await?;
    assert_eq!(
        harness.headlines(),
        [
            "Grafana is open",
            "10 minutes left on Grafana",
            "2 minutes left on Grafana",
            "Grafana is locked again",
            "Customer exports is open"
        ]
    );
    Ok(())
}

#[tokio::test]
async fn nothing_is_shown_as_open_past_its_end_while_the_controller_is_away() -> Result<()> {
    let (mut harness, people) = DesktopHarness::with_ada().await?;
    let request = people.ask("Grafana", 45).await?;
    people.approve(request, "").await?;
    harness.open_for("Grafana", 45).await?;
    harness.controller.kill()?;
    harness.row("Offline since").await?;
    harness.open_for("Grafana", 45).await?;
    harness.pass(46)?;
    harness.notification("Grafana is locked again").await?;
    harness.is_locked("Grafana").await?;

    harness.controller.resume().await?;
    let item = harness.item().await?;
    item.menu_where("the controller back", |menu| {
        menu.at(&["Offline since"]).is_err()
    })
    .await?;
    Ok(())
}

/// A wall clock that is a day ahead or behind changes no countdown.
#[tokio::test]
async fn a_wrong_wall_clock_leaves_the_countdown_right() -> Result<()> {
    let (mut harness, people) = DesktopHarness::with_ada().await?;
    let request = people.ask("Grafana", 45).await?;
    people.approve(request, "").await?;
    let mut left = minutes_left(&harness, 45).await?;
    for wrong in ["+1d", "-1d"] {
        harness.kill_app().await?;
        harness.start_app_at(wrong).await?;
        harness.pass(1)?;
        left = minutes_left(&harness, left - 1).await?;
    }
    Ok(())
}

/// The minutes that the tray shows for Grafana, once they are about this many.
async fn minutes_left(harness: &DesktopHarness, about: u64) -> Result<u64> {
    let row = harness.open_for("Grafana", about).await?;
    row.minutes_left().context("a countdown")
}
