//! Who is let in where, and how others are refused.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod test_env;

use std::time::Duration;

use chrono::TimeDelta;
use hourkey_domain::ids::{DeviceId, ResourceId};
use hourkey_gateway::enrolment::Folder;
use hourkey_gateway::timings::Timings;
use hourkey_pki::Key;
use test_env::client::{ConnectResponse, Device, answer};
use test_env::origin::ECHO;
use test_env::{ANN, BEN, DB, LAB, LAPTOP, PHONE, TestEnv, now, soon, timings};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

#[tokio::test]
async fn however_a_destination_is_written_the_same_resource_governs() {
    let env = TestEnv::new().await;
    let ann = env.ann().await;
    let port = env.origin.address.port();
    let local = ResourceId(9);
    env.controller
        .resource(local, "127.0.0.1", &port.to_string());
    env.controller.permit(ANN, local, None);
    let seq = env.controller.permit(ANN, LAB, None);
    env.controller.acked(seq).await;
    let mut http2 = ann.http2().await;
    for to in [
        "db.corp:5432".to_owned(),
        "DB.Corp:5432".to_owned(),
        "db.corp.:5432".to_owned(),
        "x.lab.corp:22".to_owned(),
        format!("127.0.0.1:{port}"),
        format!("2130706433:{port}"),
        format!("0x7f000001:{port}"),
        format!("[::ffff:127.0.0.1]:{port}"),
    ] {
        let mut tls = ann.connect(&to).await.unwrap();
        tls.write_all(&[ECHO, b'x']).await.unwrap();
        assert_eq!(soon("an echo", tls.read_u8()).await.unwrap(), b'x', "{to}");
        let mut flow = http2.connect(&to).await.unwrap();
        flow.write(&[ECHO, b'y']);
        flow.expect(b"y").await;
    }
}

#[tokio::test]
async fn bytes_that_come_with_the_call_are_passed_on() {
    let env = TestEnv::new().await;
    let ann = env.ann().await;
    let mut tls = ann.raw().await;
    let call = b"CONNECT db.corp:5432 HTTP/1.1\r\nhost: db.corp:5432\r\n\r\neager";
    tls.write_all(call).await.unwrap();
    assert_eq!(answer(&mut tls).await.status, 200);
    let mut echoed = [0; 4];
    soon("an echo", tls.read_exact(&mut echoed)).await.unwrap();
    assert_eq!(&echoed, b"ager");
}

#[tokio::test]
async fn locked_and_unknown_answer_alike() {
    let env = TestEnv::new().await;
    let ann = env.ann().await;
    let mut http2 = ann.http2().await;
    let mut answers = Vec::new();
    for to in [
        "wiki.corp:443",
        "x.lab.corp:443",
        "unknown.corp:443",
        "db.corp:5433",
        "127.0.0.1:443",
        "10.9.9.9:443",
    ] {
        let mut tls = ann.raw().await;
        let head = format!("CONNECT {to} HTTP/1.1\r\nhost: {to}\r\n\r\n");
        tls.write_all(head.as_bytes()).await.unwrap();
        answers.push(answer(&mut tls).await);
        answers.push(http2.connect(to).await.err().unwrap());
    }
    let [first, rest @ ..] = &answers[..] else {
        panic!("no answers");
    };
    assert_eq!(first.brief(), ConnectResponse::refused(403, "no-permit"));
    assert_eq!(first.text, "You have no access to this address now.\n");
    assert!(rest.iter().all(|it| it == first), "{answers:?}");
    assert_eq!(env.origin.accepted(), 0);
}

#[tokio::test]
async fn a_governed_name_is_not_reached_by_its_bare_address() {
    let env = TestEnv::new().await;
    let ben = env.device(PHONE, BEN);
    let port = env.origin.address.port();
    // bare.corp leads to 127.0.0.1, and governs it before the prefix does.
    let (bare, prefix) = (ResourceId(8), ResourceId(9));
    env.controller.resource(prefix, "127.0.0.0/8", "");
    env.controller.permit(BEN, prefix, None);
    let seq = env
        .controller
        .resource(bare, "bare.corp", &port.to_string());
    env.controller.acked(seq).await;
    let refused = ConnectResponse::refused(403, "no-permit");
    for to in ["127.0.0.1", "2130706433", "[::ffff:127.0.0.1]"] {
        let to = format!("{to}:{port}");
        for _ in 0..300 {
            // The name is resolved a moment after it is heard of; off limits it is at any time.
            if ben.refused(&to).await == refused {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(ben.refused(&to).await, refused);
    }
    let unreachable = ConnectResponse::refused(502, "unreachable");
    assert_eq!(ben.refused("127.0.0.2:5432").await, unreachable);
    let seq = env.controller.permit(BEN, bare, None);
    env.controller.acked(seq).await;
    ben.connect(&format!("bare.corp:{port}")).await.unwrap();
}

#[tokio::test]
async fn names_that_share_an_address_by_the_map_share_no_permits() {
    let env = TestEnv::new().await;
    let ann = env.ann().await;
    // Ann may use db.corp:5432, and x.lab.corp leads to another service of the same machine.
    assert!(ann.connect("db.corp:5432").await.is_ok());
    let refused = ConnectResponse::refused(403, "no-permit");
    assert_eq!(ann.refused("x.lab.corp:5432").await, refused);
    env.controller.revoke(ANN, DB);
    let seq = env.controller.permit(ANN, LAB, None);
    env.controller.acked(seq).await;
    assert!(ann.connect("x.lab.corp:5432").await.is_ok());
    assert_eq!(ann.refused("db.corp:5432").await, refused);
}

#[tokio::test]
async fn names_do_not_lead_to_the_gateway_itself() {
    let env = TestEnv::new().await;
    let ann = env.ann().await;
    let (localhost, nowhere) = (ResourceId(8), ResourceId(9));
    env.controller.resource(localhost, "localhost", "");
    env.controller.resource(nowhere, "nowhere.invalid", "");
    env.controller.permit(ANN, localhost, None);
    env.controller.permit(ANN, nowhere, None);
    let port = env.origin.address.port();
    let unreachable = ConnectResponse::refused(502, "unreachable");
    assert_eq!(ann.refused(&format!("localhost:{port}")).await, unreachable);
    assert_eq!(ann.refused("nowhere.invalid:80").await, unreachable);
    assert_eq!(env.origin.accepted(), 0);
}

#[tokio::test]
async fn only_live_devices_with_their_own_key_are_taken() {
    let env = TestEnv::new().await;
    let ann = env.ann().await;
    assert!(ann.is_taken().await);
    let gateway = env.gateway.address();
    let certified = |key, from, lifetime| {
        env.controller
            .certified(LAPTOP, key, gateway, from, lifetime)
    };
    let day = TimeDelta::days(1);

    let refused = ConnectResponse::refused(403, "device");
    let other_key = certified(Key::generate().unwrap(), now(), day);
    assert_eq!(other_key.refused("db.corp:5432").await, refused);
    let unknown = Key::generate().unwrap();
    let unknown = env
        .controller
        .certified(DeviceId(99), unknown, gateway, now(), day);
    assert_eq!(unknown.refused("db.corp:5432").await, refused);

    let expired = certified(Key::generate().unwrap(), now() - day - day, day);
    assert!(!expired.is_taken().await);
    let early = certified(Key::generate().unwrap(), now() + day, day);
    assert!(!early.is_taken().await);
    let elsewhere = test_env::controller::TestController::start().await;
    let foreign = elsewhere.device(LAPTOP, ANN, gateway);
    let foreign = Device::new(
        foreign.certificate,
        foreign.key,
        &env.controller.gateways_authority(),
        gateway,
    );
    assert!(!foreign.is_taken().await);
    let folder = Folder::open(env.folder.path()).unwrap();
    let own = folder.enrolled().unwrap().certificate.certificate;
    let authority = env.controller.gateways_authority();
    let own = Device::new(own, folder.key().unwrap(), &authority, gateway);
    assert!(!own.is_taken().await);
}

#[tokio::test]
async fn a_certificate_ends_also_for_connections_that_it_opened_before() {
    let env = TestEnv::with(Timings {
        lease: Duration::from_secs(10 * 3_600),
        ..timings()
    })
    .await;
    let ann = env.ann().await;
    let key = Key::from_pem(&ann.key.to_pem()).unwrap();
    let gateway = env.gateway.address();
    let hour = TimeDelta::hours(1);
    let ann = env.controller.certified(LAPTOP, key, gateway, now(), hour);
    let mut http2 = ann.http2().await;
    http2.connect("db.corp:5432").await.unwrap();
    drop(ann.connect("db.corp:5432").await.unwrap());
    let resumed = ann.connect("db.corp:5432").await.unwrap();
    let kind = resumed.get_ref().1.handshake_kind();
    assert_eq!(kind, Some(rustls::HandshakeKind::Resumed));
    env.clock.jump(Duration::from_secs(3_600));
    env.controller.time_passes(hour);
    let refused = http2.connect("db.corp:5432").await.err().unwrap();
    assert_eq!(refused.brief(), ConnectResponse::refused(403, "device"));
    // Resumed or not, a new connection is none either.
    if ann.is_taken().await {
        let refused = ConnectResponse::refused(403, "device");
        assert_eq!(ann.refused("db.corp:5432").await, refused);
    }
}

/// Older versions can be downgraded to, and early data can be replayed (RFC 8446, 8 and appendix D).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_tls_1_3_is_spoken() {
    let env = TestEnv::new().await;
    let gateway = env.gateway.address().to_string();
    for (version, spoken) in [("-tls1", false), ("-tls1_2", false), ("-tls1_3", true)] {
        let mut client = tokio::process::Command::new("/usr/bin/openssl");
        client.args([
            "s_client",
            "-connect",
            &gateway,
            version,
            "-cipher",
            "ALL:@SECLEVEL=0",
        ]);
        let client = client.stdin(std::process::Stdio::null()).output();
        let said = soon("an end", client).await.unwrap();
        let said = String::from_utf8_lossy(&[said.stdout, said.stderr].concat()).into_owned();
        assert_eq!(said.contains("New, TLSv1.3"), spoken, "{version}: {said}");
    }
}
