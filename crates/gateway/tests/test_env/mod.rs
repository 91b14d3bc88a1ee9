//! The test environment of a gateway: a fake controller that speaks the protocol, an origin,
//! and devices.
#![allow(clippy::unwrap_used, dead_code, unreachable_pub, missing_docs)]

pub mod client;
pub mod controller;
pub mod origin;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use hourkey_clock::{BootClock, Clock};
use hourkey_domain::ids::{DeviceId, ResourceId, UserId};
use hourkey_gateway::config::{Config, Mapped};
use hourkey_gateway::dns::Files;
use hourkey_gateway::enrolment::Folder;
use hourkey_gateway::timings::Timings;
use hourkey_gateway::{Gateway, Settings};
use tokio::net::TcpStream;

use client::Device;
use controller::TestController;
use origin::Origin;

/// `db.corp:5432`, which the host map leads to the origin.
pub const DB: ResourceId = ResourceId(1);
/// `wiki.corp:443`, likewise.
pub const WIKI: ResourceId = ResourceId(2);
/// `*.lab.corp`, all ports; `x.lab.corp` is on the map.
pub const LAB: ResourceId = ResourceId(3);
pub const ANN: UserId = UserId(1);
pub const BEN: UserId = UserId(2);
pub const LAPTOP: DeviceId = DeviceId(7);
pub const PHONE: DeviceId = DeviceId(8);

pub struct TestEnv {
    pub controller: TestController,
    pub gateway: Gateway,
    pub origin: Origin,
    pub clock: JumpingClock,
    pub folder: tempfile::TempDir,
}

/// The wall clock: certificates must be right for curl too.
#[expect(clippy::disallowed_methods, reason = "stands for the server's clock")]
pub fn now() -> DateTime<Utc> {
    Utc::now()
}

/// Timings that tolerate a busy machine.
pub fn timings() -> Timings {
    Timings {
        pause_threshold: Duration::from_secs(10),
        stream_timeout: Duration::from_secs(10),
        ..Timings::default()
    }
}

impl TestEnv {
    pub async fn new() -> Self {
        Self::with(timings()).await
    }

    pub async fn with(timings: Timings) -> Self {
        Self::build(timings, TimeDelta::days(1)).await
    }

    /// With a first certificate of the gateway that lasts this long.
    pub async fn build(timings: Timings, lifetime: TimeDelta) -> Self {
        let controller = TestController::start().await;
        controller.certificates_last(lifetime);
        controller.resource(DB, "db.corp", "5432");
        controller.resource(WIKI, "wiki.corp", "443");
        controller.resource(LAB, "*.lab.corp", "");
        let folder = tempfile::tempdir().unwrap();
        controller
            .enrol(&Folder::open(folder.path()).unwrap())
            .await;
        controller.certificates_last(TimeDelta::days(1));
        let origin = Origin::start().await;
        let clock = JumpingClock::default();
        let gateway = start(&folder, &origin, timings, clock.clone()).await;
        controller.acked(1).await;
        listens(&gateway).await;
        Self {
            clock,
            controller,
            gateway,
            origin,
            folder,
        }
    }

    /// The gateway's certificate, as it keeps it.
    pub fn certificate(&self) -> String {
        let folder = Folder::open(self.folder.path()).unwrap();
        folder.enrolled().unwrap().certificate.certificate
    }

    /// Ann's laptop, with a permit for the database.
    pub async fn ann(&self) -> Device {
        let ann = self.device(LAPTOP, ANN);
        self.controller.permit(ANN, DB, None);
        ann
    }

    pub fn device(&self, id: DeviceId, user: UserId) -> Device {
        self.controller.device(id, user, self.gateway.address())
    }
}

/// The machine's clock, and what tests add to it.
#[derive(Clone, Default)]
pub struct JumpingClock(Arc<AtomicU64>);

impl JumpingClock {
    /// What a suspend does.
    pub fn jump(&self, by: Duration) {
        self.0.fetch_add(by.as_millis() as u64, SeqCst);
    }
}

impl Clock for JumpingClock {
    fn boot(&self) -> Duration {
        BootClock.boot() + Duration::from_millis(self.0.load(SeqCst))
    }
}

pub async fn start(
    folder: &tempfile::TempDir,
    origin: &Origin,
    timings: Timings,
    clock: JumpingClock,
) -> Gateway {
    let mapped = |ip: &str, port| Mapped {
        ip: ip.parse().unwrap(),
        port,
    };
    let [wiki, lab] = origin.others.map(|it| mapped("127.0.0.1", Some(it.port())));
    let origin = mapped("127.0.0.1", Some(origin.address.port()));
    Gateway::start(Settings {
        folder: Folder::open(folder.path()).unwrap(),
        config: Config {
            listen: Some("127.0.0.1:0".parse().unwrap()),
            connections_per_user: None,
            hosts: [
                ("db.corp", origin),
                ("wiki.corp", wiki),
                ("x.lab.corp", lab),
                ("bare.corp", mapped("127.0.0.1", None)),
                ("twin.corp", mapped("127.0.0.1", None)),
                ("x.wild.corp", mapped("127.0.0.1", None)),
            ]
            .map(|(name, to)| (name.to_owned(), to))
            .into(),
        },
        files: Files::default(),
        timings,
        clock: Arc::new(clock),
    })
    .await
    .unwrap()
}

/// Waits until connections are taken: the gateway listens once it has heard from the controller,
/// which may be a moment after it has acknowledged what it heard.
async fn listens(gateway: &Gateway) {
    for _ in 0..3_000 {
        if TcpStream::connect(gateway.address()).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never: the gateway listens");
}

/// Polls until something holds; only a broken program makes it fail.
pub async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..3_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}

/// Waits for something that must come.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    let waited = tokio::time::timeout(Duration::from_secs(30), future).await;
    waited.unwrap_or_else(|_| panic!("never: {what}"))
}
