//! Advances the value by what the change log names.

use std::collections::BTreeSet;

use hourkey_domain::ids::{GatewayId, GroupId, ResourceId, UserId};
use hourkey_domain::organisation::{Names, Organisation};
use hourkey_store::Read;
use hourkey_store::access::OpenFilter;
use hourkey_store::log::{Change, Entity, Subject};

use super::load::{accesses, known, running, serving};
use crate::error::AppError;

/// After more changes, loading everything is the shorter way.
const MAX_CHANGES: u32 = 1_000;

/// The value at the head of the log, and what led to it; `None` where the log does not say what changed.
///
/// Whatever the log names is read again as it is now, so entries may come twice and in any order.
pub(super) async fn advance(
    tx: &mut dyn Read,
    before: &Organisation,
) -> Result<Option<(Organisation, Vec<Change>)>, AppError> {
    let head = tx.seq().await?;
    if head == before.seq() {
        return Ok(Some((before.clone(), Vec::new())));
    }
    let Some(changes) = tx.changes_since(before.seq(), MAX_CHANGES).await? else {
        return Ok(None);
    };
    if !is_whole(&changes, before.seq(), head) {
        return Ok(None);
    }
    let Some(named) = Named::by(&changes) else {
        return Ok(None);
    };
    let mut after = before.clone();
    for entity in named.entities {
        take_entity(tx, &mut after, entity).await?;
    }
    for user in named.accounts {
        take_account(tx, &mut after, user).await?;
    }
    for gateway in named.gateways {
        let found = tx.gateway(gateway).await?;
        after.set_gateway(gateway, found.and_then(|found| serving(&found)));
    }
    for (user, resource) in named.pairs {
        take_access(tx, &mut after, user, resource).await?;
    }
    after.set_seq(head);
    Ok(Some((after, changes)))
}

/// True when these are all changes after `seq` up to `head`, each once and in order.
fn is_whole(changes: &[Change], seq: i64, head: i64) -> bool {
    let mut expected = seq;
    let in_order = changes.iter().all(|change| {
        expected += 1;
        change.seq == expected
    });
    in_order && expected == head
}

/// All that changes name.
#[derive(Default)]
struct Named {
    entities: BTreeSet<Entity>,
    accounts: BTreeSet<UserId>,
    gateways: BTreeSet<GatewayId>,
    pairs: BTreeSet<(UserId, ResourceId)>,
}

impl Named {
    /// `None` where they do not name what changed.
    fn by(changes: &[Change]) -> Option<Self> {
        let mut named = Self::default();
        for change in changes {
            match change.subject {
                Subject::Access { user, resource, .. } | Subject::Use { user, resource, .. } => {
                    named.pairs.insert((user, resource));
                }
                Subject::Organisation {
                    entity: Entity::Any,
                }
                | Subject::Unknown => return None,
                Subject::Organisation { entity } => {
                    named.entities.insert(entity);
                }
                Subject::Account { user } => {
                    named.accounts.insert(user);
                }
                Subject::Gateway { gateway } => {
                    named.gateways.insert(gateway);
                }
                Subject::GatewayAsked { .. } | Subject::Mail | Subject::Download => {}
            }
        }
        Some(named)
    }
}

/// Reads what was named as it is now, with what goes along with it when it is gone.
async fn take_entity(
    tx: &mut dyn Read,
    value: &mut Organisation,
    entity: Entity,
) -> Result<(), AppError> {
    match entity {
        Entity::Any => {}
        Entity::Name => value.set_name(&tx.organisation_name().await?),
        Entity::Periods => value.set_periods(tx.periods().await?),
        Entity::FallbackReviewers => value.set_fallback_reviewers(tx.fallback_groups().await?),
        Entity::User(id) => match tx.user(id).await? {
            Some(user) => {
                value.set_user(id, Some(user));
                value.set_held_back(id, tx.held_back(Some(id)).await?);
                let shown = tx.shown_links(Some(id)).await?;
                let requesters = shown.iter().map(|shown| shown.shown_to);
                value.set_bars(id, &requesters.collect::<Vec<_>>());
            }
            None => {
                value.set_bars(id, &[]);
                value.set_held_back(id, Vec::new());
                let groups = value.groups_of(id).to_vec();
                if let Some((login, name)) = tx.user_name(id).await? {
                    value.set_removed_user(id, Names { login, name });
                }
                for group in groups {
                    take_group(tx, value, group).await?;
                }
                take_account(tx, value, id).await?;
            }
        },
        Entity::Group(id) => {
            if !take_group(tx, value, id).await? {
                forget_group(tx, value, id).await?;
            }
        }
        Entity::Deputy(id) => value.set_deputy(id, tx.deputy_of(id).await?),
        Entity::Network(id) => value.set_network(id, tx.network(id).await?),
        Entity::Resource(id) => match tx.resource(id).await? {
            Some((resource, true)) => {
                value.set_resource(id, Some(resource));
                // Whether they auto-lock may go by the resource.
                for assignment in tx.assignments_of(id).await? {
                    value.set_assignment(assignment.id, Some(assignment));
                }
            }
            Some((_, false)) => {
                value.set_removed_resource(id);
                let assignments = value.assignments().filter(|own| own.resource == id);
                let assignments: Vec<_> = assignments.map(|own| own.id).collect();
                for assignment in assignments {
                    value.set_assignment(assignment, None);
                }
            }
            None => value.set_resource(id, None),
        },
        Entity::Assignment(id) => value.set_assignment(id, tx.assignment(id).await?),
    }
    Ok(())
}

/// Reads a group with its members; false when it is gone.
async fn take_group(
    tx: &mut dyn Read,
    value: &mut Organisation,
    id: GroupId,
) -> Result<bool, AppError> {
    let group = tx.group(id).await?;
    let is_here = group.is_some();
    value.set_group(id, group);
    value.set_joined(id, tx.joined(id).await?);
    Ok(is_here)
}

/// A removed group takes its assignments and its part among approvers and fallback reviewers along.
async fn forget_group(
    tx: &mut dyn Read,
    value: &mut Organisation,
    id: GroupId,
) -> Result<(), AppError> {
    let assignments = value.assignments().filter(|own| own.group == id);
    let assignments: Vec<_> = assignments.map(|own| own.id).collect();
    for assignment in assignments {
        value.set_assignment(assignment, None);
    }
    let approved = value.resources().filter(|it| it.approvers.contains(&id));
    let approved: Vec<_> = approved.map(|resource| resource.id).collect();
    for resource in approved {
        let found = tx.resource(resource).await?;
        let living = found.filter(|(_, exists)| *exists);
        value.set_resource(resource, living.map(|(resource, _)| resource));
    }
    value.set_fallback_reviewers(tx.fallback_groups().await?);
    Ok(())
}

/// Reads a user's sessions and devices.
async fn take_account(
    tx: &mut dyn Read,
    value: &mut Organisation,
    user: UserId,
) -> Result<(), AppError> {
    let sessions = tx.sessions_of(user).await?;
    let devices = tx.devices(Some(user)).await?;
    let ended = value.sessions_of(user).map(|session| session.id);
    let ended: Vec<_> = ended
        .filter(|id| sessions.iter().all(|session| session.id != *id))
        .collect();
    let gone = value.devices_of(user).map(|device| device.id);
    let gone: Vec<_> = gone
        .filter(|id| devices.iter().all(|device| device.id != *id))
        .collect();
    for id in ended {
        value.set_session(id, None);
    }
    for id in gone {
        value.set_device(id, None);
    }
    for session in sessions {
        value.set_session(session.id, Some(running(&session)));
    }
    for device in devices {
        value.set_device(device.id, Some(known(device)));
    }
    Ok(())
}

async fn take_access(
    tx: &mut dyn Read,
    value: &mut Organisation,
    user: UserId,
    resource: ResourceId,
) -> Result<(), AppError> {
    let history = tx.access_history(user, Some(resource)).await?.into_iter();
    let history = history.map(|(resource, history)| ((user, resource), history));
    let open = tx.open(OpenFilter::between(user, resource)).await?;
    let access = accesses(tx, history.collect(), open).await?.pop();
    value.set_access(user, resource, access.map(|(_, access)| access));
    Ok(())
}

#[cfg(test)]
mod tests {
    use hourkey_domain::Time;

    use super::*;

    fn change(seq: i64, subject: Subject) -> Change {
        let at = Time::UNIX_EPOCH;
        Change { seq, at, subject }
    }

    #[test]
    fn a_log_with_a_gap_or_a_duplicate_is_not_whole() {
        let user = UserId(1);
        let log = |seqs: &[i64]| -> Vec<Change> {
            let changes = seqs.iter();
            changes
                .map(|seq| change(*seq, Subject::Account { user }))
                .collect()
        };
        assert!(is_whole(&log(&[]), 7, 7));
        assert!(is_whole(&log(&[8, 9]), 7, 9));
        for wrong in [&[8, 10][..], &[8, 8, 9], &[9, 8], &[9], &[8], &[]] {
            assert!(!is_whole(&log(wrong), 7, 9), "{wrong:?}");
        }
    }

    #[test]
    fn a_change_that_names_nothing_may_be_any() {
        let any = Subject::Organisation {
            entity: Entity::Any,
        };
        for subject in [any, Subject::Unknown] {
            assert!(Named::by(&[change(1, subject)]).is_none());
        }
    }
}
