//! Who can approve what somebody asks for (rule 14).

use hourkey_domain::ids::{GroupId, ResourceId, UserId};
use hourkey_domain::request::Request;
use hourkey_domain::review::Eligible;
use hourkey_protocol::access::{ApproverKind, Approvers};
use hourkey_protocol::problem::Code;
use hourkey_store::{Read, Write};
use serde_json::json;

use super::keep::Act;
use crate::error::AppError;

/// People are named up to this many (rule 1).
const NAMED: usize = 5;

/// Who can approve what `requester` asks for.
pub(super) async fn eligible(
    tx: &mut dyn Read,
    requester: UserId,
    resource: ResourceId,
) -> Result<Eligible, AppError> {
    let reviewers = tx.reviewers_of(resource).await?;
    let fallback = tx.fallback_reviewers().await?;
    Ok(Eligible::to_decide(requester, &reviewers, &fallback))
}

/// [`eligible`], as the requester is shown it.
pub(super) async fn shown(
    tx: &mut dyn Read,
    requester: UserId,
    resource: ResourceId,
) -> Result<Approvers, AppError> {
    let eligible = eligible(tx, requester, resource).await?;
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

/// Tells those who can approve a request that it waits; in the fallback's case the audit says so.
pub(super) async fn send_to_review(
    tx: &mut dyn Write,
    act: Act,
    request: &Request,
    eligible: &Eligible,
) -> Result<(), AppError> {
    if let Eligible::Fallback(people) = eligible {
        record_fallback(tx, act, request, people).await?;
    }
    act.ask_for_review(tx, request, eligible.people()).await
}

/// The audit's word of who is to decide in the place of those who cannot.
pub(super) async fn record_fallback(
    tx: &mut dyn Write,
    act: Act,
    request: &Request,
    people: &[UserId],
) -> Result<(), AppError> {
    let detail = json!({ "reviewers": people });
    act.record(tx, "request.sent_to_fallback", request, None, detail)
        .await
}

/// Nobody may approve it; `opens_again` where it opens with a reason again after a revocation.
pub(super) fn nobody(opens_again: bool) -> AppError {
    let later = match opens_again {
        true => " 24 hours after it was revoked it opens with a reason again.",
        false => "",
    };
    AppError::refused(
        Code::NobodyCanApprove,
        format!(
            "Nobody else can approve this, and nobody approves their own request. An administrator \
             can name fallback reviewers for the organisation, or a second reviewer.{later}"
        ),
    )
}
