//! What people do not get by what they change themselves (rule 6).

use std::net::IpAddr;

use proptest::collection::vec;
use proptest::prelude::*;

use super::change::Change;
use super::draw::{change, full, hour, noon, user_id};
use super::explanations::{about, viewer};
use super::models::{assignment, group, resource, user};
use crate::Time;
use crate::address::Host;
use crate::ids::{AssignmentId, GroupId, NetworkId, ResourceId, UserId};
use crate::length::Length;
use crate::organisation::diff::{Sight, diff};
use crate::organisation::{Assignment, HELD_BACK_FOR, Organisation, Resource, explain, held_back};
use crate::periods::Periods;
use crate::settings::{Approval, Mode, Override, most_permissive};

/// Destinations where the addresses of the random resources meet: what names resolve to is known to
/// gateways only.
fn destinations() -> Vec<(NetworkId, Host, Vec<IpAddr>, u16)> {
    let inside: IpAddr = "10.0.0.1".parse().unwrap();
    let hosts = [
        ("db.corp", vec![]),
        ("wiki.corp", vec![inside]),
        ("a.db.corp", vec![]),
        ("other.corp", vec!["10.0.0.9".parse().unwrap()]),
        ("10.0.0.1", vec![]),
        ("10.0.0.9", vec![]),
    ];
    let mut all = Vec::new();
    for network in [1, 2].map(NetworkId) {
        for (host, addresses) in &hosts {
            for port in [22, 443, 9_000] {
                all.push((network, host.parse().unwrap(), addresses.clone(), port));
            }
        }
    }
    all
}

/// How easily somebody gets in to each resource, and to each destination, at a moment.
fn reach(of: &Organisation, user: UserId, now: Time) -> Vec<Option<impl Ord + use<>>> {
    let best = |resource: ResourceId| {
        let facts = of.facts(user, resource)?;
        let best = most_permissive(&facts.assignments, now)?;
        let opens = facts.resource.about.enabled;
        // How long a grant may be in all counts where there are grants.
        let total = (best.settings.mode == Mode::AccessRequest).then_some(best.total);
        opens.then(|| (best.settings.permissiveness(), total))
    };
    let resources = (1..=4).map(|id| best(ResourceId(id)));
    let destinations = destinations().into_iter();
    let governed = destinations.map(|(network, host, addresses, port)| {
        let governing = of.governing(network, &host, &addresses, port)?;
        best(governing.id)
    });
    resources.chain(governed).collect()
}

/// Made by `maker`, who is enabled; an assignment stays one group's to one resource.
fn made_by(maker: UserId, change: &Change, of: &Organisation) -> bool {
    match change {
        Change::User(id, _) => *id != maker,
        Change::Assignment(id, Some(after)) => of
            .assignment(*id)
            .is_none_or(|before| (before.group, before.resource) == (after.group, after.resource)),
        _ => true,
    }
}

proptest! {
    /// Rule 6: whatever somebody changes within a day, no resource and no destination opens to them more
    /// easily than before, now or later, as long as it is held back; to others it does.
    #[test]
    fn nobody_gets_more_by_their_own_changes(before in full(), changes in vec(change(), 1..6), maker in user_id()) {
        let mut after = before.clone();
        for change in changes {
            if !made_by(maker, &change, &after) {
                continue;
            }
            let last = after.clone();
            change.apply(&mut after);
            let held = held_back(&last, &after, maker, noon());
            after.set_held_back(maker, held);
        }
        for later in [noon(), hour(5), hour(40)] {
            for (before, after) in reach(&before, maker, later).into_iter().zip(reach(&after, maker, later)) {
                prop_assert!(after <= before);
            }
        }
        for held in after.held_back_from(maker) {
            prop_assert_eq!(held.until, noon() + HELD_BACK_FOR);
        }
    }
}

/// Two people in group 1, whose members ask for resource 1; nobody is in group 2.
fn office() -> Organisation {
    let mut office = Organisation::default();
    for id in [1, 2] {
        office.set_user(UserId(id), Some(user(id)));
    }
    office.set_group(GroupId(1), Some(group(1, &[1, 2])));
    office.set_group(GroupId(2), Some(group(2, &[])));
    for id in [1, 2] {
        office.set_resource(ResourceId(id), Some(resource(id)));
    }
    office.set_assignment(AssignmentId(1), Some(assignment(1, 1, 1)));
    office.set_assignment(AssignmentId(2), Some(assignment(2, 2, 2)));
    office
}

fn mode(of: &Organisation, user: i64, resource: i64) -> Option<Mode> {
    let facts = of.facts(UserId(user), ResourceId(resource))?;
    Some(most_permissive(&facts.assignments, noon())?.settings.mode)
}

fn changed_by_1(before: &Organisation, change: impl Fn(&mut Organisation)) -> Organisation {
    let mut after = before.clone();
    change(&mut after);
    let held = held_back(before, &after, UserId(1), noon());
    after.set_held_back(UserId(1), held);
    after
}

fn standing(id: i64, group: i64, resource: i64) -> Assignment {
    let own = Override {
        mode: Some(Mode::Standing),
        ..Override::default()
    };
    Assignment {
        own,
        ..assignment(id, group, resource)
    }
}

#[test]
fn what_counts_for_others_does_not_for_its_maker() {
    let open = |it: &mut Organisation| it.set_assignment(AssignmentId(1), Some(standing(1, 1, 1)));
    let after = changed_by_1(&office(), open);
    assert_eq!(mode(&after, 1, 1), Some(Mode::AccessRequest));
    assert_eq!(mode(&after, 2, 1), Some(Mode::Standing));
    let join = |it: &mut Organisation| it.set_group(GroupId(2), Some(group(2, &[1, 2])));
    let after = changed_by_1(&office(), join);
    assert_eq!(mode(&after, 1, 2), None);
    assert_eq!(mode(&after, 2, 2), Some(Mode::AccessRequest));
}

/// Whoever else changes what is held back from somebody is not told that it gives or takes that person
/// anything now.
#[test]
fn what_is_held_back_is_no_gain_and_no_loss_of_others_changes() {
    let users = |all: &[Sight]| {
        all.iter()
            .flat_map(|it| it.users.clone())
            .collect::<Vec<_>>()
    };
    let everybody = [UserId(1), UserId(2)];
    let join = |it: &mut Organisation| it.set_group(GroupId(2), Some(group(2, &[1, 2])));
    let own = changed_by_1(&office(), join);
    assert_eq!(users(&diff(&office(), &own, noon()).gains), [UserId(2)]);
    let mut open = own.clone();
    open.set_assignment(AssignmentId(2), Some(standing(2, 2, 2)));
    let looser = diff(&own, &open, noon()).looser;
    assert_eq!(looser.len(), 1);
    assert_eq!(looser[0].users, [UserId(2)]);
    let mut gone = own.clone();
    gone.set_assignment(AssignmentId(2), None);
    assert_eq!(users(&diff(&own, &gone, noon()).losses), [UserId(2)]);
    // Once it counts, it is theirs, too.
    let mut counts = own.clone();
    counts.set_held_back(UserId(1), Vec::new());
    assert_eq!(users(&diff(&own, &counts, noon()).gains), [UserId(1)]);
    let mut gone = counts.clone();
    gone.set_assignment(AssignmentId(2), None);
    assert_eq!(users(&diff(&counts, &gone, noon()).losses), everybody);
}

/// A higher maximum lets others extend for longer, and its maker a day later; a lower one holds at once.
#[test]
fn a_higher_maximum_waits_for_its_maker() {
    let longest = |days: u64| {
        let longest = Length::from_seconds(days * 86_400).unwrap();
        let periods = Periods::new(vec![Length::HOUR], longest).unwrap();
        move |it: &mut Organisation| it.set_periods(periods.clone())
    };
    let totals = |of: &Organisation| {
        [1, 2].map(|user| {
            let facts = of.facts(UserId(user), ResourceId(1)).unwrap();
            facts.assignments[0].total
        })
    };
    let raised = changed_by_1(&office(), longest(365));
    assert_eq!(totals(&raised), [Length::WEEK, Length::MAX]);
    let day = Length::from_seconds(86_400).unwrap();
    assert_eq!(totals(&changed_by_1(&raised, longest(1))), [day, day]);
    assert_eq!(
        changed_by_1(&office(), longest(1))
            .held_back_from(UserId(1))
            .count(),
        0
    );
}

/// A second change brings back nothing that the first held back.
#[test]
fn two_small_steps_are_no_way_around() {
    let join = |it: &mut Organisation| it.set_group(GroupId(2), Some(group(2, &[1])));
    let open = |it: &mut Organisation| it.set_assignment(AssignmentId(2), Some(standing(2, 2, 2)));
    let after = changed_by_1(&changed_by_1(&office(), join), open);
    assert_eq!(mode(&after, 1, 2), None);
    let after = changed_by_1(&changed_by_1(&office(), open), join);
    assert_eq!(mode(&after, 1, 2), None);
}

/// What is not wider stays as it is: tightening, leaving, and changes of what one does not reach.
#[test]
fn what_gives_nothing_is_not_held_back() {
    let office = office();
    let mut open = office.clone();
    open.set_assignment(AssignmentId(1), Some(standing(1, 1, 1)));
    let tighten =
        |it: &mut Organisation| it.set_assignment(AssignmentId(1), Some(assignment(1, 1, 1)));
    let after = changed_by_1(&open, tighten);
    assert_eq!(after.held_back_from(UserId(1)).count(), 0);
    let others =
        |it: &mut Organisation| it.set_assignment(AssignmentId(2), Some(standing(2, 2, 2)));
    let after = changed_by_1(&office, others);
    assert_eq!(after.held_back_from(UserId(1)).count(), 0);
}

/// Each setting by itself: stricter in one is no excuse for more in another.
#[test]
fn what_is_stricter_in_one_way_gives_no_more_in_another() {
    let auto_lock = |approval, days| {
        let own = Override {
            mode: Some(Mode::AutoLock),
            approval: Some(approval),
            lock_after: Some(days),
            ..Override::default()
        };
        let own = Assignment {
            own,
            ..assignment(1, 1, 1)
        };
        move |it: &mut Organisation| it.set_assignment(AssignmentId(1), Some(own.clone()))
    };
    let mut before = office();
    auto_lock(Approval::Automatic, 1)(&mut before);
    let after = changed_by_1(&before, auto_lock(Approval::Manual, 365));
    let facts = after.facts(UserId(1), ResourceId(1)).unwrap();
    let settings = facts.assignments[0].settings;
    assert_eq!(
        (settings.approval, settings.lock_after),
        (Approval::Manual, 1)
    );
}

/// Fewer ports of what one uses, and more of what stands before it, take nothing away and give nothing.
#[test]
fn ports_are_narrowed_and_added_at_once() {
    let mut before = office();
    let with = |id: i64, address: &str, ports: &str| Resource {
        address: address.parse().unwrap(),
        ports: ports.parse().unwrap(),
        ..resource(id)
    };
    before.set_resource(ResourceId(1), Some(with(1, "*.corp", "80,443")));
    before.set_resource(ResourceId(2), Some(with(2, "db.corp", "80")));
    before.set_assignment(AssignmentId(1), Some(standing(1, 1, 1)));
    for (id, address, ports) in [(1, "*.corp", "443"), (2, "db.corp", "80,443")] {
        let change = |it: &mut Organisation| {
            it.set_resource(ResourceId(id), Some(with(id, address, ports)));
        };
        let after = changed_by_1(&before, change);
        assert_eq!(
            after.held_back_from(UserId(1)).count(),
            0,
            "{address} {ports}"
        );
    }
    // Its destination is left to the wildcard.
    let gone = changed_by_1(&before, |it: &mut Organisation| {
        it.set_resource(ResourceId(2), None)
    });
    assert_eq!(mode(&gone, 1, 1), None);
    assert_eq!(mode(&gone, 2, 1), Some(Mode::Standing));
}

/// An explanation of a moment at which it counts says so.
#[test]
fn an_explanation_of_tomorrow_knows_that_it_counts() {
    let open = |it: &mut Organisation| it.set_assignment(AssignmentId(1), Some(standing(1, 1, 1)));
    let after = changed_by_1(&office(), open);
    for (at, open) in [(hour(1), false), (hour(25), true)] {
        let asked = about(UserId(1), ResourceId(1), at);
        let found = explain(&after, viewer(UserId(1)), &asked, noon()).unwrap();
        assert_eq!(found.permit.is_some(), open, "{at}");
    }
}
