//! What the app costs while nobody uses it: memory, wake-ups, processor time, and the ticking of
//! its menu.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use hourkey_testkit::organisation::SAMPLE;
use hourkey_testkit::poll::{eventually, within};

use super::desktop_harness::{DesktopHarness, People, RESOURCE};
use super::figures::{Figure, Table, short};
use super::process_load::{Load, Memory, Rate};

/// How long an idle state is watched.
const OBSERVATION_TIME: Duration = Duration::from_secs(60);

/// How many minutes a countdown is watched.
const COUNTDOWN_MINUTES: u64 = 3;

/// The window is opened and closed so often: what leaks would add up.
const WINDOW_CYCLES: usize = 5;

/// How long it stays open.
const WINDOW_OPEN_TIME: Duration = Duration::from_secs(5);

/// The budget without a window, in MiB.
const MAX_MEMORY_MIB: f64 = 60.0;

/// The budget of wake-ups, a second.
const MAX_WAKE_UPS: f64 = 1.0;

pub(crate) async fn measure(table: &mut Table) -> Result<()> {
    let mut harness = DesktopHarness::set_up(SAMPLE).await?;
    let people = harness.sign_in().await?;
    // As it is after a login: the sign-in is in the keyring.
    harness.kill_app()?;
    harness.start_app().await?;
    harness.row("Company wiki").await?;
    table.add(settled_memory(&harness, "memory, window never opened").await?);
    watch(&harness, table, "controller there").await?;
    windows(&harness, table).await?;
    watch(&harness, table, "window closed again").await?;
    ticks(&harness, &people, table).await?;
    harness.controller.kill()?;
    harness.row("Offline since").await?;
    settle(&harness).await?;
    watch(&harness, table, "controller away").await
}

/// Private memory of the app and its children once it rests.
pub(crate) async fn settled_memory(
    harness: &DesktopHarness,
    what: impl Into<String>,
) -> Result<Figure> {
    settle(harness).await?;
    let memory = Memory::of(harness.app()?)?;
    let figure = Figure::new(what, memory.total(), "MiB");
    Ok(figure.spread(memory.parts()).budget(MAX_MEMORY_MIB))
}

async fn watch(harness: &DesktopHarness, table: &mut Table, state: &str) -> Result<()> {
    let before = Load::of(harness.app()?)?;
    tokio::time::sleep(OBSERVATION_TIME).await;
    add(table, state, &Load::of(harness.app()?)?.since(&before));
    Ok(())
}

fn add(table: &mut Table, state: &str, rate: &Rate) {
    let processor = format!("{} ms of processor a second", short(rate.processor));
    let wakes = Figure::new(format!("wake-ups a second, {state}"), rate.wakes, "");
    table.add(wakes.spread(processor).budget(MAX_WAKE_UPS));
}

async fn windows(harness: &DesktopHarness, table: &mut Table) -> Result<()> {
    for round in 1..=WINDOW_CYCLES {
        let window = open(harness).await?;
        tokio::time::sleep(WINDOW_OPEN_TIME).await;
        if round == WINDOW_CYCLES {
            let before = Load::of(harness.app()?)?;
            tokio::time::sleep(WINDOW_OPEN_TIME).await;
            let rate = Load::of(harness.app()?)?.since(&before);
            let memory = Memory::of(harness.app()?)?;
            let open = Figure::new("memory, window open", memory.total(), "MiB");
            table.add(open.spread(memory.parts()));
            let what = "processor time a second, window open";
            table.add(Figure::new(what, rate.processor, "ms"));
        }
        close(harness, &window).await?;
        if round == 1 || round == WINDOW_CYCLES {
            let times = if round == 1 { "once" } else { "5 times" };
            let what = format!("memory, window opened and closed {times}");
            table.add(settled_memory(harness, what).await?);
        }
    }
    Ok(())
}

const SEARCH: [&str; 4] = ["search", "--onlyvisible", "--name", "^Hourkey$"];

async fn open(harness: &DesktopHarness) -> Result<String> {
    harness.click(&["Show Hourkey"]).await?;
    let search = async || harness.session.run("xdotool", &SEARCH).await;
    let windows = eventually("the window", search).await?;
    let window = windows.lines().last().context("xdotool names no window")?;
    Ok(window.to_owned())
}

async fn close(harness: &DesktopHarness, window: &str) -> Result<()> {
    let escape = ["windowfocus", "--sync", window, "key", "Escape"];
    harness.session.run("xdotool", &escape).await?;
    let gone = async || harness.session.run("xdotool", &SEARCH).await.is_err();
    eventually("the window's end", gone).await
}

/// Watches a countdown in the menu. Only signals are counted meanwhile: asking the app for its menu
/// would wake it.
async fn ticks(harness: &DesktopHarness, people: &People, table: &mut Table) -> Result<()> {
    let request = people.ask(45).await?;
    people.approve(&request).await?;
    let label = async || -> Result<String> {
        let menu = harness.row(&format!("{RESOURCE} · ")).await?;
        let row = menu.at(&[RESOURCE]).map_err(anyhow::Error::msg)?;
        Ok(row.label.clone())
    };
    eventually("a countdown", async || {
        label().await.is_ok_and(|label| label.ends_with(" left"))
    })
    .await?;
    settle(harness).await?;

    let signals = &harness.watcher.signals;
    let texts = || signals.count("ItemsPropertiesUpdated");
    let (first, begin) = (label().await?, texts());
    let (layouts, load) = (signals.count("LayoutUpdated"), Load::of(harness.app()?)?);
    for _ in 0..COUNTDOWN_MINUTES {
        let before = texts();
        within(Duration::from_secs(90), "the next minute", async || {
            texts() > before
        })
        .await?;
    }
    let rate = Load::of(harness.app()?)?.since(&load);
    let last = label().await?;
    ensure!(first != last, "the menu still says {last:?}");
    let changed = format!(
        "{} ItemsPropertiesUpdated, {first:?} to {last:?}",
        texts() - begin
    );
    let rebuilt = u32::try_from(signals.count("LayoutUpdated") - layouts)?;
    let what = format!("LayoutUpdated in {COUNTDOWN_MINUTES} ticks of a countdown");
    table.add(
        Figure::new(what, rebuilt.into(), "")
            .spread(changed)
            .budget(0.0),
    );
    add(table, "countdown running", &rate);
    Ok(())
}

/// Waits until the app rests: three seconds in a row with hardly any processor time.
async fn settle(harness: &DesktopHarness) -> Result<()> {
    const REST: f64 = 5.0;
    let app = harness.app()?;
    let mut quiet = 0;
    eventually("a rest", async || -> Result<()> {
        let before = Load::of(app)?;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let processor = Load::of(app)?.since(&before).processor;
        quiet = if processor < REST { quiet + 1 } else { 0 };
        ensure!(quiet >= 3, "{processor} ms of processor a second");
        Ok(())
    })
    .await
}
