//! The page on which a signed-in person lets a client in.

use axum::http::{Uri, header};
use axum::response::Response;
use maud::html;

use super::headers::policy_with_form_to;
use super::layout::{Frame, Page, Place, Width, plain, token_field};
use crate::app::App;
use crate::failure::Failure;
use crate::identity::PageUser;
use crate::oauth::authorize::Asked;

/// The consent page; `here` is its address, to which the click goes.
///
/// # Errors
/// The store's failure.
pub async fn page(
    app: &App,
    user: &PageUser,
    asked: &Asked,
    here: &str,
) -> Result<Response, Failure> {
    let uri: Uri = here
        .parse()
        .unwrap_or_else(|_| Uri::from_static("/oauth/authorize"));
    let frame = Frame::of(app, user, &uri).await?;
    let page = Page {
        title: "Let an app sign in",
        place: Place::Elsewhere,
        width: Width::Narrow,
        live: false,
    };
    let mut response = frame.page(&page, &html! {
        h1 { "Let this app sign in as you?" }
        dl.facts {
            dt { "App" }
            dd { (asked.client.name()) }
            dt { "Calls itself" }
            dd { bdi { (plain(&asked.label)) } }
            dt { "Signs in as" }
            dd { bdi { (plain(&user.user.name)) } " " span.muted { "(" bdi { (plain(&user.user.login)) } ")" } }
            dt { "Runs on" }
            dd { "This computer " span.mono { (asked.redirect.authority()) } }
        }
        p.muted {
            "Allow this only if you started it yourself just now. You can end it at any time under "
            a href="/sessions" { "Sessions" } "."
        }
        form.foot method="post" action=(here) {
            (token_field(&user.token))
            button.btn name="decision" value="deny" { "Cancel" }
            button.btn.primary name="decision" value="allow" { "Allow" }
        }
    });
    let policy = policy_with_form_to(&asked.redirect.csp_source());
    response
        .headers_mut()
        .insert(header::CONTENT_SECURITY_POLICY, policy);
    Ok(response)
}
