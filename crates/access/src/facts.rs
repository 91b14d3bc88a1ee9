//! Loads what the rules decide by: all that bears on a user and a resource.

use hourkey_domain::Time;
use hourkey_domain::grant::Grant;
use hourkey_domain::ids::{ResourceId, UserId};
use hourkey_domain::request::State as RequestState;
use hourkey_domain::review::Reviewers;
use hourkey_domain::transition::{self, AccessFacts, Granted};
use hourkey_store::access::OpenFilter;
use hourkey_store::account::ShownLink;
use hourkey_store::{Read, StoreError, Write};

use super::act::Act;
use super::actor::reviews_anything;
use super::record;
use crate::error::AppError;

/// Loads the facts of one user and one resource, and records what time alone has done: the first
/// part of every decision.
pub(super) async fn settled(
    tx: &mut dyn Write,
    user: UserId,
    resource: ResourceId,
    now: Time,
) -> Result<AccessFacts, AppError> {
    let facts = load(tx, user, resource).await?;
    settle(tx, facts, now).await
}

/// Records what time alone has done to what was loaded.
pub(super) async fn settle(
    tx: &mut dyn Write,
    facts: AccessFacts,
    now: Time,
) -> Result<AccessFacts, AppError> {
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
    let bars = tx.shown_links(None).await?;
    Ok(Reviewers {
        regular: tx.reviewers_of(resource).await?,
        fallback: tx.fallback_reviewers().await?,
        bars: bars.iter().map(ShownLink::bar).collect(),
    })
}

/// Loads the facts of one user and one resource as they were recorded last.
pub(super) async fn load(
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
    let by = grant.as_ref().and_then(Granted::approved_by);
    let deputy = by.filter(|by| by.on_behalf_of.is_some());
    let deputy_left = match deputy {
        Some(deputy) => !reviews_anything(tx, deputy.user).await?,
        None => false,
    };
    Ok(AccessFacts {
        deputy_left,
        user,
        resource,
        user_enabled,
        resource_exists: found.as_ref().is_some_and(|(_, exists)| *exists),
        resource_enabled: found.is_some_and(|(found, _)| found.about.enabled),
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
