//! Tokens as they are given, and to whom.

use chrono::TimeDelta;
use hourkey_access::error::AppError;
use hourkey_access::identity::secret::new_secret;
use hourkey_access::identity::session::{self, Session, User};
use hourkey_domain::Time;
use hourkey_domain::ids::SessionId;
use hourkey_protocol::oauth::Tokens;
use hourkey_store::Write;
use hourkey_store::account::Consent;

use super::error::Refusal;

/// How long an access token is good for.
pub(super) const ACCESS_LIFETIME: TimeDelta = TimeDelta::minutes(10);
/// What a transaction came to. A refusal in it commits what it did (ending a family), an error
/// rolls it back.
pub(super) type Outcome = Result<Result<Tokens, Refusal>, AppError>;

/// New tokens for a session.
pub(super) async fn issue(
    tx: &mut dyn Write,
    session: SessionId,
    generation: i64,
    lifetime: TimeDelta,
    now: Time,
) -> Result<Tokens, AppError> {
    let (access_token, access) = new_secret();
    let (refresh_token, refresh) = new_secret();
    tx.insert_access_token(access, session, now + lifetime)
        .await?;
    tx.insert_refresh_token(refresh, session, generation)
        .await?;
    Ok(Tokens {
        access_token,
        token_type: "Bearer".to_owned(),
        expires_in: u32::try_from(lifetime.num_seconds()).unwrap_or_default(),
        refresh_token,
    })
}

/// Who consented, as long as the browser session runs in which they did: what ends that session
/// ends what was let in from it and has no session of its own yet.
pub(super) async fn consenting(
    tx: &mut dyn Write,
    consent: Consent,
    now: Time,
) -> Result<Option<User>, AppError> {
    let session = tx.session(consent.session).await?;
    let runs =
        |session: &Session| session.user == consent.user && session::is_running(session, now);
    match session.filter(runs) {
        Some(_) => Ok(enabled(tx.user(consent.user).await?)),
        None => Ok(None),
    }
}

pub(super) fn consent_is_void() -> Refusal {
    invalid_grant("The browser in which this was allowed is signed out. Start again.")
}

pub(super) fn enabled(user: Option<User>) -> Option<User> {
    user.filter(|user| !user.disabled)
}

pub(super) fn invalid_grant(description: &str) -> Refusal {
    Refusal::new("invalid_grant", description)
}
