//! Each read answers as plain lists do.

use proptest::prelude::*;

use super::draw::{moment, organisation};
use crate::address::Host;
use crate::ids::{AssignmentId, NetworkId, ResourceId, UserId};
use crate::lock::lock_state;
use crate::organisation::Organisation;

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
            let rows: Vec<_> = rows.map(|row| (row.resource.id, lock_state(&row.facts(), now))).collect();
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
            let regulars = crate::review::Regulars::of(&reviewers.regular);
            prop_assert_eq!(organisation.regulars(resource), regulars);
        }
        prop_assert_eq!(organisation.scarcely_reviewed(), plain.scarcely_reviewed());
        for viewer in users() {
            let approves: Vec<_> = organisation.approves(viewer).into_iter().collect();
            prop_assert_eq!(approves, plain.approves(viewer));
            let Some(reach) = organisation.reach(viewer, true) else {
                prop_assert!(!plain.is_enabled(viewer));
                continue;
            };
            let alone = organisation.reach(viewer, false).unwrap();
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
        for host in ["db.corp", "a.db.corp", "wiki.corp", "other.corp", "10.0.0.1", "10.0.0.2", "10.1.0.1"] {
            let host: Host = host.parse().unwrap();
            for network in (1..=3).map(NetworkId) {
                let found = organisation.governing(network, &host, &[], port).map(|found| found.id);
                prop_assert_eq!(found, plain.governing(network, &host, port));
            }
        }
    }

    /// The indexes of what is open, and of devices.
    #[test]
    fn what_is_open(organisation in organisation()) {
        let plain = organisation.contents();
        let mut open: Vec<_> = organisation.open_pairs().collect();
        open.sort();
        let pending = |access: &crate::organisation::Access| access.pending.is_some() || access.grant.is_some();
        let expected: Vec<_> = plain.accesses.iter().filter(|(_, it)| pending(it)).map(|(key, _)| *key).collect();
        prop_assert_eq!(&open, &expected);
        for resource in resources() {
            let here: Vec<_> = expected.iter().filter(|(_, id)| *id == resource).map(|(user, _)| *user).collect();
            prop_assert_eq!(organisation.open_for(resource).collect::<Vec<_>>(), here);
        }
        for user in users() {
            let own = organisation.accesses_of(user).map(|(resource, _)| resource).collect::<Vec<_>>();
            let expected: Vec<_> = plain.accesses.iter().filter(|(key, _)| key.0 == user).map(|(key, _)| key.1).collect();
            prop_assert_eq!(own, expected);
            let devices: Vec<_> = organisation.devices_of(user).map(|device| device.id).collect();
            let expected: Vec<_> = plain.devices.iter().filter(|it| it.user == user).map(|it| it.id).collect();
            prop_assert_eq!(devices, expected);
        }
    }
}
