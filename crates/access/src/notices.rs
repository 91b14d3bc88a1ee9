//! Notices: rows per person, with the change that was recorded last in the transaction.

use chrono::TimeDelta;
use hourkey_domain::Time;
use hourkey_domain::cause::Cause;
use hourkey_domain::deputy::Deputyship;
use hourkey_domain::grant::State as GrantState;
use hourkey_domain::ids::{ResourceId, UserId};
use hourkey_domain::length::Length;
use hourkey_domain::request::{Request, State};
use hourkey_domain::review::Decider;
use hourkey_domain::transition::{Gives, GrantChange, Transition};
use hourkey_protocol::access::for_whom;
use hourkey_protocol::notice::What;
use hourkey_store::access::{NewNotice, ReviewOf};
use hourkey_store::{Read, StoreError, Write};

use super::act::{Act, Recorded};
use super::actor::{Actor, Target};
use super::presenter;
use crate::error::AppError;
use crate::mail::queue;

/// A reviewer is told of one requester and one resource again at the earliest after this, where the
/// requester withdrew what they were told of: who asks and cancels in a loop does not ring for ever.
const REPEAT_AFTER: TimeDelta = TimeDelta::minutes(1);

/// Tells those who should know of a transition that was recorded.
pub(super) async fn tell(
    tx: &mut dyn Write,
    transition: &Transition,
    recorded: Recorded,
    act: Act,
) -> Result<(), AppError> {
    let by = match transition.decided_by(act.actor) {
        Some(by) => Some(decider_name(tx, by).await?),
        None => None,
    };
    let (user, resource, what) = match transition {
        Transition::Requested { request, reviewers } => {
            let id = recorded.request.ok_or_else(inconsistent)?;
            let request = request.clone().numbered(id);
            return ask_for_review(tx, &request, &in_own_right(reviewers), act.at).await;
        }
        Transition::Reopened {
            request, reviewers, ..
        } => return ask_for_review(tx, request, &in_own_right(reviewers), act.at).await,
        Transition::SentToFallback {
            request, untold, ..
        } => return ask_for_review(tx, request, &in_own_right(untold), act.at).await,
        // A grant's end was told before, and at its end by the client's own timer.
        Transition::Expired(GrantChange { after, .. }) => {
            let name = resource_name(tx, after.resource).await?;
            let (resource, ends_at) = ((after.resource, &*name), after.window.expires_at);
            return queue::ended(tx, after.user, resource, after.id, ends_at).await;
        }
        // Who ends what is their own knows it; an unlock is told by itself.
        Transition::Released(_) | Transition::Superseded { .. } => return Ok(()),
        Transition::Approved { request, gives } => {
            let State::Approved {
                comment, length, ..
            } = &request.state
            else {
                return Err(inconsistent());
            };
            let comment = comment.clone().into();
            let what = match gives {
                Gives::Grant { window, .. } => What::Approved {
                    request: request.id,
                    grant: recorded.grant.ok_or_else(inconsistent)?,
                    by,
                    length: Length::between(window.starts_at, window.expires_at)
                        .map_err(|_| inconsistent())?,
                    starts_at: window.starts_at,
                    expires_at: window.expires_at,
                    comment,
                    extends: None,
                },
                Gives::Extension {
                    grant,
                    before,
                    window,
                } => What::Approved {
                    request: request.id,
                    grant: *grant,
                    by,
                    length: *length,
                    starts_at: window.starts_at,
                    expires_at: window.expires_at,
                    comment,
                    extends: Some(before.expires_at),
                },
                Gives::Unlock { locks_at, .. } => What::Unlocked {
                    request: Some(request.id),
                    by,
                    locks_at: *locks_at,
                    comment,
                },
            };
            (request.user, request.resource, what)
        }
        Transition::Denied { request } => {
            let (State::Denied { comment, .. }, Some(by)) = (&request.state, by) else {
                return Err(inconsistent());
            };
            let what = What::Denied {
                request: request.id,
                by,
                comment: comment.clone().into(),
                extends: extends(tx, request).await?,
            };
            (request.user, request.resource, what)
        }
        Transition::Cancelled { request } => match request.state {
            State::Cancelled {
                by: None, cause, ..
            } => {
                let what = What::Cancelled {
                    request: request.id,
                    cause,
                    extends: extends(tx, request).await?,
                };
                (request.user, request.resource, what)
            }
            State::Cancelled { by: Some(_), .. }
            | State::Pending
            | State::Approved { .. }
            | State::Denied { .. }
            | State::Lapsed { .. } => return Ok(()),
        },
        Transition::Lapsed { request } => {
            let what = What::Lapsed {
                request: request.id,
                extends: extends(tx, request).await?,
            };
            (request.user, request.resource, what)
        }
        Transition::Started(GrantChange { after, .. }) => {
            let what = What::Started {
                grant: after.id,
                expires_at: after.window.expires_at,
            };
            (after.user, after.resource, what)
        }
        Transition::Revoked(GrantChange { after, .. }) => {
            let GrantState::Revoked { cause, comment, .. } = &after.state else {
                return Err(inconsistent());
            };
            let what = What::Revoked {
                grant: after.id,
                by,
                cause: *cause,
                comment: comment.clone().into(),
            };
            (after.user, after.resource, what)
        }
        Transition::TakenBack { request, .. } => {
            let what = What::Cancelled {
                request: request.id,
                cause: Cause::Undone,
                extends: extends(tx, request).await?,
            };
            (request.user, request.resource, what)
        }
        Transition::Unlocked {
            unlock,
            locks_at,
            comment,
            ..
        } => {
            let what = What::Unlocked {
                request: None,
                by,
                locks_at: *locks_at,
                comment: comment.clone().into(),
            };
            (unlock.user, unlock.resource, what)
        }
    };
    let notice = new_notice(tx, user, resource, what).await?;
    queue::notice(tx, &notice, act.at).await?;
    tx.insert_notice(notice, act.at).await?;
    Ok(())
}

/// Asks reviewers, and the deputies of those of them who are away, to decide a request.
pub(super) async fn ask_for_review(
    tx: &mut dyn Write,
    request: &Request,
    reviewers: &[Decider],
    at: Time,
) -> Result<(), AppError> {
    // Deputyship does not chain: only who decides in their own right has a deputy here.
    let own = reviewers.iter().filter(|it| it.on_behalf_of.is_none());
    let own: Vec<_> = own.map(|it| it.user).collect();
    let mut all = reviewers.to_vec();
    for it in standing_in(tx, request, &own, at).await? {
        if !all.iter().any(|asked| asked.user == it.deputy) {
            all.push(Decider {
                user: it.deputy,
                on_behalf_of: Some(it.principal),
            });
        }
    }
    ask(tx, request, &all, at).await
}

/// The deputies who may decide this request on behalf of these reviewers now, each with whose.
/// Who reviews it in their own right is none.
async fn standing_in(
    tx: &mut dyn Read,
    request: &Request,
    reviewers: &[UserId],
    now: Time,
) -> Result<Vec<Deputyship>, AppError> {
    let mut found: Vec<Deputyship> = Vec::new();
    for reviewer in reviewers {
        let Some(it) = tx.deputy_of(*reviewer).await? else {
            continue;
        };
        let is_told =
            reviewers.contains(&it.deputy) || found.iter().any(|other| other.deputy == it.deputy);
        if is_told || !it.holds(now) || !it.serves(request.user) {
            continue;
        }
        let decides = match Actor::load(tx, it.deputy, now).await {
            Ok(deputy) => deputy.decider(Target::from(request)).is_ok(),
            // Disabled or removed.
            Err(AppError::Refused(_)) => false,
            Err(failure) => return Err(failure),
        };
        if decides {
            found.push(it);
        }
    }
    Ok(found)
}

/// Asks these people alone to decide a request, in place of the notice about the request before. While that
/// one is young and its requester has withdrawn what it was about, they are told anew later
/// ([`Write::review_notices_due`](hourkey_store::access::AccessRead::review_notices_due)).
pub(super) async fn ask(
    tx: &mut dyn Write,
    request: &Request,
    deciders: &[Decider],
    at: Time,
) -> Result<(), AppError> {
    let requester = user_name(tx, request.user).await?;
    let extends = extends(tx, request).await?;
    for it in deciders {
        let of = review_of(request, it.user);
        let what = What::PleaseReview {
            request: request.id,
            requester: requester.clone(),
            reason: request.reason.as_str().to_owned(),
            asked: presenter::length(request.terms.purpose, request.asked),
            extends,
            starts_at: request.starts_at,
            on_behalf_of: match it.on_behalf_of {
                Some(principal) => Some(user_name(tx, principal).await?),
                None => None,
            },
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
    queue::notice(tx, &notice, at).await?;
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

/// Those of them who were told of this request.
pub(super) async fn told(
    tx: &mut dyn Read,
    request: &Request,
    people: &[UserId],
) -> Result<Vec<UserId>, AppError> {
    let mut told = Vec::new();
    for reviewer in people.iter().copied() {
        let notice = tx.review_notice(review_of(request, reviewer)).await?;
        let of_this =
            |what| matches!(what, What::PleaseReview { request: id, .. } if id == request.id);
        if notice.is_some_and(|notice| of_this(notice.what)) {
            told.push(reviewer);
        }
    }
    Ok(told)
}

fn in_own_right(reviewers: &[UserId]) -> Vec<Decider> {
    reviewers.iter().copied().map(Decider::from).collect()
}

fn review_of(request: &Request, reviewer: UserId) -> ReviewOf {
    ReviewOf {
        reviewer,
        requester: request.user,
        resource: request.resource,
    }
}

/// When the grant ends that a request would extend.
async fn extends(tx: &mut dyn Read, request: &Request) -> Result<Option<Time>, AppError> {
    let grant = match request.terms.purpose.extends() {
        Some(grant) => tx.grant(grant).await?,
        None => None,
    };
    let Some(grant) = grant else { return Ok(None) };
    // It runs no longer than its group's access (rule 7).
    let own = tx.assignment(grant.assignment).await?;
    let until = own.and_then(|own| own.until);
    let ends_at = grant.window.expires_at;
    Ok(Some(until.map_or(ends_at, |until| until.min(ends_at))))
}

/// Who decided, and for whom.
async fn decider_name(tx: &mut dyn Read, by: Decider) -> Result<String, AppError> {
    let principal = match by.on_behalf_of {
        Some(principal) => Some(user_name(tx, principal).await?),
        None => None,
    };
    Ok(for_whom(
        &user_name(tx, by.user).await?,
        principal.as_deref(),
    ))
}

/// A person's display name.
async fn user_name(tx: &mut dyn Read, user: UserId) -> Result<String, AppError> {
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
    Ok(NewNotice {
        user,
        resource,
        resource_name: resource_name(tx, resource).await?,
        what,
    })
}

/// A resource's name.
async fn resource_name(tx: &mut dyn Read, resource: ResourceId) -> Result<String, AppError> {
    let Some((found, _)) = tx.resource(resource).await? else {
        return Err(StoreError::Corrupt(format!("no resource {resource}")).into());
    };
    Ok(found.name)
}

fn inconsistent() -> AppError {
    StoreError::Corrupt("a transition contradicts its request or grant".to_owned()).into()
}
