//! Connections through gateways.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use hourkey_domain::ids::{DeviceId, GatewayId, ResourceId, UserId};
use hourkey_store::StoreError;
use hourkey_store::usage::{Connection, End, ReportOutcome, UsageRead, UsageWrite};
use sqlx::query;
use sqlx::sqlite::SqliteRow;

use crate::column::{Columns, DbEnum as _, millis, unreadable};
use crate::tx::Tx;

#[async_trait]
impl UsageRead for Tx {
    async fn connections(
        &mut self,
        user: UserId,
        resource: ResourceId,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<Connection>, StoreError> {
        let found = query(
            "SELECT gateway_id, id, user_id, device_id, resource_id, started_at, ended_at, why, \
             sent, received FROM connections WHERE user_id = ? AND resource_id = ? \
             AND started_at < ? AND (ended_at IS NULL OR ended_at >= ?) \
             ORDER BY started_at DESC, id LIMIT ?",
        )
        .bind(user.0)
        .bind(resource.0)
        .bind(millis(until))
        .bind(millis(from))
        .bind(limit);
        self.all(found, connection).await
    }
}

#[async_trait]
impl UsageWrite for Tx {
    async fn record_connection(
        &mut self,
        connection: Connection,
        used_at: DateTime<Utc>,
    ) -> Result<ReportOutcome, StoreError> {
        let kept = query("SELECT ended_at FROM connections WHERE gateway_id = ? AND id = ?")
            .bind(connection.gateway.0)
            .bind(connection.id.clone());
        let kept = self.one(kept, |row| row.maybe_time("ended_at")).await?;
        let outcome = match (kept, connection.end) {
            (None, _) => {
                self.insert_connection(&connection).await?;
                ReportOutcome::New
            }
            (Some(None), Some(end)) => {
                self.end_connection(&connection, end).await?;
                ReportOutcome::Ended
            }
            (Some(None), None) => ReportOutcome::Used,
            (Some(Some(_)), _) => return Ok(ReportOutcome::Unchanged),
        };
        let used = query(
            "INSERT INTO last_uses (user_id, resource_id, at) SELECT ?1, ?2, ?3 \
             WHERE NOT EXISTS (SELECT 1 FROM forgotten_uses WHERE user_id = ?1 \
             AND resource_id = ?2 AND ?4 BETWEEN from_at AND to_at) \
             ON CONFLICT (user_id, resource_id) DO UPDATE SET at = excluded.at \
             WHERE at < excluded.at",
        )
        .bind(connection.user.0)
        .bind(connection.resource.0)
        .bind(millis(used_at))
        .bind(millis(connection.started_at));
        let later = self.run(used).await?.rows_affected() > 0;
        match outcome {
            ReportOutcome::Used if !later => Ok(ReportOutcome::Unchanged),
            outcome => Ok(outcome),
        }
    }

    async fn start_counts(&mut self, at: DateTime<Utc>) -> Result<(), StoreError> {
        for came in [
            "UPDATE memberships SET since = ? WHERE since IS NULL",
            "UPDATE users SET since = ? WHERE since IS NULL",
        ] {
            self.run(query(came).bind(millis(at))).await?;
        }
        // One statement for each index.
        let own = query(
            "UPDATE assignments SET auto_locks_since = ? \
             WHERE removed = 0 AND auto_locks_since IS NULL AND mode = 'auto_lock'",
        );
        self.run(own.bind(millis(at))).await?;
        let inherited = query(
            "UPDATE assignments SET auto_locks_since = ? \
             WHERE removed = 0 AND auto_locks_since IS NULL AND mode IS NULL AND resource_id IN \
             (SELECT id FROM resources WHERE removed = 0 AND mode = 'auto_lock')",
        );
        self.run(inherited.bind(millis(at))).await?;
        Ok(())
    }

    async fn forget_uses(
        &mut self,
        (user, resource): (UserId, ResourceId),
        (from, to): (DateTime<Utc>, DateTime<Utc>),
        used_at: Option<DateTime<Utc>>,
    ) -> Result<(), StoreError> {
        let span = query(
            "INSERT INTO forgotten_uses (user_id, resource_id, from_at, to_at) VALUES (?, ?, ?, ?) \
             ON CONFLICT (user_id, resource_id, from_at) DO UPDATE SET to_at = excluded.to_at",
        )
        .bind(user.0)
        .bind(resource.0)
        .bind(millis(from))
        .bind(millis(to));
        self.run(span).await?;
        let later =
            query("DELETE FROM last_uses WHERE user_id = ? AND resource_id = ? AND at >= ?")
                .bind(user.0)
                .bind(resource.0)
                .bind(millis(from));
        self.run(later).await?;
        if let Some(used_at) = used_at {
            let before = query(
                "INSERT INTO last_uses (user_id, resource_id, at) VALUES (?, ?, ?) \
                 ON CONFLICT (user_id, resource_id) DO NOTHING",
            )
            .bind(user.0)
            .bind(resource.0)
            .bind(millis(used_at));
            self.run(before).await?;
        }
        Ok(())
    }

    async fn restart_count(
        &mut self,
        user: UserId,
        resource: ResourceId,
        at: Option<DateTime<Utc>>,
    ) -> Result<(), StoreError> {
        let Some(at) = at else {
            let forget = query("DELETE FROM unused_counts WHERE user_id = ? AND resource_id = ?");
            self.run(forget.bind(user.0).bind(resource.0)).await?;
            return Ok(());
        };
        let restart = query(
            "INSERT INTO unused_counts (user_id, resource_id, starts_at) VALUES (?, ?, ?) \
             ON CONFLICT (user_id, resource_id) DO UPDATE SET starts_at = excluded.starts_at",
        )
        .bind(user.0)
        .bind(resource.0)
        .bind(millis(at));
        self.run(restart).await?;
        Ok(())
    }
}

impl Tx {
    async fn insert_connection(&mut self, connection: &Connection) -> Result<(), StoreError> {
        let end = connection.end;
        let insert = query(
            "INSERT INTO connections (gateway_id, id, user_id, device_id, resource_id, \
             started_at, ended_at, why, sent, received) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(connection.gateway.0)
        .bind(connection.id.clone())
        .bind(connection.user.0)
        .bind(connection.device.0)
        .bind(connection.resource.0)
        .bind(millis(connection.started_at))
        .bind(end.map(|end| millis(end.at)))
        .bind(end.map(|end| end.why.db_name()))
        .bind(bytes(end.map(|end| end.sent)))
        .bind(bytes(end.map(|end| end.received)));
        self.run(insert).await?;
        Ok(())
    }

    async fn end_connection(&mut self, of: &Connection, end: End) -> Result<(), StoreError> {
        let update = query(
            "UPDATE connections SET ended_at = ?, why = ?, sent = ?, received = ? \
             WHERE gateway_id = ? AND id = ?",
        )
        .bind(millis(end.at))
        .bind(end.why.db_name())
        .bind(bytes(Some(end.sent)))
        .bind(bytes(Some(end.received)))
        .bind(of.gateway.0)
        .bind(of.id.clone());
        self.run(update).await?;
        Ok(())
    }
}

/// SQLite's numbers are signed.
fn bytes(count: Option<u64>) -> i64 {
    i64::try_from(count.unwrap_or(0)).unwrap_or(i64::MAX)
}

fn connection(row: &SqliteRow) -> Result<Connection, StoreError> {
    let count =
        |name: &str| u64::try_from(row.col::<i64>(name)?).map_err(|error| unreadable(name, error));
    let end = match row.maybe_time("ended_at")? {
        Some(at) => Some(End {
            at,
            why: row.db_enum("why")?,
            sent: count("sent")?,
            received: count("received")?,
        }),
        None => None,
    };
    Ok(Connection {
        gateway: GatewayId(row.col("gateway_id")?),
        id: row.col("id")?,
        user: UserId(row.col("user_id")?),
        device: DeviceId(row.col("device_id")?),
        resource: ResourceId(row.col("resource_id")?),
        started_at: row.time("started_at")?,
        end,
    })
}
