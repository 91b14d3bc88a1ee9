//! What ends a person's sign-in reaches every form of it: each cause is tried on each credential.

use axum::body::BodyDataStream;
use chrono::TimeDelta;
use futures_util::StreamExt as _;
use hourkey_access::identity::reset;
use hourkey_access::organisation::{Comparison, OrgFile};
use hourkey_domain::audit::AuditAction;
use hourkey_domain::ids::{DeviceId, UserId};
use hourkey_domain::review::Role;
use hourkey_pki::Key;
use hourkey_protocol::oauth::DEVICE_GRANT;
use hourkey_store::Room;
use hourkey_store::log::{Entry, Subject};
use hourkey_testkit::organisation::{OrgBuilder, User};
use serde_json::{Value, json};

use crate::test_env::TestEnv;
use crate::test_env::events::{DEADLINE, Events};
use crate::test_env::gateways::{GatewayClient, added, call, enrol_device, enrol_gateway, permits};
use crate::web::browser::{Browser, Page, Site};
use crate::web::devices::enrolled;
use crate::web::oauth::code;
use crate::web::tokens::{Tokens, exchange, refresh};

/// What ends something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// The person sets a new password by a reset link.
    PasswordReset,
    /// The person ends all sessions but the one that they do it in.
    AllSessionsEnded,
    /// An administrator disables the account.
    Disabled,
    /// The person ends the device of the app.
    DeviceEnded,
    /// The person signs out in the browser.
    SignedOut,
    /// The browser's session has lasted as long as it may.
    BrowserTimeOver,
    /// The app's session has lasted as long as it may.
    AppTimeOver,
    /// An administrator takes the reviewer's role away.
    RoleLost,
}

/// What becomes of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It opens nothing any more, at once.
    Gone,
    /// It opens what it did.
    Stays,
    /// It opens what it did, but reviews nothing.
    Less,
}

use Cause::{
    AllSessionsEnded, AppTimeOver, BrowserTimeOver, DeviceEnded, Disabled, PasswordReset, RoleLost,
    SignedOut,
};
use Fate::{Gone, Less, Stays};

/// The credentials: the session of the browser in which app and host were let in; the app's access
/// and refresh token; an authorization code that nobody has exchanged; a device code that was
/// allowed and that nobody has collected; the app's device (its certificate is renewed, and a
/// gateway takes it); what the gateway lets the device through to; the app's stream of events; the
/// stream of the browser's pages.
#[rustfmt::skip]
const TABLE: [(Cause, [Fate; 9]); 8] = [
    //                  browser, access, refresh, code,  device code, device, permit, events, live
    (PasswordReset,    [Gone,    Gone,   Gone,    Gone,  Gone,        Gone,   Gone,   Gone,   Gone]),
    (AllSessionsEnded, [Gone,    Gone,   Gone,    Gone,  Gone,        Gone,   Gone,   Gone,   Gone]),
    (Disabled,         [Gone,    Gone,   Gone,    Gone,  Gone,        Gone,   Gone,   Gone,   Gone]),
    (DeviceEnded,      [Stays,   Gone,   Gone,    Stays, Stays,       Gone,   Gone,   Gone,   Stays]),
    (SignedOut,        [Gone,    Stays,  Stays,   Gone,  Gone,        Stays,  Stays,  Stays,  Gone]),
    (BrowserTimeOver,  [Gone,    Stays,  Stays,   Gone,  Gone,        Stays,  Stays,  Stays,  Gone]),
    (AppTimeOver,      [Stays,   Gone,   Gone,    Stays, Stays,       Gone,   Gone,   Gone,   Stays]),
    // A session by a device code never reviewed, and no role opens a resource.
    (RoleLost,         [Less,    Less,   Less,    Less,  Stays,       Stays,  Stays,  Less,   Stays]),
];

/// Just before a session's time is over.
const JUST_BEFORE: TimeDelta = TimeDelta::seconds(30);

#[tokio::test]
async fn each_cause_reaches_each_credential() {
    for (cause, expected) in TABLE {
        assert_eq!(tried(cause).await, expected, "{cause:?}");
    }
}

#[tokio::test]
async fn who_administers_no_more_reaches_nobody_else_s_devices_and_unlocks_nothing() {
    let site = Site::new().await;
    let (env, ada) = (&site.env, site.env.people.ada);
    let bens = enrolled(&site, env.people.ben, "ben-laptop").await;
    let (token, browser) = (env.token(ada).await, site.signed_in("ada").await);
    let unlocks = async || {
        let answer = call(env, "GET", "/unlocks?login=ben", &token, Value::Null).await;
        answer.status.as_u16()
    };
    let pages = async || {
        let devices = browser.get("/devices").await;
        let unlock = browser.get("/unlock").await.status.as_u16();
        (devices.text.contains("ben-laptop"), unlock)
    };
    assert_eq!((unlocks().await, pages().await), (200, (true, 200)));
    become_member(env, ada).await;
    assert_eq!((unlocks().await, pages().await), (403, (false, 403)));
    let path = format!("/devices/{bens}");
    let ended = call(env, "DELETE", &path, &token, Value::Null).await;
    assert_eq!(ended.status, 404);
    let device = bens.to_string();
    let fields = [("do", "end"), ("device", device.as_str())];
    assert_eq!(browser.post("/devices", &fields).await.status, 404);
}

/// Takes all roles away but that of everybody.
async fn become_member(env: &TestEnv, user: UserId) {
    let change = env.change(move |tx| {
        Box::pin(async move {
            let mut user = tx.user(user).await?.unwrap();
            user.roles = vec![Role::Member];
            Ok(tx.update_user(user).await?)
        })
    });
    change.await;
}

/// The fates under a cause, of all credentials that one reviewer can have.
async fn tried(cause: Cause) -> [Fate; 9] {
    let site = Site::with(|config| config.device_flow = true).await;
    hourkey_access::background::start(&site.app);
    let (env, rae) = (&site.env, site.env.people.rae);
    let token = added(env, "gw-1").await;
    let gateway = enrol_gateway(env, &token, &Key::generate().unwrap()).await;
    let gateway = gateway.json()["credential"].as_str().unwrap().to_owned();

    let mut browser = site.signed_in("rae").await;
    let mut app = Tokens::of(&exchange(&site, &code(&browser, &[]).await, &[]).await);
    let age = match cause {
        BrowserTimeOver => TimeDelta::days(30),
        AppTimeOver => TimeDelta::days(90),
        PasswordReset | AllSessionsEnded | Disabled | DeviceEnded | SignedOut | RoleLost => {
            JUST_BEFORE
        }
    };
    let old = site.app.clock.now() + age - JUST_BEFORE;
    while site.app.clock.now() < old {
        let left = old - site.app.clock.now();
        env.clock.forward(left.min(TimeDelta::days(6)));
        browser.get("/access").await;
        app = Tokens::of(&refresh(&site, &app.refresh).await);
    }
    if cause == AppTimeOver {
        browser = site.signed_in("rae").await;
    }

    let request = json!({ "resource": env.resources.database, "reason": "Reports" });
    let asked = env.post(env.people.ann, "/requests", request).await.id();
    let key = Key::generate().unwrap();
    let device = enrol_device(env, &app.access, &key).await;
    let device = DeviceId(device.json()["device"].as_i64().unwrap());
    let host = let_in(&site, &browser).await;
    let unused = code(&browser, &[]).await;
    let mut gateway_client = GatewayClient::open(env, &gateway, json!([device])).await;
    let all = gateway_client.all().await;
    assert!(all.devices[0].live.is_some());
    assert!(
        !permits(&all.users, rae).is_empty(),
        "the wiki is always open"
    );
    let mut events = Events::open(env, &app.access, None).await;
    let first = events.message().await;
    assert_eq!(first.data["reviews"][0]["request"]["id"], asked);
    let mut live = Live::open(&browser).await;
    assert_eq!(live.message().await, "changed");

    happen(&site, cause, &browser, device).await;
    let marker = mark(&site, rae).await;

    let renewed = enrol_device(env, &app.access, &key).await.status == 200;
    let taken = is_taken(&mut gateway_client, device, marker).await;
    assert_eq!(renewed, taken, "{cause:?}: certificate and gateway");
    let mut anew = GatewayClient::open(env, &gateway, json!([device])).await;
    let permit = anew
        .all()
        .await
        .users
        .iter()
        .any(|user| !user.permits.is_empty());
    let stays = |it| if it { Stays } else { Gone };
    let of_app = async |page: Page| match granted(&page) {
        Some(app) => reviews(&site, &app.access, asked).await,
        None => Gone,
    };
    [
        pages(&browser).await,
        reviews(&site, &app.access, asked).await,
        of_app(refresh(&site, &app.refresh).await).await,
        of_app(exchange(&site, &unused, &[]).await).await,
        stays(is_collected(&site, &host).await),
        stays(taken),
        stays(permit),
        heard(&mut events, marker).await,
        live.fate().await,
    ]
}

/// Lets the cause come about, and waits until it has.
async fn happen(site: &Site, cause: Cause, browser: &Browser<'_>, device: DeviceId) {
    let (env, rae) = (&site.env, site.env.people.rae);
    match cause {
        PasswordReset => {
            let now = site.app.clock.now();
            let link =
                reset::make_link(&site.app.store, &site.app.config.public_url, rae, now).await;
            let link = link.unwrap();
            let (_, code) = link.split_once('#').unwrap();
            let elsewhere = site.browser();
            elsewhere.get("/reset").await;
            let new = "another horse battery";
            let fields = [("code", code), ("password", new), ("again", new)];
            let page = elsewhere.post("/reset", &fields).await;
            assert_eq!(page.location(), "/access");
        }
        AllSessionsEnded => {
            let elsewhere = site.signed_in("rae").await;
            let page = elsewhere.post("/sessions", &[("do", "end-others")]).await;
            assert_eq!(page.location(), "/sessions");
        }
        Disabled => {
            let disabled = User::reviewer("rae", "Rae Reviewer").disabled();
            let file = OrgBuilder::new("Example").user(disabled).text();
            let file = OrgFile::parse(&file).unwrap();
            let now = site.app.clock.now();
            let store = &site.app.store;
            let comparison = Comparison::new(store, file, false).await.unwrap();
            comparison.apply(store, now).await.unwrap();
        }
        DeviceEnded => {
            let elsewhere = env.token(rae).await;
            let path = format!("/devices/{device}");
            let ended = call(env, "DELETE", &path, &elsewhere, Value::Null).await;
            assert_eq!(ended.status, 204);
        }
        SignedOut => {
            browser.get("/sessions").await;
            assert_eq!(browser.post("/sign-out", &[]).await.location(), "/sign-in");
        }
        BrowserTimeOver | AppTimeOver => {
            let before = env.seq().await;
            env.clock.forward(JUST_BEFORE);
            let ended = "session.ended by the system".to_owned();
            let mut changed = site.app.store.changed();
            while !env.actions(before).await.contains(&ended) {
                let change = tokio::time::timeout(DEADLINE, changed.changed()).await;
                change.expect("the record of the end").unwrap();
            }
        }
        RoleLost => become_member(env, rae).await,
    }
}

/// Records something of which everything that still listens for this person hears.
async fn mark(site: &Site, user: UserId) -> i64 {
    let work = site.app.transact(Room::Usual, move |tx, now| {
        Box::pin(async move {
            let entry = Entry {
                at: now,
                actor: None,
                action: AuditAction::GatewayAsked,
                subject: Subject::Account { user },
                detail: Value::Null,
            };
            Ok(tx.record(entry).await?)
        })
    });
    work.await.unwrap()
}

/// What the pages show to the browser.
async fn pages(browser: &Browser<'_>) -> Fate {
    let access = browser.get("/access").await.status.as_u16();
    let review = browser.get("/review").await.status.as_u16();
    match (access, review) {
        (303, 303) => Gone,
        (200, 200) => Stays,
        (200, 403) => Less,
        other => panic!("{other:?}"),
    }
}

/// What the API lets an access token do with a request of somebody else.
async fn reviews(site: &Site, access: &str, request: i64) -> Fate {
    let get = async |path: &str| call(&site.env, "GET", path, access, Value::Null).await;
    let queue = get("/reviews").await;
    let one = get(&format!("/requests/{request}")).await.status.as_u16();
    match queue.status.as_u16() {
        401 => Gone,
        200 if queue.json() == json!([]) => {
            assert_eq!(one, 404);
            Less
        }
        200 => {
            assert_eq!(one, 200);
            Stays
        }
        other => panic!("{other}"),
    }
}

/// The tokens of an answer, unless the grant is void.
fn granted(page: &Page) -> Option<Tokens> {
    if page.status == 400 {
        assert_eq!(page.json()["error"], "invalid_grant");
        return None;
    }
    Some(Tokens::of(page))
}

/// Lets a host in, and returns the device code that it has not used yet.
async fn let_in(site: &Site, browser: &Browser<'_>) -> String {
    let fields = [("client_id", "hourkey-cli")];
    let started = site
        .form("/oauth/device_authorization", &fields)
        .await
        .json();
    browser.get("/device").await;
    let user_code = started["user_code"].as_str().unwrap();
    let fields = [("code", user_code), ("decision", "allow")];
    assert_eq!(browser.post("/device", &fields).await.status, 200);
    started["device_code"].as_str().unwrap().to_owned()
}

async fn is_collected(site: &Site, device_code: &str) -> bool {
    let fields = [
        ("grant_type", DEVICE_GRANT),
        ("client_id", "hourkey-cli"),
        ("device_code", device_code),
    ];
    granted(&site.form("/oauth/token", &fields).await).is_some()
}

/// Whether a gateway that was told of everything up to the marker takes the device.
async fn is_taken(gateway_client: &mut GatewayClient, device: DeviceId, marker: i64) -> bool {
    loop {
        let changes = gateway_client.changes().await;
        let about = changes.devices.iter().find(|it| it.id == device);
        match about {
            Some(about) if about.live.is_none() => return false,
            Some(_) if changes.seq >= marker => return true,
            Some(_) | None => {}
        }
    }
}

/// What is heard of the marker on a stream of events.
async fn heard(events: &mut Events, marker: i64) -> Fate {
    let mut reviews = true;
    while let Some(event) = events.next().await {
        if let Some(may) = event.data["me"]["reviews"].as_bool() {
            reviews = may;
        }
        if event.id >= marker {
            return if reviews { Stays } else { Less };
        }
    }
    Gone
}

/// The stream of a browser's pages.
struct Live(BodyDataStream);

impl Live {
    async fn open(browser: &Browser<'_>) -> Self {
        let response = browser.open("/live").await;
        assert_eq!(response.status(), 200);
        Self(response.into_body().into_data_stream())
    }

    async fn message(&mut self) -> String {
        let next = tokio::time::timeout(DEADLINE, self.0.next()).await;
        let bytes = next.expect("a message").unwrap().unwrap();
        let text = std::str::from_utf8(&bytes).unwrap();
        text.trim().strip_prefix("data: ").unwrap().to_owned()
    }

    /// Each message is judged by what is true when it is sent, so the first one tells.
    async fn fate(&mut self) -> Fate {
        match self.message().await.as_str() {
            "ended" => Gone,
            "changed" | "reorganised" => Stays,
            other => panic!("{other}"),
        }
    }
}
