//! How long sessions last, and ending them.

use chrono::TimeDelta;
use hourkey_protocol::account::SessionKind;

use crate::test_env::events::DEADLINE;
use crate::web::browser::Site;

#[tokio::test]
async fn a_browser_is_signed_out_after_seven_days_without_a_visit() {
    let site = Site::new().await;
    let ann = site.signed_in("ann").await;
    for _ in 0..3 {
        site.env
            .clock
            .forward(TimeDelta::days(7) - TimeDelta::minutes(1));
        ann.get("/access").await.says("Your access");
    }
    site.env.clock.forward(TimeDelta::days(7));
    assert!(ann.get("/access").await.location().starts_with("/sign-in"));
}

#[tokio::test]
async fn a_browser_is_signed_out_after_thirty_days_in_any_case() {
    let site = Site::new().await;
    let ann = site.signed_in("ann").await;
    for _ in 0..29 {
        site.env.clock.forward(TimeDelta::days(1));
        ann.get("/access").await.says("Your access");
    }
    site.env.clock.forward(TimeDelta::days(1));
    assert!(ann.get("/access").await.location().starts_with("/sign-in"));
}

#[tokio::test]
async fn signing_in_again_ends_the_session_before() {
    let site = Site::new().await;
    let browser = site.signed_in("ann").await;
    let before = browser.cookies();
    // The token of a page that was open all the time still goes with the session it was made for.
    let fields = [
        ("login", "ben"),
        ("password", crate::web::browser::PASSWORD),
    ];
    assert_eq!(
        browser.post("/sign-in", &fields).await.location(),
        "/access"
    );
    assert!(browser.get("/access").await.text.contains("Ben Oncall"));
    browser.set_cookies(before);
    assert!(
        browser
            .get("/access")
            .await
            .location()
            .starts_with("/sign-in")
    );
    assert_eq!(site.sessions(site.env.people.ann).await, 0);
}

#[tokio::test]
async fn people_end_their_own_sessions_and_nobody_elses() {
    let site = Site::new().await;
    let people = site.env.people;
    let ann = site.signed_in("ann").await;
    let other = site.signed_in("ann").await;
    let token = site.env.token_of(people.ann, SessionKind::Cli).await;
    let bens = site.env.token(people.ben).await;
    let page = ann.get("/sessions").await;
    page.says("This browser");
    page.says("CLI");

    let mut tx = site.app.store.read().await.unwrap();
    let anns = tx.sessions_of(people.ann).await.unwrap();
    let cli = anns
        .iter()
        .find(|session| session.kind == SessionKind::Cli)
        .unwrap()
        .id;
    let foreign = tx.sessions_of(people.ben).await.unwrap()[0].id;
    drop(tx);

    let before = site.seq().await;
    let unknown = ann
        .post("/sessions", &[("do", "end"), ("session", "999999")])
        .await;
    let theirs = ann
        .post(
            "/sessions",
            &[("do", "end"), ("session", &foreign.to_string())],
        )
        .await;
    assert_eq!(unknown.status, 404);
    assert_eq!(unknown.text, theirs.text, "rule 1");
    assert_eq!(site.me(&bens).await, 200);
    assert_eq!(site.seq().await, before);

    let page = ann
        .post("/sessions", &[("do", "end"), ("session", &cli.to_string())])
        .await;
    assert_eq!(page.location(), "/sessions");
    assert_eq!(site.me(&token).await, 401);
    other.get("/access").await.says("Your access");

    ann.post("/sessions", &[("do", "end-others")]).await;
    assert!(
        other
            .get("/access")
            .await
            .location()
            .starts_with("/sign-in")
    );
    ann.get("/access").await.says("Your access");
    assert_eq!(
        site.env.actions(before).await,
        ["session.ended by Ann Member", "session.ended by Ann Member"]
    );
    assert_eq!(ann.post("/sessions", &[("do", "what")]).await.status, 400);
}

#[tokio::test]
async fn however_many_sessions_time_ends_all_are_recorded() {
    const SESSIONS: usize = 250;
    let site = Site::new().await;
    let ann = site.env.people.ann;
    for _ in 0..SESSIONS {
        site.env.token(ann).await;
    }
    let before = site.seq().await;
    site.env.clock.forward(TimeDelta::days(30));
    let mut changed = site.app.store.changed();
    hourkey_access::background::start(&site.app);
    let ended = async || {
        let actions = site.env.actions(before).await;
        let ended = |action: &&String| *action == "session.ended by the system";
        actions.iter().filter(ended).count()
    };
    while ended().await < SESSIONS {
        let change = tokio::time::timeout(DEADLINE, changed.changed()).await;
        change.expect("all ends").unwrap();
    }
    let mut tx = site.app.store.read().await.unwrap();
    assert_eq!(tx.sessions_of(ann).await.unwrap(), []);
}
