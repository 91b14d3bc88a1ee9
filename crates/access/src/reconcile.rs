//! What a change around requests and grants does to them (rules 7 and 14).

use std::collections::{BTreeMap, BTreeSet};

use hourkey_domain::Time;
use hourkey_domain::ids::{ResourceId, UserId};
use hourkey_domain::organisation::{Organisation, affected_pairs, moved};
use hourkey_domain::review::{Eligible, Reviewers};
use hourkey_domain::transition::{self, AccessFacts};
use hourkey_store::Write;
use hourkey_store::access::OpenFilter;
use hourkey_store::mail::AboutAccount;

use super::act::Act;
use super::{deputies, facts, notices, record};
use crate::directory;
use crate::error::AppError;
use crate::mail::queue;

/// Ends what no longer stands after a change of the organisation, in the transaction that made and
/// recorded the change: between those users and resources that it can reach. `before` is the
/// organisation as it stood when the transaction began ([`directory::advanced`]); `actor` is who made
/// the change. Returns the organisation as the change made it, with everything between people and
/// resources as it was before.
///
/// # Errors
/// The store's own failure; so for all of this module.
pub async fn reconcile(
    tx: &mut dyn Write,
    before: &Organisation,
    actor: Option<UserId>,
    now: Time,
) -> Result<Organisation, AppError> {
    tx.start_counts(now).await?;
    let after = directory::advanced(tx, before).await?;
    let act = Act { actor, at: now };
    administrators_went(tx, before, &after, act).await?;
    let mut reviewers = BTreeMap::new();
    for (user, resource) in affected_pairs(before, &after) {
        let reviewers = { reviewers.entry(resource) }.or_insert_with(|| after.reviewers(resource));
        let moved = moved(before, &after, resource);
        let facts = after.access_facts(user, resource);
        pair(tx, facts, moved, reviewers, act).await?;
    }
    deputies::end_void(tx, before, &after, act).await?;
    Ok(after)
}

/// Notes that administrators went, and tells those who are left, and those who went and have an account
/// (rule 6: whoever becomes the only one by their own doing is not free at once).
async fn administrators_went(
    tx: &mut dyn Write,
    before: &Organisation,
    after: &Organisation,
    act: Act,
) -> Result<(), AppError> {
    let gone = before.administrators_gone(after);
    if gone.is_empty() {
        return Ok(());
    }
    tx.set_admin_went_at(act.at).await?;
    let named = |user: UserId| after.user_name(user).unwrap_or_default().to_owned();
    for user in gone {
        let what = AboutAccount::AdminWent {
            of: named(user),
            by: act.actor.map(named),
        };
        queue::account_and_admins(tx, user, act.actor, what, act.at).await?;
    }
    Ok(())
}

/// A use, reported late, may have opened what somebody asks to be unlocked: the request has nothing
/// to wait for any more.
pub async fn unlocked(
    tx: &mut dyn Write,
    user: UserId,
    resource: ResourceId,
    now: Time,
) -> Result<(), AppError> {
    let filter = OpenFilter::between(user, resource);
    let act = Act::system(now);
    for (user, resource) in open(tx, filter).await? {
        let facts = facts::load(tx, user, resource).await?;
        let reviewers = facts::reviewers(tx, resource).await?;
        pair(tx, facts, false, &reviewers, act).await?;
    }
    Ok(())
}

/// The users and resources between which something is open.
pub(super) async fn open(
    tx: &mut dyn Write,
    filter: OpenFilter,
) -> Result<BTreeSet<(UserId, ResourceId)>, AppError> {
    let open = tx.open(filter).await?;
    let requests = open.requests.iter().map(|it| (it.user, it.resource));
    let grants = open.grants.iter().map(|it| (it.user, it.resource));
    Ok(requests.chain(grants).collect())
}

/// What time has ended already was not ended by the change: that comes first.
async fn pair(
    tx: &mut dyn Write,
    facts: AccessFacts,
    moved: bool,
    reviewers: &Reviewers,
    act: Act,
) -> Result<(), AppError> {
    let facts = facts::settle(tx, facts, act.at).await?;
    let told = match (&facts.pending, reviewers.eligible(facts.user)) {
        (Some(request), Eligible::Fallback(people)) => notices::told(tx, request, &people).await?,
        (Some(_) | None, _) => Vec::new(),
    };
    for transition in transition::reconcile(&facts, moved, reviewers, &told, act.at) {
        record::apply(tx, &transition, act).await?;
    }
    Ok(())
}
