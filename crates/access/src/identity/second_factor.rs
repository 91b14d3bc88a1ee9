//! Two-step sign-in: a code of an authenticator app, or a recovery code, after the password.
//!
//! A code is taken once, by the transaction that notes its step. Between password and code nothing is kept
//! here: the browser carries what was shown so far, sealed, bound to it and for a few minutes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use hourkey_domain::Time;
use hourkey_domain::audit::AuditAction;
use hourkey_domain::ids::{SessionId, UserId};
use hourkey_domain::review::Role;
use hourkey_protocol::problem::Code;
use hourkey_store::account::Digest;
use hourkey_store::log::{Entry, Subject};
use hourkey_store::mail::{AboutAccount, TwoStepChange};
use hourkey_store::organisation::User;
use hourkey_store::second_factor::SecondFactor;
use hourkey_store::{Room, Write};
use serde_json::{Value, json};

pub use super::totp::Enrolment;

use super::account::{self, NotSignedIn};
use super::requirement;
use super::seal::{self, SealKey};
use super::secret::{digest, new_code, plain_code};
use super::session;
use super::totp;
use super::verified::Verified;
use crate::app::App;
use crate::error::AppError;
use crate::mail::queue;

/// Between password and code.
pub const STEP_LIFETIME: TimeDelta = TimeDelta::minutes(5);

/// How many recovery codes somebody gets.
const RECOVERY_CODES: usize = 10;
/// Their letters: 69 bits, so that digests tell nothing of them.
const RECOVERY_LETTERS: usize = 16;

/// How somebody stands.
#[derive(Clone, Copy, Debug)]
pub struct Status {
    /// Since when they have a second factor.
    pub since: Option<Time>,
    /// How many recovery codes are left.
    pub recovery_codes: u64,
    /// Whether the organisation requires it of them.
    pub is_required: bool,
}

/// What comes after a password.
pub enum Next {
    /// Nothing: they may sign in.
    SignIn(Verified),
    /// A code. The browser hands this in with it.
    Code(String),
}

/// Why a code does not let somebody in.
pub enum CodeRefused {
    /// Too much time has passed, or it belongs to another browser: they begin again with the password.
    BeginAgain,
    /// Anything else: they may try again.
    NotSignedIn(NotSignedIn),
}

impl<E: Into<AppError>> From<E> for CodeRefused {
    fn from(error: E) -> Self {
        Self::NotSignedIn(NotSignedIn::Failed(error.into()))
    }
}

/// How somebody stands.
///
/// # Errors
/// The store's failure.
pub async fn status(app: &App, user: &User) -> Result<Status, AppError> {
    let mut tx = app.store.read().await?;
    Ok(Status {
        since: tx.second_factor(user.id).await?.map(|factor| factor.since),
        recovery_codes: tx.recovery_codes(user.id).await?,
        is_required: requirement::is_required(&mut *tx, user).await?,
    })
}

/// What somebody who showed their password has to do next in a browser, which `browser` stands for.
///
/// # Errors
/// Our own failure.
pub async fn begin(app: &App, verified: Verified, browser: &str) -> Result<Next, AppError> {
    let mut tx = app.store.read().await?;
    if tx.second_factor(verified.user).await?.is_none() {
        return Ok(Next::SignIn(verified));
    }
    drop(tx);
    let until = (app.clock.now() + STEP_LIFETIME).timestamp_millis();
    let shown = json!([verified.user, fingerprint(&verified.hash), until]).to_string();
    let sealed = seal::seal(
        &app.config.data,
        SealKey::SignIn,
        &of_browser(browser),
        shown.as_bytes(),
    )?;
    Ok(Next::Code(URL_SAFE_NO_PAD.encode(sealed)))
}

/// Who signs in with this code, after what the browser carries of the password. `known` names the browser
/// where people signed in before.
///
/// # Errors
/// Why they do not.
pub async fn finish(
    app: &App,
    carried: &str,
    browser: &str,
    code: &str,
    known: Option<Digest>,
) -> Result<Verified, CodeRefused> {
    let (user, shown) = carried_by(app, carried, browser).ok_or(CodeRefused::BeginAgain)?;
    let hash = app.store.read().await?.password_hash(user).await?;
    // The password was changed meanwhile.
    let hash = hash.filter(|hash| fingerprint(hash) == shown);
    let hash = hash.ok_or(CodeRefused::BeginAgain)?;
    check(app, user, code, known)
        .await
        .map_err(CodeRefused::NotSignedIn)?;
    Ok(Verified::by_password(user, hash).with_second_factor())
}

/// What a browser carries of a password: whose, and which.
fn carried_by(app: &App, carried: &str, browser: &str) -> Option<(UserId, String)> {
    let sealed = URL_SAFE_NO_PAD.decode(carried).ok()?;
    let of_browser = of_browser(browser);
    let shown = seal::open(&app.config.data, SealKey::SignIn, &of_browser, &sealed).ok()?;
    let (user, shown, until): (UserId, String, i64) = serde_json::from_slice(&shown).ok()?;
    let left = until - app.clock.now().timestamp_millis();
    // A clock that was set back does not make it last longer.
    let counts = 0 < left && left <= STEP_LIFETIME.num_milliseconds();
    counts.then_some((user, shown))
}

fn of_browser(browser: &str) -> String {
    format!("a password shown in a browser\n{browser}")
}

/// Stands for a password without being its hash.
fn fingerprint(hash: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(hash))
}

/// Takes a code of somebody who has a second factor.
async fn check(
    app: &App,
    user: UserId,
    code: &str,
    known: Option<Digest>,
) -> Result<(), NotSignedIn> {
    let attempt = Attempt::admitted(app, user, code, known).await?;
    let taken = attempt.clone();
    // However full the disk is: whoever comes to end access must get in, and a code is taken at most
    // every 30 seconds.
    app.transact(Room::Kept, move |tx, now| {
        Box::pin(async move { taken.take(tx, now).await })
    })
    .await?;
    attempt.succeeded(app);
    Ok(())
}

/// A code that was typed, admitted by the limit on attempts.
#[derive(Clone)]
struct Attempt {
    user: UserId,
    browser: Option<Digest>,
    code: String,
    sealed: Vec<u8>,
    /// Nothing where it cannot be opened: recovery codes count still.
    secret: Option<Vec<u8>>,
}

impl Attempt {
    async fn admitted(
        app: &App,
        user: UserId,
        code: &str,
        known: Option<Digest>,
    ) -> Result<Self, NotSignedIn> {
        let mut tx = app.store.read().await?;
        let users = match known {
            Some(known) => tx.known_users(known).await?,
            None => Vec::new(),
        };
        let browser = known.filter(|_| users.contains(&user));
        let factor = tx.second_factor(user).await?;
        drop(tx);
        let now = app.clock.now();
        if let Err(wait) = app.attempts.admit_second_factor(user, browser, now) {
            if wait.first {
                // Whoever gets here knows the password.
                tracing::warn!(%user, "codes of a second factor are tried too fast");
            }
            return Err(NotSignedIn::TooFast(wait));
        }
        let sealed = factor.ok_or_else(wrong_code)?.secret;
        let secret = seal::open(&app.config.data, SealKey::SignIn, &of_user(user), &sealed);
        Ok(Self {
            user,
            browser,
            code: code.chars().filter(|c| !c.is_whitespace()).collect(),
            sealed,
            secret: secret
                .inspect_err(
                    |error| tracing::error!(%user, "a second factor is unreadable: {error:#}"),
                )
                .ok(),
        })
    }

    /// Takes the code in the transaction that this is for: none is taken twice.
    async fn take(self, tx: &mut dyn Write, now: Time) -> Result<(), AppError> {
        let factor = tx.second_factor(self.user).await?;
        let factor = factor.filter(|factor| factor.secret == self.sealed);
        let factor = factor.ok_or_else(wrong_code)?;
        let step = self
            .secret
            .and_then(|secret| totp::step(&secret, &self.code, now));
        if let Some(step) = step {
            if step <= factor.last_step {
                return Err(used_code());
            }
            return Ok(tx.set_last_step(self.user, step).await?);
        }
        let code = digest(&plain_code(&self.code));
        if !tx.take_recovery_code(self.user, code).await? {
            return Err(wrong_code());
        }
        let left = tx.recovery_codes(self.user).await?;
        changed(tx, self.user, TwoStepChange::RecoveryCodeUsed { left }, now).await
    }

    fn succeeded(&self, app: &App) {
        app.attempts
            .succeeded_second_factor(self.user, self.browser);
    }
}

fn wrong_code() -> AppError {
    AppError::refused(
        Code::Unauthenticated,
        "This code isn’t right. Type the one that your authenticator app shows now, or a recovery code \
         that you have not used.",
    )
}

fn used_code() -> AppError {
    AppError::refused(
        Code::Unauthenticated,
        "This code was used already. Wait until your authenticator app shows the next one.",
    )
}

/// Why somebody did not prove who they are.
pub enum Unconfirmed {
    /// Because of their password.
    Password(NotSignedIn),
    /// Because of their code.
    Code(NotSignedIn),
}

/// Has somebody who is signed in prove anew who they are, by password and, where they have one, second
/// factor. Their session is fresh from then on ([`super::session::is_fresh`]).
///
/// # Errors
/// Why not.
pub async fn confirm(
    app: &App,
    user: &User,
    session: SessionId,
    (password, code): (String, &str),
    from: (std::net::IpAddr, Option<Digest>),
) -> Result<(), Unconfirmed> {
    let (address, known) = from;
    account::check(app, &user.login, password, address, known)
        .await
        .map_err(Unconfirmed::Password)?;
    confirm_code(app, user.id, session, code, known)
        .await
        .map_err(Unconfirmed::Code)
}

async fn confirm_code(
    app: &App,
    user: UserId,
    session: SessionId,
    code: &str,
    known: Option<Digest>,
) -> Result<(), NotSignedIn> {
    let has_factor = app.store.read().await?.second_factor(user).await?.is_some();
    let attempt = match has_factor {
        true => Some(Attempt::admitted(app, user, code, known).await?),
        false => None,
    };
    let taken = attempt.clone();
    app.transact(Room::Usual, move |tx, now| {
        Box::pin(async move {
            match taken {
                Some(attempt) => attempt.take(tx, now).await?,
                // It was turned on just now.
                None if tx.second_factor(user).await?.is_some() => return Err(wrong_code()),
                None => {}
            }
            tx.prove_session(session, now).await?;
            let detail = json!({ "session": session, "second_factor": has_factor });
            record(
                tx,
                now,
                Some(user),
                user,
                AuditAction::SessionConfirmed,
                detail,
            )
            .await
        })
    })
    .await?;
    if let Some(attempt) = attempt {
        attempt.succeeded(app);
    }
    Ok(())
}

/// Offers a new secret to somebody in their session: what their app is told, and what their browser hands
/// in with the app's first code.
///
/// # Errors
/// [`Code::Malformed`] where they have a second factor; our own failure.
pub async fn offer(
    app: &App,
    user: &User,
    session: SessionId,
) -> Result<(Enrolment, String), AppError> {
    if app
        .store
        .read()
        .await?
        .second_factor(user.id)
        .await?
        .is_some()
    {
        return Err(is_on());
    }
    let secret = totp::new_secret();
    let bound = of_offer(user.id, session);
    let sealed = seal::seal(&app.config.data, SealKey::SignIn, &bound, &secret)?;
    let enrolment = enrolment(app, user, &secret).await?;
    Ok((enrolment, URL_SAFE_NO_PAD.encode(sealed)))
}

/// The same offer once more.
///
/// # Errors
/// [`Code::Malformed`] where it was made to somebody else, or in another session.
pub async fn offered(
    app: &App,
    user: &User,
    session: SessionId,
    offer: &str,
) -> Result<Enrolment, AppError> {
    let secret = opened_offer(app, user.id, session, offer)?;
    enrolment(app, user, &secret).await
}

async fn enrolment(app: &App, user: &User, secret: &[u8]) -> Result<Enrolment, AppError> {
    let organisation = app.organisation().await?;
    Ok(totp::enrolment(secret, organisation.name(), &user.login)?)
}

/// Sets up somebody's second factor by the first code of their app, and returns their recovery codes, which
/// are shown this once.
///
/// # Errors
/// Why not.
pub async fn turn_on(
    app: &App,
    user: UserId,
    session: SessionId,
    offer: &str,
    code: &str,
) -> Result<Vec<String>, NotSignedIn> {
    let secret = opened_offer(app, user, session, offer)?;
    let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    if let Err(wait) = app
        .attempts
        .admit_second_factor(user, None, app.clock.now())
    {
        return Err(NotSignedIn::TooFast(wait));
    }
    let sealed = seal::seal(&app.config.data, SealKey::SignIn, &of_user(user), &secret)?;
    let (codes, digests) = new_recovery_codes();
    app.transact(Room::Usual, move |tx, now| {
        Box::pin(async move {
            if tx.second_factor(user).await?.is_some() {
                return Err(is_on());
            }
            let step = totp::step(&secret, &code, now).ok_or_else(|| {
                AppError::refused(
                    Code::Unauthenticated,
                    "This code isn’t right. Type the one that your app shows now; if it is refused \
                     again, compare the clock of your phone.",
                )
            })?;
            let factor = SecondFactor {
                user,
                secret: sealed,
                since: now,
                last_step: step,
            };
            tx.put_second_factor(factor).await?;
            tx.set_recovery_codes(user, digests).await?;
            changed(tx, user, TwoStepChange::SetUp, now).await?;
            // Most of them began with a password alone.
            let why = "two-step sign-in was set up";
            session::end_all(tx, user, Some(session), Some(user), why, now).await
        })
    })
    .await?;
    app.attempts.succeeded_second_factor(user, None);
    Ok(codes)
}

/// New recovery codes in place of those before.
///
/// # Errors
/// Why not.
pub async fn renew_codes(
    app: &App,
    user: UserId,
    code: &str,
    known: Option<Digest>,
) -> Result<Vec<String>, NotSignedIn> {
    let attempt = Attempt::admitted(app, user, code, known).await?;
    let taken = attempt.clone();
    let (codes, digests) = new_recovery_codes();
    app.transact(Room::Usual, move |tx, now| {
        Box::pin(async move {
            taken.take(tx, now).await?;
            tx.set_recovery_codes(user, digests).await?;
            changed(tx, user, TwoStepChange::NewCodes, now).await
        })
    })
    .await?;
    attempt.succeeded(app);
    Ok(codes)
}

/// Turns somebody's own second factor off.
///
/// # Errors
/// Why not.
pub async fn turn_off(
    app: &App,
    user: UserId,
    code: &str,
    known: Option<Digest>,
) -> Result<(), NotSignedIn> {
    let attempt = Attempt::admitted(app, user, code, known).await?;
    let taken = attempt.clone();
    app.transact(Room::Usual, move |tx, now| {
        Box::pin(async move {
            // Where it is required, its person is led to set it up anew: with another phone.
            taken.take(tx, now).await?;
            tx.remove_second_factor(user).await?;
            changed(tx, user, TwoStepChange::TurnedOff, now).await
        })
    })
    .await?;
    attempt.succeeded(app);
    Ok(())
}

/// Resets somebody else's second factor: they lost their phone and their recovery codes. `admin` does so.
///
/// # Errors
/// As for an unknown page for who does not administer; [`Code::OwnRequest`] for one's own;
/// [`Code::NotNeeded`] where there is none.
pub async fn reset(app: &App, admin: UserId, user: UserId) -> Result<(), AppError> {
    app.budgets.change(admin, app.clock.now())?;
    app.transact(Room::Usual, move |tx, now| {
        Box::pin(async move {
            let maker = tx.user(admin).await?.filter(|maker| !maker.disabled);
            if !maker.is_some_and(|maker| maker.roles.contains(&Role::Admin)) {
                return Err(AppError::not_found());
            }
            if admin == user {
                return Err(AppError::refused(
                    Code::OwnRequest,
                    "Nobody resets their own two-step sign-in: another administrator does, or you turn it \
                     off with a code.",
                ));
            }
            reset_in(tx, user, Some(admin), now).await
        })
    })
    .await
}

/// [`reset`] by whoever may, in a transaction; nobody did it where a command on the controller's host does.
///
/// # Errors
/// [`Code::NotNeeded`] where there is no second factor; the store's failure.
pub async fn reset_in(
    tx: &mut dyn Write,
    user: UserId,
    actor: Option<UserId>,
    now: Time,
) -> Result<(), AppError> {
    let owner = tx.user(user).await?.ok_or_else(AppError::not_found)?;
    if !tx.remove_second_factor(user).await? {
        return Err(AppError::refused(
            Code::NotNeeded,
            "There is nothing to reset: they have not set up two-step sign-in.",
        ));
    }
    let by = match actor {
        Some(actor) => tx.user(actor).await?.map(|actor| actor.name),
        None => None,
    };
    let what = AboutAccount::TwoStepReset { of: owner.name, by };
    queue::account_and_admins(tx, user, actor, what, now).await?;
    let action = AuditAction::SecondFactorReset;
    record(tx, now, actor, user, action, json!({})).await
}

/// Since when somebody has a second factor, for who sees everybody.
///
/// # Errors
/// The store's failure.
pub async fn since(app: &App, user: UserId) -> Result<Option<Time>, AppError> {
    let factor = app.store.read().await?.second_factor(user).await?;
    Ok(factor.map(|factor| factor.since))
}

fn opened_offer(
    app: &App,
    user: UserId,
    session: SessionId,
    offer: &str,
) -> Result<Vec<u8>, AppError> {
    let sealed = URL_SAFE_NO_PAD.decode(offer).ok();
    let bound = of_offer(user, session);
    let secret = sealed
        .and_then(|sealed| seal::open(&app.config.data, SealKey::SignIn, &bound, &sealed).ok());
    secret.ok_or_else(|| {
        AppError::refused(
            Code::Malformed,
            "This page belongs to another sign-in. Begin again; nothing was set up.",
        )
    })
}

fn of_offer(user: UserId, session: SessionId) -> String {
    format!("a second factor on offer\n{user}\n{session}")
}

fn of_user(user: UserId) -> String {
    format!("a second factor\n{user}")
}

fn new_recovery_codes() -> (Vec<String>, Vec<Digest>) {
    let codes: Vec<String> = (0..RECOVERY_CODES)
        .map(|_| new_code(RECOVERY_LETTERS))
        .collect();
    let digests = codes.iter().map(|code| digest(&plain_code(code))).collect();
    (codes, digests)
}

fn is_on() -> AppError {
    AppError::refused(
        Code::Malformed,
        "Two-step sign-in is on already. Turn it off first to set it up anew.",
    )
}

/// Records what somebody did to their own second factor, and mails it to them: it may have been somebody
/// else.
async fn changed(
    tx: &mut dyn Write,
    user: UserId,
    change: TwoStepChange,
    now: Time,
) -> Result<(), AppError> {
    let (action, detail) = match change {
        TwoStepChange::SetUp => (AuditAction::SecondFactorSetUp, json!({})),
        TwoStepChange::TurnedOff => (AuditAction::SecondFactorTurnedOff, json!({})),
        TwoStepChange::NewCodes => (AuditAction::RecoveryCodesMade, json!({})),
        TwoStepChange::RecoveryCodeUsed { left } => {
            (AuditAction::RecoveryCodeUsed, json!({ "left": left }))
        }
    };
    queue::account(tx, user, AboutAccount::TwoStepChanged { change }, now).await?;
    record(tx, now, Some(user), user, action, detail).await
}

async fn record(
    tx: &mut dyn Write,
    at: Time,
    actor: Option<UserId>,
    user: UserId,
    action: AuditAction,
    detail: Value,
) -> Result<(), AppError> {
    let entry = Entry {
        at,
        actor,
        action,
        subject: Subject::Account { user },
        detail,
    };
    tx.record(entry).await?;
    Ok(())
}
