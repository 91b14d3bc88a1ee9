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
