//! Who can approve what somebody asks for (rule 14).

use std::collections::BTreeSet;

use hourkey_domain::Time;
use hourkey_domain::ids::{GroupId, ResourceId, UserId};
use hourkey_domain::organisation::Organisation;
use hourkey_domain::review::Eligible;
use hourkey_domain::text::one_line;
use hourkey_protocol::access::{ApproverKind, Approvers};

/// People are named up to this many (rule 1).
const NAMED: usize = 5;

/// So much of a name is shown beside another one: neither is cut for the other's sake.
const MAX_NAME_CHARS: usize = 100;

/// Who can approve at `now` what `requester` asks for, as they are shown it.
pub(super) fn shown(
    organisation: &Organisation,
    requester: UserId,
    resource: ResourceId,
    now: Time,
) -> Approvers {
    let eligible = organisation.reviewers(resource).eligible(requester);
    let (kind, groups) = match &eligible {
        Eligible::Regulars(_) => {
            let found = organisation.resource(resource);
            let approvers = found.map(|resource| resource.approvers.as_slice());
            (ApproverKind::Regulars, approvers.unwrap_or_default())
        }
        Eligible::Fallback(_) => (ApproverKind::Fallback, organisation.fallback_groups()),
        Eligible::Nobody => (ApproverKind::Nobody, &[][..]),
    };
    let people = eligible.people();
    let has_any = |group: &GroupId| {
        let mut people = people.iter();
        people.any(|person| organisation.is_member(*person, *group))
    };
    let groups = groups.iter().filter(|group| has_any(group));
    let groups = groups.filter_map(|group| organisation.group(*group));
    let deputy = |principal: &UserId| {
        let it = organisation.deputy_of(*principal)?;
        let reach = organisation.reach(it.deputy, true, now)?;
        let decides = it.holds(now) && it.serves(requester);
        let decides = decides && reach.decider(requester, resource).is_some();
        decides.then_some(it.deputy)
    };
    let deciding: BTreeSet<_> = { people.iter().copied() }
        .chain(people.iter().filter_map(deputy))
        .collect();
    let named = match deciding.len() <= NAMED {
        true => people,
        false => &[],
    };
    let names = named.iter().filter_map(|id| {
        let name = organisation.user_name(*id)?;
        let deputy = deputy(id).and_then(|deputy| organisation.user_name(deputy));
        Some(match deputy {
            Some(deputy) => {
                let [name, deputy] = [name, deputy].map(|name| one_line(name, MAX_NAME_CHARS));
                format!("{name} (away: {deputy} decides)")
            }
            None => name.to_owned(),
        })
    });
    Approvers {
        kind,
        groups: groups.map(|group| group.name.clone()).collect(),
        people: names.collect(),
    }
}
