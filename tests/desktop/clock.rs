//! Time, by a clock that the test moves.

use anyhow::Result;

use crate::desk::Desk;

#[tokio::test]
async fn labels_tick_by_the_minute_without_a_new_layout() -> Result<()> {
    let (desk, people) = Desk::with_ada().await?;
    let request = people.ask("Grafana", 45).await?;
    people.approve(request, "").await?;
    desk.row("Grafana · 45 min left").await?;

    let layouts = desk.watcher.signals.count("LayoutUpdated");
    let texts = desk.watcher.signals.count("ItemsPropertiesUpdated");
    for left in [44, 43, 42] {
        desk.pass(1)?;
        desk.row(&format!("Grafana · {left} min left")).await?;
    }
    assert_eq!(desk.watcher.signals.count("LayoutUpdated"), layouts);
    assert!(desk.watcher.signals.count("ItemsPropertiesUpdated") >= texts + 3);
    Ok(())
}

#[tokio::test]
async fn the_end_is_told_ten_and_two_minutes_before_and_when_it_comes() -> Result<()> {
    let (desk, people) = Desk::with_ada().await?;
    let request = people.ask("Grafana", 45).await?;
    people.approve(request, "").await?;
    desk.row("Grafana · 45 min left").await?;
    for (minutes, headline) in [
        (35, "Grafana locks in 10 minutes"),
        (8, "Grafana locks in 2 minutes"),
        (2, "Grafana is locked again"),
    ] {
        desk.pass(minutes)?;
        desk.told(headline).await?;
    }
    desk.is_locked("Grafana").await?;
    assert_eq!(
        desk.headlines(),
        [
            "Grafana is open",
            "Grafana locks in 10 minutes",
            "Grafana locks in 2 minutes",
            "Grafana is locked again"
        ]
    );
    Ok(())
}

#[tokio::test]
async fn nothing_is_shown_as_open_past_its_end_while_the_controller_is_away() -> Result<()> {
    let (mut desk, people) = Desk::with_ada().await?;
    let request = people.ask("Grafana", 45).await?;
    people.approve(request, "").await?;
    desk.row("Grafana · 45 min left").await?;
    desk.controller.kill()?;
    desk.row("Offline since").await?;
    desk.row("Grafana · 45 min left").await?;
    desk.pass(46)?;
    desk.told("Grafana is locked again").await?;
    desk.is_locked("Grafana").await?;

    desk.controller.resume().await?;
    let item = desk.item().await?;
    item.menu_where("the controller back", |menu| {
        menu.at(&["Offline since"]).is_err()
    })
    .await?;
    Ok(())
}

/// A wall clock that is a day ahead or behind changes no countdown.
#[tokio::test]
async fn a_wrong_wall_clock_leaves_the_countdown_right() -> Result<()> {
    let (mut desk, people) = Desk::with_ada().await?;
    let request = people.ask("Grafana", 45).await?;
    people.approve(request, "").await?;
    desk.row("Grafana · 45 min left").await?;
    for (wrong, left) in [("+1d", 44), ("-1d", 43)] {
        desk.kill_app()?;
        desk.start_app_at(wrong)?;
        desk.pass(1)?;
        desk.row(&format!("Grafana · {left} min left")).await?;
    }
    Ok(())
}
