//! How mail gets to its server: protected, signed in, or not at all; and where the password never is.

use chrono::TimeDelta;
use hourkey_testkit::smtp::Setup;

use crate::web::browser::{Browser, Page};
use crate::web::mail_env::{MailEnv, PLAIN};

/// A password that is found nowhere by chance.
const SECRET: &str = "Zq7-secret-of-the-mail-server";

const LOGIN: (&str, &str) = ("hourkey@corp.example", SECRET);

async fn test(by: &Browser<'_>) -> Page {
    by.post("/settings/mail", &[("do", "test")]).await
}

/// Mail over a server with this security, with its own authority and login.
async fn protected(security: &str) {
    let env = MailEnv::with(Setup {
        security,
        login: Some(LOGIN),
        name: "localhost",
    })
    .await;
    let ada = env.site.signed_in("ada").await;
    let settings = [
        ("security", security),
        ("login", LOGIN.0),
        ("password", LOGIN.1),
        ("authorities", &env.server.authority),
    ];
    assert_eq!(env.save(&ada, &settings).await.status, 303);
    test(&ada)
        .await
        .says("The server took a mail for ada@corp.example");
    let mail = env.mail_of("ada", 1).await;
    assert!(mail.tls);
    assert_eq!(mail.header("subject"), "Test mail from Hourkey");
    env.ask("Work").await;
    env.server.wait_for(5).await.unwrap();
    let seen = env.server.seen().unwrap();
    let protected = seen.iter().filter(|it| it["tls"] == true).count();
    assert!(protected >= 2, "{seen:?}");
    assert!(!seen.iter().any(|it| it["tls"] == false), "{seen:?}");
    // One sign-in for the test, and one for all of the batch.
    assert!(
        seen.iter().filter(|it| it["step"] == "auth").count() <= 4,
        "{seen:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_goes_by_starttls() {
    protected("starttls").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_goes_by_tls() {
    protected("tls").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_loses_nothing() {
    let env = MailEnv::with(Setup {
        security: "tls",
        login: Some(LOGIN),
        name: "localhost",
    })
    .await;
    let ada = env.site.signed_in("ada").await;
    let authority = env.server.authority.clone();
    let settings = |password| {
        [
            ("security", "tls"),
            ("login", LOGIN.0),
            ("password", password),
            ("authorities", &*authority),
        ]
    };
    env.save(&ada, &settings("wrong")).await;
    test(&ada)
        .await
        .says("The server refused the login hourkey@corp.example: 535");
    env.ask("Work").await;
    env.said("refused the login").await;
    env.queue(4, 0).await;
    assert_eq!(env.save(&ada, &settings(LOGIN.1)).await.status, 303);
    env.server.wait_for(4).await.unwrap();
    env.queue(0, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_must_be_trusted_and_of_this_name() {
    for (name, authorities, said) in [
        ("localhost", false, "is not trusted"),
        ("elsewhere.example", true, "is for another name"),
    ] {
        for security in ["tls", "starttls"] {
            let env = MailEnv::with(Setup {
                security,
                login: Some(LOGIN),
                name,
            })
            .await;
            let ada = env.site.signed_in("ada").await;
            let mut settings = vec![
                ("security", security),
                ("login", LOGIN.0),
                ("password", LOGIN.1),
            ];
            if authorities {
                settings.push(("authorities", &env.server.authority));
            }
            assert_eq!(env.save(&ada, &settings).await.status, 303);
            test(&ada).await.says(said);
            env.ask("Work").await;
            env.said(said).await;
            env.queue(4, 0).await;
            assert_eq!(env.server.seen().unwrap(), Vec::<serde_json::Value>::new());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_starttls_nothing_goes_in_the_clear() {
    let env = MailEnv::with(Setup {
        login: Some(LOGIN),
        ..PLAIN
    })
    .await;
    let ada = env.site.signed_in("ada").await;
    let settings = [
        ("security", "starttls"),
        ("login", LOGIN.0),
        ("password", LOGIN.1),
    ];
    assert_eq!(env.save(&ada, &settings).await.status, 303);
    test(&ada)
        .await
        .says("does not offer STARTTLS, so nothing was sent");
    env.ask("Work").await;
    env.said("does not offer STARTTLS").await;
    env.queue(4, 0).await;
    assert_eq!(env.server.seen().unwrap(), Vec::<serde_json::Value>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_wants_no_login_says_so() {
    let env = MailEnv::new().await;
    let ada = env.site.signed_in("ada").await;
    env.save(&ada, &[("login", "x"), ("password", "y")]).await;
    test(&ada).await.says("offers no way to sign in");
    env.save(&ada, &[("port", "1")]).await;
    test(&ada).await.says("Nothing listens at localhost:1.");
    env.save(&ada, &[("host", "nowhere.invalid"), ("clear", "on")])
        .await;
    test(&ada)
        .await
        .says("The name nowhere.invalid was not found.");
    // TLS where there is none.
    env.save(&ada, &[("security", "tls")]).await;
    test(&ada).await.says("does not speak TLS as expected");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_password_is_on_no_page_in_no_entry_and_in_no_file() {
    let env = MailEnv::with(Setup {
        security: "tls",
        login: Some(LOGIN),
        name: "localhost",
    })
    .await;
    let ada = env.site.signed_in("ada").await;
    let settings = [
        ("security", "tls"),
        ("login", LOGIN.0),
        ("password", LOGIN.1),
        ("authorities", &env.server.authority),
    ];
    env.save(&ada, &settings).await;
    test(&ada).await.says("The server took a mail");
    // Also not on the page that says what is wrong.
    let wrong = env
        .save(&ada, &[("port", "x"), ("login", "a"), ("password", SECRET)])
        .await;
    assert_eq!(wrong.status, 422);
    let aud = env.site.signed_in("aud").await;
    for page in [
        wrong,
        ada.get("/settings/mail").await,
        aud.get("/settings/mail").await,
    ] {
        assert!(!page.text.contains(SECRET));
    }
    for entry in env.site.env.audit(0).await {
        assert!(!entry.detail.to_string().contains(SECRET), "{entry:?}");
    }
    assert!(!format!("{:?}", env.site.app.config).contains(SECRET));
    let mut files = vec![env.site.app.config.data.clone()];
    let mut looked_into = 0;
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(
                std::fs::read_dir(path)
                    .unwrap()
                    .map(|it| it.unwrap().path()),
            );
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let found = bytes
            .windows(SECRET.len())
            .any(|part| part == SECRET.as_bytes());
        assert!(!found, "{path:?}");
        looked_into += 1;
    }
    assert!(looked_into >= 3, "the database, its log, and the key");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stored_password_goes_nowhere_that_it_was_not_typed_for() {
    let env = MailEnv::with(Setup {
        security: "tls",
        login: Some(LOGIN),
        name: "localhost",
    })
    .await;
    let ada = env.site.signed_in("ada").await;
    let authority = env.server.authority.clone();
    let mut settings = vec![
        ("security", "tls"),
        ("login", LOGIN.0),
        ("authorities", &*authority),
    ];
    let first = env.save(&ada, &settings).await;
    first.refuses(422, "Type the password of this user name.");
    let mut with = settings.clone();
    with.push(("password", SECRET));
    assert_eq!(env.save(&ada, &with).await.status, 303);
    // The same server, and another name of the sender: kept.
    settings.push(("sender-name", "Access"));
    assert_eq!(env.save(&ada, &settings).await.status, 303);
    test(&ada).await.says("The server took a mail");
    let before = env.site.seq().await;
    for other in [
        ("host", "127.0.0.1"),
        ("port", "1"),
        ("login", "root"),
        ("security", "clear"),
    ] {
        let mut settings = settings.clone();
        settings.retain(|(name, _)| *name != other.0);
        settings.push(other);
        let refused = env.save(&ada, &settings).await;
        refused.refuses(422, "Type the password again");
    }
    assert_eq!(env.site.seq().await, before);
    env.forward(TimeDelta::minutes(1));
    env.save(&ada, &settings).await;
    test(&ada).await.says("The server took a mail");
}
