//! The token endpoint (RFC 6749, 3.2): codes, refresh tokens and device codes become tokens.

use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::response::Response;
use axum::{Form, Json};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use hourkey_access::app::App;
use hourkey_access::error::AppError;
use hourkey_access::identity::client::Client;
use hourkey_access::identity::secret::{digest, same};
use hourkey_access::identity::session;
use hourkey_domain::Time;
use hourkey_domain::ids::SessionId;
use hourkey_protocol::oauth::DEVICE_GRANT;
use hourkey_store::account::{Digest, NewSession, Session};
use hourkey_store::{Room, Write};
use serde::Deserialize;

use super::device;
use super::error::{Refusal, calling_client, no_store};
use super::issue::{
    ACCESS_LIFETIME, Outcome, consent_is_void, consenting, enabled, invalid_grant, issue,
};

/// How long an access token is good for that is given on a full disk: fewer of them take less of the room that is kept. What ends a session ends
/// its tokens at once, however long they would last.
const ACCESS_LIFETIME_ON_FULL_DISK: TimeDelta = TimeDelta::hours(4);
/// How long an exchanged code is remembered.
const USED_CODE_KEPT: TimeDelta = TimeDelta::days(1);

/// Parameters of all grant types. Repeated ones are refused (RFC 6749, 3.2), unknown ones ignored.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Call {
    grant_type: String,
    client_id: String,
    code: String,
    redirect_uri: String,
    code_verifier: String,
    refresh_token: String,
    device_code: String,
}

/// `POST /oauth/token`
pub(super) async fn exchange(
    State(app): State<App>,
    call: Result<Form<Call>, FormRejection>,
) -> Result<Response, Refusal> {
    let Ok(Form(call)) = call else {
        return Err(Refusal::new(
            "invalid_request",
            "Send a form (application/x-www-form-urlencoded) with each parameter once.",
        ));
    };
    let client = calling_client(&call.client_id)?;
    let outcome = match call.grant_type.as_str() {
        "authorization_code" => by_code(&app, client, call).await,
        "refresh_token" => by_refresh_token(&app, client, &call.refresh_token).await,
        DEVICE_GRANT if app.config.device_flow => {
            device::poll(&app, client, &call.device_code).await
        }
        "" => return Err(Refusal::new("invalid_request", "grant_type is missing.")),
        _ => {
            return Err(Refusal::new(
                "unsupported_grant_type",
                "There is no such grant type.",
            ));
        }
    };
    Ok(no_store(Json(outcome??)))
}

/// RFC 6749, 4.1.3 with RFC 7636, 4.5.
async fn by_code(app: &App, client: Client, call: Call) -> Outcome {
    app.transact(Room::Usual, move |tx, now| {
        Box::pin(async move {
            let key = digest(&call.code);
            let Some(code) = tx.code(key).await? else {
                return Ok(Err(invalid_grant("The code is unknown or has expired.")));
            };
            if let Some(id) = code.session {
                // Somebody else may hold the code: neither of the two keeps tokens.
                end_family(tx, id, "its authorization code was used again", now).await?;
                return Ok(Err(invalid_grant("The code was used already.")));
            }
            if code.expires_at <= now {
                return Ok(Err(invalid_grant("The code is unknown or has expired.")));
            }
            let challenge = URL_SAFE_NO_PAD.encode(digest(&call.code_verifier));
            if code.client_id != client.id()
                || code.redirect_uri != call.redirect_uri
                || !same(&challenge, &code.challenge)
            {
                return Ok(Err(invalid_grant(
                    "The code was made for another client, redirect_uri or code_verifier.",
                )));
            }
            let Some(user) = consenting(tx, code.consent, now).await? else {
                return Ok(Err(consent_is_void()));
            };
            let kind = client.session_kind();
            let new = NewSession {
                user: user.id,
                kind,
                label: code.label.clone(),
                created_at: now,
                ends_at: session::ends_at(kind, now, now),
                cookie: None,
            };
            let session = session::start(tx, new).await?;
            // Kept beyond its own end, so that a late reuse is recognised too.
            let used = hourkey_store::account::Code {
                session: Some(session),
                expires_at: now + USED_CODE_KEPT,
                ..code
            };
            tx.put_code(key, used).await?;
            Ok(Ok(issue(tx, session, 1, ACCESS_LIFETIME, now).await?))
        })
    })
    .await
}

/// RFC 6749, 6, with rotation: the previous token stays valid until its successor is first used,
/// so that a lost answer signs nobody out. Every other reuse ends the family, since then two
/// parties hold its tokens.
async fn by_refresh_token(app: &App, client: Client, token: &str) -> Outcome {
    let key = digest(token);
    let usual = app.transact(Room::Usual, move |tx, now| {
        Box::pin(refresh(tx, client, key, ACCESS_LIFETIME, now))
    });
    match usual.await {
        Err(full) if full.is_full_disk() => on_full_disk(app, client, key, full).await,
        done => done,
    }
}

/// [`refresh`] in the room that is kept, for whom it admits.
async fn on_full_disk(app: &App, client: Client, key: Digest, full: AppError) -> Outcome {
    let mut tx = app.store.read().await?;
    let session = match tx.refresh_token(key).await? {
        Some(refresh) => tx.session(refresh.session).await?,
        None => None,
    };
    drop(tx);
    let Some(session) = session else {
        return Ok(Err(signed_out()));
    };
    if !app.full_disk.admits(&full, session.user, app.clock.now()) {
        return Err(full);
    }
    let lifetime = ACCESS_LIFETIME_ON_FULL_DISK;
    app.transact(Room::Kept, move |tx, now| {
        Box::pin(refresh(tx, client, key, lifetime, now))
    })
    .await
}

async fn refresh(
    tx: &mut dyn Write,
    client: Client,
    key: Digest,
    lifetime: TimeDelta,
    now: Time,
) -> Outcome {
    let Some(refresh) = tx.refresh_token(key).await? else {
        return Ok(Err(signed_out()));
    };
    let session = tx.session(refresh.session).await?;
    let Some(session) = session.filter(|session| client.owns(session.kind)) else {
        return Ok(Err(signed_out()));
    };
    if !session::is_running(&session, now) {
        session::end(tx, &session, None, "it was not used for too long", now).await?;
        return Ok(Err(signed_out()));
    }
    if enabled(tx.user(session.user).await?).is_none() {
        return Ok(Err(signed_out()));
    }
    let newest = tx.newest_refresh_token(session.id).await?;
    let behind = newest.map_or(0, |newest| newest.generation - refresh.generation);
    let fresh = !refresh.used && behind == 0;
    // Its successors are of the newest generation: none of them was used so far.
    let repeated = refresh.used && behind == 1;
    if !fresh && !repeated {
        tracing::warn!(
            user.id = session.user.0,
            session.id = session.id.0,
            "a refresh token was used again: its session is ended"
        );
        session::end(tx, &session, None, "a refresh token was used again", now).await?;
        return Ok(Err(signed_out()));
    }
    if fresh {
        tx.use_refresh_token(key).await?;
    }
    session::touch(tx, &session, now).await?;
    let generation = refresh.generation + 1;
    Ok(Ok(issue(tx, session.id, generation, lifetime, now).await?))
}

async fn end_family(
    tx: &mut dyn Write,
    id: SessionId,
    why: &str,
    now: Time,
) -> Result<(), AppError> {
    let session: Option<Session> = tx.session(id).await?;
    if let Some(session) = session {
        tracing::warn!(session.id = id.0, "{why}: its session is ended");
        session::end(tx, &session, None, why, now).await?;
    }
    Ok(())
}

fn signed_out() -> Refusal {
    invalid_grant("The session has ended. Sign in again.")
}
