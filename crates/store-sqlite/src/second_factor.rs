//! Second factors of signing in, and of whom the organisation requires one.

use async_trait::async_trait;
use hourkey_domain::ids::UserId;
use hourkey_store::StoreError;
use hourkey_store::account::Digest;
use hourkey_store::second_factor::{SecondFactor, SecondFactorRead, SecondFactorWrite, TwoStepFor};
use sqlx::query;

use crate::column::{Columns, DbEnum as _, millis};
use crate::tx::Tx;

#[async_trait]
impl SecondFactorRead for Tx {
    async fn second_factor(&mut self, user: UserId) -> Result<Option<SecondFactor>, StoreError> {
        let found =
            query("SELECT user_id, secret, since, last_step FROM second_factors WHERE user_id = ?")
                .bind(user.0);
        self.one(found, |row| {
            Ok(SecondFactor {
                user: UserId(row.col("user_id")?),
                secret: row.col("secret")?,
                since: row.time("since")?,
                last_step: row.col("last_step")?,
            })
        })
        .await
    }

    async fn with_second_factor(&mut self) -> Result<Vec<UserId>, StoreError> {
        let found = query("SELECT user_id FROM second_factors ORDER BY user_id");
        self.all(found, |row| Ok(UserId(row.col("user_id")?))).await
    }

    async fn recovery_codes(&mut self, user: UserId) -> Result<u64, StoreError> {
        let count = query("SELECT count(*) AS codes FROM recovery_codes WHERE user_id = ?");
        let count = self.one(count.bind(user.0), |row| row.col::<i64>("codes"));
        Ok(count.await?.unwrap_or_default().unsigned_abs())
    }

    async fn two_step_for(&mut self) -> Result<TwoStepFor, StoreError> {
        let found = query("SELECT two_step_for FROM sign_in_settings");
        let found = self.one(found, |row| row.db_enum("two_step_for"));
        Ok(found.await?.unwrap_or_default())
    }
}

#[async_trait]
impl SecondFactorWrite for Tx {
    async fn put_second_factor(&mut self, factor: SecondFactor) -> Result<(), StoreError> {
        self.remove_second_factor(factor.user).await?;
        let insert = query(
            "INSERT INTO second_factors (user_id, secret, since, last_step) \
             SELECT id, ?, ?, ? FROM users WHERE id = ? AND removed = 0",
        )
        .bind(factor.secret)
        .bind(millis(factor.since))
        .bind(factor.last_step)
        .bind(factor.user.0);
        self.update_one(insert, || format!("user {}", factor.user))
            .await
    }

    async fn set_last_step(&mut self, user: UserId, step: i64) -> Result<(), StoreError> {
        let update = query("UPDATE second_factors SET last_step = ? WHERE user_id = ?")
            .bind(step)
            .bind(user.0);
        self.update_one(update, || format!("the second factor of user {user}"))
            .await
    }

    async fn remove_second_factor(&mut self, user: UserId) -> Result<bool, StoreError> {
        // Its recovery codes go with it (ON DELETE CASCADE).
        let remove = query("DELETE FROM second_factors WHERE user_id = ?").bind(user.0);
        Ok(self.run(remove).await?.rows_affected() > 0)
    }

    async fn set_recovery_codes(
        &mut self,
        user: UserId,
        codes: Vec<Digest>,
    ) -> Result<(), StoreError> {
        let remove = query("DELETE FROM recovery_codes WHERE user_id = ?").bind(user.0);
        self.run(remove).await?;
        for code in codes {
            let insert = query("INSERT INTO recovery_codes (user_id, code) VALUES (?, ?)")
                .bind(user.0)
                .bind(code.to_vec());
            self.run(insert).await?;
        }
        Ok(())
    }

    async fn take_recovery_code(&mut self, user: UserId, code: Digest) -> Result<bool, StoreError> {
        let take = query("DELETE FROM recovery_codes WHERE user_id = ? AND code = ?")
            .bind(user.0)
            .bind(code.to_vec());
        Ok(self.run(take).await?.rows_affected() > 0)
    }

    async fn set_two_step_for(&mut self, whom: TwoStepFor) -> Result<(), StoreError> {
        let update = query("UPDATE sign_in_settings SET two_step_for = ?").bind(whom.db_name());
        self.update_one(update, || "the row of sign-in settings".to_owned())
            .await
    }
}
