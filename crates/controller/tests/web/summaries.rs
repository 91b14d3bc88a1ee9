//! The summaries that administrators download: every column, in every state, reached by the links on the
//! pages of a resource, a group and a person.

use std::collections::BTreeMap;

use chrono::{NaiveDateTime, TimeDelta};
use hourkey_domain::ids::{AssignmentId, ResourceId};
use hourkey_domain::length::Length;
use hourkey_domain::settings::{Approval, Mode, Override, Period};
use hourkey_store::organisation::Assignment;
use hourkey_store::usage::Connection;
use serde_json::json;

use crate::web::browser::{Browser, Site};
use crate::web::connections::{gateway, kept};
use crate::web::devices::enrolled;

/// Everything that stands in a file: of each row the person and the resource, and all cells that are not
/// empty.
const EXPECTED: &str = "
Ann Member | Archive
  Login=ann; Address=archive.corp:443; Network=Office; Groups=Engineering
  Counts through=Engineering; Mode=Always open; Mode from=resource; State=Disabled
Ann Member | Database
  Login=ann; Address=database.corp:5432; Network=Office; Groups=Engineering
  Counts through=Engineering; Mode=On request; Mode from=resource; Access period=up to 8 hours
  Access period from=resource; Approval=Reviewer; Approval from=resource; State=Granted
  Grant start (UTC)=2030-01-09 00:00; Grant end (UTC)=2030-01-09 05:30; Granted through=Engineering
  Approver=Roy Reviewer; extended by Dan Owner; Reason=To mend it; extended: =More to mend
Ann Member | Logs
  Login=ann; Address=logs.corp:443; Network=Office; Groups=Engineering
  Counts through=Engineering; Mode=On request; Mode from=resource; Access period=up to 4 hours
  Access period from=resource; Approval=With a reason; Approval from=resource
  State=Locked, opens with a reason
Ann Member | Payroll
  Login=ann; Address=payroll.corp:443; Network=Office; Groups=Engineering
  Counts through=Engineering; Mode=Open while used; Mode from=resource; Approval=Reviewer
  Approval from=resource; Auto-lock after=7 days; Auto-lock from=resource; State=Open
  Assignment end (UTC)=2030-03-01 12:00; Days until auto-lock=7
  Last unlocked by an admin (UTC)=2030-01-09 00:00; Unlocked by=Ada Admin
Ann Member | Vault
  Login=ann; Address=vault.corp:8200; Network=Office; Groups=Engineering
  Counts through=Engineering; Mode=On request; Mode from=resource; Access period=1 hour
  Access period from=resource; Approval=Reviewer; Approval from=resource
  State=Locked, needs approval
Ann Member | Wiki
  Login=ann; Address=wiki.corp:443; Network=Office; Groups=Engineering
  Counts through=Engineering; Mode=Always open; Mode from=resource; State=Open
  Last used (UTC)=2030-01-09 00:00
Ben Oncall | Archive
  Login=ben; Address=archive.corp:443; Network=Office; Groups=Engineering
  Counts through=Engineering; Mode=Always open; Mode from=resource; State=Disabled
Ben Oncall | Database
  Login=ben; Address=database.corp:5432; Network=Office; Groups=Engineering
  Counts through=Engineering; Mode=On request; Mode from=resource; Access period=up to 8 hours
  Access period from=resource; Approval=Reviewer; Approval from=resource
  State=Waiting for a reviewer
Ben Oncall | Logs
  Login=ben; Address=logs.corp:443; Network=Office; Groups=Engineering
  Counts through=Engineering; Mode=On request; Mode from=resource; Access period=up to 4 hours
  Access period from=resource; Approval=With a reason; Approval from=resource; State=Granted
  Grant start (UTC)=2030-01-09 00:00; Grant end (UTC)=2030-01-09 01:00; Granted through=Engineering
  Approver=automatic; Reason=The queue is full
Ben Oncall | Payroll
  Login=ben; Address=payroll.corp:443; Network=Office; Groups=Engineering; On call
  Counts through=On call; Mode=Open while used; Mode from=resource; Approval=With a reason
  Approval from=override; Auto-lock after=3 days; Auto-lock from=override; State=Open
  Days until auto-lock=3; Last unlocked by an admin (UTC)=2030-01-09 00:00; Unlocked by=Ada Admin
Ben Oncall | Vault
  Login=ben; Address=vault.corp:8200; Network=Office; Groups=Engineering; On call
  Counts through=On call; Mode=On request; Mode from=resource; Access period=up to 2 hours
  Access period from=override; Approval=With a reason; Approval from=override
  State=Locked, opens with a reason
Ben Oncall | Wiki
  Login=ben; Address=wiki.corp:443; Network=Office; Groups=Engineering
  Counts through=Engineering; Mode=Always open; Mode from=resource; State=Open
Rae Reviewer | Archive
  Login=rae; Address=archive.corp:443; Network=Office; Groups=Engineering
  Counts through=Engineering; Mode=Always open; Mode from=resource; State=Disabled
Rae Reviewer | Database
  Login=rae; Address=database.corp:5432; Network=Office; Groups=Engineering
  Counts through=Engineering; Mode=On request; Mode from=resource; Access period=up to 8 hours
  Access period from=resource; Approval=Reviewer; Approval from=resource; State=Scheduled
  Grant start (UTC)=2030-01-09 12:00; Grant end (UTC)=2030-01-09 13:00; Granted through=Engineering
  Approver=Roy Reviewer; Reason=Tonight’s move
Rae Reviewer | Logs
  Login=rae; Address=logs.corp:443; Network=Office; Groups=Engineering
  Counts through=Engineering; Mode=On request; Mode from=resource; Access period=up to 4 hours
  Access period from=resource; Approval=With a reason; Approval from=resource
  State=Locked, opens with a reason
Rae Reviewer | Payroll
  Login=rae; Address=payroll.corp:443; Network=Office; Groups=Engineering
  Counts through=Engineering; Mode=Open while used; Mode from=resource; Approval=Reviewer
  Approval from=resource; Auto-lock after=7 days; Auto-lock from=resource; State=Locked, not used
  Assignment end (UTC)=2030-03-01 12:00; Days until auto-lock=0
Rae Reviewer | Vault
  Login=rae; Address=vault.corp:8200; Network=Office; Groups=Engineering
  Counts through=Engineering; Mode=On request; Mode from=resource; Access period=1 hour
  Access period from=resource; Approval=Reviewer; Approval from=resource
  State=Locked, needs approval
Rae Reviewer | Wiki
  Login=rae; Address=wiki.corp:443; Network=Office; Groups=Engineering
  Counts through=Engineering; Mode=Always open; Mode from=resource; State=Open";

#[tokio::test]
async fn every_column_is_right_in_every_state_from_every_page() {
    let site = Site::new().await;
    in_every_state(&site).await;
    let people = site.env.people;
    let ada = site.signed_in("ada").await;
    let engineering = site.env.assignments.engineering;
    let group = downloaded(&ada, &format!("/groups/{engineering}")).await;
    assert_eq!(said(&group), EXPECTED.trim().replace("\n  ", "; "));
    let organisation = site.app.organisation().await.unwrap();
    for resource in organisation.resources() {
        let found = downloaded(&ada, &format!("/resources/{}", resource.id)).await;
        let expected = group.iter().filter(|row| row["Resource"] == resource.name);
        assert_eq!(
            found,
            expected.cloned().collect::<Vec<_>>(),
            "{}",
            resource.name
        );
    }
    for (person, login) in [
        (people.ann, "ann"),
        (people.ben, "ben"),
        (people.rae, "rae"),
    ] {
        let found = downloaded(&ada, &format!("/people/{person}")).await;
        let expected = group.iter().filter(|row| row["Login"] == login);
        assert_eq!(found, expected.cloned().collect::<Vec<_>>(), "{login}");
    }
}

#[tokio::test]
async fn who_took_which_summary_is_audited() {
    let site = Site::new().await;
    let (before, ann) = (site.seq().await, site.env.people.ann);
    let aud = site.signed_in("aud").await;
    for refused in ["/people/4711/summary.csv", "/people/4711/summary.xlsx"] {
        assert_eq!(aud.get(refused).await.status, 404);
    }
    let member = site.signed_in("ann").await;
    assert_eq!(
        member
            .get(&format!("/people/{ann}/summary.csv"))
            .await
            .status,
        404
    );
    aud.get(&format!("/people/{ann}/summary.csv")).await;
    aud.get("/groups/1/summary.xlsx").await;
    let audited = site.env.audit(before).await;
    let audited: Vec<_> = audited
        .iter()
        .filter(|entry| entry.action == "summary.downloaded")
        .map(|entry| (entry.actor, entry.detail.clone()))
        .collect();
    let by = Some(site.env.people.aud);
    let of_ann = json!({ "of": "person", "id": ann, "name": "Ann Member", "file": "csv" });
    let of_group = json!({ "of": "group", "id": 1, "name": "Engineering", "file": "xlsx" });
    assert_eq!(audited, [(by, of_ann), (by, of_group)]);
}

#[tokio::test]
async fn what_was_approved_by_a_reviewer_is_no_unlock_by_an_administrator() {
    let site = Site::new().await;
    let (env, people) = (&site.env, site.env.people);
    auto_locks(&site, env.resources.vault).await;
    env.wait(TimeDelta::days(8)).await;
    let request = json!({ "resource": env.resources.vault, "reason": "Back again" });
    let id = env.post(people.ann, "/requests", request).await.id();
    env.post(people.roy, &format!("/requests/{id}/approve"), json!({}))
        .await;
    let ada = site.signed_in("ada").await;
    let of_ann = downloaded(&ada, &format!("/people/{}", people.ann)).await;
    let row = of_ann
        .iter()
        .find(|row| row["Resource"] == "Vault")
        .unwrap();
    assert_eq!(row["State"], "Open");
    assert_eq!(row["Unlocked by"], "");
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
    let of_ann = rows(&page.body);
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
    assert_eq!(as_spreadsheet(&book.body, "xlsx"), expected);
    let opened_csv = as_spreadsheet(&page.body, "csv").into_iter().map(unguarded);
    let opened_csv: Vec<_> = opened_csv.collect();
    assert_eq!(opened_csv, expected);
    // The same row from all sides.
    let of_vault = rows(
        &ada.get(&format!("/resources/{vault}/summary.csv"))
            .await
            .body,
    );
    assert!(of_vault.contains(row));
    let organisation = site.app.organisation().await.unwrap();
    let group = organisation.groups_of(people.ann)[0];
    let of_group = rows(&ada.get(&format!("/groups/{group}/summary.csv")).await.body);
    assert!(of_group.contains(row));
}

/// Makes what [`EXPECTED`] says.
async fn in_every_state(site: &Site) {
    let (env, people, resources) = (&site.env, site.env.people, site.env.resources);
    let assignments = env.assignments;
    let new = move |group, resource| Assignment {
        auto_locks_since: None,
        id: AssignmentId(0),
        group,
        resource,
        until: None,
        own: Override::default(),
    };
    auto_locks(site, resources.payroll).await;
    env.change(move |tx| {
        Box::pin(async move {
            let until = Some("2030-03-01T12:00:00Z".parse().unwrap());
            let payroll = resources.payroll;
            let engineering = Assignment {
                until,
                ..new(assignments.engineering, payroll)
            };
            tx.insert_assignment(engineering).await?;
            let own = Override {
                approval: Some(Approval::Automatic),
                lock_after: Some(3),
                ..Override::default()
            };
            tx.insert_assignment(Assignment {
                own,
                ..new(assignments.on_call, payroll)
            })
            .await?;
            let (mut archive, _) = tx.resource(resources.wiki).await?.unwrap();
            archive.id = ResourceId(0);
            archive.name = "Archive".to_owned();
            archive.address = "archive.corp".parse().unwrap();
            archive.about.enabled = false;
            let archive = tx.insert_resource(archive).await?;
            tx.insert_assignment(new(assignments.engineering, archive))
                .await?;
            Ok(())
        })
    })
    .await;
    env.wait(TimeDelta::days(8)).await;
    let ask = async |user, body| env.post(user, "/requests", body).await.id();
    let approve = async |by, id: i64| {
        env.post(by, &format!("/requests/{id}/approve"), json!({}))
            .await
    };
    let database = resources.database;
    // Ann has the database, for four hours and then for longer; Ben waits for it; Rae has it tonight.
    let four_hours = json!({ "resource": database, "reason": "To mend it", "seconds": 14_400 });
    approve(people.roy, ask(people.ann, four_hours).await).await;
    let more = json!({
        "resource": database, "reason": "=More to mend", "seconds": 19_800, "extends": true
    });
    approve(people.dan, ask(people.ann, more).await).await;
    ask(
        people.ben,
        json!({ "resource": database, "reason": "Me too", "seconds": 3_600 }),
    )
    .await;
    let tonight = json!({
        "resource": database, "reason": "Tonight’s move", "seconds": 3_600,
        "starts_at": "2030-01-09T12:00:00Z"
    });
    approve(people.roy, ask(people.rae, tonight).await).await;
    let logs =
        json!({ "resource": resources.logs, "reason": "The queue is full", "seconds": 3_600 });
    ask(people.ben, logs).await;
    // Ann uses the wiki.
    let connection = Connection {
        gateway: gateway(site).await,
        id: "0a".repeat(16),
        user: people.ann,
        device: enrolled(site, people.ann, "ann-laptop").await,
        resource: resources.wiki,
        started_at: site.app.clock.now(),
        end: None,
    };
    kept(site, connection).await;
    env.change(|_| Box::pin(async { Ok(()) })).await;
    // An administrator unlocks for Ann by approving, for Ben by hand; Rae’s stays locked.
    let payroll = resources.payroll;
    let unlock = json!({ "resource": payroll, "reason": "Back again" });
    approve(people.ada, ask(people.ann, unlock).await).await;
    let ada = site.signed_in("ada").await;
    let id = payroll.to_string();
    let unlock = [("login", "ben"), ("resource", &*id), ("comment", "")];
    assert_eq!(ada.post("/unlock", &unlock).await.status, 303);
}

/// The resource locks after seven unused days.
async fn auto_locks(site: &Site, resource: ResourceId) {
    let change = site.env.change(move |tx| {
        Box::pin(async move {
            let (mut found, _) = tx.resource(resource).await?.unwrap();
            found.settings.mode = Mode::AutoLock;
            found.settings.period = Period::Preset(Length::from_seconds(3_600).unwrap());
            Ok(tx.update_resource(found).await?)
        })
    });
    change.await;
}

type Row = BTreeMap<String, String>;

/// What both files hold that the page at this address offers: the same, cell by cell.
async fn downloaded(browser: &Browser<'_>, page: &str) -> Vec<Row> {
    let shown = browser.get(page).await;
    let files = ["csv", "xlsx"].map(|extension| {
        let address = format!("{page}/summary.{extension}");
        assert!(
            shown.text.contains(&format!("href=\"{address}\" download")),
            "{page}"
        );
        address
    });
    let csv = browser.get(&files[0]).await;
    let rows = rows(&csv.body);
    assert!(!rows.is_empty(), "{page}");
    let book = browser.get(&files[1]).await;
    assert_eq!(as_spreadsheet(&book.body, "xlsx"), rows, "{page}");
    assert_eq!(as_spreadsheet(&csv.body, "csv"), rows, "{page}");
    rows
}

/// As [`EXPECTED`] has it, each row on one line.
fn said(rows: &[Row]) -> String {
    let mut rows: Vec<_> = rows.iter().collect();
    rows.sort_by_key(|row| (&row["User"], &row["Resource"]));
    let row = |row: &&Row| {
        let cells = ORDER.iter().filter(|heading| !row[**heading].is_empty());
        let cells = cells.map(|heading| format!("; {heading}={}", row[*heading]));
        format!(
            "{} | {}{}",
            row["User"],
            row["Resource"],
            cells.collect::<String>()
        )
    };
    rows.iter().map(row).collect::<Vec<_>>().join("\n")
}

/// The columns after a row's person and resource, in the order of the file.
const ORDER: [&str; 24] = [
    "Login",
    "Address",
    "Network",
    "Groups",
    "Counts through",
    "Mode",
    "Mode from",
    "Access period",
    "Access period from",
    "Approval",
    "Approval from",
    "Auto-lock after",
    "Auto-lock from",
    "State",
    "Grant start (UTC)",
    "Grant end (UTC)",
    "Granted through",
    "Approver",
    "Reason",
    "Assignment end (UTC)",
    "Days until auto-lock",
    "Last used (UTC)",
    "Last unlocked by an admin (UTC)",
    "Unlocked by",
];

/// As a reader of comma-separated values has them.
fn rows(file: &[u8]) -> Vec<Row> {
    csv::Reader::from_reader(file)
        .deserialize()
        .map(Result::unwrap)
        .collect()
}

/// The rows as a spreadsheet program has them after it has opened the file.
fn as_spreadsheet(file: &[u8], extension: &str) -> Vec<Row> {
    let folder = tempfile::tempdir().unwrap();
    let from = folder.path().join(format!("summary.{extension}"));
    let to = folder.path().join("opened.csv");
    std::fs::write(&from, file).unwrap();
    let converted = std::process::Command::new("ssconvert")
        .args(["--recalc", "--export-type=Gnumeric_stf:stf_assistant"])
        .args(["-O", "separator=, format=automatic quoting-mode=always"])
        .args([&from, &to])
        .output()
        .expect("ssconvert is part of gnumeric");
    assert!(converted.status.success(), "{converted:?}");
    let mut rows = rows(&std::fs::read(to).unwrap());
    for cell in rows.iter_mut().flat_map(|row| row.values_mut()) {
        // It shows moments in its own way.
        let midnight = format!("{cell} 00:00:00");
        let shown = [cell.as_str(), &midnight]
            .into_iter()
            .find_map(|cell| NaiveDateTime::parse_from_str(cell, "%Y/%m/%d %H:%M:%S").ok());
        if let Some(at) = shown {
            *cell = at.format("%Y-%m-%d %H:%M").to_string();
        }
    }
    rows
}
