//! Access settings: a resource's, which hold for all its groups, and a group's own.

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use hourkey_access::app::App;
use hourkey_access::error::AppError;
use hourkey_access::organisation::edit::Edit;
use hourkey_access::overview::Overview;
use hourkey_domain::ids::{AssignmentId, ResourceId};
use hourkey_domain::length::Length;
use hourkey_domain::organisation::{Assignment, Resource};
use maud::html;

use super::fields;
use super::flow::{Draft, Sheet, removes, seen};
use super::input::SettingsInput;
use crate::address::Id;
use crate::admin::view::link;
use crate::admin::view::set_up;
use crate::error::PageError;
use crate::form::{Fields, Form, FormError};
use crate::layout::{Place, plain};
use crate::page_user::PageUser;
use crate::unsent::Unsent;

/// What is changed.
#[derive(Clone, Copy)]
enum Target {
    Resource(ResourceId),
    Assignment(AssignmentId),
}

/// It, as it stands.
struct Found<'a> {
    resource: &'a Resource,
    /// The group's access, where that is changed.
    assignment: Option<&'a Assignment>,
    group: &'a str,
    /// The access periods to choose from.
    offered: Vec<Length>,
}

/// `GET /resources/{id}/settings`
pub(super) async fn show_resource(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Id(id): Id<ResourceId>,
    unsent: Unsent,
) -> Result<Response, PageError> {
    show(&app, &user, &uri, Target::Resource(id), unsent).await
}

/// `POST /resources/{id}/settings`
pub(super) async fn send_resource(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Id(id): Id<ResourceId>,
    Form(fields): Form<Fields>,
) -> Result<Response, PageError> {
    send(&app, &user, &uri, Target::Resource(id), &fields).await
}

/// `GET /assignments/{id}`
pub(super) async fn show_assignment(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Id(id): Id<AssignmentId>,
    unsent: Unsent,
) -> Result<Response, PageError> {
    show(&app, &user, &uri, Target::Assignment(id), unsent).await
}

/// `POST /assignments/{id}`
pub(super) async fn send_assignment(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Id(id): Id<AssignmentId>,
    Form(fields): Form<Fields>,
) -> Result<Response, PageError> {
    send(&app, &user, &uri, Target::Assignment(id), &fields).await
}

async fn show(
    app: &App,
    user: &PageUser,
    uri: &Uri,
    target: Target,
    unsent: Unsent,
) -> Result<Response, PageError> {
    let view = set_up(app, user).await?;
    let found = found(&view, target)?;
    let (input, seen) = match unsent.fields.has("seen") {
        true => (
            SettingsInput::read(&unsent.fields),
            unsent.fields.get("seen").to_owned(),
        ),
        false => (current(&found), seen(&view, &as_it_is(&found))?),
    };
    form(app, user, uri, &found, &input, &seen, &unsent.wrong).await
}

async fn send(
    app: &App,
    user: &PageUser,
    uri: &Uri,
    target: Target,
    fields: &Fields,
) -> Result<Response, PageError> {
    let view = set_up(app, user).await?;
    let found = found(&view, target)?;
    let input = SettingsInput::read(fields);
    let sheet = sheet(app, user, uri, &found);
    let edit = match (target, removes(fields)) {
        (Target::Assignment(id), true) => Ok(Edit::RemoveAssignment(id)),
        _ => changed(&found, &input, &view),
    };
    let home = async || Ok(home(&found));
    match sheet.sent(fields, edit, home).await? {
        Ok(answer) => Ok(answer),
        Err(wrong) => form(app, user, uri, &found, &input, fields.get("seen"), &wrong).await,
    }
}

fn found(view: &Overview, target: Target) -> Result<Found<'_>, AppError> {
    let of = &view.organisation;
    let (resource, assignment) = match target {
        Target::Resource(id) => (id, None),
        Target::Assignment(id) => {
            let own = of.assignment(id).ok_or_else(AppError::not_found)?;
            (own.resource, Some(&**own))
        }
    };
    let group = assignment.and_then(|own| of.group(own.group));
    let resource = of.resource(resource).ok_or_else(AppError::not_found)?;
    let set = match assignment {
        Some(own) => own.own.period,
        None => Some(resource.settings.period),
    };
    Ok(Found {
        resource,
        assignment,
        group: group.map_or("", |group| &group.name),
        offered: fields::offered(of.periods(), set),
    })
}

fn as_it_is(found: &Found<'_>) -> Edit {
    match found.assignment {
        None => Edit::Resource(found.resource.clone()),
        Some(own) => Edit::Assignment(own.clone()),
    }
}

fn current(found: &Found<'_>) -> SettingsInput {
    match found.assignment {
        None => SettingsInput::of_resource(found.resource.settings),
        Some(own) => SettingsInput::of(own.own, own.until),
    }
}

fn changed(found: &Found<'_>, input: &SettingsInput, view: &Overview) -> Result<Edit, FormError> {
    let own = input.own()?;
    Ok(match found.assignment {
        None => {
            // What was not chosen stays as it is.
            let mut resource = found.resource.clone();
            resource.settings = resource.settings.with(own);
            Edit::Resource(resource)
        }
        Some(before) => {
            let until = input.until(before.until, view.now)?;
            Edit::Assignment(Assignment {
                own,
                until,
                ..before.clone()
            })
        }
    })
}

fn home(found: &Found<'_>) -> String {
    format!("/resources/{}", found.resource.id)
}

fn sheet<'a>(app: &'a App, user: &'a PageUser, uri: &'a Uri, found: &Found<'_>) -> Sheet<'a> {
    let resource = plain(&found.resource.name);
    Sheet {
        app,
        user,
        uri,
        title: match found.assignment {
            None => format!("Settings of {resource}"),
            Some(_) => format!("{}’s access to {resource}", plain(found.group)),
        },
        place: Place::Resources,
        home: home(found),
    }
}

async fn form(
    app: &App,
    user: &PageUser,
    uri: &Uri,
    found: &Found<'_>,
    input: &SettingsInput,
    seen: &str,
    wrong: &FormError,
) -> Result<Response, PageError> {
    let resource = found.resource;
    let draft = Draft {
        lead: match found.assignment {
            None => html! { "What holds for each group, where it has no settings of its own." },
            Some(_) => html! {
                "What this group has in place of the settings of "
                (link("resources", resource.id, &resource.name)) "."
            },
        },
        fields: fields::all(
            input,
            found.assignment.map(|_| resource.settings),
            &found.offered,
            wrong,
        ),
        seen,
        wrong,
        remove: found.assignment.map(|_| "Take the access away…"),
    };
    sheet(app, user, uri, found).form(&draft).await
}
