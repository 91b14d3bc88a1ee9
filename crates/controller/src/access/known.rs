//! What the store knows about one user and each resource that they reach: what rows and permits
//! follow from.

use std::collections::HashMap;

use hourkey_domain::grant::Grant;
use hourkey_domain::ids::{ResourceId, UserId};
use hourkey_domain::lock::Facts;
use hourkey_domain::request::Request;
use hourkey_domain::settings::EffectiveAssignment;
use hourkey_store::Read;
use hourkey_store::access::{AccessHistory, Open, OpenFilter};
use hourkey_store::organisation::Resource;

use crate::error::AppError;

/// Everything that bears on one user and one resource.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// The resource.
    pub(crate) resource: Resource,
    /// The user's assignments to it, also those past their end date.
    pub(crate) assignments: Vec<EffectiveAssignment>,
    /// The scheduled or active grant.
    pub(crate) grant: Option<Grant>,
    /// The pending request.
    pub(crate) pending: Option<Request>,
    /// What happened before.
    pub(crate) history: AccessHistory,
}

impl Known {
    /// As the rules take it.
    pub(crate) fn facts(&self) -> Facts<'_> {
        Facts {
            assignments: &self.assignments,
            grant: self.grant.as_ref(),
            pending: self.pending.as_ref(),
            last_used: self.history.last_used(),
            revoked_at: self.history.revoked_at,
        }
    }
}

/// All that a user reaches, or one resource of it, in order of id. Empty for a disabled user.
pub(crate) async fn known(
    tx: &mut dyn Read,
    user: UserId,
    only: Option<ResourceId>,
) -> Result<Vec<Known>, AppError> {
    if tx.user(user).await?.is_none_or(|user| user.disabled) {
        return Ok(Vec::new());
    }
    let reachable = tx.reachable(user, only).await?;
    let filter = OpenFilter {
        user: Some(user),
        resource: only,
        due_at: None,
    };
    let Open { requests, grants } = tx.open(filter).await?;
    let mut requests: HashMap<_, _> = requests
        .into_iter()
        .map(|request| (request.resource, request))
        .collect();
    let mut grants: HashMap<_, _> = grants
        .into_iter()
        .map(|grant| (grant.resource, grant))
        .collect();
    let history: HashMap<_, _> = tx.access_history(user, only).await?.into_iter().collect();
    let known = reachable.into_iter().map(|found| {
        let id = found.resource.id;
        Known {
            assignments: found.assignments,
            grant: grants.remove(&id),
            pending: requests.remove(&id),
            history: history.get(&id).copied().unwrap_or_default(),
            resource: found.resource,
        }
    });
    Ok(known.collect())
}
