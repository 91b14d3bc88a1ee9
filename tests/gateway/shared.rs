//! Two resources at one address and port, with programs that people use: a permit for one of them
//! does not open the other.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use hourkey_protocol::access::Approve;
use hourkey_testkit::poll::eventually;
use hourkey_testkit::servers::{Postgres, Ssh};
use hourkey_testkit::webdriver::free_port;
use tokio::net::TcpStream;

use crate::test_env::TestEnv;

const BUILD: &str = "build.corp.example";
const DATABASE: &str = "db.corp.example";
const PORTAL: &str = "portal.corp.example";
const SAFE: &str = "safe.corp.example";

async fn output(mut command: Command) -> Output {
    command.stdin(Stdio::null());
    let mut command = tokio::process::Command::from(command);
    command.kill_on_drop(true).output().await.unwrap()
}

/// Opens the safe, which lies at the same address, to Ada.
async fn open_safe(env: &TestEnv) {
    let request = env.ask("Safe").await;
    let marta = env.session("marta").await;
    let how = Approve::default();
    marta.approve(request.id, &how).await.unwrap();
}

/// The names in the audit log's entry of the last connection that was cut for what was inside.
async fn cut_for(env: &TestEnv) -> (String, String) {
    let mut found = None;
    eventually(
        "a connection that was cut for what was inside",
        async || {
            let audit = env.controller.run(&["audit", "--json"]).await.unwrap();
            let mut entries = audit
                .lines()
                .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
            let last = entries.rfind(|record| record["action"] == "connection.ended");
            found = last.filter(|record| record["detail"]["why"] == "mismatch");
            found.is_some().then_some(()).ok_or(audit)
        },
    )
    .await
    .unwrap();
    let found = found.unwrap();
    let detail = &found["detail"];
    let text = |name: &str| detail[name].as_str().unwrap_or("none").to_owned();
    (text("asked"), text("inside"))
}

#[tokio::test(flavor = "multi_thread")]
async fn ssh_to_a_host_with_two_names_needs_access_to_both() {
    let server = Ssh::start().await.unwrap();
    let at = server.address();
    let env = TestEnv::with(&[(BUILD, at), (SAFE, at)]).await;
    let session = &env.terminal.session;
    let hourkey = hourkey_testkit::binaries::path("hourkey").unwrap();
    session.link("hourkey", &hourkey).unwrap();
    let ssh = |host: &str, port: &str| {
        let mut command = session.command("/usr/bin/ssh");
        command.args(server.options(host).unwrap());
        command.args(["-F", "none", "-p", port]);
        command.arg("-oProxyCommand=hourkey connect %h %p");
        command.args([host, "echo passed"]);
        command
    };
    env.open("Build host").await;
    let refused = output(ssh(BUILD, "22")).await;
    assert_eq!(refused.status.code(), Some(255), "{refused:?}");
    let said = String::from_utf8_lossy(&refused.stderr);
    let way_out = "have your administrator give build.corp.example a port of its own";
    assert!(said.contains(way_out), "{said}");
    assert_eq!(cut_for(&env).await, (BUILD.to_owned(), "none".to_owned()));
    open_safe(&env).await;
    for (host, port) in [(BUILD, "22"), (SAFE, "443")] {
        let passed = output(ssh(host, port)).await;
        assert_eq!(passed.stdout, b"passed\n", "{passed:?}");
    }
    let log = env.gateway.log();
    let told = log.matches("two resources share an address").count();
    assert_eq!(told, 1, "{log}");
    assert!(log.contains(BUILD) && log.contains(SAFE), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_says_all_at_once_is_told_why_it_was_cut() {
    let server = Ssh::start().await.unwrap();
    let at = server.address();
    let env = TestEnv::with(&[(BUILD, at), (SAFE, at)]).await;
    env.open("Build host").await;
    let hourkey = hourkey_testkit::binaries::path("hourkey").unwrap();
    // The end of what it says may meet the cut.
    for _ in 0..15 {
        let mut shell = env.terminal.session.command("/bin/sh");
        let script = format!("echo hello | \"$0\" connect {BUILD} 22");
        shell.args(["-c", &script]).arg(&hourkey);
        let refused = output(shell).await;
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(said.contains("was blocked"), "{said}");
        assert!(!said.contains("by the destination"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_asks_for_tls_later_needs_access_to_all_that_is_there() {
    let server = Postgres::start().await.unwrap();
    let at = server.address();
    let env = TestEnv::with(&[(DATABASE, at), (SAFE, at)]).await;
    env.open("Database").await;
    let (_forward, port) = env.forward("Database").await;
    let psql = || {
        let mut command = env.terminal.session.command("/usr/bin/psql");
        command
            .args(["--no-psqlrc", "--tuples-only", "--no-align"])
            .arg(format!(
                "host=127.0.0.1 port={port} user=hourkey dbname=postgres sslmode=prefer"
            ))
            .args(["--command", "select 6 * 7"]);
        command
    };
    let refused = output(psql()).await;
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert_eq!(
        cut_for(&env).await,
        (DATABASE.to_owned(), "none".to_owned())
    );
    open_safe(&env).await;
    let passed = output(psql()).await;
    assert_eq!(passed.stdout, b"42\n", "{passed:?}");
    server.stop().await.unwrap();
}

/// An `openssl s_server` that has to ask for another key share (HelloRetryRequest).
async fn retrying(folder: &Path) -> (tokio::process::Child, SocketAddr) {
    let files = ["key.pem", "cert.pem"].map(|it| folder.join(it));
    let mut make = Command::new("/usr/bin/openssl");
    make.args(["req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"])
        .args([
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-subj",
            "/CN=private",
        ])
        .arg("-keyout")
        .arg(&files[0])
        .arg("-out")
        .arg(&files[1]);
    let made = output(make).await;
    assert!(made.status.success(), "{made:?}");
    let address = SocketAddr::from(([127, 0, 0, 1], free_port().unwrap()));
    let server = tokio::process::Command::new("/usr/bin/openssl")
        .args(["s_server", "-quiet", "-www", "-tls1_3", "-groups", "P-384"])
        .args(["-accept", &address.to_string()])
        .arg("-key")
        .arg(&files[0])
        .arg("-cert")
        .arg(&files[1])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    eventually("the server", async || {
        TcpStream::connect(address).await.map(drop)
    })
    .await
    .unwrap();
    (server, address)
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_passes_under_its_own_name_alone_also_when_it_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let (_server, at) = retrying(folder.path()).await;
    let env = TestEnv::with(&[(PORTAL, at), (SAFE, at)]).await;
    env.open("Portal").await;
    let (forward, port) = env.forward("Portal").await;
    let curl = async |name: &str| {
        let mut curl = Command::new("/usr/bin/curl");
        curl.args(["-sk", "--max-time", "60", "--tlsv1.3", "--noproxy", "*"])
            .args(["--resolve", &format!("{name}:{port}:127.0.0.1")])
            .arg(format!("https://{name}:{port}/"));
        output(curl).await.status.success()
    };
    let nameless = async || {
        let mut client = Command::new("/usr/bin/openssl");
        client
            .args(["s_client", "-noservername", "-groups", "X25519:P-384"])
            .args(["-connect", &format!("127.0.0.1:{port}")]);
        output(client).await.status.success()
    };
    assert!(curl(PORTAL).await);
    assert!(!curl(SAFE).await);
    assert_eq!(cut_for(&env).await, (PORTAL.to_owned(), SAFE.to_owned()));
    let told = format!("A connection to {PORTAL} was blocked: it was meant for {SAFE}.");
    let tells = async || forward.log().contains(&told);
    forward.ready("a word to the person", tells).await.unwrap();
    assert!(!curl("localhost").await && !nameless().await);
    open_safe(&env).await;
    assert!(curl("localhost").await && nameless().await);
    assert!(
        !curl(SAFE).await,
        "it is for the safe, whose grant ends by itself"
    );
}
