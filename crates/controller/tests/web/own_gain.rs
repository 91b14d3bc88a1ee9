//! What administrators give themselves does not count for them for a day (rule 6).

use chrono::TimeDelta;
use hourkey_domain::ids::{GroupId, UserId};
use hourkey_domain::organisation::Organisation;
use hourkey_domain::review::Role;
use hourkey_domain::settings::{Mode, most_permissive};

use crate::web::browser::Site;
use crate::web::edit_forms::{saved, send};
use crate::web::mail_env::MailEnv;

/// Gives somebody these roles.
async fn roles(site: &Site, user: UserId, roles: &'static [Role]) {
    site.env
        .change(move |tx| {
            Box::pin(async move {
                let mut user = tx.user(user).await?.unwrap();
                user.roles = roles.to_vec();
                Ok(tx.update_user(user).await?)
            })
        })
        .await;
}

/// How somebody is let in to the database.
async fn mode(site: &Site, user: UserId) -> Option<Mode> {
    let organisation = site.app.organisation().await.unwrap();
    mode_in(&organisation, site, user)
}

fn mode_in(organisation: &Organisation, site: &Site, user: UserId) -> Option<Mode> {
    let facts = organisation.facts(user, site.env.resources.database)?;
    let best = most_permissive(&facts.assignments, site.app.clock.now())?;
    Some(best.settings.mode)
}

async fn group(site: &Site) -> GroupId {
    let organisation = site.app.organisation().await.unwrap();
    organisation.groups_of(site.env.people.ann)[0]
}

/// Rule 6: what gives its maker more is saved, said before and mailed to the other administrators, and
/// counts for its maker a day later; for others at once.
#[tokio::test]
async fn what_somebody_gives_themselves_counts_a_day_later() {
    let mail = MailEnv::new().await;
    let site = &mail.site;
    let people = site.env.people;
    roles(site, people.roy, &[Role::Member, Role::Admin]).await;
    let ada = site.signed_in("ada").await;
    let path = format!("/groups/{}/edit", group(site).await);
    let form = ada.get(&path).await;
    let shown = send(&ada, &path, &form, &[("join", "ada, eve")]).await;
    shown.says("For you it counts 24 hours later: it gives you more of");
    shown.says("The administrators are told.");
    saved(&ada, &path, &[("join", "ada, eve")]).await;
    assert_eq!(mode(site, people.eve).await, Some(Mode::AccessRequest));
    assert_eq!(mode(site, people.ada).await, None);
    let told = mail.mail_of("roy", 1).await;
    let subject = told.header("subject");
    assert!(subject.contains("gave themselves more access"), "{subject}");
    assert!(told.text.contains("Database"), "{}", told.text);
    // The page that explains says so.
    let explained = format!("/explain?user=ada&resource={}", site.env.resources.database);
    ada.get(&explained)
        .await
        .says("that counts for everybody else now, and for them from");
    // What is changed meanwhile gives her nothing either.
    let settings = format!("/resources/{}/settings", site.env.resources.database);
    saved(&ada, &settings, &[("mode", "standing")]).await;
    assert_eq!(mode(site, people.ada).await, None);
    site.env
        .wait(TimeDelta::hours(24) - TimeDelta::seconds(1))
        .await;
    assert_eq!(mode(site, people.ada).await, None);
    let before = site.seq().await;
    site.env.wait(TimeDelta::seconds(2)).await;
    assert_eq!(mode(site, people.ada).await, Some(Mode::Standing));
    let audit = site.env.audit(before).await;
    assert!(audit.iter().any(|entry| entry.action == "own_gain.counts"));
}

/// Rule 6: whoever is the only administrator gives themselves what they like at once, and not by making
/// themselves the only one.
#[tokio::test]
async fn who_disables_the_other_administrators_is_not_free_at_once() {
    let mail = MailEnv::new().await;
    let site = &mail.site;
    let people = site.env.people;
    roles(site, people.roy, &[Role::Member, Role::Admin]).await;
    roles(site, people.rae, &[Role::Member, Role::Admin]).await;
    let ada = site.signed_in("ada").await;
    for other in [people.rae, people.roy] {
        let path = format!("/people/{other}/edit");
        saved(&ada, &path, &[("disabled", "on")]).await;
    }
    let told = mail.mail_of("roy", 1).await;
    let subject = told.header("subject");
    assert!(
        subject.contains("does not administer any more"),
        "{subject}"
    );
    let path = format!("/groups/{}/edit", group(site).await);
    saved(&ada, &path, &[("join", "ada")]).await;
    assert_eq!(mode(site, people.ada).await, None);
    // Since a day she is alone: then it is hers to decide.
    site.env.wait(TimeDelta::hours(24)).await;
    assert_eq!(mode(site, people.ada).await, Some(Mode::AccessRequest));
    let ada = site.signed_in("ada").await;
    let settings = format!("/resources/{}/settings", site.env.resources.database);
    saved(&ada, &settings, &[("mode", "standing")]).await;
    assert_eq!(mode(site, people.ada).await, Some(Mode::Standing));
}

/// The account that signs in so, added by Ada, as the organisation has it.
async fn added(site: &Site, line: &str, login: &str) -> UserId {
    let ada = site.signed_in("ada").await;
    saved(&ada, "/people/new", &[("lines", line)]).await;
    let organisation = site.app.organisation().await.unwrap();
    organisation.user_by_login(login).unwrap().id
}

/// Rule 6: what somebody gives another account with their own mail address is their own gain.
#[tokio::test]
async fn what_somebody_gives_an_account_with_their_mail_counts_a_day_later() {
    let mail = MailEnv::new().await;
    let site = &mail.site;
    let people = site.env.people;
    roles(site, people.roy, &[Role::Member, Role::Admin]).await;
    let two = added(site, "Ada Two, ADA+two@Corp.example, two", "two").await;
    let other = added(site, "Ada Else, ada.else@corp.example, else", "else").await;
    let ada = site.signed_in("ada").await;
    let path = format!("/groups/{}/edit", group(site).await);
    let form = ada.get(&path).await;
    let joins = [("join", "two, else")];
    let shown = send(&ada, &path, &form, &joins).await;
    shown.says("For Ada Two , too, it counts 24 hours later: the account has your mail address");
    assert!(!shown.words().contains("For Ada Else , too"));
    saved(&ada, &path, &joins).await;
    assert_eq!(mode(site, other).await, Some(Mode::AccessRequest));
    assert_eq!(mode(site, two).await, None);
    // Beside two invitations.
    let told = mail.mail_of("roy", 3).await;
    let subject = told.header("subject");
    assert!(subject.contains("gave Ada Two more access"), "{subject}");
    assert!(told.text.contains("mail address"), "{}", told.text);
    site.env
        .wait(TimeDelta::hours(24) - TimeDelta::seconds(1))
        .await;
    assert_eq!(mode(site, two).await, None);
    site.env.wait(TimeDelta::seconds(2)).await;
    assert_eq!(mode(site, two).await, Some(Mode::AccessRequest));
    // Her own address stays hers, however old the account is.
    let ada = site.signed_in("ada").await;
    let settings = format!("/resources/{}/settings", site.env.resources.database);
    saved(&ada, &settings, &[("mode", "standing")]).await;
    assert_eq!(mode(site, other).await, Some(Mode::Standing));
    assert_eq!(mode(site, two).await, Some(Mode::AccessRequest));
}

/// Rule 6: whoever is shown the link to an account's first password may be who uses it.
#[tokio::test]
async fn an_account_whose_first_link_was_shown_gains_a_day_later() {
    let site = Site::new().await;
    let people = site.env.people;
    roles(&site, people.roy, &[Role::Member, Role::Admin]).await;
    let ada = site.signed_in("ada").await;
    let zoe = added(&site, "Zoe,,zoe", "zoe").await;
    let group = format!("/groups/{}/edit", group(&site).await);
    saved(&ada, &group, &[("join", "zoe")]).await;
    assert_eq!(mode(&site, zoe).await, Some(Mode::AccessRequest));
    for (id, gained) in [(zoe, None), (people.ann, Some(Mode::AccessRequest))] {
        let path = format!("/people/{id}/link");
        let page = ada.get(&path).await;
        page.says("what is new to the account counts 24 hours later");
        ada.post(&path, &[]).await.says("It is shown this once.");
        // Ann has been there before.
        assert_eq!(mode(&site, id).await, gained);
    }
    let settings = format!("/resources/{}/settings", site.env.resources.database);
    let form = ada.get(&settings).await;
    let shown = send(&ada, &settings, &form, &[("mode", "standing")]).await;
    shown.says("or you were shown its link");
    saved(&ada, &settings, &[("mode", "standing")]).await;
    assert_eq!(mode(&site, people.ben).await, Some(Mode::Standing));
    assert_eq!(mode(&site, people.ann).await, Some(Mode::AccessRequest));
    assert_eq!(mode(&site, zoe).await, None);
    // An address that is chosen later changes nothing.
    let path = format!("/people/{zoe}/edit");
    saved(&ada, &path, &[("email", "zoe@corp.example")]).await;
    let payroll = format!("/resources/{}/groups", site.env.resources.payroll);
    let given = group.split('/').nth(2).unwrap();
    let form = ada.get(&payroll).await;
    let shown = send(&ada, &payroll, &form, &[("group", given)]).await;
    shown.says("For Zoe , too, it counts 24 hours later");
    site.env.wait(TimeDelta::hours(24)).await;
    assert_eq!(mode(&site, zoe).await, Some(Mode::Standing));
    assert_eq!(mode(&site, people.ann).await, Some(Mode::Standing));
}

/// Rule 6: the only administrator sets up whom they like.
#[tokio::test]
async fn the_only_administrator_hands_accounts_over_at_once() {
    let site = Site::new().await;
    let ada = site.signed_in("ada").await;
    let zoe = added(&site, "Zoe,,zoe", "zoe").await;
    let group = format!("/groups/{}/edit", group(&site).await);
    saved(&ada, &group, &[("join", "zoe")]).await;
    let path = format!("/people/{zoe}/link");
    ada.post(&path, &[]).await.says("It is shown this once.");
    assert_eq!(mode(&site, zoe).await, Some(Mode::AccessRequest));
}
