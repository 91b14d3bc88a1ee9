//! The built-in group, set up by hand in the pages: who has what it gives, and what cannot be done to it.

use hourkey_domain::ids::{GroupId, ResourceId, UserId};
use serde_json::json;

use crate::web::browser::Site;
use crate::web::edit_forms::{removed, saved, send};

const EVERYONE: &str = "-1";
const BUILT_IN: &str = "Everyone is built in: every enabled account is in it, without a list.";

/// Whether the person may look at the resource at all.
async fn has(site: &Site, user: UserId, resource: ResourceId) -> bool {
    let answer = site.env.get(user, &format!("/resources/{resource}")).await;
    answer.status.is_success()
}

#[tokio::test]
async fn whoever_is_added_has_what_everyone_has_until_their_account_is_disabled() {
    let site = Site::new().await;
    let (env, database) = (&site.env, site.env.resources.database);
    let ada = site.signed_in("ada").await;
    assert!(!has(&site, env.people.eve, database).await);

    let path = format!("/resources/{database}/groups");
    let form = ada.get(&path).await;
    assert!(
        form.text.contains("<option value=\"-1\">Everyone</option>"),
        "{}",
        form.text
    );
    let change = [("group", EVERYONE), ("until", "2031-01-01T00:00")];
    let shown = send(&ada, &path, &form, &change).await;
    shown.says("Eve Nobody");
    saved(&ada, &path, &change).await;
    assert!(has(&site, env.people.eve, database).await);
    let again = ada.get(&path).await;
    assert!(!again.text.contains("value=\"-1\""), "{}", again.text);
    let page = ada.get(&format!("/resources/{database}")).await;
    page.says("Everyone");
    page.says("Eve Nobody");
    let organisation = site.app.organisation().await.unwrap();
    let mut own = organisation.assignments_to(GroupId::EVERYONE);
    let own = format!("/assignments/{}", own.next().unwrap().id);
    ada.get(&own).await.says("Everyone’s access to Database");
    saved(&ada, &own, &[("approval", "automatic")]).await;
    let summary = ada.get("/groups/-1/summary.csv").await;
    assert!(summary.text.contains("Eve Nobody"), "{}", summary.text);
    let asking = site.signed_in("eve").await;
    let asking = asking.get(&format!("/resources/{database}/request")).await;
    asking.says("Through group Everyone");
    saved(&ada, &own, &[("approval", "")]).await;

    saved(&ada, "/people/new", &[("lines", "Zoe New,,zoe")]).await;
    let organisation = site.app.organisation().await.unwrap();
    let zoe = organisation.user_by_login("zoe").unwrap().id;
    assert!(has(&site, zoe, database).await);
    let person = format!("/people/{zoe}");
    ada.get(&person).await.says("Groups Everyone");
    let request = json!({ "resource": database, "reason": "To read what is new" });
    let asked = env.post(zoe, "/requests", request).await;
    assert!(asked.status.is_success(), "{asked:?}");
    let roy = site.signed_in("roy").await;
    roy.get("/review").await.says("Everyone");

    let shown = send(
        &ada,
        &format!("{person}/edit"),
        &ada.get(&format!("{person}/edit")).await,
        &[("disabled", "on")],
    )
    .await;
    shown.says("1 request is cancelled");
    saved(&ada, &format!("{person}/edit"), &[("disabled", "on")]).await;
    assert!(!has(&site, zoe, database).await);
    let group = ada.get("/groups/-1").await;
    group.says("Eve Nobody");
    assert!(!group.words().contains("Zoe New"), "{}", group.words());
    assert_eq!(site.app.organisation().await.unwrap().groups().len(), 3);
}

#[tokio::test]
async fn it_is_listed_and_found_and_says_what_it_is() {
    let site = Site::new().await;
    let ada = site.signed_in("ada").await;
    let list = ada.get("/groups").await;
    list.says("Groups 4");
    list.says("Everyone 9");
    assert_eq!(ada.get("/jump?q=everyone").await.location(), "/groups/-1");
    let page = ada.get("/groups/-1").await;
    page.says(BUILT_IN);
    page.says("It gives access to nothing yet.");
    page.says("People 9");
    for gone in ["/groups/-1/edit\"", "Change…", "Add people"] {
        assert!(!page.text.contains(gone), "{gone}: {}", page.text);
    }
    // It pages like any other list.
    ada.get("/groups/-1?q=eve").await.says("Eve Nobody");
    for path in ["/groups/-2", "/groups/0", "/groups/-1x"] {
        assert_eq!(ada.get(path).await.status, 404, "{path}");
    }
    // Nobody is named as an approver through it.
    let database = site.env.resources.database;
    for path in [
        format!("/resources/{database}/edit"),
        "/settings".to_owned(),
    ] {
        let form = ada.get(&path).await;
        assert!(!form.text.contains("value=\"-1\""), "{}", form.text);
    }
}

#[tokio::test]
async fn what_cannot_be_done_to_it_is_refused_with_a_sentence() {
    let site = Site::new().await;
    let database = site.env.resources.database;
    let ada = site.signed_in("ada").await;
    let before = site.seq().await;
    ada.get("/groups/-1/edit").await.refuses(400, BUILT_IN);
    // The form of another group, and of a new one, sent to its address.
    let on_call = site.env.assignments.on_call;
    for form in [format!("/groups/{on_call}/edit"), "/groups/new".to_owned()] {
        let form = ada.get(&form).await;
        for change in [
            ("name", "Staff"),
            ("join", "eve"),
            ("leave", "eve"),
            ("do", "remove"),
        ] {
            for act in ["show", "save"] {
                let act = match change.0 {
                    "do" => [change, ("what", "remove")],
                    _ => [change, ("do", act)],
                };
                let answer = send(&ada, "/groups/-1/edit", &form, &act).await;
                answer.refuses(400, BUILT_IN);
            }
        }
    }
    for (path, field) in [
        (format!("/resources/{database}/edit"), "approver"),
        ("/settings".to_owned(), "fallback"),
    ] {
        let form = ada.get(&path).await;
        for act in ["show", "save"] {
            let forged = [(field, EVERYONE), ("do", act)];
            let answer = send(&ada, &path, &form, &forged).await;
            answer.refuses(400, BUILT_IN);
        }
    }
    let new = ada.get("/groups/new").await;
    let path = format!("/groups/{on_call}/edit");
    let old = ada.get(&path).await;
    for name in ["Everyone", "EVERYONE", "Every\u{200d}one", "Еvеryоnе"] {
        for (path, form) in [("/groups/new", &new), (&*path, &old)] {
            let answer = send(&ada, path, form, &[("name", name)]).await;
            answer.refuses(400, "Everyone is the built-in group’s name.");
        }
    }
    assert_eq!(site.seq().await, before);
    let organisation = site.app.organisation().await.unwrap();
    assert!(organisation.group(GroupId::EVERYONE).is_some());
}

/// Before anybody named a group, the first steps offer it.
#[tokio::test]
async fn the_first_steps_offer_it() {
    let site = Site::new().await;
    let ada = site.signed_in("ada").await;
    let organisation = site.app.organisation().await.unwrap();
    for group in organisation.groups() {
        let path = format!("/groups/{}/edit", group.id);
        removed(&ada, &path, &group.name).await;
    }
    let overview = ada.get("/overview").await;
    overview.says("Name a group and who is in it, or give Everyone access .");
    let (_, way) = overview.text.split_once("or <a href=\"").unwrap();
    let (way, _) = way.split_once('"').unwrap();
    assert!(way.ends_with("/groups?group=-1"), "{way}");
    let form = ada.get(way).await;
    assert!(
        form.text.contains("<option value=\"-1\" selected>"),
        "{}",
        form.text
    );
    saved(&ada, way, &[("group", EVERYONE)]).await;
    let overview = ada.get("/overview").await;
    overview.says("It may ask, as its settings say.");
    overview.says("What Ann Member sees");
}
