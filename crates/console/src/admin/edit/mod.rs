//! Where administrators change how things are set up. Each page has one form; its first button shows what
//! the change does, the second one saves it.

mod about_input;
mod assignment;
mod fields;
mod flow;
mod group;
mod input;
mod network;
mod organisation;
mod person;
mod person_input;
mod resource;
mod resource_input;
mod settings;

use axum::Router;
use axum::routing::{get, post};
use hourkey_access::app::App;

use crate::unsent;

/// The routes.
pub(super) fn router(app: &App) -> Router<App> {
    let typed_on = |show, send| unsent::kept(app, show, send);
    Router::new()
        .route(
            "/resources/new",
            typed_on(get(resource::show_new), post(resource::send_new)),
        )
        .route(
            "/resources/{id}/edit",
            typed_on(get(resource::show), post(resource::send)),
        )
        .route(
            "/resources/{id}/settings",
            typed_on(get(settings::show_resource), post(settings::send_resource)),
        )
        .route(
            "/resources/{id}/groups",
            typed_on(get(assignment::show_new), post(assignment::send_new)),
        )
        .route(
            "/assignments/{id}",
            typed_on(
                get(settings::show_assignment),
                post(settings::send_assignment),
            ),
        )
        .route(
            "/groups/new",
            typed_on(get(group::show_new), post(group::send_new)),
        )
        .route(
            "/groups/{id}/edit",
            typed_on(get(group::show), post(group::send)),
        )
        .route(
            "/people/new",
            typed_on(get(person::show_new), post(person::send_new)),
        )
        .route(
            "/people/{id}/edit",
            typed_on(get(person::show), post(person::send)),
        )
        .route(
            "/settings",
            typed_on(get(organisation::show), post(organisation::send)),
        )
        .route(
            "/networks/{id}/edit",
            typed_on(get(network::show), post(network::send)),
        )
        .route(
            "/networks/new",
            typed_on(get(network::show_new), post(network::send_new)),
        )
}
