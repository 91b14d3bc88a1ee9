//! Taking a decision back by the API (rule 12): what becomes of what it gave, who may, and for how long.
#![allow(clippy::unwrap_used)]

mod test_env;

use chrono::TimeDelta;
use hourkey_access::app::Room;
use hourkey_access::error::AppError;
use hourkey_domain::ids::UserId;
use hourkey_domain::settings::Mode;
use hourkey_protocol::account::SessionKind;
use hourkey_store::account::NewSession;
use hourkey_store::device::NewDevice;
use hourkey_store::gateway::NewGateway;
use hourkey_store::usage::Connection;
use serde_json::{Value, json};
use test_env::{Answer, TestEnv};

/// Ann asks for the database.
async fn asked(env: &TestEnv) -> i64 {
    let body = json!({ "resource": env.resources.database, "reason": "To mend it" });
    env.post(env.people.ann, "/requests", body).await.id()
}

async fn approved(env: &TestEnv) -> i64 {
    let id = asked(env).await;
    let approve = format!("/requests/{id}/approve");
    let answer = env.post(env.people.rae, &approve, json!({})).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    id
}

async fn undo(env: &TestEnv, by: UserId, id: i64) -> Answer {
    env.act(by, &format!("/requests/{id}/undo")).await
}

async fn lock(env: &TestEnv) -> Value {
    let database = env.resources.database;
    let path = format!("/resources/{database}");
    env.get(env.people.ann, &path).await.json()["resource"]["lock"].clone()
}

#[tokio::test]
async fn an_approval_is_taken_back_at_once_and_counts_for_nothing() {
    let env = TestEnv::new().await;
    let id = approved(&env).await;
    assert_eq!(lock(&env).await["state"], "granted");
    env.clock.forward(TimeDelta::milliseconds(9_999));
    let before = env.seq().await;
    let answer = undo(&env, env.people.rae, id).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    let grant = &answer.json()["grant"]["status"];
    assert_eq!(grant["state"], "revoked");
    assert_eq!(grant["cause"], "undone");
    assert_eq!(lock(&env).await["state"], "locked");
    assert_eq!(env.actions(before).await, ["grant.revoked by Rae Reviewer"]);
    assert_eq!(env.notices(env.people.ann).await, ["approved", "revoked"]);
    // Once.
    assert_eq!(
        undo(&env, env.people.rae, id).await.code(),
        "409 already_decided"
    );
    // It does not count for rule 11.
    let mut tx = env.app.store.read().await.unwrap();
    let history = tx.access_history(env.people.ann, Some(env.resources.database));
    let history = history.await.unwrap();
    assert!(
        history.iter().all(|(_, it)| it.revoked_at.is_none()),
        "{history:?}"
    );
    drop(tx);
    assert_eq!(approved(&env).await, id + 1);
}

#[tokio::test]
async fn only_who_decided_and_only_within_ten_seconds() {
    let env = TestEnv::new().await;
    let (ann, roy, eve, rae) = (
        env.people.ann,
        env.people.roy,
        env.people.eve,
        env.people.rae,
    );
    let id = approved(&env).await;
    let before = env.seq().await;
    assert_eq!(undo(&env, roy, id).await.code(), "409 already_decided");
    assert_eq!(undo(&env, ann, id).await.code(), "403 own_request");
    let hidden = undo(&env, eve, id).await;
    assert_eq!(hidden.text, undo(&env, eve, 4_711).await.text);
    assert_eq!(hidden.code(), "404 not_found");
    env.clock.forward(TimeDelta::seconds(10));
    let late = undo(&env, rae, id).await;
    assert_eq!(late.code(), "409 already_decided");
    let detail = late.json()["detail"].to_string();
    assert!(detail.contains("within 10 seconds"), "{detail}");
    assert_eq!(lock(&env).await["state"], "granted");
    assert_eq!(env.seq().await, before);
}

#[tokio::test]
async fn a_denial_stays_and_the_same_terms_wait_again() {
    let env = TestEnv::new().await;
    let rae = env.people.rae;
    let id = asked(&env).await;
    let deny = format!("/requests/{id}/deny");
    env.post(rae, &deny, json!({ "comment": "No" })).await;
    let before = env.seq().await;
    let again = undo(&env, rae, id).await;
    assert_eq!(again.status, 200, "{}", again.json());
    let actions = [
        "request.made by Rae Reviewer",
        "request.undone by Rae Reviewer",
    ];
    assert_eq!(env.actions(before).await, actions);
    let (new, old) = (
        again.json(),
        env.get(rae, &format!("/requests/{id}")).await.json(),
    );
    assert_ne!(new["id"], id);
    assert_eq!(new["status"]["state"], "pending");
    for same in ["reason", "asked", "resource", "group_name", "approval"] {
        assert_eq!(new[same], old[same], "{same}");
    }
    assert_eq!(old["status"]["state"], "denied");
    assert_eq!(lock(&env).await["state"], "pending");
    // It can be decided, and the denial is not taken back twice.
    assert_eq!(undo(&env, rae, id).await.code(), "409 already_decided");
    let approve = format!("/requests/{}/approve", new["id"]);
    assert_eq!(env.post(rae, &approve, json!({})).await.status, 200);
}

#[tokio::test]
async fn who_asked_again_meanwhile_keeps_that_request() {
    let env = TestEnv::new().await;
    let rae = env.people.rae;
    let id = asked(&env).await;
    let deny = format!("/requests/{id}/deny");
    env.post(rae, &deny, json!({ "comment": "No" })).await;
    let other = asked(&env).await;
    assert_eq!(undo(&env, rae, id).await.code(), "409 already_decided");
    let still = env.get(rae, &format!("/requests/{other}")).await.json();
    assert_eq!(still["status"]["state"], "pending");
}

#[tokio::test]
async fn an_extended_grant_gets_its_old_end_again() {
    let env = TestEnv::new().await;
    let id = approved(&env).await;
    let end = lock(&env).await["expires_at"].clone();
    env.clock.forward(TimeDelta::minutes(30));
    let body = json!({ "resource": env.resources.database, "reason": "More", "extends": true });
    let more = env.post(env.people.ann, "/requests", body).await.id();
    assert_ne!(more, id);
    let approve = format!("/requests/{more}/approve");
    env.post(env.people.rae, &approve, json!({})).await;
    assert_ne!(lock(&env).await["expires_at"], end);
    let before = env.seq().await;
    let answer = undo(&env, env.people.rae, more).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    assert_eq!(answer.json()["status"]["state"], "cancelled");
    assert_eq!(answer.json()["status"]["cause"], "undone");
    assert_eq!(lock(&env).await["expires_at"], end);
    assert_eq!(
        env.actions(before).await,
        ["request.undone by Rae Reviewer"]
    );
    // The grant itself is no longer theirs to take back.
    assert_eq!(
        undo(&env, env.people.rae, id).await.code(),
        "409 already_decided"
    );
}

#[tokio::test]
async fn what_was_unlocked_locks_again() {
    let env = TestEnv::new().await;
    let database = env.resources.database;
    env.change(move |tx| {
        Box::pin(async move {
            let (mut found, _) = tx.resource(database).await?.unwrap();
            found.settings.mode = Mode::AutoLock;
            Ok(tx.update_resource(found).await?)
        })
    })
    .await;
    env.wait(TimeDelta::days(8)).await;
    let locked = lock(&env).await;
    assert_eq!(locked["state"], "locked");
    let id = approved(&env).await;
    assert_eq!(lock(&env).await["state"], "open");
    // A use in between keeps it open no longer, nor does its end, which is told later.
    env.clock.forward(TimeDelta::seconds(3));
    let connection = used(&env).await;
    env.clock.forward(TimeDelta::seconds(3));
    let answer = undo(&env, env.people.rae, id).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    assert_eq!(lock(&env).await, locked);
    env.clock.forward(TimeDelta::seconds(1));
    keep_connection(&env, connection).await;
    assert_eq!(lock(&env).await, locked);
}

/// Ann uses the database from now on, by a gateway and a device of her own.
async fn used(env: &TestEnv) -> Connection {
    let (user, resource) = (env.people.ann, env.resources.database);
    let (started_at, id) = (env.app.clock.now(), "0a".repeat(16));
    let network = env.app.organisation().await.unwrap();
    let network = network.resource(resource).unwrap().network;
    let connection = env.app.transact(Room::Usual, move |tx, now| {
        let id = id.clone();
        Box::pin(async move {
            let gateway = NewGateway {
                name: "gw-undo".to_owned(),
                network,
                address: "gw.corp.example:8443".to_owned(),
            };
            let gateway = tx.insert_gateway(gateway).await?;
            let session = NewSession {
                user,
                kind: SessionKind::Desktop,
                label: "Hourkey".to_owned(),
                created_at: now,
                ends_at: now + TimeDelta::hours(1),
                cookie: None,
            };
            let session = tx.insert_session(session).await?;
            let device = NewDevice {
                session,
                name: "laptop".to_owned(),
                key: "ab".repeat(32),
                created_at: now,
            };
            let device = tx.insert_device(device).await?;
            Ok::<_, AppError>(Connection {
                gateway,
                id,
                user,
                device,
                resource,
                started_at,
                end: None,
            })
        })
    });
    let connection = connection.await.unwrap();
    keep_connection(env, connection.clone()).await;
    connection
}

/// As a report of the gateway does.
async fn keep_connection(env: &TestEnv, connection: Connection) {
    let used_at = env.app.clock.now();
    env.change(move |tx| {
        Box::pin(async move {
            tx.record_connection(connection, used_at).await?;
            Ok(())
        })
    })
    .await;
}
