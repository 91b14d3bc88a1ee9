//! The event stream: server-sent events for each signed-in client (`hourkey_protocol::event` says
//! what is sent).
//!
//! A stream waits for a change that concerns its person ([`hourkey_access::directory`]), and sends them what
//! follows from it, with the sequence number that it is true for. Rows come from the organisation as one
//! value; requests and notices from one read transaction, where there may be some. A client that
//! reads slowly is not sent more: what happened meanwhile comes in one message, since nothing is
//! looked at before the message before is gone.

mod message;
mod organisation_change;

use std::convert::Infallible;
use std::time::Duration;

use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{Stream, StreamExt as _};
use hourkey_access::app::App;
use hourkey_access::clock::sleep_until;
use hourkey_access::directory::{ChangeEvent, ChangeSubscription};
use hourkey_access::error::AppError;
use hourkey_access::identity::Caller;
use hourkey_access::quota::StreamSlot;
use hourkey_domain::ids::SessionId;

use self::message::{Known, Message, Whose};

/// A comment line comes after this long without a message.
const KEEP_ALIVE: Duration = Duration::from_secs(25);

/// Opens the stream of a session, continued after the message `last`, if the log reaches back
/// that far. It ends with the session, and when the controller shuts down.
///
/// # Errors
/// When the session has ended, the person has too many streams open, or the store fails.
pub(crate) async fn open(
    app: &App,
    caller: Caller,
    session: SessionId,
    last: Option<i64>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>> + use<>>, AppError> {
    let slot = app.streams.take(caller.user)?;
    // Listen before reading: what happens in between is heard.
    let changes = app.directory.subscribe(&app.stop);
    let whose = Whose { caller, session };
    let Message { event, known } = message::first(app, whose, last).await?;
    let listener = Listener {
        app: app.clone(),
        _slot: slot,
        whose,
        changes,
        known,
    };
    let rest = futures_util::stream::unfold(listener, |mut listener| async {
        let event = listener.next().await?;
        Some((event, listener))
    });
    let events = futures_util::stream::iter(event).chain(rest).map(Ok);
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE).text("still here")))
}

/// The last message that a client received, from the header with which it connects again.
#[must_use]
pub(crate) fn last_event(headers: &HeaderMap) -> Option<i64> {
    headers.get("last-event-id")?.to_str().ok()?.parse().ok()
}

struct Listener {
    app: App,
    _slot: StreamSlot,
    whose: Whose,
    changes: ChangeSubscription,
    known: Known,
}

impl Listener {
    /// The next message; `None` ends the stream, and the client comes back or learns why not.
    async fn next(&mut self) -> Option<Event> {
        loop {
            let heard = self.wait().await?;
            let read = message::next(&self.app, self.whose, &self.known, heard.as_ref()).await;
            match read {
                Ok(Some(Message { event, known })) => {
                    self.known = known;
                    if event.is_some() {
                        return event;
                    }
                }
                Ok(None) => return None,
                Err(failure) => {
                    // The client connects again.
                    failure.log();
                    return None;
                }
            }
        }
    }

    /// Returns when there may be something to send, with the changes that it may follow from, or
    /// without any where time alone has come; `None` when the controller shuts down.
    async fn wait(&mut self) -> Option<Option<ChangeEvent>> {
        loop {
            tokio::select! {
                event = self.changes.next() => {
                    let event = event?;
                    if self.concerns(&event) {
                        return Some(Some(event));
                    }
                    self.known.seq = self.known.seq.max(event.seq);
                }
                () = sleep_until(&*self.app.clock, self.known.look_again_at) => return Some(None),
            }
        }
    }

    fn concerns(&self, event: &ChangeEvent) -> bool {
        let Some(known) = &event.known else {
            return true;
        };
        let mut news = known
            .changes
            .iter()
            .filter(|change| change.seq > self.known.seq);
        news.any(|change| {
            change
                .subject
                .concerns(self.whose.caller.user, &self.known.reach)
        })
    }
}
