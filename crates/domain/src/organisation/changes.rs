//! The entities in which two values differ, found by iteration: what both share is passed over by its
//! address, and a map that both share at once.

use std::sync::Arc;

use imbl::OrdMap;

use super::models::User;
use super::value::Organisation;
use crate::ids::UserId;

impl Organisation {
    /// True when both have the same users, groups, networks, resources, assignments, fallback
    /// reviewers and name: all that a file of the organisation says.
    #[must_use]
    pub fn has_same_entities(&self, other: &Self) -> bool {
        self.name == other.name
            && self.periods == other.periods
            && self.fallback_reviewers == other.fallback_reviewers
            && changed(&self.users, &other.users).is_empty()
            && changed(&self.groups, &other.groups).is_empty()
            && changed(&self.networks, &other.networks).is_empty()
            && changed(&self.resources, &other.resources).is_empty()
            && changed(&self.assignments, &other.assignments).is_empty()
    }

    /// The enabled administrators who are no such any more in `after`, in order of id.
    #[must_use]
    pub fn administrators_gone(&self, after: &Self) -> Vec<UserId> {
        let administers = |user: Option<&User>| user.is_some_and(User::administers);
        let users = changed(&self.users, &after.users).into_iter();
        users
            .filter(|user| administers(user.before) && !administers(user.after))
            .map(|user| user.id)
            .collect()
    }
}

/// One entity that differs; `None` where it is not there.
#[derive(Debug)]
pub(super) struct Changed<'a, K, T> {
    pub(super) id: K,
    pub(super) before: Option<&'a T>,
    pub(super) after: Option<&'a T>,
}

/// The entities that differ between two maps, in order of id.
pub(super) fn changed<'a, K: Ord + Copy, T: PartialEq>(
    before: &'a OrdMap<K, Arc<T>>,
    after: &'a OrdMap<K, Arc<T>>,
) -> Vec<Changed<'a, K, T>> {
    let mut found = Vec::new();
    if before.ptr_eq(after) {
        return found;
    }
    let (mut old, mut new) = (before.iter().peekable(), after.iter().peekable());
    loop {
        let (id, before, after) = match (old.peek(), new.peek()) {
            (None, None) => return found,
            (Some((id, _)), None) => (**id, old.next(), None),
            (None, Some((id, _))) => (**id, None, new.next()),
            (Some((id, _)), Some((other, _))) => match id.cmp(other) {
                std::cmp::Ordering::Less => (**id, old.next(), None),
                std::cmp::Ordering::Equal => (**id, old.next(), new.next()),
                std::cmp::Ordering::Greater => (**other, None, new.next()),
            },
        };
        let (before, after) = (before.map(|(_, one)| one), after.map(|(_, one)| one));
        if let (Some(before), Some(after)) = (before, after)
            && (Arc::ptr_eq(before, after) || before == after)
        {
            continue;
        }
        found.push(Changed {
            id,
            before: before.map(|one| &**one),
            after: after.map(|one| &**one),
        });
    }
}

/// The ids that are in one of two lists only; both in order.
pub(super) fn in_one_only<T: Ord + Copy>(one: &[T], other: &[T]) -> Vec<T> {
    let missing = |all: &[T], others: &[T]| {
        let missing = all.iter().filter(|id| others.binary_search(id).is_err());
        missing.copied().collect::<Vec<_>>()
    };
    [missing(one, other), missing(other, one)].concat()
}
