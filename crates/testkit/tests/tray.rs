//! The kit's tray side against a real tray app.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use hourkey_testkit::binaries;
use hourkey_testkit::display::Display;
use hourkey_testkit::poll::eventually;
use hourkey_testkit::process::Process;
use hourkey_testkit::screen::{self, Area, Button};
use hourkey_testkit::session::Session;
use hourkey_testkit::tray::Item;
use hourkey_testkit::tray_host::TrayHost;
use hourkey_testkit::watcher::Watcher;

async fn start_app(session: &Session) -> Process {
    let app = binaries::path("examples/tray").unwrap();
    let app = session.spawn("tray", session.command(app)).unwrap();
    app.ready("word from it", async || app.log().contains("ready"))
        .await
        .unwrap();
    app
}

#[tokio::test]
async fn a_menu_is_read_and_clicked() {
    let session = Session::start().await.unwrap();
    let watcher = Watcher::start(&session).await.unwrap();
    let _app = start_app(&session).await;

    let item = watcher.item().await.unwrap();
    assert_eq!(item.id().await.unwrap(), "counter");
    assert_eq!(item.icon_name().await.unwrap(), "counter-icon");
    let menu = item.menu().await.unwrap();
    assert_eq!(menu.labels(), ["Counter · 0", "—"]);
    assert!(!menu.at(&["Counter", "Never"]).unwrap().enabled);

    item.click(&["Counter", "Count"]).await.unwrap();
    item.menu_where("one click", |menu| menu.at(&["Counter · 1"]).is_ok())
        .await
        .unwrap();
    assert_eq!(item.title().await.unwrap(), "1 clicks");
    let changes =
        || watcher.signals.count("ItemsPropertiesUpdated") + watcher.signals.count("LayoutUpdated");
    eventually("a signal of the menu", async || changes() > 0)
        .await
        .unwrap();
    assert_eq!(watcher.registrations().len(), 1);
}

#[tokio::test]
async fn a_host_may_come_late_and_go() {
    let session = Session::start().await.unwrap();
    let _app = start_app(&session).await;
    let connection = session.connect().await.unwrap();
    assert!(Item::all(&connection).await.is_err());

    let watcher = Watcher::start(&session).await.unwrap();
    watcher.item().await.unwrap();
    watcher.stop().await.unwrap();
    eventually("the host's end", async || {
        Item::all(&connection).await.is_err()
    })
    .await
    .unwrap();

    let watcher = Watcher::start(&session).await.unwrap();
    watcher.item().await.unwrap();
}

#[tokio::test]
async fn a_panel_shows_the_icon() {
    let display = Display::start().await.unwrap();
    let mut session = Session::start().await.unwrap();
    session.attach(&display);
    let _host = TrayHost::start(&session).await.unwrap();
    let before = session.home().join("before.png");
    let after = session.home().join("after.png");
    let shot = async || screen::shot(&session, &before).await;
    eventually("the panel", shot).await.unwrap();
    let _app = start_app(&session).await;
    let connection = session.connect().await.unwrap();
    let item = eventually("the icon in the panel", async || {
        Item::all(&connection)
            .await
            .map_err(|error| error.to_string())?
            .pop()
            .ok_or("none".to_owned())
    })
    .await
    .unwrap();
    assert_eq!(item.title().await.unwrap(), "0 clicks");
    let (left, down) = TrayHost::ICON;
    let (width, _) = display.size();
    screen::click(&session, width - left, down, Button::Right)
        .await
        .unwrap();
    let below = Area(200, 100, width - 200, 32);
    screen::shot_of_change(&session, below, &before, &after)
        .await
        .unwrap();
}
