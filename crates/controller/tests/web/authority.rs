//! Who may do what to whom, for each call of the API: each role with what is their own, what is
//! somebody else's, and what does not exist (rules 1 and 6).

use std::collections::BTreeSet;

use hourkey_domain::ids::UserId;
use serde_json::{Value, json};

use crate::test_env::TestEnv;
use crate::test_env::gateways::call;
use crate::web::browser::Site;
use crate::web::devices::enrolled;
use crate::web::session_kinds::operations;

/// An id that nothing has.
const UNKNOWN: i64 = 4_711;

/// What a call is about: always Ann's, with whom nobody else shares it.
#[derive(Clone, Copy, Debug)]
enum Target {
    /// Her pending request for the database, which Dan's group approves.
    Request,
    /// Her running grant for the database.
    Grant,
    /// Her pending request for the vault, which only roles review.
    VaultRequest,
    /// Her computer.
    Device,
    /// Her session.
    Session,
    /// Her access to the database, which Dan's group approves.
    Database,
    /// Her access to the vault, which only roles review.
    Vault,
    /// Herself: a resource of hers that is open.
    Person,
    /// Rae's deputy, who is Dan.
    Deputy,
}

/// A call, and its status for each caller: Ann, whose it is; Ben, of the same groups and more; Dan,
/// who approves for the database; Rae, an access reviewer; Ada, an administrator; Eve, who sees
/// nothing.
struct Row {
    operation: &'static str,
    target: Target,
    body: Value,
    statuses: [u16; 6],
}

#[rustfmt::skip]
fn table() -> Vec<Row> {
    let row = |operation, target, body, statuses| Row { operation, target, body, statuses };
    let word = || json!({ "comment": "A word" });
    let asked = || json!({ "logins": ["roy"] });
    let deputy = |principal: Option<&str>| {
        json!({ "deputy": "roy", "principal": principal, "until": "2030-01-15T12:00:00Z" })
    };
    let person = json!({ "login": "ann", "resource": 1 });
    use Target::{Database, Deputy, Device, Grant, Person, Request, Session, Vault, VaultRequest};
    vec![
        //                                                        ann  ben  dan  rae  ada  eve
        row("GET /requests/{id}", Request, Value::Null,          [200, 404, 200, 200, 200, 404]),
        row("POST /requests/{id}/cancel", Request, Value::Null,  [200, 404, 403, 403, 403, 404]),
        row("POST /requests/{id}/approve", Request, json!({}),   [403, 404, 200, 200, 200, 404]),
        row("POST /requests/{id}/deny", Request, word(),         [403, 404, 200, 200, 200, 404]),
        row("POST /requests/{id}/undo", Request, Value::Null,    [403, 404, 409, 409, 409, 404]),
        row("GET /requests/{id}", VaultRequest, Value::Null,     [200, 404, 404, 200, 200, 404]),
        row("POST /requests/{id}/cancel", VaultRequest, Value::Null, [200, 404, 404, 403, 403, 404]),
        row("POST /requests/{id}/approve", VaultRequest, json!({}), [403, 404, 404, 200, 200, 404]),
        row("POST /requests/{id}/deny", VaultRequest, word(),    [403, 404, 404, 200, 200, 404]),
        row("POST /requests/{id}/undo", VaultRequest, Value::Null, [403, 404, 404, 409, 409, 404]),
        row("POST /grants/{id}/release", Grant, Value::Null,     [200, 404, 403, 403, 403, 404]),
        row("POST /grants/{id}/revoke", Grant, word(),           [403, 404, 200, 200, 200, 404]),
        row("DELETE /devices/{id}", Device, Value::Null,         [204, 404, 404, 404, 204, 404]),
        row("DELETE /sessions/{id}", Session, Value::Null,       [204, 404, 404, 404, 404, 404]),
        row("GET /explain", Database, Value::Null,               [200, 404, 200, 200, 200, 404]),
        row("GET /explain", Vault, Value::Null,                  [200, 404, 404, 200, 200, 404]),
        row("GET /unlocks", Person, Value::Null,                 [403, 403, 403, 403, 200, 403]),
        // Open: there is nothing to unlock.
        row("POST /unlocks", Person, person,                     [403, 403, 403, 403, 409, 403]),
        row("POST /requests/{id}/reviewers", Request, asked(),   [403, 404, 403, 403, 200, 404]),
        row("POST /requests/{id}/reviewers", VaultRequest, asked(), [403, 404, 404, 403, 200, 404]),
        // Who reviews, for themselves; an administrator for others.
        row("POST /deputies", Person, deputy(None),              [403, 403, 201, 201, 201, 403]),
        row("POST /deputies", Person, deputy(Some("rae")),       [403, 403, 403, 201, 201, 403]),
        row("DELETE /deputies/{id}", Deputy, Value::Null,        [404, 404, 403, 204, 204, 404]),
    ]
}

/// Calls that name nobody: they are about the caller, or ask for a resource, which rule 1 guards.
const ABOUT_ONESELF: [&str; 11] = [
    "GET /me",
    "GET /sessions",
    "GET /resources",
    "GET /resources/{id}",
    "GET /requests",
    "POST /requests",
    "PUT /device",
    "GET /devices",
    "GET /networks",
    "GET /snapshot",
    "GET /events",
];

/// Calls that list what one reviews, and for whom: `session_kinds`, `sight` and `api_deputies` say what is in
/// them.
const REVIEWS: [&str; 2] = ["GET /reviews", "GET /deputies"];

#[tokio::test]
async fn each_call_says_what_each_role_may_do_with_what_is_whose() {
    let rows = table();
    let mut known: BTreeSet<String> = rows.iter().map(|row| row.operation.to_owned()).collect();
    known.extend(ABOUT_ONESELF.map(str::to_owned));
    known.extend(REVIEWS.map(str::to_owned));
    let of_people = operations().filter(|operation| !operation.contains(" /gateway/"));
    assert_eq!(known, of_people.collect(), "each call has a row");

    for row in rows {
        for (index, expected) in row.statuses.into_iter().enumerate() {
            let site = Site::new().await;
            let (env, people) = (&site.env, site.env.people);
            let callers = [
                people.ann, people.ben, people.dan, people.rae, people.ada, people.eve,
            ];
            let caller = callers[index];
            let id = made(&site, row.target).await;
            let answer = act(env, &row, id, caller).await;
            let what = format!("{} on {:?} by caller {index}", row.operation, row.target);
            assert_eq!(answer.0, expected, "{what}: {}", answer.1);
            if expected == 404 {
                let unknown = act(env, &row, UNKNOWN, caller).await;
                assert_eq!(answer, unknown, "{what}: as an unknown id");
            }
        }
    }
}

/// Makes what the call is about, and returns its id.
async fn made(site: &Site, target: Target) -> i64 {
    let (env, people) = (&site.env, site.env.people);
    let ask = async |resource| {
        let request = json!({ "resource": resource, "reason": "To mend it" });
        env.post(people.ann, "/requests", request).await
    };
    match target {
        Target::Request => ask(env.resources.database).await.id(),
        Target::VaultRequest => ask(env.resources.vault).await.id(),
        Target::Grant => {
            let id = ask(env.resources.database).await.id();
            let approve = format!("/requests/{id}/approve");
            env.post(people.roy, &approve, json!({})).await.grant()
        }
        Target::Device => enrolled(site, people.ann, "ann-laptop").await.0,
        Target::Session => {
            env.token(people.ann).await;
            let mut tx = site.app.store.read().await.unwrap();
            tx.sessions_of(people.ann).await.unwrap()[0].id.0
        }
        Target::Database => env.resources.database.0,
        Target::Vault => env.resources.vault.0,
        Target::Person => 0,
        Target::Deputy => {
            let deputy = json!({ "deputy": "dan", "until": "2030-01-15T12:00:00Z" });
            let named = env.post(people.rae, "/deputies", deputy).await;
            assert_eq!(named.status, 201, "{}", named.text);
            people.rae.0
        }
    }
}

/// Status and body.
async fn act(env: &TestEnv, row: &Row, id: i64, caller: UserId) -> (u16, String) {
    let (method, path) = row.operation.split_once(' ').unwrap();
    let mut path = path.replace("{id}", &id.to_string());
    match row.operation {
        "GET /unlocks" => path += "?login=ann",
        "GET /explain" => path += &format!("?user=ann&resource={id}"),
        _ => {}
    }
    let token = env.token(caller).await;
    let answer = call(env, method, &path, &token, row.body.clone()).await;
    (answer.status.as_u16(), answer.text)
}
