//! Loads what the rules decide by: all that bears on a user and a resource.

use std::collections::HashMap;

use hourkey_domain::Time;
use hourkey_domain::grant::Grant;
use hourkey_domain::ids::{ResourceId, UserId};
use hourkey_domain::lock::Facts;
use hourkey_domain::request::{Request, State as RequestState};
use hourkey_domain::settings::EffectiveAssignment;
use hourkey_domain::transition::{self, AccessFacts, Granted, Reviewers};
use hourkey_store::access::{AccessHistory, Open, OpenFilter};
use hourkey_store::organisation::Resource;
use hourkey_store::{Read, StoreError, Write};

use super::act::Act;
use super::record;
use crate::error::AppError;

/// A resource that a user reaches, and all that decides its row.
#[derive(Clone, Debug)]
pub(crate) struct ResourceFacts {
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

impl ResourceFacts {
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

/// Loads all that a user reaches, or one resource of it, in order of id. Empty for a disabled user.
pub(crate) async fn reached(
    tx: &mut dyn Read,
    user: UserId,
    only: Option<ResourceId>,
) -> Result<Vec<ResourceFacts>, AppError> {
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
    let found = reachable.into_iter().map(|found| {
        let id = found.resource.id;
        ResourceFacts {
            assignments: found.assignments,
            grant: grants.remove(&id),
            pending: requests.remove(&id),
            history: history.get(&id).copied().unwrap_or_default(),
            resource: found.resource,
        }
    });
    Ok(found.collect())
}

/// Loads the facts of one user and one resource, and records what time alone has done: the first
/// part of every decision.
pub(super) async fn settled(
    tx: &mut dyn Write,
    user: UserId,
    resource: ResourceId,
    now: Time,
) -> Result<AccessFacts, AppError> {
    let facts = load(tx, user, resource).await?;
    let (facts, done) = transition::settle(facts, now);
    for transition in &done {
        record::apply(tx, transition, Act::system(now)).await?;
    }
    Ok(facts)
}

/// Loads who reviews a resource.
pub(super) async fn reviewers(
    tx: &mut dyn Read,
    resource: ResourceId,
) -> Result<Reviewers, AppError> {
    Ok(Reviewers {
        regular: tx.reviewers_of(resource).await?,
        fallback: tx.fallback_reviewers().await?,
    })
}

async fn load(
    tx: &mut dyn Read,
    user: UserId,
    resource: ResourceId,
) -> Result<AccessFacts, AppError> {
    let account = tx.user(user).await?;
    let user_enabled = account.is_some_and(|account| !account.disabled);
    let found = tx.resource(resource).await?;
    let assignments = match user_enabled {
        true => tx.reachable(user, Some(resource)).await?.pop(),
        false => None,
    };
    let assignments = assignments.map(|reached| reached.assignments);
    let assignments = assignments.unwrap_or_default();
    let open = tx.open(OpenFilter::between(user, resource)).await?;
    let pending = open.requests.into_iter().next();
    let grant = match open.grants.into_iter().next() {
        Some(grant) => Some(granted(tx, grant).await?),
        None => None,
    };
    let outstanding = grant.as_ref().map(|granted| granted.grant.assignment);
    let outstanding = outstanding.or(pending.as_ref().map(|it| it.terms.assignment));
    let is_own = |id| assignments.iter().any(|own| own.assignment == id);
    let former = match outstanding {
        Some(id) if !is_own(id) => tx.effective_assignment(id).await?,
        Some(_) | None => None,
    };
    let history = tx.access_history(user, Some(resource)).await?.pop();
    let history = history.map(|(_, history)| history).unwrap_or_default();
    Ok(AccessFacts {
        user,
        resource,
        user_enabled,
        resource_exists: found.is_some_and(|(_, exists)| exists),
        assignments,
        former,
        pending,
        grant,
        last_used: history.last_used(),
        revoked_at: history.revoked_at,
    })
}

async fn granted(tx: &mut dyn Read, grant: Grant) -> Result<Granted, AppError> {
    let request = tx.request(grant.request).await?;
    match request {
        Some(request) if matches!(request.state, RequestState::Approved { .. }) => {
            Ok(Granted { grant, request })
        }
        Some(_) | None => {
            let why = format!("grant {} rests on no approved request", grant.id);
            Err(StoreError::Corrupt(why).into())
        }
    }
}
