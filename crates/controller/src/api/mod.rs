//! The JSON API under `/api/v1`: who calls, what they send, what is answered. What happens is
//! `hourkey-access`'s.

mod account;
mod call;
mod deputies;
mod devices;
pub(crate) mod error;
mod errors;
mod events;
mod explain;
mod extract;
mod gateways;
mod grants;
pub mod problems;
mod requests;
mod resources;
mod reviews;
mod unlocks;

use std::sync::Arc;

use axum::Router;
use axum::extract::Extension;
use axum::http::header;
use axum::routing::get;
use hourkey_access::app::App;
use hourkey_protocol::API;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi as _};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::gateways::streams::GatewayStreams;

/// The routes, and where their description is served.
pub fn router(streams: Arc<GatewayStreams>) -> Router<App> {
    let (router, document) = described().split_for_parts();
    let document = serde_json::to_string(&document).unwrap_or_default();
    let kind = [(header::CONTENT_TYPE, "application/json")];
    let serve = get(move || std::future::ready((kind, document.clone())));
    router
        .layer(Extension(streams))
        .route(&format!("{API}/openapi.json"), serve)
}

/// The description of the API (OpenAPI 3.1), generated from its code.
#[must_use]
pub fn openapi() -> OpenApi {
    described().into_openapi()
}

fn described() -> OpenApiRouter<App> {
    let routes = OpenApiRouter::new()
        .routes(routes!(account::me))
        .routes(routes!(account::sessions))
        .routes(routes!(account::end_session))
        .routes(routes!(events::snapshot))
        .routes(routes!(events::events))
        .routes(routes!(resources::list))
        .routes(routes!(resources::one))
        .routes(routes!(explain::explain))
        .routes(routes!(requests::list, requests::make))
        .routes(routes!(requests::one))
        .routes(routes!(requests::cancel))
        .routes(routes!(requests::approve))
        .routes(routes!(requests::deny))
        .routes(routes!(requests::undo))
        .routes(routes!(reviews::list))
        .routes(routes!(deputies::list, deputies::name))
        .routes(routes!(deputies::end))
        .routes(routes!(deputies::ask))
        .routes(routes!(unlocks::list, unlocks::unlock))
        .routes(routes!(grants::release))
        .routes(routes!(grants::revoke))
        .routes(routes!(devices::enrol_device))
        .routes(routes!(devices::list))
        .routes(routes!(devices::end))
        .routes(routes!(devices::networks))
        .routes(routes!(gateways::enrol_gateway))
        .routes(routes!(gateways::renew))
        .routes(routes!(gateways::acknowledge))
        .merge(gateways::large());
    OpenApiRouter::with_openapi(Document::openapi()).nest(API, routes)
}

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Hourkey",
        description = "Just-in-time access to private resources: see, ask, decide, end. Times are \
            RFC 3339 in UTC by the server's clock, lengths are whole seconds. Refusals are problem \
            details (RFC 9457) with a stable `code`. Calls that change something take an \
            `Idempotency-Key`: repeated with the same key, they change nothing and answer the same.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "account", description = "Who is signed in, and where."),
        (name = "see", description = "What the person sees, once and as it changes."),
        (name = "ask", description = "AskErrors for access, and giving it back."),
        (name = "decide", description = "QueueErrors what others ask for."),
        (name = "administer", description = "What administrators do for others."),
        (name = "use", description = "Devices, and where they connect."),
        (name = "gateway", description = "What gateways call."),
    ),
    security(("token" = [])),
    components(schemas(hourkey_protocol::event::Changes, hourkey_protocol::problem::Problem)),
    modifiers(&Tokens),
)]
struct Document;

struct Tokens;

impl Modify for Tokens {
    fn modify(&self, document: &mut OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some(
                "An access token from `/oauth/token`: authorization code with PKCE (RFC 7636), or \
                 the device flow (RFC 8628) where it is switched on.",
            ))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(scheme));
        let credential = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("The credential of a gateway's enrolment."))
            .build();
        components.add_security_scheme("gateway", SecurityScheme::Http(credential));
    }
}
