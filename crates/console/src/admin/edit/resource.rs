//! A resource: new, changed, removed.

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use hourkey_access::app::App;
use hourkey_access::organisation::edit::{Edit, version_of_new};
use hourkey_access::overview::Overview;
use hourkey_domain::ids::ResourceId;
use hourkey_domain::organisation::Resource;
use maud::html;

use super::flow::{Draft, Sheet, found, removes, seen};
use super::resource_input::ResourceInput;
use crate::address::Id;
use crate::admin::view::set_up;
use crate::error::PageError;
use crate::form::{Fields, Form, FormError};
use crate::layout::{Place, plain};
use crate::page_user::PageUser;
use crate::unsent::Unsent;

/// `GET /resources/new`
pub(super) async fn show_new(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    unsent: Unsent,
) -> Result<Response, PageError> {
    let view = set_up(&app, &user).await?;
    form(
        &app,
        &user,
        &uri,
        &view,
        None,
        &unsent.fields,
        &unsent.wrong,
    )
    .await
}

/// `POST /resources/new`
pub(super) async fn send_new(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Form(fields): Form<Fields>,
) -> Result<Response, PageError> {
    send_of(&app, &user, &uri, None, &fields).await
}

/// `GET /resources/{id}/edit`
pub(super) async fn show(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Id(id): Id<ResourceId>,
    unsent: Unsent,
) -> Result<Response, PageError> {
    let view = set_up(&app, &user).await?;
    let resource = found(&view, id)?;
    form(
        &app,
        &user,
        &uri,
        &view,
        Some(resource),
        &unsent.fields,
        &unsent.wrong,
    )
    .await
}

/// `POST /resources/{id}/edit`
pub(super) async fn send(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Id(id): Id<ResourceId>,
    Form(fields): Form<Fields>,
) -> Result<Response, PageError> {
    send_of(&app, &user, &uri, Some(id), &fields).await
}

async fn send_of(
    app: &App,
    user: &PageUser,
    uri: &Uri,
    id: Option<ResourceId>,
    fields: &Fields,
) -> Result<Response, PageError> {
    let view = set_up(app, user).await?;
    let before = id.map(|id| found(&view, id)).transpose()?;
    let input = ResourceInput::read(fields);
    let edit = match id.filter(|_| removes(fields)) {
        Some(id) => Ok(Edit::RemoveResource(id)),
        None => input.resource(before, &view).map(Edit::Resource),
    };
    let home = async || {
        let organisation = app.organisation().await?;
        let name = fields.get("name").trim();
        let resource = organisation.resources().find(|it| match id {
            Some(id) => it.id == id,
            None => it.name == name,
        });
        Ok(resource.map_or("/resources".to_owned(), |it| {
            format!("/resources/{}", it.id)
        }))
    };
    let sheet = sheet(app, user, uri, before);
    match sheet.sent(fields, edit, home).await? {
        Ok(answer) => Ok(answer),
        Err(wrong) => form(app, user, uri, &view, before, fields, &wrong).await,
    }
}

fn sheet<'a>(
    app: &'a App,
    user: &'a PageUser,
    uri: &'a Uri,
    before: Option<&Resource>,
) -> Sheet<'a> {
    let (title, home) = match before {
        Some(it) => (
            format!("Change {}", plain(&it.name)),
            format!("/resources/{}", it.id),
        ),
        None => ("New resource".to_owned(), "/resources".to_owned()),
    };
    Sheet {
        app,
        user,
        uri,
        title,
        place: Place::Resources,
        home,
    }
}

async fn form(
    app: &App,
    user: &PageUser,
    uri: &Uri,
    view: &Overview,
    before: Option<&Resource>,
    typed: &Fields,
    wrong: &FormError,
) -> Result<Response, PageError> {
    let is_typed = typed.has("seen");
    let input = match before.filter(|_| !is_typed) {
        Some(resource) => ResourceInput::of(resource, view),
        None => ResourceInput::read(typed),
    };
    let version = match (is_typed, before) {
        (true, _) => typed.get("seen").to_owned(),
        (false, Some(resource)) => seen(view, &Edit::Resource(resource.clone()))?,
        (false, None) => version_of_new(),
    };
    let draft = Draft {
        lead: match before {
            Some(_) => {
                html! { "Where it is, what people are told of it, and who may approve requests for it." }
            }
            None => html! {
                "Something private that people reach through a gateway. Nobody sees it before a group \
                 has access to it."
            },
        },
        fields: input.fields(view, before),
        seen: &version,
        wrong,
        remove: before.map(|_| "Remove the resource…"),
    };
    sheet(app, user, uri, before).form(&draft).await
}
