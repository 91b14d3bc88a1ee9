//! Which of the open things are meant: conditions, and the index that finds them.
//!
//! Open things are few, history is long, and SQLite without statistics would sometimes rather walk
//! through the history. So the index is named, and a query that cannot use it is an error.

use hourkey_store::access::OpenFilter;
use sqlx::{QueryBuilder, Sqlite};

use crate::column::millis;

/// A kind of open things: its condition, and its indexes, which hold nothing else.
pub(crate) struct Kind {
    state: &'static str,
    all: &'static str,
    by_user: &'static str,
    by_resource: &'static str,
    /// Selects ids of what is due, up to a time that follows.
    due: &'static [&'static str],
}

/// Pending requests.
pub(crate) const PENDING: Kind = Kind {
    state: "state = 'pending'",
    all: "request_lapse",
    by_user: "request_pending",
    by_resource: "request_pending_resource",
    due: &[
        "SELECT id FROM requests WHERE state = 'pending' AND lapses_at <= ",
        "SELECT r.id FROM assignments a JOIN requests r ON r.assignment_id = a.id \
         WHERE r.state = 'pending' AND a.removed = 0 AND a.until IS NOT NULL AND a.until <= ",
    ],
};

/// Scheduled and active grants.
pub(crate) const LIVE: Kind = Kind {
    state: "state IN ('scheduled', 'active')",
    all: "grant_expiry",
    by_user: "grant_live",
    by_resource: "grant_live_resource",
    due: &[
        "SELECT id FROM grants WHERE state = 'scheduled' AND starts_at <= ",
        "SELECT id FROM grants WHERE state IN ('scheduled', 'active') AND expires_at <= ",
        "SELECT g.id FROM assignments a JOIN grants g ON g.assignment_id = a.id \
         WHERE g.state IN ('scheduled', 'active') AND a.removed = 0 AND a.until IS NOT NULL \
         AND a.until <= ",
    ],
};

/// Ends a `SELECT … FROM table` with what the filter wants.
pub(crate) fn narrow(sql: &mut QueryBuilder<Sqlite>, kind: &Kind, filter: OpenFilter) {
    let index = match (filter.user, filter.resource, filter.due_at) {
        (Some(_), _, _) => Some(kind.by_user),
        (None, Some(_), _) => Some(kind.by_resource),
        (None, None, None) => Some(kind.all),
        // What is due is found by id.
        (None, None, Some(_)) => None,
    };
    if let Some(index) = index {
        sql.push(" INDEXED BY ").push(index);
    }
    sql.push(" WHERE ").push(kind.state);
    if let Some(user) = filter.user {
        sql.push(" AND user_id = ").push_bind(user.0);
    }
    if let Some(resource) = filter.resource {
        sql.push(" AND resource_id = ").push_bind(resource.0);
    }
    if let Some(at) = filter.due_at {
        sql.push(" AND id IN (");
        for (number, due) in kind.due.iter().enumerate() {
            let union = if number == 0 { "" } else { " UNION " };
            sql.push(union).push(due).push_bind(millis(at));
        }
        sql.push(")");
    }
    sql.push(" ORDER BY id");
}
