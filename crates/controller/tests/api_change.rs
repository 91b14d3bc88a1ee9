//! Rule 7's table by the API: what a change of the organisation does to what waits or runs.
#![allow(clippy::unwrap_used)]

mod test_env;

use std::sync::Arc;

use chrono::TimeDelta;
use futures_util::future::BoxFuture;
use hourkey_access::error::AppError;
use hourkey_domain::ids::{AssignmentId, ResourceId, UserId};
use hourkey_domain::length::Length;
use hourkey_domain::review::Role;
use hourkey_domain::settings::{Approval, Mode, Override, Period};
use hourkey_store::Write;
use hourkey_store::organisation::{Assignment, Group};
use serde_json::{Value, json};
use test_env::TestEnv;

/// A change of the organisation.
type Change = Arc<dyn for<'t> Fn(&'t mut dyn Write) -> BoxFuture<'t, Done> + Send + Sync>;
type Done = Result<(), AppError>;

/// Ann waits for the database, has the logs scheduled, and uses the vault.
struct Three {
    env: TestEnv,
    waiting: i64,
    scheduled: i64,
    running: i64,
}

impl Three {
    async fn new() -> Self {
        let env = TestEnv::new().await;
        let (ann, resources) = (env.people.ann, env.resources);
        let body = json!({ "resource": resources.database, "reason": "why" });
        let waiting = env.post(ann, "/requests", body).await.id();
        let body = json!({ "resource": resources.logs, "reason": "why",
            "starts_at": "2030-01-01T06:00:00Z" });
        let scheduled = env.post(ann, "/requests", body).await.id();
        let body = json!({ "resource": resources.vault, "reason": "why" });
        let running = env.post(ann, "/requests", body).await.id();
        let path = format!("/requests/{running}/approve");
        assert_eq!(env.post(env.people.rae, &path, json!({})).await.status, 200);
        Self {
            env,
            waiting,
            scheduled,
            running,
        }
    }

    /// The three as they stand, each as state and cause.
    async fn stand(&self) -> [String; 3] {
        let mut stand = Vec::new();
        for id in [self.waiting, self.scheduled, self.running] {
            let path = format!("/requests/{id}");
            let request = self.env.get(self.env.people.ada, &path).await.json();
            let status = if request["grant"] == Value::Null {
                &request["status"]
            } else {
                &request["grant"]["status"]
            };
            let state = status["state"].as_str().unwrap();
            let cause = status["cause"].as_str();
            stand.push(cause.map_or(state.to_owned(), |cause| format!("{state}: {cause}")));
        }
        stand.try_into().unwrap()
    }

    async fn change(&self, change: Change) {
        self.env.change(move |tx| change(tx)).await;
    }
}

#[tokio::test]
async fn a_disabled_user_loses_everything() {
    let three = Three::new().await;
    let (ann, before) = (three.env.people.ann, three.env.seq().await);
    three.change(disable(ann, true)).await;
    let ended = [
        "cancelled: user_disabled",
        "revoked: user_disabled",
        "revoked: user_disabled",
    ];
    assert_eq!(three.stand().await, ended);
    assert_eq!(
        three.env.actions(before).await,
        [
            "resource.changed by Ada Admin",
            "request.cancelled by Ada Admin",
            "grant.revoked by Ada Admin",
            "grant.revoked by Ada Admin",
        ],
    );
    let answer = three.env.get(ann, "/me").await;
    assert_eq!(answer.code(), "401 unauthenticated");

    // Enabling revives nothing.
    three.change(disable(ann, false)).await;
    assert_eq!(three.stand().await, ended);
    assert_eq!(
        three.env.notices(ann).await,
        ["approved", "approved", "cancelled", "revoked", "revoked"],
    );
}

#[tokio::test]
async fn leaving_the_group_ends_what_rests_on_it() {
    let three = Three::new().await;
    let env = &three.env;
    let (ann, ben, rae) = (env.people.ann, env.people.ben, env.people.rae);
    three.change(members(&three, vec![ben, rae])).await;
    let ended = [
        "cancelled: membership_removed",
        "revoked: membership_removed",
        "revoked: membership_removed",
    ];
    assert_eq!(three.stand().await, ended);
    assert_eq!(env.get(ann, "/resources").await.json(), json!([]));
    // What it is about she may know, but not where it is by now.
    let about = |request: &Value| {
        (
            request["resource_name"].clone(),
            request["resource_address"].clone(),
        )
    };
    let past = format!("/requests/{}", three.waiting);
    let past = about(&env.get(ann, &past).await.json());
    assert_eq!(past, (json!("Database"), json!("")));
    let all = env.get(ann, "/requests").await.json();
    let all = all["items"].as_array().unwrap();
    assert!(all.iter().all(|request| about(request).1 == ""), "{all:?}");
    three.change(members(&three, vec![ann, ben, rae])).await;
    assert_eq!(three.stand().await, ended);
    assert_eq!(
        env.get(ann, "/resources")
            .await
            .json()
            .as_array()
            .unwrap()
            .len(),
        4
    );
}

#[tokio::test]
async fn removing_the_assignment_ends_what_rests_on_it() {
    let three = Three::new().await;
    let assignments = three.env.assignments;
    for id in [assignments.database, assignments.logs, assignments.vault] {
        let remove: Change =
            Arc::new(move |tx| Box::pin(async move { Ok(tx.remove_assignment(id).await?) }));
        three.change(remove).await;
    }
    assert_eq!(
        three.stand().await,
        [
            "cancelled: assignment_removed",
            "revoked: assignment_removed",
            "revoked: assignment_removed"
        ],
    );
}

#[tokio::test]
async fn the_end_of_an_assignment_ends_what_rests_on_it() {
    let three = Three::new().await;
    for (assignment, resource) in three.assignments() {
        three
            .change(until(&three, assignment, resource, "2030-01-01T00:30:00Z"))
            .await;
    }
    assert_eq!(three.stand().await, ["pending", "scheduled", "active"]);
    three
        .env
        .wait(TimeDelta::minutes(30) - TimeDelta::milliseconds(1))
        .await;
    assert_eq!(three.stand().await, ["pending", "scheduled", "active"]);
    three.env.wait(TimeDelta::milliseconds(1)).await;
    assert_eq!(
        three.stand().await,
        [
            "cancelled: assignment_ended",
            "revoked: assignment_ended",
            "revoked: assignment_ended"
        ],
    );
}

#[tokio::test]
async fn what_has_ended_is_not_decided_even_before_the_sweep_comes() {
    let three = Three::new().await;
    let env = &three.env;
    for (assignment, resource) in three.assignments() {
        three
            .change(until(&three, assignment, resource, "2030-01-01T00:30:00Z"))
            .await;
    }
    let before = env.seq().await;
    env.clock.forward(TimeDelta::minutes(30));
    let path = format!("/requests/{}/approve", three.waiting);
    let approve = env.post(env.people.rae, &path, json!({})).await;
    assert_eq!(approve.code(), "409 already_decided");
    assert_eq!(
        approve.json()["detail"],
        "It was cancelled because the group's access to the resource came to its end date. \
         That was on 2030-01-01 00:30 UTC. Nothing was changed.",
    );
    let request = env
        .get(env.people.ann, &format!("/requests/{}", three.running))
        .await
        .json();
    let path = format!("/grants/{}/release", request["grant"]["id"]);
    let release = env.act(env.people.ann, &path).await;
    assert_eq!(release.code(), "409 already_ended");
    assert_eq!(env.seq().await, before);
}

#[tokio::test]
async fn removing_the_resource_ends_what_rests_on_it() {
    let three = Three::new().await;
    let ids = three.env.resources;
    for id in [ids.database, ids.logs, ids.vault] {
        let remove: Change =
            Arc::new(move |tx| Box::pin(async move { Ok(tx.remove_resource(id).await?) }));
        three.change(remove).await;
    }
    assert_eq!(
        three.stand().await,
        [
            "cancelled: resource_removed",
            "revoked: resource_removed",
            "revoked: resource_removed"
        ],
    );
    // History keeps its names.
    let requests = three
        .env
        .get(three.env.people.ann, "/requests")
        .await
        .json();
    assert_eq!(requests["items"][0]["resource_name"], "Vault");
}

#[tokio::test]
async fn another_destination_ends_what_was_meant_for_the_old_one() {
    let three = Three::new().await;
    let ids = three.env.resources;
    let moved = vec![ids.database, ids.logs, ids.vault];
    for id in moved.clone() {
        let change: Change = Arc::new(move |tx| {
            Box::pin(async move {
                let (mut resource, _) = tx.resource(id).await?.unwrap();
                resource.address = format!("moved-{id}.corp").parse().unwrap();
                Ok(tx.update_resource(resource).await?)
            })
        });
        three.change(change).await;
    }
    assert_eq!(
        three.stand().await,
        [
            "cancelled: resource_changed",
            "revoked: resource_changed",
            "revoked: resource_changed"
        ],
    );
}

#[tokio::test]
async fn what_becomes_standing_needs_no_request_any_more() {
    let three = Three::new().await;
    let own = Override {
        mode: Some(Mode::Standing),
        ..Override::default()
    };
    for (assignment, resource) in three.assignments() {
        three
            .change(own_settings(&three, assignment, resource, own))
            .await;
    }
    assert_eq!(
        three.stand().await,
        [
            "cancelled: no_longer_needed",
            "revoked: no_longer_needed",
            "revoked: no_longer_needed"
        ],
    );
    let rows = three
        .env
        .get(three.env.people.ann, "/resources")
        .await
        .json();
    for row in rows.as_array().unwrap() {
        assert_eq!(row["lock"]["state"], "open");
    }
    for (assignment, resource) in three.assignments() {
        three
            .change(own_settings(
                &three,
                assignment,
                resource,
                Override::default(),
            ))
            .await;
    }
    let rows = three
        .env
        .get(three.env.people.ann, "/resources")
        .await
        .json();
    assert_eq!(rows[1]["lock"]["state"], "locked");
}

#[tokio::test]
async fn stricter_terms_hold_from_the_next_step_on() {
    let three = Three::new().await;
    let env = &three.env;
    let ten_minutes = Period::Custom {
        up_to: Length::from_seconds(600).unwrap(),
        recommended: None,
    };
    let own = Override {
        period: Some(ten_minutes),
        ..Override::default()
    };
    for (assignment, resource) in three.assignments() {
        three
            .change(own_settings(&three, assignment, resource, own))
            .await;
    }
    assert_eq!(three.stand().await, ["pending", "scheduled", "active"]);
    // The pending one is clamped when it is approved.
    let path = format!("/requests/{}/approve", three.waiting);
    let approved = env.post(env.people.rae, &path, json!({})).await.json();
    assert_eq!(
        (&approved["asked"], &approved["status"]["length"]),
        (&json!(3_600), &json!(600))
    );
    // The running one keeps its deadline.
    env.wait(TimeDelta::minutes(60) - TimeDelta::milliseconds(1))
        .await;
    assert_eq!(three.stand().await, ["expired", "scheduled", "active"]);
    // The scheduled one is rechecked at its start.
    env.wait(TimeDelta::hours(5) + TimeDelta::milliseconds(1))
        .await;
    let path = format!("/requests/{}", three.scheduled);
    let started = env.get(env.people.ann, &path).await.json();
    assert_eq!(started["grant"]["status"]["state"], "active");
    assert_eq!(started["grant"]["expires_at"], "2030-01-01T06:10:00Z");
}

#[tokio::test]
async fn automatic_approval_that_became_manual_ends_what_is_scheduled_at_its_start() {
    let three = Three::new().await;
    let (logs, assignment) = (three.env.resources.logs, three.env.assignments.logs);
    let own = Override {
        approval: Some(Approval::Manual),
        ..Override::default()
    };
    three
        .change(own_settings(&three, assignment, logs, own))
        .await;
    assert_eq!(three.stand().await[1], "scheduled");
    three.env.wait(TimeDelta::hours(6)).await;
    assert_eq!(three.stand().await[1], "revoked: terms_tightened");
}

#[tokio::test]
async fn manual_approval_that_became_automatic_keeps_waiting() {
    let three = Three::new().await;
    let (database, assignment) = (three.env.resources.database, three.env.assignments.database);
    let own = Override {
        approval: Some(Approval::Automatic),
        ..Override::default()
    };
    three
        .change(own_settings(&three, assignment, database, own))
        .await;
    assert_eq!(three.stand().await[0], "pending");
}

#[tokio::test]
async fn a_reviewer_who_lost_the_role_is_reviewed_again_before_the_start_only() {
    let env = TestEnv::new().await;
    let (ann, rae, roy) = (env.people.ann, env.people.rae, env.people.roy);
    let body = json!({ "resource": env.resources.database, "reason": "why",
        "starts_at": "2030-01-01T06:00:00Z" });
    let scheduled = env.post(ann, "/requests", body).await.id();
    let running = env
        .post(ann, "/requests", json!({ "resource": env.resources.vault }))
        .await
        .id();
    for id in [scheduled, running] {
        let path = format!("/requests/{id}/approve");
        assert_eq!(env.post(rae, &path, json!({})).await.status, 200);
    }
    let before = env.seq().await;
    let demote: Change = Arc::new(move |tx| {
        Box::pin(async move {
            let mut user = tx.user(rae).await?.unwrap();
            user.roles = vec![Role::Member];
            Ok(tx.update_user(user).await?)
        })
    });
    env.change(move |tx| demote(tx)).await;
    assert_eq!(
        env.actions(before).await,
        [
            "resource.changed by Ada Admin",
            "grant.revoked by Ada Admin",
            "request.reopened by Ada Admin",
        ],
    );
    let running = env.get(ann, &format!("/requests/{running}")).await.json();
    assert_eq!(running["grant"]["status"]["state"], "active");
    let reopened = env.get(ann, &format!("/requests/{scheduled}")).await.json();
    assert_eq!(reopened["status"]["state"], "pending");
    assert_eq!(reopened["grant"], Value::Null);
    assert_eq!(reopened["lapses_at"], "2030-01-01T06:00:00Z");
    let told = env.get(ann, "/snapshot").await.json()["notices"][0]["what"].clone();
    assert_eq!(
        (&told["kind"], &told["cause"]),
        (&json!("revoked"), &json!("approver_lost_role"))
    );

    // Who is a reviewer still decides anew, and a new grant stands in the old one's place.
    let path = format!("/requests/{scheduled}/approve");
    assert_eq!(
        env.post(rae, &path, json!({})).await.code(),
        "404 not_found"
    );
    let again = env.post(roy, &path, json!({})).await.json();
    assert_eq!(again["grant"]["status"]["state"], "scheduled");
    env.wait(TimeDelta::hours(6)).await;
    let started = env.get(ann, &format!("/requests/{scheduled}")).await.json();
    assert_eq!(started["grant"]["status"]["state"], "active");
}

impl Three {
    fn assignments(&self) -> [(AssignmentId, ResourceId); 3] {
        let (assignments, resources) = (self.env.assignments, self.env.resources);
        [
            (assignments.database, resources.database),
            (assignments.logs, resources.logs),
            (assignments.vault, resources.vault),
        ]
    }
}

fn disable(user: UserId, disabled: bool) -> Change {
    Arc::new(move |tx| {
        Box::pin(async move {
            let mut user = tx.user(user).await?.unwrap();
            user.disabled = disabled;
            Ok(tx.update_user(user).await?)
        })
    })
}

fn members(three: &Three, members: Vec<UserId>) -> Change {
    let group = Group {
        id: three.env.assignments.engineering,
        name: "Engineering".into(),
        members,
    };
    Arc::new(move |tx| {
        let group = group.clone();
        Box::pin(async move { Ok(tx.update_group(group).await?) })
    })
}

fn until(three: &Three, id: AssignmentId, resource: ResourceId, until: &str) -> Change {
    let until = Some(until.parse().unwrap());
    update(Assignment {
        until,
        ..assignment(three, id, resource)
    })
}

fn own_settings(three: &Three, id: AssignmentId, resource: ResourceId, own: Override) -> Change {
    update(Assignment {
        own,
        ..assignment(three, id, resource)
    })
}

fn assignment(three: &Three, id: AssignmentId, resource: ResourceId) -> Assignment {
    let group = three.env.assignments.engineering;
    Assignment {
        auto_locks_since: None,
        id,
        group,
        resource,
        until: None,
        own: Override::default(),
    }
}

fn update(assignment: Assignment) -> Change {
    Arc::new(move |tx| {
        let assignment = assignment.clone();
        Box::pin(async move { Ok(tx.update_assignment(assignment).await?) })
    })
}
