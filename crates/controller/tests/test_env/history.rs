//! Random histories of an organisation.

use chrono::TimeDelta;
use hourkey_access::directory::Directory;
use hourkey_access::error::AppError;
use hourkey_access::identity::{reset, session};
use hourkey_access::organisation::edit::{self, Edit};
use hourkey_access::organisation::{Comparison, OrgFile};
use hourkey_access::sweep::sweep_now;
use hourkey_access::{ask, decide, end, gateways, unlock};
use hourkey_controller::gateways::usage;
use hourkey_domain::ids::{GroupId, ResourceId, UserId};
use hourkey_domain::organisation::everyone;
use hourkey_domain::request::State;
use hourkey_domain::settings::Mode;
use hourkey_protocol::access::{Approve, Comment, NewRequest, NewUnlock};
use hourkey_protocol::account::SessionKind;
use hourkey_protocol::gateway::{Connection, Report};
use hourkey_store::Room;
use hourkey_store::access::{OpenFilter, RequestSearch};
use hourkey_store::account::NewSession;
use hourkey_store::device::NewDevice;
use hourkey_testkit::organisation::{Access, Assignment, OrgBuilder, Resource, User};
use proptest::prelude::*;

use super::TestEnv;
use super::gateways::wanted;

/// Something that happens. People, resources and the like are picked by a number.
#[derive(Clone, Debug)]
pub enum Step {
    Apply {
        shape: Shape,
        prune: bool,
    },
    /// The file that was applied last, with one thing changed.
    Adjust {
        at: usize,
        by: u8,
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
    /// Time passes, and somebody asks for more of what runs.
    Extend {
        which: usize,
    },
    /// Whoever decided last takes it back.
    Undo,
    /// An administrator is shown a link to somebody's password, asks, and approves in their name.
    ShowLink {
        whom: usize,
        what: usize,
    },
    /// An administrator lets themselves into a group, or opens a resource.
    Widen {
        who: usize,
        what: usize,
        joins: bool,
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

pub fn step() -> impl Strategy<Value = Step> {
    let n = || 0..12usize;
    prop_oneof![
        2 => (prop::collection::vec(any::<u8>(), SHAPE), any::<bool>())
            .prop_map(|(shape, prune)| Step::Apply { shape, prune }),
        8 => (0..SHAPE, any::<u8>()).prop_map(|(at, by)| Step::Adjust { at, by }),
        6 => (n(), n()).prop_map(|(who, what)| Step::Ask { who, what }),
        3 => n().prop_map(|who| Step::Approve { who }),
        2 => n().prop_map(|who| Step::Deny { who }),
        4 => n().prop_map(|which| Step::Extend { which }),
        2 => Just(Step::Undo),
        2 => (n(), n()).prop_map(|(whom, what)| Step::ShowLink { whom, what }),
        4 => (n(), n(), any::<bool>()).prop_map(|(who, what, joins)| Step::Widen { who, what, joins }),
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

/// A change of the whole file, and then changes of one thing at a time.
pub fn adjusting() -> impl Strategy<Value = Vec<Step>> {
    let first = prop::collection::vec(any::<u8>(), SHAPE);
    let first = first.prop_map(|shape| Step::Apply { shape, prune: true });
    let one = (0..SHAPE, any::<u8>()).prop_map(|(at, by)| Step::Adjust { at, by });
    (first, prop::collection::vec(one, 1..20)).prop_map(|(first, rest)| {
        let mut steps = vec![first];
        steps.extend(rest);
        steps
    })
}

/// Each decides one thing of a file.
type Shape = Vec<u8>;

const SHAPE: usize = 101;

/// A file that follows from these bytes: six people, three groups beside the built-in one, two networks, four
/// resources.
fn file(shape: &Shape) -> String {
    let mut file = OrgBuilder::new("Corp");
    let mut bytes = shape.iter();
    let mut next = |of: u8| bytes.next().unwrap() % of;
    let longest = ["1d", "7d", "30d", "365d"][usize::from(next(4))];
    let logins = ["ada", "ann", "ben", "rae", "pat", "quinn"];
    for (at, login) in logins.iter().enumerate() {
        let (role, disabled, name) = (next(4), next(6) == 0, next(3));
        let name = format!("{login} {name}");
        let user = match (at, role) {
            (0, _) => User::admin(login, &name),
            (1, 2..) => User::admin(login, &name),
            (_, 0) => User::reviewer(login, &name),
            _ => User::member(login, &name),
        };
        file = file.user(match disabled && at > 0 {
            true => user.disabled(),
            false => user,
        });
    }
    let mut groups = Vec::new();
    for group in ["Engineering", "On call", "Owners"] {
        let exists = next(4) > 0;
        let members: Vec<_> = logins.into_iter().filter(|_| next(2) == 0).collect();
        if exists {
            file = file.group(group, &members);
            groups.push(group);
        }
    }
    if next(2) == 0 && groups.contains(&"On call") {
        file = file.fallback_reviewers(&["On call"]);
    }
    file = file.network("Office").network("Lab");
    for resource in ["Wiki", "Database", "Logs", "Vault"] {
        let (exists, mode, network, host) = (next(5) > 0, next(5), next(2), next(3));
        let approves: [bool; 3] = std::array::from_fn(|_| next(9) == 0);
        let assigned: [bool; 3] = std::array::from_fn(|_| next(2) == 0);
        let ends: [bool; 4] = std::array::from_fn(|_| next(3) == 0);
        let for_everyone = next(4) == 0;
        if !exists {
            continue;
        }
        let access = match mode {
            0 => Access::standing(),
            1 => Access::auto_lock("2d").manual(),
            2 => Access::request().up_to("4h").automatic(),
            3 => Access::request().period("20d").automatic(),
            _ => Access::request().up_to("2h").manual(),
        };
        let approvers = groups.iter().zip(approves);
        let approvers = approvers.filter(|(_, approves)| *approves);
        let approvers: Vec<_> = approvers.map(|(group, _)| *group).collect();
        let address = format!("{}-{host}.corp", resource.to_lowercase());
        file = file.resource(
            Resource::new(resource, &address, access)
                .network(["Office", "Lab"][usize::from(network)])
                .approvers(&approvers),
        );
        let assigned = groups.iter().enumerate().filter(|(at, _)| assigned[*at]);
        for (at, group) in assigned.chain(for_everyone.then_some((3, &everyone::NAME))) {
            let assignment = Assignment::new(group, resource);
            file = file.assignment(match ends[at] {
                true => assignment.until("2030-01-02T00:00:00Z"),
                false => assignment,
            });
        }
    }
    format!(
        "periods = [\"1h\"]\nlongest_period = {longest:?}\n{}",
        file.text()
    )
}

pub struct History {
    pub env: TestEnv,
    /// Of the file that was applied last.
    shape: Shape,
    count: u32,
    /// Who last gave themselves more.
    pub last_maker: Option<UserId>,
}

impl History {
    pub async fn new() -> Self {
        let env = TestEnv::new().await;
        Self {
            env,
            shape: vec![1; SHAPE],
            count: 0,
            last_maker: None,
        }
    }

    pub async fn happens(&mut self, step: Step) {
        let app = &self.env.app.clone();
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
                self.shape = shape;
                self.apply(prune).await;
            }
            Step::Adjust { at, by } => {
                self.shape[at] = self.shape[at].wrapping_add(by);
                self.apply(true).await;
            }
            Step::Ask { who, what } => {
                let new = NewRequest {
                    resource: resource(what),
                    assignment: None,
                    reason: "a reason".to_owned(),
                    seconds: None,
                    starts_at: (who % 3 == 0).then(|| app.clock.now() + TimeDelta::minutes(40)),
                    extends: false,
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
            Step::Extend { which } => {
                let grants = open().await.grants;
                if let Some(grant) = grants.get(which % grants.len().max(1)) {
                    let left = grant.window.expires_at - app.clock.now();
                    self.env.clock.forward(left.max(TimeDelta::zero()) / 2);
                    sweep_now(app).await.unwrap();
                    let new = NewRequest {
                        resource: grant.resource,
                        assignment: None,
                        reason: "more".to_owned(),
                        seconds: None,
                        starts_at: None,
                        extends: true,
                    };
                    let _ = ask::ask(app, grant.user, new).await;
                }
            }
            Step::Undo => {
                let mut tx = app.store.read().await.unwrap();
                let newest = tx.newest_requests(&RequestSearch::default(), None, 5).await;
                drop(tx);
                for request in newest.unwrap() {
                    let by = match request.state {
                        State::Approved { by, .. } => by,
                        State::Denied { by, .. } => Some(by),
                        _ => None,
                    };
                    if let Some(by) = by {
                        let _ = decide::undo(app, by, request.id).await;
                    }
                }
            }
            Step::ShowLink { whom, what } => {
                let (ada, whom) = (self.env.people.ada, person(whom));
                let _ = reset::hand(app, ada, whom).await;
                let new = NewRequest {
                    resource: resource(what),
                    assignment: None,
                    reason: "for myself".to_owned(),
                    seconds: None,
                    starts_at: None,
                    extends: false,
                };
                if let Ok((asked, _)) = ask::ask(app, ada, new).await {
                    let id = asked.id;
                    let _ = decide::approve(app, whom, id, Approve::default()).await;
                }
            }
            Step::Widen { who, what, joins } => {
                let admins = everything.users().filter(|user| user.administers());
                let admins: Vec<UserId> = admins.map(|user| user.id).collect();
                let maker = admins[who % admins.len()];
                self.last_maker = Some(maker);
                let change = self.widening(maker, resource(what), joins).await;
                if let Some(edit) = change {
                    let _ = self.saves(maker, edit).await;
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
                    let wanted = wanted(&self.env, &name).await;
                    let _ = gateways::add_here(&app.store, wanted, now).await;
                } else {
                    let name = format!("gw-{}", self.count);
                    let mut tx = app.store.read().await.unwrap();
                    let all = tx.gateways().await.unwrap();
                    drop(tx);
                    if let Some(gateway) = all.iter().find(|it| it.name == name) {
                        let _ = gateways::remove_here(&app.store, gateway.id, now).await;
                    }
                }
            }
            Step::Wait { minutes } => {
                self.env.clock.forward(TimeDelta::minutes(minutes));
                sweep_now(app).await.unwrap();
            }
            // For whoever reads.
            Step::Breaks => {}
        }
    }

    /// A change that gives its maker more.
    async fn widening(&self, maker: UserId, resource: ResourceId, joins: bool) -> Option<Edit> {
        let organisation = self.env.app.organisation().await.unwrap();
        if joins {
            let mut groups = organisation.assignments_of(resource).map(|own| own.group);
            let group = groups.find(|group| *group != GroupId::EVERYONE)?;
            let (join, leave) = (vec![maker], Vec::new());
            return Some(Edit::Members { group, join, leave });
        }
        let mut resource = (**organisation.resource(resource)?).clone();
        resource.settings.mode = Mode::Standing;
        Some(Edit::Resource(resource))
    }

    /// As a page does: the consequence first.
    async fn saves(&self, maker: UserId, edit: Edit) -> Result<(), AppError> {
        let app = &self.env.app;
        let organisation = app.organisation().await.unwrap();
        let seen = edit::version(&organisation, &edit).unwrap();
        let shown = edit::consequence(app, maker, &edit, &seen).await?;
        edit::save(app, maker, edit, (&seen, &shown.seal)).await?;
        Ok(())
    }

    async fn apply(&self, prune: bool) {
        let app = &self.env.app;
        let text = file(&self.shape);
        let parsed = OrgFile::parse(&text);
        let file = parsed.unwrap_or_else(|wrong| panic!("{wrong:?}\n{text}"));
        // An administrator who is not in the file may be the last.
        if let Ok(comparison) = Comparison::new(&app.store, file, prune).await {
            let _ = comparison.apply(&app.store, app.clock.now()).await;
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
}

fn said() -> Comment {
    let comment = "because".to_owned();
    Comment { comment }
}
