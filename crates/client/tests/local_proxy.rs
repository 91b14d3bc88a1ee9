//! The local proxy with real sockets and real clients, before fakes of controller and
//! gateways.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod curl;
mod test_user;

use std::future::pending;
use std::time::{Duration, Instant};

use curl::{curl, done};
use hourkey_client::dial::{Destination, DialError};
use hourkey_client::local_proxy::{BROWSER_HOLD_TIMEOUT, Forward, LocalProxy};
use hourkey_domain::lock::LockState;
use hourkey_protocol::device::Gateway;
use hourkey_protocol::gateway::Refusal;
use hourkey_testkit::fake::{FakeController, FakeGateway, LOCKED, at, granted, resource_at};
use hourkey_testkit::poll::eventually;
use test_user::TestUser;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

struct TestEnv {
    controller: FakeController,
    gateway: FakeGateway,
    user: TestUser,
    proxy: LocalProxy,
}

async fn env(lock: LockState) -> TestEnv {
    let controller = FakeController::start().await;
    let gateway = FakeGateway::start(&controller).await;
    let rows = vec![resource_at(1, "wiki.corp", lock)];
    let user = TestUser::new(&controller, rows).await;
    let proxy = user.local_proxy().await;
    TestEnv {
        controller,
        gateway,
        user,
        proxy,
    }
}

impl TestEnv {
    fn http_proxy(&self) -> String {
        format!("http://127.0.0.1:{}", self.proxy.port())
    }

    fn socks(&self) -> String {
        format!("127.0.0.1:{}", self.proxy.port())
    }

    /// A port that leads to the resource.
    async fn forward(&self) -> Forward {
        let to = "wiki.corp:80".parse().unwrap();
        let started = Forward::start(self.user.dialer.clone(), to, 0).await;
        started.unwrap()
    }
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    eventually(what, async || holds()).await.unwrap();
}

#[tokio::test]
async fn what_is_granted_comes_back() {
    let env = env(granted(1, 0, 3_600)).await;
    let (proxy, socks) = (env.http_proxy(), env.socks());
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
    let targets = env.gateway.targets.lock().unwrap().clone();
    assert_eq!(targets, ["wiki.corp:80"; 4]);
    assert_eq!(env.user.prompts.seen(), [""; 0]);
    assert_eq!(env.controller.seen().enrolments.len(), 1);
}

#[tokio::test]
async fn other_destinations_and_commands_are_refused() {
    let env = env(granted(1, 0, 3_600)).await;
    let (proxy, socks) = (env.http_proxy(), env.socks());
    for url in [
        "http://wiki.corp:8080/",
        "http://example.com/",
        "http://127.0.0.1/",
    ] {
        let through_http = done(curl(&["--proxytunnel", "--proxy", &proxy, url])).await;
        let (code, complaint) = through_http.unwrap_err();
        assert!(
            code == 56 && complaint.contains("403"),
            "{url}: {complaint}"
        );
        let (code, complaint) = done(curl(&["--socks5-hostname", &socks, url]))
            .await
            .unwrap_err();
        assert!(
            code == 97 && complaint.contains("(2)"),
            "{url}: {complaint}"
        );
        let page = done(curl(&[
            "--proxy",
            &proxy,
            "--write-out",
            "%{http_code}",
            url,
        ]))
        .await;
        assert!(page.unwrap().ends_with("403"), "{url}");
    }
    assert!(env.gateway.targets.lock().unwrap().is_empty());
    assert_eq!(env.user.prompts.seen(), [""; 0]);
}

#[tokio::test]
async fn a_held_connection_goes_on_when_the_resource_opens() {
    let env = env(LOCKED).await;
    let (proxy, socks) = (env.http_proxy(), env.socks());
    let url = "http://wiki.corp/late";
    // A browser's parallel attempts are one ask.
    let mut held: Vec<Child> = (0..5)
        .map(|_| curl(&["--proxytunnel", "--proxy", &proxy, url]))
        .collect();
    held.push(curl(&["--socks5-hostname", &socks, url]));
    let prompts = &env.user.prompts;
    until("asked", || !prompts.seen().is_empty()).await;
    until("all held", || taken(env.proxy.port()) == held.len()).await;
    assert!(env.gateway.targets.lock().unwrap().is_empty());
    // The gateway hears of the grant a little later than this device.
    env.gateway.refuse.lock().unwrap().push(Refusal::NoPermit);
    env.user
        .change(resource_at(1, "wiki.corp", granted(1, 0, 3_600)));
    for child in held {
        assert!(done(child).await.unwrap().contains("/late"));
    }
    assert_eq!(prompts.seen(), ["page /resources/1/request"]);
}

/// The connections at a port of 127.0.0.1 that its program has taken, and read to where they wait
/// (proc_pid_net(5)).
fn taken(port: u16) -> usize {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let ours = format!("0100007F:{port:04X}");
    let taken = table.lines().filter(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let is_established = fields
            .get(1..4)
            .is_some_and(|it| it[0] == ours && it[2] == "01");
        // One that nobody has taken yet has no inode.
        is_established && fields[4].ends_with(":00000000") && fields[9] != "0"
    });
    taken.count()
}

#[tokio::test]
async fn a_denial_ends_the_wait() {
    let env = env(LOCKED).await;
    let proxy = env.http_proxy();
    let held = curl(&["--proxytunnel", "--proxy", &proxy, "http://wiki.corp/"]);
    let prompts = &env.user.prompts;
    until("asked", || !prompts.seen().is_empty()).await;
    let mut denied = resource_at(1, "wiki.corp", LOCKED);
    denied.denied_at = Some(at(0));
    env.user.change(denied);
    let (code, complaint) = done(held).await.unwrap_err();
    assert!(code == 56 && complaint.contains("403"), "{complaint}");
}

#[tokio::test]
async fn plain_http_to_a_locked_resource_leads_to_its_request_page() {
    let env = env(LOCKED).await;
    let proxy = env.http_proxy();
    let out = "%{http_code} %{redirect_url}";
    let url = "http://wiki.corp/secret?q";
    let answered = done(curl(&[
        "--proxy",
        &proxy,
        "--write-out",
        out,
        "--output",
        "/dev/null",
        "--header",
        "Accept: text/html",
        url,
    ]));
    let answered = answered.await.unwrap();
    assert!(answered.starts_with("302 http://127.0.0.1:"), "{answered}");
    // The page's address holds ids alone; where it sends the browser back to, the proxy knows.
    let (page, back) = answered.split_once("&back=").unwrap();
    assert!(page.ends_with("/resources/1/request?as=ada"), "{page}");
    let (port, id) = back.split_once('-').unwrap();
    assert_eq!(port, env.proxy.port().to_string());
    let back = format!("http://127.0.0.1:{port}/back/{id}");
    let there = done(curl(&["--write-out", out, "--output", "/dev/null", &back]));
    assert_eq!(there.await.unwrap(), format!("302 {url}"));
    let wrong = format!("{back}x");
    let nowhere = done(curl(&[
        "--write-out",
        "%{http_code}",
        "--output",
        "/dev/null",
        &wrong,
    ]));
    assert_eq!(nowhere.await.unwrap(), "404");
    assert_eq!(env.user.prompts.seen(), [""; 0]);
}

/// A program cannot show the request page, and must not take it for the resource.
#[tokio::test]
async fn a_program_that_asks_for_a_locked_resource_waits_and_is_told_where_to_ask() {
    let env = env(LOCKED).await;
    let proxy = env.http_proxy();
    let url = "http://wiki.corp/data.json";
    let fails = ["--proxy", &proxy, "--fail", url];
    let shows = ["--proxy", &proxy, "--data", "x", "--include", url];
    let mut answers = Vec::new();
    for (number, how) in [fails.as_slice(), &shows].into_iter().enumerate() {
        let held = curl(how);
        let prompts = &env.user.prompts;
        until("asked", || prompts.seen().len() > number).await;
        let mut denied = resource_at(1, "wiki.corp", LOCKED);
        denied.denied_at = Some(at(0) + chrono::TimeDelta::minutes(number as i64));
        env.user.change(denied);
        answers.push(done(held).await);
        env.user.clock.advance(Duration::from_secs(60));
    }
    let [fails, shows] = answers.try_into().unwrap();
    assert_eq!(fails.unwrap_err().0, 22, "--fail is told of an error");
    let shown = shows.unwrap();
    assert!(shown.starts_with("HTTP/1.1 403"), "{shown}");
    assert!(shown.contains("application/problem+json"), "{shown}");
    assert!(shown.contains("/resources/1/request?as=ada\""), "{shown}");
    let waits = curl(&["--proxy", &proxy, url]);
    until("held", || env.user.prompts.seen().len() == 3).await;
    env.user
        .change(resource_at(1, "wiki.corp", granted(1, 0, 3_600)));
    assert!(done(waits).await.unwrap().contains("/data.json"));
}

#[tokio::test]
async fn what_the_gateway_cuts_fails() {
    let env = env(granted(1, 0, 3_600)).await;
    let (proxy, socks) = (env.http_proxy(), env.socks());
    let url = "http://wiki.corp/endless";
    let running = [
        curl(&["--proxytunnel", "--proxy", &proxy, url]),
        curl(&["--socks5-hostname", &socks, url]),
        curl(&["--proxy", &proxy, url]),
    ];
    until("all run", || env.gateway.answering() == running.len()).await;
    env.gateway.cut();
    for child in running {
        let (code, complaint) = done(child).await.unwrap_err();
        // Reset, not a short answer that looks whole.
        assert_eq!(code, 56, "{complaint}");
    }
}

#[tokio::test]
async fn another_gateway_takes_over() {
    let env = env(granted(1, 0, 3_600)).await;
    let proxy = env.http_proxy();
    let get = || curl(&["--proxytunnel", "--proxy", &proxy, "http://wiki.corp/"]);
    done(get()).await.unwrap();
    let second = FakeGateway::start(&env.controller).await;
    // The first one cannot serve: the other is looked for, and found.
    env.user.clock.advance(Duration::from_secs(5));
    env.gateway.refuse.lock().unwrap().push(Refusal::Stale);
    done(get()).await.unwrap();
    assert_eq!(second.targets.lock().unwrap().len(), 0);
    env.gateway
        .refuse
        .lock()
        .unwrap()
        .extend([Refusal::Stale, Refusal::Busy]);
    done(get()).await.unwrap();
    assert_eq!(second.targets.lock().unwrap().len(), 1);
    env.gateway.stop().await;
    done(get()).await.unwrap();
    assert_eq!(second.targets.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_gateway_that_says_nothing_is_not_waited_for() {
    let controller = FakeController::start().await;
    let _silent = controller.silent_gateway().await;
    let answers = FakeGateway::start(&controller).await;
    let user = TestUser::new(
        &controller,
        vec![resource_at(1, "wiki.corp", granted(1, 0, 3_600))],
    )
    .await;
    let proxy = user.local_proxy().await;
    let proxy = format!("http://127.0.0.1:{}", proxy.port());
    let got = curl(&["--proxytunnel", "--proxy", &proxy, "http://wiki.corp/"]);
    done(got).await.unwrap();
    assert_eq!(answers.targets.lock().unwrap().len(), 1);
}

/// Why a browser's connection is not opened.
async fn refused(user: &TestUser, to: &Destination) -> DialError {
    let dialed = user.dialer.dial(to, BROWSER_HOLD_TIMEOUT).await;
    dialed.err().unwrap()
}

/// A browser gives up at 30 s, and the page that the proxy has for it must come before.
#[tokio::test]
async fn however_many_gateways_say_nothing_a_browser_hears_of_it_in_time() {
    let controller = FakeController::start().await;
    let mut silent = Vec::new();
    let to = "wiki.corp:80".parse().unwrap();
    for _ in 0..3 {
        silent.push(controller.silent_gateway().await);
        let user = TestUser::new(
            &controller,
            vec![resource_at(1, "wiki.corp", granted(1, 0, 3_600))],
        )
        .await;
        user.dialer.prepare().await.unwrap();
        tokio::time::pause();
        let began = tokio::time::Instant::now();
        let refused = refused(&user, &to).await;
        assert!(
            began.elapsed() < Duration::from_secs(21),
            "{:?}",
            began.elapsed()
        );
        assert!(
            refused.to_string().starts_with("No gateway answers"),
            "{refused}"
        );
        tokio::time::resume();
    }
}

/// As `hourkey connect` uses a tunnel.
#[tokio::test]
async fn a_pipe_is_over_when_the_destination_is() {
    let env = env(granted(1, 0, 3_600)).await;
    let to = "wiki.corp:7".parse().unwrap();
    let tunnel = env.user.dialer.dial(&to, Duration::ZERO).await.unwrap();
    let mut echoed = Vec::new();
    let mut input = &b"all there is"[..];
    tunnel
        .pipe(&mut input, &mut echoed, pending())
        .await
        .unwrap();
    assert_eq!(echoed, b"all there is");

    // An input that stays open, as a terminal's.
    let tunnel = env.user.dialer.dial(&to, Duration::ZERO).await.unwrap();
    let (mut typing, mut input) = tokio::io::duplex(1024);
    typing.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut page = Vec::new();
    tunnel.pipe(&mut input, &mut page, pending()).await.unwrap();
    assert!(page.starts_with(b"HTTP/1.1 200"));
}

/// Half-close: what is echoed after the client has said all it has to say still arrives.
#[tokio::test]
async fn one_end_may_finish_before_the_other() {
    let env = env(granted(1, 0, 3_600)).await;
    let mut stream = TcpStream::connect(env.socks()).await.unwrap();
    stream
        .write_all(b"CONNECT wiki.corp:7 HTTP/1.1\r\n\r\nearly ")
        .await
        .unwrap();
    let mut head = vec![0; b"HTTP/1.1 200 Connection established\r\n\r\n".len()];
    stream.read_exact(&mut head).await.unwrap();
    let megabyte = vec![b'x'; 1 << 20];
    let (mut from, mut to) = stream.split();
    let send = async {
        to.write_all(&megabyte).await.unwrap();
        to.shutdown().await.unwrap();
    };
    let mut echoed = Vec::new();
    let (_, read) = tokio::join!(send, from.read_to_end(&mut echoed));
    read.unwrap();
    assert_eq!(echoed.len(), megabyte.len() + b"early ".len());
}

#[tokio::test]
async fn a_socks_4_client_is_refused_in_its_own_words() {
    let env = env(granted(1, 0, 3_600)).await;
    let mut stream = TcpStream::connect(env.socks()).await.unwrap();
    // 4a, and more than that: what lies unread must not take the answer back.
    let said = b"\x04\x01\x00\x50\x00\x00\x00\x01\0wiki.corp\0GET / HTTP/1.1\r\n\r\n";
    stream.write_all(said).await.unwrap();
    let mut answered = Vec::new();
    stream.read_to_end(&mut answered).await.unwrap();
    assert_eq!(answered, [0, 0x5b, 0, 0, 0, 0, 0, 0]);
}

#[tokio::test]
async fn the_pac_file_is_for_those_who_know_its_path() {
    let env = env(LOCKED).await;
    let pac = env.proxy.pac_url();
    let file = done(curl(&["--include", &pac])).await.unwrap();
    assert!(
        file.contains("Content-Type: application/x-ns-proxy-autoconfig"),
        "{file}"
    );
    assert!(file.contains(r#""host":"wiki.corp""#), "{file}");
    assert!(!file.to_lowercase().contains("access-control"), "{file}");
    assert!(pac.len() > "http://127.0.0.1:1/.pac".len() + 20);
    let root = env.http_proxy();
    for (arguments, status) in [
        ([&*root, "--header", "X: x"], "404"),
        ([&*format!("{root}/other.pac"), "--header", "X: x"], "404"),
        ([&*pac, "--header", "Host: evil.example"], "403"),
        ([&*pac, "--request", "POST"], "404"),
    ] {
        let show = ["--write-out", "%{http_code}"];
        let answer = done(curl(&[&arguments[..], &show[..]].concat()))
            .await
            .unwrap();
        assert!(answer.ends_with(status), "{arguments:?}: {answer}");
        assert!(!answer.contains("wiki"), "{answer}");
    }

    // For settings that follow changes: the same file, at another address once resources move.
    let first = env.proxy.versioned_pac_url();
    assert!(first.starts_with(&format!("{pac}?v=")), "{first}");
    assert_eq!(done(curl(&["--include", &first])).await.unwrap(), file);
    env.user
        .change(resource_at(1, "wiki.corp", granted(1, 0, 3_600)));
    assert_eq!(env.proxy.versioned_pac_url(), first, "it says the same");
    env.user
        .change(resource_at(1, "renamed.corp", granted(1, 0, 3_600)));
    let second = env.proxy.versioned_pac_url();
    assert_ne!(second, first);
    let moved = done(curl(&[&second])).await.unwrap();
    assert!(
        moved.contains("renamed.corp") && !moved.contains("wiki.corp"),
        "{moved}"
    );
}

/// Only where the test may run curl as somebody else: as root.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn other_users_of_the_machine_are_refused() {
    const NOBODY: u32 = 65_534;
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let env = env(granted(1, 0, 3_600)).await;
    let pac = env.proxy.pac_url();
    for (user, status) in [(0, true), (NOBODY, false)] {
        let mut command = Command::new("curl");
        command.args(["--silent", "--noproxy", "", &pac]).uid(user);
        let output = command.output().await.unwrap();
        assert_eq!(output.status.success(), status, "as {user}");
        assert_eq!(output.stdout.is_empty(), !status, "as {user}");
    }
}

#[tokio::test]
async fn a_forward_leads_to_one_destination_and_to_no_other_name() {
    let env = env(granted(1, 0, 3_600)).await;
    let forward = env.forward().await;
    let url = format!("http://127.0.0.1:{}/page", forward.port());
    assert!(done(curl(&[&url])).await.unwrap().contains("/page"));
    let show = [
        "--write-out",
        "%{http_code}",
        "--header",
        "Host: evil.example",
    ];
    let answer = done(curl(&[&[&*url][..], &show[..]].concat()))
        .await
        .unwrap();
    assert!(
        answer.ends_with("403") && !answer.contains("/page"),
        "{answer}"
    );
    assert!(
        answer.starts_with("This forward does not serve"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_forward_to_what_is_locked_answers_http_in_http() {
    let env = env(LOCKED).await;
    let forward = env.forward().await;
    let url = format!("http://127.0.0.1:{}/page", forward.port());
    let page = done(curl(&["--include", "--header", "Accept: text/html", &url]));
    let page = page.await.unwrap();
    assert!(page.starts_with("HTTP/1.1 302"), "{page}");
    assert!(page.contains("/resources/1/request?as=ada"), "{page}");

    let waits = curl(&["--include", &url]);
    let prompts = &env.user.prompts;
    until("asked", || prompts.seen().len() == 1).await;
    let mut denied = resource_at(1, "wiki.corp", LOCKED);
    denied.denied_at = Some(at(0));
    env.user.change(denied);
    let told = done(waits).await.unwrap();
    assert!(told.starts_with("HTTP/1.1 403"), "{told}");
    assert!(told.contains("was denied"), "{told}");
    env.user.clock.advance(Duration::from_secs(60));

    let waits = curl(&[&url]);
    until("asked again", || prompts.seen().len() == 2).await;
    env.user
        .change(resource_at(1, "wiki.corp", granted(1, 0, 3_600)));
    assert!(done(waits).await.unwrap().contains("/page"));
}

#[tokio::test]
async fn a_forward_without_a_gateway_answers_http_in_http_and_is_abrupt_to_others() {
    let env = env(granted(1, 0, 3_600)).await;
    let forward = env.forward().await;
    env.gateway.stop().await;
    let url = format!("http://127.0.0.1:{}/page", forward.port());
    let told = done(curl(&["--include", &url])).await.unwrap();
    assert!(told.starts_with("HTTP/1.1 502"), "{told}");
    assert!(told.contains("No gateway answers"), "{told}");
    let foreign = done(curl(&["--header", "Host: evil.example", &url])).await;
    assert!(foreign.unwrap().starts_with("This forward does not serve"));

    let mut other = TcpStream::connect(("127.0.0.1", forward.port()))
        .await
        .unwrap();
    other.write_all(b"SSH-2.0-x\r\n").await.unwrap();
    other.read_u8().await.unwrap_err();
}

/// A browser sends one site's requests on the connection that another one's have opened.
#[tokio::test]
async fn a_forward_judges_each_request() {
    let env = env(granted(1, 0, 3_600)).await;
    let forward = env.forward().await;
    let own = format!("Host: 127.0.0.1:{}\r\n", forward.port());
    for (fields, answer) in [
        (own.clone(), "GET /second"),
        (
            format!("{own}Origin: http://evil.example\r\n"),
            "A page of another site",
        ),
        ("Host: evil.example\r\n".to_owned(), "This forward does not"),
    ] {
        let mut stream = TcpStream::connect(("127.0.0.1", forward.port()))
            .await
            .unwrap();
        let first = format!("GET /first HTTP/1.1\r\n{own}\r\n");
        stream.write_all(first.as_bytes()).await.unwrap();
        let mut heard = Vec::new();
        while !String::from_utf8_lossy(&heard).contains("GET /first") {
            assert!(stream.read_buf(&mut heard).await.unwrap() > 0);
        }
        let second = format!("GET /second HTTP/1.1\r\nConnection: close\r\n{fields}\r\n");
        stream.write_all(second.as_bytes()).await.unwrap();
        let mut heard = String::new();
        stream.read_to_string(&mut heard).await.unwrap();
        assert!(heard.contains(answer), "{fields}: {heard}");
    }
}

/// As `echo … > /dev/tcp/…` does.
#[tokio::test]
async fn what_is_sent_to_a_forward_before_its_caller_closes_is_delivered() {
    let env = env(granted(1, 0, 3_600)).await;
    env.gateway.slow(Duration::from_millis(200));
    let forward = env.forward().await;
    let targets = env.gateway.targets.clone();
    for count in 1..=3 {
        let mut stream = TcpStream::connect(("127.0.0.1", forward.port()))
            .await
            .unwrap();
        stream.write_all(b"hello").await.unwrap();
        // Until it is known whose connection this is.
        until("the gateway is asked", || {
            targets.lock().unwrap().len() == count
        })
        .await;
        drop(stream);
        let said = env.gateway.said.clone();
        until("it arrives", || said.lock().unwrap().len() == count).await;
        assert_eq!(said.lock().unwrap()[count - 1], b"hello");
    }
}

/// A gateway refuses those of one address beyond a number.
#[tokio::test]
async fn a_burst_makes_few_connections_at_a_time() {
    let env = env(granted(1, 0, 3_600)).await;
    env.gateway.slow(Duration::from_millis(20));
    let to: Destination = "wiki.corp:80".parse().unwrap();
    let dialing = (0..400).map(|_| env.user.dialer.dial(&to, Duration::from_secs(60)));
    let dialed = futures_util::future::join_all(dialing).await;
    assert!(dialed.iter().all(Result::is_ok));
    let most = env.gateway.most_handshakes();
    assert!(most <= 50, "{most}");
}

#[tokio::test]
async fn a_gateway_whose_name_leads_nowhere_is_named() {
    let controller = FakeController::start().await;
    let _gateway = FakeGateway::start(&controller).await;
    let mut gateways = controller.gateways();
    gateways[0].address = "nowhere.invalid:443".to_owned();
    controller.set_gateways(gateways);
    let user = TestUser::new(
        &controller,
        vec![resource_at(1, "wiki.corp", granted(1, 0, 3_600))],
    )
    .await;
    let to = "wiki.corp:80".parse().unwrap();
    let refused = refused(&user, &to).await;
    assert!(
        refused
            .to_string()
            .starts_with("No gateway answers: nowhere.invalid:443: "),
        "{refused}"
    );
}

#[tokio::test]
async fn the_certificate_is_renewed_in_time_and_the_key_stays() {
    let env = env(granted(1, 0, 3_600)).await;
    let enrolled = || env.controller.seen().enrolments.clone();
    let proxy = env.http_proxy();
    let get = || curl(&["--proxytunnel", "--proxy", &proxy, "http://wiki.corp/"]);
    for (seconds, count) in [(0, 1), (15 * 3_600, 1), (3_600 + 60, 2)] {
        env.user.clock.advance(Duration::from_secs(seconds));
        let mut open = resource_at(1, "wiki.corp", granted(1, 0, 3_600));
        open.lock = LockState::Open { locks_at: None };
        env.user.change(open);
        done(get()).await.unwrap();
        assert_eq!(enrolled().len(), count);
    }
    let keys = enrolled();
    assert_eq!(keys[0], keys[1]);
}

#[tokio::test]
async fn a_gateway_that_is_not_the_one_the_controller_names_is_not_used_any_more() {
    let env = env(granted(1, 0, 3_600)).await;
    let proxy = env.http_proxy();
    let arguments = ["--proxytunnel", "--proxy", &proxy, "http://wiki.corp/"];
    let passes = async || done(curl(&arguments)).await.is_ok();
    assert!(passes().await);

    let named = env.controller.gateways();
    let with = |change: fn(&mut Gateway)| {
        let mut gateways = named.clone();
        change(&mut gateways[0]);
        gateways
    };
    for (what, gateways, is_used) in [
        (
            "another key",
            with(|it| it.key = Some("0".repeat(64))),
            false,
        ),
        ("itself", named.clone(), true),
        (
            "another gateway's certificate",
            with(|it| it.id.0 = 2),
            false,
        ),
        (
            "a controller that does not say",
            with(|it| it.key = None),
            true,
        ),
        ("removed", Vec::new(), false),
    ] {
        env.controller.set_gateways(gateways);
        env.user.networks_changed();
        let began = Instant::now();
        while passes().await != is_used {
            assert!(began.elapsed() < Duration::from_secs(30), "{what}");
        }
    }
}
