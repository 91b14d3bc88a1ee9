//! The single checks.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use chrono::TimeDelta;

use super::{Finding, Organisation};
use crate::address::Address;
use crate::ids::{NetworkId, ResourceId, UserId};
use crate::organisation::models::{Assignment, Resource, User};
use crate::organisation::unreviewed::needs_approval;
use crate::review::{Regulars, Role};
use crate::settings::{EffectiveAssignment, Mode, Period, most_permissive};
use crate::{Time, later};

/// Assignments that end within this are named.
const SOON: TimeDelta = TimeDelta::days(14);
/// Access that was not used for this long is named.
const LONG: TimeDelta = TimeDelta::days(90);

/// Who could approve, and who could not.
pub(super) fn reviewers(of: &Organisation, now: Time) -> Vec<Finding> {
    let mut found = Vec::new();
    let fallback = of.fallback_reviewers();
    let by_role = of.reviewing_all();
    let is_admin = |id: &UserId| of.user(*id).is_some_and(|user| administers(user));
    let only_admins_by_role = by_role.iter().all(is_admin);
    if by_role.len() > 1 && !only_admins_by_role {
        return found;
    }
    for resource in of.resources().filter(|it| it.about.enabled) {
        let id = resource.id;
        if let Some(whose) = of.unreviewed(resource, &fallback, now) {
            let finding = Finding::NobodyCanApprove {
                resource: id,
                whose,
            };
            found.push(finding);
        } else if let Some(finding) = approver_of_own(of, resource, now) {
            found.push(finding);
        }
        let groups = resource.approvers.iter();
        let mut approvers = groups.flat_map(|group| of.enabled_members(*group));
        let reviewed = of.regulars(id) != Regulars::Nobody;
        if reviewed
            && only_admins_by_role
            && approvers.all(|user| is_admin(&user))
            && valid(of, resource, now).any(|own| needs_approval(&own))
        {
            found.push(Finding::OnlyAdministrators { resource: id });
        }
    }
    found
}

/// The only reviewer of a resource, as the only member of one of its approver groups, needs approvals
/// there.
fn approver_of_own(of: &Organisation, resource: &Resource, now: Time) -> Option<Finding> {
    let Regulars::One(user) = of.regulars(resource.id) else {
        return None;
    };
    let mut groups = resource.approvers.iter();
    let group = groups.find(|group| of.enabled_members(**group).eq([user]))?;
    let own = of.facts(user, resource.id)?;
    let best = most_permissive(&own.assignments, now)?;
    needs_approval(best).then_some(Finding::ApproverOfOwn {
        resource: resource.id,
        group: *group,
        user,
    })
}

fn administers(user: &User) -> bool {
    user.roles.contains(&Role::Admin)
}

fn valid(
    of: &Organisation,
    resource: &Resource,
    now: Time,
) -> impl Iterator<Item = EffectiveAssignment> {
    let (settings, longest) = (resource.settings, of.periods().longest());
    let assigned = of.assignments_of(resource.id);
    assigned
        .map(move |own| own.effective(settings, longest))
        .filter(move |own| own.is_valid(now))
}

/// Assignments whose approvals nobody has to ask for.
pub(super) fn approvals_without_meaning(of: &Organisation, now: Time) -> Vec<Finding> {
    let mut found = Vec::new();
    for resource in of.resources().filter(|it| it.about.enabled) {
        let all = valid(of, resource, now);
        let (standing, others): (Vec<_>, Vec<_>) =
            all.partition(|own| own.settings.mode == Mode::Standing);
        for own in others.iter().filter(|own| needs_approval(own)) {
            let mut members = of.enabled_members(own.group).peekable();
            let Some(first) = members.peek().copied() else {
                continue;
            };
            let stands = |user: UserId| {
                let mut standing = standing.iter();
                standing.find(|other| of.is_member(user, other.group))
            };
            let by = stands(first);
            if let Some(by) = by
                && members.all(|user| stands(user).is_some())
            {
                found.push(Finding::ApprovalWithoutMeaning {
                    resource: resource.id,
                    assignment: own.assignment,
                    standing: by.assignment,
                });
            }
        }
    }
    found
}

/// Resources that share an address and a port with an earlier one.
pub(super) fn same_destinations(of: &Organisation) -> Vec<Finding> {
    let mut places: HashMap<(NetworkId, &Address), Vec<&Arc<Resource>>> = HashMap::new();
    for resource in of.resources() {
        let place = (resource.network, &resource.address);
        places.entry(place).or_default().push(resource);
    }
    let shared = places.into_iter().filter(|(_, here)| here.len() > 1);
    let pairs: BTreeSet<_> = shared
        .flat_map(|((network, _), here)| {
            let pairs = overlapping(&here).into_iter();
            pairs.map(move |(governing, resource)| (network, governing, resource))
        })
        .collect();
    let findings =
        pairs
            .into_iter()
            .map(|(network, governing, resource)| Finding::SameDestination {
                network,
                governing,
                resource,
            });
    findings.collect()
}

/// Pairs with a port in common, so that each resource that has one with any other is in one of them.
fn overlapping(here: &[&Arc<Resource>]) -> BTreeSet<(ResourceId, ResourceId)> {
    let mut ranges: Vec<(u16, u16, ResourceId)> = Vec::new();
    for resource in here {
        match resource.ports.ranges() {
            [] => ranges.push((0, u16::MAX, resource.id)),
            own => ranges.extend(own.iter().map(|(from, to)| (*from, *to, resource.id))),
        }
    }
    ranges.sort_unstable();
    let mut pairs = BTreeSet::new();
    // The range that reaches farthest so far.
    let mut farthest: Option<(u16, ResourceId)> = None;
    for (from, to, id) in ranges {
        if let Some((end, other)) = farthest
            && from <= end
            && id != other
        {
            pairs.insert((id.min(other), id.max(other)));
        }
        if farthest.is_none_or(|(end, _)| to > end) {
            farthest = Some((to, id));
        }
    }
    pairs
}

pub(super) fn networks_without_gateway(of: &Organisation) -> Vec<Finding> {
    let served: BTreeSet<_> = of.gateways().map(|(_, network)| network).collect();
    let networks = of.networks().map(|network| network.id);
    let unserved = networks.filter(|id| !served.contains(id));
    let used = unserved.filter(|id| of.resources_of(*id).next().is_some());
    used.map(|network| Finding::NoGateway { network }).collect()
}

/// Periods longer than the organisation's longest, where something is asked for: the resource's own, then its
/// assignments'.
pub(super) fn periods_too_long(of: &Organisation) -> Vec<Finding> {
    let longest = of.periods().longest();
    let mut found = Vec::new();
    for resource in of.resources() {
        let (id, settings) = (resource.id, resource.settings);
        let mut too_long = |assignment, period: Period| {
            let finding = period
                .beyond(longest)
                .map(|(period, longest)| Finding::PeriodTooLong {
                    resource: id,
                    assignment,
                    period,
                    longest,
                });
            found.extend(finding);
        };
        let is_asked = |own: &&Arc<Assignment>| settings.with(own.own).mode == Mode::AccessRequest;
        let mut inherit = of.assignments_of(id).filter(|own| own.own.period.is_none());
        if settings.mode == Mode::AccessRequest || inherit.any(|own| is_asked(&own)) {
            too_long(None, settings.period);
        }
        for own in of.assignments_of(id).filter(is_asked) {
            if let Some(period) = own.own.period {
                too_long(Some(own.id), period);
            }
        }
    }
    found
}

pub(super) fn ending_soon(of: &Organisation, now: Time) -> Vec<Finding> {
    let last = later(now, SOON);
    let ends = |assignment: &Assignment| {
        let until = assignment
            .until
            .filter(|until| now < *until && *until <= last)?;
        of.effective_assignment(assignment.id)?;
        Some(Finding::EndsSoon {
            assignment: assignment.id,
            group: assignment.group,
            resource: assignment.resource,
            until,
        })
    };
    of.assignments().filter_map(|own| ends(own)).collect()
}

/// Access that is there, was used or counted once, and was not used for long.
pub(super) fn unused(of: &Organisation, now: Time) -> Vec<Finding> {
    let mut found: BTreeMap<ResourceId, Vec<UserId>> = BTreeMap::new();
    for ((user, resource), access) in &of.accesses {
        let history = access.history;
        let last = history.last_used().max(history.asked_at);
        let is_long_ago = last.is_some_and(|last| later(last, LONG) <= now);
        if !is_long_ago || access.is_open() {
            continue;
        }
        let own = of.facts(*user, *resource);
        let own = own.filter(|own| own.resource.about.enabled);
        let reaches = own.is_some_and(|own| most_permissive(&own.assignments, now).is_some());
        if reaches {
            found.entry(*resource).or_default().push(*user);
        }
    }
    let findings = found.into_iter();
    findings
        .map(|(resource, users)| Finding::Unused { resource, users })
        .collect()
}
