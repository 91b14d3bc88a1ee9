//! `hourkey copy`.

use std::fs;
use std::path::{Path, PathBuf};

use hourkey_testkit::controller::Controller;
use hourkey_testkit::display::Display;
use hourkey_testkit::organisation::SAMPLE;
use hourkey_testkit::poll::eventually;
use hourkey_testkit::terminal::Terminal;
use x11rb::connection::Connection as _;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    AtomEnum, ConnectionExt as _, CreateWindowAux, EventMask, WindowClass,
};

#[tokio::test]
async fn without_a_display_the_address_is_printed() {
    let controller = Controller::start(SAMPLE).await.unwrap();
    let terminal = Terminal::of("ada", &controller).await;
    let ran = terminal.run(&["copy", "payroll"]).await.ended(0);
    assert_eq!(ran.out, "payroll-db.corp.example:5432\n");
    assert!(ran.err.contains("no display"), "{ran:?}");
}

#[tokio::test]
async fn what_is_copied_stays_after_the_command_has_ended() {
    let controller = Controller::start(SAMPLE).await.unwrap();
    let mut terminal = Terminal::of("ada", &controller).await;
    let display = Display::start().await.unwrap();
    terminal.session.attach(&display);
    terminal.run(&["copy", "payroll"]).await.ended(0);
    let text = clipboard(display.name()).await;
    assert_eq!(text, "payroll-db.corp.example:5432");
    // Another copy takes over, and ends the first keeper.
    terminal.run(&["copy", "grafana"]).await.ended(0);
    let text = clipboard(display.name()).await;
    assert_eq!(text, "grafana.corp.example:443");
    // What keeps the text ends with the display, at the latest.
    drop(display);
    let home = terminal.session.home();
    eventually("the keepers' end", async || {
        let keepers = keepers(&home);
        if keepers.is_empty() {
            Ok(())
        } else {
            Err(format!("{keepers:?}"))
        }
    })
    .await
    .unwrap();
}

/// Process ids of this session's clipboard keepers.
fn keepers(home: &Path) -> Vec<String> {
    let home = format!("HOME={}", home.display());
    let has = |file: PathBuf, what: &str| {
        let content = fs::read(file).unwrap_or_default();
        content.split(|b| *b == 0).any(|it| it == what.as_bytes())
    };
    let processes = fs::read_dir("/proc")
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let keepers = processes.filter(|process| {
        has(process.join("cmdline"), "keep-clipboard") && has(process.join("environ"), &home)
    });
    keepers
        .map(|process| process.display().to_string())
        .collect()
}

/// The text on the clipboard of an X display, as another program gets it (ICCCM, 2).
async fn clipboard(display: &str) -> String {
    let (x, screen) = x11rb::connect(Some(display)).unwrap();
    let root = &x.setup().roots[screen];
    let window = x.generate_id().unwrap();
    let aux = CreateWindowAux::new().event_mask(EventMask::PROPERTY_CHANGE);
    x.create_window(
        0,
        window,
        root.root,
        0,
        0,
        1,
        1,
        0,
        WindowClass::INPUT_ONLY,
        root.root_visual,
        &aux,
    )
    .unwrap();
    let atom = |name: &str| {
        let cookie = x.intern_atom(false, name.as_bytes()).unwrap();
        cookie.reply().unwrap().atom
    };
    let (clipboard, text, place) = (atom("CLIPBOARD"), atom("UTF8_STRING"), atom("PLACE"));
    x.convert_selection(window, clipboard, text, place, x11rb::CURRENT_TIME)
        .unwrap();
    x.flush().unwrap();
    eventually("the selection", async || match x.poll_for_event() {
        Ok(Some(Event::SelectionNotify(_))) => Some(()),
        Ok(_) | Err(_) => None,
    })
    .await
    .unwrap();
    let property = x
        .get_property(true, window, place, AtomEnum::ANY, 0, 1_000)
        .unwrap()
        .reply()
        .unwrap();
    String::from_utf8(property.value).unwrap()
}
