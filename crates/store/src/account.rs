//! Passwords, sessions, tokens, and calls that must not happen twice.
//!
//! Secrets never get here: the store sees only their SHA-256 digests ([`Digest`]).

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use hourkey_domain::ids::{SessionId, UserId};
use hourkey_domain::review::Bar;
use hourkey_protocol::account::SessionKind;

use crate::StoreError;

/// A browser is known this long after somebody signed in there.
pub const BROWSER_KNOWN_FOR: TimeDelta = TimeDelta::days(365);

/// SHA-256 of a secret of at least 128 random bits.
pub type Digest = [u8; 32];

/// A signed-in browser or client. For a client it is the family of its tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Whose.
    pub user: UserId,
    /// What it is.
    pub kind: SessionKind,
    /// What it called itself.
    pub label: String,
    /// When it signed in.
    pub created_at: DateTime<Utc>,
    /// When it was last heard (kept to the minute).
    pub last_seen: DateTime<Utc>,
    /// When it ends by itself if it is not heard again.
    pub ends_at: DateTime<Utc>,
    /// When its person last proved who they are: by signing in, or by confirming it since.
    pub proved_at: DateTime<Utc>,
}

/// A way into an account that somebody else had: a link to its password was shown to them, or they chose
/// the address that links go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShownLink {
    /// Whose password it sets.
    pub user: UserId,
    /// Who was shown it, or chose the address.
    pub shown_to: UserId,
    /// Whether a link was shown; once it was, choosing an address later makes no difference.
    pub is_shown: bool,
    /// When, the last time.
    pub at: DateTime<Utc>,
}

impl ShownLink {
    /// Who decides nothing of whom, because of it (rule 6).
    #[must_use]
    pub fn bar(&self) -> Bar {
        Bar {
            account: self.user,
            requester: self.shown_to,
        }
    }
}

/// A session that has no id yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSession {
    /// Whose.
    pub user: UserId,
    /// What it is.
    pub kind: SessionKind,
    /// What it calls itself.
    pub label: String,
    /// Now.
    pub created_at: DateTime<Utc>,
    /// When it ends by itself if it is not heard again.
    pub ends_at: DateTime<Utc>,
    /// The digest of its cookie, for browsers.
    pub cookie: Option<Digest>,
}

/// A refresh token of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refresh {
    /// The family.
    pub session: SessionId,
    /// Its place in the family: each exchange makes the next one.
    pub generation: i64,
    /// True once it was exchanged.
    pub used: bool,
}

/// Who let a client in, and the browser session in which they did. It counts as long as that
/// session runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Consent {
    /// Who.
    pub user: UserId,
    /// The session.
    pub session: SessionId,
}

/// An authorization code (RFC 6749, 4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// Who consented.
    pub consent: Consent,
    /// The client that asked.
    pub client_id: String,
    /// Where the code was sent.
    pub redirect_uri: String,
    /// PKCE's S256 challenge (RFC 7636, 4.2), base64url.
    pub challenge: String,
    /// What the client calls itself.
    pub label: String,
    /// Its end.
    pub expires_at: DateTime<Utc>,
    /// The session it was exchanged for: a second exchange ends that session (RFC 6749, 4.1.2).
    pub session: Option<SessionId>,
}

/// A running device authorization (RFC 8628).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceCode {
    /// What the person types, upper case, no hyphen.
    pub user_code: String,
    /// The client that asked.
    pub client_id: String,
    /// What it calls itself.
    pub label: String,
    /// Its end.
    pub expires_at: DateTime<Utc>,
    /// When it last polled.
    pub polled_at: Option<DateTime<Utc>>,
    /// Who consented.
    pub consent: Option<Consent>,
    /// Somebody said no.
    pub denied: bool,
}

/// An answer kept for an `Idempotency-Key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredResponse {
    /// SHA-256 over method, path and body of the call.
    pub call: Digest,
    /// The status answered.
    pub status: u16,
    /// The body answered.
    pub body: String,
}

/// Reads accounts.
#[async_trait]
pub trait AccountRead: Send {
    /// A user's argon2id hash in PHC form.
    async fn password_hash(&mut self, user: UserId) -> Result<Option<String>, StoreError>;

    /// A user's sessions that have not ended, newest first.
    async fn sessions_of(&mut self, user: UserId) -> Result<Vec<Session>, StoreError>;

    /// Everybody's sessions, in order of id.
    async fn sessions(&mut self) -> Result<Vec<Session>, StoreError>;

    /// When each of these users, or every user, was last seen in a session; in order of id, without those who
    /// never were.
    async fn last_seen(
        &mut self,
        of: Option<&[UserId]>,
    ) -> Result<Vec<(UserId, DateTime<Utc>)>, StoreError>;

    /// The running browser session of a cookie.
    async fn session_by_cookie(&mut self, cookie: Digest) -> Result<Option<Session>, StoreError>;

    /// The running session of an access token that has not expired at `now`.
    async fn session_by_access_token(
        &mut self,
        token: Digest,
        now: DateTime<Utc>,
    ) -> Result<Option<Session>, StoreError>;

    /// Sessions whose end has come at `now`, at most `limit`, the earliest first.
    async fn sessions_due(
        &mut self,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<Session>, StoreError>;

    /// A running session.
    async fn session(&mut self, id: SessionId) -> Result<Option<Session>, StoreError>;

    /// A refresh token of a running session.
    async fn refresh_token(&mut self, token: Digest) -> Result<Option<Refresh>, StoreError>;

    /// The newest refresh token of a session.
    async fn newest_refresh_token(
        &mut self,
        session: SessionId,
    ) -> Result<Option<Refresh>, StoreError>;

    /// An authorization code, also when it was exchanged already.
    async fn code(&mut self, code: Digest) -> Result<Option<Code>, StoreError>;

    /// A device authorization by the client's secret.
    async fn device_code(&mut self, device_code: Digest) -> Result<Option<DeviceCode>, StoreError>;

    /// A device authorization by what the person typed.
    async fn device_code_by_user_code(
        &mut self,
        user_code: &str,
    ) -> Result<Option<DeviceCode>, StoreError>;

    /// Whose a reset link is, if it has not expired at `now`.
    async fn reset_link(
        &mut self,
        link: Digest,
        now: DateTime<Utc>,
    ) -> Result<Option<UserId>, StoreError>;

    /// Who chose the address that links to this user's password go to; in order of id.
    async fn address_choosers(&mut self, user: UserId) -> Result<Vec<UserId>, StoreError>;

    /// The links to set a password that were shown to administrators, of one account or all, until they
    /// are forgotten; the latest first.
    async fn shown_links(&mut self, user: Option<UserId>) -> Result<Vec<ShownLink>, StoreError>;

    /// Who signed in in this browser before, the latest first.
    async fn known_users(&mut self, browser: Digest) -> Result<Vec<UserId>, StoreError>;

    /// The digest of the setup code of a fresh controller.
    async fn setup_code(&mut self) -> Result<Option<Digest>, StoreError>;

    /// The answer kept for a user's `Idempotency-Key`.
    async fn stored_response(
        &mut self,
        user: UserId,
        key: &str,
    ) -> Result<Option<StoredResponse>, StoreError>;
}

/// Writes accounts.
#[async_trait]
pub trait AccountWrite: AccountRead {
    /// Sets a user's password hash (argon2id, PHC form).
    async fn set_password_hash(&mut self, user: UserId, hash: &str) -> Result<(), StoreError>;

    /// Keeps a session.
    async fn insert_session(&mut self, new: NewSession) -> Result<SessionId, StoreError>;

    /// Notes that a session was heard, and when it ends now. Neither ever goes back.
    async fn touch_session(
        &mut self,
        id: SessionId,
        at: DateTime<Utc>,
        ends_at: DateTime<Utc>,
    ) -> Result<(), StoreError>;

    /// Notes that a session's person proved who they are. Unknown or ended ones do no harm.
    async fn prove_session(&mut self, id: SessionId, at: DateTime<Utc>) -> Result<(), StoreError>;

    /// Ends a session with its tokens. Unknown or ended ones do no harm.
    async fn end_session(&mut self, id: SessionId) -> Result<(), StoreError>;

    /// Keeps an access token.
    async fn insert_access_token(
        &mut self,
        token: Digest,
        session: SessionId,
        expires_at: DateTime<Utc>,
    ) -> Result<(), StoreError>;

    /// Keeps a refresh token of this generation. Others of the same generation stay known: the
    /// one that was handed out first may come back, and that must be recognised as a reuse.
    async fn insert_refresh_token(
        &mut self,
        token: Digest,
        session: SessionId,
        generation: i64,
    ) -> Result<(), StoreError>;

    /// Marks a refresh token as exchanged.
    async fn use_refresh_token(&mut self, token: Digest) -> Result<(), StoreError>;

    /// Keeps an authorization code, or what became of it.
    async fn put_code(&mut self, code: Digest, value: Code) -> Result<(), StoreError>;

    /// Keeps a device authorization, or what became of it.
    async fn put_device_code(
        &mut self,
        device_code: Digest,
        value: DeviceCode,
    ) -> Result<(), StoreError>;

    /// Notes by user code that somebody consented (`Some`) or said no.
    async fn decide_device_code(
        &mut self,
        user_code: &str,
        consent: Option<Consent>,
    ) -> Result<(), StoreError>;

    /// Forgets a device authorization.
    async fn remove_device_code(&mut self, device_code: Digest) -> Result<(), StoreError>;

    /// Keeps a reset link, in place of older ones of the user.
    async fn put_reset_link(
        &mut self,
        link: Digest,
        user: UserId,
        expires_at: DateTime<Utc>,
    ) -> Result<(), StoreError>;

    /// Notes who chose the address of a user, in place of who did before.
    async fn set_address_choosers(&mut self, user: UserId, by: &[UserId])
    -> Result<(), StoreError>;

    /// Notes that a user's reset link was shown to an administrator.
    async fn note_shown_link(&mut self, shown: ShownLink) -> Result<(), StoreError>;

    /// Forgets the links that were shown at `until` or before.
    async fn forget_shown_links(&mut self, until: DateTime<Utc>) -> Result<(), StoreError>;

    /// Forgets a user's reset links.
    async fn remove_reset_links(&mut self, user: UserId) -> Result<(), StoreError>;

    /// Notes that somebody signed in in this browser.
    async fn remember_browser(
        &mut self,
        browser: Digest,
        user: UserId,
        at: DateTime<Utc>,
    ) -> Result<(), StoreError>;

    /// Keeps, or forgets, the setup code.
    async fn set_setup_code(&mut self, code: Option<Digest>) -> Result<(), StoreError>;

    /// Keeps an answer for an `Idempotency-Key`.
    async fn store_response(
        &mut self,
        user: UserId,
        key: &str,
        answer: StoredResponse,
        at: DateTime<Utc>,
    ) -> Result<(), StoreError>;

    /// Forgets expired tokens, codes, links, kept answers (24 h) and browsers
    /// ([`BROWSER_KNOWN_FOR`]), and drops changes that are beyond both [`crate::log::KEEP_CHANGES`] and [`crate::log::KEEP_CHANGES_FOR`] from
    /// the change log, some at a time. The audit log is never cut.
    async fn forget_expired(&mut self, now: DateTime<Utc>) -> Result<(), StoreError>;
}
