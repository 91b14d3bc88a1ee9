//! The organisation as one value: after any history it is what stands in the tables, whatever the
//! change log looks like, and what it permits was true at its sequence number.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, missing_docs)]

mod test_env;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use hourkey_access::directory::Directory;
use hourkey_access::error::AppError;
use hourkey_access::organisation::{Comparison, OrgFile};
use hourkey_domain::Time;
use hourkey_domain::audit::AuditAction;
use hourkey_domain::organisation::{Contents, HELD_BACK_FOR, HeldBack, Organisation};
use hourkey_store::log::{Entity, Entry, Subject};
use hourkey_store::{Room, Write};
use hourkey_testkit::organisation::{Access, OrgBuilder, Resource};
use proptest::prelude::*;
use serde_json::Value;
use test_env::history::{History, Step, step};

/// A history, and a value that follows its change log.
struct Followed {
    history: History,
    directory: Directory,
}

impl Followed {
    async fn new() -> Self {
        Self {
            history: History::new().await,
            directory: Directory::default(),
        }
    }

    async fn happens(&mut self, step: Step) {
        let Step::Breaks = step else {
            self.history.happens(step).await;
            return;
        };
        let env = &self.history.env;
        env.broken.store(true, Ordering::SeqCst);
        // It may know the newest already: then it looks at nothing.
        let _ = self.directory.current(&env.app.store).await;
        env.broken.store(false, Ordering::SeqCst);
    }

    /// The value that followed the change log is one that is loaded afresh.
    async fn check(&self) -> Arc<Organisation> {
        let store = &self.history.env.app.store;
        let afresh = Directory::default().current(store).await.unwrap();
        let followed = self.directory.current(store).await.unwrap();
        assert_eq!(comparable(&followed), comparable(&afresh));
        followed
    }
}

/// When a session is heard, its end moves without an entry in the change log.
fn comparable(organisation: &Organisation) -> Contents {
    let mut contents = organisation.contents();
    for session in &mut contents.sessions {
        session.ends_at = Time::UNIX_EPOCH;
    }
    contents
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn after_any_history_it_is_what_stands_in_the_tables(
        steps in proptest::collection::vec(step(), 1..25),
        looks in proptest::collection::vec(any::<bool>(), 25),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut followed = Followed::new().await;
            followed.check().await;
            for (step, looks) in steps.into_iter().zip(looks) {
                followed.happens(step).await;
                if looks {
                    followed.check().await;
                }
            }
            followed.check().await;
        });
    }
}

#[tokio::test]
async fn what_goes_along_with_a_removed_group_is_gone() {
    let followed = Followed::new().await;
    let env = &followed.history.env;
    let engineering = env.assignments.engineering;
    env.app
        .transact(Room::Usual, move |tx, now| {
            Box::pin(async move {
                tx.set_fallback_reviewers(vec![engineering]).await?;
                record(tx, Entity::FallbackReviewers, now).await
            })
        })
        .await
        .unwrap();
    followed.check().await;
    let removed = env.app.transact(Room::Usual, move |tx, now| {
        Box::pin(async move {
            tx.remove_group(engineering).await?;
            record(tx, Entity::Group(engineering), now).await
        })
    });
    removed.await.unwrap();
    let value = followed.check().await;
    assert!(value.fallback_groups().is_empty());
    assert_eq!(value.reached(env.people.ann).count(), 0);
}

#[tokio::test]
async fn what_is_held_back_from_a_removed_person_is_gone() {
    let followed = Followed::new().await;
    let env = &followed.history.env;
    let (eve, assignment) = (env.people.eve, env.assignments.wiki);
    let held = env.app.transact(Room::Usual, move |tx, now| {
        Box::pin(async move {
            let held = HeldBack {
                user: eve,
                assignment,
                until: now + HELD_BACK_FOR,
                earlier: None,
            };
            tx.set_held_back(eve, vec![held]).await?;
            record(tx, Entity::User(eve), now).await
        })
    });
    held.await.unwrap();
    assert_eq!(followed.check().await.held_back_from(eve).count(), 1);
    let removed = env.app.transact(Room::Usual, move |tx, now| {
        Box::pin(async move {
            tx.remove_user(eve).await?;
            record(tx, Entity::User(eve), now).await
        })
    });
    removed.await.unwrap();
    assert_eq!(followed.check().await.held_back_from(eve).count(), 0);
}

#[tokio::test]
async fn what_nobody_names_is_found_nevertheless() {
    let followed = Followed::new().await;
    followed.check().await;
    let vault = followed.history.env.resources.vault;
    for subject in [
        Subject::Unknown,
        Subject::Organisation {
            entity: Entity::Any,
        },
    ] {
        let renamed = followed
            .history
            .env
            .app
            .transact(Room::Usual, move |tx, at| {
                Box::pin(async move {
                    let (mut resource, _) = tx.resource(vault).await?.unwrap();
                    resource.name.push('x');
                    tx.update_resource(resource).await?;
                    let action = AuditAction::ResourceChanged;
                    let entry = Entry {
                        at,
                        actor: None,
                        action,
                        subject,
                        detail: Value::Null,
                    };
                    tx.record(entry).await?;
                    Ok(())
                })
            });
        renamed.await.unwrap();
        followed.check().await;
    }
}

async fn record(tx: &mut dyn Write, entity: Entity, at: Time) -> Result<(), AppError> {
    let entry = Entry {
        at,
        actor: None,
        action: AuditAction::GroupRemoved,
        subject: Subject::Organisation { entity },
        detail: Value::Null,
    };
    tx.record(entry).await?;
    Ok(())
}

/// Two people move back and forth between two groups, each move in one transaction of two entries.
/// At every moment each of them may use exactly one resource: a value between two entries would
/// permit both, or none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_it_permits_was_true_at_its_sequence_number() {
    let followed = Followed::new().await;
    let env = &followed.history.env;
    let app = &env.app;
    let people = [env.people.ann, env.people.ben];
    let parsed = OrgFile::parse(&pair().text()).unwrap();
    let comparison = Comparison::new(&app.store, parsed, false).await.unwrap();
    let applied = comparison.apply(&app.store, app.clock.now()).await;
    applied.unwrap_or_else(|refused| panic!("{refused}"));
    let start = followed.check().await;
    let group = |name: &str| {
        let mut groups = start.groups();
        groups.find(|group| group.name == name).unwrap().id
    };
    let (left, right) = (group("Left"), group("Right"));
    let mut networks = start.networks();
    let network = networks.find(|network| network.name == "Pair").unwrap().id;

    let writers = people.map(|person| {
        let app = app.clone();
        tokio::spawn(async move {
            for _ in 0..60 {
                let moved = app.transact(Room::Usual, move |tx, now| {
                    Box::pin(async move {
                        for id in [left, right] {
                            let mut group = tx.group(id).await?.unwrap();
                            match group.members.iter().position(|member| *member == person) {
                                Some(at) => drop(group.members.remove(at)),
                                None => group.members.push(person),
                            }
                            tx.update_group(group).await?;
                            record(tx, Entity::Group(id), now).await?;
                        }
                        Ok(())
                    })
                });
                moved.await.unwrap();
            }
        })
    });
    let (mut looks, mut seen) = (0, start.seq());
    while !writers.iter().all(tokio::task::JoinHandle::is_finished) {
        let value = followed.directory.current(&app.store).await.unwrap();
        assert!(value.seq() >= seen, "it never goes back");
        seen = value.seq();
        for person in people {
            let permits = value.permits(person, network, app.clock.now()).permits;
            assert_eq!(permits.len(), 1, "{person} at {seen}: {permits:?}");
        }
        looks += 1;
        tokio::task::yield_now().await;
    }
    assert!(looks > 20, "the reader looked in between: {looks}");
    followed.check().await;
}

fn pair() -> OrgBuilder {
    let resource = |name, address| Resource::new(name, address, Access::standing());
    OrgBuilder::new("Corp")
        .member("ann", "Ann Member")
        .member("ben", "Ben Member")
        .network("Pair")
        .group("Left", &["ann", "ben"])
        .group("Right", &[])
        .resource(resource("Left resource", "left.corp"))
        .resource(resource("Right resource", "right.corp"))
        .assign("Left", &["Left resource"])
        .assign("Right", &["Right resource"])
}
