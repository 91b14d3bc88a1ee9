//! An organisation whose longest access period is a year (rule 5): what is set up, asked, approved, extended
//! and clamped, from outside.

use chrono::TimeDelta;
use hourkey_domain::ids::{ResourceId, UserId};
use serde_json::{Value, json};

use crate::web::browser::Site;
use crate::web::edit_forms::{saved, send};

const DAY: i64 = 86_400;

/// The longest access period is this; 14, 30 and 90 days are offered where they fit.
async fn with_longest(site: &Site, offered: &str, longest: &str) {
    let ada = site.signed_in("ada").await;
    let change = [("offered", offered), ("longest", longest)];
    saved(&ada, "/settings", &change).await;
}

/// Asks for all there is.
async fn ask(site: &Site, user: UserId, resource: ResourceId, extends: bool) -> Value {
    let assignment = site.env.assignments.vault;
    let body = json!({
        "resource": resource,
        "assignment": assignment,
        "reason": "The migration",
        "extends": extends,
    });
    site.env.post(user, "/requests", body).await.json()
}

async fn approve(site: &Site, request: &Value) -> Value {
    let path = format!("/requests/{}/approve", request["id"]);
    let answer = site.env.post(site.env.people.rae, &path, json!({})).await;
    assert_eq!(answer.status, 200, "{answer}");
    answer.json()
}

#[tokio::test]
async fn thirty_days_are_asked_extended_and_clamped() {
    let site = Site::new().await;
    let (people, vault) = (site.env.people, site.env.resources.vault);
    with_longest(&site, "1h, 14 days, 30 days, 90 days", "365 days").await;
    let ada = site.signed_in("ada").await;
    let settings = format!("/resources/{vault}/settings");
    let form = ada.get(&settings).await;
    for offered in ["14 days", "30 days", "90 days"] {
        form.says(offered);
    }
    saved(&ada, &settings, &[("period", &(30 * DAY).to_string())]).await;

    let ann = site.signed_in("ann").await;
    let page = ann.get(&format!("/resources/{vault}/request")).await;
    page.says("30 days");
    let asked = ask(&site, people.ann, vault, false).await;
    assert_eq!(asked["asked"], 30 * DAY);
    let rae = site.signed_in("rae").await;
    let review = rae.get(&format!("/review/{}", asked["id"])).await;
    review.says("Approve for 1 day 7 days Other…");
    let approved = approve(&site, &asked).await;
    assert_eq!(approved["grant"]["expires_at"], "2030-01-31T00:00:00Z");
    let page = ann.get(&format!("/requests/{}", asked["id"])).await;
    page.says("30 days");

    // Twenty days later, thirty lie ahead again.
    site.env.wait(TimeDelta::days(20)).await;
    let more = ask(&site, people.ann, vault, true).await;
    let extended = approve(&site, &more).await;
    assert_eq!(extended["grant"]["id"], approved["grant"]["id"]);
    assert_eq!(extended["grant"]["expires_at"], "2030-02-20T00:00:00Z");

    // What waits is clamped where the maximum is lowered; what runs keeps its end, and gains nothing.
    let waits = ask(&site, people.ben, vault, false).await;
    assert_eq!(waits["asked"], 30 * DAY);
    with_longest(&site, "1h", "7 days").await;
    let clamped = approve(&site, &waits).await;
    assert_eq!(clamped["grant"]["expires_at"], "2030-01-28T00:00:00Z");
    let detail = site
        .env
        .get(people.ann, &format!("/resources/{vault}"))
        .await;
    let detail = detail.json();
    assert_eq!(
        detail["resource"]["lock"]["expires_at"],
        "2030-02-20T00:00:00Z"
    );
    assert_eq!(detail["extension"]["at_most"], Value::Null);
    assert_eq!(detail["extension"]["refused"]["total"], 7 * DAY);
    let refused = ask(&site, people.ann, vault, true).await;
    let why = refused["detail"].as_str().unwrap();
    assert!(
        why.contains("access lasts at most 7 days from its start"),
        "{why}"
    );
    let ann = site.signed_in("ann").await;
    let page = ann.get(&format!("/resources/{vault}/extend")).await;
    page.says("It can’t be extended now: access lasts at most 7 days from its start.");

    // And it ends when it would have.
    site.env
        .wait(TimeDelta::days(30) - TimeDelta::seconds(1))
        .await;
    let lock = async || {
        let row = site
            .env
            .get(people.ann, &format!("/resources/{vault}"))
            .await;
        row.json()["resource"]["lock"]["state"].clone()
    };
    assert_eq!(lock().await, "granted");
    site.env.wait(TimeDelta::seconds(1)).await;
    assert_eq!(lock().await, "locked");
}

/// Whoever says how long themselves chooses 7 days at most, for a resource and for a group.
#[tokio::test]
async fn a_longer_maximum_lets_nobody_choose_more_than_seven_days() {
    let site = Site::new().await;
    with_longest(&site, "1h", "365 days").await;
    let ada = site.signed_in("ada").await;
    let own = site.env.assignments.vault;
    for path in [
        format!("/resources/{}/settings", site.env.resources.vault),
        format!("/assignments/{own}"),
    ] {
        let form = ada.get(&path).await;
        let before = site.seq().await;
        for (field, typed, words) in [
            ("up_to", "8 days", "can choose 7 days at most"),
            ("up_to", "365d", "can choose 7 days at most"),
            (
                "recommended",
                "8 days",
                "is longer than what may be asked for",
            ),
            ("up_to", "366d", "isn’t a length from 1 minute to 365 days"),
            (
                "up_to",
                "0 days",
                "isn’t a length from 1 minute to 365 days",
            ),
        ] {
            let mut change = vec![
                ("period", "custom"),
                ("up_to", "7 days"),
                ("recommended", ""),
            ];
            change.retain(|(name, _)| *name != field);
            change.push((field, typed));
            let answer = send(&ada, &path, &form, &change).await;
            answer.refuses(422, words);
            assert!(answer.text.contains(&format!("value=\"{typed}\"")));
        }
        for (typed, words) in [
            ("366 days", "isn’t a length from 1 minute to 365 days"),
            ("0 days", "isn’t a length from 1 minute to 365 days"),
            ("10000 days", "isn’t a length from 1 minute to 365 days"),
        ] {
            let change = [("period", "other"), ("other", typed)];
            send(&ada, &path, &form, &change).await.refuses(422, words);
        }
        assert_eq!(site.seq().await, before);
        saved(&ada, &path, &[("period", "custom"), ("up_to", "7 days")]).await;
        saved(&ada, &path, &[("period", "other"), ("other", "365 days")]).await;
    }
}
