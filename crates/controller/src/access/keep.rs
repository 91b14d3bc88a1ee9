//! Keeps one change: the new state, its audit and change-log entry, and who is told (rule 12).

use chrono::TimeDelta;
use hourkey_domain::Time;
use hourkey_domain::grant::Grant;
use hourkey_domain::ids::{GrantId, ResourceId, UserId};
use hourkey_domain::request::{Request, State};
use hourkey_protocol::notice::What;
use hourkey_store::access::{NewNotice, ReviewOf};
use hourkey_store::log::{Entry, Subject};
use hourkey_store::{StoreError, Write};
use serde_json::{Value, json};

use super::show;
use crate::error::AppError;

/// A reviewer is told of one requester and one resource again at the earliest after this, where the
/// requester withdrew what they were told of: who asks and cancels in a loop does not ring for ever.
const REPEAT_AFTER: TimeDelta = TimeDelta::minutes(1);

/// Who did what: the same for all entries of one act.
#[derive(Clone, Copy, Debug)]
pub struct Act {
    /// Who acts; `None` for the system.
    pub by: Option<UserId>,
    /// When.
    pub at: Time,
}

impl Act {
    /// An entry about a request and, where there is one, its grant.
    pub async fn record(
        self,
        tx: &mut dyn Write,
        action: &'static str,
        request: &Request,
        grant: Option<GrantId>,
        detail: Value,
    ) -> Result<(), AppError> {
        let subject = Subject::Access {
            user: request.user,
            resource: request.resource,
            request: request.id,
            grant,
        };
        let entry = Entry {
            at: self.at,
            actor: self.by,
            action,
            subject,
            detail,
        };
        tx.record(entry).await?;
        Ok(())
    }

    /// A request's new state.
    pub async fn request(
        self,
        tx: &mut dyn Write,
        action: &'static str,
        before: &Request,
        after: &Request,
    ) -> Result<(), AppError> {
        tx.set_request_state(after.id, after.state.clone()).await?;
        let detail = json!({ "from": before.state, "to": after.state });
        self.record(tx, action, after, None, detail).await
    }

    /// A grant's new state and window.
    pub async fn grant(
        self,
        tx: &mut dyn Write,
        action: &'static str,
        before: &Grant,
        after: &Grant,
    ) -> Result<(), AppError> {
        if before.window != after.window {
            tx.set_grant_window(after.id, after.window).await?;
        }
        tx.set_grant_state(after.id, after.state.clone()).await?;
        let subject = Subject::Access {
            user: after.user,
            resource: after.resource,
            request: after.request,
            grant: Some(after.id),
        };
        let detail = json!({
            "from": before.state,
            "to": after.state,
            "starts_at": after.window.starts_at,
            "expires_at": after.window.expires_at,
        });
        tx.record(Entry {
            at: self.at,
            actor: self.by,
            action,
            subject,
            detail,
        })
        .await?;
        Ok(())
    }

    /// A notice for one person, with the change recorded last.
    pub async fn tell(
        self,
        tx: &mut dyn Write,
        user: UserId,
        resource: ResourceId,
        what: What,
    ) -> Result<(), AppError> {
        let notice = notice(tx, user, resource, what).await?;
        tx.insert_notice(notice, self.at).await?;
        Ok(())
    }

    /// A notice for those who may decide the request, in place of the one about the request
    /// before. While that one is young and its requester has withdrawn what it was about, it is told
    /// anew later (`repeat_due`).
    pub async fn ask_for_review(
        self,
        tx: &mut dyn Write,
        request: &Request,
        reviewers: &[UserId],
    ) -> Result<(), AppError> {
        let requester = name(tx, request.user).await?;
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
                asked: show::length(request.terms.purpose, request.asked),
            };
            let again_at = match tx.review_notice(of).await? {
                Some(before) if was_withdrawn(tx, &before.what).await? => {
                    Some((before.id, before.at + REPEAT_AFTER))
                }
                Some(_) | None => None,
            };
            match again_at {
                Some((id, again_at)) if again_at > self.at => {
                    tx.postpone_review_notice(id, what, again_at).await?;
                }
                Some(_) | None => self.replace(tx, of, what).await?,
            }
        }
        Ok(())
    }

    async fn replace(self, tx: &mut dyn Write, of: ReviewOf, what: What) -> Result<(), AppError> {
        let notice = notice(tx, of.reviewer, of.resource, what).await?;
        tx.replace_review_notice(of.requester, notice, self.at)
            .await?;
        Ok(())
    }
}

/// Tells reviewers anew of what was asked again too soon, and still waits.
pub(super) async fn repeat_due(tx: &mut dyn Write, now: Time) -> Result<(), AppError> {
    let act = Act { by: None, at: now };
    let mut recorded = None;
    for (of, notice) in tx.review_notices_due(now).await? {
        let waits = match request_of(tx, &notice.what).await? {
            Some(request) => request.pending(now).ok(),
            None => None,
        };
        let Some(waits) = waits else {
            tx.remove_review_notices(of).await?;
            continue;
        };
        let request = waits.request();
        if recorded.replace(request.id) != Some(request.id) {
            act.record(tx, "request.told_again", request, None, Value::Null)
                .await?;
        }
        act.replace(tx, of, notice.what).await?;
    }
    Ok(())
}

/// The request that a notice asks to review.
async fn request_of(tx: &mut dyn Write, what: &What) -> Result<Option<Request>, AppError> {
    match what {
        What::PleaseReview { request, .. } => Ok(tx.request(*request).await?),
        _ => Ok(None),
    }
}

/// Whether what a notice asks to review was cancelled by its requester.
async fn was_withdrawn(tx: &mut dyn Write, what: &What) -> Result<bool, AppError> {
    let request = request_of(tx, what).await?;
    Ok(request.is_some_and(|request| match request.state {
        State::Cancelled { by, .. } => by == Some(request.user),
        State::Pending | State::Approved { .. } | State::Denied { .. } | State::Lapsed { .. } => {
            false
        }
    }))
}

async fn notice(
    tx: &mut dyn Write,
    user: UserId,
    resource: ResourceId,
    what: What,
) -> Result<NewNotice, AppError> {
    let Some((known, _)) = tx.resource(resource).await? else {
        return Err(StoreError::Corrupt(format!("no resource {resource}")).into());
    };
    Ok(NewNotice {
        user,
        resource,
        resource_name: known.name,
        what,
    })
}

/// A person's display name.
pub async fn name(tx: &mut dyn Write, user: UserId) -> Result<String, AppError> {
    let Some((_, name)) = tx.user_name(user).await? else {
        return Err(StoreError::Corrupt(format!("no user {user}")).into());
    };
    Ok(name)
}
