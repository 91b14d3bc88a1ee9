//! Stand-ins for the controller and the gateways, as far as the local entry needs them.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::routing::{get, post, put};
use axum::{Json, Router};
use chrono::{DateTime, TimeDelta, Utc};
use hourkey_client::device::Device;
use hourkey_client::dial::{Ask, Asker, Dialer};
use hourkey_client::model::Model;
use hourkey_client::secrets::{MemoryOnly, Secret, SecretStore as _};
use hourkey_client::session::{self, Home, Session};
use hourkey_client::sync::Update;
use hourkey_clock::{BootClock, Clock};
use hourkey_domain::ids::{DeviceId, GatewayId, GrantId, NetworkId, ResourceId, UserId};
use hourkey_domain::lock::{LockState, Why};
use hourkey_pki::{Authority, Key, Request, Subject};
use hourkey_protocol::access::Resource;
use hourkey_protocol::account::Me;
use hourkey_protocol::device::{DeviceEnrolment, EnrolDevice, Gateway, Network, Networks};
use hourkey_protocol::event::{Changes, Snapshot};
use hourkey_protocol::gateway::{REFUSAL, Refusal};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

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
pub struct Controller {
    url: String,
    devices: Authority,
    gateways: Authority,
    gateways_up: Mutex<Vec<Gateway>>,
    /// The key of each enrolment.
    pub enrolments: Mutex<Vec<String>>,
}

impl Controller {
    pub async fn start() -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let controller = Arc::new(Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            devices: Authority::new("Devices", now()).unwrap().0,
            gateways: Authority::new("Gateways", now()).unwrap().0,
            gateways_up: Mutex::default(),
            enrolments: Mutex::default(),
        });
        let app = Router::new()
            .route("/.well-known/oauth-authorization-server", get(metadata))
            .route("/oauth/token", post(tokens))
            .route("/api/v1/device", put(enrol))
            .route("/api/v1/networks", get(networks))
            .with_state(Arc::clone(&controller));
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        controller
    }

    /// A session with it.
    pub async fn session(&self, clock: Arc<TestClock>) -> Session {
        let store = MemoryOnly::default();
        store.save(&Secret::new("refresh")).await.unwrap();
        let home = Home {
            http: session::http().unwrap(),
            controller: self.url.parse().unwrap(),
            client_id: "hourkey-cli",
            store: Arc::new(store),
            clock,
            lock_file: None,
        };
        Session::resume(home).await.unwrap().unwrap()
    }

    fn add_gateway(&self, address: String) -> GatewayId {
        let mut gateways = self.gateways_up.lock().unwrap();
        let id = GatewayId(i64::try_from(gateways.len()).unwrap() + 1);
        let name = format!("gw-{id}");
        gateways.push(Gateway { id, name, address });
        id
    }

    /// A gateway that takes connections and never says a word, as long as it is kept.
    pub async fn silent_gateway(&self) -> TcpListener {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        self.add_gateway(listener.local_addr().unwrap().to_string());
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

async fn metadata(State(controller): State<Arc<Controller>>) -> Json<Value> {
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
    State(controller): State<Arc<Controller>>,
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

async fn networks(State(controller): State<Arc<Controller>>) -> Json<Networks> {
    Json(Networks {
        networks: vec![Network {
            id: NetworkId(1),
            name: "Office".to_owned(),
            gateways: controller.gateways_up.lock().unwrap().clone(),
        }],
        authority: controller.gateways.certificate().to_owned(),
    })
}

/// A gateway: whatever the destination, it answers itself. A first line `GET …` is answered with a
/// page that shows it, and everything else is echoed.
pub struct StandIn {
    cut: Arc<Notify>,
    task: JoinHandle<()>,
    /// CONNECT targets, in order.
    pub targets: Arc<Mutex<Vec<String>>>,
    /// What it refuses the next CONNECTs with.
    pub refuse: Arc<Mutex<Vec<Refusal>>>,
}

impl StandIn {
    pub async fn start(controller: &Controller) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let id = controller.add_gateway(address);
        let acceptor = TlsAcceptor::from(Arc::new(server_config(controller, id)));
        let (cut, targets) = (
            Arc::<Notify>::default(),
            Arc::<Mutex<Vec<String>>>::default(),
        );
        let refuse = Arc::<Mutex<Vec<Refusal>>>::default();
        let serving = (Arc::clone(&cut), Arc::clone(&targets), Arc::clone(&refuse));
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (acceptor, (cut, targets, refuse)) = (acceptor.clone(), serving.clone());
                connections.spawn(async move {
                    let _ = tunnel(&acceptor, stream, &cut, &targets, &refuse).await;
                });
            }
        });
        Self {
            cut,
            task,
            targets,
            refuse,
        }
    }

    /// Cuts every running tunnel.
    pub fn cut(&self) {
        self.cut.notify_waiters();
    }

    /// Closes its port and every connection.
    pub async fn stop(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

fn server_config(controller: &Controller, id: GatewayId) -> ServerConfig {
    let key = Key::generate().unwrap();
    let request = key.request().unwrap();
    let subject = Subject::Gateway(id);
    let der = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    let certificate = controller.certificate(&controller.gateways, &request, subject);
    let mut roots = RootCertStore::empty();
    roots.add(der(controller.devices.certificate())).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()
            .unwrap();
    ServerConfig::builder_with_details(provider, Arc::new(AtStart))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![der(&certificate)], key.to_tls())
        .unwrap()
}

/// The gateway's clock stands still.
#[derive(Debug)]
struct AtStart;

impl rustls::time_provider::TimeProvider for AtStart {
    fn current_time(&self) -> Option<rustls::pki_types::UnixTime> {
        let seconds = Duration::from_secs(now().timestamp().unsigned_abs());
        Some(rustls::pki_types::UnixTime::since_unix_epoch(seconds))
    }
}

async fn tunnel(
    acceptor: &TlsAcceptor,
    stream: TcpStream,
    cut: &Notify,
    targets: &Mutex<Vec<String>>,
    refuse: &Mutex<Vec<Refusal>>,
) -> io::Result<()> {
    let mut tls = acceptor.accept(stream).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(tls.read_u8().await?);
    }
    let head = String::from_utf8(head).unwrap();
    let target = head.split(' ').nth(1).unwrap().to_owned();
    targets.lock().unwrap().push(target);
    let refusal = refuse.lock().unwrap().pop();
    if let Some(refusal) = refusal {
        let (status, refusal) = (refusal.status(), refusal.as_str());
        let answer = format!("HTTP/1.1 {status} Refused\r\n{REFUSAL}: {refusal}\r\n\r\n");
        tls.write_all(answer.as_bytes()).await?;
        return tls.shutdown().await;
    }
    tls.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
    tokio::select! {
        served = destination(&mut tls) => served,
        () = cut.notified() => {
            // Without a word: what a gateway does when a permit ends.
            tls.get_ref().0.set_zero_linger()
        }
    }
}

/// Answers one HTTP request with its own head, or echoes.
async fn destination<S>(stream: &mut S) -> io::Result<()>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let mut said = Vec::new();
    loop {
        if stream.read_buf(&mut said).await? == 0 {
            return stream.shutdown().await;
        }
        let http = said.starts_with(b"GET ") || said.starts_with(b"POST ");
        if !http {
            stream.write_all(&said).await?;
            said.clear();
            continue;
        }
        let text = String::from_utf8_lossy(&said).into_owned();
        let Some((head, _)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        // A page without an end, until it is cut.
        let endless = head.contains("/endless");
        let length = if endless { 1_000_000 } else { head.len() };
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{head}");
        stream.write_all(answer.as_bytes()).await?;
        stream.flush().await?;
        if endless {
            return std::future::pending().await;
        }
        return stream.shutdown().await;
    }
}

/// Keeps what a person would see.
#[derive(Default)]
pub struct Recorder(Mutex<Vec<String>>);

impl Recorder {
    pub fn seen(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    fn note(&self, what: &str, ask: &Ask) {
        let path = ask.page.path();
        self.0.lock().unwrap().push(format!("{what} {path}"));
    }
}

impl Asker for Recorder {
    fn open_page(&self, ask: &Ask) {
        self.note("page", ask);
    }

    fn remind(&self, ask: &Ask) {
        self.note("remind", ask);
    }
}

/// A person's model, moved by the test.
pub struct Person {
    pub model: watch::Sender<Model>,
    pub asker: Arc<Recorder>,
    pub dialer: Dialer,
    pub clock: Arc<TestClock>,
}

impl Person {
    pub async fn new(controller: &Controller, resources: Vec<Resource>) -> Self {
        let clock = Arc::<TestClock>::default();
        let model = watch::Sender::new(Model::default());
        let snapshot = Snapshot {
            seq: 1,
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
        };
        let update = Update::Snapshot(Box::new(snapshot));
        model.send_modify(|model| model.apply(update, clock.boot()));
        let store = Arc::new(MemoryOnly::default());
        let device = Device::new(controller.session(clock.clone()).await, store, "test");
        let asker = Arc::<Recorder>::default();
        let told: Arc<dyn Asker> = asker.clone();
        let dialer = Dialer::new(device, model.subscribe(), told, 2);
        Self {
            model,
            asker,
            dialer,
            clock,
        }
    }

    /// The controller sends this row.
    pub fn change(&self, resource: Resource) {
        self.model.send_modify(|model| {
            let changes = Changes {
                seq: model.seq + 1,
                server_time: model.clock.now(self.clock.boot()).unwrap(),
                me: None,
                resources: vec![resource],
                removed_resources: Vec::new(),
                reviews: Vec::new(),
                removed_reviews: Vec::new(),
                notices: Vec::new(),
            };
            model.apply(Update::Changes(Box::new(changes)), self.clock.boot());
        });
    }
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
