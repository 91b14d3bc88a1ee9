//! Asking by the API: what is granted, what waits, what is refused, and that a refusal changes
//! nothing.
#![allow(clippy::unwrap_used)]

mod test_env;

use chrono::TimeDelta;
use hourkey_domain::ids::{ResourceId, UserId};
use insta::assert_snapshot;
use serde_json::{Value, json};
use test_env::TestEnv;

#[tokio::test]
async fn a_manual_request_waits_and_its_reviewers_are_told() {
    let env = TestEnv::new().await;
    let (people, database) = (env.people, env.resources.database);
    let before = env.seq().await;
    let body = json!({ "resource": database, "reason": "restore a backup", "seconds": 7_200 });
    let answer = env.post(people.ann, "/requests", body).await;
    assert_snapshot!(answer, @r#"
    201 application/json
    {
      "approval": "Manual",
      "asked": 7200,
      "created_at": "2030-01-01T00:00:00Z",
      "grant": null,
      "group_name": "Engineering",
      "id": 1,
      "lapses_at": "2030-01-02T00:00:00Z",
      "purpose": "grant",
      "reason": "restore a backup",
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
        "state": "pending"
      }
    }
    "#);
    assert_eq!(env.actions(before).await, ["request.made by Ann Member"]);
    for reviewer in [people.rae, people.roy, people.ada, people.dan] {
        assert_eq!(env.notices(reviewer).await, ["please_review"], "{reviewer}");
    }
    for other in [people.ann, people.ben, people.eve] {
        assert!(env.notices(other).await.is_empty(), "{other}");
    }
    let row = env.get(people.ann, &format!("/resources/{database}")).await;
    assert_snapshot!(row, @r#"
    200 application/json
    {
      "approvers": {
        "groups": [
          "Database owners"
        ],
        "kind": "regulars",
        "people": [
          "Rae Reviewer",
          "Roy Reviewer",
          "Dan Owner",
          "Ada Admin"
        ]
      },
      "resource": {
        "address": "database.corp",
        "alias": null,
        "denied_at": null,
        "id": 2,
        "last_decision": null,
        "last_touched": "2030-01-01T00:00:00Z",
        "lock": {
          "lapses_at": "2030-01-02T00:00:00Z",
          "request": 1,
          "since": "2030-01-01T00:00:00Z",
          "state": "pending"
        },
        "name": "Database",
        "network": "Office",
        "ports": "5432",
        "tags": [],
        "url": null
      },
      "ways": [
        {
          "approval": "Manual",
          "assignment": 2,
          "group": 1,
          "group_name": "Engineering",
          "lock_after": 7,
          "mode": "AccessRequest",
          "period": {
            "custom": {
              "up_to": 28800
            }
          },
          "preselected": true,
          "until": null
        }
      ]
    }
    "#);
}

#[tokio::test]
async fn automatic_approval_grants_at_once() {
    let env = TestEnv::new().await;
    let (ann, logs) = (env.people.ann, env.resources.logs);
    let before = env.seq().await;
    let body = json!({ "resource": logs, "reason": "find the slow query", "seconds": 600 });
    let answer = env.post(ann, "/requests", body).await;
    assert_snapshot!(answer, @r#"
    201 application/json
    {
      "approval": "Automatic",
      "asked": 600,
      "created_at": "2030-01-01T00:00:00Z",
      "grant": {
        "expires_at": "2030-01-01T00:10:00Z",
        "id": 1,
        "request": 1,
        "starts_at": "2030-01-01T00:00:00Z",
        "status": {
          "state": "active"
        }
      },
      "group_name": "Engineering",
      "id": 1,
      "lapses_at": "2030-01-02T00:00:00Z",
      "purpose": "grant",
      "reason": "find the slow query",
      "requester": {
        "id": 1,
        "login": "ann",
        "name": "Ann Member"
      },
      "resource": 3,
      "resource_address": "logs.corp:443",
      "resource_name": "Logs",
      "starts_at": null,
      "status": {
        "at": "2030-01-01T00:00:00Z",
        "by": null,
        "comment": "",
        "length": 600,
        "state": "approved"
      }
    }
    "#);
    let actions = env.actions(before).await;
    assert_eq!(
        actions,
        [
            "request.made by Ann Member",
            "request.approved by the system"
        ]
    );
    assert_eq!(env.notices(ann).await, ["approved"]);
    assert!(env.notices(env.people.rae).await.is_empty());
}

#[tokio::test]
async fn asking_again_returns_what_is_there() {
    let env = TestEnv::new().await;
    let (ann, database, logs) = (env.people.ann, env.resources.database, env.resources.logs);
    for (resource, state) in [(database, "pending"), (logs, "approved")] {
        let first = env.post(ann, "/requests", ask(resource, "why")).await;
        let before = env.seq().await;
        let again = json!({ "resource": resource, "reason": "something else", "seconds": 60 });
        let again = env.post(ann, "/requests", again).await;
        assert_eq!((first.status.as_u16(), again.status.as_u16()), (201, 200));
        assert_eq!(first.json(), again.json());
        assert_eq!(again.json()["status"]["state"], state);
        assert_eq!(env.seq().await, before);
    }
}

#[tokio::test]
async fn a_double_send_with_one_key_happens_once() {
    let env = TestEnv::new().await;
    let (ann, logs) = (env.people.ann, env.resources.logs);
    let first = env
        .post_once(ann, "/requests", "key-1", ask(logs, "why"))
        .await;
    env.act(ann, &format!("/grants/{}/release", first.grant()))
        .await;
    let before = env.seq().await;
    // Without the key this would ask anew, since the grant was given back.
    let again = env
        .post_once(ann, "/requests", "key-1", ask(logs, "why"))
        .await;
    assert_eq!(first, again);
    assert_eq!(env.seq().await, before);

    let other = env
        .post_once(ann, "/requests", "key-1", ask(logs, "another reason"))
        .await;
    assert_snapshot!(other, @r#"
    409 application/problem+json
    {
      "code": "key_reused",
      "detail": "You sent another call with this Idempotency-Key before. Use a new key for each call, and the same one only to repeat it.",
      "status": 409,
      "title": "This Idempotency-Key belongs to another call",
      "type": "urn:hourkey:problem:key_reused"
    }
    "#);
    assert_eq!(env.seq().await, before);

    // Keys belong to their users.
    let ben = env
        .post_once(env.people.ben, "/requests", "key-1", ask(logs, "why"))
        .await;
    assert_eq!(ben.status, 201);
}

#[tokio::test]
async fn a_refused_call_is_judged_anew_under_its_key() {
    let env = TestEnv::new().await;
    let (ann, logs) = (env.people.ann, env.resources.logs);
    let refused = env.post_once(ann, "/requests", "key", ask(logs, " ")).await;
    assert_eq!(refused.code(), "422 blank_text");
    let made = env
        .post_once(ann, "/requests", "key", ask(logs, "why"))
        .await;
    assert_eq!(made.status, 201);
}

#[tokio::test]
async fn twenty_sends_at_once_make_one_request() {
    let env = TestEnv::new().await;
    let (ann, database) = (env.people.ann, env.resources.database);
    let before = env.seq().await;
    let sends = (0..20).map(|_| env.post(ann, "/requests", ask(database, "why")));
    let answers = futures_util::future::join_all(sends).await;
    let new = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(new, 1);
    assert!(answers.iter().all(|answer| answer.id() == answers[0].id()));
    assert_eq!(env.actions(before).await, ["request.made by Ann Member"]);
}

#[tokio::test]
async fn what_one_cannot_see_answers_as_what_does_not_exist() {
    let env = TestEnv::new().await;
    let ann = env.people.ann;
    let before = env.seq().await;
    let unknown = env
        .post(ann, "/requests", ask(ResourceId(4_711), "why"))
        .await;
    assert_snapshot!(unknown, @r#"
    404 application/problem+json
    {
      "code": "not_found",
      "detail": "It doesn’t exist, or you don’t have access.",
      "status": 404,
      "title": "There is no such thing, or it is not yours to see",
      "type": "urn:hourkey:problem:not_found"
    }
    "#);
    let hidden = env
        .post(ann, "/requests", ask(env.resources.payroll, "why"))
        .await;
    assert_eq!(hidden, unknown);
    let nobody = env
        .post(env.people.eve, "/requests", ask(env.resources.logs, "why"))
        .await;
    assert_eq!(nobody, unknown);
    // Another group's assignment to a resource that one does see.
    let assignment =
        json!({ "resource": env.resources.vault, "assignment": env.assignments.vault_on_call });
    assert_eq!(env.post(ann, "/requests", assignment).await, unknown);
    let assignment = json!({ "resource": env.resources.vault, "assignment": 4_711 });
    assert_eq!(env.post(ann, "/requests", assignment).await, unknown);

    let resource = |id: i64| format!("/resources/{id}");
    let missing = env.get(ann, &resource(4_711)).await;
    assert_eq!(
        env.get(ann, &resource(env.resources.payroll.0)).await,
        missing
    );
    assert_eq!(env.get(ann, &resource(-1)).await, missing);
    assert_eq!(
        env.get(ann, "/resources/9999999999999999999999").await,
        missing
    );
    assert_eq!(env.get(ann, "/resources/x").await, missing);
    assert_eq!(env.seq().await, before);
}

#[tokio::test]
async fn the_preselected_way_comes_first_and_another_may_be_chosen() {
    let env = TestEnv::new().await;
    let (ben, vault) = (env.people.ben, env.resources.vault);
    let detail = env.get(ben, &format!("/resources/{vault}")).await;
    assert_snapshot!(detail, @r#"
    200 application/json
    {
      "approvers": {
        "groups": [],
        "kind": "regulars",
        "people": [
          "Rae Reviewer",
          "Roy Reviewer",
          "Ada Admin"
        ]
      },
      "resource": {
        "address": "vault.corp",
        "alias": null,
        "denied_at": null,
        "id": 4,
        "last_decision": null,
        "last_touched": null,
        "lock": {
          "state": "locked",
          "why": "needs_reason"
        },
        "name": "Vault",
        "network": "Office",
        "ports": "8200",
        "tags": [],
        "url": null
      },
      "ways": [
        {
          "approval": "Automatic",
          "assignment": 5,
          "group": 2,
          "group_name": "On call",
          "lock_after": 7,
          "mode": "AccessRequest",
          "period": {
            "custom": {
              "up_to": 7200
            }
          },
          "preselected": true,
          "until": null
        },
        {
          "approval": "Manual",
          "assignment": 4,
          "group": 1,
          "group_name": "Engineering",
          "lock_after": 7,
          "mode": "AccessRequest",
          "period": {
            "preset": 3600
          },
          "preselected": false,
          "until": null
        }
      ]
    }
    "#);
    let other = json!({ "resource": vault, "assignment": env.assignments.vault });
    let asked = env.post(ben, "/requests", other).await.json();
    assert_eq!(asked["group_name"], "Engineering");
    assert_eq!(asked["status"]["state"], "pending");
    assert_eq!(asked["asked"], 3_600);
}

#[tokio::test]
async fn what_is_open_needs_no_request() {
    let env = TestEnv::new().await;
    let before = env.seq().await;
    let body = ask(env.resources.wiki, "why");
    let answer = env.post(env.people.ann, "/requests", body).await;
    assert_snapshot!(answer, @r#"
    409 application/problem+json
    {
      "code": "not_needed",
      "detail": "This resource is open to you without a request. Just use it.",
      "status": 409,
      "title": "No request is needed",
      "type": "urn:hourkey:problem:not_needed"
    }
    "#);
    assert_eq!(env.seq().await, before);
}

#[tokio::test]
async fn blank_reasons_are_refused_under_automatic_approval_only() {
    let env = TestEnv::new().await;
    let (ann, logs) = (env.people.ann, env.resources.logs);
    let before = env.seq().await;
    for blank in ["", "  \t\n", "\u{200b}\u{2060}\u{feff}", "\u{3164}"] {
        let answer = env.post(ann, "/requests", ask(logs, blank)).await;
        assert_eq!(answer.code(), "422 blank_text", "{blank:?}");
    }
    assert_eq!(env.seq().await, before);
    let manual = env
        .post(ann, "/requests", ask(env.resources.database, ""))
        .await;
    assert_eq!(manual.status, 201);
}

#[tokio::test]
async fn hostile_reasons_are_kept_as_typed() {
    let env = TestEnv::new().await;
    let reason = "<script>alert(1)</script>\u{202e}=cmd|'/c'!A0\r\n\0'\"; drop table request; --";
    let body = ask(env.resources.database, reason);
    let made = env.post(env.people.ann, "/requests", body).await;
    let seen = env
        .get(env.people.rae, &format!("/requests/{}", made.id()))
        .await;
    assert_eq!(seen.json()["reason"], reason);
    let longest = "ä".repeat(2_000);
    let body = ask(env.resources.logs, &longest);
    assert_eq!(
        env.post(env.people.ann, "/requests", body).await.json()["reason"],
        longest
    );
    let body = ask(env.resources.vault, &"ä".repeat(2_001));
    let answer = env.post(env.people.ann, "/requests", body).await;
    assert_snapshot!(answer, @r#"
    422 application/problem+json
    {
      "code": "text_too_long",
      "detail": "This text has 2001 characters; at most 2,000 are kept. Shorten it.",
      "status": 422,
      "title": "A text is too long",
      "type": "urn:hourkey:problem:text_too_long"
    }
    "#);
}

#[tokio::test]
async fn lengths_outside_the_rules_are_refused() {
    let env = TestEnv::new().await;
    let (ann, logs) = (env.people.ann, env.resources.logs);
    let before = env.seq().await;
    let mut answers = String::new();
    for seconds in [
        "0",
        "59",
        "14401",
        "604801",
        "31536001",
        "18446744073709551615",
        "18446744073709551616",
        "-1",
        "1.5",
        "1e300",
        "\"60\"",
        "[]",
    ] {
        let body = format!(r#"{{"resource":{logs},"reason":"why","seconds":{seconds}}}"#);
        let answer = raw(&env, ann, &body).await;
        answers += &format!("{seconds}: {} {}\n", answer.code(), answer.json()["detail"]);
    }
    assert_snapshot!(answers, @r#"
    0: 422 bad_length "Access lasts from 1 minute to 365 days (60 to 31536000 seconds), and 0 seconds is outside of that."
    59: 422 bad_length "Access lasts from 1 minute to 365 days (60 to 31536000 seconds), and 59 seconds is outside of that."
    14401: 422 bad_length "At most 4 hours can be asked for here. Ask for less."
    604801: 422 bad_length "At most 4 hours can be asked for here. Ask for less."
    31536001: 422 bad_length "Access lasts from 1 minute to 365 days (60 to 31536000 seconds), and 31536001 seconds is outside of that."
    18446744073709551615: 422 bad_length "Access lasts from 1 minute to 365 days (60 to 31536000 seconds), and 18446744073709551615 seconds is outside of that."
    18446744073709551616: 400 malformed "The body is not what this call takes: invalid type: floating point `1.8446744073709552e+19`, expected u64 at line 1 column 59."
    -1: 400 malformed "The body is not what this call takes: invalid value: integer `-1`, expected u64 at line 1 column 41."
    1.5: 400 malformed "The body is not what this call takes: invalid type: floating point `1.5`, expected u64 at line 1 column 42."
    1e300: 400 malformed "The body is not what this call takes: invalid type: floating point `1e+300`, expected u64 at line 1 column 44."
    "60": 400 malformed "The body is not what this call takes: invalid type: string \"60\", expected u64 at line 1 column 43."
    []: 400 malformed "The body is not what this call takes: invalid type: sequence, expected u64 at line 1 column 39."
    "#);
    assert_eq!(env.seq().await, before);
    // The most that is allowed, and the least.
    for (user, seconds) in [(ann, 14_400), (env.people.ben, 60)] {
        let body = json!({ "resource": logs, "reason": "why", "seconds": seconds });
        assert_eq!(
            env.post(user, "/requests", body).await.json()["asked"],
            seconds
        );
    }
}

#[tokio::test]
async fn starts_outside_the_rules_are_refused() {
    let env = TestEnv::new().await;
    let (ann, logs) = (env.people.ann, env.resources.logs);
    let before = env.seq().await;
    for start in [
        "2030-01-01T00:00:00Z",
        "2029-12-31T23:59:59Z",
        "2030-01-08T00:00:01Z",
        "+262142-12-31T23:59:59Z",
    ] {
        let body = json!({ "resource": logs, "reason": "why", "starts_at": start });
        assert_eq!(
            env.post(ann, "/requests", body).await.code(),
            "422 bad_start",
            "{start}"
        );
    }
    let body = json!({ "resource": logs, "reason": "why", "starts_at": "tomorrow" });
    assert_eq!(
        env.post(ann, "/requests", body).await.code(),
        "400 malformed"
    );
    assert_eq!(env.seq().await, before);
}

#[tokio::test]
async fn a_scheduled_grant_starts_and_ends_by_the_clock() {
    let env = TestEnv::new().await;
    let (ann, logs) = (env.people.ann, env.resources.logs);
    let before = env.seq().await;
    let body = json!({ "resource": logs, "reason": "why", "seconds": 600,
        "starts_at": "2030-01-01T06:00:00Z" });
    let made = env.post(ann, "/requests", body.clone()).await.json();
    assert_eq!(made["grant"]["status"]["state"], "scheduled");
    // Again, it is what is there; with another start it is refused, and says until when (rule 4).
    let mut finer = body.clone();
    finer["starts_at"] = json!("2030-01-01T06:00:00.000456Z");
    for body in [body, finer] {
        let again = env.post(ann, "/requests", body).await;
        assert_eq!(again.id(), made["id"].as_i64().unwrap());
    }
    let later = json!({ "resource": logs, "reason": "why", "starts_at": "2030-01-01T09:00:00Z" });
    let refused = env.post(ann, "/requests", later).await;
    assert_eq!(refused.code(), "422 bad_start");
    assert!(refused.text.contains("06:10"), "{}", refused.text);
    let lock = async || {
        let row = env.get(ann, &format!("/resources/{logs}")).await.json();
        row["resource"]["lock"]["state"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(lock().await, "scheduled");
    env.wait(TimeDelta::milliseconds(6 * 3_600_000 - 1)).await;
    assert_eq!(lock().await, "scheduled");
    env.wait(TimeDelta::milliseconds(1)).await;
    assert_eq!(lock().await, "granted");
    env.wait(TimeDelta::milliseconds(600_000 - 1)).await;
    assert_eq!(lock().await, "granted");
    env.wait(TimeDelta::milliseconds(1)).await;
    assert_eq!(lock().await, "locked");
    assert_eq!(env.notices(ann).await, ["approved", "started"]);
    assert_eq!(
        env.actions(before).await,
        [
            "request.made by Ann Member",
            "request.approved by the system",
            "grant.started by the system",
            "grant.expired by the system",
        ],
    );
}

#[tokio::test]
async fn after_an_unswept_end_one_may_ask_again() {
    let env = TestEnv::new().await;
    let (ann, logs) = (env.people.ann, env.resources.logs);
    let body = json!({ "resource": logs, "reason": "why", "seconds": 600 });
    let first = env.post(ann, "/requests", body.clone()).await;
    env.clock.forward(TimeDelta::minutes(10));
    let shown = env
        .get(ann, &format!("/requests/{}", first.id()))
        .await
        .json();
    assert_eq!(shown["grant"]["status"]["state"], "expired");
    let before = env.seq().await;
    let second = env.post(ann, "/requests", body).await;
    assert_eq!(second.status, 201);
    assert_ne!(first.id(), second.id());
    assert_eq!(
        env.actions(before).await,
        [
            "grant.expired by the system",
            "request.made by Ann Member",
            "request.approved by the system",
        ],
    );
}

#[tokio::test]
async fn a_request_lapses_after_a_day() {
    let env = TestEnv::new().await;
    let (ann, database) = (env.people.ann, env.resources.database);
    let made = env.post(ann, "/requests", ask(database, "why")).await;
    env.wait(TimeDelta::hours(24) - TimeDelta::milliseconds(1))
        .await;
    assert_eq!(
        env.get(env.people.rae, "/reviews")
            .await
            .json()
            .as_array()
            .unwrap()
            .len(),
        1
    );
    env.wait(TimeDelta::milliseconds(1)).await;
    assert_eq!(env.get(env.people.rae, "/reviews").await.json(), json!([]));
    let shown = env
        .get(ann, &format!("/requests/{}", made.id()))
        .await
        .json();
    assert_eq!(
        shown["status"],
        json!({ "state": "lapsed", "at": "2030-01-02T00:00:00Z" })
    );
    assert_eq!(env.notices(ann).await, ["lapsed"]);
}

#[tokio::test]
async fn an_assignment_that_ends_soon_shortens_or_refuses() {
    let env = TestEnv::new().await;
    let (ann, logs) = (env.people.ann, env.resources.logs);
    let assignments = env.assignments;
    env.change(move |tx| {
        Box::pin(async move {
            tx.update_assignment(hourkey_store::organisation::Assignment {
                auto_locks_since: None,
                id: assignments.logs,
                group: assignments.engineering,
                resource: logs,
                until: Some("2030-01-01T00:10:00Z".parse().unwrap()),
                own: hourkey_domain::settings::Override::default(),
            })
            .await?;
            Ok(())
        })
    })
    .await;
    let made = env.post(ann, "/requests", ask(logs, "why")).await.json();
    assert_eq!(made["status"]["length"], 600);
    assert_eq!(made["grant"]["expires_at"], "2030-01-01T00:10:00Z");
    env.wait(TimeDelta::minutes(9) + TimeDelta::milliseconds(1))
        .await;
    let ben = env.people.ben;
    let late = env.post(ben, "/requests", ask(logs, "why")).await;
    assert_eq!(late.code(), "422 bad_length");
    env.wait(TimeDelta::minutes(1)).await;
    assert_eq!(
        env.get(ann, &format!("/resources/{logs}")).await.code(),
        "404 not_found"
    );
    assert_eq!(
        env.post(ann, "/requests", ask(logs, "why")).await.code(),
        "404 not_found"
    );
}

/// What clients keep of a request says when its access ends, without moving with the time.
#[tokio::test]
async fn reviewers_are_told_when_access_ends() {
    let env = TestEnv::new().await;
    let (people, database) = (env.people, env.resources.database);
    let assignments = env.assignments;
    let queue = || async {
        let snapshot = env.get(people.dan, "/snapshot").await.json();
        let review = &snapshot["reviews"][0];
        json!([review["request"]["ends_at"], review["ends_by"]])
    };
    let asked = json!({ "resource": database, "reason": "why", "seconds": 7_200 });
    let answer = env.post(people.ann, "/requests", asked.clone()).await;
    assert_eq!(queue().await, json!([null, null]));
    env.change(move |tx| {
        Box::pin(async move {
            let mut own = tx.assignment(assignments.database).await?.unwrap();
            own.until = Some("2030-01-01T01:00:00Z".parse().unwrap());
            Ok(tx.update_assignment(own).await?)
        })
    })
    .await;
    assert_eq!(queue().await, json!([null, "2030-01-01T01:00:00Z"]));
    env.wait(TimeDelta::minutes(5)).await;
    assert_eq!(queue().await, json!([null, "2030-01-01T01:00:00Z"]));
    // With a start, the end does not move either.
    env.post(
        people.ann,
        &format!("/requests/{}/cancel", answer.id()),
        json!({}),
    )
    .await;
    let mut later = asked;
    later["starts_at"] = json!("2030-01-01T00:20:00Z");
    later["seconds"] = json!(1_200);
    let answer = env.post(people.ann, "/requests", later).await;
    assert_eq!(answer.status, 201, "{answer}");
    let both = json!(["2030-01-01T00:40:00Z", "2030-01-01T01:00:00Z"]);
    assert_eq!(queue().await, both);
    env.wait(TimeDelta::minutes(5)).await;
    assert_eq!(queue().await, both);
}

fn ask(resource: ResourceId, reason: &str) -> Value {
    json!({ "resource": resource, "reason": reason })
}

async fn raw(env: &TestEnv, user: UserId, body: &str) -> test_env::Answer {
    let request =
        axum::http::Request::post("/api/v1/requests").header("content-type", "application/json");
    env.call(user, request, axum::body::Body::from(body.to_owned()))
        .await
}
