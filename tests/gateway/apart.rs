//! The controller, a gateway and a person's machine on hosts of their own, with a network between
//! them that breaks.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hourkey_protocol::access::Approve;
use hourkey_protocol::gateway::LEASE;
use hourkey_testkit::gateway::{Gateway, Place};
use hourkey_testkit::poll::eventually;

use crate::connection::Connection;
use crate::faults::get;
use crate::network::Network;
use crate::origin::{Origin, PAGE, QUIET, TICKS};
use crate::world::World;
use hourkey_testkit::wire::Wire;

#[test]
fn a_gateway_that_loses_the_controller_cuts_by_its_lease_and_recovers() {
    let Some(network) = Network::new() else {
        return;
    };
    network.controller.thread(|| {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(loses_the_controller(&network));
    });
}

async fn loses_the_controller(network: &Network) {
    let Network {
        controller,
        gateway,
        entry,
        ..
    } = network;
    let mut world = World::new().await;
    world.gateway.kill().unwrap();
    let remove = ["gateway", "remove", "gw-1"];
    world.controller.run(&remove).await.unwrap();
    // Unencrypted, the controller is spoken to on loopback only: a port there leads to it.
    let port = world.controller.url().port().unwrap();
    let loopback = (Ipv4Addr::LOCALHOST, port).into();
    let _door = Wire::between(controller.at(port), loopback).await.unwrap();
    let mut doors = Vec::new();
    for host in [gateway, entry] {
        let door = Wire::between(loopback, controller.at(port));
        doors.push(host.run(door).await.unwrap());
    }
    let origin = gateway.run(Origin::start()).await;
    let place = Place {
        host: gateway.address,
        wrapper: gateway.wrapper().map(str::to_owned).into(),
        ..Place::beside(&world.controller)
    };
    let (web, ticks) = (origin.web().to_string(), origin.ticks().to_string());
    let hosts = [("wiki.corp.example", &*web), ("logs.corp.example", &*ticks)];
    let far = Gateway::start_at(&world.controller, place, "far", "Office", &hosts);
    let _far = far.await.unwrap();
    let marta = world.session("marta").await;
    let proxy = Arc::new(world.entry_by(&entry.wrapper()).await);
    let open = async |mode| {
        let proxy = Arc::clone(&proxy);
        let open = async move { Connection::open(&proxy, mode).await };
        entry.run(open).await
    };
    let page = async |name: &'static str| {
        let proxy = Arc::clone(&proxy);
        entry.run(async move { get(&proxy, name).await }).await
    };

    let grant = world.open("Logs").await;
    let sending = open(TICKS).await;
    let mut quiet = open(QUIET).await;
    assert!(page("wiki.corp.example").await.unwrap().ends_with(PAGE));
    gateway.lose(controller);
    let lost = Instant::now();
    quiet.goes_on().await;
    sending.ends().await;
    quiet.ends().await;
    let after = lost.elapsed();
    assert!(after < LEASE + Duration::from_secs(3), "{after:?}");
    eventually("the end at the origin", async || origin.open() == 0)
        .await
        .unwrap();
    let refused = page("wiki.corp.example").await.unwrap();
    assert!(refused.starts_with("HTTP/1.1 50"), "{refused}");

    // What happens meanwhile is in force once they find each other again.
    world.revoke(&marta, grant).await;
    gateway.find(controller);
    eventually("the wiki", async || {
        let text = page("wiki.corp.example")
            .await
            .map_err(|error| error.to_string())?;
        text.ends_with(PAGE).then_some(()).ok_or(text)
    })
    .await
    .unwrap();
    world.ended_because("closed").await;
    let locked = page("logs.corp.example").await.unwrap();
    assert!(locked.starts_with("HTTP/1.1 302"), "{locked}");
    assert_eq!(origin.open(), 0);
    let request = world.ask("Logs").await;
    marta
        .approve(request.id, &Approve::default())
        .await
        .unwrap();
    open(QUIET).await.goes_on().await;
    let stale = world.ends().await;
    assert!(stale.iter().any(|(_, why)| why == "stale"), "{stale:?}");
}
