//! Two-step sign-in: set up by a person, asked for at every way in, and no code taken twice.

use chrono::TimeDelta;
use futures_util::future::join_all;
use hourkey_access::identity::reset;
use hourkey_domain::ids::UserId;
use totp_rs::{Builder, Secret};

use crate::web::browser::{Browser, PASSWORD, Page, Site};
use crate::web::oauth;

/// An authenticator app that knows somebody's secret.
pub struct Phone {
    secret: String,
    pub codes: Vec<String>,
}

impl Phone {
    /// Sets two-step sign-in up in a browser where somebody signed in lately.
    pub async fn of(browser: &Browser<'_>) -> Self {
        let page = browser.post("/account", &[("do", "set-up")]).await;
        let secret = secret(&page);
        let phone = Self {
            secret,
            codes: vec![],
        };
        let (code, offer) = (phone.code(browser.site, 0), page.field("offer").unwrap());
        let fields = [("do", "turn-on"), ("offer", &*offer), ("code", &code)];
        let page = browser.post("/account", &fields).await;
        assert_eq!(page.status, 200, "{}", page.words());
        page.says("Your recovery codes");
        let (_, codes) = page.text.split_once("id=\"codes\"").unwrap();
        let codes = codes.split("<li class=\"mono\">").skip(1);
        let codes = codes.map(|code| code.split('<').next().unwrap().to_owned());
        Self {
            codes: codes.collect(),
            ..phone
        }
    }

    /// What it shows so many steps from now.
    pub fn code(&self, site: &Site, steps: i64) -> String {
        let secret = Secret::try_from_base32(self.secret.replace(' ', "")).unwrap();
        let totp = Builder::new().with_secret(secret).build().unwrap();
        let now = site.app.clock.now().timestamp() + 30 * steps;
        totp.generate(now.unsigned_abs()).to_string()
    }
}

fn secret(page: &Page) -> String {
    let (_, rest) = page.text.split_once("id=\"secret\">").unwrap();
    rest.split('<').next().unwrap().to_owned()
}

/// A step later.
fn wait(site: &Site) {
    site.env.clock.forward(TimeDelta::seconds(30));
}

/// A person with two-step sign-in, whose app shows a code that is good.
async fn with_phone(site: &Site, login: &str) -> Phone {
    let browser = site.signed_in(login).await;
    let phone = Phone::of(&browser).await;
    wait(site);
    phone
}

/// A browser in which the password was typed, and the code is asked for.
async fn at_the_code<'a>(site: &'a Site, login: &str) -> (Browser<'a>, String) {
    let browser = site.browser();
    let step = password(&browser, login).await;
    (browser, step)
}

async fn password(browser: &Browser<'_>, login: &str) -> String {
    browser.get("/sign-in").await;
    let typed = [("login", login), ("password", PASSWORD)];
    let page = browser.post("/sign-in", &typed).await;
    assert_eq!(page.status, 200);
    page.says("Type the code that your authenticator app shows");
    assert!(!browser.cookies().contains_key("hourkey"));
    page.field("step").unwrap()
}

async fn type_code(browser: &Browser<'_>, step: &str, code: &str) -> Page {
    let fields = [("step", step), ("code", code)];
    browser.post("/sign-in", &fields).await
}

async fn last_actions(site: &Site, after: i64) -> Vec<String> {
    site.env.actions(after).await
}

#[tokio::test]
async fn a_person_sets_it_up_and_is_asked_for_a_code_from_then_on() {
    let site = Site::new().await;
    let ann = site.signed_in("ann").await;
    ann.get("/account").await.says("Set up two-step sign-in");
    let page = ann.post("/account", &[("do", "set-up")]).await;
    assert!(page.text.contains("<svg"), "{}", page.text);
    assert!(!page.text.contains("<?xml"));
    let (offer, secret) = (page.field("offer").unwrap(), secret(&page));
    let before = site.seq().await;
    let wrong = [("do", "turn-on"), ("offer", &*offer), ("code", "000000")];
    let page = ann.post("/account", &wrong).await;
    page.refuses(401, "This code isn’t right");
    assert_eq!(page.field("offer").unwrap(), offer, "the same is offered");
    page.says(&secret);
    // In somebody else's session, it is worth nothing.
    let ben = site.signed_in("ben").await;
    let page = ben.post("/account", &wrong).await;
    page.refuses(400, "belongs to another sign-in");

    let phone = Phone::of(&ann).await;
    assert_eq!(phone.codes.len(), 10);
    let actions = last_actions(&site, before).await;
    assert_eq!(
        actions.last().unwrap(),
        "second_factor.set_up by Ann Member"
    );
    let me = site.env.people.ann;
    let factor = site.app.store.read().await.unwrap().second_factor(me).await;
    let factor = factor.unwrap().unwrap();
    let bytes = Secret::try_from_base32(phone.secret.replace(' ', "")).unwrap();
    let bytes: &[u8] = bytes.as_ref();
    assert!(!factor.secret.windows(bytes.len()).any(|it| it == bytes));
    ann.get("/account").await.says("10 recovery codes left");
    let page = ann.post("/account", &[("do", "set-up")]).await;
    page.refuses(400, "on already");

    let (browser, step) = at_the_code(&site, "ann").await;
    let page = type_code(&browser, &step, "123 456").await;
    page.refuses(401, "This code isn’t right");
    // The one by which it was turned on.
    let page = type_code(&browser, &step, &phone.code(&site, 0)).await;
    page.refuses(401, "was used already");
    wait(&site);
    let code = phone.code(&site, 0);
    let spaced = format!(" {} {} ", &code[..3], &code[3..]);
    let page = type_code(&browser, &step, &spaced).await;
    assert_eq!(page.location(), "/access");
    assert_eq!(browser.get("/access").await.status, 200);
    // Nothing of it stands in the audit log.
    for entry in site.env.audit(before).await {
        let detail = entry.detail.to_string();
        assert!(!detail.contains(&code) && !detail.contains(&phone.codes[0]));
    }
}

#[tokio::test]
async fn a_code_is_taken_once_however_many_send_it() {
    let site = Site::new().await;
    let phone = with_phone(&site, "ann").await;
    let code = phone.code(&site, 0);
    let mut waiting = Vec::new();
    for _ in 0..4 {
        waiting.push(at_the_code(&site, "ann").await);
    }
    let sent = waiting
        .iter()
        .map(|(browser, step)| type_code(browser, step, &code));
    let pages = join_all(sent).await;
    let statuses = pages.iter().map(|page| page.status.as_u16());
    let mut statuses: Vec<u16> = statuses.collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 401, 401, 401]);
    let (browser, step) = at_the_code(&site, "ann").await;
    let page = type_code(&browser, &step, &code).await;
    page.refuses(401, "was used already");
}

#[tokio::test]
async fn a_recovery_code_is_taken_once_however_many_send_it() {
    let site = Site::new().await;
    let phone = with_phone(&site, "ann").await;
    let typed = phone.codes[0].to_lowercase().replace('-', " ");
    let mut waiting = Vec::new();
    for _ in 0..4 {
        waiting.push(at_the_code(&site, "ann").await);
    }
    let before = site.seq().await;
    let sent = waiting
        .iter()
        .map(|(browser, step)| type_code(browser, step, &typed));
    let pages = join_all(sent).await;
    let admitted = pages.iter().filter(|page| page.status == 303).count();
    assert_eq!(admitted, 1);
    let actions = last_actions(&site, before).await;
    let used = actions
        .iter()
        .filter(|it| it.starts_with("second_factor.code_used"));
    assert_eq!(used.count(), 1, "{actions:?}");
    let (browser, step) = at_the_code(&site, "ann").await;
    type_code(&browser, &step, &phone.codes[0])
        .await
        .refuses(401, "isn’t right");
    let page = type_code(&browser, &step, &phone.codes[1]).await;
    assert_eq!(page.status, 303);
    browser.get("/account").await.says("8 recovery codes left");
}

#[tokio::test]
async fn a_code_counts_in_its_step_and_its_neighbours_and_never_after_a_later_one() {
    let site = Site::new().await;
    let phone = with_phone(&site, "ann").await;
    for _ in 0..3 {
        wait(&site);
    }
    let (browser, step) = at_the_code(&site, "ann").await;
    for far in [-2, 2] {
        let page = type_code(&browser, &step, &phone.code(&site, far)).await;
        page.refuses(401, "isn’t right");
    }
    let page = type_code(&browser, &step, &phone.code(&site, -1)).await;
    assert_eq!(page.status, 303);
    let (browser, step) = at_the_code(&site, "ann").await;
    let page = type_code(&browser, &step, &phone.code(&site, 1)).await;
    assert_eq!(page.status, 303);
    let (browser, step) = at_the_code(&site, "ann").await;
    let page = type_code(&browser, &step, &phone.code(&site, 0)).await;
    page.refuses(401, "was used already");
    // A clock that was set back brings none back.
    site.env.clock.forward(TimeDelta::minutes(-10));
    let (browser, step) = at_the_code(&site, "ann").await;
    let page = type_code(&browser, &step, &phone.code(&site, 0)).await;
    page.refuses(401, "was used already");
    let page = type_code(&browser, &step, &phone.codes[3]).await;
    assert_eq!(page.status, 303);
}

#[tokio::test]
async fn wrong_codes_are_limited_and_an_owners_browser_is_counted_by_itself() {
    let site = Site::new().await;
    let home = site.signed_in("ann").await;
    let phone = Phone::of(&home).await;
    wait(&site);
    let (browser, step) = at_the_code(&site, "ann").await;
    for _ in 0..5 {
        type_code(&browser, &step, "000000").await.refuses(401, "");
    }
    let page = type_code(&browser, &step, &phone.code(&site, 0)).await;
    page.refuses(429, "too many attempts");
    assert_eq!(page.header("retry-after"), "1");
    // The password is right, and that does not help: neither do recovery codes.
    let (browser, step) = at_the_code(&site, "ann").await;
    let page = type_code(&browser, &step, &phone.codes[0]).await;
    page.refuses(429, "too many attempts");
    home.post("/sign-out", &[]).await;
    let step = password(&home, "ann").await;
    let page = type_code(&home, &step, &phone.code(&site, 0)).await;
    assert_eq!(page.status, 303, "her own browser");
}

#[tokio::test]
async fn what_was_shown_of_a_password_is_bound_to_its_browser_and_to_five_minutes() {
    let site = Site::new().await;
    let phone = with_phone(&site, "ann").await;
    let (browser, step) = at_the_code(&site, "ann").await;
    let other = site.browser();
    other.get("/sign-in").await;
    for (browser, step) in [(&other, &*step), (&browser, "x"), (&browser, "AAAA")] {
        let page = type_code(browser, step, &phone.code(&site, 0)).await;
        page.refuses(403, "Sign in again");
        page.says("Password");
    }
    // Time, either way.
    for by in [-1, 6] {
        site.env.clock.forward(TimeDelta::minutes(by));
        let page = type_code(&browser, &step, &phone.code(&site, 0)).await;
        page.refuses(403, "That took too long");
    }
    // Another password.
    let (browser, step) = at_the_code(&site, "ann").await;
    let ann = site.env.people.ann;
    let (clock, url) = (&site.app.clock, &site.app.config.public_url);
    let link = reset::make_link(&site.app.store, url, ann, clock.now()).await;
    let link = link.unwrap();
    let code = link.split('#').nth(1).unwrap();
    let resetting = site.browser();
    resetting.get("/reset").await;
    let new = "another good password";
    let fields = [("code", code), ("password", new), ("again", new)];
    let page = resetting.post("/reset", &fields).await;
    // The link stands for the password alone.
    page.says("Type the code that your authenticator app shows");
    assert!(!resetting.cookies().contains_key("hourkey"));
    let page = type_code(&browser, &step, &phone.code(&site, 0)).await;
    page.refuses(403, "your password was changed");
    let step = resetting.get("/reset").await.field("step");
    assert_eq!(step, None);
}

#[tokio::test]
async fn no_way_of_signing_in_leads_past_the_code() {
    let site = Site::with(|config| config.device_flow = true).await;
    let phone = with_phone(&site, "ann").await;
    let ann = site.env.people.ann;
    let before = site.sessions(ann).await;
    // By a reset link.
    let now = site.app.clock.now();
    let link = reset::make_link(&site.app.store, &site.app.config.public_url, ann, now).await;
    let link = link.unwrap();
    let browser = site.browser();
    browser.get("/reset").await;
    let code = link.split('#').nth(1).unwrap();
    let fields = [("code", code), ("password", PASSWORD), ("again", PASSWORD)];
    let page = browser.post("/reset", &fields).await;
    let step = page.field("step").unwrap();
    assert_eq!(site.sessions(ann).await, before - 1, "that of the old one");
    let page = type_code(&browser, &step, &phone.code(&site, 0)).await;
    assert_eq!(page.location(), "/access");
    wait(&site);

    // On the page of a form whose session has ended.
    let browser = site.browser();
    let path = format!("/resources/{}/request", site.env.resources.database);
    browser.get("/sign-in").await;
    let origin = [("origin", "http://127.0.0.1:8080")];
    let page = browser.post_as_is(&path, &[("reason", "To mend it")], &origin);
    let page = page.await;
    let unsent = page.field("unsent").unwrap().replace("&amp;", "&");
    let typed = [
        ("unsent", &*unsent),
        ("login", "ann"),
        ("password", PASSWORD),
    ];
    let page = browser.post(&path, &typed).await;
    page.says("Type the code that your authenticator app shows");
    assert!(!browser.cookies().contains_key("hourkey"));
    let step = page.field("step").unwrap();
    let code = phone.code(&site, 0);
    let typed = [("unsent", &*unsent), ("step", &*step), ("code", &*code)];
    let page = browser.post(&path, &typed).await;
    assert_eq!(page.status, 307);
    let page = browser.post(&path, &typed).await;
    page.says("You’re signed in again");
    page.says("To mend it");

    // By an app: nobody is let in before somebody is signed in.
    let (browser, step) = at_the_code(&site, "ann").await;
    let authorize = oauth::address(&[]);
    for page in [
        browser.get(&authorize).await,
        browser.post(&authorize, &[("decision", "allow")]).await,
        browser.get("/device").await,
        browser.get("/access").await,
    ] {
        assert!(page.location().starts_with("/sign-in?next="));
    }
    // The step is no cookie, and no form token.
    let mut cookies = browser.cookies();
    cookies.insert("hourkey".to_owned(), step);
    browser.set_cookies(cookies);
    let page = browser.get("/access").await;
    assert!(page.location().starts_with("/sign-in?next="));
}

#[tokio::test]
async fn the_code_leads_nowhere_but_to_our_own_pages() {
    let site = Site::new().await;
    let phone = with_phone(&site, "ann").await;
    for (next, expected) in [
        ("/devices?as=ann", "/devices?as=ann"),
        ("//evil.example/", "/access"),
        ("https://evil.example/", "/access"),
        ("/x/..//evil.example", "/access"),
        ("/\\evil.example", "/access"),
    ] {
        let (browser, step) = at_the_code(&site, "ann").await;
        let code = phone.code(&site, 0);
        let fields = [("step", &*step), ("code", &*code), ("next", next)];
        let page = browser.post("/sign-in", &fields).await;
        assert_eq!(page.location(), expected, "{next}");
        wait(&site);
    }
    let ben = site.signed_in("ben").await;
    let offered = ben.post("/account", &[("do", "set-up")]).await;
    let phone = Phone {
        secret: secret(&offered),
        codes: vec![],
    };
    let (code, offer) = (phone.code(&site, 0), offered.field("offer").unwrap());
    let fields = [("do", "turn-on"), ("offer", &*offer), ("code", &code)];
    let page = ben.post("/account?next=//evil.example/", &fields).await;
    assert!(
        page.text.contains("href=\"/access\">Continue"),
        "{}",
        page.text
    );
    assert!(!page.text.contains("href=\"//evil"), "{}", page.text);
}

#[tokio::test]
async fn codes_are_renewed_and_it_is_turned_off_by_a_code_alone() {
    let site = Site::new().await;
    let ann = site.signed_in("ann").await;
    let phone = Phone::of(&ann).await;
    let before = site.seq().await;
    for form in ["renew", "turn-off"] {
        for code in [&*phone.code(&site, 0), "000000", ""] {
            let page = ann.post("/account", &[("do", form), ("code", code)]).await;
            assert_eq!(page.status, 401, "{form} {code}");
        }
        wait(&site);
        wait(&site);
        site.env.clock.forward(TimeDelta::minutes(1));
        let code = phone.code(&site, 0);
        let page = ann.post("/account", &[("do", form), ("code", &code)]).await;
        match form {
            "renew" => page.says("Your recovery codes"),
            _ => assert_eq!(page.location(), "/account"),
        }
        if form == "renew" {
            let page = ann
                .post("/account", &[("do", form), ("code", &phone.codes[0])])
                .await;
            page.refuses(401, "isn’t right");
        }
    }
    let expected = [
        "second_factor.codes_made by Ann Member",
        "second_factor.turned_off by Ann Member",
    ];
    assert_eq!(last_actions(&site, before).await, expected);
    site.signed_in("ann").await;
}

/// Whether somebody has a second factor.
pub async fn has_one(site: &Site, user: UserId) -> bool {
    let mut tx = site.app.store.read().await.unwrap();
    tx.second_factor(user).await.unwrap().is_some()
}

#[tokio::test]
async fn an_administrator_resets_somebody_elses_and_never_their_own() {
    let site = Site::new().await;
    let (ann, ada) = (site.env.people.ann, site.env.people.ada);
    with_phone(&site, "ann").await;
    let admin = site.signed_in("ada").await;
    Phone::of(&admin).await;
    let page = admin.get(&format!("/people/{ann}")).await;
    page.says("Reset…");
    let page = admin.get(&format!("/people/{ada}")).await;
    assert!(!page.words().contains("Reset…"));
    let before = site.seq().await;
    let own = admin.post(&format!("/people/{ada}/two-step"), &[]).await;
    own.refuses(403, "Nobody resets their own");
    for other in ["ben", "rae", "ola", "aud"] {
        let other = site.signed_in(other).await;
        let page = other.post(&format!("/people/{ann}/two-step"), &[]).await;
        assert_eq!(page.status, 404);
    }
    assert!(has_one(&site, ann).await && has_one(&site, ada).await);
    let path = format!("/people/{ann}/two-step");
    let page = admin.post(&path, &[]).await;
    assert_eq!(page.location(), format!("/people/{ann}"));
    assert!(!has_one(&site, ann).await);
    let actions = last_actions(&site, before).await;
    assert_eq!(actions.last().unwrap(), "second_factor.reset by Ada Admin");
    admin
        .post(&path, &[])
        .await
        .refuses(409, "nothing to reset");
    site.signed_in("ann").await;
}

#[tokio::test]
async fn without_its_key_recovery_codes_count_still() {
    let site = Site::new().await;
    let phone = with_phone(&site, "ann").await;
    std::fs::remove_file(site.app.config.data.join("authorities/sign-in.key")).unwrap();
    let (browser, step) = at_the_code(&site, "ann").await;
    let page = type_code(&browser, &step, &phone.code(&site, 0)).await;
    page.refuses(401, "isn’t right");
    let page = type_code(&browser, &step, &phone.codes[0]).await;
    assert_eq!(page.status, 303);
}
