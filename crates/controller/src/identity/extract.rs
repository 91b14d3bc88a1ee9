//! Who sends a call: extractors for the API and for pages.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use hourkey_protocol::problem::Code;
use hourkey_store::account::{Digest, Session};
use hourkey_store::organisation::User;

use super::caller::Caller;
use super::cookie::{self, Kind};
use super::csrf::FormToken;
use super::secret::digest;
use super::session;
use crate::app::App;
use crate::budget;
use crate::error::AppError;
use crate::pages::error::PageError;

/// The caller of the API, by access token (RFC 6750, 2.1).
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// Who, and what their session may do.
    pub caller: Caller,
    /// Their session.
    pub session: Session,
}

/// The caller of what is about other people: sessions that do not reach others are refused before
/// anything of the call is read.
#[derive(Clone, Debug)]
pub struct ForOthers(pub SignedIn);

impl FromRequestParts<App> for ForOthers {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let signed_in = SignedIn::from_request_parts(parts, app).await?;
        match signed_in.caller.must_reach_others() {
            Ok(()) => Ok(Self(signed_in)),
            Err(failure) => Err(failure.into_response()),
        }
    }
}

impl FromRequestParts<App> for SignedIn {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let Some(token) = bearer(&parts.headers) else {
            return Err(unauthenticated(
                Code::NoCredential,
                "Bearer realm=\"hourkey\"",
                "Send an access token in the Authorization header: sign in with the desktop app \
                 or `hourkey sign-in`.",
            ));
        };
        match by_access_token(app, token).await {
            Ok(Some((user, session))) => {
                let (user, kind) = (user.id, session.kind);
                let caller = Caller { user, kind };
                let turn = budget::wait_for_turn(app, parts, user).await;
                turn.map_err(AppError::into_response)?;
                Ok(Self { caller, session })
            }
            Ok(None) => Err(unauthenticated(
                Code::Unauthenticated,
                "Bearer realm=\"hourkey\", error=\"invalid_token\"",
                "The access token is unknown, or it has expired, or its session has ended. Refresh \
                 it, or sign in again.",
            )),
            Err(failure) => Err(failure.into_response()),
        }
    }
}

/// The person in the browser, by cookie. Who is not signed in is sent to sign in, and comes back.
#[derive(Clone, Debug)]
pub struct PageUser {
    /// Who.
    pub user: User,
    /// Their session.
    pub session: Session,
    /// For the forms of their pages.
    pub token: FormToken,
    /// The browser's name, if it has one.
    pub browser: Option<Digest>,
}

impl PageUser {
    /// The person in the browser, if it is signed in.
    ///
    /// # Errors
    /// The store's failure.
    pub async fn find(app: &App, headers: &HeaderMap) -> Result<Option<Self>, AppError> {
        let Some(cookie) = Kind::Session.read(headers, &app.config) else {
            return Ok(None);
        };
        let mut tx = app.store.read().await?;
        let Some(session) = tx.session_by_cookie(digest(&cookie)).await? else {
            return Ok(None);
        };
        let user = tx.user(session.user).await?;
        drop(tx);
        let found = running(app, session, user).await?;
        let token = FormToken::of(&cookie);
        let browser = cookie::browser(headers, &app.config);
        Ok(found.map(|(user, session)| Self {
            token: token.typed_by(user.id),
            user,
            session,
            browser,
        }))
    }
}

impl FromRequestParts<App> for PageUser {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        match Self::find(app, &parts.headers).await {
            Ok(Some(user)) => {
                let turn = budget::wait_for_turn(app, parts, user.user.id).await;
                turn.map_err(|failure| PageError::from(failure).into_response())?;
                Ok(user)
            }
            Ok(None) => {
                let here = parts.uri.path_and_query().map_or("/", |here| here.as_str());
                Err(Redirect::to(&crate::pages::sign_in::address(here)).into_response())
            }
            Err(failure) => Err(PageError::from(failure).into_response()),
        }
    }
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

async fn by_access_token(app: &App, token: &str) -> Result<Option<(User, Session)>, AppError> {
    let mut tx = app.store.read().await?;
    let session = tx
        .session_by_access_token(digest(token), app.clock.now())
        .await?;
    let Some(session) = session else {
        return Ok(None);
    };
    let user = tx.user(session.user).await?;
    drop(tx);
    running(app, session, user).await
}

/// The session with its user, when neither time nor an administrator has ended it.
async fn running(
    app: &App,
    session: Session,
    user: Option<User>,
) -> Result<Option<(User, Session)>, AppError> {
    let now = app.clock.now();
    let Some(user) = user.filter(|user| !user.disabled) else {
        return Ok(None);
    };
    if !session::is_running(&session, now) {
        return Ok(None);
    }
    session::heard(app, &session, now).await?;
    Ok(Some((user, session)))
}

/// The token of the `Authorization` header (RFC 6750, 2.1).
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn unauthenticated(code: Code, challenge: &'static str, detail: &str) -> Response {
    let mut response = AppError::refused(code, detail).into_response();
    let challenge = HeaderValue::from_static(challenge);
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, challenge);
    response
}
