//! What one message of the stream holds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::response::sse::Event;
use hourkey_access::actor::{Actor, Reach};
use hourkey_access::app::App;
use hourkey_access::directory::ChangeEvent;
use hourkey_access::error::AppError;
use hourkey_access::identity::{Caller, requirement};
use hourkey_access::presenter::Show;
use hourkey_access::queries;
use hourkey_access::resource_rows::{self, Row};
use hourkey_domain::Time;
use hourkey_domain::ids::{RequestId, ResourceId, SessionId};
use hourkey_domain::organisation::Organisation;
use hourkey_protocol::event::{CHANGES, Changes, SNAPSHOT};
use hourkey_protocol::problem::Code;
use hourkey_store::Read;
use hourkey_store::log::{Change, Subject};
use serde::Serialize;

use super::organisation_change::{ChangedRows, Named};

/// The most changes that are replayed; after more, a snapshot is the shorter way.
const REPLAY: u32 = 1_000;

/// A message.
pub(super) struct Message {
    /// What is sent, if there is something to say.
    pub(super) event: Option<Event>,
    /// What the stream knows with it.
    pub(super) known: Known,
}

/// What a stream has to know to wait for the next message.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// Everything up to here was sent, or does not concern this person.
    pub(super) seq: i64,
    /// Whose requests concern the person as a reviewer.
    pub(super) reach: Reach,
    /// When something changes by time alone: a row, or the end of the session.
    pub(super) look_again_at: Time,
}

/// Whose stream it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whose {
    /// The person, and how they signed in.
    pub(super) caller: Caller,
    /// By which session.
    pub(super) session: SessionId,
}

/// The first message: what happened since the message `last`, or a snapshot.
///
/// # Errors
/// [`Code::Unauthenticated`] when the session has ended, or the store's failure.
pub(super) async fn first(app: &App, whose: Whose, last: Option<i64>) -> Result<Message, AppError> {
    let Some(mut reading) = Reading::start(app, whose).await? else {
        return Err(AppError::refused(
            Code::Unauthenticated,
            "The session has ended. Sign in again.",
        ));
    };
    let replay = match last {
        Some(last) => reading.changes_since(last).await?,
        None => None,
    };
    match (last, replay) {
        (Some(last), Some(changes)) if !reading.time_has_changed_since(last).await? => {
            reading.changes(last, &changes, None).await
        }
        (Some(_) | None, _) => reading.snapshot().await,
    }
}

/// The next message after what is `known`, perhaps without anything to say; a snapshot when the
/// time to look again has come. `None` when the session has ended.
///
/// # Errors
/// The store's failure.
pub(super) async fn next(
    app: &App,
    whose: Whose,
    known: &Known,
    heard: Option<&ChangeEvent>,
) -> Result<Option<Message>, AppError> {
    if let Some(event) = heard
        && let Some(message) = compared(app, whose, known, event).await?
    {
        return Ok(Some(message));
    }
    let _turn = app.streams.readers.acquire().await;
    let Some(mut reading) = Reading::start(app, whose).await? else {
        return Ok(None);
    };
    let changes = reading
        .changes_since(known.seq)
        .await?
        .filter(|_| reading.now < known.look_again_at);
    let message = match changes {
        Some(changes) => {
            let again = Some(known.look_again_at);
            reading.changes(known.seq, &changes, again).await?
        }
        None => reading.snapshot().await?,
    };
    Ok(Some(message))
}

/// The message about changes that two values of the organisation tell; `None` where it takes a look
/// into the store.
async fn compared(
    app: &App,
    Whose { caller, session }: Whose,
    known: &Known,
    event: &ChangeEvent,
) -> Result<Option<Message>, AppError> {
    let now = app.clock.now();
    let Some(news) = event.known.as_ref().filter(|_| now < known.look_again_at) else {
        return Ok(None);
    };
    let Some(named) = Named::by(news, caller.user) else {
        return Ok(None);
    };
    let organisation = &news.after;
    let found = Actor::of_session(app, organisation, caller, session).await?;
    let Some((actor, session_ends_at)) = found else {
        return Ok(None);
    };
    if known.reach.is_some() || actor.reach.is_some() {
        return Ok(None);
    }
    let rows = ChangedRows::between(news, caller.user, &named, now);
    let again = rows.changes_at.unwrap_or(session_ends_at);
    let message = Changes {
        seq: event.seq,
        server_time: now,
        me: named.me.then(|| queries::me_of(organisation, &actor)),
        networks_changed: named.networks,
        resources: rows.shown,
        removed_resources: rows.removed,
        reviews: Vec::new(),
        removed_reviews: Vec::new(),
        decided_reviews: Vec::new(),
        notices: Vec::new(),
    };
    Ok(Some(Message {
        event: match says_something(&message) {
            true => Some(sse_event(CHANGES, event.seq, &message)?),
            false => None,
        },
        known: Known {
            seq: event.seq,
            reach: actor.reach,
            look_again_at: known.look_again_at.min(again).min(session_ends_at),
        },
    }))
}

/// One read transaction for one person.
struct Reading {
    tx: Box<dyn Read + Send>,
    /// At least as new as what the transaction reads.
    organisation: Arc<Organisation>,
    now: Time,
    actor: Actor,
    /// When the session ends by itself, as far as is known now.
    session_ends_at: Time,
}

impl Reading {
    /// `None` when the session has ended, the person was disabled, or what they owe changed.
    async fn start(app: &App, whose: Whose) -> Result<Option<Self>, AppError> {
        let Whose { caller, session } = whose;
        let mut tx = app.store.read().await?;
        let owes = match tx.user(caller.user).await? {
            Some(user) => requirement::owes(&mut *tx, &user).await?,
            None => false,
        };
        if owes != caller.owes_second_factor {
            // They reach more or less of others than when the stream began: it begins anew.
            return Ok(None);
        }
        // At least as new as what the transaction reads: no change is missed.
        let organisation = app.organisation_at(tx.seq().await?).await?;
        let found = Actor::of_session(app, &organisation, caller, session).await?;
        Ok(found.map(|(actor, session_ends_at)| Self {
            organisation,
            tx,
            now: app.clock.now(),
            actor,
            session_ends_at,
        }))
    }

    /// What changed after `seq`; `None` when a snapshot has to be taken.
    async fn changes_since(&mut self, seq: i64) -> Result<Option<Vec<Change>>, AppError> {
        let changes = self.tx.changes_since(seq, REPLAY).await?;
        Ok(changes.filter(|changes| {
            changes.len() < REPLAY as usize
                && changes.iter().all(|change| match change.subject {
                    Subject::Organisation { .. } | Subject::Unknown => false,
                    Subject::Access { .. }
                    | Subject::Account { .. }
                    | Subject::Use { .. }
                    | Subject::Gateway { .. }
                    | Subject::GatewayAsked { .. }
                    | Subject::Mail
                    | Subject::Download => true,
                })
        }))
    }

    /// Whether time alone may have changed a row since the change `seq`, which the log does not
    /// tell. (The message with this number may have been sent later than the change was made: then
    /// a snapshot is sent that nobody needed.)
    async fn time_has_changed_since(&mut self, seq: i64) -> Result<bool, AppError> {
        let change = self.tx.changes_since(seq - 1, 1).await?;
        let Some(made) = change.and_then(|changes| changes.first().map(|change| change.at)) else {
            return Ok(true);
        };
        let me = self.actor.user.id;
        Ok(resource_rows::changed_by_time(
            &self.organisation,
            me,
            made,
            self.now,
        ))
    }

    async fn snapshot(mut self) -> Result<Message, AppError> {
        let rows = resource_rows::rows(&self.organisation, self.actor.user.id, None, self.now);
        let look_again_at = self.look_again_at(&rows);
        let snapshot = queries::snapshot_in(
            &mut *self.tx,
            &self.organisation,
            &self.actor,
            rows,
            self.now,
        )
        .await?;
        Ok(Message {
            event: Some(sse_event(SNAPSHOT, snapshot.seq, &snapshot)?),
            known: Known {
                seq: snapshot.seq,
                reach: self.actor.reach,
                look_again_at,
            },
        })
    }

    /// The rows that these changes affect, and the notices after `seq`.
    ///
    /// `known` is when to look again, as far as it was known. At the start of a stream nothing is
    /// known yet: then all rows are read, and a message is sent even if it says nothing, so that
    /// the client has the server's time.
    async fn changes(
        mut self,
        after: i64,
        changes: &[Change],
        known: Option<Time>,
    ) -> Result<Message, AppError> {
        let me = self.actor.user.id;
        let seq = changes.last().map_or(after, |change| change.seq);
        let affected = Affected::of(changes, &self.actor);

        let mut rows = BTreeMap::new();
        if known.is_none() {
            rows.extend(by_id(resource_rows::rows(
                &self.organisation,
                me,
                None,
                self.now,
            )));
        } else {
            for resource in &affected.resources {
                let row = resource_rows::rows(&self.organisation, me, Some(*resource), self.now);
                rows.extend(by_id(row));
            }
        }
        let again = self.look_again_at(rows.values());
        let mut message = Changes {
            seq,
            server_time: self.now,
            me: None,
            networks_changed: affected.networks,
            resources: Vec::new(),
            removed_resources: Vec::new(),
            reviews: Vec::new(),
            removed_reviews: Vec::new(),
            decided_reviews: Vec::new(),
            notices: queries::notices_in(&mut *self.tx, &self.actor, after).await?,
        };
        message.notices.reverse();
        if affected.account {
            message.me = Some(queries::me_of(&self.organisation, &self.actor));
        }
        for resource in affected.resources {
            match rows.remove(&resource) {
                Some(row) => message.resources.push(row.shown),
                None => message.removed_resources.push(resource),
            }
        }
        for id in affected.requests {
            let Some(request) = self.tx.request(id).await? else {
                continue;
            };
            let review = queries::review_in(
                &mut *self.tx,
                &self.organisation,
                &self.actor,
                request.clone(),
                self.now,
            );
            match review.await? {
                Some(review) => message.reviews.push(review),
                None => {
                    message.removed_reviews.push(id);
                    if self.actor.reviews(request.user, request.resource) {
                        let decided = Show::new(&mut *self.tx, self.now).request(request).await?;
                        message.decided_reviews.push(decided);
                    }
                }
            }
        }
        let event = if known.is_none() || says_something(&message) {
            Some(sse_event(CHANGES, seq, &message)?)
        } else {
            None
        };
        Ok(Message {
            event,
            known: Known {
                seq,
                reach: self.actor.reach,
                look_again_at: known.map_or(again, |known| known.min(again)),
            },
        })
    }

    /// The first moment at which one of these rows changes by time alone, or the session ends.
    fn look_again_at<'a>(&self, rows: impl IntoIterator<Item = &'a Row>) -> Time {
        let rows = rows.into_iter().filter_map(|row| row.changes_at);
        rows.fold(self.session_ends_at, Time::min)
    }
}

/// What changes affect for one person.
struct Affected {
    /// Their own rows.
    resources: BTreeSet<ResourceId>,
    /// Requests that they review.
    requests: BTreeSet<RequestId>,
    /// Their account.
    account: bool,
    /// Where they connect.
    networks: bool,
}

impl Affected {
    fn of(changes: &[Change], actor: &Actor) -> Self {
        let (resources, requests) = (BTreeSet::new(), BTreeSet::new());
        let mut affected = Self {
            resources,
            requests,
            account: false,
            networks: false,
        };
        for change in changes {
            match change.subject {
                Subject::Access {
                    user,
                    resource,
                    request,
                    ..
                } => {
                    if user == actor.user.id {
                        affected.resources.insert(resource);
                    }
                    if actor.reviews(user, resource) {
                        affected.requests.insert(request);
                    }
                }
                Subject::Account { user } => affected.account |= user == actor.user.id,
                Subject::Use {
                    user,
                    resource,
                    restarts_count: true,
                    ..
                } if user == actor.user.id => {
                    affected.resources.insert(resource);
                }
                Subject::Gateway { .. } => affected.networks = true,
                // A snapshot is taken instead of the first; the others show nowhere.
                Subject::Organisation { .. }
                | Subject::Unknown
                | Subject::Use { .. }
                | Subject::GatewayAsked { .. }
                | Subject::Mail
                | Subject::Download => {}
            }
        }
        affected
    }
}

fn by_id(rows: Vec<Row>) -> impl Iterator<Item = (ResourceId, Row)> {
    rows.into_iter().map(|row| (row.shown.id, row))
}

fn says_something(message: &Changes) -> bool {
    let Changes {
        seq: _,
        server_time: _,
        me,
        networks_changed,
        resources,
        removed_resources,
        reviews,
        removed_reviews,
        // Each of them was removed.
        decided_reviews: _,
        notices,
    } = message;
    me.is_some()
        || *networks_changed
        || !resources.is_empty()
        || !removed_resources.is_empty()
        || !reviews.is_empty()
        || !removed_reviews.is_empty()
        || !notices.is_empty()
}

fn sse_event(name: &str, seq: i64, message: &impl Serialize) -> Result<Event, AppError> {
    let event = Event::default().event(name).id(seq.to_string());
    Ok(event.json_data(message).map_err(anyhow::Error::from)?)
}
