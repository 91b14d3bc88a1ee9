//! `--wait`: follows the event stream until a request is decided.

use std::time::Duration;

use hourkey_client::session::Session;
use hourkey_client::sync::{Update, follow};
use hourkey_protocol::access::{Request, RequestStatus, Resource};
use tokio::sync::mpsc;

use crate::ask::sentence;
use crate::exit::{Exit, Failure};
use crate::print;
use crate::text::visible;

/// Waits until the request is decided, at most for `patience`; then it is returned as it stands.
/// Says on standard error what is going on.
pub(crate) async fn until_decided(
    session: &Session,
    request: Request,
    patience: Option<Duration>,
) -> Result<Request, Failure> {
    print::note(sentence(&request, request.created_at));
    let decided = decided(session, &request);
    let Some(patience) = patience else {
        return decided.await;
    };
    match tokio::time::timeout(patience, decided).await {
        Ok(decided) => decided,
        Err(_) => Ok(request),
    }
}

async fn decided(session: &Session, request: &Request) -> Result<Request, Failure> {
    let (tx, mut updates) = mpsc::channel(8);
    let _follower = follow(session.clone(), tx);
    let mut lost = false;
    while let Some(update) = updates.recv().await {
        let concerns =
            |resources: &[Resource]| resources.iter().any(|it| it.id == request.resource);
        let look = match update {
            Update::Snapshot(_) => true,
            Update::Changes(changes) => {
                concerns(&changes.resources)
                    || changes.removed_resources.contains(&request.resource)
            }
            Update::Live => {
                if std::mem::take(&mut lost) {
                    print::note("Connected again; still waiting.");
                }
                false
            }
            Update::Lost { why, .. } => {
                lost = true;
                print::note(format_args!("{} Still trying.", visible(&why)));
                false
            }
            Update::SessionEnded => break,
        };
        if !look {
            continue;
        }
        let now = session.request(request.id).await?;
        if now.status != RequestStatus::Pending {
            return Ok(now);
        }
    }
    Err(Failure::new(
        Exit::NotSignedIn,
        "The session has ended; the request still waits. Run: hourkey sign-in",
    ))
}
