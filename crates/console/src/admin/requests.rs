//! Everybody's requests, newest first, without end; searched, filtered and downloaded by their address.

use anyhow::Context as _;
use axum::body::Body;
use axum::extract::State;
use axum::http::Uri;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use chrono::{Days, NaiveTime, TimeDelta};
use futures_util::stream::try_unfold;
use hourkey_access::app::App;
use hourkey_access::download;
use hourkey_access::error::AppError;
use hourkey_access::overview::{
    self, Overview, RequestFilter, RequestOutcome, RequestSearch, Sight,
};
use hourkey_domain::Time;
use hourkey_domain::audit::AuditAction;
use hourkey_domain::ids::{RequestId, ResourceId, UserId};
use hourkey_domain::outcome::{By, Outcome};
use hourkey_domain::request::Purpose;
use hourkey_domain::text::{one_line, several_lines};
use hourkey_protocol::access::{Page, Person, Request, RequestStatus};
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::json;

use super::sheet::{Cell, Kind, csv_part};
use super::table::{framed, moments};
use super::view::{link, overview, overview_of_one, page, revoke};
use crate::address::Query;
use crate::error::PageError;
use crate::icon::Icon;
use crate::layout::{Place, plain};
use crate::outcome::{asked, person, sentence, tone};
use crate::page_user::PageUser;
use crate::time::clock;

/// The most characters of a reason in a table.
const REASON_CHARS: usize = 120;
/// The most characters of a name in a cell.
const NAME_CHARS: usize = 300;
/// So many words are looked for.
const MAX_WORDS: usize = 10;

/// What may have become of a request, as addresses and people call it.
const OUTCOMES: [(RequestOutcome, &str, &str); 11] = [
    (RequestOutcome::Waiting, "waiting", "Waiting"),
    (RequestOutcome::Scheduled, "scheduled", "Starts later"),
    (RequestOutcome::Granted, "granted", "Granted now"),
    (RequestOutcome::Extended, "extended", "Extended"),
    (RequestOutcome::Unlocked, "unlocked", "Unlocked"),
    (RequestOutcome::Ended, "ended", "Ended"),
    (RequestOutcome::GivenBack, "given-back", "Given back"),
    (RequestOutcome::Revoked, "revoked", "Revoked"),
    (RequestOutcome::Denied, "denied", "Denied"),
    (RequestOutcome::Cancelled, "cancelled", "Cancelled"),
    (RequestOutcome::Expired, "expired", "Expired"),
];

const HEADINGS: [&str; 20] = [
    "Request",
    "Asked (UTC)",
    "User",
    "Login",
    "Resource",
    "Through group",
    "For",
    "Extends request",
    "Reason",
    "Asked for",
    "Given",
    "State",
    "Decided by",
    "Decided (UTC)",
    "Comment",
    "Grant start (UTC)",
    "Grant end (UTC)",
    "Ended (UTC)",
    "Ended by",
    "Why it ended",
];

/// Which requests, and where among them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RequestsQuery {
    /// Words in reason, person or resource.
    q: String,
    /// What became of them, as [`OUTCOMES`] call it.
    state: String,
    /// Of this person.
    user: Option<i64>,
    /// For this resource.
    resource: Option<i64>,
    /// `today`: whose grant ends before the next midnight (UTC).
    ends: String,
    /// Asked for at least so many minutes ago.
    waits: Option<u32>,
    /// Below this id.
    before: Option<i64>,
}

impl RequestsQuery {
    fn outcome(&self) -> Option<RequestOutcome> {
        let found = OUTCOMES.iter().find(|(_, word, _)| *word == self.state);
        found.map(|(outcome, ..)| *outcome)
    }

    fn search(&self, now: Time) -> RequestSearch {
        let words = self.q.split_whitespace().take(MAX_WORDS);
        let waits = self.waits.map(|minutes| TimeDelta::minutes(minutes.into()));
        RequestSearch {
            of: RequestFilter {
                user: self.user.map(UserId),
                resource: self.resource.map(ResourceId),
            },
            outcome: self.outcome(),
            words: words.map(str::to_owned).collect(),
            made_before: waits.map(|waits| now - waits),
            ends_before: (self.ends == "today").then(|| midnight(now)),
        }
    }

    /// The rest of the address of what is looked for, from `before` on.
    fn query(&self, before: Option<i64>) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let number = |number: Option<i64>| number.map(|number| number.to_string());
        for (name, value) in [
            ("q", Some(self.q.clone())),
            ("state", self.outcome().map(|_| self.state.clone())),
            ("user", number(self.user)),
            ("resource", number(self.resource)),
            ("ends", (self.ends == "today").then(|| self.ends.clone())),
            ("waits", number(self.waits.map(i64::from))),
            ("before", number(before)),
        ] {
            query.extend_pairs(value.filter(|it| !it.is_empty()).map(|value| (name, value)));
        }
        query.finish()
    }
}

/// The end of the day (UTC).
pub(super) fn midnight(now: Time) -> Time {
    let tomorrow = now.date_naive() + Days::new(1);
    tomorrow.and_time(NaiveTime::MIN).and_utc()
}

/// `GET /requests`
pub(super) async fn list(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Query(query): Query<RequestsQuery>,
) -> Result<Response, PageError> {
    let view = overview(&app, &user, Sight::All).await?;
    let search = query.search(view.now);
    let before = query.before.map(RequestId);
    let found = overview::requests(&app, user.user.id, &search, before).await?;
    let older = found
        .before
        .map(|before| format!("/requests?{}", query.query(Some(before))));
    let is_narrowed = search != RequestSearch::default();
    page(
        &app,
        &user,
        &uri,
        ("Requests", Place::Requests),
        &html! {
            div.head {
                h1 { "Requests" }
                p.downloads {
                    a.btn href={ "/requests.csv?" (query.query(None)) } download { "Download as CSV" }
                }
            }
            (narrowing(&query))
            @if is_narrowed { (narrowed(&view, &query, &search)) }
            (table(&found.items, &view))
            @if found.items.is_empty() {
                p.empty {
                    @if is_narrowed { "No request is like that. " a href="/requests" { "Show all" } }
                    @else { "Nobody has asked for anything yet." }
                }
            }
            @if let Some(older) = older { p.pager { a.btn href=(older) { "Older" } } }
        },
    )
    .await
}

/// The fields by which they are searched and filtered.
fn narrowing(query: &RequestsQuery) -> Markup {
    let outcome = query.outcome();
    html! {
        form.find #narrow method="get" action="/requests" role="search" {
            div.search {
                (Icon::Glass)
                input type="search" name="q" value=(query.q) maxlength="200" spellcheck="false"
                    placeholder="Person, resource or reason" aria-label="Search requests";
            }
            select.field name="state" aria-label="State" {
                option value="" { "In every state" }
                @for (each, word, label) in OUTCOMES {
                    option value=(word) selected[outcome == Some(each)] { (label) }
                }
            }
            @if let Some(user) = query.user { input type="hidden" name="user" value=(user); }
            @if let Some(resource) = query.resource {
                input type="hidden" name="resource" value=(resource);
            }
            @if query.ends == "today" { input type="hidden" name="ends" value=(query.ends); }
            @if let Some(waits) = query.waits { input type="hidden" name="waits" value=(waits); }
            button.btn { "Show" }
        }
    }
}

/// What the address narrows them to and no field says.
fn narrowed(view: &Overview, query: &RequestsQuery, search: &RequestSearch) -> Markup {
    let of = &view.organisation;
    html! {
        p.lead {
            @if let Some(name) = search.of.user.and_then(|id| of.user_name(id)) {
                "Of " bdi { (plain(name)) } ". "
            }
            @if let Some(resource) = search.of.resource.and_then(|id| of.resource(id)) {
                "For " bdi { (plain(&resource.name)) } ". "
            }
            @if search.ends_before.is_some() { "Access ends today (UTC). " }
            @if let Some(waits) = query.waits { "Asked for more than " (waits) " minutes ago. " }
            a href="/requests" { "Show all" }
        }
    }
}

/// Requests as a table; nothing where there are none.
pub(super) fn table(requests: &[Request], view: &Overview) -> Markup {
    let headings = html! {
        (moments("Asked"))
        @for heading in ["Person", "Resource", "Reason", "Asked → given", "State", "Decided by"] {
            th scope="col" { (heading) }
        }
    };
    html! {
        @if !requests.is_empty() {
            (framed("Requests", &headings, &html! {
                @for request in requests { (row(request, view)) }
            }))
        }
    }
}

fn row(request: &Request, view: &Overview) -> Markup {
    let (of, now) = (&view.organisation, view.now);
    let outcome = request.outcome();
    let (who, resource) = (&request.requester, request.resource);
    html! {
        tr {
            th scope="row" {
                a href={ "/requests/" (request.id) } { (clock(request.created_at, now)) }
            }
            // What was removed has no page any more.
            td {
                @match of.user(who.id) {
                    Some(_) => (link("people", who.id, &who.name)),
                    None => bdi { (plain(&who.name)) },
                }
            }
            td {
                @match of.resource(resource) {
                    Some(_) => (link("resources", resource, &request.resource_name)),
                    None => bdi { (plain(&request.resource_name)) },
                }
            }
            td.reason dir="auto" { (one_line(&request.reason, REASON_CHARS)) }
            td { (asked(request)) @if let Some(given) = given(request) { " → " (given) } }
            td {
                span.state.(tone(&outcome)) {
                    // What became of the access stands at the request that made it.
                    @if is_extended(request) { "Extended" } @else { (sentence(&outcome, now)) }
                }
                @if let Outcome::Open { .. } | Outcome::Scheduled { .. } = outcome {
                    (revoke(view, (who.id, resource), request.id, &format!(
                        "{}: {}, request {}", plain(&who.name), plain(&request.resource_name), request.id
                    )))
                }
            }
            td { (decided_by(request)) }
        }
    }
}

/// True when it gave more time.
fn is_extended(request: &Request) -> bool {
    let is_approved = matches!(request.status, RequestStatus::Approved { .. });
    is_approved && request.purpose.extends().is_some()
}

/// The length that was approved.
pub(crate) fn given(request: &Request) -> Option<String> {
    match &request.status {
        RequestStatus::Approved { length, .. } => length.map(|length| length.to_string()),
        _ => None,
    }
}

/// Who decided a request, and on whose behalf.
pub(crate) fn decided_by(request: &Request) -> Markup {
    html! {
        @match decider(request) {
            Some(Some(by)) => (person(by)),
            Some(None) => "Automatic",
            None => span.muted { "–" },
        }
    }
}

/// Who approved or denied it; nobody under automatic approval; `None` where nobody decided.
fn decider(request: &Request) -> Option<Option<&Person>> {
    match &request.status {
        RequestStatus::Approved { by, .. } => Some(by.as_ref()),
        RequestStatus::Denied { by, .. } => Some(Some(by)),
        _ => None,
    }
}

/// `GET /requests.csv`: all that is looked for, page by page.
pub(super) async fn download(
    State(app): State<App>,
    user: PageUser,
    Query(query): Query<RequestsQuery>,
) -> Result<Response, PageError> {
    let view = overview_of_one(&app, &user, Sight::All).await?;
    let detail = json!({ "search": query.query(None), "file": "csv" });
    download::record(&app, user.user.id, AuditAction::RequestsDownloaded, detail).await?;
    let name = format!("hourkey-requests-{}.csv", view.now.format("%Y-%m-%d"));
    let headers = [
        (CONTENT_TYPE, Kind::Csv.media_type().to_owned()),
        (
            CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ),
        (CACHE_CONTROL, "no-store".to_owned()),
    ];
    let first = Part {
        app,
        reader: user.user.id,
        search: query.search(view.now),
        before: None,
        is_first: true,
    };
    let parts = try_unfold(Some(first), async |part| match part {
        Some(part) => part.written().await.map(Some),
        None => Ok(None),
    });
    Ok((headers, Body::from_stream(parts)).into_response())
}

/// What of the file is still to be written.
struct Part {
    app: App,
    reader: UserId,
    search: RequestSearch,
    before: Option<RequestId>,
    is_first: bool,
}

impl Part {
    /// Its next piece, and what follows it.
    async fn written(self) -> anyhow::Result<(Vec<u8>, Option<Self>)> {
        let found = overview::requests(&self.app, self.reader, &self.search, self.before).await;
        let found: Page<Request> = match found {
            Ok(found) => found,
            // The rest is missing, and the connection breaks off to say so.
            Err(AppError::Broken(error)) => {
                return Err(error).context("a download was not finished");
            }
            Err(AppError::Refused(_) | AppError::Later { .. }) => {
                anyhow::bail!("whoever downloads may not see this any more")
            }
        };
        let rows = found.items.iter().map(cells).collect();
        let piece = csv_part(self.is_first.then_some(HEADINGS), rows)?;
        let rest = found.before.map(|before| Self {
            before: Some(RequestId(before)),
            is_first: false,
            ..self
        });
        Ok((piece, rest))
    }
}

fn cells(request: &Request) -> [Cell; HEADINGS.len()] {
    let name = |name: &str| Cell::text(one_line(name, NAME_CHARS));
    let (at, comment) = match &request.status {
        RequestStatus::Approved { at, comment, .. } | RequestStatus::Denied { at, comment, .. } => {
            (Some(*at), comment.as_str())
        }
        RequestStatus::Cancelled { at, .. } | RequestStatus::Lapsed { at } => (Some(*at), ""),
        _ => (None, ""),
    };
    let decider = match decider(request) {
        Some(Some(by)) => one_line(&by.said(), NAME_CHARS),
        Some(None) => "automatic".to_owned(),
        None => String::new(),
    };
    let purpose = match request.purpose {
        Purpose::Grant => "Access",
        Purpose::Unlock => "An unlock",
        Purpose::Extension(_) => "More time",
    };
    let asked = request.asked.map(|length| length.to_string());
    let extended = request
        .grant
        .as_ref()
        .filter(|_| request.purpose.extends().is_some());
    // The grant that it made itself.
    let grant = request
        .grant
        .as_ref()
        .filter(|_| extended.is_none() && matches!(request.status, RequestStatus::Approved { .. }));
    let (state, (ended_by, why)) = match is_extended(request) {
        true => ("Extended", Default::default()),
        false => (request.outcome().word(), end(request)),
    };
    [
        Cell::Number(request.id.0.unsigned_abs()),
        Cell::Moment(request.created_at),
        name(&request.requester.name),
        name(&request.requester.login),
        name(&request.resource_name),
        name(&request.group_name),
        Cell::text(purpose),
        extended.map_or(Cell::Nothing, |grant| {
            Cell::Number(grant.request.0.unsigned_abs())
        }),
        Cell::text(several_lines(&request.reason)),
        Cell::text(asked.unwrap_or_default()),
        Cell::text(given(request).unwrap_or_default()),
        Cell::text(state),
        Cell::text(decider),
        Cell::moment(at),
        Cell::text(several_lines(comment)),
        Cell::moment(grant.map(|grant| grant.starts_at)),
        Cell::moment(grant.map(|grant| grant.expires_at)),
        Cell::moment(grant.and_then(|grant| grant.ended_at())),
        Cell::text(ended_by),
        Cell::text(why),
    ]
}

/// Who took a request or its access back, and why.
fn end(request: &Request) -> (String, String) {
    let (by, comment) = match request.outcome() {
        Outcome::Revoked { by, comment, .. } => (by, comment),
        Outcome::Cancelled { by, .. } => (by, ""),
        Outcome::GivenBack { .. } => (By::Person(&request.requester), ""),
        _ => return Default::default(),
    };
    match by {
        By::Person(by) => (one_line(&by.said(), NAME_CHARS), several_lines(comment)),
        By::System(cause) => ("automatic".to_owned(), cause.to_string()),
    }
}
