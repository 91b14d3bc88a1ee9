use chrono::TimeDelta;
use hourkey_domain::address::Ports;
use hourkey_domain::deputy::Deputyship;
use hourkey_domain::ids::{GroupId, NetworkId, ResourceId, UserId};
use hourkey_domain::length::Length;
use hourkey_domain::organisation::{Group, Organisation, Resource, User};
use hourkey_domain::request::{Ask, CannotApprove, DEFAULT_LAPSE, State as RequestState};
use hourkey_domain::review::{Decider, MayNot, Reviewer, Role};
use hourkey_domain::settings::{Approval, EffectiveAssignment, Mode, Period, Settings};
use hourkey_domain::transition::{self, AccessFacts};
use proptest::collection;
use proptest::prelude::*;

use crate::strategies::*;

/// Any deputyship between any of five people, also what could not be named.
fn deputyship() -> impl Strategy<Value = Deputyship> {
    let person = || (1i64..=5).prop_map(UserId);
    (person(), person(), person(), moment(), moment()).prop_map(
        |(principal, deputy, named_by, from, until)| Deputyship {
            principal,
            deputy,
            from,
            until,
            named_by,
        },
    )
}

/// Five people, of whom some review, in two groups, with two resources and deputies in any circle.
fn with_deputies() -> impl Strategy<Value = Organisation> {
    let people = collection::vec((roles(), any::<bool>()), 5);
    let members = || collection::vec((1i64..=5).prop_map(UserId), 0..4);
    let approvers = || collection::vec((1i64..=2).prop_map(GroupId), 0..2);
    let deputies = collection::vec(deputyship(), 0..8);
    (
        people,
        [members(), members()],
        [approvers(), approvers()],
        approvers(),
        deputies,
    )
        .prop_map(|(people, members, approvers, fallback, deputies)| {
            let mut organisation = Organisation::default();
            for (id, (roles, disabled)) in (1..).zip(people) {
                let (id, login, name) = (UserId(id), format!("u{id}"), format!("U{id}"));
                let user = User {
                    id,
                    login,
                    name,
                    email: None,
                    roles,
                    disabled,
                    since: None,
                };
                organisation.set_user(id, Some(user));
            }
            for (id, members) in (1..).map(GroupId).zip(members) {
                let name = format!("G{id}");
                organisation.set_group(id, Some(Group { id, name, members }));
            }
            for (id, approvers) in (1..).map(ResourceId).zip(approvers) {
                organisation.set_resource(id, Some(plain_resource(id, approvers)));
            }
            organisation.set_fallback_reviewers(fallback);
            for deputyship in deputies {
                organisation.set_deputy(deputyship.principal, Some(deputyship));
            }
            organisation
        })
}

fn plain_resource(id: ResourceId, approvers: Vec<GroupId>) -> Resource {
    Resource {
        about: hourkey_domain::organisation::About::default(),
        id,
        name: format!("R{id}"),
        address: "db.corp".parse().unwrap(),
        ports: Ports::default(),
        alias: None,
        network: NetworkId(1),
        tags: Vec::new(),
        url: None,
        keep_alive_offline: false,
        settings: Settings {
            mode: Mode::AccessRequest,
            period: Period::Preset(Length::MIN),
            approval: Approval::Manual,
            lock_after: 1,
        },
        approvers,
    }
}

proptest! {
    /// Rule 6: whatever deputies are named, in circles and chains: neither who acts nor on whose behalf,
    /// nor the administrator who named the deputy, is the requester; the vote is that of somebody who
    /// reviews in their own right; and where nobody else does, no deputy makes anybody eligible.
    #[test]
    fn no_chain_of_deputies_approves_its_own(organisation in with_deputies(), now in moment()) {
        let users = || (1i64..=5).map(UserId);
        for resource in (1i64..=2).map(ResourceId) {
            let reviewers = organisation.reviewers(resource);
            for requester in users() {
                let eligible = reviewers.eligible(requester);
                for actor in users() {
                    let Some(reach) = organisation.reach(actor, true, now) else { continue };
                    let Some(by) = reach.decider(requester, resource) else { continue };
                    prop_assert_eq!(by.user, actor);
                    prop_assert_ne!(by.user, requester);
                    prop_assert!(eligible.people().contains(&by.voter()), "{by:?} {eligible:?}");
                    let Some(principal) = by.on_behalf_of else { continue };
                    prop_assert_ne!(principal, requester);
                    let named = *organisation.deputy_of(principal).unwrap();
                    prop_assert!(named.deputy == actor && named.named_by != requester);
                    prop_assert!(named.from <= now && now < named.until);
                    prop_assert!(organisation.reviews_anything(actor));
                }
            }
        }
    }

    /// Rule 6: an approval is refused where who acts, or on whose behalf, asked for it.
    #[test]
    fn nobody_approves_by_a_deputy(assignment in endless_request_assignment(), now in moment(), principal: bool) {
        let pending = pending_request(&assignment, plain_ask(), now).pending(now).unwrap();
        let by = match principal {
            true => Decider { user: REVIEWER, on_behalf_of: Some(USER) },
            false => Decider { user: USER, on_behalf_of: Some(REVIEWER) },
        };
        let approved = pending.approve(Some(by), None, text(""), &assignment, now);
        prop_assert_eq!(approved, Err(CannotApprove::OwnRequest));
    }

    /// Rule 6: no role makes a person the reviewer of their own request.
    #[test]
    fn no_role_decides_its_own(roles in roles(), approves_resource: bool, user in 1i64..4) {
        let user = UserId(user);
        let reviewer = Reviewer { user, roles: &roles, approves_resource, stands_in: false, is_barred: false };
        let answer = reviewer.may_decide(USER);
        prop_assert_eq!(answer == Err(MayNot::OwnRequest), user == USER);
        prop_assert_eq!(answer.is_ok(), user != USER && reviewer.reviews());
    }

    /// Rule 6: an approval by the requester is refused, whatever the terms.
    #[test]
    fn nobody_approves_their_own(assignment in endless_request_assignment(), live in endless_request_assignment(), now in moment()) {
        let pending = pending_request(&assignment, plain_ask(), now).pending(now).unwrap();
        let approved = pending.approve(Some(USER.into()), None, text(""), &live, now);
        prop_assert_eq!(approved, Err(CannotApprove::OwnRequest));
    }

    /// Rule 6: without a reviewer a request opens only when its terms, then and now, are automatic.
    #[test]
    fn manual_needs_a_reviewer(assignment in endless_request_assignment(), live in endless_request_assignment(), now in moment()) {
        let automatic = assignment.settings.approval == Approval::Automatic
            && live.settings.approval == Approval::Automatic;
        let pending = pending_request(&assignment, plain_ask(), now).pending(now).unwrap();
        match pending.approve(None, None, text(""), &live, now) {
            Ok(_) => prop_assert!(automatic),
            Err(error) => {
                prop_assert!(!automatic);
                prop_assert_eq!(error, CannotApprove::NeedsReviewer);
            }
        }
    }

    /// Rule 6: an extension obeys the same rule as a grant: nobody approves their own, and without a
    /// reviewer it is given only where its terms, then and now, are automatic.
    #[test]
    fn nobody_extends_for_themselves(
        assignment in endless_request_assignment(),
        live in endless_request_assignment(),
    ) {
        let facts = running(&assignment, noon(), Length::MIN);
        let now = noon() + TimeDelta::seconds(50);
        let asking = Ask { length: Some(assignment.settings.period.longest()), ..plain_ask() };
        let Some(facts) = with_extension(&facts, asking, now) else {
            return Ok(());
        };
        let live = EffectiveAssignment { assignment: assignment.assignment, group: assignment.group, ..live };
        let facts = AccessFacts { assignments: vec![live], ..facts };
        let approve = |by| transition::approve(&facts, EXTENSION, by, None, text(""), now);
        prop_assert_eq!(approve(Some(USER.into())), Err(CannotApprove::OwnRequest));
        let automatic = assignment.settings.approval == Approval::Automatic
            && live.settings.approval == Approval::Automatic;
        prop_assert_eq!(approve(None) == Err(CannotApprove::NeedsReviewer), !automatic);
        prop_assert_ne!(approve(Some(REVIEWER.into())), Err(CannotApprove::NeedsReviewer));
    }

    /// Rule 6: time alone approves nothing: what nobody decides stays pending, and then lapses.
    #[test]
    fn no_approval_by_time_out(assignment in endless_request_assignment(), now in moment(), hours in 0i64..10_000) {
        let request = pending_request(&assignment, plain_ask(), now);
        let state = match request.pending(now + TimeDelta::hours(hours)) {
            Ok(pending) => pending.request().state.clone(),
            Err(request) => request.state,
        };
        let untouched = matches!(state, RequestState::Pending | RequestState::Lapsed { .. });
        prop_assert!(untouched, "{state:?}");
    }

    /// Rule 6: an administrator unlocks for others, never for themselves, and nobody else unlocks
    /// without a request.
    #[test]
    fn nobody_unlocks_for_themselves(
        mut assignment in endless_request_assignment(),
        roles in roles(),
        approves_resource: bool,
        user in 1i64..4,
        now in moment(),
    ) {
        assignment.settings.mode = Mode::AutoLock;
        let admin = Reviewer { user: UserId(user), roles: &roles, approves_resource, stands_in: false, is_barred: false };
        let locked = assignment.auto_locked(None, now).unwrap();
        let unlocked = locked.unlock(USER, RESOURCE, &admin, now).is_ok();
        prop_assert_eq!(unlocked, roles.contains(&Role::Admin) && UserId(user) != USER);
    }

    /// Rule 6: the approval of an unlock obeys the same rule as that of a grant.
    #[test]
    fn nobody_approves_their_own_unlock(mut assignment in endless_request_assignment(), now in moment()) {
        assignment.settings.mode = Mode::AutoLock;
        let locked = assignment.auto_locked(None, now).unwrap();
        let reason = text("back from leave");
        let new = locked.ask(USER, RESOURCE, reason, None, DEFAULT_LAPSE, now).unwrap();
        let pending = stored(new).pending(now).unwrap();
        let own = locked.approve(pending.clone(), Some(USER.into()), text(""), now);
        prop_assert_eq!(own, Err(CannotApprove::OwnRequest));
        let alone = locked.approve(pending, None, text(""), now).is_ok();
        prop_assert_eq!(alone, assignment.settings.approval == Approval::Automatic);
    }
}

/// Rule 6: a vote counts as long as its reviewer is one: whoever lost the role decides nothing.
#[test]
fn a_lost_role_decides_nothing() {
    let with = Reviewer {
        user: REVIEWER,
        roles: &[Role::Member, Role::AccessReviewer],
        approves_resource: false,
        stands_in: false,
        is_barred: false,
    };
    assert_eq!(with.may_decide(USER), Ok(()));
    let without = Reviewer {
        roles: &[Role::Member],
        ..with
    };
    assert_eq!(without.may_decide(USER), Err(MayNot::NotReviewer));
}
