//! A new network.

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use hourkey_access::app::App;
use hourkey_access::organisation::edit::{Edit, version_of_new};
use maud::html;

use super::flow::{Draft, Sheet, line, viewed};
use crate::error::PageError;
use crate::form::{Fields, Form, FormError};
use crate::layout::Place;
use crate::page_user::PageUser;
use crate::unsent::Unsent;

/// `GET /networks/new`
pub(super) async fn show_new(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    unsent: Unsent,
) -> Result<Response, PageError> {
    form(&app, &user, &uri, &unsent.fields, &unsent.wrong).await
}

/// `POST /networks/new`
pub(super) async fn send_new(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Form(fields): Form<Fields>,
) -> Result<Response, PageError> {
    viewed(&app, &user).await?;
    let edit = added(&fields);
    let home = async || Ok("/resources/new".to_owned());
    match sheet(&app, &user, &uri)
        .sent(&fields, Ok(edit), home)
        .await?
    {
        Ok(answer) => Ok(answer),
        Err(wrong) => form(&app, &user, &uri, &fields, &wrong).await,
    }
}

fn added(fields: &Fields) -> Edit {
    Edit::Network {
        name: fields.get("name").trim().to_owned(),
    }
}

fn sheet<'a>(app: &'a App, user: &'a PageUser, uri: &'a Uri) -> Sheet<'a> {
    Sheet {
        app,
        user,
        uri,
        title: "New network".to_owned(),
        place: Place::Resources,
        home: "/resources".to_owned(),
    }
}

async fn form(
    app: &App,
    user: &PageUser,
    uri: &Uri,
    typed: &Fields,
    wrong: &FormError,
) -> Result<Response, PageError> {
    viewed(app, user).await?;
    let draft = Draft {
        lead: html! { "Where resources live that the same gateways reach." },
        fields: line("name", "Name", typed.get("name"), ""),
        seen: &version_of_new(),
        wrong,
        remove: None,
    };
    sheet(app, user, uri).form(&draft).await
}
