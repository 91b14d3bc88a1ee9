//! What `apply` and `user disable` say of people, with the real program.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use hourkey_access::ask::ask_in;
use hourkey_access::clock::{Clock as _, SystemClock};
use hourkey_access::directory::Directory;
use hourkey_domain::organisation::{Contents, Organisation};
use hourkey_domain::request::DEFAULT_LAPSE;
use hourkey_protocol::access::NewRequest;
use hourkey_store::{Room, Store, transact};
use hourkey_store_sqlite::SqliteStore;
use hourkey_testkit::host::Host;
use hourkey_testkit::organisation::{Access, OrgBuilder, Resource, User};

/// Nobody but Root reviews; what opens with a reason is opened at once.
fn organisation() -> OrgBuilder {
    let access = || Access::request().up_to("4h");
    OrgBuilder::new("Small")
        .admin("root", "Root")
        .member("ada", "Ada Park")
        .member("bo", "Bo Ek")
        .group("Ops", &["ada", "bo"])
        .network("Office")
        .resource(Resource::new("Database", "db.corp", access().automatic()))
        .resource(Resource::new("Vault", "vault.corp", access()))
        .assign("Ops", &["Database", "Vault"])
}

/// A host where both have a grant for Database, and wait for Vault.
async fn waiting() -> Host {
    let host = Host::of(&organisation().text());
    let store = store(&host).await;
    let organisation = Directory::default().current(&store).await.unwrap();
    let people = organisation.users().filter(|user| user.login != "root");
    let now = SystemClock::new(None).now();
    for (user, resource) in people.flat_map(|user| {
        let resources = organisation.resources();
        resources.map(move |resource| (user.id, resource.id))
    }) {
        let new = NewRequest {
            resource,
            assignment: None,
            reason: "a reason".to_owned(),
            seconds: None,
            starts_at: None,
            extends: false,
        };
        transact(&store, Room::Usual, move |tx| {
            Box::pin(ask_in(tx, user, new, DEFAULT_LAPSE, now))
        })
        .await
        .unwrap();
    }
    host
}

async fn store(host: &Host) -> Arc<dyn Store> {
    SqliteStore::open(&host.data()).await.unwrap()
}

async fn contents(host: &Host) -> Contents {
    let value = Directory::default().current(&store(host).await).await;
    Organisation::contents(&value.unwrap())
}

const EFFECTS: &str = "What this does to people:
  2 people no longer see Database: Ada Park, Bo Ek.
  2 grants are revoked because the group's access to the resource was removed: Ada Park on \
                       Database, Bo Ek on Database.
";

/// Ops have no access to Database.
fn without_database() -> OrgBuilder {
    organisation().unassign("Ops", "Database")
}

#[tokio::test]
async fn apply_says_what_it_would_do_to_people_and_does_nothing() {
    let host = waiting().await;
    let before = contents(&host).await;
    let ran = host.apply(&without_database().text(), &["--prune", "--dry-run"]);
    let plan = "- assignment Ops → Database\n";
    let expected = format!("{plan}{EFFECTS}Nothing was applied (--dry-run).\n");
    assert_eq!((ran.code, &ran.out), (0, &expected), "{ran:?}");
    assert_eq!(contents(&host).await, before);

    // Without a terminal nobody can agree: it is said before.
    let ran = host.apply(&without_database().text(), &["--prune"]);
    assert_eq!((ran.code, ran.out), (1, format!("{plan}{EFFECTS}")));
    assert!(ran.err.contains("add --yes"), "{}", ran.err);
    assert_eq!(contents(&host).await, before);

    let ran = host.apply(&without_database().text(), &["--prune", "--yes"]);
    assert_eq!(
        (ran.code, ran.out),
        (0, format!("{plan}{EFFECTS}Applied.\n"))
    );
    let after = contents(&host).await;
    let open = after
        .accesses
        .iter()
        .filter(|(_, access)| access.grant.is_some());
    assert_eq!(open.count(), 0, "{:?}", after.accesses);
}

#[tokio::test]
async fn apply_names_what_nobody_can_review_any_more() {
    let host = waiting().await;
    let ada_alone = organisation()
        .user(User::reviewer("root", "Root").disabled())
        .admin("ada", "Ada Park");
    let ran = host.apply(&ada_alone.text(), &["--dry-run"]);
    let effects = "What this does to people:
  1 request is cancelled because nobody else is left who could approve it: Ada Park for Vault.
  Ada Park is the only reviewer of Vault: nobody can approve their requests.
";
    assert!(ran.out.contains(effects), "{ran:?}");
}

#[tokio::test]
async fn what_does_nothing_to_people_is_told_as_before() {
    let host = waiting().await;
    let renamed = organisation().renamed("Large");
    let ran = host.apply(&renamed.text(), &["--dry-run"]);
    let expected = "~ organisation: its name becomes \"Large\"\nNothing was applied (--dry-run).\n";
    assert_eq!(
        (ran.code, ran.out.as_str(), ran.err.as_str()),
        (0, expected, "")
    );

    // What applying refuses, a dry run refuses.
    let nobody = organisation().member("root", "Root");
    let ran = host.apply(&nobody.text(), &["--dry-run"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.out.starts_with("~ user root: "), "{ran:?}");
    assert!(
        ran.err.contains("no enabled user with the role Admin"),
        "{ran:?}"
    );
}

#[tokio::test]
async fn disabling_somebody_says_what_ended() {
    let host = waiting().await;
    let ran = host.run(&["user", "disable", "ada"]);
    let expected = "ada is disabled.
What this does to people:
  Ada Park no longer sees 2 resources: Database, Vault.
  1 grant is revoked because the account was disabled: Ada Park on Database.
  1 request is cancelled because the account was disabled: Ada Park for Vault.
";
    assert_eq!(
        (ran.code, ran.out.as_str(), ran.err.as_str()),
        (0, expected, "")
    );
    let ran = host.run(&["user", "disable", "ada"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "ada is disabled.\n"));
    let ran = host.run(&["user", "enable", "ada"]);
    let expected = "ada is enabled.
What this does to people:
  Ada Park now sees 2 resources: Database, Vault.
";
    assert_eq!((ran.code, ran.out.as_str()), (0, expected));
}
