//! The tour: one request from click to countdown, and everything around it. Each step says what
//! was observed from outside (the session bus, the browsers, the screen), and how long it took.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use hourkey_testkit::clock::TestClock;
use hourkey_testkit::controller::Controller;
use hourkey_testkit::desktop;
use hourkey_testkit::poll::eventually;
use hourkey_testkit::screen::{self, Area, Button};
use hourkey_testkit::tray::Row;
use hourkey_testkit::tray_host::TrayHost;
use hourkey_testkit::webdriver::http;

use super::first_day;
use super::harness::{DesktopHarness, Reviewer, Theme, controller, page_shots};
use super::steps::Steps;
use super::users::{ADA, MARTA, ask, deny, sign_in};

/// Below the right end of the panel, beside the browser: there notifications and the menu appear.
const CORNER: Area = Area(280, 400, 1_000, 40);

/// Left of the menu: there its first submenu appears.
const BESIDE: Area = Area(100, 40, 870, 44);

/// Plays the tour to its end, or to the first step that is not as it should be.
pub(crate) async fn play(pictures: &Path) -> ExitCode {
    let mut steps = Steps::default();
    let played = tokio::select! {
        played = perform(&mut steps, pictures) => played,
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted")),
    };
    steps.end(played, pictures)
}

/// Plays the first day alone.
pub(crate) async fn play_first_day(pictures: &Path) -> ExitCode {
    let mut steps = Steps::default();
    let played = async {
        let pictures = fresh(pictures)?;
        first_day::play(&mut steps, &pictures).await
    };
    let played = played.await;
    steps.end(played, pictures)
}

/// The folder for pictures, empty. Programs that take pictures run in folders of their own.
fn fresh(pictures: &Path) -> Result<PathBuf> {
    let pictures = std::path::absolute(pictures)?;
    if pictures.exists() {
        fs::remove_dir_all(&pictures)?;
    }
    fs::create_dir_all(&pictures)?;
    Ok(pictures)
}

async fn perform(steps: &mut Steps, pictures: &Path) -> Result<()> {
    let pictures = &fresh(pictures)?;
    first_day::play(steps, pictures).await?;
    let folder = tempfile::tempdir()?;
    let clock = TestClock::new(folder.path())?;

    let mut server = None;
    steps
        .step("A controller starts", async {
            let controller = server.insert(controller(&clock).await?);
            for person in [ADA, MARTA] {
                controller
                    .set_password(person.login, person.password)
                    .await?;
            }
            let health = http()?
                .get(controller.url().join("healthz")?)
                .send()
                .await?;
            Ok(format!("{} answers {}", controller.url(), health.status()))
        })
        .await?;
    let controller = server.context("the controller runs")?;

    let mut harnesses = None;
    steps
        .step("Two desks are set up", async {
            let (harness, _) = harnesses.insert((
                DesktopHarness::set_up(&clock).await?,
                Reviewer::set_up().await?,
            ));
            desktop::configure(&harness.session, controller.url())?;
            desktop::set_up_browsers(&harness.session)?;
            Ok("a panel, notifications, a keyring and a browser; a browser elsewhere".to_owned())
        })
        .await?;
    let (mut harness, reviewer) = harnesses.context("the desks are set up")?;

    let mut play = Tour {
        steps,
        harness: &mut harness,
        reviewer: &reviewer,
        controller: &controller,
        clock: &clock,
        pictures,
    };
    play.sign_in().await?;
    play.ask_and_approve().await?;
    play.count_down().await?;
    play.deny().await?;
    play.open_with_reason().await?;
    play.show_window().await?;
    play.restart_in_dark().await?;
    play.release().await?;
    play.extend().await?;
    play.end().await?;
    play.use_what_is_private().await?;
    play.show_sizes().await?;
    play.administer().await?;
    play.delegate().await?;
    play.quit().await
}

pub(super) struct Tour<'a> {
    pub(super) steps: &'a mut Steps,
    pub(super) harness: &'a mut DesktopHarness,
    pub(super) reviewer: &'a Reviewer,
    pub(super) controller: &'a Controller,
    clock: &'a TestClock,
    pub(super) pictures: &'a Path,
}

impl Tour<'_> {
    async fn sign_in(&mut self) -> Result<()> {
        let harness = &mut *self.harness;
        self.steps
            .step("The desktop app starts, signed out", async {
                let icon = harness.start_app().await?;
                let menu =
                    icon.menu_where("a way to sign in", |menu| menu.at(&["Sign in…"]).is_ok());
                Ok(format!("tray menu {:?}", menu.await?.labels()))
            })
            .await?;
        self.steps
            .step("“Sign in…” opens the default browser", async {
                harness.click(&["Sign in…"]).await?;
                let url = harness.opener.next_after(0).await?;
                // The app's own port, which sends the browser on: nothing to read in its arguments.
                let ours = url.host_str() == Some("127.0.0.1") && url.path().starts_with("/start/");
                ensure!(ours && url.query().is_none(), "opened {url}");
                let page = &harness.browser.page;
                page.switch_to("the sign-in page", |url| url.path() == "/sign-in")
                    .await?;
                page.shows("Sign in to Corp Example").await?;
                page_shots(&harness.browser, self.pictures, "sign-in-page").await?;
                Ok("xdg-open /start/…, which leads to /sign-in".to_owned())
            })
            .await?;
        self.steps
            .step("Ada signs in there, and lets the app in", async {
                let page = &harness.browser.page;
                sign_in(page, ADA).await?;
                page.shows("Sign in to the Hourkey app as").await?;
                page.press("Allow").await?;
                let row = harness.row("Payroll database").await?;
                let menu = harness.icon().await?.menu().await?;
                ensure!(menu.at(&["Sign in…"]).is_err(), "{}", menu.outline());
                Ok(format!(
                    "tray shows {:?} and {} more rows",
                    row.label,
                    menu.labels().len() - 1
                ))
            })
            .await
    }

    async fn ask_and_approve(&mut self) -> Result<()> {
        let (harness, reviewer) = (&*self.harness, self.reviewer);
        self.steps
            .step("A resource is locked", async {
                let menu = harness.icon().await?.menu().await?;
                menu.at(&["Payroll database", "Authenticate…"])
                    .map_err(anyhow::Error::msg)?;
                ensure!(
                    menu.at(&["Payroll database", "Give back"]).is_err(),
                    "{}",
                    menu.outline()
                );
                Ok("its submenu offers Authenticate…, and nothing to release".to_owned())
            })
            .await?;
        self.steps
            .step(
                "Authenticate… opens the request page, where Ada is signed in",
                async {
                    let page = harness.authenticate("Payroll database").await?;
                    harness
                        .browser
                        .page
                        .shows("Request access to Payroll database")
                        .await?;
                    harness
                        .browser
                        .page
                        .shows(&format!("Signed in as {}", ADA.name))
                        .await?;
                    Ok(format!("the browser shows {page}"))
                },
            )
            .await?;
        self.steps
            .step("Ada asks, with a reason", async {
                let page = &harness.browser.page;
                page.fill("Reason", "Month-end check of the July run")
                    .await?;
                page_shots(&harness.browser, self.pictures, "request-page").await?;
                page.press("Send request").await?;
                page.shows("Waiting for a reviewer").await?;
                let row = harness.row("Payroll database · waiting").await?;
                Ok(format!("the page waits, the tray says {:?}", row.label))
            })
            .await?;
        self.steps
            .step("Marta reviews in another browser", async {
                let page = &reviewer.browser.page;
                page.open(self.controller.url().join("review")?.as_str())
                    .await?;
                sign_in(page, MARTA).await?;
                page.shows("Month-end check of the July run").await?;
                page_shots(&reviewer.browser, self.pictures, "review-page").await?;
                Ok("her queue shows Ada's request and its reason".to_owned())
            })
            .await?;
        let before = self.pictures.join("before.png");
        self.steps
            .step(
                "Marta approves: Ada is told by a native notification",
                async {
                    screen::shot(&harness.session, &before).await?;
                    let start = Instant::now();
                    reviewer.browser.page.press("Approve 45 minutes").await?;
                    let told = harness
                        .notifications
                        .wait_for("open", |told| told.summary == "Payroll database is open")
                        .await?;
                    ensure!(told.body.contains(MARTA.name), "it says {:?}", told.body);
                    let took = told.at.duration_since(start).as_millis();
                    let picture = self.pictures.join("notification.png");
                    screen::shot_of_change(&harness.session, CORNER, &before, &picture).await?;
                    fs::remove_file(&before)?;
                    Ok(format!("“{}”, {took} ms after the click", told.body))
                },
            )
            .await?;
        self.steps
            .step("The request page has turned live", async {
                harness
                    .browser
                    .page
                    .shows("Payroll database is open")
                    .await?;
                page_shots(&harness.browser, self.pictures, "granted-page").await?;
                Ok("it says that the resource is open, without a reload".to_owned())
            })
            .await
    }

    async fn count_down(&mut self) -> Result<()> {
        let (harness, clock) = (&*self.harness, self.clock);
        self.steps
            .step("The countdown runs", async {
                let first = harness.row("Payroll database · ").await?;
                let of = minutes_left(&first)?;
                ensure!(of <= 45, "more than was approved: {:?}", first.label);
                let (layouts, texts) = ("LayoutUpdated", "ItemsPropertiesUpdated");
                let before = (harness.signals.count(layouts), harness.signals.count(texts));
                clock.advance(minutes(3))?;
                let then = eventually("a later label", async || {
                    let row = harness.row("Payroll database · ").await?;
                    ensure!(minutes_left(&row)? + 3 <= of, "{:?}", row.label);
                    Ok(row)
                })
                .await?;
                // A minute of real time may end in between.
                let passed = of - minutes_left(&then)?;
                ensure!(passed <= 4, "{:?} → {:?}", first.label, then.label);
                eventually("a signal of the new label", async || {
                    harness.signals.count(texts) > before.1
                })
                .await?;
                let rebuilt = harness.signals.count(layouts) - before.0;
                ensure!(rebuilt == 0, "{rebuilt} LayoutUpdated for a tick");
                Ok(format!(
                    "{:?}, 3 minutes later {:?}, 0 LayoutUpdated",
                    first.label, then.label
                ))
            })
            .await
    }

    async fn deny(&mut self) -> Result<()> {
        let (harness, reviewer) = (&*self.harness, self.reviewer);
        let comment = "Use the anonymised copy, please.";
        self.steps
            .step(
                "Ada asks for another resource, Marta denies with a comment",
                async {
                    harness.authenticate("Customer exports").await?;
                    ask(
                        &harness.browser.page,
                        "Looking up one order",
                        "Send request",
                    )
                    .await?;
                    harness.browser.page.shows("Waiting for a reviewer").await?;
                    let page = &reviewer.browser.page;
                    page.open(self.controller.url().join("review")?.as_str())
                        .await?;
                    page.shows("Looking up one order").await?;
                    deny(page, comment).await?;
                    let told = harness
                        .notifications
                        .wait_for("denied", |told| {
                            told.summary == "Request for Customer exports was denied"
                        })
                        .await?;
                    ensure!(told.body.contains(comment), "it says {:?}", told.body);
                    let row = harness.row("Customer exports · denied").await?;
                    ensure!(row.labels()[0].contains(comment), "{:?}", row.labels());
                    Ok(format!("“{}”; the tray says so, too", told.body))
                },
            )
            .await
    }

    async fn open_with_reason(&mut self) -> Result<()> {
        let harness = &*self.harness;
        self.steps
            .step(
                "A resource with automatic approval opens at once, for a time of Ada's choice",
                async {
                    harness.authenticate("Release pipeline").await?;
                    let page = &harness.browser.page;
                    page.choose("Other…").await?;
                    page.fill("How long, up to", "1h30m").await?;
                    ask(page, "Hotfix for the login page", "Open it now").await?;
                    page.shows("Release pipeline is open").await?;
                    let row = harness.row("Release pipeline · 1 h").await?;
                    Ok(format!("tray {:?}", row.label))
                },
            )
            .await?;
        self.steps
            .step("The tray menu on the screen", async {
                harness.notifications.close_all(&harness.session).await?;
                let (before, picture) = (
                    self.pictures.join("before.png"),
                    self.pictures.join("tray-menu.png"),
                );
                screen::shot(&harness.session, &before).await?;
                let (left, down) = TrayHost::ICON;
                let (width, _) = harness.display.size();
                screen::click(&harness.session, width - left, down, Button::Right).await?;
                screen::shot_of_change(&harness.session, CORNER, &before, &picture).await?;
                // And a submenu.
                fs::rename(&picture, &before)?;
                screen::key(&harness.session, "Down").await?;
                screen::key(&harness.session, "Right").await?;
                screen::shot_of_change(&harness.session, BESIDE, &before, &picture).await?;
                fs::remove_file(&before)?;
                for _ in 0..2 {
                    screen::key(&harness.session, "Escape").await?;
                }
                Ok("drawn by the panel (tray-menu.png)".to_owned())
            })
            .await
    }

    async fn show_window(&mut self) -> Result<()> {
        let harness = &*self.harness;
        self.steps
            .step("The window", async {
                harness
                    .window_shot(Theme::Light, &self.pictures.join("window-light.png"))
                    .await?;
                Ok("opened from the tray (window-light.png)".to_owned())
            })
            .await
    }

    async fn restart_in_dark(&mut self) -> Result<()> {
        let harness = &mut *self.harness;
        self.steps
            .step("The app is quit", async {
                harness.click(&["Quit"]).await?;
                let mut app = harness.app.take().context("the app runs")?;
                let status = app.ended().await?;
                ensure!(status.success(), "it ended with {status}: {}", app.log());
                Ok(format!("its process ended with {status}"))
            })
            .await?;
        self.steps
            .step(
                "Started again on a dark desk, it is still signed in",
                async {
                    harness.session.set("GTK_THEME", "Adwaita:dark");
                    harness.start_app().await?;
                    let row = harness.row("Release pipeline · 1 h").await?;
                    harness
                        .window_shot(Theme::Dark, &self.pictures.join("window-dark.png"))
                        .await?;
                    Ok(format!(
                        "by the keyring's token; tray {:?} (window-dark.png)",
                        row.label
                    ))
                },
            )
            .await
    }

    async fn release(&mut self) -> Result<()> {
        let harness = &*self.harness;
        self.steps
            .step("Ada gives the pipeline back", async {
                harness.click(&["Release pipeline", "Give back"]).await?;
                harness.locked("Release pipeline").await?;
                Ok("locked again at once".to_owned())
            })
            .await
    }

    async fn extend(&mut self) -> Result<()> {
        self.ending(45, 10).await?;
        let (harness, reviewer) = (&*self.harness, self.reviewer);
        self.steps
            .step("Extend… opens a page, and extends nothing yet", async {
                let seen = harness.opener.urls()?.len();
                harness.click(&["Payroll database", "Extend…"]).await?;
                let opened = harness.opener.next_after(seen).await?;
                let page = &harness.browser.page;
                page.switch_to("the page", |url| url.path() == opened.path())
                    .await?;
                page.shows("Extend Payroll database").await?;
                page_shots(&harness.browser, self.pictures, "extend-page").await?;
                ask(page, "The check takes longer", "Send request").await?;
                page.shows("Waiting for a reviewer").await?;
                page_shots(&harness.browser, self.pictures, "extension-waits-page").await?;
                let row = harness.row("Payroll database · ").await?;
                Ok(format!("Ada asks; meanwhile the tray says {:?}", row.label))
            })
            .await?;
        self.steps
            .step("Marta sees what it extends, and approves", async {
                let page = &reviewer.browser.page;
                page.open(self.controller.url().join("review")?.as_str())
                    .await?;
                page.shows("Requests an extension").await?;
                page_shots(&reviewer.browser, self.pictures, "review-extension-page").await?;
                page.press("Approve 45 minutes").await?;
                let told = harness
                    .notifications
                    .wait_for("more time", |told| {
                        told.summary.starts_with("Payroll database is open until")
                    })
                    .await?;
                let row = eventually("the later end", async || {
                    let row = harness.row("Payroll database · ").await?;
                    ensure!(minutes_left(&row)? > 40, "{:?}", row.label);
                    Ok(row)
                })
                .await?;
                Ok(format!("“{}”, and the tray {:?}", told.summary, row.label))
            })
            .await
    }

    /// So many minutes before the end of what was granted for so long, all in all.
    async fn ending(&mut self, granted: u64, left: u64) -> Result<()> {
        let (harness, clock) = (&*self.harness, self.clock);
        let summary = format!("{left} minutes left on Payroll database");
        self.steps
            .step(&format!("{left} minutes before the end"), async {
                // On a clock that has been moved on.
                let shift = minutes(granted - left) + Duration::from_secs(1);
                clock.advance(shift.saturating_sub(clock.shift()))?;
                let told = harness
                    .notifications
                    .wait_for("ending", |told| told.summary == summary);
                Ok(format!("“{}”", told.await?.summary))
            })
            .await
    }

    async fn end(&mut self) -> Result<()> {
        // Extended for 45 minutes, 35 minutes after it was granted.
        self.ending(35 + 45, 2).await?;
        let (harness, clock) = (&*self.harness, self.clock);
        self.steps
            .step("The end", async {
                clock.advance(minutes(2))?;
                let told = harness
                    .notifications
                    .wait_for("ended", |told| {
                        told.summary == "Payroll database is locked again"
                    })
                    .await?;
                harness.locked("Payroll database").await?;
                let page = &harness.browser.page;
                page.open(self.controller.url().join("access")?.as_str())
                    .await?;
                page_shots(&harness.browser, self.pictures, "access-page").await?;
                Ok(format!("“{}”, and the tray row is locked", told.summary))
            })
            .await
    }

    async fn quit(&mut self) -> Result<()> {
        let harness = &mut *self.harness;
        self.steps
            .step("The app is quit for good", async {
                harness.click(&["Quit"]).await?;
                let mut app = harness.app.take().context("the app runs")?;
                let status = app.ended().await?;
                ensure!(status.success(), "it ended with {status}: {}", app.log());
                Ok(format!("its process ended with {status}"))
            })
            .await
    }
}

fn minutes_left(row: &Row) -> Result<u64> {
    let left = row.minutes_left();
    left.with_context(|| format!("no countdown in {:?}", row.label))
}

fn minutes(count: u64) -> Duration {
    Duration::from_secs(60 * count)
}
