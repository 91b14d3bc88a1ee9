//! Nobody's loop keeps the others from being answered, or anybody from ending access.
#![allow(clippy::unwrap_used)]

mod world;

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
use tokio::time::timeout;
use world::World;
use world::gateways::{Feed, call, device, fed, permits};

/// Asks for the database and cancels, so many times.
async fn ask_and_cancel(world: &World, rounds: usize) {
    let ann = world.people.ann;
    for round in 0..rounds {
        let body = json!({ "resource": world.resources.database, "reason": round.to_string() });
        let asked = world.post(ann, "/requests", body).await;
        let cancel = format!("/requests/{}/cancel", asked.id());
        assert_eq!(world.act(ann, &cancel).await.status, 200);
    }
}

#[tokio::test]
async fn changes_are_limited_and_endings_are_not() {
    let world = World::new().await;
    let (ann, logs) = (world.people.ann, world.resources.logs);
    let automatic = json!({ "resource": logs, "reason": "Nightly backup" });
    let grant = world.post(ann, "/requests", automatic).await.grant();
    let token = world.token(ann).await;
    let device = device(&world, &token, &Key::generate().unwrap()).await;
    world.clock.forward(TimeDelta::minutes(1));

    ask_and_cancel(&world, 15).await;
    let body = json!({ "resource": world.resources.database, "reason": "Once more" });
    let request = Request::post("/api/v1/requests")
        .header(header::CONTENT_TYPE, "application/json")
        .header(
            header::AUTHORIZATION,
            format!("Bearer {}", world.token(ann).await),
        )
        .body(Body::from(body.to_string()));
    let refused = world.send(request.unwrap()).await;
    assert_eq!(refused.headers()[header::RETRY_AFTER], "2");
    let refused = world.post(ann, "/requests", body.clone()).await;
    assert_eq!(refused.code(), "429 rate_limited");
    assert_eq!(
        refused.json()["detail"],
        "You made 30 changes within a minute; nothing was changed now. Try again in 2 seconds."
    );
    let seen = world.get(ann, "/requests").await;
    assert_eq!(seen.status, 200, "reading goes on");
    let others = world
        .post(world.people.ben, "/requests", body.clone())
        .await;
    assert_eq!(others.status, 201, "others have their own");

    let released = world.act(ann, &format!("/grants/{grant}/release")).await;
    assert_eq!(released.json()["status"]["state"], "released");
    let path = format!("/devices/{device}");
    let ended = call(&world, "DELETE", &path, &token, Value::Null).await;
    assert_eq!(ended.status, 204);

    world.clock.forward(TimeDelta::seconds(2));
    assert_eq!(world.post(ann, "/requests", body.clone()).await.status, 201);
    assert_eq!(
        world.post(ann, "/requests", body).await.code(),
        "429 rate_limited"
    );
}

#[tokio::test]
async fn a_reviewer_decides_twenty_five_requests_within_a_minute() {
    let world = World::new().await;
    let (ann, rae) = (world.people.ann, world.people.rae);
    for _ in 0..25 {
        let body = json!({ "resource": world.resources.database, "reason": "Reports" });
        let request = world.post(ann, "/requests", body).await.id();
        let denied = json!({ "comment": "Not now." });
        let deny = format!("/requests/{request}/deny");
        assert_eq!(world.post(rae, &deny, denied).await.status, 200);
    }
}

#[tokio::test]
async fn a_gateway_is_told_while_people_hold_every_reader() {
    let (world, credential) = fed().await;
    let (ann, logs) = (world.people.ann, world.resources.logs);
    let token = world.token(ann).await;
    let device = device(&world, &token, &Key::generate().unwrap()).await;
    let body = json!({ "resource": logs, "reason": "Nightly backup" });
    world.post(ann, "/requests", body).await;
    let mut feed = Feed::open(&world, &credential, json!([device])).await;
    let all = feed.all().await;
    assert!(permits(&all.users, ann).iter().any(|it| it.0 == logs));

    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(world.app.store.read().await.unwrap());
    }
    let readers = join_all((0..50).map(|_| {
        let request = Request::get("/api/v1/resources")
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .body(Body::empty());
        world.send(request.unwrap())
    }));
    let gateway = async {
        // Its deadline comes: time ends it, and the gateway hears of it.
        world.clock.forward(TimeDelta::hours(5));
        let told = async {
            loop {
                let changes = feed.changes().await;
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
        let ack = call(&world, "POST", "/gateway/ack", &credential, ack);
        let ack = timeout(soon, ack).await.expect("an answer");
        assert_eq!(ack.status, 204);
    };
    tokio::select! {
        _ = readers => panic!("somebody read without a connection"),
        () = gateway => {}
    }
}

/// The ids of a person's notices that ask for a review.
async fn rings(world: &World, user: UserId) -> Vec<i64> {
    let mut tx = world.app.store.read().await.unwrap();
    let notices = tx.notices(user, 0, 200).await.unwrap();
    let asks = |notice: &&Notice| matches!(notice.what, What::PleaseReview { .. });
    notices.iter().filter(asks).map(|it| it.id.0).collect()
}

#[tokio::test]
async fn who_asks_and_cancels_in_a_loop_rings_once_a_minute() {
    let world = World::new().await;
    let rae = world.people.rae;
    let mut told = BTreeSet::new();
    for _ in 0..200 {
        ask_and_cancel(&world, 1).await;
        let kept = rings(&world, rae).await;
        assert!(kept.len() <= 1, "one row");
        told.extend(kept);
        world.wait(TimeDelta::seconds(4)).await;
    }
    // 200 rounds take 800 seconds.
    assert!((2..=14).contains(&told.len()), "{} rings", told.len());
}

#[tokio::test]
async fn what_was_asked_again_too_soon_is_told_when_the_minute_is_over() {
    let world = World::new().await;
    let (ann, rae) = (world.people.ann, world.people.rae);
    ask_and_cancel(&world, 1).await;
    let first = rings(&world, rae).await;
    world.wait(TimeDelta::seconds(20)).await;
    let body = json!({ "resource": world.resources.database, "reason": "Without the typo" });
    let request = world.post(ann, "/requests", body.clone()).await.id();
    assert_eq!(rings(&world, rae).await, first);
    world.wait(TimeDelta::seconds(39)).await;
    assert_eq!(rings(&world, rae).await, first);
    let before = world.seq().await;
    world.wait(TimeDelta::seconds(1)).await;
    let second = rings(&world, rae).await;
    assert!(
        second.len() == 1 && second[0] > first[0],
        "clients hear of it"
    );
    assert_eq!(
        world.actions(before).await,
        ["request.told_again by the system"]
    );

    // After a decision, the next is told at once.
    let deny = format!("/requests/{request}/deny");
    world.post(rae, &deny, json!({ "comment": "No." })).await;
    world.post(ann, "/requests", body).await;
    let third = rings(&world, rae).await;
    assert!(third.len() == 1 && third[0] > second[0]);
}
