//! Changing access settings: of a resource, and of one group's access to it. The consequence is shown
//! before it is saved.

mod fields;
mod input;

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Redirect, Response};
use hourkey_access::app::App;
use hourkey_access::error::AppError;
use hourkey_access::organisation::settings::{self, Consequence, NewSettings, Saved, version};
use hourkey_access::overview::{Overview, Sight};
use hourkey_domain::ids::{AssignmentId, ResourceId};
use hourkey_domain::organisation::{Assignment, Resource};
use maud::{Markup, html};

use self::input::{NAMES, SettingsInput};
use super::view::{link, overview_of_one};
use crate::address::Id;
use crate::error::PageError;
use crate::form::{Fields, Form, FormError};
use crate::layout::{Frame, Live, Page, Place, Width, plain, token_field};
use crate::page_user::PageUser;
use crate::sentence::{Links, shown};
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
    let view = viewed(app, user).await?;
    let found = found(&view, target)?;
    let seen = seen(&view, target)?;
    let (input, seen) = match unsent.fields.has("mode") {
        true => (
            SettingsInput::read(&unsent.fields),
            unsent.fields.get("seen").to_owned(),
        ),
        false => (current(&found), seen),
    };
    form_page(app, user, uri, &found, &input, &seen, &unsent.wrong).await
}

async fn send(
    app: &App,
    user: &PageUser,
    uri: &Uri,
    target: Target,
    fields: &Fields,
) -> Result<Response, PageError> {
    let view = viewed(app, user).await?;
    let found = found(&view, target)?;
    let (input, seen) = (SettingsInput::read(fields), fields.get("seen"));
    let again =
        async |wrong: FormError| form_page(app, user, uri, &found, &input, seen, &wrong).await;
    let new = match new_settings(target, &found, &input, &view) {
        Ok(new) => new,
        Err(wrong) => return again(wrong).await,
    };
    if fields.get("do") == "edit" {
        return again(FormError::default()).await;
    }
    let caller = user.user.id;
    app.budgets.change(caller, app.clock.now())?;
    let done = match fields.get("do") {
        "save" => settings::save(app, caller, new, fields.get("seal")).await,
        _ => settings::consequence(app, caller, &new, seen)
            .await
            .map(Saved::Changed),
    };
    match done {
        Ok(Saved::Done) => Ok(Redirect::to(&home(&found)).into_response()),
        Ok(Saved::Changed(consequence)) => {
            let stale = fields.get("do") == "save";
            let sent = Sent {
                input: &input,
                seen,
            };
            confirm_page(app, user, uri, &found, &sent, &consequence, stale).await
        }
        Err(AppError::Refused(problem)) => again(FormError::of(&problem)).await,
        Err(failure) => Err(failure.into()),
    }
}

/// What only administrators see.
async fn viewed(app: &App, user: &PageUser) -> Result<Overview, PageError> {
    let view = overview_of_one(app, user, Sight::Configuration).await?;
    match view.administers {
        true => Ok(view),
        false => Err(AppError::not_found().into()),
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
    Ok(Found {
        resource: of.resource(resource).ok_or_else(AppError::not_found)?,
        assignment,
        group: group.map_or("", |group| &group.name),
    })
}

fn seen(view: &Overview, target: Target) -> Result<String, AppError> {
    let found = found(view, target)?;
    let as_it_is = match found.assignment {
        None => NewSettings::Resource {
            id: found.resource.id,
            settings: found.resource.settings,
        },
        Some(own) => NewSettings::Assignment {
            id: own.id,
            own: own.own,
            until: own.until,
        },
    };
    version(&view.organisation, &as_it_is).ok_or_else(AppError::not_found)
}

fn current(found: &Found<'_>) -> SettingsInput {
    match found.assignment {
        None => SettingsInput::of_resource(found.resource.settings),
        Some(own) => SettingsInput::of(own.own, own.until),
    }
}

fn new_settings(
    target: Target,
    found: &Found<'_>,
    input: &SettingsInput,
    view: &Overview,
) -> Result<NewSettings, FormError> {
    let own = input.own()?;
    Ok(match (target, found.assignment) {
        (Target::Assignment(id), before) => {
            let before = before.and_then(|own| own.until);
            let until = input.until(before, view.now)?;
            NewSettings::Assignment { id, own, until }
        }
        (Target::Resource(id), _) => {
            // What was not chosen stays as it is.
            let settings = found.resource.settings.with(own);
            NewSettings::Resource { id, settings }
        }
    })
}

fn home(found: &Found<'_>) -> String {
    format!("/resources/{}", found.resource.id)
}

fn title(found: &Found<'_>) -> String {
    let resource = plain(&found.resource.name);
    match found.assignment {
        None => format!("Settings of {resource}"),
        Some(_) => format!("{}’s access to {resource}", plain(found.group)),
    }
}

async fn form_page(
    app: &App,
    user: &PageUser,
    uri: &Uri,
    found: &Found<'_>,
    input: &SettingsInput,
    seen: &str,
    wrong: &FormError,
) -> Result<Response, PageError> {
    let main = html! {
        h1 { bdi { (title(found)) } }
        p.lead {
            @match found.assignment {
                None => "What holds for each group, where it has no settings of its own.",
                Some(_) => {
                    "What this group has in place of the settings of "
                    (link("resources", found.resource.id, &found.resource.name))
                    "."
                }
            }
        }
        (wrong.complaint())
        form.stack #settings method="post" action=(uri.path()) {
            (token_field(&user.token))
            input type="hidden" name="seen" value=(seen);
            (fields::all(input, found.assignment.map(|_| found.resource.settings), wrong))
            p.acts {
                button.btn.primary name="do" value="show" { "See what this does…" }
                a.btn href=(home(found)) { "Cancel" }
            }
            p.hint { "Nothing is saved yet: first you see what it does." }
        }
    };
    answer(app, user, uri, &title(found), wrong.status(), &main).await
}

/// What was sent.
struct Sent<'a> {
    input: &'a SettingsInput,
    seen: &'a str,
}

async fn confirm_page(
    app: &App,
    user: &PageUser,
    uri: &Uri,
    found: &Found<'_>,
    sent: &Sent<'_>,
    consequence: &Consequence,
    stale: bool,
) -> Result<Response, PageError> {
    let links = Links {
        configuration: true,
        people: true,
    };
    let main = html! {
        h1 { bdi { (title(found)) } }
        @if stale {
            div.bar.warn {
                p role="status" {
                    "Something has changed since you saw what this does. Nothing was saved. This is \
                     what it does now."
                }
            }
        }
        section.answer #consequence {
            h2 { "What this does now" }
            @if consequence.sentences.is_empty() {
                p { "Nobody gains or loses anything at this moment." }
            }
            ul.missing.plain {
                @for sentence in &consequence.sentences { li { (shown(sentence, links)) } }
            }
        }
        form.stack #confirm method="post" action=(uri.path()) {
            (token_field(&user.token))
            input type="hidden" name="seen" value=(sent.seen);
            input type="hidden" name="seal" value=(consequence.seal);
            @for (name, value) in NAMES.iter().zip(sent.input.values()) {
                input type="hidden" name=(name) value=(value);
            }
            p.acts {
                button.btn.primary name="do" value="save" { "Save" }
                button.btn name="do" value="edit" { "Back" }
                a.btn href=(home(found)) { "Cancel" }
            }
        }
    };
    let status = match stale {
        true => StatusCode::CONFLICT,
        false => StatusCode::OK,
    };
    answer(app, user, uri, &title(found), status, &main).await
}

async fn answer(
    app: &App,
    user: &PageUser,
    uri: &Uri,
    title: &str,
    status: StatusCode,
    main: &Markup,
) -> Result<Response, PageError> {
    let frame = Frame::of(app, user, uri).await?;
    let page = Page {
        title,
        place: Place::Resources,
        width: Width::Wide,
        live: Live::Off,
    };
    Ok(frame.answer(status, &page, main))
}
