//! What one user sees (rule 1).

use chrono::TimeDelta;
use hourkey_domain::Time;
use hourkey_domain::extension::Extension;
use hourkey_domain::grant::Grant;
use hourkey_domain::ids::{GrantId, RequestId, ResourceId, UserId};
use hourkey_domain::lock::LockState;
use hourkey_domain::organisation::Organisation;
use hourkey_domain::request::{Purpose, Request};
use hourkey_domain::settings::{Approval, EffectiveAssignment, Mode, most_permissive};
use hourkey_protocol::access::{
    AssignmentChoice, ExtensionChoice, Page, Request as Shown, Resource, ResourceDetail, Review,
};
use hourkey_protocol::account::Me;
use hourkey_protocol::event::Snapshot;
use hourkey_protocol::notice::{Notice, What};
use hourkey_protocol::problem::Code;
use hourkey_store::Read;
use hourkey_store::access::{DecidedFilter, RequestFilter, RequestSearch};

use super::actor::{Action, Actor, Target};
use super::eligible;
use super::presenter::{Show, with_end};
use super::resource_rows::{Row, rows};
use crate::app::App;
use crate::error::AppError;
use crate::identity::Caller;

/// How many notices a snapshot holds.
pub const NOTICES: u32 = 200;

/// How many things a page holds.
pub const PAGE: u32 = 50;

/// No longer text is looked for.
const MAX_SEARCHED_CHARS: usize = 200;

/// A page looks at no more batches of what was decided, where most of it is not the reviewer's to see.
const MAX_BATCHES: u32 = 40;

/// How far back a reviewer is told of other grants.
const RECENTLY: TimeDelta = TimeDelta::days(30);

/// What was decided in this time is shown without a search.
const SHOWN_DECIDED: TimeDelta = TimeDelta::days(90);

/// Everything that one person sees, with the sequence number that it is true for.
///
/// # Errors
/// As [`Actor::load`], or the store's own failure; so for all of this module.
pub async fn snapshot(app: &App, caller: impl Into<Caller>) -> Result<Snapshot, AppError> {
    let mut tx = app.store.read().await?;
    let now = app.clock.now();
    // As new as the rest of it at least: what comes later comes again, what is missed does not.
    let seq = tx.seq().await?;
    let organisation = app.organisation_at(seq).await?;
    let actor = Actor::looking(&organisation, caller, app.clock.now())?;
    let rows = rows(&organisation, actor.user.id, None, now);
    snapshot_in(&mut *tx, &organisation, &actor, rows, now).await
}

/// [`snapshot`], of rows that were read already.
pub async fn snapshot_in(
    tx: &mut dyn Read,
    organisation: &Organisation,
    actor: &Actor,
    rows: Vec<Row>,
    now: Time,
) -> Result<Snapshot, AppError> {
    Ok(Snapshot {
        seq: tx.seq().await?,
        server_time: now,
        me: me_of(organisation, actor),
        resources: rows.into_iter().map(|row| row.shown).collect(),
        reviews: reviews_in(tx, organisation, actor, now).await?,
        notices: notices_in(tx, actor, 0).await?,
    })
}

/// The person's notices after a sequence number, newest first, without those about requests that
/// they do not review now: what somebody asked for is told to nobody else (rule 1).
pub async fn notices_in(
    tx: &mut dyn Read,
    actor: &Actor,
    after: i64,
) -> Result<Vec<Notice>, AppError> {
    let notices = tx.notices(actor.user.id, after, NOTICES).await?;
    let mut theirs = Vec::with_capacity(notices.len());
    for notice in notices {
        let to_review = match notice.what {
            What::PleaseReview { request, .. } if !actor.reach.covers_all(notice.resource) => {
                tx.request(request).await?
            }
            _ => None,
        };
        if to_review.is_none_or(|request| actor.reviews(request.user, request.resource)) {
            theirs.push(notice);
        }
    }
    Ok(theirs)
}

/// The person.
pub async fn me(app: &App, caller: impl Into<Caller>) -> Result<Me, AppError> {
    let organisation = app.organisation().await?;
    let actor = Actor::looking(&organisation, caller, app.clock.now())?;
    Ok(me_of(&organisation, &actor))
}

/// [`me`], of a value.
#[must_use]
pub fn me_of(organisation: &Organisation, actor: &Actor) -> Me {
    Me {
        id: actor.user.id,
        login: actor.user.login.clone(),
        name: actor.user.name.clone(),
        roles: actor.user.roles.clone(),
        reviews: actor.reach.is_some(),
        organisation: organisation.name().to_owned(),
    }
}

/// The person, with what is shown around everything that they look at.
#[derive(Clone, Debug)]
pub struct Person {
    /// Who, and what they may review.
    pub actor: Actor,
    /// The organisation's name.
    pub organisation: String,
    /// How many requests wait for their decision.
    pub waiting: usize,
    /// When this was so.
    pub now: Time,
}

/// The person in the browser.
pub async fn person(app: &App, user: UserId) -> Result<Person, AppError> {
    let organisation = app.organisation().await?;
    let now = app.clock.now();
    let actor = Actor::looking(&organisation, user, app.clock.now())?;
    let waiting = waiting(&organisation, &actor);
    let theirs = |request: &&Request| {
        let by = actor.reach.decider(request.user, request.resource);
        by.is_some() && now < request.lapses_at
    };
    Ok(Person {
        waiting: waiting.iter().filter(theirs).count(),
        organisation: organisation.name().to_owned(),
        actor,
        now,
    })
}

/// The organisation's name.
pub async fn organisation_name(app: &App) -> Result<String, AppError> {
    Ok(app.organisation().await?.name().to_owned())
}

/// The request that a grant came of.
pub async fn request_of(app: &App, grant: GrantId) -> Result<Option<RequestId>, AppError> {
    let grant = app.store.read().await?.grant(grant).await?;
    Ok(grant.map(|grant| grant.request))
}

/// The resources that the person sees, in order of id.
pub async fn resources(app: &App, user: UserId) -> Result<Vec<Resource>, AppError> {
    let organisation = app.organisation().await?;
    let rows = rows(&organisation, user, None, app.clock.now());
    Ok(rows.into_iter().map(|row| row.shown).collect())
}

/// One resource with the person's assignments to it, preselected first.
///
/// # Errors
/// [`AppError::not_found`] for what they do not see.
pub async fn resource(app: &App, user: UserId, id: ResourceId) -> Result<ResourceDetail, AppError> {
    let organisation = app.organisation().await?;
    let now = app.clock.now();
    let row = rows(&organisation, user, Some(id), now).pop();
    let Row {
        shown, assignments, ..
    } = row.ok_or_else(AppError::not_found)?;
    let best = most_permissive(&assignments, now).map(|assignment| assignment.assignment);
    let mut shown_assignments = Vec::with_capacity(assignments.len());
    for assignment in &assignments {
        let group = organisation.group(assignment.group);
        let group_name = group.map(|group| group.name.clone()).unwrap_or_default();
        shown_assignments.push(AssignmentChoice {
            assignment: assignment.assignment,
            group: assignment.group,
            group_name,
            mode: assignment.settings.mode,
            period: assignment.settings.period,
            lock_after: assignment.settings.lock_after,
            approval: assignment.settings.approval,
            until: assignment.until,
            preselected: best == Some(assignment.assignment),
        });
    }
    shown_assignments.sort_by_key(|assignment| !assignment.preselected);
    let to_review = assignments.iter().any(|assignment| {
        assignment.settings.mode != Mode::Standing
            && assignment.settings.approval == Approval::Manual
    });
    let approvers = match to_review {
        true => Some(eligible::shown(&organisation, user, id, now)),
        false => None,
    };
    let access = organisation.access(user, id);
    let granted = access.and_then(|access| access.grant.as_deref());
    Ok(ResourceDetail {
        extension: granted.and_then(|granted| extension(&granted.grant, &shown, &assignments, now)),
        resource: shown,
        assignments: shown_assignments,
        approvers,
    })
}

/// What may be asked of a running grant, while nobody asks it already.
fn extension(
    grant: &Grant,
    shown: &Resource,
    assignments: &[EffectiveAssignment],
    now: Time,
) -> Option<ExtensionChoice> {
    let LockState::Granted {
        extension: None, ..
    } = shown.lock
    else {
        return None;
    };
    let mut own = assignments.iter();
    let own = own.find(|own| own.assignment == grant.assignment)?;
    let longest = own.settings.period.longest();
    let extension = Extension {
        running: grant.window,
        asked: longest,
        longest,
        total: own.total,
        until: own.until,
    };
    let ends_at = extension.ends_at(now);
    (own.settings.mode == Mode::AccessRequest).then(|| ExtensionChoice {
        grant: grant.id,
        assignment: own.assignment,
        at_most: ends_at.ok(),
        refused: ends_at.err().map(|why| why.limit),
    })
}

/// One request: one's own, or one that the person may review.
///
/// # Errors
/// [`AppError::not_found`] for all others.
pub async fn request(
    app: &App,
    caller: impl Into<Caller>,
    id: RequestId,
) -> Result<Shown, AppError> {
    let mut tx = app.store.read().await?;
    let actor = Actor::looking(&*app.organisation().await?, caller, app.clock.now())?;
    let request = tx.request(id).await?.ok_or_else(AppError::not_found)?;
    actor.authorize(Action::See, Target::from(&request))?;
    let now = app.clock.now();
    let show = Show::new(&mut *tx, now);
    let mut show = match actor.reviews(request.user, request.resource) {
        true => show,
        false => show.for_requester(actor.user.id),
    };
    let shown = show.request(request).await?;
    with_end(&mut *tx, shown, now).await
}

/// True when the person reviews this request, whose it is and for what: an auditor sees requests that
/// they do not review.
pub async fn reviews_request(app: &App, user: UserId, request: &Shown) -> Result<bool, AppError> {
    let actor = Actor::looking(&*app.organisation().await?, user, app.clock.now())?;
    Ok(actor.reviews(request.requester.id, request.resource))
}

/// The person's own requests, newest first, with ids below `before`.
pub async fn requests(
    app: &App,
    user: UserId,
    before: Option<RequestId>,
) -> Result<Page<Shown>, AppError> {
    let mut tx = app.store.read().await?;
    let own = RequestFilter::of(user).into();
    let found = tx.newest_requests(&own, before, PAGE + 1).await?;
    let show = Show::new(&mut *tx, app.clock.now());
    page(show.for_requester(user), found).await
}

/// Everybody's requests, newest first, with ids below `before`, for whoever may see all.
pub(crate) async fn all_requests(
    app: &App,
    search: &RequestSearch,
    before: Option<RequestId>,
) -> Result<Page<Shown>, AppError> {
    let mut tx = app.store.read().await?;
    let found = tx.newest_requests(search, before, PAGE + 1).await?;
    page(Show::new(&mut *tx, app.clock.now()), found).await
}

/// The requests that wait for the person's review, oldest first.
pub async fn reviews(app: &App, caller: impl Into<Caller>) -> Result<Vec<Review>, AppError> {
    let mut tx = app.store.read().await?;
    let organisation = app.organisation().await?;
    let now = app.clock.now();
    let actor = Actor::looking(&organisation, caller, now)?;
    let mut reviews = reviews_in(&mut *tx, &organisation, &actor, now).await?;
    for review in &mut reviews {
        review.request = with_end(&mut *tx, review.request.clone(), now).await?;
    }
    Ok(reviews)
}

/// [`reviews`], in a transaction, as clients keep them: without what moves with the time.
pub async fn reviews_in(
    tx: &mut dyn Read,
    organisation: &Organisation,
    actor: &Actor,
    now: Time,
) -> Result<Vec<Review>, AppError> {
    let mut reviews = Vec::new();
    for request in waiting(organisation, actor) {
        reviews.extend(review_in(tx, organisation, actor, request, now).await?);
    }
    Ok(reviews)
}

/// The pending requests that the person may see as a reviewer, oldest first.
fn waiting(organisation: &Organisation, actor: &Actor) -> Vec<Request> {
    let pairs: Vec<(UserId, ResourceId)> = match actor.reach.resources() {
        Some(resources) => {
            let of = |resource| {
                let users = organisation.open_for(resource);
                users.map(move |user| (user, resource))
            };
            resources.into_iter().flat_map(of).collect()
        }
        None => organisation.open_pairs().collect(),
    };
    let pairs = pairs.into_iter();
    let pairs = pairs.filter(|(user, resource)| actor.reviews(*user, *resource));
    let pending = pairs.filter_map(|(user, resource)| {
        let access = organisation.access(user, resource)?;
        access.pending.as_deref().cloned()
    });
    let mut waiting: Vec<_> = pending.collect();
    waiting.sort_by_key(|request| request.id);
    waiting
}

/// A request in the person's queue, if it belongs there now.
pub async fn review_in(
    tx: &mut dyn Read,
    organisation: &Organisation,
    actor: &Actor,
    request: Request,
    now: Time,
) -> Result<Option<Review>, AppError> {
    let Ok(pending) = request.pending(now) else {
        return Ok(None);
    };
    let request = pending.request().clone();
    let (requester, resource) = (request.user, request.resource);
    if !actor.reviews(requester, resource) {
        return Ok(None);
    }
    let ends_by = match request.terms.purpose {
        Purpose::Grant => {
            let live = organisation.effective_assignment(request.terms.assignment);
            live.and_then(|live| request.until(&live))
        }
        Purpose::Extension(_) | Purpose::Unlock => None,
    };
    let recent_grants = tx.grants_since(requester, resource, now - RECENTLY).await?;
    let by = actor.reach.decider(requester, resource);
    let mut asked = tx.asked_reviewers(request.id).await?;
    asked.retain(|person| {
        let reach = organisation.reach(*person, true, now);
        reach.is_some_and(|reach| reach.decider(requester, resource).is_some())
    });
    let mut show = Show::new(tx, now);
    let mut asked_reviewers = Vec::with_capacity(asked.len());
    for person in asked {
        asked_reviewers.push(show.person(person).await?.name);
    }
    Ok(Some(Review {
        on_behalf_of: match by.and_then(|by| by.on_behalf_of) {
            Some(principal) => Some(show.principal(principal).await?),
            None => None,
        },
        request: show.request(request).await?,
        recent_grants,
        may_decide: by.is_some(),
        asked_reviewers,
        ends_by,
    }))
}

/// Requests that the person may review and that are decided or ended, newest first, with ids
/// below `before`: of the last 90 days, or all those whose person, resource or reason has the words
/// `searched`. Empty for those who review nothing.
pub async fn decided(
    app: &App,
    user: UserId,
    searched: &str,
    before: Option<RequestId>,
) -> Result<Page<Shown>, AppError> {
    if searched.chars().count() > MAX_SEARCHED_CHARS {
        return Err(AppError::refused(
            Code::Malformed,
            "This is too long to look for. Type a part of it.",
        ));
    }
    let mut tx = app.store.read().await?;
    let filter = match searched.trim() {
        "" => DecidedFilter {
            since: Some(app.clock.now() - SHOWN_DECIDED),
            search: None,
        },
        searched => DecidedFilter {
            since: None,
            search: Some(searched.to_owned()),
        },
    };
    let actor = Actor::looking(&*app.organisation().await?, user, app.clock.now())?;
    let (mut found, mut before) = (Vec::new(), before);
    let mut batches = 0;
    while actor.reach.is_some() && found.len() <= PAGE as usize {
        // Most of them may be others': the next page goes on from here.
        if batches == MAX_BATCHES {
            let mut page = page(Show::new(&mut *tx, app.clock.now()), found).await?;
            page.before = before.map(|before| before.0);
            return Ok(page);
        }
        batches += 1;
        let batch = tx.decided_requests(&filter, before, PAGE + 1).await?;
        let Some(last) = batch.last() else { break };
        before = Some(last.id);
        found.extend(
            batch
                .into_iter()
                .filter(|request| actor.reviews(request.user, request.resource)),
        );
    }
    page(Show::new(&mut *tx, app.clock.now()), found).await
}

/// The first [`PAGE`] of them, and where the next page starts.
async fn page(mut show: Show<'_>, mut found: Vec<Request>) -> Result<Page<Shown>, AppError> {
    let more = found.len() > PAGE as usize;
    found.truncate(PAGE as usize);
    let before = found.last().filter(|_| more).map(|request| request.id.0);
    let mut items = Vec::with_capacity(found.len());
    for request in found {
        items.push(show.request(request).await?);
    }
    Ok(Page { items, before })
}
