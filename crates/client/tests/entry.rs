//! The local entry with real sockets and real clients, before stand-ins for controller and
//! gateways.

mod stand_in;

use std::process::Stdio;
use std::time::{Duration, Instant};

use hourkey_client::entry::{Entry, Forward};
use hourkey_domain::lock::LockState;
use hourkey_protocol::gateway::Refusal;
use stand_in::{Controller, LOCKED, Person, StandIn, granted, resource};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

struct World {
    controller: std::sync::Arc<Controller>,
    gateway: StandIn,
    person: Person,
    entry: Entry,
}

async fn world(lock: LockState) -> World {
    let controller = Controller::start().await;
    let gateway = StandIn::start(&controller).await;
    let rows = vec![resource(1, "wiki.corp", lock)];
    let person = Person::new(&controller, rows).await;
    let entry = Entry::start(person.dialer.clone(), 0).await.unwrap();
    World {
        controller,
        gateway,
        person,
        entry,
    }
}

impl World {
    fn http_proxy(&self) -> String {
        format!("http://127.0.0.1:{}", self.entry.port())
    }

    fn socks(&self) -> String {
        format!("127.0.0.1:{}", self.entry.port())
    }
}

fn curl(arguments: &[&str]) -> Child {
    Command::new("curl")
        .args([
            "--silent",
            "--show-error",
            "--max-time",
            "60",
            "--noproxy",
            "",
        ])
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("curl must be installed")
}

/// What curl printed; or its exit code and complaint.
async fn done(child: Child) -> Result<String, (i32, String)> {
    let output = child.wait_with_output().await.unwrap();
    if output.status.success() {
        return Ok(String::from_utf8(output.stdout).unwrap());
    }
    let complaint = String::from_utf8(output.stderr).unwrap();
    Err((output.status.code().unwrap(), complaint))
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(30), "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn what_is_granted_comes_back() {
    let world = world(granted()).await;
    let (proxy, socks) = (world.http_proxy(), world.socks());
    let url = "http://wiki.corp/page?q=1";
    for how in [
        ["--proxytunnel", "--proxy", &proxy, url].as_slice(),
        ["--socks5-hostname", &socks, url].as_slice(),
        ["--proxy", &proxy, url].as_slice(),
        ["--proxy", &proxy, "--data", "some=thing", url].as_slice(),
    ] {
        let page = done(curl(how)).await.unwrap();
        assert!(page.contains(" /page?q=1 HTTP/1.1"), "{how:?}: {page}");
        assert!(page.contains("Host: wiki.corp"), "{how:?}: {page}");
    }
    let targets = world.gateway.targets.lock().unwrap().clone();
    assert_eq!(targets, ["wiki.corp:80"; 4]);
    assert_eq!(world.person.asker.seen(), [""; 0]);
    let enrolments = &world.controller.enrolments;
    assert_eq!(enrolments.load(std::sync::atomic::Ordering::Relaxed), 1);
}
