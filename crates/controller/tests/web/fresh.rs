//! Dangerous acts want a fresh sign-in; what was typed is kept until its person has confirmed who they are.

use chrono::TimeDelta;
use hourkey_domain::ids::{GroupId, ResourceId};
use hourkey_domain::settings::Mode;
use serde_json::json;

use crate::web::browser::{Browser, PASSWORD, Page, Site};
use crate::web::edit_forms::{LEFT_OUT, send};
use crate::web::editing::settings;
use crate::web::two_step::Phone;

const CONFIRM: &str = "Confirm it’s you";

fn wait(site: &Site, minutes: i64) {
    site.env.clock.forward(TimeDelta::minutes(minutes));
}

/// What the page that asks for it carries.
fn carried(page: &Page) -> [(&'static str, String); 2] {
    page.says(CONFIRM);
    let unsent = page.field("unsent").unwrap().replace("&amp;", "&");
    [
        ("unsent", unsent),
        ("confirm", page.field("confirm").unwrap()),
    ]
}

async fn confirm(browser: &Browser<'_>, path: &str, page: &Page, proof: &[(&str, &str)]) -> Page {
    let carried = carried(page);
    let carried = carried.iter().map(|(name, value)| (*name, &**value));
    let fields: Vec<_> = carried.chain(proof.iter().copied()).collect();
    browser.post(path, &fields).await
}

#[tokio::test]
async fn a_save_goes_through_with_what_was_typed_once_it_is_confirmed() {
    let site = Site::new().await;
    let database = site.env.resources.database;
    let ada = site.signed_in("ada").await;
    let path = format!("/resources/{database}/settings");
    let form = ada.get(&path).await;
    wait(&site, 15);
    let shown = send(&ada, &path, &form, &[("mode", "standing"), ("do", "show")]).await;
    shown.says("What this does now");
    let before = site.seq().await;
    let asked = send(&ada, &path, &shown, &[("do", "save")]).await;
    assert_eq!(asked.status, 200);
    assert!(
        !asked.text.contains("Code</label>"),
        "she has no second factor"
    );
    assert_eq!(site.seq().await, before);
    // Neither without, nor by a wrong password.
    for wrong in ["", "wrong horse battery"] {
        let page = confirm(&ada, &path, &asked, &[("password", wrong)]).await;
        page.refuses(401, "do not fit together");
        page.says(CONFIRM);
    }
    assert_eq!(site.seq().await, before);
    let done = confirm(&ada, &path, &asked, &[("password", PASSWORD)]).await;
    assert_eq!(done.location(), format!("/resources/{database}"));
    assert_eq!(settings(&site, database).await.mode, Mode::Standing);
    let actions = site.env.actions(before).await;
    assert_eq!(actions[0], "session.confirmed by Ada Admin");
    // From then on it is fresh, for fifteen minutes.
    wait(&site, 14);
    let page = ada.post("/settings/mail", &[("do", "off")]).await;
    assert_eq!(page.location(), "/settings/mail");
    wait(&site, 1);
    let page = ada.post("/settings/mail", &[("do", "off")]).await;
    page.says(CONFIRM);
}

#[tokio::test]
async fn every_dangerous_act_asks_for_it() {
    let site = Site::new().await;
    let ann = site.env.people.ann;
    let her = site.signed_in("ann").await;
    Phone::of(&her).await;
    let ada = site.signed_in("ada").await;
    wait(&site, 16);
    let before = site.seq().await;
    let reset = format!("/people/{ann}/two-step");
    let organisation = site.app.organisation().await.unwrap();
    let group = organisation.group(GroupId(1)).unwrap();
    let resource = organisation.resource(ResourceId(1)).unwrap();
    let removal = |name| [("do", "save"), ("what", "remove"), ("typed_name", name)];
    for (path, fields) in [
        ("/settings/mail", &[("do", "save"), ("host", "x")][..]),
        ("/settings/mail", &[("do", "off")]),
        (
            "/settings/sign-in",
            &[("seen", "none"), ("two-step", "roles")],
        ),
        (&reset, &[]),
        ("/account", &[("do", "set-up")]),
        ("/groups/new", &[("do", "save"), ("name", "New")]),
        ("/networks/new", &[("do", "save"), ("name", "New")]),
        ("/groups/1/edit", &removal(&group.name)),
        ("/resources/1/edit", &removal(&resource.name)),
        ("/assignments/1", &[("do", "save"), ("what", "remove")]),
    ] {
        ada.post(path, fields).await.says(CONFIRM);
    }
    for form in ["set-up", "turn-on", "renew", "turn-off"] {
        let page = her.post("/account", &[("do", form), ("code", "1")]).await;
        page.says(CONFIRM);
    }
    assert_eq!(site.seq().await, before);
}

#[tokio::test]
async fn a_removal_goes_through_with_the_name_that_was_typed_once_it_is_confirmed() {
    let site = Site::new().await;
    let ada = site.signed_in("ada").await;
    let path = format!("/resources/{}/edit", site.env.resources.wiki);
    let form = ada.get(&path).await;
    let shown = send(&ada, &path, &form, &[("do", "remove")]).await;
    wait(&site, 16);
    let before = site.seq().await;
    let save = |name| [("do", "save"), ("typed_name", name)];
    // What is not done anyway asks for no password.
    let answer = send(&ada, &path, &shown, &save("Wik")).await;
    answer.refuses(422, "Type “Wiki” into the field");
    let asked = send(&ada, &path, &shown, &save("Wiki")).await;
    let done = confirm(&ada, &path, &asked, &[("password", PASSWORD)]).await;
    assert_eq!(done.location(), "/resources");
    assert!(before < site.seq().await);
    assert_eq!(ada.get(&path).await.status, 404);
}

/// As many people as the page says that it takes, pasted a while after the sign-in.
#[tokio::test]
async fn five_hundred_people_go_through_once_it_is_confirmed() {
    let site = Site::new().await;
    let ada = site.signed_in("ada").await;
    let lines = (0..500).map(|nth| {
        format!("Zoë Müller-Lüdenscheidt {nth}, zoe.mueller.luedenscheidt.{nth}@corp.example\r\n")
    });
    let lines: String = lines.collect();
    let path = "/people/new";
    let form = ada.get(path).await;
    wait(&site, 16);
    let shown = send(&ada, path, &form, &[("lines", &lines), ("do", "show")]).await;
    shown.says("500 people are added");
    let asked = send(&ada, path, &shown, &[("do", "save")]).await;
    let [unsent, _] = carried(&asked);
    assert!(unsent.1.len() > 45_000, "{}", unsent.1.len());
    let wrong = confirm(&ada, path, &asked, &[("password", "wrong horse")]).await;
    let done = confirm(&ada, path, &wrong, &[("password", PASSWORD)]).await;
    assert_eq!(done.location(), "/people");
    let organisation = site.app.organisation().await.unwrap();
    let last = "zoe.mueller.luedenscheidt.499";
    assert!(organisation.user_by_login(last).is_some());
}

#[tokio::test]
async fn what_ends_access_and_what_decides_never_asks_for_it() {
    let site = Site::new().await;
    let (env, database) = (&site.env, site.env.resources.database);
    let body = json!({ "resource": database, "reason": "Reports" });
    let id = env.post(env.people.ben, "/requests", body).await.id();
    let ada = site.signed_in("ada").await;
    let rae = site.signed_in("rae").await;
    let ann = site.signed_in("ann").await;
    wait(&site, 60);
    let path = format!("/review/{id}");
    let page = rae.post(&path, &[("do", "approve")]).await;
    assert_eq!(page.status, 303, "{}", page.words());
    let grant = page_grant(&site).await;
    let revoke = [("do", "revoke"), ("grant", &*grant), ("comment", "No")];
    let page = ada.post(&path, &revoke).await;
    assert_eq!(page.status, 303, "{}", page.words());
    let page = ada.post("/sessions", &[("do", "end-others")]).await;
    assert_eq!(page.location(), "/sessions");
    let ask = format!("/resources/{database}/request");
    let page = ann.post(&ask, &[("reason", "Work")]).await;
    assert_eq!(page.status, 303, "{}", page.words());
}

/// The grant that runs.
async fn page_grant(site: &Site) -> String {
    let mut tx = site.app.store.read().await.unwrap();
    let open = tx.open(hourkey_store::access::OpenFilter::default()).await;
    open.unwrap().grants[0].id.to_string()
}

#[tokio::test]
async fn what_is_secret_is_typed_again() {
    let site = Site::new().await;
    let ada = site.signed_in("ada").await;
    wait(&site, 16);
    let fields = [
        ("do", "save"),
        ("host", "mail.corp.example"),
        ("port", "587"),
        ("security", "starttls"),
        ("login", "hourkey"),
        ("password", "a secret of the server"),
        ("sender", "hourkey@corp.example"),
    ];
    let path = "/settings/mail";
    let asked = ada.post(path, &fields).await;
    assert!(!asked.text.contains("a+secret"), "{}", asked.text);
    assert!(!asked.text.contains("a secret"), "{}", asked.text);
    let page = confirm(&ada, path, &asked, &[("password", PASSWORD)]).await;
    assert_eq!(page.status, 200);
    page.says("Nothing was sent yet");
    assert!(page.text.contains("value=\"mail.corp.example\""));
    let kept = site.app.store.read().await.unwrap().mail_settings().await;
    assert_eq!(kept.unwrap(), None);
    let page = ada.post(path, &fields).await;
    assert_eq!(page.location(), "/settings/mail?saved");
}

#[tokio::test]
async fn a_clock_that_goes_back_keeps_no_sign_in_fresh() {
    let site = Site::new().await;
    let ada = site.signed_in("ada").await;
    let (path, set_up) = ("/account", [("do", "set-up")]);
    wait(&site, -60);
    let asked = ada.post(path, &set_up).await;
    let page = confirm(&ada, path, &asked, &[("password", PASSWORD)]).await;
    page.says("Scan this");
    wait(&site, 14);
    let page = ada.post(path, &set_up).await;
    page.says("Scan this");
    wait(&site, 1);
    ada.post(path, &set_up).await.says(CONFIRM);
}

#[tokio::test]
async fn with_a_second_factor_it_is_asked_for_too() {
    let site = Site::new().await;
    let ada = site.signed_in("ada").await;
    let phone = Phone::of(&ada).await;
    let used = phone.code(&site, 0);
    wait(&site, 16);
    let (path, off) = ("/settings/mail", [("do", "off")]);
    let asked = ada.post(path, &off).await;
    assert!(asked.text.contains("Code</label>"));
    let before = site.seq().await;
    for code in ["", "000000", &used] {
        let proof = [("password", PASSWORD), ("code", code)];
        let page = confirm(&ada, path, &asked, &proof).await;
        page.refuses(401, "This code isn’t right");
    }
    assert_eq!(site.seq().await, before);
    let code = phone.code(&site, 0);
    let proof = [("password", PASSWORD), ("code", &*code)];
    let page = confirm(&ada, path, &asked, &proof).await;
    assert_eq!(page.location(), path);
    wait(&site, 15);
    let asked = ada.post(path, &off).await;
    let page = confirm(&ada, path, &asked, &proof).await;
    page.refuses(401, "This code isn’t right");
    let again = phone.code(&site, 0);
    let proof = [("password", PASSWORD), ("code", &*again)];
    assert_eq!(confirm(&ada, path, &asked, &proof).await.status, 303);
    // The same code for a second act.
    wait(&site, -16);
    let asked = ada.post(path, &off).await;
    wait(&site, 16);
    let page = confirm(&ada, path, &asked, &proof).await;
    page.refuses(401, "was used already");
}

#[tokio::test]
async fn it_is_confirmed_by_our_own_form_and_limited_as_a_sign_in() {
    let site = Site::new().await;
    let ada = site.signed_in("ada").await;
    wait(&site, 16);
    let path = "/settings/mail";
    let asked = ada.post(path, &[("do", "off"), ("by", "6")]).await;
    let [unsent, confirms] = carried(&asked);
    let fields = [
        ("unsent", &*unsent.1),
        ("confirm", &*confirms.1),
        ("password", PASSWORD),
    ];
    let before = site.seq().await;
    let origin = ("origin", "http://127.0.0.1:8080");
    let page = ada.post_as_is(path, &fields, &[origin]).await;
    page.refuses(403, "This form belongs to a sign-in that has ended");
    let other = site.signed_in("ada").await;
    let signed_in = site.seq().await;
    let (theirs, mine) = (other.token(), ada.token());
    let forged = [&fields[..], &[("token", &*theirs)]].concat();
    let page = ada.post_as_is(path, &forged, &[origin]).await;
    assert_eq!(page.status, 403);
    let own = [&fields[..], &[("token", &*mine)]].concat();
    let page = ada
        .post_as_is(path, &own, &[("origin", "https://evil.example")])
        .await;
    assert_eq!(page.status, 403);
    // Somebody else's form, in this browser.
    let theirs = unsent.1.replace("by=6", "by=1");
    assert_ne!(theirs, unsent.1);
    let fields = [
        ("unsent", &*theirs),
        ("confirm", "send"),
        ("password", PASSWORD),
    ];
    let page = ada.post(path, &fields).await;
    page.refuses(403, "Somebody else typed on this page");
    assert_eq!(site.seq().await, signed_in);
    assert!(before < signed_in);
    for _ in 0..5 {
        let page = confirm(&ada, path, &asked, &[("password", "x")]).await;
        assert_eq!(page.status, 401);
    }
    let page = confirm(&ada, path, &asked, &[("password", PASSWORD)]).await;
    page.refuses(429, "too many attempts");
    page.says(CONFIRM);
    assert_ne!(page.header("retry-after"), "");
    assert_eq!(site.seq().await, signed_in);
}

#[tokio::test]
async fn a_session_that_ends_meanwhile_leads_to_sign_in_with_what_was_typed() {
    let site = Site::new().await;
    let ada = site.signed_in("ada").await;
    wait(&site, 16);
    let asked = ada.post("/groups/new", &[("do", "save"), ("name", "Night shift")]);
    let asked = asked.await;
    let mut cookies = ada.cookies();
    cookies.remove("hourkey");
    ada.set_cookies(cookies);
    let page = confirm(&ada, "/groups/new", &asked, &[("password", PASSWORD)]).await;
    page.says("Your session ended; nothing was sent");
    assert!(page.field("unsent").unwrap().contains("name=Night+shift"));
}

#[tokio::test]
async fn links_and_gateways_want_it_and_disabling_somebody_does_not() {
    let site = Site::new().await;
    let people = site.env.people;
    let ada = site.signed_in("ada").await;
    wait(&site, 16);
    let link = format!("/people/{}/link", people.rae);
    let page = ada.post(&link, &[]).await;
    assert!(!page.text.contains("/reset#"), "{}", page.words());
    let page = confirm(&ada, &link, &page, &[("password", PASSWORD)]).await;
    page.says("It is shown this once.");
    wait(&site, 16);
    let organisation = site.app.organisation().await.unwrap();
    let network = organisation.networks().next().unwrap().id;
    let path = format!("/networks/{network}/gateways");
    let fields = [("name", "gw-1"), ("address", "gw.corp.example:8443")];
    let page = ada.post(&path, &fields).await;
    let page = confirm(&ada, &path, &page, &[("password", PASSWORD)]).await;
    page.says("It is shown this once, works once");
    wait(&site, 16);
    let path = format!("/people/{}/edit", people.eve);
    let form = ada.get(&path).await;
    let shown = send(&ada, &path, &form, &[("disabled", "on")]).await;
    let done = send(&ada, &path, &shown, &[("do", "save")]).await;
    assert_eq!(done.status, 303, "{}", done.words());
    // Enabling does.
    let form = ada.get(&path).await;
    let shown = send(&ada, &path, &form, &[("disabled", LEFT_OUT)]).await;
    send(&ada, &path, &shown, &[("do", "save")])
        .await
        .says(CONFIRM);
}

#[tokio::test]
async fn a_resource_is_disabled_at_once_and_nothing_is_changed_beside() {
    let site = Site::new().await;
    let ada = site.signed_in("ada").await;
    let path = format!("/resources/{}/edit", site.env.resources.database);
    let saved = async |change: &[(&str, &str)]| {
        wait(&site, 16);
        let form = ada.get(&path).await;
        let change = [change, &[("network", "1")]].concat();
        let shown = send(&ada, &path, &form, &change).await;
        send(&ada, &path, &shown, &[("do", "save"), ("network", "1")]).await
    };
    let both = [("use", "disabled"), ("description", "Closed")];
    saved(&both).await.says(CONFIRM);
    assert_eq!(saved(&[("use", "disabled")]).await.status, 303);
    saved(&[("use", "enabled")]).await.says(CONFIRM);
}
