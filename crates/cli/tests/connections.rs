//! The commands that open connections, run as a person runs them, before fakes for controller
//! and gateways.
#![allow(clippy::unwrap_used, missing_docs)]

use std::process::{Output, Stdio};
use std::sync::Arc;

use hourkey_client::config::{Config, StoreKind};
use hourkey_client::secrets::{File, Secret, SecretStore as _};
use hourkey_domain::lock::LockState;
use hourkey_testkit::fake::{FakeController, FakeGateway, LOCKED, granted, resource_at};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

struct TestEnv {
    controller: FakeController,
    gateway: FakeGateway,
    folder: TempDir,
}

/// Signed in by the file store, with one resource.
async fn env(lock: LockState) -> TestEnv {
    let controller = FakeController::start().await;
    let gateway = FakeGateway::start(&controller).await;
    controller.show(vec![resource_at(1, "wiki.corp", lock)]);
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.cli.controller = Some(controller.url.clone());
    config.cli.store = StoreKind::File;
    config.save(&folder.path().join("config.toml")).unwrap();
    let token = File::of(folder.path(), "hourkey-cli", &controller.url);
    token
        .save(&Secret::new(controller.sign_in()))
        .await
        .unwrap();
    TestEnv {
        controller,
        gateway,
        folder,
    }
}

impl TestEnv {
    fn hourkey(&self, arguments: &[&str]) -> Child {
        self.hourkey_in(&[], arguments)
    }

    fn hourkey_in(&self, environment: &[(&str, &str)], arguments: &[&str]) -> Child {
        Command::new(env!("CARGO_BIN_EXE_hourkey"))
            .args(arguments)
            .envs(environment.iter().copied())
            .env("HOURKEY_CONFIG_DIR", self.folder.path())
            .env("HOURKEY_STATE_DIR", self.folder.path())
            .env_remove("DISPLAY")
            .env_remove("WAYLAND_DISPLAY")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap()
    }
}

/// Says this on standard input, and nothing more; the end.
async fn finish(mut child: Child, say: &[u8]) -> (Option<i32>, String, String) {
    let mut input = child.stdin.take().unwrap();
    // A command that ended already reads nothing.
    let _ = input.write_all(say).await;
    drop(input);
    let Output {
        status,
        stdout,
        stderr,
    } = child.wait_with_output().await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

#[tokio::test]
async fn connect_carries_bytes_both_ways_and_keeps_one_key() {
    let env = env(granted(1, 0, 3_600)).await;
    for _ in 0..2 {
        let child = env.hourkey(&["connect", "wiki.corp", "7"]);
        let (code, out, err) = finish(child, b"hello").await;
        assert_eq!((code, out.as_str(), err.as_str()), (Some(0), "hello", ""));
    }
    let keys = env.controller.seen().enrolments.clone();
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[0], keys[1]);
}

/// As under ssh: the input stays open, and the far end hangs up.
#[tokio::test]
async fn connect_is_over_when_the_far_end_is() {
    let env = env(granted(1, 0, 3_600)).await;
    let mut child = env.hourkey(&["connect", "wiki.corp", "80"]);
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let output = child.wait_with_output().await.unwrap();
    assert!(output.status.success());
    assert!(output.stdout.starts_with(b"HTTP/1.1 200"));
    drop(input);
}

#[tokio::test]
async fn connect_says_what_it_waits_for_and_goes_on() {
    let env = env(LOCKED).await;
    let mut child = env.hourkey(&["connect", "wiki.corp", "7"]);
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    let first = said.next_line().await.unwrap().unwrap();
    assert!(
        first.starts_with("Resource 1 is locked: ask for access at http://127.0.0.1:")
            && first.ends_with("/resources/1/request?as=ada"),
        "{first}"
    );
    let second = said.next_line().await.unwrap().unwrap();
    assert_eq!(second, "Waiting up to 120 s…");
    let open = vec![resource_at(1, "wiki.corp", granted(1, 0, 3_600))];
    env.controller.show(open);
    let (code, out, _) = finish(child, b"hello").await;
    assert_eq!((code, out.as_str()), (Some(0), "hello"));
}

#[tokio::test]
async fn connect_fails_by_its_own_codes() {
    let env = env(granted(1, 0, 3_600)).await;
    for (arguments, code, sentence) in [
        (["connect", "example.com", "443"], 4, "no resource of yours"),
        (["connect", "no host", "443"], 2, "no host name"),
        (["connect", "wiki.corp", "0"], 2, "invalid value"),
    ] {
        let (exit, _, said) = finish(env.hourkey(&arguments), b"").await;
        assert_eq!(exit, Some(code), "{said}");
        assert!(said.contains(sentence), "{said}");
    }
    let mut child = env.hourkey(&["connect", "wiki.corp", "7"]);
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"x").await.unwrap();
    let mut echoed = [0];
    child
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut echoed)
        .await
        .unwrap();
    env.gateway.cut();
    let output = child.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("The connection was broken off"), "{said}");
}

/// The first object that a command prints.
async fn printed(child: &mut Child) -> Value {
    let mut text = String::new();
    let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        text.push_str(&line);
        if line == "}" {
            break;
        }
    }
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn proxy_and_forward_say_where_they_listen_and_lead_there() {
    let env = env(granted(1, 0, 3_600)).await;
    let mut proxy = env.hourkey(&["--json", "proxy"]);
    let listening = printed(&mut proxy).await;
    let proxy = listening["proxy"].as_str().unwrap();
    let curl = Command::new("curl")
        .args([
            "--silent",
            "--noproxy",
            "",
            "--proxytunnel",
            "--proxy",
            proxy,
        ])
        .arg("http://wiki.corp/page")
        .output()
        .await
        .unwrap();
    let page = String::from_utf8(curl.stdout).unwrap();
    assert!(page.contains("/page"), "{page}");
    assert!(listening["pac"].as_str().unwrap().ends_with(".pac"));

    let mut forward = env.hourkey(&["--json", "forward", "wiki.corp:7"]);
    let listening = printed(&mut forward).await;
    assert_eq!(listening["to"], "wiki.corp:7");
    let address = listening["address"].as_str().unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"\x00hello").await.unwrap();
    let mut echoed = [0; 6];
    stream.read_exact(&mut echoed).await.unwrap();
    assert_eq!(&echoed, b"\x00hello");

    // More than one port.
    let (code, _, said) = finish(env.hourkey(&["forward", "wiki.corp"]), b"").await;
    assert_eq!(code, Some(2), "{said}");
}

/// A shell in which the proxy's own advice was followed.
#[tokio::test]
async fn commands_go_to_the_controller_by_themselves_where_the_environment_names_our_own_proxy() {
    let env = env(granted(1, 0, 3_600)).await;
    let mut proxy = env.hourkey(&["--json", "proxy"]);
    let port = printed(&mut proxy).await["port"].clone();
    for variable in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
        for own in [
            "http://127.0.0.1",
            "http://localhost",
            "socks5h://127.0.0.1",
            "127.0.0.1",
        ] {
            let own = format!("{own}:{port}");
            let environment = [(variable, own.as_str())];
            let list = env.hourkey_in(&environment, &["--json", "list"]);
            let (code, out, said) = finish(list, b"").await;
            assert_eq!(code, Some(0), "{environment:?}: {said}");
            assert!(out.contains("wiki.corp"), "{environment:?}: {out}");
            let connect = env.hourkey_in(&environment, &["connect", "wiki.corp", "7"]);
            let (code, out, said) = finish(connect, b"hello").await;
            assert_eq!(
                (code, out.as_str()),
                (Some(0), "hello"),
                "{environment:?}: {said}"
            );
        }
    }

    // Once it has ended, the port may be anybody's: a proxy there is taken like any other.
    proxy.kill().await.unwrap();
    let gone = format!("http://127.0.0.1:{port}");
    let list = env.hourkey_in(&[("ALL_PROXY", &gone)], &["list"]);
    assert_eq!(finish(list, b"").await.0, Some(8));
}

#[tokio::test]
async fn a_proxy_of_somebody_elses_is_used() {
    let env = env(granted(1, 0, 3_600)).await;
    // Whatever comes is passed on: an HTTP/1.1 server takes the absolute form as well.
    let proxy = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let theirs = format!("http://{}", proxy.local_addr().unwrap());
    let passed = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let (count, to) = (
        Arc::clone(&passed),
        env.controller.url.authority().to_owned(),
    );
    tokio::spawn(async move {
        while let Ok((mut caller, _)) = proxy.accept().await {
            count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let mut controller = TcpStream::connect(&to).await.unwrap();
            tokio::spawn(async move {
                let _ = tokio::io::copy_bidirectional(&mut caller, &mut controller).await;
            });
        }
    });
    let list = env.hourkey_in(&[("http_proxy", &theirs)], &["list"]);
    let (code, _, said) = finish(list, b"").await;
    assert_eq!(code, Some(0), "{said}");
    assert_ne!(passed.load(std::sync::atomic::Ordering::SeqCst), 0);

    let environment = [("http_proxy", theirs.as_str()), ("no_proxy", "127.0.0.1")];
    let before = passed.load(std::sync::atomic::Ordering::SeqCst);
    let list = env.hourkey_in(&environment, &["list"]);
    assert_eq!(finish(list, b"").await.0, Some(0));
    assert_eq!(passed.load(std::sync::atomic::Ordering::SeqCst), before);
}
