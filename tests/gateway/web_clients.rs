//! Plain HTTP through the local proxy with the clients that people have: curl, git, Python's requests
//! and aiohttp, Node, ApacheBench.

use std::net::SocketAddr;
use std::process::{Output, Stdio};
use std::time::Duration;

use hourkey_testkit::poll::eventually;
use hourkey_testkit::process::{self, Process};
use hourkey_testkit::webdriver::free_port;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::scripted_server::{BIG, ScriptedServer};
use crate::test_env::{LocalProxy, TestEnv};

const HOST: &str = "db.corp.example";
const BASE: &str = "http://db.corp.example:5432";

/// Debian's own Python, which has the packages.
const PYTHON: &str = "/usr/bin/python3";

/// A test environment in which a server stands behind "Database", open to Ada, with her proxy.
async fn before(server: SocketAddr) -> (TestEnv, LocalProxy) {
    let env = TestEnv::with(&[(HOST, server)]).await;
    env.open("Database").await;
    let local_proxy = env.local_proxy().await;
    (env, local_proxy)
}

/// Runs a program of Ada's to its end.
async fn run(env: &TestEnv, local_proxy: &LocalProxy, program: &str, arguments: &[&str]) -> Output {
    let mut command = env.terminal.session.command(program);
    command
        .args(arguments)
        .env("http_proxy", local_proxy.proxy())
        .env("PATH", "/usr/local/bin:/usr/bin:/bin");
    let mut command = tokio::process::Command::from(command);
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output();
    tokio::time::timeout(Duration::from_secs(120), output)
        .await
        .expect("an end")
        .unwrap()
}

/// What a program printed; fails when it failed.
#[track_caller]
fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// `origin.py`, with a folder of repositories. It ends with what is returned.
async fn python() -> (SocketAddr, TempDir, Process) {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port().unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/gateway/origin.py");
    let mut command = process::command(PYTHON);
    command
        .args([script, &port.to_string()])
        .arg(folder.path())
        .env("HOME", folder.path());
    let server = Process::start("origin", command, folder.path()).unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let listens = async || TcpStream::connect(address).await;
    server.ready("the web server", listens).await.unwrap();
    (address, folder, server)
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_of_unknown_length_arrive_whole() {
    let (server, folder, _process) = python().await;
    let (env, local_proxy) = before(server).await;
    let file = folder.path().join("file");
    std::fs::write(&file, vec![b'x'; 300_000]).unwrap();
    let url = format!("{BASE}/up");

    let upload = format!(
        "cat {} | curl --silent --upload-file - {url}",
        file.display()
    );
    let said = printed(&run(&env, &local_proxy, "/bin/sh", &["-c", &upload]).await);
    assert!(said.contains(r#""length": 300000"#), "{said}");
    assert!(said.contains(r#""coding": "chunked""#), "{said}");

    let requests = format!(
        "import requests\ns = requests.Session()\n\
         for _ in range(2):\n  \
         print(s.post('{url}', data=(b'y' * 1000 for _ in range(100)), timeout=60).text)"
    );
    let said = printed(&run(&env, &local_proxy, PYTHON, &["-c", &requests]).await);
    assert_eq!(said.matches(r#""length": 100000"#).count(), 2, "{said}");

    let node = format!(
        "const http = require('http');\n\
         const r = http.request({{ host: '127.0.0.1', port: {}, method: 'PUT', path: '{url}', \
         headers: {{ Host: '{HOST}:5432' }} }}, (a) => a.pipe(process.stdout));\n\
         for (let i = 0; i < 50; i++) r.write('z'.repeat(1000));\nr.end();",
        local_proxy.port()
    );
    let node_path = which("node");
    let said = printed(&run(&env, &local_proxy, &node_path, &["-e", &node]).await);
    assert!(said.contains(r#""length": 50000"#), "{said}");
}

/// Where a program is that the project's commands need anyway.
fn which(program: &str) -> String {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut found = std::env::split_paths(&path).map(|folder| folder.join(program));
    let found = found.find(|it| it.is_file()).unwrap();
    found.to_str().unwrap().to_owned()
}

/// Python's server answers an upload that it takes none of at once, and closes.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_comes_before_the_upload_is_over_arrives() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port().unwrap();
    let mut command = process::command(PYTHON);
    command
        .args(["-m", "http.server", "--bind", "127.0.0.1", "--directory"])
        .arg(folder.path())
        .arg(port.to_string());
    let server = Process::start("origin", command, folder.path()).unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let listens = async || TcpStream::connect(address).await;
    server.ready("the web server", listens).await.unwrap();
    let (env, local_proxy) = before(address).await;
    let file = folder.path().join("file");
    std::fs::write(&file, vec![b'x'; 10_000_000]).unwrap();
    let data = format!("@{}", file.display());
    let url = format!("{BASE}/");
    for _ in 0..10 {
        let arguments = [
            "--silent",
            "--output",
            "/dev/null",
            "--write-out",
            "%{http_code}",
            "--data-binary",
            &data,
            &url,
        ];
        let curl = run(&env, &local_proxy, "/usr/bin/curl", &arguments).await;
        // curl may not be able to send the rest, and says so; the answer is there.
        assert_eq!(String::from_utf8_lossy(&curl.stdout), "501", "{curl:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn git_pushes_more_than_a_megabyte() {
    let (server, folder, _process) = python().await;
    let (env, local_proxy) = before(server).await;
    let here = folder.path().join("here");
    let there = folder.path().join("there.git");
    // Nothing that compresses.
    let push = format!(
        "set -e\nexport HOME={home} GIT_CONFIG_NOSYSTEM=1\n\
         git init --quiet --bare {there}\ngit init --quiet {here}\ncd {here}\n\
         git config user.name Ada; git config user.email ada@example\n\
         head -c 3000000 /dev/urandom > file; git add file; git commit --quiet -m file\n\
         git push --quiet {BASE}/git/there.git HEAD:refs/heads/main\n\
         git --git-dir={there} rev-parse refs/heads/main; git rev-parse HEAD",
        home = folder.path().display(),
        here = here.display(),
        there = there.display(),
    );
    let said = printed(&run(&env, &local_proxy, "/bin/sh", &["-c", &push]).await);
    let ids: Vec<&str> = said.lines().collect();
    assert!(ids.len() == 2 && ids[0] == ids[1], "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_opens_through_the_proxy() {
    let (server, _folder, _process) = python().await;
    let (env, local_proxy) = before(server).await;
    let script = format!(
        "import asyncio, aiohttp\n\
         async def main():\n  \
         async with aiohttp.ClientSession() as s:\n    \
         async with s.ws_connect('ws://{HOST}:5432/ws', proxy='{}') as w:\n      \
         for word in ('one', 'two'):\n        \
         await w.send_str(word)\n        \
         print(await w.receive_str())\n\
         asyncio.run(main())",
        local_proxy.proxy()
    );
    let said = printed(&run(&env, &local_proxy, PYTHON, &["-c", &script]).await);
    assert_eq!(said, "echo one\necho two\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn old_clients_and_connections_that_stay_open_are_served() {
    let server = ScriptedServer::start().await;
    let (env, local_proxy) = before(server.address()).await;
    // HTTP/1.0, with and without keep-alive.
    let proxy = local_proxy
        .proxy()
        .strip_prefix("http://")
        .unwrap()
        .to_owned();
    for keep_alive in [&[][..], &["-k"]] {
        let arguments = [&["-n", "20", "-c", "2", "-X", &proxy], keep_alive].concat();
        let url = format!("{BASE}/x");
        let ab = run(
            &env,
            &local_proxy,
            "/usr/bin/ab",
            &[&arguments[..], &[&url]].concat(),
        )
        .await;
        let said = printed(&ab);
        assert!(said.contains("Complete requests:      20"), "{said}");
        assert!(said.contains("Failed requests:        0"), "{said}");
    }
    // An origin that does not close when it is asked to.
    let (first, second) = (format!("{BASE}/keepopen"), format!("{BASE}/x"));
    let arguments = ["--silent", "--max-time", "60", &first, &second];
    let curl = run(&env, &local_proxy, "/usr/bin/curl", &arguments).await;
    assert_eq!(printed(&curl), "donedone");
    // A request that nobody answers, given up.
    let hold = format!("{BASE}/hold");
    let arguments = ["--silent", "--max-time", "1", &hold];
    let gone = run(&env, &local_proxy, "/usr/bin/curl", &arguments).await;
    assert_eq!(gone.status.code(), Some(28), "{gone:?}");
    eventually("the end at the origin", async || server.open() == 0)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_answer_arrives_whole_although_a_byte_too_many_was_said() {
    let server = ScriptedServer::start().await;
    let (_env, local_proxy) = before(server.address()).await;
    let proxy = local_proxy.proxy().strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(proxy).await.unwrap();
    let get = format!("GET {BASE}/big HTTP/1.1\r\nHost: {HOST}:5432\r\nConnection: close\r\n\r\n");
    stream.write_all(get.as_bytes()).await.unwrap();
    // Once the head was read.
    eventually("the request", async || server.heard() == 1)
        .await
        .unwrap();
    stream.write_all(b"\n").await.unwrap();
    let mut buffer = vec![0; 1 << 20];
    let mut length = 0;
    loop {
        // Slowly.
        tokio::time::sleep(Duration::from_millis(20)).await;
        match stream.read(&mut buffer).await.unwrap() {
            0 => break,
            count => length += count,
        }
    }
    assert!(length > BIG, "{length} of {BIG} bytes");
}

/// Callers that come all at once are heard before they count as silent.
#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_callers_is_served() {
    let server = ScriptedServer::start().await;
    let (env, local_proxy) = before(server.address()).await;
    let proxy = local_proxy.proxy().strip_prefix("http://").unwrap();
    let url = format!("{BASE}/done");
    // More than may have a connection each: some are told so, and none is reset.
    let arguments = ["-n", "1500", "-c", "1000", "-X", proxy, &url];
    let ab = run(&env, &local_proxy, "/usr/bin/ab", &arguments).await;
    let said = printed(&ab);
    assert!(said.contains("Complete requests:      1500"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_without_a_path_or_with_an_empty_port_are_understood() {
    let (server, _folder, _process) = python().await;
    let env = TestEnv::with(&[(HOST, server), ("wiki.corp.example", server)]).await;
    env.open("Database").await;
    let local_proxy = env.local_proxy().await;
    let proxy = local_proxy.proxy().strip_prefix("http://").unwrap();
    for (request, path) in [
        // This server knows no "*".
        (format!("OPTIONS {BASE} HTTP/1.1"), "404 Not Found"),
        (format!("OPTIONS {BASE}/ HTTP/1.1"), r#""path": "/""#),
        (
            "GET http://wiki.corp.example:/x HTTP/1.1".to_owned(),
            r#""path": "/x""#,
        ),
        (
            "GET http://wiki.corp.example?q HTTP/1.1".to_owned(),
            r#""path": "/?q""#,
        ),
    ] {
        let mut stream = TcpStream::connect(proxy).await.unwrap();
        let head = format!("{request}\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.contains(path), "{request}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forward_takes_large_heads_and_old_clients() {
    let server = ScriptedServer::start().await;
    let env = TestEnv::with(&[(HOST, server.address())]).await;
    env.open("Database").await;
    let (_forward, port) = env.forward(&format!("{HOST}:5432")).await;
    let ask = async |head: String| {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer.lines().next().unwrap_or_default().to_owned()
    };
    let close = "Connection: close\r\n\r\n";
    for (head, status) in [
        (
            format!("GET / HTTP/1.1\r\nHost: localhost\r\n{close}"),
            "200",
        ),
        ("GET / HTTP/1.0\r\n\r\n".to_owned(), "200"),
        (
            format!(
                "GET / HTTP/1.1\r\nHost: localhost\r\nCookie: {}\r\n{close}",
                "x".repeat(40_000)
            ),
            "200",
        ),
        (
            format!(
                "GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n{close}",
                "x".repeat(70_000)
            ),
            "431",
        ),
        (
            format!("GET / HTTP/1.1\r\nHost: evil.example\r\n{close}"),
            "403",
        ),
    ] {
        let answer = ask(head).await;
        assert!(answer.contains(status), "{answer} instead of {status}");
    }
}
