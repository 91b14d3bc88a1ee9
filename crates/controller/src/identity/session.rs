//! Sessions of browsers and clients: how long they last, and how they start and end.

use chrono::TimeDelta;
use hourkey_domain::Time;
use hourkey_domain::ids::{SessionId, UserId};
use hourkey_protocol::account::SessionKind;
use hourkey_store::Write;
use hourkey_store::account::{LONGEST_SESSION, NewSession, Session};
use hourkey_store::log::{Entry, Subject};
use serde_json::json;

use super::secret::new_secret;
use crate::app::App;
use crate::failure::Failure;

/// A browser is signed out after this long without a visit.
pub const BROWSER_IDLE: TimeDelta = TimeDelta::days(7);
/// A browser is signed out this long after it signed in.
pub const BROWSER_LONGEST: TimeDelta = TimeDelta::days(30);
/// A client is signed out after this long without a call.
pub const CLIENT_IDLE: TimeDelta = TimeDelta::days(30);
/// A client is signed out this long after it signed in.
pub const CLIENT_LONGEST: TimeDelta = LONGEST_SESSION;

/// The most characters of a label.
const LABEL: usize = 80;
/// `last_seen` is kept to this.
const HEARD: TimeDelta = TimeDelta::minutes(1);

/// When a session ends by itself if it is not heard again.
#[must_use]
pub fn ends_at(session: &Session) -> Time {
    let (idle, longest) = match session.kind {
        SessionKind::Browser => (BROWSER_IDLE, BROWSER_LONGEST),
        SessionKind::Desktop | SessionKind::Cli | SessionKind::Headless => {
            (CLIENT_IDLE, CLIENT_LONGEST)
        }
    };
    (session.last_seen + idle).min(session.created_at + longest)
}

/// True as long as time has not ended the session. (The store knows only those that were ended.)
#[must_use]
pub fn is_running(session: &Session, now: Time) -> bool {
    now < ends_at(session)
}

/// Starts a session and records it.
///
/// # Errors
/// The store's failure.
pub async fn start(tx: &mut dyn Write, new: NewSession) -> Result<SessionId, Failure> {
    let entry = Entry {
        at: new.created_at,
        actor: Some(new.user),
        action: "session.started",
        subject: Subject::Account { user: new.user },
        detail: json!({ "kind": new.kind, "label": new.label }),
    };
    let id = tx.insert_session(new).await?;
    tx.record(with_session(entry, id)).await?;
    Ok(id)
}

/// Starts a browser's session and returns its cookie's value. The session that this browser had
/// before ends.
///
/// # Errors
/// The store's failure.
pub async fn start_browser(
    app: &App,
    user: UserId,
    label: String,
    before: Option<Session>,
) -> Result<String, Failure> {
    let (cookie, digest) = new_secret();
    app.transact(move |tx, now| {
        Box::pin(async move {
            if let Some(before) = before {
                end(tx, &before, Some(before.user), "signed in again", now).await?;
            }
            let new = NewSession {
                user,
                kind: SessionKind::Browser,
                label,
                created_at: now,
                cookie: Some(digest),
            };
            start(tx, new).await
        })
    })
    .await?;
    Ok(cookie)
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
) -> Result<(), Failure> {
    if tx.session(session.id).await?.is_none() {
        return Ok(());
    }
    tx.end_session(session.id).await?;
    let entry = Entry {
        at: now,
        actor,
        action: "session.ended",
        subject: Subject::Account { user: session.user },
        detail: json!({ "kind": session.kind, "label": session.label, "why": why }),
    };
    tx.record(with_session(entry, session.id)).await?;
    Ok(())
}

/// Ends one of the user's own sessions. Other people's answer as unknown ones do (rule 1).
///
/// # Errors
/// [`Failure::not_found`], or the store's failure.
pub async fn end_own(app: &App, user: UserId, id: SessionId) -> Result<(), Failure> {
    app.transact(move |tx, now| {
        Box::pin(async move {
            let session = tx.session(id).await?.filter(|session| session.user == user);
            let Some(session) = session else {
                return Err(Failure::not_found());
            };
            end(tx, &session, Some(user), "ended by its owner", now).await
        })
    })
    .await
}

/// Ends all of a user's sessions but one.
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
) -> Result<(), Failure> {
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
) -> Result<Vec<hourkey_protocol::account::Session>, Failure> {
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
pub async fn heard(app: &App, session: &Session, now: Time) -> Result<(), Failure> {
    if now - session.last_seen < HEARD {
        return Ok(());
    }
    let id = session.id;
    app.transact(move |tx, now| Box::pin(async move { Ok(tx.touch_session(id, now).await?) }))
        .await
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

    fn session(kind: SessionKind) -> Session {
        let start = Time::from_timestamp_millis(0).unwrap();
        Session {
            id: SessionId(1),
            user: UserId(1),
            kind,
            label: String::new(),
            created_at: start,
            last_seen: start,
        }
    }

    #[test]
    fn a_browser_is_signed_out_when_idle_and_in_the_end() {
        let mut browser = session(SessionKind::Browser);
        let start = browser.created_at;
        let minute = TimeDelta::minutes(1);
        assert!(is_running(&browser, start + BROWSER_IDLE - minute));
        assert!(!is_running(&browser, start + BROWSER_IDLE));
        browser.last_seen = start + BROWSER_LONGEST - TimeDelta::hours(1);
        assert!(is_running(&browser, start + BROWSER_LONGEST - minute));
        assert!(!is_running(&browser, start + BROWSER_LONGEST));
    }

    #[test]
    fn clients_last_longer() {
        for kind in [
            SessionKind::Desktop,
            SessionKind::Cli,
            SessionKind::Headless,
        ] {
            let client = session(kind);
            assert!(is_running(&client, client.created_at + TimeDelta::days(29)));
            assert!(!is_running(
                &client,
                client.created_at + TimeDelta::days(30)
            ));
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
