//! Every way in which access ends, with a connection that sends at the time and one that is idle:
//! both are cut at both ends.

use std::time::Duration;

use hourkey_testkit::organisation::{Access, Resource};
use hourkey_testkit::poll::eventually;

use crate::connection::Connection;
use crate::origin::{Origin, QUIET, TICKS};
use crate::test_env::{LocalProxy, TestEnv, organisation};

const MINUTE: Duration = Duration::from_secs(60);

/// A connection that sends and one that is idle.
async fn two(env: &TestEnv, local_proxy: &LocalProxy) -> [Connection; 2] {
    let sending = Connection::open(local_proxy, TICKS).await;
    let idle = Connection::open(local_proxy, QUIET).await;
    assert_eq!(env.origin.open(), 2);
    [sending, idle]
}

async fn both_are_cut(env: &TestEnv, connections: [Connection; 2]) {
    for connection in connections {
        connection.ends().await;
    }
    eventually("the end at the origin", async || env.origin.open() == 0)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_cuts() {
    let env = TestEnv::new().await;
    let marta = env.session("marta").await;
    let local_proxy = env.local_proxy().await;
    let grant = env.open("Logs").await;
    let connections = two(&env, &local_proxy).await;
    env.revoke(&marta, grant).await;
    both_are_cut(&env, connections).await;
    env.ended_because("permit").await;
}

/// Connections of an extended grant go on beyond the old end, and are cut at the new one; those of a
/// grant with the same old end, which was not extended, tell that it has come.
#[tokio::test(flavor = "multi_thread")]
async fn an_extended_grant_keeps_its_connections_up_to_its_new_end() {
    let other = Origin::start().await;
    let later = Origin::start().await;
    let servers = [
        ("db.corp.example", other.ticks()),
        ("build.corp.example", later.ticks()),
    ];
    let env = TestEnv::with(&servers).await;
    let local_proxy = env.local_proxy().await;
    let grant = env.open("Logs").await;
    env.open("Database").await;
    let mut quiet = Connection::open(&local_proxy, QUIET).await;
    let ticking = Connection::open(&local_proxy, TICKS).await;
    let ends = Connection::to(&local_proxy, "db.corp.example:5432").await;
    let mut ends = ends.unwrap();
    ends.says(QUIET).await;
    env.clock.advance(MINUTE * 50).unwrap();
    assert_eq!(env.extend("Logs").await, grant);
    // Once what was granted after it lets traffic pass, both ends have heard of it.
    env.open("Build host").await;
    let passes = Connection::to(&local_proxy, "build.corp.example:22").await;
    drop(passes.unwrap());
    quiet.goes_on().await;

    env.clock.advance(MINUTE * 20).unwrap();
    ends.ends().await;
    eventually("its end at the origin", async || other.open() == 0)
        .await
        .unwrap();
    assert_eq!(env.origin.open(), 2);
    quiet.goes_on().await;

    env.clock.advance(MINUTE * 41).unwrap();
    both_are_cut(&env, [quiet, ticking]).await;
    env.ended_because("permit").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_cuts_an_extended_grant() {
    let env = TestEnv::new().await;
    let marta = env.session("marta").await;
    let local_proxy = env.local_proxy().await;
    let grant = env.open("Logs").await;
    let connections = two(&env, &local_proxy).await;
    env.clock.advance(MINUTE * 50).unwrap();
    assert_eq!(env.extend("Logs").await, grant);
    env.revoke(&marta, grant).await;
    both_are_cut(&env, connections).await;
    env.ended_because("permit").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn giving_access_back_cuts() {
    let env = TestEnv::new().await;
    let local_proxy = env.local_proxy().await;
    let grant = env.open("Logs").await;
    let connections = two(&env, &local_proxy).await;
    env.ada.release(grant).await.unwrap();
    both_are_cut(&env, connections).await;
    env.ended_because("permit").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_user_is_cut() {
    let env = TestEnv::new().await;
    let local_proxy = env.local_proxy().await;
    env.open("Logs").await;
    let connections = two(&env, &local_proxy).await;
    env.controller
        .run(&["user", "disable", "ada"])
        .await
        .unwrap();
    both_are_cut(&env, connections).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_device_is_cut_and_its_certificate_is_worth_nothing() {
    let env = TestEnv::new().await;
    let local_proxy = env.local_proxy().await;
    env.open("Logs").await;
    let connections = two(&env, &local_proxy).await;
    let devices = env.ada.devices().await.unwrap();
    for device in devices {
        env.ada.end_device(device.id).await.unwrap();
    }
    both_are_cut(&env, connections).await;
    env.ended_because("device").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_that_moves_is_cut() {
    let env = TestEnv::new().await;
    let local_proxy = env.local_proxy().await;
    env.open("Logs").await;
    let connections = two(&env, &local_proxy).await;
    let access = Access::request().up_to("1h").automatic();
    let moved = Resource::new("Logs", "elsewhere.corp.example", access).ports("80,9000");
    let moved = organisation().resource(moved).text();
    env.controller.apply(&moved).await.unwrap();
    both_are_cut(&env, connections).await;
    env.ended_because("permit").await;
}

/// Rule 9: what is disabled goes on governing its address. A wildcard that its people may use does not
/// open it, neither to those who see it nor to those who do not.
#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_resource_is_cut_and_nothing_else_opens_it() {
    let env = TestEnv::new().await;
    let local_proxy = env.local_proxy().await;
    let everything = Resource::new("Everything", "*.corp.example", Access::standing());
    let wide = organisation()
        .resource(everything.ports("80,9000"))
        .assign("Engineering", &["Everything"]);
    env.controller.apply(&wide.text()).await.unwrap();
    env.open("Logs").await;
    let connections = two(&env, &local_proxy).await;
    let access = Access::request().up_to("1h").automatic();
    let logs = Resource::new("Logs", "logs.corp.example", access).ports("80,9000");
    let disabled = wide.resource(logs.disabled());
    env.controller.apply(&disabled.text()).await.unwrap();
    both_are_cut(&env, connections).await;
    env.ended_because("permit").await;
    let said = Connection::ask(&local_proxy)
        .await
        .err()
        .unwrap()
        .to_string();
    assert!(said.contains("disabled"), "{said}");
    // Without a row of it the client asks by the wildcard, and the gateway refuses.
    let unseen = disabled.unassign("Engineering", "Logs").text();
    let prune = async |text: &str| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ORG.toml");
        std::fs::write(&file, text).unwrap();
        let file = file.to_str().unwrap().to_owned();
        let arguments = ["apply", &file, "--prune", "--yes"];
        env.controller.run(&arguments).await.unwrap();
    };
    prune(&unseen).await;
    let said = eventually("the gateway's refusal", async || {
        let refused = Connection::ask(&local_proxy).await.err();
        let said = refused.map_or_else(String::new, |why| why.to_string());
        match said.contains("gateway does not let you pass") {
            true => Ok(()),
            false => Err(said),
        }
    });
    said.await.unwrap();
    // Once it is gone, the wildcard governs: it is what kept others out.
    let gone: Vec<&str> = unseen.split("[[resource]]").collect();
    let gone = gone
        .into_iter()
        .filter(|part| !part.contains("name = \"Logs\""));
    prune(&gone.collect::<Vec<_>>().join("[[resource]]")).await;
    eventually("a connection", async || Connection::ask(&local_proxy).await)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_controller_everything_is_cut_by_the_lease() {
    let mut env = TestEnv::new().await;
    let local_proxy = env.local_proxy().await;
    env.open("Logs").await;
    let connections = two(&env, &local_proxy).await;
    env.controller.kill().unwrap();
    both_are_cut(&env, connections).await;
    // Once it is back, the connections' ends are told, and new ones pass.
    env.controller.resume().await.unwrap();
    env.ended_because("stale").await;
    eventually("a connection", async || Connection::ask(&local_proxy).await)
        .await
        .unwrap();
}
