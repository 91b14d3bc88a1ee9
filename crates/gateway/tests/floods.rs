//! Clients that open more than they use, say little or say too much: others still get through.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod test_env;

use std::net::IpAddr;
use std::time::Duration;

use hourkey_gateway::limits::{MAX_HANDSHAKES, MAX_HANDSHAKES_PER_SITE, MAX_STREAMS};
use test_env::client::Device;
use test_env::origin::ECHO;
use test_env::{BEN, DB, PHONE, TestEnv, soon};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;

async fn gets_through(device: &Device) {
    let mut tls = device.connect("db.corp:5432").await.unwrap();
    tls.write_all(&[ECHO, b'x']).await.unwrap();
    assert_eq!(soon("an echo", tls.read_u8()).await.unwrap(), b'x');
}

async fn ben(env: &TestEnv) -> Device {
    env.controller.permit(BEN, DB, None);
    env.device(PHONE, BEN)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_lie_ready_keep_nobody_out() {
    let env = TestEnv::new().await;
    let (ann, ben) = (env.ann().await, ben(&env).await);
    // As many people's in one office, behind one address.
    let mut ready = Vec::new();
    for _ in 0..MAX_HANDSHAKES_PER_SITE + 20 {
        ready.push(ann.raw().await);
    }
    gets_through(&ben).await;
    gets_through(&ann).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_open_connections_from_everywhere_let_others_in() {
    let env = TestEnv::new().await;
    let ann = env.ann().await;
    let mut flood = Vec::new();
    for address in 2..=2 + (MAX_HANDSHAKES / MAX_HANDSHAKES_PER_SITE) as u8 {
        for _ in 0..MAX_HANDSHAKES_PER_SITE {
            let socket = TcpSocket::new_v4().unwrap();
            let from = IpAddr::from([127, 0, 0, address]);
            socket.bind((from, 0).into()).unwrap();
            flood.push(socket.connect(env.gateway.address()).await.unwrap());
        }
    }
    for _ in 0..10 {
        gets_through(&ann).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_that_come_byte_by_byte_are_given_up() {
    let env = TestEnv::new().await;
    let (ann, ben) = (env.ann().await, ben(&env).await);
    let endless = b"CONNECT db.corp:5432 HTTP/1.1\r\nhost: db.corp\r\nx: ".iter();
    let http1: Vec<u8> = endless.copied().chain([b'x'; 200]).collect();
    let mut slow = Vec::new();
    for (alpn, says) in [
        ("http/1.1", &http1[..]),
        ("h2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ] {
        for _ in 0..60 {
            let mut tls = ann.tls(alpn).await.unwrap();
            let says = says.to_vec();
            slow.push(tokio::spawn(async move {
                for byte in says {
                    if tls.write_all(&[byte]).await.is_err() {
                        return;
                    }
                    let pause = Duration::from_millis(500);
                    let read = tokio::time::timeout(pause, tls.read(&mut [0; 512])).await;
                    // An answer says no; an end or an error is the end.
                    if matches!(read, Ok(Ok(0) | Err(_))) {
                        return;
                    }
                }
                panic!("a head that did not end was read to its end");
            }));
        }
    }
    gets_through(&ben).await;
    for dribbling in slow {
        soon("it is given up", dribbling).await.unwrap();
    }
    gets_through(&ann).await;
}

/// Frames of HTTP/2 (RFC 9113, 4.1) that open streams without end, with no regard for limits.
fn streams(from: u32, count: u32, reset: bool) -> Vec<u8> {
    // `:method` and `:authority`, by their indices in the static table (RFC 7541, 6.2.2).
    let head = b"\x02\x07CONNECT\x01\x0cdb.corp:5432";
    let mut frames = Vec::new();
    for stream in (from..from + 2 * count).step_by(2) {
        frames.extend([0, 0, head.len() as u8, 1, 4]);
        frames.extend(stream.to_be_bytes());
        frames.extend(head);
        if reset {
            frames.extend([0, 0, 4, 3, 0]);
            frames.extend(stream.to_be_bytes());
            frames.extend(8_u32.to_be_bytes());
        }
    }
    frames
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_without_regard_for_limits_keep_nobody_out() {
    for reset in [false, true] {
        let env = TestEnv::new().await;
        let (ann, ben) = (env.ann().await, ben(&env).await);
        let mut tls = ann.tls("h2").await.unwrap();
        tls.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
            .await
            .unwrap();
        let (mut read, mut write) = tokio::io::split(tls);
        let reads =
            tokio::spawn(
                async move { while read.read(&mut [0; 4096]).await.is_ok_and(|it| it > 0) {} },
            );
        let flood = async {
            for round in 0..100 {
                // The gateway may end a connection that does this.
                if write
                    .write_all(&streams(round * 2_000 + 1, 1_000, reset))
                    .await
                    .is_err()
                {
                    return;
                }
            }
        };
        let others = async {
            for _ in 0..10 {
                gets_through(&ben).await;
            }
        };
        soon("both", async { tokio::join!(flood, others) }).await;
        if !reset {
            let opened = env.origin.accepted();
            assert!(opened <= MAX_STREAMS as usize + 10, "{opened} were opened");
        }
        gets_through(&ann).await;
        reads.abort();
    }
}
