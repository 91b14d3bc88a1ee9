use chrono::TimeDelta;
use hourkey_domain::ids::UserId;
use hourkey_domain::length::Length;
use hourkey_domain::request::{Ask, CannotApprove, DEFAULT_LAPSE, State as RequestState};
use hourkey_domain::review::{MayNot, Reviewer, Role};
use hourkey_domain::settings::{Approval, EffectiveAssignment, Mode};
use hourkey_domain::transition::{self, AccessFacts};
use proptest::prelude::*;

use crate::strategies::*;

proptest! {
    /// Rule 6: no role makes a person the reviewer of their own request.
    #[test]
    fn no_role_decides_its_own(roles in roles(), approves_resource: bool, user in 1i64..4) {
        let user = UserId(user);
        let reviewer = Reviewer { user, roles: &roles, approves_resource, stands_in: false };
        let answer = reviewer.may_decide(USER);
        prop_assert_eq!(answer == Err(MayNot::OwnRequest), user == USER);
        prop_assert_eq!(answer.is_ok(), user != USER && reviewer.reviews());
    }

    /// Rule 6: an approval by the requester is refused, whatever the terms.
    #[test]
    fn nobody_approves_their_own(assignment in endless_request_assignment(), live in endless_request_assignment(), now in moment()) {
        let pending = pending_request(&assignment, plain_ask(), now).pending(now).unwrap();
        let approved = pending.approve(Some(USER), None, text(""), &live, now);
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
        prop_assert_eq!(approve(Some(USER)), Err(CannotApprove::OwnRequest));
        let automatic = assignment.settings.approval == Approval::Automatic
            && live.settings.approval == Approval::Automatic;
        prop_assert_eq!(approve(None) == Err(CannotApprove::NeedsReviewer), !automatic);
        prop_assert_ne!(approve(Some(REVIEWER)), Err(CannotApprove::NeedsReviewer));
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
        let admin = Reviewer { user: UserId(user), roles: &roles, approves_resource, stands_in: false };
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
        let own = locked.approve(pending.clone(), Some(USER), text(""), now);
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
    };
    assert_eq!(with.may_decide(USER), Ok(()));
    let without = Reviewer {
        roles: &[Role::Member],
        ..with
    };
    assert_eq!(without.may_decide(USER), Err(MayNot::NotReviewer));
}
