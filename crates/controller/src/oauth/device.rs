//! The device flow (RFC 8628), for hosts without a browser. Off unless `device_flow` is set. Its
//! sessions never review: whoever shows somebody a code must not get to decide as them.

use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use axum::{Form, Json};
use chrono::TimeDelta;
use hourkey_access::app::App;
use hourkey_access::identity::client::Client;
use hourkey_access::identity::device_code::USER_CODE;
use hourkey_access::identity::secret::{digest, new_code, new_secret, plain_code};
use hourkey_access::identity::session;
use hourkey_console::extract::ClientAddress;
use hourkey_protocol::account::SessionKind;
use hourkey_protocol::oauth::DeviceAuthorization;
use hourkey_store::Room;
use hourkey_store::account::{DeviceCode, NewSession};
use serde::Deserialize;

use super::error::{Refusal, calling_client, no_store};
use super::issue::{ACCESS_LIFETIME, Outcome, consent_is_void, consenting, invalid_grant, issue};

/// How long the codes are good for.
const LIFETIME: TimeDelta = TimeDelta::minutes(15);
/// Between polls.
const INTERVAL: TimeDelta = TimeDelta::seconds(5);

/// Parameters (RFC 8628, 3.1).
#[derive(Deserialize)]
pub(super) struct Call {
    client_id: String,
    #[serde(default)]
    label: String,
}

/// `POST /oauth/device_authorization`
pub(super) async fn start(
    State(app): State<App>,
    ClientAddress(from): ClientAddress,
    call: Result<Form<Call>, FormRejection>,
) -> Result<Response, Refusal> {
    if !app.config.device_flow {
        return Err(Refusal::new(
            "unauthorized_client",
            "Signing in by a code is switched off at this controller. Sign in through a browser.",
        ));
    }
    let Ok(Form(call)) = call else {
        return Err(Refusal::new(
            "invalid_request",
            "Send client_id and label, each once.",
        ));
    };
    let client = calling_client(&call.client_id)?;
    let now = app.clock.now();
    if let Err(wait) = app.attempts.admit_new_code(from, now) {
        let refusal = Refusal::too_fast(format!("Too many codes were asked for. Wait {wait}."));
        let wait = [(header::RETRY_AFTER, wait.seconds())];
        return Ok((wait, refusal).into_response());
    }
    let (device_code, key) = new_secret();
    let user_code = new_code(USER_CODE);
    let device = DeviceCode {
        user_code: plain_code(&user_code),
        client_id: client.id().to_owned(),
        label: session::label(&call.label, client.name()),
        expires_at: now + LIFETIME,
        polled_at: None,
        consent: None,
        denied: false,
    };
    app.transact(Room::Usual, move |tx, _| {
        Box::pin(async move { Ok(tx.put_device_code(key, device).await?) })
    })
    .await?;
    let verification_uri = app.config.address("/device");
    Ok(no_store(Json(DeviceAuthorization {
        device_code,
        verification_uri_complete: format!("{verification_uri}?code={user_code}"),
        verification_uri,
        user_code,
        expires_in: seconds(LIFETIME),
        interval: seconds(INTERVAL),
    })))
}

/// The client asks whether somebody has consented (RFC 8628, 3.4 and 3.5).
pub(super) async fn poll(app: &App, client: Client, device_code: &str) -> Outcome {
    let key = digest(device_code);
    app.transact(Room::Usual, move |tx, now| {
        Box::pin(async move {
            let device = tx.device_code(key).await?;
            let Some(device) = device.filter(|device| device.client_id == client.id()) else {
                return Ok(Err(invalid_grant("The device code is unknown.")));
            };
            if device.expires_at <= now {
                tx.remove_device_code(key).await?;
                return Ok(Err(Refusal::new("expired_token", "The code has expired.")));
            }
            if device.denied {
                tx.remove_device_code(key).await?;
                return Ok(Err(Refusal::new("access_denied", "The person said no.")));
            }
            let Some(consent) = device.consent else {
                let early = device.polled_at.is_some_and(|at| now < at + INTERVAL);
                tx.put_device_code(
                    key,
                    DeviceCode {
                        polled_at: Some(now),
                        ..device
                    },
                )
                .await?;
                return Ok(Err(if early {
                    Refusal::new("slow_down", "Ask less often.")
                } else {
                    Refusal::new("authorization_pending", "Nobody has typed the code so far.")
                }));
            };
            tx.remove_device_code(key).await?;
            let Some(user) = consenting(tx, consent, now).await? else {
                return Ok(Err(consent_is_void()));
            };
            let kind = SessionKind::Headless;
            let new = NewSession {
                user: user.id,
                kind,
                label: device.label,
                created_at: now,
                ends_at: session::ends_at(kind, now, now),
                cookie: None,
            };
            let session = session::start(tx, new).await?;
            Ok(Ok(issue(tx, session, 1, ACCESS_LIFETIME, now).await?))
        })
    })
    .await
}

fn seconds(span: TimeDelta) -> u32 {
    u32::try_from(span.num_seconds()).unwrap_or_default()
}
