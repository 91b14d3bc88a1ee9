//! Deputies: who decides on a reviewer's behalf while they are away (rule 6).

use hourkey_domain::Time;
use hourkey_domain::audit::AuditAction;
use hourkey_domain::deputy::{CannotName, DeputyEnd, Deputyship};
use hourkey_domain::ids::UserId;
use hourkey_domain::organisation::Organisation;
use hourkey_domain::review::Decider;
use hourkey_protocol::deputy::{Deputy, NewDeputy};
use hourkey_protocol::problem::Code;
use hourkey_store::access::OpenFilter;
use hourkey_store::log::{Entity, Entry, Subject};
use hourkey_store::mail::AboutAccount;
use hourkey_store::{Read, Room, Write};
use serde_json::{Value, json};

use super::act::Act;
use super::actor::{Actor, reviews_anything};
use super::notices;
use super::presenter::Show;
use crate::app::App;
use crate::error::AppError;
use crate::identity::Caller;
use crate::mail::queue;

/// The deputies that a person may know of, in order of the principal's id: their own, whose deputy they
/// are, and all for whoever sees all.
///
/// # Errors
/// As [`Actor::load`], or the store's failure; so for all of this module.
pub async fn list(app: &App, caller: impl Into<Caller>) -> Result<Vec<Deputy>, AppError> {
    let now = app.clock.now();
    let mut tx = app.store.read().await?;
    let actor = Actor::load(&mut *tx, caller, now).await?;
    let (me, all) = (actor.user.id, actor.sees_all());
    let mut shown = Vec::new();
    for it in tx.deputies().await? {
        if now < it.until && (all || it.principal == me || it.deputy == me) {
            shown.push(show(&mut *tx, it, now).await?);
        }
    }
    Ok(shown)
}

/// What is wrong with a deputy that somebody would name.
#[derive(Debug)]
pub struct Mistake {
    /// What of it; `None` where the whole may not be.
    pub field: Option<DeputyField>,
    /// Why.
    pub error: AppError,
}

/// What one says of a deputy ([`NewDeputy`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeputyField {
    /// For whom they decide.
    Principal,
    /// Who decides.
    Deputy,
    /// From when on.
    From,
    /// Until when.
    Until,
}

impl DeputyField {
    fn mistake(self, error: AppError) -> Mistake {
        let field = Some(self);
        Mistake { field, error }
    }
}

impl From<AppError> for Mistake {
    fn from(error: AppError) -> Self {
        Self { field: None, error }
    }
}

impl From<Mistake> for AppError {
    fn from(mistake: Mistake) -> Self {
        mistake.error
    }
}

/// Names a deputy, in place of the one before: one's own, or somebody else's as an administrator. All
/// administrators are told, and both of whom it is.
///
/// # Errors
/// [`Code::NotFound`] for somebody who reviews nothing, [`Code::Forbidden`] for whoever has nothing to hand
/// on or may not for this person, [`Code::BadStart`] and [`Code::BadLength`].
pub async fn name_in(
    tx: &mut dyn Write,
    caller: Caller,
    body: NewDeputy,
    now: Time,
) -> Result<Deputy, AppError> {
    let act = Act::of(caller.user, now);
    let deputyship = check_in(tx, caller, &body, now).await?;
    let principal = deputyship.principal;
    let before = tx.deputy_of(principal).await?;
    tx.put_deputy(deputyship).await?;
    if deputyship.holds(now) {
        tx.start_deputy(principal).await?;
    }
    let mut detail = json!(deputyship);
    if let Some(before) = before {
        detail["before"] = json!(before);
        detail["replaces"] = json!(DeputyEnd::Replaced);
    }
    record(tx, AuditAction::DeputyNamed, principal, detail, act).await?;
    tell_what_waits(tx, &deputyship, now).await?;
    if let Some(before) = before.filter(|it| it.deputy != deputyship.deputy && now < it.until) {
        let what = what_ended(tx, &before, DeputyEnd::Replaced, act).await?;
        queue::account(tx, before.deputy, what, now).await?;
    }
    let what = AboutAccount::DeputyNamed {
        principal: person(tx, principal).await?,
        deputy: person(tx, deputyship.deputy).await?,
        by: match deputyship.named_by == principal {
            true => None,
            false => Some(person(tx, deputyship.named_by).await?),
        },
        from: deputyship.from,
        until: deputyship.until,
    };
    tell(tx, &deputyship, what, act).await?;
    show(tx, deputyship, now).await
}

/// What naming this deputy would make, if it may be: nothing is changed.
///
/// # Errors
/// As [`name_in`].
pub async fn check(
    app: &App,
    caller: impl Into<Caller>,
    body: &NewDeputy,
) -> Result<Deputy, Mistake> {
    let now = app.clock.now();
    let mut tx = app.store.read().await.map_err(AppError::from)?;
    let deputyship = check_in(&mut *tx, caller.into(), body, now).await?;
    Ok(show(&mut *tx, deputyship, now).await?)
}

async fn check_in(
    tx: &mut dyn Read,
    caller: Caller,
    body: &NewDeputy,
    now: Time,
) -> Result<Deputyship, Mistake> {
    let actor = Actor::load(tx, caller, now).await?;
    caller.must_reach_others()?;
    let me = &actor.user;
    // Before anybody is looked up: who reviews is no member's to know.
    if !actor.administers() && !reviews_anything(tx, me.id).await? {
        return Err(cannot_name(CannotName::PrincipalReviewsNothing));
    }
    let principal = match body.principal.as_deref().map(str::trim) {
        None => me.id,
        Some(login) if login.to_lowercase() == me.login => me.id,
        Some(_) if !actor.administers() => {
            return Err(DeputyField::Principal.mistake(AppError::refused(
                Code::Forbidden,
                "Only administrators name a deputy for somebody else. Leave out for whom to name your own.",
            )));
        }
        Some(login) => reviewer(tx, login, DeputyField::Principal).await?,
    };
    let deputyship = Deputyship {
        principal,
        deputy: reviewer(tx, body.deputy.trim(), DeputyField::Deputy).await?,
        from: body.from.unwrap_or(now).max(now),
        until: body.until,
        named_by: me.id,
    };
    check_naming(tx, me.id).await?;
    // Who is no reviewer is answered above as somebody unknown.
    let principal_reviews = reviews_anything(tx, principal).await?;
    deputyship
        .check(principal_reviews, true, now)
        .map_err(cannot_name)?;
    Ok(deputyship)
}

/// Refuses a deputy whom somebody may name who could sign in as `by` (rule 6): the deputyship would outlast
/// the day in which the account decides nothing of them.
///
/// # Errors
/// [`Code::OwnRequest`].
async fn check_naming(tx: &mut dyn Read, by: UserId) -> Result<(), AppError> {
    match tx.shown_links(Some(by)).await?.is_empty() {
        true => Ok(()),
        false => Err(AppError::refused(
            Code::OwnRequest,
            "Less than a day ago somebody was shown a link to your password, or set up where such links \
             go. Until a day is over, an administrator to whom that didn’t happen names deputies.",
        )),
    }
}

/// Ends a reviewer's deputyship before its time: the reviewer themselves, or an administrator.
///
/// # Errors
/// [`Code::Forbidden`] for the deputy, [`Code::NotFound`] for all others and where there is none.
pub async fn end(app: &App, caller: impl Into<Caller>, principal: UserId) -> Result<(), AppError> {
    let caller = caller.into();
    app.transact(Room::Kept, move |tx, now| {
        Box::pin(async move {
            let actor = Actor::load(tx, caller, now).await?;
            let me = actor.user.id;
            let found = tx.deputy_of(principal).await?;
            let found = found.filter(|it| {
                now < it.until
                    && (actor.sees_all() || it.principal == me || it.deputy == me)
            });
            let deputyship = found.ok_or_else(AppError::not_found)?;
            caller.must_reach_others()?;
            if principal != me && !actor.administers() {
                return Err(AppError::refused(
                    Code::Forbidden,
                    "Only the reviewer who is away, or an administrator, ends this before its time. Ask \
                     one of them.",
                ));
            }
            ended(tx, &deputyship, DeputyEnd::Person, Act::of(me, now)).await
        })
    })
    .await
}

/// Records the beginnings and ends that time has brought.
pub(super) async fn settle_due(tx: &mut dyn Write, now: Time) -> Result<(), AppError> {
    let act = Act::system(now);
    for it in tx.deputies_due(now).await? {
        if it.until <= now {
            ended(tx, &it, DeputyEnd::Time, act).await?;
        } else {
            tx.start_deputy(it.principal).await?;
            record(tx, AuditAction::DeputyStarted, it.principal, json!(it), act).await?;
            tell_what_waits(tx, &it, now).await?;
        }
    }
    Ok(())
}

/// Asks a deputy whose time has begun to decide what waits for the principal already, but for what they
/// were asked before.
async fn tell_what_waits(tx: &mut dyn Write, it: &Deputyship, now: Time) -> Result<(), AppError> {
    if !it.holds(now) {
        return Ok(());
    }
    let reach = Actor::load(tx, it.deputy, now).await?.reach;
    let theirs = Decider {
        user: it.deputy,
        on_behalf_of: Some(it.principal),
    };
    for request in tx.open(OpenFilter::default()).await?.requests {
        let Ok(pending) = request.pending(now) else {
            continue;
        };
        let request = pending.request();
        let decides = reach.decider(request.user, request.resource) == Some(theirs);
        if decides && notices::told(tx, request, &[it.deputy]).await?.is_empty() {
            notices::ask(tx, request, &[theirs], now).await?;
        }
    }
    Ok(())
}

/// Ends the deputyships that a change makes void: nothing revives them (rule 7).
pub(super) async fn end_void(
    tx: &mut dyn Write,
    before: &Organisation,
    after: &Organisation,
    act: Act,
) -> Result<(), AppError> {
    for (it, why) in after.void_deputies(before) {
        ended(tx, &it, why, act).await?;
    }
    Ok(())
}

async fn ended(
    tx: &mut dyn Write,
    it: &Deputyship,
    why: DeputyEnd,
    act: Act,
) -> Result<(), AppError> {
    tx.remove_deputy(it.principal).await?;
    let mut detail = json!(it);
    detail["cause"] = json!(why);
    record(tx, AuditAction::DeputyEnded, it.principal, detail, act).await?;
    if why == DeputyEnd::Time {
        // It was announced when they were named.
        return Ok(());
    }
    let what = what_ended(tx, it, why, act).await?;
    tell(tx, it, what, act).await
}

async fn what_ended(
    tx: &mut dyn Read,
    it: &Deputyship,
    why: DeputyEnd,
    act: Act,
) -> Result<AboutAccount, AppError> {
    Ok(AboutAccount::DeputyEnded {
        principal: person(tx, it.principal).await?,
        deputy: person(tx, it.deputy).await?,
        by: match act.actor {
            Some(actor) => Some(person(tx, actor).await?),
            None => None,
        },
        why,
    })
}

async fn show(tx: &mut dyn Read, it: Deputyship, now: Time) -> Result<Deputy, AppError> {
    let mut show = Show::new(tx, now);
    Ok(Deputy {
        principal: show.person(it.principal).await?,
        deputy: show.person(it.deputy).await?,
        from: it.from,
        until: it.until,
        named_by: show.person(it.named_by).await?,
        holds: it.holds(now),
    })
}

/// Tells the two and all administrators: not the one who acts, but for the principal, in whose name somebody
/// else may act.
async fn tell(
    tx: &mut dyn Write,
    it: &Deputyship,
    what: AboutAccount,
    act: Act,
) -> Result<(), AppError> {
    if act.actor == Some(it.principal) {
        queue::account(tx, it.principal, what.clone(), act.at).await?;
    }
    queue::accounts_and_admins(tx, &[it.principal, it.deputy], act.actor, what, act.at).await
}

async fn record(
    tx: &mut dyn Write,
    action: AuditAction,
    principal: UserId,
    detail: Value,
    act: Act,
) -> Result<(), AppError> {
    let entity = Entity::Deputy(principal);
    let entry = Entry {
        at: act.at,
        actor: act.actor,
        action,
        subject: Subject::Organisation { entity },
        detail,
    };
    tx.record(entry).await?;
    Ok(())
}

async fn person(tx: &mut dyn Read, id: UserId) -> Result<String, AppError> {
    let names = tx.user_name(id).await?;
    Ok(names.map(|(_, name)| name).unwrap_or_default())
}

/// Somebody who reviews anything; who does not is answered as somebody unknown.
async fn reviewer(tx: &mut dyn Read, login: &str, field: DeputyField) -> Result<UserId, Mistake> {
    let user = tx.user_by_login(login).await.map_err(AppError::from)?;
    let user = user.map(|user| user.id);
    match user {
        Some(user) if reviews_anything(tx, user).await? => Ok(user),
        Some(_) | None => Err(field.mistake(AppError::refused(
            Code::NotFound,
            "Nobody who reviews requests signs in with this name. Check it: it is the login, not the \
             display name. A deputy has to be a reviewer already.",
        ))),
    }
}

fn cannot_name(why: CannotName) -> Mistake {
    use DeputyField::{Deputy, From, Principal, Until};
    let (field, code, sentence) = match why {
        CannotName::PrincipalReviewsNothing => (
            Principal,
            Code::Forbidden,
            "You review no requests, so there is nothing that a deputy could decide for you.",
        ),
        CannotName::DeputyReviewsNothing => (
            Deputy,
            Code::NotFound,
            "Nobody who reviews requests signs in with this name.",
        ),
        CannotName::Themselves => (
            Deputy,
            Code::Forbidden,
            "Nobody is their own deputy. Choose another reviewer.",
        ),
        CannotName::NamedByDeputy => (
            Deputy,
            Code::Forbidden,
            "You can’t make yourself somebody’s deputy: another administrator, or the reviewer, has to.",
        ),
        CannotName::EndsTooSoon => (
            Until,
            Code::BadStart,
            "The time has to end after it begins, and lie ahead.",
        ),
        CannotName::TooFarAhead => (From, Code::BadStart, "The time has to begin within a year."),
        CannotName::TooLong => (
            Until,
            Code::BadLength,
            "A deputy is named for 30 days at most. Choose an earlier end; name one again later.",
        ),
    };
    field.mistake(AppError::refused(code, sentence))
}
