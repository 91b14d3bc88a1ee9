//! Pages that go on by themselves.

use std::time::Duration;

use hourkey_client::session::Session as Api;
use hourkey_domain::ids::ResourceId;
use hourkey_protocol::access::{Approve, NewRequest, RequestStatus};
use hourkey_testkit::clock::TestClock;
use hourkey_testkit::page::Page;
use hourkey_testkit::poll::eventually;
use serde_json::json;

use crate::Site;

#[tokio::test(flavor = "multi_thread")]
async fn a_request_turns_live_is_approved_opens_and_is_given_back() {
    let site = Site::new().await.unwrap();
    let (ada, marta) = tokio::join!(site.api("ada"), site.api("marta"));
    let (ada, marta) = (ada.unwrap(), marta.unwrap());
    let browser = site.browser("ada").await.unwrap();
    let page = &browser.page;
    page.open(&site.request_page(&ada, "Grafana").await.unwrap())
        .await
        .unwrap();
    page.fill("Reason", "Checking the latency alert")
        .await
        .unwrap();
    page.choose("Other…").await.unwrap();
    page.fill("How long", "1h30m").await.unwrap();
    page.press("Send request").await.unwrap();
    page.shows("Waiting for a reviewer").await.unwrap();
    // It must be the same page all along: nobody reloads it.
    page.run("window.untouched = true", vec![]).await.unwrap();

    let reviews = marta.reviews().await.unwrap();
    let request = &reviews.first().unwrap().request;
    assert_eq!(request.asked.unwrap().to_string(), "1 hour 30 minutes");
    let shorter = Approve {
        seconds: Some(45 * 60),
        comment: "Only the dashboards, please.".to_owned(),
    };
    marta.approve(request.id, &shorter).await.unwrap();
    page.shows("Grafana is open").await.unwrap();
    page.shows("Only the dashboards, please.").await.unwrap();
    page.shows("45 min left").await.unwrap();
    let untouched = page.run("return window.untouched", vec![]).await.unwrap();
    assert_eq!(untouched, json!(true));
    let open = page.find("a.primary").await.unwrap();
    assert_eq!(open.text().await.unwrap(), "Open");
    let link = open.attr("href").await.unwrap();
    assert_eq!(link.as_deref(), Some("https://grafana.corp.example/"));

    page.press("Give back…").await.unwrap();
    page.press("Give back now").await.unwrap();
    page.shows("Grafana is locked again").await.unwrap();
    page.press("Your access").await.unwrap();
    page.shows("Given back just now").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reviewer_decides_while_more_comes_in() {
    let site = Site::new().await.unwrap();
    let ada = site.api("ada").await.unwrap();
    let browser = site.browser("marta").await.unwrap();
    let page = &browser.page;
    page.open(&site.address("/review")).await.unwrap();
    page.shows("Nothing waits for you.").await.unwrap();

    let all = ada.resources().await.unwrap();
    let ask = async |name: &str, reason: &str| {
        let resource = all.iter().find(|resource| resource.name == name).unwrap();
        let new = NewRequest {
            resource: resource.id,
            assignment: None,
            reason: reason.to_owned(),
            seconds: None,
            starts_at: None,
            extends: false,
        };
        ada.ask(&new).await.unwrap()
    };
    let first = ask("Grafana", "<b>Latency</b> alert").await;
    page.shows("<b>Latency</b> alert").await.unwrap();
    page.press("Deny…").await.unwrap();
    page.fill("Reason for denying", "Use the copy")
        .await
        .unwrap();

    // Another one comes in: what is typed stays.
    ask("Production SSH", "Disk full").await;
    page.shows("Disk full").await.unwrap();
    let field = page.field("Reason for denying").await.unwrap();
    assert_eq!(
        field.prop("value").await.unwrap().as_deref(),
        Some("Use the copy")
    );
    field.send_keys(" of yesterday.").await.unwrap();
    page.press("Deny").await.unwrap();
    page.shows("Denied by Marta Ruiz").await.unwrap();
    let denied = ada.request(first.request.id).await.unwrap();
    let RequestStatus::Denied { comment, .. } = denied.status else {
        panic!("{:?}", denied.status);
    };
    assert_eq!(comment, "Use the copy of yesterday.");

    page.press("Approve 1 hour").await.unwrap();
    page.shows("Nothing waits for you.").await.unwrap();
    page.press("Revoke…").await.unwrap();
    page.fill("Reason for revoking", "Enough").await.unwrap();
    page.press("Revoke now").await.unwrap();
    page.shows("Revoked by Marta Ruiz").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ends_elsewhere_ends_its_open_pages() {
    let site = Site::new().await.unwrap();
    let browser = site.browser("ada").await.unwrap();
    browser.page.shows("Locked").await.unwrap();
    site.controller
        .run(&["user", "end-sessions", "ada"])
        .await
        .unwrap();
    browser.page.shows("Sign in to Corp Example").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_ended_leaves_the_list() {
    let site = Site::new().await.unwrap();
    let browser = site.browser("ada").await.unwrap();
    let page = &browser.page;
    // A terminal, and the browser that let it in.
    let _terminal = site.api("ada").await.unwrap();
    page.open(&site.address("/sessions")).await.unwrap();
    let rows = async |count: usize| {
        eventually("sessions in the list", async || {
            let script = "return document.querySelectorAll('#sessions > li').length";
            let found = page.run(script, vec![]).await?;
            anyhow::ensure!(found == json!(count), "{found}");
            anyhow::Ok(())
        })
        .await
        .unwrap();
    };
    rows(3).await;
    page.press("End").await.unwrap();
    rows(2).await;
    page.press("End all others").await.unwrap();
    rows(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_page_says_when_the_controller_is_away_and_goes_on_when_it_is_back() {
    let mut site = Site::new().await.unwrap();
    let ada = site.api("ada").await.unwrap();
    let browser = site.browser("ada").await.unwrap();
    let page = &browser.page;
    page.open(&site.address("/access")).await.unwrap();
    page.shows("Needs approval").await.unwrap();
    site.controller.kill().unwrap();
    page.shows("Can’t reach Hourkey. Last updated")
        .await
        .unwrap();
    site.controller.resume().await.unwrap();
    let all = ada.resources().await.unwrap();
    let grafana = all.iter().find(|resource| resource.name == "Grafana");
    let new = NewRequest {
        resource: grafana.unwrap().id,
        assignment: None,
        reason: String::new(),
        seconds: None,
        starts_at: None,
        extends: false,
    };
    ada.ask(&new).await.unwrap();
    page.shows("Waiting").await.unwrap();
    let words = page.words().await.unwrap();
    assert!(!words.contains("Can’t reach"), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_countdown_ends_by_the_servers_time() {
    let (site, clock) = with_clock().await;
    let ada = site.api("ada").await.unwrap();
    let browser = site.browser("ada").await.unwrap();
    let page = &browser.page;
    page.open(&site.request_page(&ada, "Release pipeline").await.unwrap())
        .await
        .unwrap();
    page.fill("Reason", "Rollback").await.unwrap();
    page.press("Open it now").await.unwrap();
    page.shows("Open, 1 h left").await.unwrap();
    clock.advance(Duration::from_secs(56 * 60)).unwrap();
    page.open(page.url().await.unwrap().as_str()).await.unwrap();
    page.shows("Open, 4 min left").await.unwrap();
    let soon = page.find(".hero .ring.soon").await.unwrap();
    assert!(soon.is_displayed().await.unwrap());
    clock.advance(Duration::from_secs(4 * 60)).unwrap();
    page.shows("Release pipeline is locked again")
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_if_approved_now_moves_with_now() {
    let (site, clock) = with_clock().await;
    let ada = site.api("ada").await.unwrap();
    let new = NewRequest {
        resource: resource_named(&ada, "Grafana").await,
        assignment: None,
        reason: String::new(),
        seconds: None,
        starts_at: None,
        extends: false,
    };
    let request = ada.ask(&new).await.unwrap().request.id;
    let browsers = (
        site.browser("ada").await.unwrap(),
        site.browser("marta").await.unwrap(),
    );
    let shown = async |page: &Page| {
        let script = "return Date.parse(document.querySelector('[data-reckoned]')?.dateTime ?? 0)";
        page.run(script, vec![]).await.unwrap().as_i64().unwrap()
    };
    for (browser, path) in [
        (&browsers.0, format!("/requests/{request}")),
        (&browsers.1, "/review".to_owned()),
        (&browsers.1, format!("/review/{request}")),
    ] {
        let page = &browser.page;
        page.open(&site.address(&path)).await.unwrap();
        let before = shown(page).await;
        // A minute is a second from now on, which the page hears when it looks again.
        let faster = "const timer = window.setTimeout; \
             window.setTimeout = (then, ms) => timer(then, ms / 60); \
             document.querySelector('[data-reckoned]').untouched = true; \
             window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }));";
        page.run(faster, vec![]).await.unwrap();
        clock.advance(Duration::from_secs(10 * 60)).unwrap();
        eventually("the end that moved", async || {
            let moved = shown(page).await - before;
            anyhow::ensure!(moved >= 600_000, "{path}: by {moved} ms");
            anyhow::Ok(())
        })
        .await
        .unwrap();
        let untouched = "return document.querySelector('[data-reckoned]').untouched === true";
        let untouched = page.run(untouched, vec![]).await.unwrap();
        assert_eq!(untouched, json!(true), "{path}: buttons beside it stay");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn undo_is_offered_up_to_ten_seconds_after_the_decision() {
    let (site, clock) = with_clock().await;
    let ada = site.api("ada").await.unwrap();
    let marta = site.api("marta").await.unwrap();
    let browser = site.browser("marta").await.unwrap();
    let new = NewRequest {
        resource: resource_named(&ada, "Grafana").await,
        assignment: None,
        reason: String::new(),
        seconds: None,
        starts_at: None,
        extends: false,
    };
    let request = ada.ask(&new).await.unwrap().request.id;
    marta.approve(request, &Approve::default()).await.unwrap();
    clock.advance(Duration::from_secs(5)).unwrap();
    let page = &browser.page;
    page.open(&site.address(&format!("/review/{request}")))
        .await
        .unwrap();
    let undo = page.find(".undo").await.unwrap();
    assert!(undo.is_displayed().await.unwrap(), "5 seconds are left");
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert!(!undo.is_displayed().await.unwrap(), "none is left");
}

/// A site whose controller's clock the test moves.
async fn with_clock() -> (Site, TestClock) {
    let mut site = Site::new().await.unwrap();
    let clock = TestClock::new(&site.session.home()).unwrap();
    site.controller.stop().await.unwrap();
    let path = clock.path().display().to_string();
    site.controller.set(TestClock::VARIABLE, &path);
    site.controller.resume().await.unwrap();
    (site, clock)
}

async fn resource_named(api: &Api, name: &str) -> ResourceId {
    let all = api.resources().await.unwrap();
    let found = all.iter().find(|resource| resource.name == name);
    found.unwrap().id
}
