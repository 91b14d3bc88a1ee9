//! Notices: rows per person, with the change that was recorded last in the transaction.

use chrono::TimeDelta;
use hourkey_domain::Time;
use hourkey_domain::ids::{ResourceId, UserId};
use hourkey_domain::request::{Request, State};
use hourkey_protocol::notice::What;
use hourkey_store::access::{NewNotice, ReviewOf};
use hourkey_store::{Read, StoreError, Write};

use super::presenter;
use crate::error::AppError;

/// A reviewer is told of one requester and one resource again at the earliest after this, where the
/// requester withdrew what they were told of: who asks and cancels in a loop does not ring for ever.
const REPEAT_AFTER: TimeDelta = TimeDelta::minutes(1);

/// Tells one person.
pub(super) async fn notify(
    tx: &mut dyn Write,
    user: UserId,
    resource: ResourceId,
    what: What,
    at: Time,
) -> Result<(), AppError> {
    let notice = new_notice(tx, user, resource, what).await?;
    tx.insert_notice(notice, at).await?;
    Ok(())
}

/// Asks reviewers to decide a request, in place of the notice about the request before. While that
/// one is young and its requester has withdrawn what it was about, they are told anew later
/// ([`Write::review_notices_due`](hourkey_store::access::AccessRead::review_notices_due)).
pub(super) async fn ask_for_review(
    tx: &mut dyn Write,
    request: &Request,
    reviewers: &[UserId],
    at: Time,
) -> Result<(), AppError> {
    let requester = user_name(tx, request.user).await?;
    for reviewer in reviewers.iter().copied() {
        let of = ReviewOf {
            reviewer,
            requester: request.user,
            resource: request.resource,
        };
        let what = What::PleaseReview {
            request: request.id,
            requester: requester.clone(),
            reason: request.reason.as_str().to_owned(),
            asked: presenter::length(request.terms.purpose, request.asked),
        };
        let again_at = match tx.review_notice(of).await? {
            Some(before) if was_withdrawn(tx, &before.what).await? => {
                Some((before.id, before.at + REPEAT_AFTER))
            }
            Some(_) | None => None,
        };
        match again_at {
            Some((id, again_at)) if again_at > at => {
                tx.postpone_review_notice(id, what, again_at).await?;
            }
            Some(_) | None => replace(tx, of, what, at).await?,
        }
    }
    Ok(())
}

/// Puts a notice that asks for a review in the place of the one before.
pub(super) async fn replace(
    tx: &mut dyn Write,
    of: ReviewOf,
    what: What,
    at: Time,
) -> Result<(), AppError> {
    let notice = new_notice(tx, of.reviewer, of.resource, what).await?;
    tx.replace_review_notice(of.requester, notice, at).await?;
    Ok(())
}

/// The request that a notice asks to review.
pub(super) async fn request_of(
    tx: &mut dyn Read,
    what: &What,
) -> Result<Option<Request>, AppError> {
    match what {
        What::PleaseReview { request, .. } => Ok(tx.request(*request).await?),
        _ => Ok(None),
    }
}

/// Those of them who were not told of this request.
pub(super) async fn untold(
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

/// A person's display name.
pub(super) async fn user_name(tx: &mut dyn Read, user: UserId) -> Result<String, AppError> {
    let Some((_, name)) = tx.user_name(user).await? else {
        return Err(StoreError::Corrupt(format!("no user {user}")).into());
    };
    Ok(name)
}

/// Whether what a notice asks to review was cancelled by its requester.
async fn was_withdrawn(tx: &mut dyn Read, what: &What) -> Result<bool, AppError> {
    let request = request_of(tx, what).await?;
    Ok(request.is_some_and(|request| match request.state {
        State::Cancelled { by, .. } => by == Some(request.user),
        State::Pending | State::Approved { .. } | State::Denied { .. } | State::Lapsed { .. } => {
            false
        }
    }))
}

async fn new_notice(
    tx: &mut dyn Read,
    user: UserId,
    resource: ResourceId,
    what: What,
) -> Result<NewNotice, AppError> {
    let Some((found, _)) = tx.resource(resource).await? else {
        return Err(StoreError::Corrupt(format!("no resource {resource}")).into());
    };
    Ok(NewNotice {
        user,
        resource,
        resource_name: found.name,
        what,
    })
}
