//! Sign-out of clients (RFC 7009): revoking any token ends its whole family.

use axum::Form;
use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::response::Response;
use hourkey_access::app::App;
use hourkey_access::identity::secret::digest;
use hourkey_access::identity::session;
use hourkey_store::Room;
use serde::Deserialize;

use super::error::{Refusal, calling_client, no_store};

/// Parameters (RFC 7009, 2.1). The hint is not needed: both kinds are looked up.
#[derive(Deserialize)]
pub(super) struct Call {
    token: String,
    client_id: String,
}

/// `POST /oauth/revoke`
pub(super) async fn revoke(
    State(app): State<App>,
    call: Result<Form<Call>, FormRejection>,
) -> Result<Response, Refusal> {
    let Ok(Form(call)) = call else {
        return Err(Refusal::new(
            "invalid_request",
            "Send token and client_id, each once.",
        ));
    };
    let client = calling_client(&call.client_id)?;
    let token = digest(&call.token);
    app.transact(Room::Kept, move |tx, now| {
        Box::pin(async move {
            let session = match tx.refresh_token(token).await? {
                Some(refresh) => tx.session(refresh.session).await?,
                None => tx.session_by_access_token(token, now).await?,
            };
            // An unknown token is revoked already (RFC 7009, 2.2).
            if let Some(session) = session.filter(|session| client.owns(session.kind)) {
                session::end(tx, &session, Some(session.user), "signed out", now).await?;
            }
            Ok(())
        })
    })
    .await?;
    Ok(no_store(()))
}
