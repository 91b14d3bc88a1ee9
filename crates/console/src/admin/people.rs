//! People: all of them, and one with their groups, their access and their requests.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use hourkey_access::app::App;
use hourkey_access::error::AppError;
use hourkey_access::identity::second_factor;
use hourkey_access::overview::{self, Device, Overview, RequestFilter, Sight};
use hourkey_domain::ids::UserId;
use hourkey_domain::lock::LockState;
use hourkey_domain::organisation::{Standing, User};
use hourkey_domain::review::Role;
use maud::{Markup, html};

use super::resources::{last, standing_cells};
use super::table::{Column, Key, Rows, TableQuery, search, table};
use super::view::{link, links, overview, overview_of_one, page};
use super::{requests, revoke_all, summary};
use crate::address::{Id, Query};
use crate::devices::client;
use crate::error::PageError;
use crate::layout::{Place, plain};
use crate::page_user::PageUser;
use crate::time::ago;

/// The column that says when somebody was last seen.
const LAST_SEEN: &str = "Last seen";

/// `GET /people`
pub(super) async fn list(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Query(query): Query<TableQuery>,
) -> Result<Response, PageError> {
    let view = overview(&app, &user, Sight::All).await?;
    let of = &*view.organisation;
    // Read of everybody only where it orders them.
    let all_seen = match query.sorts_by(LAST_SEEN) {
        true => overview::last_seen(&app, user.user.id, None).await?,
        false => HashMap::new(),
    };
    let columns = vec![
        Column::sorted("Name", |it: &&Arc<User>| Key::text(&it.name)),
        Column::sorted("Login", |it: &&Arc<User>| Key::text(&it.login)),
        Column::sorted("Roles", |it: &&Arc<User>| {
            Key::number(it.roles.iter().max().map_or(0, |role| *role as usize))
        }),
        Column::sorted("Groups", |it: &&Arc<User>| {
            Key::number(of.all_groups_of(it.id).count())
        }),
        Column::sorted("Granted now", |it: &&Arc<User>| {
            Key::number(granted_now(&view, it.id))
        }),
        Column::sorted(LAST_SEEN, |it: &&Arc<User>| {
            Key::moment(all_seen.get(&it.id).copied())
        }),
    ];
    let rows = Rows::of(of.users(), &query, columns, |user| searched(user));
    let shown: Vec<_> = rows.shown().iter().map(|it| it.id).collect();
    let seen = overview::last_seen(&app, user.user.id, Some(&shown)).await?;
    page(
        &app,
        &user,
        &uri,
        ("People", Place::People),
        &html! {
            div.head {
                h1 { "People " span.muted { (rows.total) } }
                (search("/people", &query, "Search people"))
                @if view.administers { a.btn.primary href="/people/new" { "Add people" } }
            }
            (rows.table(
                "/people",
                "People",
                "There is nobody yet.",
                |user| html! {
                    tr {
                        th scope="row" { (link("people", user.id, &user.name)) }
                        td.mono { bdi { (plain(&user.login)) } }
                        td { (roles(user)) }
                        td.number { (of.all_groups_of(user.id).count()) }
                        td.number { (granted_now(&view, user.id)) }
                        td { (last(seen.get(&user.id).copied(), view.now)) }
                    }
                },
            ))
        },
    )
    .await
}

fn searched(user: &User) -> String {
    let email = user.email.as_deref().unwrap_or_default();
    let roles: Vec<_> = user.roles.iter().map(|role| role_name(*role)).collect();
    let disabled = if user.disabled { "disabled" } else { "" };
    [&user.name, &user.login, email, &roles.join("\n"), disabled].join("\n")
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Member => "Member",
        Role::AccessReviewer => "Access reviewer",
        Role::Operator => "Operator",
        Role::Auditor => "Auditor",
        Role::Admin => "Admin",
    }
}

/// Everybody is a member, so that is left out where there is more to say.
fn roles(user: &User) -> Markup {
    let more = user.roles.iter().filter(|role| **role != Role::Member);
    let more: Vec<_> = more.map(|role| role_name(*role)).collect();
    html! {
        @if more.is_empty() { span.muted { "Member" } } @else { (more.join(", ")) }
        @if user.disabled { " " span.state.stop { "Disabled" } }
    }
}

/// The grants that run.
fn granted_now(view: &Overview, user: UserId) -> usize {
    let of = &view.organisation;
    let open = of.accesses_of(user).filter(|(_, access)| access.is_open());
    let standings = open.filter_map(|(resource, _)| of.standing(user, resource, view.now));
    standings
        .filter(|it| matches!(it.lock, LockState::Granted { .. }))
        .count()
}

/// `GET /people/{id}`
pub(super) async fn show(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Id(id): Id<UserId>,
    Query(query): Query<TableQuery>,
) -> Result<Response, PageError> {
    let view = overview_of_one(&app, &user, Sight::All).await?;
    let of = &*view.organisation;
    let person = of.user(id).ok_or_else(AppError::not_found)?;
    let latest =
        overview::requests(&app, user.user.id, &RequestFilter::of(id).into(), None).await?;
    let devices = overview::devices(&app, user.user.id, id).await?;
    let since = second_factor::since(&app, id).await?;
    let title = plain(&person.name);
    page(
        &app,
        &user,
        &uri,
        (&title, Place::People),
        &html! {
            div.head {
                h1 { bdi { (title) } }
                p.acts {
                    a.btn href={ "/people/" (id) "/view" } { "See what they see" }
                    @if view.administers {
                        a.btn href={ "/people/" (id) "/edit" } { "Change" }
                        @if id != user.user.id && !person.disabled {
                            a.btn href={ "/people/" (id) "/link" } { "Link to set a password" }
                        }
                    }
                    (revoke_all::of_person(&view, id))
                }
                (summary::links(&format!("/people/{id}")))
            }
            dl.facts {
                dt { "Login" }
                dd.mono { bdi { (plain(&person.login)) } }
                @if let Some(email) = &person.email {
                    dt { "Mail" }
                    dd { bdi { (plain(email)) } }
                }
                dt { "Roles" }
                dd { (roles(person)) }
                dt { "Groups" }
                dd { (groups(&view, id)) }
                dt { "Two-step sign-in" }
                dd {
                    @match since {
                        Some(since) => { "On since " (ago(since, view.now)) },
                        None => span.muted { "Not set up" },
                    }
                    @if since.is_some() && view.administers && id != user.user.id {
                        " · " a href={ "/people/" (id) "/two-step" } { "Reset…" }
                    }
                }
            }
            (access(&view, person, &query))
            (computers(&devices, &view))
            section #requests {
                h2 { "Requests" }
                (requests::table(&latest.items, &view))
                @if latest.items.is_empty() { p.empty { "They have asked for nothing yet." } }
                @if latest.before.is_some() {
                    p.pager { a.btn href={ "/requests?user=" (id) } { "All their requests" } }
                }
            }
        },
    )
    .await
}

fn computers(devices: &[Device], view: &Overview) -> Markup {
    let rows = html! {
        @for device in devices {
            tr {
                th scope="row" { bdi { (plain(&device.name)) } }
                td { (client(device.kind).1) }
                td { (ago(device.created_at, view.now)) }
                td { (ago(device.renewed_at, view.now)) }
            }
        }
    };
    html! {
        section #computers {
            h2 { "Computers" span { (devices.len()) } }
            @if devices.is_empty() {
                p.empty { "None of their computers can reach anything yet." }
            } @else {
                (table("Computers", &["Name", "Client", "Enrolled", "Certificate renewed"], &rows))
            }
        }
    }
}

fn groups(view: &Overview, user: UserId) -> Markup {
    let of = &view.organisation;
    let groups: Vec<_> = of.all_groups_of(user).collect();
    html! {
        @if groups.is_empty() { span.muted { "None" } }
        (links("groups", groups.iter().map(|it| (it.id, it.name.as_str()))))
    }
}

fn access(view: &Overview, person: &User, query: &TableQuery) -> Markup {
    let of = &*view.organisation;
    let path = format!("/people/{}#access", person.id);
    let columns = vec![
        Column::sorted("Resource", |it: &Standing<'_>| Key::text(&it.resource.name)),
        Column::plain("Through"),
        Column::plain("Settings"),
        Column::plain("State"),
        Column::sorted("Last used", |it: &Standing<'_>| Key::moment(it.used_at())),
        Column::plain("Why"),
    ];
    let rows = Rows::of(of.standings_of(person.id, view.now), query, columns, |it| {
        format!("{}\n{}", it.resource.name, it.resource.address)
    });
    let nothing = match person.disabled {
        true => "Their account is disabled: they reach nothing.",
        false => "None of their groups has access to anything.",
    };
    html! {
        section #access {
            div.head {
                h2 { "Access" span { (rows.total) } }
                (search(&path, query, "Search resources"))
            }
            (rows.table(
                &path,
                "Access",
                nothing,
                |standing| html! {
                    tr {
                        th scope="row" {
                            (link("resources", standing.resource.id, &standing.resource.name))
                        }
                        (standing_cells(view, standing))
                    }
                },
            ))
        }
    }
}
