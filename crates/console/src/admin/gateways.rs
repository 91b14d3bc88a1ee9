//! Networks and the gateways that serve them.

use axum::Extension;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use hourkey_access::app::App;
use hourkey_access::gateways::{self, Gateway};
use hourkey_access::overview::{Overview, Sight};
use hourkey_domain::organisation::Network;
use maud::{Markup, html};

use super::explain::ConnectedGateways;
use super::gateway::state;
use super::table::table;
use super::view::{count, link, overview, page};
use crate::error::PageError;
use crate::layout::{Place, plain};
use crate::page_user::PageUser;

/// `GET /gateways`
pub(super) async fn list(
    State(app): State<App>,
    Extension(connected): Extension<ConnectedGateways>,
    user: PageUser,
    uri: Uri,
) -> Result<Response, PageError> {
    let view = overview(&app, &user, Sight::Configuration).await?;
    let gateways = gateways::list(&app, user.user.id).await?;
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
            @for network in &networks { (of_network(&view, network, &gateways, &connected)) }
        },
    )
    .await
}

fn of_network(
    view: &Overview,
    network: &Network,
    gateways: &[Gateway],
    connected: &ConnectedGateways,
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
            }
        }
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
                (table(&plain(&network.name), &["Gateway", "Clients reach it at", "State"], &rows))
            }
        }
    }
}
