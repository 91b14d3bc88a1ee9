//! The administrators' pages: what stands on them, and what is downloaded from them.

use chrono::TimeDelta;
use hourkey_domain::settings::{Approval, Override};
use hourkey_store::usage::Connection;
use serde_json::json;

use crate::web::browser::Site;
use crate::web::connections::{gateway, kept};
use crate::web::devices::enrolled;

#[tokio::test]
async fn a_resources_page_says_who_uses_it_and_how() {
    let site = Site::new().await;
    let (env, people) = (&site.env, site.env.people);
    let database = env.resources.database;
    let request = json!({ "resource": database, "reason": "To mend it" });
    let id = env.post(people.ann, "/requests", request).await.id();
    let approve = format!("/requests/{id}/approve");
    env.post(people.roy, &approve, json!({})).await.grant();
    let aud = site.signed_in("aud").await;
    let list = aud.get("/resources").await;
    list.says("Database");
    list.says("Payroll");
    let page = aud.get(&format!("/resources/{database}")).await;
    for said in [
        "Engineering",
        "Ann Member",
        "Ben Oncall",
        "To mend it",
        "left",
    ] {
        page.says(said);
    }
    // Who sees it is not everybody.
    assert!(!page.text.contains("Eve Nobody"));
    let person = aud.get(&format!("/people/{}", people.ann)).await;
    for said in ["Ann Member", "Engineering", "Database", "To mend it"] {
        person.says(said);
    }
    aud.get("/requests").await.says("To mend it");
    aud.get(&format!("/requests/{id}")).await.says("Ann Member");
    let other = aud.get(&format!("/requests?user={}", people.ben)).await;
    assert!(!other.text.contains("To mend it"));
    let found = aud.get("/people?q=member+ann").await;
    found.says("Ann Member");
    assert!(!found.text.contains("Ben Oncall"));
    let shown = aud.get("/requests").await;
    assert!(shown.text.contains(&format!("\"/resources/{database}\"")));
    env.change(move |tx| Box::pin(async move { Ok(tx.remove_resource(database).await?) }))
        .await;
    let gone = aud.get("/requests").await;
    gone.says("To mend it");
    assert!(!gone.text.contains(&format!("/resources/{database}")));
    aud.get("/people?q=nobody+at+all")
        .await
        .says("Nothing matches");
}

#[tokio::test]
async fn operators_see_how_things_are_set_up_and_nobodys_access() {
    let site = Site::new().await;
    let database = site.env.resources.database;
    let request = json!({ "resource": database, "reason": "To mend it" });
    site.env
        .post(site.env.people.ann, "/requests", request)
        .await;
    let ola = site.signed_in("ola").await;
    let resource = ola.get(&format!("/resources/{database}")).await;
    resource.says("Engineering");
    let group = ola.get("/groups/1").await;
    group.says("Database");
    for page in [resource, group, ola.get("/resources").await] {
        for hidden in ["Ann Member", "To mend it", "/summary.csv", "/people"] {
            assert!(!page.text.contains(hidden), "{hidden}");
        }
    }
}

#[tokio::test]
async fn settings_of_a_groups_own_are_told_from_the_resources() {
    let site = Site::new().await;
    let env = &site.env;
    let (database, ann) = (env.resources.database, env.people.ann);
    env.change(move |tx| {
        Box::pin(async move {
            let mut all = tx.organisation().await?.assignments;
            let own = all.iter_mut().find(|own| own.resource == database).unwrap();
            own.own = Override {
                approval: Some(Approval::Automatic),
                ..Override::default()
            };
            Ok(tx.update_assignment(own.clone()).await?)
        })
    })
    .await;
    let ada = site.signed_in("ada").await;
    let page = ada.get(&format!("/resources/{database}")).await;
    assert!(page.text.contains(">With a reason</b>"), "{}", page.text);
    let rows = rows(&ada.get(&format!("/people/{ann}/summary.csv")).await.text);
    let row = rows
        .iter()
        .find(|row| row["Resource"] == "Database")
        .unwrap();
    assert_eq!(row["Approval"], "With a reason");
    assert_eq!(row["Approval from"], "override");
    assert_eq!(row["Mode from"], "resource");
}

#[tokio::test]
async fn the_page_of_explaining_takes_bad_questions() {
    let site = Site::new().await;
    let ada = site.signed_in("ada").await;
    ada.get("/explain").await.says("Explain");
    let asked = "/explain?user=ann&resource=Database";
    ada.get(asked)
        .await
        .says("Ann Member can’t reach Database now.");
    let later = ada.get(&format!("{asked}&at=2031-01-01T10:00")).await;
    later.says("2031-01-01 10:00");
    ada.get(&format!("{asked}&at=soon"))
        .await
        .refuses(400, "This is no time.");
    let unknown = ada.get("/explain?user=nobody&resource=Database").await;
    assert_eq!(unknown.status, 404);
    // What was asked stays.
    assert!(unknown.text.contains("value=\"nobody\""));
}

#[tokio::test]
async fn an_explanation_leads_to_what_its_reader_may_see() {
    let site = Site::new().await;
    let (database, ann) = (site.env.resources.database, site.env.people.ann);
    let asked = format!("/explain?user=ann&resource={database}");
    let answer = site.signed_in("aud").await.get(&asked).await;
    for page in [format!("/resources/{database}"), format!("/people/{ann}")] {
        assert!(answer.text.contains(&format!("\"{page}\"")), "{page}");
    }
    answer.says("Who can reach it?");
    let own = site.signed_in("ann").await.get(&asked).await;
    own.says("Ann Member can’t reach Database now.");
    for page in ["/people/", "/groups/"] {
        assert!(!own.text.contains(&format!("href=\"{page}")), "{page}");
    }
}

#[tokio::test]
async fn jumping_finds_what_one_may_open_and_nothing_else() {
    let site = Site::new().await;
    let (database, ann) = (site.env.resources.database, site.env.people.ann);
    let ada = site.signed_in("ada").await;
    let found = ada.get("/jump?q=ann").await;
    assert_eq!(found.status, 200);
    found.says("Ann Member");
    let to = ada.get("/jump?q=%20ann%20MEMBER").await;
    assert_eq!(to.status, 303);
    assert_eq!(to.header("location"), format!("/people/{ann}"));
    let to = site.signed_in("ola").await.get("/jump?q=database").await;
    assert_eq!(to.header("location"), format!("/resources/{database}"));
    for login in ["eve", "ann"] {
        let found = site.signed_in(login).await.get("/jump?q=ben").await;
        found.says("Nothing that you may open is called so.");
    }
    let found = site.signed_in("ola").await.get("/jump?q=ben").await;
    found.says("Nothing that you may open is called so.");
    // Their own leads to asking for it.
    let ann = site.signed_in("ann").await;
    let to = ann.get("/jump?q=Database").await;
    let own = format!("/resources/{database}/request");
    assert_eq!(to.header("location"), own);
    ann.get("/jump?q=%3Cscript%3E").await.says("Nothing that");
}

#[tokio::test]
async fn the_overview_says_what_runs_waits_and_surprises() {
    let site = Site::new().await;
    let (env, people) = (&site.env, site.env.people);
    let database = env.resources.database;
    let request = json!({ "resource": database, "reason": "To mend it" });
    let id = env
        .post(people.ann, "/requests", request.clone())
        .await
        .id();
    let approve = format!("/requests/{id}/approve");
    env.post(people.roy, &approve, json!({})).await.grant();
    let waiting = env.post(people.ben, "/requests", request).await.id();
    env.wait(TimeDelta::minutes(16)).await;
    let page = site.signed_in("aud").await.get("/overview").await;
    for said in [
        "1 granted now",
        "1 ending today (UTC)",
        "1 waiting",
        "1 waiting for more than 15 minutes",
        "0 of 0 gateways connected",
        "Network Office has resources, and no gateway that has enrolled",
        "Ann Member",
        "Ben Oncall",
    ] {
        page.says(said);
    }
    // Each number leads to what it counts, and each row to its request.
    for (query, who) in [
        ("state=granted", "Ann Member"),
        ("state=granted&amp;ends=today", "Ann Member"),
        ("state=waiting", "Ben Oncall"),
        ("state=waiting&amp;waits=15", "Ben Oncall"),
    ] {
        let address = format!("/requests?{query}");
        assert!(
            page.text.contains(&format!("href=\"{address}\"")),
            "{query}"
        );
        let list = site
            .signed_in("aud")
            .await
            .get(&address.replace("&amp;", "&"))
            .await;
        list.says(who);
        let rows = list.text.matches("<th scope=\"row\">").count();
        assert_eq!(rows, 1, "{query}");
    }
    for request in [id, waiting] {
        assert!(page.text.contains(&format!("href=\"/requests/{request}\"")));
    }
}

#[tokio::test]
async fn lists_say_what_a_resource_is_when_it_was_used_and_who_was_seen() {
    let site = Site::new().await;
    let (env, people, resources) = (&site.env, site.env.people, site.env.resources);
    env.change(move |tx| {
        Box::pin(async move {
            for (resource, address, ports) in [
                (resources.vault, "*.vault.corp", "22"),
                (resources.logs, "10.1.0.0/16", "443"),
                (resources.payroll, "10.2.0.1", "9000"),
            ] {
                let (mut found, _) = tx.resource(resource).await?.unwrap();
                found.address = address.parse().unwrap();
                found.ports = ports.parse().unwrap();
                tx.update_resource(found).await?;
            }
            Ok(())
        })
    })
    .await;
    let connection = Connection {
        gateway: gateway(&site).await,
        id: "0a".repeat(16),
        user: people.ann,
        device: enrolled(&site, people.ann, "ann-laptop").await,
        resource: resources.wiki,
        started_at: site.app.clock.now(),
        end: None,
    };
    kept(&site, connection).await;
    env.change(|_| Box::pin(async { Ok(()) })).await;
    let aud = site.signed_in("aud").await;
    env.wait(TimeDelta::hours(3)).await;
    let list = aud.get("/resources").await;
    for said in [
        "Wiki Web wiki.corp:443",
        "Database Database database.corp:5432",
        "Vault Wildcard *.vault.corp:22",
        "Logs Range 10.1.0.0/16",
        "Payroll Address 10.2.0.1:9000",
        "3 h ago",
        "never",
    ] {
        list.says(said);
    }
    let by_use = aud.get("/resources?sort=last-used").await.words();
    assert!(by_use.find("Wiki").unwrap() < by_use.find("Database").unwrap());
    aud.get("/resources?q=wildcard").await.says("Vault");
    // Operators are told nobody's use.
    assert!(
        !site
            .signed_in("ola")
            .await
            .get("/resources")
            .await
            .text
            .contains("Last used")
    );
    // Who signed out was seen all the same.
    let ben = site.signed_in("ben").await;
    ben.post("/sign-out", &[]).await;
    env.wait(TimeDelta::hours(1)).await;
    let people = aud.get("/people?q=ben").await;
    people.says("1 h ago");
    aud.get("/people?q=eve").await.says("never");
}

#[tokio::test]
async fn another_order_or_page_stays_in_its_section() {
    let site = Site::new().await;
    let ada = site.signed_in("ada").await;
    let (ann, database) = (site.env.people.ann, site.env.resources.database);
    for (page, sort) in [
        (format!("/people/{ann}"), "?sort=last-used#access"),
        (format!("/resources/{database}"), "?sort=last-used#people"),
        ("/groups/1".to_owned(), "?sort=login#people"),
    ] {
        let shown = ada.get(&page).await;
        let link = format!("href=\"{page}{sort}\"");
        assert!(shown.text.contains(&link), "{link}\n{}", shown.text);
        let section = sort.split_once('#').unwrap().1;
        assert!(shown.text.contains(&format!("<section id=\"{section}\"")));
    }
}

#[tokio::test]
async fn jumping_finds_requests_gateways_networks_and_settings() {
    let site = Site::new().await;
    let (env, people) = (&site.env, site.env.people);
    let request = json!({ "resource": env.resources.database, "reason": "To mend it" });
    let id = env.post(people.ann, "/requests", request).await.id();
    let gateway = gateway(&site).await;
    let ada = site.signed_in("ada").await;
    for (typed, page) in [
        (id.to_string(), format!("/requests/{id}")),
        (format!("%23{id}"), format!("/requests/{id}")),
        (format!("Request+{id}"), format!("/requests/{id}")),
        ("gw-1".to_owned(), format!("/gateways/{gateway}")),
        ("office".to_owned(), "/gateways#network-1".to_owned()),
        ("access+periods".to_owned(), "/settings#offered".to_owned()),
        ("mail+server".to_owned(), "/settings/mail#server".to_owned()),
        ("password".to_owned(), "/account".to_owned()),
    ] {
        let to = ada.get(&format!("/jump?q={typed}")).await;
        assert_eq!(to.header("location"), page, "{typed}: {}", to.words());
    }
    ada.get("/jump?q=smtp").await.says("Mail server");
    // Nobody finds what they may not open: a request of somebody else is as one that is not there.
    let ben = site.signed_in("ben").await;
    for typed in [
        id.to_string(),
        "4711".to_owned(),
        "gw-1".to_owned(),
        "office".to_owned(),
        "smtp".to_owned(),
    ] {
        let found = ben.get(&format!("/jump?q={typed}")).await;
        found.says("Nothing that you may open is called so.");
    }
    let own = site
        .signed_in("ann")
        .await
        .get(&format!("/jump?q={id}"))
        .await;
    assert_eq!(own.header("location"), format!("/requests/{id}"));
}

type Row = std::collections::BTreeMap<String, String>;

/// As a reader of comma-separated values has them.
fn rows(text: &str) -> Vec<Row> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader.deserialize().map(Result::unwrap).collect()
}
