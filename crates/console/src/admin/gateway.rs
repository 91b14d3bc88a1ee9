//! One gateway: added with one command to paste, waited for, and removed.

use axum::Extension;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Redirect, Response};
use hourkey_access::app::App;
use hourkey_access::error::AppError;
use hourkey_access::gateways::{self, Gateway, Wanted};
use hourkey_access::overview::{Overview, Sight};
use hourkey_domain::ids::{GatewayId, NetworkId};
use hourkey_domain::organisation::Network;
use hourkey_protocol::problem::Code;
use maud::{Markup, html};

use super::typed_name;
use super::view::{count, overview_of_one, set_up};
use crate::address::Id;
use crate::confirm;
use crate::connected::ConnectedGateways;
use crate::error::PageError;
use crate::form::{Fields, Form, FormError, out_of_date};
use crate::layout::{Frame, Live, Page, Place, Width, plain, token_field};
use crate::page_user::PageUser;
use crate::unsent::{ShownOnce, Unsent};

/// `GET /networks/{id}/gateways`
pub(super) async fn show_new(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Id(id): Id<NetworkId>,
    unsent: Unsent,
) -> Result<Response, PageError> {
    let view = set_up(&app, &user).await?;
    let network = network(&view, id)?;
    let (typed, wrong) = (&unsent.fields, &unsent.wrong);
    let main = html! {
        h1 { "New gateway in " bdi { (plain(&network.name)) } }
        p.lead { "It runs on a machine that reaches the resources of this network, and that clients reach." }
        (wrong.complaint())
        form.stack #add method="post" action=(uri.path()) data-redraws {
            (token_field(&user.token))
            label for="name" { "Name" }
            input.field #name name="name" value=(typed.get("name")) required maxlength="200"
                autocomplete="off" spellcheck="false" placeholder="gw-1";
            label for="address" { "Clients reach it at" }
            input.field.mono #address name="address" value=(typed.get("address")) required
                maxlength="300" autocomplete="off" autocapitalize="none" spellcheck="false"
                placeholder="gw.corp.example:8443" aria-describedby="address-rule";
            p.hint #address-rule { "Name or IP address of that machine, and the port on which it listens." }
            p.acts {
                button.btn.primary { "Add, and show the command" }
                a.btn href="/gateways" { "Cancel" }
            }
        }
    };
    answer(
        &app,
        &user,
        &uri,
        wrong.status(),
        "New gateway",
        Live::Off,
        &main,
    )
    .await
}

/// `POST /networks/{id}/gateways`: adds it, and shows the command that sets it up, once.
pub(super) async fn send_new(
    State(app): State<App>,
    Extension(connected): Extension<ConnectedGateways>,
    user: PageUser,
    uri: Uri,
    Id(id): Id<NetworkId>,
    Form(fields): Form<Fields>,
) -> Result<Response, PageError> {
    let view = set_up(&app, &user).await?;
    network(&view, id)?;
    if let Some(answer) = confirm::first(&app, &user) {
        return Ok(answer);
    }
    let wanted = Wanted {
        name: fields.get("name").to_owned(),
        network: id,
        address: fields.get("address").to_owned(),
    };
    let added = gateways::add(&app, user.user.id, wanted).await?;
    page(&app, &user, &uri, added.id, &connected, Ok(&added.token)).await
}

/// `GET /gateways/{id}`
pub(super) async fn show(
    State(app): State<App>,
    Extension(connected): Extension<ConnectedGateways>,
    user: PageUser,
    uri: Uri,
    Id(id): Id<GatewayId>,
    unsent: Unsent,
) -> Result<Response, PageError> {
    page(&app, &user, &uri, id, &connected, Err(&unsent)).await
}

/// `POST /gateways/{id}`: another command, or its removal.
pub(super) async fn send(
    State(app): State<App>,
    Extension(connected): Extension<ConnectedGateways>,
    user: PageUser,
    uri: Uri,
    Id(id): Id<GatewayId>,
    Form(fields): Form<Fields>,
) -> Result<Response, PageError> {
    let view = overview_of_one(&app, &user, Sight::Configuration).await?;
    let all = gateways::list(&app, user.user.id).await?;
    let gateway = all.iter().find(|gateway| gateway.id == id);
    let gateway = gateway.ok_or_else(AppError::not_found)?;
    if !view.sets_up {
        let who = "Only administrators and operators add and remove gateways.";
        return Err(AppError::refused(Code::Forbidden, who).into());
    }
    match fields.get("do") {
        "command" => {
            if let Some(answer) = confirm::first(&app, &user) {
                return Ok(answer);
            }
            let token = gateways::new_token(&app, user.user.id, id).await?;
            page(&app, &user, &uri, id, &connected, Ok(&token)).await
        }
        "remove" => {
            if let Err(wrong) = typed_name::check(&gateway.name, &fields) {
                let unsent = Unsent { fields, wrong };
                return page(&app, &user, &uri, id, &connected, Err(&unsent)).await;
            }
            gateways::remove(&app, user.user.id, id).await?;
            Ok(Redirect::to("/gateways").into_response())
        }
        _ => Err(out_of_date().into()),
    }
}

fn network(view: &Overview, id: NetworkId) -> Result<&Network, AppError> {
    let network = view.organisation.network(id);
    Ok(&**network.ok_or_else(AppError::not_found)?)
}

/// How it stands with a gateway, in words.
pub(super) fn state(view: &Overview, gateway: &Gateway, connected: &ConnectedGateways) -> Markup {
    match (&gateway.key, connected.is_connected(gateway.id, view.now)) {
        (_, true) => html! { span.state.open { "Connected" } },
        (Some(_), false) => html! { span.state.stop { "Not connected" } },
        (None, false) => html! { span.state.wait { "Waits to be set up" } },
    }
}

async fn page(
    app: &App,
    user: &PageUser,
    uri: &Uri,
    id: GatewayId,
    connected: &ConnectedGateways,
    shown: Result<&str, &Unsent>,
) -> Result<Response, PageError> {
    let token = shown.ok();
    let Unsent { fields, wrong } = shown.err().cloned().unwrap_or_default();
    let view = overview_of_one(app, user, Sight::Configuration).await?;
    let all = gateways::list(app, user.user.id).await?;
    let gateway = all.iter().find(|gateway| gateway.id == id);
    let gateway = gateway.ok_or_else(AppError::not_found)?;
    let network = network(&view, gateway.network)?;
    let is_connected = connected.is_connected(id, view.now);
    let title = plain(&gateway.name);
    let main = html! {
        // What this page is called from now on, where a form led here.
        div.head data-address={ "/gateways/" (id) } { h1 { bdi { (title) } } }
        (wrong.complaint())
        dl.facts {
            dt { "Network" }
            dd { bdi { (plain(&network.name)) } }
            dt { "Clients reach it at" }
            dd.mono { bdi { (plain(&gateway.address)) } }
        }
        @if let Some(token) = token { (command(app, gateway, token)) }
        section #state data-live {
            @if is_connected {
                p #connected role="status" { (state(&view, gateway, connected)) " It lets in what is granted." }
            } @else {
                p #waits role="status" data-refreshes {
                    (state(&view, gateway, connected))
                    @if gateway.key.is_some() {
                        " Nobody reaches anything through it. Start it, or look at its log."
                    } @else if token.is_some() {
                        " This page says so once it is connected."
                    }
                }
                noscript { p { a href={ "/gateways/" (id) } { "See whether it is connected" } } }
            }
        }
        @if view.sets_up { (acts(&view, user, gateway, token.is_some(), (&fields, &wrong))) }
    };
    // Reloading would take the command away.
    let live = match token {
        Some(_) => Live::Off,
        None if is_connected => Live::On,
        None => Live::Reloading,
    };
    let mut response = answer(app, user, uri, wrong.status(), &title, live, &main).await?;
    if token.is_some() {
        response.extensions_mut().insert(ShownOnce);
    }
    Ok(response)
}

fn command(app: &App, gateway: &Gateway, token: &str) -> Markup {
    let state = "\"$HOME/hourkey-gateway\"";
    let controller = app.config.address("");
    let port = gateways::split(&gateway.address).map_or(8443, |(_, port)| port);
    // The shell's own printf: no list of processes shows the token.
    let command = format!(
        " printf '%s\\n' {token} | hourkey-gateway --state {state} enrol {controller} \
         --listen 0.0.0.0:{port} && hourkey-gateway --state {state} serve"
    );
    html! {
        section #command {
            h2 { "Paste this on the gateway’s machine" }
            pre.command tabindex="0" { code { (command) } }
            p.acts { button.btn type="button" data-copy=(command) hidden { "Copy" } }
            p.hint {
                "It is shown this once, works once, and for 24 hours. It enrols the gateway, and starts it."
            }
        }
    }
}

fn acts(
    view: &Overview,
    user: &PageUser,
    gateway: &Gateway,
    is_new: bool,
    (typed, wrong): (&Fields, &FormError),
) -> Markup {
    let alone = view
        .organisation
        .gateways()
        .filter(|(_, network)| *network == gateway.network)
        .all(|(id, _)| id == gateway.id);
    let resources = view.organisation.resources_of(gateway.network).count();
    let action = format!("/gateways/{}", gateway.id);
    html! {
        @if !is_new {
            form.stack #again method="post" action=(action) data-redraws {
                (token_field(&user.token))
                p.acts { button.btn name="do" value="command" { "Show a new command" } }
                p.hint { "For another machine, or where the first command was lost. An older one stops working." }
            }
        }
        section #remove {
            h2 { "Remove" }
            p {
                "Everything that it let in is cut at once."
                @if alone && resources > 0 {
                    " Nobody reaches the " (count(resources, "resource", "resources"))
                    " of its network any more."
                }
            }
            form.stack #removal method="post" action=(action) {
                (token_field(&user.token))
                (typed_name::field(&gateway.name, typed, wrong))
                p.acts { button.btn.danger name="do" value="remove" { "Remove the gateway" } }
            }
        }
    }
}

async fn answer(
    app: &App,
    user: &PageUser,
    uri: &Uri,
    status: StatusCode,
    title: &str,
    live: Live,
    main: &Markup,
) -> Result<Response, PageError> {
    let frame = Frame::of(app, user, uri).await?;
    let page = Page {
        title,
        place: Place::Gateways,
        width: Width::Wide,
        live,
    };
    Ok(frame.answer(status, &page, main))
}
