//! The window through WebKitWebDriver: only what real IPC and a real page can prove.

use std::time::Duration;

use anyhow::{Result, ensure};
use hourkey_protocol::access::RequestStatus;
use hourkey_testkit::controller::Controller;
use hourkey_testkit::desktop;
use hourkey_testkit::display::Display;
use hourkey_testkit::keyring::Keyring;
use hourkey_testkit::opener::Opener;
use hourkey_testkit::organisation::SAMPLE;
use hourkey_testkit::poll::eventually;
use hourkey_testkit::session::Session;
use hourkey_testkit::webview::WebView;
use serde_json::{Value, json};

use hourkey_testkit::test_user::TestUser;

use crate::harness::TestUsers;

/// Without a tray host and without settings: the window is all there is.
#[tokio::test]
async fn the_first_start_asks_for_the_controller_and_leads_to_the_request_page() -> Result<()> {
    let display = Display::start().await?;
    let mut session = Session::start().await?;
    session.attach(&display);
    let _keyring = Keyring::start(&session).await?;
    let opener = Opener::install(&session)?;
    let controller = Controller::start(SAMPLE).await?;
    let mut ada = TestUser::new(&controller, "ada").await?;

    let view = WebView::start(&session, &desktop::binary()?, &[]).await?;
    view.page.shows("Sign in to Hourkey").await?;
    view.page.shows("Hourkey has no tray icon here.").await?;
    view.page
        .fill("Your organisation", "http://hourkey.example")
        .await?;
    view.page.press("Sign in").await?;
    view.page.shows("Only https is accepted").await?;
    view.page
        .fill("Your organisation", "http://127.0.0.1:1")
        .await?;
    view.page.press("Sign in").await?;
    view.page.shows("cannot be reached").await?;
    view.page
        .fill("Your organisation", controller.url().as_str())
        .await?;
    view.page.press("Sign in").await?;
    ada.let_in(&opener.next_after(0).await?).await?;
    view.page.shows("Payroll database").await?;

    // What is copied can be pasted, here into the search.
    view.page.press("Copy: Office printers").await?;
    let search = view.page.field("Search resources").await?;
    let pasted = "return document.querySelector('input').value";
    eventually("the address pasted", async || -> Result<()> {
        search.clear().await?;
        search.send_keys("\u{e009}v\u{e000}").await?;
        let text = view.page.run(pasted, vec![]).await?;
        ensure!(text == "10.1.40.0/24", "{text}");
        Ok(())
    })
    .await?;

    search.clear().await?;
    search.send_keys("payroll").await?;
    // A locked row's address leads to the request page.
    let address = "payroll · payroll-db.corp.example:5432: Authenticate";
    view.page.press(address).await?;
    let opened = opener.next_after(1).await?;
    assert!(opened.path().ends_with("/request"), "{opened}");
    assert_eq!(opened.query(), Some("as=ada"));

    view.page.click("#tab-settings").await?;
    view.page
        .shows("The sign-in is kept in the system's keyring.")
        .await?;
    view.page.press("Sign out").await?;
    // A second click that comes too soon is half of a double click, and confirms nothing.
    let again = "[...document.querySelectorAll('button')]
        .find((button) => button.textContent.includes('Click again to sign out'))?.click()";
    eventually("signed out", async || {
        view.page.run(again, vec![]).await.is_ok()
            && view
                .page
                .words()
                .await
                .unwrap_or_default()
                .contains("Sign in to Hourkey")
    })
    .await
}

/// The second half of a double click, or of Enter pressed twice, decides nothing.
#[tokio::test]
async fn a_double_click_on_approve_decides_one_request() -> Result<()> {
    let display = Display::start().await?;
    let mut session = Session::start().await?;
    session.attach(&display);
    let _keyring = Keyring::start(&session).await?;
    let opener = Opener::install(&session)?;
    let controller = Controller::start(SAMPLE).await?;
    desktop::configure(&session, controller.url())?;
    let mut marta = TestUser::new(&controller, "marta").await?;
    let people = TestUsers {
        ada: TestUser::new(&controller, "ada")
            .await?
            .session(&controller)
            .await?,
        marta: marta.session(&controller).await?,
    };
    let first = people.ask("Grafana", 45).await?;
    let second = people.ask("Customer exports", 30).await?;
    let third = people.ask("Payroll database", 45).await?;
    let pending = async || -> Result<Vec<_>> {
        let mut pending = Vec::new();
        for id in [first, second, third] {
            if people.ada.request(id).await?.status == RequestStatus::Pending {
                pending.push(id);
            }
        }
        Ok(pending)
    };

    let view = WebView::start(&session, &desktop::binary()?, &[]).await?;
    view.page.press("Sign in").await?;
    marta.let_in(&opener.next_after(0).await?).await?;
    view.page.click("#tab-review").await?;
    view.page.shows("3 waiting").await?;
    let approve = "article .btn.primary[aria-disabled=false]";
    let gap = Duration::from_millis(250);
    view.page.click_twice(approve, gap).await?;
    view.page.shows("Approved for 45 minutes").await?;
    ensure!(pending().await? == [second, third]);

    let next = ['\u{e015}', '\u{e007}', '\u{e007}'];
    view.page.type_keys(&next, gap).await?;
    view.page.shows("Approved for 30 minutes").await?;
    ensure!(pending().await? == [third]);
    Ok(())
}

/// The desktop's text at twice its size: the window is twice as large, and zooms by keys.
#[tokio::test]
async fn the_window_follows_the_size_of_text_and_zooms() -> Result<()> {
    let display = Display::start_sized(1280, 1400).await?;
    let mut session = Session::start().await?;
    session.attach(&display);
    session.set("GDK_DPI_SCALE", "2");
    let view = WebView::start(&session, &desktop::binary()?, &[]).await?;
    view.page.shows("Sign in to Hourkey").await?;
    let size = "return [innerWidth, innerHeight]";
    let is = async |wanted: Value| {
        eventually(&format!("a page of {wanted}"), async || -> Result<()> {
            let size = view.page.run(size, vec![]).await?;
            ensure!(size == wanted, "{size}");
            Ok(())
        })
        .await
    };
    is(json!([420, 640])).await?;
    let field = view.page.field("Your organisation").await?;
    for _ in 0..5 {
        field.send_keys("\u{e009}+\u{e000}").await?;
    }
    is(json!([210, 320])).await?;
    // However small the page is now, the button can be reached, and nothing stands beside it.
    let reached = "const button = document.querySelector('[type=submit]');
        button.scrollIntoView();
        const { left, right, top, bottom } = button.getBoundingClientRect();
        const there = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
        return there === button && document.documentElement.scrollWidth <= innerWidth";
    ensure!(view.page.run(reached, vec![]).await? == true);
    field.send_keys("\u{e009}0\u{e000}").await?;
    is(json!([420, 640])).await
}
