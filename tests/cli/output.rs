//! What is said where something cannot be read or written, and that it costs nothing else.

use std::fs::File;
use std::process::Stdio;

use hourkey_testkit::binaries;
use hourkey_testkit::controller::Controller;
use hourkey_testkit::organisation::SAMPLE;
use hourkey_testkit::poll::eventually;
use hourkey_testkit::terminal::{CommandOutput, Terminal};
use hourkey_testkit::test_user::TestUser;

/// Runs a command whose output goes elsewhere.
async fn run(terminal: &Terminal, arguments: &[&str], out: Stdio, err: Stdio) -> CommandOutput {
    let mut command = terminal.session.command(binaries::path("hourkey").unwrap());
    command.args(arguments).stdin(Stdio::null());
    command.stdout(out).stderr(err);
    let child = tokio::process::Command::from(command).spawn().unwrap();
    let output = child.wait_with_output().await.unwrap();
    CommandOutput {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A file to which nothing can be written.
fn full() -> Stdio {
    File::options()
        .write(true)
        .open("/dev/full")
        .unwrap()
        .into()
}

/// A pipe whose reader has gone.
fn gone() -> Stdio {
    std::io::pipe().unwrap().1.into()
}

#[tokio::test]
async fn what_cannot_be_said_changes_no_result() {
    let controller = Controller::start(SAMPLE).await.unwrap();
    let terminal = Terminal::of("ada", &controller).await;
    for err in [full, gone] {
        // Says something beside its result.
        let review = ["review", "list"];
        run(&terminal, &review, Stdio::piped(), err())
            .await
            .ended(0);
        let nothing = ["status", "nothing"];
        run(&terminal, &nothing, Stdio::piped(), err())
            .await
            .ended(4);
        let forward = ["forward", "nothing.corp:80"];
        run(&terminal, &forward, Stdio::piped(), err())
            .await
            .ended(4);
    }
    let ran = run(&terminal, &["list"], full(), Stdio::piped())
        .await
        .ended(1);
    assert!(
        ran.err
            .contains("Standard output cannot be written: No space left"),
        "{ran:?}"
    );
    run(&terminal, &["list"], gone(), Stdio::piped())
        .await
        .ended(0);
}

/// The event stream is followed by a task of its own, which says when it is lost.
#[tokio::test]
async fn an_entry_whose_words_go_nowhere_serves_on() {
    let mut controller = Controller::start(SAMPLE).await.unwrap();
    let terminal = Terminal::of("ada", &controller).await;
    let hourkey = binaries::path("hourkey").unwrap();
    let mut command = terminal.session.command("/bin/sh");
    let script = format!("exec {} proxy --json 2>/dev/full", hourkey.display());
    // Also what is logged goes nowhere.
    command.args(["-c", &script]).env("RUST_LOG", "debug");
    let proxy = terminal.session.spawn("proxy", command).unwrap();
    let pac = proxy
        .ready("where it listens", async || {
            let log = proxy.log();
            Some(
                log.split_once("\"pac\": \"")?
                    .1
                    .split_once('"')?
                    .0
                    .to_owned(),
            )
        })
        .await
        .unwrap();
    controller.kill().unwrap();
    controller.resume().await.unwrap();
    let without = SAMPLE.replace("payroll-db.corp.example", "elsewhere.corp.example");
    controller.apply(&without).await.unwrap();
    eventually("a PAC file of what is there now", async || {
        let file = terminal
            .session
            .run("curl", &["--silent", &pac])
            .await
            .unwrap();
        match file.contains("elsewhere") {
            true => Ok(()),
            false => Err(file),
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_damaged_sign_in_asks_for_a_new_one() {
    let controller = Controller::start(SAMPLE).await.unwrap();
    let terminal = Terminal::of("ada", &controller).await;
    let files = std::fs::read_dir(terminal.session.state().join("hourkey")).unwrap();
    let mut files = files.map(|file| file.unwrap().path());
    let token = files.find(|path| path.extension().is_some_and(|it| it == "token"));
    std::fs::write(token.unwrap(), b"\xff\xfe\x00").unwrap();
    let ran = terminal.run(&["list"]).await.ended(3);
    assert!(ran.err.contains("hourkey sign-in"), "{ran:?}");
}

#[tokio::test]
async fn a_sign_in_that_cannot_be_kept_opens_no_browser() {
    let controller = Controller::start(SAMPLE).await.unwrap();
    let mut terminal = Terminal::open().await;
    let sign_in = ["sign-in", controller.url().as_str(), "--store", "file"];
    for variable in ["HOURKEY_STATE_DIR", "HOURKEY_CONFIG_DIR"] {
        terminal.session.set(variable, "/proc/hourkey");
        let ran = terminal.run(&sign_in).await.ended(1);
        assert!(ran.err.contains("/proc/hourkey/"), "{ran:?}");
        assert!(ran.err.contains("cannot be"), "{ran:?}");
        let elsewhere = terminal.session.home().join(variable);
        terminal.session.set(variable, elsewhere.to_str().unwrap());
    }
    assert_eq!(terminal.opener.urls().unwrap(), []);
    let mut ada = TestUser::new(&controller, "ada").await.unwrap();
    terminal.sign_in(&mut ada, &sign_in).await.ended(0);
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let controller = Controller::start(SAMPLE).await.unwrap();
    let terminal = Terminal::of("ada", &controller).await;
    for (command, what) in [
        (&["cancel", "4711"][..], "There is no request 4711"),
        (&["review", "approve", "4711"], "There is no request 4711"),
        (
            &["review", "deny", "4711", "--comment", "no"],
            "There is no request 4711",
        ),
        (&["devices", "end", "4711"], "There is no device 4711"),
    ] {
        let ran = terminal.run(command).await.ended(4);
        assert!(ran.err.contains(what), "{ran:?}");
    }
}

#[tokio::test]
async fn the_old_name_of_the_local_proxy_still_works() {
    let terminal = Terminal::open().await;
    let now = terminal.run(&["proxy", "--help"]).await.ended(0);
    let before = terminal.run(&["entry", "--help"]).await.ended(0);
    assert_eq!(now.out, before.out);
    let all = terminal.run(&["--help"]).await.ended(0);
    assert!(!all.out.contains("entry"), "{all:?}");
}

#[tokio::test]
async fn a_wrong_port_or_controller_is_explained_in_whole_sentences() {
    let terminal = Terminal::open().await;
    for command in [&["proxy"][..], &["forward", "x"]] {
        let ran = terminal
            .run(&[command, &["--port", "70000"]].concat())
            .await
            .ended(2);
        assert!(ran.err.contains("0 for any free one"), "{ran:?}");
    }
    let folder = terminal.session.config().join("hourkey");
    std::fs::create_dir_all(&folder).unwrap();
    let settings = "controller = \"http://hourkey.example\"\n";
    std::fs::write(folder.join("config.toml"), settings).unwrap();
    let ran = terminal.run(&["list"]).await.ended(1);
    assert!(ran.err.contains("itself). Correct the line"), "{ran:?}");
}
