//! What the person is told of whatever stands between them and the controller.

use hourkey_testkit::controller::Controller;
use hourkey_testkit::organisation::SAMPLE;
use hourkey_testkit::terminal::Terminal;
use hourkey_testkit::webdriver::free_port;

use crate::server::nginx;

/// A firewall, the sign-in page of a network, or a reverse proxy with rules of its own.
#[tokio::test]
async fn whatever_answers_in_the_controllers_place_has_a_code_of_its_own() {
    let mut controller = Controller::start(SAMPLE).await.unwrap();
    let terminal = Terminal::of("ada", &controller).await;
    controller.kill().unwrap();
    let port = controller.url().port().unwrap();
    for (server, answered) in [
        ("return 403;", "403 Forbidden"),
        ("return 401;", "401 Unauthorized"),
        ("return 429;", "429 Too Many Requests"),
        ("return 407;", "407 Proxy Authentication Required"),
        ("return 413;", "413 Payload Too Large"),
        (
            "return 302 https://login.example/start?for=ada;",
            "302 Found, to https://login.example/start",
        ),
        (
            "default_type text/html; return 200 '<html>Welcome</html>';",
            "200 OK, with another page",
        ),
    ] {
        let nginx = nginx(&terminal, port, server).await;
        let ran = terminal.run(&["list"]).await.ended(8);
        let told = format!("something before it answered in its place ({answered})");
        assert!(ran.err.contains(&told), "{ran:?}");
        assert!(ran.err.contains("in a browser"), "{ran:?}");
        nginx.kill().unwrap();
    }

    // At the first sign-in the address may be wrong.
    let _nginx = nginx(&terminal, port, "return 403;").await;
    let other = format!("http://localhost:{port}");
    let sign_in = ["sign-in", &other, "--store", "file"];
    let ran = terminal.run(&sign_in).await.ended(2);
    assert!(
        ran.err
            .contains("is not a Hourkey controller: it answered 403 Forbidden. Check the address"),
        "{ran:?}"
    );
}

#[tokio::test]
async fn the_proxy_that_the_environment_names_is_told_without_its_password() {
    let controller = Controller::start(SAMPLE).await.unwrap();
    let mut terminal = Terminal::of("ada", &controller).await;
    let nobody = "through the proxy http://127.0.0.1:1 (from http_proxy)";
    terminal
        .session
        .set("http_proxy", "http://ada:secret@127.0.0.1:1");
    let ran = terminal.run(&["status"]).await.ended(8);
    assert!(ran.err.contains(nobody), "{ran:?}");
    assert!(!ran.err.contains("secret"), "{ran:?}");

    let port = free_port().unwrap();
    let proxy = format!("http://127.0.0.1:{port}");
    terminal.session.set("http_proxy", "");
    terminal.session.set("ALL_PROXY", &proxy);
    let through = format!("through the proxy {proxy} (from ALL_PROXY)");
    for (server, status) in [
        ("return 403;", "403 Forbidden"),
        ("return 407;", "407 Proxy"),
    ] {
        let nginx = nginx(&terminal, port, server).await;
        let ran = terminal.run(&["status"]).await.ended(8);
        assert!(ran.err.contains(&through), "{ran:?}");
        assert!(ran.err.contains(status), "{ran:?}");
        nginx.kill().unwrap();
    }

    terminal.session.set("NO_PROXY", "127.0.0.1");
    terminal.run(&["status"]).await.ended(0);
}
