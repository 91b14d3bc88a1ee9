//! People by hand: added, changed, disabled, removed, and given a link to set a password.

use chrono::TimeDelta;
use hourkey_domain::review::Role;
use serde_json::json;

use crate::web::browser::{PASSWORD, Site};
use crate::web::edit_forms::{removed, saved, send};
use crate::web::mail_env::MailEnv;

#[tokio::test]
async fn people_are_added_a_line_each() {
    let site = Site::new().await;
    let ada = site.signed_in("ada").await;
    let lines = "Zoe Ünal <zoe@corp.example>\n\nYan Li, yan.li@corp.example, Yan";
    let fields = [("lines", lines), ("role", "auditor")];
    let done = saved(&ada, "/people/new", &fields).await;
    assert_eq!(done.header("location"), "/people");
    let organisation = site.app.organisation().await.unwrap();
    let zoe = organisation.user_by_login("zoe").unwrap();
    assert_eq!(zoe.name, "Zoe Ünal");
    assert_eq!(zoe.roles, [Role::Member, Role::Auditor]);
    let yan = organisation.user_by_login("yan").unwrap();
    assert_eq!(yan.email.as_deref(), Some("yan.li@corp.example"));
    // One leads to their page.
    let done = saved(&ada, "/people/new", &[("lines", "Xi,,xi")]).await;
    ada.get(done.header("location")).await.says("xi");
}

#[tokio::test]
async fn lines_that_cannot_be_saved_are_kept_and_explained() {
    let site = Site::new().await;
    let ada = site.signed_in("ada").await;
    let form = ada.get("/people/new").await;
    let before = site.seq().await;
    for (lines, words) in [
        ("", "Name somebody to add"),
        ("Zoe", "Line 1, “Zoe”, can’t be read."),
        ("Zoe,,zoe\nAnn,,ann", "Somebody signs in as “ann” already."),
        ("Zoe,,zoe\nZoe,,ZOE", "Somebody signs in as “zoe” already."),
        ("Zoe, zoe@corp@example", "is no mail address"),
        ("Zoe\u{202e},,zoe", "without characters that cannot be seen"),
        ("Zoe,,z oe", "needs a login"),
        ("Zoe, z\u{a0}oe@corp.example, zoe", "is no mail address"),
    ] {
        let answer = send(&ada, "/people/new", &form, &[("lines", lines)]).await;
        answer.refuses(answer.status.as_u16(), words);
        assert!((400..500).contains(&answer.status.as_u16()), "{lines}");
        let first = lines.lines().next().unwrap_or_default();
        // Spaces are shown as one.
        answer.says(first.split('\u{a0}').next().unwrap());
    }
    let many = "Zoe Long Name, zoe@corp.example\n".repeat(100_000);
    let answer = send(&ada, "/people/new", &form, &[("lines", &many)]).await;
    answer.refuses(413, "The form is too large. Shorten what you typed.");
    assert_eq!(site.seq().await, before);
}

#[tokio::test]
async fn a_person_is_changed_disabled_and_removed() {
    let site = Site::new().await;
    let people = site.env.people;
    let ada = site.signed_in("ada").await;
    let ann = site.signed_in("ann").await;
    let path = format!("/people/{}/edit", people.ann);
    let change = [
        ("name", "Ann Changed"),
        ("email", "ann@corp.example"),
        ("role", "reviewer"),
    ];
    saved(&ada, &path, &change).await;
    let organisation = site.app.organisation().await.unwrap();
    let now = organisation.user(people.ann).unwrap();
    assert_eq!(now.name, "Ann Changed");
    assert_eq!(now.roles, [Role::Member, Role::AccessReviewer]);
    assert_eq!(ann.get("/access").await.status, 200);
    // What she holds ends with her account, and that is said before.
    let request = json!({ "resource": site.env.resources.database, "reason": "Work" });
    let id = site.env.post(people.ann, "/requests", request).await.id();
    let approve = format!("/requests/{id}/approve");
    site.env.post(people.roy, &approve, json!({})).await.grant();
    let form = ada.get(&path).await;
    let shown = send(&ada, &path, &form, &[("disabled", "on")]).await;
    shown.says("1 grant is revoked");
    let done = send(&ada, &path, &shown, &[("do", "save")]).await;
    assert_eq!(done.status, 303, "{}", done.words());
    assert_eq!(
        ann.get("/access").await.location(),
        "/sign-in?next=%2Faccess"
    );
    let actions = actions(&site).await;
    for action in [
        "user.changed",
        "user.disabled",
        "session.ended",
        "grant.revoked",
    ] {
        assert!(
            actions.iter().any(|it| it == action),
            "{action}: {actions:?}"
        );
    }
    let name = { site.app.organisation().await.unwrap() }
        .user_name(people.ann)
        .unwrap()
        .to_owned();
    assert_eq!(removed(&ada, &path, &name).await.location(), "/people");
    assert_eq!(ada.get(&path).await.status, 404);
    let organisation = site.app.organisation().await.unwrap();
    assert!(
        organisation
            .groups()
            .all(|it| !it.members.contains(&people.ann))
    );
}

async fn actions(site: &Site) -> Vec<String> {
    let mut tx = site.app.store.read().await.unwrap();
    let entries = tx.audit(0, 1_000).await.unwrap();
    entries.into_iter().map(|entry| entry.action).collect()
}

#[tokio::test]
async fn the_last_administrator_stays_one() {
    let site = Site::new().await;
    let ada = site.signed_in("ada").await;
    let path = format!("/people/{}/edit", site.env.people.ada);
    let form = ada.get(&path).await;
    for change in [("role", "auditor"), ("disabled", "on"), ("do", "remove")] {
        let answer = send(&ada, &path, &form, &[change]).await;
        answer.refuses(400, "Nobody could administer the organisation afterwards.");
    }
}

#[tokio::test]
async fn a_link_that_cannot_be_mailed_is_shown_once_and_bars_decisions_for_a_day() {
    let site = Site::new().await;
    let (env, people) = (&site.env, site.env.people);
    let ada = site.signed_in("ada").await;
    let path = format!("/people/{}/link", people.rae);
    ada.get(&path)
        .await
        .says("they can’t decide what you ask for");
    let page = ada.post(&path, &[]).await;
    page.says("It is shown this once.");
    assert_eq!(page.header("cache-control"), "no-store");
    let (_, rest) = page.text.split_once("/reset#").unwrap();
    let code = rest.split(['<', '"']).next().unwrap().to_owned();
    let actions = actions(&site).await;
    assert!(
        actions.iter().any(|it| it == "password.link_shown"),
        "{actions:?}"
    );
    // Whoever has it signs in as her, and decides nothing of who was shown it.
    let rae = site.browser();
    rae.get("/reset").await;
    let fields = [
        ("code", &*code),
        ("password", PASSWORD),
        ("again", PASSWORD),
    ];
    assert_eq!(rae.post("/reset", &fields).await.location(), "/access");
    env.change({
        let ada = people.ada;
        let database = env.resources.database;
        move |tx| {
            Box::pin(async move {
                let organisation = tx.organisation().await?;
                let own = organisation.assignments.iter();
                let own = own
                    .filter(|own| own.resource == database)
                    .map(|own| own.group);
                let groups: Vec<_> = own.collect();
                let group = organisation
                    .groups
                    .into_iter()
                    .find(|it| groups.contains(&it.id));
                let mut group = group.unwrap();
                group.members.push(ada);
                Ok(tx.update_group(group).await?)
            })
        }
    })
    .await;
    let ask = json!({ "resource": env.resources.database, "reason": "Work" });
    let request = env.post(people.ada, "/requests", ask).await.id();
    let review = format!("/review/{request}");
    rae.get(&review).await;
    let refused = rae.post(&review, &[("do", "approve")]).await;
    refused.refuses(403, "this requester was shown a link to your password");
    // Others decide it, and she does so again after a day.
    let deny = format!("/requests/{request}/deny");
    let denied = env
        .post(people.roy, &deny, json!({ "comment": "No" }))
        .await;
    assert_eq!(denied.status, 200, "{}", denied.json());
    env.wait(TimeDelta::hours(24) - TimeDelta::minutes(1)).await;
    let ask = json!({ "resource": env.resources.database, "reason": "Work" });
    let request = env.post(people.ada, "/requests", ask).await.id();
    let approve = format!("/requests/{request}/approve");
    let answer = env.post(people.rae, &approve, json!({})).await;
    assert_eq!(answer.status, 403, "{}", answer.json());
    env.wait(TimeDelta::minutes(1)).await;
    let answer = env.post(people.rae, &approve, json!({})).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
}

#[tokio::test]
async fn nobody_has_a_link_made_for_themselves_or_without_being_an_administrator() {
    let site = Site::new().await;
    let people = site.env.people;
    let ada = site.signed_in("ada").await;
    let own = format!("/people/{}/link", people.ada);
    assert_eq!(ada.get(&own).await.status, 404);
    ada.post(&own, &[])
        .await
        .refuses(403, "This is your own account");
    site.disable(people.eve).await;
    let other = format!("/people/{}/link", people.eve);
    ada.post(&other, &[])
        .await
        .refuses(409, "This account is disabled");
    let aud = site.signed_in("aud").await;
    let roy = format!("/people/{}/link", people.roy);
    assert_eq!(aud.get(&roy).await.status, 404);
    aud.post(&roy, &[])
        .await
        .refuses(403, "Only administrators");
}

#[tokio::test(flavor = "multi_thread")]
async fn links_go_to_the_accounts_own_mail_and_nobody_else_sees_them() {
    let env = MailEnv::new().await;
    let ada = env.site.signed_in("ada").await;
    let lines = "Zoe New, zoe@corp.example";
    let form = ada.get("/people/new").await;
    form.says("Mail each of them a link to choose a password");
    saved(&ada, "/people/new", &[("lines", lines), ("invite", "on")]).await;
    let mail = env.mail_of("zoe", 1).await;
    assert_eq!(mail.header("Subject"), "Ada Admin added you to Hourkey");
    assert!(mail.text.contains("You sign in as zoe."), "{}", mail.text);
    let (_, rest) = mail.text.split_once("/reset#").unwrap();
    let code = rest.split_whitespace().next().unwrap().to_owned();
    let zoe = env.site.browser();
    zoe.get("/reset").await;
    let fields = [
        ("code", &*code),
        ("password", PASSWORD),
        ("again", PASSWORD),
    ];
    assert_eq!(zoe.post("/reset", &fields).await.location(), "/access");
    // Another one, wanted by her administrator.
    let organisation = env.site.app.organisation().await.unwrap();
    let id = organisation.user_by_login("zoe").unwrap().id;
    let page = ada.post(&format!("/people/{id}/link"), &[]).await;
    page.says("It is on its way to zoe@corp.example");
    assert!(!page.text.contains("/reset#"), "the administrator sees it");
    assert_eq!(env.mails_of("zoe", 2).await.len(), 2);
    // Nothing in the database has a code.
    let mut tx = env.site.app.store.read().await.unwrap();
    let entries = tx.audit(0, 1_000).await.unwrap();
    assert!(
        entries
            .iter()
            .all(|entry| !entry.detail.to_string().contains(&code))
    );
}

#[tokio::test]
async fn people_added_later_leave_no_way_in_out_of_the_overview() {
    let site = Site::new().await;
    let ada = site.signed_in("ada").await;
    let add = async |lines: String| {
        saved(&ada, "/people/new", &[("lines", lines.as_str())]).await;
        site.env.clock.forward(TimeDelta::minutes(1));
    };
    add("Zoe First, zoe@corp.example, zoe".to_owned()).await;
    let many = (0..25).map(|it| format!("Many {it}, m{it}@corp.example, m{it}\n"));
    add(many.collect()).await;
    let page = ada.get("/overview").await;
    page.says("Ways in, in the last day 26");
    page.says("6 more");
    page.says("could sign in as Zoe First");
}
