//! The organisation as one value: after any history it is what stands in the tables, whatever the
//! change log looks like, and what it permits was true at its sequence number.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, missing_docs)]

mod test_env;

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use chrono::TimeDelta;
use hourkey_access::directory::Directory;
use hourkey_access::error::AppError;
use hourkey_access::identity::session;
use hourkey_access::organisation::{OrgFile, apply};
use hourkey_access::sweep::sweep_now;
use hourkey_access::{ask, decide, end, unlock};
use hourkey_controller::gateways::{enrol, usage};
use hourkey_domain::Time;
use hourkey_domain::audit::AuditAction;
use hourkey_domain::ids::{ResourceId, UserId};
use hourkey_domain::organisation::{Contents, Organisation};
use hourkey_protocol::access::{Approve, Comment, NewRequest, NewUnlock};
use hourkey_protocol::account::SessionKind;
use hourkey_protocol::gateway::{Connection, Report};
use hourkey_store::access::OpenFilter;
use hourkey_store::account::NewSession;
use hourkey_store::device::NewDevice;
use hourkey_store::log::{Entity, Entry, Subject};
use hourkey_store::{Room, Write};
use proptest::prelude::*;
use serde_json::Value;
use test_env::TestEnv;

/// Something that happens. People, resources and the like are picked by a number.
#[derive(Clone, Debug)]
enum Step {
    Apply {
        shape: [u8; 24],
        prune: bool,
    },
    Ask {
        who: usize,
        what: usize,
    },
    Approve {
        who: usize,
    },
    Deny {
        who: usize,
    },
    Cancel,
    Release,
    Revoke {
        who: usize,
    },
    Unlock {
        whom: usize,
        what: usize,
    },
    Use {
        who: usize,
        what: usize,
    },
    SignIn {
        who: usize,
    },
    EndSessions {
        who: usize,
    },
    Gateway {
        adds: bool,
    },
    Wait {
        minutes: i64,
    },
    /// The store cannot be read when the value is to advance.
    Breaks,
}

fn step() -> impl Strategy<Value = Step> {
    let n = || 0..12usize;
    prop_oneof![
        4 => (any::<[u8; 24]>(), any::<bool>()).prop_map(|(shape, prune)| Step::Apply { shape, prune }),
        6 => (n(), n()).prop_map(|(who, what)| Step::Ask { who, what }),
        3 => n().prop_map(|who| Step::Approve { who }),
        2 => n().prop_map(|who| Step::Deny { who }),
        1 => Just(Step::Cancel),
        1 => Just(Step::Release),
        2 => n().prop_map(|who| Step::Revoke { who }),
        1 => (n(), n()).prop_map(|(whom, what)| Step::Unlock { whom, what }),
        2 => (n(), n()).prop_map(|(who, what)| Step::Use { who, what }),
        2 => n().prop_map(|who| Step::SignIn { who }),
        1 => n().prop_map(|who| Step::EndSessions { who }),
        1 => any::<bool>().prop_map(|adds| Step::Gateway { adds }),
        2 => prop::sample::select(vec![1, 30, 90, 1_500, 20_000])
            .prop_map(|minutes| Step::Wait { minutes }),
        1 => Just(Step::Breaks),
    ]
}

/// A file that follows from these bytes: six people, three groups, two networks, four resources.
fn file(shape: [u8; 24]) -> String {
    let mut text = String::from("name = \"Corp\"\n");
    let mut bytes = shape.into_iter().cycle();
    let mut next = |of: u8| bytes.next().unwrap() % of;
    let logins = ["ada", "ann", "ben", "rae", "pat", "quinn"];
    for (at, login) in logins.iter().enumerate() {
        let role = match (at, next(4)) {
            (0, _) => "Admin",
            (_, 0) => "AccessReviewer",
            _ => "Member",
        };
        let disabled = at > 0 && next(6) == 0;
        let _ = writeln!(
            text,
            "[[user]]\nlogin = \"{login}\"\nname = \"{login} {}\"\nroles = [\"{role}\"]\ndisabled = {disabled}",
            next(3)
        );
    }
    let groups = ["Engineering", "On call", "Owners"].into_iter();
    let groups: Vec<_> = groups.filter(|_| next(4) > 0).collect();
    for group in &groups {
        let members = logins.iter().filter(|_| next(2) == 0);
        let members: Vec<_> = members.map(|login| format!("\"{login}\"")).collect();
        let members = members.join(", ");
        let _ = writeln!(text, "[[group]]\nname = \"{group}\"\nmembers = [{members}]");
    }
    if next(2) == 0 && groups.contains(&"On call") {
        text = text.replacen('\n', "\nfallback_reviewers = [\"On call\"]\n", 1);
    }
    text.push_str("[[network]]\nname = \"Office\"\n[[network]]\nname = \"Lab\"\n");
    for resource in ["Wiki", "Database", "Logs", "Vault"] {
        if next(5) == 0 {
            continue;
        }
        let access = match next(4) {
            0 => r#"{ mode = "Standing" }"#,
            1 => r#"{ mode = "AutoLock", lock_after = "2d", approval = "Manual" }"#,
            2 => r#"{ mode = "AccessRequest", up_to = "4h", approval = "Automatic" }"#,
            _ => r#"{ mode = "AccessRequest", up_to = "2h", approval = "Manual" }"#,
        };
        let network = ["Office", "Lab"][usize::from(next(2))];
        let approvers = groups.iter().filter(|_| next(3) == 0);
        let approvers: Vec<_> = approvers.map(|group| format!("\"{group}\"")).collect();
        let approvers = approvers.join(", ");
        let _ = writeln!(
            text,
            "[[resource]]\nname = \"{resource}\"\naddress = \"{}-{}.corp\"\nnetwork = \"{network}\"\n\
             access = {access}\napprovers = [{approvers}]",
            resource.to_lowercase(),
            next(3)
        );
        for group in &groups {
            if next(2) == 0 {
                let until = match next(3) {
                    0 => "\nuntil = 2030-01-02T00:00:00Z",
                    _ => "",
                };
                let _ = writeln!(
                    text,
                    "[[assignment]]\ngroup = \"{group}\"\nresource = \"{resource}\"{until}"
                );
            }
        }
    }
    text
}

struct History {
    env: TestEnv,
    directory: Directory,
    count: u32,
}

impl History {
    async fn new() -> Self {
        let env = TestEnv::new().await;
        let directory = Directory::default();
        let count = 0;
        Self {
            env,
            directory,
            count,
        }
    }

    async fn happens(&mut self, step: Step) {
        let app = &self.env.app;
        let everything = Directory::default().current(&app.store).await.unwrap();
        let users: Vec<UserId> = everything.users().map(|user| user.id).collect();
        let resources: Vec<ResourceId> = everything.resources().map(|it| it.id).collect();
        let person = |number: usize| users[number % users.len()];
        let resource = |number: usize| match resources.is_empty() {
            true => ResourceId(1),
            false => resources[number % resources.len()],
        };
        let open = async || {
            let mut tx = app.store.read().await.unwrap();
            tx.open(OpenFilter::default()).await.unwrap()
        };
        match step {
            Step::Apply { shape, prune } => {
                let text = file(shape);
                let parsed = OrgFile::parse(&text);
                let file = parsed.unwrap_or_else(|wrong| panic!("{wrong:?}\n{text}"));
                // An administrator who is not in the file may be the last.
                let _ = apply(&app.store, file, prune, None, app.clock.now()).await;
            }
            Step::Ask { who, what } => {
                let new = NewRequest {
                    resource: resource(what),
                    assignment: None,
                    reason: "a reason".to_owned(),
                    seconds: None,
                    starts_at: (who % 3 == 0).then(|| app.clock.now() + TimeDelta::minutes(40)),
                };
                let _ = ask::ask(app, person(who), new).await;
            }
            Step::Approve { who } => {
                for request in open().await.requests {
                    let body = Approve::default();
                    let _ = decide::approve(app, person(who), request.id, body).await;
                }
            }
            Step::Deny { who } => {
                if let Some(request) = open().await.requests.first() {
                    let body = said();
                    let _ = decide::deny(app, person(who), request.id, body).await;
                }
            }
            Step::Cancel => {
                if let Some(request) = open().await.requests.first() {
                    let _ = end::cancel(app, request.user, request.id).await;
                }
            }
            Step::Release => {
                if let Some(grant) = open().await.grants.first() {
                    let _ = end::release(app, grant.user, grant.id).await;
                }
            }
            Step::Revoke { who } => {
                for grant in open().await.grants {
                    let _ = end::revoke(app, person(who), grant.id, said()).await;
                }
            }
            Step::Unlock { whom, what } => {
                let login = everything.user_login(person(whom)).unwrap().to_owned();
                let body = NewUnlock {
                    login,
                    resource: resource(what),
                    comment: String::new(),
                };
                let _ = unlock::unlock(app, self.env.people.ada, body).await;
            }
            Step::Use { who, what } => self.used(person(who), resource(what)).await,
            Step::SignIn { who } => self.signed_in(person(who)).await,
            Step::EndSessions { who } => {
                let user = person(who);
                let ended = app.transact(Room::Usual, move |tx, now| {
                    Box::pin(session::end_all(tx, user, None, None, "a test", now))
                });
                ended.await.unwrap();
            }
            Step::Gateway { adds } => {
                let now = app.clock.now();
                if adds {
                    self.count += 1;
                    let name = format!("gw-{}", self.count);
                    let address = "gw.corp.example:8443";
                    let _ = enrol::add(&app.store, &name, "Office", address, now).await;
                } else {
                    let name = format!("gw-{}", self.count);
                    let _ = enrol::remove(&app.store, &name, now).await;
                }
            }
            Step::Wait { minutes } => {
                self.env.clock.forward(TimeDelta::minutes(minutes));
                sweep_now(app).await.unwrap();
            }
            Step::Breaks => {
                self.env.broken.store(true, Ordering::SeqCst);
                // It may know the newest already: then it looks at nothing.
                let _ = self.directory.current(&app.store).await;
                self.env.broken.store(false, Ordering::SeqCst);
            }
        }
    }

    async fn used(&mut self, user: UserId, resource: ResourceId) {
        let app = &self.env.app;
        let mut tx = app.store.read().await.unwrap();
        let gateway = tx.gateways().await.unwrap().into_iter().next();
        let device = tx.devices(Some(user)).await.unwrap().into_iter().next();
        drop(tx);
        let (Some(gateway), Some(device)) = (gateway, device) else {
            return;
        };
        self.count += 1;
        let report = Report {
            connections: vec![Connection {
                id: format!("{:032x}", self.count),
                device: device.id,
                user,
                resource,
                started_at: app.clock.now(),
                used_at: None,
                end: None,
                mismatch: None,
            }],
        };
        usage::keep(app, gateway, report).await.unwrap();
    }

    /// A desktop app with a device.
    async fn signed_in(&mut self, user: UserId) {
        self.count += 1;
        let key = format!("{:064x}", self.count);
        let signed_in = self.env.app.transact(Room::Usual, move |tx, now| {
            Box::pin(async move {
                let kind = SessionKind::Desktop;
                let new = NewSession {
                    user,
                    kind,
                    label: "a host".to_owned(),
                    created_at: now,
                    ends_at: session::ends_at(kind, now, now),
                    cookie: None,
                };
                // The entry comes before the device, as a log may have it whose reader was slow.
                let session = session::start(tx, new).await?;
                let name = "a host".to_owned();
                let new = NewDevice {
                    session,
                    name,
                    key,
                    created_at: now,
                };
                tx.insert_device(new).await?;
                Ok(())
            })
        });
        signed_in.await.unwrap();
    }

    /// The value that followed the change log is one that is loaded afresh.
    async fn check(&self) -> Arc<Organisation> {
        let store = &self.env.app.store;
        let afresh = Directory::default().current(store).await.unwrap();
        let followed = self.directory.current(store).await.unwrap();
        assert_eq!(comparable(&followed), comparable(&afresh));
        followed
    }
}

fn said() -> Comment {
    let comment = "because".to_owned();
    Comment { comment }
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
            let mut history = History::new().await;
            history.check().await;
            for (step, looks) in steps.into_iter().zip(looks) {
                history.happens(step).await;
                if looks {
                    history.check().await;
                }
            }
            history.check().await;
        });
    }
}

#[tokio::test]
async fn what_goes_along_with_a_removed_group_is_gone() {
    let history = History::new().await;
    let env = &history.env;
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
    history.check().await;
    let removed = env.app.transact(Room::Usual, move |tx, now| {
        Box::pin(async move {
            tx.remove_group(engineering).await?;
            record(tx, Entity::Group(engineering), now).await
        })
    });
    removed.await.unwrap();
    let value = history.check().await;
    assert!(value.fallback_groups().is_empty());
    assert_eq!(value.reached(env.people.ann).count(), 0);
}

#[tokio::test]
async fn what_nobody_names_is_found_nevertheless() {
    let history = History::new().await;
    history.check().await;
    let vault = history.env.resources.vault;
    for subject in [
        Subject::Unknown,
        Subject::Organisation {
            entity: Entity::Any,
        },
    ] {
        let renamed = history.env.app.transact(Room::Usual, move |tx, at| {
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
        history.check().await;
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
    let history = History::new().await;
    let env = &history.env;
    let app = &env.app;
    let people = [env.people.ann, env.people.ben];
    let parsed = OrgFile::parse(PAIR).unwrap();
    let applied = apply(&app.store, parsed, false, None, app.clock.now()).await;
    applied.unwrap_or_else(|refused| panic!("{refused}"));
    let start = history.check().await;
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
        let value = history.directory.current(&app.store).await.unwrap();
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
    history.check().await;
}

const PAIR: &str = r#"
name = "Corp"
[[user]]
login = "ann"
name = "Ann Member"
[[user]]
login = "ben"
name = "Ben Member"
[[network]]
name = "Pair"
[[group]]
name = "Left"
members = ["ann", "ben"]
[[group]]
name = "Right"
members = []
[[resource]]
name = "Left resource"
address = "left.corp"
network = "Pair"
access = { mode = "Standing" }
[[resource]]
name = "Right resource"
address = "right.corp"
network = "Pair"
access = { mode = "Standing" }
[[assignment]]
group = "Left"
resource = "Left resource"
[[assignment]]
group = "Right"
resource = "Right resource"
"#;
