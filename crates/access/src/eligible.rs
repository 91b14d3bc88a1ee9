//! Who can approve what somebody asks for (rule 14).

use hourkey_domain::ids::{GroupId, ResourceId, UserId};
use hourkey_domain::review::Eligible;
use hourkey_protocol::access::{ApproverKind, Approvers};
use hourkey_store::Read;

use super::facts::reviewers;
use crate::error::AppError;

/// People are named up to this many (rule 1).
const NAMED: usize = 5;

/// Who can approve what `requester` asks for, as they are shown it.
pub(super) async fn shown(
    tx: &mut dyn Read,
    requester: UserId,
    resource: ResourceId,
) -> Result<Approvers, AppError> {
    let eligible = reviewers(tx, resource).await?.eligible(requester);
    let (kind, groups) = match &eligible {
        Eligible::Regulars(_) => {
            let found = tx.resource(resource).await?;
            let approvers = found.map(|(resource, _)| resource.approvers);
            (ApproverKind::Regulars, approvers.unwrap_or_default())
        }
        Eligible::Fallback(_) => (ApproverKind::Fallback, tx.fallback_groups().await?),
        Eligible::Nobody => (ApproverKind::Nobody, Vec::new()),
    };
    let (mut names, mut people) = (Vec::new(), Vec::new());
    for group in groups {
        if has_any(tx, group, eligible.people()).await? {
            names.extend(tx.group_name(group).await?);
        }
    }
    if eligible.people().len() <= NAMED {
        for person in eligible.people() {
            people.extend(tx.user_name(*person).await?.map(|(_, name)| name));
        }
    }
    Ok(Approvers {
        kind,
        groups: names,
        people,
    })
}

async fn has_any(tx: &mut dyn Read, group: GroupId, people: &[UserId]) -> Result<bool, AppError> {
    for person in people {
        if tx.is_member(*person, group).await? {
            return Ok(true);
        }
    }
    Ok(false)
}
