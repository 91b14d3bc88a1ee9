//! The administrators' pages: what stands on them, and what is downloaded from them.

use chrono::{NaiveDateTime, TimeDelta};
use hourkey_domain::settings::{Approval, Mode, Override};
use serde_json::json;

use crate::web::browser::Site;

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
async fn summaries_say_what_was_granted_used_and_unlocked() {
    let site = Site::new().await;
    let (env, people) = (&site.env, site.env.people);
    let (database, vault) = (env.resources.database, env.resources.vault);
    env.change(move |tx| {
        Box::pin(async move {
            let (mut found, _) = tx.resource(vault).await?.unwrap();
            found.settings.mode = Mode::AutoLock;
            found.name = "=HYPERLINK(\"http://evil\")".to_owned();
            tx.update_resource(found).await?;
            let mut ann = tx.user(people.ann).await?.unwrap();
            ann.name = "Ann, \"the\" Member".to_owned();
            Ok(tx.update_user(ann).await?)
        })
    })
    .await;
    env.wait(TimeDelta::days(8)).await;
    let ada = site.signed_in("ada").await;
    let id = vault.to_string();
    let unlock = [("login", "ann"), ("resource", &*id), ("comment", "")];
    assert_eq!(ada.post("/unlock", &unlock).await.status, 303);
    let request = json!({ "resource": database, "reason": "=1+1" });
    let request = env.post(people.ann, "/requests", request).await.id();
    let approve = format!("/requests/{request}/approve");
    env.post(people.roy, &approve, json!({})).await.grant();

    let page = ada
        .get(&format!("/people/{}/summary.csv", people.ann))
        .await;
    assert!(page.header("content-type").starts_with("text/csv"));
    assert!(
        page.header("content-disposition")
            .starts_with("attachment;")
    );
    let of_ann = rows(&page.text);
    let row = of_ann
        .iter()
        .find(|row| row["Resource"] == "Database")
        .unwrap();
    assert_eq!(row["User"], "Ann, \"the\" Member");
    assert_eq!(row["State"], "Granted");
    assert_eq!(row["Approver"], "Roy Reviewer");
    assert_eq!(row["Reason"], "'=1+1");
    assert_eq!(row["Granted through"], "Engineering");
    assert_eq!(row["Grant start (UTC)"], "2030-01-09 00:00");
    let vaults = "'=HYPERLINK(\"http://evil\")";
    let row = of_ann.iter().find(|row| row["Resource"] == vaults).unwrap();
    assert_eq!(row["State"], "Open");
    assert_eq!(row["Days until auto-lock"], "7");
    assert_eq!(row["Last unlocked by an admin (UTC)"], "2030-01-09 00:00");
    assert_eq!(row["Unlocked by"], "Ada Admin");
    // A spreadsheet program reads the same in both files, and computes nothing.
    let book = ada
        .get(&format!("/people/{}/summary.xlsx", people.ann))
        .await;
    assert!(book.header("content-disposition").ends_with(".xlsx\""));
    let apostrophe = ["Reason", "Resource"];
    let unguarded = |mut row: Row| {
        for (name, cell) in &mut row {
            if apostrophe.contains(&&**name) && cell.starts_with("'=") {
                cell.remove(0);
            }
        }
        row
    };
    let expected: Vec<_> = of_ann.iter().cloned().map(unguarded).collect();
    assert_eq!(opened(&book.body, "xlsx"), expected);
    let opened_csv = opened(&page.body, "csv").into_iter().map(unguarded);
    let opened_csv: Vec<_> = opened_csv.collect();
    assert_eq!(opened_csv, expected);
    // The same row from all sides.
    let of_vault = rows(
        &ada.get(&format!("/resources/{vault}/summary.csv"))
            .await
            .text,
    );
    assert!(of_vault.contains(row));
    let organisation = site.app.organisation().await.unwrap();
    let group = organisation.groups_of(people.ann)[0];
    let of_group = rows(&ada.get(&format!("/groups/{group}/summary.csv")).await.text);
    assert!(of_group.contains(row));
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
    env.post(people.ben, "/requests", request).await.id();
    env.wait(TimeDelta::minutes(16)).await;
    let page = site.signed_in("aud").await.get("/overview").await;
    for said in [
        "1 granted now",
        "1 waiting",
        "1 waiting for more than 15 minutes",
        "0 of 0 gateways connected",
        "Network Office has resources, and no gateway that has enrolled",
        "Ann Member",
        "Ben Oncall",
    ] {
        page.says(said);
    }
}

type Row = std::collections::BTreeMap<String, String>;

/// As a reader of comma-separated values has them.
fn rows(text: &str) -> Vec<Row> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader.deserialize().map(Result::unwrap).collect()
}

/// As a spreadsheet program has them after it has opened the file.
fn opened(file: &[u8], extension: &str) -> Vec<Row> {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (
        folder.path().join(format!("summary.{extension}")),
        folder.path().join("opened.csv"),
    );
    std::fs::write(&from, file).unwrap();
    let converted = std::process::Command::new("ssconvert")
        .args(["--recalc", "--export-type=Gnumeric_stf:stf_assistant"])
        .args(["-O", "separator=, format=automatic quoting-mode=always"])
        .args([&from, &to])
        .output()
        .expect("ssconvert is part of gnumeric");
    assert!(converted.status.success(), "{converted:?}");
    let mut rows = rows(&std::fs::read_to_string(to).unwrap());
    let mut moments = 0;
    for cell in rows.iter_mut().flat_map(|row| row.values_mut()) {
        // It shows moments in its own way: those that it took for moments.
        let midnight = format!("{cell} 00:00:00");
        let shown = [cell.as_str(), &midnight]
            .into_iter()
            .find_map(|cell| NaiveDateTime::parse_from_str(cell, "%Y/%m/%d %H:%M:%S").ok());
        if let Some(at) = shown {
            *cell = at.format("%Y-%m-%d %H:%M").to_string();
            moments += 1;
        }
    }
    assert!(moments > 0, "it took no cell for a moment: {rows:?}");
    rows
}
