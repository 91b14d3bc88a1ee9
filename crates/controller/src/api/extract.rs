//! Who sends a call of the API.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use hourkey_access::app::App;
use hourkey_access::error::AppError;
use hourkey_access::identity::Caller;
use hourkey_access::identity::secret::digest;
use hourkey_access::identity::session::{self, Session};
use hourkey_console::turn;
use hourkey_protocol::problem::Code;
use hourkey_store::gateway::Gateway;

use super::error::ApiError;

/// The caller of the API, by access token (RFC 6750, 2.1).
#[derive(Clone, Debug)]
pub(super) struct SignedIn {
    /// Who, and what their session may do.
    pub(super) caller: Caller,
    /// Their session.
    pub(super) session: Session,
}

/// The caller of what is about other people: sessions that do not reach others are refused before
/// anything of the call is read.
#[derive(Clone, Debug)]
pub(super) struct ForOthers(pub(super) SignedIn);

impl FromRequestParts<App> for ForOthers {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let signed_in = SignedIn::from_request_parts(parts, app).await?;
        match signed_in.caller.must_reach_others() {
            Ok(()) => Ok(Self(signed_in)),
            Err(failure) => Err(ApiError::from(failure).into_response()),
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
        match session::by_access_token(app, token).await {
            Ok(Some(found)) => {
                let (user, session) = (found.user.id, found.session);
                let caller = Caller {
                    user,
                    kind: session.kind,
                    owes_second_factor: found.owes_second_factor,
                };
                let waited = turn::wait(app, parts, user).await;
                waited.map_err(|failure| ApiError::from(failure).into_response())?;
                Ok(Self { caller, session })
            }
            Ok(None) => Err(unauthenticated(
                Code::Unauthenticated,
                "Bearer realm=\"hourkey\", error=\"invalid_token\"",
                "The access token is unknown, or it has expired, or its session has ended. Refresh \
                 it, or sign in again.",
            )),
            Err(failure) => Err(ApiError::from(failure).into_response()),
        }
    }
}

/// The gateway that calls, by the credential of its enrolment (RFC 6750, 2.1).
#[derive(Clone, Debug)]
pub(super) struct CallingGateway(pub(super) Gateway);

impl FromRequestParts<App> for CallingGateway {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let Some(credential) = bearer(&parts.headers) else {
            return Err(AppError::refused(
                Code::NoCredential,
                "This call has no credential in its Authorization header. If the gateway sent one, \
                 a proxy or firewall on the way removed it, and must pass it on.",
            )
            .into());
        };
        let mut tx = app.store.read_reserved().await?;
        let found = tx.gateway_by_credential(digest(credential)).await?;
        found.map(Self).ok_or_else(|| {
            let refused = AppError::refused(
                Code::Unauthenticated,
                "This is no credential of a gateway, or the gateway was removed. Enrol it anew.",
            );
            refused.into()
        })
    }
}

/// The token of the `Authorization` header (RFC 6750, 2.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn unauthenticated(code: Code, challenge: &'static str, detail: &str) -> Response {
    let mut response = ApiError::from(AppError::refused(code, detail)).into_response();
    let challenge = HeaderValue::from_static(challenge);
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, challenge);
    response
}
