//! What a browser in which somebody signed in before has over others.

use hourkey_access::identity::password::Priority;
use hourkey_access::identity::{reset, setup};

use crate::web::browser::{Browser, PASSWORD, Page, Site, encoded};

#[tokio::test]
async fn a_page_opened_for_somebody_else_says_so() {
    let site = Site::new().await;
    let ann = site.signed_in("ann").await;
    let hint = async |browser: &Browser<'_>, login: &str| {
        let page = browser
            .get(&format!("/access?{}", encoded(&[("as", login)])))
            .await;
        assert_eq!(page.status, 200);
        page
    };
    assert!(!hint(&ann, "Ann").await.words().contains("was opened for"));
    // Ben never signed in here, and anybody can write an address: none of it is shown.
    for login in [
        "ben",
        "<script>",
        "Call +1 555 0100, your password has expired",
    ] {
        let page = hint(&ann, login).await;
        page.says("This page was opened for another account, but this browser is signed in as ann");
        page.says("Switch accounts");
        let main = page.words();
        assert!(!main.contains("ben") && !main.contains("555"), "{main}");
        assert!(!page.text.contains("<script>"), "{}", page.text);
    }
    let page = ann.post("/sign-out", &[("next", "/access?as=ben")]).await;
    assert_eq!(page.location(), "/sign-in?next=%2Faccess%3Fas%3Dben");
    assert_eq!(login_field(&ann.get(page.location()).await), "");

    ann.sign_in("ben").await;
    ann.get("/sessions").await;
    ann.post("/sign-out", &[]).await;
    ann.sign_in("ann").await;
    let page = hint(&ann, "Ben").await;
    page.says("This page was opened for ben , but this browser is signed in as ann");
    page.says("Switch to ben");
    let page = ann.post("/sign-out", &[("next", "/access?as=Ben")]).await;
    assert_eq!(login_field(&ann.get(page.location()).await), "ben");

    // Another browser knows neither.
    let visitor = site.browser();
    let page = visitor.get("/access?as=ben").await;
    assert_eq!(page.location(), "/sign-in?next=%2Faccess%3Fas%3Dben");
    assert_eq!(login_field(&visitor.get(page.location()).await), "");
}

/// What stands in the field for the login.
fn login_field(page: &Page) -> String {
    page.field("login").unwrap()
}

#[tokio::test]
async fn strangers_behind_the_same_address_lock_no_known_browser_out() {
    let site = Site::new().await;
    let ann = site.signed_in("ann").await;
    ann.post("/sign-out", &[]).await;
    let stranger = site.browser();
    stranger.get("/sign-in").await;
    let attempt = async |browser: &Browser<'_>, login: &str, password: &str| {
        browser.get("/sign-in").await;
        let fields = [("login", login), ("password", password)];
        browser.post("/sign-in", &fields).await
    };
    for number in 0..30 {
        attempt(&stranger, &format!("guess{number}"), "wrong").await;
        attempt(&stranger, "ann", "wrong").await;
    }
    attempt(&stranger, "ann", PASSWORD)
        .await
        .refuses(429, "too many attempts");
    // She knows her browser, not its secrets: others' logins wait there, too.
    attempt(&ann, "ben", PASSWORD)
        .await
        .refuses(429, "too many attempts");
    // Whoever makes a name for a browser up is a stranger.
    let mut made_up = ann.cookies();
    made_up.insert("hourkey-browser".to_owned(), "made-up".to_owned());
    let browser = site.browser();
    browser.set_cookies(made_up);
    attempt(&browser, "ann", PASSWORD)
        .await
        .refuses(429, "too many attempts");

    assert_eq!(attempt(&ann, "ann", PASSWORD).await.location(), "/access");
    ann.get("/sessions").await;
    ann.post("/sign-out", &[]).await;
    // Nor may a known browser guess for ever.
    for _ in 0..5 {
        attempt(&ann, "ann", "wrong")
            .await
            .refuses(401, "do not fit together");
    }
    attempt(&ann, "ann", PASSWORD)
        .await
        .refuses(429, "Try again in 1 second.");
}

#[tokio::test]
async fn who_is_known_signs_in_while_strangers_take_all_places() {
    let site = Site::new().await;
    let ann = site.signed_in("ann").await;
    ann.post("/sign-out", &[]).await;
    let people = site.env.people;
    let now = site.app.clock.now();
    let link = reset::make_link(
        &site.app.store,
        &site.app.config.public_url,
        people.ben,
        now,
    )
    .await;
    let stranger = site.browser();
    for browser in [&stranger, &ann] {
        browser.get("/sign-in").await;
    }
    let code = setup::make_code(&site.app.store).await.unwrap();
    let take = || site.app.passwords.admit(Priority::Anybody).ok();
    let places: Vec<_> = std::iter::from_fn(take).collect();
    assert_eq!(places.len(), 64);

    let fields = [("login", "ann"), ("password", PASSWORD)];
    let page = stranger.post("/sign-in", &fields).await;
    page.refuses(503, "Too many people are signing in");
    // A login that nobody has costs as much.
    let nobody = [("login", "nobody"), ("password", PASSWORD)];
    assert_eq!(stranger.post("/sign-in", &nobody).await.status, 503);
    let useless = [("code", "x"), ("password", PASSWORD), ("again", PASSWORD)];
    stranger
        .post("/reset", &useless)
        .await
        .refuses(403, "unknown");

    assert_eq!(ann.post("/sign-in", &fields).await.location(), "/access");
    let link = link.unwrap();
    let link = [
        ("code", link.split_once('#').unwrap().1),
        useless[1],
        useless[2],
    ];
    assert_eq!(stranger.post("/reset", &link).await.location(), "/access");
    let first = site.browser();
    first.get("/setup").await;
    let fields = [
        ("code", code.as_str()),
        ("organisation", "Example"),
        ("name", "First"),
        ("login", "first"),
        ("password", PASSWORD),
    ];
    assert_eq!(first.post("/setup", &fields).await.location(), "/overview");
}
