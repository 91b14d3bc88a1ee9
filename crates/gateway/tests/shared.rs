//! One address, several resources: what goes through to one of them must not open the others. The
//! table of `docs/SECURITY.md`.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod test_env;

use hourkey_domain::ids::ResourceId;
use test_env::client::Device;
use test_env::{ANN, BEN, PHONE, TestEnv, eventually, soon};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// `bare.corp`, and other resources that are known at its address.
const BARE: ResourceId = ResourceId(21);
const TWIN: ResourceId = ResourceId(22);
const NUMBER: ResourceId = ResourceId(20);
const WILD: ResourceId = ResourceId(23);

/// What becomes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Passes,
    Cut,
}
use Outcome::{Cut, Passes};

/// What a client says to `bare.corp`, and what becomes of it where `twin.corp` is known at the same
/// address and the person may use `bare.corp` alone, may use both, and where there is no
/// `twin.corp`.
type Row = (&'static str, Vec<u8>, [Outcome; 3]);

const ALWAYS: [Outcome; 3] = [Passes, Passes, Passes];
/// It is for the other one.
const FOREIGN: [Outcome; 3] = [Cut, Cut, Passes];
/// It may be for the other one.
const UNNAMED: [Outcome; 3] = [Cut, Passes, Passes];

fn rows() -> Vec<Row> {
    let tls = |name: &str| records(22, &hello(&[server_name(name)]), 1_000);
    let http = |head: &str| format!("{head}\r\n\r\n").into_bytes();
    let changed = [20, 3, 3, 0, 1, 1];
    let early = records(
        22,
        &hello(&[server_name("bare.corp"), vec![0, 42, 0, 0]]),
        1_000,
    );
    vec![
        ("TLS for its name", tls("bare.corp"), ALWAYS),
        ("TLS in other letters", tls("BARE.Corp"), ALWAYS),
        (
            "TLS in records of one byte",
            records(22, &hello(&[server_name("bare.corp")]), 1),
            ALWAYS,
        ),
        ("TLS for the other name", tls("twin.corp"), FOREIGN),
        (
            "TLS for the other name in records of one byte",
            records(22, &hello(&[server_name("twin.corp")]), 1),
            FOREIGN,
        ),
        (
            "a second hello for the other name",
            [tls("bare.corp"), tls("twin.corp")].concat(),
            FOREIGN,
        ),
        (
            "the same behind a ChangeCipherSpec",
            [&tls("bare.corp")[..], &changed, &tls("twin.corp")].concat(),
            FOREIGN,
        ),
        (
            "the same behind early data",
            [early, records(23, &[9; 90], 30), tls("twin.corp")].concat(),
            FOREIGN,
        ),
        (
            "something else behind a hello",
            [tls("bare.corp"), http("GET / HTTP/1.1\r\nHost: twin.corp")].concat(),
            UNNAMED,
        ),
        ("TLS for localhost", tls("localhost"), UNNAMED),
        ("TLS for a number", tls("127.0.0.1"), UNNAMED),
        ("TLS for a number in brackets", tls("[::1]"), UNNAMED),
        (
            "TLS without a name",
            records(22, &hello(&[]), 1_000),
            UNNAMED,
        ),
        (
            "TLS that cannot be read",
            b"\x16\x03\x01\xff\xff\x07".repeat(20_000),
            UNNAMED,
        ),
        (
            "HTTP for its name",
            http("POST / HTTP/1.1\r\nHost: bare.corp"),
            ALWAYS,
        ),
        (
            "HTTP for the other name",
            http("POST / HTTP/1.1\r\nHost: twin.corp:80"),
            FOREIGN,
        ),
        (
            "HTTP with the other name in its target",
            http("POST http://twin.corp/ HTTP/1.1\r\nHost: bare.corp"),
            FOREIGN,
        ),
        (
            "a second request for the other name",
            [
                http("POST / HTTP/1.1\r\nHost: bare.corp\r\nContent-Length: 4"),
                http("bodyPOST / HTTP/1.1\r\nHost: twin.corp"),
            ]
            .concat(),
            [Cut, Cut, Passes],
        ),
        (
            "a request for the other name in a chunk of 4 GiB",
            [
                http("POST / HTTP/1.1\r\nHost: bare.corp\r\nTransfer-Encoding: chunked"),
                http("100000000\r\n\r\nPOST / HTTP/1.1\r\nHost: twin.corp"),
            ]
            .concat(),
            UNNAMED,
        ),
        (
            "a length that ends before the other name",
            [
                http("POST / HTTP/1.1\r\nHost: bare.corp\r\nUpgrade: h2c\r\nContent-Length: 1"),
                http("xPOST / HTTP/1.1\r\nHost: twin.corp"),
            ]
            .concat(),
            FOREIGN,
        ),
        (
            "HTTP with a method of its own, for its name",
            http("LIST / HTTP/1.1\r\nHost: bare.corp"),
            ALWAYS,
        ),
        (
            "HTTP with a method of its own, for the other name",
            http("LIST / HTTP/1.1\r\nHost: twin.corp"),
            FOREIGN,
        ),
        (
            "HTTP with 250 fields",
            http(&format!(
                "POST / HTTP/1.1\r\n{}Host: bare.corp",
                "X: y\r\n".repeat(249)
            )),
            ALWAYS,
        ),
        ("HTTP without a name", http("POST / HTTP/1.0"), UNNAMED),
        (
            "HTTP for localhost",
            http("POST / HTTP/1.1\r\nHost: localhost:80"),
            UNNAMED,
        ),
        ("HTTP/2 without TLS", http("PRI * HTTP/2.0"), UNNAMED),
        (
            "PostgreSQL's SSLRequest",
            b"\0\0\0\x08\x04\xd2\x16\x2f".to_vec(),
            UNNAMED,
        ),
        (
            "the PROXY protocol",
            http("PROXY TCP4 10.0.0.1 10.0.0.2 1 2"),
            UNNAMED,
        ),
        ("ssh", b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(), UNNAMED),
    ]
}

/// Ann's laptop; `bare.corp`, and `twin.corp` beside it.
async fn twins(env: &TestEnv) -> (Device, String) {
    twins_at(env, env.origin.bare.port()).await
}

/// [`twins`], at a port of the test's own.
async fn twins_at(env: &TestEnv, port: u16) -> (Device, String) {
    let ports = port.to_string();
    let ann = env.ann().await;
    env.controller.resource(BARE, "bare.corp", &ports);
    env.controller.resource(TWIN, "twin.corp", &ports);
    let seq = env.controller.permit(ANN, BARE, None);
    env.controller.acked(seq).await;
    let to = format!("bare.corp:{ports}");
    eventually_cut(&ann, &to).await;
    (ann, to)
}

/// Names are resolved a moment after they are heard of.
async fn eventually_cut(ann: &Device, to: &str) {
    for _ in 0..1_000 {
        if fate(ann, to, b"SSH-2.0-x").await == Cut {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("never: both are known at the address");
}

async fn fate(ann: &Device, to: &str, bytes: &[u8]) -> Outcome {
    let mut tls = ann.connect(to).await.unwrap();
    let mut echoed = vec![0; bytes.len()];
    let said = async {
        // It may be cut before all of it is said.
        let _ = tls.write_all(bytes).await;
        let _ = tls.flush().await;
        tls.read_exact(&mut echoed).await
    };
    match soon("an answer", said).await {
        Ok(_) => {
            assert_eq!(echoed, bytes);
            Passes
        }
        Err(_) => Cut,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_permit_for_one_name_of_a_shared_address_opens_no_other() {
    let env = TestEnv::new().await;
    let (ann, to) = twins(&env).await;
    let mut wrong = Vec::new();
    for column in 0..3 {
        let seq = match column {
            0 => env.controller.revoke(ANN, TWIN),
            1 => env.controller.permit(ANN, TWIN, None),
            _ => env.controller.no_resource(TWIN),
        };
        env.controller.acked(seq).await;
        for (what, bytes, fates) in rows() {
            // What passes is echoed whole; what is cut may have passed in part.
            let fate = fate(&ann, &to, &bytes).await;
            if fate != fates[column] {
                wrong.push(format!("{what}, column {column}: {fate:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_destination_that_speaks_first_speaks_for_all_that_is_known_there() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"220 hello\r\n").await;
            tokio::spawn(async move { stream.read(&mut [0]).await });
        }
    });
    let env = TestEnv::new().await;
    let ann = env.ann().await;
    env.controller
        .resource(BARE, "bare.corp", &port.to_string());
    env.controller
        .resource(TWIN, "twin.corp", &port.to_string());
    env.controller.permit(ANN, TWIN, None);
    let seq = env.controller.permit(ANN, BARE, None);
    env.controller.acked(seq).await;
    let to = format!("bare.corp:{port}");
    let mut both = ann.connect(&to).await.unwrap();
    let mut greeting = [0; 11];
    soon("a greeting", both.read_exact(&mut greeting))
        .await
        .unwrap();
    // Judged again when one of the two is no longer hers, and each time from then on.
    let seq = env.controller.revoke(ANN, TWIN);
    soon("it is cut", both.read_to_end(&mut Vec::new()))
        .await
        .unwrap_err();
    env.controller.acked(seq).await;
    let mut one = ann.connect(&to).await.unwrap();
    let mut heard = Vec::new();
    soon("it is cut", one.read_to_end(&mut heard))
        .await
        .unwrap_err();
    assert_eq!(heard, b"");
}

/// An upgrade is the origin's to make: one that goes on with HTTP is judged on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_counts_once_the_origin_has_made_it() {
    const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    const SWITCHED: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: tcp\r\n\r\n";
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut head = Vec::new();
                while let Ok(byte) = stream.read_u8().await {
                    head.push(byte);
                    if head.ends_with(b"\r\n\r\n") {
                        let agrees = head.windows(6).any(|it| it == b"/agree");
                        let answer = if agrees { SWITCHED } else { OK };
                        let _ = stream.write_all(answer.as_bytes()).await;
                        if agrees {
                            break;
                        }
                        head.clear();
                    }
                }
                let (mut from, mut to) = stream.split();
                tokio::io::copy(&mut from, &mut to).await
            });
        }
    });
    let env = TestEnv::new().await;
    let (ann, to) = twins_at(&env, port).await;
    let request = |path: &str, host: &str, upgrade: &str| {
        format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{upgrade}\r\n")
    };
    let upgrade = "Connection: x, Upgrade\r\nUpgrade: tcp\r\n";
    let ignored = request("/ignore", "bare.corp", upgrade);
    let agreed = request("/agree", "bare.corp", upgrade);
    let switched = |field| request("/agree", "bare.corp", field);
    let h2c = switched("Connection: upgrade\r\nUpgrade: h2c\r\n");
    let either = switched("Connection: upgrade\r\nUpgrade: websocket, h2c\r\n");
    let unsaid = switched("Upgrade: tcp\r\n");
    let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let own = request("/", "bare.corp", "");
    let other = request("/", "twin.corp", "");
    for (what, first, then, fate, answer) in [
        ("its own name", &ignored, own.clone(), Passes, OK),
        ("the other name", &ignored, other.clone(), Cut, ""),
        ("an odd byte", &ignored, format!("\x0b{other}"), Cut, ""),
        (
            "another protocol",
            &ignored,
            "\u{1}hello\n".to_owned(),
            Cut,
            "",
        ),
        (
            "the new protocol",
            &agreed,
            "\u{1}hello".to_owned(),
            Passes,
            "\u{1}hello",
        ),
        ("one letter of it", &agreed, "P".to_owned(), Passes, "P"),
        ("a protocol with names", &h2c, preface.to_owned(), Cut, ""),
        ("one of two protocols", &either, preface.to_owned(), Cut, ""),
        ("a field alone", &unsaid, "\u{1}hello\n".to_owned(), Cut, ""),
        ("a later upgrade", &own, format!("{agreed}\u{1}\n"), Cut, ""),
    ] {
        // In one piece, and after the answer.
        for waits in [false, true] {
            let mut tls = ann.connect(&to).await.unwrap();
            let agrees = first.starts_with("GET /agree");
            let expected = if agrees { SWITCHED } else { OK };
            let mut heard = vec![0; expected.len()];
            if waits {
                tls.write_all(first.as_bytes()).await.unwrap();
                soon("an answer", tls.read_exact(&mut heard)).await.unwrap();
                let _ = tls.write_all(then.as_bytes()).await;
            } else {
                let both = format!("{first}{then}");
                tls.write_all(both.as_bytes()).await.unwrap();
                let _ = soon("an answer", tls.read_exact(&mut heard)).await;
            }
            let mut heard = vec![0; answer.len()];
            let came = match fate {
                Passes => soon("an answer", tls.read_exact(&mut heard))
                    .await
                    .map(|_| Passes),
                Cut => soon("it is cut", tls.read_to_end(&mut heard))
                    .await
                    .map(|_| Passes),
            };
            let came = came.unwrap_or(Cut);
            assert_eq!(came, fate, "{what}, waits: {waits}");
            if fate == Passes {
                assert_eq!(heard, answer.as_bytes(), "{what}, waits: {waits}");
            }
        }
    }
}

/// A hello is TLS only if the destination takes it as such: what takes lines would take those after it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_hello_nothing_passes_to_a_destination_that_answers_no_tls() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (said, mut heard) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut bytes = Vec::new();
            let _ = stream.read_buf(&mut bytes).await;
            let _ = stream.write_all(b"-ERR unknown command\r\n").await;
            let _ = stream.read_to_end(&mut bytes).await;
            said.send(bytes).unwrap();
        }
    });
    let env = TestEnv::new().await;
    let (ann, to) = twins_at(&env, port).await;
    let hello = records(22, &hello(&[server_name("bare.corp")]), 1_000);
    let data = records(23, b"\r\nGET secret\r\n", 1_000);
    let mut tls = ann.connect(&to).await.unwrap();
    tls.write_all(&[&hello[..], &data].concat()).await.unwrap();
    soon("it is cut", tls.read_to_end(&mut Vec::new()))
        .await
        .unwrap_err();
    // What came before it was cut before it had said anything.
    let mut ended = Vec::new();
    while ended.is_empty() || ended.starts_with(b"SSH-") {
        ended = soon("the end", heard.recv()).await.unwrap();
    }
    assert_eq!(ended, hello);
}

/// Also where it could have been the beginning of HTTP or TLS.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_program_says_before_it_closes_is_delivered() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let env = TestEnv::new().await;
    let ann = env.ann().await;
    env.controller.resource(BARE, "bare.corp", &port);
    let seq = env.controller.permit(ANN, BARE, None);
    env.controller.acked(seq).await;
    for said in [&b"abc"[..], b"\x16", b"GET / HTTP/1.0\r\n"] {
        let mut tls = loop {
            match ann.connect(&format!("bare.corp:{port}")).await {
                Ok(tls) => break tls,
                // Its name is not looked up yet.
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
            }
        };
        tls.write_all(said).await.unwrap();
        tls.flush().await.unwrap();
        drop(tls);
        let mut heard = Vec::new();
        let (mut stream, _) = soon("a connection", listener.accept()).await.unwrap();
        soon("its end", stream.read_to_end(&mut heard))
            .await
            .unwrap();
        assert_eq!(heard, said);
    }
}

/// Where the person may use whatever is there, nobody waits for more than the first letter to be
/// said.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_letter_is_echoed_where_the_person_may_use_all() {
    let env = TestEnv::new().await;
    let (ann, to) = twins(&env).await;
    let seq = env.controller.permit(ANN, TWIN, None);
    env.controller.acked(seq).await;
    // The last ones begin as TLS does, and never come to a whole hello.
    for letter in [
        &b"P"[..],
        b"x",
        b"\x16",
        b"\x16\x03\x01",
        b"\x16\x03\x01\x02\x00\x01",
    ] {
        assert_eq!(fate(&ann, &to, letter).await, Passes);
    }
    let seq = env.controller.no_resource(TWIN);
    env.controller.acked(seq).await;
    assert_eq!(fate(&ann, &to, b"P").await, Passes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_runs_is_judged_again_when_something_else_becomes_known_there() {
    let env = TestEnv::new().await;
    let ports = env.origin.bare.port().to_string();
    let ann = env.ann().await;
    env.controller.resource(BARE, "bare.corp", &ports);
    let seq = env.controller.permit(ANN, BARE, None);
    env.controller.acked(seq).await;
    let to = format!("bare.corp:{ports}");
    let named = records(22, &hello(&[server_name("bare.corp")]), 1_000);
    let mut flows = Vec::new();
    for bytes in [
        &b"SSH-2.0-x"[..],
        &named,
        b"POST / HTTP/1.1\r\nhost: bare.corp\r\n\r\n",
    ] {
        let mut tls = ann.connect(&to).await.unwrap();
        tls.write_all(bytes).await.unwrap();
        let mut echoed = vec![0; bytes.len()];
        soon("an echo", tls.read_exact(&mut echoed)).await.unwrap();
        flows.push(tls);
    }
    let [mut ssh, mut named, mut http] = <[_; 3]>::try_from(flows).unwrap();
    env.controller.resource(TWIN, "twin.corp", &ports);
    soon("it is cut", ssh.read_u8()).await.unwrap_err();
    // Later requests were not looked at.
    soon("it is cut", http.read_u8()).await.unwrap_err();
    let data = records(23, b"goes on", 1_000);
    named.write_all(&data).await.unwrap();
    let mut echoed = vec![0; data.len()];
    soon("an echo", named.read_exact(&mut echoed))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_opens_no_name_and_a_wildcard_counts_once_one_of_its_names_was_seen() {
    let env = TestEnv::new().await;
    let ports = env.origin.bare.port().to_string();
    let (number, wild) = (format!("127.0.0.1:{ports}"), format!("x.wild.corp:{ports}"));
    let tls = |name: &str| records(22, &hello(&[server_name(name)]), 1_000);
    let ann = env.ann().await;
    env.controller.resource(WILD, "*.wild.corp", &ports);
    let seq = env.controller.permit(ANN, WILD, None);
    env.controller.acked(seq).await;
    // Any name of the wildcard is of the same resource; nothing else is known there.
    assert_eq!(fate(&ann, &wild, &tls("x.wild.corp")).await, Passes);
    assert_eq!(fate(&ann, &wild, &tls("y.wild.corp")).await, Passes);
    assert_eq!(fate(&ann, &wild, b"SSH-2.0-x").await, Passes);
    // By number, which a resource of its own governs.
    env.controller.resource(NUMBER, "127.0.0.1", &ports);
    env.controller.revoke(ANN, WILD);
    let seq = env.controller.permit(ANN, NUMBER, None);
    env.controller.acked(seq).await;
    assert_eq!(fate(&ann, &number, b"SSH-2.0-x").await, Cut);
    env.controller.no_resource(WILD);
    env.controller.resource(TWIN, "twin.corp", &ports);
    let seq = env.controller.resource(BARE, "bare.corp", "1");
    env.controller.acked(seq).await;
    for _ in 0..1_000 {
        if fate(&ann, &number, b"SSH-2.0-x").await == Cut {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(fate(&ann, &number, &tls("twin.corp")).await, Cut);
    assert_eq!(
        fate(&ann, &number, &records(22, &hello(&[]), 99)).await,
        Cut
    );
    // Its other port is another place.
    assert_eq!(fate(&ann, &number, &tls("bare.corp")).await, Cut);
    let seq = env.controller.permit(ANN, TWIN, None);
    env.controller.acked(seq).await;
    assert_eq!(
        fate(&ann, &number, &tls("twin.corp")).await,
        Cut,
        "it is for another one"
    );
    assert_eq!(fate(&ann, &number, &tls("bare.corp")).await, Passes);
    assert_eq!(fate(&ann, &number, b"SSH-2.0-x").await, Passes);
}

/// Nobody has used it yet, and an exact name governs the address.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wildcard_counts_where_the_map_leads_one_of_its_names() {
    let env = TestEnv::new().await;
    let ports = env.origin.bare.port().to_string();
    let ann = env.ann().await;
    env.controller.resource(BARE, "bare.corp", &ports);
    env.controller.resource(WILD, "*.wild.corp", &ports);
    let seq = env.controller.permit(ANN, BARE, None);
    env.controller.acked(seq).await;
    let to = format!("bare.corp:{ports}");
    eventually_cut(&ann, &to).await;
    let tls = |name: &str| records(22, &hello(&[server_name(name)]), 1_000);
    let http = |name: &str| format!("POST / HTTP/1.1\r\nHost: {name}\r\n\r\n").into_bytes();
    let then = [http("bare.corp"), http("x.wild.corp")].concat();
    assert_eq!(fate(&ann, &to, &tls("bare.corp")).await, Passes);
    for inside in [
        tls("x.wild.corp"),
        tls("y.wild.corp"),
        http("y.wild.corp"),
        then.clone(),
    ] {
        assert_eq!(fate(&ann, &to, &inside).await, Cut);
    }
    let seq = env.controller.permit(ANN, WILD, None);
    env.controller.acked(seq).await;
    for inside in [tls("y.wild.corp"), then, b"SSH-2.0-x".to_vec()] {
        assert_eq!(fate(&ann, &to, &inside).await, Passes);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_the_map_leads_to_one_port_share_it() {
    let env = TestEnv::new().await;
    let ann = env.ann().await;
    assert_eq!(fate(&ann, "db.corp:5432", b"SSH-2.0-x").await, Passes);
    let port = env.origin.address.port().to_string();
    // The same service, by its own number.
    let seq = env.controller.resource(NUMBER, "127.0.0.1", &port);
    env.controller.acked(seq).await;
    assert_eq!(fate(&ann, "db.corp:5432", b"SSH-2.0-x").await, Cut);
    let own = records(22, &hello(&[server_name("db.corp")]), 1_000);
    assert_eq!(fate(&ann, "db.corp:5432", &own).await, Passes);
    let seq = env.controller.permit(ANN, NUMBER, None);
    env.controller.acked(seq).await;
    assert_eq!(fate(&ann, "db.corp:5432", b"SSH-2.0-x").await, Passes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_connection_was_cut_for_is_reported_and_told_to_its_device_alone() {
    let env = TestEnv::new().await;
    let (ann, to) = twins(&env).await;
    let ben = env.device(PHONE, BEN);
    let mut tls = ann.raw().await;
    let head = format!("CONNECT {to} HTTP/1.1\r\nhost: {to}\r\n\r\n");
    tls.write_all(head.as_bytes()).await.unwrap();
    let answer = test_env::client::answer(&mut tls).await;
    let flow = answer.flow.unwrap();
    let hello = records(22, &hello(&[server_name("Twin.corp")]), 1_000);
    tls.write_all(&hello).await.unwrap();
    soon("it is cut", tls.read_u8()).await.unwrap_err();

    let (status, told) = ann.get(&format!("/flows/{flow}")).await;
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    let end = serde_json::json!({
        "why": "mismatch", "asked": "bare.corp", "inside": "twin.corp",
    });
    assert_eq!((status, told), (200, end));
    assert_eq!(ben.get(&format!("/flows/{flow}")).await.0, 404);
    assert_eq!(ann.get("/flows/x").await.0, 404);
    let reported = || {
        let reported = env.controller.reported();
        reported
            .into_iter()
            .find(|it| it["id"] == *flow && it.get("end").is_some())
    };
    eventually("a report", || reported().is_some()).await;
    let mismatch = serde_json::json!({
        "asked": "bare.corp", "inside": "twin.corp", "other": TWIN,
    });
    assert_eq!(reported().unwrap()["mismatch"], mismatch);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_controller_of_before_is_reported_what_it_knows() {
    let env = TestEnv::new().await;
    env.controller.takes_no_mismatch();
    let streams = env.controller.streams();
    env.controller.vanish();
    env.controller.come_back();
    eventually("another stream", || env.controller.streams() > streams).await;
    let (ann, to) = twins(&env).await;
    assert_eq!(
        fate(
            &ann,
            &to,
            &records(22, &hello(&[server_name("twin.corp")]), 99)
        )
        .await,
        Cut
    );
    let cut = |it: &serde_json::Value| it["end"]["why"] == "mismatch";
    eventually("a report", || env.controller.reported().iter().any(cut)).await;
    let reported = env.controller.reported();
    assert!(reported.iter().all(|it| it.get("mismatch").is_none()));
}

fn records(kind: u8, bytes: &[u8], size: usize) -> Vec<u8> {
    let record =
        |part: &[u8]| [&[kind, 3, 1][..], &(part.len() as u16).to_be_bytes(), part].concat();
    bytes.chunks(size).flat_map(record).collect()
}

fn server_name(name: &str) -> Vec<u8> {
    let length = |it: usize| (it as u16).to_be_bytes();
    let list = [
        &length(name.len() + 3)[..],
        &[0],
        &length(name.len()),
        name.as_bytes(),
    ]
    .concat();
    [&[0, 0][..], &length(list.len()), &list].concat()
}

/// A ClientHello of TLS 1.0 with these extensions and no others, as a handshake message.
fn hello(extensions: &[Vec<u8>]) -> Vec<u8> {
    let extensions = extensions.concat();
    let mut body = [&[3, 1][..], &[7; 32], &[0], &[0, 2, 0, 0x2f], &[1, 0]].concat();
    body.extend((extensions.len() as u16).to_be_bytes());
    body.extend(extensions);
    let [_, a, b, c] = (body.len() as u32).to_be_bytes();
    [&[1, a, b, c][..], &body].concat()
}
