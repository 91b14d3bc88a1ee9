//! Records what happens to requests and grants: the new rows, the audit and change-log entry, and
//! the notices of those who should know, in the caller's transaction (rule 12).

use hourkey_domain::Time;
use hourkey_domain::grant::State as GrantState;
use hourkey_domain::ids::{GrantId, RequestId, UserId};
use hourkey_domain::request::{Request, State as RequestState};
use hourkey_domain::transition::{Gives, GrantChange, Replaced, TakenBack, Transition, Undoable};
use hourkey_domain::unlock::Unlock;
use hourkey_store::access::NewGrant;
use hourkey_store::log::{Entry, Subject};
use hourkey_store::{StoreError, Write};
use serde_json::{Value, json};

use super::act::{Act, Recorded};
use super::notices;
use crate::error::AppError;

/// Records a transition.
///
/// # Errors
/// The store's own failure.
pub(super) async fn apply(
    tx: &mut dyn Write,
    transition: &Transition,
    act: Act,
) -> Result<Recorded, AppError> {
    let Written {
        recorded,
        subject,
        detail,
    } = write(tx, transition).await?;
    let entry = Entry {
        at: act.at,
        actor: act.actor,
        action: transition.action(),
        subject,
        detail,
    };
    tx.record(entry).await?;
    notices::tell(tx, transition, recorded, act).await?;
    Ok(recorded)
}

/// What was written, as its entry says it.
struct Written {
    recorded: Recorded,
    subject: Subject,
    detail: Value,
}

impl Written {
    fn of_request(request: &Request, grant: Option<GrantId>, detail: Value) -> Self {
        Self {
            recorded: Recorded {
                request: Some(request.id),
                grant,
            },
            subject: Subject::of_request(request, grant),
            detail,
        }
    }
}

/// Writes the rows of a transition.
async fn write(tx: &mut dyn Write, transition: &Transition) -> Result<Written, StoreError> {
    match transition {
        Transition::Requested { request, .. } => {
            let id = tx.insert_request(request.clone()).await?;
            let request = request.clone().numbered(id);
            let detail = json!({
                "to": request.state,
                "reason": request.reason,
                "asked": request.asked,
                "terms": request.terms,
                "starts_at": request.starts_at,
                "lapses_at": request.lapses_at,
            });
            Ok(Written::of_request(&request, None, detail))
        }
        Transition::Approved { request, gives } => {
            tx.set_request_state(request.id, request.state.clone())
                .await?;
            let mut detail = json!({ "from": RequestState::Pending, "to": request.state });
            let replaced;
            let grant = match gives {
                Gives::Grant { window, scheduled } => {
                    detail["window"] = json!(window);
                    let state = match scheduled {
                        true => GrantState::Scheduled,
                        false => GrantState::Active,
                    };
                    let new = NewGrant {
                        request: request.id,
                        user: request.user,
                        resource: request.resource,
                        assignment: request.terms.assignment,
                        window: *window,
                        state,
                    };
                    let grant = tx.insert_grant(new).await?;
                    replaced = Replaced::NoGrant { grant };
                    Some(grant)
                }
                Gives::Extension {
                    grant,
                    before,
                    window,
                } => {
                    detail["before"] = json!(before);
                    detail["window"] = json!(window);
                    tx.set_grant_window(*grant, *window).await?;
                    replaced = Replaced::End {
                        grant: *grant,
                        before: *before,
                        after: *window,
                    };
                    Some(*grant)
                }
                Gives::Unlock { unlock, .. } => {
                    detail["unlock"] = json!(unlock);
                    let history = tx
                        .access_history(unlock.user, Some(unlock.resource))
                        .await?;
                    let history = history.first().map(|(_, history)| *history);
                    let history = history.unwrap_or_default();
                    replaced = Replaced::Count {
                        before: history.counted_from,
                        used_at: history.used_at,
                    };
                    restart_count(tx, unlock).await?;
                    None
                }
            };
            if let RequestState::Approved {
                at, by: Some(by), ..
            } = &request.state
            {
                keep(tx, request.id, (*by, *at), replaced).await?;
            }
            Ok(Written::of_request(request, grant, detail))
        }
        Transition::Denied { request } => {
            if let RequestState::Denied { at, by, .. } = &request.state {
                keep(tx, request.id, (*by, *at), Replaced::Waiting).await?;
            }
            set_request(tx, &RequestState::Pending, request).await
        }
        Transition::Cancelled { request }
        | Transition::Superseded { request }
        | Transition::Lapsed { request } => set_request(tx, &RequestState::Pending, request).await,
        Transition::Reopened {
            before, request, ..
        } => set_request(tx, before, request).await,
        Transition::TakenBack {
            before,
            request,
            taken,
        } => {
            let mut written = set_request(tx, before, request).await?;
            match taken {
                TakenBack::End(change) => {
                    tx.set_grant_window(change.after.id, change.after.window)
                        .await?;
                    let grant = Some(change.after.id);
                    written.recorded.grant = grant;
                    written.subject = Subject::of_request(request, grant);
                    written.detail["before"] = json!(change.before.window);
                    written.detail["window"] = json!(change.after.window);
                }
                TakenBack::Count {
                    counted_from,
                    used_at,
                    span,
                } => {
                    let between = (request.user, request.resource);
                    tx.restart_count(between.0, between.1, *counted_from)
                        .await?;
                    tx.forget_uses(between, *span, *used_at).await?;
                    written.detail["counted_from"] = json!(counted_from);
                }
            }
            Ok(written)
        }
        Transition::SentToFallback {
            request, people, ..
        } => {
            let detail = json!({ "reviewers": people });
            Ok(Written::of_request(request, None, detail))
        }
        Transition::Started(change)
        | Transition::Expired(change)
        | Transition::Released(change)
        | Transition::Revoked(change) => set_grant(tx, change).await,
        Transition::Unlocked {
            unlock,
            last_used,
            comment,
            ..
        } => {
            restart_count(tx, unlock).await?;
            Ok(Written {
                recorded: Recorded::default(),
                subject: Subject::Use {
                    user: unlock.user,
                    resource: unlock.resource,
                    restarts_count: true,
                    cut: false,
                },
                detail: json!({ "unlock": unlock, "last_used": last_used, "comment": comment }),
            })
        }
    }
}

async fn set_request(
    tx: &mut dyn Write,
    before: &RequestState,
    after: &Request,
) -> Result<Written, StoreError> {
    tx.set_request_state(after.id, after.state.clone()).await?;
    let detail = json!({ "from": before, "to": after.state });
    Ok(Written::of_request(after, None, detail))
}

async fn set_grant(
    tx: &mut dyn Write,
    GrantChange { before, after }: &GrantChange,
) -> Result<Written, StoreError> {
    if before.window != after.window {
        tx.set_grant_window(after.id, after.window).await?;
    }
    tx.set_grant_state(after.id, after.state.clone()).await?;
    Ok(Written {
        recorded: Recorded {
            request: Some(after.request),
            grant: Some(after.id),
        },
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
    })
}

/// Keeps what a reviewer's decision replaced, as long as it may be taken back (rule 12).
async fn keep(
    tx: &mut dyn Write,
    request: RequestId,
    (by, at): (UserId, Time),
    replaced: Replaced,
) -> Result<(), StoreError> {
    tx.put_undoable(Undoable {
        request,
        by,
        at,
        replaced,
    })
    .await
}

async fn restart_count(tx: &mut dyn Write, unlock: &Unlock) -> Result<(), StoreError> {
    tx.restart_count(unlock.user, unlock.resource, Some(unlock.at))
        .await
}
