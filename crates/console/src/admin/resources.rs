//! Resources: all of them, and one with its groups, its people and its requests.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use hourkey_access::app::App;
use hourkey_access::error::AppError;
use hourkey_access::overview::{self, Overview, RequestFilter, Sight};
use hourkey_domain::Time;
use hourkey_domain::ids::{AssignmentId, ResourceId};
use hourkey_domain::lock::{LockState, Why};
use hourkey_domain::organisation::{Organisation, Resource, Standing, User};
use hourkey_domain::visibility::Visibility;
use hourkey_protocol::access::{Page as Several, Request};
use maud::{Markup, html};

use super::table::{Column, Key, Rows, TableQuery, framed, moments, search};
use super::view::{address, link, links, overview, overview_of_one, page, revoke};
use super::{kind, requests, revoke_all, settings, summary};
use crate::address::{Id, Query};
use crate::error::PageError;
use crate::layout::{Place, plain};
use crate::outcome::quote;
use crate::page_user::PageUser;
use crate::state;
use crate::time::{ago, clock};

/// `GET /resources`
pub(super) async fn list(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Query(query): Query<TableQuery>,
) -> Result<Response, PageError> {
    let view = overview(&app, &user, Sight::Configuration).await?;
    let of = &*view.organisation;
    let used = last_uses(of);
    let columns = columns(&view, &used);
    let rows = Rows::of(of.resources(), &query, columns, |resource| {
        searched(&view, resource)
    });
    page(
        &app,
        &user,
        &uri,
        ("Resources", Place::Resources),
        &html! {
            div.head {
                h1 { "Resources " span.muted { (rows.total) } }
                (search("/resources", &query, "Search resources"))
                @if view.sets_up { a.btn.primary href="/resources/new" { "New resource…" } }
            }
            (rows.table(
                "/resources",
                "Resources",
                "There are no resources yet. An administrator adds them.",
                |resource| row(&view, &used, resource),
            ))
        },
    )
    .await
}

type LastUses = HashMap<ResourceId, Time>;

/// When each resource was last used, by whomever.
fn last_uses(of: &Organisation) -> LastUses {
    let mut last = LastUses::new();
    for (resource, access) in of.users().flat_map(|user| of.accesses_of(user.id)) {
        if let Some(at) = access.history.used_at {
            let latest = last.entry(resource).or_insert(at);
            *latest = at.max(*latest);
        }
    }
    last
}

fn columns<'a>(view: &'a Overview, used: &'a LastUses) -> Vec<Column<'a, &'a Arc<Resource>>> {
    let of = &view.organisation;
    let network = |it: &Resource| of.network(it.network).map_or("", |network| &network.name);
    let mut columns = vec![
        Column::sorted("Name", |it: &&Arc<Resource>| Key::text(&it.name)),
        Column::sorted("Kind", |it: &&Arc<Resource>| Key::text(kind::word(it))),
        Column::sorted("Address", |it: &&Arc<Resource>| Key::text(&address(it))),
        Column::sorted("Network", move |it: &&Arc<Resource>| Key::text(network(it))),
        Column::plain("Access"),
        Column::sorted("Groups", |it: &&Arc<Resource>| {
            Key::number(of.assignments_of(it.id).count())
        }),
    ];
    if view.sees_all {
        columns.push(Column::sorted("Granted now", |it: &&Arc<Resource>| {
            Key::number(granted_now(view, it.id))
        }));
        columns.push(Column::sorted("Last used", |it: &&Arc<Resource>| {
            Key::moment(used.get(&it.id).copied())
        }));
    }
    columns
}

fn searched(view: &Overview, resource: &Resource) -> String {
    let network = view.organisation.network(resource.network);
    let texts = [
        resource.name.as_str(),
        &address(resource),
        resource.alias.as_deref().unwrap_or_default(),
        network.map_or("", |network| &network.name),
        &resource.tags.join("\n"),
        &resource.about.description,
        kind::word(resource),
    ];
    texts.join("\n")
}

fn row(view: &Overview, used: &LastUses, resource: &Resource) -> Markup {
    let of = &view.organisation;
    let network = of.network(resource.network);
    html! {
        tr {
            th scope="row" {
                (link("resources", resource.id, &resource.name))
                @if !resource.about.enabled { " " span.state.stop { "Disabled" } }
            }
            td { (kind::shown(resource)) }
            td.mono { bdi { (plain(&address(resource))) } }
            td { bdi { (plain(network.map_or("", |network| &network.name))) } }
            td { (settings::policy(resource.settings, view.organisation.periods().longest())) }
            td.number { (of.assignments_of(resource.id).count()) }
            @if view.sees_all {
                td.number { (granted_now(view, resource.id)) }
                td { (last(used.get(&resource.id).copied(), view.now)) }
            }
        }
    }
}

/// The grants that run.
fn granted_now(view: &Overview, resource: ResourceId) -> usize {
    let of = &view.organisation;
    let open = of.open_for(resource);
    let granted = open.filter(|user| {
        let standing = of.standing(*user, resource, view.now);
        standing.is_some_and(|it| matches!(it.lock, LockState::Granted { .. }))
    });
    granted.count()
}

/// `GET /resources/{id}`
pub(super) async fn show(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Id(id): Id<ResourceId>,
    Query(query): Query<TableQuery>,
) -> Result<Response, PageError> {
    let view = overview_of_one(&app, &user, Sight::Configuration).await?;
    let of = &*view.organisation;
    let resource = of.resource(id).ok_or_else(AppError::not_found)?;
    let requests = match view.sees_all {
        true => {
            let filter = RequestFilter {
                resource: Some(id),
                ..RequestFilter::default()
            };
            Some(overview::requests(&app, user.user.id, &filter.into(), None).await?)
        }
        false => None,
    };
    let title = plain(&resource.name);
    page(
        &app,
        &user,
        &uri,
        (&title, Place::Resources),
        &html! {
            div.head {
                h1 { bdi { (title) } }
                @if view.sets_up {
                    p.acts {
                        a.btn href={ "/resources/" (id) "/edit" } { "Change…" }
                        a.btn.primary href={ "/resources/" (id) "/groups" } { "Give a group access…" }
                        (revoke_all::of_resource(&view, id))
                    }
                }
                @if view.sees_all {
                    (summary::links(&format!("/resources/{id}")))
                }
            }
            p.mono.address { bdi { (plain(&address(resource))) } }
            @if !resource.about.enabled {
                div.bar.warn #disabled {
                    p {
                        "It is disabled: it opens for nobody, and nobody can request it. Nothing else takes \
                         its address."
                    }
                }
            }
            (facts(&view, resource))
            (assignments(&view, resource))
            @if view.sees_all { (people(&view, resource, &query)) }
            @if let Some(requests) = requests { (latest(&requests, id, &view)) }
        },
    )
    .await
}

fn facts(view: &Overview, resource: &Resource) -> Markup {
    let of = &view.organisation;
    let network = of.network(resource.network);
    let approvers = resource.approvers.iter().filter_map(|id| of.group(*id));
    let approvers: Vec<_> = approvers.collect();
    let about = &resource.about;
    let owner = about.owner.and_then(|id| of.user(id));
    html! {
        dl.facts {
            @if !about.description.is_empty() {
                dt { "Description" }
                dd { (quote(&about.description)) }
            }
            @if !about.how_to_use.is_empty() {
                dt { "How to use it" }
                dd { (quote(&about.how_to_use)) }
            }
            @if let (Some(owner), true) = (owner, view.sees_all) {
                dt { "Owner" }
                dd {
                    (link("people", owner.id, &owner.name))
                    @if owner.disabled { " · disabled" }
                }
            }
            @if about.visibility != Visibility::default() {
                dt { "In lists" }
                dd { (settings::visibility(about.visibility)) }
            }
            dt { "Access" }
            dd {
                (settings::policy(resource.settings, view.organisation.periods().longest()))
                @if view.sets_up {
                    " · " a href={ "/resources/" (resource.id) "/settings" } { "Change…" }
                }
            }
            dt { "Network" }
            dd {
                bdi { (plain(network.map_or("", |network| &network.name))) }
                @if !of.has_gateway(resource.network) { " · no gateway yet" }
            }
            @if let Some(alias) = &resource.alias {
                dt { "Alias" }
                dd.mono { bdi { (plain(alias)) } }
            }
            @if !resource.tags.is_empty() {
                dt { "Tags" }
                dd { @for tag in &resource.tags { bdi.tag { (plain(tag)) } " " } }
            }
            dt { "Approvers" }
            dd {
                @for group in &approvers { (link("groups", group.id, &group.name)) ", " }
                @if approvers.is_empty() { "Those" } @else { "and those" }
                " who review every request"
            }
        }
    }
}

fn assignments(view: &Overview, resource: &Resource) -> Markup {
    let of = &view.organisation;
    let all: Vec<_> = of.assignments_of(resource.id).collect();
    let headings = html! {
        @for heading in ["Group", "People", "Settings"] { th scope="col" { (heading) } }
        (moments("Ends"))
        @if view.sets_up { th scope="col" { "Change" } }
    };
    html! {
        section #assignments {
            h2 { "Access" span { (all.len()) } }
            @if all.is_empty() {
                p.empty { "No group has access to it." }
            } @else {
                (framed("Access by group", &headings, &html! {
                    @for own in &all {
                        @if let Some(group) = of.group(own.group) {
                            tr {
                                th scope="row" { (link("groups", group.id, &group.name)) }
                                td.number { (of.members(group.id).count()) }
                                td { (settings::of_assignment(resource.settings, own.own, of.periods().longest())) }
                                td { (ends(own.until, view)) }
                                @if view.sets_up { td { (change(own.id, &group.name)) } }
                            }
                        }
                    }
                }))
                p.hint { "Settings in bold are the group’s own, in place of the resource’s." }
            }
        }
    }
}

/// The link to the page on which a group's access is changed.
pub(super) fn change(assignment: AssignmentId, name: &str) -> Markup {
    html! {
        a href={ "/assignments/" (assignment) } aria-label={ "Change… " (plain(name)) } { "Change…" }
    }
}

/// The end of an assignment.
pub(super) fn ends(until: Option<Time>, view: &Overview) -> Markup {
    html! {
        @match until {
            None => span.muted { "–" },
            Some(at) if at <= view.now => { "Ended " (ago(at, view.now)) },
            Some(at) => (clock(at, view.now)),
        }
    }
}

fn people(view: &Overview, resource: &Resource, query: &TableQuery) -> Markup {
    let of = &*view.organisation;
    let seen_by = of.seen_by(resource.id, view.now);
    let users = seen_by.into_iter().filter_map(|user| of.user(user));
    let used_at = |user| of.access(user, resource.id)?.history.used_at;
    let columns = vec![
        Column::sorted("Person", |it: &&Arc<User>| Key::text(&it.name)),
        Column::plain("Through"),
        Column::plain("Settings"),
        Column::plain("State"),
        Column::sorted("Last used", |it: &&Arc<User>| Key::moment(used_at(it.id))),
        Column::plain("Why"),
    ];
    let rows = Rows::of(users, query, columns, |user| {
        format!("{}\n{}", user.name, user.login)
    });
    let path = format!("/resources/{}#people", resource.id);
    html! {
        section #people {
            div.head {
                h2 { "People" span { (rows.total) } }
                (search(&path, query, "Search people"))
            }
            (rows.table(
                &path,
                "People",
                "Nobody sees it.",
                |user| html! {
                    @if let Some(standing) = of.standing(user.id, resource.id, view.now) {
                        tr {
                            th scope="row" { (link("people", user.id, &user.name)) }
                            (standing_cells(view, &standing))
                        }
                    }
                },
            ))
        }
    }
}

/// When something last happened, if ever.
pub(super) fn last(at: Option<Time>, now: Time) -> Markup {
    html! { @match at { Some(at) => (ago(at, now)), None => span.muted { "never" } } }
}

/// How somebody's access stands: the groups it comes from, settings, state, last use, and why.
pub(super) fn standing_cells(view: &Overview, standing: &Standing<'_>) -> Markup {
    let of = &view.organisation;
    let groups = of.through(standing, view.now);
    let own = of.assignment(standing.counts.assignment);
    let why = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("user", &standing.user.login)
        .append_pair("resource", &standing.resource.id.to_string())
        .finish();
    html! {
        td {
            (links("groups", groups.iter().map(|it| (it.id, it.name.as_str()))))
        }
        td {
            @if let Some(own) = own {
                (settings::of_assignment(standing.resource.settings, own.own, of.periods().longest()))
            }
        }
        td {
            (state::of_lock(standing.lock, view.now))
            @if let Some(granted) = standing.granted() {
                (revoke(view, (standing.user.id, standing.resource.id), granted.request.id, &format!(
                    "{}: {}", plain(&standing.user.name), plain(&standing.resource.name)
                )))
            }
            (unlock(view, standing))
        }
        td {
            (last(standing.used_at(), view.now))
        }
        td {
            a href={ "/explain?" (why) } aria-label={
                "Explain: " (plain(&standing.user.name)) ", " (plain(&standing.resource.name))
            } { "Explain" }
        }
    }
}

/// The way to unlock what locked by disuse, with both filled in: not for oneself.
fn unlock(view: &Overview, standing: &Standing<'_>) -> Markup {
    let is_unused = standing.lock == LockState::Locked { why: Why::Unused };
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("login", &standing.user.login)
        .append_pair("resource", &standing.resource.id.to_string())
        .finish();
    html! {
        @if view.administers && is_unused && standing.user.id != view.viewer {
            " "
            a href={ "/unlock?" (query) } aria-label={
                "Unlock… " (plain(&standing.user.name)) ": " (plain(&standing.resource.name))
            } { "Unlock…" }
        }
    }
}

fn latest(requests: &Several<Request>, id: ResourceId, view: &Overview) -> Markup {
    html! {
        section #requests {
            h2 { "Requests" }
            (requests::table(&requests.items, view))
            @if requests.items.is_empty() {
                p.empty { "Nobody has asked for it." }
            }
            @if requests.before.is_some() {
                p.pager { a.btn href={ "/requests?resource=" (id) } { "All requests for it" } }
            }
        }
    }
}
