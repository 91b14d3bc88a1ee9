//! What a change of the organisation shows somebody who reviews nothing: their rows in two values,
//! compared, without a look into the store. One change of what everybody may use concerns everybody who
//! is connected, at the same moment.

use std::collections::{BTreeMap, BTreeSet};

use hourkey_access::directory::KnownChanges;
use hourkey_access::resource_rows::{Row, rows};
use hourkey_domain::Time;
use hourkey_domain::ids::{ResourceId, UserId};
use hourkey_protocol::access::Resource;
use hourkey_store::log::{Entity, Subject};

/// What of a person's view changes may have changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Named {
    rows: NamedRows,
    /// The person themselves, or the organisation's name.
    pub(super) me: bool,
    /// Where clients connect.
    pub(super) networks: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum NamedRows {
    Some(BTreeSet<ResourceId>),
    All,
}

impl Default for NamedRows {
    fn default() -> Self {
        Self::Some(BTreeSet::new())
    }
}

impl NamedRows {
    fn add(&mut self, resource: ResourceId) {
        match self {
            Self::Some(some) => {
                some.insert(resource);
            }
            Self::All => {}
        }
    }
}

impl Named {
    /// `None` where the values alone do not say what the person is told: a request, a grant or a
    /// session of theirs, or anything.
    pub(super) fn by(news: &KnownChanges, me: UserId) -> Option<Self> {
        let (before, after) = (&news.before, &news.after);
        let mut named = Self::default();
        for change in &*news.changes {
            match change.subject {
                Subject::Organisation { entity } => match entity {
                    Entity::Any => return None,
                    Entity::Name => named.me = true,
                    Entity::User(user) if user == me => return None,
                    // Rows name people who decided, and networks.
                    Entity::User(_) | Entity::Network(_) | Entity::Periods => {
                        named.rows = NamedRows::All
                    }
                    Entity::Group(group) => {
                        if before.is_member(me, group) || after.is_member(me, group) {
                            named.rows = NamedRows::All;
                        }
                    }
                    Entity::Resource(resource) => named.rows.add(resource),
                    Entity::Assignment(id) => {
                        let both = [before.assignment(id), after.assignment(id)];
                        for assignment in both.into_iter().flatten() {
                            named.rows.add(assignment.resource);
                        }
                    }
                    // They stand in for reviewers.
                    Entity::FallbackReviewers | Entity::Deputy(_) => {}
                },
                Subject::Unknown => return None,
                Subject::Access { user, .. } | Subject::Account { user } if user == me => {
                    return None;
                }
                Subject::Use {
                    user,
                    resource,
                    restarts_count: true,
                    ..
                } if user == me => named.rows.add(resource),
                Subject::Gateway { .. } => named.networks = true,
                Subject::Access { .. }
                | Subject::Account { .. }
                | Subject::Use { .. }
                | Subject::GatewayAsked { .. }
                | Subject::Mail
                | Subject::Download => {}
            }
        }
        Some(named)
    }
}

/// The rows that differ between two values.
#[derive(Debug, Default)]
pub(super) struct ChangedRows {
    /// Those that are there, as they are now.
    pub(super) shown: Vec<Resource>,
    /// Those that are not there any more.
    pub(super) removed: Vec<ResourceId>,
    /// When the first of those that were looked at changes by time alone.
    pub(super) changes_at: Option<Time>,
}

impl ChangedRows {
    /// Of those that `named` names.
    pub(super) fn between(
        KnownChanges { before, after, .. }: &KnownChanges,
        user: UserId,
        named: &Named,
        now: Time,
    ) -> Self {
        let both = |only| (rows(before, user, only, now), rows(after, user, only, now));
        let mut changed = Self::default();
        match &named.rows {
            NamedRows::All => changed.add(both(None)),
            NamedRows::Some(some) => {
                for resource in some {
                    changed.add(both(Some(*resource)));
                }
            }
        }
        changed
    }

    fn add(&mut self, (before, after): (Vec<Row>, Vec<Row>)) {
        let before = before.into_iter().map(|row| (row.shown.id, row));
        let mut before: BTreeMap<_, _> = before.collect();
        for row in after {
            let known = before.remove(&row.shown.id);
            self.changes_at = earlier(self.changes_at, row.changes_at);
            if known.is_none_or(|known| known != row) {
                self.shown.push(row.shown);
            }
        }
        self.removed.extend(before.into_keys());
    }
}

fn earlier(one: Option<Time>, other: Option<Time>) -> Option<Time> {
    one.into_iter().chain(other).min()
}
