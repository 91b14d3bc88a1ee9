//! What the store knows about one user and each resource that they reach: what rows and permits
//! follow from.

use std::collections::HashMap;

use hourkey_domain::grant::Grant;
use hourkey_domain::ids::{ResourceId, UserId};
use hourkey_domain::lock::Facts;
use hourkey_domain::request::Request;
use hourkey_domain::settings::Way;
use hourkey_store::Read;
use hourkey_store::access::{Lately, Open, OpenFilter};
use hourkey_store::organisation::Resource;

use crate::failure::Failure;

/// Everything that bears on one user and one resource.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// The resource.
    pub(crate) resource: Resource,
    /// The user's ways to it, also those past their end date.
    pub(crate) ways: Vec<Way>,
    /// The scheduled or active grant.
    pub(crate) grant: Option<Grant>,
    /// The pending request.
    pub(crate) pending: Option<Request>,
    /// What happened lately.
    pub(crate) lately: Lately,
}

impl Known {
    /// As the rules take it.
    pub(crate) fn facts(&self) -> Facts<'_> {
        Facts {
            ways: &self.ways,
            grant: self.grant.as_ref(),
            pending: self.pending.as_ref(),
            last_used: self.lately.last_used(),
            revoked_at: self.lately.revoked_at,
        }
    }
}

/// All that a user reaches, or one resource of it, in order of id. Empty for a disabled user.
pub(crate) async fn known(
    tx: &mut dyn Read,
    user: UserId,
    only: Option<ResourceId>,
) -> Result<Vec<Known>, Failure> {
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
    let lately: HashMap<_, _> = tx.lately(user, only).await?.into_iter().collect();
    let known = reachable.into_iter().map(|found| {
        let id = found.resource.id;
        Known {
            ways: found.ways,
            grant: grants.remove(&id),
            pending: requests.remove(&id),
            lately: lately.get(&id).copied().unwrap_or_default(),
            resource: found.resource,
        }
    });
    Ok(known.collect())
}
