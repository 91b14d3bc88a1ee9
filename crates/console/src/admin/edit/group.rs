//! A group: new, renamed, removed; and who comes to it and goes.

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use hourkey_access::app::App;
use hourkey_access::error::AppError;
use hourkey_access::organisation::edit::{BUILT_IN, Edit, version_of_new};
use hourkey_access::overview::Overview;
use hourkey_domain::ids::{GroupId, UserId};
use hourkey_domain::organisation::Group;
use hourkey_protocol::problem::Code;
use maud::{Markup, html};

use super::flow::{Draft, Sheet, line, removes, seen};
use crate::address::Id;
use crate::admin::view::administered;
use crate::error::PageError;
use crate::form::{Field, Fields, Form, FormError};
use crate::layout::{Place, plain};
use crate::page_user::PageUser;
use crate::unsent::Unsent;

/// The most logins of one form.
const MAX_LOGINS: usize = 10_000;

/// `GET /groups/new`
pub(super) async fn show_new(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    unsent: Unsent,
) -> Result<Response, PageError> {
    form_new(&app, &user, &uri, &unsent.fields, &unsent.wrong).await
}

/// `POST /groups/new`
pub(super) async fn send_new(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Form(fields): Form<Fields>,
) -> Result<Response, PageError> {
    administered(&app, &user).await?;
    let edit = named(GroupId(0), &fields);
    let home = async || {
        let organisation = app.organisation().await?;
        let name = fields.get("name").trim();
        let group = organisation.groups().find(|group| group.name == name);
        Ok(group.map_or("/groups".to_owned(), |group| {
            format!("/groups/{}/edit", group.id)
        }))
    };
    let sheet = sheet_new(&app, &user, &uri);
    match sheet.sent(&fields, Ok(edit), home).await? {
        Ok(answer) => Ok(answer),
        Err(wrong) => form_new(&app, &user, &uri, &fields, &wrong).await,
    }
}

/// `GET /groups/{id}/edit`
pub(super) async fn show(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Id(id): Id<GroupId>,
    unsent: Unsent,
) -> Result<Response, PageError> {
    form(&app, &user, &uri, id, &unsent.fields, &unsent.wrong).await
}

/// `POST /groups/{id}/edit`
pub(super) async fn send(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Id(id): Id<GroupId>,
    Form(fields): Form<Fields>,
) -> Result<Response, PageError> {
    let view = administered(&app, &user).await?;
    let group = kept(&view, id)?;
    let changes_members =
        !(fields.get("join").trim().is_empty() && fields.get("leave").trim().is_empty());
    let renames = fields.get("name").trim() != group.name;
    let (edit, home) = match removes(&fields) {
        true => (Ok(Edit::RemoveGroup(id)), "/groups".to_owned()),
        false if renames && changes_members => (Err(one_at_a_time()), String::new()),
        false if renames => (Ok(named(id, &fields)), format!("/groups/{id}")),
        false => (members(&view, id, &fields), format!("/groups/{id}")),
    };
    let home = async || Ok(home);
    let sheet = sheet(&app, &user, &uri, id, &group.name);
    match sheet.sent(&fields, edit, home).await? {
        Ok(answer) => Ok(answer),
        Err(wrong) => form(&app, &user, &uri, id, &fields, &wrong).await,
    }
}

/// The group, or the answer about an unknown one, or about the built-in one.
fn kept(view: &Overview, id: GroupId) -> Result<&Group, AppError> {
    match id {
        GroupId::EVERYONE => Err(AppError::refused(Code::Malformed, BUILT_IN)),
        kept => Ok(view
            .organisation
            .group(kept)
            .ok_or_else(AppError::not_found)?),
    }
}

fn named(id: GroupId, fields: &Fields) -> Edit {
    Edit::Group {
        id,
        name: fields.get("name").trim().to_owned(),
    }
}

/// Who comes and goes, by the names that they sign in with.
fn members(view: &Overview, group: GroupId, fields: &Fields) -> Result<Edit, FormError> {
    Ok(Edit::Members {
        group,
        join: people(view, fields.get("join"))?,
        leave: people(view, fields.get("leave"))?,
    })
}

fn people(view: &Overview, typed: &str) -> Result<Vec<UserId>, FormError> {
    let is_between = |c: char| c.is_whitespace() || matches!(c, ',' | ';');
    let logins = typed.split(is_between).filter(|login| !login.is_empty());
    let logins: Vec<_> = logins.map(str::to_lowercase).collect();
    if logins.len() > MAX_LOGINS {
        return Err(wrong("Name at most 10,000 people at a time."));
    }
    let of = &view.organisation;
    let known: std::collections::HashMap<_, _> = of
        .users()
        .map(|user| (user.login.as_str(), user.id))
        .collect();
    let mut unknown = logins
        .iter()
        .filter(|login| !known.contains_key(login.as_str()));
    if let Some(first) = unknown.next() {
        let more = match unknown.count() {
            0 => String::new(),
            more => format!(", nor {more} more of these"),
        };
        let first = plain(first);
        return Err(wrong(&format!(
            "Nobody signs in as “{first}”{more}. Nothing was saved: correct it, or leave it out."
        )));
    }
    Ok(logins
        .iter()
        .filter_map(|login| known.get(login.as_str()).copied())
        .collect())
}

fn one_at_a_time() -> FormError {
    wrong("Change the name or the members, one at a time: each has a consequence of its own.")
}

fn wrong(sentence: &str) -> FormError {
    FormError::new(
        axum::http::StatusCode::UNPROCESSABLE_ENTITY,
        sentence,
        Field::Login,
    )
}

fn sheet_new<'a>(app: &'a App, user: &'a PageUser, uri: &'a Uri) -> Sheet<'a> {
    Sheet {
        app,
        user,
        uri,
        title: "New group".to_owned(),
        place: Place::Groups,
        home: "/groups".to_owned(),
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
    let draft = Draft {
        lead: html! { "People who get access to the same things. Next you say who is in it." },
        fields: line("name", "Name", typed.get("name"), ""),
        seen: &version_of_new(),
        wrong,
        remove: None,
    };
    sheet_new(app, user, uri).form(&draft).await
}

fn sheet<'a>(app: &'a App, user: &'a PageUser, uri: &'a Uri, id: GroupId, name: &str) -> Sheet<'a> {
    Sheet {
        app,
        user,
        uri,
        title: format!("Change {}", plain(name)),
        place: Place::Groups,
        home: format!("/groups/{id}"),
    }
}

async fn form(
    app: &App,
    user: &PageUser,
    uri: &Uri,
    id: GroupId,
    typed: &Fields,
    wrong: &FormError,
) -> Result<Response, PageError> {
    let view = administered(app, user).await?;
    let group = kept(&view, id)?;
    let is_typed = typed.has("seen");
    let name = if is_typed {
        typed.get("name")
    } else {
        &group.name
    };
    let version = match is_typed {
        true => typed.get("seen").to_owned(),
        false => {
            let name = group.name.clone();
            seen(&view, &Edit::Group { id, name })?
        }
    };
    let draft = Draft {
        lead: html! { "Its name, or who is in it." },
        fields: html! {
            (line("name", "Name", name, ""))
            (logins("join", "Add people", typed.get("join"), wrong))
            (logins("leave", "Remove people", typed.get("leave"), wrong))
            p.hint { "The names that they sign in with, one a line or with commas between." }
        },
        seen: &version,
        wrong,
        remove: Some("Remove the group…"),
    };
    sheet(app, user, uri, id, &group.name).form(&draft).await
}

fn logins(name: &str, label: &str, typed: &str, wrong: &FormError) -> Markup {
    html! {
        label for=(name) { (label) }
        textarea.field #(name) name=(name) rows="3" autocapitalize="none" spellcheck="false"
            aria-invalid=[wrong.invalid(Field::Login)]
            aria-describedby=[wrong.described_by(Field::Login, "")] { (typed) }
    }
}
