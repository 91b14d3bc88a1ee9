//! Groups: all of them, and one with its members and what it gives access to.

use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use hourkey_access::app::App;
use hourkey_access::error::AppError;
use hourkey_access::organisation::edit::BUILT_IN;
use hourkey_access::overview::{Overview, Sight};
use hourkey_domain::ids::GroupId;
use hourkey_domain::organisation::{Group, User};
use maud::{Markup, html};

use super::resources::{change, ends};
use super::table::{Column, Key, Rows, TableQuery, framed, moments, search};
use super::view::{count, link, links, overview, overview_of_one, page};
use super::{settings, summary};
use crate::address::{Id, Query};
use crate::error::PageError;
use crate::layout::{Place, plain};
use crate::page_user::PageUser;

/// `GET /groups`
pub(super) async fn list(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Query(query): Query<TableQuery>,
) -> Result<Response, PageError> {
    let view = overview(&app, &user, Sight::Configuration).await?;
    let of = &*view.organisation;
    let columns = vec![
        Column::sorted("Name", |it: &&Arc<Group>| Key::text(&it.name)),
        Column::sorted("People", |it: &&Arc<Group>| {
            Key::number(of.members(it.id).count())
        }),
        Column::sorted("Resources", |it: &&Arc<Group>| {
            Key::number(of.assignments_to(it.id).count())
        }),
        Column::sorted("Reviews for", |it: &&Arc<Group>| {
            Key::number(of.approved_by(it.id).count())
        }),
    ];
    let rows = Rows::of(of.assignable_groups(), &query, columns, |it| {
        it.name.clone()
    });
    page(
        &app,
        &user,
        &uri,
        ("Groups", Place::Groups),
        &html! {
            div.head {
                h1 { "Groups " span.muted { (rows.total) } }
                (search("/groups", &query, "Search groups"))
                @if view.administers { a.btn.primary href="/groups/new" { "New group…" } }
            }
            (rows.table(
                "/groups",
                "Groups",
                "There are no groups yet.",
                |group| html! {
                    tr {
                        th scope="row" { (link("groups", group.id, &group.name)) }
                        td.number { (of.members(group.id).count()) }
                        td.number { (of.assignments_to(group.id).count()) }
                        td.number { (of.approved_by(group.id).count()) }
                    }
                },
            ))
        },
    )
    .await
}

/// `GET /groups/{id}`
pub(super) async fn show(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Id(id): Id<GroupId>,
    Query(query): Query<TableQuery>,
) -> Result<Response, PageError> {
    let view = overview_of_one(&app, &user, Sight::Configuration).await?;
    let group = view.organisation.group(id);
    let group = group.ok_or_else(AppError::not_found)?;
    let title = plain(&group.name);
    page(
        &app,
        &user,
        &uri,
        (&title, Place::Groups),
        &html! {
            div.head {
                h1 { bdi { (title) } }
                @if view.administers && id != GroupId::EVERYONE {
                    a.btn href={ "/groups/" (id) "/edit" } { "Change…" }
                }
                @if view.sees_all {
                    (summary::links(&format!("/groups/{id}")))
                }
            }
            @if id == GroupId::EVERYONE { p.lead { (BUILT_IN) } }
            (reviews(&view, group))
            (resources(&view, group))
            @if view.sees_all { (members(&view, group, &query)) } @else {
                p.lead { (count(view.organisation.members(id).count(), "person", "people")) " in this group." }
            }
        },
    )
    .await
}

fn reviews(view: &Overview, group: &Group) -> Markup {
    let of = &view.organisation;
    let resources = of.approved_by(group.id).filter_map(|id| of.resource(id));
    let resources: Vec<_> = resources.collect();
    let is_fallback = of.fallback_groups().contains(&group.id);
    html! {
        @if !resources.is_empty() || is_fallback {
            dl.facts {
                dt { "Reviews for" }
                dd {
                    (links("resources", resources.iter().map(|it| (it.id, it.name.as_str()))))
                    @if is_fallback {
                        @if !resources.is_empty() { "; " }
                        "what nobody else can review"
                    }
                }
            }
        }
    }
}

fn resources(view: &Overview, group: &Group) -> Markup {
    let of = &view.organisation;
    let all: Vec<_> = of.assignments_to(group.id).collect();
    let headings = html! {
        @for heading in ["Resource", "Settings"] { th scope="col" { (heading) } }
        (moments("Ends"))
        @if view.sets_up { th scope="col" { "Change" } }
    };
    html! {
        section #resources {
            h2 { "Resources" span { (all.len()) } }
            @if all.is_empty() {
                p.empty { "It gives access to nothing yet." }
            } @else {
                (framed("Resources", &headings, &html! {
                    @for own in &all {
                        @if let Some(resource) = of.resource(own.resource) {
                            tr {
                                th scope="row" { (link("resources", resource.id, &resource.name)) }
                                td { (settings::of_assignment(resource.settings, own.own, of.periods().longest())) }
                                td { (ends(own.until, view)) }
                                @if view.sets_up { td { (change(own.id, &resource.name)) } }
                            }
                        }
                    }
                }))
                p.hint { "Settings in bold are this group’s own, in place of the resource’s." }
            }
        }
    }
}

fn members(view: &Overview, group: &Group, query: &TableQuery) -> Markup {
    let of = &*view.organisation;
    let path = format!("/groups/{}#people", group.id);
    let members = of.members(group.id).filter_map(|user| of.user(user));
    let columns = vec![
        Column::sorted("Person", |it: &&Arc<User>| Key::text(&it.name)),
        Column::sorted("Login", |it: &&Arc<User>| Key::text(&it.login)),
        Column::sorted("State", |it: &&Arc<User>| Key::number(it.disabled.into())),
    ];
    let rows = Rows::of(members, query, columns, |user| {
        format!("{}\n{}", user.name, user.login)
    });
    html! {
        section #people {
            div.head {
                h2 { "People" span { (rows.total) } }
                (search(&path, query, "Search people"))
            }
            (rows.table(&path, "People", "Nobody is in it.", |user| {
                html! {
                    tr {
                        th scope="row" { (link("people", user.id, &user.name)) }
                        td.mono { bdi { (plain(&user.login)) } }
                        td {
                            @if user.disabled { span.state.stop { "Disabled" } }
                            @else { span.muted { "Enabled" } }
                        }
                    }
                }
            }))
        }
    }
}
