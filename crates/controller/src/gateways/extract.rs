//! Which gateway sends a call.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use hourkey_protocol::problem::Code;
use hourkey_store::gateway::Gateway;

use crate::app::App;
use crate::error::AppError;
use crate::identity::extract::bearer;
use crate::identity::secret::digest;

/// The gateway that calls, by the credential of its enrolment (RFC 6750, 2.1).
#[derive(Clone, Debug)]
pub struct CallingGateway(pub Gateway);

impl FromRequestParts<App> for CallingGateway {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, AppError> {
        let Some(credential) = bearer(&parts.headers) else {
            return Err(AppError::refused(
                Code::NoCredential,
                "This call has no credential in its Authorization header. If the gateway sent one, \
                 a proxy or firewall on the way removed it, and must pass it on.",
            ));
        };
        let mut tx = app.store.read_reserved().await?;
        let found = tx.gateway_by_credential(digest(credential)).await?;
        found.map(Self).ok_or_else(|| {
            AppError::refused(
                Code::Unauthenticated,
                "This is no credential of a gateway, or the gateway was removed. Enrol it anew.",
            )
        })
    }
}
