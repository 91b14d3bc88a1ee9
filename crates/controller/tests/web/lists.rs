//! Everybody's requests as a list: searched, filtered by state, person and resource, and downloaded.

use chrono::TimeDelta;
use serde_json::json;

use crate::web::browser::{Browser, Site};

/// Ann's request for the database was approved for less, Ben's was denied and then asked again, Rae opened
/// the logs and gave them back.
async fn asked(site: &Site) {
    let (env, people) = (&site.env, site.env.people);
    let database = env.resources.database;
    let body = json!({ "resource": database, "reason": "=1+1", "seconds": 14_400 });
    let id = env.post(people.ann, "/requests", body).await.id();
    let hour = json!({ "seconds": 3_600, "comment": "One is enough" });
    env.post(people.roy, &format!("/requests/{id}/approve"), hour)
        .await;
    let body = json!({ "resource": database, "reason": "A look", "seconds": 3_600 });
    let id = env.post(people.ben, "/requests", body.clone()).await.id();
    let no = json!({ "comment": "Not now" });
    env.post(people.dan, &format!("/requests/{id}/deny"), no)
        .await;
    env.post(people.ben, "/requests", body).await.id();
    let body = json!({ "resource": env.resources.logs, "reason": "An alert", "seconds": 3_600 });
    let request = env.post(people.rae, "/requests", body).await;
    let give_back = format!("/grants/{}/release", request.grant());
    assert_eq!(env.act(people.rae, &give_back).await.status, 200);
}

/// The reasons that stand on the page.
async fn reasons(browser: &Browser<'_>, query: &str) -> Vec<&'static str> {
    let page = browser.get(&format!("/requests?{query}")).await;
    assert_eq!(page.status, 200, "{query}");
    let words = page.words();
    let all = ["=1+1", "A look", "An alert"];
    all.into_iter()
        .filter(|reason| words.contains(reason))
        .collect()
}

#[tokio::test]
async fn requests_are_searched_and_filtered_by_their_address() {
    let site = Site::new().await;
    asked(&site).await;
    let (people, resources) = (site.env.people, site.env.resources);
    let aud = site.signed_in("aud").await;
    for (query, expected) in [
        ("", vec!["=1+1", "A look", "An alert"]),
        ("q=ann", vec!["=1+1"]),
        ("q=LOGS", vec!["An alert"]),
        ("q=ben+look", vec!["A look"]),
        ("q=ben+alert", vec![]),
        ("state=granted", vec!["=1+1"]),
        ("state=waiting", vec!["A look"]),
        ("state=denied", vec!["A look"]),
        ("state=given-back", vec!["An alert"]),
        ("state=revoked", vec![]),
        ("state=expired", vec![]),
        ("state=waiting&q=ann", vec![]),
        (&format!("user={}", people.rae), vec!["An alert"]),
        (
            &format!("resource={}", resources.database),
            vec!["=1+1", "A look"],
        ),
        (
            &format!("resource={}&user={}", resources.logs, people.ann),
            vec![],
        ),
        ("state=granted&ends=today", vec!["=1+1"]),
        ("waits=15", vec![]),
    ] {
        assert_eq!(reasons(&aud, query).await, expected, "{query}");
    }
    site.env.wait(TimeDelta::minutes(16)).await;
    assert_eq!(reasons(&aud, "state=waiting&waits=15").await, ["A look"]);
    site.env.wait(TimeDelta::minutes(50)).await;
    assert_eq!(reasons(&aud, "state=ended").await, ["=1+1"]);
    // What is chosen stays chosen, and is what is downloaded.
    let page = aud.get("/requests?q=ben&state=denied").await;
    assert!(page.text.contains("value=\"denied\" selected"));
    assert!(
        page.text
            .contains("href=\"/requests.csv?q=ben&amp;state=denied\"")
    );
    page.says("1 hour");
    page.says("Dan Owner");
    let ended = aud.get("/requests?state=ended").await;
    ended.says("4 hours → 1 hour");
    ended.says("Roy Reviewer");
    let head = "Asked <span class=\"zone\" data-zone=\"name\">UTC</span>";
    assert!(ended.text.contains(head));
    aud.get("/requests?state=revoked")
        .await
        .says("No request is like that.");
}

#[tokio::test]
async fn what_is_filtered_is_downloaded_and_audited() {
    let site = Site::new().await;
    asked(&site).await;
    // More than one page of them.
    let (env, people) = (&site.env, site.env.people);
    for _ in 0..60 {
        env.clock.forward(TimeDelta::minutes(2));
        let body = json!({ "resource": env.resources.logs, "reason": "Again", "seconds": 60 });
        let request = env.post(people.ann, "/requests", body).await;
        assert_eq!(request.status, 201, "{}", request.text);
        let give_back = format!("/grants/{}/release", request.grant());
        env.act(people.ann, &give_back).await;
    }
    let before = site.seq().await;
    let aud = site.signed_in("aud").await;
    let file = aud.get("/requests.csv?").await;
    assert!(file.header("content-type").starts_with("text/csv"));
    assert!(
        file.header("content-disposition")
            .starts_with("attachment;")
    );
    let rows = rows(&file.body);
    assert_eq!(rows.len(), 64);
    let ids: Vec<u64> = rows
        .iter()
        .map(|row| row["Request"].parse().unwrap())
        .collect();
    assert!(ids.is_sorted_by(|newer, older| newer > older));
    let row = rows.last().unwrap();
    let expected = [
        ("Asked (UTC)", "2030-01-01 00:00"),
        ("User", "Ann Member"),
        ("Login", "ann"),
        ("Resource", "Database"),
        ("Through group", "Engineering"),
        ("For", "Access"),
        ("Reason", "'=1+1"),
        ("Asked for", "4 hours"),
        ("Given", "1 hour"),
        ("State", "Ended"),
        ("Decided by", "Roy Reviewer"),
        ("Decided (UTC)", "2030-01-01 00:00"),
        ("Comment", "One is enough"),
        ("Grant start (UTC)", "2030-01-01 00:00"),
        ("Grant end (UTC)", "2030-01-01 01:00"),
        ("Ended (UTC)", "2030-01-01 01:00"),
        ("Extends request", ""),
        ("Ended by", ""),
        ("Why it ended", ""),
    ];
    for (heading, cell) in expected {
        assert_eq!(row[heading], cell, "{heading}");
    }
    assert_eq!(row.len(), expected.len() + 1);
    let denied = aud.get("/requests.csv?state=denied").await;
    let denied = self::rows(&denied.body);
    assert_eq!(denied.len(), 1);
    assert_eq!(denied[0]["Decided by"], "Dan Owner");
    let audited = site.env.audit(before).await;
    let audited = audited
        .iter()
        .filter(|entry| entry.action == "requests.downloaded");
    let searched: Vec<_> = audited
        .map(|entry| entry.detail["search"].clone())
        .collect();
    assert_eq!(searched, [json!(""), json!("state=denied")]);
}

/// More time is a row of its own, in the list as in the file; what became of the access stands at the request
/// that made it, with who ended it and why.
#[tokio::test]
async fn more_time_and_ends_stand_at_what_made_them() {
    let site = Site::new().await;
    let (env, people, resources) = (&site.env, site.env.people, site.env.resources);
    let ask = async |resource, extends| {
        let body = json!({ "resource": resource, "reason": "An alert", "seconds": 3_600,
            "extends": extends });
        env.post(people.ann, "/requests", body).await
    };
    let first = ask(resources.logs, false).await;
    env.clock.forward(TimeDelta::minutes(30));
    let more = ask(resources.logs, true).await.id();
    let withdrawn = ask(resources.database, false).await.id();
    env.act(people.ann, &format!("/requests/{withdrawn}/cancel"))
        .await;
    let revoke = format!("/grants/{}/revoke", first.grant());
    let why = json!({ "comment": "Your laptop was stolen" });
    assert_eq!(env.post(people.ada, &revoke, why).await.status, 200);

    let aud = site.signed_in("aud").await;
    let file = rows(&aud.get("/requests.csv").await.body);
    let row = |id: i64| {
        let mut all = file.iter();
        all.find(|row| row["Request"] == id.to_string()).unwrap()
    };
    let cells = |id, headings: [&str; 5]| headings.map(|heading| row(id)[heading].as_str());
    let headings = [
        "State",
        "Grant start (UTC)",
        "Ended (UTC)",
        "Ended by",
        "Why it ended",
    ];
    assert_eq!(
        cells(first.id(), headings),
        [
            "Revoked",
            "2030-01-01 00:00",
            "2030-01-01 00:30",
            "Ada Admin",
            "Your laptop was stolen"
        ]
    );
    assert_eq!(cells(more, headings), ["Extended", "", "", "", ""]);
    assert_eq!(row(more)["Extends request"], first.id().to_string());
    assert_eq!(
        cells(withdrawn, headings),
        ["Cancelled", "", "", "Ann Member", ""]
    );
    // The filter finds what the rows say.
    for (state, word, id) in [
        ("extended", "Extended", more),
        ("revoked", "Revoked by Ada Admin", first.id()),
        ("cancelled", "Cancelled by Ann Member", withdrawn),
    ] {
        let page = aud.get(&format!("/requests?state={state}")).await;
        page.says(word);
        assert_eq!(page.text.matches("<th scope=\"row\"").count(), 1, "{state}");
        assert!(page.text.contains(&format!("/requests/{id}\"")), "{state}");
    }
    // What narrows them and is no field goes on with the next search.
    let page = aud.get("/requests?ends=today&waits=15").await;
    assert!(
        page.text
            .contains("type=\"hidden\" name=\"ends\" value=\"today\"")
    );
    assert!(
        page.text
            .contains("type=\"hidden\" name=\"waits\" value=\"15\"")
    );
}

fn rows(file: &[u8]) -> Vec<std::collections::BTreeMap<String, String>> {
    csv::Reader::from_reader(file)
        .deserialize()
        .map(Result::unwrap)
        .collect()
}
