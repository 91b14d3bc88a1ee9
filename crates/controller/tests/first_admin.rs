//! How the first admin gets in, with the real program: where there is a terminal, and where not.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::process::Output;

use hourkey_store::Store as _;
use hourkey_store_sqlite::SqliteStore;
use hourkey_testkit::process::{self, Process};
use hourkey_testkit::webdriver::free_port;
use reqwest::{Client, redirect};
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_hourkey-controller");

#[tokio::test]
async fn commands_print_links_to_the_controller_that_runs() {
    let folder = tempfile::tempdir().unwrap();
    let (serve, address) = serving(&folder).await;
    let log = serve.log();
    let hint = format!("hourkey-controller --data {} setup-code", data(&folder));
    assert!(log.contains(&hint), "{log}");

    let output = run(&folder, &["setup-code"]);
    let link = String::from_utf8(output.stdout).unwrap();
    let (page, code) = link.trim().split_once('#').unwrap();
    assert_eq!(page, format!("{address}/setup"));
    assert!(!serve.log().contains(code), "no secret in a log");
    let older = code.to_owned();
    let output = run(&folder, &["setup-code"]);
    let link = String::from_utf8(output.stdout).unwrap();
    let (_, code) = link.trim().split_once('#').unwrap();
    assert_eq!(
        set_up(&address, &older).await,
        403,
        "older links stop working"
    );
    assert_eq!(set_up(&address, code).await, 303);
    // They have what Everyone has, and their unused days are counted from now; so for who is added.
    let store = SqliteStore::open(Path::new(&data(&folder))).await.unwrap();
    let noted = async || {
        let mut read = store.read().await.unwrap();
        let users = read.organisation().await.unwrap().users.into_iter();
        users.map(|user| user.since.is_some()).collect::<Vec<_>>()
    };
    assert_eq!(noted().await, [true]);
    run(&folder, &["user", "add", "ada", "--name", "Ada"]);
    assert_eq!(noted().await, [true, true]);

    let again = run(&folder, &["setup-code"]);
    assert!(!again.status.success());
    let said = String::from_utf8(again.stderr).unwrap();
    assert!(said.contains("set up already"), "{said}");
    let reset = |arguments: &[&str]| {
        let arguments = [&["user", "reset-link", "first"], arguments].concat();
        let link = String::from_utf8(run(&folder, &arguments).stdout).unwrap();
        link.split_once('#').unwrap().0.to_owned()
    };
    assert_eq!(reset(&[]), format!("{address}/reset"));
    let said = ["--public-url", "https://hourkey.test"];
    assert_eq!(reset(&said), "https://hourkey.test/reset");

    // A crash leaves nothing behind that misleads.
    serve.kill().unwrap();
    assert_eq!(reset(&[]), "http://127.0.0.1:8420/reset");
}

#[tokio::test]
async fn a_restart_without_a_terminal_keeps_the_link_that_was_printed() {
    let folder = tempfile::tempdir().unwrap();
    let (serve, _) = serving(&folder).await;
    let link = String::from_utf8(run(&folder, &["setup-code"]).stdout).unwrap();
    serve.terminate().await.unwrap();
    let (_serve, address) = serving(&folder).await;
    let (_, code) = link.trim().split_once('#').unwrap();
    assert_eq!(set_up(&address, code).await, 303);
}

#[tokio::test]
async fn a_terminal_shows_the_link() {
    let folder = tempfile::tempdir().unwrap();
    let init = format!(
        "{PROGRAM} --data {} init --listen 127.0.0.1:8499",
        data(&folder)
    );
    // On a terminal of its own.
    let mut command = process::command("/usr/bin/script");
    let output = command.args(["-qec", &init, "/dev/null"]).output().unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(
        shown.contains("    http://127.0.0.1:8499/setup#"),
        "{shown}"
    );

    let piped = tempfile::tempdir().unwrap();
    let shown = String::from_utf8(run(&piped, &["init"]).stdout).unwrap();
    assert!(
        !shown.contains('#') && shown.contains("setup-code"),
        "{shown}"
    );
}

/// A running controller, and its address, which no settings name.
async fn serving(folder: &TempDir) -> (Process, String) {
    let listen = format!("127.0.0.1:{}", free_port().unwrap());
    let mut command = process::command(PROGRAM);
    command
        .args(["--data", &data(folder), "serve", "--listen", &listen])
        .current_dir(folder.path());
    let serve = Process::start("controller", command, folder.path()).unwrap();
    let address = format!("http://{listen}");
    let answers = async || client().get(format!("{address}/healthz")).send().await;
    serve.ready("an answer", answers).await.unwrap();
    // Nobody can sign in: every page leads to the set-up.
    let page = client()
        .get(format!("{address}/sign-in"))
        .send()
        .await
        .unwrap();
    assert_eq!(page.headers()["location"], "/setup");
    (serve, address)
}

fn run(folder: &TempDir, arguments: &[&str]) -> Output {
    let mut command = process::command(PROGRAM);
    command.args(["--data", &data(folder)]).args(arguments);
    command.output().unwrap()
}

/// The status of setting up with this code.
async fn set_up(address: &str, code: &str) -> u16 {
    let client = client();
    let page = client.get(format!("{address}/setup")).send().await.unwrap();
    let cookie = page.headers()["set-cookie"].to_str().unwrap();
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let text = page.text().await.unwrap();
    let (_, rest) = text.split_once("name=\"token\" value=\"").unwrap();
    let fields = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("token", rest.split('"').next().unwrap()),
            ("code", code),
            ("organisation", "Example"),
            ("name", "First Admin"),
            ("login", "first"),
            ("password", "correct horse battery"),
        ])
        .finish();
    let sent = client
        .post(format!("{address}/setup"))
        .header("cookie", cookie)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(fields);
    sent.send().await.unwrap().status().as_u16()
}

fn client() -> Client {
    let client = Client::builder().redirect(redirect::Policy::none());
    client.no_proxy().build().unwrap()
}

fn data(folder: &TempDir) -> String {
    Path::new(folder.path()).join("data").display().to_string()
}
