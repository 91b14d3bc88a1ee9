//! What was forgotten: roles that nobody has, groups without people, assignments past their end, words
//! with two meanings.

use std::collections::{BTreeMap, BTreeSet};

use super::{Finding, Organisation};
use crate::Time;
use crate::ids::{GroupId, ResourceId};

/// No enabled administrator, where there are users.
pub(super) fn administrators(of: &Organisation) -> Option<Finding> {
    of.users().next()?;
    (!of.has_admin()).then_some(Finding::NobodyAdministers)
}

/// Assignments past their end.
pub(super) fn ended(of: &Organisation, now: Time) -> Vec<Finding> {
    let past = of.assignments().filter_map(|own| {
        let until = own.until.filter(|until| *until <= now)?;
        of.effective_assignment(own.id)?;
        Some(Finding::Ended {
            assignment: own.id,
            group: own.group,
            resource: own.resource,
            until,
        })
    });
    past.collect()
}

/// Resources without an assignment that gives them to an enabled user.
pub(super) fn seen_by_nobody(of: &Organisation, now: Time) -> Vec<Finding> {
    let is_seen = |resource: ResourceId| {
        let mut assigned = of.assignments_of(resource);
        assigned.any(|own| {
            let lasts = own.until.is_none_or(|until| now < until);
            lasts && of.enabled_members(own.group).next().is_some()
        })
    };
    // One that is disabled gives nobody anything as it is.
    let enabled = of.resources().filter(|resource| resource.about.enabled);
    let unseen = enabled.filter(|resource| !is_seen(resource.id));
    unseen
        .map(|resource| Finding::SeenByNobody {
            resource: resource.id,
        })
        .collect()
}

/// Resources whose owner can't sign in. One who was removed counts for nobody.
pub(super) fn disabled_owners(of: &Organisation) -> Vec<Finding> {
    let owned = of.resources().filter_map(|resource| {
        let owner = of.user(resource.about.owner?)?;
        owner.disabled.then_some(Finding::DisabledOwner {
            resource: resource.id,
            user: owner.id,
        })
    });
    owned.collect()
}

/// Groups that approve, also as fallback, and have no enabled member.
pub(super) fn approvers_without_members(of: &Organisation) -> Vec<Finding> {
    let mut named: BTreeMap<GroupId, Vec<ResourceId>> = BTreeMap::new();
    for group in of.fallback_groups() {
        named.entry(*group).or_default();
    }
    for resource in of.resources() {
        for group in &resource.approvers {
            named.entry(*group).or_default().push(resource.id);
        }
    }
    let there = named.into_iter().filter(|(id, _)| of.group(*id).is_some());
    let empty = there.filter(|(id, _)| of.enabled_members(*id).next().is_none());
    empty
        .map(|(group, resources)| Finding::ApproversWithoutMembers { group, resources })
        .collect()
}

/// Names and aliases that two resources share, in any case: each resource with the first of its word.
pub(super) fn same_words(of: &Organisation) -> Vec<Finding> {
    let mut words: BTreeMap<String, BTreeSet<ResourceId>> = BTreeMap::new();
    for resource in of.resources() {
        for word in [Some(&resource.name), resource.alias.as_ref()]
            .into_iter()
            .flatten()
        {
            let ids = words.entry(word.to_lowercase()).or_default();
            ids.insert(resource.id);
        }
    }
    let mut found = Vec::new();
    for (word, ids) in words {
        let mut ids = ids.into_iter();
        let Some(one) = ids.next() else { continue };
        found.extend(ids.map(|other| Finding::SameWord {
            one,
            other,
            word: word.clone(),
        }));
    }
    found
}
