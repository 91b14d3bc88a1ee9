//! A link with which somebody sets a password: mailed to them, or else shown to the administrator.

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use hourkey_access::app::App;
use hourkey_access::error::AppError;
use hourkey_access::identity::reset::{self, Handed};
use hourkey_access::mail;
use hourkey_access::overview::Sight;
use hourkey_domain::ids::UserId;
use maud::{Markup, html};

use super::view::{overview_of_one, page};
use crate::address::Id;
use crate::confirm;
use crate::error::PageError;
use crate::form::{Fields, Form};
use crate::layout::{Place, plain, token_field};
use crate::page_user::PageUser;
use crate::unsent::{ShownOnce, Unsent};

/// `GET /people/{id}/link`
pub(super) async fn show(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Id(id): Id<UserId>,
    Unsent { wrong, .. }: Unsent,
) -> Result<Response, PageError> {
    let view = overview_of_one(&app, &user, Sight::All).await?;
    let person = view.organisation.user(id);
    let person = person.filter(|it| view.administers && it.id != user.user.id && !it.disabled);
    let person = person.ok_or_else(AppError::not_found)?;
    let sends_mail = mail::choices::of(&app, user.user.id).await?.is_set_up;
    let (name, address) = (plain(&person.name), person.email.as_deref());
    let main = html! {
        h1 { "A link for " bdi { (name) } }
        (wrong.complaint())
        p.lead { "With it they choose a password. It works once, for 24 hours; an older one stops working." }
        form.stack #link method="post" action={ "/people/" (id) "/link" } data-redraws {
            (token_field(&user.token))
            @match address.filter(|_| sends_mail) {
                Some(address) => {
                    p { "It goes to " b { bdi { (plain(address)) } } ", and nobody else sees it." }
                    p.acts {
                        button.btn.primary { "Mail the link" }
                        a.btn href={ "/people/" (id) } { "Cancel" }
                    }
                }
                None => {
                    p {
                        @if address.is_none() { "No mail address is known for them" } @else { "Mail isn’t set up" }
                        ", so the link is shown to you. Whoever has it can sign in as " bdi { (name) }
                        ": the audit log and every administrator’s overview say so, for a day they can’t decide what you ask for, "
                        "and unless you are the only administrator, what is new to the account counts 24 hours later."
                    }
                    p.acts {
                        button.btn.primary { "Show the link" }
                        a.btn href={ "/people/" (id) } { "Cancel" }
                    }
                }
            }
        }
    };
    let mut response = page(&app, &user, &uri, ("A link", Place::People), &main).await?;
    *response.status_mut() = wrong.status();
    Ok(response)
}

/// `POST /people/{id}/link`
pub(super) async fn send(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Id(id): Id<UserId>,
    Form(_): Form<Fields>,
) -> Result<Response, PageError> {
    if let Some(answer) = confirm::first(&app, &user) {
        return Ok(answer);
    }
    let handed = reset::hand(&app, user.user.id, id).await?;
    let name = app.organisation().await?;
    let name = plain(name.user_name(id).unwrap_or_default());
    let main = html! {
        h1 { "A link for " bdi { (name) } }
        (done(&handed, &name))
        p.acts { a.btn href={ "/people/" (id) } { "Back to " bdi { (name) } } }
    };
    let mut response = page(&app, &user, &uri, ("A link", Place::People), &main).await?;
    response.extensions_mut().insert(ShownOnce);
    Ok(response)
}

fn done(handed: &Handed, name: &str) -> Markup {
    html! {
        @match handed {
            Handed::Mailed(address) => {
                p.lead role="status" { "It is on its way to " b { bdi { (plain(address)) } } "." }
            }
            Handed::Shown(link) => {
                p.lead role="status" {
                    "Give it to " bdi { (name) } " in person. It is shown this once."
                }
                pre.command tabindex="0" { code { (link) } }
                p.acts { button.btn type="button" data-copy=(link) hidden { "Copy" } }
            }
        }
    }
}
