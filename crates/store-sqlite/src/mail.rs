//! Mail: settings, the outbox, and what people do not want.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use hourkey_domain::ids::{MailId, ResourceId, UserId};
use hourkey_store::StoreError;
use hourkey_store::mail::{
    Mail, MailCounts, MailKind, MailRead, MailSettings, MailStatus, MailTrouble, MailWrite, NewMail,
};
use sqlx::query;
use sqlx::sqlite::SqliteRow;

use crate::column::{Columns, DbEnum as _, json, millis};
use crate::tx::Tx;

macro_rules! mails {
    ($($rest:tt)+) => {
        concat!(
            "SELECT id, user_id, at, resource_id, resource_name, content, next_at, attempts, \
             failed_since, failure, dead FROM mails ",
            $($rest)+
        )
    };
}

/// The first that waits of each person.
macro_rules! first {
    () => {
        "dead = 0 AND id = (SELECT min(id) FROM mails first \
         WHERE first.user_id = mails.user_id AND first.dead = 0)"
    };
}

#[async_trait]
impl MailRead for Tx {
    async fn server_choosers(&mut self, since: DateTime<Utc>) -> Result<Vec<UserId>, StoreError> {
        let choosers =
            query("SELECT chosen_by FROM server_choosers WHERE at > ? ORDER BY chosen_by");
        self.all(choosers.bind(millis(since)), |row| {
            Ok(UserId(row.col("chosen_by")?))
        })
        .await
    }

    async fn mail_settings(&mut self) -> Result<Option<MailSettings>, StoreError> {
        let found = query(
            "SELECT host, port, security, login, password, sender, sender_name, authorities \
             FROM mail_settings",
        );
        self.one(found, settings).await
    }

    async fn mail_status(&mut self) -> Result<MailStatus, StoreError> {
        let found = query(
            "SELECT sent_at, said, trouble_since, trouble_attempts, trouble_next_at \
             FROM mail_settings",
        );
        Ok(self.one(found, status).await?.unwrap_or_default())
    }

    async fn mail(&mut self, id: MailId) -> Result<Option<Mail>, StoreError> {
        self.one(query(mails!("WHERE id = ?")).bind(id.0), mail)
            .await
    }

    async fn mails_of(&mut self, user: UserId) -> Result<Vec<Mail>, StoreError> {
        let own = query(mails!("WHERE user_id = ? ORDER BY id")).bind(user.0);
        self.all(own, mail).await
    }

    async fn mails_due(&mut self, now: DateTime<Utc>, limit: u32) -> Result<Vec<Mail>, StoreError> {
        let due = query(mails!(
            "WHERE ",
            first!(),
            " AND next_at <= ? ORDER BY next_at, id LIMIT ?"
        ))
        .bind(millis(now))
        .bind(limit);
        self.all(due, mail).await
    }

    async fn next_mail_at(&mut self) -> Result<Option<DateTime<Utc>>, StoreError> {
        let next = query(concat!(
            "SELECT min(next_at) AS next_at FROM mails WHERE ",
            first!()
        ));
        let next = self.one(next, |row| row.maybe_time("next_at")).await?;
        Ok(next.flatten())
    }

    async fn waiting_mails(
        &mut self,
        before: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<Mail>, StoreError> {
        let waiting = query(mails!("WHERE dead = 0 AND at < ? ORDER BY at, id LIMIT ?"))
            .bind(millis(before))
            .bind(limit);
        self.all(waiting, mail).await
    }

    async fn dead_mails(&mut self, limit: u32) -> Result<Vec<Mail>, StoreError> {
        let dead = query(mails!("WHERE dead = 1 ORDER BY id DESC LIMIT ?")).bind(limit);
        self.all(dead, mail).await
    }

    async fn mail_counts(&mut self) -> Result<MailCounts, StoreError> {
        let counts = query(
            "SELECT count(*) FILTER (WHERE dead = 0) AS waiting, \
             count(*) FILTER (WHERE dead = 1) AS dead FROM mails",
        );
        let counts = self.one(counts, |row| {
            Ok(MailCounts {
                waiting: row.col::<i64>("waiting")?.unsigned_abs(),
                dead: row.col::<i64>("dead")?.unsigned_abs(),
            })
        });
        Ok(counts.await?.unwrap_or_default())
    }

    async fn unwanted_mail(&mut self, user: UserId) -> Result<Vec<MailKind>, StoreError> {
        let kinds = query("SELECT kind FROM unwanted_mail WHERE user_id = ?").bind(user.0);
        let mut kinds = self.all(kinds, |row| row.db_enum("kind")).await?;
        kinds.sort_unstable();
        Ok(kinds)
    }
}

#[async_trait]
impl MailWrite for Tx {
    async fn note_server_choosers(
        &mut self,
        by: &[UserId],
        at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        for user in by {
            let note =
                query("INSERT OR REPLACE INTO server_choosers (chosen_by, at) VALUES (?, ?)");
            self.run(note.bind(user.0).bind(millis(at))).await?;
        }
        Ok(())
    }

    async fn set_mail_settings(
        &mut self,
        settings: Option<MailSettings>,
    ) -> Result<(), StoreError> {
        self.run(query("DELETE FROM mail_settings")).await?;
        let Some(settings) = settings else {
            self.run(query("DELETE FROM mails")).await?;
            return Ok(());
        };
        let insert = query(
            "INSERT INTO mail_settings (id, host, port, security, login, password, sender, \
             sender_name, authorities) VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(settings.host)
        .bind(settings.port)
        .bind(settings.security.db_name())
        .bind(settings.login)
        .bind(settings.password)
        .bind(settings.sender)
        .bind(settings.sender_name)
        .bind(settings.authorities);
        self.run(insert).await?;
        Ok(())
    }

    async fn set_mail_status(&mut self, status: MailStatus) -> Result<(), StoreError> {
        let trouble = status.trouble;
        let update = query(
            "UPDATE mail_settings SET sent_at = ?, said = ?, trouble_since = ?, \
             trouble_attempts = ?, trouble_next_at = ?",
        )
        .bind(status.sent_at.map(millis))
        .bind(status.said)
        .bind(trouble.map(|trouble| millis(trouble.since)))
        .bind(trouble.map(|trouble| trouble.attempts))
        .bind(trouble.map(|trouble| millis(trouble.next_at)));
        self.run(update).await?;
        Ok(())
    }

    async fn insert_mail(&mut self, new: NewMail) -> Result<MailId, StoreError> {
        let insert = query(
            "INSERT INTO mails (user_id, at, resource_id, resource_name, content, next_at) \
             VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(new.user.0)
        .bind(millis(new.at))
        .bind(new.resource.map(|id| id.0))
        .bind(new.resource_name)
        .bind(json(&new.content)?)
        .bind(millis(new.next_at));
        Ok(MailId(self.run(insert).await?.last_insert_rowid()))
    }

    async fn set_mail(&mut self, mail: Mail) -> Result<(), StoreError> {
        let update = query(
            "UPDATE mails SET next_at = ?, attempts = ?, failed_since = ?, failure = ?, dead = ? \
             WHERE id = ?",
        )
        .bind(millis(mail.new.next_at))
        .bind(mail.attempts)
        .bind(mail.failed_since.map(millis))
        .bind(mail.failure)
        .bind(mail.dead)
        .bind(mail.id.0);
        self.run(update).await?;
        Ok(())
    }

    async fn remove_mail(&mut self, id: MailId) -> Result<bool, StoreError> {
        let remove = query("DELETE FROM mails WHERE id = ?").bind(id.0);
        Ok(self.run(remove).await?.rows_affected() > 0)
    }

    async fn retry_mail(
        &mut self,
        id: Option<MailId>,
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        let update = query(
            "UPDATE mails SET next_at = ?1, attempts = 0, failed_since = NULL, dead = 0 \
             WHERE (?2 IS NULL OR id = ?2) AND (attempts > 0 OR dead = 1)",
        )
        .bind(millis(now))
        .bind(id.map(|id| id.0));
        Ok(self.run(update).await?.rows_affected())
    }

    async fn set_unwanted_mail(
        &mut self,
        user: UserId,
        kinds: Vec<MailKind>,
    ) -> Result<(), StoreError> {
        let remove = query("DELETE FROM unwanted_mail WHERE user_id = ?").bind(user.0);
        self.run(remove).await?;
        for kind in kinds {
            let insert = query("INSERT OR IGNORE INTO unwanted_mail (user_id, kind) VALUES (?, ?)")
                .bind(user.0)
                .bind(kind.db_name());
            self.run(insert).await?;
        }
        Ok(())
    }
}

fn settings(row: &SqliteRow) -> Result<MailSettings, StoreError> {
    Ok(MailSettings {
        host: row.col("host")?,
        port: row.col("port")?,
        security: row.db_enum("security")?,
        login: row.col("login")?,
        password: row.col("password")?,
        sender: row.col("sender")?,
        sender_name: row.col("sender_name")?,
        authorities: row.col("authorities")?,
    })
}

fn status(row: &SqliteRow) -> Result<MailStatus, StoreError> {
    let trouble = match row.maybe_time("trouble_since")? {
        Some(since) => Some(MailTrouble {
            since,
            attempts: row.col("trouble_attempts")?,
            next_at: row.time("trouble_next_at")?,
        }),
        None => None,
    };
    Ok(MailStatus {
        sent_at: row.maybe_time("sent_at")?,
        said: row.col("said")?,
        trouble,
    })
}

fn mail(row: &SqliteRow) -> Result<Mail, StoreError> {
    Ok(Mail {
        id: MailId(row.col("id")?),
        new: NewMail {
            user: UserId(row.col("user_id")?),
            at: row.time("at")?,
            resource: row.col::<Option<i64>>("resource_id")?.map(ResourceId),
            resource_name: row.col("resource_name")?,
            content: row.json("content")?,
            next_at: row.time("next_at")?,
        },
        attempts: row.col("attempts")?,
        failed_since: row.maybe_time("failed_since")?,
        failure: row.col("failure")?,
        dead: row.col("dead")?,
    })
}
