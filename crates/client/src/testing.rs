//! A fake controller for tests: the OAuth endpoints as the real ones behave, a stream that plays
//! what a test wrote, and a record of what it saw.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{Form, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::StreamExt as _;
use hourkey_protocol::problem::Code;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::secrets::{MemoryOnly, SecretStore};
use crate::session::SessionConfig;
use hourkey_clock::Clock;

mod rows;
pub(crate) use rows::*;

type Parameters = std::collections::HashMap<String, String>;

/// Polls until `found` finds something; fails after a generous while.
pub(crate) async fn eventually<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Goes where a browser would go from `url`, with the cookies that it is given, and returns the page
/// at the end.
pub(crate) async fn browse(mut url: Url) -> String {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    let client = client.build().unwrap();
    let mut cookies: Vec<String> = Vec::new();
    loop {
        let call = client.get(url.clone()).header("Cookie", cookies.join("; "));
        let answer = call.send().await.unwrap();
        for cookie in answer.headers().get_all("Set-Cookie") {
            let cookie = cookie.to_str().unwrap().split(';').next().unwrap();
            cookies.push(cookie.to_owned());
        }
        match answer.headers().get("Location") {
            Some(next) => url = url.join(next.to_str().unwrap()).unwrap(),
            None => return answer.text().await.unwrap(),
        }
    }
}

/// A clock that runs, and that tests move.
pub(crate) struct TestClock {
    start: Instant,
    shift: Mutex<Duration>,
}

impl TestClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            start: Instant::now(),
            shift: Mutex::new(Duration::from_secs(1_000)),
        })
    }

    pub(crate) fn advance(&self, by: Duration) {
        *self.shift.lock().unwrap() += by;
    }
}

impl Clock for TestClock {
    fn boot(&self) -> Duration {
        self.start.elapsed() + *self.shift.lock().unwrap()
    }
}

/// What one connection to the event stream plays.
pub(crate) enum Play {
    /// These chunks, then the end.
    Close(Vec<String>),
    /// These chunks, and the end after a while.
    CloseAfter(Vec<String>, Duration),
    /// These chunks, then silence.
    Hang(Vec<String>),
}

#[derive(Default)]
pub(crate) struct Seen {
    /// What happened, in order.
    pub(crate) log: Vec<String>,
    /// `Last-Event-ID` of each connection to the stream.
    pub(crate) last_ids: Vec<Option<String>>,
    /// `Idempotency-Key` of each request made.
    pub(crate) keys: Vec<String>,
    /// The metadata to answer with, if not the right ones.
    pub(crate) metadata: Option<Value>,
    /// The issuer that authorization responses name, if not the right one.
    pub(crate) issuer: Option<String>,
    /// Break the connection on this many of the next requests made.
    pub(crate) break_requests: u32,
    /// The page with which a reverse proxy answers the next calls to this path, and how often.
    pub(crate) broken: Option<(&'static str, StatusCode, u32)>,
    /// Whether the session family has ended.
    pub(crate) ended: bool,
    /// What the next connections to the stream play; 503 when there is nothing left.
    pub(crate) plays: VecDeque<Play>,
    valid_access: BTreeSet<String>,
    valid_refresh: BTreeSet<String>,
    current: u32,
    challenge: String,
}

/// The running controller.
#[derive(Clone)]
pub(crate) struct FakeController {
    pub(crate) url: Url,
    seen: Arc<Mutex<Seen>>,
}

impl FakeController {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let controller = Self {
            url: url.parse().unwrap(),
            seen: Arc::default(),
        };
        let app = Router::new()
            .route("/.well-known/oauth-authorization-server", get(metadata))
            .route("/oauth/authorize", get(authorize))
            .route("/oauth/token", post(token))
            .route("/oauth/revoke", post(revoke))
            .route("/oauth/device_authorization", post(device))
            .route("/api/v1/me", get(me))
            .route("/api/v1/requests", post(requests))
            .route("/api/v1/events", get(events))
            .layer(middleware::from_fn_with_state(controller.clone(), proxy))
            .with_state(controller.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        controller
    }

    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    pub(crate) fn play(&self, play: Play) {
        self.seen().plays.push_back(play);
    }

    /// What a client needs to sign in here.
    pub(crate) fn config(&self, clock: Arc<TestClock>) -> SessionConfig {
        SessionConfig {
            http: crate::session::http().unwrap(),
            controller: self.url.clone(),
            client_id: "hourkey-cli",
            store: Arc::new(MemoryOnly::default()),
            clock,
            lock_file: None,
        }
    }

    /// Puts a valid refresh token into `store`, as a sign-in did.
    pub(crate) async fn signed_in(&self, store: &dyn SecretStore) {
        let refresh = self.seen().issue().1;
        store
            .save(&crate::secrets::Secret::new(refresh))
            .await
            .unwrap();
    }

    /// Makes every access token invalid.
    pub(crate) fn forget_access(&self) {
        self.seen().valid_access.clear();
    }

    /// The right metadata.
    pub(crate) fn metadata(&self) -> Value {
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
}

impl Seen {
    /// New tokens: access and refresh. The refresh token before stays valid until this one is
    /// used.
    fn issue(&mut self) -> (String, String) {
        self.current += 1;
        let access = format!("access-{}", self.current);
        let refresh = format!("refresh-{}", self.current);
        self.valid_access.insert(access.clone());
        self.valid_refresh.insert(refresh.clone());
        (access, refresh)
    }

    fn tokens(&mut self) -> Response {
        let (access, refresh) = self.issue();
        Json(json!({
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": 600,
            "refresh_token": refresh,
        }))
        .into_response()
    }

    fn knows(&self, headers: &HeaderMap) -> bool {
        headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
            .is_some_and(|token| self.valid_access.contains(token))
    }
}

fn oauth_error(code: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({ "error": code }))).into_response()
}

fn problem(code: Code) -> Response {
    let status = StatusCode::from_u16(code.status()).unwrap();
    (status, Json(code.problem("Said the test."))).into_response()
}

/// Stands before the controller, and answers for it when it is away.
async fn proxy(State(controller): State<FakeController>, request: Request, next: Next) -> Response {
    {
        let mut seen = controller.seen();
        if let Some((path, status, times)) = &mut seen.broken
            && *path == request.uri().path()
            && *times > 0
        {
            *times -= 1;
            let page = "<html><body><h1>Nobody is here</h1></body></html>";
            let html = (header::CONTENT_TYPE, "text/html");
            return (*status, [html], page).into_response();
        }
    }
    next.run(request).await
}

async fn metadata(State(controller): State<FakeController>) -> Json<Value> {
    let replaced = controller.seen().metadata.clone();
    Json(replaced.unwrap_or_else(|| controller.metadata()))
}

/// Consents at once.
async fn authorize(
    State(controller): State<FakeController>,
    Query(parameters): Query<Parameters>,
) -> Redirect {
    let right = controller.url.origin().ascii_serialization();
    let mut seen = controller.seen();
    assert_eq!(parameters["response_type"], "code");
    assert_eq!(parameters["code_challenge_method"], "S256");
    seen.challenge.clone_from(&parameters["code_challenge"]);
    seen.log.push(format!("label {}", parameters["label"]));
    let mut back: Url = parameters["redirect_uri"].parse().unwrap();
    back.query_pairs_mut()
        .append_pair("code", "the-code")
        .append_pair("state", &parameters["state"])
        .append_pair("iss", seen.issuer.as_ref().unwrap_or(&right));
    Redirect::to(back.as_str())
}

async fn token(State(controller): State<FakeController>, Form(form): Form<Parameters>) -> Response {
    let mut seen = controller.seen();
    assert_eq!(form["client_id"], "hourkey-cli");
    if form["grant_type"] == "authorization_code" {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&form["code_verifier"]));
        if form["code"] != "the-code" || challenge != seen.challenge {
            return oauth_error("invalid_grant");
        }
        seen.log.push("code exchanged".to_owned());
        return seen.tokens();
    }
    if form["grant_type"] != "refresh_token" {
        return seen.tokens();
    }
    let refresh = form["refresh_token"].clone();
    if seen.ended || !seen.valid_refresh.contains(&refresh) {
        seen.ended = true;
        seen.log.push(format!("reuse of {refresh}"));
        return oauth_error("invalid_grant");
    }
    // Its first use ends the one before.
    let number = |token: &String| -> u32 { token.split_once('-').unwrap().1.parse().unwrap() };
    let used = number(&refresh);
    seen.valid_refresh.retain(|token| number(token) >= used);
    seen.log.push(format!("{refresh} used"));
    seen.tokens()
}

async fn revoke(
    State(controller): State<FakeController>,
    Form(form): Form<Parameters>,
) -> StatusCode {
    controller
        .seen()
        .log
        .push(format!("{} revoked", form["token"]));
    StatusCode::OK
}

async fn device() -> Json<Value> {
    Json(json!({
        "device_code": "secret",
        "user_code": "WDJB-MJHT",
        "verification_uri": "http://127.0.0.1/device",
        "verification_uri_complete": "http://127.0.0.1/device?user_code=WDJB-MJHT",
        "expires_in": 600,
        "interval": 0,
    }))
}

async fn me(State(controller): State<FakeController>, headers: HeaderMap) -> Response {
    let mut seen = controller.seen();
    if !seen.knows(&headers) {
        return problem(Code::Unauthenticated);
    }
    seen.log.push("me".to_owned());
    Json(person()).into_response()
}

async fn requests(State(controller): State<FakeController>, headers: HeaderMap) -> Response {
    let mut seen = controller.seen();
    let key = headers["Idempotency-Key"].to_str().unwrap().to_owned();
    seen.keys.push(key);
    if seen.break_requests > 0 {
        seen.break_requests -= 1;
        // A body that fails after the head: the connection breaks under the answer.
        let broken = futures_util::stream::iter([Err::<String, _>(std::io::Error::other("cut"))]);
        return Response::new(Body::from_stream(broken));
    }
    problem(Code::BlankText)
}

async fn events(State(controller): State<FakeController>, headers: HeaderMap) -> Response {
    let mut seen = controller.seen();
    if !seen.knows(&headers) {
        return problem(Code::Unauthenticated);
    }
    let last = headers
        .get("Last-Event-ID")
        .map(|value| value.to_str().unwrap().to_owned());
    seen.last_ids.push(last);
    let Some(play) = seen.plays.pop_front() else {
        return problem(Code::Unavailable);
    };
    let chunks = |chunks: Vec<String>| {
        futures_util::stream::iter(chunks.into_iter().map(Ok::<_, std::io::Error>))
    };
    match play {
        Play::Close(say) => Response::new(Body::from_stream(chunks(say))),
        Play::CloseAfter(say, wait) => {
            let end = async move {
                tokio::time::sleep(wait).await;
                Ok(String::new())
            };
            let end = futures_util::stream::once(end);
            Response::new(Body::from_stream(chunks(say).chain(end)))
        }
        Play::Hang(say) => Response::new(Body::from_stream(
            chunks(say).chain(futures_util::stream::pending()),
        )),
    }
}
