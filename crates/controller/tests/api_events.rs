//! The event stream: a snapshot or a replay at first, then what concerns the person, once.
#![allow(clippy::unwrap_used)]

mod test_env;

use std::sync::atomic::Ordering;

use chrono::TimeDelta;
use hourkey_domain::audit::AuditAction;
use hourkey_domain::ids::UserId;
use hourkey_domain::review::Role;
use hourkey_domain::settings::Override;
use hourkey_store::Room;
use hourkey_store::log::{Entry, Subject};
use hourkey_store::organisation::Assignment;
use insta::assert_snapshot;
use serde_json::{Value, json};
use test_env::TestEnv;
use test_env::events::{Event, Events};

#[tokio::test]
async fn who_no_longer_reviews_reads_nothing_of_what_others_asked() {
    let env = TestEnv::new().await;
    let (ann, rae) = (env.people.ann, env.people.rae);
    let body = json!({ "resource": env.resources.database, "reason": "Payroll of May" });
    env.post(ann, "/requests", body).await;
    let snapshot = async || env.get(rae, "/snapshot").await.text;
    assert!(snapshot().await.contains("Payroll of May"));
    let change = env.change(move |tx| {
        Box::pin(async move {
            let mut user = tx.user(rae).await?.unwrap();
            user.roles = vec![Role::Member];
            Ok(tx.update_user(user).await?)
        })
    });
    change.await;
    assert!(!snapshot().await.contains("Payroll of May"));
}

#[tokio::test]
async fn a_stream_starts_with_everything() {
    let env = running().await;
    let mut ann = events(&env, env.people.ann).await;
    let first = ann.message().await;
    let snapshot = env.get(env.people.ann, "/snapshot").await.json();
    assert_eq!(
        (first.name.as_str(), first.id),
        ("snapshot", env.seq().await)
    );
    assert_eq!(first.data, snapshot);
    assert_snapshot!(serde_json::to_string_pretty(&snapshot["me"]).unwrap(), @r#"
    {
      "id": 1,
      "login": "ann",
      "name": "Ann Member",
      "organisation": "Example",
      "reviews": false,
      "roles": [
        "Member"
      ]
    }
    "#);
}

#[tokio::test]
async fn from_asking_to_the_end_everybody_learns_what_concerns_them() {
    let env = running().await;
    let (ann, rae, database) = (env.people.ann, env.people.rae, env.resources.database);
    let mut requester = events(&env, ann).await;
    let mut reviewer = events(&env, rae).await;
    requester.message().await;
    reviewer.message().await;

    let body = json!({ "resource": database, "reason": "why", "seconds": 600 });
    let id = env.post(ann, "/requests", body).await.id();
    let waits = requester.message().await;
    assert_eq!(waits.name, "changes");
    assert_eq!(lock(&waits), "pending");
    assert!(notices(&waits).is_empty() && waits.data["reviews"] == json!([]));
    let please = reviewer.message().await;
    assert_eq!(please.data["reviews"][0]["request"]["id"], id);
    assert_eq!(please.data["reviews"][0]["may_decide"], true);
    assert_eq!(please.data["resources"], json!([]));
    assert_eq!(notices(&please), ["please_review"]);

    env.post(rae, &format!("/requests/{id}/approve"), json!({}))
        .await;
    let granted = requester.message().await;
    assert_eq!(lock(&granted), "granted");
    assert_eq!(notices(&granted), ["approved"]);
    assert_eq!(granted.id, env.seq().await);
    let done = reviewer.message().await;
    assert_eq!(done.data["removed_reviews"], json!([id]));
    let decided = &done.data["decided_reviews"][0];
    assert_eq!(
        (&decided["id"], &decided["status"]["state"]),
        (&json!(id), &json!("approved")),
        "and whoever has it before their eyes is told what became of it"
    );
    assert!(notices(&done).is_empty());

    // The end comes by the clock alone, and is told by the sweep.
    env.clock.forward(TimeDelta::minutes(10));
    let ended = requester.message().await;
    assert_eq!(lock(&ended), "locked");
    assert!(notices(&ended).is_empty());
}

#[tokio::test]
async fn nobody_learns_of_what_does_not_concern_them() {
    let env = running().await;
    let (ben, dan) = (env.people.ben, env.people.dan);
    let mut bens = events(&env, ben).await;
    let mut dans = events(&env, dan).await;
    bens.message().await;
    dans.message().await;
    // Ann's affairs, also with a resource that Ben sees and Dan does not review.
    for resource in [env.resources.logs, env.resources.vault] {
        env.post(env.people.ann, "/requests", ask(resource)).await;
    }
    // Then something for each.
    env.post(ben, "/requests", ask(env.resources.database))
        .await;
    let first = bens.message().await;
    assert_eq!(first.data["resources"].as_array().unwrap().len(), 1);
    assert_eq!(first.data["resources"][0]["name"], "Database");
    let first = dans.message().await;
    assert_eq!(first.data["reviews"].as_array().unwrap().len(), 1);
    assert_eq!(
        first.data["reviews"][0]["request"]["requester"]["login"],
        "ben"
    );
}

#[tokio::test]
async fn what_happened_while_away_is_replayed_once() {
    let env = running().await;
    let (ann, rae) = (env.people.ann, env.people.rae);
    let token = env.token(ann).await;
    let id = env
        .post(ann, "/requests", ask(env.resources.database))
        .await
        .id();
    let mut stream = Events::open(&env, &token, None).await;
    let last = stream.message().await.id;
    drop(stream);
    // The laptop sleeps.
    let why = json!({ "comment": "not today" });
    env.post(rae, &format!("/requests/{id}/deny"), why).await;
    env.post(env.people.ben, "/requests", ask(env.resources.logs))
        .await;

    let mut stream = Events::open(&env, &token, Some(&last.to_string())).await;
    let missed = stream.message().await;
    assert_eq!(missed.name, "changes");
    assert_eq!(lock(&missed), "locked");
    assert_eq!(missed.data["resources"].as_array().unwrap().len(), 1);
    assert_eq!(notices(&missed), ["denied"]);
    assert_eq!(missed.data["notices"][0]["what"]["comment"], "not today");
    drop(stream);

    // Nothing since: an empty message, for the server's time.
    let mut stream = Events::open(&env, &token, Some(&missed.id.to_string())).await;
    let nothing = stream.message().await;
    assert_eq!((nothing.name.as_str(), nothing.id), ("changes", missed.id));
    assert_eq!(nothing.data["resources"], json!([]));
    assert!(notices(&nothing).is_empty());
}

#[tokio::test]
async fn a_point_that_cannot_be_continued_gets_a_snapshot() {
    let env = running().await;
    let token = env.token(env.people.ann).await;
    let seq = env.seq().await;
    for last in [
        "",
        "x",
        "-1",
        "1e9",
        &(seq + 1).to_string(),
        &i64::MAX.to_string(),
    ] {
        let mut stream = Events::open(&env, &token, Some(last)).await;
        assert_eq!(stream.message().await.name, "snapshot", "{last:?}");
    }
    // More happened than is worth replaying.
    let ben = env.people.ben;
    env.app
        .transact(Room::Usual, move |tx, now| {
            Box::pin(async move {
                for _ in 0..1_001 {
                    tx.record(Entry {
                        at: now,
                        actor: None,
                        action: AuditAction::SessionStarted,
                        subject: Subject::Account { user: ben },
                        detail: Value::Null,
                    })
                    .await?;
                }
                Ok(())
            })
        })
        .await
        .unwrap();
    let mut stream = Events::open(&env, &token, Some(&seq.to_string())).await;
    assert_eq!(stream.message().await.name, "snapshot");
}

#[tokio::test]
async fn a_change_of_the_organisation_brings_a_snapshot() {
    let env = running().await;
    let ann = env.people.ann;
    let mut stream = events(&env, ann).await;
    assert_eq!(stream.message().await.data["me"]["reviews"], false);
    env.change(move |tx| {
        Box::pin(async move {
            let mut user = tx.user(ann).await?.unwrap();
            user.roles = vec![Role::AccessReviewer];
            Ok(tx.update_user(user).await?)
        })
    })
    .await;
    let anew = stream.message().await;
    assert_eq!(
        (anew.name.as_str(), &anew.data["me"]["reviews"]),
        ("snapshot", &json!(true))
    );
    // From now on the new reviewer learns of requests.
    env.post(env.people.ben, "/requests", ask(env.resources.database))
        .await;
    assert_eq!(notices(&stream.message().await), ["please_review"]);
}

#[tokio::test]
async fn what_time_alone_changes_is_sent_too() {
    let env = running().await;
    let (wiki, assignment, group) = (
        env.resources.wiki,
        env.assignments.wiki,
        env.assignments.engineering,
    );
    env.change(move |tx| {
        Box::pin(async move {
            let until = Some("2030-01-01T00:10:00Z".parse().unwrap());
            let own = Override::default();
            let ends = Assignment {
                auto_locks_since: None,
                id: assignment,
                group,
                resource: wiki,
                until,
                own,
            };
            Ok(tx.update_assignment(ends).await?)
        })
    })
    .await;
    let mut stream = events(&env, env.people.ann).await;
    let first = stream.message().await;
    assert_eq!(
        first.data["resources"][0]["lock"]["locks_at"],
        "2030-01-01T00:10:00Z"
    );
    let seq = env.seq().await;
    env.clock.forward(TimeDelta::minutes(10));
    let later = stream.message().await;
    assert_eq!((later.name.as_str(), later.id), ("snapshot", seq));
    assert_eq!(later.data["resources"][0]["name"], "Database");
    // Whoever was away meanwhile learns of it, too.
    let token = env.token(env.people.ann).await;
    let mut back = Events::open(&env, &token, Some(&seq.to_string())).await;
    let first = back.message().await;
    assert_eq!(first.name, "snapshot");
    assert_eq!(first.data["resources"][0]["name"], "Database");
}

#[tokio::test]
async fn a_stream_ends_with_its_session() {
    let env = running().await;
    let ann = env.people.ann;
    let (token, other) = (env.token(ann).await, env.token(ann).await);
    let mut stream = Events::open(&env, &token, None).await;
    let mut others = Events::open(&env, &other, None).await;
    stream.message().await;
    others.message().await;
    let sessions = env.get(ann, "/sessions").await.json();
    let first = sessions
        .as_array()
        .unwrap()
        .iter()
        .map(|session| &session["id"])
        .min_by_key(|id| id.as_i64());
    let request = axum::http::Request::delete(format!("/api/v1/sessions/{}", first.unwrap()));
    assert_eq!(
        env.call(ann, request, axum::body::Body::empty())
            .await
            .status,
        204
    );
    assert!(stream.next().await.is_none());
    // The other one learns that the account changed, and goes on.
    assert_eq!(others.message().await.data["me"]["login"], "ann");
}

#[tokio::test]
async fn a_stream_ends_when_its_user_is_disabled_and_when_the_session_is_too_old() {
    let env = running().await;
    let (ann, ben) = (env.people.ann, env.people.ben);
    let mut anns = events(&env, ann).await;
    let mut bens = events(&env, ben).await;
    anns.message().await;
    bens.message().await;
    env.change(move |tx| {
        Box::pin(async move {
            let mut user = tx.user(ann).await?.unwrap();
            user.disabled = true;
            Ok(tx.update_user(user).await?)
        })
    })
    .await;
    assert!(anns.next().await.is_none());
    assert_eq!(bens.message().await.name, "snapshot");
    // A client that is not heard for a month is signed out.
    env.clock.forward(TimeDelta::days(30));
    assert!(bens.next().await.is_none());
}

#[tokio::test]
async fn streams_end_when_the_controller_stops() {
    let env = running().await;
    let mut stream = events(&env, env.people.ann).await;
    stream.message().await;
    env.app.stop.send_replace(true);
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn a_change_is_read_by_those_whom_it_concerns() {
    let env = running().await;
    let mut streams = Vec::new();
    for _ in 0..100 {
        let mut stream = events(&env, env.people.eve).await;
        stream.message().await;
        streams.push(stream);
    }
    let mut ann = events(&env, env.people.ann).await;
    ann.message().await;
    let waiting = streams.iter_mut().map(|stream| Box::pin(stream.next()));
    let waiting = futures_util::future::select_all(waiting);
    let before = env.reads.load(Ordering::SeqCst);
    let asked = async {
        for _ in 0..10 {
            let asked = env
                .post(env.people.ann, "/requests", ask(env.resources.logs))
                .await;
            ann.message().await;
            let path = format!("/grants/{}/release", asked.grant());
            env.act(env.people.ann, &path).await;
            ann.message().await;
        }
    };
    tokio::select! {
        () = asked => {}
        (event, _, _) = waiting => panic!("Eve was sent {event:?}"),
    }
    // Twenty changes: calls, the sweep, the feed and Ann's own stream read, and not 100 others.
    let reads = env.reads.load(Ordering::SeqCst) - before;
    assert!(reads < 200, "{reads} reads");
}

/// An environment whose sweep and publisher run.
async fn running() -> TestEnv {
    let env = TestEnv::new().await;
    hourkey_access::background::start(&env.app);
    env
}

async fn events(env: &TestEnv, user: UserId) -> Events {
    let token = env.token(user).await;
    Events::open(env, &token, None).await
}

fn ask(resource: hourkey_domain::ids::ResourceId) -> Value {
    json!({ "resource": resource, "reason": "why" })
}

fn lock(event: &Event) -> &str {
    event.data["resources"][0]["lock"]["state"]
        .as_str()
        .unwrap()
}

fn notices(event: &Event) -> Vec<&str> {
    let notices = event.data["notices"].as_array().unwrap();
    notices
        .iter()
        .map(|notice| notice["what"]["kind"].as_str().unwrap())
        .collect()
}
