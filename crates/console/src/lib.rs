//! The web pages: server-rendered, useful without JavaScript, live with it.
//!
//! A form is sent to the address of the page that it stands on, so that after signing in again (or
//! reloading) the same page comes back. Every form carries the browser's form token
//! ([`csrf`]).

#![warn(missing_docs)]

mod about;
mod access;
mod account;
pub mod address;
mod admin;
mod ask;
mod asset_routes;
mod assets;
mod back;
mod confirm;
mod connected;
mod connections;
pub mod consent;
mod cookie;
pub mod csrf;
mod device;
mod devices;
pub mod error;
mod extend;
pub mod extract;
pub mod form;
mod headers;
mod icon;
mod jump;
mod layout;
mod lengths;
mod live;
mod mail;
mod my_requests;
mod navigation;
mod outcome;
pub mod page_user;
mod request;
mod reset;
mod review;
mod sentence;
mod sessions;
mod setup;
pub mod sign_in;
mod state;
mod time;
pub mod turn;
mod unlock;
mod unsent;

pub use connected::{ConnectedGateways, HeardOf};

use axum::Router;
use axum::middleware::{from_fn, map_response};
use axum::routing::{MethodRouter, get, post};
use hourkey_access::app::App;

/// The routes.
pub fn router(app: &App) -> Router<App> {
    let typed_on = |show, send| unsent::kept(app, show, send);
    Router::new()
        .route(
            "/resources/{id}/request",
            typed_on(get(ask::show), post(ask::send)),
        )
        .route(
            "/resources/{id}/extend",
            typed_on(get(extend::show), post(extend::send)),
        )
        .route("/jump", get(jump::show))
        .route("/review", typed_on(get(review::queue), MethodRouter::new()))
        .route(
            "/review/deputy",
            typed_on(get(review::deputy::show), post(review::deputy::send)),
        )
        .route(
            "/review/several",
            typed_on(get(review::several::show), post(review::several::send)),
        )
        .route(
            "/review/{id}",
            typed_on(get(review::show), post(review::send)),
        )
        .route("/unlock", typed_on(get(unlock::show), post(unlock::send)))
        .route("/", get(setup::front_door))
        .route("/sign-in", get(sign_in::show).post(sign_in::send))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/setup", get(setup::show).post(setup::send))
        .route("/reset", get(reset::show).post(reset::send))
        .route("/device", get(device::show).post(device::send))
        .route("/devices", get(devices::show).post(devices::send))
        .route("/sessions", get(sessions::show).post(sessions::send))
        .route(
            "/account",
            typed_on(get(account::show), post(account::send)),
        )
        .route("/mail", typed_on(get(mail::show), post(mail::send)))
        .route(
            "/settings/mail",
            typed_on(get(admin::mail::show), post(admin::mail::send)),
        )
        .route(
            "/settings/sign-in",
            typed_on(
                get(admin::sign_in_settings::show),
                post(admin::sign_in_settings::send),
            ),
        )
        .route("/access", get(access::show).post(access::send))
        .route(
            "/my-requests",
            get(my_requests::show).post(my_requests::send),
        )
        .route("/requests/{id}", get(request::show).post(request::send))
        .route("/live", get(live::stream))
        .merge(admin::router(app))
        .layer(from_fn(sign_in::say_what_was_not_sent))
        // For answers without a page: redirects and streams.
        .layer(map_response(async |response| headers::add(response)))
        .merge(asset_routes::router())
}
