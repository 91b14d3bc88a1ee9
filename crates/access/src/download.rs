//! Files that people download from the administrators' pages: recorded before they get them.

use hourkey_domain::audit::AuditAction;
use hourkey_protocol::problem::Code;
use hourkey_store::Room;
use hourkey_store::log::{Entry, Subject};
use serde_json::Value;

use crate::actor::Actor;
use crate::app::App;
use crate::error::AppError;
use crate::identity::Caller;

/// Records that somebody downloads something; `detail` says what.
///
/// # Errors
/// [`Code::Forbidden`] for whoever does not see all.
pub async fn record(
    app: &App,
    caller: impl Into<Caller>,
    action: AuditAction,
    detail: Value,
) -> Result<(), AppError> {
    let caller = caller.into();
    app.transact(Room::Usual, move |tx, now| {
        let detail = detail.clone();
        Box::pin(async move {
            let actor = Actor::load(tx, caller, now).await?;
            if !actor.sees_all() {
                return Err(AppError::refused(
                    Code::Forbidden,
                    "Only administrators and auditors download this.",
                ));
            }
            let entry = Entry {
                at: now,
                actor: Some(actor.user.id),
                action,
                subject: Subject::Download,
                detail,
            };
            tx.record(entry).await?;
            Ok(())
        })
    })
    .await
}
