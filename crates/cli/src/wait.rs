//! `--wait`: follows the event stream until a request is decided.

use std::time::Duration;

use hourkey_client::session::Session;
use hourkey_client::sync::{Update, subscribe};
use hourkey_protocol::access::{Request, RequestStatus, Resource};
use tokio::sync::mpsc;

use crate::ask::sentence;
use crate::exit::{CommandError, Exit};
use crate::print;
use crate::text::visible;

/// How long to leave a controller alone that did not answer, before the stream is taken up anew.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// Waits until the request is decided, at most for `timeout`; then it is returned as it stands.
/// Says on standard error what is going on.
pub(crate) async fn until_decided(
    session: &Session,
    request: Request,
    timeout: Option<Duration>,
) -> Result<Request, CommandError> {
    print::note(sentence(&request, request.created_at));
    let decided = decided(session, &request);
    let Some(timeout) = timeout else {
        return decided.await;
    };
    match tokio::time::timeout(timeout, decided).await {
        Ok(decided) => decided,
        Err(_) => Ok(request),
    }
}

async fn decided(session: &Session, request: &Request) -> Result<Request, CommandError> {
    let (tx, mut updates) = mpsc::channel(8);
    let subscription = subscribe(session.clone(), tx);
    let mut lost = false;
    let mut look = false;
    while let Some(update) = updates.recv().await {
        let concerns =
            |resources: &[Resource]| resources.iter().any(|it| it.id == request.resource);
        match update {
            Update::Snapshot(_) => look = true,
            Update::Changes(changes) => {
                look |= concerns(&changes.resources)
                    || changes.removed_resources.contains(&request.resource);
            }
            Update::Live => {
                if std::mem::take(&mut lost) {
                    print::note("Connected again; still waiting.");
                }
            }
            Update::Lost { why, .. } => {
                lost = true;
                print::note(format_args!("{} Still trying.", visible(&why)));
            }
            Update::SessionEnded => break,
        }
        if lost || !look {
            continue;
        }
        match session
            .request(request.id)
            .await
            .map_err(CommandError::from)
        {
            Ok(now) if now.status != RequestStatus::Pending => return Ok(now),
            Ok(_) => look = false,
            // The controller went away just now: the look is still due, once it is back.
            Err(failure) if failure.exit == Exit::Unreachable => {
                tokio::time::sleep(RETRY_DELAY).await;
                subscription.wake();
            }
            Err(failure) => return Err(failure),
        }
    }
    Err(CommandError::new(
        Exit::NotSignedIn,
        "The session has ended; the request still waits. Run: hourkey sign-in",
    ))
}
