//! The effects of a change, against looking at everybody and everything.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::draw::{moment, noon, resource_id, settings};
use super::lively::{changed, everything_done, lively};
use crate::Time;
use crate::cause::Cause;
use crate::ids::{ResourceId, UserId};
use crate::organisation::{
    Consequences, Diff, Organisation, Resource, Unreviewed, User, affected_pairs, diff,
};
use crate::request::State as RequestState;
use crate::review::{Eligible, Role};
use crate::settings::{Approval, EffectiveAssignment, Mode, most_permissive};
use crate::transition::{Transition, settle};

fn pairs() -> impl Iterator<Item = (UserId, ResourceId)> {
    (1..=6).flat_map(|user| (1..=5).map(move |resource| (UserId(user), ResourceId(resource))))
}

/// The assignment that counts for somebody.
fn best(
    of: &Organisation,
    user: UserId,
    resource: ResourceId,
    now: Time,
) -> Option<EffectiveAssignment> {
    let facts = of.access_facts(user, resource);
    // A disabled one opens for nobody.
    of.resource(resource).filter(|it| it.about.enabled)?;
    most_permissive(&facts.assignments, now).copied()
}

type Pairs = BTreeSet<(UserId, ResourceId)>;

/// Gains, losses, stricter and looser locks, one pair at a time.
fn locks(before: &Organisation, after: &Organisation, now: Time) -> [Pairs; 4] {
    let mut found = [(); 4].map(|()| Pairs::new());
    for (user, resource) in pairs() {
        let order = |own: EffectiveAssignment| {
            let settings = own.settings;
            let approval = settings.approval == Approval::Automatic;
            let own_order = match settings.mode {
                Mode::Standing => (2, false, 0),
                Mode::AutoLock => (1, approval, u32::from(settings.lock_after)),
                Mode::AccessRequest => (0, approval, settings.period.longest().seconds()),
            };
            (own_order, own.until.is_none(), own.until)
        };
        let side = |of| best(of, user, resource, now).map(order);
        let list = match (side(before), side(after)) {
            (None, Some(_)) => 0,
            (Some(_), None) => 1,
            (Some(before), Some(after)) if after < before => 2,
            (Some(before), Some(after)) if after > before => 3,
            (None, None) | (Some(_), Some(_)) => continue,
        };
        found[list].insert((user, resource));
    }
    found
}

fn named(diff: &Diff) -> [Pairs; 4] {
    let sights = [&diff.gains, &diff.losses].map(|list| {
        let pairs = list
            .iter()
            .flat_map(|sight| sight.users.iter().map(|user| (*user, sight.resource)));
        pairs.collect()
    });
    let changes = [&diff.stricter, &diff.looser].map(|list| {
        let pairs = list
            .iter()
            .flat_map(|change| change.users.iter().map(|user| (*user, change.resource)));
        pairs.collect()
    });
    let ([gains, losses], [stricter, looser]) = (sights, changes);
    [gains, losses, stricter, looser]
}

/// Those whose requests nobody can approve, one person at a time.
fn unreviewed(of: &Organisation, resource: ResourceId, now: Time) -> Option<Unreviewed> {
    let found = of.resource(resource).filter(|it| it.about.enabled)?;
    let manual = |own: &EffectiveAssignment| {
        own.settings.mode != Mode::Standing && own.settings.approval == Approval::Manual
    };
    let reviewers = of.reviewers(resource);
    let nobody = |user| reviewers.eligible(user) == Eligible::Nobody;
    if nobody(UserId(99)) {
        let assigned = of.assignments_of(resource);
        let mut assigned =
            assigned.map(|own| own.effective(found.settings, of.periods().longest()));
        let needed = assigned.any(|own| own.is_valid(now) && manual(&own));
        return needed.then_some(Unreviewed::Everybody);
    }
    let alone = (1..=6).map(UserId).find(|user| {
        best(of, *user, resource, now).is_some_and(|own| manual(&own)) && nobody(*user)
    });
    alone.map(Unreviewed::User)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Reconciling what a change may reach does all that reconciling everything does.
    #[test]
    fn only_affected_pairs_change((before, after) in changed()) {
        let affected = affected_pairs(&before, &after);
        let done = everything_done(&before, &after);
        let touched: BTreeSet<_> = done.iter().map(|(pair, _)| *pair).collect();
        prop_assert!(touched.is_subset(&affected), "{touched:?} in {affected:?}");
        let mut consequences = Consequences::new(&before, &after, noon());
        let alone = affected.iter().copied();
        let alone = alone.map(|pair| (pair, consequences.between(pair.0, pair.1)));
        let alone: Vec<_> = alone.filter(|(_, done)| !done.is_empty()).collect();
        prop_assert_eq!(alone, done);
        let open: BTreeSet<_> = after.open_pairs().collect();
        prop_assert!(affected.is_subset(&open));
    }

    /// Time's part alone is to be recorded of all others.
    #[test]
    fn others_only_settle((before, after) in changed()) {
        let affected = affected_pairs(&before, &after);
        for (user, resource) in after.open_pairs().filter(|pair| !affected.contains(pair)) {
            let (old, new) = (before.access_facts(user, resource), after.access_facts(user, resource));
            let ((_, by_time), (_, done)) = (settle(old, noon()), settle(new, noon()));
            prop_assert_eq!(done, by_time);
        }
    }

    /// A change of one resource reaches that resource alone, and a reviewer who comes reaches nothing.
    #[test]
    fn others_are_spared(before in lively(), settings in settings(), id in resource_id()) {
        let mut after = before.clone();
        if let Some(resource) = before.resource(id) {
            let resource = Resource { settings, approvers: Vec::new(), ..(**resource).clone() };
            after.set_resource(id, Some(resource));
        }
        let mut affected = affected_pairs(&before, &after).into_iter();
        prop_assert!(affected.all(|(_, resource)| resource == id));
        let mut after = before.clone();
        let reviewer = User {
            id: UserId(50),
            login: "reviewer".to_owned(),
            name: "Reviewer".to_owned(),
            email: None,
            roles: vec![Role::AccessReviewer],
            disabled: false,
            since: None,
        };
        after.set_user(reviewer.id, Some(reviewer));
        prop_assert!(affected_pairs(&before, &after).is_empty());
    }

    /// Who sees what, and whose locks change, is what a look at each pair tells.
    #[test]
    fn locks_differ_as_pair_by_pair((before, after) in changed(), now in moment()) {
        let found = diff(&before, &after, now);
        prop_assert_eq!(named(&found), locks(&before, &after, now));
        for change in found.stricter.iter().chain(&found.looser) {
            for user in &change.users {
                // Whoever it is: since when they are in the group shows in no difference.
                let best = |of| best(of, *user, change.resource, now);
                let best = |of| best(of).map(|own| EffectiveAssignment { counts_from: None, ..own });
                prop_assert_eq!(best(&before), Some(change.before));
                prop_assert_eq!(best(&after), Some(change.after));
            }
        }
    }

    /// Where nobody can approve afterwards, and before it was otherwise.
    #[test]
    fn unreviewed_resources((before, after) in changed(), now in moment()) {
        let found = diff(&before, &after, now).unreviewed;
        let mut expected = Vec::new();
        for resource in (1..=5).map(ResourceId) {
            let whose = unreviewed(&after, resource, now);
            if whose.is_some() && whose != unreviewed(&before, resource, now) {
                expected.push((resource, whose.unwrap()));
            }
        }
        let found: Vec<_> = found.iter().map(|it| (it.resource, it.whose)).collect();
        prop_assert_eq!(found, expected);
    }

    /// Requests and grants end in the difference as they end by reconciling everything.
    #[test]
    fn what_ends((before, after) in changed()) {
        let found = diff(&before, &after, noon());
        let done = everything_done(&before, &after).into_iter().flat_map(|(_, done)| done);
        let mut counts = [0; 4];
        for transition in done {
            match transition {
                Transition::Cancelled { request } => {
                    let RequestState::Cancelled { cause, .. } = request.state else { unreachable!() };
                    let mut all = found.cancelled.iter();
                    prop_assert!(all.any(|it| it.request == request.id && it.cause == cause));
                    counts[0] += 1;
                }
                Transition::Revoked(change) | Transition::Expired(change) => {
                    let grant = change.after.id;
                    let user = change.after.user;
                    let mut all = found.revoked.iter();
                    prop_assert!(all.any(|it| it.grant == grant && it.user == user));
                    counts[1] += 1;
                }
                Transition::Reopened { .. } => counts[2] += 1,
                Transition::SentToFallback { .. } => counts[3] += 1,
                _ => {}
            }
        }
        let lengths = [
            found.cancelled.len(),
            found.revoked.len(),
            found.reopened.len(),
            found.sent_to_fallback.len(),
        ];
        prop_assert_eq!(lengths, counts);
    }

    /// Between equal values nothing differs, whether they share anything or not.
    #[test]
    fn nothing_differs_from_itself(organisation in lively(), now in moment()) {
        let same = Organisation::build(organisation.contents());
        for other in [&organisation, &same] {
            prop_assert!(affected_pairs(&organisation, other).is_empty());
            let found = diff(&organisation, other, now);
            prop_assert!(found.is_empty(), "{found:?}");
        }
    }

    /// There and back again: what one way gains, the other loses.
    #[test]
    fn differences_turn_around((before, after) in changed(), now in moment()) {
        let [gains, losses, stricter, looser] = named(&diff(&before, &after, now));
        let back = named(&diff(&after, &before, now));
        prop_assert_eq!(back, [losses, gains, looser, stricter]);
    }
}

/// The properties above would hold of a drawing in which nothing ever happens.
#[test]
fn the_drawing_is_lively() {
    use proptest::strategy::ValueTree as _;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut affected, mut spared, mut causes) = (0, 0, BTreeSet::new());
    let mut kinds = [0; 4];
    for _ in 0..600 {
        let (before, after) = changed().new_tree(&mut runner).unwrap().current();
        let pairs = affected_pairs(&before, &after).len();
        affected += pairs;
        spared += after.open_pairs().count() - pairs;
        let found = diff(&before, &after, noon());
        causes.extend(found.cancelled.iter().map(|it| it.cause));
        causes.extend(found.revoked.iter().map(|it| it.cause));
        let lengths = [
            found.cancelled.len(),
            found.revoked.len(),
            found.reopened.len(),
            found.sent_to_fallback.len(),
        ];
        for (kind, length) in kinds.iter_mut().zip(lengths) {
            *kind += length;
        }
    }
    assert!(affected > 100 && spared > 100, "{affected}, {spared}");
    assert!(kinds.iter().all(|count| *count > 5), "{kinds:?}");
    for cause in [
        Cause::NoLongerNeeded,
        Cause::UserDisabled,
        Cause::MembershipRemoved,
        Cause::AssignmentRemoved,
        Cause::AssignmentEnded,
        Cause::ResourceRemoved,
        Cause::ResourceChanged,
        Cause::ApproverLostRole,
        Cause::NobodyCanApprove,
    ] {
        assert!(
            causes.contains(&cause),
            "{cause:?} is missing in {causes:?}"
        );
    }
}
