use std::collections::BTreeSet;

use hourkey_domain::ids::UserId;
use hourkey_domain::length::Length;
use hourkey_domain::request::{CannotAsk, DEFAULT_LAPSE};
use hourkey_domain::review::{Bar, Eligible, MayNot, Reviewer, Reviewers};
use hourkey_domain::settings::{Approval, Period};
use hourkey_domain::transition::{self, Asked};
use proptest::collection::btree_set;
use proptest::prelude::*;

use crate::strategies::*;

fn people() -> impl Strategy<Value = Vec<UserId>> {
    let ids = btree_set(1i64..6, 0..4);
    ids.prop_map(|ids| ids.into_iter().map(UserId).collect())
}

/// Who decides nothing of [`USER`], and of somebody else.
fn bars() -> impl Strategy<Value = Vec<Bar>> {
    let barred = |requester| {
        people().prop_map(move |accounts| {
            let bars = { accounts.into_iter() }.map(move |account| Bar { account, requester });
            bars.collect::<Vec<_>>()
        })
    };
    (barred(USER), barred(REVIEWER)).prop_map(|(own, others)| [own, others].concat())
}

proptest! {
    /// Rule 14: those who review the resource decide while one of them is neither the requester nor barred
    /// from them; else the fallback reviewers; else nobody. The requester is never among them.
    #[test]
    fn a_request_goes_where_somebody_can_decide(
        regular in people(),
        fallback in people(),
        bars in bars(),
    ) {
        let is_barred = |account| bars.contains(&Bar { account, requester: USER });
        let without = |people: &[UserId]| {
            let others = people.iter().copied().filter(|id| *id != USER && !is_barred(*id));
            others.collect::<Vec<_>>()
        };
        let reviewers = Reviewers { regular, fallback, bars: bars.clone() };
        let eligible = reviewers.eligible(USER);
        let expected = match (without(&reviewers.regular), without(&reviewers.fallback)) {
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
        assignment.total = Length::WEEK;
        let facts = running(&assignment, noon(), hours(4));
        let reviewers = Reviewers { regular, fallback, bars: Vec::new() };
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
        regular in people(),
        fallback in people(),
        bars in bars(),
        user in 1i64..6,
    ) {
        let user = UserId(user);
        let reviewers = Reviewers { regular, fallback, bars };
        let eligible = reviewers.eligible(USER);
        let reviewer = Reviewer {
            user,
            roles: &[],
            approves_resource: reviewers.regular.contains(&user),
            stands_in: reviewers.fallback.contains(&user)
                && !matches!(eligible, Eligible::Regulars(_)),
            is_barred: reviewers.bars.contains(&Bar { account: user, requester: USER }),
        };
        let answer = reviewer.may_decide(USER);
        prop_assert_eq!(answer.is_ok(), eligible.people().contains(&user));
        prop_assert_eq!(answer == Err(MayNot::OwnRequest), user == USER);
    }
}
