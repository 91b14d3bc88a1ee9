//! The built-in group: what everybody has, without a list.

use chrono::{FixedOffset, TimeDelta};

use super::draw::{hour, noon};
use super::explanations::{about, viewer};
use super::models::{assignment, group, resource, user};
use crate::ids::{AssignmentId, GroupId, ResourceId, UserId};
use crate::lock::{LockState, Why, lock_state};
use crate::organisation::diff::{diff, sentences};
use crate::organisation::lint::Finding;
use crate::organisation::{
    Assignment, Organisation, Resource, Sight, User, explain, held_back, lint,
};
use crate::review::Role;
use crate::settings::{Mode, Override};

const EVERYONE: i64 = GroupId::EVERYONE.0;
const WIKI: ResourceId = ResourceId(1);

/// Two people, one of them disabled, and a resource that everybody may ask for.
fn office() -> Organisation {
    let mut office = Organisation::default();
    office.set_user(UserId(1), Some(user(1)));
    set_disabled(&mut office, 2, true);
    office.set_resource(WIKI, Some(resource(1)));
    office.set_assignment(AssignmentId(1), Some(assignment(1, EVERYONE, 1)));
    office
}

fn set_disabled(of: &mut Organisation, id: i64, disabled: bool) {
    let user = User {
        disabled,
        ..user(id)
    };
    of.set_user(user.id, Some(user));
}

fn lock(of: &Organisation, user: i64, hours: i64) -> Option<LockState> {
    let facts = of.facts(UserId(user), WIKI)?;
    lock_state(&facts.facts(), hour(hours))
}

fn ids(ids: &[i64]) -> Vec<UserId> {
    ids.iter().copied().map(UserId).collect()
}

/// Rule 1: whoever comes or is enabled sees it, and whoever is disabled or goes does not.
#[test]
fn every_enabled_account_is_in_it() {
    let mut office = office();
    let members = |of: &Organisation| of.members(GroupId::EVERYONE).collect::<Vec<_>>();
    assert_eq!(members(&office), ids(&[1]));
    assert_eq!(office.concerned_by(WIKI), ids(&[1]));
    assert!(lock(&office, 1, 0).is_some() && lock(&office, 2, 0).is_none());

    office.set_user(UserId(3), Some(user(3)));
    set_disabled(&mut office, 2, false);
    set_disabled(&mut office, 1, true);
    assert_eq!(members(&office), ids(&[2, 3]));
    assert_eq!(office.seen_by(WIKI, noon()), ids(&[2, 3]));
    let locks = [1, 2, 3].map(|user| lock(&office, user, 0).is_some());
    assert_eq!(locks, [false, true, true]);

    office.set_user(UserId(3), None);
    assert_eq!(members(&office), ids(&[2]));
    assert!(lock(&office, 3, 0).is_none());
    let standings = office.standings_in(GroupId::EVERYONE, noon());
    let people: Vec<_> = standings.map(|it| it.user.id).collect();
    assert_eq!(people, ids(&[2]));
}

/// It is there in every organisation, in no list of kept groups, and nobody is stored for it.
#[test]
fn it_is_always_there_and_never_kept() {
    for of in [Organisation::default(), office()] {
        let group = of.group(GroupId::EVERYONE).unwrap();
        assert_eq!((&*group.name, &*group.members), ("Everyone", &[][..]));
        let assignable: Vec<_> = of.assignable_groups().map(|it| it.id).collect();
        assert_eq!(assignable, [GroupId::EVERYONE]);
        assert_eq!(of.groups().len(), 0);
        assert_eq!(of.contents().groups, []);
        assert_eq!(of.size().memberships, 0);
    }
    let groups = |user| {
        let of = office();
        of.all_groups_of(UserId(user)).count()
    };
    assert_eq!([1, 2, 3].map(groups), [1, 0, 0]);
}

/// Rule 2: its assignment may have settings of its own, and an end.
#[test]
fn it_may_have_settings_of_its_own_and_an_end() {
    let mut office = office();
    let own = Override {
        mode: Some(Mode::Standing),
        ..Override::default()
    };
    let assignment = Assignment {
        own,
        until: Some(hour(2)),
        ..assignment(1, EVERYONE, 1)
    };
    office.set_assignment(assignment.id, Some(assignment));
    assert!(matches!(lock(&office, 1, 1), Some(LockState::Open { .. })));
    assert_eq!(lock(&office, 1, 2), None);
}

/// Rule 6: who is in every list by being there reviews nothing by that, whoever says so.
#[test]
fn it_never_approves() {
    let mut office = office();
    let approved = Resource {
        approvers: vec![GroupId::EVERYONE],
        ..resource(1)
    };
    office.set_resource(WIKI, Some(approved));
    office.set_fallback_reviewers(vec![GroupId::EVERYONE]);
    assert!(!office.may_review(UserId(1), WIKI) && !office.reviews_anything(UserId(1)));
    assert_eq!(office.fallback_reviewers(), []);
    let built = Organisation::build(office.contents());
    assert_eq!(built.reviewers(WIKI), office.reviewers(WIKI));
    assert!(
        lint(&office, noon())
            .iter()
            .any(|finding| matches!(finding, Finding::NobodyCanApprove { resource: WIKI, .. }))
    );
}

/// Rule 6: what somebody gives everybody counts for themselves a day later.
#[test]
fn what_its_maker_gives_everyone_is_held_back_from_them() {
    let mut before = office();
    before.set_user(UserId(3), Some(user(3)));
    before.set_assignment(AssignmentId(1), None);
    let mut after = before.clone();
    after.set_assignment(AssignmentId(1), Some(assignment(1, EVERYONE, 1)));
    let held = held_back(&before, &after, UserId(1), noon());
    after.set_held_back(UserId(1), held);
    assert!(lock(&after, 1, 0).is_none() && lock(&after, 3, 0).is_some());
}

/// Unused days are counted from when somebody came, or it came to auto-lock, whatever is later.
#[test]
fn unused_days_are_counted_from_when_somebody_came() {
    let mut office = office();
    let since = |id, at| User {
        since: Some(at),
        ..user(id)
    };
    office.set_user(UserId(1), Some(since(1, hour(-900))));
    office.set_user(UserId(3), Some(since(3, hour(-24))));
    let own = Override {
        mode: Some(Mode::AutoLock),
        lock_after: Some(10),
        ..Override::default()
    };
    let assignment = Assignment {
        own,
        auto_locks_since: Some(hour(-240)),
        ..assignment(1, EVERYONE, 1)
    };
    office.set_assignment(assignment.id, Some(assignment));
    let unused = Some(LockState::Locked { why: Why::Unused });
    assert_eq!(lock(&office, 1, 0), unused);
    let locks_at = Some(hour(-24) + TimeDelta::days(10));
    assert_eq!(lock(&office, 3, 0), Some(LockState::Open { locks_at }));
}

/// The consequence names who comes to have it and who does not any more.
#[test]
fn a_comparison_names_who_gains_and_who_loses() {
    let before = office();
    let mut after = before.clone();
    set_disabled(&mut after, 1, true);
    set_disabled(&mut after, 2, false);
    after.set_user(UserId(3), Some(user(3)));
    let sight = |users| Sight {
        resource: WIKI,
        users,
    };
    let found = diff(&before, &after, noon());
    assert_eq!(found.gains, [sight(ids(&[2, 3]))]);
    assert_eq!(found.losses, [sight(ids(&[1]))]);
    let mut without = before.clone();
    without.set_assignment(AssignmentId(1), None);
    let said = sentences(&diff(&before, &without, noon()), &before, &without);
    assert_eq!(
        said.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["User 1 no longer sees Resource 1."]
    );
}

/// Standing access for everybody makes the approval of any other group meaningless.
#[test]
fn it_is_named_in_warnings_and_explanations() {
    let mut office = office();
    let reviewer = User {
        roles: vec![Role::AccessReviewer],
        ..user(3)
    };
    office.set_user(reviewer.id, Some(reviewer));
    office.set_group(GroupId(1), Some(group(1, &[1])));
    let standing = Override {
        mode: Some(Mode::Standing),
        ..Override::default()
    };
    let everyone = Assignment {
        own: standing,
        ..assignment(1, EVERYONE, 1)
    };
    office.set_assignment(everyone.id, Some(everyone));
    office.set_assignment(AssignmentId(2), Some(assignment(2, 1, 1)));
    let found = lint(&office, noon());
    let meaningless = Finding::ApprovalWithoutMeaning {
        resource: WIKI,
        assignment: AssignmentId(2),
        standing: AssignmentId(1),
    };
    assert!(found.contains(&meaningless), "{found:?}");
    let zone = FixedOffset::east_opt(0).unwrap();
    let said = crate::organisation::lint::sentence(&meaningless, &office, zone).to_string();
    assert!(said.contains("Everyone"), "{said}");

    let question = about(UserId(1), WIKI, noon());
    let told = explain(&office, viewer(UserId(1)), &question, noon()).unwrap();
    let said = crate::organisation::explain::sentences(&told, noon(), zone).join("\n");
    assert!(said.contains("Through group Everyone: "), "{said}");
}
