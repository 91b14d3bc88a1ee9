//! What holds for the whole organisation.

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use hourkey_access::app::App;
use hourkey_access::organisation::edit::Edit;
use hourkey_access::overview::Overview;
use hourkey_domain::ids::GroupId;
use maud::{Markup, html};

use super::flow::{Draft, Sheet, line, seen};
use crate::admin::view::administered;
use crate::error::PageError;
use crate::form::{Fields, Form, FormError};
use crate::layout::{Place, plain};
use crate::page_user::PageUser;
use crate::unsent::Unsent;

/// `GET /settings`
pub(super) async fn show(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    unsent: Unsent,
) -> Result<Response, PageError> {
    form(&app, &user, &uri, &unsent.fields, &unsent.wrong).await
}

/// `POST /settings`
pub(super) async fn send(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Form(fields): Form<Fields>,
) -> Result<Response, PageError> {
    administered(&app, &user).await?;
    let home = async || Ok("/settings".to_owned());
    let edit = read(&fields);
    match sheet(&app, &user, &uri)
        .sent(&fields, Ok(edit), home)
        .await?
    {
        Ok(answer) => Ok(answer),
        Err(wrong) => form(&app, &user, &uri, &fields, &wrong).await,
    }
}

fn read(fields: &Fields) -> Edit {
    let fallback = fields.all("fallback").filter_map(|id| id.parse().ok());
    let mut fallback: Vec<_> = fallback.map(GroupId).collect();
    fallback.sort_unstable();
    fallback.dedup();
    Edit::Organisation {
        name: fields.get("name").trim().to_owned(),
        fallback,
    }
}

fn current(view: &Overview) -> Edit {
    Edit::Organisation {
        name: view.organisation.name().to_owned(),
        fallback: view.organisation.fallback_groups().to_vec(),
    }
}

fn sheet<'a>(app: &'a App, user: &'a PageUser, uri: &'a Uri) -> Sheet<'a> {
    Sheet {
        app,
        user,
        uri,
        title: "Settings".to_owned(),
        place: Place::Settings,
        home: "/settings".to_owned(),
    }
}

async fn form(
    app: &App,
    user: &PageUser,
    uri: &Uri,
    typed: &Fields,
    wrong: &FormError,
) -> Result<Response, PageError> {
    let view = administered(app, user).await?;
    let is_typed = typed.has("seen");
    let (shown, version) = match is_typed {
        true => (read(typed), typed.get("seen").to_owned()),
        false => {
            let current = current(&view);
            let version = seen(&view, &current)?;
            (current, version)
        }
    };
    let draft = Draft {
        lead: html! {
            "What holds for everybody. Mail has a page of its own: " a href="/settings/mail" { "Mail settings" } "."
        },
        fields: fields(&view, &shown),
        seen: &version,
        wrong,
        remove: None,
    };
    sheet(app, user, uri).form(&draft).await
}

fn fields(view: &Overview, shown: &Edit) -> Markup {
    let Edit::Organisation { name, fallback } = shown else {
        return html! {};
    };
    let mut groups: Vec<_> = view.organisation.groups().collect();
    groups.sort_by_key(|group| group.name.to_lowercase());
    html! {
        (line("name", "Name of the organisation", name, "It stands above every page, and in mails."))
        fieldset {
            legend { "Fallback reviewers" }
            p.hint {
                "Groups whose members decide what nobody else can. Without them such a request is refused."
            }
            div.checks {
                @for group in &groups {
                    label {
                        input type="checkbox" name="fallback" value=(group.id)
                            checked[fallback.contains(&group.id)];
                        " " bdi { (plain(&group.name)) }
                    }
                }
            }
            @if groups.is_empty() { p.hint { "There is no group yet." } }
        }
    }
}
