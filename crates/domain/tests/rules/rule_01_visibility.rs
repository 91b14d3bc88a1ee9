use hourkey_domain::lock::{lock_state, permit};
use hourkey_domain::review::{MayNot, Reviewer, Role};
use proptest::prelude::*;

use crate::strategies::*;

proptest! {
    /// Rule 1: a member sees a resource exactly when a valid assignment leads to it, whatever
    /// grant, request or use there was.
    #[test]
    fn an_assignment_is_what_makes_visible(situation in situation(), now in moment()) {
        let assigned = situation.assignments.iter().any(|assignment| assignment.until.is_none_or(|end| now < end));
        prop_assert_eq!(lock_state(&situation.facts(), now).is_some(), assigned);
    }

    /// Rule 1: what is invisible gives nothing by any other route: no permit, nothing to return.
    #[test]
    fn the_invisible_gives_nothing(mut situation in situation(), now in moment()) {
        situation.assignments.retain(|assignment| assignment.until.is_some_and(|end| end <= now));
        prop_assert_eq!(permit(USER, RESOURCE, &situation.facts(), now), None);
    }

    /// Rule 1: requests of others are seen by administrators, access reviewers and the resource's
    /// approvers; for everybody else they do not exist.
    #[test]
    fn reviewers_see_what_they_may_review(roles in roles(), approves_resource: bool) {
        let reviewer = Reviewer { user: REVIEWER, roles: &roles, approves_resource, stands_in: false, is_barred: false };
        let reviews = approves_resource
            || roles.contains(&Role::Admin)
            || roles.contains(&Role::AccessReviewer);
        prop_assert_eq!(reviewer.reviews(), reviews);
        let expected = if reviews { Ok(()) } else { Err(MayNot::NotReviewer) };
        prop_assert_eq!(reviewer.may_decide(USER), expected);
    }
}
