//! What a change around a request or grant does to it (rule 7's table), and to who could approve it
//! (rule 14).

use std::collections::BTreeMap;

use hourkey_domain::Time;
use hourkey_domain::change::{
    Cause, GrantContext, Outcome, Subject, approver_lost_role, consequence,
};
use hourkey_domain::grant::{Grant, State as GrantState};
use hourkey_domain::ids::{AssignmentId, GroupId, ResourceId, UserId};
use hourkey_domain::lock::lock_state;
use hourkey_domain::reason::Text;
use hourkey_domain::request::{Purpose, Request, State as RequestState};
use hourkey_domain::review::{Eligible, Regulars};
use hourkey_domain::settings::most_permissive;
use hourkey_protocol::notice::What;
use hourkey_store::access::{OpenFilter, ReviewOf};
use hourkey_store::{Read, Write};

use super::actor::Actor;
use super::eligible::{eligible, record_fallback, send_to_review};
use super::keep::Act;
use super::known::known;
use super::sweep;
use crate::error::AppError;

/// Ends what no longer stands after a change of the organisation, in the transaction that made
/// the change. `changed_destinations` are resources whose address, ports or network changed;
/// `actor` is who made the change.
///
/// # Errors
/// The store's own failure.
pub async fn reconcile(
    tx: &mut dyn Write,
    changed_destinations: &[ResourceId],
    actor: Option<UserId>,
    now: Time,
) -> Result<(), AppError> {
    // What time has ended already was not ended by this change.
    sweep::due(tx, OpenFilter::default(), now).await?;
    tx.start_counts(now).await?;
    let act = Act { by: actor, at: now };
    let open = tx.open(OpenFilter::default()).await?;
    for request in open.requests {
        let moved = changed_destinations.contains(&request.resource);
        if let Some(cause) = request_ends(tx, &request, moved, now).await? {
            cancel(tx, act, request, cause).await?;
        }
    }
    for grant in open.grants {
        let moved = changed_destinations.contains(&grant.resource);
        match grant_ends(tx, &grant, moved, now).await? {
            Some(cause) => revoke(tx, act, grant, cause).await?,
            None => review_again(tx, act, grant).await?,
        }
    }
    find_reviewers(tx, act).await
}

/// A use, reported late, may have opened what somebody asks to be unlocked: the request has nothing
/// to wait for any more.
pub(crate) async fn unlocked(
    tx: &mut dyn Write,
    user: UserId,
    resource: ResourceId,
    now: Time,
) -> Result<(), AppError> {
    let filter = OpenFilter::between(user, resource);
    let act = Act { by: None, at: now };
    for request in tx.open(filter).await?.requests {
        if let Some(cause) = request_ends(tx, &request, false, now).await? {
            cancel(tx, act, request, cause).await?;
        }
    }
    Ok(())
}

/// Why a pending request ends now, if it does.
pub(super) async fn request_ends(
    tx: &mut dyn Write,
    request: &Request,
    moved: bool,
    now: Time,
) -> Result<Option<Cause>, AppError> {
    let (assignment, group) = (request.terms.assignment, request.terms.group);
    let rest = Rest {
        user: request.user,
        resource: request.resource,
        assignment,
        group,
        moved,
    };
    let subject = match request.terms.purpose {
        Purpose::Grant => Subject::PendingRequest,
        Purpose::Unlock => Subject::PendingUnlock,
    };
    rest.ends(tx, subject, now).await
}

/// Why a scheduled or running grant ends now, if it does.
pub(super) async fn grant_ends(
    tx: &mut dyn Write,
    grant: &Grant,
    moved: bool,
    now: Time,
) -> Result<Option<Cause>, AppError> {
    let subject = match grant.state {
        GrantState::Scheduled => Subject::ScheduledGrant,
        GrantState::Active => Subject::ActiveGrant,
        GrantState::Expired { .. } | GrantState::Released { .. } | GrantState::Revoked { .. } => {
            return Ok(None);
        }
    };
    let Some(request) = tx.request(grant.request).await? else {
        return Ok(None);
    };
    let (assignment, group) = (grant.assignment, request.terms.group);
    let rest = Rest {
        user: grant.user,
        resource: grant.resource,
        assignment,
        group,
        moved,
    };
    rest.ends(tx, subject, now).await
}

/// The system cancels a pending request, and tells its requester.
pub(super) async fn cancel(
    tx: &mut dyn Write,
    act: Act,
    request: Request,
    cause: Cause,
) -> Result<(), AppError> {
    let before = request.clone();
    let Ok(pending) = request.pending(act.at) else {
        return Ok(());
    };
    let cancelled = pending.cancel(None, cause, act.at);
    act.request(tx, "request.cancelled", &before, &cancelled)
        .await?;
    let what = What::Cancelled {
        request: cancelled.id,
        cause,
    };
    act.tell(tx, cancelled.user, cancelled.resource, what).await
}

/// The system revokes a grant, and tells its user.
pub(super) async fn revoke(
    tx: &mut dyn Write,
    act: Act,
    grant: Grant,
    cause: Cause,
) -> Result<(), AppError> {
    let before = grant.clone();
    let Ok(live) = grant.live(act.at) else {
        return Ok(());
    };
    let revoked = live.revoke(None, cause, Text::default(), act.at);
    keep_revoked(tx, act, &before, &revoked, cause).await
}

/// Keeps what the system revoked.
pub(super) async fn keep_revoked(
    tx: &mut dyn Write,
    act: Act,
    before: &Grant,
    revoked: &Grant,
    cause: Cause,
) -> Result<(), AppError> {
    act.grant(tx, "grant.revoked", before, revoked).await?;
    let what = What::Revoked {
        grant: revoked.id,
        by: None,
        cause,
        comment: String::new(),
    };
    act.tell(tx, revoked.user, revoked.resource, what).await
}

/// A scheduled grant goes back to review when the reviewer who approved it no longer reviews.
async fn review_again(tx: &mut dyn Write, act: Act, grant: Grant) -> Result<(), AppError> {
    let Some(request) = tx.request(grant.request).await? else {
        return Ok(());
    };
    let RequestState::Approved { by: Some(by), .. } = request.state else {
        return Ok(());
    };
    // Who approved as a fallback reviewer did not lose that by regular ones having come.
    let approver = Actor::find(tx, by).await?;
    if approver.is_some_and(|actor| actor.reviews(grant.user, grant.resource))
        || tx.fallback_reviewers().await?.contains(&by)
    {
        return Ok(());
    }
    let (before, asked) = (grant.clone(), request.clone());
    let (grant, request) = approver_lost_role(grant, request, act.at);
    if grant == before {
        return Ok(());
    }
    keep_revoked(tx, act, &before, &grant, Cause::ApproverLostRole).await?;
    act.request(tx, "request.reopened", &asked, &request)
        .await?;
    let eligible = eligible(tx, request.user, request.resource).await?;
    send_to_review(tx, act, &request, &eligible).await
}

/// After a change of the organisation: what waits and has lost everybody who could approve it goes
/// to the fallback reviewers, or is cancelled.
async fn find_reviewers(tx: &mut dyn Write, act: Act) -> Result<(), AppError> {
    let scarce = tx.scarcely_reviewed().await?.into_iter();
    let scarce: BTreeMap<ResourceId, Regulars> = scarce
        .map(|(resource, one)| (resource, one.into()))
        .collect();
    if scarce.is_empty() {
        return Ok(());
    }
    for request in tx.open(OpenFilter::default()).await?.requests {
        let regulars = scarce.get(&request.resource);
        if !regulars.is_some_and(|regulars| regulars.lack(request.user)) {
            continue;
        }
        match eligible(tx, request.user, request.resource).await? {
            Eligible::Nobody => {
                cancel(tx, act, request, Cause::NobodyCanApprove).await?;
            }
            Eligible::Fallback(people) => {
                let untold = untold(tx, &request, &people).await?;
                if !untold.is_empty() {
                    record_fallback(tx, act, &request, &people).await?;
                    act.ask_for_review(tx, &request, &untold).await?;
                }
            }
            Eligible::Regulars(_) => {}
        }
    }
    Ok(())
}

/// Those of them who were not told of this request.
async fn untold(
    tx: &mut dyn Read,
    request: &Request,
    people: &[UserId],
) -> Result<Vec<UserId>, AppError> {
    let mut untold = Vec::new();
    for reviewer in people.iter().copied() {
        let of = ReviewOf {
            reviewer,
            requester: request.user,
            resource: request.resource,
        };
        let told = tx.review_notice(of).await?.is_some_and(|notice| {
            matches!(notice.what, What::PleaseReview { request: id, .. } if id == request.id)
        });
        if !told {
            untold.push(reviewer);
        }
    }
    Ok(untold)
}

/// What a request or grant rests on.
struct Rest {
    user: UserId,
    resource: ResourceId,
    assignment: AssignmentId,
    group: GroupId,
    /// Address, ports or network changed.
    moved: bool,
}

impl Rest {
    async fn ends(
        &self,
        tx: &mut dyn Write,
        subject: Subject,
        now: Time,
    ) -> Result<Option<Cause>, AppError> {
        let user = tx.user(self.user).await?;
        let resource = tx.resource(self.resource).await?;
        let assignment = tx.effective_assignment(self.assignment).await?;
        let known = known(tx, self.user, Some(self.resource)).await?.pop();
        let best = known
            .as_ref()
            .and_then(|known| most_permissive(&known.assignments, now));
        let lock = known
            .as_ref()
            .and_then(|known| lock_state(&known.facts(), now));
        let context = GrantContext {
            user_enabled: user.is_some_and(|user| !user.disabled),
            resource_exists: resource.is_some_and(|(_, exists)| exists),
            same_destination: !self.moved,
            is_member: tx.is_member(self.user, self.group).await?,
            assignment: assignment.as_ref(),
            best_mode: best.map(|assignment| assignment.settings.mode),
            open: lock.is_some_and(|lock| lock.is_open()),
        };
        Ok(match consequence(subject, &context, now) {
            Outcome::Stays => None,
            Outcome::Ends(cause) => Some(cause),
        })
    }
}
