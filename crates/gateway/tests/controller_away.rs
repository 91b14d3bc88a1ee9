//! The controller breaks off, falls silent, or is not heard because the gateway itself stood still.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod test_env;

use std::time::Duration;

use axum::http::StatusCode;
use chrono::TimeDelta;
use hourkey_gateway::timings::Timings;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use test_env::client::{ConnectResponse, Device};
use test_env::origin::{DRAIN, ECHO, Ending};
use test_env::{ANN, DB, TestEnv, WIKI, eventually, soon, timings};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

async fn begun(ann: &Device, to: &str, mode: u8) -> TlsStream<TcpStream> {
    let mut tls = ann.connect(to).await.unwrap();
    tls.write_all(&[mode]).await.unwrap();
    tls
}

async fn goes_on(tls: &mut TlsStream<TcpStream>) {
    tls.write_all(b"on").await.unwrap();
    let mut echoed = [0; 2];
    soon("an echo", tls.read_exact(&mut echoed)).await.unwrap();
    assert_eq!(&echoed, b"on");
}

#[tokio::test]
async fn what_was_missed_is_made_up_for_at_the_reconnect() {
    let env = TestEnv::new().await;
    let ann = env.ann().await;
    env.controller.permit(ANN, WIKI, None);
    let mut db = begun(&ann, "db.corp:5432", ECHO).await;
    let mut wiki = begun(&ann, "wiki.corp:443", ECHO).await;
    env.controller.vanish();
    let seq = env.controller.revoke(ANN, DB);
    goes_on(&mut db).await;
    goes_on(&mut wiki).await;
    env.controller.come_back();
    env.controller.acked(seq).await;
    soon("the cut", db.read(&mut [0; 2])).await.unwrap_err();
    goes_on(&mut wiki).await;
    assert!(env.controller.streams() > 1);
}

#[tokio::test]
async fn without_the_controller_everything_is_cut_at_the_lease_s_end() {
    for vanish in [true, false] {
        let env = TestEnv::with(Timings {
            lease: Duration::from_secs(4),
            stream_timeout: Duration::from_secs(2),
            ..timings()
        })
        .await;
        let ann = env.ann().await;
        let mut idle = begun(&ann, "db.corp:5432", ECHO).await;
        let mut busy = begun(&ann, "db.corp:5432", DRAIN).await;
        let mut http2 = ann.http2().await;
        let mut flow = http2.connect("db.corp:5432").await.unwrap();
        flow.write(&[ECHO]);
        if vanish {
            env.controller.vanish();
        } else {
            env.controller.mute();
        }
        let sending = async { while busy.write_all(&[0; 4096]).await.is_ok() {} };
        soon("the busy one is cut", sending).await;
        soon("the idle one is cut", idle.read(&mut [0; 1]))
            .await
            .unwrap_err();
        assert!(flow.is_reset().await);
        let all = [Ending::Broken; 3];
        eventually("the origin sees it", || env.origin.endings() == all).await;
        let refused = http2.connect("db.corp:5432").await.err().unwrap();
        assert_eq!(refused.brief(), ConnectResponse::refused(503, "stale"));

        env.controller.come_back();
        for _ in 0..300 {
            if ann.connect("db.corp:5432").await.is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        goes_on(&mut begun(&ann, "db.corp:5432", ECHO).await).await;
    }
}

#[tokio::test]
async fn what_may_outlast_the_controller_goes_on_to_its_own_end() {
    let env = TestEnv::with(Timings {
        lease: Duration::from_secs(2),
        stream_timeout: Duration::from_secs(1),
        ..timings()
    })
    .await;
    let ann = env.ann().await;
    let keep_alive_offline = |id, address, ports| {
        let at = env.controller.resource_that(id, address, ports, true);
        env.controller.acked(at)
    };
    keep_alive_offline(DB, "db.corp", "5432").await;
    keep_alive_offline(WIKI, "wiki.corp", "443").await;
    env.controller.permit(ANN, WIKI, None);
    let until = test_env::now() + TimeDelta::hours(1);
    let seq = env.controller.permit(ANN, DB, Some(until));
    env.controller.acked(seq).await;
    let mut db = begun(&ann, "db.corp:5432", ECHO).await;
    let mut wiki = begun(&ann, "wiki.corp:443", ECHO).await;
    env.controller.mute();
    soon("what has no end is cut", wiki.read(&mut [0; 1]))
        .await
        .unwrap_err();
    goes_on(&mut db).await;
    let refused = ConnectResponse::refused(503, "stale");
    assert_eq!(ann.refused("db.corp:5432").await, refused, "nothing new");

    // After a pause of the gateway itself it waits for the controller like everything else.
    env.clock.jump(Duration::from_secs(120));
    db.write_all(b"held").await.unwrap();
    let mut echoed = [0; 4];
    let early = tokio::time::timeout(Duration::from_millis(300), db.read_exact(&mut echoed));
    early.await.unwrap_err();
    env.controller.come_back();
    soon("an echo", db.read_exact(&mut echoed)).await.unwrap();

    // What was revoked meanwhile is cut as soon as the controller is heard.
    env.controller.mute();
    eventually_stale(&ann).await;
    goes_on(&mut db).await;
    env.controller.revoke(ANN, DB);
    goes_on(&mut db).await;
    env.controller.come_back();
    soon("the cut", db.read(&mut [0; 1])).await.unwrap_err();

    // And its own end needs no controller.
    let until = test_env::now() + TimeDelta::seconds(6);
    let seq = env.controller.permit(ANN, DB, Some(until));
    env.controller.acked(seq).await;
    let mut db = begun(&ann, "db.corp:5432", ECHO).await;
    env.controller.mute();
    eventually_stale(&ann).await;
    goes_on(&mut db).await;
    soon("its end", db.read(&mut [0; 1])).await.unwrap_err();
}

async fn eventually_stale(ann: &Device) {
    for _ in 0..100 {
        match ann.connect("db.corp:5432").await {
            Err(answer) if answer.brief() == ConnectResponse::refused(503, "stale") => return,
            Ok(_) | Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
    panic!("the lease never ended");
}

#[tokio::test]
async fn after_a_pause_nothing_passes_before_the_controller_is_heard_again() {
    let env = TestEnv::with(Timings {
        lease: Duration::from_secs(3_600),
        pause_threshold: Duration::from_secs(60),
        stream_timeout: Duration::from_secs(60),
        ..timings()
    })
    .await;
    let ann = env.ann().await;
    let mut drain = begun(&ann, "db.corp:5432", DRAIN).await;
    drain.write_all(b"before").await.unwrap();
    eventually("it passes", || env.origin.received() == 6).await;
    env.controller.mute();
    env.clock.jump(Duration::from_secs(120));
    drain.write_all(b"after").await.unwrap();
    // It has noticed, and has had what was written all the while.
    for _ in 0..5 {
        eventually_stale(&ann).await;
        assert_eq!(env.origin.received(), 6);
    }
    assert!(env.origin.endings().is_empty());
    env.controller.come_back();
    eventually("it passes", || env.origin.received() == 11).await;
}

#[tokio::test]
async fn deadlines_count_a_pause_and_do_not_need_the_controller() {
    let env = TestEnv::new().await;
    let ann = env.ann().await;
    let until = test_env::now() + TimeDelta::hours(1);
    let seq = env.controller.permit(ANN, DB, Some(until));
    let mut tls = begun(&ann, "db.corp:5432", ECHO).await;
    env.controller.acked(seq).await;
    env.controller.vanish();
    goes_on(&mut tls).await;
    env.clock.jump(Duration::from_secs(3_601));
    soon("the cut", tls.read(&mut [0; 1])).await.unwrap_err();
}

#[tokio::test]
async fn only_the_controller_s_own_word_removes_a_gateway() {
    let env = TestEnv::with(Timings {
        lease: Duration::from_secs(4),
        ..timings()
    })
    .await;
    let ann = env.ann().await;
    let at = env.controller.resource_that(DB, "db.corp", "5432", true);
    env.controller.acked(at).await;
    let until = test_env::now() + TimeDelta::hours(1);
    env.controller.permit(ANN, DB, Some(until));
    let seq = env.controller.permit(ANN, WIKI, None);
    env.controller.acked(seq).await;
    let mut db = begun(&ann, "db.corp:5432", ECHO).await;
    let mut wiki = begun(&ann, "wiki.corp:443", ECHO).await;
    env.controller.is_hidden_by(StatusCode::UNAUTHORIZED);
    let refusals = env.controller.refusals();
    eventually("it hears 401", || env.controller.refusals() > refusals + 1).await;
    goes_on(&mut wiki).await;
    soon("the lease's end", wiki.read(&mut [0; 1]))
        .await
        .unwrap_err();
    goes_on(&mut db).await;
    env.controller.come_back();
    soon("it passes", async {
        while ann.connect("wiki.corp:443").await.is_err() {}
    })
    .await;
    goes_on(&mut db).await;
}

#[tokio::test]
async fn a_gateway_that_was_removed_by_mistake_passes_soon_after() {
    let env = TestEnv::new().await;
    let ann = env.ann().await;
    let mut tls = begun(&ann, "db.corp:5432", ECHO).await;
    env.controller.remove_gateway();
    soon("the cut", tls.read(&mut [0; 1])).await.unwrap_err();
    env.controller.come_back();
    let passes = async { while ann.connect("db.corp:5432").await.is_err() {} };
    tokio::time::timeout(Duration::from_secs(20), passes)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_removed_gateway_lets_nothing_pass() {
    let env = TestEnv::new().await;
    let ann = env.ann().await;
    let mut tls = begun(&ann, "db.corp:5432", ECHO).await;
    env.controller.remove_gateway();
    soon("the cut", tls.read(&mut [0; 1])).await.unwrap_err();
    let refused = ConnectResponse::refused(503, "stale");
    assert_eq!(ann.refused("db.corp:5432").await, refused);
}

#[tokio::test]
async fn the_certificate_is_renewed_before_its_end_and_used_at_once() {
    // Ten minutes of it are for clocks that are behind: less than a third is left.
    let env = TestEnv::build(timings(), TimeDelta::minutes(4)).await;
    eventually("it renews", || env.controller.renewals() == 1).await;
    let ann = env.ann().await;
    for _ in 0..300 {
        let tls = ann.raw().await;
        let [shown] = tls.get_ref().1.peer_certificates().unwrap() else {
            panic!("one certificate is enough");
        };
        let kept = env.certificate();
        let kept = CertificateDer::from_pem_slice(kept.as_bytes()).unwrap();
        // A connection may be faster than the change.
        if *shown == kept && env.controller.last_certificate() == env.certificate() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the new certificate is not used");
}
