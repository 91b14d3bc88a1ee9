//! What the API adds to explanations of now: whether a gateway is connected; and by which words
//! resources are found.
#![allow(clippy::unwrap_used)]

mod test_env;

use chrono::TimeDelta;
use serde_json::{Value, json};
use test_env::TestEnv;
use test_env::gateways::{GatewayClient, fed};

async fn presence(env: &TestEnv) -> (Value, Value) {
    let answer = env.get(env.people.ann, "/explain?resource=Wiki").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let found = answer.json();
    (found["gateway"].clone(), found["missing"].clone())
}

#[tokio::test]
async fn a_gateway_that_is_away_is_said() {
    let (env, credential) = fed().await;
    let away = (json!("away"), json!([{ "missing": "gateway_away" }]));
    let there = (json!("connected"), json!([]));
    assert_eq!(presence(&env).await, away, "it has enrolled");
    let mut stream = GatewayClient::open(&env, &credential, json!([])).await;
    stream.all().await;
    assert_eq!(presence(&env).await, there);
    let later = "/explain?resource=Wiki&at=2040-01-01T00:00:00Z";
    let later = env.get(env.people.ann, later).await.json();
    assert_eq!(later["gateway"], "unknown");
    // It vanished without a word.
    env.clock.forward(TimeDelta::seconds(15));
    assert_eq!(presence(&env).await, away);
    let mut stream = GatewayClient::open(&env, &credential, json!([])).await;
    stream.all().await;
    assert_eq!(presence(&env).await, there);
    drop(stream);
    assert_eq!(presence(&env).await, away);
}

#[tokio::test]
async fn a_word_is_found_as_commands_find_it() {
    let env = TestEnv::new().await;
    let (wiki, logs) = (env.resources.wiki, env.resources.logs);
    // The name of one is the alias of the other.
    env.change(move |tx| {
        Box::pin(async move {
            let (mut resource, _) = tx.resource(logs).await?.unwrap();
            resource.alias = Some("Wiki".to_owned());
            Ok(tx.update_resource(resource).await?)
        })
    })
    .await;
    for (word, id) in [("Wiki", wiki), ("logs", logs), ("LOGS", logs)] {
        let answer = env
            .get(env.people.ann, &format!("/explain?resource={word}"))
            .await;
        assert_eq!(answer.status, 200, "{word}: {}", answer.text);
        assert_eq!(answer.json()["resource"]["id"], id.0, "{word}");
    }
    let both = env.get(env.people.ann, "/explain?resource=WIKI").await;
    assert_eq!(both.code(), "400 malformed");
    let named = format!("Wiki (id {wiki}), Logs (id {logs})");
    assert!(both.text.contains(&named), "{}", both.text);
}
