//! However a value came to be, it is the one built from its contents.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::Index as Pick;

use super::change::Change;
use super::draw::{any_set, changes, noon, organisation};
use crate::ids::{GroupId, ResourceId, SessionId, UserId};
use crate::organisation::{Contents, Group, Names, Organisation, Session, User};

/// All of a value, by iteration: its contents and its indexes.
fn dump(organisation: &Organisation) -> (Contents, String) {
    let index = &organisation.index;
    let lists = (
        index.groups_of.iter().collect::<Vec<_>>(),
        index.by_group.iter().collect::<Vec<_>>(),
        index.by_resource.iter().collect::<Vec<_>>(),
        index.approved_by.iter().collect::<Vec<_>>(),
        index.in_network.iter().collect::<Vec<_>>(),
        index.open.iter().collect::<Vec<_>>(),
        index.review_all.iter().collect::<Vec<_>>(),
        index.devices_of.iter().collect::<Vec<_>>(),
    );
    (organisation.contents(), format!("{lists:#?}"))
}

fn applied(mut organisation: Organisation, changes: Vec<Change>) -> Organisation {
    for change in changes {
        change.apply(&mut organisation);
    }
    organisation
}

/// The thing that is set: of several changes of one, the last counts.
fn subject(change: &Change) -> (u8, i64, i64) {
    match change {
        Change::Name(_) => (0, 0, 0),
        Change::Fallback(_) => (1, 0, 0),
        Change::User(id, _) => (2, id.0, 0),
        Change::Group(id, _) => (3, id.0, 0),
        Change::Network(id, _) => (4, id.0, 0),
        Change::Resource(id, _) => (5, id.0, 0),
        Change::Assignment(id, _) => (6, id.0, 0),
        Change::Access(user, resource, _) => (7, user.0, resource.0),
        Change::Device(id, _) => (8, id.0, 0),
        Change::Session(id, _) => (9, id.0, 0),
        Change::Gateway(id, _) => (10, id.0, 0),
        Change::Joined(group, _) => (11, group.0, 0),
        Change::Periods(_) => (12, 0, 0),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Setting one thing after another gives what plain lists give, and what is built at once.
    #[test]
    fn a_value_is_the_one_built_from_its_contents(changes in changes()) {
        let mut plain = Contents::default();
        for change in changes.clone() {
            change.apply_plainly(&mut plain);
        }
        let set = applied(Organisation::default(), changes);
        prop_assert_eq!(set.contents(), plain.clone());
        let built = Organisation::build(plain);
        prop_assert_eq!(dump(&built), dump(&set));
    }

    /// The last change of each thing alone decides, whatever order they come in and however often.
    #[test]
    fn the_order_of_setters_does_not_matter(
        changes in changes(),
        order in proptest::collection::vec(any::<Pick>(), 0..=160),
    ) {
        let last: BTreeMap<_, _> = changes.iter().map(|it| (subject(it), it.clone())).collect();
        let last: Vec<_> = last.into_values().collect();
        let once = applied(Organisation::default(), last.clone());
        let picks = order.iter().filter(|_| !last.is_empty());
        let mut shuffled: Vec<_> = picks.map(|pick| pick.get(&last).clone()).collect();
        shuffled.extend(last.into_iter().rev());
        let again = applied(Organisation::default(), shuffled);
        prop_assert_eq!(dump(&again), dump(&once));
    }

    /// A clone stays as it was, whatever is set afterwards.
    #[test]
    fn a_clone_stays_as_it_was(
        organisation in organisation(),
        changes in proptest::collection::vec(any_set(), 0..=30),
    ) {
        let before = dump(&organisation);
        let kept = organisation.clone();
        let after = applied(organisation, changes.clone());
        prop_assert_eq!(dump(&kept), before);
        let again = applied(kept.clone(), changes);
        prop_assert_eq!(dump(&again), dump(&after));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Maps of many nodes agree with plain ones too: the ids of other properties fit into one.
    #[test]
    fn large_groups_come_and_go(
        removed in proptest::collection::btree_set(1i64..=3_000, 0..=2_500),
        back in proptest::collection::btree_set(1i64..=3_000, 0..=500),
    ) {
        let member = |id: i64| UserId(id);
        let group = |id, members| Group { id, name: "g".to_owned(), members };
        let mut organisation = Organisation::default();
        let all: Vec<_> = (1..=3_000).map(member).collect();
        for id in &all {
            organisation.set_user(*id, Some(user(*id)));
        }
        organisation.set_group(GroupId(1), Some(group(GroupId(1), all.clone())));
        for id in &removed {
            organisation.set_user(UserId(*id), None);
            organisation.set_removed_user(UserId(*id), names(*id));
        }
        for id in &back {
            organisation.set_user(UserId(*id), Some(user(UserId(*id))));
        }
        let is_here = |id: &UserId| !removed.contains(&id.0) || back.contains(&id.0);
        let here: Vec<_> = all.iter().copied().filter(is_here).collect();
        prop_assert_eq!(organisation.enabled_members(GroupId(1)).collect::<Vec<_>>(), here.clone());
        prop_assert_eq!(organisation.users().map(|user| user.id).collect::<Vec<_>>(), here.clone());
        organisation.set_group(GroupId(1), Some(group(GroupId(1), here.clone())));
        for id in all {
            let expected: &[GroupId] = if is_here(&id) { &[GroupId(1)] } else { &[] };
            prop_assert_eq!(organisation.groups_of(id), expected);
        }
        prop_assert_eq!(dump(&Organisation::build(organisation.contents())), dump(&organisation));
    }
}

fn user(id: UserId) -> User {
    User {
        id,
        login: format!("user-{id}"),
        name: format!("User {id}"),
        email: None,
        roles: Vec::new(),
        disabled: false,
        since: None,
    }
}

fn names(id: i64) -> Names {
    Names {
        login: format!("user-{id}"),
        name: format!("User {id}"),
    }
}

#[test]
fn the_removed_keep_their_names() {
    let mut organisation = Organisation::default();
    organisation.set_user(UserId(1), Some(user(UserId(1))));
    organisation.set_user(UserId(1), None);
    organisation.set_removed_user(UserId(2), names(2));
    for id in [1, 2] {
        assert!(organisation.user(UserId(id)).is_none());
        let name = organisation.user_name(UserId(id)).map(str::to_owned);
        assert_eq!(name, Some(format!("User {id}")));
    }
    assert_eq!(organisation.user_name(UserId(3)), None);
    assert_eq!(organisation.user_login(UserId(2)), Some("user-2"));
}

#[test]
fn setting_the_same_again_keeps_what_is_shared() {
    let mut organisation = Organisation::default();
    organisation.set_user(UserId(1), Some(user(UserId(1))));
    let before = organisation.clone();
    organisation.set_user(UserId(1), Some(user(UserId(1))));
    organisation.set_resource(ResourceId(9), None);
    let shared = |value: &Organisation| value.user(UserId(1)).cloned().unwrap();
    assert!(std::sync::Arc::ptr_eq(
        &shared(&before),
        &shared(&organisation)
    ));
    assert!(before.users.ptr_eq(&organisation.users));
}

#[test]
fn a_session_runs_up_to_its_end() {
    let session = Session {
        id: SessionId(1),
        user: UserId(1),
        ends_at: noon(),
    };
    assert!(session.is_running(noon() - chrono::TimeDelta::milliseconds(1)));
    assert!(!session.is_running(noon()));
}
