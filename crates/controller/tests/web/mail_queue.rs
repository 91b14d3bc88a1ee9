//! The outbox: what waits, in which order, what is given up, and what administrators do about it.

use chrono::TimeDelta;
use hourkey_domain::review::Role;

use crate::web::mail_env::{MailEnv, PLAIN};

/// After this, whatever failed once is tried again.
const RETRY: TimeDelta = TimeDelta::seconds(30);

/// Decisions wait this long, for undo.
const UNDO: TimeDelta = TimeDelta::seconds(10);

const ANN: Option<&str> = Some("ann@corp.example");

/// A site on which requesters alone have addresses.
async fn of_requesters() -> MailEnv {
    let env = MailEnv::new().await;
    env.site
        .env
        .change(|tx| {
            Box::pin(async move {
                for mut user in tx.organisation().await?.users {
                    if user.roles != [Role::Member] || user.login == "dan" {
                        user.email = None;
                    }
                    tx.update_user(user).await?;
                }
                Ok(())
            })
        })
        .await;
    env
}

#[tokio::test(flavor = "multi_thread")]
async fn a_persons_mails_keep_their_order_and_hold_up_nobody_else() {
    let env = of_requesters().await;
    env.server
        .rule("rcpt", ANN, "451 4.2.1 later, please", 2)
        .unwrap();
    let people = env.site.env.people;
    let (of_ann, of_ben) = (env.ask("Work").await, env.ask_as(people.ben, "Work").await);
    let grant = env.approve(of_ann).await;
    env.forward(UNDO);
    env.queue(1, 0).await;
    let revoke = format!("/grants/{grant}/revoke");
    let word = serde_json::json!({ "comment": "Enough" });
    assert!(
        env.site
            .env
            .post(people.rae, &revoke, word)
            .await
            .status
            .is_success()
    );
    env.approve(of_ben).await;
    env.forward(UNDO);
    // Ben’s is sent; both of Ann’s wait, the second for the first.
    env.mail_of("ben", 1).await;
    env.queue(2, 0).await;
    env.forward(RETRY);
    // It failed again, and waits twice as long.
    env.said("451 4.2.1 later, please").await;
    env.forward(RETRY / 2);
    env.queue(2, 0).await;
    env.forward(RETRY * 2);
    let mails = env.mails_of("ann", 3).await;
    let subjects: Vec<_> = mails.iter().map(|mail| mail.header("subject")).collect();
    assert_eq!(
        subjects,
        ["Database is open", "Access to Database was revoked"]
    );
    env.queue(0, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_refuses_for_now_is_tried_again() {
    let env = of_requesters().await;
    for (at, what) in [
        ("rcpt", "450 greylisted"),
        ("data", "452 no room"),
        ("data", "close"),
        ("rcpt", "close"),
    ] {
        env.server.rule(at, ANN, what, 1).unwrap();
    }
    let request = env.ask("Work").await;
    env.approve(request).await;
    env.forward(UNDO);
    for said in [
        "The server refused the recipient: 450 greylisted.",
        "The connection broke off before the recipient was taken",
        "The server did not take the mail: 452 no room.",
        "The connection broke off before the mail was taken",
    ] {
        env.said(said).await;
        env.queue(1, 0).await;
        assert_eq!(env.server.taken().unwrap().len(), 0);
        env.forward(RETRY * 8);
    }
    let mail = env.mail_of("ann", 1).await;
    env.queue(0, 0).await;
    assert!(mail.header("message-id").starts_with('<'));
    let closed = env.server.seen().unwrap();
    assert!(
        closed.iter().any(|it| it["step"] == "closed"),
        "in the middle of the mail"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_has_the_same_id_each_time() {
    let env = of_requesters().await;
    let request = env.ask("Work").await;
    env.approve(request).await;
    env.forward(UNDO);
    let first = env.mail_of("ann", 1).await.header("message-id").to_owned();
    let request = env.ask_as(env.site.env.people.ben, "Work").await;
    env.approve(request).await;
    env.forward(UNDO);
    let other = env.mail_of("ben", 2).await.header("message-id").to_owned();
    assert_ne!(first, other);
    // The id of the row and the time of what happened, which stay.
    let id = first.trim_start_matches('<').split('@').next().unwrap();
    let at = id.split_once('.').unwrap().1;
    assert_eq!(at, "1893456000000");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_refuses_for_good_is_shown_and_sent_once_when_somebody_says_so() {
    let env = MailEnv::new().await;
    env.server
        .rule(
            "rcpt",
            Some("rae@corp.example"),
            "550 5.1.1 no such user",
            1,
        )
        .unwrap();
    env.server
        .rule(
            "data",
            Some("roy@corp.example"),
            "554 5.7.1 looks like spam",
            2,
        )
        .unwrap();
    env.ask("Work").await;
    env.queue(0, 2).await;
    env.server.wait_for(2).await.unwrap();
    let ada = env.site.signed_in("ada").await;
    let page = ada.get("/settings/mail").await;
    page.says("Rae Reviewer rae@corp.example");
    page.says("The server refused the recipient: 550 5.1.1 no such user.");
    page.says("The server did not take the mail: 554 5.7.1 looks like spam.");
    page.says("Ann Member asks for Database");
    // Never by itself.
    env.forward(TimeDelta::days(1) - TimeDelta::hours(1));
    env.queue(0, 2).await;
    let dead = async || {
        let mut tx = env.site.app.store.read().await.unwrap();
        tx.dead_mails(10).await.unwrap()
    };
    let all = dead().await;
    let rae = all
        .iter()
        .find(|mail| mail.new.user == env.site.env.people.rae)
        .unwrap();
    let id = rae.id.to_string();
    let before = env.site.seq().await;
    let ada = env.site.signed_in("ada").await;
    ada.get("/settings/mail").await;
    let again = ada
        .post("/settings/mail", &[("do", "retry"), ("mail", &id)])
        .await;
    assert_eq!(again.location(), "/settings/mail");
    env.mail_of("rae", 3).await;
    env.queue(0, 1).await;
    // All of them: Roy’s is refused once more, then taken.
    for left in [1, 0] {
        ada.post("/settings/mail", &[("do", "retry-all")]).await;
        env.queue(0, left).await;
    }
    env.mail_of("roy", 4).await;
    ada.post("/settings/mail", &[("do", "retry-all")]).await;
    let actions = env.site.env.actions(before).await;
    let mail: Vec<_> = actions
        .iter()
        .filter(|it| it.starts_with("mail."))
        .collect();
    assert_eq!(mail, ["mail.retried by Ada Admin"; 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_is_discarded_and_that_is_recorded() {
    let env = MailEnv::new().await;
    env.server
        .rule("rcpt", Some("rae@corp.example"), "550 no", 9)
        .unwrap();
    env.ask("Work").await;
    env.queue(0, 1).await;
    let ada = env.site.signed_in("ada").await;
    let page = ada.get("/settings/mail").await;
    let id = page.field("mail").unwrap();
    let before = env.site.seq().await;
    for _ in 0..2 {
        ada.post("/settings/mail", &[("do", "discard"), ("mail", &id)])
            .await;
    }
    env.queue(0, 0).await;
    let entries = env.site.env.audit(before).await;
    let entries: Vec<_> = entries
        .iter()
        .filter(|it| it.action == "mail.discarded")
        .collect();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].detail["to"], env.site.env.people.rae.0);
    ada.get("/settings/mail")
        .await
        .says("Nothing was given up.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_fails_for_three_days_is_given_up() {
    let env = of_requesters().await;
    env.server.rule("rcpt", ANN, "451 later", 100).unwrap();
    let request = env.ask("Work").await;
    env.approve(request).await;
    env.forward(UNDO);
    env.said("451 later").await;
    env.forward(TimeDelta::days(3) - TimeDelta::minutes(1));
    // Tried once more, and kept.
    let attempts = async |count| {
        let tried = async || {
            let mut tx = env.site.app.store.read().await.unwrap();
            let dead = tx.dead_mails(9).await.unwrap();
            let waiting = tx.waiting_mails(env.site.app.clock.now(), 9).await.unwrap();
            let mut all = waiting.into_iter().chain(dead);
            let ann = all
                .find(|mail| mail.new.user == env.site.env.people.ann)
                .unwrap();
            (ann.attempts == count)
                .then_some(ann.dead)
                .ok_or(format!("{ann:?}"))
        };
        hourkey_testkit::poll::eventually("the attempts", tried)
            .await
            .unwrap()
    };
    assert!(!attempts(2).await);
    env.forward(TimeDelta::minutes(1));
    assert!(attempts(3).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_loses_nothing_and_its_admin_sees_why() {
    let mut env = MailEnv::new().await;
    env.server.stop().unwrap();
    env.ask("Work").await;
    env.said("Nothing listens at localhost:").await;
    env.queue(4, 0).await;
    // However long.
    env.forward(TimeDelta::hours(1));
    env.queue(4, 0).await;
    let ada = env.site.signed_in("ada").await;
    let page = ada.get("/settings/mail").await;
    page.says("No mail goes out since 1 h ago");
    page.says("Check the port, and whether the mail server runs.");
    page.says("Ann Member asks for Database");
    env.server.resume().await.unwrap();
    // It is asked again at once when somebody says so.
    ada.post("/settings/mail", &[("do", "retry-all")]).await;
    env.server.wait_for(4).await.unwrap();
    env.queue(0, 0).await;
    let page = ada.get("/settings/mail").await;
    page.says("250 2.0.0 kept");
    assert!(!page.words().contains("No mail goes out"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_takes_nothing_from_the_sender_loses_nothing() {
    let env = of_requesters().await;
    env.server
        .rule("mail", None, "553 5.7.1 who are you", 1)
        .unwrap();
    let request = env.ask_as(env.site.env.people.ben, "Work").await;
    env.approve(request).await;
    env.forward(UNDO);
    env.said("takes no mail from this sender: 553 5.7.1 who are you")
        .await;
    env.queue(1, 0).await;
    env.forward(RETRY);
    env.mail_of("ben", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_wants_a_login_and_says_so_late_kills_no_mail() {
    let env = of_requesters().await;
    env.server
        .rule("rcpt", None, "554 5.7.1 relay access denied", 1)
        .unwrap();
    let request = env.ask_as(env.site.env.people.ben, "Work").await;
    env.approve(request).await;
    env.forward(UNDO);
    env.said("refused the recipient: 554 5.7.1 relay access denied. Check the sender")
        .await;
    env.queue(1, 0).await;
    env.forward(RETRY);
    env.mail_of("ben", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_says_nothing_holds_up_nobody_for_ever() {
    let env = of_requesters().await;
    env.server.rule("data", ANN, "slow", 1).unwrap();
    let people = env.site.env.people;
    let (of_ann, of_ben) = (env.ask("Work").await, env.ask_as(people.ben, "Work").await);
    env.approve(of_ann).await;
    env.approve(of_ben).await;
    env.forward(UNDO);
    env.mail_of("ben", 1).await;
    env.forward(RETRY);
    env.mail_of("ann", 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_sends_nothing_twice() {
    let env = of_requesters().await;
    let request = env.ask("Work").await;
    env.approve(request).await;
    env.site
        .env
        .full
        .store(true, std::sync::atomic::Ordering::SeqCst);
    env.forward(UNDO);
    env.mail_of("ann", 1).await;
    env.queue(0, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn delivery_ends_with_the_controller() {
    let env = MailEnv::new().await;
    let site = &env.site;
    let background = hourkey_access::background::start(&site.app);
    site.app.stop.send_replace(true);
    let ended = background.ended(std::time::Duration::from_secs(60));
    tokio::time::timeout(std::time::Duration::from_secs(20), ended)
        .await
        .unwrap();
    env.ask("Work").await;
    assert_eq!(env.counts().await.waiting, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_server_nothing_is_queued() {
    let env = MailEnv::with(PLAIN).await;
    let request = env.ask("Work").await;
    env.approve(request).await;
    assert_eq!(env.counts().await.waiting, 0);
}
