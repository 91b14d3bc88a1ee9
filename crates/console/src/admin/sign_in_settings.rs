//! How people sign in: set by administrators, read by auditors.

use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse as _, Redirect, Response};
use hourkey_access::app::App;
use hourkey_access::identity::requirement::{self, Requirement, TwoStepFor};
use maud::{Markup, html};

use super::view::{count, links};
use crate::confirm;
use crate::csrf::FormToken;
use crate::error::PageError;
use crate::form::{Fields, Form, out_of_date};
use crate::layout::{Frame, Live, Page, Place, Width, token_field};
use crate::page_user::PageUser;
use crate::unsent::Unsent;

/// The page's address.
const HERE: &str = "/settings/sign-in";

/// What the address says after it was saved.
const SAVED: &str = "saved";

/// `GET /settings/sign-in`
pub(crate) async fn show(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    unsent: Unsent,
) -> Result<Response, PageError> {
    let found = requirement::look(&app, user.user.id).await?;
    let frame = Frame::of(&app, &user, &uri).await?;
    let page = Page {
        title: "Sign-in settings",
        place: Place::SignInSettings,
        width: Width::Wide,
        live: Live::Off,
    };
    let chosen = TwoStepFor::of(unsent.fields.get("two-step"));
    let is_saved = uri.query() == Some(SAVED) && chosen.is_none();
    let main = html! {
        h1 { "Sign-in settings" }
        p.lead { "Two-step sign-in asks for a code from an app on the phone after the password." }
        (unsent.wrong.complaint())
        @if is_saved { p.bar role="status" { "Saved." } }
        @match found.administers {
            true => (form(&user.token, &found, chosen.unwrap_or(found.of))),
            false => dl.facts #required {
                dt { "Two-step sign-in" }
                dd { (words(found.of)) }
            },
        }
        (people(&found))
    };
    Ok(frame.answer(unsent.wrong.status(), &page, &main))
}

/// `POST /settings/sign-in`
pub(crate) async fn send(
    State(app): State<App>,
    user: PageUser,
    Form(fields): Form<Fields>,
) -> Result<Response, PageError> {
    let me = user.user.id;
    let found = requirement::look(&app, me).await?;
    let (seen, of) = (fields.get("seen"), fields.get("two-step"));
    let Some((seen, of)) = TwoStepFor::of(seen).zip(TwoStepFor::of(of)) else {
        return Err(out_of_date().into());
    };
    if found.administers
        && let Some(answer) = confirm::first(&app, &user)
    {
        return Ok(answer);
    }
    requirement::save(&app, me, seen, of).await?;
    Ok(Redirect::to(&format!("{HERE}?{SAVED}")).into_response())
}

fn words(of: TwoStepFor) -> &'static str {
    match of {
        TwoStepFor::None => "Everybody decides for themselves",
        TwoStepFor::Roles => "Required of administrators, operators and access reviewers",
    }
}

fn form(token: &FormToken, found: &Requirement, chosen: TwoStepFor) -> Markup {
    html! {
        form.stack #sign-in-settings method="post" action=(HERE) data-version=(found.of.as_str()) {
            (token_field(token))
            input type="hidden" name="seen" value=(found.of.as_str());
            fieldset.checks {
                legend { "Two-step sign-in" }
                @for of in [TwoStepFor::None, TwoStepFor::Roles] {
                    label.check {
                        input type="radio" name="two-step" value=(of.as_str()) checked[of == chosen];
                        span { (words(of)) }
                    }
                }
            }
            p.hint { "Where it is required, people set it up before they open another page. Until then they \
                      can’t review or administer; their own access goes on." }
            p.foot { span {} button.btn.primary { "Save" } }
        }
    }
}

/// Who has it among those of whom it can be required.
fn people(found: &Requirement) -> Markup {
    let missing = found.people.iter().filter(|(_, _, has)| !has);
    let missing: Vec<_> = missing.map(|(id, name, _)| (*id, name.as_str())).collect();
    let all = found.people.len();
    html! {
        section #people {
            h2 { "Administrators, operators and access reviewers" }
            @match missing.is_empty() {
                true => p { "All of them have set it up." },
                false => p {
                    (count(missing.len(), "person has", "people have")) " not set it up, of " (all) ": "
                    (links("people", missing.into_iter())) "."
                },
            }
        }
    }
}
