//! Extending by the API: what a running grant gains, what waits beside it, what is refused, and that
//! a refusal changes nothing.
#![allow(clippy::unwrap_used)]

mod test_env;

use chrono::TimeDelta;
use hourkey_domain::ids::{ResourceId, UserId};
use hourkey_domain::length::Length;
use hourkey_domain::settings::{Mode, Override, Period};
use hourkey_store::organisation::Assignment;
use insta::assert_snapshot;
use serde_json::{Value, json};
use test_env::{Answer, TestEnv};

#[tokio::test]
async fn under_automatic_approval_the_same_grant_ends_later_at_once() {
    let env = TestEnv::new().await;
    let (ann, logs) = (env.people.ann, env.resources.logs);
    let grant = logs_for(&env, 3_600).await;
    env.clock.forward(TimeDelta::minutes(50));
    let before = env.seq().await;
    let answer = extend(
        &env,
        ann,
        logs,
        json!({ "reason": "not done", "seconds": 7_200 }),
    )
    .await;
    assert_snapshot!(answer, @r#"
    201 application/json
    {
      "approval": "Automatic",
      "asked": 7200,
      "created_at": "2030-01-01T00:50:00Z",
      "grant": {
        "expires_at": "2030-01-01T02:50:00Z",
        "id": 1,
        "request": 1,
        "starts_at": "2030-01-01T00:00:00Z",
        "status": {
          "state": "active"
        }
      },
      "group_name": "Engineering",
      "id": 2,
      "lapses_at": "2030-01-01T01:00:00Z",
      "purpose": {
        "extension": 1
      },
      "reason": "not done",
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
        "at": "2030-01-01T00:50:00Z",
        "by": null,
        "comment": "",
        "length": 7200,
        "state": "approved"
      }
    }
    "#);
    assert_eq!(answer.grant(), grant);
    assert_eq!(
        env.actions(before).await,
        [
            "request.made by Ann Member",
            "request.approved by the system"
        ]
    );
    let entry = env.audit(before).await.remove(1);
    assert_snapshot!(serde_json::to_string_pretty(&entry.detail).unwrap(), @r#"
    {
      "before": {
        "expires_at": "2030-01-01T01:00:00Z",
        "starts_at": "2030-01-01T00:00:00Z"
      },
      "from": {
        "state": "pending"
      },
      "to": {
        "at": "2030-01-01T00:50:00Z",
        "by": null,
        "comment": "",
        "length": 7200,
        "state": "approved"
      },
      "window": {
        "expires_at": "2030-01-01T02:50:00Z",
        "starts_at": "2030-01-01T00:00:00Z"
      }
    }
    "#);
    assert_eq!(env.notices(ann).await, ["approved", "approved"]);
    let row = row(&env, ann, logs).await;
    assert_eq!(row["lock"]["grant"], grant);
    assert_eq!(row["lock"]["expires_at"], "2030-01-01T02:50:00Z");
    assert_eq!(row["lock"]["started_at"], "2030-01-01T00:00:00Z");
    // The end that was is none any more; the new one is.
    env.wait(TimeDelta::minutes(30)).await;
    assert_eq!(state(&env, ann, logs).await, "granted");
    env.wait(TimeDelta::minutes(90)).await;
    assert_eq!(state(&env, ann, logs).await, "locked");
}

#[tokio::test]
async fn under_manual_approval_it_waits_beside_its_grant() {
    let env = TestEnv::new().await;
    let (people, database) = (env.people, env.resources.database);
    let grant = database_for(&env, people.ann, 3_600).await;
    env.clock.forward(TimeDelta::minutes(30));
    let answer = extend(&env, people.ann, database, json!({ "seconds": 7_200 })).await;
    assert_eq!(answer.status, 201, "{answer}");
    let asked = answer.json();
    assert_eq!(asked["purpose"]["extension"], grant);
    assert_eq!(asked["grant"]["expires_at"], "2030-01-01T01:00:00Z");
    assert_eq!(asked["ends_at"], "2030-01-01T02:30:00Z");
    assert_eq!(asked["lapses_at"], "2030-01-01T01:00:00Z");
    let lock = row(&env, people.ann, database).await["lock"].clone();
    assert_snapshot!(serde_json::to_string_pretty(&lock).unwrap(), @r#"
    {
      "expires_at": "2030-01-01T01:00:00Z",
      "extension": {
        "lapses_at": "2030-01-01T01:00:00Z",
        "request": 2,
        "since": "2030-01-01T00:30:00Z"
      },
      "grant": 1,
      "started_at": "2030-01-01T00:00:00Z",
      "state": "granted"
    }
    "#);

    // A repeat returns what is there: of the access the access, of the extension the extension.
    let again = extend(&env, people.ann, database, json!({ "seconds": 3_600 })).await;
    assert_eq!((again.status.as_u16(), again.id()), (200, answer.id()));
    let plain = ask(&env, people.ann, database, json!({})).await;
    assert_eq!((plain.status.as_u16(), plain.grant()), (200, grant));
    assert_ne!(plain.id(), answer.id());

    // Its reviewers see what it extends, and until when an approval would last.
    env.clock.forward(TimeDelta::minutes(10));
    let review = env.get(people.dan, "/reviews").await.json()[0].clone();
    assert_eq!(review["request"]["grant"]["id"], grant);
    assert_eq!(review["request"]["ends_at"], "2030-01-01T02:40:00Z");
    let notices = env.get(people.dan, "/snapshot").await.json()["notices"].clone();
    assert_eq!(notices[0]["what"]["extends"], "2030-01-01T01:00:00Z");

    let path = format!("/requests/{}/approve", answer.id());
    let body = json!({ "seconds": 5_400, "comment": "then stop" });
    let approved = env.post(people.dan, &path, body).await;
    assert_eq!(approved.grant(), grant);
    assert_eq!(
        approved.json()["grant"]["expires_at"],
        "2030-01-01T02:10:00Z"
    );
    assert_eq!(approved.json()["status"]["length"], 5_400);
    let row = row(&env, people.ann, database).await;
    assert_eq!(row["lock"]["expires_at"], "2030-01-01T02:10:00Z");
    assert_eq!(row["lock"].get("extension"), None);
    let told = env.get(people.ann, "/snapshot").await.json()["notices"][0]["what"].clone();
    assert_eq!(told["kind"], "approved");
    assert_eq!(told["extends"], "2030-01-01T01:00:00Z");
    assert_eq!(told["expires_at"], "2030-01-01T02:10:00Z");
    let late = env.post(people.rae, &path, json!({})).await;
    assert_eq!(late.code(), "409 already_decided");
}

#[tokio::test]
async fn what_cannot_be_extended_is_refused_and_changes_nothing() {
    let env = TestEnv::new().await;
    let (people, resources) = (env.people, env.resources);
    database_for(&env, people.ann, 3_600).await;
    let scheduled = json!({ "starts_at": "2030-01-01T05:00:00Z" });
    let request = ask(&env, people.ben, resources.database, scheduled).await;
    assert_eq!(approve(&env, people.rae, request.id()).await.status, 200);
    ask(&env, people.ann, resources.vault, json!({})).await;
    let before = env.seq().await;
    let long = "x".repeat(2_001);
    for (user, resource, body, code) in [
        // Nothing of it is theirs to see.
        (people.eve, resources.database, json!({}), "404 not_found"),
        (people.ann, ResourceId(4_711), json!({}), "404 not_found"),
        // Somebody else's grant is no grant of theirs, and one that is to start does not run.
        (
            people.rae,
            resources.database,
            json!({}),
            "409 nothing_to_extend",
        ),
        (
            people.ben,
            resources.database,
            json!({}),
            "409 nothing_to_extend",
        ),
        // A request that waits, a lock, and what is open.
        (
            people.ann,
            resources.vault,
            json!({}),
            "409 nothing_to_extend",
        ),
        (
            people.ann,
            resources.logs,
            json!({ "reason": "x" }),
            "409 nothing_to_extend",
        ),
        (people.ann, resources.wiki, json!({}), "409 not_needed"),
        // More than the period, what adds nothing, a start, another assignment, and a long reason.
        (
            people.ann,
            resources.database,
            json!({ "seconds": 28_801 }),
            "422 bad_length",
        ),
        (
            people.ann,
            resources.database,
            json!({ "seconds": 3_659 }),
            "422 bad_length",
        ),
        (
            people.ann,
            resources.database,
            json!({ "seconds": 59 }),
            "422 bad_length",
        ),
        (
            people.ann,
            resources.database,
            json!({ "seconds": 7_200, "starts_at": "2030-01-01T03:00:00Z" }),
            "422 bad_start",
        ),
        (
            people.ann,
            resources.database,
            json!({ "seconds": 7_200, "assignment": env.assignments.logs }),
            "404 not_found",
        ),
        (
            people.ann,
            resources.database,
            json!({ "seconds": 7_200, "reason": long }),
            "422 text_too_long",
        ),
    ] {
        let answer = extend(&env, user, resource, body.clone()).await;
        assert_eq!(answer.code(), code, "{user} {resource} {body}");
    }
    assert_eq!(env.seq().await, before);
    // A minute more is more.
    let least = extend(
        &env,
        people.ann,
        resources.database,
        json!({ "seconds": 3_660 }),
    )
    .await;
    assert_eq!(least.status, 201, "{least}");
}

#[tokio::test]
async fn what_adds_nothing_says_until_when_access_runs_and_why() {
    let env = TestEnv::new().await;
    let (ann, logs) = (env.people.ann, env.resources.logs);
    logs_for(&env, 14_400).await;
    for (body, limit) in [
        (
            json!({ "reason": "x", "seconds": 3_600 }),
            "more has to be asked for",
        ),
        (
            json!({ "reason": "x", "seconds": 14_400 }),
            "at most 4 hours may lie ahead",
        ),
    ] {
        let answer = extend(&env, ann, logs, body).await;
        assert_eq!(answer.code(), "422 bad_length");
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert_eq!(
            detail,
            format!(
                "Access runs until 2030-01-01 04:00 UTC already, and this would not make it last a \
                 minute longer: {limit}. Nothing was changed."
            )
        );
    }
    let detail = env.get(ann, &format!("/resources/{logs}")).await.json();
    assert_eq!(detail["extension"]["at_most"], Value::Null);
    assert_eq!(detail["extension"]["refused"]["period"], 14_400);
    env.clock.forward(TimeDelta::hours(1));
    let detail = env.get(ann, &format!("/resources/{logs}")).await.json();
    assert_eq!(detail["extension"]["at_most"], "2030-01-01T05:00:00Z");
    assert_eq!(detail["extension"]["assignment"], env.assignments.logs.0);
}

#[tokio::test]
async fn seven_days_after_its_start_nothing_is_added() {
    let env = TestEnv::new().await;
    let (ann, logs) = (env.people.ann, env.resources.logs);
    logs_for(&env, 14_400).await;
    let four_hours = json!({ "reason": "again", "seconds": 14_400 });
    for _ in 0..54 {
        env.wait(TimeDelta::hours(3)).await;
        let answer = extend(&env, ann, logs, four_hours.clone()).await;
        assert_eq!(answer.status, 201, "{answer}");
    }
    // 162 hours have passed; the last extension ends within the 168 of a week.
    env.wait(TimeDelta::hours(3)).await;
    let last = extend(&env, ann, logs, four_hours.clone()).await;
    assert_eq!(last.json()["grant"]["expires_at"], "2030-01-08T00:00:00Z");
    let more = extend(&env, ann, logs, four_hours).await;
    assert_eq!(more.code(), "422 bad_length");
    let detail = more.json()["detail"].to_string();
    assert!(
        detail.contains("access lasts at most 7 days from its start"),
        "{detail}"
    );
    env.wait(TimeDelta::hours(3)).await;
    assert_eq!(state(&env, ann, logs).await, "locked");
}

#[tokio::test]
async fn an_extension_needs_a_reason_of_its_own() {
    let env = TestEnv::new().await;
    let (ann, logs) = (env.people.ann, env.resources.logs);
    logs_for(&env, 3_600).await;
    let before = env.seq().await;
    for blank in ["", " \n", "\u{200b}"] {
        let answer = extend(
            &env,
            ann,
            logs,
            json!({ "reason": blank, "seconds": 7_200 }),
        )
        .await;
        assert_eq!(answer.code(), "422 blank_text");
    }
    assert_eq!(env.seq().await, before);
}

#[tokio::test]
async fn nobody_extends_their_own_access_under_manual_approval() {
    let env = TestEnv::new().await;
    let (people, database) = (env.people, env.resources.database);
    database_for_by(&env, people.rae, people.roy, 3_600).await;
    let asked = extend(&env, people.rae, database, json!({ "seconds": 7_200 })).await;
    let before = env.seq().await;
    assert_eq!(
        approve(&env, people.rae, asked.id()).await.code(),
        "403 own_request"
    );
    let eve = approve(&env, people.eve, asked.id()).await;
    assert_eq!(eve.code(), "404 not_found");
    assert_eq!(env.seq().await, before);
    assert_eq!(approve(&env, people.roy, asked.id()).await.status, 200);
}

#[tokio::test]
async fn a_reviewer_shortens_and_never_lengthens_nor_ends_earlier() {
    let env = TestEnv::new().await;
    let (people, database) = (env.people, env.resources.database);
    database_for(&env, people.ann, 3_600).await;
    let asked = extend(&env, people.ann, database, json!({ "seconds": 7_200 })).await;
    let path = format!("/requests/{}/approve", asked.id());
    let before = env.seq().await;
    for seconds in [7_201, 3_600, 3_659, 60] {
        let answer = env
            .post(people.rae, &path, json!({ "seconds": seconds }))
            .await;
        assert_eq!(answer.code(), "422 bad_length", "{seconds}");
    }
    assert_eq!(env.seq().await, before);
    let answer = env
        .post(people.rae, &path, json!({ "seconds": 3_660 }))
        .await;
    assert_eq!(answer.json()["grant"]["expires_at"], "2030-01-01T01:01:00Z");
}

#[tokio::test]
async fn a_denied_extension_leaves_the_grant_and_may_be_asked_again() {
    let env = TestEnv::new().await;
    let (people, database) = (env.people, env.resources.database);
    let grant = database_for(&env, people.ann, 3_600).await;
    let asked = extend(&env, people.ann, database, json!({ "seconds": 7_200 })).await;
    let path = format!("/requests/{}/deny", asked.id());
    let denied = env
        .post(people.rae, &path, json!({ "comment": "no" }))
        .await;
    assert_eq!(denied.grant(), grant);
    assert_eq!(state(&env, people.ann, database).await, "granted");
    let told = env.get(people.ann, "/snapshot").await.json()["notices"][0]["what"].clone();
    assert_eq!(
        (&told["kind"], &told["extends"]),
        (&json!("denied"), &json!("2030-01-01T01:00:00Z"))
    );
    let again = extend(&env, people.ann, database, json!({ "seconds": 7_200 })).await;
    assert_eq!(again.status, 201);
    assert_ne!(again.id(), asked.id());
    let path = format!("/requests/{}/deny", again.id());
    env.post(people.rae, &path, json!({ "comment": "still no" }))
        .await;
    // Access was not denied: once it ends, the resource is locked as after any end.
    env.wait(TimeDelta::hours(1)).await;
    let row = row(&env, people.ann, database).await;
    assert_eq!(row["lock"]["state"], "locked");
    assert_eq!(
        (&row["denied_at"], &row["last_decision"]),
        (&Value::Null, &Value::Null)
    );
}

#[tokio::test]
async fn the_same_form_sent_twice_extends_once() {
    let env = TestEnv::new().await;
    let (ann, logs) = (env.people.ann, env.resources.logs);
    logs_for(&env, 3_600).await;
    env.clock.forward(TimeDelta::minutes(30));
    let body = json!({ "resource": logs, "reason": "x", "seconds": 3_600, "extends": true });
    let first = env.post_once(ann, "/requests", "one", body.clone()).await;
    assert_eq!(first.status, 201, "{first}");
    // From a tab that was left open it is another extension; it adds nothing, and says so.
    let stale = env.post_once(ann, "/requests", "two", body.clone()).await;
    assert_eq!(stale.code(), "422 bad_length");
    env.clock.forward(TimeDelta::minutes(10));
    let before = env.seq().await;
    let replayed = env.post_once(ann, "/requests", "one", body.clone()).await;
    assert_eq!(replayed.json(), first.json());
    assert_eq!(env.seq().await, before);
    let mut other = body.clone();
    other["seconds"] = json!(7_200);
    let reused = env.post_once(ann, "/requests", "one", other).await;
    assert_eq!(reused.code(), "409 key_reused");
    assert_eq!(
        row(&env, ann, logs).await["lock"]["expires_at"],
        "2030-01-01T01:30:00Z"
    );
}

#[tokio::test]
async fn what_ends_the_grant_cancels_the_extension() {
    for end in [
        "release", "revoke", "expire", "disable", "standing", "until",
    ] {
        let env = TestEnv::new().await;
        let (people, database) = (env.people, env.resources.database);
        let grant = database_for(&env, people.ann, 3_600).await;
        let asked = extend(&env, people.ann, database, json!({ "seconds": 7_200 })).await;
        let before = env.seq().await;
        match end {
            "release" => {
                env.act(people.ann, &format!("/grants/{grant}/release"))
                    .await;
            }
            "revoke" => {
                let body = json!({ "comment": "stop" });
                env.post(people.rae, &format!("/grants/{grant}/revoke"), body)
                    .await;
            }
            "expire" => env.wait(TimeDelta::hours(1)).await,
            "disable" => {
                disable(&env, &[people.ann]).await;
            }
            "standing" => {
                let own = Override {
                    mode: Some(Mode::Standing),
                    ..Override::default()
                };
                assign(&env, own, None).await;
            }
            _ => {
                assign(&env, Override::default(), Some("2030-01-01T00:20:00Z")).await;
                env.wait(TimeDelta::minutes(20)).await;
            }
        }
        let (ended, cause) = match end {
            "release" => ("grant.released", "grant_ended"),
            "revoke" => ("grant.revoked", "grant_ended"),
            "expire" => ("grant.expired", "grant_ended"),
            "disable" => ("grant.revoked", "user_disabled"),
            "standing" => ("grant.revoked", "no_longer_needed"),
            _ => ("grant.revoked", "assignment_ended"),
        };
        let actions = env.actions(before).await;
        assert!(
            actions.iter().any(|it| it.starts_with(ended)),
            "{end}: {actions:?}"
        );
        let request = env
            .get(people.rae, &format!("/requests/{}", asked.id()))
            .await
            .json();
        assert_eq!(request["status"]["state"], "cancelled", "{end}");
        assert_eq!(request["status"]["cause"], cause, "{end}");
        assert_eq!(request["status"]["by"], Value::Null, "{end}");
        let late = approve(&env, people.rae, asked.id()).await;
        assert_eq!(late.code(), "409 already_decided", "{end}");
        // The end tells it, but for the end that nobody made.
        let notices = env.notices(people.ann).await;
        let cancelled = notices.iter().filter(|kind| *kind == "cancelled").count();
        assert_eq!(
            cancelled,
            usize::from(end == "expire"),
            "{end}: {notices:?}"
        );
    }
}

#[tokio::test]
async fn a_withdrawn_extension_leaves_the_grant() {
    let env = TestEnv::new().await;
    let (people, database) = (env.people, env.resources.database);
    database_for(&env, people.ann, 3_600).await;
    let asked = extend(&env, people.ann, database, json!({ "seconds": 7_200 })).await;
    let path = format!("/requests/{}/cancel", asked.id());
    assert_eq!(env.act(people.ben, &path).await.code(), "404 not_found");
    assert_eq!(
        env.act(people.ann, &path).await.json()["status"]["state"],
        "cancelled"
    );
    assert_eq!(state(&env, people.ann, database).await, "granted");
}

#[tokio::test]
async fn tightened_settings_clamp_the_extension_at_its_approval() {
    let env = TestEnv::new().await;
    let (people, database) = (env.people, env.resources.database);
    database_for(&env, people.ann, 3_600).await;
    let asked = extend(&env, people.ann, database, json!({ "seconds": 28_800 })).await;
    let period = |seconds| Some(Period::Preset(Length::from_seconds(seconds).unwrap()));
    for (seconds, status) in [(1_800, 422), (7_200, 200)] {
        let own = Override {
            period: period(seconds),
            ..Override::default()
        };
        assign(&env, own, None).await;
        let answer = approve(&env, people.rae, asked.id()).await;
        assert_eq!(answer.status, status, "{answer}");
    }
    let row = row(&env, people.ann, database).await;
    assert_eq!(row["lock"]["expires_at"], "2030-01-01T02:00:00Z");
}

#[tokio::test]
async fn the_end_that_is_told_is_no_later_than_the_groups_access() {
    let env = TestEnv::new().await;
    let (people, database) = (env.people, env.resources.database);
    database_for(&env, people.ann, 3_600).await;
    let asked = extend(&env, people.ann, database, json!({ "seconds": 7_200 })).await;
    let until = "2030-01-01T00:40:00Z";
    assign(&env, Override::default(), Some(until)).await;
    let row = row(&env, people.ann, database).await["lock"].clone();
    assert_eq!(row["expires_at"], until);
    assert_eq!(row["extension"]["lapses_at"], until);
    for (id, reader) in [(1, people.ann), (asked.id(), people.ann), (1, people.rae)] {
        let path = format!("/requests/{id}");
        let request = env.get(reader, &path).await.json();
        assert_eq!(request["grant"]["expires_at"], until, "{id}");
    }
    let all = env.get(people.ann, "/requests").await.json();
    assert_eq!(all["items"][0]["lapses_at"], until);
    let review = env.get(people.rae, "/reviews").await.json()[0].clone();
    assert_eq!(review["request"]["grant"]["expires_at"], until);
    assert_eq!(review["request"]["lapses_at"], until);
}

#[tokio::test]
async fn what_is_open_while_used_is_extended_neither_by_asking_nor_by_approving() {
    let env = TestEnv::new().await;
    let (people, database) = (env.people, env.resources.database);
    let period = Some(Period::Custom {
        up_to: "7d".parse().unwrap(),
        recommended: Some("1d".parse().unwrap()),
    });
    let by_request = Override {
        period,
        ..Override::default()
    };
    assign(&env, by_request, None).await;
    for user in [people.ann, people.ben] {
        database_for(&env, user, 3 * 86_400).await;
    }
    let longer = json!({ "seconds": 5 * 86_400 });
    let waits = extend(&env, people.ann, database, longer.clone()).await;
    let mode = Some(Mode::AutoLock);
    let own = Override { mode, ..by_request };
    assign(&env, own, None).await;
    let before = env.seq().await;
    let approved = approve(&env, people.rae, waits.id()).await;
    // Open, it needs no request; once it locked because nobody used it, there is nothing to extend.
    let open = extend(&env, people.ben, database, longer.clone()).await;
    assert_eq!(open.code(), "409 not_needed");
    assert_eq!(env.seq().await, before);
    let lock_after = Some(1);
    assign(&env, Override { lock_after, ..own }, None).await;
    env.wait(TimeDelta::hours(25)).await;
    let before = env.seq().await;
    let asked = extend(&env, people.ben, database, longer).await;
    for refused in [approved, asked] {
        assert_eq!(refused.code(), "409 nothing_to_extend");
        let detail = refused.json()["detail"].clone();
        let detail = detail.as_str().unwrap();
        assert!(detail.contains("open while it is used"), "{detail}");
    }
    assert_eq!(env.seq().await, before);
}

#[tokio::test]
async fn after_a_revocation_an_extension_needs_a_reviewer() {
    let env = TestEnv::new().await;
    let (people, logs) = (env.people, env.resources.logs);
    let grant = logs_for(&env, 3_600).await;
    let body = json!({ "comment": "stop" });
    env.post(people.rae, &format!("/grants/{grant}/revoke"), body)
        .await;
    let asked = ask(
        &env,
        people.ann,
        logs,
        json!({ "reason": "please", "seconds": 3_600 }),
    )
    .await;
    assert_eq!(approve(&env, people.rae, asked.id()).await.status, 200);
    let more = extend(
        &env,
        people.ann,
        logs,
        json!({ "reason": "more", "seconds": 7_200 }),
    )
    .await;
    assert_eq!(more.json()["status"]["state"], "pending");
    assert_eq!(more.json()["approval"], "Manual");
}

#[tokio::test]
async fn where_nobody_else_is_left_to_approve_it_is_refused() {
    let env = TestEnv::new().await;
    let (people, database) = (env.people, env.resources.database);
    database_for_by(&env, people.rae, people.roy, 3_600).await;
    disable(&env, &[people.roy, people.dan, people.ada]).await;
    let before = env.seq().await;
    let answer = extend(&env, people.rae, database, json!({ "seconds": 7_200 })).await;
    assert_eq!(answer.code(), "409 nobody_can_approve");
    assert_eq!(env.seq().await, before);
}

async fn ask(env: &TestEnv, user: UserId, resource: ResourceId, mut body: Value) -> Answer {
    body["resource"] = json!(resource);
    env.post(user, "/requests", body).await
}

async fn extend(env: &TestEnv, user: UserId, resource: ResourceId, mut body: Value) -> Answer {
    body["extends"] = json!(true);
    ask(env, user, resource, body).await
}

async fn approve(env: &TestEnv, by: UserId, request: i64) -> Answer {
    env.post(by, &format!("/requests/{request}/approve"), json!({}))
        .await
}

/// Ann has the logs for so long, at once.
async fn logs_for(env: &TestEnv, seconds: u64) -> i64 {
    let body = json!({ "reason": "find the slow query", "seconds": seconds });
    ask(env, env.people.ann, env.resources.logs, body)
        .await
        .grant()
}

/// Somebody has the database for so long, by Rae's word.
async fn database_for(env: &TestEnv, user: UserId, seconds: u64) -> i64 {
    database_for_by(env, user, env.people.rae, seconds).await
}

async fn database_for_by(env: &TestEnv, user: UserId, by: UserId, seconds: u64) -> i64 {
    let asked = ask(
        env,
        user,
        env.resources.database,
        json!({ "seconds": seconds }),
    )
    .await;
    approve(env, by, asked.id()).await.grant()
}

async fn disable(env: &TestEnv, users: &[UserId]) {
    let users = users.to_vec();
    env.change(move |tx| {
        Box::pin(async move {
            for id in users {
                let mut user = tx.user(id).await?.unwrap();
                user.disabled = true;
                tx.update_user(user).await?;
            }
            Ok(())
        })
    })
    .await;
}

/// Sets what is special about Engineering's access to the database, and until when it lasts.
async fn assign(env: &TestEnv, own: Override, until: Option<&str>) {
    let id = env.assignments.database;
    let until = until.map(|until| until.parse().unwrap());
    env.change(move |tx| {
        Box::pin(async move {
            let before = tx.assignment(id).await?.unwrap();
            let after = Assignment {
                own,
                until,
                ..before
            };
            Ok(tx.update_assignment(after).await?)
        })
    })
    .await;
}

async fn row(env: &TestEnv, user: UserId, resource: ResourceId) -> Value {
    let detail = env
        .get(user, &format!("/resources/{resource}"))
        .await
        .json();
    detail["resource"].clone()
}

async fn state(env: &TestEnv, user: UserId, resource: ResourceId) -> String {
    let lock = row(env, user, resource).await["lock"].clone();
    lock["state"].as_str().unwrap().to_owned()
}
