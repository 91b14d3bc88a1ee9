//! Devices and gateways as they call, and a gateway's stream.

use axum::body::{Body, BodyDataStream};
use axum::http::{Request, StatusCode, header};
use futures_util::StreamExt as _;
use hourkey_access::gateways::{self, Wanted};
use hourkey_domain::ids::UserId;
use hourkey_pki::{Holder, Key};
use hourkey_protocol::gateway::{All, Changes, Ping};
use hourkey_protocol::sse::{Event, Parser};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};

use super::{Answer, TestEnv, description};

/// A running controller with an enrolled gateway, and its credential.
pub async fn fed() -> (TestEnv, String) {
    let env = TestEnv::new().await;
    hourkey_access::background::start(&env.app);
    let token = added(&env, "gw-1").await;
    let enrolled = enrol_gateway(&env, &token, &Key::generate().unwrap()).await;
    let credential = enrolled.json()["credential"].as_str().unwrap().to_owned();
    (env, credential)
}

pub async fn added(env: &TestEnv, name: &str) -> String {
    let (store, now) = (&env.app.store, env.app.clock.now());
    let wanted = wanted(env, name).await;
    let added = gateways::add_here(store, wanted, now).await.unwrap();
    added.token
}

/// A gateway of the office.
pub async fn wanted(env: &TestEnv, name: &str) -> Wanted {
    let organisation = env.app.organisation().await.unwrap();
    let office = organisation.networks().find(|it| it.name == "Office");
    Wanted {
        name: name.to_owned(),
        network: office.unwrap().id,
        address: "gw.corp.example:8443".to_owned(),
    }
}

pub async fn enrol_gateway(env: &TestEnv, token: &str, key: &Key) -> Answer {
    let body = json!({ "token": token, "request": key.request().unwrap() });
    let request = Request::post("/api/v1/gateway/enrol")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_string()));
    Answer::read(env.send(request.unwrap()).await).await
}

pub async fn enrol_device(env: &TestEnv, token: &str, key: &Key) -> Answer {
    let body = json!({ "name": "laptop", "request": key.request().unwrap() });
    call(env, "PUT", "/device", token, body).await
}

pub async fn device(env: &TestEnv, token: &str, key: &Key) -> i64 {
    enrol_device(env, token, key).await.json()["device"]
        .as_i64()
        .unwrap()
}

/// A call with this bearer token, checked against the description of the API.
pub async fn call(env: &TestEnv, method: &str, path: &str, token: &str, body: Value) -> Answer {
    let path = format!("/api/v1{path}");
    let mut request = Request::builder()
        .method(method)
        .uri(&path)
        .header(header::AUTHORIZATION, format!("Bearer {token}"));
    let body = match body {
        Value::Null => Body::empty(),
        body => {
            request = request.header(header::CONTENT_TYPE, "application/json");
            Body::from(body.to_string())
        }
    };
    let answer = Answer::read(env.send(request.body(body).unwrap()).await).await;
    description::check_answer(&method.parse().unwrap(), &path, &answer);
    answer
}

pub fn holder_of(certificate: &Value) -> Holder {
    let pem = certificate.as_str().unwrap();
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    Holder::of(&der).unwrap()
}

/// A user's permits: resource and end.
pub fn permits(
    users: &[hourkey_protocol::gateway::User],
    user: UserId,
) -> Vec<(
    hourkey_domain::ids::ResourceId,
    Option<hourkey_domain::Time>,
)> {
    let found = users.iter().find(|it| it.id == user).unwrap();
    let permits = found.permits.iter();
    permits.map(|it| (it.resource, it.until)).collect()
}

pub fn heard(event: &Event) -> u64 {
    serde_json::from_str::<Ping>(&event.data).unwrap().heard
}

/// A gateway's stream.
pub struct GatewayClient {
    body: BodyDataStream,
    parser: Parser,
    ready: std::collections::VecDeque<Event>,
}

impl GatewayClient {
    pub async fn open(env: &TestEnv, credential: &str, devices: Value) -> Self {
        let request = Request::post("/api/v1/gateway/stream")
            .header(header::AUTHORIZATION, format!("Bearer {credential}"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(json!({ "devices": devices }).to_string()));
        let response = env.send(request.unwrap()).await;
        assert_eq!(response.status(), StatusCode::OK);
        Self {
            body: response.into_body().into_data_stream(),
            parser: Parser::default(),
            ready: std::collections::VecDeque::new(),
        }
    }

    /// The next message; `None` when the stream has ended.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            let limit = std::time::Duration::from_secs(30);
            let chunk = tokio::time::timeout(limit, self.body.next()).await;
            let chunk = chunk.expect("a message, or the end of the stream")?;
            let ready = &mut self.ready;
            let found = |event| ready.push_back(event);
            self.parser.feed(&chunk.unwrap(), found).unwrap();
        }
    }

    pub async fn all(&mut self) -> All {
        let event = self.next().await.unwrap();
        assert_eq!(event.name, "all");
        serde_json::from_str(&event.data).unwrap()
    }

    /// The next message that is no ping.
    pub async fn changes(&mut self) -> Changes {
        loop {
            let event = self.next().await.unwrap();
            match event.name.as_str() {
                "ping" => {}
                "changes" => return serde_json::from_str(&event.data).unwrap(),
                other => panic!("{other}: {}", event.data),
            }
        }
    }

    /// The next message that begins with this device. Its enrolment may be told of once more in
    /// between.
    pub async fn changes_of_device(&mut self, device: i64) -> Changes {
        loop {
            let changes = self.changes().await;
            if changes.devices.first().is_some_and(|it| it.id.0 == device) {
                return changes;
            }
        }
    }
}
