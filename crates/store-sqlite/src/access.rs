//! Requests, grants and notices.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use hourkey_domain::grant::{Grant, State as GrantState, Window};
use hourkey_domain::ids::{AssignmentId, GrantId, NoticeId, RequestId, ResourceId, UserId};
use hourkey_domain::request::{NewRequest, Request, State as RequestState};
use hourkey_domain::review::BARRED_FOR;
use hourkey_protocol::notice::{Notice, What};
use hourkey_store::StoreError;
use hourkey_store::access::{
    AccessHistory, AccessRead, AccessWrite, DecidedFilter, LastUnlock, NewGrant, NewNotice, Open,
    OpenFilter, RequestFilter, RequestOutcome, RequestSearch, ReviewOf, Undoable,
};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Sqlite, query};

use crate::column::{Columns, json, millis, unreadable};
use crate::open_filter::{LIVE, PENDING, narrow};
use crate::tx::Tx;

macro_rules! requests {
    ($rest:literal) => {
        concat!(
            "SELECT id, user_id, resource_id, terms, reason, asked_seconds, starts_at, \
             created_at, lapses_at, detail FROM requests ",
            $rest
        )
    };
}

macro_rules! grants {
    ($rest:literal) => {
        concat!(
            "SELECT id, request_id, user_id, resource_id, assignment_id, starts_at, expires_at, \
             detail FROM grants ",
            $rest
        )
    };
}

/// Narrows requests to those that made a grant, the newest of which is so.
macro_rules! its_grant {
    ($which:literal) => {
        concat!(
            " AND state = 'approved' AND (SELECT g.",
            $which,
            " FROM grants g WHERE g.request_id = requests.id ORDER BY g.id DESC LIMIT 1)"
        )
    };
}

/// Narrows requests to those that made a grant which is scheduled or runs, and is so; from those, which are
/// few, where all requests may be many.
macro_rules! has_live_grant {
    ($which:literal) => {
        concat!(
            " AND id IN (SELECT request_id FROM grants WHERE state IN ('scheduled', 'active') AND ",
            $which
        )
    };
}

/// What happened between users and resources; `$which` narrows all its parts.
macro_rules! history {
    ($which:literal) => {
        concat!(
            "SELECT user_id, resource_id, max(asked_at) AS asked_at, max(denied_at) AS denied_at, \
             max(denied) AS denied, max(revoked_at) AS revoked_at, \
             max(taken_at) AS taken_at, max(taken) AS taken, max(used_at) AS used_at, \
             max(counted_from) AS counted_from FROM ( \
             SELECT user_id, resource_id, created_at AS asked_at, \
             iif(state = 'denied' AND extends IS NULL, ended_at, NULL) AS denied_at, \
             iif(state = 'denied' AND extends IS NULL, id, NULL) AS denied, NULL AS revoked_at, \
             NULL AS taken_at, NULL AS taken, NULL AS used_at, NULL AS counted_from, \
             max(id) FROM requests WHERE ",
            $which,
            // SQLite: beside max(id), bare columns come from the row that holds it. One pair has one
            // live grant at a time: its grants end in order of id.
            " GROUP BY user_id, resource_id UNION ALL \
             SELECT user_id, resource_id, NULL, NULL, NULL, \
             iif(revoked_by IS NULL, NULL, ended_at), ended_at, id, NULL, NULL, NULL \
             FROM grants WHERE state = 'revoked' AND ",
            $which,
            " UNION ALL SELECT user_id, resource_id, NULL, NULL, NULL, NULL, NULL, NULL, at, \
             NULL, NULL FROM last_uses WHERE ",
            $which,
            " UNION ALL SELECT user_id, resource_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, \
             starts_at, NULL FROM unused_counts WHERE ",
            $which,
            ") GROUP BY user_id, resource_id ORDER BY user_id, resource_id"
        )
    };
}

#[async_trait]
impl AccessRead for Tx {
    async fn request(&mut self, id: RequestId) -> Result<Option<Request>, StoreError> {
        self.one(query(requests!("WHERE id = ?")).bind(id.0), request)
            .await
    }

    async fn name_when_asked(&mut self, id: RequestId) -> Result<Option<String>, StoreError> {
        let name = query("SELECT resource_name FROM requests WHERE id = ?").bind(id.0);
        self.one(name, |row| row.col("resource_name")).await
    }

    async fn grant(&mut self, id: GrantId) -> Result<Option<Grant>, StoreError> {
        self.one(query(grants!("WHERE id = ?")).bind(id.0), grant)
            .await
    }

    async fn grant_of(&mut self, request: RequestId) -> Result<Option<Grant>, StoreError> {
        self.one(
            query(grants!("WHERE request_id = ? ORDER BY id DESC LIMIT 1")).bind(request.0),
            grant,
        )
        .await
    }

    async fn open(&mut self, filter: OpenFilter) -> Result<Open, StoreError> {
        let mut pending = QueryBuilder::new(requests!(""));
        narrow(&mut pending, &PENDING, filter);
        let mut live = QueryBuilder::new(grants!(""));
        narrow(&mut live, &LIVE, filter);
        Ok(Open {
            requests: self.all(pending.build(), request).await?,
            grants: self.all(live.build(), grant).await?,
        })
    }

    async fn next_deadline(&mut self) -> Result<Option<DateTime<Utc>>, StoreError> {
        let next = query(
            "SELECT min(at) AS at FROM ( \
             SELECT min(lapses_at) AS at FROM requests WHERE state = 'pending' \
             UNION ALL SELECT min(starts_at) FROM grants WHERE state = 'scheduled' \
             UNION ALL SELECT min(expires_at) FROM grants WHERE state IN ('scheduled', 'active') \
             UNION ALL SELECT min(a.until) FROM requests r JOIN assignments a \
             ON a.id = r.assignment_id \
             WHERE r.state = 'pending' AND a.removed = 0 AND a.until IS NOT NULL \
             UNION ALL SELECT min(a.until) FROM grants g JOIN assignments a \
             ON a.id = g.assignment_id \
             WHERE g.state IN ('scheduled', 'active') AND a.removed = 0 AND a.until IS NOT NULL \
             UNION ALL SELECT min(iif(started, until_at, min(from_at, until_at))) FROM deputies \
             UNION ALL SELECT min(again_at) FROM notices WHERE again_at IS NOT NULL \
             UNION ALL SELECT min(h.until) FROM held_back h \
             JOIN users u ON u.id = h.user_id AND u.removed = 0 \
             JOIN assignments a ON a.id = h.assignment_id AND a.removed = 0 \
             UNION ALL SELECT min(at) + ? FROM shown_links \
             UNION ALL SELECT min(ends_at) FROM sessions)",
        );
        let next = next.bind(BARRED_FOR.num_milliseconds());
        Ok(self.one(next, |row| row.maybe_time("at")).await?.flatten())
    }

    async fn newest_requests(
        &mut self,
        search: &RequestSearch,
        before: Option<RequestId>,
        limit: u32,
    ) -> Result<Vec<Request>, StoreError> {
        let mut page = QueryBuilder::new(requests!("WHERE id < "));
        page.push_bind(before.map_or(i64::MAX, |before| before.0));
        // Each has an index of its own.
        of_pair(&mut page, "", search.of);
        if let Some(outcome) = search.outcome {
            page.push(match outcome {
                RequestOutcome::Waiting => " AND state = 'pending'",
                RequestOutcome::Scheduled => has_live_grant!("state = 'scheduled')"),
                RequestOutcome::Granted => has_live_grant!("state = 'active')"),
                RequestOutcome::Extended => " AND state = 'approved' AND extends IS NOT NULL",
                RequestOutcome::Unlocked => {
                    " AND state = 'approved' AND terms ->> 'purpose' = 'unlock'"
                }
                RequestOutcome::Ended => its_grant!("state = 'expired'"),
                RequestOutcome::GivenBack => its_grant!("state = 'released'"),
                RequestOutcome::Revoked => its_grant!("state = 'revoked'"),
                RequestOutcome::Denied => " AND state = 'denied'",
                RequestOutcome::Cancelled => " AND state = 'cancelled'",
                RequestOutcome::Expired => " AND state = 'lapsed'",
            });
        }
        for word in &search.words {
            saying(&mut page, word);
        }
        if let Some(before) = search.made_before {
            page.push(" AND created_at < ").push_bind(millis(before));
        }
        if let Some(before) = search.ends_before {
            // As `Grant::ends_at` says it.
            page.push(
                " AND id IN (SELECT g.request_id FROM grants g \
                 LEFT JOIN assignments a ON a.id = g.assignment_id \
                 WHERE g.state IN ('scheduled', 'active') AND iif(g.state = 'active', \
                 min(g.expires_at, ifnull(a.until, g.expires_at)), g.expires_at) < ",
            )
            .push_bind(millis(before))
            .push(")");
        }
        page.push(" ORDER BY id DESC LIMIT ").push_bind(limit);
        self.all(page.build(), request).await
    }

    async fn last_unlocks(&mut self, filter: RequestFilter) -> Result<Vec<LastUnlock>, StoreError> {
        // Beside max, the columns are those of the row that has it.
        let unlocks = query(
            "SELECT subject ->> 'user' AS user_id, subject ->> 'resource' AS resource_id, \
                 max(seq), at, actor AS unlocked_by \
             FROM audit INDEXED BY audit_unlocked \
             WHERE action = 'resource.unlocked' AND actor IS NOT NULL \
                 AND (?1 IS NULL OR subject ->> 'user' = ?1) \
                 AND (?2 IS NULL OR subject ->> 'resource' = ?2) \
             GROUP BY 1, 2",
        )
        .bind(filter.user.map(|user| user.0))
        .bind(filter.resource.map(|resource| resource.0));
        let mut unlocks = self.all(unlocks, last_unlock).await?;
        let mut approved = QueryBuilder::new(
            "SELECT user_id, resource_id, max(ended_at) AS at, detail ->> 'by' AS unlocked_by \
             FROM requests WHERE state = 'approved' AND terms ->> 'purpose' = 'unlock' \
             AND detail ->> 'by' IN (SELECT id FROM users WHERE admin)",
        );
        of_pair(&mut approved, "", filter);
        approved.push(" GROUP BY user_id, resource_id");
        unlocks.extend(self.all(approved.build(), last_unlock).await?);
        // The later of the two ways is the last of a pair.
        unlocks.sort_by_key(|it| (it.user, it.resource, Reverse(it.at)));
        unlocks.dedup_by_key(|it| (it.user, it.resource));
        Ok(unlocks)
    }

    async fn live_extensions(&mut self, filter: RequestFilter) -> Result<Vec<Request>, StoreError> {
        // A cross join goes from the grants that run, which are few, to their requests.
        let mut approved = QueryBuilder::new(
            "SELECT r.id, r.user_id, r.resource_id, r.terms, r.reason, r.asked_seconds, r.starts_at, \
                 r.created_at, r.lapses_at, r.detail \
             FROM grants g CROSS JOIN requests r ON r.user_id = g.user_id \
                 AND r.resource_id = g.resource_id AND r.extends = g.id \
             WHERE g.state IN ('scheduled', 'active') AND r.state = 'approved'",
        );
        of_pair(&mut approved, "g.", filter);
        approved.push(" ORDER BY r.id");
        self.all(approved.build(), request).await
    }

    async fn decided_requests(
        &mut self,
        filter: &DecidedFilter,
        before: Option<RequestId>,
        limit: u32,
    ) -> Result<Vec<Request>, StoreError> {
        let mut page = QueryBuilder::new(requests!("WHERE state <> 'pending' AND id < "));
        page.push_bind(before.map_or(i64::MAX, |before| before.0));
        if let Some(since) = filter.since {
            page.push(" AND (ended_at >= ")
                .push_bind(millis(since))
                .push(
                    " OR EXISTS (SELECT 1 FROM grants g WHERE g.request_id = requests.id \
                     AND g.state IN ('scheduled', 'active')))",
                );
        }
        if let Some(text) = &filter.search {
            saying(&mut page, text);
        }
        page.push(" ORDER BY id DESC LIMIT ").push_bind(limit);
        self.all(page.build(), request).await
    }

    async fn access_history(
        &mut self,
        user: UserId,
        resource: Option<ResourceId>,
    ) -> Result<Vec<(ResourceId, AccessHistory)>, StoreError> {
        let history = match resource {
            Some(resource) => query(history!("user_id = ?1 AND resource_id = ?2"))
                .bind(user.0)
                .bind(resource.0),
            None => query(history!("user_id = ?1")).bind(user.0),
        };
        let all = self.all(history, access_history).await?;
        let of = all.into_iter();
        Ok(of
            .map(|((_, resource), history)| (resource, history))
            .collect())
    }

    async fn all_access_history(
        &mut self,
    ) -> Result<Vec<((UserId, ResourceId), AccessHistory)>, StoreError> {
        self.all(query(history!("true")), access_history).await
    }

    async fn requests(&mut self, ids: &[RequestId]) -> Result<Vec<Request>, StoreError> {
        let these = query(requests!(
            "WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id"
        ));
        self.all(these.bind(json(&ids)?), request).await
    }

    async fn undoable(&mut self, request: RequestId) -> Result<Option<Undoable>, StoreError> {
        let decision = query(
            "SELECT request_id, decided_by, at, replaced FROM undoables WHERE request_id = ?",
        );
        self.one(decision.bind(request.0), |row| {
            Ok(Undoable {
                request: RequestId(row.col("request_id")?),
                by: UserId(row.col("decided_by")?),
                at: row.time("at")?,
                replaced: row.json("replaced")?,
            })
        })
        .await
    }

    async fn grants(&mut self, ids: &[GrantId]) -> Result<Vec<Grant>, StoreError> {
        let these = query(grants!(
            "WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id"
        ));
        self.all(these.bind(json(&ids)?), grant).await
    }

    async fn grants_since(
        &mut self,
        user: UserId,
        resource: ResourceId,
        since: DateTime<Utc>,
    ) -> Result<u32, StoreError> {
        // What was released or revoked before its start never started.
        let count = query(
            "SELECT count(*) AS count FROM grants WHERE user_id = ? AND resource_id = ? \
             AND starts_at >= ? AND state <> 'scheduled' \
             AND (ended_at IS NULL OR ended_at > starts_at)",
        )
        .bind(user.0)
        .bind(resource.0)
        .bind(millis(since));
        Ok(self.one(count, |row| row.col("count")).await?.unwrap_or(0))
    }

    async fn notices(
        &mut self,
        user: UserId,
        after_seq: i64,
        limit: u32,
    ) -> Result<Vec<Notice>, StoreError> {
        let notices = query(
            "SELECT id, at, resource_id, resource_name, what FROM notices \
             WHERE user_id = ? AND seq > ? ORDER BY seq DESC, id DESC LIMIT ?",
        )
        .bind(user.0)
        .bind(after_seq)
        .bind(limit);
        self.all(notices, notice).await
    }

    async fn review_notice(&mut self, of: ReviewOf) -> Result<Option<Notice>, StoreError> {
        let newest = query(
            "SELECT id, at, resource_id, resource_name, what FROM notices \
             WHERE user_id = ? AND resource_id = ? AND requester_id = ? ORDER BY id DESC LIMIT 1",
        )
        .bind(of.reviewer.0)
        .bind(of.resource.0)
        .bind(of.requester.0);
        self.one(newest, notice).await
    }

    async fn review_notices_due(
        &mut self,
        now: DateTime<Utc>,
    ) -> Result<Vec<(ReviewOf, Notice)>, StoreError> {
        let due = query(
            "SELECT id, at, resource_id, resource_name, what, user_id, requester_id FROM notices \
             WHERE again_at <= ? ORDER BY resource_id, requester_id, id",
        )
        .bind(millis(now));
        let read = |row: &SqliteRow| {
            let of = ReviewOf {
                reviewer: UserId(row.col("user_id")?),
                requester: UserId(row.col("requester_id")?),
                resource: ResourceId(row.col("resource_id")?),
            };
            Ok((of, notice(row)?))
        };
        self.all(due, read).await
    }
}

#[async_trait]
impl AccessWrite for Tx {
    async fn insert_request(&mut self, new: NewRequest) -> Result<RequestId, StoreError> {
        let (state, _) = request_state(&RequestState::Pending);
        let insert = query(
            "INSERT INTO requests (user_id, resource_id, assignment_id, terms, reason, \
             asked_seconds, starts_at, created_at, lapses_at, state, detail, extends, resource_name) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, \
             coalesce((SELECT name FROM resources WHERE id = ?2), ''))",
        )
        .bind(new.user.0)
        .bind(new.resource.0)
        .bind(new.terms.assignment.0)
        .bind(json(&new.terms)?)
        .bind(new.reason.as_str())
        .bind(new.asked.seconds())
        .bind(new.starts_at.map(millis))
        .bind(millis(new.created_at))
        .bind(millis(new.lapses_at))
        .bind(state)
        .bind(json(&RequestState::Pending)?)
        .bind(new.terms.purpose.extends().map(|grant| grant.0));
        Ok(RequestId(self.run(insert).await?.last_insert_rowid()))
    }

    async fn put_undoable(&mut self, decision: Undoable) -> Result<(), StoreError> {
        let put = query(
            "INSERT OR REPLACE INTO undoables (request_id, decided_by, at, replaced) \
             VALUES (?, ?, ?, ?)",
        )
        .bind(decision.request.0)
        .bind(decision.by.0)
        .bind(millis(decision.at))
        .bind(json(&decision.replaced)?);
        self.run(put).await?;
        Ok(())
    }

    async fn remove_undoable(&mut self, request: RequestId) -> Result<(), StoreError> {
        let remove = query("DELETE FROM undoables WHERE request_id = ?");
        self.run(remove.bind(request.0)).await?;
        Ok(())
    }

    async fn set_request_state(
        &mut self,
        id: RequestId,
        state: RequestState,
    ) -> Result<(), StoreError> {
        let (word, ended_at) = request_state(&state);
        let update = query("UPDATE requests SET state = ?, ended_at = ?, detail = ? WHERE id = ?")
            .bind(word)
            .bind(ended_at.map(millis))
            .bind(json(&state)?)
            .bind(id.0);
        self.update_one(update, || format!("request {id}")).await
    }

    async fn insert_grant(&mut self, new: NewGrant) -> Result<GrantId, StoreError> {
        let (state, ended_at, revoked_by) = grant_state(&new.state);
        let insert = query(
            "INSERT INTO grants (request_id, user_id, resource_id, assignment_id, starts_at, \
             expires_at, state, ended_at, revoked_by, detail) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(new.request.0)
        .bind(new.user.0)
        .bind(new.resource.0)
        .bind(new.assignment.0)
        .bind(millis(new.window.starts_at))
        .bind(millis(new.window.expires_at))
        .bind(state)
        .bind(ended_at.map(millis))
        .bind(revoked_by.map(|by| by.0))
        .bind(json(&new.state)?);
        Ok(GrantId(self.run(insert).await?.last_insert_rowid()))
    }

    async fn set_grant_state(&mut self, id: GrantId, state: GrantState) -> Result<(), StoreError> {
        let (word, ended_at, revoked_by) = grant_state(&state);
        let update = query(
            "UPDATE grants SET state = ?, ended_at = ?, revoked_by = ?, detail = ? WHERE id = ?",
        )
        .bind(word)
        .bind(ended_at.map(millis))
        .bind(revoked_by.map(|by| by.0))
        .bind(json(&state)?)
        .bind(id.0);
        self.update_one(update, || format!("grant {id}")).await
    }

    async fn set_grant_window(&mut self, id: GrantId, window: Window) -> Result<(), StoreError> {
        let update = query("UPDATE grants SET starts_at = ?, expires_at = ? WHERE id = ?")
            .bind(millis(window.starts_at))
            .bind(millis(window.expires_at))
            .bind(id.0);
        self.update_one(update, || format!("grant {id}")).await
    }

    async fn insert_notice(
        &mut self,
        new: NewNotice,
        at: DateTime<Utc>,
    ) -> Result<NoticeId, StoreError> {
        let Some(seq) = self.recorded else {
            let why = "a notice before its change is recorded in the same transaction";
            return Err(StoreError::Refused(why.to_owned()));
        };
        let insert = query(
            "INSERT INTO notices (seq, user_id, at, resource_id, resource_name, what) \
             VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(seq)
        .bind(new.user.0)
        .bind(millis(at))
        .bind(new.resource.0)
        .bind(new.resource_name)
        .bind(json(&new.what)?);
        Ok(NoticeId(self.run(insert).await?.last_insert_rowid()))
    }

    async fn replace_review_notice(
        &mut self,
        requester: UserId,
        new: NewNotice,
        at: DateTime<Utc>,
    ) -> Result<NoticeId, StoreError> {
        self.remove_review_notices(ReviewOf {
            reviewer: new.user,
            requester,
            resource: new.resource,
        })
        .await?;
        let id = self.insert_notice(new, at).await?;
        let mark = query("UPDATE notices SET requester_id = ? WHERE id = ?")
            .bind(requester.0)
            .bind(id.0);
        self.run(mark).await?;
        Ok(id)
    }

    async fn postpone_review_notice(
        &mut self,
        id: NoticeId,
        what: What,
        again_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let update = query(
            "UPDATE notices SET what = ?1, again_at = min(coalesce(again_at, ?2), ?2) WHERE id = ?3",
        )
        .bind(json(&what)?)
        .bind(millis(again_at))
        .bind(id.0);
        self.update_one(update, || format!("notice {id}")).await
    }

    async fn remove_review_notices(&mut self, of: ReviewOf) -> Result<(), StoreError> {
        let remove =
            query("DELETE FROM notices WHERE user_id = ? AND resource_id = ? AND requester_id = ?")
                .bind(of.reviewer.0)
                .bind(of.resource.0)
                .bind(of.requester.0);
        self.run(remove).await?;
        Ok(())
    }
}

/// A request's state as its columns: the word, and when it ended.
fn request_state(state: &RequestState) -> (&'static str, Option<DateTime<Utc>>) {
    match state {
        RequestState::Pending => ("pending", None),
        RequestState::Approved { at, .. } => ("approved", Some(*at)),
        RequestState::Denied { at, .. } => ("denied", Some(*at)),
        RequestState::Cancelled { at, .. } => ("cancelled", Some(*at)),
        RequestState::Lapsed { at } => ("lapsed", Some(*at)),
    }
}

/// A grant's state as its columns: the word, when it ended, and which person revoked it.
fn grant_state(state: &GrantState) -> (&'static str, Option<DateTime<Utc>>, Option<UserId>) {
    match state {
        GrantState::Scheduled => ("scheduled", None, None),
        GrantState::Active => ("active", None, None),
        GrantState::Expired { at } => ("expired", Some(*at), None),
        GrantState::Released { at } => ("released", Some(*at), None),
        GrantState::Revoked { at, by, .. } => ("revoked", Some(*at), *by),
    }
}

/// Narrows a query to a person and a resource, in the columns of `table`.
fn of_pair(query: &mut QueryBuilder<Sqlite>, table: &str, filter: RequestFilter) {
    if let Some(user) = filter.user {
        query
            .push(format!(" AND {table}user_id = "))
            .push_bind(user.0);
    }
    if let Some(resource) = filter.resource {
        query
            .push(format!(" AND {table}resource_id = "))
            .push_bind(resource.0);
    }
}

/// Narrows requests to those with this text in the reason, or in the name or login of the person or the name
/// of the resource.
fn saying(query: &mut QueryBuilder<Sqlite>, text: &str) {
    let spellings = spellings(text);
    let contains = |query: &mut QueryBuilder<Sqlite>, column: &str| {
        let mut either = query.push("(").separated(" OR ");
        for spelling in &spellings {
            either.push(format!("instr(lower({column}), "));
            either.push_bind_unseparated(spelling.clone());
            either.push_unseparated(")");
        }
        query.push(")");
    };
    query.push(" AND (");
    contains(query, "reason");
    query.push(" OR user_id IN (SELECT id FROM users WHERE ");
    contains(query, "name");
    query.push(" OR ");
    contains(query, "login");
    query.push(") OR resource_id IN (SELECT id FROM resources WHERE ");
    contains(query, "name");
    query.push("))");
}

/// A text as it stands where SQLite's `lower` has made small letters of ASCII's alone: as it was typed, in
/// small and capital letters, and with a capital first.
fn spellings(text: &str) -> BTreeSet<String> {
    let small = text.to_lowercase();
    let mut letters = small.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    let capitalised = first.chain(letters.clone()).collect();
    let all = [
        text.to_owned(),
        text.to_uppercase(),
        capitalised,
        small.clone(),
    ];
    all.map(|spelling| spelling.to_ascii_lowercase()).into()
}

fn last_unlock(row: &SqliteRow) -> Result<LastUnlock, StoreError> {
    Ok(LastUnlock {
        user: UserId(row.col("user_id")?),
        resource: ResourceId(row.col("resource_id")?),
        at: row.time("at")?,
        by: UserId(row.col("unlocked_by")?),
    })
}

fn request(row: &SqliteRow) -> Result<Request, StoreError> {
    Ok(Request {
        id: RequestId(row.col("id")?),
        user: UserId(row.col("user_id")?),
        resource: ResourceId(row.col("resource_id")?),
        terms: row.json("terms")?,
        reason: row
            .col::<String>("reason")?
            .try_into()
            .map_err(|error| unreadable("reason", error))?,
        asked: row.length("asked_seconds")?,
        starts_at: row.maybe_time("starts_at")?,
        created_at: row.time("created_at")?,
        lapses_at: row.time("lapses_at")?,
        state: row.json("detail")?,
    })
}

fn grant(row: &SqliteRow) -> Result<Grant, StoreError> {
    Ok(Grant {
        id: GrantId(row.col("id")?),
        request: RequestId(row.col("request_id")?),
        user: UserId(row.col("user_id")?),
        resource: ResourceId(row.col("resource_id")?),
        assignment: AssignmentId(row.col("assignment_id")?),
        window: Window {
            starts_at: row.time("starts_at")?,
            expires_at: row.time("expires_at")?,
        },
        state: row.json("detail")?,
    })
}

fn notice(row: &SqliteRow) -> Result<Notice, StoreError> {
    Ok(Notice {
        id: NoticeId(row.col("id")?),
        at: row.time("at")?,
        resource: ResourceId(row.col("resource_id")?),
        resource_name: row.col("resource_name")?,
        what: row.json("what")?,
    })
}

fn access_history(row: &SqliteRow) -> Result<((UserId, ResourceId), AccessHistory), StoreError> {
    let between = (
        UserId(row.col("user_id")?),
        ResourceId(row.col("resource_id")?),
    );
    let history = AccessHistory {
        denied_at: row.maybe_time("denied_at")?,
        denied: row.col::<Option<i64>>("denied")?.map(RequestId),
        revoked_at: row.maybe_time("revoked_at")?,
        taken_at: row.maybe_time("taken_at")?,
        taken: row.col::<Option<i64>>("taken")?.map(GrantId),
        asked_at: row.maybe_time("asked_at")?,
        used_at: row.maybe_time("used_at")?,
        counted_from: row.maybe_time("counted_from")?,
    };
    Ok((between, history))
}
