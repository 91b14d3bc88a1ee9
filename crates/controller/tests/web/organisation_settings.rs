//! What holds for the whole organisation, by hand: its name, its access periods, its fallback reviewers.

use hourkey_domain::length::Length;
use serde_json::json;

use crate::web::browser::Site;
use crate::web::edit_forms::{saved, send};

#[tokio::test]
async fn name_and_fallback_reviewers_are_set_by_hand() {
    let site = Site::new().await;
    let ada = site.signed_in("ada").await;
    let organisation = site.app.organisation().await.unwrap();
    let group = organisation.groups().next().unwrap().id.to_string();
    let change = [("name", "New Name"), ("fallback", &*group)];
    saved(&ada, "/settings", &change).await;
    let organisation = site.app.organisation().await.unwrap();
    assert_eq!(organisation.name(), "New Name");
    assert_eq!(organisation.fallback_groups().len(), 1);
    let form = ada.get("/settings").await;
    saved(&ada, "/settings", &[("name", "Newer")]).await;
    let answer = send(&ada, "/settings", &form, &[("name", "Older")]).await;
    answer.refuses(
        409,
        "Somebody else has changed this since you opened the page.",
    );
}

/// Rule 5: what is offered stands in the forms of settings, and nothing lasts longer than the longest, also
/// where it was set to more.
#[tokio::test]
async fn access_periods_are_a_list_with_a_longest() {
    let site = Site::new().await;
    let database = site.env.resources.database;
    let ada = site.signed_in("ada").await;
    let settings = format!("/resources/{database}/settings");
    for offered in [
        "1 hour", "4 hours", "8 hours", "12 hours", "1 day", "3 days", "7 days",
    ] {
        ada.get(&settings).await.says(offered);
    }
    let change = [("offered", "90m, 2 hours;3h"), ("longest", "3 hours")];
    let shown = send(&ada, "/settings", &ada.get("/settings").await, &change).await;
    shown.says("become stricter");
    saved(&ada, "/settings", &change).await;
    let form = ada.get(&settings).await;
    form.says("1 hour 30 minutes");
    assert!(!form.words().contains("12 hours"), "{}", form.words());
    let organisation = site.app.organisation().await.unwrap();
    let facts = organisation.facts(site.env.people.ann, database).unwrap();
    let longest: Length = "3h".parse().unwrap();
    assert_eq!(facts.assignments[0].settings.period.longest(), longest);
    let too_long = json!({ "resource": database, "reason": "To mend it", "seconds": 4 * 3_600 });
    let answer = site
        .env
        .post(site.env.people.ann, "/requests", too_long)
        .await;
    assert!(!answer.status.is_success(), "{answer:?}");
    // Also on the pages that say how it is set up.
    let page = ada.get(&format!("/resources/{database}")).await;
    page.says("up to 3 hours");
    assert!(!page.words().contains("8 hours"), "{}", page.words());
    // A longer one is not set any more; what is as long as it was stays.
    let answer = send(
        &ada,
        &settings,
        &form,
        &[("period", "other"), ("other", "4h")],
    )
    .await;
    answer.refuses(
        400,
        "4 hours is longer than the organisation’s longest access period, 3 hours.",
    );
    for (field, typed, words) in [
        ("offered", "", "offer one access period at least"),
        (
            "offered",
            "1h, 4h",
            "4 hours is longer than the longest access period, 3 hours",
        ),
        ("offered", "1h, soon", "“soon” isn’t a length"),
        (
            "longest",
            "366 days",
            "isn’t a length from 1 minute to 365 days",
        ),
        (
            "longest",
            "0 days",
            "isn’t a length from 1 minute to 365 days",
        ),
        (
            "offered",
            "1h, 10 years",
            "“10 years” isn’t a length from 1 minute to 365 days",
        ),
        ("longest", "", "Type how long"),
    ] {
        let form = ada.get("/settings").await;
        let answer = send(&ada, "/settings", &form, &[(field, typed)]).await;
        answer.refuses(422, words);
        answer.says("Longest access period");
    }
}
