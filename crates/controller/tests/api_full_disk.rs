//! While the disk is full, access can be ended, and nothing else changes.
#![allow(clippy::unwrap_used)]

mod test_env;

use std::sync::atomic::Ordering;

use chrono::TimeDelta;
use hourkey_pki::Key;
use serde_json::{Value, json};
use test_env::TestEnv;
use test_env::gateways::{call, device};

#[tokio::test]
async fn on_a_full_disk_access_is_ended_and_nothing_else_changes() {
    let env = TestEnv::new().await;
    let (people, resources) = (env.people, env.resources);
    let logs = json!({ "resource": resources.logs, "reason": "Nightly backup" });
    let vault = json!({ "resource": resources.vault, "reason": "Nightly backup" });
    let given_back = env.post(people.ann, "/requests", logs.clone()).await;
    let revoked = env.post(people.ben, "/requests", logs).await.grant();
    env.post(people.ben, "/requests", vault).await;
    let ann = env.token(people.ann).await;
    let rae = env.token(people.rae).await;
    let device = device(&env, &ann, &Key::generate().unwrap()).await;
    // Their sessions are due to be noted as heard.
    env.clock.forward(TimeDelta::minutes(5));
    let before = env.seq().await;
    env.full.store(true, Ordering::SeqCst);

    let body = json!({ "resource": resources.database, "reason": "Reports" });
    let refused = call(&env, "POST", "/requests", &ann, body).await;
    assert_eq!(refused.code(), "503 unavailable");
    assert_eq!(
        refused.json()["detail"],
        "The controller's disk is full; nothing was changed. Access can still be ended. Tell your \
         administrator to make room."
    );
    let path = format!("/grants/{}/release", given_back.grant());
    let released = call(&env, "POST", &path, &ann, Value::Null).await;
    assert_eq!(released.status, 200, "{}", released.text);
    let path = format!("/grants/{revoked}/revoke");
    let comment = json!({ "comment": "The incident is over." });
    let revoked = call(&env, "POST", &path, &rae, comment).await;
    assert_eq!(revoked.status, 200, "{}", revoked.text);
    let path = format!("/devices/{device}");
    let ended = call(&env, "DELETE", &path, &ann, Value::Null).await;
    assert_eq!(ended.status, 204, "{}", ended.text);
    env.wait(TimeDelta::hours(2)).await;

    env.full.store(false, Ordering::SeqCst);
    assert_eq!(
        env.actions(before).await,
        [
            "grant.released by Ann Member",
            "grant.revoked by Rae Reviewer",
            "device.ended by Ann Member",
            "session.ended by Ann Member",
            "grant.expired by the system",
        ]
    );
}
