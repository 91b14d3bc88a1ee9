//! Each read answers as plain lists do.

use proptest::prelude::*;

use super::draw::{full, moment, organisation};
use crate::address::Host;
use crate::ids::{AssignmentId, NetworkId, ResourceId, UserId};
use crate::lock::lock_state;
use crate::organisation::{Organisation, Resource};

/// The ids of the pools, and one that is never there.
fn users() -> impl Iterator<Item = UserId> {
    (1..=6).map(UserId)
}

fn resources() -> impl Iterator<Item = ResourceId> {
    (1..=5).map(ResourceId)
}

fn pairs() -> impl Iterator<Item = (UserId, ResourceId)> {
    users().flat_map(|user| resources().map(move |resource| (user, resource)))
}

fn reachable(
    organisation: &Organisation,
    user: UserId,
    only: Option<ResourceId>,
) -> Vec<(ResourceId, Vec<crate::settings::EffectiveAssignment>)> {
    let reachable = organisation.reachable(user, only);
    reachable
        .map(|found| (found.resource.id, found.assignments))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Rules 1 and 2: what a user reaches, and by which assignments.
    #[test]
    fn reachable_resources(organisation in organisation()) {
        let plain = organisation.contents();
        for user in users() {
            let all = plain.reachable(user);
            prop_assert_eq!(reachable(&organisation, user, None), all.clone());
            for resource in resources() {
                let one: Vec<_> = all.iter().filter(|(id, _)| *id == resource).cloned().collect();
                prop_assert_eq!(reachable(&organisation, user, Some(resource)), one);
            }
        }
        for id in (1..=9).map(AssignmentId) {
            let expected = plain.effective_assignment(id);
            prop_assert_eq!(organisation.effective_assignment(id), expected);
        }
        for resource in resources() {
            prop_assert_eq!(organisation.concerned_by(resource), plain.concerned_by(resource));
        }
    }

    /// Rows, one by one and all at once; nothing for disabled users.
    #[test]
    fn rows(organisation in organisation(), now in moment()) {
        let plain = organisation.contents();
        for user in users() {
            let rows = organisation.reached(user);
            let rows = rows.map(|row| (row.resource.id, lock_state(&row.facts(), now)));
            let rows: Vec<_> = rows.collect();
            prop_assert_eq!(&rows, &plain.locks(user, now));
            for resource in resources() {
                let row = organisation.facts(user, resource);
                let row = row.map(|row| (resource, lock_state(&row.facts(), now)));
                let expected = rows.iter().find(|(id, _)| *id == resource).copied();
                prop_assert_eq!(row, expected);
            }
        }
    }

    /// Rule 8: permits by network.
    #[test]
    fn permits(organisation in organisation(), now in moment()) {
        let plain = organisation.contents();
        for user in users() {
            for network in (1..=3).map(NetworkId) {
                let found = organisation.permits(user, network, now);
                prop_assert_eq!(found.permits, plain.permits(user, network, now));
                prop_assert_eq!(found.sees_any, plain.sees_any(user, network, now));
            }
        }
    }

    /// Ids that lead nowhere count for nothing: without them, all answers are the same.
    #[test]
    fn dangling_ids_count_for_nothing(organisation in organisation(), now in moment()) {
        let pruned = organisation.contents().pruned();
        prop_assert_eq!(pruned.clone().pruned(), pruned.clone());
        let pruned = Organisation::build(pruned);
        for user in users() {
            let all = reachable(&organisation, user, None);
            prop_assert_eq!(reachable(&pruned, user, None), all);
            prop_assert_eq!(pruned.approves(user), organisation.approves(user));
            prop_assert_eq!(pruned.reach(user, true, now), organisation.reach(user, true, now));
            for network in (1..=3).map(NetworkId) {
                let permits = organisation.permits(user, network, now);
                prop_assert_eq!(pruned.permits(user, network, now), permits);
            }
        }
        for resource in resources() {
            prop_assert_eq!(pruned.reviewers(resource), organisation.reviewers(resource));
            prop_assert_eq!(pruned.concerned_by(resource), organisation.concerned_by(resource));
        }
        for id in (1..=9).map(AssignmentId) {
            let own = organisation.effective_assignment(id);
            prop_assert_eq!(pruned.effective_assignment(id), own);
        }
        prop_assert_eq!(crate::organisation::lint(&pruned, now), crate::organisation::lint(&organisation, now));
    }

    /// The facts of transitions.
    #[test]
    fn access_facts(organisation in organisation()) {
        let plain = organisation.contents();
        for (user, resource) in pairs() {
            let found = organisation.access_facts(user, resource);
            let expected = plain.access_facts(user, resource);
            prop_assert_eq!(format!("{found:?}"), format!("{expected:?}"));
        }
    }

    /// Rules 1, 6 and 14: who reviews what.
    #[test]
    fn reviewers(organisation in organisation()) {
        let plain = organisation.contents();
        for resource in resources() {
            let reviewers = organisation.reviewers(resource);
            prop_assert_eq!(&reviewers, &plain.reviewers(resource));
            for user in users() {
                let regular = reviewers.regular.contains(&user);
                prop_assert_eq!(organisation.is_regular(user, resource), regular);
                let may = regular || reviewers.fallback.contains(&user);
                prop_assert_eq!(organisation.may_review(user, resource), may);
            }
            let regulars = crate::review::Regulars::of(&reviewers.regular);
            prop_assert_eq!(organisation.regulars(resource), regulars);
        }
        prop_assert_eq!(organisation.scarcely_reviewed(), plain.scarcely_reviewed());
        for viewer in users() {
            let approves: Vec<_> = organisation.approves(viewer).into_iter().collect();
            prop_assert_eq!(approves, plain.approves(viewer));
            let Some(reach) = organisation.reach(viewer, true, super::draw::noon()) else {
                prop_assert!(!plain.is_enabled(viewer));
                continue;
            };
            let alone = organisation.reach(viewer, false, super::draw::noon()).unwrap();
            prop_assert!(!alone.is_some());
            let mut covered = std::collections::BTreeSet::new();
            for (requester, resource) in pairs() {
                let may = plain.may_review(viewer, requester, resource);
                prop_assert_eq!(reach.covers(requester, resource), may);
                prop_assert!(!alone.covers(requester, resource));
                if may {
                    covered.insert(resource);
                }
            }
            if let Some(resources) = reach.resources() {
                prop_assert!(covered.is_subset(&resources));
            }
        }
    }

    /// Rule 9: the governing resource of a network, whoever asks.
    #[test]
    fn governing(organisation in organisation(), port in prop::sample::select(vec![22u16, 443, 5432])) {
        let plain = organisation.contents();
        let names = ["db.corp", "a.db.corp", "wiki.corp", "other.corp"];
        let numbers = ["10.0.0.1", "10.0.0.2", "10.1.0.1"];
        for host in names.into_iter().chain(numbers) {
            let host: Host = host.parse().unwrap();
            for network in (1..=3).map(NetworkId) {
                let found = organisation.governing(network, &host, &[], port).map(|found| found.id);
                prop_assert_eq!(found, plain.governing(network, &host, port));
            }
        }
    }

    /// Rule 9: a resource is shadowed by earlier ones with its address and one of its ports.
    #[test]
    fn shadowing(organisation in full()) {
        let ports = [1, 22, 443, 8000, 8005, 8010, 9000];
        for own in organisation.resources() {
            let meets = |other: &Resource| {
                let mut ports = ports.iter();
                ports.any(|port| own.ports.contains(*port) && other.ports.contains(*port))
            };
            let expected: Vec<_> = organisation
                .resources()
                .filter(|it| it.id < own.id && it.network == own.network)
                .filter(|it| it.address == own.address && meets(it))
                .map(|it| it.id)
                .collect();
            let found: Vec<_> = organisation.shadowing(own).map(|it| it.id).collect();
            prop_assert_eq!(found, expected);
        }
    }

    /// The indexes of what is open, and of devices.
    #[test]
    fn what_is_open(organisation in organisation()) {
        let plain = organisation.contents();
        let mut open: Vec<_> = organisation.open_pairs().collect();
        open.sort();
        let kept = plain.accesses.iter();
        let expected = kept.filter(|(_, it)| it.pending.is_some() || it.grant.is_some());
        let expected: Vec<_> = expected.map(|(key, _)| *key).collect();
        prop_assert_eq!(&open, &expected);
        for resource in resources() {
            let here = expected.iter().filter(|(_, id)| *id == resource);
            let here: Vec<_> = here.map(|(user, _)| *user).collect();
            prop_assert_eq!(organisation.open_for(resource).collect::<Vec<_>>(), here);
        }
        for user in users() {
            let own: Vec<_> = organisation.accesses_of(user).map(|(id, _)| id).collect();
            let expected = plain.accesses.iter().filter(|(key, _)| key.0 == user);
            let expected: Vec<_> = expected.map(|(key, _)| key.1).collect();
            prop_assert_eq!(own, expected);
            let devices: Vec<_> = organisation.devices_of(user).map(|device| device.id).collect();
            let expected = plain.devices.iter().filter(|it| it.user == user);
            let expected: Vec<_> = expected.map(|it| it.id).collect();
            prop_assert_eq!(devices, expected);
        }
    }
}
