//! Asking for access.

use chrono::{Offset as _, SubsecRound as _, TimeDelta, Utc};
use hourkey_domain::Time;
use hourkey_domain::format::dated;
use hourkey_domain::ids::{RequestId, UserId};
use hourkey_domain::reason::Text;
use hourkey_domain::request::{Ask, CannotAsk, NewRequest};
use hourkey_domain::review::Eligible;
use hourkey_domain::transition::{self, AccessFacts, Asked, Transition};
use hourkey_protocol::access::{NewRequest as Wanted, Request as Shown};
use hourkey_protocol::problem::Code;
use hourkey_store::{Room, StoreError, Write};

use super::act::Act;
use super::actor::gone;
use super::decide::{adds_nothing, cannot_approve, open_while_used};
use super::facts::{reviewers, settled};
use super::{presenter, record, validate};
use crate::app::App;
use crate::error::AppError;

/// Whether asking made something new (rule 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// A new request.
    New,
    /// The request that waits already, or the one whose grant is scheduled or runs.
    AlreadyThere,
}

/// Asks for access, or for more time for what runs (rules 3, 4, 5, 10, 11 and 14). Under automatic
/// approval it is granted at once.
///
/// # Errors
/// [`Code::NotFound`] for what the person cannot see, [`Code::NotNeeded`] for what is open,
/// [`Code::BlankText`], [`Code::TextTooLong`], [`Code::BadLength`], [`Code::BadStart`],
/// [`Code::NobodyCanApprove`]; [`Code::NothingToExtend`] where no access runs.
pub async fn ask(app: &App, user: UserId, new: Wanted) -> Result<(Shown, Made), AppError> {
    let lapse = app.config.request_lapse;
    app.transact(Room::Usual, move |tx, now| {
        Box::pin(ask_in(tx, user, new, lapse, now))
    })
    .await
}

/// [`ask`], inside a transaction; a request lapses after `lapse`.
pub async fn ask_in(
    tx: &mut dyn Write,
    user: UserId,
    new: Wanted,
    lapse: TimeDelta,
    now: Time,
) -> Result<(Shown, Made), AppError> {
    let ask = Ask {
        reason: validate::text(&new.reason)?,
        length: validate::length(new.seconds)?,
        // As it is kept: the same start, asked for again, is the same.
        starts_at: new.starts_at.map(|at| at.trunc_subsecs(3)),
    };
    let reviewers = reviewers(tx, new.resource).await?;
    let facts = settled(tx, user, new.resource, now).await?;
    if !facts.user_enabled {
        return Err(gone());
    }
    let chosen = new.assignment;
    let asked = match new.extends {
        true => transition::extend(&facts, &reviewers, ask, chosen, lapse, now),
        false => transition::ask(&facts, &reviewers, ask, chosen, lapse, now),
    };
    let (id, made) = match asked.map_err(cannot_ask)? {
        Asked::AlreadyThere(id) => (id, Made::AlreadyThere),
        Asked::New { request, eligible } => {
            let id = record_new(tx, facts, request, eligible, now).await?;
            (id, Made::New)
        }
    };
    Ok((presenter::request(tx, id, now).await?, made))
}

/// Records a new request with what follows at once: its approval, where that is automatic, or the
/// word to the fallback reviewers.
async fn record_new(
    tx: &mut dyn Write,
    facts: AccessFacts,
    request: NewRequest,
    eligible: Option<Eligible>,
    now: Time,
) -> Result<RequestId, AppError> {
    let regulars = eligible.clone().map(Eligible::regulars);
    let requested = Transition::Requested {
        request: request.clone(),
        reviewers: regulars.unwrap_or_default(),
    };
    let act = Act::of(facts.user, now);
    let recorded = record::apply(tx, &requested, act).await?;
    let id = recorded
        .request
        .ok_or_else(|| StoreError::Corrupt("a request was recorded without its id".to_owned()))?;
    let request = request.numbered(id);
    match eligible {
        None => {
            let pending = Some(request);
            let facts = AccessFacts { pending, ..facts };
            let approved = transition::approve(&facts, id, None, None, Text::default(), now);
            let approved = approved.map_err(cannot_approve)?;
            record::apply(tx, &approved, Act::system(now)).await?;
        }
        Some(Eligible::Fallback(people)) => {
            let sent = Transition::SentToFallback {
                request,
                untold: people.clone(),
                people,
            };
            record::apply(tx, &sent, act).await?;
        }
        Some(Eligible::Regulars(_) | Eligible::Nobody) => {}
    }
    Ok(id)
}

fn cannot_ask(why: CannotAsk) -> AppError {
    match why {
        CannotAsk::NotVisible => AppError::not_found(),
        CannotAsk::Disabled => AppError::refused(
            Code::ResourceDisabled,
            "This resource is disabled: nobody can use or request it. Ask your administrator.",
        ),
        CannotAsk::NotNeeded => AppError::refused(
            Code::NotNeeded,
            "This resource is open to you without a request. Just use it.",
        ),
        CannotAsk::BlankReason => AppError::refused(
            Code::BlankText,
            "This resource opens immediately, and your reason is recorded. Say why you need it.",
        ),
        CannotAsk::TooLong(longest) => AppError::refused(
            Code::BadLength,
            format!("At most {longest} can be asked for here. Ask for less."),
        ),
        CannotAsk::UnlockHasNoLength => AppError::refused(
            Code::BadLength,
            "This resource opens as soon as it is unlocked, for as long as you use it: leave \
             length and start out.",
        ),
        CannotAsk::NothingToExtend => AppError::refused(
            Code::NothingToExtend,
            "No access of yours runs here that could be extended. Request access instead.",
        ),
        CannotAsk::ExtensionHasNoStart => AppError::refused(
            Code::BadStart,
            "More time begins where your access is already: leave the start out.",
        ),
        CannotAsk::AddsNothing(why) => adds_nothing(why),
        CannotAsk::OpenWhileUsed(_) => open_while_used(),
        CannotAsk::BadStart => AppError::refused(
            Code::BadStart,
            "Access can start at any moment within the next 7 days, and not in the past. Choose \
             another start, or leave it out to start at the approval.",
        ),
        CannotAsk::AnotherStart { until: Some(until) } => AppError::refused(
            Code::BadStart,
            format!(
                "You have access here already, now or later, until {} UTC, and one at a time is all there is. \
                 Extend it once it runs, or give it back and ask again.",
                dated(until, Utc.fix())
            ),
        ),
        CannotAsk::AnotherStart { until: None } => AppError::refused(
            Code::BadStart,
            "A request of yours for this resource waits for a decision already. Cancel it first, to ask for \
             another start.",
        ),
        CannotAsk::EndsTooSoon => AppError::refused(
            Code::BadLength,
            "Your group's access to this resource ends within a minute of that start. Ask your \
             administrator to prolong it.",
        ),
        CannotAsk::NobodyCanApprove { opens_again } => {
            let later = match opens_again {
                true => " 24 hours after it was revoked it opens with a reason again.",
                false => "",
            };
            AppError::refused(
                Code::NobodyCanApprove,
                format!(
                    "Nobody else can approve this, and nobody approves their own request. An \
                     administrator can name fallback reviewers for the organisation, or a second \
                     reviewer.{later}"
                ),
            )
        }
    }
}
