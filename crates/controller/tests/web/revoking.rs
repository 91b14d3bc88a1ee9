//! Running access, ended or opened again from where an administrator sees it.

use chrono::TimeDelta;
use hourkey_domain::ids::UserId;
use hourkey_domain::organisation::User;
use hourkey_domain::review::Role;
use hourkey_domain::settings::Mode;
use serde_json::json;

use crate::web::browser::{Browser, Page, Site};

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

/// Sends the form as a browser does, with this comment.
async fn send(browser: &Browser<'_>, address: &str, page: &Page, comment: &str) -> Page {
    let newest = page.text.split("name=\"newest\" value=\"").nth(1).unwrap();
    let newest = newest.split('"').next().unwrap();
    let fields = [("newest", newest), ("comment", comment)];
    browser.post(address, &fields).await
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
    let again = send(&ada, &address, &page, " ").await;
    assert_eq!(again.status, 422, "{}", again.text);
    assert_eq!(site.seq().await, before);
    let done = send(&ada, &address, &page, "Your laptop was stolen").await;
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

/// What ended since the page was drawn needs nothing; what was granted since is not revoked unseen.
#[tokio::test]
async fn what_the_page_did_not_list_goes_on() {
    let site = Site::new().await;
    let [of_ann, ..] = granted(&site).await;
    let (env, people, database) = (&site.env, site.env.people, site.env.resources.database);
    let ada = site.signed_in("ada").await;
    let address = format!("/resources/{database}/revoke");
    let page = ada.get(&address).await;
    page.says("Ann Member");
    page.says("Rae Reviewer");
    // Meanwhile Ann gives hers back, and gets another.
    env.act(people.ann, &format!("/grants/{of_ann}/release"))
        .await;
    let body = json!({ "resource": database, "reason": "Once more" });
    let id = env.post(people.ann, "/requests", body).await.id();
    env.post(people.roy, &format!("/requests/{id}/approve"), json!({}))
        .await;
    let done = send(&ada, &address, &page, "It moves").await;
    assert_eq!(done.location(), format!("/resources/{database}"));
    let notices = env.notices(people.rae).await;
    assert_eq!(notices.last().map(String::as_str), Some("revoked"));
    let page = ada.get(&address).await;
    page.says("This ends 1 grant now");
    page.says("Ann Member");
}

/// What is more than one press revokes is said, and the next press goes on.
#[tokio::test]
async fn more_than_one_press_revokes_is_left_for_the_next() {
    let site = Site::new().await;
    let (env, logs) = (&site.env, site.env.resources.logs);
    let engineering = env.assignments.engineering;
    let joined = env.change(move |tx| {
        Box::pin(async move {
            let mut group = tx.group(engineering).await?.unwrap();
            for number in 0..501 {
                let user = User {
                    id: UserId(0),
                    login: format!("temp{number}"),
                    name: format!("Temp {number}"),
                    email: None,
                    roles: vec![Role::Member],
                    disabled: false,
                    since: None,
                };
                group.members.push(tx.insert_user(user).await?);
            }
            Ok(tx.update_group(group).await?)
        })
    });
    joined.await;
    let body = json!({ "resource": logs, "reason": "An alert" });
    let organisation = env.app.organisation().await.unwrap();
    for person in &organisation.group(engineering).unwrap().members {
        env.post(*person, "/requests", body.clone()).await.grant();
    }
    let ada = site.signed_in("ada").await;
    let address = format!("/resources/{logs}/revoke");
    let page = ada.get(&address).await;
    page.says("This ends 504 grants now");
    let told = send(&ada, &address, &page, "All stop").await;
    told.refuses(200, "500 grants were revoked. 4 are left");
    told.says("All stop");
    told.says("This ends 4 grants now");
    let done = send(&ada, &address, &told, "All stop").await;
    assert_eq!(done.location(), format!("/resources/{logs}"));
    ada.get(&address).await.says("Nothing is left to revoke.");
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
    let before = site.seq().await;
    let asked = send(&ada, &address, &page, "No more").await;
    asked.says("Confirm it’s you");
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
