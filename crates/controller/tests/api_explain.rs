//! Explanations through the API: to oneself, to reviewers and to administrators; to all others the
//! person, the resource and their access do not exist.
#![allow(clippy::unwrap_used)]

mod test_env;

use chrono::TimeDelta;
use hourkey_protocol::account::SessionKind;
use serde_json::{Value, json};
use test_env::gateways::call;
use test_env::{Answer, START, TestEnv};

/// What is in the way, by name.
fn missing(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", answer.text);
    let explanation = answer.json();
    let missing = explanation["missing"].as_array().unwrap().iter();
    let names = missing.map(|it| it["missing"].as_str().unwrap().to_owned());
    names.collect()
}

#[tokio::test]
async fn people_get_their_own_access_explained_now_and_later() {
    let env = TestEnv::new().await;
    let (ann, logs) = (env.people.ann, env.resources.logs);
    let now = env.get(ann, "/explain?resource=Logs").await;
    // No network of the tests has a gateway.
    assert_eq!(missing(&now), ["needs_reason", "no_gateway"]);
    let by_id = env.get(ann, &format!("/explain?resource={logs}")).await;
    assert_eq!(by_id, now, "by its id or its name");
    let explanation = now.json();
    assert_eq!(explanation["at"], START);
    assert_eq!(
        explanation["assignments"][0]["group"]["name"],
        "Engineering"
    );
    assert_eq!(explanation["permit"], Value::Null);

    let request = json!({ "resource": logs, "reason": "To look", "seconds": 3_600 });
    env.post(ann, "/requests", request).await;
    let granted = env.get(ann, "/explain?resource=Logs").await;
    assert_eq!(missing(&granted), ["no_gateway"]);
    assert_eq!(granted.json()["permit"]["because"], "grant");
    let later = "/explain?resource=Logs&at=2030-01-01T01:00:00Z";
    let later = env.get(ann, later).await;
    assert_eq!(missing(&later), ["needs_reason", "no_gateway"]);
    assert_eq!(later.json()["at"], "2030-01-01T01:00:00Z");
    let past = "/explain?resource=Logs&at=1999-12-31T23:00:00%2B01:00";
    assert_eq!(env.get(ann, past).await, granted, "the past is now");
}

#[tokio::test]
async fn reviewers_and_administrators_get_others_explained() {
    let env = TestEnv::new().await;
    let people = env.people;
    let own = env.get(people.ann, "/explain?resource=Database").await;
    let of_ann = "/explain?resource=Database&user=ann";
    for viewer in [people.ann, people.dan, people.rae, people.ada] {
        assert_eq!(env.get(viewer, of_ann).await, own);
    }
    let of_eve = "/explain?resource=Payroll&user=eve";
    let not_assigned = env.get(people.ada, of_eve).await;
    assert_eq!(missing(&not_assigned), ["not_assigned", "no_gateway"]);
}

#[tokio::test]
async fn unknown_invisible_and_foreign_things_are_told_alike() {
    let env = TestEnv::new().await;
    let (people, resources) = (env.people, env.resources);
    let unknown = env.get(people.ann, "/explain?resource=4711").await;
    assert_eq!(unknown.code(), "404 not_found");
    let same = [
        // Unknown.
        (people.ann, "resource=Nothing".to_owned()),
        (people.ann, "resource=".to_owned()),
        (people.ann, "resource=Wiki&user=nobody".to_owned()),
        (people.ann, "resource=Wiki&user=".to_owned()),
        (people.ada, "resource=4711&user=ann".to_owned()),
        (people.ada, "resource=Wiki&user=nobody".to_owned()),
        // Invisible.
        (people.ann, "resource=Payroll".to_owned()),
        (people.ann, format!("resource={}", resources.payroll)),
        (people.eve, "resource=Wiki".to_owned()),
        (
            people.eve,
            "resource=4711&at=2031-01-01T00:00:00Z".to_owned(),
        ),
        // Foreign: not even what both of them see.
        (people.ann, "resource=Wiki&user=ben".to_owned()),
        (people.ann, "resource=Payroll&user=eve".to_owned()),
        (people.dan, "resource=Vault&user=ann".to_owned()),
        (people.eve, "resource=Database&user=ann".to_owned()),
        // Reviewers learn nothing of those who do not see the resource.
        (people.rae, "resource=Payroll&user=ann".to_owned()),
        (people.dan, "resource=Database&user=eve".to_owned()),
    ];
    for (viewer, query) in same {
        let answer = env.get(viewer, &format!("/explain?{query}")).await;
        assert_eq!(answer, unknown, "{query}");
    }
    let headless = env.token_of(people.rae, SessionKind::Headless).await;
    for (query, status) in [
        ("resource=Wiki", 200),
        ("resource=Wiki&user=rae", 200),
        ("resource=Wiki&user=ann", 404),
    ] {
        let path = format!("/explain?{query}");
        let answer = call(&env, "GET", &path, &headless, Value::Null).await;
        assert_eq!(answer.status, status, "{query}: {}", answer.text);
        if status == 404 {
            assert_eq!(answer.text, unknown.text);
        }
    }
}

#[tokio::test]
async fn an_id_that_is_not_seen_hides_no_name() {
    let env = TestEnv::new().await;
    let (ann, wiki, payroll) = (env.people.ann, env.resources.wiki, env.resources.payroll);
    let named = [payroll.to_string(), "4711".to_owned()];
    for name in named {
        let new = name.clone();
        let rename = env.change(move |tx| {
            Box::pin(async move {
                let (mut resource, _) = tx.resource(wiki).await?.unwrap();
                resource.name = new;
                Ok(tx.update_resource(resource).await?)
            })
        });
        rename.await;
        let answer = env.get(ann, &format!("/explain?resource={name}")).await;
        assert_eq!(missing(&answer), ["no_gateway"], "{name}");
        assert_eq!(answer.json()["resource"]["id"], wiki.0, "{name}");
    }
}

#[tokio::test]
async fn a_question_that_cannot_be_read_is_a_problem() {
    let env = TestEnv::new().await;
    for query in [
        "",
        "?at=2030-01-01T00:00:00Z",
        "?resource=Wiki&at=tomorrow",
        "?resource=Wiki&at=2030-01-01",
        "?resource=Wiki&at=",
        "?resource=Wiki&resource=Logs",
        "?resource=Wiki&login=ann",
    ] {
        let answer = env.get(env.people.ann, &format!("/explain{query}")).await;
        assert_eq!(answer.code(), "400 malformed", "{query}");
        assert!(answer.text.contains("resource=NAME"), "{}", answer.text);
    }
}

#[tokio::test]
async fn explaining_changes_nothing() {
    let env = TestEnv::new().await;
    let request = json!({ "resource": env.resources.logs, "reason": "To look" });
    env.post(env.people.ann, "/requests", request).await;
    // What is due is not done by looking.
    env.clock.forward(TimeDelta::hours(30));
    let before = env.seq().await;
    let answer = env.get(env.people.ann, "/explain?resource=Logs").await;
    assert_eq!(missing(&answer), ["needs_reason", "no_gateway"]);
    assert_eq!(env.seq().await, before);
}
