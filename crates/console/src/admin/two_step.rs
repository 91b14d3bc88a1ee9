//! Resetting somebody's two-step sign-in, for who lost their phone.

use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse as _, Redirect, Response};
use hourkey_access::app::App;
use hourkey_access::error::AppError;
use hourkey_access::identity::second_factor;
use hourkey_access::overview::Sight;
use hourkey_domain::ids::UserId;
use maud::html;

use super::view::overview_of_one;
use crate::address::Id;
use crate::confirm;
use crate::error::PageError;
use crate::form::{Fields, Form};
use crate::layout::{Frame, Live, Page, Place, Width, plain, token_field};
use crate::page_user::PageUser;
use crate::time::ago;
use crate::unsent::Unsent;

/// `GET /people/{id}/two-step`
pub(super) async fn show(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Id(id): Id<UserId>,
    unsent: Unsent,
) -> Result<Response, PageError> {
    let name = found(&app, &user, id).await?;
    let since = second_factor::since(&app, id).await?;
    let frame = Frame::of(&app, &user, &uri).await?;
    let title = format!("Two-step sign-in of {}", plain(&name));
    let home = format!("/people/{id}");
    let page = Page {
        title: &title,
        place: Place::People,
        width: Width::Narrow,
        live: Live::Off,
    };
    let main = html! {
        h1 { bdi { (title) } }
        (unsent.wrong.complaint())
        @match since {
            None => {
                p.lead { "It is not set up." }
                p.foot { span {} a.btn href=(home) { "Back" } }
            },
            Some(_) if id == user.user.id => {
                p.lead { "Nobody resets their own. Turn it off with a code on the page Account, or ask another \
                     administrator." }
                p.foot { span {} a.btn href="/account" { "Your account" } }
            },
            Some(since) => {
                p.lead { "It is on since " (ago(since, frame.now)) ". Reset it where they lost their phone and \
                     their recovery codes: their password alone signs them in from then on, until they \
                     set it up again. Make sure that it is they who ask." }
                form #reset-two-step method="post" action=(uri.path()) {
                    (token_field(&user.token))
                    p.foot {
                        a.btn href=(home) { "Cancel" }
                        button.btn.danger { "Reset two-step sign-in" }
                    }
                }
            },
        }
    };
    Ok(frame.answer(unsent.wrong.status(), &page, &main))
}

/// `POST /people/{id}/two-step`
pub(super) async fn send(
    State(app): State<App>,
    user: PageUser,
    Id(id): Id<UserId>,
    Form(_): Form<Fields>,
) -> Result<Response, PageError> {
    found(&app, &user, id).await?;
    if let Some(answer) = confirm::first(&app, &user) {
        return Ok(answer);
    }
    second_factor::reset(&app, user.user.id, id).await?;
    Ok(Redirect::to(&format!("/people/{id}")).into_response())
}

/// The person's name, for administrators alone: for all others there is no such page.
async fn found(app: &App, user: &PageUser, id: UserId) -> Result<String, PageError> {
    let view = overview_of_one(app, user, Sight::All).await?;
    let person = view.organisation.user(id).filter(|_| view.administers);
    let person = person.ok_or_else(AppError::not_found)?;
    Ok(person.name.clone())
}
