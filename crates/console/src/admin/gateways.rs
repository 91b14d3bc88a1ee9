//! Networks and the gateways that serve them.

use std::collections::HashMap;

use axum::Extension;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use hourkey_access::app::App;
use hourkey_access::gateways::{self, Gateway};
use hourkey_access::overview::{Overview, Sight};
use hourkey_domain::Time;
use hourkey_domain::ids::GatewayId;
use hourkey_domain::organisation::Network;
use maud::{Markup, html};

use super::gateway::state;
use super::table::{framed, moments};
use super::view::{count, link, overview, page};
use crate::connected::ConnectedGateways;
use crate::error::PageError;
use crate::layout::{Place, plain};
use crate::page_user::PageUser;
use crate::time::{ago, clock};

/// `GET /gateways`
pub(super) async fn list(
    State(app): State<App>,
    Extension(connected): Extension<ConnectedGateways>,
    user: PageUser,
    uri: Uri,
) -> Result<Response, PageError> {
    let view = overview(&app, &user, Sight::Configuration).await?;
    let gateways = gateways::list(&app, user.user.id).await?;
    let connections = gateways::open_connections(&app, user.user.id).await?;
    let mut networks: Vec<_> = view.organisation.networks().collect();
    networks.sort_by_key(|network| network.name.to_lowercase());
    page(
        &app,
        &user,
        &uri,
        ("Gateways", Place::Gateways),
        &html! {
            div.head {
                h1 { "Gateways" }
                @if view.sets_up { a.btn href="/networks/new" { "New network" } }
            }
            p.lead {
                "A gateway stands beside the resources of its network: it lets in what is granted, and cuts it \
                 when that ends."
            }
            @if networks.is_empty() {
                p.empty {
                    "There is no network yet."
                    @if view.sets_up { " Begin with one: " a href="/networks/new" { "New network" } "." }
                }
            }
            @for network in &networks { (of_network(&view, network, &gateways, (&connected, &connections))) }
        },
    )
    .await
}

fn of_network(
    view: &Overview,
    network: &Network,
    gateways: &[Gateway],
    (connected, connections): (&ConnectedGateways, &HashMap<GatewayId, u64>),
) -> Markup {
    let here: Vec<_> = gateways
        .iter()
        .filter(|gateway| gateway.network == network.id)
        .collect();
    let resources = view.organisation.resources_of(network.id).count();
    let rows = html! {
        @for gateway in &here {
            tr {
                th scope="row" { (link("gateways", gateway.id, &gateway.name)) }
                td.mono { bdi { (plain(&gateway.address)) } }
                td { (state(view, gateway, connected)) }
                @let heard = connected.heard(gateway.id, view.now);
                td { (or_nothing(heard.as_ref().map(|heard| ago(heard.at, view.now)))) }
                td {
                    (or_nothing(heard.as_ref().and_then(|it| it.version.as_ref()).map(|version| {
                        html! { bdi { (plain(version)) } }
                    })))
                }
                td.number {
                    // What one that is gone reported last is not true any more.
                    (or_nothing(heard.filter(|heard| heard.is_connected).map(|_| {
                        html! { (connections.get(&gateway.id).copied().unwrap_or(0)) }
                    })))
                }
                td { (or_nothing(gateway.certificate_until.map(|at| certificate(at, view.now)))) }
            }
        }
    };
    let headings = html! {
        @for heading in [
            "Gateway", "Clients reach it at", "State", "Last answer", "Version", "Connections",
        ] { th scope="col" { (heading) } }
        (moments("Certificate until"))
    };
    html! {
        section #{ "network-" (network.id) } {
            div.head {
                h2 { bdi { (plain(&network.name)) } span { (count(resources, "resource", "resources")) } }
                @if view.sets_up {
                    p.acts {
                        a.btn href={ "/networks/" (network.id) "/gateways" }
                            aria-label={ "Add a gateway to " (plain(&network.name)) } { "Add a gateway" }
                        a.btn.ghost href={ "/networks/" (network.id) "/edit" }
                            aria-label={ "Change " (plain(&network.name)) } { "Change" }
                    }
                }
            }
            @if here.is_empty() {
                p.empty { "No gateway serves this network: nobody reaches what is in it." }
            } @else {
                (framed(&plain(&network.name), &headings, &rows))
            }
        }
    }
}

/// What the controller knows, or that it does not.
fn or_nothing(known: Option<Markup>) -> Markup {
    html! { @match known { Some(known) => (known), None => span.muted { "–" } } }
}

/// The end of a certificate: a gateway renews it well before.
fn certificate(until: Time, now: Time) -> Markup {
    html! {
        @if until <= now { span.state.stop { "Ended " (ago(until, now)) } }
        @else { (clock(until, now)) }
    }
}
