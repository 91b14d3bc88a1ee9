//! Signing in and out.

use hourkey_protocol::access::Resource;
use hourkey_protocol::account::Me;
use hourkey_testkit::browser::Browser;
use hourkey_testkit::controller::Controller;
use hourkey_testkit::keyring::Keyring;
use hourkey_testkit::organisation::SAMPLE;
use hourkey_testkit::poll::eventually;
use hourkey_testkit::terminal::Terminal;
use hourkey_testkit::test_user::TestUser;

use crate::server;

#[tokio::test]
async fn signed_in_by_file_and_out_again() {
    let controller = Controller::start(SAMPLE).await.unwrap();
    let terminal = Terminal::open().await;
    let ran = terminal.run(&["list"]).await.ended(3);
    assert!(ran.err.contains("hourkey sign-in"), "{ran:?}");

    let mut ada = TestUser::new(&controller, "ada").await.unwrap();
    let sign_in = [
        "sign-in",
        controller.url().as_str(),
        "--store",
        "file",
        "--json",
    ];
    let me: Me = terminal.sign_in(&mut ada, &sign_in).await.ended(0).json();
    assert_eq!(me.login, "ada");

    // The next commands need no browser, and neither does signing in again.
    let resources: Vec<Resource> = terminal.run(&["list", "--json"]).await.ended(0).json();
    assert!(resources.iter().any(|it| it.name == "Payroll database"));
    terminal.run(&["sign-in"]).await.ended(0);
    assert_eq!(terminal.opener.urls().unwrap().len(), 1);

    terminal.run(&["sign-out"]).await.ended(0);
    terminal.run(&["list"]).await.ended(3);
    terminal.run(&["sign-out"]).await.ended(3);
}

#[tokio::test]
async fn an_address_that_cannot_be_right_is_explained() {
    let terminal = Terminal::open().await;
    for (address, code, word) in [
        ("http://hourkey.example", 2, "unencrypted"),
        (
            "https://hourkey.example/review",
            2,
            "Use https://hourkey.example",
        ),
        ("http://127.0.0.1:1", 8, "nothing answers"),
    ] {
        let sign_in = ["sign-in", address, "--store", "file"];
        let ran = terminal.run(&sign_in).await.ended(code);
        assert!(ran.err.contains(word), "{ran:?}");
    }
    let ran = terminal.run(&["sign-in"]).await.ended(2);
    assert!(ran.err.contains("Which controller?"), "{ran:?}");
    assert_eq!(terminal.opener.urls().unwrap(), []);
}

#[tokio::test]
async fn the_sign_in_is_kept_in_the_keyring() {
    let controller = Controller::start(SAMPLE).await.unwrap();
    let terminal = Terminal::open().await;
    let sign_in = ["sign-in", controller.url().as_str()];

    // Without a keyring it is said before anybody goes to the browser.
    let ran = terminal.run(&sign_in).await.ended(1);
    assert!(ran.err.contains("--store file"), "{ran:?}");
    assert_eq!(terminal.opener.urls().unwrap(), []);

    let keyring = Keyring::start(&terminal.session).await.unwrap();
    let mut ada = TestUser::new(&controller, "ada").await.unwrap();
    terminal.sign_in(&mut ada, &sign_in).await.ended(0);
    terminal.run(&["list"]).await.ended(0);
    terminal.run(&["list"]).await.ended(0);

    keyring.lock().await.unwrap();
    let ran = terminal.run(&["list"]).await.ended(1);
    assert!(ran.err.contains("locked"), "{ran:?}");
}

/// Like items, as a restored backup or another program can leave them.
#[tokio::test]
async fn several_like_items_in_the_keyring_lock_nobody_out() {
    let controller = Controller::start(SAMPLE).await.unwrap();
    let terminal = Terminal::open().await;
    let _keyring = Keyring::start(&terminal.session).await.unwrap();
    let mut ada = TestUser::new(&controller, "ada").await.unwrap();
    let account = controller.url().origin().ascii_serialization();
    let likeness = ["service", "hourkey-cli", "username", &account];
    let count = async || {
        let search = [&["search", "--all"], &likeness[..]].concat();
        let mut command = terminal.session.command("secret-tool");
        command.args(search).env("LC_ALL", "C");
        let output = tokio::process::Command::from(command)
            .output()
            .await
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.matches("\ncreated = ").count()
    };
    // A further attribute makes it another item, which a search by the others finds as well.
    let add = async |mark: &str, secret: &str| {
        let place = likeness.join(" ");
        let store = format!("printf {secret} | secret-tool store --label=like {place} mark {mark}");
        terminal.session.run("sh", &["-c", &store]).await.unwrap();
    };

    // Before there is a sign-in: an older one of another program's making is in the way.
    add("one", "stale").await;
    add("two", "stale").await;
    assert_eq!(count().await, 2);
    let sign_in = ["sign-in", controller.url().as_str()];
    terminal.sign_in(&mut ada, &sign_in).await.ended(0);
    assert_eq!(count().await, 1);
    terminal.run(&["list"]).await.ended(0);

    // Beside a sign-in: the newest that can be read counts, here a copy of the real one.
    let real = terminal
        .session
        .run("secret-tool", &[&["lookup"], &likeness[..]].concat())
        .await;
    add("three", &real.unwrap()).await;
    add("four", "'\\377'").await;
    let ran = terminal.run(&["list"]).await.ended(0);
    assert_eq!(ran.err.matches("several sign-ins").count(), 1, "{ran:?}");
    assert_eq!(count().await, 1);
    let ran = terminal.run(&["list"]).await.ended(0);
    assert_eq!(ran.err, "");

    add("five", "stale").await;
    terminal.run(&["sign-out"]).await.ended(0);
    assert_eq!(count().await, 0);
}

#[tokio::test]
async fn many_commands_at_once_share_one_sign_in() {
    let controller = Controller::start(SAMPLE).await.unwrap();
    let terminal = Terminal::of("ada", &controller).await;
    for _ in 0..3 {
        let arguments = ["status"];
        let commands = (0..8).map(|_| terminal.run(&arguments));
        for ran in futures_util::future::join_all(commands).await {
            ran.ended(0);
        }
    }
}

#[tokio::test]
async fn a_session_ended_elsewhere_asks_for_a_new_sign_in() {
    let controller = Controller::start(SAMPLE).await.unwrap();
    let terminal = Terminal::of("ada", &controller).await;
    controller
        .set_password("ada", "another password")
        .await
        .unwrap();
    let ran = terminal.run(&["list"]).await.ended(3);
    assert!(ran.err.contains("hourkey sign-in"), "{ran:?}");
}

#[tokio::test]
async fn a_controller_that_is_away_has_a_code_of_its_own() {
    let mut controller = Controller::start(SAMPLE).await.unwrap();
    let terminal = Terminal::of("ada", &controller).await;
    controller.kill().unwrap();
    let ran = terminal.run(&["list"]).await.ended(8);
    assert!(
        ran.err
            .contains(controller.url().as_str().trim_end_matches('/'))
    );
    controller.resume().await.unwrap();
    terminal.run(&["list"]).await.ended(0);
}

/// nginx in front of a controller that is away answers every call with a page of its own.
#[tokio::test]
async fn a_reverse_proxy_without_its_controller_has_the_same_code() {
    let mut controller = Controller::start(SAMPLE).await.unwrap();
    let terminal = Terminal::of("ada", &controller).await;
    let home = terminal.session.home();
    // Cached by the proxy: discovery alone works.
    let known = ".well-known/oauth-authorization-server";
    let metadata = controller.url().join(known).unwrap();
    let metadata = terminal
        .session
        .run("curl", &["--silent", metadata.as_str()])
        .await;
    std::fs::write(home.join("metadata.json"), metadata.unwrap()).unwrap();
    controller.kill().unwrap();
    let server = format!(
        "location = /{known} {{ default_type application/json; alias {}/metadata.json; }}\n\
         location / {{ proxy_pass http://127.0.0.1:1; }}",
        home.display()
    );
    let _nginx = server::nginx(&terminal, controller.url().port().unwrap(), &server).await;
    for command in [
        &["list"][..],
        &["status"],
        &["request", "wiki"],
        &["sign-out"],
    ] {
        let ran = terminal.run(command).await.ended(8);
        assert!(
            ran.err
                .contains("cannot be reached: what stands at its address answered 502"),
            "{ran:?}"
        );
    }
}

#[tokio::test]
async fn a_host_without_a_browser_signs_in_by_code() {
    let mut controller = Controller::prepare(SAMPLE).await.unwrap();
    controller.set("HOURKEY_DEVICE_FLOW", "true");
    controller.resume().await.unwrap();
    controller
        .set_password("marta", "the password of marta")
        .await
        .unwrap();
    let host = Terminal::open().await;
    let url = controller.url().as_str();
    let mut signing_in = host.start(&["sign-in", url, "--device", "--store", "file"]);
    let code = eventually("a code", async || {
        let log = signing_in.log();
        let (_, code) = log.split_once("type the code ")?;
        Some(code.trim().to_owned()).filter(|code| !code.is_empty())
    })
    .await
    .unwrap();
    assert_eq!(host.opener.urls().unwrap(), []);

    let elsewhere = Terminal::open().await;
    let browser = Browser::start(&elsewhere.session, "phone").await.unwrap();
    let page = &browser.page;
    page.open(controller.url().join("device").unwrap().as_str())
        .await
        .unwrap();
    page.fill("Login", "marta").await.unwrap();
    page.fill("Password", "the password of marta")
        .await
        .unwrap();
    page.press("Sign in").await.unwrap();
    page.fill("Code", &code).await.unwrap();
    page.press("Continue").await.unwrap();
    page.shows("Sign in to the hourkey command as")
        .await
        .unwrap();
    page.click("button[value=allow]").await.unwrap();
    page.shows("You’re signed in").await.unwrap();
    browser.quit().await.unwrap();

    assert!(
        signing_in.ended().await.unwrap().success(),
        "{}",
        signing_in.log()
    );
    host.run(&["list"]).await.ended(0);
    // Whoever shows somebody a code could otherwise have them approve things unknowingly.
    let ran = host.run(&["review", "approve", "1"]).await.ended(9);
    assert!(ran.err.contains("device code"), "{ran:?}");
}
