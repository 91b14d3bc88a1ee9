//! Asking for access.

use chrono::TimeDelta;
use hourkey_domain::ids::{RequestId, ResourceId, UserId};
use hourkey_domain::lock::{Facts, Outstanding, outstanding};
use hourkey_domain::request::{Ask, CannotAsk, Request, State};
use hourkey_domain::settings::{Approval, Mode, Way, most_permissive};
use hourkey_domain::{Time, request};
use hourkey_protocol::access::{NewRequest, Request as Shown};
use hourkey_protocol::problem::Code;
use hourkey_store::access::OpenFilter;
use hourkey_store::{StoreError, Write};
use serde_json::json;

use super::actor::Actor;
use super::keep::Act;
use super::{decide, input, rows, show, sweep};
use crate::app::App;
use crate::failure::Failure;

/// Whether asking made something new (rule 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// A new request.
    New,
    /// The request that waits already, or the one whose grant is scheduled or runs.
    AlreadyThere,
}

/// Asks for access (rules 3, 4, 5, 10 and 11). Under automatic approval it is granted at once.
///
/// # Errors
/// [`Code::NotFound`] for what the person cannot see, [`Code::NotNeeded`] for what is open,
/// [`Code::BlankText`], [`Code::TextTooLong`], [`Code::BadLength`], [`Code::BadStart`].
pub async fn ask(app: &App, user: UserId, new: NewRequest) -> Result<(Shown, Made), Failure> {
    let lapse = app.config.request_lapse;
    app.transact(move |tx, now| Box::pin(ask_in(tx, user, new, lapse, now)))
        .await
}

/// [`ask`], inside a transaction; a request lapses after `lapse`.
pub(crate) async fn ask_in(
    tx: &mut dyn Write,
    user: UserId,
    new: NewRequest,
    lapse: TimeDelta,
    now: Time,
) -> Result<(Shown, Made), Failure> {
    let ask = Ask {
        reason: input::text(&new.reason)?,
        length: input::length(new.seconds)?,
        starts_at: new.starts_at,
    };
    Actor::load(tx, user).await?;
    sweep::settle(tx, user, new.resource, now).await?;

    let reachable = tx.reachable(user, Some(new.resource)).await?;
    let raw = reachable
        .into_iter()
        .next()
        .map(|found| found.ways)
        .unwrap_or_default();
    let lately = tx.lately(user, Some(new.resource)).await?;
    let revoked_at = lately.first().and_then(|(_, lately)| lately.revoked_at);
    let ways = rows::ways_in_force(&raw, revoked_at, now);
    let Some(best) = most_permissive(&ways, now) else {
        return Err(Failure::not_found());
    };
    if best.settings.mode != Mode::AccessRequest {
        return Err(not_needed());
    }
    if let Some(there) = already_there(tx, user, new.resource, &raw, now).await? {
        return Ok((show::request(tx, there, now).await?, Made::AlreadyThere));
    }
    let way = chosen(&ways, best, &new).ok_or_else(Failure::not_found)?;
    let asked =
        request::ask(user, new.resource, way, ask, revoked_at, lapse, now).map_err(cannot_ask)?;

    let act = Act {
        by: Some(user),
        at: now,
    };
    let made = make(tx, act, asked).await?;
    match made.terms.approval {
        Approval::Manual => act.ask_for_review(tx, &made).await?,
        Approval::Automatic => decide::approve_at_once(tx, &made, way, now).await?,
    }
    Ok((show::request(tx, made.id, now).await?, Made::New))
}

/// Keeps a new request and its entry.
async fn make(
    tx: &mut dyn Write,
    act: Act,
    asked: request::NewRequest,
) -> Result<Request, Failure> {
    let id = tx.insert_request(asked.clone()).await?;
    let request = Request {
        id,
        user: asked.user,
        resource: asked.resource,
        terms: asked.terms,
        reason: asked.reason,
        asked: asked.asked,
        starts_at: asked.starts_at,
        created_at: asked.created_at,
        lapses_at: asked.lapses_at,
        state: State::Pending,
    };
    let detail = json!({
        "to": request.state,
        "reason": request.reason,
        "asked": request.asked,
        "terms": request.terms,
        "starts_at": request.starts_at,
        "lapses_at": request.lapses_at,
    });
    act.record(tx, "request.made", &request, None, detail)
        .await?;
    Ok(request)
}

/// The way that the requester chose, or the preselected one (rule 3).
fn chosen<'a>(ways: &'a [Way], best: &'a Way, new: &NewRequest) -> Option<&'a Way> {
    match new.assignment {
        None => Some(best),
        Some(id) => ways.iter().find(|way| way.assignment == id),
    }
}

/// The request that waits, or that made the grant which is scheduled or runs (rule 4).
async fn already_there(
    tx: &mut dyn Write,
    user: UserId,
    resource: ResourceId,
    ways: &[Way],
    now: Time,
) -> Result<Option<RequestId>, Failure> {
    let filter = OpenFilter {
        user: Some(user),
        resource: Some(resource),
        due_at: None,
    };
    let open = tx.open(filter).await?;
    let facts = Facts {
        ways,
        grant: open.grants.first(),
        pending: open.requests.first(),
        last_used: None,
        revoked_at: None,
    };
    match outstanding(&facts, now) {
        None => Ok(None),
        Some(Outstanding::Request(request)) => Ok(Some(request)),
        Some(Outstanding::Grant(grant)) => match tx.grant(grant).await? {
            Some(grant) => Ok(Some(grant.request)),
            None => Err(StoreError::Corrupt(format!("no grant {grant}")).into()),
        },
    }
}

fn not_needed() -> Failure {
    Failure::refused(
        Code::NotNeeded,
        "This resource is open to you without a request. Just use it.",
    )
}

fn cannot_ask(why: CannotAsk) -> Failure {
    match why {
        CannotAsk::NotNeeded => not_needed(),
        CannotAsk::BlankReason => Failure::refused(
            Code::BlankText,
            "This resource opens at once, and the reason is kept. Say why you need it.",
        ),
        CannotAsk::TooLong(longest) => Failure::refused(
            Code::BadLength,
            format!("At most {longest} can be asked for here. Ask for less."),
        ),
        CannotAsk::BadStart => Failure::refused(
            Code::BadStart,
            "Access can start at any moment within the next 7 days, and not in the past. Choose \
             another start, or leave it out to start at the approval.",
        ),
        CannotAsk::EndsTooSoon => Failure::refused(
            Code::BadLength,
            "Your group's access to this resource ends within a minute of that start. Ask your \
             administrator to prolong it.",
        ),
    }
}
