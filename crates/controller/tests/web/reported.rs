//! What users of comparable programs reported (repository and number of the public issue): it is right here.

use chrono::TimeDelta;
use serde_json::json;

use crate::web::browser::Site;
use crate::web::edit_forms::{saved, send};

/// Ann asks for the database, and Rae approves.
async fn approved(site: &Site) -> i64 {
    let env = &site.env;
    let body = json!({ "resource": env.resources.database, "reason": "An old alert" });
    let id = env.post(env.people.ann, "/requests", body).await.id();
    approve(site, id).await;
    id
}

/// Rae approves.
async fn approve(site: &Site, id: i64) {
    let path = format!("/requests/{id}/approve");
    let done = site.env.post(site.env.people.rae, &path, json!({})).await;
    assert_eq!(done.status, 200, "{done}");
}

/// teleport#68308, #48279: a request of two years ago is found with who approved it.
#[tokio::test]
async fn a_request_of_two_years_ago_is_found_with_its_approval() {
    let site = Site::new().await;
    let id = approved(&site).await;
    site.env.wait(TimeDelta::days(731)).await;
    let rae = site.signed_in("rae").await;
    assert!(!rae.get("/review").await.text.contains("An old alert"));
    let found = rae.get("/review?q=old+alert").await;
    assert!(
        found.text.contains(&format!("id=\"decided-{id}\"")),
        "{}",
        found.words()
    );
    let roy = site.signed_in("roy").await;
    let page = roy.get(&format!("/review/{id}")).await;
    page.says("Approved for 1 hour by Rae Reviewer");
    page.says("Ann Member");
    page.says("An old alert");
    let auditor = site.signed_in("aud").await;
    auditor
        .get(&format!("/requests/{id}"))
        .await
        .says("Approved by Rae Reviewer");
}

/// jit-groups#425, teleport#31538: an old tab and the mail's link show what is so now, and offer nothing to
/// decide.
#[tokio::test]
async fn a_link_of_before_the_decision_shows_it_as_it_is() {
    let site = Site::new().await;
    let roy = site.signed_in("roy").await;
    let env = &site.env;
    let body = json!({ "resource": env.resources.database, "reason": "An alert" });
    let id = env.post(env.people.ann, "/requests", body).await.id();
    let link = format!("/review/{id}?as=roy");
    roy.get(&link).await.says("Approve");
    approve(&site, id).await;
    let page = roy.get(&link).await;
    page.says("Rae Reviewer");
    assert!(!page.text.contains("value=\"approve\""), "{}", page.words());
    let late = roy
        .post(
            &format!("/review/{id}"),
            &[("do", "deny"), ("comment", "No")],
        )
        .await;
    assert_eq!(late.status, 409);
    late.says("Rae Reviewer");
}

/// sso-elevator#175, jit-groups#316: what nobody can approve is not left to wait, on the page either.
#[tokio::test]
async fn the_page_says_that_nobody_can_approve() {
    let site = Site::new().await;
    let (env, vault) = (&site.env, site.env.resources.vault);
    let people = env.people;
    env.change(move |tx| {
        Box::pin(async move {
            for id in [people.roy, people.ada] {
                let mut user = tx.user(id).await?.unwrap();
                user.disabled = true;
                tx.update_user(user).await?;
            }
            Ok(())
        })
    })
    .await;
    let rae = site.signed_in("rae").await;
    let path = format!("/resources/{vault}/request");
    let page = rae.get(&path).await;
    page.says("Nobody can approve this for you now");
    let before = site.seq().await;
    let fields = [("reason", "Why"), ("key", "k-1")];
    let refused = rae.post(&path, &fields).await;
    refused.refuses(409, "Nobody else can approve this");
    assert_eq!(site.seq().await, before, "nothing waits");
}

/// hoop#1677: access that makes another group's review meaningless says so before it is saved.
#[tokio::test]
async fn access_without_a_review_is_announced_before_it_is_saved() {
    let site = Site::new().await;
    let (env, vault) = (&site.env, site.env.resources.vault);
    let ada = site.signed_in("ada").await;
    let group = saved(&ada, "/groups/new", &[("name", "Builders")]).await;
    let group = group.header("location").to_owned();
    saved(&ada, &group, &[("join", "ann")]).await;
    let organisation = site.app.organisation().await.unwrap();
    let builders = organisation.groups().find(|it| it.name == "Builders");
    let id = builders.unwrap().id.to_string();
    let path = format!("/resources/{vault}/groups");
    let form = ada.get(&path).await;
    let change = [("group", &*id), ("mode", "standing")];
    let shown = send(&ada, &path, &form, &change).await;
    shown.says("The rules for Vault become looser for");
    shown.says("Ann Member");
    let detail = env
        .get(env.people.ann, &format!("/resources/{vault}"))
        .await
        .json();
    assert_eq!(
        detail["resource"]["lock"]["state"], "locked",
        "nothing is saved yet"
    );
}

/// One group's people need a request where another group's have the same resource open: a person of both has
/// the more permissive (rule 3), everybody else theirs.
#[tokio::test]
async fn a_resource_is_locked_for_some_of_its_groups_and_open_to_others() {
    let site = Site::new().await;
    let (env, vault) = (&site.env, site.env.resources.vault);
    let ada = site.signed_in("ada").await;
    let own = format!("/assignments/{}", env.assignments.vault_on_call);
    saved(&ada, &own, &[("mode", "standing")]).await;
    let state = async |person| {
        let detail = env.get(person, &format!("/resources/{vault}")).await.json();
        detail["resource"]["lock"]["state"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(state(env.people.ann).await, "locked");
    assert_eq!(state(env.people.ben).await, "open");
}

/// discord/access#28, #33, and the founding idea's bound: exactly seven days are asked for, granted, shown and
/// over to the second.
#[tokio::test]
async fn seven_days_are_seven_days() {
    let site = Site::new().await;
    let (env, database) = (&site.env, site.env.resources.database);
    let ada = site.signed_in("ada").await;
    let fields = [("period", "custom"), ("up_to", "7d")];
    saved(&ada, &format!("/resources/{database}/settings"), &fields).await;
    let week = 7 * 24 * 60 * 60;
    let body = json!({ "resource": database, "reason": "A long one", "seconds": week });
    let id = env.post(env.people.ann, "/requests", body).await.id();
    let rae = site.signed_in("rae").await;
    rae.get(&format!("/review/{id}"))
        .await
        .says("Requests access for 7 days");
    approve(&site, id).await;
    let shown = env
        .get(env.people.ann, &format!("/requests/{id}"))
        .await
        .json();
    assert_eq!(
        shown["grant"]["expires_at"], "2030-01-08T00:00:00Z",
        "{shown}"
    );
    // teleport#27920: what is left is right beyond a day.
    let ann = site.signed_in("ann").await;
    ann.get("/access").await.says("7 days left");
    env.wait(TimeDelta::days(5) + TimeDelta::hours(20)).await;
    let ann = site.signed_in("ann").await;
    ann.get("/access").await.says("1 d 4 h left");
    env.wait(TimeDelta::hours(28)).await;
    let shown = env
        .get(env.people.ann, &format!("/requests/{id}"))
        .await
        .json();
    assert_eq!(shown["grant"]["status"]["state"], "expired", "{shown}");
}
