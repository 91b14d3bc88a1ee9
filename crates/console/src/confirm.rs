//! Dangerous acts want to know who is there: where somebody signed in longer ago, they confirm it first.
//!
//! The page stands at the address of the form that was sent, and carries what was typed as a hidden field,
//! as the page of signing in does ([`super::unsent`]).

use axum::http::Uri;
use axum::response::{IntoResponse as _, Response};
use hourkey_access::app::App;
use hourkey_access::error::AppError;
use hourkey_access::identity::second_factor;
use hourkey_access::identity::session::is_fresh;
use hourkey_protocol::problem::Code;
use maud::html;

use super::error::PageError;
use super::form::{Field, FormError, UNSENT};
use super::layout::{Frame, Live, Page, Place, Width, token_field};
use super::sign_in::code_field;
use crate::page_user::PageUser;

/// The hidden field that says what follows once it is confirmed.
pub(super) const CONFIRM: &str = "confirm";

/// Its value where the form is taken then. Any other: it is shown again, since something that is never
/// carried, such as a password, has to be typed again.
pub(super) const SEND: &str = "send";

/// Marks the answer to a form that is taken only after its person has confirmed who they are.
#[derive(Clone, Copy, Debug)]
pub(super) struct ConfirmFirst;

/// The answer to a dangerous act of somebody who signed in longer ago; nothing where they did lately.
/// Its page shows what has to be confirmed ([`super::unsent::kept`]).
pub(super) fn first(app: &App, user: &PageUser) -> Option<Response> {
    if is_fresh(&user.session, app.clock.now()) {
        return None;
    }
    let refused = AppError::refused(
        Code::Forbidden,
        "You signed in more than 15 minutes ago. Sign out and in again, then do this once more.",
    );
    let mut answer = PageError::from(refused).into_response();
    answer.extensions_mut().insert(ConfirmFirst);
    Some(answer)
}

/// What the page carries.
pub(super) struct Carried<'a> {
    /// What was typed, unless it is too long.
    pub(super) unsent: Option<&'a str>,
    /// Whether it can be sent as it is.
    pub(super) sends: bool,
}

/// The page on which they confirm it.
///
/// # Errors
/// The store's failure.
pub(super) async fn page(
    app: &App,
    user: &PageUser,
    uri: &Uri,
    carried: &Carried<'_>,
    wrong: &FormError,
) -> Result<Response, AppError> {
    let frame = Frame::of(app, user, uri).await?;
    let has_code = second_factor::status(app, &user.user)
        .await?
        .since
        .is_some();
    let here = uri.path_and_query().map_or("/access", |here| here.as_str());
    let page = Page {
        title: "Confirm it’s you",
        place: Place::Elsewhere,
        width: Width::Narrow,
        live: Live::Off,
    };
    let main = html! {
        h1 { "Confirm it’s you" }
        p.lead { "You signed in more than 15 minutes ago. "
            @match (carried.unsent, carried.sends) {
                (Some(_), true) => "What you sent is done as soon as you confirm.",
                (Some(_), false) => "What you typed is kept, except passwords and codes.",
                (None, _) => "What you typed is too long to be kept: go back for it before you confirm.",
            }
        }
        (wrong.complaint())
        form.stack #confirm-it method="post" action=(here) data-after="change" {
            (token_field(&user.token))
            input type="hidden" name=(UNSENT) value=(carried.unsent.unwrap_or_default());
            input type="hidden" name=(CONFIRM) value=(if carried.sends { SEND } else { "show" });
            label for="password" { "Password" }
            input.field #password name="password" type="password" required
                autocomplete="current-password" autofocus[!wrong.is(Field::Code)]
                aria-invalid=[wrong.invalid(Field::Password)]
                aria-describedby=[wrong.described_by(Field::Password, "")];
            @if has_code { (code_field("code", wrong, false)) }
            p.foot {
                a.btn href=(here) { "Cancel" }
                button.btn.primary { "Confirm" }
            }
        }
    };
    Ok(frame.answer(wrong.status(), &page, &main))
}
