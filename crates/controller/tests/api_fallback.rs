//! Who can approve, by the API: where nobody else can, the fallback reviewers; where there are none,
//! nobody is left to wait (rule 14).
#![allow(clippy::unwrap_used)]

mod test_env;

use chrono::TimeDelta;
use hourkey_access::queries;
use hourkey_domain::ids::{GroupId, UserId};
use hourkey_protocol::account::SessionKind;
use hourkey_store::organisation::{Group, Resource};
use serde_json::{Value, json};
use test_env::TestEnv;
use test_env::events::Events;

/// Rae alone reviews what nobody is an approver of; Dan also reviews the database.
async fn rae_alone() -> TestEnv {
    let env = TestEnv::new().await;
    disable(&env, &[env.people.roy, env.people.ada], true).await;
    env
}

async fn disable(env: &TestEnv, users: &[UserId], disabled: bool) {
    let users = users.to_vec();
    env.change(move |tx| {
        Box::pin(async move {
            for id in users {
                let mut user = tx.user(id).await?.unwrap();
                user.disabled = disabled;
                tx.update_user(user).await?;
            }
            Ok(())
        })
    })
    .await;
}

async fn fall_back(env: &TestEnv, groups: Vec<GroupId>) {
    env.change(move |tx| Box::pin(async move { Ok(tx.set_fallback_reviewers(groups).await?) }))
        .await;
}

/// Asks for the vault and returns the request's id.
async fn ask(env: &TestEnv, user: UserId) -> i64 {
    let body = json!({ "resource": env.resources.vault, "reason": "rotate the keys",
        "assignment": env.assignments.vault });
    let answer = env.post(user, "/requests", body).await;
    assert_eq!(answer.status, 201, "{answer}");
    answer.id()
}

async fn approvers(env: &TestEnv, user: UserId, resource: i64) -> Value {
    let detail = env.get(user, &format!("/resources/{resource}")).await;
    detail.json()["approvers"].clone()
}

/// The ids of the requests in the person's queue.
async fn queue(env: &TestEnv, user: UserId) -> Vec<i64> {
    let snapshot = env.get(user, "/snapshot").await.json();
    let reviews = snapshot["reviews"].as_array().unwrap();
    reviews
        .iter()
        .map(|review| review["request"]["id"].as_i64().unwrap())
        .collect()
}

/// The requests that the person's notices ask to review.
async fn told(env: &TestEnv, user: UserId) -> Vec<i64> {
    let snapshot = env.get(user, "/snapshot").await.json();
    let notices = snapshot["notices"].as_array().unwrap().iter();
    let what = notices.map(|notice| &notice["what"]);
    what.filter(|what| what["kind"] == "please_review")
        .map(|what| what["request"].as_i64().unwrap())
        .collect()
}

#[tokio::test]
async fn what_nobody_can_approve_is_refused_and_says_why() {
    let env = rae_alone().await;
    let people = env.people;
    let body = json!({ "resource": env.resources.vault, "reason": "rotate the keys" });
    let before = env.seq().await;
    let refused = env.post(people.rae, "/requests", body.clone()).await;
    assert_eq!(refused.code(), "409 nobody_can_approve");
    let detail = refused.json()["detail"].as_str().unwrap().to_owned();
    assert!(
        detail.contains("nobody approves their own request"),
        "{detail}"
    );
    assert!(detail.contains("fallback reviewers"), "{detail}");
    assert_eq!(env.seq().await, before, "nothing is kept of it");
    assert_eq!(approvers(&env, people.rae, 4).await["kind"], "nobody");

    // What opens by itself needs nobody, and for others there is somebody.
    let logs = json!({ "resource": env.resources.logs, "reason": "an alert" });
    assert_eq!(env.post(people.rae, "/requests", logs).await.status, 201);
    assert_eq!(approvers(&env, people.rae, 3).await, Value::Null);
    let database = json!({ "resource": env.resources.database, "reason": "an alert" });
    assert_eq!(
        env.post(people.rae, "/requests", database).await.status,
        201
    );
    assert_eq!(
        approvers(&env, people.rae, 2).await,
        json!({ "kind": "regulars", "groups": ["Database owners"], "people": ["Dan Owner"] })
    );
    assert_eq!(
        approvers(&env, people.ann, 4).await,
        json!({ "kind": "regulars", "groups": [], "people": ["Rae Reviewer"] })
    );
    ask(&env, people.ann).await;
}

/// Rule 1: people are named up to five, groups always; never logins.
#[tokio::test]
async fn many_approvers_are_not_named() {
    let env = TestEnv::new().await;
    let people = env.people;
    let approved_by = async |members: Vec<UserId>| {
        let group = Group {
            id: env.assignments.on_call,
            name: "On call".into(),
            members,
        };
        let resource = env.resources.vault;
        env.change(move |tx| {
            Box::pin(async move {
                let (vault, _) = tx.resource(resource).await?.unwrap();
                let approvers = vec![group.id];
                tx.update_resource(Resource { approvers, ..vault }).await?;
                Ok(tx.update_group(group).await?)
            })
        })
        .await;
    };
    approved_by(vec![people.ben, people.eve]).await;
    let five = approvers(&env, people.ann, 4).await;
    assert_eq!(five["people"].as_array().unwrap().len(), 5);
    assert_eq!(five["groups"], json!(["On call"]));
    let more = vec![people.ben, people.eve, people.dan];
    approved_by(more).await;
    let six = json!({ "kind": "regulars", "groups": ["On call"], "people": [] });
    assert_eq!(approvers(&env, people.ann, 4).await, six);
    // A group in which only the requester is left approves nothing for them.
    approved_by(vec![people.ann]).await;
    assert_eq!(approvers(&env, people.ann, 4).await["groups"], json!([]));
}

#[tokio::test]
async fn the_fallback_decides_what_nobody_else_can_and_sees_nothing_more() {
    let env = rae_alone().await;
    let people = env.people;
    fall_back(&env, vec![env.assignments.on_call]).await;
    assert_eq!(
        approvers(&env, people.rae, 4).await,
        json!({ "kind": "fallback", "groups": ["On call"], "people": ["Ben Oncall"] })
    );
    hourkey_access::background::start(&env.app);
    let token = env.token(people.ben).await;
    let mut stream = Events::open(&env, &token, None).await;
    assert_eq!(stream.message().await.data["me"]["reviews"], true);

    let anns = ask(&env, people.ann).await;
    let before = env.seq().await;
    let raes = ask(&env, people.rae).await;
    assert_eq!(
        env.actions(before).await,
        [
            "request.made by Rae Reviewer",
            "request.sent_to_fallback by Rae Reviewer"
        ]
    );
    let event = stream.message().await;
    assert_eq!(event.data["reviews"][0]["request"]["id"], raes, "{event:?}");
    assert_eq!(event.data["reviews"][0]["may_decide"], true);
    assert_eq!(event.data["notices"][0]["what"]["kind"], "please_review");
    assert_eq!(queue(&env, people.ben).await, [raes]);
    assert_eq!(told(&env, people.ben).await, [raes]);
    assert_eq!(queue(&env, people.dan).await, Vec::<i64>::new());

    // What Rae can decide is not theirs to see.
    for call in [
        env.get(people.ben, &format!("/requests/{anns}")).await,
        env.act_on(people.ben, anns, "approve").await,
        env.act_on(people.dan, raes, "approve").await,
    ] {
        assert_eq!(call.code(), "404 not_found");
    }
    assert_eq!(
        env.act_on(people.rae, raes, "approve").await.code(),
        "403 own_request"
    );
    let headless = env.token_of(people.ben, SessionKind::Headless).await;
    assert_eq!(env.as_token(&headless, raes).await, 403);

    let approved = env.act_on(people.ben, raes, "approve").await;
    assert_eq!(approved.json()["status"]["by"]["name"], "Ben Oncall");
    let grant = approved.grant();
    let end = json!({ "comment": "enough" });
    let path = format!("/grants/{grant}/revoke");
    assert_eq!(
        env.post(people.dan, &path, end.clone()).await.code(),
        "404 not_found"
    );
    let revoked = env.post(people.ben, &path, end).await;
    assert_eq!(revoked.json()["status"]["state"], "revoked");
    let decided = queries::decided(&env.app, people.ben, "", None)
        .await
        .unwrap();
    let decided: Vec<_> = decided.items.iter().map(|request| request.id.0).collect();
    assert_eq!(decided, [raes]);
}

#[tokio::test]
async fn the_fallback_steps_back_when_somebody_else_can() {
    let env = rae_alone().await;
    let people = env.people;
    fall_back(&env, vec![env.assignments.on_call]).await;
    let scheduled = json!({ "resource": env.resources.vault, "reason": "tonight",
        "starts_at": "2030-01-01T06:00:00Z" });
    let approved = env.post(people.rae, "/requests", scheduled).await.id();
    env.act_on(people.ben, approved, "approve").await;
    let database = json!({ "resource": env.resources.database, "reason": "an alert" });
    disable(&env, &[people.dan], true).await;
    let waiting = env.post(people.rae, "/requests", database).await.id();
    assert_eq!(queue(&env, people.ben).await, [waiting]);

    disable(&env, &[people.roy], false).await;
    assert_eq!(queue(&env, people.ben).await, Vec::<i64>::new());
    assert_eq!(told(&env, people.ben).await, Vec::<i64>::new());
    let gone = env.get(people.ben, &format!("/requests/{waiting}")).await;
    assert_eq!(gone.code(), "404 not_found");
    let me = env.get(people.ben, "/snapshot").await.json()["me"].clone();
    assert_eq!(me["reviews"], false);
    assert_eq!(queue(&env, people.roy).await, [waiting]);
    // What they approved stays, and starts.
    env.wait(TimeDelta::hours(6)).await;
    let granted = env.get(people.rae, &format!("/requests/{approved}")).await;
    assert_eq!(granted.json()["grant"]["status"]["state"], "active");
}

#[tokio::test]
async fn what_waits_when_the_last_reviewer_goes_falls_back_or_ends() {
    for fallback in [false, true] {
        let env = TestEnv::new().await;
        let people = env.people;
        if fallback {
            fall_back(&env, vec![env.assignments.on_call]).await;
        }
        let id = ask(&env, people.rae).await;
        assert_eq!(told(&env, people.ben).await, Vec::<i64>::new());
        disable(&env, &[people.roy], true).await;
        let shown = env.get(people.rae, &format!("/requests/{id}")).await;
        assert_eq!(shown.json()["status"]["state"], "pending", "Ada is left");
        let before = env.seq().await;
        disable(&env, &[people.ada], true).await;
        let shown = env.get(people.rae, &format!("/requests/{id}")).await.json();
        if fallback {
            assert_eq!(shown["status"]["state"], "pending");
            assert_eq!(told(&env, people.ben).await, [id]);
            assert_eq!(queue(&env, people.ben).await, [id]);
            // Nobody is told twice.
            let notices = env.notices(people.ben).await;
            disable(&env, &[people.eve], true).await;
            assert_eq!(env.notices(people.ben).await, notices);
            // And without the fallback it ends, too.
            fall_back(&env, vec![]).await;
            let shown = env.get(people.rae, &format!("/requests/{id}")).await.json();
            assert_eq!(shown["status"]["cause"], "nobody_can_approve");
        } else {
            assert_eq!(shown["status"]["state"], "cancelled");
            assert_eq!(shown["status"]["cause"], "nobody_can_approve");
            let actions = env.actions(before).await;
            assert_eq!(actions[1..], ["request.cancelled by Ada Admin"]);
            let notices = env.get(people.rae, "/snapshot").await.json()["notices"].clone();
            assert_eq!(notices[0]["what"]["cause"], "nobody_can_approve");
        }
    }
}

#[tokio::test]
async fn a_scheduled_grant_whose_approver_goes_and_leaves_nobody_ends() {
    let env = rae_alone().await;
    let people = env.people;
    disable(&env, &[people.roy], false).await;
    let scheduled = json!({ "resource": env.resources.vault, "reason": "tonight",
        "starts_at": "2030-01-01T06:00:00Z" });
    let id = env.post(people.rae, "/requests", scheduled).await.id();
    env.act_on(people.roy, id, "approve").await;
    disable(&env, &[people.roy], true).await;
    let shown = env.get(people.rae, &format!("/requests/{id}")).await.json();
    assert_eq!(shown["status"]["state"], "cancelled");
    assert_eq!(shown["status"]["cause"], "nobody_can_approve");
    let row = env.get(people.rae, "/resources/4").await.json();
    assert_eq!(row["resource"]["lock"]["state"], "locked");
}

/// What goes back to review waits anew: fallback reviewers who knew of it are told again.
#[tokio::test]
async fn a_request_that_goes_back_to_review_is_told_to_the_fallback_again() {
    let env = rae_alone().await;
    let people = env.people;
    fall_back(&env, vec![env.assignments.on_call]).await;
    let scheduled = json!({ "resource": env.resources.vault, "reason": "tonight",
        "starts_at": "2030-01-01T06:00:00Z" });
    let id = env.post(people.rae, "/requests", scheduled).await.id();
    let notice = async || {
        let snapshot = env.get(people.ben, "/snapshot").await.json();
        snapshot["notices"][0].clone()
    };
    let first = notice().await;
    assert_eq!(first["what"]["request"], id);

    disable(&env, &[people.roy], false).await;
    assert_eq!(env.act_on(people.roy, id, "approve").await.status, 200);
    let before = env.seq().await;
    disable(&env, &[people.roy], true).await;
    let again = notice().await;
    assert_eq!(again["what"]["request"], id);
    assert_ne!(again["id"], first["id"], "a notice of its own");
    let actions = env.actions(before).await;
    let sent = actions
        .iter()
        .filter(|it| it.starts_with("request.sent_to_fallback"));
    assert_eq!(sent.count(), 1, "{actions:?}");
}

/// Nobody reviews at all: a fallback reviewer decides for everybody but themselves.
#[tokio::test]
async fn a_fallback_reviewer_does_not_decide_their_own() {
    let env = rae_alone().await;
    let people = env.people;
    fall_back(&env, vec![env.assignments.on_call]).await;
    disable(&env, &[people.rae], true).await;
    let id = ask(&env, people.ann).await;
    assert_eq!(env.act_on(people.ben, id, "approve").await.status, 200);
    let own = json!({ "resource": env.resources.vault, "reason": "mine",
        "assignment": env.assignments.vault });
    let refused = env.post(people.ben, "/requests", own).await;
    assert_eq!(refused.code(), "409 nobody_can_approve");
}

impl TestEnv {
    async fn act_on(&self, user: UserId, request: i64, act: &str) -> test_env::Answer {
        let path = format!("/requests/{request}/{act}");
        self.post(user, &path, json!({})).await
    }

    /// The status of approving with this token.
    async fn as_token(&self, token: &str, request: i64) -> u16 {
        use axum::body::Body;
        use axum::http::{Request, header};
        let call = Request::post(format!("/api/v1/requests/{request}/approve"))
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header(header::CONTENT_TYPE, "application/json");
        let answer = self.send(call.body(Body::from("{}")).unwrap()).await;
        answer.status().as_u16()
    }
}

/// Rules 6 and 14: who was shown a link to a reviewer's password has that reviewer decide nothing of theirs
/// for a day. It counts for whom is asked, for the queue, and for what waits already.
#[tokio::test]
async fn a_reviewer_who_is_barred_cannot_approve() {
    let env = TestEnv::new().await;
    let people = env.people;
    disable(&env, &[people.roy], true).await;
    fall_back(&env, vec![env.assignments.on_call]).await;
    let engineering = env.assignments.engineering;
    env.change(move |tx| {
        Box::pin(async move {
            let mut group = tx.group(engineering).await?.unwrap();
            group.members.push(people.ada);
            Ok(tx.update_group(group).await?)
        })
    })
    .await;
    let id = ask(&env, people.ada).await;
    assert_eq!(queue(&env, people.rae).await, [id]);
    assert_eq!(queue(&env, people.ben).await, [] as [i64; 0]);

    let handed = hourkey_access::identity::reset::hand(&env.app, people.ada, people.rae).await;
    assert!(handed.is_ok(), "{handed:?}");
    assert_eq!(queue(&env, people.ben).await, [id], "it waits for them now");
    assert_eq!(told(&env, people.ben).await, [id]);
    let snapshot = env.get(people.rae, "/snapshot").await.json();
    assert_eq!(snapshot["reviews"][0]["may_decide"], false, "{snapshot}");
    let person = queries::person(&env.app, people.rae).await.unwrap();
    assert_eq!(person.waiting, 0);
    let fallback = json!({ "kind": "fallback", "groups": ["On call"], "people": ["Ben Oncall"] });
    assert_eq!(approvers(&env, people.ada, 4).await, fallback);
    let refused = env.act_on(people.rae, id, "approve").await;
    assert_eq!(refused.code(), "403 own_request");

    // A day later they decide again, and nobody stands in.
    env.wait(TimeDelta::hours(23)).await;
    assert_eq!(env.act_on(people.ada, id, "cancel").await.status, 200);
    let id = ask(&env, people.ada).await;
    assert_eq!(queue(&env, people.ben).await, [id]);
    env.wait(TimeDelta::hours(1)).await;
    assert_eq!(queue(&env, people.ben).await, [] as [i64; 0]);
    assert_eq!(env.act_on(people.rae, id, "approve").await.status, 200);
}
