//! Bad calls, and clients that want too much: others still get through.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod test_env;

use std::net::IpAddr;

use hourkey_gateway::limits::{
    MAX_CONNECTIONS_PER_DEVICE, MAX_FLOWS_PER_DEVICE, MAX_HANDSHAKES_PER_SITE, MAX_STREAMS,
};
use test_env::client::{ConnectResponse, Device, answer};
use test_env::origin::ECHO;
use test_env::{BEN, DB, PHONE, TestEnv, soon};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

async fn gets_through(device: &Device) {
    let mut tls = device.connect("db.corp:5432").await.unwrap();
    tls.write_all(&[ECHO, b'x']).await.unwrap();
    assert_eq!(soon("an echo", tls.read_u8()).await.unwrap(), b'x');
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_has_so_many_connections_and_leaves_room_for_others() {
    let env = TestEnv::new().await;
    let ann = env.ann().await;
    let ben = env.device(PHONE, BEN);
    env.controller.permit(BEN, DB, None);
    let mut kept = Vec::new();
    for _ in 0..MAX_CONNECTIONS_PER_DEVICE {
        kept.push(ann.raw().await);
    }
    assert!(!ann.is_taken().await);
    gets_through(&ben).await;
    kept.pop();
    for _ in 0..300 {
        if ann.is_taken().await {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the place of the connection that ended stays taken");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_with_too_many_flows_leaves_room_for_others() {
    let env = TestEnv::new().await;
    let ann = env.ann().await;
    let ben = env.device(PHONE, BEN);
    env.controller.permit(BEN, DB, None);
    let mut connections = Vec::new();
    let mut flows = Vec::new();
    for _ in 0..MAX_FLOWS_PER_DEVICE.div_ceil(MAX_STREAMS as usize) {
        let mut http2 = ann.http2().await;
        for _ in 0..MAX_STREAMS {
            flows.push(http2.connect("db.corp:5432").await.unwrap());
        }
        connections.push(http2);
    }
    assert_eq!(
        ann.refused("db.corp:5432").await,
        ConnectResponse::refused(503, "busy")
    );
    gets_through(&ben).await;
    flows.pop();
    for _ in 0..300 {
        if ann.connect("db.corp:5432").await.is_ok() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the place of the flow that ended stays taken");
}

#[tokio::test]
async fn half_open_connections_of_one_address_leave_room_for_others() {
    let env = TestEnv::new().await;
    let mut ann = env.ann().await;
    let mut flood = Vec::new();
    for _ in 0..MAX_HANDSHAKES_PER_SITE + 50 {
        flood.push(TcpStream::connect(env.gateway.address()).await.unwrap());
    }
    // Beyond the limit they are closed at once.
    let mut last = flood.pop().unwrap();
    let closed = soon("it is closed", last.read(&mut [0; 1])).await;
    assert!(matches!(closed, Ok(0) | Err(_)));
    assert!(!ann.is_taken().await);
    ann.from = IpAddr::from([127, 0, 0, 2]);
    gets_through(&ann).await;
    drop(flood);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_are_reset_at_once_keep_nobody_out() {
    let env = TestEnv::new().await;
    let ann = env.ann().await;
    let ben = env.device(PHONE, BEN);
    env.controller.permit(BEN, DB, None);
    let flood = tokio::spawn(async move {
        loop {
            // The gateway may end a connection that does this.
            let mut http2 = ann.http2().await;
            while let Some(mut send) = http2.begin("db.corp:5432").await {
                tokio::task::yield_now().await;
                send.send_reset(h2::Reason::CANCEL);
            }
        }
    });
    for _ in 0..20 {
        gets_through(&ben).await;
    }
    assert!(!flood.is_finished());
    flood.abort();
}

#[tokio::test]
async fn bad_calls_are_refused_and_harm_nobody() {
    let env = TestEnv::new().await;
    let ann = env.ann().await;
    let malformed = ConnectResponse::refused(400, "malformed");
    for to in [
        "db.corp",
        "db.corp:0",
        "db.corp:99999",
        "[::1",
        "::1:80",
        "a@db.corp:5432",
    ] {
        let mut tls = ann.raw().await;
        let head = format!("CONNECT {to} HTTP/1.1\r\nhost: x\r\n\r\n");
        tls.write_all(head.as_bytes()).await.unwrap();
        // What HTTP itself does not allow is refused before anybody looks at it.
        let refused = answer(&mut tls).await;
        assert_eq!(refused.status, 400, "{to}");
        assert!(
            refused.refusal.is_none() || refused.brief() == malformed,
            "{to}"
        );
    }
    for head in [
        "GET http://db.corp:5432/ HTTP/1.1\r\nhost: db.corp\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: db.corp\r\ncontent-length: 0\r\n\r\n",
    ] {
        let mut tls = ann.raw().await;
        tls.write_all(head.as_bytes()).await.unwrap();
        let refused = answer(&mut tls).await;
        assert_eq!(refused.brief(), ConnectResponse::refused(405, "malformed"));
    }
    let mut tls = ann.raw().await;
    let long = "x".repeat(40 << 10);
    let head = format!("CONNECT db.corp:5432 HTTP/1.1\r\nhost: {long}\r\n\r\n");
    // It may be refused before all of it is sent.
    let _ = tls.write_all(head.as_bytes()).await;
    let mut start = [0; 12];
    if soon("an answer", tls.read_exact(&mut start)).await.is_ok() {
        assert_eq!(&start, b"HTTP/1.1 431");
    }
    let request = http::Request::connect("db.corp:5432")
        .header("x", long)
        .body(());
    assert!(ann.http2().await.is_refused(request.unwrap()).await);
    let mut tls = ann.raw().await;
    tls.write_all(b"\x00\x01\xff nonsense\r\n\r\n")
        .await
        .unwrap();
    assert_eq!(answer(&mut tls).await.status, 400);
    assert_eq!(env.origin.accepted(), 0);
    gets_through(&ann).await;
}
