//! The administrators' pages: how things are set up, how everybody's access stands, and why; and where
//! administrators change settings.
//!
//! Administrators and auditors see all of it; operators see how resources are set up. What a person
//! may not see is not there: pages of single things answer them as pages of unknown things (rule 1).

mod edit;
mod explain;
mod first_day;
mod gateway;
mod gateways;
mod groups;
mod kind;
pub(super) mod mail;
mod mail_outbox;
mod overview;
mod password_link;
mod people;
pub(super) mod requests;
mod resources;
mod revoke_all;
mod seen_as;
mod settings;
mod sheet;
pub(super) mod sign_in_settings;
mod summary;
pub(super) mod table;
mod two_step;
mod typed_name;
mod view;

use axum::Router;
use axum::routing::{get, post};
use hourkey_access::app::App;

use crate::unsent;

/// The routes.
pub(super) fn router(app: &App) -> Router<App> {
    Router::new()
        .merge(edit::router(app))
        .route("/overview", get(overview::show))
        .route("/resources", get(resources::list))
        .route("/resources/{id}", get(resources::show))
        .route("/resources/{id}/summary.csv", get(summary::of_resource))
        .route("/resources/{id}/summary.xlsx", get(summary::of_resource))
        .route("/people", get(people::list))
        .route("/people/{id}", get(people::show))
        .route("/people/{id}/summary.csv", get(summary::of_person))
        .route("/people/{id}/summary.xlsx", get(summary::of_person))
        .route(
            "/people/{id}/two-step",
            unsent::kept(app, get(two_step::show), post(two_step::send)),
        )
        .route(
            "/people/{id}/revoke",
            unsent::kept(
                app,
                get(revoke_all::show_person),
                post(revoke_all::send_person),
            ),
        )
        .route(
            "/resources/{id}/revoke",
            unsent::kept(
                app,
                get(revoke_all::show_resource),
                post(revoke_all::send_resource),
            ),
        )
        .route("/groups", get(groups::list))
        .route("/groups/{id}", get(groups::show))
        .route("/groups/{id}/summary.csv", get(summary::of_group))
        .route("/groups/{id}/summary.xlsx", get(summary::of_group))
        .route("/requests", get(requests::list))
        .route("/requests.csv", get(requests::download))
        .route("/gateways", get(gateways::list))
        .route(
            "/gateways/{id}",
            unsent::kept(app, get(gateway::show), post(gateway::send)),
        )
        .route(
            "/networks/{id}/gateways",
            unsent::kept(app, get(gateway::show_new), post(gateway::send_new)),
        )
        .route("/people/{id}/view", get(seen_as::show))
        .route(
            "/people/{id}/link",
            unsent::kept(app, get(password_link::show), post(password_link::send)),
        )
        .route("/explain", get(explain::show))
}
