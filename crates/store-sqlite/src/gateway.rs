//! Gateways.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use hourkey_domain::ids::{GatewayId, NetworkId};
use hourkey_store::StoreError;
use hourkey_store::account::Digest;
use hourkey_store::gateway::{Gateway, GatewayRead, GatewayWrite, NewGateway};
use sqlx::query;
use sqlx::sqlite::SqliteRow;

use crate::column::{Columns, millis};
use crate::tx::Tx;

macro_rules! gateways {
    ($rest:literal) => {
        concat!(
            "SELECT id, name, network_id, address, key, certificate_until FROM gateways WHERE removed = 0 ",
            $rest
        )
    };
}

#[async_trait]
impl GatewayRead for Tx {
    async fn gateway(&mut self, id: GatewayId) -> Result<Option<Gateway>, StoreError> {
        self.one(query(gateways!("AND id = ?")).bind(id.0), gateway)
            .await
    }

    async fn gateways(&mut self) -> Result<Vec<Gateway>, StoreError> {
        self.all(query(gateways!("ORDER BY id")), gateway).await
    }

    async fn open_connections(&mut self) -> Result<Vec<(GatewayId, u64)>, StoreError> {
        let open = query(
            "SELECT gateway_id, count(*) AS number FROM connections WHERE ended_at IS NULL \
             GROUP BY gateway_id",
        );
        self.all(open, |row| {
            let number: i64 = row.col("number")?;
            Ok((GatewayId(row.col("gateway_id")?), number.unsigned_abs()))
        })
        .await
    }

    async fn gateway_by_token(
        &mut self,
        token: Digest,
        now: DateTime<Utc>,
    ) -> Result<Option<Gateway>, StoreError> {
        let by_token = query(gateways!("AND token = ? AND token_expires_at > ?"))
            .bind(token.to_vec())
            .bind(millis(now));
        self.one(by_token, gateway).await
    }

    async fn gateway_by_credential(
        &mut self,
        credential: Digest,
    ) -> Result<Option<Gateway>, StoreError> {
        let by_credential = query(gateways!("AND credential = ?")).bind(credential.to_vec());
        self.one(by_credential, gateway).await
    }
}

#[async_trait]
impl GatewayWrite for Tx {
    async fn insert_gateway(&mut self, new: NewGateway) -> Result<GatewayId, StoreError> {
        self.require_network(new.network).await?;
        let insert = query("INSERT INTO gateways (name, network_id, address) VALUES (?, ?, ?)")
            .bind(new.name)
            .bind(new.network.0)
            .bind(new.address);
        Ok(GatewayId(self.run(insert).await?.last_insert_rowid()))
    }

    async fn set_gateway_token(
        &mut self,
        id: GatewayId,
        token: Digest,
        expires_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let set = query(
            "UPDATE gateways SET token = ?, token_expires_at = ? WHERE id = ? AND removed = 0",
        )
        .bind(token.to_vec())
        .bind(millis(expires_at))
        .bind(id.0);
        self.update_one(set, || format!("gateway {id}")).await
    }

    async fn enrol_gateway(
        &mut self,
        id: GatewayId,
        credential: Digest,
        key: &str,
    ) -> Result<(), StoreError> {
        let enrol = query(
            "UPDATE gateways SET token = NULL, token_expires_at = NULL, credential = ?, key = ? \
             WHERE id = ? AND removed = 0",
        )
        .bind(credential.to_vec())
        .bind(key.to_owned())
        .bind(id.0);
        self.update_one(enrol, || format!("gateway {id}")).await
    }

    async fn set_gateway_certificate(
        &mut self,
        id: GatewayId,
        until: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let set = query("UPDATE gateways SET certificate_until = ? WHERE id = ? AND removed = 0")
            .bind(millis(until))
            .bind(id.0);
        self.update_one(set, || format!("gateway {id}")).await
    }

    async fn remove_gateway(&mut self, id: GatewayId) -> Result<(), StoreError> {
        let remove = query(
            "UPDATE gateways SET removed = 1, token = NULL, token_expires_at = NULL, \
             credential = NULL, key = NULL WHERE id = ? AND removed = 0",
        );
        self.update_one(remove.bind(id.0), || format!("gateway {id}"))
            .await
    }
}

fn gateway(row: &SqliteRow) -> Result<Gateway, StoreError> {
    Ok(Gateway {
        id: GatewayId(row.col("id")?),
        name: row.col("name")?,
        network: NetworkId(row.col("network_id")?),
        address: row.col("address")?,
        key: row.col("key")?,
        certificate_until: row.maybe_time("certificate_until")?,
    })
}
