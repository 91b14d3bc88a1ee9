//! Deputies, and who was asked to decide a request.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use hourkey_domain::deputy::Deputyship;
use hourkey_domain::ids::{RequestId, UserId};
use hourkey_store::StoreError;
use hourkey_store::reviewing::{ReviewingRead, ReviewingWrite};
use sqlx::query;
use sqlx::sqlite::SqliteRow;

use crate::column::{Columns, millis};
use crate::tx::Tx;

macro_rules! deputies {
    ($rest:literal) => {
        concat!(
            "SELECT principal_id, deputy_id, from_at, until_at, named_by FROM deputies ",
            $rest
        )
    };
}

#[async_trait]
impl ReviewingRead for Tx {
    async fn deputies(&mut self) -> Result<Vec<Deputyship>, StoreError> {
        let all = query(deputies!("ORDER BY principal_id"));
        self.all(all, deputyship).await
    }

    async fn deputy_of(&mut self, principal: UserId) -> Result<Option<Deputyship>, StoreError> {
        let found = query(deputies!("WHERE principal_id = ?")).bind(principal.0);
        self.one(found, deputyship).await
    }

    async fn deputyships_of(&mut self, deputy: UserId) -> Result<Vec<Deputyship>, StoreError> {
        let found = query(deputies!("WHERE deputy_id = ? ORDER BY principal_id"));
        self.all(found.bind(deputy.0), deputyship).await
    }

    async fn deputies_due(&mut self, now: DateTime<Utc>) -> Result<Vec<Deputyship>, StoreError> {
        let due = query(deputies!(
            "WHERE until_at <= ?1 OR (started = 0 AND from_at <= ?1) ORDER BY principal_id"
        ));
        self.all(due.bind(millis(now)), deputyship).await
    }

    async fn asked_reviewers(&mut self, request: RequestId) -> Result<Vec<UserId>, StoreError> {
        let asked =
            query("SELECT user_id FROM asked_reviewers WHERE request_id = ? ORDER BY user_id");
        self.all(asked.bind(request.0), |row| Ok(UserId(row.col("user_id")?)))
            .await
    }
}

#[async_trait]
impl ReviewingWrite for Tx {
    async fn put_deputy(&mut self, deputyship: Deputyship) -> Result<(), StoreError> {
        let put = query(
            "INSERT OR REPLACE INTO deputies (principal_id, deputy_id, from_at, until_at, named_by) \
             VALUES (?, ?, ?, ?, ?)",
        )
        .bind(deputyship.principal.0)
        .bind(deputyship.deputy.0)
        .bind(millis(deputyship.from))
        .bind(millis(deputyship.until))
        .bind(deputyship.named_by.0);
        self.run(put).await?;
        Ok(())
    }

    async fn start_deputy(&mut self, principal: UserId) -> Result<(), StoreError> {
        let start = query("UPDATE deputies SET started = 1 WHERE principal_id = ?");
        self.update_one(start.bind(principal.0), || {
            format!("deputy of user {principal}")
        })
        .await
    }

    async fn remove_deputy(&mut self, principal: UserId) -> Result<(), StoreError> {
        let remove = query("DELETE FROM deputies WHERE principal_id = ?");
        self.run(remove.bind(principal.0)).await?;
        Ok(())
    }

    async fn ask_reviewers(
        &mut self,
        request: RequestId,
        people: Vec<UserId>,
    ) -> Result<(), StoreError> {
        for user in people {
            let ask =
                query("INSERT OR IGNORE INTO asked_reviewers (request_id, user_id) VALUES (?, ?)");
            self.run(ask.bind(request.0).bind(user.0)).await?;
        }
        Ok(())
    }
}

fn deputyship(row: &SqliteRow) -> Result<Deputyship, StoreError> {
    Ok(Deputyship {
        principal: UserId(row.col("principal_id")?),
        deputy: UserId(row.col("deputy_id")?),
        from: row.time("from_at")?,
        until: row.time("until_at")?,
        named_by: UserId(row.col("named_by")?),
    })
}
