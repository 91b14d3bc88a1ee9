//! What one message of the stream holds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::response::sse::Event;
use hourkey_access::actor::{Actor, Reach};
use hourkey_access::app::App;
use hourkey_access::error::AppError;
use hourkey_access::identity::{Caller, session};
use hourkey_access::presenter::Show;
use hourkey_access::queries;
use hourkey_access::resource_rows::{self, Row};
use hourkey_domain::Time;
use hourkey_domain::ids::{RequestId, ResourceId, SessionId, UserId};
use hourkey_domain::organisation::Organisation;
use hourkey_protocol::event::{CHANGES, Changes, SNAPSHOT};
use hourkey_protocol::problem::Code;
use hourkey_store::Read;
use hourkey_store::log::{Change, Subject};
use serde::Serialize;

/// The most changes that are replayed; after more, a snapshot is the shorter way.
const REPLAY: u32 = 1_000;

/// A message, and what the stream has to know to wait for the next one.
pub(super) struct Message {
    /// What is sent, if there is something to say.
    pub(super) event: Option<Event>,
    /// The sequence number that it is true for.
    pub(super) seq: i64,
    /// Whose requests concern the person as a reviewer.
    pub(super) reach: Reach,
    /// When something changes by time alone.
    pub(super) look_again_at: Time,
}

/// The first message: what happened since the message `last`, or a snapshot.
///
/// # Errors
/// [`Code::Unauthenticated`] when the session has ended, or the store's failure.
pub(super) async fn first(
    app: &App,
    user: UserId,
    session: SessionId,
    last: Option<i64>,
) -> Result<Message, AppError> {
    let message = Reading::start(app, user, session).await?;
    let Some(mut reading) = message else {
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

/// The next message after `seen`, perhaps without anything to say; a snapshot when the time to
/// look again has come. `None` when the session has ended.
///
/// # Errors
/// The store's failure.
pub(super) async fn next(
    app: &App,
    user: UserId,
    session: SessionId,
    seen: i64,
    look_again_at: Time,
) -> Result<Option<Message>, AppError> {
    let Some(mut reading) = Reading::start(app, user, session).await? else {
        return Ok(None);
    };
    let changes = reading
        .changes_since(seen)
        .await?
        .filter(|_| reading.now < look_again_at);
    let message = match changes {
        Some(changes) => reading.changes(seen, &changes, Some(look_again_at)).await?,
        None => reading.snapshot().await?,
    };
    Ok(Some(message))
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
    /// `None` when the session has ended, or the person was disabled.
    async fn start(app: &App, user: UserId, id: SessionId) -> Result<Option<Self>, AppError> {
        let mut tx = app.store.read().await?;
        let now = app.clock.now();
        let Some(found) = tx.session(id).await? else {
            return Ok(None);
        };
        let kind = found.kind;
        // At least as new as what the transaction reads: no change is missed.
        let organisation = app.organisation_at(tx.seq().await?).await?;
        let Some(actor) = Actor::of(&organisation, Caller { user, kind }) else {
            return Ok(None);
        };
        if !session::is_running(&found, now) {
            return Ok(None);
        }
        Ok(Some(Self {
            organisation,
            tx,
            now,
            actor,
            session_ends_at: found.ends_at,
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
                    | Subject::GatewayAsked { .. } => true,
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
            event: Some(event(SNAPSHOT, snapshot.seq, &snapshot)?),
            seq: snapshot.seq,
            reach: self.actor.reach,
            look_again_at,
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
            match queries::review_in(&mut *self.tx, &self.actor, request.clone(), self.now).await? {
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
            Some(event(CHANGES, seq, &message)?)
        } else {
            None
        };
        Ok(Message {
            event,
            seq,
            reach: self.actor.reach,
            look_again_at: known.map_or(again, |known| known.min(again)),
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
                | Subject::GatewayAsked { .. } => {}
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

fn event(name: &str, seq: i64, message: &impl Serialize) -> Result<Event, AppError> {
    let event = Event::default().event(name).id(seq.to_string());
    Ok(event.json_data(message).map_err(anyhow::Error::from)?)
}
