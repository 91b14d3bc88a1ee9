//! The pages about mail: what people choose, and what administrators set and auditors see.

use chrono::TimeDelta;
use hourkey_store::mail::MailKind;

use crate::web::mail_env::{MailEnv, PLAIN};

#[tokio::test(flavor = "multi_thread")]
async fn people_choose_which_mails_they_get() {
    let env = MailEnv::new().await;
    let people = env.site.env.people;
    let ann = env.site.signed_in("ann").await;
    let page = ann.get("/mail").await;
    page.says("Mails go to ann@corp.example");
    page.says("my request is approved");
    assert!(!page.text.contains("for my review"), "she reviews nothing");
    assert_eq!(page.text.matches(" checked").count(), 6);
    // All but approvals.
    let fields = [("denied", "on"), ("closed", "on"), ("ended", "on")];
    let saved = ann.post("/mail", &fields).await;
    assert_eq!(saved.location(), "/mail?saved");
    let page = ann.get("/mail?saved").await;
    page.says("Saved.");
    assert_eq!(page.text.matches(" checked").count(), 3);
    let request = env.ask("Work").await;
    env.server.wait_for(4).await.unwrap();
    env.approve(request).await;
    env.forward(TimeDelta::seconds(10));
    env.queue(0, 0).await;
    assert_eq!(env.server.taken().unwrap().len(), 4);
    // Only hers.
    let mut tx = env.site.app.store.read().await.unwrap();
    let unwanted = tx.unwanted_mail(people.ann).await.unwrap();
    assert_eq!(
        unwanted,
        [MailKind::Approved, MailKind::Unlocked, MailKind::Revoked]
    );
    assert_eq!(tx.unwanted_mail(people.ben).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_switches_off_what_others_wait_for() {
    let env = MailEnv::new().await;
    let rae = env.site.signed_in("rae").await;
    let page = rae.get("/mail").await;
    page.says("a request waits for my review");
    page.says("can’t be switched off");
    assert!(page.text.contains("checked disabled"), "{}", page.text);
    // A forged form names it, and leaves it out.
    for fields in [
        &[("review", "off"), ("unwanted", "review"), ("user", "1")][..],
        &[],
    ] {
        assert_eq!(rae.post("/mail", fields).await.status, 303);
    }
    env.ask("Work").await;
    env.mail_of("rae", 4).await;
    // Not even with a row that no form makes.
    let rae = env.site.env.people.rae;
    env.site
        .env
        .change(move |tx| {
            Box::pin(async move { Ok(tx.set_unwanted_mail(rae, vec![MailKind::Review]).await?) })
        })
        .await;
    env.ask_as(env.site.env.people.ben, "Work").await;
    assert_eq!(env.mails_of("rae", 8).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_address_is_told_who_can_set_it() {
    let env = MailEnv::with(PLAIN).await;
    let ann = env.site.env.people.ann;
    env.site
        .env
        .change(move |tx| {
            Box::pin(async move {
                let mut user = tx.user(ann).await?.unwrap();
                user.email = None;
                Ok(tx.update_user(user).await?)
            })
        })
        .await;
    let ann = env.site.signed_in("ann").await;
    let page = ann.get("/mail").await;
    page.says(
        "No mail address is known for you, so you get no mails. An administrator can set it.",
    );
    page.says("Mail isn’t set up in your organisation yet.");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_stands_beside_its_field_and_nothing_typed_is_lost() {
    let env = MailEnv::with(PLAIN).await;
    let ada = env.site.signed_in("ada").await;
    ada.get("/settings/mail").await.says("Not set up");
    let wrong = [
        ("host", "mail server"),
        ("port", "70000"),
        ("login", "hourkey"),
        ("sender", "nobody <x>"),
        ("sender-name", "Our <b>Hourkey</b>"),
        (
            "authorities",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
        ),
    ];
    let page = env.save(&ada, &wrong).await;
    assert_eq!(page.status, 422);
    for said in [
        "This is no name of a server",
        "A port is a number from 1 to 65535",
        "This is no mail address",
        "Everybody on the way could read",
        "One of these is no certificate.",
    ] {
        page.says(said);
    }
    for kept in [
        "value=\"mail server\"",
        "value=\"70000\"",
        "value=\"hourkey\"",
        "value=\"nobody &lt;x&gt;\"",
        "value=\"Our &lt;b&gt;Hourkey&lt;/b&gt;\"",
        "-----END CERTIFICATE-----",
        "aria-describedby=\"host-wrong host-rule\"",
        "id=\"host-wrong\"",
    ] {
        assert!(page.text.contains(kept), "{kept}\n{}", page.text);
    }
    // In the clear to another machine only when that is meant.
    let elsewhere = [("host", "mail.corp.example")];
    env.save(&ada, &elsewhere)
        .await
        .refuses(422, "tick that this is meant");
    let meant = [("host", "mail.corp.example"), ("clear", "on")];
    assert_eq!(env.save(&ada, &meant).await.status, 303);
    for (host, fits) in [
        ("::1", true),
        ("127.0.0.53", true),
        ("10.0.0.1", false),
        ("localhost.evil.example", false),
    ] {
        let status = env.save(&ada, &[("host", host)]).await.status;
        assert_eq!(status == 303, fits, "{host}");
    }
    for sender in ["a@b\r\nBcc: c@d", "a@b, c@d", "é@corp.example", "a b@c", ""] {
        assert_eq!(
            env.save(&ada, &[("sender", sender)]).await.status,
            422,
            "{sender}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_sets_what_it_shows_and_comes_from_here() {
    let env = MailEnv::new().await;
    let ada = env.site.signed_in("ada").await;
    let before = env.site.seq().await;
    let read = async || {
        let mut tx = env.site.app.store.read().await.unwrap();
        tx.mail_settings().await.unwrap().unwrap()
    };
    let settings = read().await;
    // Of another site, or without the token.
    let fields = [("do", "off"), ("token", &*ada.token())];
    let headers = [("origin", "https://evil.example")];
    let forged = ada.post_as_is("/settings/mail", &fields, &headers).await;
    assert_eq!(forged.status, 403);
    let headers = [("origin", "http://127.0.0.1:8080")];
    for path in ["/settings/mail", "/mail"] {
        let fields = [("do", "off"), ("token", "x")];
        assert_eq!(ada.post_as_is(path, &fields, &headers).await.status, 403);
        assert_eq!(
            ada.post_as_is(path, &[("do", "off")], &[]).await.status,
            403
        );
    }
    assert_eq!(read().await, settings);
    assert_eq!(env.site.seq().await, before);
    // Fields that no form has change nothing.
    ada.get("/settings/mail").await;
    let more = [
        ("sent_at", "1"),
        ("said", "x"),
        ("id", "2"),
        ("administers", "true"),
    ];
    assert_eq!(env.save(&ada, &more).await.status, 303);
    assert_eq!(read().await, settings);
}

#[tokio::test(flavor = "multi_thread")]
async fn auditors_read_and_change_nothing() {
    let env = MailEnv::new().await;
    env.server
        .rule("rcpt", Some("rae@corp.example"), "550 no", 9)
        .unwrap();
    env.ask("Work").await;
    env.queue(0, 1).await;
    let aud = env.site.signed_in("aud").await;
    let page = aud.get("/settings/mail").await;
    page.says("Server localhost :");
    page.says("550 no");
    page.says("Rae Reviewer");
    let main = page.text.split_once("<main").unwrap().1;
    let main = main.split_once("</main>").unwrap().0;
    for hidden in ["<form", "<input", "<button", "password"] {
        assert!(!main.contains(hidden), "{hidden}");
    }
    let before = env.site.seq().await;
    for act in ["save", "test", "off", "retry", "retry-all", "discard"] {
        let fields = [("do", act), ("mail", "1"), ("host", "evil.example")];
        let refused = aud.post("/settings/mail", &fields).await;
        assert_eq!(refused.status, 403, "{act}");
    }
    assert_eq!(env.site.seq().await, before);
    env.queue(0, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_is_switched_off_with_all_that_waits() {
    let env = MailEnv::new().await;
    env.server.rule("rcpt", None, "451 later", 99).unwrap();
    env.ask("Work").await;
    env.queue(4, 0).await;
    let ada = env.site.signed_in("ada").await;
    let before = env.site.seq().await;
    ada.post("/settings/mail", &[("do", "off")]).await;
    env.queue(0, 0).await;
    env.ask_as(env.site.env.people.ben, "Work").await;
    env.queue(0, 0).await;
    let entry = env.site.env.audit(before).await.remove(0);
    assert_eq!(entry.action, "mail.settings_changed");
    assert_eq!(entry.detail["discarded"], 4);
    assert_eq!(entry.detail["to"], serde_json::Value::Null);
    ada.get("/settings/mail").await.says("Not set up");
}
