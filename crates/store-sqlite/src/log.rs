//! The audit log and the change log: one number for both, given by the audit log.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use hourkey_domain::ids::UserId;
use hourkey_store::StoreError;
use hourkey_store::log::{
    Audited, Change, Entry, KEEP_CHANGES, KEEP_CHANGES_FOR, LogRead, LogWrite,
};
use sqlx::query;
use sqlx::sqlite::SqliteRow;

use crate::column::{Columns, json, millis};
use crate::tx::Tx;

/// At most this many changes are dropped in one transaction, which keeps it short.
const DROP_AT_ONCE: i64 = 10_000;

#[async_trait]
impl LogRead for Tx {
    async fn seq(&mut self) -> Result<i64, StoreError> {
        let newest = query("SELECT max(seq) AS seq FROM audit");
        let newest = self
            .one(newest, |row| row.col::<Option<i64>>("seq"))
            .await?;
        Ok(newest.flatten().unwrap_or(0))
    }

    async fn last_change_at(&mut self) -> Result<Option<DateTime<Utc>>, StoreError> {
        self.one(
            query("SELECT at FROM audit ORDER BY seq DESC LIMIT 1"),
            |row| row.time("at"),
        )
        .await
    }

    async fn changes_since(
        &mut self,
        seq: i64,
        limit: u32,
    ) -> Result<Option<Vec<Change>>, StoreError> {
        let newest = self.seq().await?;
        let oldest = query("SELECT min(seq) AS seq FROM change_log");
        let oldest = self
            .one(oldest, |row| row.col::<Option<i64>>("seq"))
            .await?
            .flatten();
        if seq > newest || seq < oldest.unwrap_or(newest + 1) - 1 {
            return Ok(None);
        }
        let changes =
            query("SELECT seq, at, subject FROM change_log WHERE seq > ? ORDER BY seq LIMIT ?")
                .bind(seq)
                .bind(limit);
        self.all(changes, change).await.map(Some)
    }

    async fn audit(&mut self, after_seq: i64, limit: u32) -> Result<Vec<Audited>, StoreError> {
        let entries = query(
            "SELECT seq, at, actor, action, subject, detail FROM audit \
             WHERE seq > ? ORDER BY seq LIMIT ?",
        )
        .bind(after_seq)
        .bind(limit);
        self.all(entries, audited).await
    }
}

#[async_trait]
impl LogWrite for Tx {
    async fn record(&mut self, entry: Entry) -> Result<i64, StoreError> {
        let at = millis(entry.at);
        let subject = json(&entry.subject)?;
        let audit =
            query("INSERT INTO audit (at, actor, action, subject, detail) VALUES (?, ?, ?, ?, ?)")
                .bind(at)
                .bind(entry.actor.map(|actor| actor.0))
                .bind(entry.action.as_str())
                .bind(&subject)
                .bind(json(&entry.detail)?);
        let seq = self.run(audit).await?.last_insert_rowid();
        let change = query("INSERT INTO change_log (seq, at, subject) VALUES (?, ?, ?)");
        self.run(change.bind(seq).bind(at).bind(subject)).await?;
        self.recorded = Some(seq);
        Ok(seq)
    }
}

impl Tx {
    /// Drops the oldest changes that are beyond both bounds. The audit log keeps them for ever.
    pub(crate) async fn prune_changes(&mut self, now: DateTime<Utc>) -> Result<(), StoreError> {
        let last_dropped = self.seq().await? - KEEP_CHANGES;
        let before = now
            .checked_sub_signed(KEEP_CHANGES_FOR)
            .unwrap_or(DateTime::<Utc>::MIN_UTC);
        let prune = query(
            "DELETE FROM change_log WHERE seq IN \
             (SELECT seq FROM change_log WHERE seq <= ? ORDER BY seq LIMIT ?) AND at < ?",
        )
        .bind(last_dropped)
        .bind(DROP_AT_ONCE)
        .bind(millis(before));
        self.run(prune).await?;
        Ok(())
    }
}

fn change(row: &SqliteRow) -> Result<Change, StoreError> {
    Ok(Change {
        seq: row.col("seq")?,
        at: row.time("at")?,
        subject: row.json("subject")?,
    })
}

fn audited(row: &SqliteRow) -> Result<Audited, StoreError> {
    Ok(Audited {
        seq: row.col("seq")?,
        at: row.time("at")?,
        actor: row.col::<Option<i64>>("actor")?.map(UserId),
        action: row.col("action")?,
        subject: row.json("subject")?,
        detail: row.json("detail")?,
    })
}
