//! The real program: how it listens, speaks TLS, and stops.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use chrono::TimeDelta;
use futures_util::StreamExt as _;
use hourkey_access::clock::{Clock as _, SystemClock};
use hourkey_access::identity::secret::new_secret;
use hourkey_access::identity::session;
use hourkey_domain::ids::UserId;
use hourkey_domain::review::Role;
use hourkey_protocol::account::SessionKind;
use hourkey_store::account::NewSession;
use hourkey_store::organisation::User;
use hourkey_store::{Room, Store, StoreError, transact};
use hourkey_store_sqlite::SqliteStore;
use hourkey_testkit::poll::eventually;
use hourkey_testkit::process::{self, Process};
use hourkey_testkit::webdriver::free_port;
use reqwest::{Certificate, Client};
use rustix::process::Signal;
use tempfile::TempDir;

#[tokio::test]
async fn plain_http_is_refused_where_others_could_listen() {
    let folder = tempfile::tempdir().unwrap();
    for listen in ["0.0.0.0:0", "[::]:0"] {
        let public_url = "https://hourkey.test";
        let said = refused(&folder, &["--listen", listen, "--public-url", public_url]).await;
        assert!(said.contains("could read passwords"), "{said}");
    }
    let said = refused(&folder, &["--public-url", "hourkey test"]).await;
    assert!(said.contains("public_url cannot be used"), "{said}");
    assert!(said.contains("https://hourkey.example.com"), "{said}");
}

#[tokio::test]
async fn an_address_in_use_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = refused(&folder, &["--listen", &address]).await;
    assert!(
        said.contains(&format!("cannot listen on {address}")),
        "{said}"
    );
}

#[tokio::test]
async fn it_holds_more_streams_than_services_start_with() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port().unwrap();
    let address = format!("127.0.0.1:{port}");
    let mut command = process::command("/usr/bin/prlimit");
    command.args(["--nofile=64:", env!("CARGO_BIN_EXE_hourkey-controller")]);
    let serve = serve_by(command, &folder, &["--listen", &address]);
    let connect = async || tokio::net::TcpStream::connect(&address).await;
    serve.ready("a port that listens", connect).await.unwrap();
    let crowd = futures_util::future::try_join_all((0..200).map(|_| connect()));
    let _crowd = crowd.await.unwrap();
    let health = Client::new().get(format!("http://{address}/healthz"));
    let health = health.timeout(std::time::Duration::from_secs(60));
    assert_eq!(health.send().await.unwrap().text().await.unwrap(), "ok\n");
    // A gateway alone makes a call every three seconds.
    assert!(!serve.log().contains("answered"), "{}", serve.log());
}

/// A client that goes on with a connection on which its call was refused before its body was read.
#[tokio::test]
async fn a_connection_outlives_a_refused_call() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let folder = tempfile::tempdir().unwrap();
    let port = free_port().unwrap();
    let address = format!("127.0.0.1:{port}");
    let serve = serve(&folder, &["--listen", &address]);
    let connect = async || tokio::net::TcpStream::connect(&address).await;
    let mut stream = serve.ready("a port that listens", connect).await.unwrap();
    for _ in 0..3 {
        let head = format!(
            "POST /api/v1/requests HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer no\r\n\
             Content-Type: application/json\r\nContent-Length: 2\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        // As a program that writes head and body apart.
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        stream.write_all(b"{}").await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"}") {
            answer.push(stream.read_u8().await.unwrap());
        }
        assert!(answer.starts_with(b"HTTP/1.1 401"));
    }
}

#[test]
fn a_command_ends_quietly_when_its_reader_has_gone_and_says_that_the_disk_is_full() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str], out: Stdio, err: Stdio| {
        let mut command = process::command(env!("CARGO_BIN_EXE_hourkey-controller"));
        command.arg("--data").arg(path(&folder, "data"));
        let started = command.args(arguments).stdout(out).stderr(err).spawn();
        let ended = started.unwrap().wait_with_output().unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        (ended.status.code().unwrap(), said)
    };
    let full = || Stdio::from(fs::File::options().write(true).open("/dev/full").unwrap());
    let add = ["user", "add", "ada", "--name", "Ada"];
    assert_eq!(run(&add, Stdio::null(), Stdio::piped()).0, 0);
    for arguments in [
        &["audit"][..],
        &["audit", "--json"],
        &["user", "list"],
        &["openapi"],
        &["user", "disable", "ada"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let (code, said) = run(arguments, writer.into(), Stdio::piped());
        // As shells say of a program that SIGPIPE ends.
        assert_eq!((code, &*said), (141, ""), "{arguments:?}");

        let (code, said) = run(arguments, full(), Stdio::piped());
        assert_eq!(code, 1, "{arguments:?}: {said}");
        assert!(
            said.contains("standard output cannot be written: No space left"),
            "{said}"
        );
    }
    let (code, _) = run(&["user", "disable", "nobody"], Stdio::null(), full());
    assert_eq!(code, 1);
}

#[tokio::test]
async fn it_serves_where_its_log_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port().unwrap();
    let mut command = process::command("/bin/sh");
    let program = env!("CARGO_BIN_EXE_hourkey-controller");
    command.args(["-c", "exec \"$0\" \"$@\" >/dev/full 2>&1", program]);
    let serve = serve_by(
        command,
        &folder,
        &["--listen", &format!("127.0.0.1:{port}")],
    );
    let client = Client::new();
    let health = async || {
        client
            .get(format!("http://127.0.0.1:{port}/healthz"))
            .send()
            .await
    };
    for _ in 0..2 {
        serve.ready("an answer", health).await.unwrap();
    }
}

#[tokio::test]
async fn its_log_has_colours_on_a_terminal_alone() {
    let program = env!("CARGO_BIN_EXE_hourkey-controller");
    for (shell, no_color, colours) in [
        ("\"$0\" \"$@\"", "", false),
        ("script -qfec \"$0 $*\" /dev/null", "", true),
        ("script -qfec \"$0 $*\" /dev/null", "1", false),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut command = process::command("/bin/sh");
        command
            .args(["-c", shell, program])
            .env("NO_COLOR", no_color);
        let serve = serve_by(command, &folder, &["--listen", "127.0.0.1:0"]);
        let listens = async || serve.log().contains("listening").then_some(());
        serve.ready("a line in its log", listens).await.unwrap();
        assert_eq!(serve.log().contains('\x1b'), colours, "{}", serve.log());
    }
}

#[tokio::test]
async fn it_speaks_tls_and_takes_a_renewed_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let first = certificate(folder.path());
    let port = free_port().unwrap();
    let url = format!("https://127.0.0.1:{port}");
    let serve = serve(
        &folder,
        &[
            "--listen",
            &format!("127.0.0.1:{port}"),
            "--public-url",
            &url,
            "--tls-certificates",
            path(&folder, "cert.pem").to_str().unwrap(),
            "--tls-key",
            path(&folder, "key.pem").to_str().unwrap(),
        ],
    );
    let client = trusting(&first);
    let health = format!("{url}/healthz");
    let answer = async || client.get(&health).send().await;
    let answer = serve.ready("an answer", answer).await.unwrap();
    assert_eq!(
        answer.headers()["strict-transport-security"],
        "max-age=31536000"
    );
    assert_eq!(answer.version(), reqwest::Version::HTTP_2);
    assert_eq!(answer.text().await.unwrap(), "ok\n");
    let plain = Client::new()
        .get(health.replace("https", "http"))
        .send()
        .await;
    assert!(plain.is_err());

    let second = certificate(folder.path());
    let renewed = trusting(&second);
    assert!(renewed.get(&health).send().await.is_err());
    serve.signal(Signal::HUP).unwrap();
    // A fresh client each time: an open connection keeps its certificate.
    let answer = async || trusting(&second).get(&health).send().await;
    eventually("the renewed certificate", answer).await.unwrap();

    // A broken one does not take the place of one that works.
    fs::write(path(&folder, "key.pem"), "not a key").unwrap();
    serve.signal(Signal::HUP).unwrap();
    eventually("a word about it", async || {
        serve.log().contains("stays the old one")
    })
    .await
    .unwrap();
    trusting(&second).get(&health).send().await.unwrap();
    assert!(serve.terminate().await.unwrap().success());
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_is_told() {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path());
    fs::write(path(&folder, "key.pem"), "not a key").unwrap();
    let said = refused(
        &folder,
        &[
            "--listen",
            "127.0.0.1:0",
            "--public-url",
            "https://127.0.0.1:8420",
            "--tls-certificates",
            path(&folder, "cert.pem").to_str().unwrap(),
            "--tls-key",
            path(&folder, "key.pem").to_str().unwrap(),
        ],
    )
    .await;
    assert!(said.contains("cannot use the certificate"), "{said}");
}

#[tokio::test]
async fn it_stops_when_told_while_streams_are_open() {
    for signal in [Signal::TERM, Signal::INT] {
        let folder = tempfile::tempdir().unwrap();
        let token = token(&folder).await;
        let port = free_port().unwrap();
        let url = format!("http://127.0.0.1:{port}");
        let listen = format!("127.0.0.1:{port}");
        let mut command = process::command(env!("CARGO_BIN_EXE_hourkey-controller"));
        // Each call is a line.
        command.env("RUST_LOG", "debug");
        let mut serve = serve_by(
            command,
            &folder,
            &["--listen", &listen, "--public-url", &url],
        );
        let client = Client::new();
        let open = async || {
            let events = client
                .get(format!("{url}/api/v1/events"))
                .bearer_auth(&token);
            events
                .send()
                .await
                .and_then(|answer| answer.error_for_status())
        };
        let mut stream = serve.ready("a stream", open).await.unwrap().bytes_stream();
        let first = stream.next().await.unwrap().unwrap();
        assert!(first.starts_with(b"event: snapshot\n"));
        serve.signal(signal).unwrap();
        // The stream ends well, and so does the program.
        while let Some(chunk) = stream.next().await {
            chunk.unwrap();
        }
        assert!(serve.ended().await.unwrap().success());
        // What it logged names routes, and no token.
        let log = serve.log();
        assert!(
            log.contains("/api/v1/events") && !log.contains(&token),
            "{log}"
        );
    }
}

/// What it says when it does not start.
async fn refused(folder: &TempDir, arguments: &[&str]) -> String {
    let mut serve = serve(folder, arguments);
    assert!(!serve.ended().await.unwrap().success());
    serve.log()
}

fn serve(folder: &TempDir, arguments: &[&str]) -> Process {
    let command = process::command(env!("CARGO_BIN_EXE_hourkey-controller"));
    serve_by(command, folder, arguments)
}

fn serve_by(mut command: Command, folder: &TempDir, arguments: &[&str]) -> Process {
    command
        .arg("--data")
        .arg(folder.path().join("data"))
        .arg("serve")
        .args(arguments);
    Process::start("controller", command, folder.path()).unwrap()
}

fn path(folder: &TempDir, name: &str) -> PathBuf {
    folder.path().join(name)
}

/// A new certificate for this machine, in `cert.pem` and `key.pem`.
fn certificate(folder: &Path) -> Certificate {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let pem = made.cert.pem();
    fs::write(folder.join("cert.pem"), &pem).unwrap();
    fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    Certificate::from_pem(pem.as_bytes()).unwrap()
}

fn trusting(certificate: &Certificate) -> Client {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    Client::builder()
        .tls_certs_only([certificate.clone()])
        .build()
        .unwrap()
}

/// An access token of somebody who is signed in.
async fn token(folder: &TempDir) -> String {
    let store: Arc<dyn Store> = SqliteStore::open(&folder.path().join("data"))
        .await
        .unwrap();
    let (token, digest) = new_secret();
    let signed_in = transact(&store, Room::Usual, move |tx| {
        Box::pin(async move {
            let user = User {
                id: UserId(0),
                login: "ann".to_owned(),
                name: "Ann Member".to_owned(),
                email: None,
                roles: vec![Role::Member],
                disabled: false,
                since: None,
            };
            let user = tx.insert_user(user).await?;
            let now = SystemClock::new(None).now();
            let new = NewSession {
                user,
                kind: SessionKind::Cli,
                label: "a test".to_owned(),
                created_at: now,
                ends_at: session::ends_at(SessionKind::Cli, now, now),
                cookie: None,
            };
            let session = tx.insert_session(new).await?;
            tx.insert_access_token(digest, session, now + TimeDelta::minutes(10))
                .await?;
            Ok::<_, StoreError>(())
        })
    });
    signed_in.await.unwrap();
    token
}
