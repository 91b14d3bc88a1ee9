//! A network: new, renamed, removed.

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use hourkey_access::app::App;
use hourkey_access::error::AppError;
use hourkey_access::organisation::edit::{Edit, version_of_new};
use hourkey_domain::ids::NetworkId;
use hourkey_domain::organisation::Network;
use maud::html;

use super::flow::{Draft, Sheet, line, removes, seen};
use crate::address::Id;
use crate::admin::view::set_up;
use crate::error::PageError;
use crate::form::{Fields, Form, FormError};
use crate::layout::{Place, plain};
use crate::page_user::PageUser;
use crate::unsent::Unsent;

/// `GET /networks/new`
pub(super) async fn show_new(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    unsent: Unsent,
) -> Result<Response, PageError> {
    form(&app, &user, &uri, None, &unsent.fields, &unsent.wrong).await
}

/// `POST /networks/new`
pub(super) async fn send_new(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Form(fields): Form<Fields>,
) -> Result<Response, PageError> {
    send_of(&app, &user, &uri, None, &fields).await
}

/// `GET /networks/{id}/edit`
pub(super) async fn show(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Id(id): Id<NetworkId>,
    unsent: Unsent,
) -> Result<Response, PageError> {
    form(&app, &user, &uri, Some(id), &unsent.fields, &unsent.wrong).await
}

/// `POST /networks/{id}/edit`
pub(super) async fn send(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Id(id): Id<NetworkId>,
    Form(fields): Form<Fields>,
) -> Result<Response, PageError> {
    send_of(&app, &user, &uri, Some(id), &fields).await
}

async fn send_of(
    app: &App,
    user: &PageUser,
    uri: &Uri,
    id: Option<NetworkId>,
    fields: &Fields,
) -> Result<Response, PageError> {
    let before = before(app, user, id).await?;
    let edit = match id.filter(|_| removes(fields)) {
        Some(id) => Edit::RemoveNetwork(id),
        None => Edit::Network {
            id: id.unwrap_or(NetworkId(0)),
            name: fields.get("name").trim().to_owned(),
        },
    };
    let sheet = sheet(app, user, uri, before.as_ref());
    let home = async || {
        let organisation = app.organisation().await?;
        let name = fields.get("name").trim();
        let new = organisation.networks().find(|it| it.name == name);
        Ok(match new.filter(|_| id.is_none()) {
            Some(network) => format!("/networks/{}/gateways", network.id),
            None => "/gateways".to_owned(),
        })
    };
    match sheet.sent(fields, Ok(edit), home).await? {
        Ok(answer) => Ok(answer),
        Err(wrong) => form(app, user, uri, id, fields, &wrong).await,
    }
}

async fn before(
    app: &App,
    user: &PageUser,
    id: Option<NetworkId>,
) -> Result<Option<Network>, PageError> {
    let view = set_up(app, user).await?;
    let Some(id) = id else { return Ok(None) };
    let network = view.organisation.network(id);
    let network = network.ok_or_else(AppError::not_found)?;
    Ok(Some((**network).clone()))
}

fn sheet<'a>(
    app: &'a App,
    user: &'a PageUser,
    uri: &'a Uri,
    before: Option<&Network>,
) -> Sheet<'a> {
    Sheet {
        app,
        user,
        uri,
        title: match before {
            Some(network) => format!("Change {}", plain(&network.name)),
            None => "New network".to_owned(),
        },
        place: Place::Gateways,
        home: "/gateways".to_owned(),
    }
}

async fn form(
    app: &App,
    user: &PageUser,
    uri: &Uri,
    id: Option<NetworkId>,
    typed: &Fields,
    wrong: &FormError,
) -> Result<Response, PageError> {
    let before = before(app, user, id).await?;
    let is_typed = typed.has("seen");
    let name = match before.as_ref().filter(|_| !is_typed) {
        Some(network) => &network.name,
        None => typed.get("name"),
    };
    let version = match (is_typed, &before) {
        (true, _) => typed.get("seen").to_owned(),
        (false, None) => version_of_new(),
        (false, Some(Network { id, name })) => {
            let (id, name) = (*id, name.clone());
            seen(&set_up(app, user).await?, &Edit::Network { id, name })?
        }
    };
    let draft = Draft {
        lead: html! { "Where resources live that the same gateways reach." },
        fields: line("name", "Name", name, ""),
        seen: &version,
        wrong,
        remove: before.as_ref().map(|_| "Remove the network…"),
    };
    sheet(app, user, uri, before.as_ref()).form(&draft).await
}
