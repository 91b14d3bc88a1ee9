//! Running access, ended or opened again from where an administrator sees it.

use chrono::TimeDelta;
use hourkey_domain::settings::Mode;
use serde_json::json;

use crate::web::browser::{Page, Site};

/// Ann has the database and the logs, Rae the database; the ids of their grants.
async fn granted(site: &Site) -> [i64; 3] {
    let (env, people, resources) = (&site.env, site.env.people, site.env.resources);
    let mut grants = [0; 3];
    for (at, user) in [people.ann, people.rae].into_iter().enumerate() {
        let body = json!({ "resource": resources.database, "reason": "To mend it" });
        let id = env.post(user, "/requests", body).await.id();
        let approved = env
            .post(people.roy, &format!("/requests/{id}/approve"), json!({}))
            .await;
        grants[at] = approved.grant();
    }
    let body = json!({ "resource": resources.logs, "reason": "An alert", "seconds": 7_200 });
    grants[2] = env.post(people.ann, "/requests", body).await.grant();
    grants
}

/// The fields of the form as a browser sends them, with this comment.
fn form(page: &Page, comment: &str) -> Vec<(&'static str, String)> {
    let grants = page.text.split("name=\"grant\" value=\"").skip(1);
    let grants = grants.map(|rest| rest.split('"').next().unwrap().to_owned());
    let mut fields: Vec<_> = grants.map(|grant| ("grant", grant)).collect();
    fields.push(("comment", comment.to_owned()));
    fields
}

#[tokio::test]
async fn all_access_of_a_person_is_revoked_at_once() {
    let site = Site::new().await;
    granted(&site).await;
    let ann = site.env.people.ann;
    let ada = site.signed_in("ada").await;
    let person = ada.get(&format!("/people/{ann}")).await;
    let address = format!("/people/{ann}/revoke");
    assert!(person.text.contains(&format!("href=\"{address}\"")));
    let page = ada.get(&address).await;
    page.says("This ends 2 grants now, and cuts what is connected.");
    page.says("Database");
    page.says("Logs");
    let before = site.seq().await;
    // Each of them is told why.
    let blank = form(&page, " ");
    let blank: Vec<_> = blank
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let again = ada.post(&address, &blank).await;
    assert_eq!(again.status, 422, "{}", again.text);
    assert_eq!(site.seq().await, before);
    let fields = form(&page, "Your laptop was stolen");
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let done = ada.post(&address, &fields).await;
    assert_eq!(done.location(), format!("/people/{ann}"));
    let revoked = vec!["grant.revoked by Ada Admin"; 2];
    assert_eq!(site.env.actions(before).await, revoked);
    let notices = site.env.notices(ann).await;
    assert_eq!(notices.iter().filter(|kind| *kind == "revoked").count(), 2);
    ada.get(&address).await.says("Nothing is left to revoke.");
    let person = ada.get(&format!("/people/{ann}")).await;
    assert!(!person.text.contains(&address));
    // Somebody else’s went on.
    let rae = site.env.people.rae;
    ada.get(&format!("/people/{rae}/revoke"))
        .await
        .says("This ends 1 grant now");
}

#[tokio::test]
async fn what_cannot_be_revoked_is_told_and_stops_nothing() {
    let site = Site::new().await;
    let [of_ann, ..] = granted(&site).await;
    let database = site.env.resources.database;
    let ada = site.signed_in("ada").await;
    let address = format!("/resources/{database}/revoke");
    let page = ada.get(&address).await;
    page.says("Ann Member");
    page.says("Rae Reviewer");
    // Meanwhile Ann gives hers back.
    site.env
        .act(site.env.people.ann, &format!("/grants/{of_ann}/release"))
        .await;
    let fields = form(&page, "It moves");
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let told = ada.post(&address, &fields).await;
    told.refuses(409, "Some of it could not be revoked. Everything else was.");
    told.says("Access was given back.");
    told.says("Nothing is left to revoke.");
    let mine = site.env.notices(site.env.people.rae).await;
    assert_eq!(mine.last().map(String::as_str), Some("revoked"));
}

#[tokio::test]
async fn it_asks_who_one_is_after_a_while_and_goes_on_then() {
    let site = Site::new().await;
    let ann = site.env.people.ann;
    let ada = site.signed_in("ada").await;
    site.env.clock.forward(TimeDelta::minutes(16));
    granted(&site).await;
    let address = format!("/people/{ann}/revoke");
    let page = ada.get(&address).await;
    let fields = form(&page, "No more");
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let before = site.seq().await;
    ada.post(&address, &fields).await.says("Confirm it’s you");
    assert_eq!(site.seq().await, before);
}

#[tokio::test]
async fn what_locked_by_disuse_is_unlocked_from_both_pages() {
    let site = Site::new().await;
    let (database, ann) = (site.env.resources.database, site.env.people.ann);
    let change = site.env.change(move |tx| {
        Box::pin(async move {
            let (mut found, _) = tx.resource(database).await?.unwrap();
            found.settings.mode = Mode::AutoLock;
            Ok(tx.update_resource(found).await?)
        })
    });
    change.await;
    site.env.wait(TimeDelta::days(8)).await;
    let (ada, aud) = (site.signed_in("ada").await, site.signed_in("aud").await);
    let link = format!("/unlock?login=ann&amp;resource={database}");
    for page in [format!("/people/{ann}"), format!("/resources/{database}")] {
        assert!(
            ada.get(&page)
                .await
                .text
                .contains(&format!("href=\"{link}\"")),
            "{page}"
        );
        assert!(!aud.get(&page).await.text.contains("/unlock?"), "{page}");
    }
    let page = ada.get(&link.replace("&amp;", "&")).await;
    page.says("Database");
    let id = database.to_string();
    assert_eq!(page.field("resource").unwrap(), id);
    let fields = [
        ("login", "ann"),
        ("resource", &*id),
        ("comment", "Back from leave"),
    ];
    assert_eq!(ada.post("/unlock", &fields).await.status, 303);
    assert!(
        !ada.get(&format!("/people/{ann}"))
            .await
            .text
            .contains("/unlock?")
    );
}
