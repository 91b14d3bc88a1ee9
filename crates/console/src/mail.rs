//! Which mails a person gets, as they choose themselves.

use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse as _, Redirect, Response};
use hourkey_access::app::App;
use hourkey_access::mail::MailKind;
use hourkey_access::mail::choices::{self, CHOICES, Choices};
use maud::{Markup, html};

use super::error::PageError;
use super::form::{Fields, Form};
use super::layout::{Frame, Live, Page, Place, Width, plain, token_field};
use super::unsent::Unsent;
use crate::page_user::PageUser;

/// What the address says after the choice was saved.
const SAVED: &str = "saved";

/// `GET /mail`
pub(super) async fn show(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    unsent: Unsent,
) -> Result<Response, PageError> {
    let mut choices = choices::of(&app, user.user.id).await?;
    if unsent.fields.has("do") {
        let wanted = wanted(&unsent.fields);
        choices.unwanted = CHOICES.to_vec();
        choices.unwanted.retain(|kind| !wanted.contains(kind));
    }
    let frame = Frame::of(&app, &user, &uri).await?;
    let page = Page {
        title: "Mail",
        place: Place::Mail,
        width: Width::Narrow,
        live: Live::Off,
    };
    let is_saved = uri.query() == Some(SAVED);
    Ok(frame.answer(
        unsent.wrong.status(),
        &page,
        &html! {
            h1 { "Mail" }
            (address(&choices))
            @if is_saved { p.bar role="status" { "Saved." } }
            (unsent.wrong.complaint())
            form #mail-choices method="post" action="/mail" {
                (token_field(&user.token))
                fieldset.checks {
                    legend { "Send me a mail when" }
                    @for kind in CHOICES { (choice(kind, &choices)) }
                    @if choices.reviews {
                        label.check {
                            input type="checkbox" checked disabled aria-describedby="review-rule";
                            span { "a request waits for my review" }
                        }
                        p.hint #review-rule {
                            "This one can’t be switched off: somebody waits for your answer."
                        }
                    }
                }
                p.foot { span {} button.btn.primary name="do" value="save" { "Save" } }
            }
        },
    ))
}

/// `POST /mail`
pub(super) async fn send(
    State(app): State<App>,
    user: PageUser,
    Form(fields): Form<Fields>,
) -> Result<Response, PageError> {
    choices::choose(&app, user.user.id, wanted(&fields)).await?;
    Ok(Redirect::to(&format!("/mail?{SAVED}")).into_response())
}

fn wanted(fields: &Fields) -> Vec<MailKind> {
    let wanted = CHOICES.into_iter().filter(|kind| fields.has(kind.as_str()));
    wanted.collect()
}

fn address(choices: &Choices) -> Markup {
    html! {
        p.lead {
            @match &choices.address {
                Some(address) => {
                    "Mails go to " b { bdi { (plain(address)) } } ". An administrator can change \
                    the address."
                },
                None => "No mail address is known for you, so you get no mails. An administrator \
                         can set it.",
            }
            @if !choices.is_set_up { " Mail isn’t set up in your organisation yet." }
        }
    }
}

fn choice(kind: MailKind, choices: &Choices) -> Markup {
    let words = match kind {
        MailKind::Approved => "my request is approved",
        MailKind::Denied => "my request is denied",
        MailKind::Closed => "my request expires, or Hourkey cancels it",
        MailKind::Unlocked => "somebody unlocks a resource for me",
        MailKind::Ended => "my access ends",
        MailKind::Revoked => "my access is revoked",
        MailKind::Review => "a request waits for my review",
        MailKind::Account => "something about my account changes",
    };
    html! {
        label.check {
            input type="checkbox" name=(kind.as_str()) checked[!choices.unwanted.contains(&kind)];
            span { (words) }
        }
    }
}
