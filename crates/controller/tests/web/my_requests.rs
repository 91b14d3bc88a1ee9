//! What somebody asked for, on a page of its own.

use serde_json::json;

use crate::web::browser::Site;

#[tokio::test]
async fn ones_own_requests_are_listed_cancelled_and_asked_again() {
    let site = Site::new().await;
    let (env, people, resources) = (&site.env, site.env.people, site.env.resources);
    let database = resources.database;
    let ann = site.signed_in("ann").await;
    ann.get("/my-requests")
        .await
        .says("You haven’t requested anything yet.");
    let body = json!({ "resource": database, "reason": "A <long> report", "seconds": 10_800 });
    let id = env.post(people.ann, "/requests", body).await.id();
    let page = ann.get("/my-requests").await;
    page.says("Database");
    page.says("3 hours");
    page.says("Waiting for a reviewer");
    assert!(page.text.contains("data-zone=\"name\""));
    // It waits: it is cancelled there, and nobody else's is.
    assert!(!page.text.contains("?again="));
    let number = id.to_string();
    let cancel = [("do", "cancel"), ("request", number.as_str())];
    let ben = site.signed_in("ben").await;
    ben.get("/my-requests")
        .await
        .says("You haven’t requested anything yet.");
    assert_eq!(ben.post("/my-requests", &cancel).await.status, 404);
    assert_eq!(
        ann.post("/my-requests", &cancel).await.location(),
        "/my-requests"
    );
    let page = ann.get("/my-requests").await;
    page.says("Cancelled by Ann Member");
    // Twice does no harm.
    assert_eq!(ann.post("/my-requests", &cancel).await.status, 303);
    let again = format!("/resources/{database}/request?again={id}");
    assert!(page.text.contains(&format!("href=\"{again}\"")));
    let form = ann.get(&again).await;
    assert!(form.text.contains("A &lt;long&gt; report"), "{}", form.text);
    // Three hours is none of the lengths to click.
    assert!(form.text.contains("value=\"3 hours\""), "{}", form.text);
    // Somebody else's request fills in nothing, nor does one for something else.
    for (browser, path) in [
        (&ben, again.clone()),
        (
            &ann,
            format!("/resources/{}/request?again={id}", resources.logs),
        ),
    ] {
        assert!(!browser.get(&path).await.text.contains("report"), "{path}");
    }
    // A denial names who decided, an approval what was given.
    let body = json!({ "resource": database, "reason": "Reports", "seconds": 14_400 });
    let id = env.post(people.ann, "/requests", body).await.id();
    let approved = json!({ "seconds": 3_600 });
    env.post(people.roy, &format!("/requests/{id}/approve"), approved)
        .await;
    let page = ann.get("/my-requests").await;
    page.says("4 hours → 1 hour");
    page.says("Roy Reviewer");
    // What runs is not asked for again.
    assert!(!page.text.contains("?again="));
}

#[tokio::test]
async fn the_page_of_an_old_approval_says_the_end_after_an_extension() {
    let site = Site::new().await;
    let (env, people) = (&site.env, site.env.people);
    let database = env.resources.database;
    let body = json!({ "resource": database, "reason": "Reports", "seconds": 3_600 });
    let id = env.post(people.ann, "/requests", body).await.id();
    env.post(people.roy, &format!("/requests/{id}/approve"), json!({}))
        .await;
    let more =
        json!({ "resource": database, "reason": "Longer", "seconds": 10_800, "extends": true });
    let more = env.post(people.ann, "/requests", more).await.id();
    env.post(people.roy, &format!("/requests/{more}/approve"), json!({}))
        .await;
    env.wait(chrono::TimeDelta::hours(2)).await;
    let page = site
        .signed_in("ann")
        .await
        .get(&format!("/requests/{id}?as=ann"))
        .await;
    page.says("Database is open");
    page.says("03:00 UTC");
}
