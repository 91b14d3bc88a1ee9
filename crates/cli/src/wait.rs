//! `--wait`: follows the event stream until a request is decided.

use std::sync::Arc;
use std::time::Duration;

use hourkey_client::live::LiveModel;
use hourkey_client::model::Connection;
use hourkey_client::session::Session;
use hourkey_protocol::access::{Request, RequestStatus, Resource};
use tokio_util::task::AbortOnDropHandle;

use crate::exit::{CommandError, Exit};
use crate::live::tell_connection;
use crate::print;
use crate::sentence::sentence;

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
    let live = LiveModel::follow(session.clone());
    let teller = tell_connection(live.watch(), "Connected again; still waiting.");
    let _teller = AbortOnDropHandle::new(tokio::spawn(teller));
    let mut model = live.watch();
    // The row of the request's resource, and how often everything was heard anew, at the last look.
    let mut seen: Option<(Option<Arc<Resource>>, u64)> = None;
    loop {
        let (row, snapshots, connection) = {
            let model = model.borrow_and_update();
            let row = model.resources.get(&request.resource).cloned();
            (row, model.snapshots, model.connection.clone())
        };
        let is_news = match &seen {
            None => snapshots > 0,
            Some((before, heard)) => !is_same(before.as_ref(), row.as_ref()) || *heard != snapshots,
        };
        match connection {
            Connection::Ended => break,
            Connection::Live if is_news => match look(session, request).await {
                Ok(Some(decided)) => return Ok(decided),
                Ok(None) => seen = Some((row, snapshots)),
                // The controller went away just now: the look is still due, once it is back.
                Err(failure) if failure.exit == Exit::Unreachable => {
                    tokio::time::sleep(RETRY_DELAY).await;
                    live.reconnect();
                }
                Err(failure) => return Err(failure),
            },
            Connection::Connecting | Connection::Live | Connection::Lost { .. } => {}
        }
        if model.changed().await.is_err() {
            break;
        }
    }
    Err(CommandError::new(
        Exit::NotSignedIn,
        "The session has ended; the request still waits. Run: hourkey sign-in",
    ))
}

/// Returns the request once it is decided.
async fn look(session: &Session, request: &Request) -> Result<Option<Request>, CommandError> {
    let now = session.request(request.id).await?;
    Ok(Some(now).filter(|now| now.status != RequestStatus::Pending))
}

/// True for a row that was not heard anew.
fn is_same(one: Option<&Arc<Resource>>, other: Option<&Arc<Resource>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}
