//! While the disk is full, access can be ended, and nothing else changes.
#![allow(clippy::unwrap_used)]

mod world;

use std::sync::atomic::Ordering;

use chrono::TimeDelta;
use hourkey_pki::Key;
use serde_json::{Value, json};
use world::World;
use world::gateways::{call, device};

#[tokio::test]
async fn on_a_full_disk_access_is_ended_and_nothing_else_changes() {
    let world = World::new().await;
    let (people, resources) = (world.people, world.resources);
    let logs = json!({ "resource": resources.logs, "reason": "Nightly backup" });
    let vault = json!({ "resource": resources.vault, "reason": "Nightly backup" });
    let given_back = world.post(people.ann, "/requests", logs.clone()).await;
    let revoked = world.post(people.ben, "/requests", logs).await.grant();
    world.post(people.ben, "/requests", vault).await;
    let ann = world.token(people.ann).await;
    let rae = world.token(people.rae).await;
    let device = device(&world, &ann, &Key::generate().unwrap()).await;
    // Their sessions are due to be noted as heard.
    world.clock.forward(TimeDelta::minutes(5));
    let before = world.seq().await;
    world.full.store(true, Ordering::SeqCst);

    let body = json!({ "resource": resources.database, "reason": "Reports" });
    let refused = call(&world, "POST", "/requests", &ann, body).await;
    assert_eq!(refused.code(), "503 unavailable");
    assert_eq!(
        refused.json()["detail"],
        "The controller's disk is full; nothing was changed. Access can still be ended. Tell your \
         administrator to make room."
    );
    let path = format!("/grants/{}/release", given_back.grant());
    let released = call(&world, "POST", &path, &ann, Value::Null).await;
    assert_eq!(released.status, 200, "{}", released.text);
    let path = format!("/grants/{revoked}/revoke");
    let comment = json!({ "comment": "The incident is over." });
    let revoked = call(&world, "POST", &path, &rae, comment).await;
    assert_eq!(revoked.status, 200, "{}", revoked.text);
    let path = format!("/devices/{device}");
    let ended = call(&world, "DELETE", &path, &ann, Value::Null).await;
    assert_eq!(ended.status, 204, "{}", ended.text);
    world.wait(TimeDelta::hours(2)).await;

    world.full.store(false, Ordering::SeqCst);
    assert_eq!(
        world.actions(before).await,
        [
            "grant.released by Ann Member",
            "grant.revoked by Rae Reviewer",
            "device.ended by Ann Member",
            "session.ended by Ann Member",
            "grant.expired by the system",
        ]
    );
}
