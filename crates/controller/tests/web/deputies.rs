//! The page Out of office: naming a deputy, what it says before, and what a deputy's queue shows.

use chrono::TimeDelta;
use serde_json::json;

use crate::web::browser::{Browser, Page, Site};
use crate::web::mail_env::MailEnv;

const UNTIL: &str = "2030-01-15T12:00";

/// Dan for Rae, in the browser.
async fn named(site: &Site) {
    let rae = site.signed_in("rae").await;
    let page = name(&rae, &[("login", "dan"), ("until", UNTIL)]).await;
    assert_eq!(page.location(), "/review/deputy");
}

/// Reads what follows, and goes on.
async fn name(browser: &Browser<'_>, typed: &[(&str, &str)]) -> Page {
    let checked = [typed, &[("do", "check")]].concat();
    let page = browser.post("/review/deputy", &checked).await;
    let shown = page.field("shown").unwrap();
    let fields = [typed, &[("shown", &shown), ("do", "name")]].concat();
    browser.post("/review/deputy", &fields).await
}

async fn asked(site: &Site) -> i64 {
    let env = &site.env;
    let body = json!({ "resource": env.resources.vault, "reason": "To mend it" });
    env.post(env.people.ann, "/requests", body).await.id()
}

#[tokio::test]
async fn what_follows_is_said_before_a_deputy_is_named() {
    let site = Site::new().await;
    let rae = site.signed_in("rae").await;
    rae.get("/review").await.says("Out of office…");
    let before = site.seq().await;
    let typed = [("login", " Dan "), ("until", UNTIL)];
    let page = rae
        .post("/review/deputy", &[&typed[..], &[("do", "check")]].concat())
        .await;
    page.says("Dan Owner decides for Rae Reviewer from 00:00 UTC until");
    page.says(
        ", and sees what waits for Rae Reviewer . What Rae Reviewer or Dan Owner asked for stays",
    );
    page.says("Name deputy");
    assert_eq!(site.seq().await, before);
    let page = name(&rae, &typed).await;
    assert_eq!(page.location(), "/review/deputy");
    let page = rae.get("/review/deputy").await;
    page.says("Dan Owner for Rae Reviewer Now until");
    rae.get("/review")
        .await
        .says("Dan Owner decides for you until");
    let of = site.env.people.rae.to_string();
    let ended = rae
        .post("/review/deputy", &[("do", "end"), ("of", &of)])
        .await;
    assert_eq!(ended.location(), "/review/deputy");
    let actions = site.env.actions(before).await;
    let expected = [
        "deputy.named by Rae Reviewer",
        "deputy.ended by Rae Reviewer",
    ];
    assert_eq!(actions, expected);
}

/// Nobody is named by what was typed after the consequence was shown: that of the new words is shown first.
#[tokio::test]
async fn what_was_changed_since_is_shown_again_before_anybody_is_named() {
    let site = Site::new().await;
    let rae = site.signed_in("rae").await;
    let typed = [("login", "dan"), ("until", UNTIL), ("do", "check")];
    let page = rae.post("/review/deputy", &typed).await;
    let shown = page.field("shown").unwrap();
    let before = site.seq().await;
    for (login, until, said) in [
        ("roy", UNTIL, "Roy Reviewer decides for Rae Reviewer"),
        ("dan", "2030-01-16T12:00", "16 Jan"),
    ] {
        let changed = [("login", login), ("until", until), ("shown", &*shown)];
        let page = rae
            .post(
                "/review/deputy",
                &[&changed[..], &[("do", "name")]].concat(),
            )
            .await;
        page.refuses(200, said);
        page.says("Name deputy");
    }
    assert_eq!(site.seq().await, before);
}

/// Two clicks name one deputy. Whoever goes back to that form once it was ended or somebody else was named is
/// not told that it was done.
#[tokio::test]
async fn one_form_names_one_deputy_and_does_not_pretend_to_name_them_again() {
    let site = Site::new().await;
    let rae = site.signed_in("rae").await;
    let key = rae.get("/review/deputy").await.field("key").unwrap();
    let before = site.seq().await;
    let typed = [("key", &*key), ("login", "dan"), ("until", UNTIL)];
    for _ in 0..2 {
        let page = name(&rae, &typed).await;
        assert_eq!(page.location(), "/review/deputy");
    }
    let named = "deputy.named by Rae Reviewer";
    assert_eq!(site.env.actions(before).await, [named]);
    let of = site.env.people.rae.to_string();
    rae.post("/review/deputy", &[("do", "end"), ("of", &of)])
        .await;
    let before = site.seq().await;
    let page = name(&rae, &typed).await;
    page.refuses(400, "This page is out of date. Reload it.");
    assert_eq!(site.seq().await, before);
    // A new form names them anew.
    let key = rae.get("/review/deputy").await.field("key").unwrap();
    let again = [("key", &*key), ("login", "dan"), ("until", UNTIL)];
    assert_eq!(name(&rae, &again).await.location(), "/review/deputy");
    let key = rae.get("/review/deputy").await.field("key").unwrap();
    let other = [("key", &*key), ("login", "roy"), ("until", UNTIL)];
    assert_eq!(name(&rae, &other).await.location(), "/review/deputy");
    assert_eq!(site.env.actions(before).await, [named, named]);
    let page = name(&rae, &again).await;
    page.refuses(400, "This page is out of date. Reload it.");
}

#[tokio::test]
async fn what_is_wrong_is_said_and_nothing_typed_is_lost() {
    let site = Site::new().await;
    let rae = site.signed_in("rae").await;
    let before = site.seq().await;
    for (login, until, status, words) in [
        ("ann", UNTIL, 404, "A deputy has to be a reviewer already"),
        ("<x>", UNTIL, 404, "A deputy has to be a reviewer already"),
        ("rae", UNTIL, 403, "Nobody is their own deputy"),
        ("dan", "2030-02-15T12:00", 422, "for 30 days at most"),
        ("dan", "2029-02-15T12:00", 422, "has to end after it begins"),
        ("dan", "soon", 422, "This is no time"),
        ("dan", "", 422, "Choose until when"),
    ] {
        for act in ["check", "name"] {
            let fields = [("login", login), ("until", until), ("do", act)];
            let page = rae.post("/review/deputy", &fields).await;
            page.refuses(status, words);
            let typed = login.replace('<', "&lt;").replace('>', "&gt;");
            let kept = format!("name=\"login\" value=\"{typed}\"");
            assert!(page.text.contains(&kept), "{}", page.text);
        }
    }
    assert_eq!(site.seq().await, before);
}

#[tokio::test]
async fn a_deputy_s_queue_says_for_whom_and_so_does_what_was_decided() {
    let site = Site::new().await;
    let request = asked(&site).await;
    let dan = site.signed_in("dan").await;
    dan.get("/review").await.says("Nothing waits for you.");
    let address = format!("/review/{request}");
    assert_eq!(dan.get(&address).await.status, 404);
    named(&site).await;
    let page = dan.get("/review").await;
    page.says("You decide for Rae Reviewer until");
    page.says("You decide for Rae Reviewer , who is away.");
    assert!(page.text.contains("1 waiting"), "{}", page.text);
    let roy = site.signed_in("roy").await;
    roy.get(&address).await.says("(away: Dan Owner decides)");
    let ada = site.signed_in("ada").await;
    let said = "Dan Owner decides for Rae Reviewer until";
    ada.get("/overview").await.says(said);
    let approve = [("do", "approve"), ("settled", "")];
    let settled = dan.post(&address, &approve).await;
    let page = dan.get(settled.location()).await;
    page.says("Approved for 1 hour, for Rae Reviewer");
    let ann = site.signed_in("ann").await;
    ann.get(&format!("/requests/{request}"))
        .await
        .says("Dan Owner for Rae Reviewer");
    let before = site.seq().await;
    // A long visit: deciding never asks who one is, naming does.
    site.env.clock.forward(TimeDelta::minutes(16));
    let rae = site.signed_in("rae").await;
    site.env.clock.forward(TimeDelta::minutes(16));
    let fields = [("login", "roy"), ("until", UNTIL), ("do", "name")];
    let page = rae.post("/review/deputy", &fields).await;
    page.says("Confirm it’s you");
    assert_eq!(
        site.env.actions(before).await,
        ["session.started by Rae Reviewer"]
    );
}

/// Rule 6: all administrators are told, and both of whom it is: also the principal, in whose name somebody
/// else may have done it.
#[tokio::test(flavor = "multi_thread")]
async fn administrators_are_told_of_a_deputy() {
    let env = MailEnv::new().await;
    named(&env.site).await;
    let mail = env.mail_of("ada", 3).await;
    assert_eq!(mail.header("subject"), "Dan Owner decides for Rae Reviewer");
    let said = "Rae Reviewer named Dan Owner as deputy of Rae Reviewer from 2030-01-01";
    assert!(mail.text.replace('\n', " ").contains(said), "{}", mail.text);
    env.mail_of("dan", 3).await;
    env.mail_of("rae", 3).await;
    // Of what waits, the deputy is asked too, and reads for whom.
    asked(&env.site).await;
    let asked = env.mails_of("dan", 3 + 4).await;
    let asked = asked.last().unwrap();
    assert_eq!(asked.header("subject"), "Ann Member asks for Vault");
    let said = "You decide for Rae Reviewer, who is away.";
    assert!(asked.text.contains(said), "{}", asked.text);
}
