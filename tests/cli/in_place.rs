//! What the person is told of whatever stands between them and the controller.

use hourkey_testkit::controller::{Controller, SAMPLE};

use crate::server::nginx;
use crate::terminal::Terminal;

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
