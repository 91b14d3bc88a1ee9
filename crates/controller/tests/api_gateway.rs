//! Devices and gateways: how they enrol, and what a gateway is fed.
#![allow(clippy::unwrap_used)]

mod test_env;

use axum::http::StatusCode;
use chrono::TimeDelta;
use hourkey_access::gateways;
use hourkey_domain::audit::AuditAction;
use hourkey_domain::ids::{DeviceId, GatewayId};
use hourkey_domain::settings::Mode;
use hourkey_pki::{Holder, Key, Subject};
use hourkey_protocol::gateway::REPORTED_AT_ONCE;
use hourkey_store::Room;
use hourkey_store::organisation::{Group, Resource};
use serde_json::{Value, json};
use test_env::TestEnv;
use test_env::gateways::{
    GatewayClient, added, call, device, enrol_device, enrol_gateway, fed, heard, holder_of, permits,
};

#[tokio::test]
async fn a_device_is_enrolled_renewed_and_replaced_by_its_session() {
    let env = TestEnv::new().await;
    let token = env.token(env.people.ann).await;
    let key = Key::generate().unwrap();
    let first = enrol_device(&env, &token, &key).await;
    assert_eq!(first.status, StatusCode::OK);
    let device = first.json()["device"].as_i64().unwrap();
    let holder = Holder {
        subject: Subject::Device(DeviceId(device)),
        key: key.fingerprint(),
    };
    assert_eq!(holder_of(&first.json()["certificate"]), holder);
    assert_eq!(first.json()["expires_at"], "2030-01-02T00:00:00Z");

    env.clock.forward(TimeDelta::hours(16));
    let again = enrol_device(&env, &token, &key).await.json();
    assert_eq!(again["device"], device);
    assert_eq!(again["expires_at"], "2030-01-02T16:00:00Z");

    let other = enrol_device(&env, &token, &Key::generate().unwrap()).await;
    let other = other.json()["device"].as_i64().unwrap();
    assert!(other > device, "another key is another device");
    let listed = call(&env, "GET", "/devices", &token, Value::Null).await;
    let listed = listed.json();
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!(
        (&listed[0]["id"], &listed[0]["current"]),
        (&json!(other), &json!(true))
    );
    assert_eq!(
        env.actions(0).await,
        [
            "device.enrolled by Ann Member",
            "device.ended by Ann Member",
            "device.enrolled by Ann Member"
        ]
    );
}

#[tokio::test]
async fn what_is_no_request_for_a_certificate_is_refused_and_changes_nothing() {
    let env = TestEnv::new().await;
    let token = env.token(env.people.ann).await;
    let good = Key::generate().unwrap().request().unwrap();
    for request in ["", "no request", &good[..good.len() / 2]] {
        let body = json!({ "name": "laptop", "request": request });
        let answer = call(&env, "PUT", "/device", &token, body).await;
        assert_eq!(answer.code(), "400 malformed");
    }
    assert_eq!(env.seq().await, 0);
}

#[tokio::test]
async fn people_end_their_own_devices_and_administrators_everybodys() {
    let env = TestEnv::new().await;
    let token = env.token(env.people.ann).await;
    let device = device(&env, &token, &Key::generate().unwrap()).await;
    let path = format!("/devices/{device}");
    let ben = env.token(env.people.ben).await;
    let stranger = call(&env, "DELETE", &path, &ben, Value::Null).await;
    let unknown = call(&env, "DELETE", "/devices/99", &ben, Value::Null).await;
    assert_eq!(
        stranger, unknown,
        "rule 1: other people's answer as unknown ones"
    );
    assert_eq!(stranger.code(), "404 not_found");

    let browser = env.token(env.people.ann).await;
    let ended = call(&env, "DELETE", &path, &browser, Value::Null).await;
    assert_eq!(ended.status, StatusCode::NO_CONTENT);
    let again = call(&env, "DELETE", &path, &browser, Value::Null).await;
    assert_eq!(again.code(), "404 not_found");
    let anew = enrol_device(&env, &token, &Key::generate().unwrap()).await;
    assert_eq!(
        anew.code(),
        "401 unauthenticated",
        "its session ended with it"
    );

    let device = self::device(&env, &browser, &Key::generate().unwrap()).await;
    let ada = env.token(env.people.ada).await;
    let path = format!("/devices/{device}");
    let ended = call(&env, "DELETE", &path, &ada, Value::Null).await;
    assert_eq!(ended.status, StatusCode::NO_CONTENT);
    let actions = env.actions(0).await;
    assert_eq!(
        actions[actions.len() - 2..],
        ["device.ended by Ada Admin", "session.ended by Ada Admin"]
    );
}

#[tokio::test]
async fn a_token_enrols_one_gateway_once_and_in_time() {
    let env = TestEnv::new().await;
    let token = added(&env, "gw-1").await;
    let key = Key::generate().unwrap();
    let wrong = enrol_gateway(&env, "wrong", &key).await;
    assert_eq!(wrong.code(), "401 unauthenticated");

    let enrolled = enrol_gateway(&env, &token, &key).await;
    assert_eq!(enrolled.status, StatusCode::OK);
    let enrolment = enrolled.json();
    assert_eq!(enrolment["network"], "Office");
    let holder = holder_of(&enrolment["certificate"]["certificate"]);
    assert_eq!(holder.subject, Subject::Gateway(GatewayId(1)));
    assert_eq!(
        enrol_gateway(&env, &token, &key).await,
        wrong,
        "it works once"
    );

    let late = added(&env, "gw-2").await;
    env.clock.forward(gateways::TOKEN);
    assert_eq!(enrol_gateway(&env, &late, &key).await, wrong);

    let credential = enrolment["credential"].as_str().unwrap();
    let renew = |key: &Key| json!({ "request": key.request().unwrap() });
    let path = "/gateway/certificate";
    let renewed = call(&env, "POST", path, credential, renew(&key)).await;
    assert_eq!(holder_of(&renewed.json()["certificate"]), holder);
    let stolen = renew(&Key::generate().unwrap());
    let refused = call(&env, "POST", path, credential, stolen).await;
    assert_eq!(refused.code(), "403 forbidden");
    let person = env.token(env.people.ada).await;
    let refused = call(&env, "POST", path, &person, renew(&key)).await;
    assert_eq!(refused.code(), "401 unauthenticated");
}

#[tokio::test]
async fn people_learn_of_the_gateways_of_their_networks() {
    let env = TestEnv::new().await;
    let waiting = added(&env, "gw-1").await;
    let ann = env.people.ann;
    let before = env.get(ann, "/networks").await.json();
    assert_eq!(
        before["networks"][0]["gateways"],
        json!([]),
        "not enrolled yet"
    );
    let key = Key::generate().unwrap();
    enrol_gateway(&env, &waiting, &key).await;
    let networks = env.get(ann, "/networks").await.json();
    assert_eq!(
        networks["networks"],
        json!([{ "id": 1, "name": "Office", "gateways": [
            { "id": 1, "name": "gw-1", "address": "gw.corp.example:8443",
              "key": key.fingerprint() }
        ] }])
    );
    let nothing = env.get(env.people.eve, "/networks").await.json();
    assert_eq!(
        nothing["networks"],
        json!([]),
        "who sees nothing learns nothing"
    );
}

#[tokio::test]
async fn a_gateway_is_fed_what_connected_users_may_use_as_it_changes() {
    let (env, credential) = fed().await;
    let (ann, logs, wiki) = (env.people.ann, env.resources.logs, env.resources.wiki);
    let token = env.token(ann).await;
    let key = Key::generate().unwrap();
    let device = device(&env, &token, &key).await;
    let mut gateway_client = GatewayClient::open(&env, &credential, json!([device, 99])).await;
    let all = gateway_client.all().await;
    assert_eq!(
        all.resources.len(),
        5,
        "every resource of the network (rule 9)"
    );
    assert_eq!(all.devices[0].live.as_ref().unwrap().key, key.fingerprint());
    assert_eq!(all.devices[1].live, None, "unknown");
    assert_eq!(permits(&all.users, ann), [(wiki, None)]);

    let body = json!({ "resource": logs, "seconds": 600, "reason": "a log to read" });
    let grant = env.post(ann, "/requests", body).await.grant();
    let changes = gateway_client.changes().await;
    assert_eq!(changes.resources, None);
    let until = Some("2030-01-01T00:10:00Z".parse().unwrap());
    assert_eq!(permits(&changes.users, ann), [(wiki, None), (logs, until)]);
    assert_eq!(changes.seq, env.seq().await);

    // What concerns nobody who is connected is not told: the next message is the release.
    let body = json!({ "resource": logs, "seconds": 600, "reason": "another" });
    env.post(env.people.ben, "/requests", body).await;
    env.act(ann, &format!("/grants/{grant}/release")).await;
    assert_eq!(
        permits(&gateway_client.changes().await.users, ann),
        [(wiki, None)]
    );

    // The resource moves, and Engineering loses its members.
    let engineering = env.assignments.engineering;
    env.change(move |tx| {
        Box::pin(async move {
            let (found, _) = tx.resource(wiki).await?.unwrap();
            let address = "moved.corp".parse().unwrap();
            tx.update_resource(Resource { address, ..found }).await?;
            let group = Group {
                id: engineering,
                name: "Engineering".to_owned(),
                members: Vec::new(),
            };
            Ok(tx.update_group(group).await?)
        })
    })
    .await;
    let changes = gateway_client.changes().await;
    assert_eq!(changes.resources.unwrap()[0].address, "moved.corp");
    assert_eq!(permits(&changes.users, ann), []);

    let path = format!("/devices/{device}");
    call(&env, "DELETE", &path, &token, Value::Null).await;
    let changes = gateway_client.changes().await;
    assert_eq!(changes.devices[0].id, DeviceId(device));
    assert_eq!(changes.devices[0].live, None);
}

#[tokio::test]
async fn devices_come_and_go_on_a_stream() {
    let (env, credential) = fed().await;
    let mut gateway_client = GatewayClient::open(&env, &credential, json!([])).await;
    let all = gateway_client.all().await;
    assert!(all.devices.is_empty() && all.users.is_empty());
    let (ann, ben) = (env.people.ann, env.people.ben);
    let mut devices = Vec::new();
    for user in [ann, ben] {
        let token = env.token(user).await;
        let device = device(&env, &token, &Key::generate().unwrap()).await;
        let came = json!({ "stream": all.stream, "came": [device], "went": [] });
        let noted = call(&env, "POST", "/gateway/devices", &credential, came).await;
        assert_eq!(noted.status, StatusCode::NO_CONTENT);
        let changes = gateway_client.changes_of_device(device).await;
        assert_eq!(changes.devices[0].live.as_ref().unwrap().user, user);
        assert_eq!(permits(&changes.users, user).len(), 1);
        devices.push(device);
    }
    // The answer about an unknown device shows that Ann's is gone from the list.
    let went = json!({ "stream": all.stream, "came": [99], "went": [devices[0]] });
    call(&env, "POST", "/gateway/devices", &credential, went).await;
    let unknown = gateway_client.changes_of_device(99).await;
    assert_eq!(unknown.devices[0].live, None);

    // Ann is disabled after her device went, Ben while his is there: only he is told of.
    env.change(move |tx| {
        Box::pin(async move {
            for id in [ann, ben] {
                let user = tx.user(id).await?.unwrap();
                let disabled = hourkey_store::organisation::User {
                    disabled: true,
                    ..user
                };
                tx.update_user(disabled).await?;
            }
            Ok(())
        })
    })
    .await;
    let changes = loop {
        let changes = gateway_client.changes().await;
        if changes.resources.is_some() {
            break changes;
        }
    };
    assert_eq!(changes.users.len(), 1);
    assert_eq!(permits(&changes.users, ben), []);

    let stale = json!({ "stream": all.stream + 1, "came": [], "went": [] });
    let refused = call(&env, "POST", "/gateway/devices", &credential, stale).await;
    assert_eq!(refused.code(), "404 not_found");
}

#[tokio::test]
async fn pings_tell_which_acknowledgement_was_heard() {
    let (env, credential) = fed().await;
    let mut gateway_client = GatewayClient::open(&env, &credential, json!([])).await;
    let all = gateway_client.all().await;
    let event = gateway_client.next().await.unwrap();
    assert_eq!((event.name.as_str(), heard(&event)), ("ping", 0));
    let ack = |number| json!({ "stream": all.stream, "number": number, "seq": all.seq });
    for number in [2, 1] {
        let noted = call(&env, "POST", "/gateway/ack", &credential, ack(number)).await;
        assert_eq!(noted.status, StatusCode::NO_CONTENT);
    }
    assert_eq!(
        heard(&gateway_client.next().await.unwrap()),
        2,
        "the newest"
    );
}

#[tokio::test]
async fn a_gateway_has_one_stream_and_none_once_it_is_removed() {
    let (env, credential) = fed().await;
    let mut first = GatewayClient::open(&env, &credential, json!([])).await;
    first.all().await;
    let mut second = GatewayClient::open(&env, &credential, json!([])).await;
    second.all().await;
    assert_eq!(first.next().await.unwrap().name, "replaced");
    assert!(first.next().await.is_none(), "a newer one took over");

    let now = env.app.clock.now();
    let mut tx = env.app.store.read().await.unwrap();
    let id = tx.gateways().await.unwrap()[0].id;
    drop(tx);
    gateways::remove_here(&env.app.store, id, now)
        .await
        .unwrap();
    while let Some(event) = second.next().await {
        assert_eq!(event.name, "ping");
    }
    let refused = call(
        &env,
        "POST",
        "/gateway/stream",
        &credential,
        json!({ "devices": [] }),
    );
    assert_eq!(refused.await.code(), "401 unauthenticated");
}

#[tokio::test]
async fn connections_are_kept_and_audited_once() {
    let (env, credential) = fed().await;
    let (ann, wiki) = (env.people.ann, env.resources.wiki);
    let token = env.token(ann).await;
    let device = device(&env, &token, &Key::generate().unwrap()).await;
    let before = env.seq().await;
    let report = async |connection: Value| {
        let body = json!({ "connections": [connection] });
        call(&env, "POST", "/gateway/connections", &credential, body).await
    };
    let open = json!({ "id": "0a".repeat(16), "device": device, "user": ann, "resource": wiki,
        "started_at": "2029-12-31T23:59:00Z" });
    let mut ended = open.clone();
    ended["end"] = json!({ "at": "2030-01-01T09:00:00Z", "why": "permit", "sent": 7,
        "received": 8 });
    for connection in [&open, &open, &ended, &ended, &open] {
        assert_eq!(
            report(connection.clone()).await.status,
            StatusCode::NO_CONTENT
        );
    }
    let mut foreign = open.clone();
    (foreign["id"], foreign["device"]) = (json!("0b".repeat(16)), json!(99));
    assert_eq!(
        report(foreign).await.status,
        StatusCode::NO_CONTENT,
        "left aside"
    );

    let audit = env.audit(before).await;
    let actions: Vec<_> = audit.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["connection.started", "connection.ended"]);
    let detail = &audit[1].detail;
    assert_eq!(
        (&detail["why"], &detail["received"]),
        (&json!("permit"), &json!(8))
    );
    assert_eq!(
        detail["ended_at"],
        test_env::START,
        "no later than the report"
    );

    let mut bad = open;
    bad["id"] = json!("no id");
    assert_eq!(report(bad).await.code(), "400 malformed");
}

#[tokio::test]
async fn the_longest_report_is_kept_whole_and_a_longer_one_not_at_all() {
    let (env, credential) = fed().await;
    let (ann, wiki) = (env.people.ann, env.resources.wiki);
    let token = env.token(ann).await;
    let device = device(&env, &token, &Key::generate().unwrap()).await;
    let before = env.seq().await;
    let report = async |connections: usize| {
        let connection = |number| {
            json!({ "id": format!("{number:032x}"), "device": device, "user": ann,
                "resource": wiki, "started_at": "2029-12-31T23:59:00Z" })
        };
        let connections: Vec<Value> = (0..connections).map(connection).collect();
        let body = json!({ "connections": connections });
        call(&env, "POST", "/gateway/connections", &credential, body).await
    };
    let refused = report(REPORTED_AT_ONCE + 1).await;
    assert_eq!(refused.code(), "400 malformed");
    assert!(env.audit(before).await.is_empty());
    let kept = report(REPORTED_AT_ONCE).await;
    assert_eq!(kept.status, StatusCode::NO_CONTENT);
    let audit = env.audit(before).await;
    let ids = audit.iter().map(|it| it.detail["connection"].clone());
    let sent = (0..REPORTED_AT_ONCE).map(|number| json!(format!("{number:032x}")));
    assert!(ids.eq(sent), "{} of them", audit.len());
}

#[tokio::test]
async fn what_a_connection_was_cut_for_is_in_the_audit_log() {
    let (env, credential) = fed().await;
    let (ann, wiki) = (env.people.ann, env.resources.wiki);
    let token = env.token(ann).await;
    let device = device(&env, &token, &Key::generate().unwrap()).await;
    let before = env.seq().await;
    let body = json!({ "connections": [{ "id": "0c".repeat(16), "device": device, "user": ann,
        "resource": wiki, "started_at": "2030-01-01T00:00:00Z",
        "end": { "at": "2030-01-01T00:00:00Z", "why": "mismatch", "sent": 0, "received": 0 },
        "mismatch": { "asked": "wiki.corp", "inside": "other.corp", "other": wiki } }] });
    let kept = call(&env, "POST", "/gateway/connections", &credential, body).await;
    assert_eq!(kept.status, StatusCode::NO_CONTENT);
    let audit = env.audit(before).await;
    let detail = &audit[0].detail;
    assert_eq!(
        (&detail["asked"], &detail["inside"]),
        (&json!("wiki.corp"), &json!("other.corp"))
    );
    assert!(detail["other"].is_string());
}

#[tokio::test]
async fn a_use_restarts_the_count_of_unused_days() {
    let (env, credential) = fed().await;
    let (ann, wiki) = (env.people.ann, env.resources.wiki);
    env.change(move |tx| {
        Box::pin(async move {
            let (mut found, _) = tx.resource(wiki).await?.unwrap();
            found.settings.mode = Mode::AutoLock;
            Ok(tx.update_resource(found).await?)
        })
    })
    .await;
    let token = env.token(ann).await;
    let device = device(&env, &token, &Key::generate().unwrap()).await;
    let mut gateway_client = GatewayClient::open(&env, &credential, json!([device])).await;
    let until = |day: &str| Some(format!("2030-01-{day}Z").parse().unwrap());
    let all = gateway_client.all().await;
    assert_eq!(permits(&all.users, ann), [(wiki, until("08T00:00:00"))]);

    env.clock.forward(TimeDelta::days(2));
    let open = json!({ "id": "0a".repeat(16), "device": device, "user": ann, "resource": wiki,
        "started_at": "2030-01-02T12:00:00Z" });
    let mut lasts = open.clone();
    lasts["used_at"] = json!("2030-01-02T13:00:00Z");
    let mut idle = lasts.clone();
    idle["id"] = json!("0c".repeat(16));
    idle["end"] = json!({ "at": "2030-01-02T22:00:00Z", "why": "closed", "sent": 9,
        "received": 0 });
    let mut ended = open.clone();
    ended["end"] = json!({ "at": "2030-01-02T20:00:00Z", "why": "closed", "sent": 0,
        "received": 0 });
    for (connection, day) in [
        (open, "09T12:00:00"),
        (lasts, "09T13:00:00"),
        (ended, "09T20:00:00"),
    ] {
        let body = json!({ "connections": [connection] });
        call(&env, "POST", "/gateway/connections", &credential, body).await;
        assert_eq!(
            permits(&gateway_client.changes().await.users, ann),
            [(wiki, until(day))]
        );
    }
    // One that ended later had carried nothing for long: what counts is when it did.
    let body = json!({ "connections": [idle] });
    call(&env, "POST", "/gateway/connections", &credential, body).await;
    let row = env.get(ann, &format!("/resources/{wiki}")).await.json();
    assert_eq!(row["resource"]["lock"]["locks_at"], "2030-01-09T20:00:00Z");
    assert_eq!(row["resource"]["last_touched"], "2030-01-02T20:00:00Z");

    env.clock.forward(TimeDelta::days(6));
    let body = json!({ "connections": [{ "id": "0b".repeat(16), "device": device, "user": ann,
        "resource": wiki, "started_at": "2030-01-03T00:00:00Z",
        "end": { "at": "2030-01-09T00:00:00Z", "why": "lost", "sent": 0, "received": 0 } }] });
    call(&env, "POST", "/gateway/connections", &credential, body).await;
    let told = gateway_client.changes().await;
    assert_eq!(
        permits(&told.users, ann),
        [(wiki, until("10T00:00:00"))],
        "what was lost was used at its start, for all that is known"
    );
}

#[tokio::test]
async fn a_change_is_not_lost_behind_a_device_that_comes_before_its_bell() {
    let (env, credential) = fed().await;
    let ann = env.people.ann;
    let token = env.token(ann).await;
    let anns = device(&env, &token, &Key::generate().unwrap()).await;
    let mut gateway_client = GatewayClient::open(&env, &credential, json!([anns])).await;
    let all = gateway_client.all().await;
    assert_eq!(permits(&all.users, ann).len(), 1);

    // Another process disables Ann: the bell for that takes up to a second.
    let elsewhere: std::sync::Arc<dyn hourkey_store::Store> =
        hourkey_store_sqlite::SqliteStore::open(&env.app.config.data)
            .await
            .unwrap();
    let at = env.app.clock.now();
    hourkey_store::transact::<_, hourkey_store::StoreError, _>(
        &elsewhere,
        Room::Usual,
        move |tx| {
            Box::pin(async move {
                let user = tx.user(ann).await?.unwrap();
                let disabled = hourkey_store::organisation::User {
                    disabled: true,
                    ..user
                };
                tx.update_user(disabled).await?;
                tx.record(hourkey_store::log::Entry {
                    at,
                    actor: None,
                    action: AuditAction::UserDisabled,
                    subject: hourkey_store::log::Subject::Organisation {
                        entity: hourkey_store::log::Entity::Any,
                    },
                    detail: Value::Null,
                })
                .await
            })
        },
    )
    .await
    .unwrap();
    let came = json!({ "stream": all.stream, "came": [99], "went": [] });
    call(&env, "POST", "/gateway/devices", &credential, came).await;
    let told = async {
        loop {
            let mut users = gateway_client.changes().await.users;
            users.retain(|user| user.id == ann);
            if !users.is_empty() {
                break users;
            }
        }
    };
    let limit = std::time::Duration::from_secs(30);
    let users = tokio::time::timeout(limit, told).await;
    assert_eq!(permits(&users.expect("Ann's permits, anew"), ann), []);
}
