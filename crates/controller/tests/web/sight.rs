//! Rule 1 over random histories: whatever roles, groups, approvers and names were before, each person
//! reads what they may read now, in every answer, event and page, and nothing else.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{Request, header};
use hourkey_domain::ids::{ResourceId, UserId};
use hourkey_domain::review::Role;
use hourkey_store::organisation::Organisation;
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use serde_json::json;

use crate::test_env::events::Events;
use crate::web::browser::{Browser, Site};

/// What may happen. People and resources are picked by their index.
#[derive(Clone, Copy, Debug)]
enum Step {
    Ask { who: usize, what: usize },
    Decide { who: usize, approve: bool },
    Role { who: usize, role: Role },
    JoinOrLeave { who: usize },
    ApproversOnOrOff { what: usize },
    FallbackOnOrOff,
    Rename { what: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let who = 0..6usize;
    let what = 0..3usize;
    let role = prop::sample::select(vec![Role::Member, Role::AccessReviewer, Role::Admin]);
    prop_oneof![
        3 => (prop::sample::select(vec![0, 1, 5]), what.clone())
            .prop_map(|(who, what)| Step::Ask { who, what }),
        2 => (who.clone(), any::<bool>()).prop_map(|(who, approve)| Step::Decide { who, approve }),
        3 => (who.clone(), role).prop_map(|(who, role)| Step::Role { who, role }),
        2 => who.prop_map(|who| Step::JoinOrLeave { who }),
        1 => what.clone().prop_map(|what| Step::ApproversOnOrOff { what }),
        1 => Just(Step::FallbackOnOrOff),
        2 => what.prop_map(|what| Step::Rename { what }),
    ]
}

/// A word that stands in one place only, and who may read it.
enum Secret {
    /// A reason or comment: its requester, and who reviews the resource.
    Said(String, UserId, ResourceId),
    /// An address: who sees the resource, and who reviews it, while it is the address.
    Address(String, ResourceId),
    /// A name: who could read it while it was the name.
    Name(String, ResourceId),
}

struct History<'s> {
    site: &'s Site,
    people: [UserId; 6],
    resources: [ResourceId; 3],
    browsers: Vec<Browser<'s>>,
    tokens: Vec<String>,
    requests: Vec<(i64, UserId, ResourceId)>,
    secrets: Vec<Secret>,
    /// Who read which name when they might.
    learnt: BTreeSet<(UserId, String)>,
    count: usize,
}

impl<'s> History<'s> {
    async fn new(site: &'s Site) -> Self {
        let p = site.env.people;
        let r = site.env.resources;
        let people = [p.ann, p.ben, p.rae, p.roy, p.dan, p.ada];
        let (mut browsers, mut tokens) = (Vec::new(), Vec::new());
        for (login, person) in ["ann", "ben", "rae", "roy", "dan", "ada"]
            .iter()
            .zip(people)
        {
            browsers.push(site.signed_in(login).await);
            tokens.push(site.env.token(person).await);
        }
        Self {
            site,
            people,
            resources: [r.database, r.vault, r.payroll],
            browsers,
            tokens,
            requests: Vec::new(),
            secrets: Vec::new(),
            learnt: BTreeSet::new(),
            count: 0,
        }
    }

    fn word(&mut self, kind: &str) -> String {
        self.count += 1;
        format!("{kind}x{}x", self.count)
    }

    async fn happens(&mut self, step: Step) {
        let env = &self.site.env;
        match step {
            Step::Ask { who, what } => {
                let (person, resource) = (self.people[who], self.resources[what]);
                let reason = self.word("reason");
                let body = json!({ "resource": resource, "reason": reason });
                let made = env.post(person, "/requests", body).await;
                if made.status == 201 {
                    self.requests.push((made.id(), person, resource));
                    self.secrets.push(Secret::Said(reason, person, resource));
                }
            }
            Step::Decide { who, approve } => {
                let comment = self.word("comment");
                let person = self.people[who];
                let what = if approve { "approve" } else { "deny" };
                for (id, requester, resource) in &self.requests {
                    let path = format!("/requests/{id}/{what}");
                    let body = json!({ "comment": comment });
                    if env.post(person, &path, body).await.status == 200 {
                        let said = Secret::Said(comment, *requester, *resource);
                        self.secrets.push(said);
                        break;
                    }
                }
            }
            Step::Role { who, role } => {
                let person = self.people[who];
                // The last administrator stays one.
                if person == env.people.ada {
                    return;
                }
                self.change(move |organisation| {
                    let users = &mut organisation.users;
                    let user = users.iter_mut().find(|user| user.id == person).unwrap();
                    user.roles = vec![role];
                })
                .await;
            }
            Step::JoinOrLeave { who } => {
                let (person, group) = (self.people[who], env.assignments.engineering);
                self.change(move |organisation| {
                    let groups = &mut organisation.groups;
                    let group = groups.iter_mut().find(|it| it.id == group).unwrap();
                    match group.members.iter().position(|member| *member == person) {
                        Some(at) => {
                            group.members.remove(at);
                        }
                        None => group.members.push(person),
                    }
                })
                .await;
            }
            Step::ApproversOnOrOff { what } => {
                let resource = self.resources[what];
                self.change(move |organisation| {
                    let owners = organisation.groups.iter();
                    let owners = owners.filter(|group| group.name == "Database owners");
                    let owners: Vec<_> = owners.map(|group| group.id).collect();
                    let resource = find(organisation, resource);
                    resource.approvers = match resource.approvers.is_empty() {
                        true => owners,
                        false => Vec::new(),
                    };
                })
                .await;
            }
            Step::FallbackOnOrOff => {
                let on_call = env.assignments.on_call;
                self.change(move |organisation| {
                    organisation.fallback_reviewers =
                        match organisation.fallback_reviewers.is_empty() {
                            true => vec![on_call],
                            false => Vec::new(),
                        };
                })
                .await;
            }
            Step::Rename { what } => {
                let resource = self.resources[what];
                let (name, address) = (self.word("name"), self.word("address"));
                self.secrets.push(Secret::Name(name.clone(), resource));
                self.secrets
                    .push(Secret::Address(address.clone(), resource));
                self.change(move |organisation| {
                    let resource = find(organisation, resource);
                    resource.name = name;
                    resource.address = format!("{address}.corp").parse().unwrap();
                })
                .await;
            }
        }
    }

    /// Changes the organisation, and what follows from it.
    async fn change(&self, change: impl FnOnce(&mut Organisation) + Clone + Send + Sync + 'static) {
        self.site
            .env
            .change(move |tx| {
                Box::pin(async move {
                    let before = tx.organisation().await?;
                    let mut after = before.clone();
                    change(&mut after);
                    tx.set_fallback_reviewers(after.fallback_reviewers).await?;
                    for (old, new) in before.users.iter().zip(after.users) {
                        if *old != new {
                            tx.update_user(new).await?;
                        }
                    }
                    for (old, new) in before.groups.iter().zip(after.groups) {
                        if *old != new {
                            tx.update_group(new).await?;
                        }
                    }
                    for (old, new) in before.resources.iter().zip(after.resources) {
                        if *old != new {
                            tx.update_resource(new).await?;
                        }
                    }
                    Ok(())
                })
            })
            .await;
    }

    /// Everything that one person can read.
    async fn reads(&self, who: usize) -> Vec<(String, String)> {
        let mut paths = vec!["/snapshot", "/resources", "/requests", "/reviews"]
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>();
        let mut pages = vec!["/access".to_owned(), "/review".to_owned()];
        for (id, ..) in &self.requests {
            paths.push(format!("/requests/{id}"));
            pages.push(format!("/requests/{id}"));
            pages.push(format!("/review/{id}"));
        }
        for resource in &self.resources {
            paths.push(format!("/resources/{resource}"));
            pages.push(format!("/resources/{resource}/request"));
        }
        let mut read = Vec::new();
        for path in paths {
            let request = Request::get(format!("/api/v1{path}")).header(
                header::AUTHORIZATION,
                format!("Bearer {}", self.tokens[who]),
            );
            let answer = self.site.send(request.body(Body::empty()).unwrap()).await;
            read.push((path, answer.text));
        }
        for page in pages {
            let text = self.browsers[who].get(&page).await.text;
            read.push((page, text));
        }
        let mut events = Events::open(&self.site.env, &self.tokens[who], Some("1")).await;
        let event = events.next().await.unwrap();
        read.push(("an event".to_owned(), event.data.to_string()));
        read
    }

    async fn check(&mut self) -> TestCaseResult {
        let mut tx = self.site.app.store.read().await.unwrap();
        let organisation = tx.organisation().await.unwrap();
        drop(tx);
        for (who, person) in self.people.into_iter().enumerate() {
            for secret in &self.secrets {
                if let Secret::Name(name, resource) = secret
                    && is_current(&organisation, *resource, name)
                    && (sees(&organisation, person, *resource)
                        || reviews_some(&organisation, person, *resource))
                {
                    self.learnt.insert((person, name.clone()));
                }
            }
            let texts = self.reads(who).await;
            for secret in &self.secrets {
                let (word, may) = match secret {
                    Secret::Said(word, requester, resource) => {
                        let theirs = *requester == person;
                        let reviews = reviews(&organisation, person, *resource)
                            || stands_in(&organisation, person, *requester, *resource);
                        (word, theirs || reviews)
                    }
                    Secret::Address(word, resource) => {
                        let shown = sees(&organisation, person, *resource)
                            || reviews_some(&organisation, person, *resource);
                        (word, shown && is_current(&organisation, *resource, word))
                    }
                    Secret::Name(word, _) => (word, self.learnt.contains(&(person, word.clone()))),
                };
                for (place, text) in &texts {
                    prop_assert!(
                        may || !text.contains(word.as_str()),
                        "{} reads {word} in {place}",
                        ["ann", "ben", "rae", "roy", "dan", "ada"][who]
                    );
                }
            }
        }
        Ok(())
    }
}

fn find(
    organisation: &mut Organisation,
    id: ResourceId,
) -> &mut hourkey_store::organisation::Resource {
    let mut resources = organisation.resources.iter_mut();
    resources.find(|resource| resource.id == id).unwrap()
}

fn is_current(organisation: &Organisation, id: ResourceId, word: &str) -> bool {
    let mut resources = organisation.resources.iter();
    let resource = resources.find(|resource| resource.id == id).unwrap();
    resource.name == word || resource.address.to_string().starts_with(word)
}

/// A group of theirs is assigned to it.
fn sees(organisation: &Organisation, person: UserId, id: ResourceId) -> bool {
    let mut assignments = organisation.assignments.iter();
    assignments.any(|it| it.resource == id && is_member(organisation, person, it.group))
}

/// By role, or as a member of a group that approves requests for it.
fn reviews(organisation: &Organisation, person: UserId, id: ResourceId) -> bool {
    let mut users = organisation.users.iter();
    let user = users.find(|user| user.id == person).unwrap();
    let by_role = [Role::AccessReviewer, Role::Admin];
    let mut resources = organisation.resources.iter();
    let resource = resources.find(|resource| resource.id == id).unwrap();
    let mut groups = resource.approvers.iter();
    user.roles.iter().any(|role| by_role.contains(role))
        || groups.any(|group| is_member(organisation, person, *group))
}

/// A fallback reviewer, where nobody else than the requester reviews it.
fn stands_in(
    organisation: &Organisation,
    person: UserId,
    requester: UserId,
    id: ResourceId,
) -> bool {
    let mut others = organisation.users.iter().map(|user| user.id);
    let mut groups = organisation.fallback_reviewers.iter();
    groups.any(|group| is_member(organisation, person, *group))
        && !others.any(|other| other != requester && reviews(organisation, other, id))
}

/// Reviews it, or stands in for somebody there.
fn reviews_some(organisation: &Organisation, person: UserId, id: ResourceId) -> bool {
    let mut users = organisation.users.iter().map(|user| user.id);
    reviews(organisation, person, id)
        || users.any(|requester| stands_in(organisation, person, requester, id))
}

fn is_member(
    organisation: &Organisation,
    person: UserId,
    group: hourkey_domain::ids::GroupId,
) -> bool {
    let mut groups = organisation.groups.iter();
    groups.any(|it| it.id == group && it.members.contains(&person))
}

/// The shortest histories in which something would be told too long.
#[tokio::test]
async fn what_was_lost_stays_lost_whatever_it_is_called_later() {
    use Step::{
        ApproversOnOrOff, Ask, Decide, FallbackOnOrOff, JoinOrLeave, Rename, Role as SetRole,
    };
    let role = |who, role| SetRole { who, role };
    let histories = [
        // A requester leaves the group, and the resource is renamed.
        vec![
            Ask { who: 0, what: 0 },
            JoinOrLeave { who: 0 },
            Rename { what: 0 },
        ],
        // A reviewer has read a request, and is one no more.
        vec![
            Ask { who: 0, what: 0 },
            SetRole {
                who: 3,
                role: Role::Member,
            },
        ],
        // A group approves no more.
        vec![
            Ask { who: 1, what: 0 },
            Decide {
                who: 2,
                approve: true,
            },
            ApproversOnOrOff { what: 0 },
        ],
        // Ada is the only reviewer: Ben stands in for what she asks for, and for nothing else, until
        // somebody reviews again.
        vec![
            role(2, Role::Member),
            role(3, Role::Member),
            FallbackOnOrOff,
            JoinOrLeave { who: 5 },
            Ask { who: 0, what: 1 },
            Ask { who: 5, what: 1 },
            Rename { what: 1 },
            role(3, Role::AccessReviewer),
            Rename { what: 1 },
            role(3, Role::Member),
            Decide {
                who: 1,
                approve: false,
            },
            FallbackOnOrOff,
        ],
    ];
    for steps in histories {
        let site = Site::new().await;
        let mut history = History::new(&site).await;
        for step in steps {
            history.happens(step).await;
            history.check().await.unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, max_shrink_iters: 40, ..ProptestConfig::default() })]

    #[test]
    fn what_one_may_not_read_any_more_is_gone_at_the_next_read(
        steps in prop::collection::vec(step(), 12),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let site = Site::new().await;
            let mut history = History::new(&site).await;
            for step in steps {
                history.happens(step).await;
                history.check().await?;
            }
            TestCaseResult::Ok(())
        })?;
    }
}
