//! Being notification: by notifications, once each, also after being away.

use anyhow::Result;
use hourkey_testkit::notifications::Notifications;
use hourkey_testkit::poll::eventually;
use rustix::process::Signal;

use crate::harness::DesktopHarness;

#[tokio::test]
async fn an_approval_is_told_with_the_reviewers_word_and_its_buttons_work() -> Result<()> {
    let (harness, people) = DesktopHarness::with_ada().await?;
    let request = people.ask("Grafana", 45).await?;
    people
        .approve(request, "Only <dashboards>, please.")
        .await?;
    let notification = harness.notification("Grafana is open").await?;
    assert_eq!(
        notification.body,
        "Approved by Marta Ruiz for 45 minutes: “Only <dashboards>, please.”"
    );
    let labels: Vec<&str> = notification
        .actions
        .iter()
        .map(|(_, label)| label.as_str())
        .collect();
    assert_eq!(labels, ["Show", "Open", "Copy address"]);
    assert_eq!(
        notification.text_hint("desktop-entry").as_deref(),
        Some("Hourkey")
    );

    let seen = harness.opener.urls()?.len();
    notifications(&harness)
        .invoke(notification.id, "Open")
        .await?;
    let opened = harness.opener.next_after(seen).await?;
    assert_eq!(opened.as_str(), "https://grafana.corp.example/");
    Ok(())
}

/// Some services read the body as markup.
#[tokio::test]
async fn what_others_write_is_no_markup() -> Result<()> {
    let (mut harness, people) = DesktopHarness::with_ada().await?;
    harness.notifications.take().unwrap().stop().await?;
    let capabilities = ["actions", "body", "body-markup"];
    harness.notifications = Some(Notifications::start_with(&harness.session, &capabilities).await?);
    let request = people.ask("Grafana", 45).await?;
    let hostile = r#"<a href="https://evil.example">Why</a> & <img src=x>"#;
    people.deny(request, hostile).await?;
    let notification = harness
        .notification("Request for Grafana was denied")
        .await?;
    assert_eq!(
        notification.body,
        "Denied by Marta Ruiz: “&lt;a href=\"https://evil.example\"&gt;Why&lt;/a&gt; &amp; \
        &lt;img src=x&gt;”"
    );
    Ok(())
}

#[tokio::test]
async fn a_denial_is_told_with_its_comment_and_asking_again_opens_the_page() -> Result<()> {
    let (harness, people) = DesktopHarness::with_ada().await?;
    let request = people.ask("Grafana", 45).await?;
    people.deny(request, "Not on a Friday.").await?;
    let notification = harness
        .notification("Request for Grafana was denied")
        .await?;
    assert_eq!(
        notification.body,
        "Denied by Marta Ruiz: “Not on a Friday.”"
    );

    let id = people.resource("Grafana").await?;
    let seen = harness.opener.urls()?.len();
    notifications(&harness)
        .invoke(notification.id, "Request again")
        .await?;
    let opened = harness.opener.next_after(seen).await?;
    let page = format!("{}resources/{id}/request?as=ada", harness.controller.url());
    assert_eq!(opened.as_str(), page);
    Ok(())
}

/// Ten minutes before the end, a notification leads to the page on which more time is asked for; it
/// extends nothing by itself. Extended, it is taken back, and tells the new end in its turn.
#[tokio::test]
async fn before_the_end_a_notification_leads_to_more_time() -> Result<()> {
    let (harness, people) = DesktopHarness::with_ada().await?;
    let id = people.resource("Grafana").await?;
    let request = people.ask("Grafana", 45).await?;
    people.approve(request, "").await?;
    harness.open_for("Grafana", 45).await?;
    harness.pass(35)?;
    let notification = harness.notification("10 minutes left on Grafana").await?;
    let labels: Vec<&str> = notification
        .actions
        .iter()
        .map(|(_, label)| label.as_str())
        .collect();
    assert_eq!(labels, ["Show", "Extend"]);
    let seen = harness.opener.urls()?.len();
    notifications(&harness)
        .invoke(notification.id, "Extend")
        .await?;
    let opened = harness.opener.next_after(seen).await?;
    let page = format!("{}resources/{id}/extend?as=ada", harness.controller.url());
    assert_eq!(opened.as_str(), page);
    let asked = people.ada.requests(None).await?;
    assert_eq!(asked.items.len(), 1, "{asked:?}");

    let extension = people.extend("Grafana", 30).await?;
    people.approve(extension, "Until noon.").await?;
    let gave = notifications(&harness).wait_for("the later end", |it| {
        it.summary.starts_with("Grafana is open until ")
    });
    let gave = gave.await?;
    assert_eq!(gave.body, "Extended by Marta Ruiz: “Until noon.”");
    harness.open_for("Grafana", 30).await?;
    harness.pass(20)?;
    eventually("the first warning of the new end", async || {
        let warned = |headline: &String| headline == "10 minutes left on Grafana";
        harness.headlines().iter().filter(|it| warned(it)).count() == 2
    })
    .await?;
    Ok(())
}

/// The machine sleeps while the controller is killed and restarts, the request is denied, and the
/// controller is killed and restarts again; then the app is ended right after it notification, and killed
/// later on.
#[tokio::test]
async fn a_denial_while_away_is_told_once() -> Result<()> {
    let (mut harness, people) = DesktopHarness::with_ada().await?;
    let request = people.ask("Grafana", 45).await?;
    harness.row("Grafana · waiting").await?;

    harness.app().signal(Signal::STOP)?;
    // The connection of before would take the denial into its buffer, to be read after the sleep.
    restart(&mut harness).await?;
    people.deny(request, "Not today.").await?;
    restart(&mut harness).await?;
    harness.app().signal(Signal::CONT)?;
    harness
        .notification("Request for Grafana was denied")
        .await?;

    harness.end_app().await?;
    harness.start_app()?;
    harness.row("Grafana · denied").await?;
    harness.kill_app().await?;
    harness.start_app()?;
    harness.row("Grafana · denied").await?;
    // News come in order: when this is notification, an earlier repeat would have been.
    let request = people.ask("Grafana", 45).await?;
    people.approve(request, "").await?;
    harness.notification("Grafana is open").await?;
    assert_eq!(
        harness.headlines(),
        ["Request for Grafana was denied", "Grafana is open"]
    );
    Ok(())
}

/// Nobody runs the app while the request is approved and its time passes.
#[tokio::test]
async fn what_happened_while_the_app_was_off_is_told_at_its_next_start() -> Result<()> {
    let (mut harness, people) = DesktopHarness::with_ada().await?;
    let first = people.ask("Grafana", 45).await?;
    harness.row("Grafana · waiting").await?;
    harness.kill_app().await?;
    people.deny(first, "Not today.").await?;
    let second = people.ask("Grafana", 45).await?;
    people.approve(second, "").await?;

    harness.start_app()?;
    harness
        .notification("Request for Grafana was denied")
        .await?;
    harness.notification("Grafana is open").await?;
    harness.open_for("Grafana", 45).await?;
    // A kill in the very moment of telling may repeat it once; the end of a session may not.
    harness.end_app().await?;
    harness.pass(60)?;
    harness.start_app()?;
    harness.notification("Grafana is locked again").await?;
    // When something later is notification, a repeat would have been.
    let third = people.ask("Customer exports", 30).await?;
    people.approve(third, "").await?;
    harness.notification("Customer exports is open").await?;
    assert_eq!(
        harness.headlines(),
        [
            "Request for Grafana was denied",
            "Grafana is open",
            "Grafana is locked again",
            "Customer exports is open"
        ]
    );
    Ok(())
}

#[tokio::test]
async fn reviewers_are_asked_and_it_is_taken_back_when_it_is_decided() -> Result<()> {
    let (harness, people) = DesktopHarness::with("marta").await?;
    let request = people.ask("Grafana", 45).await?;
    let notification = harness.notification("Ada Park asks for Grafana").await?;
    assert_eq!(notification.body, "For 45 minutes: “To test it”");
    harness.row("Review requests (1)…").await?;

    let seen = harness.opener.urls()?.len();
    notifications(&harness)
        .invoke(notification.id, "Review")
        .await?;
    let opened = harness.opener.next_after(seen).await?;
    let page = format!("{}review/{request}?as=marta", harness.controller.url());
    assert_eq!(opened.as_str(), page);

    let second = people.ask("Customer exports", 30).await?;
    let notification = harness
        .notification("Ada Park asks for Customer exports")
        .await?;
    people.deny(second, "No.").await?;
    eventually("the notification taken back", async || {
        notifications(&harness)
            .withdrawn()
            .contains(&notification.id)
    })
    .await
}

#[tokio::test]
async fn without_a_notification_service_the_app_goes_on() -> Result<()> {
    let (mut harness, people) = DesktopHarness::with_ada().await?;
    harness.notifications.take().unwrap().stop().await?;
    let request = people.ask("Grafana", 45).await?;
    people.approve(request, "").await?;
    harness.open_for("Grafana", 45).await?;
    eventually("a word about it in the log", async || {
        harness
            .app()
            .log()
            .contains("no notification service is running")
    })
    .await
}

/// The service restarts, or another one takes over: it is used as soon as it is there.
#[tokio::test]
async fn a_notification_service_that_comes_back_is_used_and_heard() -> Result<()> {
    let (mut harness, people) = DesktopHarness::with_ada().await?;
    let first = people.ask("Grafana", 45).await?;
    people.deny(first, "No.").await?;
    harness
        .notification("Request for Grafana was denied")
        .await?;
    harness.notifications.take().unwrap().stop().await?;
    harness.notifications = Some(Notifications::start(&harness.session).await?);

    let second = people.ask("Grafana", 45).await?;
    people.approve(second, "").await?;
    let notification = harness.notification("Grafana is open").await?;
    let seen = harness.opener.urls()?.len();
    notifications(&harness)
        .invoke(notification.id, "Open")
        .await?;
    let opened = harness.opener.next_after(seen).await?;
    assert_eq!(opened.as_str(), "https://grafana.corp.example/");
    Ok(())
}

async fn restart(harness: &mut DesktopHarness) -> Result<()> {
    harness.controller.kill()?;
    harness.controller.resume().await
}

fn notifications(harness: &DesktopHarness) -> &Notifications {
    harness.notifications.as_ref().unwrap()
}
