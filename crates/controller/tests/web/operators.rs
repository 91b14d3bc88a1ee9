//! Operators set up resources, networks, gateways, assignments and settings, and nothing else: no groups,
//! no people, nothing that would give them more, and no approvers of what they can reach.

use hourkey_access::organisation::edit::{self, Edit, version};
use hourkey_domain::ids::{AssignmentId, GroupId, ResourceId, UserId};
use hourkey_domain::organisation::Assignment;
use hourkey_domain::settings::{Mode, Override};
use serde_json::json;

use crate::web::browser::{Browser, Page, Site};
use crate::web::edit_forms::{saved, send};

/// Everybody is in one network.
const NETWORK: (&str, &str) = ("network", "1");

/// Fills the form of a page in, and looks at what that does.
async fn shown(browser: &Browser<'_>, path: &str, change: &[(&str, &str)]) -> Page {
    let form = browser.get(path).await;
    assert_eq!(form.status, 200, "{path}: {}", form.words());
    send(browser, path, &form, &[change, &[NETWORK]].concat()).await
}

/// The operator comes to these groups, by somebody who may do that.
async fn join(site: &Site, groups: &[GroupId]) {
    let (ola, groups) = (site.env.people.ola, groups.to_vec());
    site.env
        .change(move |tx| {
            Box::pin(async move {
                let all = tx.organisation().await?.groups;
                for mut group in all.into_iter().filter(|it| groups.contains(&it.id)) {
                    group.members.push(ola);
                    group.members.sort_unstable();
                    tx.update_group(group).await?;
                }
                Ok(())
            })
        })
        .await;
}

async fn approvers(site: &Site, resource: ResourceId) -> Vec<GroupId> {
    let organisation = site.app.organisation().await.unwrap();
    organisation.resource(resource).unwrap().approvers.clone()
}

async fn group(site: &Site, name: &str) -> GroupId {
    let organisation = site.app.organisation().await.unwrap();
    organisation.groups().find(|it| it.name == name).unwrap().id
}

#[tokio::test]
async fn operators_set_up_what_is_theirs_and_are_told_no_names() {
    let site = Site::new().await;
    let (env, database) = (&site.env, site.env.resources.database);
    let ola = site.signed_in("ola").await;
    saved(&ola, "/networks/new", &[("name", "Lab")]).await;
    saved(&ola, "/networks/2/edit", &[("name", "Laboratory")]).await;
    let gateway = [("name", "gw-9"), ("address", "gw.lab.example:8443")];
    let added = ola.post("/networks/2/gateways", &gateway).await;
    assert_eq!(added.status, 200, "{}", added.words());
    let new = [
        ("name", "Build server"),
        ("address", "build.lab.example"),
        ("ports", "22"),
        ("description", "Builds what is merged"),
        NETWORK,
    ];
    let page = saved(&ola, "/resources/new", &new).await;
    let resource = page.header("location");
    let seen = ola.get(resource).await;
    for said in ["Builds what is merged", "Change…", "Give a group access…"] {
        seen.says(said);
    }
    let engineering = env.assignments.engineering.to_string();
    let given = shown(
        &ola,
        &format!("{resource}/groups"),
        &[("group", &engineering)],
    )
    .await;
    given.says("3 people now see Build server .");
    // Somebody's access ends: how much of it, and not whose.
    let request = json!({ "resource": database, "reason": "To mend it" });
    let id = env.post(env.people.ann, "/requests", request).await.id();
    let approve = format!("/requests/{id}/approve");
    env.post(env.people.roy, &approve, json!({})).await.grant();
    let request = json!({ "resource": database, "reason": "A private matter" });
    env.post(env.people.ben, "/requests", request).await.id();
    let path = format!("/resources/{database}/edit");
    let told = shown(&ola, &path, &[("use", "disabled")]).await;
    for said in [
        "3 people lose access to Database , disabled now.",
        "1 grant is revoked because the resource was disabled.",
        "1 request is cancelled because the resource was disabled.",
    ] {
        told.says(said);
    }
    for name in ["Ann", "Ben", "Rae", "private"] {
        assert!(!told.text.contains(name), "{name}: {}", told.text);
    }
    let done = send(&ola, &path, &told, &[("do", "save"), NETWORK]).await;
    assert_eq!(done.status, 303, "{}", done.words());
    let settings = format!("/resources/{database}/settings");
    saved(&ola, &settings, &[("approval", "automatic")]).await;
}

/// What is not on their pages is refused all the same.
#[tokio::test]
async fn operators_change_nothing_else() {
    let site = Site::new().await;
    let (ola, organisation) = (site.env.people.ola, site.app.organisation().await.unwrap());
    let person = (**organisation.user(site.env.people.ann).unwrap()).clone();
    let group = site.env.assignments.on_call;
    for edit in [
        Edit::Organisation {
            periods: hourkey_domain::periods::Periods::default(),
            name: "Mine".to_owned(),
            fallback: vec![group],
        },
        Edit::Group {
            id: group,
            name: "Mine".to_owned(),
        },
        Edit::RemoveGroup(group),
        Edit::Members {
            group,
            join: vec![ola],
            leave: Vec::new(),
        },
        Edit::Person(person),
        Edit::RemovePerson(site.env.people.ann),
        Edit::AddPeople {
            people: Vec::new(),
            invite: false,
        },
    ] {
        let seen = version(&organisation, &edit).unwrap();
        let refused = edit::consequence(&site.app, ola, &edit, &seen).await;
        let refused = format!("{:?}", refused.unwrap_err());
        assert!(
            refused.contains("Only administrators"),
            "{edit:?}: {refused}"
        );
        let refused = edit::save(&site.app, ola, edit, (&seen, "")).await;
        refused.unwrap_err();
    }
    // An auditor reads, and a member sees nothing of it.
    let network = Edit::Network {
        id: hourkey_domain::ids::NetworkId(1),
        name: "Mine".to_owned(),
    };
    let seen = version(&organisation, &network).unwrap();
    let refused = async |who: UserId| {
        let refused = edit::consequence(&site.app, who, &network, &seen).await;
        format!("{:?}", refused.unwrap_err())
    };
    assert!(refused(site.env.people.aud).await.contains("operators"));
    assert!(!refused(site.env.people.ann).await.contains("operators"));
}

/// Rule 6: whoever could approve for themselves through others is not named by them.
#[tokio::test]
async fn operators_name_no_approvers_of_what_they_reach() {
    let site = Site::new().await;
    let env = &site.env;
    let owners = group(&site, "Database owners").await.to_string();
    let on_call = env.assignments.on_call;
    let (database, vault) = (env.resources.database, env.resources.vault);
    let ola = site.signed_in("ola").await;
    let refused = async |resource: ResourceId, groups: &[(&str, &str)]| {
        let path = format!("/resources/{resource}/edit");
        let before = approvers(&site, resource).await;
        let answer = shown(&ola, &path, groups).await;
        answer.refuses(403, "can’t change who approves requests");
        assert_eq!(approvers(&site, resource).await, before);
    };
    // Before they reach it, they may.
    let path = format!("/resources/{vault}/edit");
    saved(&ola, &path, &[("approver", &owners), NETWORK]).await;
    assert_eq!(approvers(&site, vault).await.len(), 1);
    // Through one group of several, and through several at once.
    join(&site, &[on_call]).await;
    refused(vault, &[("approver", &on_call.to_string())]).await;
    join(&site, &[env.assignments.engineering]).await;
    refused(vault, &[("approver", &on_call.to_string())]).await;
    refused(database, &[("approver", &on_call.to_string())]).await;
    // There is nothing to tick, what stands there stays, and the rest can be saved.
    let form = ola.get(&format!("/resources/{database}/edit")).await;
    form.says("an administrator names who approves");
    assert!(!form.text.contains("name=\"approver\""));
    let described = [("description", "What we sell"), NETWORK];
    saved(&ola, &format!("/resources/{database}/edit"), &described).await;
    assert_eq!(approvers(&site, database).await.len(), 1);
    // An assignment that has ended, or of a resource that is disabled, can come back.
    let ends = env.assignments.vault_on_call;
    env.change(move |tx| {
        Box::pin(async move {
            let whole = tx.organisation().await?;
            for mut own in whole.assignments {
                if own.resource == vault {
                    own.until = Some("2001-01-01T00:00:00Z".parse().unwrap());
                    tx.update_assignment(own).await?;
                }
            }
            let mut resource = tx.resource(database).await?.unwrap().0;
            resource.about.enabled = false;
            Ok(tx.update_resource(resource).await?)
        })
    })
    .await;
    refused(vault, &[("approver", &on_call.to_string())]).await;
    refused(database, &[("approver", &on_call.to_string())]).await;
    let prolonged = shown(&ola, &format!("/assignments/{ends}"), &[("until", "")]).await;
    prolonged.says("For you it counts 24 hours later");
    let enabled = [("use", "enabled")];
    let enabled = shown(&ola, &format!("/resources/{database}/edit"), &enabled).await;
    enabled.says("For you it counts 24 hours later");
}

/// Naming first and reaching later waits for a day, of which the administrators are told, and no operator becomes a
/// reviewer by a group of their own.
#[tokio::test]
async fn operators_reach_nothing_whose_approvers_they_named() {
    let site = Site::new().await;
    let (env, payroll) = (&site.env, site.env.resources.payroll);
    let on_call = env.assignments.on_call;
    join(&site, &[on_call]).await;
    let (ola, path) = (
        site.signed_in("ola").await,
        format!("/resources/{payroll}/edit"),
    );
    let own = on_call.to_string();
    let form = ola.get(&path).await;
    assert!(
        !form
            .text
            .contains(&format!("name=\"approver\" value=\"{own}\""))
    );
    let refused = shown(&ola, &path, &[("approver", &own)]).await;
    refused.refuses(403, "can’t make yourself a reviewer");
    let others = group(&site, "Database owners").await.to_string();
    saved(&ola, &path, &[("approver", &others), NETWORK]).await;
    let groups = format!("/resources/{payroll}/groups");
    let reach = shown(&ola, &groups, &[("group", &own)]).await;
    reach.says("For you it counts 24 hours later");
    // Nor by a group's own settings, of what they have to ask for.
    let vault = env.assignments.vault_on_call;
    let looser = shown(
        &ola,
        &format!("/assignments/{vault}"),
        &[("mode", "standing")],
    )
    .await;
    looser.says("For you it counts 24 hours later");
    saved(&ola, &groups, &[("group", &own)]).await;
    let organisation = site.app.organisation().await.unwrap();
    assert!(organisation.facts(env.people.ola, payroll).is_none());
    // What waits to be reached counts as reached.
    let third = env.assignments.engineering.to_string();
    let again = shown(&ola, &path, &[("approver", &third)]).await;
    again.refuses(403, "can’t make yourself a reviewer");
    // Another's access is theirs to give.
    let engineering = env.assignments.engineering.to_string();
    saved(&ola, &groups, &[("group", &engineering)]).await;
    // An owner is a person: they see none, and name none.
    assert!(!form.text.contains("name=\"owner\""));
    for login in ["ann", "nobody"] {
        let owner = shown(&ola, &path, &[("owner", login)]).await;
        owner.refuses(422, &format!("Nobody signs in as “{login}”"));
    }
    let organisation = site.app.organisation().await.unwrap();
    let mut resource = (**organisation.resource(payroll).unwrap()).clone();
    resource.about.owner = Some(env.people.ann);
    let edit = Edit::Resource(resource);
    let seen = version(&organisation, &edit).unwrap();
    let refused = edit::consequence(&site.app, env.people.ola, &edit, &seen).await;
    let refused = format!("{:?}", refused.unwrap_err());
    assert!(refused.contains("name the owner"), "{refused}");
}

/// Rule 9: whoever takes away what governs an address does not get in by that for a day.
#[tokio::test]
async fn nobody_uncovers_an_address_for_themselves() {
    let site = Site::new().await;
    let (env, payroll) = (&site.env, site.env.resources.payroll);
    let on_call = env.assignments.on_call;
    join(&site, &[on_call]).await;
    let ada = site.signed_in("ada").await;
    let new = [
        ("name", "All"),
        ("address", "*.corp"),
        ("ports", "443"),
        NETWORK,
    ];
    let page = saved(&ada, "/resources/new", &new).await;
    let all = page.header("location").rsplit('/').next().unwrap();
    let all = ResourceId(all.parse().unwrap());
    env.change(move |tx| {
        Box::pin(async move {
            let own = Assignment {
                id: AssignmentId(0),
                group: on_call,
                resource: all,
                until: None,
                own: Override {
                    mode: Some(Mode::Standing),
                    ..Override::default()
                },
                auto_locks_since: None,
            };
            tx.insert_assignment(own).await?;
            Ok(())
        })
    })
    .await;
    let ola = site.signed_in("ola").await;
    let path = format!("/resources/{payroll}/edit");
    let waits = "For you it counts 24 hours later";
    for change in [
        ("do", "remove"),
        ("address", "elsewhere.example"),
        ("ports", "8443"),
    ] {
        let answer = shown(&ola, &path, &[change]).await;
        answer.says(waits);
    }
    // What they already have leads nowhere else, either.
    let moved = [("address", "payroll.corp")];
    let moved = shown(&ola, &format!("/resources/{all}/edit"), &moved).await;
    moved.says(waits);
    // Disabled, it still governs; and the vault has other ports.
    saved(&ola, &path, &[("use", "disabled"), NETWORK]).await;
    let vault = env.resources.vault;
    let gone = shown(
        &ola,
        &format!("/resources/{vault}/edit"),
        &[("do", "remove")],
    )
    .await;
    assert_eq!(gone.status, 200, "{}", gone.words());
    // Who uses none of it may.
    let freed = shown(&ada, &path, &[("do", "remove")]).await;
    assert_eq!(freed.status, 200, "{}", freed.words());
}
