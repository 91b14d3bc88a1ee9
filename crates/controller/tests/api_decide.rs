//! Deciding and ending by the API: who may, who wins, and who is told.
#![allow(clippy::unwrap_used)]

mod test_env;

use chrono::TimeDelta;
use hourkey_domain::ids::{ResourceId, UserId};
use hourkey_protocol::account::SessionKind;
use insta::assert_snapshot;
use serde_json::{Value, json};
use test_env::{Answer, TestEnv};

/// An id that nothing has. Whoever may not see a thing is answered as for this.
const UNKNOWN: i64 = 4_711;

#[tokio::test]
async fn a_reviewer_approves_for_less_time() {
    let env = TestEnv::new().await;
    let id = pending(&env).await;
    env.clock.forward(TimeDelta::minutes(5));
    let before = env.seq().await;
    let body = json!({ "seconds": 1_800, "comment": "half an hour is enough" });
    let answer = env
        .post(env.people.rae, &format!("/requests/{id}/approve"), body)
        .await;
    assert_snapshot!(answer, @r#"
    200 application/json
    {
      "approval": "Manual",
      "asked": 7200,
      "created_at": "2030-01-01T00:00:00Z",
      "grant": {
        "expires_at": "2030-01-01T00:35:00Z",
        "id": 1,
        "request": 1,
        "starts_at": "2030-01-01T00:05:00Z",
        "status": {
          "state": "active"
        }
      },
      "group_name": "Engineering",
      "id": 1,
      "lapses_at": "2030-01-02T00:00:00Z",
      "purpose": "grant",
      "reason": "why",
      "requester": {
        "id": 1,
        "login": "ann",
        "name": "Ann Member"
      },
      "resource": 2,
      "resource_address": "database.corp:5432",
      "resource_name": "Database",
      "starts_at": null,
      "status": {
        "at": "2030-01-01T00:05:00Z",
        "by": {
          "id": 3,
          "login": "rae",
          "name": "Rae Reviewer"
        },
        "comment": "half an hour is enough",
        "length": 1800,
        "state": "approved"
      }
    }
    "#);
    let snapshot = env.get(env.people.ann, "/snapshot").await.json();
    let approved = json!({ "by": "Rae Reviewer", "comment": "half an hour is enough" });
    assert_eq!(snapshot["resources"][1]["approved"], approved);
    assert_eq!(
        env.actions(before).await,
        ["request.approved by Rae Reviewer"]
    );
    let entry = env.audit(before).await.remove(0);
    assert_snapshot!(serde_json::to_string_pretty(&entry.detail).unwrap(), @r#"
    {
      "from": {
        "state": "pending"
      },
      "to": {
        "at": "2030-01-01T00:05:00Z",
        "by": 3,
        "comment": "half an hour is enough",
        "length": 1800,
        "state": "approved"
      },
      "window": {
        "expires_at": "2030-01-01T00:35:00Z",
        "starts_at": "2030-01-01T00:05:00Z"
      }
    }
    "#);
    assert_eq!(env.notices(env.people.ann).await, ["approved"]);
    let reviews = env.get(env.people.roy, "/reviews").await;
    assert_eq!(reviews.json(), json!([]));
}

#[tokio::test]
async fn a_denial_is_told_with_its_comment() {
    let env = TestEnv::new().await;
    let id = pending(&env).await;
    let before = env.seq().await;
    let path = format!("/requests/{id}/deny");
    for blank in ["", " \n", "\u{200b}"] {
        let answer = env
            .post(env.people.rae, &path, json!({ "comment": blank }))
            .await;
        assert_eq!(answer.code(), "422 blank_text");
    }
    assert_eq!(env.seq().await, before);
    let body = json!({ "comment": "ask the owner first" });
    let answer = env.post(env.people.dan, &path, body).await;
    assert_snapshot!(answer, @r#"
    200 application/json
    {
      "approval": "Manual",
      "asked": 7200,
      "created_at": "2030-01-01T00:00:00Z",
      "grant": null,
      "group_name": "Engineering",
      "id": 1,
      "lapses_at": "2030-01-02T00:00:00Z",
      "purpose": "grant",
      "reason": "why",
      "requester": {
        "id": 1,
        "login": "ann",
        "name": "Ann Member"
      },
      "resource": 2,
      "resource_address": "database.corp:5432",
      "resource_name": "Database",
      "starts_at": null,
      "status": {
        "at": "2030-01-01T00:00:00Z",
        "by": {
          "id": 5,
          "login": "dan",
          "name": "Dan Owner"
        },
        "comment": "ask the owner first",
        "state": "denied"
      }
    }
    "#);
    assert_eq!(env.actions(before).await, ["request.denied by Dan Owner"]);
    assert_eq!(env.notices(env.people.ann).await, ["denied"]);
    let snapshot = env.get(env.people.ann, "/snapshot").await.json();
    assert_eq!(
        snapshot["notices"][0]["what"]["comment"],
        "ask the owner first"
    );
    let database = &snapshot["resources"][1];
    assert_eq!(database["denied_at"], "2030-01-01T00:00:00Z");
    let decision = json!({
        "kind": "denied", "at": "2030-01-01T00:00:00Z", "by": "Dan Owner", "cause": null,
        "comment": "ask the owner first", "automatic_at": null,
    });
    assert_eq!(database["last_decision"], decision);
    assert_eq!(
        database["lock"],
        json!({ "state": "locked", "why": "needs_approval" })
    );
    env.wait(TimeDelta::hours(24)).await;
    let snapshot = env.get(env.people.ann, "/snapshot").await.json();
    let database = &snapshot["resources"][1];
    assert_eq!(database["denied_at"], Value::Null);
    assert_eq!(database["last_decision"], Value::Null);
}

#[tokio::test]
async fn nobody_decides_their_own_request() {
    let env = TestEnv::new().await;
    let rae = env.people.rae;
    let body = json!({ "resource": env.resources.database, "reason": "mine" });
    let id = env.post(rae, "/requests", body).await.id();
    let queue = env.get(rae, "/reviews").await.json();
    assert_eq!(queue, json!([]), "one's own request is in no queue");
    let before = env.seq().await;
    let approve = env
        .post(rae, &format!("/requests/{id}/approve"), json!({}))
        .await;
    assert_snapshot!(approve, @r#"
    403 application/problem+json
    {
      "code": "own_request",
      "detail": "You asked for this yourself, and nobody decides their own request. Another reviewer has to.",
      "status": 403,
      "title": "Nobody decides their own request",
      "type": "urn:hourkey:problem:own_request"
    }
    "#);
    let body = json!({ "comment": "no" });
    assert_eq!(
        env.post(rae, &format!("/requests/{id}/deny"), body).await,
        approve
    );
    assert_eq!(env.seq().await, before);
    assert!(env.notices(rae).await.is_empty());
}

#[tokio::test]
async fn who_may_not_review_learns_nothing() {
    let env = TestEnv::new().await;
    let id = pending(&env).await;
    // The database's owners do not review the vault.
    let body = json!({ "resource": env.resources.vault });
    let vault = env.post(env.people.ann, "/requests", body).await.id();
    let before = env.seq().await;
    for (user, id) in [
        (env.people.ben, id),
        (env.people.eve, id),
        (env.people.dan, vault),
        (env.people.rae, UNKNOWN),
    ] {
        for (act, body) in [("approve", json!({})), ("deny", json!({ "comment": "no" }))] {
            let hidden = env.post(user, &path(id, act), body.clone()).await;
            assert_eq!(hidden.code(), "404 not_found");
            let unknown = env.post(user, &path(UNKNOWN, act), body).await;
            assert_eq!(hidden, unknown);
        }
        let hidden = env.get(user, &format!("/requests/{id}")).await;
        assert_eq!(hidden.code(), "404 not_found");
        let unknown = env.get(user, &format!("/requests/{UNKNOWN}")).await;
        assert_eq!(hidden, unknown);
        let hidden = env.act(user, &path(id, "cancel")).await;
        assert_eq!(hidden.code(), "404 not_found");
        assert_eq!(hidden, env.act(user, &path(UNKNOWN, "cancel")).await);
    }
    let dans = env.get(env.people.dan, "/reviews").await.json();
    assert_eq!(dans.as_array().unwrap().len(), 1);
    assert_eq!(env.get(env.people.ben, "/reviews").await.json(), json!([]));
    assert_eq!(env.seq().await, before);
}

#[tokio::test]
async fn the_requester_cannot_approve_and_sees_why() {
    let env = TestEnv::new().await;
    let id = pending(&env).await;
    let answer = env
        .post(
            env.people.ann,
            &format!("/requests/{id}/approve"),
            json!({}),
        )
        .await;
    assert_eq!(answer.code(), "403 own_request");
    // A reviewer cannot cancel in somebody's name.
    let answer = env
        .act(env.people.rae, &format!("/requests/{id}/cancel"))
        .await;
    assert_eq!(answer.code(), "403 forbidden");
}

#[tokio::test]
async fn sessions_of_the_device_flow_never_review() {
    let env = TestEnv::new().await;
    let id = pending(&env).await;
    let before = env.seq().await;
    let token = env.token_of(env.people.rae, SessionKind::Headless).await;
    for act in ["approve", "deny"] {
        let request = axum::http::Request::post(format!("/api/v1/requests/{id}/{act}"))
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .body(axum::body::Body::from(r#"{"comment":"no"}"#))
            .unwrap();
        let answer = Answer::read(env.send(request).await).await;
        assert_eq!(answer.code(), "403 forbidden");
    }
    assert_eq!(env.actions(before).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_reviewer_cannot_lengthen() {
    let env = TestEnv::new().await;
    let id = pending(&env).await;
    let before = env.seq().await;
    let mut answers = String::new();
    for seconds in [0, 59, 7_201, 31_536_000, 31_536_001] {
        let body = json!({ "seconds": seconds });
        let answer = env
            .post(env.people.rae, &format!("/requests/{id}/approve"), body)
            .await;
        answers += &format!("{seconds}: {} {}\n", answer.code(), answer.json()["detail"]);
    }
    assert_snapshot!(answers, @r#"
    0: 422 bad_length "Access lasts from 1 minute to 365 days (60 to 31536000 seconds), and 0 seconds is outside of that."
    59: 422 bad_length "Access lasts from 1 minute to 365 days (60 to 31536000 seconds), and 59 seconds is outside of that."
    7201: 422 bad_length "A reviewer may shorten, never lengthen: the request asks for 2 hours."
    31536000: 422 bad_length "A reviewer may shorten, never lengthen: the request asks for 2 hours."
    31536001: 422 bad_length "Access lasts from 1 minute to 365 days (60 to 31536000 seconds), and 31536001 seconds is outside of that."
    "#);
    assert_eq!(env.seq().await, before);
}

#[tokio::test]
async fn of_two_reviewers_one_wins_and_the_other_is_told() {
    let acts = [
        ["approve", "deny"],
        ["deny", "approve"],
        ["approve", "approve"],
    ];
    for (acts, is_swapped) in acts.into_iter().flat_map(|it| [(it, false), (it, true)]) {
        let env = TestEnv::new().await;
        let id = pending(&env).await;
        let before = env.seq().await;
        let decide = async |user, act| {
            let body = match act {
                "approve" => json!({}),
                _ => json!({ "comment": "no" }),
            };
            env.post(user, &path(id, act), body).await
        };
        let rae = decide(env.people.rae, acts[0]);
        let roy = decide(env.people.roy, acts[1]);
        // Who is first in line differs.
        let (rae, roy) = if is_swapped {
            let (roy, rae) = tokio::join!(biased; roy, rae);
            (rae, roy)
        } else {
            tokio::join!(biased; rae, roy)
        };
        let (name, act, loser) = match (rae.status.as_u16(), roy.status.as_u16()) {
            (200, 409) => ("Rae Reviewer", acts[0], roy),
            (409, 200) => ("Roy Reviewer", acts[1], rae),
            _ => panic!("not one won: {rae} {roy}"),
        };
        let (action, decision) = match act {
            "approve" => ("request.approved", "approved it for 2 hours"),
            _ => ("request.denied", "denied it"),
        };
        assert_eq!(env.actions(before).await, [format!("{action} by {name}")]);
        assert_eq!(loser.code(), "409 already_decided");
        let detail =
            format!("{name} {decision}. That was on 2030-01-01 00:00 UTC. Nothing was changed.");
        assert_eq!(loser.json()["detail"], detail);
        assert_eq!(env.notices(env.people.ann).await.len(), 1);
    }
}

#[tokio::test]
async fn of_approve_and_cancel_one_wins() {
    for _ in 0..5 {
        let env = TestEnv::new().await;
        let id = pending(&env).await;
        let before = env.seq().await;
        let paths = (path(id, "approve"), path(id, "cancel"));
        let (approve, cancel) = tokio::join!(
            env.post(env.people.rae, &paths.0, json!({})),
            env.act(env.people.ann, &paths.1),
        );
        let won = [&approve, &cancel]
            .into_iter()
            .filter(|answer| answer.status == 200)
            .count();
        assert_eq!(won, 1, "{approve} {cancel}");
        assert_eq!(env.actions(before).await.len(), 1);
        let lost = if approve.status == 200 {
            cancel
        } else {
            approve
        };
        assert_eq!(lost.code(), "409 already_decided");
    }
}

#[tokio::test]
async fn at_the_very_deadline_the_lapse_wins() {
    let env = TestEnv::new().await;
    let id = pending(&env).await;
    // Nobody has swept yet.
    env.clock.forward(TimeDelta::hours(24));
    let answer = env
        .post(env.people.rae, &path(id, "approve"), json!({}))
        .await;
    assert_snapshot!(answer, @r#"
    409 application/problem+json
    {
      "code": "already_decided",
      "detail": "It expired: nobody answered. That was on 2030-01-02 00:00 UTC. Nothing was changed.",
      "status": 409,
      "title": "The request is decided already",
      "type": "urn:hourkey:problem:already_decided"
    }
    "#);
    let shown = env
        .get(env.people.ann, &format!("/requests/{id}"))
        .await
        .json();
    assert_eq!(shown["status"]["state"], "lapsed");
    assert_eq!(shown["grant"], Value::Null);

    let env = TestEnv::new().await;
    let id = pending(&env).await;
    env.clock
        .forward(TimeDelta::hours(24) - TimeDelta::milliseconds(1));
    let answer = env
        .post(env.people.rae, &path(id, "approve"), json!({}))
        .await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn one_cancels_ones_own_request_once() {
    let env = TestEnv::new().await;
    let id = pending(&env).await;
    let before = env.seq().await;
    let answer = env.act(env.people.ann, &path(id, "cancel")).await;
    let status = json!({ "state": "cancelled", "at": "2030-01-01T00:00:00Z", "cause": "person",
        "by": { "id": env.people.ann, "login": "ann", "name": "Ann Member" } });
    assert_eq!(answer.json()["status"], status);
    assert_eq!(
        env.actions(before).await,
        ["request.cancelled by Ann Member"]
    );
    let again = env.act(env.people.ann, &path(id, "cancel")).await;
    assert_eq!(again.code(), "409 already_decided");
}

#[tokio::test]
async fn giving_back_ends_access_at_once() {
    let env = TestEnv::new().await;
    let (ann, grant) = (env.people.ann, granted(&env).await);
    let before = env.seq().await;
    for other in [env.people.ben, env.people.eve, env.people.dan] {
        let hidden = env.act(other, &format!("/grants/{grant}/release")).await;
        assert_eq!(hidden.code(), "404 not_found");
        let unknown = env.act(other, &format!("/grants/{UNKNOWN}/release")).await;
        assert_eq!(hidden, unknown);
    }
    let reviewer = env
        .act(env.people.rae, &format!("/grants/{grant}/release"))
        .await;
    assert_eq!(reviewer.code(), "403 forbidden");
    assert_eq!(env.seq().await, before);
    let answer = env.act(ann, &format!("/grants/{grant}/release")).await;
    assert_snapshot!(answer, @r#"
    200 application/json
    {
      "expires_at": "2030-01-01T01:00:00Z",
      "id": 1,
      "request": 1,
      "starts_at": "2030-01-01T00:00:00Z",
      "status": {
        "at": "2030-01-01T00:00:00Z",
        "state": "released"
      }
    }
    "#);
    let again = env.act(ann, &format!("/grants/{grant}/release")).await;
    assert_snapshot!(again, @r#"
    409 application/problem+json
    {
      "code": "already_ended",
      "detail": "Access was given back. That was on 2030-01-01 00:00 UTC. Nothing was changed.",
      "status": 409,
      "title": "The grant has ended already",
      "type": "urn:hourkey:problem:already_ended"
    }
    "#);
    assert_eq!(env.actions(before).await, ["grant.released by Ann Member"]);
}

#[tokio::test]
async fn revoking_is_told_and_switches_automatic_approval_off() {
    let env = TestEnv::new().await;
    let (ann, logs, grant) = (env.people.ann, env.resources.logs, granted(&env).await);
    let path = format!("/grants/{grant}/revoke");
    let before = env.seq().await;
    let why = json!({ "comment": "not your task" });
    for other in [env.people.ben, env.people.eve, env.people.dan] {
        let hidden = env.post(other, &path, why.clone()).await;
        assert_eq!(hidden.code(), "404 not_found");
        let unknown = format!("/grants/{UNKNOWN}/revoke");
        assert_eq!(hidden, env.post(other, &unknown, why.clone()).await);
    }
    assert_eq!(
        env.post(ann, &path, why.clone()).await.code(),
        "403 own_request"
    );
    let blank = json!({ "comment": "" });
    assert_eq!(
        env.post(env.people.rae, &path, blank).await.code(),
        "422 blank_text"
    );
    assert_eq!(env.seq().await, before);

    let answer = env.post(env.people.rae, &path, why.clone()).await;
    assert_snapshot!(answer, @r#"
    200 application/json
    {
      "expires_at": "2030-01-01T01:00:00Z",
      "id": 1,
      "request": 1,
      "starts_at": "2030-01-01T00:00:00Z",
      "status": {
        "at": "2030-01-01T00:00:00Z",
        "by": {
          "id": 3,
          "login": "rae",
          "name": "Rae Reviewer"
        },
        "cause": "person",
        "comment": "not your task",
        "state": "revoked"
      }
    }
    "#);
    assert_eq!(env.actions(before).await, ["grant.revoked by Rae Reviewer"]);
    assert_eq!(env.notices(ann).await, ["approved", "revoked"]);
    let again = env.post(env.people.roy, &path, why).await;
    assert_eq!(
        again.json()["detail"],
        "Rae Reviewer revoked it. That was on 2030-01-01 00:00 UTC. Nothing was changed."
    );

    let row = env.get(ann, &format!("/resources/{logs}")).await.json();
    let decision = json!({
        "kind": "revoked", "at": "2030-01-01T00:00:00Z", "by": "Rae Reviewer", "cause": null,
        "comment": "not your task", "automatic_at": "2030-01-02T00:00:00Z",
    });
    assert_eq!(row["resource"]["last_decision"], decision);

    // Rule 11: for a day a reviewer decides.
    env.wait(TimeDelta::hours(24) - TimeDelta::milliseconds(1))
        .await;
    let row = env.get(ann, &format!("/resources/{logs}")).await.json();
    assert_eq!(
        row["resource"]["lock"],
        json!({ "state": "locked", "why": "needs_approval" })
    );
    assert_eq!(row["ways"][0]["approval"], "Manual");
    let asked = env
        .post(
            ann,
            "/requests",
            json!({ "resource": logs, "reason": "why" }),
        )
        .await;
    assert_eq!(asked.json()["status"]["state"], "pending");
    env.act(ann, &format!("/requests/{}/cancel", asked.id()))
        .await;
    env.wait(TimeDelta::milliseconds(1)).await;
    let asked = env
        .post(
            ann,
            "/requests",
            json!({ "resource": logs, "reason": "why" }),
        )
        .await;
    assert_eq!(asked.json()["status"]["state"], "approved");
}

#[tokio::test]
async fn the_history_shows_each_reviewer_what_they_may_review() {
    let env = TestEnv::new().await;
    let (ann, rae) = (env.people.ann, env.people.rae);
    for round in 0..55 {
        let id = pending(&env).await;
        let why = json!({ "comment": format!("round {round}") });
        env.post(rae, &path(id, "deny"), why).await;
        env.clock.forward(TimeDelta::seconds(2));
    }
    let first = env.get(ann, "/requests").await.json();
    assert_eq!(first["items"].as_array().unwrap().len(), 50);
    let rest = env
        .get(ann, &format!("/requests?before={}", first["before"]))
        .await
        .json();
    assert_eq!(rest["items"].as_array().unwrap().len(), 5);
    assert_eq!(rest["before"], Value::Null);

    let id = granted(&env).await;
    let decided = async |user: UserId| {
        let page = hourkey_access::queries::decided(&env.app, user, "", None)
            .await
            .unwrap();
        page.items
            .iter()
            .map(|request| request.resource)
            .collect::<Vec<_>>()
    };
    assert_eq!(decided(rae).await[0], env.resources.logs, "grant {id}");
    assert_eq!(decided(rae).await.len(), 50);
    let dans = decided(env.people.dan).await;
    assert!(dans.len() == 50 && dans.iter().all(|id| *id == env.resources.database));
    assert_eq!(decided(ann).await, Vec::<ResourceId>::new());
}

/// Ann asks for the database, 2 hours.
async fn pending(env: &TestEnv) -> i64 {
    let body = json!({ "resource": env.resources.database, "reason": "why", "seconds": 7_200 });
    let answer = env.post(env.people.ann, "/requests", body).await;
    assert_eq!(answer.status, 201, "{answer}");
    answer.id()
}

/// Ann has the logs, at once.
async fn granted(env: &TestEnv) -> i64 {
    let body = json!({ "resource": env.resources.logs, "reason": "why" });
    env.post(env.people.ann, "/requests", body).await.grant()
}

fn path(id: i64, act: &str) -> String {
    format!("/requests/{id}/{act}")
}
