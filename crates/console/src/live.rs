//! Tells open pages when something changes that concerns their person. Pages then fetch themselves
//! again: what is shown is always rendered in one place.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{Stream, stream};
use hourkey_access::actor::Actor;
use hourkey_access::app::App;
use hourkey_access::error::AppError;
use hourkey_access::publisher::{Change, ChangeEvent, Subject};
use hourkey_access::queries;
use hourkey_access::quota::StreamSlot;
use hourkey_domain::ids::SessionId;
use tokio::sync::{broadcast, watch};

use super::error::PageError;
use crate::page_user::PageUser;

/// A comment comes after this long without a change, so that proxies keep the connection.
const KEEP_ALIVE: Duration = Duration::from_secs(25);

struct Listener {
    app: App,
    _slot: StreamSlot,
    actor: Actor,
    session: SessionId,
    events: broadcast::Receiver<ChangeEvent>,
    stop: watch::Receiver<bool>,
}

/// `GET /live`: server-sent messages `changed`, `reorganised`, and `ended` when the session has ended.
pub(super) async fn stream(
    State(app): State<App>,
    user: PageUser,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, PageError> {
    let slot = app.publisher.quota.take(user.user.id)?;
    let events = app.publisher.subscribe();
    let stop = app.stop.subscribe();
    let actor = queries::person(&app, user.user.id).await?.actor;
    let listener = Listener {
        app,
        _slot: slot,
        actor,
        session: user.session.id,
        events,
        stop,
    };
    // At once, so that a page notices what changed while it was not listening.
    let first = stream::once(async { Ok(Event::default().data("changed")) });
    let rest = stream::unfold(Some(listener), |listener| async {
        let mut listener = listener?;
        match listener.next().await {
            Some(Next::Changed) => Some((Ok(Event::default().data("changed")), Some(listener))),
            Some(Next::Reorganised) => {
                let event = Event::default().data("reorganised");
                Some((Ok(event), Some(listener)))
            }
            Some(Next::Ended) => Some((Ok(Event::default().data("ended")), None)),
            None => None,
        }
    });
    let stream = futures_util::StreamExt::chain(first, rest);
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

enum Next {
    Changed,
    /// Everybody's pages may have changed: they need not all be fetched at once.
    Reorganised,
    Ended,
}

impl Listener {
    /// What to tell the page next; `None` when the controller shuts down.
    async fn next(&mut self) -> Option<Next> {
        loop {
            let bell = tokio::select! {
                bell = self.events.recv() => bell,
                _ = self.stop.wait_for(|stop| *stop) => return None,
            };
            let changes = match bell {
                Ok(bell) => bell.changes,
                // Too many at once to follow each: look again.
                Err(broadcast::error::RecvError::Lagged(_)) => None,
                Err(broadcast::error::RecvError::Closed) => return None,
            };
            match self.judge(changes.as_deref()).await {
                Ok(Some(next)) => return Some(next),
                Ok(None) => {}
                // The page reconnects, and is told then.
                Err(failure) => {
                    let _logged = failure.into_problem();
                    return None;
                }
            }
        }
    }

    async fn judge(&mut self, changes: Option<&[Change]>) -> Result<Option<Next>, AppError> {
        let mine = self.actor.user.id;
        let about = |wanted: fn(&Subject) -> bool| {
            changes.is_none_or(|changes| changes.iter().any(|change| wanted(&change.subject)))
        };
        let organisation =
            about(|subject| matches!(subject, Subject::Organisation { .. } | Subject::Unknown));
        let account = changes.is_none_or(|changes| {
            changes
                .iter()
                .any(|change| change.subject == Subject::Account { user: mine })
        });
        if organisation || account {
            match Actor::of_session(&self.app, mine, self.session).await? {
                Some(actor) => self.actor = actor,
                None => return Ok(Some(Next::Ended)),
            }
            let next = if account {
                Next::Changed
            } else {
                Next::Reorganised
            };
            return Ok(Some(next));
        }
        let concerns = changes
            .unwrap_or_default()
            .iter()
            .any(|change| match change.subject {
                Subject::Access { user, resource, .. } => {
                    user == mine || self.actor.reviews(user, resource)
                }
                Subject::Use {
                    user,
                    resource,
                    restarts_count,
                    cut,
                } => {
                    (cut && self.actor.reviews(user, resource))
                        || (user == mine && (cut || restarts_count))
                }
                Subject::Organisation { .. }
                | Subject::Unknown
                | Subject::Account { .. }
                | Subject::Gateway { .. }
                | Subject::GatewayAsked { .. } => false,
            });
        Ok(concerns.then_some(Next::Changed))
    }
}
