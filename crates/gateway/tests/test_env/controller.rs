//! A fake controller, as far as gateways see it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::http::StatusCode;
use axum_server::tls_rustls::RustlsConfig;
use chrono::{DateTime, TimeDelta, Utc};
use hourkey_domain::ids::{DeviceId, GatewayId, ResourceId, UserId};
use hourkey_gateway::api::Api;
use hourkey_gateway::enrolment::{Enrolled, Folder};
use hourkey_pki::{Authority, Key, Request, Subject};
use hourkey_protocol::gateway::Device as ProtocolDevice;
use hourkey_protocol::gateway::{
    CHANGES, Certificate, Changes, Destination, Enrol, LiveDevice, PING, Permit, Ping, User,
};
use serde::Serialize;
use tokio::sync::mpsc;

mod routes;

use super::client::Device;
use super::{eventually, now};

pub const TOKEN: &str = "token-that-works-once";
const CREDENTIAL: &str = "credential";

#[derive(Clone)]
pub struct TestController {
    pub url: url::Url,
    all: Arc<Mutex<ControllerState>>,
}

struct ControllerState {
    devices_authority: Authority,
    gateways_authority: Authority,
    resources: BTreeMap<ResourceId, Destination>,
    devices: BTreeMap<DeviceId, LiveDevice>,
    permits: BTreeMap<UserId, BTreeMap<ResourceId, Option<DateTime<Utc>>>>,
    seq: i64,
    stream: Option<GatewayStream>,
    streams: u64,
    acked: i64,
    token: Option<String>,
    mute: bool,
    away: Option<StatusCode>,
    refusals: usize,
    removed: bool,
    lifetime: TimeDelta,
    /// How far its clock is ahead of the machine's.
    ahead: TimeDelta,
    renewals: usize,
    last_certificate: String,
    followed: BTreeSet<DeviceId>,
    takes_mismatch: bool,
    reported: Vec<serde_json::Value>,
}

struct GatewayStream {
    number: u64,
    heard: u64,
    tx: mpsc::UnboundedSender<String>,
}

impl TestController {
    /// The connections that were reported so far.
    pub fn reported(&self) -> Vec<serde_json::Value> {
        self.all.lock().unwrap().reported.clone()
    }

    /// Becomes one of a version before connections were reported with what they were cut for.
    pub fn takes_no_mismatch(&self) {
        self.all.lock().unwrap().takes_mismatch = false;
    }

    pub async fn start() -> Self {
        let all = ControllerState {
            devices_authority: Authority::new("Devices", now()).unwrap().0,
            gateways_authority: Authority::new("Gateways", now()).unwrap().0,
            resources: BTreeMap::new(),
            devices: BTreeMap::new(),
            permits: BTreeMap::new(),
            seq: 1,
            stream: None,
            streams: 0,
            acked: 0,
            token: Some(TOKEN.to_owned()),
            mute: false,
            away: None,
            refusals: 0,
            removed: false,
            lifetime: TimeDelta::days(1),
            ahead: TimeDelta::zero(),
            renewals: 0,
            last_certificate: String::new(),
            followed: BTreeSet::new(),
            takes_mismatch: true,
            reported: Vec::new(),
        };
        let all = Arc::new(Mutex::new(all));
        let routes = routes::all(Arc::clone(&all));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        let pinged = Arc::clone(&all);
        tokio::spawn(async move {
            for count in 0.. {
                tokio::time::sleep(Duration::from_millis(100)).await;
                let mut all = pinged.lock().unwrap();
                if !all.mute {
                    let heard = all.stream.as_ref().map_or(0, |stream| stream.heard);
                    let server_time = all.now();
                    // An older controller does not say what it vouches for.
                    let seq = (count % 2 == 0).then_some(all.seq);
                    let ping = Ping {
                        server_time,
                        heard,
                        seq,
                    };
                    all.say(PING, &ping);
                }
            }
        });
        let url = url.parse().unwrap();
        Self { url, all }
    }

    /// The same behind TLS: its address, and the authority to trust, PEM.
    pub async fn behind_tls(&self) -> (String, String) {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let (authority, _) = Authority::new("Public", now()).unwrap();
        let key = Key::generate().unwrap();
        let request = Request::from_pem(&key.request().unwrap()).unwrap();
        // A gateway's certificate is a TLS server's, and that is all it takes.
        let (subject, day) = (Subject::Gateway(GatewayId(1)), TimeDelta::days(1));
        let issued = authority
            .issue(&request, subject, Some("127.0.0.1"), day, now())
            .unwrap();
        let (certificate, key) = (issued.certificate.into_bytes(), key.to_pem().into_bytes());
        let tls = RustlsConfig::from_pem(certificate, key).await.unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let server = axum_server::from_tcp_rustls(listener, tls).unwrap();
        let routes = routes::all(Arc::clone(&self.all));
        tokio::spawn(server.serve(routes.into_make_service()));
        (url, authority.certificate().to_owned())
    }

    fn all(&self) -> MutexGuard<'_, ControllerState> {
        self.all.lock().unwrap()
    }

    /// Enrols a gateway as the command does.
    pub async fn enrol(&self, folder: &Folder) {
        let key = folder.key().unwrap();
        let api = Api::new(&self.url, None, Duration::from_secs(5)).unwrap();
        let (token, request) = (TOKEN.to_owned(), key.request().unwrap());
        let enrolment = api.enrol(&Enrol { token, request }).await.unwrap();
        folder
            .keep(&Enrolled {
                gateway: enrolment.gateway,
                name: enrolment.name,
                network: enrolment.network,
                controller: self.url.clone(),
                authority: None,
                credential: enrolment.credential,
                certificate: enrolment.certificate,
            })
            .unwrap();
    }

    /// The authority of gateways, PEM.
    pub fn gateways_authority(&self) -> String {
        self.all().gateways_authority.certificate().to_owned()
    }

    /// A device with a key and a certificate of its own.
    pub fn device(&self, id: DeviceId, user: UserId, gateway: SocketAddr) -> Device {
        let key = Key::generate().unwrap();
        let live = LiveDevice {
            user,
            key: key.fingerprint(),
        };
        self.all().devices.insert(id, live);
        self.certified(id, key, gateway, now(), TimeDelta::days(1))
    }

    /// A device's certificate for this key, whatever is known of the device.
    pub fn certified(
        &self,
        id: DeviceId,
        key: Key,
        gateway: SocketAddr,
        from: DateTime<Utc>,
        lifetime: TimeDelta,
    ) -> Device {
        let all = self.all();
        let request = Request::from_pem(&key.request().unwrap()).unwrap();
        let issued = all
            .devices_authority
            .issue(&request, Subject::Device(id), None, lifetime, from)
            .unwrap();
        let authority = all.gateways_authority.certificate();
        Device::new(issued.certificate, key, authority, gateway)
    }

    /// Adds or changes a resource. Returns its sequence number.
    pub fn resource(&self, id: ResourceId, address: &str, ports: &str) -> i64 {
        self.resource_that(id, address, ports, false)
    }

    /// Adds or changes a resource whose flows may outlast the controller's silence.
    pub fn resource_that(
        &self,
        id: ResourceId,
        address: &str,
        ports: &str,
        keep_alive_offline: bool,
    ) -> i64 {
        let destination = Destination {
            id,
            address: address.to_owned(),
            ports: ports.parse().unwrap(),
            keep_alive_offline,
        };
        let mut all = self.all();
        all.resources.insert(id, destination);
        all.say_resources()
    }

    /// Takes a resource away. Returns its sequence number.
    pub fn no_resource(&self, id: ResourceId) -> i64 {
        let mut all = self.all();
        all.resources.remove(&id);
        all.say_resources()
    }

    /// Gives a permit, or another end to one. Returns its sequence number.
    pub fn permit(&self, user: UserId, resource: ResourceId, until: Option<DateTime<Utc>>) -> i64 {
        let mut all = self.all();
        all.permits.entry(user).or_default().insert(resource, until);
        all.say_user(user)
    }

    /// Takes a permit back. Returns its sequence number.
    pub fn revoke(&self, user: UserId, resource: ResourceId) -> i64 {
        let mut all = self.all();
        all.permits.entry(user).or_default().remove(&resource);
        all.say_user(user)
    }

    /// Ends a device. Returns its sequence number.
    pub fn end_device(&self, id: DeviceId) -> i64 {
        let mut all = self.all();
        all.devices.remove(&id);
        all.say_changes(None, vec![ProtocolDevice { id, live: None }], Vec::new())
    }

    /// Waits until everything up to `seq` is in force.
    pub async fn acked(&self, seq: i64) {
        eventually("acknowledged", || self.all().acked >= seq).await;
    }

    /// Which devices the gateway has said are connected.
    pub fn followed(&self) -> Vec<DeviceId> {
        self.all().followed.iter().copied().collect()
    }

    /// Sends nothing, but stays connected.
    pub fn mute(&self) {
        self.all().mute = true;
    }

    /// Answers no call, and breaks the stream.
    pub fn vanish(&self) {
        self.is_hidden_by(StatusCode::SERVICE_UNAVAILABLE);
    }

    /// Something in front of it answers each call with this status, and breaks the stream.
    pub fn is_hidden_by(&self, status: StatusCode) {
        let mut all = self.all();
        all.away = Some(status);
        all.stream = None;
    }

    /// Comes back from [`Self::mute`], [`Self::vanish`] and [`Self::remove_gateway`].
    pub fn come_back(&self) {
        let mut all = self.all();
        (all.away, all.mute, all.removed) = (None, false, false);
    }

    /// How many calls were refused while it was away.
    pub fn refusals(&self) -> usize {
        self.all().refusals
    }

    /// Does not know the gateway any more.
    pub fn remove_gateway(&self) {
        let mut all = self.all();
        all.removed = true;
        all.stream = None;
    }

    /// How long the certificates last that gateways get.
    pub fn certificates_last(&self, lifetime: TimeDelta) {
        self.all().lifetime = lifetime;
    }

    /// The last certificate that a gateway got, PEM.
    pub fn last_certificate(&self) -> String {
        self.all().last_certificate.clone()
    }

    /// Moves its clock, as the machine's clock moves when time passes.
    pub fn time_passes(&self, by: TimeDelta) {
        self.all().ahead += by;
    }

    /// How often a gateway has renewed its certificate.
    pub fn renewals(&self) -> usize {
        self.all().renewals
    }

    pub fn streams(&self) -> u64 {
        self.all().streams
    }
}

impl ControllerState {
    fn now(&self) -> DateTime<Utc> {
        now() + self.ahead
    }

    fn say(&mut self, name: &str, data: &impl Serialize) {
        let data = serde_json::to_string(data).unwrap();
        if let Some(stream) = &self.stream
            && stream
                .tx
                .send(format!("event: {name}\ndata: {data}\n\n"))
                .is_err()
        {
            self.stream = None;
        }
    }

    fn say_changes(
        &mut self,
        resources: Option<Vec<Destination>>,
        devices: Vec<ProtocolDevice>,
        users: Vec<User>,
    ) -> i64 {
        self.seq += 1;
        let changes = Changes {
            seq: self.seq,
            server_time: self.now(),
            resources,
            devices,
            users,
        };
        if !self.mute {
            self.say(CHANGES, &changes);
        }
        self.seq
    }

    fn say_resources(&mut self) -> i64 {
        let resources = self.resources.values().cloned().collect();
        self.say_changes(Some(resources), Vec::new(), Vec::new())
    }

    fn say_user(&mut self, id: UserId) -> i64 {
        let user = self.user(id);
        self.say_changes(None, Vec::new(), vec![user])
    }

    fn user(&self, id: UserId) -> User {
        let permit = |(resource, until): (&ResourceId, &Option<DateTime<Utc>>)| Permit {
            resource: *resource,
            until: *until,
        };
        let permits = self.permits.get(&id).into_iter().flatten().map(permit);
        let permits = permits.collect();
        User { id, permits }
    }

    fn about(&self, devices: &[DeviceId]) -> (Vec<ProtocolDevice>, Vec<User>) {
        let said = |id: &DeviceId| ProtocolDevice {
            id: *id,
            live: self.devices.get(id).cloned(),
        };
        let devices: Vec<ProtocolDevice> = devices.iter().map(said).collect();
        let users: BTreeSet<UserId> = devices
            .iter()
            .filter_map(|it| Some(it.live.as_ref()?.user))
            .collect();
        (devices, users.into_iter().map(|id| self.user(id)).collect())
    }

    fn certificate(&mut self, request: &str) -> Certificate {
        let request = Request::from_pem(request).unwrap();
        let subject = Subject::Gateway(GatewayId(1));
        let host = Some("127.0.0.1");
        let issued = self
            .gateways_authority
            .issue(&request, subject, host, self.lifetime, self.now())
            .unwrap();
        self.last_certificate.clone_from(&issued.certificate);
        Certificate {
            certificate: issued.certificate,
            expires_at: issued.expires_at,
            devices_authority: self.devices_authority.certificate().to_owned(),
        }
    }
}
