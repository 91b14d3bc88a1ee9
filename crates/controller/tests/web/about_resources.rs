//! What a resource is beyond its address, as people meet it: disabled, hidden, described, owned.

use hourkey_domain::ids::ResourceId;
use hourkey_domain::organisation::About;
use hourkey_domain::visibility::Visibility;
use serde_json::json;

use crate::web::browser::Site;
use crate::web::edit_forms::{removed, saved, send};

const NETWORK: (&str, &str) = ("network", "1");

async fn about(site: &Site, resource: ResourceId) -> About {
    let organisation = site.app.organisation().await.unwrap();
    organisation.resource(resource).unwrap().about.clone()
}

/// Rule 7: what waits and what runs ends with its resource's use, and comes back by itself never.
#[tokio::test]
async fn a_disabled_resource_ends_all_and_enabling_revives_nothing() {
    let site = Site::new().await;
    let (env, people) = (&site.env, site.env.people);
    let database = env.resources.database;
    let ask = json!({ "resource": database, "reason": "To mend it", "seconds": 3_600 });
    let running = env.post(people.ann, "/requests", ask.clone()).await.id();
    let approve = format!("/requests/{running}/approve");
    env.post(people.roy, &approve, json!({})).await.grant();
    let longer =
        json!({ "resource": database, "reason": "More", "extends": true, "seconds": 7_200 });
    let extension = env.post(people.ann, "/requests", longer).await.id();
    let waiting = env.post(people.ben, "/requests", ask.clone()).await.id();
    let ada = site.signed_in("ada").await;
    let path = format!("/resources/{database}/edit");
    let form = ada.get(&path).await;
    let shown = send(&ada, &path, &form, &[("use", "disabled"), NETWORK]).await;
    for said in [
        "3 people lose access to Database , disabled now: Ann Member , Ben Oncall , Rae Reviewer .",
        "1 grant is revoked because the resource was disabled: Ann Member on Database .",
        "2 requests are cancelled because the resource was disabled: Ann Member for Database , Ben \
         Oncall for Database .",
    ] {
        shown.says(said);
    }
    let done = send(&ada, &path, &shown, &[("do", "save"), NETWORK]).await;
    assert_eq!(done.status, 303, "{}", done.words());
    ada.get(&format!("/resources/{database}"))
        .await
        .says("It is disabled: it opens for nobody");
    // Nobody asks, extends or unlocks; who saw it is told why, who did not is not.
    let status = async |id: i64| {
        let request = env.get(people.ada, &format!("/requests/{id}")).await.json();
        (request["status"].clone(), request["grant"].clone())
    };
    for id in [waiting, extension] {
        let (status, _) = status(id).await;
        assert_eq!(status["cause"], "resource_disabled", "{status}");
    }
    let (_, grant) = status(running).await;
    assert_eq!(grant["status"]["cause"], "resource_disabled", "{grant}");
    let asked = env.post(people.ben, "/requests", ask.clone()).await;
    assert_eq!(asked.code(), "409 resource_disabled");
    let unknown = env.post(people.eve, "/requests", ask.clone()).await;
    assert_eq!(unknown.code(), "404 not_found");
    let row = env.get(people.ben, &format!("/resources/{database}")).await;
    assert_eq!(row.json()["resource"]["lock"]["why"], "disabled");
    let explained = format!("/explain?resource={database}");
    let why = env.get(people.ben, &explained).await.json();
    assert_eq!(
        why["missing"][0],
        json!({ "missing": "resource_disabled" }),
        "{why}"
    );
    let explained = format!("/explain?resource={database}&user=ben");
    ada.get(&explained).await.says("It is disabled");
    let ben = site.signed_in("ben").await;
    ben.get("/access").await.says("Disabled");
    let page = ben.get(&format!("/resources/{database}/request")).await;
    page.says("Database is disabled");
    assert!(!page.text.contains("id=\"ask\""), "{}", page.text);
    let eve = site.signed_in("eve").await;
    let hidden = eve.get(&format!("/resources/{database}/request")).await;
    assert_eq!(hidden.status, 404);
    // Enabled again, it can be asked for, and that is all.
    saved(&ada, &path, &[("use", "enabled"), NETWORK]).await;
    let (_, grant) = status(running).await;
    assert_eq!(grant["status"]["state"], "revoked", "{grant}");
    assert_eq!(status(waiting).await.0["state"], "cancelled");
    env.post(people.ben, "/requests", ask).await.id();
}

#[tokio::test]
async fn what_is_told_of_a_resource_is_told_to_those_it_is_for() {
    let site = Site::new().await;
    let (env, people) = (&site.env, site.env.people);
    let database = env.resources.database;
    let ada = site.signed_in("ada").await;
    let path = format!("/resources/{database}/edit");
    let change = [
        ("description", "All orders, <b>read only</b>"),
        (
            "how_to_use",
            "psql -h database.corp\r\nhttps://wiki.corp/help",
        ),
        ("owner", " EVE "),
        ("visibility", "hidden"),
        NETWORK,
    ];
    saved(&ada, &path, &change).await;
    let saved_as = About {
        enabled: true,
        visibility: Visibility::Hidden,
        description: "All orders, <b>read only</b>".to_owned(),
        how_to_use: "psql -h database.corp\nhttps://wiki.corp/help".to_owned(),
        owner: Some(people.eve),
    };
    assert_eq!(about(&site, database).await, saved_as);
    let page = ada.get(&format!("/resources/{database}")).await;
    for said in ["All orders", "psql -h", "Eve Nobody", "Hidden"] {
        page.says(said);
    }
    // Ann finds it by going there, is told what it is, and how to use it once it is granted.
    let ann = site.signed_in("ann").await;
    let list = ann.get("/access").await;
    assert!(!list.text.contains("Database"), "{}", list.text);
    let request = format!("/resources/{database}/request");
    let jump = ann.get("/jump?q=data").await;
    assert!(!jump.text.contains("Database"), "{}", jump.text);
    assert_eq!(
        ann.get("/jump?q=DATABASE").await.header("location"),
        request
    );
    let seen = ada.get(&format!("/people/{}/view", people.ann)).await;
    assert!(!seen.text.contains("Database"), "{}", seen.text);
    let page = ann.get(&request).await;
    page.says("All orders, &lt;b&gt;read only&lt;/b&gt;");
    for kept in ["psql", "Eve Nobody"] {
        assert!(!page.text.contains(kept), "{kept}");
    }
    let ask = json!({ "resource": database, "reason": "To mend it" });
    let id = env.post(people.ann, "/requests", ask).await.id();
    ann.get("/access").await.says("Database");
    let row = format!("/resources/{database}");
    let waits = env.get(people.ann, &row).await.json();
    assert_eq!(waits["resource"]["how_to_use"], json!(null));
    assert_eq!(waits["resource"]["visibility"], "hidden");
    env.post(people.roy, &format!("/requests/{id}/approve"), json!({}))
        .await
        .grant();
    let open = ann.get(&format!("/requests/{id}")).await;
    open.says("psql -h database.corp");
    assert!(!open.text.contains("href=\"https://wiki.corp"), "no link");
    let granted = env.get(people.ann, &row).await.json();
    assert_eq!(granted["resource"]["how_to_use"], saved_as.how_to_use);
    // Reviewers and operators are told no names, and what is left of an owner who goes is nothing.
    let ola = site.signed_in("ola").await;
    let page = ola.get(&format!("/resources/{database}")).await;
    page.says("All orders");
    assert!(!page.text.contains("Eve Nobody"), "{}", page.text);
    saved(&ola, &path, &[("description", "Orders"), NETWORK]).await;
    assert_eq!(about(&site, database).await.owner, Some(people.eve));
    let gone = format!("/people/{}/edit", people.eve);
    removed(&ada, &gone, "Eve Nobody").await;
    assert_eq!(about(&site, database).await.owner, None);
}

#[tokio::test]
async fn what_cannot_be_said_of_a_resource_is_refused_and_kept() {
    let site = Site::new().await;
    let database = site.env.resources.database;
    let ada = site.signed_in("ada").await;
    let path = format!("/resources/{database}/edit");
    let form = ada.get(&path).await;
    let long = "x".repeat(2_001);
    for (field, typed, said) in [
        ("description", &*long, "has more than 2,000 characters"),
        (
            "how_to_use",
            "left\u{202e}right",
            "characters that cannot be seen",
        ),
        ("owner", "nobody", "Nobody signs in as “nobody”"),
    ] {
        let answer = send(&ada, &path, &form, &[(field, typed), NETWORK]).await;
        answer.refuses(422, said);
        assert!(answer.text.contains(typed), "{field}");
    }
    // Words that no form has change nothing.
    let odd = [("visibility", "loud"), ("use", "maybe"), NETWORK];
    let answer = send(&ada, &path, &form, &odd).await;
    answer.refuses(400, "This changes nothing");
    // A longer text of the same length is another one.
    let shown = send(&ada, &path, &form, &[("description", "one"), NETWORK]).await;
    let other = [("description", "two"), ("do", "save"), NETWORK];
    assert_eq!(send(&ada, &path, &shown, &other).await.status, 409);
    assert_eq!(about(&site, database).await, About::default());
}
