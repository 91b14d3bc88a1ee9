//! Nobody's loop keeps the others from being answered, or anybody from ending access.
#![allow(clippy::unwrap_used)]

mod test_env;

use std::collections::BTreeSet;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, header};
use chrono::TimeDelta;
use futures_util::future::join_all;
use hourkey_domain::ids::UserId;
use hourkey_pki::Key;
use hourkey_protocol::notice::{Notice, What};
use serde_json::{Value, json};
use test_env::TestEnv;
use test_env::gateways::{GatewayClient, call, device, fed, permits};
use tokio::time::timeout;

/// Asks for the database and cancels, so many times.
async fn ask_and_cancel(env: &TestEnv, rounds: usize) {
    let ann = env.people.ann;
    for round in 0..rounds {
        let body = json!({ "resource": env.resources.database, "reason": round.to_string() });
        let asked = env.post(ann, "/requests", body).await;
        let cancel = format!("/requests/{}/cancel", asked.id());
        assert_eq!(env.act(ann, &cancel).await.status, 200);
    }
}

#[tokio::test]
async fn changes_are_limited_and_endings_are_not() {
    let env = TestEnv::new().await;
    let (ann, logs) = (env.people.ann, env.resources.logs);
    let automatic = json!({ "resource": logs, "reason": "Nightly backup" });
    let grant = env.post(ann, "/requests", automatic).await.grant();
    let token = env.token(ann).await;
    let device = device(&env, &token, &Key::generate().unwrap()).await;
    env.clock.forward(TimeDelta::minutes(1));

    ask_and_cancel(&env, 15).await;
    let body = json!({ "resource": env.resources.database, "reason": "Once more" });
    let request = Request::post("/api/v1/requests")
        .header(header::CONTENT_TYPE, "application/json")
        .header(
            header::AUTHORIZATION,
            format!("Bearer {}", env.token(ann).await),
        )
        .body(Body::from(body.to_string()));
    let refused = env.send(request.unwrap()).await;
    assert_eq!(refused.headers()[header::RETRY_AFTER], "2");
    let refused = env.post(ann, "/requests", body.clone()).await;
    assert_eq!(refused.code(), "429 rate_limited");
    assert_eq!(
        refused.json()["detail"],
        "You made 30 changes within a minute; nothing was changed now. Try again in 2 seconds."
    );
    let seen = env.get(ann, "/requests").await;
    assert_eq!(seen.status, 200, "reading goes on");
    let others = env.post(env.people.ben, "/requests", body.clone()).await;
    assert_eq!(others.status, 201, "others have their own");

    let released = env.act(ann, &format!("/grants/{grant}/release")).await;
    assert_eq!(released.json()["status"]["state"], "released");
    let path = format!("/devices/{device}");
    let ended = call(&env, "DELETE", &path, &token, Value::Null).await;
    assert_eq!(ended.status, 204);

    env.clock.forward(TimeDelta::seconds(2));
    assert_eq!(env.post(ann, "/requests", body.clone()).await.status, 201);
    assert_eq!(
        env.post(ann, "/requests", body).await.code(),
        "429 rate_limited"
    );
}

#[tokio::test]
async fn a_reviewer_decides_twenty_five_requests_within_a_minute() {
    let env = TestEnv::new().await;
    let (ann, rae) = (env.people.ann, env.people.rae);
    for _ in 0..25 {
        let body = json!({ "resource": env.resources.database, "reason": "Reports" });
        let request = env.post(ann, "/requests", body).await.id();
        let denied = json!({ "comment": "Not now." });
        let deny = format!("/requests/{request}/deny");
        assert_eq!(env.post(rae, &deny, denied).await.status, 200);
    }
}

#[tokio::test]
async fn a_gateway_is_told_while_people_hold_every_reader() {
    let (env, credential) = fed().await;
    let (ann, logs) = (env.people.ann, env.resources.logs);
    let token = env.token(ann).await;
    let device = device(&env, &token, &Key::generate().unwrap()).await;
    let body = json!({ "resource": logs, "reason": "Nightly backup" });
    env.post(ann, "/requests", body).await;
    let mut gateway_client = GatewayClient::open(&env, &credential, json!([device])).await;
    let all = gateway_client.all().await;
    assert!(permits(&all.users, ann).iter().any(|it| it.0 == logs));

    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(env.app.store.read().await.unwrap());
    }
    let readers = join_all((0..50).map(|_| {
        let request = Request::get("/api/v1/resources")
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .body(Body::empty());
        env.send(request.unwrap())
    }));
    let gateway = async {
        // Its deadline comes: time ends it, and the gateway hears of it.
        env.clock.forward(TimeDelta::hours(5));
        let told = async {
            loop {
                let changes = gateway_client.changes().await;
                if changes.users.iter().any(|user| user.id == ann)
                    && !permits(&changes.users, ann).iter().any(|it| it.0 == logs)
                {
                    break;
                }
            }
        };
        let soon = Duration::from_secs(5);
        assert!(timeout(soon, told).await.is_ok(), "the end of a grant");
        let ack = json!({ "stream": all.stream, "number": 1, "seq": all.seq });
        let ack = call(&env, "POST", "/gateway/ack", &credential, ack);
        let ack = timeout(soon, ack).await.expect("an answer");
        assert_eq!(ack.status, 204);
    };
    tokio::select! {
        _ = readers => panic!("somebody read without a connection"),
        () = gateway => {}
    }
}

/// The ids of a person's notices that ask for a review.
async fn rings(env: &TestEnv, user: UserId) -> Vec<i64> {
    let mut tx = env.app.store.read().await.unwrap();
    let notices = tx.notices(user, 0, 200).await.unwrap();
    let asks = |notice: &&Notice| matches!(notice.what, What::PleaseReview { .. });
    notices.iter().filter(asks).map(|it| it.id.0).collect()
}

#[tokio::test]
async fn who_asks_and_cancels_in_a_loop_rings_once_a_minute() {
    let env = TestEnv::new().await;
    let rae = env.people.rae;
    let mut told = BTreeSet::new();
    for _ in 0..200 {
        ask_and_cancel(&env, 1).await;
        let kept = rings(&env, rae).await;
        assert!(kept.len() <= 1, "one row");
        told.extend(kept);
        env.wait(TimeDelta::seconds(4)).await;
    }
    // 200 rounds take 800 seconds.
    assert!((2..=14).contains(&told.len()), "{} rings", told.len());
}

#[tokio::test]
async fn what_was_asked_again_too_soon_is_told_when_the_minute_is_over() {
    let env = TestEnv::new().await;
    let (ann, rae) = (env.people.ann, env.people.rae);
    ask_and_cancel(&env, 1).await;
    let first = rings(&env, rae).await;
    env.wait(TimeDelta::seconds(20)).await;
    let body = json!({ "resource": env.resources.database, "reason": "Without the typo" });
    let request = env.post(ann, "/requests", body.clone()).await.id();
    assert_eq!(rings(&env, rae).await, first);
    env.wait(TimeDelta::seconds(39)).await;
    assert_eq!(rings(&env, rae).await, first);
    let before = env.seq().await;
    env.wait(TimeDelta::seconds(1)).await;
    let second = rings(&env, rae).await;
    assert!(
        second.len() == 1 && second[0] > first[0],
        "clients hear of it"
    );
    assert_eq!(
        env.actions(before).await,
        ["request.told_again by the system"]
    );

    // After a decision, the next is told at once.
    let deny = format!("/requests/{request}/deny");
    env.post(rae, &deny, json!({ "comment": "No." })).await;
    env.post(ann, "/requests", body).await;
    let third = rings(&env, rae).await;
    assert!(third.len() == 1 && third[0] > second[0]);
}
