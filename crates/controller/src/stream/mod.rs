//! The event stream: server-sent events for each signed-in client (`hourkey_protocol::event` says
//! what is sent).
//!
//! A stream waits for an event of the [publisher](hourkey_access::publisher) that concerns its person, reads the affected rows in
//! one read transaction, and sends them with the sequence number that they are true for. A client
//! that reads slowly is not sent more: what happened meanwhile comes in one message, since the
//! store is read only when the message before is gone.

mod message;

use std::convert::Infallible;
use std::time::Duration;

use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{Stream, StreamExt as _};
use hourkey_access::actor::Reach;
use hourkey_access::app::{App, stopped};
use hourkey_access::clock::sleep_until;
use hourkey_access::error::AppError;
use hourkey_access::publisher::ChangeEvent;
use hourkey_access::quota::StreamSlot;
use hourkey_domain::Time;
use hourkey_domain::ids::{SessionId, UserId};
use hourkey_store::log::Subject;
use tokio::sync::{broadcast, watch};

use self::message::Message;

/// A comment line comes after this long without a message.
const KEEP_ALIVE: Duration = Duration::from_secs(25);

/// Opens the stream of a session, continued after the message `last`, if the log reaches back
/// that far. It ends with the session, and when the controller shuts down.
///
/// # Errors
/// When the session has ended, the person has too many streams open, or the store fails.
pub(crate) async fn open(
    app: &App,
    user: UserId,
    session: SessionId,
    last: Option<i64>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>> + use<>>, AppError> {
    let slot = app.publisher.quota.take(user)?;
    // Listen before reading: what happens in between rings.
    let events = app.publisher.subscribe();
    let stop = app.stop.subscribe();
    let first = message::first(app, user, session, last).await?;
    let listener = Listener {
        app: app.clone(),
        _slot: slot,
        user,
        session,
        events,
        stop,
        seen: first.seq,
        reach: first.reach,
        look_again_at: first.look_again_at,
    };
    let rest = futures_util::stream::unfold(listener, |mut listener| async {
        let event = listener.next().await?;
        Some((event, listener))
    });
    let events = futures_util::stream::iter(first.event).chain(rest).map(Ok);
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
    user: UserId,
    session: SessionId,
    events: broadcast::Receiver<ChangeEvent>,
    stop: watch::Receiver<bool>,
    /// Everything up to here was sent, or does not concern this person.
    seen: i64,
    reach: Reach,
    /// When something changes by time alone: a row, or the end of the session.
    look_again_at: Time,
}

impl Listener {
    /// The next message; `None` ends the stream, and the client comes back or learns why not.
    async fn next(&mut self) -> Option<Event> {
        loop {
            self.wait().await?;
            let _reader = self.app.publisher.readers.acquire().await.ok()?;
            let (seen, again) = (self.seen, self.look_again_at);
            let read = message::next(&self.app, self.user, self.session, seen, again).await;
            match read {
                Ok(Some(Message {
                    event,
                    seq,
                    reach,
                    look_again_at,
                })) => {
                    self.seen = seq;
                    self.reach = reach;
                    self.look_again_at = look_again_at;
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

    /// Returns when there may be something to send; `None` when the controller shuts down.
    async fn wait(&mut self) -> Option<()> {
        loop {
            tokio::select! {
                event = self.events.recv() => match event {
                    Ok(event) if event.seq <= self.seen => {}
                    Ok(event) if self.concerns(&event) => return Some(()),
                    Ok(event) => self.seen = event.seq,
                    Err(broadcast::error::RecvError::Lagged(_)) => return Some(()),
                    Err(broadcast::error::RecvError::Closed) => return None,
                },
                () = sleep_until(&*self.app.clock, self.look_again_at) => return Some(()),
                () = stopped(&mut self.stop) => return None,
            }
        }
    }

    fn concerns(&self, event: &ChangeEvent) -> bool {
        let Some(changes) = &event.changes else {
            return true;
        };
        changes.iter().any(|change| match change.subject {
            Subject::Access { user, resource, .. } => {
                user == self.user || self.reach.covers(user, resource)
            }
            Subject::Organisation { .. } | Subject::Unknown | Subject::Gateway { .. } => true,
            Subject::Account { user } => user == self.user,
            Subject::Use {
                user,
                restarts_count: true,
                ..
            } => user == self.user,
            Subject::Use { .. } | Subject::GatewayAsked { .. } => false,
        })
    }
}
