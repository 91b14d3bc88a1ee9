//! Devices.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use hourkey_domain::ids::{DeviceId, SessionId, UserId};
use hourkey_store::StoreError;
use hourkey_store::device::{Device, DeviceRead, DeviceWrite, NewDevice};
use sqlx::query;
use sqlx::sqlite::SqliteRow;

use crate::column::{Columns, millis};
use crate::tx::Tx;

macro_rules! devices {
    ($rest:literal) => {
        concat!(
            "SELECT d.id, d.user_id, d.session_id, s.kind, d.name, d.key, d.created_at, \
             d.renewed_at FROM devices d JOIN sessions s ON s.id = d.session_id ",
            $rest
        )
    };
}

#[async_trait]
impl DeviceRead for Tx {
    async fn device(&mut self, id: DeviceId) -> Result<Option<Device>, StoreError> {
        self.one(query(devices!("WHERE d.id = ?")).bind(id.0), device)
            .await
    }

    async fn device_of(&mut self, session: SessionId) -> Result<Option<Device>, StoreError> {
        let of = query(devices!("WHERE d.session_id = ?")).bind(session.0);
        self.one(of, device).await
    }

    async fn devices(&mut self, user: Option<UserId>) -> Result<Vec<Device>, StoreError> {
        let of = match user {
            Some(user) => query(devices!("WHERE d.user_id = ? ORDER BY d.id DESC")).bind(user.0),
            None => query(devices!("ORDER BY d.id DESC")),
        };
        self.all(of, device).await
    }
}

#[async_trait]
impl DeviceWrite for Tx {
    async fn insert_device(&mut self, new: NewDevice) -> Result<DeviceId, StoreError> {
        let at = millis(new.created_at);
        let insert = query(
            "INSERT INTO devices (user_id, session_id, name, key, created_at, renewed_at) \
             SELECT user_id, id, ?, ?, ?, ? FROM sessions WHERE id = ?",
        )
        .bind(new.name)
        .bind(new.key)
        .bind(at)
        .bind(at)
        .bind(new.session.0);
        let inserted = self.run(insert).await?;
        if inserted.rows_affected() == 0 {
            let why = format!("session {} is unknown or has ended", new.session);
            return Err(StoreError::Refused(why));
        }
        Ok(DeviceId(inserted.last_insert_rowid()))
    }

    async fn renew_device(&mut self, id: DeviceId, at: DateTime<Utc>) -> Result<(), StoreError> {
        let renew =
            query("UPDATE devices SET renewed_at = ? WHERE id = ? AND session_id IS NOT NULL");
        self.update_one(renew.bind(millis(at)).bind(id.0), || format!("device {id}"))
            .await
    }

    async fn end_device(&mut self, id: DeviceId) -> Result<(), StoreError> {
        self.run(query("UPDATE devices SET session_id = NULL WHERE id = ?").bind(id.0))
            .await?;
        Ok(())
    }
}

fn device(row: &SqliteRow) -> Result<Device, StoreError> {
    Ok(Device {
        id: DeviceId(row.col("id")?),
        user: UserId(row.col("user_id")?),
        session: SessionId(row.col("session_id")?),
        kind: row.db_enum("kind")?,
        name: row.col("name")?,
        key: row.col("key")?,
        created_at: row.time("created_at")?,
        renewed_at: row.time("renewed_at")?,
    })
}
