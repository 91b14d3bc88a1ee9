use std::collections::BTreeSet;

use hourkey_domain::ids::UserId;
use hourkey_domain::request::{CannotAsk, DEFAULT_LAPSE};
use hourkey_domain::review::{Eligible, MayNot, Regulars, Reviewer, Reviewers};
use hourkey_domain::settings::{Approval, Period};
use hourkey_domain::transition::{self, Asked};
use proptest::collection::btree_set;
use proptest::prelude::*;

use crate::strategies::*;

fn people() -> impl Strategy<Value = Vec<UserId>> {
    let ids = btree_set(1i64..6, 0..4);
    ids.prop_map(|ids| ids.into_iter().map(UserId).collect())
}

proptest! {
    /// Rule 14: those who review the resource decide while one of them is not the requester; else
    /// the fallback reviewers; else nobody. The requester is never among them.
    #[test]
    fn a_request_goes_where_somebody_can_decide(reviewers in people(), fallback in people()) {
        let without = |people: &[UserId]| {
            people.iter().copied().filter(|id| *id != USER).collect::<Vec<_>>()
        };
        let eligible = Eligible::to_decide(USER, &reviewers, &fallback);
        let expected = match (without(&reviewers), without(&fallback)) {
            (regulars, _) if !regulars.is_empty() => Eligible::Regulars(regulars),
            (_, fallback) if !fallback.is_empty() => Eligible::Fallback(fallback),
            _ => Eligible::Nobody,
        };
        prop_assert_eq!(&eligible, &expected);
        let distinct: BTreeSet<_> = eligible.people().iter().collect();
        prop_assert_eq!(distinct.len(), eligible.people().len());
    }

    /// Rule 14: more time, too, is asked of those who can decide, and refused where nobody can.
    #[test]
    fn an_extension_needs_somebody(
        mut assignment in endless_request_assignment(),
        regular in people(),
        fallback in people(),
    ) {
        assignment.settings.approval = Approval::Manual;
        assignment.settings.period = Period::Preset(hours(8));
        let facts = running(&assignment, noon(), hours(4));
        let reviewers = Reviewers { regular, fallback };
        let asked = transition::extend(&facts, &reviewers, plain_ask(), None, DEFAULT_LAPSE, hour(1));
        match (asked, reviewers.eligible(USER)) {
            (Ok(Asked::New { eligible, .. }), expected) => prop_assert_eq!(eligible, Some(expected)),
            (Err(CannotAsk::NobodyCanApprove { .. }), Eligible::Nobody) => {}
            (other, _) => prop_assert!(false, "{other:?}"),
        }
    }

    /// Rule 14: who is named as able to approve may, and nobody else may.
    #[test]
    fn exactly_the_eligible_may_decide(
        reviewers in people(),
        fallback in people(),
        user in 1i64..6,
    ) {
        let user = UserId(user);
        let reviewer = Reviewer {
            user,
            roles: &[],
            approves_resource: reviewers.contains(&user),
            stands_in: fallback.contains(&user) && Regulars::of(&reviewers).lack(USER),
        };
        let eligible = Eligible::to_decide(USER, &reviewers, &fallback);
        let answer = reviewer.may_decide(USER);
        prop_assert_eq!(answer.is_ok(), eligible.people().contains(&user));
        prop_assert_eq!(answer == Err(MayNot::OwnRequest), user == USER);
    }
}
