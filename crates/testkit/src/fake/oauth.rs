//! Signing in: the OAuth endpoints, as the real ones behave.

use std::collections::HashMap;

use axum::Json;
use axum::extract::{Form, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::Url;

use super::controller::FakeController;

type Parameters = HashMap<String, String>;

pub(super) async fn metadata(State(controller): State<FakeController>) -> Json<Value> {
    let replaced = controller.script().metadata.clone();
    Json(replaced.unwrap_or_else(|| controller.metadata()))
}

/// Consents at once.
pub(super) async fn authorize(
    State(controller): State<FakeController>,
    Query(parameters): Query<Parameters>,
) -> Redirect {
    assert_eq!(parameters["response_type"], "code");
    assert_eq!(parameters["code_challenge_method"], "S256");
    let challenge = parameters["code_challenge"].clone();
    controller.tokens().challenge = challenge;
    let label = format!("label {}", parameters["label"]);
    controller.seen().log.push(label);
    let right = controller.url.origin().ascii_serialization();
    let mut back: Url = parameters["redirect_uri"].parse().unwrap();
    back.query_pairs_mut()
        .append_pair("code", "the-code")
        .append_pair("state", &parameters["state"])
        .append_pair("iss", controller.script().issuer.as_ref().unwrap_or(&right));
    Redirect::to(back.as_str())
}

pub(super) async fn token(
    State(controller): State<FakeController>,
    Form(form): Form<Parameters>,
) -> Response {
    assert_eq!(form["client_id"], "hourkey-cli");
    match form["grant_type"].as_str() {
        "authorization_code" => {
            let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&form["code_verifier"]));
            if form["code"] != "the-code" || challenge != controller.tokens().challenge {
                return invalid_grant();
            }
            controller.seen().log.push("code exchanged".to_owned());
        }
        "refresh_token" => {
            let token = &form["refresh_token"];
            let ended = controller.script().ended;
            let issued = match ended {
                true => None,
                false => controller.tokens().refresh(token),
            };
            let Some(issued) = issued else {
                controller.script().ended = true;
                controller.seen().log.push(format!("reuse of {token}"));
                return invalid_grant();
            };
            controller.seen().log.push(format!("{token} used"));
            return answer(issued);
        }
        _ => {}
    }
    answer(controller.tokens().sign_in())
}

fn answer((access, refresh): (String, String)) -> Response {
    Json(json!({
        "access_token": access,
        "token_type": "Bearer",
        "expires_in": 600,
        "refresh_token": refresh,
    }))
    .into_response()
}

fn invalid_grant() -> Response {
    let error = json!({ "error": "invalid_grant" });
    (StatusCode::BAD_REQUEST, Json(error)).into_response()
}

pub(super) async fn revoke(
    State(controller): State<FakeController>,
    Form(form): Form<Parameters>,
) -> StatusCode {
    let revoked = format!("{} revoked", form["token"]);
    controller.seen().log.push(revoked);
    StatusCode::OK
}

pub(super) async fn device() -> Json<Value> {
    Json(json!({
        "device_code": "secret",
        "user_code": "WDJB-MJHT",
        "verification_uri": "http://127.0.0.1/device",
        "verification_uri_complete": "http://127.0.0.1/device?user_code=WDJB-MJHT",
        "expires_in": 600,
        "interval": 0,
    }))
}
