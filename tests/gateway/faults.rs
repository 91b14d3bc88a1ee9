//! Faults on the way: lost connections, stopped programs, full limits.

use std::time::Duration;

use hourkey_protocol::access::Approve;
use hourkey_testkit::gateway::{Deployment, Gateway};
use hourkey_testkit::poll::eventually;
use rustix::process::Signal;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::connection::Connection;
use crate::origin::{PAGE, QUIET, TICKS};
use crate::test_env::{LocalProxy, TestEnv, gateway};

/// Asks for a page through the local proxy: what the first line says, and all.
pub(crate) async fn get(local_proxy: &LocalProxy, name: &str) -> std::io::Result<String> {
    let proxy = local_proxy.proxy().strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(proxy).await?;
    // As a browser that is about to show it.
    let get = format!(
        "GET http://{name}/ HTTP/1.1\r\nHost: {name}\r\nAccept: text/html\r\n\
         Connection: close\r\n\r\n"
    );
    stream.write_all(get.as_bytes()).await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    Ok(text)
}

/// Waits until the wiki's page comes through.
async fn passes(local_proxy: &LocalProxy) {
    eventually("the page", async || {
        let text = get(local_proxy, "wiki.corp.example").await?;
        match text.ends_with(PAGE) {
            true => Ok(()),
            false => Err(std::io::Error::other(text)),
        }
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_gateway_takes_over() {
    let mut env = TestEnv::new().await;
    let _second = gateway(&env.controller, "gw-2", &env.origin, &[]).await;
    let local_proxy = env.local_proxy().await;
    for _ in 0..3 {
        assert!(
            get(&local_proxy, "wiki.corp.example")
                .await
                .unwrap()
                .ends_with(PAGE)
        );
    }
    env.gateway.kill().unwrap();
    for _ in 0..3 {
        assert!(
            get(&local_proxy, "wiki.corp.example")
                .await
                .unwrap()
                .ends_with(PAGE)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_gateway_carried_is_reported_once_it_is_back() {
    let mut env = TestEnv::new().await;
    let local_proxy = env.local_proxy().await;
    env.open("Logs").await;
    let mut quiet = Connection::open(&local_proxy, QUIET).await;
    quiet.goes_on().await;
    let begun = async || {
        let audit = env.controller.run(&["audit", "--json"]).await.unwrap();
        audit.contains("connection.started")
    };
    eventually("its start in the audit log", begun)
        .await
        .unwrap();
    env.gateway.kill().unwrap();
    quiet.ends().await;
    env.gateway.resume().await.unwrap();
    env.ended_because("lost").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_dies_in_mid_transfer_is_replaced_at_once() {
    let mut env = TestEnv::new().await;
    let _second = gateway(&env.controller, "gw-2", &env.origin, &[]).await;
    let local_proxy = env.local_proxy().await;
    env.open("Logs").await;
    let sending = Connection::open(&local_proxy, TICKS).await;
    let mut quiet = Connection::open(&local_proxy, QUIET).await;
    quiet.goes_on().await;
    env.gateway.kill().unwrap();
    // Whatever lay ready at the first one is worth nothing: nobody asks twice.
    let mut next = Connection::open(&local_proxy, QUIET).await;
    next.goes_on().await;
    sending.ends().await;
    quiet.ends().await;
    next.goes_on().await;
}

/// A revocation must not wait for a gateway that nobody hears of; that one lets nobody pass for
/// longer than its lease, and when it is heard again before that, only what is still granted.
#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_while_the_stream_is_down_cuts_when_it_is_back() {
    let mut env = TestEnv::new().await;
    env.gateway.kill().unwrap();
    let (deployment, link) = Deployment::behind_proxy(&env.controller).await.unwrap();
    let hosts = [("logs.corp.example", env.origin.ticks().to_string())];
    let hosts = hosts.each_ref().map(|(name, to)| (*name, &**to));
    let remote = Gateway::start_at(&env.controller, deployment, "far", "Office", &hosts);
    let _far = remote.await.unwrap();
    let marta = env.session("marta").await;
    let local_proxy = env.local_proxy().await;
    let grant = env.open("Logs").await;
    let mut connection = Connection::open(&local_proxy, QUIET).await;
    connection.goes_on().await;
    link.cut();
    env.revoke(&marta, grant).await;
    connection.goes_on().await;
    link.restore();
    connection.ends().await;
    // Not because the lease ended.
    env.ended_because("permit").await;

    // The other way round: what was granted meanwhile passes.
    link.cut();
    // Automatic approval is off after a revocation.
    let request = env.ask("Logs").await;
    marta
        .approve(request.id, &Approve::default())
        .await
        .unwrap();
    link.restore();
    let mut connection = eventually("a connection", async || Connection::ask(&local_proxy).await)
        .await
        .unwrap();
    connection.says(QUIET).await;
    connection.goes_on().await;
}

/// Clients that are refused go on to another gateway at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_has_not_heard_its_controller_yet_takes_no_connections() {
    let mut env = TestEnv::new().await;
    let local_proxy = env.local_proxy().await;
    let (deployment, link) = Deployment::behind_proxy(&env.controller).await.unwrap();
    let hosts = [("wiki.corp.example", env.origin.web().to_string())];
    let hosts = hosts.each_ref().map(|(name, to)| (*name, &**to));
    let remote = Gateway::start_at(&env.controller, deployment, "far", "Office", &hosts);
    let mut remote = remote.await.unwrap();
    remote.kill().unwrap();
    link.cut();
    remote.resume().await.unwrap();
    let refused = TcpStream::connect(remote.address()).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    assert!(
        get(&local_proxy, "wiki.corp.example")
            .await
            .unwrap()
            .ends_with(PAGE)
    );
    env.gateway.kill().unwrap();
    let page = get(&local_proxy, "wiki.corp.example").await.unwrap();
    assert!(page.contains("No gateway answers"), "{page}");
    assert!(page.contains("nothing answers at its address"), "{page}");
    link.restore();
    passes(&local_proxy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_that_a_gateway_missed_is_in_force_when_it_is_back() {
    let mut env = TestEnv::new().await;
    let marta = env.session("marta").await;
    let local_proxy = env.local_proxy().await;
    let grant = env.open("Logs").await;
    env.gateway.kill().unwrap();
    env.revoke(&marta, grant).await;
    env.gateway.resume().await.unwrap();
    // The wiki passes again, and the logs do not.
    passes(&local_proxy).await;
    let locked = get(&local_proxy, "logs.corp.example").await.unwrap();
    assert!(locked.starts_with("HTTP/1.1 302"), "{locked}");
    assert_eq!(env.origin.open(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_gateway_lets_nobody_in() {
    let env = TestEnv::new().await;
    let local_proxy = env.local_proxy().await;
    assert!(
        get(&local_proxy, "wiki.corp.example")
            .await
            .unwrap()
            .ends_with(PAGE)
    );
    env.controller
        .run(&["gateway", "remove", "gw-1"])
        .await
        .unwrap();
    eventually("the refusal", async || {
        let text = get(&local_proxy, "wiki.corp.example")
            .await
            .unwrap_or_default();
        match text.ends_with(PAGE) {
            true => Err(text),
            false => Ok(()),
        }
    })
    .await
    .unwrap();
    eventually("the gateway's word", async || {
        let log = env.gateway.log();
        match log.contains("does not know this gateway any more") {
            true => Ok(()),
            false => Err(log),
        }
    })
    .await
    .unwrap();
}

/// A controller that takes calls and answers none: its gateways' leases end, and what asks it about
/// them gives up before a browser does.
#[tokio::test(flavor = "multi_thread")]
async fn a_controller_that_hangs_holds_nobody_for_long() {
    let env = TestEnv::new().await;
    let local_proxy = env.local_proxy().await;
    let page = async || get(&local_proxy, "wiki.corp.example").await.unwrap();
    assert!(page().await.ends_with(PAGE));
    env.controller.signal(Signal::STOP).unwrap();
    let limit = Duration::from_secs(22);
    let listed = tokio::time::timeout(limit, env.terminal.run(&["list"]));
    let refused = async || {
        let text = tokio::time::timeout(limit, page()).await.unwrap();
        (!text.ends_with(PAGE)).then_some(text)
    };
    let refused = eventually("the end of the lease", refused);
    let (ran, text) = tokio::join!(listed, refused);
    let (ran, text) = (ran.unwrap().ended(8), text.unwrap());
    assert!(ran.err.contains("did not answer in time"), "{ran:?}");
    assert!(text.starts_with("HTTP/1.1 50"), "{text}");
    let proxy = local_proxy.proxy().strip_prefix("http://").unwrap();
    let mut tunnel = TcpStream::connect(proxy).await.unwrap();
    let connect = b"CONNECT wiki.corp.example:80 HTTP/1.1\r\nUser-Agent: Mozilla/5.0\r\n\r\n";
    tunnel.write_all(connect).await.unwrap();
    let mut text = String::new();
    let answered = tokio::time::timeout(limit, tunnel.read_to_string(&mut text));
    answered.await.unwrap().unwrap();
    assert!(text.starts_with("HTTP/1.1 50"), "{text}");
}
