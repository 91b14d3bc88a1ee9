//! Records what happens to requests and grants: the new row, its audit and change-log entry, and the
//! notices of those who should know, in the caller's transaction (rule 12).

use hourkey_domain::Time;
use hourkey_domain::audit::AuditAction;
use hourkey_domain::grant::State as GrantState;
use hourkey_domain::ids::{GrantId, UserId};
use hourkey_domain::length::Length;
use hourkey_domain::request::{NewRequest, Request, State as RequestState};
use hourkey_domain::review::Eligible;
use hourkey_domain::transition::{Gives, GrantChange, Transition};
use hourkey_protocol::notice::What;
use hourkey_store::access::NewGrant;
use hourkey_store::log::{Entry, Subject};
use hourkey_store::{StoreError, Write};
use serde_json::{Value, json};

use super::notices::{ask_for_review, notify, untold, user_name};
use crate::error::AppError;

/// Who acts, and when: the same for all entries of one act.
#[derive(Clone, Copy, Debug)]
pub(super) struct Act {
    /// Who; `None` for the system.
    pub(super) actor: Option<UserId>,
    /// When.
    pub(super) at: Time,
}

impl Act {
    /// What a person does.
    pub(super) fn of(actor: UserId, at: Time) -> Self {
        Self {
            actor: Some(actor),
            at,
        }
    }
}

/// Records a new request, and asks those who can approve it for a review.
///
/// # Errors
/// The store's own failure; so for all of this module.
pub(super) async fn requested(
    tx: &mut dyn Write,
    new: NewRequest,
    eligible: Option<&Eligible>,
    act: Act,
) -> Result<Request, AppError> {
    let id = tx.insert_request(new.clone()).await?;
    let request = new.numbered(id);
    let detail = json!({
        "to": request.state,
        "reason": request.reason,
        "asked": request.asked,
        "terms": request.terms,
        "starts_at": request.starts_at,
        "lapses_at": request.lapses_at,
    });
    write_entry(tx, act, AuditAction::RequestMade, &request, None, detail).await?;
    if let Some(eligible) = eligible {
        send_to_review(tx, act, &request, eligible).await?;
    }
    Ok(request)
}

/// Records a transition.
pub(super) async fn apply(
    tx: &mut dyn Write,
    transition: Transition,
    act: Act,
) -> Result<(), AppError> {
    let action = transition.action();
    match transition {
        Transition::Approved { request, gives } => approved(tx, act, action, request, gives).await,
        Transition::Denied { request } => {
            set_state(tx, act, action, &RequestState::Pending, &request).await?;
            let RequestState::Denied { by, comment, .. } = request.state.clone() else {
                return Err(inconsistent("request", request.id));
            };
            let what = What::Denied {
                request: request.id,
                by: user_name(tx, by).await?,
                comment: comment.into(),
            };
            notify(tx, request.user, request.resource, what, act.at).await
        }
        Transition::Cancelled { request } => {
            set_state(tx, act, action, &RequestState::Pending, &request).await?;
            match request.state {
                RequestState::Cancelled {
                    by: None, cause, ..
                } => {
                    let what = What::Cancelled {
                        request: request.id,
                        cause,
                    };
                    notify(tx, request.user, request.resource, what, act.at).await
                }
                // Whoever cancels their own request knows it.
                RequestState::Cancelled { by: Some(_), .. }
                | RequestState::Pending
                | RequestState::Approved { .. }
                | RequestState::Denied { .. }
                | RequestState::Lapsed { .. } => Ok(()),
            }
        }
        Transition::Lapsed { request } => {
            set_state(tx, act, action, &RequestState::Pending, &request).await?;
            let what = What::Lapsed {
                request: request.id,
            };
            notify(tx, request.user, request.resource, what, act.at).await
        }
        Transition::Reopened {
            before,
            request,
            eligible,
        } => {
            set_state(tx, act, action, &before, &request).await?;
            send_to_review(tx, act, &request, &eligible).await
        }
        Transition::SentToFallback { request, people } => {
            let untold = untold(tx, &request, &people).await?;
            if untold.is_empty() {
                return Ok(());
            }
            sent_to_fallback(tx, act, &request, &people).await?;
            ask_for_review(tx, &request, &untold, act.at).await
        }
        Transition::Started(change) => {
            set_grant(tx, act, action, &change).await?;
            let what = What::Started {
                grant: change.after.id,
                expires_at: change.after.window.expires_at,
            };
            notify(tx, change.after.user, change.after.resource, what, act.at).await
        }
        Transition::Expired(change) | Transition::Released(change) => {
            set_grant(tx, act, action, &change).await
        }
        Transition::Revoked(change) => {
            set_grant(tx, act, action, &change).await?;
            let grant = change.after;
            let GrantState::Revoked {
                by, cause, comment, ..
            } = grant.state
            else {
                return Err(inconsistent("grant", grant.id));
            };
            let what = What::Revoked {
                grant: grant.id,
                by: maybe_name(tx, by).await?,
                cause,
                comment: comment.into(),
            };
            notify(tx, grant.user, grant.resource, what, act.at).await
        }
        Transition::Unlocked {
            unlock,
            last_used,
            locks_at,
            comment,
            cancels,
        } => {
            tx.restart_count(unlock.user, unlock.resource, unlock.at)
                .await?;
            if let Some(request) = cancels {
                let action = AuditAction::RequestCancelled;
                set_state(tx, act, action, &RequestState::Pending, &request).await?;
            }
            let entry = Entry {
                at: act.at,
                actor: act.actor,
                action,
                subject: Subject::Use {
                    user: unlock.user,
                    resource: unlock.resource,
                    restarts_count: true,
                    cut: false,
                },
                detail: json!({ "unlock": unlock, "last_used": last_used, "comment": comment }),
            };
            tx.record(entry).await?;
            let what = What::Unlocked {
                request: None,
                by: maybe_name(tx, act.actor).await?,
                locks_at,
                comment: comment.into(),
            };
            notify(tx, unlock.user, unlock.resource, what, act.at).await
        }
    }
}

/// Records an approval with what it gives.
async fn approved(
    tx: &mut dyn Write,
    act: Act,
    action: AuditAction,
    request: Request,
    gives: Gives,
) -> Result<(), AppError> {
    let RequestState::Approved { by, comment, .. } = request.state.clone() else {
        return Err(inconsistent("request", request.id));
    };
    tx.set_request_state(request.id, request.state.clone())
        .await?;
    let (from, to) = (RequestState::Pending, &request.state);
    let what = match gives {
        Gives::Grant { window, scheduled } => {
            let new = NewGrant {
                request: request.id,
                user: request.user,
                resource: request.resource,
                assignment: request.terms.assignment,
                window,
                state: match scheduled {
                    true => GrantState::Scheduled,
                    false => GrantState::Active,
                },
            };
            let grant = tx.insert_grant(new).await?;
            let detail = json!({ "from": from, "to": to, "window": window });
            write_entry(tx, act, action, &request, Some(grant), detail).await?;
            let length = Length::between(window.starts_at, window.expires_at)
                .map_err(|_| inconsistent("grant", grant))?;
            What::Approved {
                request: request.id,
                grant,
                by: maybe_name(tx, by).await?,
                length,
                starts_at: window.starts_at,
                expires_at: window.expires_at,
                comment: comment.into(),
            }
        }
        Gives::Unlock { unlock, locks_at } => {
            tx.restart_count(unlock.user, unlock.resource, unlock.at)
                .await?;
            let detail = json!({ "from": from, "to": to, "unlock": unlock });
            write_entry(tx, act, action, &request, None, detail).await?;
            What::Unlocked {
                request: Some(request.id),
                by: maybe_name(tx, by).await?,
                locks_at,
                comment: comment.into(),
            }
        }
    };
    notify(tx, request.user, request.resource, what, act.at).await
}

/// Asks those who can approve a request for a review; in the fallback's case the audit says so.
async fn send_to_review(
    tx: &mut dyn Write,
    act: Act,
    request: &Request,
    eligible: &Eligible,
) -> Result<(), AppError> {
    if let Eligible::Fallback(people) = eligible {
        sent_to_fallback(tx, act, request, people).await?;
    }
    ask_for_review(tx, request, eligible.people(), act.at).await
}

/// Writes who is to decide in the place of those who cannot.
async fn sent_to_fallback(
    tx: &mut dyn Write,
    act: Act,
    request: &Request,
    people: &[UserId],
) -> Result<(), AppError> {
    let detail = json!({ "reviewers": people });
    let action = AuditAction::RequestSentToFallback;
    write_entry(tx, act, action, request, None, detail).await
}

/// Writes a request's new state, and its entry.
async fn set_state(
    tx: &mut dyn Write,
    act: Act,
    action: AuditAction,
    before: &RequestState,
    after: &Request,
) -> Result<(), AppError> {
    tx.set_request_state(after.id, after.state.clone()).await?;
    let detail = json!({ "from": before, "to": after.state });
    write_entry(tx, act, action, after, None, detail).await
}

/// Writes a grant's new state and window, and its entry.
async fn set_grant(
    tx: &mut dyn Write,
    act: Act,
    action: AuditAction,
    GrantChange { before, after }: &GrantChange,
) -> Result<(), AppError> {
    if before.window != after.window {
        tx.set_grant_window(after.id, after.window).await?;
    }
    tx.set_grant_state(after.id, after.state.clone()).await?;
    let entry = Entry {
        at: act.at,
        actor: act.actor,
        action,
        subject: Subject::Access {
            user: after.user,
            resource: after.resource,
            request: after.request,
            grant: Some(after.id),
        },
        detail: json!({
            "from": before.state,
            "to": after.state,
            "starts_at": after.window.starts_at,
            "expires_at": after.window.expires_at,
        }),
    };
    tx.record(entry).await?;
    Ok(())
}

/// Writes an entry about a request and, where there is one, its grant.
pub(super) async fn write_entry(
    tx: &mut dyn Write,
    act: Act,
    action: AuditAction,
    request: &Request,
    grant: Option<GrantId>,
    detail: Value,
) -> Result<(), AppError> {
    let entry = Entry {
        at: act.at,
        actor: act.actor,
        action,
        subject: Subject::Access {
            user: request.user,
            resource: request.resource,
            request: request.id,
            grant,
        },
        detail,
    };
    tx.record(entry).await?;
    Ok(())
}

async fn maybe_name(tx: &mut dyn Write, user: Option<UserId>) -> Result<Option<String>, AppError> {
    match user {
        Some(user) => user_name(tx, user).await.map(Some),
        None => Ok(None),
    }
}

fn inconsistent(what: &str, id: impl std::fmt::Display) -> AppError {
    StoreError::Corrupt(format!("{what} {id} is not in the state of its transition")).into()
}
