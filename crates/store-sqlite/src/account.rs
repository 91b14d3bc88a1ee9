//! Passwords, sessions, tokens, and calls that must not happen twice.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use hourkey_domain::ids::{SessionId, UserId};
use hourkey_domain::transition::UNDO;
use hourkey_store::StoreError;
use hourkey_store::account::{
    AccountRead, AccountWrite, BROWSER_KNOWN_FOR, Code, Consent, DeviceCode, Digest, NewSession,
    Refresh, Session, ShownLink, StoredResponse,
};
use sqlx::query;
use sqlx::sqlite::SqliteRow;

use crate::column::{Columns, DbEnum, json, millis, unreadable};
use crate::tx::Tx;

/// Answers for an `Idempotency-Key` are kept this long.
const REMEMBER_FOR: TimeDelta = TimeDelta::hours(24);

macro_rules! shown_links {
    ($which:literal) => {
        concat!(
            "SELECT user_id, shown_to, at, is_shown FROM shown_links ",
            $which,
            "ORDER BY at DESC, user_id, shown_to"
        )
    };
}

/// When users were last seen; `$users` and `$sessions` narrow both places that say it.
macro_rules! last_seen {
    ($users:literal, $sessions:literal) => {
        concat!(
            "SELECT user_id, max(at) AS at FROM ( \
             SELECT id AS user_id, last_seen AS at FROM users \
             WHERE removed = 0 AND last_seen IS NOT NULL AND ",
            $users,
            " UNION ALL SELECT user_id, last_seen FROM sessions WHERE ",
            $sessions,
            ") GROUP BY user_id"
        )
    };
}

macro_rules! sessions {
    ($rest:literal) => {
        concat!(
            "SELECT s.id, s.user_id, s.kind, s.label, s.created_at, s.last_seen, s.ends_at, s.proved_at \
             FROM sessions s ",
            $rest
        )
    };
}

macro_rules! device_codes {
    ($rest:literal) => {
        concat!(
            "SELECT user_code, client_id, label, expires_at, polled_at, user_id, consented_in, denied \
             FROM device_codes ",
            $rest
        )
    };
}

#[async_trait]
impl AccountRead for Tx {
    async fn password_hash(&mut self, user: UserId) -> Result<Option<String>, StoreError> {
        let hash = query("SELECT password_hash FROM users WHERE id = ?").bind(user.0);
        Ok(self
            .one(hash, |row| row.col("password_hash"))
            .await?
            .flatten())
    }

    async fn sessions_of(&mut self, user: UserId) -> Result<Vec<Session>, StoreError> {
        let sessions = query(sessions!("WHERE s.user_id = ? ORDER BY s.id DESC")).bind(user.0);
        self.all(sessions, session).await
    }

    async fn last_seen(
        &mut self,
        of: Option<&[UserId]>,
    ) -> Result<Vec<(UserId, DateTime<Utc>)>, StoreError> {
        let seen = match of {
            None => query(last_seen!("true", "true")),
            Some(users) => query(last_seen!(
                "id IN (SELECT value FROM json_each(?1))",
                "user_id IN (SELECT value FROM json_each(?1))"
            ))
            .bind(json(&users)?),
        };
        self.all(seen, |row| {
            Ok((UserId(row.col("user_id")?), row.time("at")?))
        })
        .await
    }

    async fn session_by_cookie(&mut self, cookie: Digest) -> Result<Option<Session>, StoreError> {
        let by_cookie = query(sessions!("WHERE s.cookie = ?")).bind(cookie.to_vec());
        self.one(by_cookie, session).await
    }

    async fn session_by_access_token(
        &mut self,
        token: Digest,
        now: DateTime<Utc>,
    ) -> Result<Option<Session>, StoreError> {
        let by_token = query(sessions!(
            "JOIN access_tokens t ON t.session_id = s.id WHERE t.token = ? AND t.expires_at > ?"
        ))
        .bind(token.to_vec())
        .bind(millis(now));
        self.one(by_token, session).await
    }

    async fn sessions_due(
        &mut self,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<Session>, StoreError> {
        let due = query(sessions!("WHERE s.ends_at <= ? ORDER BY s.ends_at LIMIT ?"));
        self.all(due.bind(millis(now)).bind(limit), session).await
    }

    async fn sessions(&mut self) -> Result<Vec<Session>, StoreError> {
        self.all(query(sessions!("ORDER BY s.id")), session).await
    }

    async fn session(&mut self, id: SessionId) -> Result<Option<Session>, StoreError> {
        self.one(query(sessions!("WHERE s.id = ?")).bind(id.0), session)
            .await
    }

    async fn refresh_token(&mut self, token: Digest) -> Result<Option<Refresh>, StoreError> {
        let refresh =
            query("SELECT session_id, generation, used FROM refresh_tokens WHERE token = ?");
        self.one(refresh.bind(token.to_vec()), refresh_of).await
    }

    async fn newest_refresh_token(
        &mut self,
        session: SessionId,
    ) -> Result<Option<Refresh>, StoreError> {
        let newest = query(
            "SELECT session_id, generation, used FROM refresh_tokens WHERE session_id = ? \
             ORDER BY generation DESC, id DESC LIMIT 1",
        );
        self.one(newest.bind(session.0), refresh_of).await
    }

    async fn code(&mut self, code: Digest) -> Result<Option<Code>, StoreError> {
        let kept = query(
            "SELECT user_id, consented_in, client_id, redirect_uri, challenge, label, expires_at, \
             session_id FROM codes WHERE code = ?",
        );
        self.one(kept.bind(code.to_vec()), code_of).await
    }

    async fn device_code(&mut self, device_code: Digest) -> Result<Option<DeviceCode>, StoreError> {
        self.one(
            query(device_codes!("WHERE device_code = ?")).bind(device_code.to_vec()),
            device,
        )
        .await
    }

    async fn device_code_by_user_code(
        &mut self,
        user_code: &str,
    ) -> Result<Option<DeviceCode>, StoreError> {
        self.one(
            query(device_codes!("WHERE user_code = ?")).bind(user_code.to_owned()),
            device,
        )
        .await
    }

    async fn reset_link(
        &mut self,
        link: Digest,
        now: DateTime<Utc>,
    ) -> Result<Option<UserId>, StoreError> {
        let user = query("SELECT user_id FROM reset_links WHERE link = ? AND expires_at > ?")
            .bind(link.to_vec())
            .bind(millis(now));
        self.one(user, |row| Ok(UserId(row.col("user_id")?))).await
    }

    async fn address_choosers(&mut self, user: UserId) -> Result<Vec<UserId>, StoreError> {
        let choosers =
            query("SELECT chosen_by FROM address_choosers WHERE user_id = ? ORDER BY chosen_by");
        self.all(choosers.bind(user.0), |row| {
            Ok(UserId(row.col("chosen_by")?))
        })
        .await
    }

    async fn shown_links(&mut self, user: Option<UserId>) -> Result<Vec<ShownLink>, StoreError> {
        let shown = match user {
            None => query(shown_links!("")),
            Some(user) => query(shown_links!("WHERE user_id = ? ")).bind(user.0),
        };
        self.all(shown, shown_link).await
    }

    async fn known_users(&mut self, browser: Digest) -> Result<Vec<UserId>, StoreError> {
        let users = query("SELECT user_id FROM known_browsers WHERE browser = ? ORDER BY at DESC");
        self.all(users.bind(browser.to_vec()), |row| {
            Ok(UserId(row.col("user_id")?))
        })
        .await
    }

    async fn setup_code(&mut self) -> Result<Option<Digest>, StoreError> {
        let code = query("SELECT setup_code FROM organisation");
        Ok(self
            .one(code, |row| row.digest("setup_code"))
            .await?
            .flatten())
    }

    async fn stored_response(
        &mut self,
        user: UserId,
        key: &str,
    ) -> Result<Option<StoredResponse>, StoreError> {
        let kept = query("SELECT call, status, body FROM remembered WHERE user_id = ? AND key = ?")
            .bind(user.0)
            .bind(key.to_owned());
        self.one(kept, |row| {
            Ok(StoredResponse {
                call: row
                    .digest("call")?
                    .ok_or_else(|| unreadable("call", "nothing"))?,
                status: row.col("status")?,
                body: row.col("body")?,
            })
        })
        .await
    }
}

#[async_trait]
impl AccountWrite for Tx {
    async fn set_password_hash(&mut self, user: UserId, hash: &str) -> Result<(), StoreError> {
        let update = query("UPDATE users SET password_hash = ? WHERE id = ? AND removed = 0")
            .bind(hash.to_owned())
            .bind(user.0);
        self.update_one(update, || format!("user {user}")).await
    }

    async fn insert_session(&mut self, new: NewSession) -> Result<SessionId, StoreError> {
        let at = millis(new.created_at);
        let insert = query(
            "INSERT INTO sessions (user_id, kind, label, created_at, last_seen, proved_at, ends_at, cookie) \
             SELECT id, ?, ?, ?, ?, ?, ?, ? FROM users WHERE id = ? AND removed = 0",
        )
        .bind(new.kind.db_name())
        .bind(new.label)
        .bind(at)
        .bind(at)
        .bind(at)
        .bind(millis(new.ends_at))
        .bind(new.cookie.map(|cookie| cookie.to_vec()))
        .bind(new.user.0);
        let inserted = self.run(insert).await?;
        if inserted.rows_affected() == 0 {
            let why = format!("user {} is unknown or removed", new.user);
            return Err(StoreError::Refused(why));
        }
        Ok(SessionId(inserted.last_insert_rowid()))
    }

    async fn touch_session(
        &mut self,
        id: SessionId,
        at: DateTime<Utc>,
        ends_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let touch = query(
            "UPDATE sessions SET last_seen = max(last_seen, ?), ends_at = max(ends_at, ?) \
             WHERE id = ?",
        );
        let touch = touch.bind(millis(at)).bind(millis(ends_at)).bind(id.0);
        self.run(touch).await?;
        Ok(())
    }

    async fn prove_session(&mut self, id: SessionId, at: DateTime<Utc>) -> Result<(), StoreError> {
        let prove = query("UPDATE sessions SET proved_at = ? WHERE id = ?");
        self.run(prove.bind(millis(at)).bind(id.0)).await?;
        Ok(())
    }

    async fn end_session(&mut self, id: SessionId) -> Result<(), StoreError> {
        let seen = query(
            "UPDATE users SET last_seen = max(coalesce(users.last_seen, 0), s.last_seen) \
             FROM sessions s WHERE s.id = ? AND users.id = s.user_id",
        );
        self.run(seen.bind(id.0)).await?;
        // Its tokens go with it (ON DELETE CASCADE); AUTOINCREMENT keeps the id from coming back.
        self.run(query("DELETE FROM sessions WHERE id = ?").bind(id.0))
            .await?;
        Ok(())
    }

    async fn insert_access_token(
        &mut self,
        token: Digest,
        session: SessionId,
        expires_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let insert =
            query("INSERT INTO access_tokens (token, session_id, expires_at) VALUES (?, ?, ?)")
                .bind(token.to_vec())
                .bind(session.0)
                .bind(millis(expires_at));
        self.run(insert).await?;
        Ok(())
    }

    async fn insert_refresh_token(
        &mut self,
        token: Digest,
        session: SessionId,
        generation: i64,
    ) -> Result<(), StoreError> {
        let insert =
            query("INSERT INTO refresh_tokens (token, session_id, generation) VALUES (?, ?, ?)")
                .bind(token.to_vec())
                .bind(session.0)
                .bind(generation);
        self.run(insert).await?;
        Ok(())
    }

    async fn use_refresh_token(&mut self, token: Digest) -> Result<(), StoreError> {
        let update = query("UPDATE refresh_tokens SET used = 1 WHERE token = ?");
        self.update_one(update.bind(token.to_vec()), || "a refresh token".to_owned())
            .await
    }

    async fn put_code(&mut self, code: Digest, value: Code) -> Result<(), StoreError> {
        let put = query(
            "INSERT INTO codes (code, user_id, consented_in, client_id, redirect_uri, challenge, \
             label, expires_at, session_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) \
             ON CONFLICT (code) DO UPDATE SET user_id = excluded.user_id, \
             consented_in = excluded.consented_in, client_id = excluded.client_id, redirect_uri = excluded.redirect_uri, \
             challenge = excluded.challenge, label = excluded.label, \
             expires_at = excluded.expires_at, session_id = excluded.session_id",
        )
        .bind(code.to_vec())
        .bind(value.consent.user.0)
        .bind(value.consent.session.0)
        .bind(value.client_id)
        .bind(value.redirect_uri)
        .bind(value.challenge)
        .bind(value.label)
        .bind(millis(value.expires_at))
        .bind(value.session.map(|session| session.0));
        self.run(put).await?;
        Ok(())
    }

    async fn put_device_code(
        &mut self,
        device_code: Digest,
        value: DeviceCode,
    ) -> Result<(), StoreError> {
        let put = query(
            "INSERT INTO device_codes (device_code, user_code, client_id, label, expires_at, \
             polled_at, user_id, consented_in, denied) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) \
             ON CONFLICT (device_code) DO UPDATE SET user_code = excluded.user_code, \
             client_id = excluded.client_id, label = excluded.label, \
             expires_at = excluded.expires_at, polled_at = excluded.polled_at, \
             user_id = excluded.user_id, consented_in = excluded.consented_in, \
             denied = excluded.denied",
        )
        .bind(device_code.to_vec())
        .bind(value.user_code)
        .bind(value.client_id)
        .bind(value.label)
        .bind(millis(value.expires_at))
        .bind(value.polled_at.map(millis))
        .bind(value.consent.map(|consent| consent.user.0))
        .bind(value.consent.map(|consent| consent.session.0))
        .bind(value.denied);
        self.run(put).await?;
        Ok(())
    }

    async fn decide_device_code(
        &mut self,
        user_code: &str,
        consent: Option<Consent>,
    ) -> Result<(), StoreError> {
        let decide = query(
            "UPDATE device_codes SET user_id = ?, consented_in = ?, denied = ? \
             WHERE user_code = ?",
        )
        .bind(consent.map(|consent| consent.user.0))
        .bind(consent.map(|consent| consent.session.0))
        .bind(consent.is_none())
        .bind(user_code.to_owned());
        self.update_one(decide, || "a device's user code".to_owned())
            .await
    }

    async fn remove_device_code(&mut self, device_code: Digest) -> Result<(), StoreError> {
        let remove =
            query("DELETE FROM device_codes WHERE device_code = ?").bind(device_code.to_vec());
        self.run(remove).await?;
        Ok(())
    }

    async fn put_reset_link(
        &mut self,
        link: Digest,
        user: UserId,
        expires_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.remove_reset_links(user).await?;
        let insert = query("INSERT INTO reset_links (link, user_id, expires_at) VALUES (?, ?, ?)")
            .bind(link.to_vec())
            .bind(user.0)
            .bind(millis(expires_at));
        self.run(insert).await?;
        Ok(())
    }

    async fn set_address_choosers(
        &mut self,
        user: UserId,
        by: &[UserId],
    ) -> Result<(), StoreError> {
        self.run(query("DELETE FROM address_choosers WHERE user_id = ?").bind(user.0))
            .await?;
        for by in by {
            let note = query("INSERT INTO address_choosers (user_id, chosen_by) VALUES (?, ?)");
            self.run(note.bind(user.0).bind(by.0)).await?;
        }
        Ok(())
    }

    async fn note_shown_link(&mut self, shown: ShownLink) -> Result<(), StoreError> {
        let note = query(
            "INSERT INTO shown_links (user_id, shown_to, at, is_shown) VALUES (?, ?, ?, ?) \
             ON CONFLICT (user_id, shown_to) DO UPDATE SET at = excluded.at, \
             is_shown = max(is_shown, excluded.is_shown)",
        )
        .bind(shown.user.0)
        .bind(shown.shown_to.0)
        .bind(millis(shown.at))
        .bind(shown.is_shown);
        self.run(note).await?;
        Ok(())
    }

    async fn forget_shown_links(&mut self, until: DateTime<Utc>) -> Result<(), StoreError> {
        let forget = query("DELETE FROM shown_links WHERE at <= ?").bind(millis(until));
        self.run(forget).await?;
        Ok(())
    }

    async fn remove_reset_links(&mut self, user: UserId) -> Result<(), StoreError> {
        self.run(query("DELETE FROM reset_links WHERE user_id = ?").bind(user.0))
            .await?;
        Ok(())
    }

    async fn remember_browser(
        &mut self,
        browser: Digest,
        user: UserId,
        at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let keep = query(
            "INSERT INTO known_browsers (browser, user_id, at) VALUES (?, ?, ?) \
             ON CONFLICT (browser, user_id) DO UPDATE SET at = excluded.at",
        );
        self.run(keep.bind(browser.to_vec()).bind(user.0).bind(millis(at)))
            .await?;
        Ok(())
    }

    async fn set_setup_code(&mut self, code: Option<Digest>) -> Result<(), StoreError> {
        let set = query("UPDATE organisation SET setup_code = ?");
        self.run(set.bind(code.map(|code| code.to_vec()))).await?;
        Ok(())
    }

    async fn store_response(
        &mut self,
        user: UserId,
        key: &str,
        answer: StoredResponse,
        at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let insert = query(
            "INSERT INTO remembered (user_id, key, call, status, body, at) \
             VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(user.0)
        .bind(key.to_owned())
        .bind(answer.call.to_vec())
        .bind(answer.status)
        .bind(answer.body)
        .bind(millis(at));
        self.run(insert).await?;
        Ok(())
    }

    async fn forget_expired(&mut self, now: DateTime<Utc>) -> Result<(), StoreError> {
        let at = millis(now);
        for expired in [
            "DELETE FROM access_tokens WHERE expires_at <= ?",
            "DELETE FROM codes WHERE expires_at <= ?",
            "DELETE FROM device_codes WHERE expires_at <= ?",
            "DELETE FROM reset_links WHERE expires_at <= ?",
            // Of what was removed: the others are ended, with an entry in the log.
            "DELETE FROM held_back WHERE until <= ? AND NOT EXISTS (SELECT 1 FROM users u, assignments a \
             WHERE u.id = user_id AND u.removed = 0 AND a.id = assignment_id AND a.removed = 0)",
        ] {
            self.run(query(expired).bind(at)).await?;
        }
        for (old, kept) in [
            ("DELETE FROM remembered WHERE at <= ?", REMEMBER_FOR),
            ("DELETE FROM undoables WHERE at <= ?", UNDO),
            (
                "DELETE FROM known_browsers WHERE at <= ?",
                BROWSER_KNOWN_FOR,
            ),
        ] {
            let before = now
                .checked_sub_signed(kept)
                .unwrap_or(DateTime::<Utc>::MIN_UTC);
            self.run(query(old).bind(millis(before))).await?;
        }
        self.prune_changes(now).await
    }
}

fn session(row: &SqliteRow) -> Result<Session, StoreError> {
    Ok(Session {
        id: SessionId(row.col("id")?),
        user: UserId(row.col("user_id")?),
        kind: row.db_enum("kind")?,
        label: row.col("label")?,
        created_at: row.time("created_at")?,
        last_seen: row.time("last_seen")?,
        ends_at: row.time("ends_at")?,
        proved_at: row.time("proved_at")?,
    })
}

fn refresh_of(row: &SqliteRow) -> Result<Refresh, StoreError> {
    Ok(Refresh {
        session: SessionId(row.col("session_id")?),
        generation: row.col("generation")?,
        used: row.col("used")?,
    })
}

fn code_of(row: &SqliteRow) -> Result<Code, StoreError> {
    Ok(Code {
        consent: Consent {
            user: UserId(row.col("user_id")?),
            session: SessionId(row.col("consented_in")?),
        },
        client_id: row.col("client_id")?,
        redirect_uri: row.col("redirect_uri")?,
        challenge: row.col("challenge")?,
        label: row.col("label")?,
        expires_at: row.time("expires_at")?,
        session: row.col::<Option<i64>>("session_id")?.map(SessionId),
    })
}

fn device(row: &SqliteRow) -> Result<DeviceCode, StoreError> {
    let user = row.col::<Option<i64>>("user_id")?.map(UserId);
    let session = row.col::<Option<i64>>("consented_in")?.map(SessionId);
    let consent = user.zip(session);
    Ok(DeviceCode {
        user_code: row.col("user_code")?,
        client_id: row.col("client_id")?,
        label: row.col("label")?,
        expires_at: row.time("expires_at")?,
        polled_at: row.maybe_time("polled_at")?,
        consent: consent.map(|(user, session)| Consent { user, session }),
        denied: row.col("denied")?,
    })
}

fn shown_link(row: &SqliteRow) -> Result<ShownLink, StoreError> {
    Ok(ShownLink {
        user: UserId(row.col("user_id")?),
        shown_to: UserId(row.col("shown_to")?),
        is_shown: row.col("is_shown")?,
        at: row.time("at")?,
    })
}
