//! Every way of ending: both ends see it, whether bytes flow at the time or not, and others go on.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod test_env;

use chrono::TimeDelta;
use test_env::client::{ConnectResponse, Device, Flow};
use test_env::origin::{DRAIN, ECHO, Ending, SOURCE};
use test_env::{ANN, DB, LAPTOP, TestEnv, WIKI, eventually, now, soon};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// How access ends.
#[derive(Clone, Copy, Debug)]
enum AccessEnd {
    Expired,
    Revoked,
    DeviceEnded,
    ResourceGone,
    OtherPorts,
    Retargeted,
}

const ACCESS_ENDS: [AccessEnd; 6] = [
    AccessEnd::Expired,
    AccessEnd::Revoked,
    AccessEnd::DeviceEnded,
    AccessEnd::ResourceGone,
    AccessEnd::OtherPorts,
    AccessEnd::Retargeted,
];

impl AccessEnd {
    async fn happen(self, env: &TestEnv) {
        let controller = &env.controller;
        let seq = match self {
            Self::Expired => controller.permit(ANN, DB, Some(now() + TimeDelta::milliseconds(300))),
            Self::Revoked => controller.revoke(ANN, DB),
            Self::DeviceEnded => controller.end_device(LAPTOP),
            Self::ResourceGone => controller.no_resource(DB),
            Self::OtherPorts => controller.resource(DB, "db.corp", "5433"),
            Self::Retargeted => controller.resource(DB, "db2.corp", "5432"),
        };
        controller.acked(seq).await;
    }
}

/// What a connection does when its access ends.
const MODES: [u8; 3] = [ECHO, SOURCE, DRAIN];

async fn begun(ann: &Device, mode: u8) -> TlsStream<TcpStream> {
    let mut tls = ann.connect("db.corp:5432").await.unwrap();
    tls.write_all(&[mode]).await.unwrap();
    tls
}

/// Does what the mode says until the connection breaks.
async fn broken(tls: &mut TlsStream<TcpStream>, mode: u8) {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let done = if mode == DRAIN {
            tls.write(&buffer).await
        } else {
            tls.read(&mut buffer).await
        };
        match done {
            Ok(0) => panic!("it ended as if all had been sent"),
            Ok(_) => {}
            Err(_) => return,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http1_connections_are_reset_at_both_ends() {
    for way in ACCESS_ENDS {
        for mode in MODES {
            let env = TestEnv::new().await;
            let ann = env.ann().await;
            let mut tls = begun(&ann, mode).await;
            let client = tokio::spawn(async move { broken(&mut tls, mode).await });
            way.happen(&env).await;
            soon(&format!("{way:?} cuts {}", char::from(mode)), client)
                .await
                .unwrap();
            eventually("the origin sees it", || {
                env.origin.endings() == [Ending::Broken]
            })
            .await;
        }
    }
}

/// An open flow to the wiki, on the same connection.
async fn goes_on(other: &mut Flow) {
    other.write(b"still here");
    other.expect(b"still here").await;
}

async fn used_up(mut flow: Flow, mode: u8) {
    if mode == DRAIN {
        loop {
            flow.send.reserve_capacity(64 << 10);
            let room = std::future::poll_fn(|cx| flow.send.poll_capacity(cx)).await;
            let Some(Ok(room)) = room else {
                return;
            };
            let bytes = bytes::Bytes::from(vec![0; room]);
            if flow.send.send_data(bytes, false).is_err() {
                return;
            }
        }
    }
    assert!(flow.is_reset().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http2_streams_are_reset_and_others_go_on() {
    for way in ACCESS_ENDS {
        for mode in MODES {
            let env = TestEnv::new().await;
            let ann = env.ann().await;
            env.controller.permit(ANN, WIKI, None);
            let mut http2 = ann.http2().await;
            let mut flow = http2.connect("db.corp:5432").await.unwrap();
            flow.write(&[mode]);
            // Unread bytes would take the connection's window from the other stream.
            let client = tokio::spawn(used_up(flow, mode));
            let mut other = http2.connect("wiki.corp:443").await.unwrap();
            other.write(&[ECHO]);
            goes_on(&mut other).await;
            way.happen(&env).await;
            soon(&format!("{way:?} cuts {}", char::from(mode)), client)
                .await
                .unwrap();
            eventually("the origin sees it", || {
                env.origin.endings().contains(&Ending::Broken)
            })
            .await;
            if let AccessEnd::DeviceEnded = way {
                assert!(other.is_reset().await);
                let refused = http2.connect("wiki.corp:443").await.err().unwrap();
                assert_eq!(refused.brief(), ConnectResponse::refused(403, "device"));
            } else {
                goes_on(&mut other).await;
            }
        }
    }
}

#[tokio::test]
async fn a_new_end_holds_for_running_connections() {
    let env = TestEnv::new().await;
    let ann = env.ann().await;
    let soon_over = now() + TimeDelta::milliseconds(1_500);
    env.controller.permit(ANN, DB, Some(soon_over));
    let mut tls = begun(&ann, ECHO).await;
    let seq = env
        .controller
        .permit(ANN, DB, Some(now() + TimeDelta::hours(1)));
    env.controller.acked(seq).await;
    eventually("the first end is over", || {
        now() > soon_over + TimeDelta::milliseconds(500)
    })
    .await;
    tls.write_all(b"on").await.unwrap();
    soon("an echo", tls.read_exact(&mut [0; 2])).await.unwrap();
    let seq = env.controller.permit(ANN, DB, Some(now()));
    env.controller.acked(seq).await;
    soon("the cut", tls.read(&mut [0; 2])).await.unwrap_err();
}

#[tokio::test]
async fn half_closing_keeps_the_other_direction() {
    let env = TestEnv::new().await;
    let ann = env.ann().await;
    let mut tls = begun(&ann, ECHO).await;
    let sent = vec![7; 1 << 20];
    let (mut read, mut write) = tokio::io::split(&mut tls);
    let mut received = Vec::new();
    let sending = async {
        write.write_all(&sent).await.unwrap();
        write.shutdown().await.unwrap();
    };
    let receiving = async { read.read_to_end(&mut received).await.unwrap() };
    soon("the end", async { tokio::join!(sending, receiving) }).await;
    assert_eq!(received, sent);

    let mut flow = ann.http2().await.connect("db.corp:5432").await.unwrap();
    flow.write(&[ECHO, 1, 2, 3]);
    flow.send.send_data(bytes::Bytes::new(), true).unwrap();
    flow.expect(&[1, 2, 3]).await;
    assert_eq!(flow.read().await.unwrap(), None);
    eventually("both ended well", || {
        env.origin.endings() == [Ending::Done, Ending::Done]
    })
    .await;
}

#[tokio::test]
async fn a_client_that_breaks_off_breaks_the_origin_s_side() {
    let env = TestEnv::new().await;
    let ann = env.ann().await;
    let mut http2 = ann.http2().await;
    let mut flow = http2.connect("db.corp:5432").await.unwrap();
    flow.write(&[DRAIN]);
    eventually("it began", || env.origin.accepted() == 1).await;
    flow.send.send_reset(h2::Reason::CANCEL);
    eventually("the origin sees it", || {
        env.origin.endings() == [Ending::Broken]
    })
    .await;
    let tls = begun(&ann, SOURCE).await;
    drop(tls);
    eventually("the origin sees it", || {
        env.origin.endings() == [Ending::Broken, Ending::Broken]
    })
    .await;
}

#[tokio::test]
async fn devices_are_followed_for_as_long_as_they_are_connected() {
    let env = TestEnv::new().await;
    let ann = env.ann().await;
    let tls = begun(&ann, ECHO).await;
    let idle = ann.raw().await;
    eventually("it came", || env.controller.followed() == [LAPTOP]).await;
    drop(tls);
    drop(idle);
    eventually("it went", || env.controller.followed().is_empty()).await;
    begun(&ann, ECHO).await;
}
