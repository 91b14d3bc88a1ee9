//! Tells open pages when something changes that concerns their person. Pages then fetch themselves
//! again: what is shown is always rendered in one place.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{Stream, stream};
use hourkey_access::actor::Actor;
use hourkey_access::app::App;
use hourkey_access::directory::{Change, ChangeSubscription, Subject};
use hourkey_access::error::AppError;
use hourkey_access::queries;
use hourkey_access::quota::StreamSlot;
use hourkey_domain::ids::{SessionId, UserId};

use super::error::PageError;
use crate::page_user::PageUser;

/// A comment comes after this long without a change, so that proxies keep the connection.
const KEEP_ALIVE: Duration = Duration::from_secs(25);

struct Listener {
    app: App,
    _slot: StreamSlot,
    actor: Actor,
    session: SessionId,
    changes: ChangeSubscription,
}

/// `GET /live`: server-sent messages `changed`, `reorganised`, and `ended` when the session has ended.
pub(super) async fn stream(
    State(app): State<App>,
    user: PageUser,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, PageError> {
    let slot = app.streams.take(user.user.id)?;
    let changes = app.directory.subscribe(&app.stop);
    let actor = queries::person(&app, user.user.id).await?.actor;
    let listener = Listener {
        app,
        _slot: slot,
        actor,
        session: user.session.id,
        changes,
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
            let event = self.changes.next().await?;
            let changes = event.known.as_ref().map(|known| &*known.changes);
            match self.judge(changes).await {
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
        let about = |wanted: fn(&Subject, UserId) -> bool| {
            let any = |changes: &[Change]| changes.iter().any(|it| wanted(&it.subject, mine));
            changes.is_none_or(any)
        };
        let organisation =
            about(|it, _| matches!(it, Subject::Organisation { .. } | Subject::Unknown));
        let account = about(|it, mine| *it == Subject::Account { user: mine });
        if organisation || account {
            let organisation = self.app.organisation().await?;
            let found = Actor::of_session(&self.app, &organisation, mine.into(), self.session);
            let Some((actor, _)) = found.await? else {
                return Ok(Some(Next::Ended));
            };
            self.actor = actor;
            return Ok(Some(match account {
                true => Next::Changed,
                false => Next::Reorganised,
            }));
        }
        let changes = changes.unwrap_or_default();
        let mut subjects = changes.iter().map(|change| change.subject);
        let concerns = subjects.any(|subject| subject.concerns(mine, &self.actor.reach));
        Ok(concerns.then_some(Next::Changed))
    }
}
