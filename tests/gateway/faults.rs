//! What breaks on the way.

use hourkey_testkit::poll::eventually;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::origin::PAGE;
use crate::world::{Entry, World, gateway};

/// Asks for a page through the entry: what the first line says, and all.
async fn get(entry: &Entry, name: &str) -> std::io::Result<String> {
    let proxy = entry.proxy().strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(proxy).await?;
    let get = format!("GET http://{name}/ HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n");
    stream.write_all(get.as_bytes()).await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    Ok(text)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_gateway_takes_over() {
    let mut world = World::new().await;
    let _second = gateway(&world.controller, "gw-2", &world.origin, &[]).await;
    let entry = world.entry().await;
    for _ in 0..3 {
        assert!(
            get(&entry, "wiki.corp.example")
                .await
                .unwrap()
                .ends_with(PAGE)
        );
    }
    world.gateway.kill().unwrap();
    for _ in 0..3 {
        assert!(
            get(&entry, "wiki.corp.example")
                .await
                .unwrap()
                .ends_with(PAGE)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_that_a_gateway_missed_is_in_force_when_it_is_back() {
    let mut world = World::new().await;
    let marta = world.session("marta").await;
    let entry = world.entry().await;
    let grant = world.open("Logs").await;
    world.gateway.kill().unwrap();
    world.revoke(&marta, grant).await;
    world.gateway.resume().await.unwrap();
    // The wiki passes again, and the logs do not.
    eventually("the gateway", async || {
        let text = get(&entry, "wiki.corp.example").await?;
        match text.ends_with(PAGE) {
            true => Ok(()),
            false => Err(std::io::Error::other(text)),
        }
    })
    .await
    .unwrap();
    let locked = get(&entry, "logs.corp.example").await.unwrap();
    assert!(locked.starts_with("HTTP/1.1 302"), "{locked}");
    assert_eq!(world.origin.open(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_gateway_lets_nobody_in() {
    let world = World::new().await;
    let entry = world.entry().await;
    assert!(
        get(&entry, "wiki.corp.example")
            .await
            .unwrap()
            .ends_with(PAGE)
    );
    world
        .controller
        .run(&["gateway", "remove", "gw-1"])
        .await
        .unwrap();
    eventually("the refusal", async || {
        let text = get(&entry, "wiki.corp.example").await.unwrap_or_default();
        match text.ends_with(PAGE) {
            true => Err(text),
            false => Ok(()),
        }
    })
    .await
    .unwrap();
    eventually("the gateway's word", async || {
        let log = world.gateway.log();
        match log.contains("does not know this gateway any more") {
            true => Ok(()),
            false => Err(log),
        }
    })
    .await
    .unwrap();
}
