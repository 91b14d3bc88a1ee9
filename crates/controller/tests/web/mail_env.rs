//! A site whose mail goes to a real SMTP server.

use std::time::Duration;

use chrono::TimeDelta;
use hourkey_access::mail::delivery::{self, Timings};
use hourkey_domain::ids::UserId;
use hourkey_store::mail::MailCounts;
use hourkey_testkit::poll::eventually;
use hourkey_testkit::smtp::{Setup, SmtpServer, TakenMail};
use serde_json::json;

use crate::web::browser::{Browser, Page, Site};

/// Without TLS and login, at this machine.
pub(crate) const PLAIN: Setup<'_> = Setup {
    security: "clear",
    login: None,
    name: "localhost",
};

/// The site, and the server.
pub(crate) struct MailEnv {
    pub(crate) site: Site,
    pub(crate) server: SmtpServer,
}

impl MailEnv {
    /// Mail is set up, and everybody has an address: `ann@corp.example`.
    pub(crate) async fn new() -> Self {
        let env = Self::with(PLAIN).await;
        let ada = env.site.signed_in("ada").await;
        let saved = env.save(&ada, &[]).await;
        assert_eq!(saved.location(), "/settings/mail?saved");
        env
    }

    /// Mail is not set up yet.
    pub(crate) async fn with(setup: Setup<'_>) -> Self {
        let site = Site::new().await;
        let server = SmtpServer::start(setup).await.unwrap();
        site.env
            .change(|tx| {
                Box::pin(async move {
                    for mut user in tx.organisation().await?.users {
                        user.email = Some(format!("{}@corp.example", user.login));
                        tx.update_user(user).await?;
                    }
                    Ok(())
                })
            })
            .await;
        let env = Self { site, server };
        env.start();
        env
    }

    /// Starts another delivery, as a start of the controller does.
    pub(crate) fn start(&self) {
        let timings = Timings {
            connect: Duration::from_secs(5),
            mail: Duration::from_secs(5),
            content: Duration::from_secs(5),
        };
        tokio::spawn(delivery::run(self.site.app.clone(), timings));
    }

    /// Sends the form of the settings; `other` replaces fields.
    pub(crate) async fn save(&self, by: &Browser<'_>, other: &[(&str, &str)]) -> Page {
        let port = self.server.port.to_string();
        let mut fields = vec![
            ("do", "save"),
            ("host", "localhost"),
            ("port", &port),
            ("security", "clear"),
            ("sender", "hourkey@corp.example"),
            ("sender-name", "Hourkey"),
        ];
        fields.retain(|(name, _)| !other.iter().any(|(other, _)| other == name));
        fields.extend(other);
        by.post("/settings/mail", &fields).await
    }

    /// Ann asks for the database.
    pub(crate) async fn ask(&self, reason: &str) -> i64 {
        self.ask_as(self.site.env.people.ann, reason).await
    }

    pub(crate) async fn ask_as(&self, user: UserId, reason: &str) -> i64 {
        let request = json!({ "resource": self.site.env.resources.database, "reason": reason });
        self.site.env.post(user, "/requests", request).await.id()
    }

    /// Rae approves, and returns the grant.
    pub(crate) async fn approve(&self, request: i64) -> i64 {
        let approve = format!("/requests/{request}/approve");
        let rae = self.site.env.people.rae;
        self.site.env.post(rae, &approve, json!({})).await.grant()
    }

    pub(crate) fn forward(&self, by: TimeDelta) {
        self.site.env.clock.forward(by);
    }

    /// How many mails wait and were given up.
    pub(crate) async fn counts(&self) -> MailCounts {
        let mut tx = self.site.app.store.read().await.unwrap();
        tx.mail_counts().await.unwrap()
    }

    /// Waits until so many wait and were given up.
    pub(crate) async fn queue(&self, waiting: u64, dead: u64) {
        let expected = MailCounts { waiting, dead };
        let seen = async || {
            let counts = self.counts().await;
            (counts == expected)
                .then_some(())
                .ok_or(format!("{counts:?}"))
        };
        eventually("the queue", seen).await.unwrap();
    }

    /// Waits until the status says this.
    pub(crate) async fn said(&self, words: &str) {
        let seen = async || {
            let mut tx = self.site.app.store.read().await.unwrap();
            let said = tx.mail_status().await.unwrap().said;
            said.contains(words).then_some(()).ok_or(said)
        };
        eventually(words, seen).await.unwrap();
    }

    /// What this person got, once the server took so many mails in all.
    pub(crate) async fn mails_of(&self, login: &str, all: usize) -> Vec<TakenMail> {
        let mut taken = self.server.wait_for(all).await.unwrap();
        taken.retain(|mail| mail.to == [format!("{login}@corp.example")]);
        taken
    }

    /// As [`Self::mails_of`], of one mail.
    pub(crate) async fn mail_of(&self, login: &str, all: usize) -> TakenMail {
        let mut mails = self.mails_of(login, all).await;
        assert_eq!(mails.len(), 1, "{mails:?}");
        mails.remove(0)
    }
}
