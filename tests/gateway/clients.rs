//! Programs that people use: ssh and psql, against servers of their own kind.

use std::fs::{self, File};
use std::process::{Command, Output};

use hourkey_testkit::binaries;
use hourkey_testkit::poll::eventually;
use hourkey_testkit::process::Process;

use crate::test_env::TestEnv;
use hourkey_testkit::servers::{Postgres, Ssh};

const HOST: &str = "build.corp.example";
/// Says something again and again.
const TICKS: &str = "while echo tick; do sleep 0.05; done";

/// An ssh(1) of Ada's with these options.
fn ssh(env: &TestEnv, server: &Ssh, options: &[&str]) -> Command {
    let mut command = env.terminal.session.command("/usr/bin/ssh");
    command.args(server.options(HOST).unwrap()).args(options);
    command
}

async fn output(command: Command) -> Output {
    let mut command = tokio::process::Command::from(command);
    command.kill_on_drop(true).output().await.unwrap()
}

/// Waits until a program says more than it has said so far.
async fn says_more(program: &Process) {
    let before = program.log().len();
    let more = async || program.log().len() > before;
    program.ready("more output", more).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn ssh_passes_while_access_is_granted() {
    let server = Ssh::start().await.unwrap();
    let env = TestEnv::with(&[(HOST, server.address())]).await;
    let session = &env.terminal.session;
    let hourkey = binaries::path("hourkey").unwrap();
    session.link("hourkey", &hourkey).unwrap();

    // The configuration that `hourkey ssh-config` prints, and a connection that comes too early.
    let printed = env.terminal.run(&["ssh-config"]).await.ended(0).out;
    let configuration = session.home().join("ssh_config");
    fs::write(&configuration, printed).unwrap();
    let configured = ["-F", configuration.to_str().unwrap()];
    let early = ssh(&env, &server, &[&configured[..], &[HOST, TICKS]].concat());
    let early = session.spawn("ssh", early).unwrap();
    let asked = async || {
        early
            .log()
            .contains("Build host is locked: ask for access at")
    };
    early.ready("the question", asked).await.unwrap();
    assert!(!early.log().contains("tick"), "{}", early.log());
    let grant = env.open("Build host").await;
    says_more(&early).await;
    assert!(early.log().contains("tick"), "{}", early.log());

    // As an option, and with something to carry there and back.
    let file = session.home().join("file");
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|at| (at % 251) as u8).collect();
    fs::write(&file, &bytes).unwrap();
    let proxy = "-oProxyCommand=hourkey connect %h %p";
    let mut copy = ssh(&env, &server, &["-F", "none", proxy, HOST, "cat"]);
    copy.stdin(File::open(&file).unwrap());
    let copied = output(copy).await;
    assert!(copied.status.success(), "{copied:?}");
    assert_eq!(copied.stderr, b"");
    assert!(
        copied.stdout == bytes,
        "{} bytes came back",
        copied.stdout.len()
    );

    let mut early = early;
    let marta = env.session("marta").await;
    env.revoke(&marta, grant).await;
    let ended = early.ended().await.unwrap();
    // 255 is ssh's own, for a connection that broke.
    assert_eq!(ended.code(), Some(255), "{}", early.log());
    env.ended_because("permit").await;
}

/// Hosts at several ports, by the configuration that the command installs, beside the person's own.
#[tokio::test(flavor = "multi_thread")]
async fn ssh_finds_hosts_at_other_ports_and_by_names_of_the_persons_own() {
    const OTHER: &str = "git.corp.example";
    let server = Ssh::start().await.unwrap();
    let servers = [(HOST, server.address()), (OTHER, server.address())];
    let env = TestEnv::with(&servers).await;
    let session = &env.terminal.session;
    let hourkey = binaries::path("hourkey").unwrap();
    session.link("hourkey", &hourkey).unwrap();
    env.open("Build host").await;

    let folder = session.home().join(".ssh");
    fs::create_dir(&folder).unwrap();
    let own = folder.join("config");
    let mine = format!("Host git\n  HostName {OTHER}\nHost b\n  HostName {HOST}\n");
    fs::write(&own, &mine).unwrap();
    env.terminal
        .run(&["ssh-config", "--install"])
        .await
        .ended(0);
    env.terminal
        .run(&["ssh-config", "--install"])
        .await
        .ended(0);
    let text = fs::read_to_string(&own).unwrap();
    assert_eq!(text, format!("Include hourkey.config\n{mine}"));
    // ssh looks in the home folder of the system's own list of users, which is not this one.
    let included = folder.join("hourkey.config").display().to_string();
    fs::write(&own, text.replace("hourkey.config", &included)).unwrap();
    let configured = ["-F", own.to_str().unwrap()];
    for (host, known) in [
        (HOST, HOST),
        (OTHER, "[git.corp.example]:2222"),
        ("git", "[git.corp.example]:2222"),
        ("b", HOST),
    ] {
        let mut command = session.command("/usr/bin/ssh");
        command.args(server.options(known).unwrap());
        command.args(configured).args([host, "echo", "it", "works"]);
        let ran = output(command).await;
        assert_eq!(ran.stdout, b"it works\n", "{host}: {ran:?}");
    }
}

/// A psql(1) of Ada's at this port.
fn psql(env: &TestEnv, port: u16, statement: &str) -> Command {
    let mut command = env.terminal.session.command("/usr/bin/psql");
    command
        .args(["--no-psqlrc", "--tuples-only", "--no-align"])
        .args(["--host=127.0.0.1", &format!("--port={port}")])
        .args(["--username=hourkey", "--dbname=postgres"])
        .args(["--command", statement]);
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_is_cut_when_its_access_ends() {
    let server = Postgres::start().await.unwrap();
    let env = TestEnv::with(&[("db.corp.example", server.address())]).await;
    let grant = env.open("Database").await;
    let (forward, port) = env.forward("Database").await;
    let answer = output(psql(&env, port, "select 6 * 7")).await;
    assert_eq!(
        String::from_utf8_lossy(&answer.stdout),
        "42\n",
        "{answer:?}"
    );

    // One query that sends nothing for long, and one that sends as fast as it can.
    let session = &env.terminal.session;
    let waits = psql(&env, port, "select pg_sleep(600)");
    let waits = session.spawn("psql-waits", waits).unwrap();
    let sends = "copy (select generate_series(1, 2000000000)) to stdout";
    let mut sends = psql(&env, port, sends);
    sends.arg("--output=/dev/null");
    let sends = session.spawn("psql-sends", sends).unwrap();
    let running = async || {
        let query = "select count(*) from pg_stat_activity where state = 'active' and \
                     pid <> pg_backend_pid()";
        let direct = output(psql(&env, server.address().port(), query)).await;
        String::from_utf8_lossy(&direct.stdout).trim().to_owned()
    };
    let count = async |wanted: &str| match running().await {
        count if count == wanted => Ok(()),
        count => Err(format!("{count} queries run")),
    };
    eventually("both queries", async || count("2").await)
        .await
        .unwrap();

    let marta = env.session("marta").await;
    env.revoke(&marta, grant).await;
    for mut client in [waits, sends] {
        let ended = client.ended().await.unwrap();
        let log = client.log();
        assert_eq!(ended.code(), Some(2), "{log}");
        assert!(log.contains("server closed the connection"), "{log}");
    }
    eventually("their end at the server", async || count("0").await)
        .await
        .unwrap();
    env.ended_because("permit").await;
    let told = async || forward.log().contains("Access to Database has ended");
    forward.ready("a word about the end", told).await.unwrap();
    server.stop().await.unwrap();
}
