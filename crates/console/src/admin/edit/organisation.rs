//! What holds for the whole organisation.

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use hourkey_access::app::App;
use hourkey_access::organisation::edit::Edit;
use hourkey_access::overview::Overview;
use hourkey_domain::ids::GroupId;
use hourkey_domain::periods::Periods;
use maud::{Markup, html};

use super::flow::{Draft, Sheet, line, seen};
use super::input::{length, wrong};
use crate::admin::view::administered;
use crate::error::PageError;
use crate::form::{Field, Fields, Form, FormError};
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
    match sheet(&app, &user, &uri).sent(&fields, edit, home).await? {
        Ok(answer) => Ok(answer),
        Err(wrong) => form(&app, &user, &uri, &fields, &wrong).await,
    }
}

/// What was typed.
struct Input {
    name: String,
    /// Lengths, with commas between them.
    offered: String,
    longest: String,
    fallback: Vec<GroupId>,
}

impl Input {
    fn typed(fields: &Fields) -> Self {
        let fallback = fields.all("fallback").filter_map(|id| id.parse().ok());
        let mut fallback: Vec<_> = fallback.map(GroupId).collect();
        fallback.sort_unstable();
        fallback.dedup();
        Self {
            name: fields.get("name").to_owned(),
            offered: fields.get("offered").to_owned(),
            longest: fields.get("longest").to_owned(),
            fallback,
        }
    }

    fn of(view: &Overview) -> Self {
        let periods = view.organisation.periods();
        let offered = periods.presets().iter().map(ToString::to_string);
        Self {
            name: view.organisation.name().to_owned(),
            offered: offered.collect::<Vec<_>>().join(", "),
            longest: periods.longest().to_string(),
            fallback: view.organisation.fallback_groups().to_vec(),
        }
    }
}

fn read(fields: &Fields) -> Result<Edit, FormError> {
    let input = Input::typed(fields);
    let separator = |c: char| matches!(c, ',' | ';' | '\n');
    let offered = input.offered.split(separator).map(str::trim);
    let offered = offered.filter(|typed| !typed.is_empty());
    let offered: Vec<_> = offered.map(length).collect::<Result<_, _>>()?;
    let periods = Periods::new(offered, length(input.longest.trim())?);
    Ok(Edit::Organisation {
        name: input.name.trim().to_owned(),
        periods: periods
            .map_err(|error| wrong(format!("Please change this: {error}."), Field::Length))?,
        fallback: input.fallback,
    })
}

fn current(view: &Overview) -> Edit {
    Edit::Organisation {
        name: view.organisation.name().to_owned(),
        periods: view.organisation.periods().clone(),
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
    let (shown, version) = match typed.has("seen") {
        true => (Input::typed(typed), typed.get("seen").to_owned()),
        false => (Input::of(&view), seen(&view, &current(&view))?),
    };
    let draft = Draft {
        lead: html! {
            "What holds for everybody. Mail has a page of its own: " a href="/settings/mail" { "Mail settings" } "."
        },
        fields: fields(&view, &shown, wrong),
        seen: &version,
        wrong,
        remove: None,
    };
    sheet(app, user, uri).form(&draft).await
}

fn fields(view: &Overview, shown: &Input, wrong: &FormError) -> Markup {
    let mut groups: Vec<_> = view.organisation.groups().collect();
    groups.sort_by_key(|group| group.name.to_lowercase());
    let length = |name: &str, label: &str, value: &str, hint: &str| {
        html! {
            label #(name) {
                span { (label) }
                input.field name=(name) value=(value) maxlength="400" autocapitalize="none"
                    spellcheck="false" autocomplete="off"
                    aria-invalid=[wrong.invalid(Field::Length)]
                    aria-describedby=[wrong.described_by(Field::Length, "")];
            }
            p.hint { (hint) }
        }
    };
    html! {
        (line("name", "Name of the organisation", &shown.name, "It stands above every page, and in mails."))
        (length("offered", "Access periods to choose from", &shown.offered,
            "With commas between them. They are offered where access to a resource is set up."))
        (length("longest", "Longest access period", &shown.longest,
            "365 days at most. What is set to more counts as this long; access that runs keeps its end. Whoever \
             says how long themselves can choose 7 days at most."))
        fieldset #fallback {
            legend { "Fallback reviewers" }
            p.hint {
                "Groups whose members decide what nobody else can. Without them such a request is refused."
            }
            div.checks {
                @for group in &groups {
                    label {
                        input type="checkbox" name="fallback" value=(group.id)
                            checked[shown.fallback.contains(&group.id)];
                        " " bdi { (plain(&group.name)) }
                    }
                }
            }
            @if groups.is_empty() { p.hint { "There is no group yet." } }
        }
    }
}
