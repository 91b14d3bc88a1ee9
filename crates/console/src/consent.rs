//! The page on which a signed-in person lets a client in.

use axum::http::{Uri, header};
use axum::response::Response;
use hourkey_access::app::App;
use hourkey_access::error::AppError;
use hourkey_access::identity::client::{Client, Loopback};
use maud::html;

use super::headers::policy_with_form_to;
use super::layout::{Frame, Live, Page, Place, Width, plain, token_field};
use crate::page_user::PageUser;

/// What a person knows the client as.
pub(super) fn app_name(client: Client) -> &'static str {
    match client {
        Client::Desktop => "the Hourkey app",
        Client::Cli => "the hourkey command",
    }
}

/// A client that asks to be let in.
#[derive(Clone, Copy, Debug)]
pub struct ConsentView<'a> {
    /// Who asks.
    pub client: Client,
    /// Where the answer goes.
    pub redirect: &'a Loopback,
    /// What the client calls itself.
    pub label: &'a str,
}

/// The consent page; `here` is its address, to which the click goes.
///
/// # Errors
/// The store's failure.
pub async fn page(
    app: &App,
    user: &PageUser,
    view: ConsentView<'_>,
    here: &str,
) -> Result<Response, AppError> {
    let uri: Uri = here
        .parse()
        .unwrap_or_else(|_| Uri::from_static("/oauth/authorize"));
    let frame = Frame::of(app, user, &uri).await?;
    let page = Page {
        title: "Sign in to an app",
        place: Place::Elsewhere,
        width: Width::Narrow,
        live: Live::Off,
    };
    let mut response = frame.page(&page, &html! {
        h1 { "Sign in to " (app_name(view.client)) " as " bdi { (plain(&user.user.name)) } "?" }
        dl.facts {
            dt { "Device name" }
            dd { bdi { (plain(view.label)) } }
            dt { "Login" }
            dd { bdi { (plain(&user.user.login)) } }
            dt { "Computer" }
            dd { "This one, " span.mono { (view.redirect.authority()) } }
        }
        p.muted {
            "Allow this only if you’ve just started it yourself. You can end it at any time under "
            a href="/sessions" { "Sessions" } "."
        }
        form.foot method="post" action=(here) data-navigates {
            (token_field(&user.token))
            button.btn name="decision" value="deny" { "Cancel" }
            button.btn.primary name="decision" value="allow" { "Allow" }
        }
    });
    let policy = policy_with_form_to(&view.redirect.csp_source());
    response
        .headers_mut()
        .insert(header::CONTENT_SECURITY_POLICY, policy);
    Ok(response)
}
