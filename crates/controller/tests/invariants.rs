//! Random histories of all that people, administrators and time do, and what holds after each step,
//! whatever happened: the rules of access, told from what is kept and from the audit log.
#![allow(clippy::unwrap_used, missing_docs)]

mod test_env;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::TimeDelta;
use hourkey_access::directory::Directory;
use hourkey_domain::Time;
use hourkey_domain::cause::Cause;
use hourkey_domain::grant::{Grant, State as GrantState};
use hourkey_domain::ids::{GrantId, GroupId, NetworkId, RequestId, ResourceId, UserId};
use hourkey_domain::length::Length;
use hourkey_domain::organisation::Organisation;
use hourkey_domain::request::{Purpose, Request, State};
use hourkey_domain::review::Eligible;
use hourkey_domain::settings::{Approval, Mode, Period};
use hourkey_store::access::RequestSearch;
use hourkey_store::account::ShownLink;
use hourkey_store::log::{Audited, Subject};
use proptest::prelude::*;
use test_env::history::{History, Step, step};

/// All that is kept at one moment.
struct Kept {
    now: Time,
    seq: i64,
    organisation: Arc<Organisation>,
    requests: BTreeMap<RequestId, Request>,
    grants: BTreeMap<GrantId, Grant>,
    links: Vec<ShownLink>,
}

impl Kept {
    async fn of(history: &History) -> Self {
        let app = &history.env.app;
        let organisation = Directory::default().current(&app.store).await.unwrap();
        let now = app.clock.now();
        let mut tx = app.store.read().await.unwrap();
        let requests = tx
            .newest_requests(&RequestSearch::default(), None, 10_000)
            .await;
        let grants: Vec<_> = (1..1_000).map(GrantId).collect();
        let grants = tx.grants(&grants).await.unwrap();
        Self {
            now,
            seq: tx.seq().await.unwrap(),
            organisation,
            requests: requests
                .unwrap()
                .into_iter()
                .map(|it| (it.id, it))
                .collect(),
            grants: grants.into_iter().map(|it| (it.id, it)).collect(),
            links: tx.shown_links(None).await.unwrap(),
        }
    }

    fn pending(&self) -> impl Iterator<Item = &Request> {
        self.requests
            .values()
            .filter(|it| it.state == State::Pending)
    }

    fn live(&self) -> impl Iterator<Item = &Grant> {
        let live = [GrantState::Scheduled, GrantState::Active];
        self.grants
            .values()
            .filter(move |it| live.contains(&it.state))
    }
}

/// One step, between two moments.
struct Stepped<'a> {
    before: &'a Kept,
    after: &'a Kept,
    audit: &'a [Audited],
}

impl Stepped<'_> {
    /// Those that were decided in this step, with who approved.
    fn approved(&self) -> impl Iterator<Item = (&Request, Option<UserId>)> {
        self.after.requests.values().filter_map(|request| {
            let before = self.before.requests.get(&request.id);
            match request.state {
                State::Approved { by, .. }
                    if before.map(|it| &it.state) != Some(&request.state) =>
                {
                    Some((request, by))
                }
                _ => None,
            }
        })
    }

    fn says(&self, action: &str, about: (UserId, ResourceId)) -> bool {
        self.audit.iter().any(|entry| {
            let is_it = match entry.subject {
                Subject::Access { user, resource, .. } => (user, resource) == about,
                _ => false,
            };
            is_it && entry.action.starts_with(action)
        })
    }

    /// Rule 1: what is assigned to Everyone is had by each enabled account, without a list, but where it is
    /// their own doing that does not count yet.
    fn everyone_has_theirs(&self) {
        let of = &self.after.organisation;
        for own in of.assignments_to(GroupId::EVERYONE) {
            for user in of.users() {
                let facts = of.facts(user.id, own.resource).into_iter();
                let mut ways = facts.flat_map(|facts| facts.assignments);
                let has_it = ways.any(|way| way.assignment == own.id);
                let mut held = of.held_back_from(user.id);
                let is_held = held.any(|held| held.assignment == own.id);
                assert!(has_it != user.disabled || is_held, "{user:?} {own:?}");
            }
        }
    }

    /// Rule 4: of a pending request, a scheduled and an active grant there is one at most; more time is
    /// asked for of a grant that runs.
    fn at_most_one(&self) {
        let mut open: BTreeMap<(UserId, ResourceId), u32> = BTreeMap::new();
        for request in self.after.pending() {
            match request.terms.purpose {
                Purpose::Extension(grant) => {
                    let grant = &self.after.grants[&grant];
                    assert_eq!(grant.state, GrantState::Active, "more time of {grant:?}");
                }
                Purpose::Grant | Purpose::Unlock => {
                    *open.entry((request.user, request.resource)).or_default() += 1;
                }
            }
        }
        for grant in self.after.live() {
            *open.entry((grant.user, grant.resource)).or_default() += 1;
        }
        assert!(open.values().all(|count| *count == 1), "{open:?}");
    }

    /// Rule 5: no access is shorter than a minute, nor becomes longer than its organisation's maximum, or 7
    /// days where its user says how long; nor does it go past its assignment's end as it was when it was given;
    /// and its end moves by a decision alone.
    fn lengths(&self) {
        for grant in self.after.grants.values() {
            let window = grant.window;
            let length = Length::between(window.starts_at, window.expires_at).unwrap();
            let before = self.before.grants.get(&grant.id);
            let lasts_longer =
                before.is_none_or(|before| window.expires_at > before.window.expires_at);
            if lasts_longer {
                let longest = self.before.organisation.periods().longest();
                assert!(length <= longest, "{longest}: {grant:?}");
                let terms = self.after.requests[&grant.request].terms;
                if matches!(terms.period, Period::Custom { .. }) {
                    assert!(length <= Length::WEEK, "{grant:?}");
                }
            }
            let Some(before) = self.before.grants.get(&grant.id) else {
                let own = self.after.organisation.assignment(grant.assignment);
                let own = own.or(self.before.organisation.assignment(grant.assignment));
                let until = own.and_then(|own| own.until);
                assert!(
                    until.is_none_or(|until| window.expires_at <= until),
                    "{grant:?}"
                );
                continue;
            };
            let about = (grant.user, grant.resource);
            let decided =
                self.says("request.approved", about) || self.says("request.undone", about);
            // A start takes place when it is due, and one that ends meanwhile keeps its end.
            let moved = before.window.expires_at != window.expires_at;
            assert!(
                !moved || decided || before.state == GrantState::Scheduled,
                "{grant:?}"
            );
        }
    }

    /// Rule 6: nobody approves their own, nor of whom they were shown a link to the password within a
    /// day; without a reviewer only automatic terms open; and whoever approves may review.
    fn nobody_to_themselves(&self) {
        for (request, by) in self.approved() {
            let Some(by) = by else {
                assert_eq!(request.terms.approval, Approval::Automatic, "{request:?}");
                continue;
            };
            assert_ne!(by, request.user, "{request:?}");
            let knows = |link: &ShownLink| link.user == by && link.shown_to == request.user;
            assert!(!self.after.links.iter().any(knows), "{request:?}");
            let of = &self.before.organisation;
            assert!(of.may_review(by, request.resource), "{request:?}");
        }
    }

    /// Rule 6: what an administrator changed within a day gives them nothing more.
    fn own_gains_wait(&self, step: &Step, maker: Option<UserId>) {
        let (Step::Widen { .. }, Some(maker)) = (step, maker) else {
            return;
        };
        let (before, after) = (&self.before.organisation, &self.after.organisation);
        if !before.has_other_admin(maker) {
            return;
        }
        for resource in before.resources().map(|it| it.id) {
            let best = |of: &Organisation| {
                let facts = of.facts(maker, resource)?;
                let valid = facts
                    .assignments
                    .into_iter()
                    .filter(|own| own.is_valid(self.after.now));
                valid.map(|own| own.settings.permissiveness()).max()
            };
            assert!(best(after) <= best(before), "{maker} on {resource}");
        }
    }

    /// Rule 7: what waits or runs has a person, a resource and an assignment of theirs, of a mode that it is
    /// for; what ended stays as it ended.
    fn nothing_outlives_its_ground(&self) {
        let of = &self.after.organisation;
        let stands = |user: UserId, resource: ResourceId, mode: Mode, assignment| {
            let facts = of.facts(user, resource);
            let own = facts.into_iter().flat_map(|facts| facts.assignments);
            let mut own =
                own.filter(|own| own.assignment == assignment && own.is_valid(self.after.now));
            own.any(|own| own.settings.mode == mode)
        };
        for request in self.after.pending() {
            let mode = match request.terms.purpose {
                Purpose::Grant | Purpose::Extension(_) => Mode::AccessRequest,
                Purpose::Unlock => Mode::AutoLock,
            };
            let assignment = request.terms.assignment;
            assert!(
                stands(request.user, request.resource, mode, assignment),
                "{request:?}"
            );
        }
        for grant in self.after.live() {
            let mode = Mode::AccessRequest;
            assert!(
                stands(grant.user, grant.resource, mode, grant.assignment),
                "{grant:?}"
            );
        }
        for before in self.before.grants.values() {
            let after = &self.after.grants[&before.id];
            let was_live = [GrantState::Scheduled, GrantState::Active].contains(&before.state);
            assert!(was_live || before == after, "{before:?} became {after:?}");
        }
        for before in self.before.requests.values() {
            let after = &self.after.requests[&before.id];
            let about = (after.user, after.resource);
            let again = self.says("request.reopened", about) || self.says("request.undone", about);
            let may_change = match before.state {
                State::Pending => true,
                State::Approved { .. } => again,
                State::Denied { .. } | State::Cancelled { .. } | State::Lapsed { .. } => false,
            };
            assert!(may_change || before == after, "{before:?} became {after:?}");
        }
    }

    /// Rule 8: there is a permit where access is standing, unlocked or granted now, and nowhere else.
    fn permits(&self) {
        let (of, now) = (&self.after.organisation, self.after.now);
        for user in of.users() {
            for network in of.networks().map(|it| it.id) {
                let permits = of.permits(user.id, network, now).permits;
                let permits: Vec<_> = permits.iter().map(|permit| permit.resource).collect();
                assert_eq!(permits, self.open_to(user.id, network), "{}", user.login);
            }
        }
    }

    fn open_to(&self, user: UserId, network: NetworkId) -> Vec<ResourceId> {
        let (of, now) = (&self.after.organisation, self.after.now);
        let here = of.resources().filter(|it| it.network == network);
        let open = here.filter(|resource| {
            let Some(facts) = of.facts(user, resource.id) else {
                return false;
            };
            let used = facts.access.and_then(|access| access.history.last_used());
            let stands = facts
                .assignments
                .iter()
                .filter(|own| own.is_valid(now))
                .any(|own| match own.settings.mode {
                    Mode::Standing => true,
                    Mode::AutoLock => used.max(own.counts_from).is_some_and(|from| {
                        now < from + TimeDelta::days(own.settings.lock_after.max(1).into())
                    }),
                    Mode::AccessRequest => false,
                });
            stands
                || self.after.live().any(|grant| {
                    (grant.user, grant.resource) == (user, resource.id)
                        && grant.state == GrantState::Active
                        && now < grant.window.expires_at
                })
        });
        open.map(|resource| resource.id).collect()
    }

    /// Rule 11: for a day after a person revoked it, nothing opens to them without a reviewer.
    fn revoked_is_reviewed(&self) {
        for (request, _) in self.approved().filter(|(_, by)| by.is_none()) {
            let lately = self.after.now - TimeDelta::hours(24);
            let mut grants = self.before.grants.values();
            let revoked = grants.find(|grant| match grant.state {
                GrantState::Revoked { at, by, cause, .. } => {
                    (grant.user, grant.resource) == (request.user, request.resource)
                        && (by.is_some() && cause != Cause::Undone && at > lately)
                }
                _ => false,
            });
            assert_eq!(revoked, None, "{request:?}");
        }
    }

    /// Rule 12: whatever changed has its entry in the audit log.
    fn all_is_audited(&self) {
        for request in self.after.requests.values() {
            if self.before.requests.get(&request.id) != Some(request) {
                let about = (request.user, request.resource);
                assert!(self.says("request.", about), "{request:?}");
            }
        }
        for grant in self.after.grants.values() {
            if self.before.grants.get(&grant.id) != Some(grant) {
                let about = (grant.user, grant.resource);
                assert!(self.says("", about), "{grant:?}");
            }
        }
    }

    /// Rule 14: for each request that waits, somebody can approve.
    fn somebody_can_approve(&self) {
        let of = &self.after.organisation;
        for request in self.after.pending() {
            let eligible = of.reviewers(request.resource).eligible(request.user);
            assert_ne!(eligible, Eligible::Nobody, "{request:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn the_rules_hold_after_whatever_happens(steps in proptest::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut history = History::new().await;
            let mut before = Kept::of(&history).await;
            for step in steps {
                history.happens(step.clone()).await;
                let after = Kept::of(&history).await;
                let audit = history.env.audit(before.seq).await;
                let stepped = Stepped { before: &before, after: &after, audit: &audit };
                stepped.everyone_has_theirs();
                stepped.at_most_one();
                stepped.lengths();
                stepped.nobody_to_themselves();
                stepped.own_gains_wait(&step, history.last_maker);
                stepped.nothing_outlives_its_ground();
                stepped.permits();
                stepped.revoked_is_reviewed();
                stepped.all_is_audited();
                stepped.somebody_can_approve();
                before = after;
            }
        });
    }
}
