//! The controller: how it answers, and what came to it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use chrono::TimeDelta;
use hourkey_domain::ids::GatewayId;
use hourkey_pki::{Authority, Request as CertificateRequest, Subject};
use hourkey_protocol::access::Resource;
use hourkey_protocol::device::Gateway;
use hourkey_protocol::problem::Code;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use url::Url;

use super::play::Play;
use super::rows::at;
use super::tokens::Tokens;

/// A running controller. It ends with the test's runtime.
#[derive(Clone)]
pub struct FakeController {
    /// Where it listens.
    pub url: Url,
    shared: Arc<Shared>,
}

struct Shared {
    script: Mutex<Script>,
    seen: Mutex<Seen>,
    tokens: Mutex<Tokens>,
    gateways: Mutex<Vec<Gateway>>,
    rows: watch::Sender<Option<Vec<Resource>>>,
    device_authority: Authority,
    gateway_authority: Authority,
}

/// How it answers, as a test wrote it.
#[derive(Default)]
pub struct Script {
    /// The metadata to answer with, if not the right ones.
    pub metadata: Option<Value>,
    /// The issuer that authorization responses name, if not the right one.
    pub issuer: Option<String>,
    /// Break the connection on this many of the next requests made.
    pub break_requests: u32,
    /// The page with which a reverse proxy answers the next calls to this path, and how often.
    pub broken: Option<(&'static str, StatusCode, u32)>,
    /// Whether the session family has ended.
    pub ended: bool,
    /// What the next connections to the stream play.
    pub plays: VecDeque<Play>,
}

/// What came to it.
#[derive(Default)]
pub struct Seen {
    /// What happened, in order.
    pub log: Vec<String>,
    /// `Last-Event-ID` of each connection to the stream.
    pub last_ids: Vec<Option<String>>,
    /// `Idempotency-Key` of each request made.
    pub keys: Vec<String>,
    /// The key of each enrolment of a device.
    pub enrolments: Vec<String>,
}

impl FakeController {
    /// One that will listen at `url`.
    pub(super) fn at(url: Url) -> Self {
        Self {
            url,
            shared: Arc::new(Shared {
                script: Mutex::default(),
                seen: Mutex::default(),
                tokens: Mutex::default(),
                gateways: Mutex::default(),
                rows: watch::Sender::default(),
                device_authority: Authority::new("Devices", at(0)).unwrap().0,
                gateway_authority: Authority::new("Gateways", at(0)).unwrap().0,
            }),
        }
    }

    /// How it answers from now on.
    pub fn script(&self) -> MutexGuard<'_, Script> {
        lock(&self.shared.script)
    }

    /// What came to it.
    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        lock(&self.shared.seen)
    }

    /// The next connection to the stream plays this. With nothing left to play, the stream tells of
    /// the rows that were shown; without any, it answers 503.
    pub fn play(&self, play: Play) {
        self.script().plays.push_back(play);
    }

    /// Ada sees these rows from now on.
    pub fn show(&self, rows: Vec<Resource>) {
        self.shared.rows.send_replace(Some(rows));
    }

    /// A new refresh token, as after a sign-in.
    #[must_use]
    pub fn sign_in(&self) -> String {
        self.tokens().sign_in().1
    }

    /// Makes every access token invalid.
    pub fn forget_access(&self) {
        self.tokens().forget_access();
    }

    /// The right metadata.
    #[must_use]
    pub fn metadata(&self) -> Value {
        let issuer = self.url.origin().ascii_serialization();
        json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/oauth/authorize"),
            "token_endpoint": format!("{issuer}/oauth/token"),
            "revocation_endpoint": format!("{issuer}/oauth/revoke"),
            "device_authorization_endpoint": format!("{issuer}/oauth/device_authorization"),
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none"],
            "authorization_response_iss_parameter_supported": true,
        })
    }

    /// The gateways as people are told of them.
    #[must_use]
    pub fn gateways(&self) -> Vec<Gateway> {
        lock(&self.shared.gateways).clone()
    }

    /// Tells people of these from now on.
    pub fn set_gateways(&self, gateways: Vec<Gateway>) {
        *lock(&self.shared.gateways) = gateways;
    }

    /// A gateway that takes connections and never says a word, as long as it is kept.
    pub async fn silent_gateway(&self) -> TcpListener {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        self.add_gateway(listener.local_addr().unwrap().to_string(), None);
        listener
    }

    pub(super) fn add_gateway(&self, address: String, key: Option<String>) -> GatewayId {
        let mut gateways = lock(&self.shared.gateways);
        let id = GatewayId(gateways.last().map_or(0, |last| last.id.0) + 1);
        let name = format!("gw-{id}");
        gateways.push(Gateway {
            id,
            name,
            address,
            key,
        });
        id
    }

    pub(super) fn rows(&self) -> &watch::Sender<Option<Vec<Resource>>> {
        &self.shared.rows
    }

    pub(super) fn tokens(&self) -> MutexGuard<'_, Tokens> {
        lock(&self.shared.tokens)
    }

    pub(super) fn device_authority(&self) -> &Authority {
        &self.shared.device_authority
    }

    pub(super) fn gateway_authority(&self) -> &Authority {
        &self.shared.gateway_authority
    }
}

/// A certificate that is valid for a day.
pub(super) fn certificate(authority: &Authority, request: &str, subject: Subject) -> String {
    let request = CertificateRequest::from_pem(request).unwrap();
    let host = matches!(subject, Subject::Gateway(_)).then_some("127.0.0.1");
    let issued = authority.issue(&request, subject, host, TimeDelta::days(1), at(0));
    issued.unwrap().certificate
}

pub(super) fn problem(code: Code) -> Response {
    let status = StatusCode::from_u16(code.status()).unwrap();
    (status, axum::Json(code.problem("Said the test."))).into_response()
}

/// A handler that panicked has failed its test; others may still look.
fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
