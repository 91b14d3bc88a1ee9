//! Sessions of browsers and clients: how long they last, and how they start and end.

use chrono::TimeDelta;
use hourkey_domain::Time;
use hourkey_domain::audit::AuditAction;
use hourkey_domain::ids::{SessionId, UserId};
use hourkey_domain::organisation::Organisation;
use hourkey_protocol::account::SessionKind;
use hourkey_protocol::problem::Code;
use hourkey_store::account::{Digest, NewSession};
use hourkey_store::log::{Entry, Subject};
use hourkey_store::{Read, Room, Write};
use serde_json::json;

pub use hourkey_store::account::Session;
pub use hourkey_store::organisation::User;

use super::caller::Caller;
use super::requirement;
use super::secret::{digest, new_secret};
use super::verified::Verified;
use crate::app::App;
use crate::error::AppError;

/// A browser is signed out after this long without a visit.
pub const BROWSER_IDLE: TimeDelta = TimeDelta::days(7);
/// A browser is signed out this long after it signed in.
pub const BROWSER_LONGEST: TimeDelta = TimeDelta::days(30);
/// A client is signed out after this long without a call.
pub const CLIENT_IDLE: TimeDelta = TimeDelta::days(30);
/// A client is signed out this long after it signed in.
pub const CLIENT_LONGEST: TimeDelta = TimeDelta::days(90);

/// Dangerous acts want a sign-in that is no older than this.
pub const FRESH: TimeDelta = TimeDelta::minutes(15);

/// The most characters of a label.
const LABEL: usize = 80;
/// `last_seen` is kept to this.
const HEARD: TimeDelta = TimeDelta::minutes(1);

/// How many sessions that time has ended are ended in one transaction.
const END_AT_ONCE: u32 = 100;

/// When a session of this kind ends by itself if it is not heard again.
#[must_use]
pub fn ends_at(kind: SessionKind, created_at: Time, last_seen: Time) -> Time {
    let (idle, longest) = match kind {
        SessionKind::Browser => (BROWSER_IDLE, BROWSER_LONGEST),
        SessionKind::Desktop | SessionKind::Cli | SessionKind::Headless => {
            (CLIENT_IDLE, CLIENT_LONGEST)
        }
    };
    (last_seen + idle).min(created_at + longest)
}

/// True as long as time has not ended the session: [`end_due`] may be about to.
#[must_use]
pub fn is_running(session: &Session, now: Time) -> bool {
    now < session.ends_at
}

/// Whether the session's person proved lately who they are ([`FRESH`]). What was proved in the future does
/// not count: a clock that was set back would keep it fresh until it is there again.
#[must_use]
pub fn is_fresh(session: &Session, now: Time) -> bool {
    session.proved_at <= now && now < session.proved_at + FRESH
}

/// Until when a session runs, if nothing else is heard of it; `None` when it has ended. The store is
/// asked only where the value does not know: when a session is heard, its end moves without an entry
/// in the change log.
///
/// # Errors
/// The store's failure.
pub async fn running_until(
    app: &App,
    organisation: &Organisation,
    id: SessionId,
    now: Time,
) -> Result<Option<Time>, AppError> {
    if let Some(known) = organisation
        .session(id)
        .filter(|known| known.is_running(now))
    {
        return Ok(Some(known.ends_at));
    }
    let found = app.store.read_reserved().await?.session(id).await?;
    let running = found.filter(|session| is_running(session, now));
    if let Some(session) = &running {
        app.directory.heard(session);
    }
    Ok(running.map(|session| session.ends_at))
}

/// Who calls, and by which session.
#[derive(Clone, Debug)]
pub struct Authenticated {
    /// Who.
    pub user: User,
    /// Their session.
    pub session: Session,
    /// Whether the organisation requires a second factor of them, and they have none
    /// ([`requirement::owes`]).
    pub owes_second_factor: bool,
}

/// The person and session of a browser's cookie, while neither time nor an administrator has ended
/// it.
///
/// # Errors
/// The store's failure.
pub async fn by_cookie(app: &App, cookie: &str) -> Result<Option<Authenticated>, AppError> {
    let mut tx = app.store.read().await?;
    let Some(session) = tx.session_by_cookie(digest(cookie)).await? else {
        return Ok(None);
    };
    running(app, tx, session).await
}

/// As [`by_cookie`], of an access token.
///
/// # Errors
/// The store's failure.
pub async fn by_access_token(app: &App, token: &str) -> Result<Option<Authenticated>, AppError> {
    let mut tx = app.store.read().await?;
    let session = tx
        .session_by_access_token(digest(token), app.clock.now())
        .await?;
    let Some(session) = session else {
        return Ok(None);
    };
    running(app, tx, session).await
}

/// The session with its user, when neither time nor an administrator has ended it.
async fn running(
    app: &App,
    mut tx: Box<dyn Read + Send>,
    session: Session,
) -> Result<Option<Authenticated>, AppError> {
    let now = app.clock.now();
    let user = tx.user(session.user).await?;
    let Some(user) = user.filter(|user| !user.disabled) else {
        return Ok(None);
    };
    if !is_running(&session, now) {
        return Ok(None);
    }
    let owes_second_factor = requirement::owes(&mut *tx, &user).await?;
    drop(tx);
    heard(app, &session, now).await?;
    Ok(Some(Authenticated {
        user,
        session,
        owes_second_factor,
    }))
}

/// Starts a session and records it.
///
/// # Errors
/// The store's failure.
pub async fn start(tx: &mut dyn Write, new: NewSession) -> Result<SessionId, AppError> {
    let entry = Entry {
        at: new.created_at,
        actor: Some(new.user),
        action: AuditAction::SessionStarted,
        subject: Subject::Account { user: new.user },
        detail: json!({ "kind": new.kind, "label": new.label }),
    };
    let id = tx.insert_session(new).await?;
    tx.record(with_session(entry, id)).await?;
    Ok(id)
}

/// What a browser said of itself when somebody signs in there.
#[derive(Clone, Debug, Default)]
pub struct Browser {
    /// The cookie of the session that it had before.
    pub before: Option<String>,
    /// What it is called, if it says so.
    pub named: Option<String>,
}

/// What a browser keeps from then on.
#[derive(Debug)]
pub struct Started {
    /// The cookie of its session.
    pub cookie: String,
    /// What it is called.
    pub name: String,
}

/// Starts a browser's session. The session that it had before ends, and the browser is known by
/// this user from now on.
///
/// # Errors
/// [`Code::Unauthenticated`] when the password was changed, or the account disabled, since it was
/// checked; the store's failure.
pub async fn start_browser(
    app: &App,
    verified: Verified,
    label: String,
    browser: Browser,
) -> Result<Started, AppError> {
    let (cookie, key) = new_secret();
    let new = NewBrowser {
        verified,
        label,
        cookie: key,
        browser,
    };
    let (user, again) = (new.verified.user, new.clone());
    let started = app.transact(Room::Usual, move |tx, now| Box::pin(new.start(tx, now)));
    let name = match started.await {
        Err(full) if app.full_disk.admits(&full, user, app.clock.now()) => {
            let started = app.transact(Room::Kept, move |tx, now| Box::pin(again.start(tx, now)));
            started.await?
        }
        started => started?,
    };
    Ok(Started { cookie, name })
}

/// A browser in which somebody signs in.
#[derive(Clone)]
struct NewBrowser {
    verified: Verified,
    label: String,
    cookie: Digest,
    browser: Browser,
}

impl NewBrowser {
    /// Starts its session, and returns what it is called from now on.
    async fn start(self, tx: &mut dyn Write, now: Time) -> Result<String, AppError> {
        let user = self.verified.user;
        if !self.verified.holds(tx).await? {
            return Err(AppError::refused(
                Code::Unauthenticated,
                "The password was changed, two-step sign-in turned on, or the account disabled, just \
                 now. Sign in again.",
            ));
        }
        let before = match self.browser.before {
            Some(before) => tx.session_by_cookie(digest(&before)).await?,
            None => None,
        };
        if let Some(before) = before {
            end(tx, &before, Some(before.user), "signed in again", now).await?;
        }
        let new = NewSession {
            user,
            kind: SessionKind::Browser,
            label: self.label,
            created_at: now,
            ends_at: ends_at(SessionKind::Browser, now, now),
            cookie: Some(self.cookie),
        };
        start(tx, new).await?;
        let name = match self.browser.named {
            Some(name) if !tx.known_users(digest(&name)).await?.is_empty() => name,
            // Nobody gives a browser a name but this controller.
            Some(_) | None => new_secret().0,
        };
        tx.remember_browser(digest(&name), user, now).await?;
        Ok(name)
    }
}

/// Ends a session and records why. One that ended already is left alone.
///
/// # Errors
/// The store's failure.
pub async fn end(
    tx: &mut dyn Write,
    session: &Session,
    actor: Option<UserId>,
    why: &str,
    now: Time,
) -> Result<(), AppError> {
    if tx.session(session.id).await?.is_none() {
        return Ok(());
    }
    tx.end_session(session.id).await?;
    let entry = Entry {
        at: now,
        actor,
        action: AuditAction::SessionEnded,
        subject: Subject::Account { user: session.user },
        detail: json!({ "kind": session.kind, "label": session.label, "why": why }),
    };
    tx.record(with_session(entry, session.id)).await?;
    Ok(())
}

/// Ends sessions that time has ended, as any other end: their streams close, and gateways are told
/// that their devices are gone.
///
/// # Errors
/// The store's failure.
pub async fn end_due(tx: &mut dyn Write, now: Time) -> Result<(), AppError> {
    for session in tx.sessions_due(now, END_AT_ONCE).await? {
        let why = if session.ends_at < ends_at(session.kind, session.created_at, now) {
            "it was not used for too long"
        } else {
            "its time was over"
        };
        end(tx, &session, None, why, now).await?;
    }
    Ok(())
}

/// Ends one of the caller's sessions, by their session `own`. Other people's answer as unknown ones
/// do (rule 1).
///
/// # Errors
/// [`AppError::not_found`]; [`Code::Forbidden`] where `own` ends nothing but itself; the store's
/// failure.
pub async fn end_own(
    app: &App,
    caller: Caller,
    own: SessionId,
    id: SessionId,
) -> Result<(), AppError> {
    let user = caller.user;
    app.transact(Room::Kept, move |tx, now| {
        Box::pin(async move {
            let session = tx.session(id).await?.filter(|session| session.user == user);
            let Some(session) = session else {
                return Err(AppError::not_found());
            };
            caller.may_end(own, session.id)?;
            end(tx, &session, Some(user), "ended by its owner", now).await
        })
    })
    .await
}

/// Ends all of a user's sessions but the one that asks.
///
/// # Errors
/// The store's failure.
pub async fn end_others(app: &App, user: UserId, own: SessionId) -> Result<(), AppError> {
    let why = "ended by its owner";
    app.transact(Room::Kept, move |tx, now| {
        Box::pin(end_all(tx, user, Some(own), Some(user), why, now))
    })
    .await
}

/// Ends all of a user's sessions but one, in a transaction.
///
/// # Errors
/// The store's failure.
pub async fn end_all(
    tx: &mut dyn Write,
    user: UserId,
    except: Option<SessionId>,
    actor: Option<UserId>,
    why: &str,
    now: Time,
) -> Result<(), AppError> {
    for session in tx.sessions_of(user).await? {
        if Some(session.id) != except {
            end(tx, &session, actor, why, now).await?;
        }
    }
    Ok(())
}

/// A user's running sessions, newest first. `current` is the one that asks.
///
/// # Errors
/// The store's failure.
pub async fn list(
    app: &App,
    user: UserId,
    current: SessionId,
) -> Result<Vec<hourkey_protocol::account::Session>, AppError> {
    let now = app.clock.now();
    let sessions = app.store.read().await?.sessions_of(user).await?;
    let running = sessions
        .into_iter()
        .filter(|session| is_running(session, now));
    let shown = running.map(|session| hourkey_protocol::account::Session {
        id: session.id,
        kind: session.kind,
        label: session.label,
        created_at: session.created_at,
        last_seen: session.last_seen,
        current: session.id == current,
    });
    Ok(shown.collect())
}

/// Notes that a session was heard, when the last note is old enough.
///
/// # Errors
/// The store's failure.
pub async fn heard(app: &App, session: &Session, now: Time) -> Result<(), AppError> {
    if now - session.last_seen < HEARD {
        return Ok(());
    }
    let mut session = session.clone();
    let heard = session.clone();
    let noted = app.transact(Room::Usual, move |tx, now| {
        Box::pin(async move { touch(tx, &heard, now).await })
    });
    match noted.await {
        Ok(ends_at) => {
            session.ends_at = ends_at;
            app.directory.heard(&session);
            Ok(())
        }
        // Whoever comes to end access must get through.
        Err(failure) if failure.is_full_disk() => Ok(()),
        Err(failure) => Err(failure),
    }
}

/// Notes that a session is heard now, and returns until when it runs by that.
///
/// # Errors
/// The store's failure.
pub async fn touch(tx: &mut dyn Write, session: &Session, now: Time) -> Result<Time, AppError> {
    let ends_at = ends_at(session.kind, session.created_at, now);
    tx.touch_session(session.id, now, ends_at).await?;
    Ok(ends_at)
}

/// What a client or browser calls itself, made harmless: one line, bounded, never empty.
#[must_use]
pub fn label(said: &str, otherwise: &str) -> String {
    let line: String = said
        .chars()
        .filter(|c| !c.is_control())
        .take(LABEL)
        .collect();
    match line.trim() {
        "" => otherwise.to_owned(),
        line => line.to_owned(),
    }
}

fn with_session(mut entry: Entry, id: SessionId) -> Entry {
    entry.detail["session"] = json!(id);
    entry
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> Time {
        Time::from_timestamp_millis(0).unwrap()
    }

    #[test]
    fn a_browser_is_signed_out_when_idle_and_in_the_end() {
        let ends = |last_seen| ends_at(SessionKind::Browser, start(), last_seen);
        assert_eq!(ends(start()), start() + TimeDelta::days(7));
        let late = start() + BROWSER_LONGEST - TimeDelta::hours(1);
        assert_eq!(ends(late), start() + TimeDelta::days(30));
    }

    #[test]
    fn clients_last_longer() {
        for kind in [
            SessionKind::Desktop,
            SessionKind::Cli,
            SessionKind::Headless,
        ] {
            let ends = |last_seen| ends_at(kind, start(), last_seen);
            assert_eq!(ends(start()), start() + TimeDelta::days(30));
            let late = start() + TimeDelta::days(89);
            assert_eq!(ends(late), start() + TimeDelta::days(90));
        }
    }

    #[test]
    fn labels_are_one_bounded_line() {
        assert_eq!(
            label("Hourkey on\nbuild-host\u{7}", "Client"),
            "Hourkey onbuild-host"
        );
        assert_eq!(label(" \n ", "Client"), "Client");
        assert_eq!(label(&"x".repeat(1000), "Client").len(), LABEL);
    }
}
