//! What a session may do by its kind, for each call of the API: sessions that began in a browser
//! reach what is other people's as far as their person does, sessions of the device flow never.

use std::collections::BTreeSet;

use hourkey_domain::audit::AuditAction;
use hourkey_domain::review::Role;
use hourkey_pki::Key;
use hourkey_protocol::account::SessionKind;
use hourkey_store::Room;
use hourkey_store::log::{Entry, Subject};
use serde_json::{Value, json};

use crate::test_env::TestEnv;
use crate::test_env::description::DOCUMENT;
use crate::test_env::events::Events;
use crate::test_env::gateways::{added, call, enrol_gateway};
use crate::web::browser::Site;
use crate::web::devices::enrolled;

/// What somebody else asks for, and nobody but reviewers may read.
const REASON: &str = "Because of the merger that nobody knows of";

/// A call of somebody who reviews and administers.
struct Row {
    /// As the description of the API has it.
    operation: &'static str,
    /// Ids in the path, and the query.
    path: String,
    body: Value,
    /// Status for the session of an app.
    app: u16,
    /// Status for the session of a host that signed in by a device code.
    headless: u16,
    /// Whether the app's answer holds what others ask for. A host's never does.
    shows_others: bool,
}

/// What other people have, and what is the caller's own, for one of the two sessions.
struct Ids {
    resource: i64,
    pending: [i64; 3],
    grant: i64,
    device: i64,
    own_session: i64,
    /// Of another session of the caller's.
    own_device: i64,
}

fn row(operation: &'static str, ids: &[i64], body: Value, app: u16, headless: u16) -> Row {
    let (_, template) = operation.split_once(' ').unwrap();
    let path = ids.iter().fold(template.to_owned(), |path, id| {
        path.replacen("{id}", &id.to_string(), 1)
    });
    Row {
        operation,
        path,
        body,
        app,
        headless,
        shows_others: false,
    }
}

impl Row {
    fn shows_others(self) -> Self {
        let shows_others = true;
        Self {
            shows_others,
            ..self
        }
    }
}

#[rustfmt::skip]
fn table(ids: &Ids) -> Vec<Row> {
    let [first, second, third] = ids.pending;
    let comment = || json!({ "comment": "A word" });
    let request = json!({ "resource": ids.resource, "reason": "Mine" });
    let key = Key::generate().unwrap().request().unwrap();
    vec![
        //                                              app, headless
        // One's own.
        row("GET /me", &[], Value::Null,                200, 200),
        row("GET /sessions", &[], Value::Null,          200, 200),
        row("DELETE /sessions/{id}", &[ids.own_session], Value::Null, 204, 403),
        row("GET /resources", &[], Value::Null,         200, 200),
        row("GET /resources/{id}", &[ids.resource], Value::Null, 200, 200),
        Row { path: "/explain?resource=1".to_owned(), ..row("GET /explain", &[], Value::Null, 200, 200) },
        row("GET /requests", &[], Value::Null,          200, 200),
        row("POST /requests", &[], request,             201, 201),
        row("PUT /device", &[], json!({ "name": "host", "request": key }), 200, 200),
        row("GET /devices", &[], Value::Null,           200, 200),
        row("GET /networks", &[], Value::Null,          200, 200),
        // Everything that one sees.
        row("GET /snapshot", &[], Value::Null,          200, 200).shows_others(),
        row("GET /events", &[], Value::Null,            200, 200).shows_others(),
        // Other people's: to a host as if it did not exist, or forbidden before anything is read.
        row("GET /requests/{id}", &[first], Value::Null, 200, 404).shows_others(),
        Row { path: "/explain?resource=1&user=ann".to_owned(), ..row("GET /explain", &[], Value::Null, 200, 404) },
        row("POST /requests/{id}/cancel", &[first], Value::Null, 403, 404),
        row("POST /requests/{id}/approve", &[second], json!({}), 200, 403).shows_others(),
        row("POST /requests/{id}/deny", &[third], comment(), 200, 403).shows_others(),
        row("POST /requests/{id}/undo", &[third], Value::Null, 200, 403).shows_others(),
        row("GET /reviews", &[], Value::Null,           200, 403).shows_others(),
        row("GET /deputies", &[], Value::Null,          200, 403),
        row("POST /deputies", &[], json!({ "deputy": "roy", "until": "2030-01-15T12:00:00Z" }), 201, 403),
        row("DELETE /deputies/{id}", &[4_711], Value::Null, 404, 403),
        row("POST /requests/{id}/reviewers", &[first], json!({ "logins": ["roy"] }), 200, 403).shows_others(),
        row("POST /grants/{id}/release", &[ids.grant], Value::Null, 403, 404),
        row("POST /grants/{id}/revoke", &[ids.grant], comment(), 200, 403),
        row("DELETE /devices/{id}", &[ids.device], Value::Null, 204, 404),
        row("DELETE /devices/{id}", &[ids.own_device], Value::Null, 204, 403),
        Row { path: "/unlocks?login=ann".to_owned(), ..row("GET /unlocks", &[], Value::Null, 200, 403) },
        // Ann's wiki is always open: nothing to unlock.
        row("POST /unlocks", &[], json!({ "login": "ann", "resource": 1 }), 409, 403),
        // Gateways': no session's.
        row("POST /gateway/enrol", &[], json!({ "token": "x", "request": key }), 401, 401),
        row("POST /gateway/certificate", &[], json!({ "request": key }), 401, 401),
        row("POST /gateway/stream", &[], json!({ "devices": [] }), 401, 401),
        row("POST /gateway/devices", &[], json!({ "stream": 1, "came": [], "went": [] }), 401, 401),
        row("POST /gateway/ack", &[], json!({ "stream": 1, "number": 1, "seq": 1 }), 401, 401),
        row("POST /gateway/connections", &[], json!({ "connections": [] }), 401, 401),
    ]
}

#[tokio::test]
async fn each_call_says_what_a_session_of_each_kind_may() {
    let site = Site::new().await;
    make_admin(&site.env).await;
    let ids = others(&site, site.env.resources.logs.0).await;
    let described: BTreeSet<String> = operations().collect();
    let rows: BTreeSet<String> = table(&ids)
        .iter()
        .map(|row| row.operation.to_owned())
        .collect();
    assert_eq!(rows, described, "each call has a row, and each row a call");

    let rae = site.env.people.rae;
    let headless = site.env.token_of(rae, SessionKind::Headless).await;
    for row in table(&ids) {
        let (status, text) = answered(&site.env, &row, &headless).await;
        assert_eq!(status, row.headless, "{} headless: {text}", row.operation);
        assert!(!text.contains(REASON), "{}: {text}", row.operation);
        if status == 403 {
            assert!(text.contains("signed in by a device code"), "{text}");
        }
    }
    let me = call(&site.env, "GET", "/me", &headless, Value::Null)
        .await
        .json();
    assert_eq!(me["reviews"], false);

    // The same things are there still, but for the resource that was asked for.
    let resource = site.env.resources.vault.0;
    let ids = Ids { resource, ..ids };
    let app = site.env.token(rae).await;
    for row in table(&ids) {
        let (status, text) = answered(&site.env, &row, &app).await;
        assert_eq!(status, row.app, "{} app: {text}", row.operation);
        let shows = text.contains(REASON);
        assert_eq!(shows, row.shows_others, "{}: {text}", row.operation);
    }
}

#[tokio::test]
async fn a_gateway_s_credential_is_worth_nothing_for_people_s_calls() {
    let site = Site::new().await;
    let ids = others(&site, site.env.resources.logs.0).await;
    let token = added(&site.env, "gw-1").await;
    let enrolled = enrol_gateway(&site.env, &token, &Key::generate().unwrap()).await;
    let credential = enrolled.json()["credential"].as_str().unwrap().to_owned();
    let rows = table(&ids);
    let is_people_s = |row: &&Row| !row.operation.contains(" /gateway/");
    for row in rows.iter().filter(is_people_s) {
        let (method, _) = row.operation.split_once(' ').unwrap();
        let answer = call(&site.env, method, &row.path, &credential, row.body.clone()).await;
        assert_eq!(answer.status, 401, "{}: {}", row.operation, answer.text);
    }
}

#[tokio::test]
async fn a_host_ends_its_own_session_and_its_own_device() {
    let site = Site::new().await;
    let (env, rae) = (&site.env, site.env.people.rae);
    for own in ["sessions", "device"] {
        let host = env.token_of(rae, SessionKind::Headless).await;
        let path = if own == "device" {
            let key = Key::generate().unwrap().request().unwrap();
            let body = json!({ "name": "host", "request": key });
            let enrolled = call(env, "PUT", "/device", &host, body).await.json();
            format!("/devices/{}", enrolled["device"])
        } else {
            let sessions = call(env, "GET", "/sessions", &host, Value::Null).await;
            let sessions = sessions.json();
            let mut all = sessions.as_array().unwrap().iter();
            let current = all.find(|session| session["current"] == true);
            format!("/sessions/{}", current.unwrap()["id"])
        };
        let ended = call(env, "DELETE", &path, &host, Value::Null).await;
        assert_eq!(ended.status, 204, "{}", ended.text);
        assert_eq!(site.me(&host).await, 401);
    }
}

#[tokio::test]
async fn an_open_stream_tells_a_host_nothing_of_others() {
    let site = Site::new().await;
    hourkey_access::background::start(&site.app);
    let (env, rae) = (&site.env, site.env.people.rae);
    let headless = env.token_of(rae, SessionKind::Headless).await;
    let mut streams = Vec::new();
    for token in [headless, env.token(rae).await] {
        let mut events = Events::open(env, &token, None).await;
        events.message().await;
        streams.push(events);
    }
    let request = json!({ "resource": env.resources.database, "reason": REASON });
    env.post(env.people.ann, "/requests", request).await;
    let marker = env.app.transact(Room::Usual, move |tx, now| {
        Box::pin(async move {
            let entry = Entry {
                at: now,
                actor: None,
                action: AuditAction::GatewayAsked,
                subject: Subject::Account { user: rae },
                detail: Value::Null,
            };
            Ok(tx.record(entry).await?)
        })
    });
    let marker = marker.await.unwrap();
    for (mut events, shows) in streams.into_iter().zip([false, true]) {
        let mut all = String::new();
        loop {
            let event = events.message().await;
            all += &event.data.to_string();
            if event.id >= marker {
                assert_eq!(event.data["me"]["reviews"], shows);
                break;
            }
        }
        assert_eq!(all.contains(REASON), shows, "{all}");
    }
}

/// Rae reviews already.
async fn make_admin(env: &TestEnv) {
    let rae = env.people.rae;
    let change = env.change(move |tx| {
        Box::pin(async move {
            let mut user = tx.user(rae).await?.unwrap();
            user.roles = vec![Role::AccessReviewer, Role::Admin];
            Ok(tx.update_user(user).await?)
        })
    });
    change.await;
}

async fn others(site: &Site, resource: i64) -> Ids {
    let (env, people) = (&site.env, site.env.people);
    let ask = async |user, resource| {
        let request = json!({ "resource": resource, "reason": REASON });
        env.post(user, "/requests", request).await
    };
    let (database, vault) = (env.resources.database, env.resources.vault);
    Ids {
        resource,
        pending: [
            ask(people.ann, database).await.id(),
            ask(people.ben, database).await.id(),
            ask(people.ann, vault).await.id(),
        ],
        grant: ask(people.ann, env.resources.logs).await.grant(),
        device: enrolled(site, people.ben, "ben-laptop").await.0,
        own_session: own_session(site).await,
        own_device: enrolled(site, people.rae, "rae-laptop").await.0,
    }
}

/// A session of the caller's that nobody needs.
async fn own_session(site: &Site) -> i64 {
    let rae = site.env.people.rae;
    site.env.token_of(rae, SessionKind::Cli).await;
    let mut tx = site.app.store.read().await.unwrap();
    tx.sessions_of(rae).await.unwrap()[0].id.0
}

/// Status and body; of a stream the first message.
async fn answered(env: &TestEnv, row: &Row, token: &str) -> (u16, String) {
    if row.operation == "GET /events" {
        let first = Events::open(env, token, None).await.message().await;
        return (200, first.data.to_string());
    }
    let (method, _) = row.operation.split_once(' ').unwrap();
    let answer = call(env, method, &row.path, token, row.body.clone()).await;
    (answer.status.as_u16(), answer.text)
}

/// All calls that the description knows.
pub(crate) fn operations() -> impl Iterator<Item = String> {
    let paths = DOCUMENT["paths"].as_object().unwrap();
    paths.iter().flat_map(|(path, operations)| {
        let path = path.strip_prefix("/api/v1").unwrap();
        let methods = operations.as_object().unwrap().keys();
        methods.map(move |method| format!("{} {path}", method.to_uppercase()))
    })
}
