//! Who sends a call, for pages.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Redirect, Response};
use hourkey_access::app::App;

use crate::error::PageError;
use crate::page_user::PageUser;
use crate::{address, turn};

impl FromRequestParts<App> for PageUser {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let Owing(user) = Owing::from_request_parts(parts, app).await?;
        if user.owes_second_factor {
            return Err(Redirect::to(&address::account(here(parts))).into_response());
        }
        Ok(user)
    }
}

/// The person in the browser, also while they owe a second factor: for the page on which they set it up,
/// and for signing out. All other pages lead there.
pub(super) struct Owing(pub(super) PageUser);

impl FromRequestParts<App> for Owing {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        match PageUser::find(app, &parts.headers).await {
            Ok(Some(mut user)) => {
                user.gateways = parts.extensions.get().cloned();
                let waited = turn::wait(app, parts, user.user.id).await;
                waited.map_err(|failure| PageError::from(failure).into_response())?;
                Ok(Self(user))
            }
            Ok(None) => Err(Redirect::to(&address::sign_in(here(parts))).into_response()),
            Err(failure) => Err(PageError::from(failure).into_response()),
        }
    }
}

fn here(parts: &Parts) -> &str {
    parts.uri.path_and_query().map_or("/", |here| here.as_str())
}

/// The address of the client: the peer's, or what the trusted proxy says.
///
/// Needs the router to be served with `into_make_service_with_connect_info::<SocketAddr>()`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

impl FromRequestParts<App> for ClientAddress {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip());
        let proxy = app.config.trusted_proxy.map(|proxy| proxy.to_canonical());
        if proxy != Some(peer.to_canonical()) {
            return Ok(Self(peer));
        }
        Ok(Self(forwarded_for(&parts.headers).unwrap_or(peer)))
    }
}

/// The last address of `X-Forwarded-For`: what the proxy itself added. The ones before it are
/// whatever the client made up.
fn forwarded_for(headers: &HeaderMap) -> Option<IpAddr> {
    let line = headers.get_all("x-forwarded-for").iter().next_back()?;
    let last = line.to_str().ok()?.rsplit(',').next()?.trim();
    let bare = last.parse().ok();
    bare.or_else(|| last.parse::<SocketAddr>().ok().map(|address| address.ip()))
}
