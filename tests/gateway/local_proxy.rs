//! The local proxy: what it lets pass, what it refuses, and what it asks access for.

use hourkey_testkit::poll::eventually;
use hourkey_testkit::process::Process;

use crate::origin::PAGE;
use crate::test_env::{LocalProxy, TestEnv};

/// Runs curl through the local proxy, and returns its exit code and what it printed.
async fn curl(env: &TestEnv, local_proxy: &LocalProxy, arguments: &[&str]) -> (i32, String) {
    let mut command = env.terminal.session.command("/usr/bin/curl");
    command
        .args(["--silent", "--show-error", "--max-time", "60"])
        .args(["--proxy", local_proxy.proxy()])
        .args(arguments);
    let output = tokio::process::Command::from(command)
        .output()
        .await
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.code().unwrap(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_open_passes_and_nothing_else() {
    let env = TestEnv::new().await;
    let local_proxy = env.local_proxy().await;
    for url in [
        "http://wiki.corp.example/",
        "http://WIKI.corp.example./page",
    ] {
        let (code, text) = curl(&env, &local_proxy, &[url]).await;
        assert_eq!((code, text.as_str()), (0, PAGE), "{url}");
    }
    let (code, text) = curl(
        &env,
        &local_proxy,
        &["--proxytunnel", "http://wiki.corp.example/"],
    )
    .await;
    assert_eq!((code, text.as_str()), (0, PAGE));
    let socks = format!("127.0.0.1:{}", local_proxy.port());
    let arguments = ["--noproxy", "", "--socks5-hostname", &socks];
    let url = "http://wiki.corp.example/";
    let (code, text) = curl(&env, &local_proxy, &[&arguments[..], &[url]].concat()).await;
    assert_eq!((code, text.as_str()), (0, PAGE));

    // Neither what Ada does not see, nor what is no resource, nor another port: all alike.
    let status = ["--output", "/dev/null", "--write-out", "%{http_code}"];
    for url in [
        "http://hidden.corp.example/",
        "http://nothing.corp.example/",
        "http://wiki.corp.example:81/",
        "http://127.0.0.1/",
    ] {
        let (_, text) = curl(&env, &local_proxy, &[&status[..], &[url]].concat()).await;
        assert_eq!(text, "403", "{url}");
    }
    // Whoever closed first, the page or curl.
    eventually("the ends in the audit log", async || {
        let ends = env.ends().await;
        let whys: Vec<&str> = ends.iter().map(|(_, why)| &**why).collect();
        let in_order = whys.iter().all(|why| ["closed", "client"].contains(why));
        (whys.len() == 4 && in_order)
            .then_some(())
            .ok_or(whys.join(" "))
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_page_redirects_to_its_request_page() {
    let env = TestEnv::new().await;
    let local_proxy = env.local_proxy().await;
    let url = "http://vault.corp.example/";
    let where_to = [
        "--output",
        "/dev/null",
        "--write-out",
        "%{http_code} %{redirect_url}",
        "--header",
        "Accept: text/html",
    ];
    let (_, text) = curl(&env, &local_proxy, &[&where_to[..], &[url]].concat()).await;
    let vault = env.resource("Vault").await.id;
    let page = env
        .controller
        .url()
        .join(&format!("resources/{vault}/request?as=ada"));
    // And back: at the local proxy, by an id that nobody can guess.
    let back = format!("302 {}&back={}-", page.unwrap(), local_proxy.port());
    assert!(text.starts_with(&back), "{text} instead of {back}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_connection_waits_and_goes_on_once_it_is_granted() {
    let env = TestEnv::new().await;
    let local_proxy = env.local_proxy().await;
    let mut command = env.terminal.session.command("/usr/bin/curl");
    command
        .args([
            "--silent",
            "--max-time",
            "60",
            "--no-buffer",
            "--proxytunnel",
        ])
        .args(["--proxy", local_proxy.proxy(), "--http0.9"])
        .arg("http://logs.corp.example:9000/");
    let curl = env.terminal.session.spawn("curl", command).unwrap();
    eventually("the question", async || {
        local_proxy
            .process
            .log()
            .contains("Logs is locked: ask for access at")
    })
    .await
    .unwrap();
    assert_eq!(env.origin.open(), 0);
    env.open("Logs").await;
    ticks_arrive(&curl).await;
}

/// Waits until a program has printed more ticks than before.
async fn ticks_arrive(program: &Process) {
    let before = program.log().len();
    program
        .ready("ticks", async || program.log().len() > before)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn connect_carries_standard_input_and_output() {
    let env = TestEnv::new().await;
    let mut command = env
        .terminal
        .session
        .command(hourkey_testkit::binaries::path("hourkey").unwrap());
    command.args(["connect", "logs.corp.example", "9000"]);
    env.open("Logs").await;
    let logs = env.terminal.session.logs();
    let connect = Process::start_with_input("connect", command, &logs, b"x");
    let connect = connect.unwrap();
    ticks_arrive(&connect).await;
    assert!(connect.log().starts_with("tick\n"), "{}", connect.log());
}
