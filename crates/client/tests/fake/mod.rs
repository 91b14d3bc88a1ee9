//! Fakes of the controller and the gateways, as far as connections to resources need them.
#![allow(dead_code, unused_imports, reason = "each test uses some of it")]

use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, Sse};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::stream::{Stream, unfold};
use hourkey_client::secrets::{MemoryOnly, Secret, SecretStore as _};
use hourkey_client::session::{self, Session, SessionConfig};
use hourkey_clock::{BootClock, Clock};
use hourkey_domain::ids::{DeviceId, GatewayId, GrantId, NetworkId, ResourceId, UserId};
use hourkey_domain::lock::{LockState, Why};
use hourkey_pki::{Authority, Request, Subject};
use hourkey_protocol::access::Resource;
use hourkey_protocol::account::Me;
use hourkey_protocol::device::{DeviceEnrolment, EnrolDevice, Gateway, Network, Networks};
use hourkey_protocol::event::{CHANGES, Changes, SNAPSHOT, Snapshot};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

pub mod curl;
mod gateway;
pub mod test_user;
pub use gateway::FakeGateway;

/// The server's time when a test begins.
pub fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

/// A clock that runs, and that tests move.
#[derive(Default)]
pub struct TestClock(AtomicU64);

impl TestClock {
    pub fn advance(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn boot(&self) -> Duration {
        BootClock.boot() + Duration::from_secs(self.0.load(Ordering::Relaxed))
    }
}

/// The controller's state.
pub struct FakeController {
    pub url: String,
    devices: Authority,
    gateways: Authority,
    gateways_up: Mutex<Vec<Gateway>>,
    /// The person's resources, for the API.
    pub rows: watch::Sender<Vec<Resource>>,
    /// The key of each enrolment.
    pub enrolments: Mutex<Vec<String>>,
}

impl FakeController {
    pub async fn start() -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let controller = Arc::new(Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            devices: Authority::new("Devices", now()).unwrap().0,
            gateways: Authority::new("Gateways", now()).unwrap().0,
            gateways_up: Mutex::default(),
            rows: watch::Sender::default(),
            enrolments: Mutex::default(),
        });
        let app = Router::new()
            .route("/.well-known/oauth-authorization-server", get(metadata))
            .route("/oauth/token", post(tokens))
            .route("/api/v1/device", put(enrol))
            .route("/api/v1/networks", get(networks))
            .route("/api/v1/resources", get(resources))
            .route("/api/v1/snapshot", get(everything))
            .route("/api/v1/events", get(events))
            .with_state(Arc::clone(&controller));
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        controller
    }

    /// A session with it.
    pub async fn session(&self, clock: Arc<TestClock>) -> Session {
        session(&self.url, clock).await
    }

    fn add_gateway(&self, address: String, key: Option<String>) -> GatewayId {
        let mut gateways = self.gateways_up.lock().unwrap();
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

    /// The gateways as people are told of them.
    pub fn gateways(&self) -> Vec<Gateway> {
        self.gateways_up.lock().unwrap().clone()
    }

    /// Tells people of these from now on.
    pub fn set_gateways(&self, gateways: Vec<Gateway>) {
        *self.gateways_up.lock().unwrap() = gateways;
    }

    /// A gateway that takes connections and never says a word, as long as it is kept.
    pub async fn silent_gateway(&self) -> TcpListener {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        self.add_gateway(listener.local_addr().unwrap().to_string(), None);
        listener
    }

    fn certificate(&self, authority: &Authority, request: &str, subject: Subject) -> String {
        let request = Request::from_pem(request).unwrap();
        let host = matches!(subject, Subject::Gateway(_)).then_some("127.0.0.1");
        let day = TimeDelta::days(1);
        let issued = authority.issue(&request, subject, host, day, now());
        issued.unwrap().certificate
    }
}

/// A session with the controller at this address.
pub async fn session(url: &str, clock: Arc<TestClock>) -> Session {
    let store = MemoryOnly::default();
    store.save(&Secret::new("refresh")).await.unwrap();
    let config = SessionConfig {
        http: session::http().unwrap(),
        controller: url.parse().unwrap(),
        client_id: "hourkey-cli",
        store: Arc::new(store),
        clock,
        lock_file: None,
    };
    Session::resume(config).await.unwrap().unwrap()
}

async fn metadata(State(controller): State<Arc<FakeController>>) -> Json<Value> {
    let issuer = &controller.url;
    Json(json!({
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
    }))
}

async fn tokens() -> Json<Value> {
    Json(json!({
        "access_token": "access",
        "token_type": "Bearer",
        "expires_in": 600,
        "refresh_token": "refresh",
    }))
}

async fn enrol(
    State(controller): State<Arc<FakeController>>,
    Json(enrol): Json<EnrolDevice>,
) -> Json<DeviceEnrolment> {
    let key = Request::from_pem(&enrol.request).unwrap().fingerprint();
    controller.enrolments.lock().unwrap().push(key);
    let device = DeviceId(1);
    let subject = Subject::Device(device);
    Json(DeviceEnrolment {
        device,
        certificate: controller.certificate(&controller.devices, &enrol.request, subject),
        expires_at: now() + TimeDelta::days(1),
    })
}

async fn networks(State(controller): State<Arc<FakeController>>) -> Json<Networks> {
    Json(Networks {
        networks: vec![Network {
            id: NetworkId(1),
            name: "Office".to_owned(),
            gateways: controller.gateways_up.lock().unwrap().clone(),
        }],
        authority: controller.gateways.certificate().to_owned(),
    })
}

async fn resources(State(controller): State<Arc<FakeController>>) -> Json<Vec<Resource>> {
    Json(controller.rows.borrow().clone())
}

async fn everything(State(controller): State<Arc<FakeController>>) -> Json<Snapshot> {
    Json(snapshot(1, controller.rows.borrow().clone()))
}

/// A snapshot at first, and whenever there are more rows or fewer; else the rows that changed.
async fn events(
    State(controller): State<Arc<FakeController>>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    struct Sent {
        rows: watch::Receiver<Vec<Resource>>,
        before: Vec<Resource>,
        seq: i64,
    }
    let mut rows = controller.rows.subscribe();
    rows.mark_changed();
    let first = Sent {
        rows,
        before: Vec::new(),
        seq: 1,
    };
    let next = |mut sent: Sent| async move {
        sent.rows.changed().await.ok()?;
        let now = sent.rows.borrow_and_update().clone();
        let seq = sent.seq;
        let event = Event::default().id(seq.to_string());
        let event = if now.len() == sent.before.len() && seq > 1 {
            let rows = now.iter().zip(&sent.before);
            let changed = rows.filter(|(now, before)| now != before);
            let changed = changed.map(|(now, _)| now.clone()).collect();
            event.event(CHANGES).json_data(changes(seq, changed))
        } else {
            event.event(SNAPSHOT).json_data(snapshot(seq, now.clone()))
        };
        sent.seq += 1;
        sent.before = now;
        Some((Ok(event.unwrap()), sent))
    };
    Sse::new(unfold(first, next))
}

pub fn resource(id: i64, address: &str, lock: LockState) -> Resource {
    Resource {
        id: ResourceId(id),
        name: format!("Resource {id}"),
        address: address.to_owned(),
        ports: "80, 443, 7".parse().unwrap(),
        alias: None,
        network: "Office".to_owned(),
        tags: Vec::new(),
        url: None,
        lock,
        denied_at: None,
        last_decision: None,
        approved: None,
        last_touched: None,
    }
}

pub const LOCKED: LockState = LockState::Locked {
    why: Why::NeedsApproval,
};

pub fn granted() -> LockState {
    LockState::Granted {
        grant: GrantId(1),
        started_at: now(),
        expires_at: now() + TimeDelta::hours(1),
    }
}

/// The rows that changed.
pub fn changes(seq: i64, resources: Vec<Resource>) -> Changes {
    Changes {
        seq,
        server_time: now(),
        me: None,
        networks_changed: false,
        resources,
        removed_resources: Vec::new(),
        reviews: Vec::new(),
        removed_reviews: Vec::new(),
        decided_reviews: Vec::new(),
        notices: Vec::new(),
    }
}

/// Everything that the person sees.
pub fn snapshot(seq: i64, resources: Vec<Resource>) -> Snapshot {
    Snapshot {
        seq,
        server_time: now(),
        me: Me {
            id: UserId(7),
            login: "ada".to_owned(),
            name: "Ada".to_owned(),
            roles: Vec::new(),
            reviews: false,
            organisation: "Example".to_owned(),
        },
        resources,
        reviews: Vec::new(),
        notices: Vec::new(),
    }
}
