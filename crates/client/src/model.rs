//! What is known of the controller's state: the last that was heard, kept while it is away.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use hourkey_domain::ids::ResourceId;
use hourkey_domain::lock::{LockState, Why};
use hourkey_protocol::access::{Request, Resource, Review};
use hourkey_protocol::account::Me;
use hourkey_protocol::event::{Changes, Snapshot};
use hourkey_protocol::notice::Notice;

use crate::update::Update;
use hourkey_clock::ServerClock;

/// Rows by their resource. Clones share them until they change.
pub type Rows = Arc<BTreeMap<ResourceId, Arc<Resource>>>;

/// The state as it was last heard. A clone shares its rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Model {
    /// Who is signed in; `None` before the first snapshot.
    pub me: Option<Me>,
    /// The resources that they see. Show their lock by [`lock_now`].
    pub resources: Rows,
    /// Requests that wait for their review, oldest first.
    pub reviews: Vec<Review>,
    /// Requests that left that queue lately because somebody decided them, latest last.
    pub decided: Vec<Request>,
    /// Their latest notices, newest first.
    pub notices: Vec<Notice>,
    /// The change log's number that all this is true for.
    pub seq: i64,
    /// The server's time.
    pub clock: ServerClock,
    /// Counts up whenever everything was heard anew.
    pub snapshots: u64,
    /// Counts up whenever the gateways may have changed, or which networks there are.
    pub networks: u64,
    /// How well this is up to date.
    pub connection: Connection,
}

/// How well a [`Model`] is up to date.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Connection {
    /// Nothing was heard yet.
    #[default]
    Connecting,
    /// Connected; everything is current.
    Live,
    /// The controller is away.
    Lost {
        /// When it was last heard, by its own clock; `None` when never.
        since: Option<DateTime<Utc>>,
        /// What is wrong, as a sentence.
        why: String,
    },
    /// The session has ended; sign in again.
    Ended,
}

/// How many notices are kept.
const MAX_NOTICES: usize = 200;

/// Decided requests kept, for a person who still looks at one.
const MAX_DECIDED: usize = 20;

impl Model {
    /// Takes in what the stream says, heard at `boot`.
    pub fn apply(&mut self, update: Update, boot: Duration) {
        match update {
            Update::Snapshot(snapshot) => self.replace(*snapshot, boot),
            Update::Changes(changes) => self.change(*changes, boot),
            Update::Live => self.connection = Connection::Live,
            Update::Lost { why, heard } => {
                self.connection = Connection::Lost {
                    since: heard.and_then(|boot| self.clock.now(boot)),
                    why,
                };
            }
            Update::SessionEnded => self.connection = Connection::Ended,
        }
    }

    /// Returns the rows, by the ids of their resources.
    pub fn rows(&self) -> impl Iterator<Item = &Resource> {
        self.resources.values().map(|row| &**row)
    }

    /// Returns the row of a resource, if the person sees it.
    #[must_use]
    pub fn row(&self, id: ResourceId) -> Option<&Resource> {
        self.resources.get(&id).map(|row| &**row)
    }

    /// The next moment after `now` at which some lock changes by itself.
    #[must_use]
    pub fn next_change(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.resources
            .values()
            .filter_map(|resource| changes_at(lock_now(resource, now)))
            .filter(|at| *at > now)
            .min()
    }

    fn replace(&mut self, snapshot: Snapshot, boot: Duration) {
        self.clock.sync(snapshot.server_time, boot);
        self.me = Some(snapshot.me);
        self.resources = Arc::new(by_id(snapshot.resources).collect());
        self.reviews = snapshot.reviews;
        self.notices = snapshot.notices;
        self.tidy();
        self.seq = snapshot.seq;
        self.snapshots += 1;
        self.networks += 1;
        self.connection = Connection::Live;
    }

    fn change(&mut self, changes: Changes, boot: Duration) {
        self.clock.sync(changes.server_time, boot);
        if changes.me.is_some() {
            self.me = changes.me;
        }
        if !(changes.removed_resources.is_empty() && changes.resources.is_empty()) {
            let rows = Arc::make_mut(&mut self.resources);
            for id in &changes.removed_resources {
                rows.remove(id);
            }
            rows.extend(by_id(changes.resources));
        }
        let replaced = |review: &Review| {
            changes.removed_reviews.contains(&review.request.id)
                || changes
                    .reviews
                    .iter()
                    .any(|new| new.request.id == review.request.id)
        };
        self.reviews.retain(|review| !replaced(review));
        self.reviews.extend(changes.reviews);
        self.decided.extend(changes.decided_reviews);
        self.notices.extend(changes.notices);
        self.tidy();
        self.seq = changes.seq;
        self.networks += u64::from(changes.networks_changed);
        self.connection = Connection::Live;
    }

    /// Sorts, and drops what is there twice: rows may be sent again.
    fn tidy(&mut self) {
        self.reviews
            .sort_by_key(|review| (review.request.created_at, review.request.id));
        self.notices
            .sort_by_key(|notice| std::cmp::Reverse(notice.id));
        self.notices.dedup_by_key(|notice| notice.id);
        self.notices.truncate(MAX_NOTICES);
        let waits = |request: &Request| {
            let mut reviews = self.reviews.iter();
            reviews.any(|review| review.request.id == request.id)
        };
        self.decided.retain(|request| !waits(request));
        self.decided
            .drain(..self.decided.len().saturating_sub(MAX_DECIDED));
    }
}

/// The lock of a resource at `now`: the last one heard, with its own deadlines applied, so that
/// nothing is shown as open past its end while the controller is away. At equal instants the
/// ending wins (rule 7).
///
/// What opens it again is the controller's to say; until it does, a reviewer is assumed.
#[must_use]
pub fn lock_now(resource: &Resource, now: DateTime<Utc>) -> LockState {
    let locked = |why| LockState::Locked { why };
    match resource.lock {
        LockState::Open { locks_at: Some(at) } if now >= at => locked(Why::Unused),
        LockState::Granted { expires_at, .. } if now >= expires_at => locked(Why::NeedsApproval),
        LockState::Scheduled { expires_at, .. } if now >= expires_at => locked(Why::NeedsApproval),
        LockState::Scheduled {
            grant,
            starts_at,
            expires_at,
        } if now >= starts_at => LockState::Granted {
            grant,
            started_at: starts_at,
            expires_at,
            extension: None,
        },
        LockState::Granted {
            grant,
            started_at,
            expires_at,
            extension: Some(waits),
        } if now >= waits.lapses_at => LockState::Granted {
            grant,
            started_at,
            expires_at,
            extension: None,
        },
        LockState::Pending { lapses_at, .. } if now >= lapses_at => locked(Why::NeedsApproval),
        lock @ (LockState::Open { .. }
        | LockState::Granted { .. }
        | LockState::Scheduled { .. }
        | LockState::Pending { .. }
        | LockState::Locked { .. }) => lock,
    }
}

fn changes_at(lock: LockState) -> Option<DateTime<Utc>> {
    match lock {
        LockState::Open { locks_at } => locks_at,
        LockState::Granted { expires_at, .. } => Some(expires_at),
        LockState::Scheduled { starts_at, .. } => Some(starts_at),
        LockState::Pending { lapses_at, .. } => Some(lapses_at),
        LockState::Locked { .. } => None,
    }
}

fn by_id(resources: Vec<Resource>) -> impl Iterator<Item = (ResourceId, Arc<Resource>)> {
    resources
        .into_iter()
        .map(|resource| (resource.id, Arc::new(resource)))
}

#[cfg(test)]
mod tests;
