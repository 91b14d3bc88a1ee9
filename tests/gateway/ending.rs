//! Every way in which access ends, with a connection that sends at the time and one that is idle:
//! both are cut at both ends.

use hourkey_testkit::poll::eventually;

use crate::connection::Connection;
use crate::origin::{QUIET, TICKS};
use crate::world::{Entry, World};

/// A connection that sends and one that is idle.
async fn two(world: &World, entry: &Entry) -> [Connection; 2] {
    let sending = Connection::open(entry, TICKS).await;
    let idle = Connection::open(entry, QUIET).await;
    assert_eq!(world.origin.open(), 2);
    [sending, idle]
}

async fn both_are_cut(world: &World, connections: [Connection; 2]) {
    for connection in connections {
        connection.ends().await;
    }
    eventually("the end at the origin", async || world.origin.open() == 0)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_cuts() {
    let world = World::new().await;
    let marta = world.session("marta").await;
    let entry = world.entry().await;
    let grant = world.open("Logs").await;
    let connections = two(&world, &entry).await;
    world.revoke(&marta, grant).await;
    both_are_cut(&world, connections).await;
    world.ended_because("permit").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn giving_access_back_cuts() {
    let world = World::new().await;
    let entry = world.entry().await;
    let grant = world.open("Logs").await;
    let connections = two(&world, &entry).await;
    world.ada.release(grant).await.unwrap();
    both_are_cut(&world, connections).await;
    world.ended_because("permit").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_user_is_cut() {
    let world = World::new().await;
    let entry = world.entry().await;
    world.open("Logs").await;
    let connections = two(&world, &entry).await;
    world
        .controller
        .run(&["user", "disable", "ada"])
        .await
        .unwrap();
    both_are_cut(&world, connections).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_device_is_cut_and_its_certificate_is_worth_nothing() {
    let world = World::new().await;
    let entry = world.entry().await;
    world.open("Logs").await;
    let connections = two(&world, &entry).await;
    let devices = world.ada.devices().await.unwrap();
    for device in devices {
        world.ada.end_device(device.id).await.unwrap();
    }
    both_are_cut(&world, connections).await;
    world.ended_because("device").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_that_moves_is_cut() {
    let world = World::new().await;
    let entry = world.entry().await;
    world.open("Logs").await;
    let connections = two(&world, &entry).await;
    let moved = r#"
name = "Private"
[[network]]
name = "Office"
[[resource]]
name = "Logs"
address = "elsewhere.corp.example"
ports = "80,9000"
network = "Office"
access = { mode = "AccessRequest", up_to = "1h", approval = "Automatic" }
"#;
    world.controller.apply(moved).await.unwrap();
    both_are_cut(&world, connections).await;
    world.ended_because("permit").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_controller_everything_is_cut_by_the_lease() {
    let mut world = World::new().await;
    let entry = world.entry().await;
    world.open("Logs").await;
    let connections = two(&world, &entry).await;
    world.controller.kill().unwrap();
    both_are_cut(&world, connections).await;
    // Once it is back, the connections' ends are told, and new ones pass.
    world.controller.resume().await.unwrap();
    world.ended_because("stale").await;
    eventually("a connection", async || Connection::ask(&entry).await)
        .await
        .unwrap();
}
