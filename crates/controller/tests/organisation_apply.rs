//! Applying a file: one transaction, nothing lost, and what follows from it (rule 7).
#![allow(clippy::unwrap_used, missing_docs)]

use std::sync::Arc;

use chrono::TimeDelta;
use hourkey_access::directory::Directory;
use hourkey_access::identity::setup;
use hourkey_access::organisation::export::export;
use hourkey_access::organisation::{Comparison, OrgFile, Plan, Refused};
use hourkey_domain::ids::{GatewayId, GroupId, NetworkId};
use hourkey_domain::organisation::Network;
use hourkey_domain::visibility::Visibility;
use hourkey_domain::{Time, organisation};
use hourkey_store::organisation::Organisation;
use hourkey_store::{Room, Store, transact};
use hourkey_store_sqlite::SqliteStore;
use hourkey_testkit::organisation::{OrgBuilder, SAMPLE};
use tempfile::TempDir;

const SMALL: &str = r#"
name = "Small"
[[user]]
login = "root"
name = "Root"
roles = ["Admin"]
[[user]]
login = "ada"
name = "Ada"
[[group]]
name = "Ops"
members = ["ada"]
[[network]]
name = "Office"
[[resource]]
name = "Wiki"
address = "wiki.corp"
network = "Office"
access = { mode = "AccessRequest", up_to = "4h", approval = "Automatic" }
approvers = ["Ops"]
[[assignment]]
group = "Ops"
resource = "Wiki"
"#;

async fn fresh() -> (TempDir, Arc<dyn Store>) {
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = SqliteStore::open(folder.path()).await.unwrap();
    (folder, store)
}

async fn put(store: &Arc<dyn Store>, text: &str, prune: bool) -> Result<Plan, Refused> {
    let now = Time::from_timestamp_millis(1_800_000_000_000).unwrap();
    let comparison = Comparison::new(store, OrgFile::parse(text).unwrap(), prune).await?;
    let plan = comparison.plan().clone();
    comparison.apply(store, now).await.map(|_| plan)
}

async fn known(store: &Arc<dyn Store>) -> organisation::Organisation {
    let known = Directory::default().current(store).await.unwrap();
    (*known).clone()
}

async fn today(store: &Arc<dyn Store>) -> Organisation {
    store.read().await.unwrap().organisation().await.unwrap()
}

async fn seq(store: &Arc<dyn Store>) -> i64 {
    store.read().await.unwrap().seq().await.unwrap()
}

/// A link in a mailbox that is somebody's no more sets no password, nor one from before an account was
/// disabled.
#[tokio::test]
async fn a_file_that_moves_mail_or_disables_ends_links() {
    let now = Time::from_timestamp_millis(1_800_000_000_000).unwrap();
    let ada = "login = \"ada\"";
    for change in [
        "email = \"ada-too@corp.example\"",
        "disabled = true",
        "name = \"Ada L\"",
    ] {
        let (_folder, store) = fresh().await;
        put(&store, SMALL, false).await.unwrap();
        let user = known(&store).await.user_by_login("ada").unwrap().id;
        let until = now + TimeDelta::days(1);
        let linked = transact(&store, Room::Usual, move |tx| {
            Box::pin(tx.put_reset_link([7; 32], user, until))
        });
        linked.await.unwrap();
        let text = match change.starts_with("name") {
            true => SMALL.replace("name = \"Ada\"", change),
            false => SMALL.replace(ada, &format!("{ada}\n{change}")),
        };
        put(&store, &text, false).await.unwrap();
        let link = store.read().await.unwrap().reset_link([7; 32], now).await;
        let works = change.starts_with("name").then_some(user);
        assert_eq!(link.unwrap(), works, "{change}");
    }
}

#[tokio::test]
async fn applying_twice_changes_nothing_the_second_time() {
    let (_folder, store) = fresh().await;
    assert!(!put(&store, SAMPLE, false).await.unwrap().is_empty());
    let (before, at) = (today(&store).await, seq(&store).await);
    assert!(put(&store, SAMPLE, true).await.unwrap().is_empty());
    assert_eq!((today(&store).await, seq(&store).await), (before, at));
}

/// The tests' builder says all that the sample says, and nothing else.
#[tokio::test]
async fn the_sample_as_the_builder_writes_it_is_the_sample() {
    let (_folder, store) = fresh().await;
    put(&store, SAMPLE, false).await.unwrap();
    let written = OrgBuilder::sample().text();
    let plan = put(&store, &written, true).await.unwrap();
    assert!(plan.is_empty(), "{plan}");
}

#[tokio::test]
async fn without_prune_everything_else_is_kept_and_named() {
    let (_folder, store) = fresh().await;
    put(&store, SAMPLE, false).await.unwrap();
    let plan = put(&store, SMALL, false).await.unwrap();
    assert!(
        plan.to_string()
            .contains("  resource Grafana is not in the file, kept (--prune")
    );
    let organisation = today(&store).await;
    assert!(
        organisation
            .resources
            .iter()
            .any(|resource| resource.name == "Grafana")
    );
    assert!(
        organisation
            .resources
            .iter()
            .any(|resource| resource.name == "Wiki")
    );
}

#[tokio::test]
async fn with_prune_only_the_file_is_left() {
    let (_folder, store) = fresh().await;
    put(&store, SAMPLE, false).await.unwrap();
    put(&store, SMALL, true).await.unwrap();
    let (_other_folder, alone) = fresh().await;
    put(&alone, SMALL, false).await.unwrap();
    // The ids differ, what they stand for does not.
    let file = OrgFile::parse(SMALL).unwrap();
    for store in [&store, &alone] {
        assert!(Plan::new(&known(store).await, &file, true).is_empty());
    }
    let names = |organisation: Organisation| -> Vec<String> {
        organisation
            .resources
            .into_iter()
            .map(|resource| resource.name)
            .collect()
    };
    assert_eq!(names(today(&store).await), names(today(&alone).await));
}

#[tokio::test]
async fn the_last_admin_stays() {
    let (_folder, store) = fresh().await;
    put(&store, SMALL, false).await.unwrap();
    let at = seq(&store).await;
    let disabled = SMALL.replace(
        "roles = [\"Admin\"]",
        "roles = [\"Admin\"]\ndisabled = true",
    );
    assert!(matches!(
        put(&store, &disabled, false).await,
        Err(Refused::LastAdmin)
    ));
    let demoted = SMALL.replace("roles = [\"Admin\"]", "");
    assert!(matches!(
        put(&store, &demoted, false).await,
        Err(Refused::LastAdmin)
    ));
    assert_eq!(seq(&store).await, at, "nothing of a refused file is kept");
    assert!(
        today(&store)
            .await
            .users
            .iter()
            .any(|user| user.login == "root" && !user.disabled)
    );
}

#[tokio::test]
async fn a_difference_that_is_no_longer_the_one_shown_is_refused() {
    let (_folder, store) = fresh().await;
    let file = OrgFile::parse(SMALL).unwrap();
    let comparison = Comparison::new(&store, file, false).await.unwrap();
    put(&store, &SMALL.replace("Wiki", "Web"), false)
        .await
        .unwrap();
    let now = Time::from_timestamp_millis(1_800_000_000_001).unwrap();
    let answer = comparison.apply(&store, now).await;
    assert!(matches!(answer, Err(Refused::ChangedMeanwhile)));
}

#[tokio::test]
async fn the_setup_code_ends_with_the_first_user() {
    let (_folder, store) = fresh().await;
    setup::make_code(&store).await.unwrap();
    put(&store, "name = \"Empty\"", false).await.unwrap();
    let code = async || store.read().await.unwrap().setup_code().await.unwrap();
    assert!(code().await.is_some());
    put(&store, SMALL, false).await.unwrap();
    assert_eq!(code().await, None);
}

#[tokio::test]
async fn every_change_is_audited_with_before_and_after() {
    let (_folder, store) = fresh().await;
    put(&store, SMALL, false).await.unwrap();
    let at = seq(&store).await;
    put(&store, &SMALL.replace("wiki.corp", "wiki2.corp"), false)
        .await
        .unwrap();
    let audit = store.read().await.unwrap().audit(at, 10).await.unwrap();
    let [entry] = audit.as_slice() else {
        panic!("one change, one entry: {audit:?}")
    };
    assert_eq!(entry.action, "resource.changed");
    assert_eq!(entry.detail["replace"]["before"]["address"], "wiki.corp");
    assert_eq!(entry.detail["replace"]["after"]["address"], "wiki2.corp");
}

#[tokio::test]
async fn resources_at_one_address_that_are_opened_differently_are_named() {
    let (_folder, store) = fresh().await;
    let with = |name: &str, address: &str, ports: &str, access: &str| {
        format!(
            "{SMALL}\n[[resource]]\nname = {name:?}\naddress = {address:?}\nports = {ports:?}\n\
             network = \"Office\"\naccess = {access}\n"
        )
    };
    let (standing, like) = (
        r#"{ mode = "Standing" }"#,
        r#"{ mode = "AccessRequest", up_to = "4h", approval = "Automatic" }"#,
    );
    let shared = async |text: &str| {
        let file = OrgFile::parse(text).unwrap();
        Plan::new(&known(&store).await, &file, false).warnings
    };
    let one = shared(&with("Admin pages", "WIKI.corp.", "443", standing)).await;
    assert_eq!(one.len(), 1);
    assert!(
        one[0].contains("Wiki and Admin pages share wiki.corp"),
        "{one:?}"
    );
    for (address, access) in [
        ("wiki.corp", like),
        ("other.corp", standing),
        ("*.corp", standing),
    ] {
        assert!(
            shared(&with("Other", address, "443", access))
                .await
                .is_empty(),
            "{address}"
        );
    }
    // What is there and stays counts as well.
    put(
        &store,
        &with("Admin pages", "wiki.corp", "443", standing),
        false,
    )
    .await
    .unwrap();
    assert_eq!(shared(SMALL).await.len(), 1);
}

#[tokio::test]
async fn standing_access_that_is_to_outlast_the_controller_is_named() {
    let (_folder, store) = fresh().await;
    let warnings = async |resource: &str, assignment: &str| {
        let text = format!(
            "name = \"A\"\n[[user]]\nlogin = \"root\"\nname = \"Root\"\nroles = [\"Admin\"]\n\
             [[group]]\nname = \"Ops\"\n[[network]]\nname = \"Office\"\n[[resource]]\n\
             name = \"Host\"\naddress = \"host.corp\"\nnetwork = \"Office\"\n{resource}\n\
             [[assignment]]\ngroup = \"Ops\"\nresource = \"Host\"\n{assignment}\n"
        );
        let file = OrgFile::parse(&text).unwrap();
        Plan::new(&known(&store).await, &file, false).warnings
    };
    let offline = "keep_alive_offline = true\naccess = { mode = \"Standing\" }";
    let one = warnings(offline, "").await;
    assert_eq!(one.len(), 1, "{one:?}");
    assert!(
        one[0].contains("keep_alive_offline of resource Host does nothing for Ops"),
        "{one:?}"
    );
    let formerly = offline.replace("keep_alive_offline", "outlasts_controller");
    assert_eq!(warnings(&formerly, "").await, one);
    for (resource, assignment) in [
        ("access = { mode = \"Standing\" }", ""),
        (offline, "until = 2030-01-01T00:00:00Z"),
        (offline, "access = { mode = \"AutoLock\" }"),
    ] {
        let none = warnings(resource, assignment).await;
        assert!(none.is_empty(), "{resource} {assignment} {none:?}");
    }
}

#[tokio::test]
async fn access_periods_longer_than_the_longest_are_named() {
    let (_folder, store) = fresh().await;
    let warnings = async |longest: &str, resource: &str, assignment: &str| {
        let text = format!(
            "name = \"A\"\nperiods = [\"1h\"]\nlongest_period = \"{longest}\"\n\
             [[user]]\nlogin = \"root\"\nname = \"Root\"\nroles = [\"Admin\"]\n\
             [[group]]\nname = \"Ops\"\n[[network]]\nname = \"Office\"\n[[resource]]\n\
             name = \"Host\"\naddress = \"host.corp\"\nnetwork = \"Office\"\n\
             access = {{ mode = \"AccessRequest\", {resource} }}\n\
             [[assignment]]\ngroup = \"Ops\"\nresource = \"Host\"\naccess = {{ {assignment} }}\n"
        );
        let file = OrgFile::parse(&text).unwrap();
        Plan::new(&known(&store).await, &file, false).warnings
    };
    let (long, short) = ("period = \"30 days\"", "period = \"1h\"");
    let counts = "has an access period of 30 days, longer than allowed: 8 hours counts. Set a shorter \
                  one, or a longer longest_period";
    let resource = [format!("resource Host {counts}")];
    let group = [format!("Ops's access to resource Host {counts}")];
    assert_eq!(warnings("8h", long, "").await, resource);
    assert_eq!(warnings("8h", short, long).await, group);
    assert_eq!(warnings("8h", long, "mode = \"Standing\"").await, resource);
    assert_eq!(warnings("8h", short, "").await, [""; 0]);
    assert_eq!(warnings("30 days", long, long).await, [""; 0]);
    let own = "mode = \"Standing\", period = \"30 days\"";
    assert_eq!(warnings("8h", short, own).await, [""; 0]);
}

#[tokio::test]
async fn fallback_reviewers_are_set_shown_and_taken_away() {
    let (_folder, store) = fresh().await;
    put(&store, SMALL, false).await.unwrap();
    let with = SMALL.replacen("[[user]]", "fallback_reviewers = [\"Ops\"]\n[[user]]", 1);
    let plan = put(&store, &with, false).await.unwrap();
    assert_eq!(
        plan.to_string(),
        "~ organisation: fallback_reviewers + Ops\n"
    );
    let organisation = today(&store).await;
    assert_eq!(organisation.fallback_reviewers, [organisation.groups[0].id]);
    assert!(put(&store, &with, true).await.unwrap().is_empty());
    let plan = put(&store, SMALL, false).await.unwrap();
    assert_eq!(
        plan.to_string(),
        "~ organisation: fallback_reviewers - Ops\n"
    );
    assert_eq!(today(&store).await.fallback_reviewers, []);
    // Refused as a whole: a group that the file does not know.
    let unknown = with.replace("[\"Ops\"]\n[[user]]", "[\"Nobody\"]\n[[user]]");
    let mistakes = OrgFile::parse(&unknown).unwrap_err();
    assert_eq!(mistakes[0].text, "no group \"Nobody\" in this file");
}

#[tokio::test]
async fn warnings_are_of_what_would_be() {
    let (_folder, store) = fresh().await;
    let text = |address: &str| {
        format!(
            "name = \"A\"\n[[user]]\nlogin = \"root\"\nname = \"Root\"\nroles = [\"Admin\"]\n\
             [[group]]\nname = \"Ops\"\nmembers = [\"root\"]\n\
             [[group]]\nname = \"Night\"\nmembers = [\"root\"]\n[[network]]\nname = \"Office\"\n\
             [[resource]]\nname = \"Host\"\naddress = \"{address}\"\nnetwork = \"Office\"\n\
             access = {{ mode = \"AccessRequest\", up_to = \"4h\" }}\n\
             [[resource]]\nname = \"Desk\"\naddress = \"*.corp\"\nnetwork = \"Office\"\n\
             access = {{ mode = \"Standing\" }}\n\
             [[assignment]]\ngroup = \"Ops\"\nresource = \"Host\"\n\
             [[assignment]]\ngroup = \"Night\"\nresource = \"Host\"\n\
             access = {{ approval = \"Automatic\" }}\n"
        )
    };
    // Root may open the host by the other group.
    let file = OrgFile::parse(&text("host.corp")).unwrap();
    let mut today = known(&store).await;
    assert_eq!(Plan::new(&today, &file, true).warnings, [""; 0]);
    let shared = OrgFile::parse(&text("*.corp")).unwrap();
    let warned = Plan::new(&today, &shared, true).warnings;
    assert!(
        warned.len() == 1 && warned[0].contains("Host and Desk share *.corp"),
        "{warned:?}"
    );
    let cloud = Network {
        id: NetworkId(7),
        name: "Cloud".to_owned(),
    };
    today.set_network(cloud.id, Some(cloud));
    assert_eq!(Plan::new(&today, &file, true).warnings, [""; 0]);
    today.set_gateway(GatewayId(1), Some(NetworkId(7)));
    let warned = Plan::new(&today, &file, true).warnings;
    assert!(
        warned.len() == 1 && warned[0].starts_with("network Cloud goes, and 1 of its gateways"),
        "{warned:?}"
    );
    assert_eq!(Plan::new(&today, &file, false).warnings, [""; 0]);
}

#[tokio::test]
async fn whose_requests_nobody_could_approve_is_named() {
    let (_folder, store) = fresh().await;
    let text = |fallback: &str, roles: &str, access: &str| {
        format!(
            "name = \"A\"\n{fallback}\n[[user]]\nlogin = \"root\"\nname = \"Root\"\n\
             roles = [\"Admin\"]\n[[user]]\nlogin = \"ada\"\nname = \"Ada\"\n{roles}\n\
             [[group]]\nname = \"Ops\"\nmembers = [\"root\", \"ada\"]\n[[network]]\n\
             name = \"Office\"\n[[resource]]\nname = \"Host\"\naddress = \"host.corp\"\n\
             network = \"Office\"\naccess = {{ {access} }}\n[[resource]]\nname = \"Desk\"\n\
             address = \"desk.corp\"\nnetwork = \"Office\"\naccess = {{ {access} }}\n\
             [[assignment]]\ngroup = \"Ops\"\nresource = \"Host\"\n\
             [[assignment]]\ngroup = \"Ops\"\nresource = \"Desk\"\n"
        )
    };
    let warnings = async |text: String| {
        let file = OrgFile::parse(&text).unwrap();
        Plan::new(&known(&store).await, &file, false).warnings
    };
    let manual = "mode = \"AccessRequest\", up_to = \"4h\"";
    let one = warnings(text("", "", manual)).await;
    assert_eq!(
        one,
        [
            "nobody can approve what root asks for: Desk, Host. Name fallback_reviewers, or another \
          AccessReviewer"
        ]
    );
    for (fallback, roles, access) in [
        ("fallback_reviewers = [\"Ops\"]", "", manual),
        ("", "roles = [\"AccessReviewer\"]", manual),
        ("", "", "mode = \"Standing\""),
        (
            "",
            "",
            "mode = \"AccessRequest\", up_to = \"4h\", approval = \"Automatic\"",
        ),
    ] {
        let none = warnings(text(fallback, roles, access)).await;
        assert!(none.is_empty(), "{fallback} {roles} {access} {none:?}");
    }
    let alone = text("fallback_reviewers = [\"Ops\"]", "disabled = true", manual);
    assert_eq!(
        warnings(alone).await,
        [
            "nobody can approve what root asks for: Desk, Host. The groups of fallback_reviewers hold \
          nobody else who is enabled"
        ]
    );
    let nobody = text("fallback_reviewers = [\"Ops\"]", "", manual).replace("Admin", "Member");
    let warned = warnings(nobody).await;
    assert_eq!(warned.len(), 1, "{warned:?}");
    assert!(
        warned[0].starts_with("no enabled user has the role Admin"),
        "{warned:?}"
    );
    // Somebody who may not sign in approves nothing.
    let off = text("", "roles = [\"AccessReviewer\"]\ndisabled = true", manual);
    assert_eq!(warnings(off).await, one);
}

#[tokio::test]
async fn what_a_resource_is_beyond_its_address_goes_there_and_back() {
    let (_folder, store) = fresh().await;
    let text = |about: &str| {
        format!(
            r#"
name = "Corp"

[[user]]
login = "ada"
name = "Ada"
roles = ["Admin"]

[[network]]
name = "Lab"

[[resource]]
name = "Orders"
address = "orders.corp"
network = "Lab"
access = {{ mode = "AccessRequest", period = "1h" }}
{about}
"#
        )
    };
    let about = r#"
disabled = true
visibility = "hidden"
description = "All orders, \"read\" only"
how_to_use = """
psql -h orders.corp

\tor ask
"""
owner = "ADA"
"#;
    put(&store, &text(about), false).await.unwrap();
    let organisation = known(&store).await;
    let resource = organisation.resources().next().unwrap();
    assert!(!resource.about.enabled);
    assert_eq!(resource.about.visibility, Visibility::Hidden);
    assert_eq!(resource.about.description, "All orders, \"read\" only");
    assert_eq!(resource.about.how_to_use, "psql -h orders.corp\n\n\tor ask");
    assert_eq!(
        organisation.user_login(resource.about.owner.unwrap()),
        Some("ada")
    );
    // What is exported finds nothing to do, and changes of it are named.
    let installation = store.read().await.unwrap().installation().await.unwrap();
    let exported = export(&organisation, &installation).unwrap();
    let plan = put(&store, &exported, true).await.unwrap();
    assert!(plan.is_empty(), "{plan}\n{exported}");
    let plan = put(&store, &text("description = \"Orders\""), true)
        .await
        .unwrap();
    assert_eq!(
        plan.to_string(),
        "~ resource Orders: disabled yes → nothing; visibility hidden → nothing; description “All \
         orders, \"read\" only” → “Orders”; how_to_use “psql -h orders.corp or ask” → nothing; owner \
         ada → nothing\n"
    );
    let mistakes = OrgFile::parse(&text(
        "visibility = \"loud\"\nhow_to_use = \"a\u{202e}b\"\nowner = \"bob\"",
    ));
    let mistakes: Vec<_> = mistakes
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        mistakes,
        [
            "line 17: \"loud\" is no visibility; they are shown, shortcut, hidden",
            "line 18: how_to_use has characters that cannot be seen",
            "line 19: no user \"bob\" in this file",
        ]
    );
}

/// An assignment of the built-in group goes there and back without a list, with an end and settings of its
/// own; and new people have what it gives.
#[tokio::test]
async fn the_built_in_group_needs_no_list() {
    let (_folder, store) = fresh().await;
    let everyone = "[[assignment]]\ngroup = \"Everyone\"\nresource = \"Wiki\"\n\
                    until = 2031-01-31T17:00:00Z\naccess = { mode = \"Standing\" }\n";
    let text = format!("{SMALL}{everyone}");
    let plan = put(&store, &text, false).await.unwrap().to_string();
    assert!(plan.contains("+ assignment Everyone → Wiki: "), "{plan}");
    assert!(!plan.contains("\n! "), "{plan}");
    let organisation = known(&store).await;
    let own = organisation.assignments_to(GroupId::EVERYONE);
    assert_eq!(own.count(), 1);
    let installation = store.read().await.unwrap().installation().await.unwrap();
    let exported = export(&organisation, &installation).unwrap();
    assert_eq!(exported.matches("Everyone").count(), 1, "{exported}");
    let plan = put(&store, &exported, true).await.unwrap();
    assert!(plan.is_empty(), "{plan}\n{exported}");

    let more = format!("{text}[[user]]\nlogin = \"new\"\nname = \"New\"\n");
    put(&store, &more, false).await.unwrap();
    let organisation = known(&store).await;
    let new = organisation.user_by_login("new").unwrap().id;
    assert_eq!(organisation.reachable(new, None).count(), 1);

    let plan = put(&store, SMALL, true).await.unwrap().to_string();
    assert!(plan.contains("- assignment Everyone → Wiki\n"), "{plan}");
    let organisation = known(&store).await;
    assert!(organisation.group(GroupId::EVERYONE).is_some());
}

/// A name that reads as the built-in group's is taken by no new group.
#[tokio::test]
async fn what_looks_like_the_built_in_group_is_refused() {
    let (_folder, store) = fresh().await;
    let text = format!("{SMALL}[[group]]\nname = \"Еvеryоnе\"\n");
    let refused = put(&store, &text, false).await.unwrap_err().to_string();
    assert!(
        refused.contains("would read as the built-in group"),
        "{refused}"
    );
    assert_eq!(today(&store).await.groups, []);
}
