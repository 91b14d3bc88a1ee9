//! Devices: a person's own, and for administrators everybody's.

use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse as _, Redirect, Response};
use hourkey_access::app::App;
use hourkey_access::identity::device::{self, Device, Owned};
use hourkey_domain::ids::DeviceId;
use hourkey_protocol::account::SessionKind;
use maud::{Markup, html};

use super::error::PageError;
use super::form::{Fields, Form, out_of_date};
use super::icon::Icon;
use super::layout::{Frame, Live, Page, Place, Width, plain, token_field};
use super::time::ago;
use crate::csrf::FormToken;
use crate::page_user::PageUser;

/// `GET /devices`
pub(super) async fn show(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
) -> Result<Response, PageError> {
    let frame = Frame::of(&app, &user, &uri).await?;
    let devices = device::visible_to(&app, &user.user).await?;
    let (mine, others): (Vec<_>, Vec<_>) = devices
        .into_iter()
        .partition(|owned| owned.device.user == user.user.id);
    let page = Page {
        title: "Devices",
        place: Place::Devices,
        width: Width::Wide,
        live: Live::On,
    };
    let row = |owned: &Owned, owner: bool| row(&user.token, owned, owner, &frame);
    Ok(frame.page(&page, &html! {
        div.head { h1 { "Your devices" } }
        p.lead { "Computers that can reach your resources. Remove any you’ve lost or don’t \
                  recognise: it is disconnected and signed out immediately." }
        // What is live is told apart by its ids.
        ul.rows #mine data-live {
            @if mine.is_empty() {
                li.empty #no-mine {
                    "No computers yet. Sign in with the desktop app, or with " code { "hourkey sign-in" } "."
                }
            }
            @for owned in &mine { (row(owned, false)) }
        }
        @if device::sees_all(&user.user) {
            section {
                h2 { "Other people’s devices" }
                ul.rows #others data-live {
                    @if others.is_empty() { li.empty #no-others { "No other devices." } }
                    @for owned in &others { (row(owned, true)) }
                }
            }
        }
    }))
}

/// `POST /devices`
pub(super) async fn send(
    State(app): State<App>,
    user: PageUser,
    Form(fields): Form<Fields>,
) -> Result<Response, PageError> {
    match (fields.get("do"), fields.number("device")) {
        ("end", Some(id)) => {
            let caller = user.user.id.into();
            device::end_by(&app, caller, user.session.id, DeviceId(id)).await?;
        }
        _ => return Err(out_of_date().into()),
    }
    Ok(Redirect::to("/devices").into_response())
}

fn row(token: &FormToken, owned: &Owned, with_owner: bool, frame: &Frame) -> Markup {
    let Owned { device, owner } = owned;
    let Device {
        id,
        name,
        kind,
        created_at,
        renewed_at,
        ..
    } = device;
    let (icon, words) = client(*kind);
    html! {
        li.row #{ "device-" (id) } {
            span.dot { (icon) }
            div.what {
                div.name {
                    bdi { (plain(name)) }
                    @if with_owner { " · " bdi { (plain(owner)) } }
                }
                div.sub {
                    span.state { (words) }
                    span.state { "enrolled " (ago(*created_at, frame.now)) }
                    span.state { "certificate renewed " (ago(*renewed_at, frame.now)) }
                }
            }
            form.acts #{ "remove-" (id) } method="post" action="/devices" {
                (token_field(token))
                input type="hidden" name="device" value=(id);
                button.btn name="do" value="end" aria-label={ "Remove " (plain(name)) } { "Remove" }
            }
        }
    }
}

/// What somebody signed in with.
pub(super) fn client(kind: SessionKind) -> (Icon, &'static str) {
    match kind {
        SessionKind::Desktop => (Icon::Screen, "Desktop app"),
        SessionKind::Cli | SessionKind::Headless => (Icon::Terminal, "CLI"),
        SessionKind::Browser => (Icon::Window, "Browser"),
    }
}
