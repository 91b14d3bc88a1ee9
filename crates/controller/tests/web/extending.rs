//! The pages on which more time is asked for, waits, and is decided.

use chrono::TimeDelta;
use hourkey_domain::ids::ResourceId;
use hourkey_store::organisation::Assignment;
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
        "Extend Logs Access ends 01:00 UTC Through group Engineering At most Until 04:50 UTC if extended at 00:50 UTC",
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
    page.says(
        "At most Until 08:30 UTC if approved at 00:30 UTC Can approve Rae Reviewer , Roy Reviewer",
    );
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
async fn shorter_offers_no_length_that_adds_nothing() {
    let site = Site::new().await;
    running(&site, site.env.resources.database, 30).await;
    let ann = site.signed_in("ann").await;
    send(&ann, "/resources/2/extend", &[("length", "7200")]).await;
    let rae = site.signed_in("rae").await;
    // 15 and 30 minutes from now on end no later than access does.
    rae.get("/review")
        .await
        .says("Shorter… Approve for 1 hour Other… How long, up to 2 hours");
    let fields = [("do", "less"), ("length", "1800")];
    let page = rae.post("/review/2", &fields).await;
    page.refuses(422, "Access runs until");
    // Where nothing shorter adds anything there is nothing to choose.
    site.env.clock.forward(TimeDelta::minutes(29));
    rae.post("/review/2", &[("do", "deny"), ("comment", "later")])
        .await;
    let body = json!({ "resource": 2, "seconds": 120, "extends": true });
    site.env.post(site.env.people.ann, "/requests", body).await;
    let page = rae.get("/review/3").await;
    page.says("Approve 2 minutes Deny…");
}

#[tokio::test]
async fn what_was_typed_is_kept_where_access_ended_meanwhile() {
    let site = Site::new().await;
    running(&site, site.env.resources.logs, 30).await;
    let ann = site.signed_in("ann").await;
    let page = ann.get("/resources/3/extend?as=ann").await;
    let key = page.field("key").unwrap();
    site.env.wait(TimeDelta::minutes(30)).await;
    let typed = [
        ("reason", "  not <done>\nyet"),
        ("length", "other"),
        ("other", "90m"),
        ("key", key.as_str()),
    ];
    let before = site.seq().await;
    let page = ann.post("/resources/3/extend?as=ann", &typed).await;
    page.refuses(409, "Your access ended before this was sent");
    page.says("Request access to Logs");
    assert!(page.text.contains("\n  not &lt;done&gt;\nyet</textarea>"));
    assert_eq!(page.field("other-3").as_deref(), Some("90m"));
    assert!(page.text.contains("action=\"/resources/3/request?as=ann\""));
    assert_eq!(site.seq().await, before, "nothing is requested by it");
    // Of nothing typed nothing is kept, and the sentence is the same.
    let page = ann
        .post("/resources/3/extend", &[("key", key.as_str())])
        .await;
    page.refuses(409, "Your access ended before this was sent");
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

/// Engineering has the database up to this moment.
async fn assigned_until(site: &Site, until: &str) {
    let (id, until) = (site.env.assignments.database, until.parse().unwrap());
    let until = Some(until);
    site.env
        .change(move |tx| {
            Box::pin(async move {
                let own = tx.assignment(id).await?.unwrap();
                Ok(tx.update_assignment(Assignment { until, ..own }).await?)
            })
        })
        .await;
}

#[tokio::test]
async fn pages_end_a_grant_no_later_than_its_groups_access() {
    let site = Site::new().await;
    let request = running(&site, site.env.resources.database, 10).await;
    let ann = site.signed_in("ann").await;
    send(&ann, "/resources/2/extend", &[("length", "7200")]).await;
    assigned_until(&site, "2030-01-01T00:40:00Z").await;
    let page = ann.get(&format!("/requests/{request}")).await;
    page.says("Database is open Open, 30 min left");
    page.says("Ends 00:40 UTC");
    let page = ann.get("/requests/2").await;
    page.says("Access ends 00:40 UTC");
    page.says("Expires 00:40 UTC if nobody answers");
    let rae = site.signed_in("rae").await;
    rae.get("/review").await.says("Access ends 00:40 UTC");
    let ada = site.signed_in("ada").await;
    ada.get("/overview").await.says("30 min");
    ada.get("/resources/2/revoke")
        .await
        .says("Open, 30 min left");
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
