//! People: added, a line each; one of them changed, disabled, removed.

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use hourkey_access::app::App;
use hourkey_access::error::AppError;
use hourkey_access::mail;
use hourkey_access::organisation::edit::{Edit, version_of_new};
use hourkey_domain::ids::UserId;
use hourkey_domain::organisation::User;
use maud::html;

use super::flow::{Draft, Sheet, removes, seen};
use super::person_input::{LinesInput, PersonInput};
use crate::address::Id;
use crate::admin::view::administered;
use crate::error::PageError;
use crate::form::{Fields, Form, FormError};
use crate::layout::{Place, plain};
use crate::page_user::PageUser;
use crate::unsent::Unsent;

/// `GET /people/new`
pub(super) async fn show_new(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    unsent: Unsent,
) -> Result<Response, PageError> {
    form_new(&app, &user, &uri, &unsent.fields, &unsent.wrong).await
}

/// `POST /people/new`
pub(super) async fn send_new(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Form(fields): Form<Fields>,
) -> Result<Response, PageError> {
    administered(&app, &user).await?;
    let people = LinesInput::read(&fields).people();
    let first = people.as_ref().ok().and_then(|people| people.first());
    let login = first.map(|it| it.login.clone());
    let count = people.as_ref().map_or(0, Vec::len);
    let invite = fields.has("invite");
    let edit = people.map(|people| Edit::AddPeople { people, invite });
    let home = async || {
        let organisation = app.organisation().await?;
        let added = login.and_then(|login| organisation.user_by_login(&login).map(|it| it.id));
        Ok(match (count, added) {
            (1, Some(id)) => format!("/people/{id}"),
            _ => "/people".to_owned(),
        })
    };
    match sheet_new(&app, &user, &uri)
        .sent(&fields, edit, home)
        .await?
    {
        Ok(answer) => Ok(answer),
        Err(wrong) => form_new(&app, &user, &uri, &fields, &wrong).await,
    }
}

/// `GET /people/{id}/edit`
pub(super) async fn show(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Id(id): Id<UserId>,
    unsent: Unsent,
) -> Result<Response, PageError> {
    form(&app, &user, &uri, id, &unsent.fields, &unsent.wrong).await
}

/// `POST /people/{id}/edit`
pub(super) async fn send(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Id(id): Id<UserId>,
    Form(fields): Form<Fields>,
) -> Result<Response, PageError> {
    let view = administered(&app, &user).await?;
    let person = view.organisation.user(id).ok_or_else(AppError::not_found)?;
    let (edit, home) = match removes(&fields) {
        true => (Edit::RemovePerson(id), "/people".to_owned()),
        false => (
            Edit::Person(PersonInput::read(&fields).person(id)),
            format!("/people/{id}"),
        ),
    };
    let sheet = sheet(&app, &user, &uri, person);
    match sheet.sent(&fields, Ok(edit), async || Ok(home)).await? {
        Ok(answer) => Ok(answer),
        Err(wrong) => form(&app, &user, &uri, id, &fields, &wrong).await,
    }
}

fn sheet_new<'a>(app: &'a App, user: &'a PageUser, uri: &'a Uri) -> Sheet<'a> {
    Sheet {
        app,
        user,
        uri,
        title: "Add people".to_owned(),
        place: Place::People,
        home: "/people".to_owned(),
    }
}

async fn form_new(
    app: &App,
    user: &PageUser,
    uri: &Uri,
    typed: &Fields,
    wrong: &FormError,
) -> Result<Response, PageError> {
    administered(app, user).await?;
    let sends_mail = mail::choices::of(app, user.user.id).await?.is_set_up;
    let draft = Draft {
        lead: html! { "They can sign in once they have chosen a password, and reach what their groups reach." },
        fields: LinesInput::read(typed).fields(sends_mail),
        seen: &version_of_new(),
        wrong,
        remove: None,
    };
    sheet_new(app, user, uri).form(&draft).await
}

fn sheet<'a>(app: &'a App, user: &'a PageUser, uri: &'a Uri, person: &User) -> Sheet<'a> {
    Sheet {
        app,
        user,
        uri,
        title: format!("Change {}", plain(&person.name)),
        place: Place::People,
        home: format!("/people/{}", person.id),
    }
}

async fn form(
    app: &App,
    user: &PageUser,
    uri: &Uri,
    id: UserId,
    typed: &Fields,
    wrong: &FormError,
) -> Result<Response, PageError> {
    let view = administered(app, user).await?;
    let person = view.organisation.user(id).ok_or_else(AppError::not_found)?;
    let is_typed = typed.has("seen");
    let (input, version) = match is_typed {
        true => (PersonInput::read(typed), typed.get("seen").to_owned()),
        false => {
            let version = seen(&view, &Edit::Person((**person).clone()))?;
            (PersonInput::of(person), version)
        }
    };
    let draft = Draft {
        lead: html! { "Who they are, and what they may do in the whole organisation." },
        fields: input.fields(),
        seen: &version,
        wrong,
        remove: Some("Remove the account…"),
    };
    sheet(app, user, uri, person).form(&draft).await
}
