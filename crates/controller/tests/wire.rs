//! Answers and calls of an earlier version: today's controller gives clients of then all that they
//! read, and takes what they send.
#![allow(clippy::unwrap_used)]

mod test_env;

use std::path::Path;

use chrono::TimeDelta;
use serde_json::{Value, json};
use test_env::TestEnv;
use test_env::events::Events;

/// Where the answers of the earlier version lie; `hourkey-protocol` reads them as a client does.
const RECORDED: &str = "../protocol/tests/recorded/answers.json";

/// Everything there is to say: each kind of lock, of request, of grant, of review and of notice that
/// this much makes. The bodies are those that the earlier clients send.
async fn answers() -> Value {
    let env = TestEnv::new().await;
    hourkey_access::background::start(&env.app);
    let (ann, ben, rae, ada) = (
        env.people.ann,
        env.people.ben,
        env.people.rae,
        env.people.ada,
    );
    let (database, logs) = (env.resources.database, env.resources.logs);
    let ask = |reason: &str, seconds: Option<u64>, starts_at: Option<&str>| {
        json!({
            "resource": database, "assignment": null, "reason": reason,
            "seconds": seconds, "starts_at": starts_at,
        })
    };
    let mut events = Events::open(&env, &env.token(rae).await, None).await;
    let stream = events.next().await.unwrap().data;

    let first = ask("first", Some(3_600), None);
    let first = env.post(ann, "/requests", first).await.id();
    let asked = events.next().await.unwrap().data;
    let path = format!("/requests/{first}/deny");
    let deny = json!({ "comment": "ask the owner first" });
    let denied = env.post(rae, &path, deny).await.json();
    let decided = events.next().await.unwrap().data;

    let in_logs = json!({
        "resource": logs, "assignment": null, "reason": "look", "seconds": 1_800, "starts_at": null,
    });
    let opened = env.post(ann, "/requests", in_logs).await;
    let path = format!("/grants/{}/revoke", opened.grant());
    let revoke = json!({ "comment": "not your task" });
    let revoked = env.post(rae, &path, revoke).await.json();

    let second = ask("second", Some(7_200), None);
    let second = env.post(ben, "/requests", second).await.id();
    let path = format!("/requests/{second}/approve");
    let shorter = json!({ "seconds": 3_600, "comment": "an hour will do" });
    let approved = env.post(rae, &path, shorter).await.json();

    let later = ask("later", Some(7_200), Some("2030-01-01T12:00:00Z"));
    let later = env.post(ann, "/requests", later).await.id();
    let path = format!("/requests/{later}/cancel");
    let cancelled = env.act(ann, &path).await.json();
    let third = ask("third", Some(600), None);
    let third = env.post(ann, "/requests", third).await.json();
    let mut snapshots = vec![stream];
    snapshots.extend(env.snapshots([ann, ben, rae, ada]).await);
    env.wait(TimeDelta::hours(25)).await;
    snapshots.extend(env.snapshots([ann, ben, rae, ada]).await);
    json!({
        "events": [asked, decided],
        "snapshots": snapshots,
        "requests": [opened.json(), denied, approved, cancelled, third],
        "grants": [revoked],
        "pages": [
            env.get(ann, "/requests").await.json(),
        ],
        "details": [
            env.get(ann, &format!("/resources/{database}")).await.json(),
            env.get(ben, &format!("/resources/{database}")).await.json(),
        ],
    })
}

impl TestEnv {
    async fn snapshots(&self, people: [hourkey_domain::ids::UserId; 4]) -> Vec<Value> {
        let mut snapshots = Vec::new();
        for person in people {
            snapshots.push(self.get(person, "/snapshot").await.json());
        }
        snapshots
    }
}

#[tokio::test]
async fn clients_of_an_earlier_version_find_all_that_they_read() {
    let answers = answers().await;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(RECORDED);
    let recorded = std::fs::read_to_string(path).unwrap();
    holds(&answers, &serde_json::from_str(&recorded).unwrap(), "");
}

/// Whether everything that is in `old` is in `new`, too.
fn holds(new: &Value, old: &Value, path: &str) {
    match (new, old) {
        (Value::Object(new), Value::Object(old)) => {
            for (key, old) in old {
                let path = format!("{path}/{key}");
                // An address is shown as it is, with its ports since; ids of notices only grow.
                if key == "resource_address" || (key == "id" && path.contains("/notices/")) {
                    continue;
                }
                let new = new.get(key);
                holds(new.unwrap_or_else(|| panic!("{path} is gone")), old, &path);
            }
        }
        (Value::Array(new), Value::Array(old)) => {
            let (new, old) = (without_reviews(new), without_reviews(old));
            assert_eq!(new.len(), old.len(), "{path}");
            for (index, (new, old)) in new.into_iter().zip(old).enumerate() {
                holds(new, old, &format!("{path}/{index}"));
            }
        }
        (new, old) => assert_eq!(new, old, "{path}"),
    }
}

/// A list without notices to reviewers: since then one stands for all that a person asked for one
/// resource.
fn without_reviews(list: &[Value]) -> Vec<&Value> {
    let items = list.iter();
    items
        .filter(|item| item["what"]["kind"] != "please_review")
        .collect()
}
