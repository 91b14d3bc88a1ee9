//! Mail of the real program: nothing is lost when it is killed, and nothing secret is logged.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use chrono::TimeDelta;
use hourkey_access::app::App;
use hourkey_access::clock::{Clock as _, SystemClock};
use hourkey_access::config::Config;
use hourkey_access::identity::authorities::Authorities;
use hourkey_access::identity::secret::new_secret;
use hourkey_access::identity::session;
use hourkey_access::mail::settings::{self, TypedSettings};
use hourkey_domain::ids::ResourceId;
use hourkey_protocol::account::SessionKind;
use hourkey_store::account::NewSession;
use hourkey_store::{Room, Store};
use hourkey_store_sqlite::SqliteStore;
use hourkey_testkit::clock::TestClock;
use hourkey_testkit::controller::Controller;
use hourkey_testkit::organisation::SAMPLE;
use hourkey_testkit::poll::eventually;
use hourkey_testkit::smtp::{Setup, SmtpServer};
use serde_json::json;

const LOGIN: (&str, &str) = ("hourkey", "Zq7-secret-of-the-mail-server");

/// The controller's data before it starts: mail goes to this server, Marta alone has an address, and Ada has the
/// token that is returned, with the resource that she asks for.
async fn prepared(controller: &Controller, server: &SmtpServer) -> (String, ResourceId) {
    let data = controller.data();
    let store = SqliteStore::open(&data).await.unwrap();
    let clock = Arc::new(SystemClock::new(None));
    let authorities = Authorities::open(&data, clock.now()).unwrap();
    let config = Config {
        data,
        listen: "127.0.0.1:0".parse().unwrap(),
        public_url: controller.url().clone(),
        tls: None,
        trusted_proxy: None,
        device_flow: false,
        request_lapse: TimeDelta::hours(24),
    };
    let app = App::new(store, clock, config, authorities);
    let (token, digest) = new_secret();
    let (root, resource) = app
        .transact(Room::Usual, move |tx, now| {
            Box::pin(async move {
                for mut user in tx.organisation().await?.users {
                    let address = format!("{}@corp.example", user.login);
                    user.email = Some(address).filter(|_| user.login == "marta");
                    tx.update_user(user).await?;
                }
                let kind = SessionKind::Desktop;
                let new = NewSession {
                    user: tx.user_by_login("ada").await?.unwrap().id,
                    kind,
                    label: "Hourkey".to_owned(),
                    created_at: now,
                    ends_at: session::ends_at(kind, now, now),
                    cookie: None,
                };
                let session = tx.insert_session(new).await?;
                tx.insert_access_token(digest, session, now + TimeDelta::days(1))
                    .await?;
                let resources = tx.organisation().await?.resources;
                let grafana = resources.iter().find(|it| it.name == "Grafana").unwrap();
                Ok((tx.user_by_login("root").await?.unwrap().id, grafana.id))
            })
        })
        .await
        .unwrap();
    let typed = TypedSettings {
        host: "localhost".to_owned(),
        port: server.port.to_string(),
        security: "tls".to_owned(),
        login: LOGIN.0.to_owned(),
        password: LOGIN.1.to_owned(),
        sender: "hourkey@corp.example".to_owned(),
        authorities: server.authority.clone(),
        ..TypedSettings::default()
    };
    assert_eq!(settings::save(&app, root, typed).await.unwrap(), []);
    (token, resource)
}

/// How many mails wait in the controller's database.
async fn waiting(controller: &Controller) -> u64 {
    let store = SqliteStore::open(&controller.data()).await.unwrap();
    let mut tx = store.read().await.unwrap();
    tx.mail_counts().await.unwrap().waiting
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_outlives_a_kill_while_its_server_is_away_and_comes_once() {
    let mut server = SmtpServer::start(Setup {
        security: "tls",
        login: Some(LOGIN),
        name: "localhost",
    })
    .await
    .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let clock = TestClock::new(folder.path()).unwrap();
    let mut controller = Controller::prepare(SAMPLE).await.unwrap();
    let (token, resource) = prepared(&controller, &server).await;
    server.stop().unwrap();
    controller.set(TestClock::VARIABLE, clock.path().to_str().unwrap());
    controller.set("RUST_LOG", "trace");
    controller.resume().await.unwrap();
    let asked = reqwest::Client::new()
        .post(controller.url().join("api/v1/requests").unwrap())
        .bearer_auth(&token)
        .json(&json!({ "resource": resource, "reason": "To look" }))
        .send()
        .await
        .unwrap();
    assert!(asked.status().is_success(), "{:?}", asked.text().await);
    controller.kill().unwrap();
    assert!(waiting(&controller).await >= 1);

    controller.resume().await.unwrap();
    let tried = async || controller.log().contains("mail has to wait");
    eventually("a try", tried).await.unwrap();
    server.resume().await.unwrap();
    // A start asks the server again at once.
    controller.kill().unwrap();
    controller.resume().await.unwrap();
    let mail = server.wait_for(1).await.unwrap().remove(0);
    assert_eq!(mail.to, ["marta@corp.example"]);
    assert!(mail.header("subject").ends_with("asks for Grafana"));
    let gone = async || waiting(&controller).await == 0;
    eventually("an empty queue", gone).await.unwrap();
    assert!(controller.stop().await.unwrap().success());
    controller.resume().await.unwrap();
    clock
        .advance(std::time::Duration::from_secs(3_600))
        .unwrap();
    controller.stop().await.unwrap();
    let taken = server.taken().unwrap();
    assert_eq!(taken.len(), 1, "{taken:?}");
    let log = controller.log();
    for secret in [LOGIN.1, "To look", "marta@corp.example"] {
        assert!(!log.contains(secret), "{secret}");
    }
    // As it goes over the wire.
    use base64::Engine as _;
    let plain = format!("\0{}\0{}", LOGIN.0, LOGIN.1);
    let plain = base64::engine::general_purpose::STANDARD.encode(plain);
    assert!(!log.contains(&plain));
}
