//! Deputies by the API (rules 6, 7 and 14): who names whom, what a deputy sees and decides, for how long, and
//! what is said of it; and reviewers whom an administrator asks.
#![allow(clippy::unwrap_used)]

mod test_env;

use axum::body::Body;
use axum::http::Request;
use chrono::TimeDelta;
use hourkey_domain::Time;
use hourkey_domain::ids::{ResourceId, UserId};
use hourkey_domain::review::Role;
use serde_json::{Value, json};
use test_env::{Answer, TestEnv};

fn login(env: &TestEnv, user: UserId) -> &'static str {
    let people = env.people;
    let all = [
        (people.ann, "ann"),
        (people.ben, "ben"),
        (people.rae, "rae"),
        (people.roy, "roy"),
        (people.dan, "dan"),
        (people.ada, "ada"),
    ];
    all.into_iter().find(|(id, _)| *id == user).unwrap().1
}

fn now(env: &TestEnv) -> Time {
    env.app.clock.now()
}

async fn name(env: &TestEnv, by: UserId, body: Value) -> Answer {
    env.post(by, "/deputies", body).await
}

/// Names `deputy` for `principal`, by themselves, for a day from now on.
async fn named(env: &TestEnv, principal: UserId, deputy: UserId) {
    let until = now(env) + TimeDelta::days(1);
    let body = json!({ "deputy": login(env, deputy), "until": until });
    let answer = name(env, principal, body).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
}

async fn end(env: &TestEnv, by: UserId, principal: UserId) -> Answer {
    let request = Request::delete(format!("/api/v1/deputies/{principal}"));
    env.call(by, request, Body::empty()).await
}

async fn ask(env: &TestEnv, who: UserId, resource: ResourceId) -> i64 {
    let body = json!({ "resource": resource, "reason": "To mend it" });
    env.post(who, "/requests", body).await.id()
}

async fn approve(env: &TestEnv, by: UserId, id: i64) -> Answer {
    env.post(by, &format!("/requests/{id}/approve"), json!({}))
        .await
}

/// The ids in somebody's queue that they may decide.
async fn queue(env: &TestEnv, who: UserId) -> Vec<i64> {
    let queue = env.get(who, "/reviews").await.json();
    let may = queue.as_array().unwrap().iter();
    let may = may.filter(|review| review["may_decide"] == true);
    may.map(|review| review["request"]["id"].as_i64().unwrap())
        .collect()
}

#[tokio::test]
async fn a_deputy_decides_on_behalf_of_their_principal_and_it_is_said() {
    let env = TestEnv::new().await;
    let (ann, dan, rae) = (env.people.ann, env.people.dan, env.people.rae);
    let id = ask(&env, ann, env.resources.vault).await;
    assert_eq!(approve(&env, dan, id).await.code(), "404 not_found");
    assert_eq!(queue(&env, dan).await, [0; 0]);

    let before = env.seq().await;
    named(&env, rae, dan).await;
    assert_eq!(env.actions(before).await, ["deputy.named by Rae Reviewer"]);
    let listed = env.get(dan, "/deputies").await.json();
    assert_eq!(listed[0]["principal"]["login"], "rae");
    assert_eq!(listed[0]["holds"], true);
    let waits = env.get(dan, "/reviews").await.json();
    assert_eq!(waits[0]["request"]["id"], id);
    assert_eq!(waits[0]["on_behalf_of"]["name"], "Rae Reviewer");

    let before = env.seq().await;
    let approved = approve(&env, dan, id).await;
    assert_eq!(approved.status, 200, "{}", approved.text);
    let status = &approved.json()["status"];
    assert_eq!(status["by"]["login"], "dan");
    assert_eq!(status["by"]["on_behalf_of"]["name"], "Rae Reviewer");
    let entry = &env.audit(before).await[0];
    assert_eq!(entry.actor, Some(dan));
    assert_eq!(entry.detail["to"]["by"], json!(dan));
    assert_eq!(entry.detail["to"]["on_behalf_of"], json!(rae));

    // The requester reads who decided, and for whom.
    let path = format!("/resources/{}", env.resources.vault);
    let row = env.get(ann, &path).await.json();
    let by = row["resource"]["approved"]["by"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(by, "Dan Owner for Rae Reviewer");
    let notices = env.get(ann, "/snapshot").await.json()["notices"].clone();
    assert_eq!(notices[0]["what"]["by"], by);

    // Who may approve may revoke, on the same behalf.
    let revoke = format!("/grants/{}/revoke", approved.grant());
    let revoked = env.post(dan, &revoke, json!({ "comment": "Enough" })).await;
    let by = &revoked.json()["status"]["by"];
    assert_eq!(
        by["on_behalf_of"]["name"], "Rae Reviewer",
        "{}",
        revoked.text
    );
}

/// Rule 12: who decided takes it back, whoever they decided for.
#[tokio::test]
async fn a_deputy_takes_their_own_decision_back() {
    let env = TestEnv::new().await;
    let (dan, rae) = (env.people.dan, env.people.rae);
    named(&env, rae, dan).await;
    let id = ask(&env, env.people.ann, env.resources.vault).await;
    approve(&env, dan, id).await;
    let undo = format!("/requests/{id}/undo");
    assert_eq!(env.act(rae, &undo).await.code(), "409 already_decided");
    let undone = env.act(dan, &undo).await.json();
    assert_eq!(undone["grant"]["status"]["cause"], "undone");
}

/// Rule 6: whoever was shown a link to the principal's password could have named the deputy as them.
#[tokio::test]
async fn who_could_sign_in_as_the_principal_is_not_decided_by_their_deputy() {
    let env = TestEnv::new().await;
    let (ann, dan, rae) = (env.people.ann, env.people.dan, env.people.rae);
    named(&env, rae, dan).await;
    let id = ask(&env, ann, env.resources.vault).await;
    let at = now(&env);
    env.change(move |tx| {
        Box::pin(async move {
            let (user, shown_to) = (rae, ann);
            let link = hourkey_store::account::ShownLink {
                user,
                shown_to,
                is_shown: true,
                at,
            };
            Ok(tx.note_shown_link(link).await?)
        })
    })
    .await;
    assert_eq!(approve(&env, dan, id).await.code(), "403 own_request");
    // Nor does a deputyship that they could have named outlast the day.
    env.wait(TimeDelta::hours(23)).await;
    let until = now(&env) + TimeDelta::days(7);
    let body = json!({ "deputy": "dan", "until": until });
    let refused = env.post(rae, "/deputies", body).await;
    assert_eq!(refused.code(), "403 own_request");
    env.wait(TimeDelta::hours(1)).await;
    named(&env, rae, dan).await;
    let id = ask(&env, ann, env.resources.vault).await;
    assert_eq!(approve(&env, dan, id).await.status, 200);
}

#[tokio::test]
async fn a_deputy_is_asked_and_reads_for_whom() {
    let env = TestEnv::new().await;
    named(&env, env.people.rae, env.people.dan).await;
    ask(&env, env.people.ann, env.resources.vault).await;
    let notices = env.get(env.people.dan, "/snapshot").await.json()["notices"].clone();
    assert_eq!(notices[0]["what"]["kind"], "please_review", "{notices}");
    assert_eq!(notices[0]["what"]["on_behalf_of"], "Rae Reviewer");
    // In their own right for the database, which their group approves.
    ask(&env, env.people.ann, env.resources.database).await;
    let notices = env.get(env.people.dan, "/snapshot").await.json()["notices"].clone();
    assert_eq!(notices[0]["what"]["on_behalf_of"], Value::Null, "{notices}");
}

#[tokio::test]
async fn it_begins_and_ends_at_its_time() {
    let env = TestEnv::new().await;
    let (ann, dan, rae) = (env.people.ann, env.people.dan, env.people.rae);
    let id = ask(&env, ann, env.resources.vault).await;
    let (from, until) = (
        now(&env) + TimeDelta::hours(1),
        now(&env) + TimeDelta::hours(2),
    );
    let body = json!({ "deputy": "dan", "from": from, "until": until });
    assert_eq!(name(&env, rae, body).await.status, 201);
    assert_eq!(approve(&env, dan, id).await.code(), "404 not_found");
    let before = env.seq().await;
    env.wait(TimeDelta::hours(1)).await;
    assert_eq!(env.actions(before).await, ["deputy.started by the system"]);
    assert_eq!(queue(&env, dan).await, [id]);
    // Whether anybody has recorded that its time is over or not.
    env.clock.forward(TimeDelta::hours(1));
    assert_eq!(queue(&env, dan).await, [0; 0]);
    assert_eq!(approve(&env, dan, id).await.code(), "404 not_found");
    let before = env.seq().await;
    env.wait(TimeDelta::zero()).await;
    assert_eq!(env.actions(before).await, ["deputy.ended by the system"]);
    assert_eq!(env.get(rae, "/deputies").await.json(), json!([]));
}

#[tokio::test]
async fn neither_circles_nor_chains_let_anybody_decide_their_own() {
    let env = TestEnv::new().await;
    let (dan, rae, roy) = (env.people.dan, env.people.rae, env.people.roy);
    // Rae asks. Dan is her deputy, and she is Dan's; Roy is for Dan.
    let own = ask(&env, rae, env.resources.vault).await;
    named(&env, rae, dan).await;
    named(&env, dan, rae).await;
    named(&env, roy, dan).await;
    assert_eq!(approve(&env, rae, own).await.code(), "403 own_request");
    // Not for her; for Roy, who reviews it in his own right.
    let decided = approve(&env, dan, own).await.json();
    assert_eq!(
        decided["status"]["by"]["on_behalf_of"]["name"],
        "Roy Reviewer"
    );

    // Dan reviews the vault for Roy and Rae alone: whoever decides for Dan has nothing of that.
    let env = TestEnv::new().await;
    let id = ask(&env, env.people.ann, env.resources.vault).await;
    approver_of_payroll(&env, env.people.ben).await;
    named(&env, rae, dan).await;
    named(&env, dan, env.people.ben).await;
    assert_eq!(
        approve(&env, env.people.ben, id).await.code(),
        "404 not_found"
    );
    assert_eq!(approve(&env, dan, id).await.status, 200);
}

/// Makes somebody an approver of something that nobody asks for: they may be a deputy then.
async fn approver_of_payroll(env: &TestEnv, who: UserId) {
    let payroll = env.resources.payroll;
    env.change(move |tx| {
        Box::pin(async move {
            let group = hourkey_store::organisation::Group {
                id: hourkey_domain::ids::GroupId(0),
                name: "Payroll owners".to_owned(),
                members: vec![who],
            };
            let group = tx.insert_group(group).await?;
            let (mut resource, _) = tx.resource(payroll).await?.unwrap();
            resource.approvers.push(group);
            tx.update_resource(resource).await?;
            Ok(())
        })
    })
    .await;
}

#[tokio::test]
async fn no_administrator_names_a_deputy_for_a_request_of_their_own() {
    let env = TestEnv::new().await;
    let (dan, rae, ada) = (env.people.dan, env.people.rae, env.people.ada);
    join_engineering(&env, ada).await;
    let own = ask(&env, ada, env.resources.vault).await;
    let other = ask(&env, env.people.ann, env.resources.vault).await;
    let until = now(&env) + TimeDelta::days(1);
    let body = json!({ "deputy": "dan", "principal": "rae", "until": until });
    assert_eq!(name(&env, ada, body.clone()).await.status, 201);
    assert_eq!(queue(&env, dan).await, [other]);
    assert_eq!(approve(&env, dan, own).await.code(), "404 not_found");
    assert_eq!(approve(&env, dan, other).await.status, 200);
    // Nor do they become somebody's deputy by themselves, and nobody else names one for others.
    let themselves = json!({ "deputy": "ada", "principal": "rae", "until": until });
    assert_eq!(name(&env, ada, themselves).await.code(), "403 forbidden");
    assert_eq!(
        name(&env, env.people.roy, body).await.code(),
        "403 forbidden"
    );
    // Rae names him herself: what was Ada's hindrance is gone.
    named(&env, rae, dan).await;
    assert_eq!(approve(&env, dan, own).await.status, 200);
}

async fn join_engineering(env: &TestEnv, who: UserId) {
    let id = env.assignments.engineering;
    env.change(move |tx| {
        Box::pin(async move {
            let mut group = tx.group(id).await?.unwrap();
            group.members.push(who);
            tx.update_group(group).await?;
            Ok(())
        })
    })
    .await;
}

#[tokio::test]
async fn only_reviewers_have_deputies_and_are_them() {
    let env = TestEnv::new().await;
    let (ann, rae) = (env.people.ann, env.people.rae);
    let until = now(&env) + TimeDelta::days(30);
    let body = |deputy: &str| json!({ "deputy": deputy, "until": until });
    let before = env.seq().await;
    assert_eq!(name(&env, ann, body("rae")).await.code(), "403 forbidden");
    let member = name(&env, rae, body("ann")).await;
    let nobody = name(&env, rae, body("nobody")).await;
    assert_eq!(member.code(), "404 not_found");
    assert_eq!(member.text, nobody.text);
    assert_eq!(name(&env, rae, body("rae")).await.code(), "403 forbidden");
    let long = json!({ "deputy": "dan", "until": until + TimeDelta::seconds(1) });
    assert_eq!(name(&env, rae, long).await.code(), "422 bad_length");
    let past = json!({ "deputy": "dan", "until": now(&env) });
    assert_eq!(name(&env, rae, past).await.code(), "422 bad_start");
    assert_eq!(env.seq().await, before);
    // Sent again with the same key, it is named once.
    let key = "once";
    let first = env.post_once(rae, "/deputies", key, body("dan")).await;
    let again = env.post_once(rae, "/deputies", key, body("dan")).await;
    assert_eq!(first.text, again.text);
    assert_eq!(env.actions(before).await, ["deputy.named by Rae Reviewer"]);
}

#[tokio::test]
async fn the_principal_and_administrators_end_it() {
    let env = TestEnv::new().await;
    let (ann, dan, rae, ada) = (
        env.people.ann,
        env.people.dan,
        env.people.rae,
        env.people.ada,
    );
    for by in [rae, ada] {
        named(&env, rae, dan).await;
        assert_eq!(end(&env, dan, rae).await.code(), "403 forbidden");
        let hidden = end(&env, ann, rae).await;
        assert_eq!(hidden.code(), "404 not_found");
        assert_eq!(hidden.text, end(&env, ann, UserId(4_711)).await.text);
        assert_eq!(end(&env, by, rae).await.status, 204);
        assert_eq!(end(&env, by, rae).await.code(), "404 not_found");
    }
    let id = ask(&env, ann, env.resources.vault).await;
    assert_eq!(approve(&env, dan, id).await.code(), "404 not_found");
}

#[tokio::test]
async fn it_is_void_when_one_of_the_two_loses_the_role() {
    for loser in ["principal", "deputy"] {
        let env = TestEnv::new().await;
        let (ann, dan, rae) = (env.people.ann, env.people.dan, env.people.rae);
        let id = ask(&env, ann, env.resources.vault).await;
        named(&env, rae, dan).await;
        assert_eq!(queue(&env, dan).await, [id]);
        let who = if loser == "principal" { rae } else { dan };
        let before = env.seq().await;
        let disabled = async |disabled| {
            env.change(move |tx| {
                Box::pin(async move {
                    let mut user = tx.user(who).await?.unwrap();
                    user.disabled = disabled;
                    tx.update_user(user).await?;
                    Ok(())
                })
            })
            .await;
        };
        disabled(true).await;
        let recorded = env.audit(before).await;
        let ended: Vec<_> = recorded
            .iter()
            .filter(|entry| entry.action == "deputy.ended")
            .map(|entry| entry.detail["cause"].clone())
            .collect();
        assert_eq!(ended, [json!(format!("{loser}_lost_role"))]);
        // Nothing revives it.
        disabled(false).await;
        assert_eq!(env.get(rae, "/deputies").await.json(), json!([]));
        assert_eq!(approve(&env, dan, id).await.code(), "404 not_found");
    }
}

/// Rule 7: whoever reviewed everything and reviews little any more has handed that little on to nobody.
#[tokio::test]
async fn it_is_void_when_the_principal_keeps_a_smaller_part() {
    let env = TestEnv::new().await;
    let (dan, rae, database) = (env.people.dan, env.people.rae, env.resources.database);
    env.change(move |tx| {
        Box::pin(async move {
            let approvers = tx.resource(database).await?.unwrap().0.approvers;
            let mut group = tx.group(approvers[0]).await?.unwrap();
            group.members.push(rae);
            tx.update_group(group).await?;
            Ok(())
        })
    })
    .await;
    named(&env, rae, dan).await;
    let role = async |roles: &'static [Role]| {
        env.change(move |tx| {
            Box::pin(async move {
                let mut user = tx.user(rae).await?.unwrap();
                user.roles = roles.to_vec();
                Ok(tx.update_user(user).await?)
            })
        })
        .await;
    };
    role(&[Role::Member]).await;
    assert_eq!(env.get(rae, "/deputies").await.json(), json!([]));
    role(&[Role::Member, Role::AccessReviewer]).await;
    assert_eq!(env.get(rae, "/deputies").await.json(), json!([]));
}

/// Rule 12: whoever decided takes it back, also when their time has ended since.
#[tokio::test]
async fn a_deputy_takes_back_what_they_decided_in_their_last_seconds() {
    let env = TestEnv::new().await;
    let (ann, dan, rae) = (env.people.ann, env.people.dan, env.people.rae);
    named(&env, rae, dan).await;
    let id = ask(&env, ann, env.resources.vault).await;
    assert_eq!(approve(&env, dan, id).await.status, 200);
    end(&env, rae, rae).await;
    let undo = format!("/requests/{id}/undo");
    let undone = env.act(dan, &undo).await;
    assert_eq!(undone.status, 200, "{}", undone.text);
    assert_eq!(env.act(dan, &undo).await.code(), "404 not_found");
}

/// Rule 1: who reviews is no member's to find out.
#[tokio::test]
async fn a_member_learns_nothing_by_naming() {
    let env = TestEnv::new().await;
    let until = now(&env) + TimeDelta::days(1);
    let mut answers = Vec::new();
    for login in ["rae", "ben", "nobody"] {
        let body = json!({ "deputy": login, "until": until });
        let answer = env.post(env.people.ann, "/deputies", body).await;
        answers.push((answer.code(), answer.text));
    }
    assert_eq!(answers[0].0, "403 forbidden");
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "{answers:?}"
    );
}

/// Where one of two principals is barred, the other's vote is theirs to cast.
#[tokio::test]
async fn a_deputy_of_two_decides_for_the_one_who_is_not_barred() {
    let env = TestEnv::new().await;
    let (ann, dan, rae, roy) = (
        env.people.ann,
        env.people.dan,
        env.people.rae,
        env.people.roy,
    );
    env.change(move |tx| {
        Box::pin(async move {
            let mut user = tx.user(roy).await?.unwrap();
            user.roles = vec![Role::Member, Role::AccessReviewer];
            Ok(tx.update_user(user).await?)
        })
    })
    .await;
    named(&env, rae, dan).await;
    named(&env, roy, dan).await;
    let at = now(&env);
    let barred = rae.min(roy);
    env.change(move |tx| {
        Box::pin(async move {
            let link = hourkey_store::account::ShownLink {
                user: barred,
                shown_to: ann,
                is_shown: true,
                at,
            };
            Ok(tx.note_shown_link(link).await?)
        })
    })
    .await;
    let id = ask(&env, ann, env.resources.vault).await;
    let approved = approve(&env, dan, id).await;
    assert_eq!(approved.status, 200, "{}", approved.text);
    let other = if barred == rae { "Roy" } else { "Rae" };
    assert!(approved.text.contains(other), "{}", approved.text);
}

/// Rule 7: a scheduled grant that a deputy approved goes back to review with the role of either.
#[tokio::test]
async fn what_a_deputy_approved_for_later_goes_back_to_review_with_their_role() {
    for loser in ["principal", "deputy"] {
        let env = TestEnv::new().await;
        let (ann, dan, rae) = (env.people.ann, env.people.dan, env.people.rae);
        named(&env, rae, dan).await;
        let starts_at = now(&env) + TimeDelta::hours(1);
        let body =
            json!({ "resource": env.resources.vault, "reason": "Later", "starts_at": starts_at });
        let id = env.post(ann, "/requests", body).await.id();
        assert_eq!(approve(&env, dan, id).await.status, 200);
        // The end of a deputy's time changes nothing of what they decided in it.
        end(&env, rae, rae).await;
        let status = async || {
            let request = env.get(ann, &format!("/requests/{id}")).await.json();
            request["status"]["state"].clone()
        };
        assert_eq!(status().await, "approved");
        let who = if loser == "principal" { rae } else { dan };
        env.change(move |tx| {
            Box::pin(async move {
                let mut user = tx.user(who).await?.unwrap();
                user.disabled = true;
                tx.update_user(user).await?;
                Ok(())
            })
        })
        .await;
        assert_eq!(status().await, "pending", "{loser}");
    }
}

/// Rule 14: a deputy makes nobody eligible: they cast their principal's vote.
#[tokio::test]
async fn a_deputy_does_not_make_a_request_of_the_only_reviewer_possible() {
    let env = TestEnv::new().await;
    let (rae, roy, dan, ada) = (
        env.people.rae,
        env.people.roy,
        env.people.dan,
        env.people.ada,
    );
    named(&env, rae, dan).await;
    env.change(move |tx| {
        Box::pin(async move {
            for id in [roy, ada] {
                let mut user = tx.user(id).await?.unwrap();
                user.roles = vec![Role::Member];
                tx.update_user(user).await?;
            }
            Ok(())
        })
    })
    .await;
    let body = json!({ "resource": env.resources.vault, "reason": "Mine" });
    let asked = env.post(rae, "/requests", body).await;
    assert_eq!(asked.code(), "409 nobody_can_approve", "{}", asked.text);
}

#[tokio::test]
async fn an_administrator_asks_reviewers_and_nobody_loses_the_right() {
    let env = TestEnv::new().await;
    let (ann, dan, rae, roy, ada) = (
        env.people.ann,
        env.people.dan,
        env.people.rae,
        env.people.roy,
        env.people.ada,
    );
    let id = ask(&env, ann, env.resources.vault).await;
    let asking = format!("/requests/{id}/reviewers");
    let people = |logins: &[&str]| json!({ "logins": logins });
    let before = env.seq().await;
    assert_eq!(
        env.post(rae, &asking, people(&["roy"])).await.code(),
        "403 forbidden"
    );
    assert_eq!(
        env.post(dan, &asking, people(&["roy"])).await.code(),
        "404 not_found"
    );
    // Dan does not review the vault; nobody of the other name is there.
    for login in ["dan", "nobody", "ann"] {
        let refused = env.post(ada, &asking, people(&["rae", login])).await;
        assert_eq!(refused.code(), "404 not_found", "{login}");
    }
    assert_eq!(
        env.post(ada, &asking, people(&[])).await.code(),
        "400 malformed"
    );
    assert_eq!(env.seq().await, before);

    let newest = async || env.get(rae, "/snapshot").await.json()["notices"][0]["id"].clone();
    let (told, notice) = (env.notices(rae).await.len(), newest().await);
    let asked = env.post(ada, &asking, people(&["rae"])).await;
    assert_eq!(asked.status, 200, "{}", asked.text);
    let actions = env.actions(before).await;
    assert_eq!(actions, ["request.reviewers_asked by Ada Admin"]);
    assert_eq!(
        env.notices(rae).await.len(),
        told,
        "told anew, in place of the notice before"
    );
    assert_ne!(newest().await, notice);
    let queue = env.get(roy, "/reviews").await.json();
    assert_eq!(queue[0]["asked_reviewers"], json!(["Rae Reviewer"]));
    // It names nobody who may not decide it any more.
    let roles = async |roles: &'static [Role]| {
        env.change(move |tx| {
            Box::pin(async move {
                let mut user = tx.user(rae).await?.unwrap();
                user.roles = roles.to_vec();
                tx.update_user(user).await?;
                Ok(())
            })
        })
        .await;
        env.get(roy, "/reviews").await.json()[0]["asked_reviewers"].clone()
    };
    assert_eq!(roles(&[Role::Member]).await, json!(null));
    let reviewer = &[Role::Member, Role::AccessReviewer];
    assert_eq!(roles(reviewer).await, json!(["Rae Reviewer"]));
    assert_eq!(approve(&env, roy, id).await.status, 200);
    let late = env.post(ada, &asking, people(&["rae"])).await;
    assert_eq!(late.code(), "409 already_decided");

    // Never for their own.
    join_engineering(&env, ada).await;
    let own = ask(&env, ada, env.resources.vault).await;
    let asking = format!("/requests/{own}/reviewers");
    assert_eq!(
        env.post(ada, &asking, people(&["rae"])).await.code(),
        "403 own_request"
    );
}

/// What waits already when a deputy's time begins is theirs to hear of, too, and once.
#[tokio::test]
async fn what_waits_when_it_begins_is_told_to_the_deputy_once() {
    let env = TestEnv::new().await;
    let (ann, dan, rae) = (env.people.ann, env.people.dan, env.people.rae);
    let vault = ask(&env, ann, env.resources.vault).await;
    // Of this one they know: they review it themselves.
    ask(&env, ann, env.resources.database).await;
    let asked = async || {
        let snapshot = env.get(dan, "/snapshot").await.json();
        let notices = snapshot["notices"].as_array().unwrap().clone();
        let asked = notices.into_iter().map(|notice| notice["what"].clone());
        let asked = asked.filter(|what| what["kind"] == "please_review");
        asked
            .map(|what| {
                (
                    what["request"].as_i64().unwrap(),
                    what["on_behalf_of"].clone(),
                )
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(asked().await.len(), 1);
    let from = now(&env) + TimeDelta::hours(1);
    let until = now(&env) + TimeDelta::days(2);
    let body = json!({ "deputy": "dan", "from": from, "until": until });
    assert_eq!(env.post(rae, "/deputies", body).await.status, 201);
    assert_eq!(asked().await.len(), 1, "it has not begun");
    env.wait(TimeDelta::hours(1)).await;
    let told = asked().await;
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.contains(&(vault, json!("Rae Reviewer"))), "{told:?}");
    env.wait(TimeDelta::hours(1)).await;
    assert_eq!(asked().await.len(), 2, "once");
}

/// Rule 6: whoever was shown a link to a deputy's password has that deputy decide nothing of theirs for a day,
/// and the deputy is not asked to.
#[tokio::test]
async fn a_deputy_who_is_barred_is_not_asked() {
    let env = TestEnv::new().await;
    let (ada, ann, dan, rae) = (
        env.people.ada,
        env.people.ann,
        env.people.dan,
        env.people.rae,
    );
    let engineering = env.assignments.engineering;
    env.change(move |tx| {
        Box::pin(async move {
            let mut group = tx.group(engineering).await?.unwrap();
            group.members.push(ada);
            Ok(tx.update_group(group).await?)
        })
    })
    .await;
    named(&env, rae, dan).await;
    let handed = hourkey_access::identity::reset::hand(&env.app, ada, dan).await;
    assert!(handed.is_ok(), "{handed:?}");
    let asked = async || {
        let notices = env.notices(dan).await;
        notices
            .iter()
            .filter(|kind| *kind == "please_review")
            .count()
    };
    ask(&env, ada, env.resources.vault).await;
    assert_eq!(queue(&env, dan).await, [0; 0]);
    assert_eq!(asked().await, 0);
    ask(&env, ann, env.resources.vault).await;
    assert_eq!(asked().await, 1);
}
