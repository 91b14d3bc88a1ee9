//! Who may make which change: administrators all, operators those of what is theirs to set up.

use hourkey_domain::ids::{GroupId, ResourceId, UserId};
use hourkey_domain::organisation::Organisation;
use hourkey_protocol::problem::Code;

use super::change::Edit;
use crate::actor::Actor;
use crate::error::AppError;

/// Somebody who may make a change.
#[derive(Clone, Copy, Debug)]
pub(super) struct Maker {
    pub(super) id: UserId,
    /// Whether they are told names of people, or numbers alone.
    pub(super) sees_people: bool,
}

/// Whether they may make this change of `organisation`.
///
/// # Errors
/// [`Code::Forbidden`], or as for an unknown id for those who do not see how things are set up.
pub(super) fn authorized(
    organisation: &Organisation,
    actor: &Actor,
    edit: &Edit,
) -> Result<Maker, AppError> {
    let id = match is_of_resources(edit) {
        true => actor.authorize_resources(
            "Only administrators and operators change how resources are set up.",
        )?,
        false => actor.authorize_setup("Only administrators change how things are set up.")?,
    };
    if !actor.administers() {
        check_approvers(organisation, id, edit)?;
        check_owner(organisation, edit)?;
    }
    Ok(Maker {
        id,
        sees_people: actor.sees_all(),
    })
}

/// Resources, networks, assignments and their settings: what operators set up.
fn is_of_resources(edit: &Edit) -> bool {
    match edit {
        Edit::Resource(_)
        | Edit::RemoveResource(_)
        | Edit::Assignment(_)
        | Edit::RemoveAssignment(_)
        | Edit::Network { .. }
        | Edit::RemoveNetwork(_) => true,
        Edit::Group { .. }
        | Edit::RemoveGroup(_)
        | Edit::Members { .. }
        | Edit::AddPeople { .. }
        | Edit::Person(_)
        | Edit::RemovePerson(_)
        | Edit::Organisation { .. } => false,
    }
}

/// Whether somebody who is no administrator may name these groups as approvers of a resource, or take
/// them away: not where any group of theirs is assigned to it, whether that opens anything now or not,
/// and no group of their own, which would make them a reviewer.
#[must_use]
pub fn may_name_approvers(
    organisation: &Organisation,
    maker: UserId,
    resource: ResourceId,
    groups: &[GroupId],
) -> bool {
    let is_own = |group: &GroupId| organisation.is_member(maker, *group);
    // Also what is held back from them: that comes.
    let mut assigned = organisation.assignments_of(resource);
    !assigned.any(|own| is_own(&own.group)) && !groups.iter().any(is_own)
}

fn check_approvers(
    organisation: &Organisation,
    maker: UserId,
    edit: &Edit,
) -> Result<(), AppError> {
    let Edit::Resource(after) = edit else {
        return Ok(());
    };
    let before = organisation.resource(after.id);
    let before = before.map_or(&[][..], |before| &before.approvers);
    let in_one = |one: &[GroupId], other: &[GroupId]| -> Vec<GroupId> {
        let missing = one.iter().filter(|group| !other.contains(group));
        missing.copied().collect()
    };
    let changed = [
        in_one(before, &after.approvers),
        in_one(&after.approvers, before),
    ]
    .concat();
    match changed.is_empty() || may_name_approvers(organisation, maker, after.id, &changed) {
        true => Ok(()),
        false => Err(AppError::refused(
            Code::Forbidden,
            "You can’t change who approves requests for what you can reach yourself, and you can’t make \
             yourself a reviewer. An administrator has to. Nothing was saved.",
        )),
    }
}

/// Operators see nobody, and name nobody.
fn check_owner(organisation: &Organisation, edit: &Edit) -> Result<(), AppError> {
    let Edit::Resource(after) = edit else {
        return Ok(());
    };
    let before = organisation.resource(after.id);
    match before.and_then(|before| before.about.owner) == after.about.owner {
        true => Ok(()),
        false => Err(AppError::refused(
            Code::Forbidden,
            "Only administrators name the owner of a resource. Nothing was saved.",
        )),
    }
}
