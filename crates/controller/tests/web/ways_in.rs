//! Whoever could sign in as somebody is taken for them, for a day: by a link, an address or a mail server (rule 6).

use chrono::TimeDelta;
use hourkey_access::identity::reset;
use hourkey_domain::ids::{GroupId, UserId};
use hourkey_domain::review::Role;
use hourkey_domain::settings::{Mode, most_permissive};
use hourkey_testkit::poll::eventually;
use serde_json::json;

use crate::web::browser::Site;
use crate::web::edit_forms::{saved, send};
use crate::web::mail_env::{MailEnv, PLAIN};

/// Roy administers as well; Ada is a member of Engineering, which can ask for the database.
async fn administrators(site: &Site) -> GroupId {
    let (people, group) = (site.env.people, site.env.assignments.engineering);
    site.env
        .change(move |tx| {
            Box::pin(async move {
                let mut roy = tx.user(people.roy).await?.unwrap();
                roy.roles = vec![Role::Member, Role::Admin];
                tx.update_user(roy).await?;
                let mut group = tx.group(group).await?.unwrap();
                group.members.push(people.ada);
                Ok(tx.update_group(group).await?)
            })
        })
        .await;
    group
}

/// What `by` is answered who approves what Ada asks for.
async fn approving(site: &Site, by: UserId) -> String {
    let (env, ada) = (&site.env, site.env.people.ada);
    let body = json!({ "resource": env.resources.database, "reason": "Work" });
    let id = env.post(ada, "/requests", body).await.id();
    let answer = env
        .post(by, &format!("/requests/{id}/approve"), json!({}))
        .await;
    let told = match answer.status.as_u16() {
        200 => "200".to_owned(),
        _ => answer.code(),
    };
    if told != "200" {
        env.act(ada, &format!("/requests/{id}/cancel")).await;
    }
    told
}

/// Ada gives the database back.
async fn give_back(site: &Site) {
    let (env, ada) = (&site.env, site.env.people.ada);
    let organisation = site.app.organisation().await.unwrap();
    let access = organisation.access(ada, env.resources.database).unwrap();
    let grant = access.grant.as_ref().unwrap().grant.id;
    env.act(ada, &format!("/grants/{grant}/release")).await;
}

async fn hand(site: &Site, by: UserId, of: UserId) {
    let handed = reset::hand(&site.app, by, of).await;
    assert!(handed.is_ok(), "{handed:?}");
}

/// Rule 6: who could sign in as an administrator could sign in as those to whom that one is shown a way, and
/// names no deputy by that account.
#[tokio::test]
async fn who_is_behind_an_administrator_is_behind_whom_that_one_lets_in() {
    let site = Site::new().await;
    let people = site.env.people;
    administrators(&site).await;
    hand(&site, people.ada, people.roy).await;
    hand(&site, people.roy, people.rae).await;
    assert_eq!(approving(&site, people.rae).await, "403 own_request");
    let until = site.app.clock.now() + TimeDelta::days(2);
    let body = json!({ "principal": "rae", "deputy": "dan", "until": until });
    let named = site.env.post(people.roy, "/deputies", body).await;
    assert_eq!(named.code(), "403 own_request");
    site.env.wait(TimeDelta::hours(25)).await;
    assert_eq!(approving(&site, people.rae).await, "200");
}

/// Rule 6: who could sign in as the administrator who makes a change gains nothing by it for a day, and the
/// page says so before.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_administrator_gives_who_is_behind_them_counts_a_day_later() {
    let site = Site::new().await;
    let people = site.env.people;
    administrators(&site).await;
    let mode = async |user| {
        let organisation = site.app.organisation().await.unwrap();
        let facts = organisation.facts(user, site.env.resources.database)?;
        let best = most_permissive(&facts.assignments, site.app.clock.now())?;
        Some(best.settings.mode)
    };
    hand(&site, people.ada, people.roy).await;
    let roy = site.signed_in("roy").await;
    let path = format!("/resources/{}/settings", site.env.resources.database);
    let form = roy.get(&path).await;
    let shown = send(&roy, &path, &form, &[("mode", "standing")]).await;
    shown.says("who could sign in as you, it counts 24 hours later");
    saved(&roy, &path, &[("mode", "standing")]).await;
    assert_eq!(mode(people.ann).await, Some(Mode::Standing));
    assert_eq!(mode(people.ada).await, Some(Mode::AccessRequest));
    site.env.wait(TimeDelta::hours(25)).await;
    assert_eq!(mode(people.ada).await, Some(Mode::Standing));
}

/// Rule 6: a link that is mailed may be read by who chose the mail server less than a day before.
#[tokio::test(flavor = "multi_thread")]
async fn who_chose_the_mail_server_may_read_the_links() {
    let mail = MailEnv::with(PLAIN).await;
    let (site, people) = (&mail.site, mail.site.env.people);
    administrators(site).await;
    let ada = site.signed_in("ada").await;
    let set = mail.save(&ada, &[]).await;
    assert_eq!(set.location(), "/settings/mail?saved");
    // Another administrator's word about the server takes nothing from that.
    let roy = site.signed_in("roy").await;
    let moved = mail.save(&roy, &[("host", "127.0.0.1")]).await;
    assert_eq!(moved.location(), "/settings/mail?saved");
    hand(site, people.roy, people.rae).await;
    mail.mail_of("rae", 1).await;
    assert_eq!(approving(site, people.rae).await, "403 own_request");
    let actions = site.env.actions(0).await;
    assert!(actions.iter().any(|it| it.starts_with("account.barred")));
    // What else is set leaves the day as it is, and after it the server is everybody's.
    mail.forward(TimeDelta::hours(20));
    let ada = site.signed_in("ada").await;
    let renamed = [("host", "127.0.0.1"), ("sender-name", "Hourkey at Corp")];
    mail.save(&ada, &renamed).await;
    site.env.wait(TimeDelta::hours(5)).await;
    hand(site, people.roy, people.rae).await;
    mail.mails_of("rae", 3).await;
    assert_eq!(approving(site, people.rae).await, "200");
}

/// Rule 6: whoever chose an address may read the links that go there, however long ago; who had the address
/// before and the other administrators are told.
#[tokio::test(flavor = "multi_thread")]
async fn who_chose_the_address_may_read_the_links() {
    let mail = MailEnv::with(PLAIN).await;
    let (site, people) = (&mail.site, mail.site.env.people);
    administrators(site).await;
    let roy = site.signed_in("roy").await;
    assert_eq!(
        mail.save(&roy, &[]).await.location(),
        "/settings/mail?saved"
    );
    let ada = site.signed_in("ada").await;
    let path = format!("/people/{}/edit", people.rae);
    saved(&ada, &path, &[("email", "ada-too@corp.example")]).await;
    for login in ["rae", "roy"] {
        let told = mail.mail_of(login, 2).await;
        let subject = told.header("subject");
        assert_eq!(
            subject, "The mail address of Rae Reviewer was changed",
            "{login}"
        );
        assert!(told.text.contains("Ada Admin did it."), "{}", told.text);
        assert!(!told.text.contains("ada-too"), "{}", told.text);
    }
    site.env.wait(TimeDelta::hours(25)).await;
    assert_eq!(approving(site, people.rae).await, "200");
    give_back(site).await;
    hand(site, people.roy, people.rae).await;
    mail.mails_of("ada-too", 4).await;
    assert_eq!(approving(site, people.rae).await, "403 own_request");
}

/// Rule 6: who was behind an administrator when that one chose an address reads what goes there, also once
/// they are behind nobody; and so do those behind an account that changes its own.
#[tokio::test(flavor = "multi_thread")]
async fn who_was_behind_the_chooser_of_an_address_may_read_the_links() {
    let mail = MailEnv::with(PLAIN).await;
    let (site, people) = (&mail.site, mail.site.env.people);
    administrators(site).await;
    hand(site, people.ada, people.roy).await;
    let roy = site.signed_in("roy").await;
    let path = |user| format!("/people/{user}/edit");
    saved(&roy, &path(people.rae), &[("email", "ada+1@corp.example")]).await;
    saved(&roy, &path(people.roy), &[("email", "ada+2@corp.example")]).await;
    site.env.wait(TimeDelta::hours(25)).await;
    assert_eq!(approving(site, people.rae).await, "200");
    give_back(site).await;
    let ben = people.ben;
    site.env
        .change(move |tx| {
            Box::pin(async move {
                let mut ben = tx.user(ben).await?.unwrap();
                ben.roles = vec![Role::Member, Role::Admin];
                Ok(tx.update_user(ben).await?)
            })
        })
        .await;
    let ben = site.signed_in("ben").await;
    assert_eq!(
        mail.save(&ben, &[]).await.location(),
        "/settings/mail?saved"
    );
    for (user, login) in [(people.rae, "ada+1"), (people.roy, "ada+2")] {
        hand(site, people.ben, user).await;
        let address = format!("{login}@corp.example");
        let seen = async || {
            let mails = mail.server.taken().unwrap();
            let mut all = mails.iter().map(|mail| &mail.to);
            let is_there = all.any(|to| *to == [address.clone()]);
            is_there.then_some(()).ok_or(mails.len())
        };
        eventually(login, seen).await.unwrap();
        assert_eq!(approving(site, user).await, "403 own_request", "{login}");
    }
}

/// Who had an address is told there, also when the account is disabled with it; a mailbox that is no more
/// holds up nothing.
#[tokio::test(flavor = "multi_thread")]
async fn an_old_address_that_refuses_holds_up_nothing() {
    let mail = MailEnv::new().await;
    let (site, people) = (&mail.site, mail.site.env.people);
    mail.server
        .rule("rcpt", Some("rae@corp.example"), "451 4.3.0 not now", 100)
        .unwrap();
    let ada = site.signed_in("ada").await;
    let path = format!("/people/{}/edit", people.rae);
    let change = [("email", "rae.new@corp.example"), ("disabled", "on")];
    saved(&ada, &path, &change).await;
    mail.queue(0, 1).await;
}
