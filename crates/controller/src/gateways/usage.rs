//! What gateways report of connections: kept, and recorded in the audit log.

use chrono::TimeDelta;
use hourkey_access::app::App;
use hourkey_access::error::AppError;
use hourkey_access::reconcile;
use hourkey_domain::Time;
use hourkey_domain::audit::AuditAction;
use hourkey_domain::ids::{ResourceId, UserId};
use hourkey_domain::settings::Mode;
use hourkey_protocol::gateway::{self as wire, Ended, REPORTED_AT_ONCE, Report};
use hourkey_protocol::problem::Code;
use hourkey_store::gateway::Gateway;
use hourkey_store::log::{Entry, Subject};
use hourkey_store::usage::{Connection, End, ReportOutcome};
use hourkey_store::{Room, StoreError, Write};
use serde_json::json;

/// Uses that follow each other faster move nothing that anybody has to be told of: what auto-locks
/// counts in days.
const MIN_ADVANCE: TimeDelta = TimeDelta::minutes(1);

/// Connections that are kept in one transaction: a decision that comes meanwhile waits for it
/// (docs/PERFORMANCE.md).
const AT_A_TIME: usize = 20;

/// Keeps a report. What was kept before changes nothing, so one that broke off is sent again.
///
/// # Errors
/// [`Code::Malformed`] for more than [`REPORTED_AT_ONCE`] connections, or ids that are none.
pub async fn keep(app: &App, gateway: Gateway, report: Report) -> Result<(), AppError> {
    if report.connections.len() > REPORTED_AT_ONCE {
        return Err(malformed(&format!(
            "A report holds at most {REPORTED_AT_ONCE} connections."
        )));
    }
    if !report.connections.iter().all(|it| is_id(&it.id)) {
        return Err(malformed(
            "A connection's id is 32 lower-case hexadecimal digits.",
        ));
    }
    for connections in report.connections.chunks(AT_A_TIME) {
        let (gateway, connections) = (gateway.clone(), connections.to_vec());
        app.transact(Room::Usual, move |tx, now| {
            Box::pin(async move {
                for connection in connections {
                    keep_one(tx, &gateway, connection, now).await?;
                }
                Ok(())
            })
        })
        .await?;
    }
    Ok(())
}

async fn keep_one(
    tx: &mut dyn Write,
    gateway: &Gateway,
    said: wire::Connection,
    now: Time,
) -> Result<(), AppError> {
    let resource = tx.resource(said.resource).await?;
    let here = resource.is_some_and(|(resource, _)| resource.network == gateway.network);
    let used_at = match said.end {
        // Not used all the time up to the moment when its gateway was back.
        Some(end) if end.why == Ended::Lost => said.started_at,
        Some(end) => said.used_at.unwrap_or(end.at),
        None => said.used_at.unwrap_or(said.started_at),
    };
    let (said_user, said_resource) = (said.user, said.resource);
    let connection = Connection {
        gateway: gateway.id,
        id: said.id,
        user: said.user,
        device: said.device,
        resource: said.resource,
        started_at: said.started_at.min(now),
        end: said.end.map(|end| End {
            at: end.at.min(now),
            why: end.why,
            sent: end.sent,
            received: end.received,
        }),
    };
    let history = tx.access_history(said_user, Some(said_resource)).await?;
    let known = history.first().and_then(|(_, history)| history.last_used());
    let moves = known.is_none_or(|known| used_at.min(now) >= known + MIN_ADVANCE);
    let kept = match here {
        true => {
            tx.record_connection(connection.clone(), used_at.min(now))
                .await
        }
        false => Err(StoreError::Refused("another network's resource".to_owned())),
    };
    let action = match (kept, connection.end) {
        (Ok(ReportOutcome::Unchanged), _) => return Ok(()),
        (Ok(ReportOutcome::Used), _) => AuditAction::ConnectionUsed,
        (Ok(ReportOutcome::New | ReportOutcome::Ended), None) => AuditAction::ConnectionStarted,
        (Ok(ReportOutcome::New | ReportOutcome::Ended), Some(_)) => AuditAction::ConnectionEnded,
        // Reported again and again it would hold up all the others.
        (Err(StoreError::Refused(why)), _) => {
            tracing::warn!(
                gateway.id = gateway.id.0,
                user.id = connection.user.0,
                resource.id = connection.resource.0,
                why,
                "a gateway reported a connection that cannot be"
            );
            return Ok(());
        }
        (Err(error), _) => return Err(error.into()),
    };
    let mut detail = json!({
        "connection": connection.id,
        "gateway": gateway.id,
        "device": connection.device,
        "started_at": connection.started_at,
    });
    if let Some(end) = connection.end {
        detail["ended_at"] = json!(end.at);
        detail["why"] = json!(end.why);
        detail["sent"] = json!(end.sent);
        detail["received"] = json!(end.received);
    }
    if let Some(mismatch) = said.mismatch {
        let other = tx.resource(mismatch.other).await?;
        detail["asked"] = json!(mismatch.asked);
        detail["inside"] = json!(mismatch.inside);
        detail["other"] = json!(other.map(|(other, _)| other.name));
    }
    let (user, resource) = (connection.user, connection.resource);
    let restarts_count = moves && auto_locks(tx, user, resource).await?;
    let entry = Entry {
        at: now,
        actor: Some(user),
        action,
        subject: Subject::Use {
            user,
            resource,
            restarts_count,
            cut: connection.end.is_some_and(|end| was_cut(end.why)),
        },
        detail,
    };
    tx.record(entry).await?;
    if restarts_count {
        reconcile::unlocked(tx, user, resource, now).await?;
    }
    Ok(())
}

fn was_cut(why: Ended) -> bool {
    match why {
        Ended::Permit | Ended::Device | Ended::Stale | Ended::Mismatch => true,
        Ended::Closed | Ended::Client | Ended::Destination | Ended::Stopped | Ended::Lost => false,
    }
}

/// Whether a use restarts the count of unused days.
async fn auto_locks(
    tx: &mut dyn Write,
    user: UserId,
    resource: ResourceId,
) -> Result<bool, AppError> {
    let reachable = tx.reachable(user, Some(resource)).await?;
    let mut assignments = reachable.iter().flat_map(|found| &found.assignments);
    Ok(assignments.any(|own| own.settings.mode == Mode::AutoLock))
}

fn is_id(id: &str) -> bool {
    id.len() == 32 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn malformed(detail: &str) -> AppError {
    AppError::refused(Code::Malformed, detail)
}
