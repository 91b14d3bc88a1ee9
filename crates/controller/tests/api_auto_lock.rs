//! Auto-lock: what locks by disuse, how it is asked for, and how an administrator unlocks it.
#![allow(clippy::unwrap_used)]

mod test_env;

use chrono::TimeDelta;
use hourkey_domain::ids::UserId;
use hourkey_domain::settings::{Approval, Mode, Override};
use hourkey_store::organisation::Assignment;
use serde_json::{Value, json};
use test_env::TestEnv;
use test_env::events::Events;

/// The unused days of the environment's resources.
const UNUSED: TimeDelta = TimeDelta::days(7);

#[tokio::test]
async fn what_stays_unused_locks_and_a_reviewer_unlocks_it() {
    let env = auto_locked(Approval::Manual).await;
    let (people, database) = (env.people, env.resources.database);
    let open = |at: &str| json!({ "state": "open", "locks_at": at });
    assert_eq!(lock(&env, people.ann).await, open("2030-01-08T00:00:00Z"));
    let early = ask(&env, json!({ "resource": database })).await;
    assert_eq!(early.code(), "409 not_needed");

    env.wait(UNUSED).await;
    let locked = json!({ "state": "locked", "why": "unused" });
    assert_eq!(lock(&env, people.ann).await, locked);
    let long = ask(&env, json!({ "resource": database, "seconds": 600 })).await;
    assert_eq!(long.code(), "422 bad_length", "an unlock has no length");
    let before = env.seq().await;
    let asked = ask(
        &env,
        json!({ "resource": database, "reason": "back from leave" }),
    )
    .await;
    assert_eq!(asked.json()["purpose"], "unlock");
    assert_eq!(asked.json()["asked"], Value::Null);
    assert_eq!(lock(&env, people.ann).await["state"], "pending");
    assert_eq!(env.notices(people.rae).await, ["please_review"]);

    let approve = format!("/requests/{}/approve", asked.id());
    let shorter = env
        .post(people.rae, &approve, json!({ "seconds": 600 }))
        .await;
    assert_eq!(shorter.code(), "422 bad_length");
    let own = env.post(people.ann, &approve, json!({})).await;
    assert_eq!(own.code(), "403 own_request", "rule 6");
    let approved = env.post(people.rae, &approve, json!({})).await.json();
    assert_eq!(approved["status"]["state"], "approved");
    assert_eq!(approved["grant"], Value::Null);
    assert_eq!(lock(&env, people.ann).await, open("2030-01-15T00:00:00Z"));
    assert_eq!(env.notices(people.ann).await, ["unlocked"]);
    assert_eq!(
        env.actions(before).await,
        [
            "request.made by Ann Member",
            "request.approved by Rae Reviewer"
        ]
    );
}

#[tokio::test]
async fn under_automatic_approval_a_reason_unlocks_at_once() {
    let env = auto_locked(Approval::Automatic).await;
    let (ann, database) = (env.people.ann, env.resources.database);
    env.wait(UNUSED).await;
    let blank = ask(&env, json!({ "resource": database, "reason": " \u{200b}" })).await;
    assert_eq!(blank.code(), "422 blank_text", "rule 10");
    let asked = ask(
        &env,
        json!({ "resource": database, "reason": "month's end" }),
    )
    .await;
    assert_eq!(asked.json()["status"]["state"], "approved");
    assert_eq!(lock(&env, ann).await["state"], "open");
    assert_eq!(env.notices(ann).await, ["unlocked"]);
}

#[tokio::test]
async fn an_administrator_unlocks_for_others_without_a_request() {
    let env = auto_locked(Approval::Manual).await;
    let (people, database) = (env.people, env.resources.database);
    let unlock = |login: &str| json!({ "login": login, "resource": database, "comment": "hello" });
    let open = env.post(people.ada, "/unlocks", unlock("ann")).await;
    assert_eq!(open.code(), "409 not_needed");
    env.wait(UNUSED).await;
    let pending = ask(&env, json!({ "resource": database })).await;

    for other in [people.ann, people.rae, people.dan] {
        let refused = env.post(other, "/unlocks", unlock("ann")).await;
        assert_eq!(refused.code(), "403 forbidden", "{other}");
        let list = env.get(other, "/unlocks?login=ann").await;
        assert_eq!(list.code(), "403 forbidden", "{other}");
    }
    for (login, code) in [("nobody", "404 not_found"), ("eve", "404 not_found")] {
        let refused = env.post(people.ada, "/unlocks", unlock(login)).await;
        assert_eq!(refused.code(), code, "{login}");
    }
    let list = env.get(people.ada, "/unlocks?login=Ann").await.json();
    assert_eq!(
        list,
        json!([{ "resource": database, "resource_name": "Database", "last_used": null,
            "locks_at": null }])
    );

    let before = env.seq().await;
    let unlocked = env.post(people.ada, "/unlocks", unlock("ann")).await;
    assert_eq!(unlocked.json()["locks_at"], "2030-01-15T00:00:00Z");
    assert_eq!(lock(&env, people.ann).await["state"], "open");
    assert_eq!(env.notices(people.ann).await, ["unlocked"], "told once");
    let request = env
        .get(people.ann, &format!("/requests/{}", pending.id()))
        .await;
    let status = &request.json()["status"];
    assert_eq!(
        (&status["state"], &status["cause"]),
        (&json!("cancelled"), &json!("no_longer_needed"))
    );
    assert_eq!(
        env.actions(before).await,
        [
            "request.cancelled by Ada Admin",
            "resource.unlocked by Ada Admin"
        ]
    );
}

#[tokio::test]
async fn nobody_unlocks_for_themselves() {
    let env = auto_locked(Approval::Manual).await;
    let (ada, database) = (env.people.ada, env.resources.database);
    let engineering = env.assignments.engineering;
    let members = vec![env.people.ann, ada];
    env.change(move |tx| {
        Box::pin(async move {
            let name = "Engineering".to_owned();
            let id = engineering;
            let group = hourkey_store::organisation::Group { id, name, members };
            Ok(tx.update_group(group).await?)
        })
    })
    .await;
    env.wait(UNUSED).await;
    let body = json!({ "login": "ada", "resource": database });
    let refused = env.post(ada, "/unlocks", body).await;
    assert_eq!(refused.code(), "403 own_request", "rule 6");
}

#[tokio::test]
async fn a_request_for_an_unlock_ends_when_there_is_nothing_to_unlock() {
    for (mode, cause) in [
        (Mode::Standing, "no_longer_needed"),
        (Mode::AccessRequest, "terms_tightened"),
    ] {
        let env = auto_locked(Approval::Manual).await;
        let (ann, database) = (env.people.ann, env.resources.database);
        env.wait(UNUSED).await;
        let asked = ask(&env, json!({ "resource": database })).await;
        set(&env, mode, Approval::Manual).await;
        let request = env.get(ann, &format!("/requests/{}", asked.id())).await;
        let status = &request.json()["status"];
        assert_eq!(
            (&status["state"], &status["cause"]),
            (&json!("cancelled"), &json!(cause)),
            "rule 7"
        );
        // Switching back revives nothing.
        set(&env, Mode::AutoLock, Approval::Manual).await;
        assert_eq!(lock(&env, ann).await["state"], "locked");
    }
}

#[tokio::test]
async fn whoever_watches_sees_it_lock_and_open() {
    let env = auto_locked(Approval::Automatic).await;
    hourkey_access::background::start(&env.app);
    let (ann, database) = (env.people.ann, env.resources.database);
    let token = env.token(ann).await;
    let mut events = Events::open(&env, &token, None).await;
    assert_eq!(events.message().await.name, "snapshot");
    let lock = |data: &Value| {
        let rows = data["resources"].as_array().unwrap();
        let row = rows.iter().find(|row| row["id"] == json!(database));
        row.unwrap()["lock"]["state"].clone()
    };
    env.clock.forward(UNUSED);
    let locked = events.message().await;
    assert_eq!(lock(&locked.data), "locked");
    ask(&env, json!({ "resource": database, "reason": "again" })).await;
    let opened = events.message().await;
    assert_eq!(lock(&opened.data), "open");
}

/// An environment where Engineering's assignment to the database auto-locks.
async fn auto_locked(approval: Approval) -> TestEnv {
    let env = TestEnv::new().await;
    set(&env, Mode::AutoLock, approval).await;
    env
}

async fn set(env: &TestEnv, mode: Mode, approval: Approval) {
    let id = env.assignments.database;
    let (group, resource) = (env.assignments.engineering, env.resources.database);
    let assignment = Assignment {
        auto_locks_since: None,
        id,
        group,
        resource,
        until: None,
        own: Override {
            mode: Some(mode),
            approval: Some(approval),
            ..Override::default()
        },
    };
    env.change(move |tx| Box::pin(async move { Ok(tx.update_assignment(assignment).await?) }))
        .await;
}

async fn ask(env: &TestEnv, body: Value) -> test_env::Answer {
    env.post(env.people.ann, "/requests", body).await
}

async fn lock(env: &TestEnv, user: UserId) -> Value {
    let path = format!("/resources/{}", env.resources.database);
    env.get(user, &path).await.json()["resource"]["lock"].clone()
}
