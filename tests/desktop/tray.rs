//! The tray: what a host reads from it, and what clicks in it do.

use anyhow::{Context as _, Result};
use hourkey_protocol::account::SessionKind;
use hourkey_testkit::desktop;
use hourkey_testkit::display::Display;
use hourkey_testkit::organisation::{Access, OrgBuilder, Resource};
use hourkey_testkit::poll::eventually;
use hourkey_testkit::screen;
use hourkey_testkit::session::Session;
use hourkey_testkit::watcher::Watcher;

use crate::harness::DesktopHarness;

async fn session() -> Result<(Display, Session)> {
    let display = Display::start().await?;
    let mut session = Session::start().await?;
    session.attach(&display);
    Ok((display, session))
}

#[tokio::test]
async fn signed_out_it_offers_to_sign_in_and_quits_cleanly() -> Result<()> {
    let (_display, session) = session().await?;
    let watcher = Watcher::start(&session).await?;
    let mut app = desktop::start(&session)?;

    let item = watcher.item().await?;
    let menu = item.menu().await?;
    assert_eq!(menu.labels(), ["Sign in…", "—", "Show Hourkey", "Quit"]);
    assert_eq!(item.title().await?, "Hourkey");
    assert_eq!(item.tool_tip().await?.1, "Hourkey: signed out");
    assert!(!item.icon().await?.is_empty());

    // The app may be gone before it has answered the click.
    let _ = item.click(&["Quit"]).await;
    let status = app.ended().await?;
    assert!(status.success(), "{status}: {}", app.log());
    eventually("the icon to go", async || !item.is_alive().await).await
}

#[tokio::test]
async fn a_tray_host_that_comes_later_shows_the_icon() -> Result<()> {
    let (_display, session) = session().await?;
    let app = desktop::start(&session)?;
    let said_so = async || app.log().contains("no tray icon");
    app.ready("a warning that there is no tray", said_so)
        .await?;

    let watcher = Watcher::start(&session).await?;
    let item = watcher.item().await?;
    assert!(item.menu().await?.at(&["Sign in…"]).is_ok());

    // And again, when the panel restarts.
    watcher.stop().await?;
    let watcher = Watcher::start(&session).await?;
    let item = watcher.item().await?;
    assert!(item.menu().await?.at(&["Sign in…"]).is_ok());
    let status = app.terminate().await?;
    assert!(status.success(), "{status}");
    Ok(())
}

#[tokio::test]
async fn from_locked_to_open_to_released() -> Result<()> {
    let (harness, people) = DesktopHarness::with_ada().await?;
    let item = harness.item().await?;
    let id = people.resource("Grafana").await?;
    let locked = harness.row("Grafana · locked").await?;
    harness.row("Company wiki · open").await?;
    assert_eq!(locked.labels(), ["Authenticate…", "Copy address"]);
    let icon_when_locked = item.icon().await?;

    // Authenticate opens the request page, with an id and a hint and nothing else.
    let seen = harness.opener.urls()?.len();
    item.click(&["Grafana", "Authenticate…"]).await?;
    let opened = harness.opener.next_after(seen).await?;
    let page = format!("{}resources/{id}/request?as=ada", harness.controller.url());
    assert_eq!(opened.as_str(), page);

    let request = people.ask("Grafana", 90).await?;
    let waiting = harness.row("Grafana · waiting").await?;
    assert_eq!(waiting.labels(), ["View request", "Cancel request"]);
    item.click(&["Grafana", "View request"]).await?;
    let opened = harness.opener.next_after(seen + 1).await?;
    let page = format!("{}requests/{request}?as=ada", harness.controller.url());
    assert_eq!(opened.as_str(), page);

    people.approve(request, "").await?;
    let open = harness.open_for("Grafana", 90).await?;
    assert_eq!(
        open.labels(),
        [
            "Approved by Marta Ruiz.",
            "Open in browser",
            "Copy address",
            "Extend…",
            "Give back"
        ]
    );
    assert_ne!(item.icon().await?, icon_when_locked);
    assert_eq!(
        item.menu().await?.children[0],
        open,
        "what is open is on top"
    );
    item.click(&["Grafana", "Open in browser"]).await?;
    let opened = harness.opener.next_after(seen + 2).await?;
    assert_eq!(opened.as_str(), "https://grafana.corp.example/");

    item.click(&["Grafana", "Give back"]).await?;
    harness.is_locked("Grafana").await
}

#[tokio::test]
async fn more_time_is_asked_for_from_the_tray() -> Result<()> {
    let (harness, people) = DesktopHarness::with_ada().await?;
    let item = harness.item().await?;
    let id = people.resource("Grafana").await?;
    let request = people.ask("Grafana", 45).await?;
    people.approve(request, "").await?;
    harness.open_for("Grafana", 45).await?;
    let seen = harness.opener.urls()?.len();
    item.click(&["Grafana", "Extend…"]).await?;
    let opened = harness.opener.next_after(seen).await?;
    let page = format!("{}resources/{id}/extend?as=ada", harness.controller.url());
    assert_eq!(opened.as_str(), page);

    // What waits is shown beside the time that is left; approved, it is that time.
    let extension = people.extend("Grafana", 90).await?;
    let waiting = [
        "Waiting for a reviewer to extend it.",
        "Open in browser",
        "Copy address",
        "View request to extend",
        "Give back",
    ];
    eventually("the request in the menu", async || {
        let row = harness.row("Grafana · ").await?;
        anyhow::ensure!(row.labels() == waiting, "{:?}", row.labels());
        Ok(())
    })
    .await?;
    item.click(&["Grafana", "View request to extend"]).await?;
    let opened = harness.opener.next_after(seen + 1).await?;
    let page = format!("{}requests/{extension}?as=ada", harness.controller.url());
    assert_eq!(opened.as_str(), page);
    people.approve(extension, "").await?;
    harness.open_for("Grafana", 90).await?;
    Ok(())
}

#[tokio::test]
async fn a_request_is_cancelled_by_the_tray() -> Result<()> {
    let (harness, people) = DesktopHarness::with_ada().await?;
    let request = people.ask("Grafana", 90).await?;
    harness
        .item()
        .await?
        .click(&["Grafana", "Cancel request"])
        .await?;
    harness.is_locked("Grafana").await?;
    let late = people.approve(request, "").await;
    assert!(late.is_err(), "a cancelled request is not approved");
    Ok(())
}

#[tokio::test]
async fn names_of_others_are_harmless() -> Result<()> {
    let (harness, _people) = DesktopHarness::with_ada().await?;
    let hostile = "_a & b\u{202e} <b>c</b> %s";
    let access = Access::request().period("45m").manual();
    let resource = Resource::new(hostile, "hostile.corp.example", access).ports("443");
    let organisation = OrgBuilder::sample()
        .resource(resource.network("Cloud"))
        .assign("Site reliability", &[hostile])
        .text();
    harness.controller.apply(&organisation).await?;
    harness.row("_a & b <b>c</b> %s").await?;
    Ok(())
}

#[tokio::test]
async fn a_second_launch_and_a_click_on_the_icon_show_the_window() -> Result<()> {
    let mut harness = DesktopHarness::new().await?;
    harness.start_app()?;
    let item = harness.item().await?;
    // Once it has obeyed clicks and changed its menu, a window of the start would be there.
    for (click, then) in [
        ("Sign in…", "Cancel sign-in"),
        ("Cancel sign-in", "Sign in…"),
    ] {
        item.click(&[click]).await?;
        harness.row(then).await?;
    }
    assert_eq!(
        windows(&harness).await,
        0,
        "an app that knows its controller starts in the tray"
    );
    let mut second = desktop::start(&harness.session)?;
    assert!(second.ended().await?.success());
    eventually("one window", async || windows(&harness).await == 1).await?;
    item.activate().await?;
    item.click(&["Show Hourkey"]).await?;
    // Escape closes it once its page is there, and the app goes on.
    screen::point(&harness.session, 640, 450).await?;
    eventually("no window", async || {
        screen::key(&harness.session, "Escape").await.is_ok() && windows(&harness).await == 0
    })
    .await?;
    item.activate().await?;
    eventually("one window again", async || windows(&harness).await == 1).await?;
    // With its window open it ends as cleanly.
    harness.end_app().await
}

/// How many windows are shown.
async fn windows(harness: &DesktopHarness) -> usize {
    let search = ["search", "--onlyvisible", "--name", "^Hourkey$"];
    let found = harness.session.run("xdotool", &search).await;
    // It fails when it finds none.
    found.unwrap_or_default().lines().count()
}

#[tokio::test]
async fn a_session_that_is_ended_elsewhere_signs_out_and_says_so() -> Result<()> {
    let (harness, people) = DesktopHarness::with_ada().await?;
    let desktops = async || {
        let sessions = people.ada.sessions().await.unwrap_or_default();
        let desktops = sessions.iter().filter(|it| it.kind == SessionKind::Desktop);
        desktops.count()
    };
    assert_eq!(desktops().await, 1);
    let session = people.ada.sessions().await?;
    let desktop = session.iter().find(|it| it.kind == SessionKind::Desktop);
    people
        .ada
        .end_session(desktop.context("the app's")?.id)
        .await?;
    let notification = harness.notification("You are signed out").await?;
    assert_eq!(notification.body, "The session has ended. Sign in again.");
    harness.row("Sign in…").await?;
    assert_eq!(desktops().await, 0);

    // The notification's own button leads back.
    let seen = harness.opener.urls()?.len();
    let notifications = harness.notifications.as_ref().context("a service")?;
    notifications.invoke(notification.id, "Sign in").await?;
    let mut ada = harness.person("ada").await?;
    ada.let_in(&harness.opener.next_after(seen).await?).await?;
    harness.row("Grafana").await.map(drop)
}
