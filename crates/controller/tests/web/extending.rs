//! The pages on which more time is asked for, waits, and is decided.

use chrono::TimeDelta;
use hourkey_domain::ids::ResourceId;
use serde_json::json;

use crate::web::browser::{Browser, Page, Site};

/// Ann has a resource for an hour, by Rae's word where it needs one, and some of it has passed.
async fn running(site: &Site, resource: ResourceId, passed: i64) -> i64 {
    let (env, people) = (&site.env, site.env.people);
    let body = json!({ "resource": resource, "reason": "a report", "seconds": 3_600 });
    let asked = env.post(people.ann, "/requests", body).await;
    if asked.json()["status"]["state"] == "pending" {
        let path = format!("/requests/{}/approve", asked.id());
        assert_eq!(env.post(people.rae, &path, json!({})).await.status, 200);
    }
    env.clock.forward(TimeDelta::minutes(passed));
    asked.id()
}

/// Sends the form of the page, with these fields.
async fn send(browser: &Browser<'_>, path: &str, fields: &[(&str, &str)]) -> Page {
    let page = browser.get(path).await;
    let key = page.field("key").unwrap();
    browser
        .post(path, &[fields, &[("key", key.as_str())]].concat())
        .await
}

#[tokio::test]
async fn what_opens_with_a_reason_is_extended_at_once() {
    let site = Site::new().await;
    let request = running(&site, site.env.resources.logs, 50).await;
    let ann = site.signed_in("ann").await;
    let page = ann.get(&format!("/requests/{request}")).await;
    page.says("Logs is open Open, 10 min left");
    assert!(
        page.text.contains("href=\"/resources/3/extend\""),
        "{}",
        page.text
    );
    ann.get("/access").await.says("Extend…");

    let path = "/resources/3/extend?as=ann";
    let page = ann.get(path).await;
    page.says(
        "Extend Logs Access ends 01:00 UTC Through group Engineering At most Until 04:50 UTC",
    );
    page.says("For how long from now on? 15 minutes 30 minutes 1 hour 2 hours 4 hours Other…");
    page.says("Nothing that is connected now is interrupted. Extend now");
    // Looking changes nothing, and without a reason nothing happens.
    let before = site.seq().await;
    let refused = send(&ann, path, &[("reason", " "), ("length", "7200")]).await;
    assert_eq!(refused.status, 422);
    refused.says("Say why you need it");
    assert_eq!(site.seq().await, before);

    let sent = send(&ann, path, &[("reason", "not done"), ("length", "7200")]).await;
    assert_eq!(sent.location(), "/requests/2?as=ann");
    let page = ann.get("/requests/2").await;
    page.says("Logs is open Open, 2 h left");
    page.says("Requested More time, 2 hours from approval");
    page.says("Decision Extended");
    ann.get(&format!("/requests/{request}"))
        .await
        .says("Logs is open Open, 2 h left");
}

#[tokio::test]
async fn what_needs_approval_waits_and_goes_on_meanwhile() {
    let site = Site::new().await;
    let request = running(&site, site.env.resources.database, 30).await;
    let ann = site.signed_in("ann").await;
    let path = "/resources/2/extend";
    let page = ann.get(path).await;
    page.says("At most Until 08:30 UTC if approved now Can approve Rae Reviewer , Roy Reviewer");
    page.says("For how long from the approval on?");
    let key = page.field("key").unwrap();
    let fields = [
        ("reason", "a <b>report</b>"),
        ("length", "7200"),
        ("key", key.as_str()),
    ];
    let sent = ann.post(path, &fields).await;
    assert_eq!(sent.location(), "/requests/2");
    // Twice is once, and another tab shows what waits.
    let again = ann.post(path, &fields).await;
    assert_eq!(again.location(), "/requests/2");
    assert_eq!(ann.get(path).await.location(), "/requests/2");
    let page = ann.get("/requests/2").await;
    page.says("Waiting for a reviewer Database , requested just now");
    page.says("Access ends 01:00 UTC Extended Until 02:30 UTC if approved now");
    page.says("Expires 01:00 UTC if nobody answers");
    ann.get(&format!("/requests/{request}"))
        .await
        .says("More time Requested just now");
    ann.get("/access")
        .await
        .says("30 min left More time requested just now");

    let rae = site.signed_in("rae").await;
    let page = rae.get("/review").await;
    page.says("Requests an extension: 2 hours from approval");
    page.says("Access ends 01:00 UTC · Approved now: until 02:30 UTC");
    rae.post("/review/2", &[("do", "approve")]).await;
    rae.get("/review")
        .await
        .says("Ann Member → Database Open, 2 h left More time, 2 hours from approval");
    ann.get("/requests/2")
        .await
        .says("Decision Extended by Rae Reviewer");
    ann.get(&format!("/requests/{request}"))
        .await
        .says("Database is open Open, 2 h left");
}

#[tokio::test]
async fn a_denied_extension_says_that_access_goes_on() {
    let site = Site::new().await;
    running(&site, site.env.resources.database, 30).await;
    let ann = site.signed_in("ann").await;
    send(&ann, "/resources/2/extend", &[("length", "7200")]).await;
    let rae = site.signed_in("rae").await;
    rae.post("/review/2", &[("do", "deny"), ("comment", "Enough.")])
        .await;
    let page = ann.get("/requests/2").await;
    page.says("Request to extend Database was denied");
    page.says("Access ends 01:00 UTC");
    page.says("Enough. Rae Reviewer");
    assert!(
        page.text.contains("href=\"/resources/2/extend\""),
        "{}",
        page.text
    );
    site.env.wait(TimeDelta::minutes(30)).await;
    let page = ann.get("/requests/2").await;
    assert!(
        page.text.contains("href=\"/resources/2/request?again=2\""),
        "{}",
        page.text
    );
}

#[tokio::test]
async fn where_nothing_can_be_added_it_says_why() {
    let site = Site::new().await;
    let ann = site.signed_in("ann").await;
    // Not open: the request page, by which it opens.
    assert_eq!(
        ann.get("/resources/3/extend?as=ann").await.location(),
        "/resources/3/request?as=ann"
    );
    let (env, people) = (&site.env, site.env.people);
    let body = json!({ "resource": 3, "reason": "a report", "seconds": 14_400 });
    env.post(people.ann, "/requests", body).await;
    let page = ann.get("/resources/3/extend").await;
    page.says("It can’t be extended now: at most 4 hours may lie ahead.");
    assert!(page.field("key").is_none(), "a form that leads nowhere");
    // What is left out of the choice is refused where somebody sends it.
    env.clock.forward(TimeDelta::hours(2));
    let page = ann.get("/resources/3/extend").await;
    page.says("For how long from now on? 4 hours Other…");
    let refused = send(
        &ann,
        "/resources/3/extend",
        &[("reason", "x"), ("length", "3600")],
    )
    .await;
    assert_eq!(refused.status, 422);
    refused.says("more has to be asked for");
}
