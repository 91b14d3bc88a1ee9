//! Changes that somebody may not see.

use super::change::Change;
use crate::ids::{GroupId, ResourceId, UserId};
use crate::organisation::{Organisation, User};
use crate::review::Role;

/// The change, if `viewer` may not see any of it who may ask for `user` and `resource`; made smaller
/// where only a part can be seen.
pub(super) fn unseen(
    change: Change,
    of: &Organisation,
    viewer: UserId,
    user: UserId,
    resource: ResourceId,
) -> Option<Change> {
    let found = of.resource(resource)?;
    let fallback = of.fallback_groups();
    let watched = |group: GroupId| found.approvers.contains(&group) || fallback.contains(&group);
    let known = |id: UserId| id == viewer || id == user;
    let eligible = of.reviewers(resource).eligible(user);
    let is_eligible = |id: &UserId| eligible.people().contains(id);
    match change {
        Change::Name(_) | Change::Device(..) | Change::Session(..) => Some(change),
        Change::Fallback(_) | Change::Joined(..) | Change::Periods(_) => None,
        Change::User(id, after) => {
            let before = of.user(id);
            match (before, after) {
                _ if known(id) => None,
                (Some(before), Some(after)) => {
                    let shown = is_eligible(&id) && eligible.people().len() <= 5;
                    let mut user = (**before).clone();
                    user.login = after.login;
                    user.email = None;
                    if !shown {
                        user.name = after.name;
                    }
                    Some(Change::User(id, Some(user)))
                }
                (Some(_), None) if !is_eligible(&id) => Some(Change::User(id, None)),
                (None, Some(after)) => {
                    let mut groups = of.groups().filter(|group| group.members.contains(&id));
                    let watched = groups.any(|group| watched(group.id));
                    let after = User {
                        roles: vec![Role::Member],
                        ..after
                    };
                    (!watched).then_some(Change::User(id, Some(after)))
                }
                (Some(_) | None, None) => None,
            }
        }
        Change::Group(id, after) => {
            let before = of.group(id);
            let members = before.map_or(&[][..], |group| &group.members);
            let mut after = match (watched(id), after) {
                (true, _) => return None,
                (false, None) if members.iter().any(|member| known(*member)) => return None,
                (false, None) => return Some(Change::Group(id, None)),
                (false, Some(after)) => after,
            };
            after.members.retain(|member| !known(*member));
            after
                .members
                .extend(members.iter().filter(|member| known(**member)));
            if let Some(before) = before.filter(|_| members.contains(&user)) {
                after.name.clone_from(&before.name);
            }
            Some(Change::Group(id, Some(after)))
        }
        Change::Network(id, _) => (id != found.network).then_some(change),
        Change::Resource(id, ref after) => {
            let own = |group: &GroupId| of.is_member(viewer, *group);
            let mut assigned = of.assignments().filter(|own| own.resource == id);
            let before = of.resource(id);
            let approvers = before
                .into_iter()
                .map(|it| &**it)
                .chain(after)
                .flat_map(|it| &it.approvers);
            let seen = id == resource
                || assigned.any(|assignment| own(&assignment.group))
                || approvers.into_iter().any(own)
                || of.user(viewer).is_some_and(|viewer| viewer.reviews_all());
            (!seen).then_some(change)
        }
        Change::Assignment(id, ref after) => {
            let before = of.assignment(id).map(|own| &**own);
            let mut both = before.into_iter().chain(after);
            let seen = both.any(|own| {
                let members = [viewer, user].map(|user| of.is_member(user, own.group));
                members.contains(&true)
            });
            (!seen).then_some(change)
        }
        Change::Access(other, what, _) => ((other, what) != (user, resource)).then_some(change),
        Change::Gateway(id, network) => {
            let here = Some(found.network);
            (network != here && of.gateway(id) != here).then_some(change)
        }
    }
}
