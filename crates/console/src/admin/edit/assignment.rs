//! Giving a group access to a resource.

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use hourkey_access::app::App;
use hourkey_access::organisation::edit::{Edit, version_of_new};
use hourkey_access::overview::Overview;
use hourkey_domain::ids::{AssignmentId, GroupId, ResourceId};
use hourkey_domain::organisation::{Assignment, Resource};
use maud::{Markup, html};
use serde::Deserialize;

use super::fields;
use super::flow::{Draft, Sheet, found};
use super::input::SettingsInput;
use crate::address::{Id, Query};
use crate::admin::view::set_up;
use crate::error::PageError;
use crate::form::{Field, Fields, Form, FormError};
use crate::layout::{Place, plain};
use crate::page_user::PageUser;
use crate::unsent::Unsent;

/// The group that a link chooses.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Chosen {
    group: Option<i64>,
}

/// `GET /resources/{id}/groups`
pub(super) async fn show_new(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Id(id): Id<ResourceId>,
    Query(chosen): Query<Chosen>,
    unsent: Unsent,
) -> Result<Response, PageError> {
    let view = set_up(&app, &user).await?;
    let resource = found(&view, id)?;
    let chosen = unsent.fields.number("group").or(chosen.group);
    let sheet = sheet(&app, &user, &uri, resource);
    form(
        &sheet,
        &view,
        resource,
        chosen,
        &unsent.fields,
        &unsent.wrong,
    )
    .await
}

/// `POST /resources/{id}/groups`
pub(super) async fn send_new(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Id(id): Id<ResourceId>,
    Form(fields): Form<Fields>,
) -> Result<Response, PageError> {
    let view = set_up(&app, &user).await?;
    let resource = found(&view, id)?;
    let edit = added(&view, resource, &fields);
    let home = async || Ok(format!("/resources/{id}"));
    let sheet = sheet(&app, &user, &uri, resource);
    match sheet.sent(&fields, edit, home).await? {
        Ok(answer) => Ok(answer),
        Err(wrong) => {
            let chosen = fields.number("group");
            form(&sheet, &view, resource, chosen, &fields, &wrong).await
        }
    }
}

fn added(view: &Overview, resource: &Resource, fields: &Fields) -> Result<Edit, FormError> {
    let input = SettingsInput::read(fields);
    let group = fields.number("group").map(GroupId);
    let group = group.filter(|id| view.organisation.group(*id).is_some());
    let group = group.ok_or_else(|| {
        FormError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "Choose a group. Nothing was saved.",
            Field::Group,
        )
    })?;
    Ok(Edit::Assignment(Assignment {
        id: AssignmentId(0),
        group,
        resource: resource.id,
        own: input.own()?,
        until: input.until(None, view.now)?,
        auto_locks_since: None,
    }))
}

fn sheet<'a>(app: &'a App, user: &'a PageUser, uri: &'a Uri, resource: &Resource) -> Sheet<'a> {
    Sheet {
        app,
        user,
        uri,
        title: format!("Give a group access to {}", plain(&resource.name)),
        place: Place::Resources,
        home: format!("/resources/{}", resource.id),
    }
}

async fn form(
    sheet: &Sheet<'_>,
    view: &Overview,
    resource: &Resource,
    chosen: Option<i64>,
    typed: &Fields,
    wrong: &FormError,
) -> Result<Response, PageError> {
    let input = SettingsInput::read(typed);
    let draft = Draft {
        lead: html! { "Its members see the resource, and may use or ask for it by these settings." },
        fields: html! {
            (groups(view, resource, chosen, wrong))
            (fields::all(&input, Some(resource.settings), &fields::offered(view.organisation.periods(), None), wrong))
        },
        seen: &version_of_new(),
        wrong,
        remove: None,
    };
    sheet.form(&draft).await
}

/// Those that do not have it.
fn groups(view: &Overview, resource: &Resource, chosen: Option<i64>, wrong: &FormError) -> Markup {
    let of = &view.organisation;
    let has = |group: GroupId| of.assignments_of(resource.id).any(|own| own.group == group);
    let groups = of.assignable_groups().filter(|group| !has(group.id));
    let mut groups: Vec<_> = groups.collect();
    groups.sort_by_key(|group| group.name.to_lowercase());
    html! {
        label for="group" { "Group" }
        select.field #group name="group" required aria-invalid=[wrong.invalid(Field::Group)]
            aria-describedby=[wrong.described_by(Field::Group, "")] {
            option value="" { "Choose a group" }
            @for group in groups {
                option value=(group.id) selected[chosen == Some(group.id.0)] { (plain(&group.name)) }
            }
        }
    }
}
