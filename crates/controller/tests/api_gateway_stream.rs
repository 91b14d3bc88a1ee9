//! A gateway's stream: what it vouches for, whom it tells of, and how it passes what is on the way.
#![allow(clippy::unwrap_used)]

mod test_env;

use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use hourkey_access::gateways;
use hourkey_access::identity::session;
use hourkey_domain::audit::AuditAction;
use hourkey_domain::ids::DeviceId;
use hourkey_pki::Key;
use hourkey_protocol::account::SessionKind;
use hourkey_protocol::gateway::Ping;
use hourkey_store::Room;
use hourkey_store::account::NewSession;
use hourkey_store::device::NewDevice;
use hourkey_store::log::{Entry, Subject};
use hourkey_store::organisation::Group;
use hourkey_testkit::poll::eventually;
use serde_json::{Value, json};
use test_env::TestEnv;
use test_env::events::Events;
use test_env::gateways::{GatewayClient, added, call, device, enrol_gateway, fed};

#[tokio::test]
async fn nothing_is_vouched_for_while_the_log_cannot_be_read_and_then_all_is_told() {
    let (env, credential) = fed().await;
    let token = env.token(env.people.ann).await;
    let device = device(&env, &token, &Key::generate().unwrap()).await;
    let mut gateway_client = GatewayClient::open(&env, &credential, json!([device])).await;
    let all = gateway_client.all().await;
    let ping = loop {
        let event = gateway_client.next().await.unwrap();
        if event.name == "ping" {
            break serde_json::from_str::<Ping>(&event.data).unwrap();
        }
    };
    assert!(ping.seq.unwrap() >= all.seq, "what it vouches for");

    env.broken.store(true, Ordering::SeqCst);
    empty_engineering(&env).await;
    // Looks that fail, for longer than one that succeeded counts.
    let before = env.reads.load(Ordering::SeqCst);
    eventually("several looks", async || {
        env.reads.load(Ordering::SeqCst) > before + 5
    })
    .await
    .unwrap();
    while let Ok(Some(_)) =
        tokio::time::timeout(Duration::from_millis(10), gateway_client.next()).await
    {}
    let ping = tokio::time::timeout(Duration::from_secs(7), gateway_client.next()).await;
    assert!(ping.is_err(), "a ping while nobody knows what changed");

    env.broken.store(false, Ordering::SeqCst);
    let changes = gateway_client.changes().await;
    assert_eq!(changes.users[0].permits, [], "nothing else had to happen");
    let ping = gateway_client.next().await.unwrap();
    assert_eq!(ping.name, "ping");
}

#[tokio::test]
async fn a_gateway_with_twenty_thousand_devices_opens_its_stream() {
    const DEVICES: usize = 20_000;
    let (env, credential) = fed().await;
    let people = env.people;
    let users = [people.ann, people.ben, people.rae];
    let ids = env.app.transact(Room::Usual, move |tx, now| {
        Box::pin(async move {
            let mut ids = Vec::with_capacity(DEVICES);
            for number in 0..DEVICES {
                let session = NewSession {
                    user: users[number % users.len()],
                    kind: SessionKind::Desktop,
                    label: String::new(),
                    created_at: now,
                    ends_at: session::ends_at(SessionKind::Desktop, now, now),
                    cookie: None,
                };
                let device = NewDevice {
                    session: tx.insert_session(session).await?,
                    name: format!("host {number}"),
                    key: format!("{number:064x}"),
                    created_at: now,
                };
                ids.push(tx.insert_device(device).await?);
            }
            for user in users {
                tx.record(Entry {
                    at: now,
                    actor: Some(user),
                    action: AuditAction::DeviceEnrolled,
                    subject: Subject::Account { user },
                    detail: Value::Null,
                })
                .await?;
            }
            Ok(ids)
        })
    });
    let ids: Vec<DeviceId> = ids.await.unwrap();
    let mut gateway_client = GatewayClient::open(&env, &credential, json!(ids)).await;
    let all = gateway_client.all().await;
    assert_eq!(all.devices.len(), DEVICES);
    assert!(all.devices.iter().all(|device| device.live.is_some()));

    let body = json!({ "stream": all.stream, "came": ids, "went": [] });
    let told = call(&env, "POST", "/gateway/devices", &credential, body).await;
    assert_eq!(told.status, StatusCode::NO_CONTENT);
    let body = json!({ "stream": all.stream, "number": 1, "seq": 1, "x": "x".repeat(1 << 17) });
    let refused = call(&env, "POST", "/gateway/ack", &credential, body).await;
    assert_eq!(
        refused.code(),
        "413 too_large",
        "no other call takes so much"
    );
}

#[tokio::test]
async fn a_gateway_is_told_of_its_networks_users_and_what_it_asks_is_recorded() {
    let (env, credential) = fed().await;
    let (ann, eve) = (env.people.ann, env.people.eve);
    let mut devices = Vec::new();
    for user in [ann, eve] {
        let token = env.token(user).await;
        devices.push(device(&env, &token, &Key::generate().unwrap()).await);
    }
    let mut gateway_client = GatewayClient::open(&env, &credential, json!(devices)).await;
    let all = gateway_client.all().await;
    assert!(all.devices[0].live.is_some());
    assert_eq!(
        all.devices[1].live, None,
        "Eve sees nothing of this network"
    );
    assert_eq!(all.users.len(), 1);

    let asked = async |devices: Value| {
        eventually("an entry", async || {
            let entries = env.audit(0).await;
            let mut asked = entries.iter().filter(|it| it.action == "gateway.asked");
            asked.any(|it| it.detail["devices"] == devices)
        })
        .await
        .unwrap();
    };
    asked(json!(devices)).await;
    let body = json!({ "stream": all.stream, "came": [devices[0], 99], "went": [] });
    call(&env, "POST", "/gateway/devices", &credential, body).await;
    gateway_client.changes_of_device(devices[0]).await;
    asked(json!([99])).await;

    let on_call = env.assignments.on_call;
    env.change(move |tx| {
        Box::pin(async move {
            let group = Group {
                id: on_call,
                name: "On call".to_owned(),
                members: vec![eve],
            };
            Ok(tx.update_group(group).await?)
        })
    })
    .await;
    loop {
        let changes = gateway_client.changes().await;
        let found = changes.devices.iter().find(|it| it.id.0 == devices[1]);
        if found.is_some_and(|it| it.live.as_ref().is_some_and(|live| live.user == eve)) {
            break;
        }
    }
}

#[tokio::test]
async fn streams_ask_proxies_to_pass_them_on_as_they_come() {
    let (env, credential) = fed().await;
    let token = env.token(env.people.ann).await;
    let streams = [
        Request::get("/api/v1/events").header(header::AUTHORIZATION, format!("Bearer {token}")),
        Request::post("/api/v1/gateway/stream")
            .header(header::AUTHORIZATION, format!("Bearer {credential}"))
            .header(header::CONTENT_TYPE, "application/json"),
    ];
    for request in streams {
        let path = request.uri_ref().unwrap().path().to_owned();
        let body = match path.ends_with("stream") {
            true => Body::from(json!({ "devices": [] }).to_string()),
            false => Body::empty(),
        };
        let response = env.send(request.body(body).unwrap()).await;
        let headers = response.headers();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert_eq!(headers["x-accel-buffering"], "no", "{path}");
        let control = &headers[header::CACHE_CONTROL];
        assert_eq!(control, "no-cache, no-transform", "{path}");
    }
}

async fn empty_engineering(env: &TestEnv) {
    let engineering = env.assignments.engineering;
    env.change(move |tx| {
        Box::pin(async move {
            let group = Group {
                id: engineering,
                name: "Engineering".to_owned(),
                members: Vec::new(),
            };
            Ok(tx.update_group(group).await?)
        })
    })
    .await;
}

#[tokio::test]
async fn people_are_told_when_gateways_change() {
    let env = TestEnv::new().await;
    hourkey_access::background::start(&env.app);
    let ann = env.token(env.people.ann).await;
    let mut events = Events::open(&env, &ann, None).await;
    events.message().await;
    let key = Key::generate().unwrap();
    let token = added(&env, "gw-1").await;
    let changed = events.message().await.data["networks_changed"].clone();
    assert_eq!(changed, true, "added");
    enrol_gateway(&env, &token, &key).await;
    let changed = events.message().await.data["networks_changed"].clone();
    assert_eq!(changed, true, "enrolled");
    let now = env.app.clock.now();
    let mut tx = env.app.store.read().await.unwrap();
    let id = tx.gateways().await.unwrap()[0].id;
    drop(tx);
    gateways::remove_here(&env.app.store, id, now)
        .await
        .unwrap();
    let changed = events.message().await.data["networks_changed"].clone();
    assert_eq!(changed, true, "removed");
}
