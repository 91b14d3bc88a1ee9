//! What a person may use: what is open, what waits, what is locked, and what they asked for.

use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse as _, Redirect, Response};
use hourkey_access::app::App;
use hourkey_access::error::AppError;
use hourkey_access::{end, queries};
use hourkey_domain::Time;
use hourkey_domain::ids::{GrantId, RequestId};
use hourkey_domain::lock::{LockState, Why};
use hourkey_domain::text::one_line;
use hourkey_domain::visibility::Visibility;
use hourkey_protocol::access::{Decision, Page as Several, Request, Resource};
use hourkey_protocol::problem::Code;
use maud::{Markup, html};
use serde::Deserialize;

use super::address::Query;
use super::error::PageError;
use super::form::{Fields, Form, out_of_date};
use super::icon::Icon;
use super::layout::{Frame, Live, Page, Place, Width, plain, token_field};
use super::outcome::{asked, sentence, tone};
use super::state;
use super::time::ago;
use crate::csrf::FormToken;
use crate::page_user::PageUser;

/// The most characters of a description in a list.
const MAX_DESCRIPTION: usize = 120;

/// How many of one's latest requests it shows.
const LATEST: usize = 5;

/// How many locked resources a page shows.
const LOCKED: usize = 100;

/// What is looked for.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct AccessQuery {
    /// Part of a name, address, alias or tag.
    q: String,
    /// Which page of the locked ones, from 0.
    page: usize,
}

/// `GET /access`
pub(super) async fn show(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Query(looked): Query<AccessQuery>,
) -> Result<Response, PageError> {
    let frame = Frame::of(&app, &user, &uri).await?;
    let mut all = queries::resources(&app, user.user.id).await?;
    all.retain(|resource| resource.visibility.is_listed(resource.lock));
    let total = all.len();
    all.retain(|resource| fits(resource, &looked.q));
    let lists = Lists::of(all);
    let asked = queries::requests(&app, user.user.id, None).await?;
    let page = Page {
        title: "Your access",
        place: Place::Access,
        width: Width::Wide,
        live: Live::On,
    };
    let now = frame.now;
    Ok(frame.page(
        &page,
        &html! {
            div.head {
                h1 { "Your access" }
                form.search method="get" action="/access" role="search" {
                    (Icon::Glass)
                    input type="search" name="q" value=(looked.q) aria-label="Search resources"
                        placeholder={ "Search " (total) " resources" } maxlength="200";
                }
            }
            div #access data-live {
                @if total == 0 {
                    p.empty #none {
                        "You don’t have any resources yet. Ask your administrator."
                    }
                } @else if lists.is_empty() {
                    p.empty #none { "Nothing matches this search. " a href="/access" { "Show all" } }
                }
                (section("Open", &lists.open, lists.open.len(), &user.token, now))
                (section("Waiting", &lists.waiting, lists.waiting.len(), &user.token, now))
                (locked(&lists.locked, &looked, &user.token, now))
                (earlier(&asked, now))
            }
        },
    ))
}

/// `POST /access`: the buttons of the rows.
pub(super) async fn send(
    State(app): State<App>,
    user: PageUser,
    Form(fields): Form<Fields>,
) -> Result<Response, PageError> {
    let id = user.user.id;
    let done = match (
        fields.get("do"),
        fields.number("request"),
        fields.number("grant"),
    ) {
        ("cancel", Some(request), _) => end::cancel(&app, id, RequestId(request)).await.map(|_| ()),
        ("release", _, Some(grant)) => end::release(&app, id, GrantId(grant)).await.map(|_| ()),
        _ => Err(out_of_date()),
    };
    match done {
        // What has ended meanwhile needs no ending: the page shows how it stands.
        Err(AppError::Refused(problem))
            if matches!(problem.code, Code::AlreadyDecided | Code::AlreadyEnded) => {}
        other => other?,
    }
    Ok(Redirect::to("/access").into_response())
}

/// Resources by how they stand.
#[derive(Default)]
struct Lists {
    open: Vec<Resource>,
    waiting: Vec<Resource>,
    locked: Vec<Resource>,
}

impl Lists {
    fn of(all: Vec<Resource>) -> Self {
        let mut lists = Self::default();
        for resource in all {
            match resource.lock {
                LockState::Open { .. } | LockState::Granted { .. } => lists.open.push(resource),
                LockState::Pending { .. } | LockState::Scheduled { .. } => {
                    lists.waiting.push(resource);
                }
                LockState::Locked { .. } => lists.locked.push(resource),
            }
        }
        // The soonest end on top; what never ends comes last.
        lists.open.sort_by_key(|resource| match resource.lock {
            LockState::Granted { expires_at, .. } => (false, Some(expires_at), by_name(resource)),
            LockState::Open { .. }
            | LockState::Scheduled { .. }
            | LockState::Pending { .. }
            | LockState::Locked { .. } => (true, None, by_name(resource)),
        });
        lists.waiting.sort_by_key(by_name);
        lists.locked.sort_by_key(by_name);
        lists
    }

    fn is_empty(&self) -> bool {
        self.open.is_empty() && self.waiting.is_empty() && self.locked.is_empty()
    }
}

/// What can be used or asked for first; of that, shortcuts.
fn by_name(resource: &Resource) -> impl Ord + use<> {
    (
        resource.is_disabled(),
        resource.visibility != Visibility::Shortcut,
        resource.name.to_lowercase(),
    )
}

fn fits(resource: &Resource, looked_for: &str) -> bool {
    let texts = [
        Some(&resource.name),
        Some(&resource.address),
        resource.alias.as_ref(),
    ];
    let mut texts = texts
        .into_iter()
        .flatten()
        .chain(&resource.tags)
        .map(|t| t.to_lowercase());
    let looked_for = looked_for.to_lowercase();
    let words: Vec<&str> = looked_for.split_whitespace().collect();
    let all: String = texts.by_ref().collect::<Vec<_>>().join("\n");
    words.iter().all(|word| all.contains(word))
}

fn section(title: &str, list: &[Resource], count: usize, token: &FormToken, now: Time) -> Markup {
    html! {
        @if !list.is_empty() {
            section #{ "list-" (title.to_lowercase()) } {
                h2 { (title) span { (count) } }
                ul.rows {
                    @for resource in list { (row(resource, token, now)) }
                }
            }
        }
    }
}

fn locked(list: &[Resource], looked: &AccessQuery, token: &FormToken, now: Time) -> Markup {
    let start = looked.page.saturating_mul(LOCKED).min(list.len());
    let end = (start + LOCKED).min(list.len());
    let to = |page: usize| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query
            .append_pair("q", &looked.q)
            .append_pair("page", &page.to_string());
        format!("/access?{}", query.finish())
    };
    html! {
        (section("Locked", list.get(start..end).unwrap_or_default(), list.len(), token, now))
        @if list.len() > LOCKED {
            p.pager #pager {
                @if start > 0 { a.btn href=(to(looked.page.saturating_sub(1))) { "Previous" } }
                span.muted { (start + 1) " to " (end) " of " (list.len()) ", by name" }
                @if end < list.len() { a.btn href=(to(looked.page + 1)) { "Next" } }
            }
        }
    }
}

fn row(resource: &Resource, token: &FormToken, now: Time) -> Markup {
    let name = plain(&resource.name);
    let address = resource.endpoint();
    html! {
        li.row #{ "resource-" (resource.id) } {
            (state::mark(resource, now))
            div.what {
                div.name { bdi { (name) } }
                div.sub {
                    (state::words(resource, now))
                    span.mono.address title=(plain(&address)) { bdi { (plain(&address)) } }
                }
                @if !resource.description.is_empty() {
                    div.sub { span dir="auto" { (one_line(&resource.description, MAX_DESCRIPTION)) } }
                }
            }
            div.acts { (actions(resource, &name, token)) }
        }
    }
}

fn actions(resource: &Resource, name: &str, token: &FormToken) -> Markup {
    let open = html! {
        @if let Some(link) = state::link(resource) {
            a.btn href=(link) rel="noopener noreferrer" target="_blank"
                aria-label={ "Open " (name) } { "Open" }
        } @else {
            (copy(&resource.endpoint(), name))
        }
    };
    match resource.lock {
        LockState::Open { .. } => open,
        LockState::Granted {
            grant, extension, ..
        } => html! {
            (open)
            @if let Some(waits) = extension {
                a.btn.ghost href={ "/requests/" (waits.request) }
                    aria-label={ "View request to extend " (name) } { "View request" }
            } @else {
                (extend(resource, name))
            }
            (give_back(grant, token, name))
        },
        LockState::Scheduled { grant, .. } => give_back(grant, token, name),
        LockState::Pending { request, .. } => html! {
            a.btn.ghost href={ "/requests/" (request) } aria-label={ "View " (name) } { "View" }
            form #{ "cancel-" (request) } method="post" action="/access" {
                (token_field(token))
                input type="hidden" name="request" value=(request);
                button.btn name="do" value="cancel" aria-label={ "Cancel " (name) } { "Cancel" }
            }
        },
        LockState::Locked { why: Why::Disabled } => html! {},
        LockState::Locked { .. } => {
            let words = if resource
                .last_decision
                .as_ref()
                .is_some_and(|it| it.kind == Decision::Denied)
            {
                "Request again"
            } else {
                "Authenticate…"
            };
            html! {
                a.btn.accent href={ "/resources/" (resource.id) "/request" }
                    aria-label={ (words) " " (name) } { (words) }
            }
        }
    }
}

/// Leads to where more time is asked for.
pub(super) fn extend(resource: &Resource, name: &str) -> Markup {
    html! {
        a.btn href={ "/resources/" (resource.id) "/extend" }
            aria-label={ "Extend… " (plain(name)) } { "Extend…" }
    }
}

/// A button that copies a text. Only the script can do that, so only it shows the button.
pub(super) fn copy(text: &str, name: &str) -> Markup {
    html! {
        button.btn type="button" data-copy=(text) hidden
            aria-label={ "Copy address of " (plain(name)) } {
            (Icon::Copy) " Copy address"
        }
    }
}

/// Giving a grant back, with a second click to confirm.
pub(super) fn give_back(grant: GrantId, token: &FormToken, name: &str) -> Markup {
    let name = plain(name);
    html! {
        details.pop #{ "give-back-panel-" (grant) } {
            summary.btn aria-label={ "Give back… " (name) } { "Give back…" }
            form.panel #{ "give-back-" (grant) } method="post" {
                (token_field(token))
                input type="hidden" name="grant" value=(grant);
                p { "It locks immediately. To use it again you’d have to request it." }
                button.btn.danger name="do" value="release" aria-label={ "Give back now " (name) } {
                    "Give back now"
                }
            }
        }
    }
}

fn earlier(requests: &Several<Request>, now: Time) -> Markup {
    html! {
        @if !requests.items.is_empty() {
            section #earlier {
                h2 { "Your requests" }
                ul.rows {
                    @for request in requests.items.iter().take(LATEST) {
                        li #{ "asked-" (request.id) } {
                            a.row href={ "/requests/" (request.id) } {
                                div.what {
                                    div.name { bdi { (plain(&request.resource_name)) } }
                                    div.sub {
                                        @let outcome = request.outcome();
                                        span.state.(tone(&outcome)) {
                                            (sentence(&outcome, now))
                                        }
                                        span.state { (asked(request)) ", requested "
                                            (ago(request.created_at, now)) }
                                    }
                                }
                            }
                        }
                    }
                }
                @if requests.items.len() > LATEST {
                    p.pager { a.btn href="/my-requests" { "All your requests" } }
                }
            }
        }
    }
}
