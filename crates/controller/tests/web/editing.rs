//! Changing access settings on the administrators' pages: the consequence comes first, and nobody's
//! change is overwritten.

use chrono::TimeDelta;
use hourkey_domain::ids::{AssignmentId, ResourceId};
use hourkey_domain::settings::{Approval, Mode, Period, Settings};
use serde_json::json;

use crate::web::browser::Site;
use crate::web::edit_forms::{removed, saved, send};

pub async fn settings(site: &Site, resource: ResourceId) -> Settings {
    let organisation = site.app.organisation().await.unwrap();
    organisation.resource(resource).unwrap().settings
}

async fn assignment(site: &Site, resource: ResourceId) -> AssignmentId {
    let organisation = site.app.organisation().await.unwrap();
    organisation.assignments_of(resource).next().unwrap().id
}

#[tokio::test]
async fn the_consequence_is_shown_before_it_is_saved() {
    let site = Site::new().await;
    let (env, database) = (&site.env, site.env.resources.database);
    let request = json!({ "resource": database, "reason": "To mend it" });
    let id = env.post(env.people.ann, "/requests", request).await.id();
    let approve = format!("/requests/{id}/approve");
    env.post(env.people.roy, &approve, json!({})).await.grant();
    let ada = site.signed_in("ada").await;
    let path = format!("/resources/{database}/settings");
    let form = ada.get(&path).await;
    form.says("Custom: they say how long");
    let before = settings(&site, database).await;
    let shown = send(&ada, &path, &form, &[("mode", "standing"), ("do", "show")]).await;
    assert_eq!(shown.status, 200);
    for said in [
        "The rules for Database become looser for",
        "1 grant is revoked because the resource is open without a request now",
        "Ann Member on Database",
    ] {
        shown.says(said);
    }
    assert_eq!(settings(&site, database).await, before);
    let audited = site.seq().await;
    let done = send(&ada, &path, &shown, &[("do", "save")]).await;
    assert_eq!(done.status, 303, "{}", done.words());
    assert_eq!(done.header("location"), format!("/resources/{database}"));
    let after = settings(&site, database).await;
    let mode = Mode::Standing;
    assert_eq!(after, Settings { mode, ..before });
    let mut tx = site.app.store.read().await.unwrap();
    let entries = tx.audit(audited, 10).await.unwrap();
    let changed = &entries[0];
    assert_eq!(changed.action, "resource.changed");
    assert_eq!(changed.actor, Some(env.people.ada));
    let after = &changed.detail["replace"]["after"];
    assert_eq!(after["settings"]["mode"], "Standing");
    assert!(entries.iter().any(|entry| entry.action == "grant.revoked"));
    // A form that is sent again finds that it is done.
    let again = send(&ada, &path, &shown, &[("do", "save")]).await;
    assert_eq!(again.status, 409);
}

#[tokio::test]
async fn a_groups_own_settings_stand_beside_the_resources() {
    let site = Site::new().await;
    let database = site.env.resources.database;
    let own = assignment(&site, database).await;
    let ada = site.signed_in("ada").await;
    let path = format!("/assignments/{own}");
    let form = ada.get(&path).await;
    form.says("As the resource: On request");
    form.says("As the resource: up to 8 hours");
    let change = [
        ("period", "43200"),
        ("approval", "automatic"),
        ("until", "2031-01-01T00:00"),
    ];
    let shown = send(&ada, &path, &form, &change).await;
    shown.says("The rules for Database become looser for");
    // Back, with what was chosen.
    let back = send(&ada, &path, &shown, &[("do", "edit")]).await;
    let shown = send(&ada, &path, &back, &[]).await;
    assert_eq!(
        send(&ada, &path, &shown, &[("do", "save")]).await.status,
        303
    );
    let organisation = site.app.organisation().await.unwrap();
    let saved = organisation.assignment(own).unwrap();
    assert_eq!(saved.own.mode, None);
    assert_eq!(saved.own.approval, Some(Approval::Automatic));
    let twelve = "12h".parse().unwrap();
    assert_eq!(saved.own.period, Some(Period::Preset(twelve)));
    assert_eq!(
        saved.until.unwrap().to_rfc3339(),
        "2031-01-01T00:00:00+00:00"
    );
    ada.get(&format!("/resources/{database}"))
        .await
        .says("12 hours");
    // And as the resource again.
    let form = ada.get(&path).await;
    let change = [("period", ""), ("approval", ""), ("until", "")];
    let shown = send(&ada, &path, &form, &change).await;
    assert_eq!(
        send(&ada, &path, &shown, &[("do", "save")]).await.status,
        303
    );
    let organisation = site.app.organisation().await.unwrap();
    let saved = organisation.assignment(own).unwrap();
    assert_eq!((saved.own, saved.until), Default::default());
}

#[tokio::test]
async fn of_two_who_save_at_once_the_second_is_told() {
    let site = Site::new().await;
    let database = site.env.resources.database;
    let path = format!("/resources/{database}/settings");
    let (ada, other) = (site.signed_in("ada").await, site.signed_in("ada").await);
    let (form, theirs) = (ada.get(&path).await, other.get(&path).await);
    let shown = send(&ada, &path, &form, &[("approval", "automatic")]).await;
    let of_other = send(&other, &path, &theirs, &[("mode", "standing")]).await;
    assert_eq!(
        send(&ada, &path, &shown, &[("do", "save")]).await.status,
        303
    );
    // Who has seen the consequence sees the one of now, and nothing is saved.
    let told = send(&other, &path, &of_other, &[("do", "save")]).await;
    assert_eq!(told.status, 409);
    told.says("Nothing was saved");
    assert_eq!(
        settings(&site, database).await.approval,
        Approval::Automatic
    );
    assert_eq!(settings(&site, database).await.mode, Mode::AccessRequest);
    // Who still fills in the form, too, and keeps what was chosen.
    let late = send(&other, &path, &theirs, &[("mode", "standing")]).await;
    late.refuses(409, "Somebody else has changed this");
    assert!(
        late.text.contains("value=\"standing\" checked"),
        "{}",
        late.text
    );
}

#[tokio::test]
async fn what_follows_is_what_was_shown_or_is_shown_again() {
    let site = Site::new().await;
    let (env, database) = (&site.env, site.env.resources.database);
    let ada = site.signed_in("ada").await;
    let path = format!("/resources/{database}/settings");
    let form = ada.get(&path).await;
    let shown = send(&ada, &path, &form, &[("mode", "standing")]).await;
    assert!(!shown.words().contains("cancelled"));
    let request = json!({ "resource": database, "reason": "To mend it" });
    env.post(env.people.ben, "/requests", request).await.id();
    let told = send(&ada, &path, &shown, &[("do", "save")]).await;
    told.refuses(409, "1 request is cancelled");
    assert_eq!(settings(&site, database).await.mode, Mode::AccessRequest);
    let saved = send(&ada, &path, &told, &[("do", "save")]).await;
    assert_eq!(saved.status, 303);
}

#[tokio::test]
async fn what_is_typed_wrongly_is_kept_and_explained() {
    let site = Site::new().await;
    let database = site.env.resources.database;
    let ada = site.signed_in("ada").await;
    let path = format!("/resources/{database}/settings");
    let form = ada.get(&path).await;
    for (change, said) in [
        (
            [("period", "other"), ("other", "0m")],
            "“0m” isn’t a length",
        ),
        (
            [("period", "other"), ("other", "400 days")],
            "“400 days” isn’t a length",
        ),
        ([("period", "custom"), ("up_to", "")], "Type how long"),
        ([("lock_after", "other"), ("days", "0")], "from 1 to 65535"),
    ] {
        let answer = send(&ada, &path, &form, &change).await;
        answer.refuses(422, said);
        let typed = format!("value=\"{}\"", change[1].1);
        assert!(answer.text.contains(&typed), "{typed}");
    }
    let own = format!("/assignments/{}", assignment(&site, database).await);
    let form = ada.get(&own).await;
    let past = send(&ada, &own, &form, &[("until", "2020-01-01T00:00")]).await;
    past.refuses(422, "This end is past.");
    // Fields that the form does not have change nothing.
    let more = [
        ("name", "Mine"),
        ("admin", "1"),
        ("id", "1"),
        ("do", "save"),
        ("seal", ""),
    ];
    let answer = send(&ada, &own, &form, &more).await;
    answer.refuses(400, "This changes nothing");
}

#[tokio::test]
async fn an_override_that_leaves_nobody_to_approve_says_so() {
    let site = Site::new().await;
    let env = &site.env;
    let (logs, ada) = (env.resources.logs, env.people.ada);
    // Ada has it, too, and nobody else reviews.
    env.change(move |tx| {
        Box::pin(async move {
            let organisation = tx.organisation().await?;
            for mut user in organisation.users {
                if user.id != ada {
                    user.roles.retain(|role| !role.reviews_all());
                    tx.update_user(user).await?;
                }
            }
            let own = organisation
                .assignments
                .iter()
                .find(|own| own.resource == logs);
            let group = own.map(|own| own.group);
            let mut groups = organisation.groups.into_iter();
            let mut group = groups.find(|it| Some(it.id) == group).unwrap();
            group.members.push(ada);
            Ok(tx.update_group(group).await?)
        })
    })
    .await;
    let ada = site.signed_in("ada").await;
    let own = format!("/assignments/{}", assignment(&site, logs).await);
    let form = ada.get(&own).await;
    let shown = send(&ada, &own, &form, &[("approval", "manual")]).await;
    shown.says("Ada Admin is the only reviewer of Logs : nobody can approve their requests.");
}

#[tokio::test]
async fn a_network_a_resource_a_group_and_its_access_are_set_up_by_hand() {
    let site = Site::new().await;
    let people = site.env.people;
    let ada = site.signed_in("ada").await;
    saved(&ada, "/networks/new", &[("name", "Lab")]).await;
    let organisation = site.app.organisation().await.unwrap();
    let network = organisation.networks().find(|it| it.name == "Lab").unwrap();
    let network = network.id.to_string();
    let fields = [
        ("name", "Build server"),
        ("address", "build.lab.example"),
        ("ports", "22, 443"),
        ("network", &*network),
        ("tags", "ci, lab"),
    ];
    let page = saved(&ada, "/resources/new", &fields).await;
    let resource = page.header("location");
    let group = saved(&ada, "/groups/new", &[("name", "Builders")]).await;
    let group = group.header("location");
    saved(&ada, group, &[("join", "ann\nEVE, ben")]).await;
    let organisation = site.app.organisation().await.unwrap();
    let builders = organisation
        .groups()
        .find(|it| it.name == "Builders")
        .unwrap();
    assert_eq!(builders.members.len(), 3);
    let id = builders.id.to_string();
    let form = ada.get(&format!("{resource}/groups")).await;
    form.says("Builders");
    let shown = send(
        &ada,
        &format!("{resource}/groups"),
        &form,
        &[("group", &id)],
    )
    .await;
    shown.says("3 people now see Build server : Ann Member , Ben Oncall , Eve Nobody");
    let done = send(
        &ada,
        &format!("{resource}/groups"),
        &shown,
        &[("do", "save")],
    )
    .await;
    assert_eq!(done.header("location"), resource);
    site.signed_in("eve")
        .await
        .get("/access")
        .await
        .says("Build server");
    // Who leaves sees it no more.
    saved(&ada, group, &[("leave", "eve")]).await;
    let access = site.signed_in("eve").await.get("/access").await;
    assert!(!access.text.contains("Build server"));
    // It moves, and stays what it was.
    let fields = [("name", "Builds"), ("address", "10.0.0.7"), ("tags", "")];
    saved(
        &ada,
        &format!("{resource}/edit"),
        &[&fields[..], &[("network", &*network)]].concat(),
    )
    .await;
    let organisation = site.app.organisation().await.unwrap();
    let builds = organisation
        .resources()
        .find(|it| it.name == "Builds")
        .unwrap();
    assert_eq!(format!("/resources/{}", builds.id), resource);
    assert_eq!(builds.address.to_string(), "10.0.0.7");
    assert!(organisation.user(people.ann).is_some());
    // And goes.
    let form = ada.get(&format!("{resource}/edit")).await;
    let shown = send(
        &ada,
        &format!("{resource}/edit"),
        &form,
        &[("do", "remove")],
    )
    .await;
    shown.says("2 people no longer see Builds");
    removed(&ada, &format!("{resource}/edit"), "Builds").await;
    assert_eq!(ada.get(resource).await.status, 404);
}

#[tokio::test]
async fn nothing_goes_for_good_before_its_name_was_typed() {
    let site = Site::new().await;
    let (env, ada) = (&site.env, site.signed_in("ada").await);
    saved(&ada, "/networks/new", &[("name", "Lab")]).await;
    let organisation = site.app.organisation().await.unwrap();
    let database = organisation.resource(env.resources.database).unwrap();
    let group = organisation.group(database.approvers[0]).unwrap();
    let eve = organisation.user(env.people.eve).unwrap();
    let lab = { organisation.networks() }.find(|it| it.name == "Lab");
    let before = site.seq().await;
    let all = [
        (format!("/resources/{}/edit", database.id), &*database.name),
        (format!("/groups/{}/edit", group.id), &*group.name),
        (format!("/people/{}/edit", eve.id), &*eve.name),
        (format!("/networks/{}/edit", lab.unwrap().id), "Lab"),
    ];
    for (path, name) in &all {
        // Nobody makes so many changes within a minute.
        env.clock.forward(TimeDelta::minutes(1));
        let form = ada.get(path).await;
        let typed = [("do", "remove"), ("name", "Another")];
        let shown = send(&ada, path, &form, &typed).await;
        shown.says(&format!("Type {name} to remove it"));
        let upper = name.to_uppercase();
        for wrong in ["", &*upper, "Remove"] {
            let save = [("do", "save"), ("typed_name", wrong)];
            let answer = send(&ada, path, &shown, &save).await;
            answer.refuses(422, &format!("Nothing was removed. Type “{name}” into the"));
            answer.says("What this does now");
            assert_eq!(answer.field("name").unwrap(), "Another");
            assert!(answer.text.contains(&format!("value=\"{wrong}\"")));
        }
        let forged = [("do", "save"), ("what", "remove")];
        assert_eq!(send(&ada, path, &form, &forged).await.status, 422);
    }
    assert_eq!(site.seq().await, before);
    // Taking access away wants none.
    let own = organisation.assignments_of(env.resources.wiki).next();
    let path = format!("/assignments/{}", own.unwrap().id);
    saved(&ada, &path, &[("do", "remove")]).await;
    for (path, name) in &all {
        removed(&ada, path, name).await;
        assert_eq!(ada.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_group_goes_with_all_that_names_it() {
    let site = Site::new().await;
    let (env, ada) = (&site.env, site.signed_in("ada").await);
    let database = env.resources.database;
    let organisation = site.app.organisation().await.unwrap();
    let approver = organisation.resource(database).unwrap().approvers[0];
    let path = format!("/groups/{approver}/edit");
    let name = organisation.group(approver).unwrap().name.clone();
    let before = site.seq().await;
    removed(&ada, &path, &name).await;
    let organisation = site.app.organisation().await.unwrap();
    assert!(organisation.group(approver).is_none());
    assert!(
        organisation
            .resource(database)
            .unwrap()
            .approvers
            .is_empty()
    );
    let mut tx = site.app.store.read().await.unwrap();
    let entries = tx.audit(before, 10).await.unwrap();
    let actions: Vec<_> = entries.iter().map(|entry| &*entry.action).collect();
    assert_eq!(actions, ["resource.changed", "group.removed"]);
}

#[tokio::test]
async fn names_that_are_taken_empty_or_hostile_are_refused() {
    let site = Site::new().await;
    let ada = site.signed_in("ada").await;
    let long = "x".repeat(201);
    for path in ["/groups/new", "/networks/new"] {
        let form = ada.get(path).await;
        for (name, said) in [
            ("", "needs a name"),
            ("   ", "needs a name"),
            ("a\u{202e}b", "characters that cannot be seen"),
            ("a\nb", "one line"),
            (&*long, "at most 200 characters"),
        ] {
            let answer = send(&ada, path, &form, &[("name", name)]).await;
            answer.refuses(400, said);
        }
    }
    let form = ada.get("/groups/new").await;
    let answer = send(&ada, "/groups/new", &form, &[("name", "Engineering")]).await;
    answer.refuses(400, "There is a group called “Engineering” already.");
    let form = ada.get("/resources/new").await;
    for (field, typed, said) in [
        ("address", "no address!", "is no address"),
        ("ports", "0-70000", "are no ports"),
        ("url", "javascript:alert(1)", "begins with https://"),
    ] {
        let mut fields = vec![("name", "X"), ("address", "x.example"), ("network", "1")];
        fields.push((field, typed));
        send(&ada, "/resources/new", &form, &fields)
            .await
            .refuses(422, said);
    }
    let missing = [("name", "X"), ("address", "x.example"), ("network", "4711")];
    let answer = send(&ada, "/resources/new", &form, &missing).await;
    answer.refuses(400, "no such network any more");
}

#[tokio::test]
async fn nobody_is_told_of_logins_that_are_not_there_by_half() {
    let site = Site::new().await;
    let ada = site.signed_in("ada").await;
    let group = site
        .app
        .organisation()
        .await
        .unwrap()
        .groups_of(site.env.people.ann)[0];
    let path = format!("/groups/{group}/edit");
    let form = ada.get(&path).await;
    let answer = send(&ada, &path, &form, &[("join", "eve, nobody, noone")]).await;
    answer.refuses(422, "Nobody signs in as “nobody”, nor 1 more of these.");
    assert!(answer.text.contains("eve, nobody, noone</textarea>"));
    let many = "ann\n".repeat(10_001);
    let answer = send(&ada, &path, &form, &[("join", &*many)]).await;
    answer.refuses(422, "at most 10,000 people");
    let answer = send(&ada, &path, &form, &[("join", "ann")]).await;
    answer.refuses(400, "This changes nothing");
}
