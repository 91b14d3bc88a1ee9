//! Every bad call is answered as a problem, and changes nothing; the description of the API is
//! complete.
#![allow(clippy::unwrap_used)]

mod test_env;

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{Method, Request};
use chrono::TimeDelta;
use hourkey_protocol::problem::Code;
use insta::assert_snapshot;
use serde_json::{Value, json};
use test_env::{Answer, TestEnv, chunked};

#[tokio::test]
async fn calls_that_cannot_be_read_are_problems() {
    let env = TestEnv::new().await;
    let ann = env.people.ann;
    let before = env.seq().await;
    let logs = env.resources.logs;
    let good = format!(r#"{{"resource":{logs},"reason":"why"}}"#);
    let large = format!(r#"{{"resource":{logs},"reason":"{}"}}"#, "x".repeat(70_000));
    let json = "application/json";
    let calls: [(&str, &str, &str); 12] = [
        ("not JSON", json, "resource=1"),
        ("empty", json, ""),
        ("cut short", json, r#"{"resource":"#),
        (
            "half a character",
            json,
            r#"{"resource":1,"reason":"\ud800"}"#,
        ),
        ("a list", json, "[1,null,\"why\",null,null]"),
        ("nothing needed", json, "{}"),
        ("an unknown field", json, r#"{"resource":1,"resaon":"why"}"#),
        (
            "twice the same field",
            json,
            r#"{"resource":1,"resource":2}"#,
        ),
        ("another type", json, r#"{"resource":"1"}"#),
        ("a form", "application/x-www-form-urlencoded", &good),
        ("no media type", "", &good),
        ("too large", json, &large),
    ];
    let mut answers = String::new();
    for (name, kind, body) in calls {
        let request = Request::post("/api/v1/requests").header("content-type", kind);
        let answer = env.call(ann, request, Body::from(body.to_owned())).await;
        answers += &format!("{name}: {} {}\n", answer.code(), answer.json()["detail"]);
    }
    assert_snapshot!(answers, @r#"
    not JSON: 400 malformed "The body is not what this call takes: send a JSON object."
    empty: 400 malformed "The body is not what this call takes: send a JSON object."
    cut short: 400 malformed "The body is not what this call takes: EOF while parsing a value at line 1 column 12."
    half a character: 400 malformed "The body is not what this call takes: unexpected end of hex escape at line 1 column 31."
    a list: 400 malformed "The body is not what this call takes: send a JSON object."
    nothing needed: 400 malformed "The body is not what this call takes: missing field `resource` at line 1 column 2."
    an unknown field: 400 malformed "The body is not what this call takes: unknown field `resaon`, expected one of `resource`, `assignment`, `reason`, `seconds`, `starts_at`, `extends` at line 1 column 22."
    twice the same field: 400 malformed "The body is not what this call takes: duplicate field `resource` at line 1 column 24."
    another type: 400 malformed "The body is not what this call takes: invalid type: string \"1\", expected i64 at line 1 column 15."
    a form: 415 unsupported_media "This call takes JSON: send it with Content-Type: application/json."
    no media type: 415 unsupported_media "This call takes JSON: send it with Content-Type: application/json."
    too large: 413 too_large "The body is larger than anything that this call takes."
    "#);
    for key in ["", &"k".repeat(201), "\u{e4}"] {
        let answer = env
            .post_once(ann, "/requests", key, json!({ "resource": logs }))
            .await;
        assert_eq!(answer.code(), "400 malformed", "{key:?}");
    }
    let answer = env
        .post(ann, "/grants/1/release", json!({ "comment": "x" }))
        .await;
    assert_eq!(answer.code(), "400 malformed");
    let answer = env.get(ann, "/requests?before=x").await;
    assert_eq!(answer.code(), "400 malformed");
    let answer = env.get(ann, "/requests?after=1").await;
    assert_eq!(answer.code(), "400 malformed");
    assert_eq!(env.seq().await, before);
}

/// A body that comes in chunks says nothing of its length beforehand.
#[tokio::test]
async fn a_body_without_a_length_is_too_large_as_well() {
    let env = TestEnv::new().await;
    let body = json!({ "resource": env.resources.database, "reason": "why" });
    let asked = env.post(env.people.ann, "/requests", body).await;
    let before = env.seq().await;
    let comment = "x".repeat(70_000);
    for act in ["approve", "deny"] {
        let path = format!("/api/v1/requests/{}/{act}", asked.id());
        let body = json!({ "comment": comment }).to_string();
        let request = Request::post(path)
            .header("content-type", "application/json")
            .header("transfer-encoding", "chunked");
        let answer = env.call(env.people.rae, request, chunked(&body)).await;
        assert_eq!(answer.code(), "413 too_large", "{act}");
    }
    assert_eq!(env.seq().await, before);
}

#[tokio::test]
async fn a_charset_and_upper_case_do_no_harm() {
    let env = TestEnv::new().await;
    let body = format!(r#"{{"resource":{},"reason":"why"}}"#, env.resources.logs);
    let request =
        Request::post("/api/v1/requests").header("content-type", "Application/JSON; charset=utf-8");
    let answer = env.call(env.people.ann, request, Body::from(body)).await;
    assert_eq!(answer.status, 201);
}

#[tokio::test]
async fn unknown_addresses_and_methods_are_problems() {
    let env = TestEnv::new().await;
    let (ann, before) = (env.people.ann, env.seq().await);
    for path in [
        "/",
        "/nothing",
        "/requests/1/nothing",
        "/requests/",
        "//",
        "/../me",
        "/%00",
    ] {
        assert_eq!(env.get(ann, path).await.code(), "404 not_found", "{path}");
    }
    for (method, path) in [
        (Method::PUT, "/me"),
        (Method::DELETE, "/requests"),
        (Method::GET, "/requests/1/approve"),
        (Method::OPTIONS, "/snapshot"),
        (Method::POST, "/openapi.json"),
        (Method::TRACE, "/events"),
    ] {
        let request = Request::builder()
            .method(method.clone())
            .uri(format!("/api/v1{path}"));
        let answer = env.call(ann, request, Body::empty()).await;
        assert_eq!(answer.code(), "405 method_not_allowed", "{method} {path}");
    }
    assert_eq!(env.seq().await, before);
}

#[tokio::test]
async fn whoever_is_not_signed_in_learns_nothing() {
    let env = TestEnv::new().await;
    let expired = env.token(env.people.ann).await;
    env.clock.forward(TimeDelta::days(21));
    // What a proxy on the way has removed or replaced is told apart from what is not known.
    for (header, code) in [
        (None, "401 no_credential"),
        (Some("Basic YW5uOnB3"), "401 no_credential"),
        (Some("Bearer wrong"), "401 unauthenticated"),
        (Some("Bearer "), "401 unauthenticated"),
        (Some(&*format!("Bearer {expired}")), "401 unauthenticated"),
    ] {
        for path in [
            "/me",
            "/snapshot",
            "/events",
            "/resources/1",
            "/resources/4711",
        ] {
            let mut request = Request::get(format!("/api/v1{path}"));
            if let Some(header) = header {
                request = request.header("authorization", header);
            }
            let response = env.send(request.body(Body::empty()).unwrap()).await;
            assert!(
                response.headers()["www-authenticate"]
                    .to_str()
                    .unwrap()
                    .starts_with("Bearer")
            );
            assert_eq!(Answer::read(response).await.code(), code);
        }
    }
}

#[tokio::test]
async fn sessions_are_listed_and_ended() {
    let env = TestEnv::new().await;
    let (ann, ben) = (env.people.ann, env.people.ben);
    let (mine, other) = (env.token(ann).await, env.token(ann).await);
    let bens = env.token(ben).await;
    let call = async |method: &str, token: &str, path: &str| {
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"));
        let request = request.header("authorization", format!("Bearer {token}"));
        Answer::read(env.send(request.body(Body::empty()).unwrap()).await).await
    };
    let sessions = call("GET", &mine, "/sessions").await;
    assert_snapshot!(sessions, @r#"
    200 application/json
    [
      {
        "created_at": "2030-01-01T00:00:00Z",
        "current": false,
        "id": 2,
        "kind": "desktop",
        "label": "Hourkey on a test host",
        "last_seen": "2030-01-01T00:00:00Z"
      },
      {
        "created_at": "2030-01-01T00:00:00Z",
        "current": true,
        "id": 1,
        "kind": "desktop",
        "label": "Hourkey on a test host",
        "last_seen": "2030-01-01T00:00:00Z"
      }
    ]
    "#);
    let foreign = call("GET", &bens, "/sessions").await.json()[0]["id"].clone();
    let unknown = call("DELETE", &mine, "/sessions/4711").await;
    assert_eq!(unknown.code(), "404 not_found");
    assert_eq!(
        call("DELETE", &mine, &format!("/sessions/{foreign}")).await,
        unknown
    );
    let id = sessions.json()[0]["id"].clone();
    assert_eq!(
        call("DELETE", &mine, &format!("/sessions/{id}"))
            .await
            .status,
        204
    );
    assert_eq!(
        call("GET", &other, "/me").await.code(),
        "401 unauthenticated"
    );
    assert_eq!(call("GET", &mine, "/me").await.status, 200);
}

#[tokio::test]
async fn every_answer_carries_the_headers_that_bind_browsers() {
    let env = TestEnv::new().await;
    for path in [
        "/api/v1/me",
        "/api/v1/nothing",
        "/api/v1/openapi.json",
        "/healthz",
    ] {
        let response = env
            .send(Request::get(path).body(Body::empty()).unwrap())
            .await;
        let headers = response.headers();
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(headers["cache-control"], "no-store", "{path}");
        assert!(
            headers["content-security-policy"]
                .to_str()
                .unwrap()
                .contains("default-src 'none'")
        );
        assert_eq!(headers["x-request-id"].len(), 16, "{path}");
    }
}

#[tokio::test]
async fn the_controller_says_that_it_is_healthy() {
    let env = TestEnv::new().await;
    let response = env
        .send(Request::get("/healthz").body(Body::empty()).unwrap())
        .await;
    let answer = Answer::read(response).await;
    assert_eq!(
        (answer.status.as_u16(), answer.text.as_str()),
        (200, "ok\n")
    );
}

#[tokio::test]
async fn the_description_is_served_and_names_every_route_and_code() {
    let env = TestEnv::new().await;
    let response = env.send(
        Request::get("/api/v1/openapi.json")
            .body(Body::empty())
            .unwrap(),
    );
    let document = Answer::read(response.await).await.json();
    assert_eq!(document, *test_env::description::DOCUMENT);
    let mut routes = String::new();
    let (mut codes, mut names) = (BTreeSet::new(), BTreeSet::new());
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap();
            assert!(
                names.insert(name.to_owned()),
                "two operations are called {name}"
            );
            let responses = operation["responses"].as_object().unwrap();
            let statuses = responses
                .keys()
                .map(String::as_str)
                .collect::<Vec<_>>()
                .join(" ");
            routes += &format!("{} {path}: {statuses}\n", method.to_uppercase());
            for response in responses.values() {
                let examples = &response["content"]["application/problem+json"]["examples"];
                codes.extend(
                    examples
                        .as_object()
                        .into_iter()
                        .flatten()
                        .map(|(code, _)| code.clone()),
                );
            }
        }
    }
    assert_snapshot!(routes, @r#"
    GET /api/v1/deputies: 200 401 403 429 500 503
    POST /api/v1/deputies: 201 400 401 403 404 409 413 415 422 429 500 503
    DELETE /api/v1/deputies/{id}: 204 401 403 404 500 503
    PUT /api/v1/device: 200 400 401 403 413 415 429 500 503
    GET /api/v1/devices: 200 401 429 500 503
    DELETE /api/v1/devices/{id}: 204 401 403 404 500 503
    GET /api/v1/events: 200 401 429 500 503
    GET /api/v1/explain: 200 400 401 404 429 500 503
    POST /api/v1/gateway/ack: 204 400 401 404 413 415 500 503
    POST /api/v1/gateway/certificate: 200 400 401 403 413 415 500 503
    POST /api/v1/gateway/connections: 204 400 401 413 415 500 503
    POST /api/v1/gateway/devices: 204 400 401 404 413 415 500 503
    POST /api/v1/gateway/enrol: 200 400 401 403 413 415 500 503
    POST /api/v1/gateway/stream: 200 400 401 413 415 500 503
    POST /api/v1/grants/{id}/release: 200 400 401 403 404 409 413 500 503
    POST /api/v1/grants/{id}/revoke: 200 400 401 403 404 409 413 415 422 500 503
    GET /api/v1/me: 200 401 429 500 503
    GET /api/v1/networks: 200 401 429 500 503
    GET /api/v1/requests: 200 400 401 429 500 503
    POST /api/v1/requests: 200 201 400 401 404 409 413 415 422 429 500 503
    GET /api/v1/requests/{id}: 200 401 404 429 500 503
    POST /api/v1/requests/{id}/approve: 200 400 401 403 404 409 413 415 422 429 500 503
    POST /api/v1/requests/{id}/cancel: 200 400 401 403 404 409 413 429 500 503
    POST /api/v1/requests/{id}/deny: 200 400 401 403 404 409 413 415 422 429 500 503
    POST /api/v1/requests/{id}/reviewers: 200 400 401 403 404 409 413 415 429 500 503
    POST /api/v1/requests/{id}/undo: 200 400 401 403 404 409 413 429 500 503
    GET /api/v1/resources: 200 401 429 500 503
    GET /api/v1/resources/{id}: 200 401 404 429 500 503
    GET /api/v1/reviews: 200 401 403 429 500 503
    GET /api/v1/sessions: 200 401 429 500 503
    DELETE /api/v1/sessions/{id}: 204 401 403 404 500 503
    GET /api/v1/snapshot: 200 401 429 500 503
    GET /api/v1/unlocks: 200 400 401 403 404 429 500 503
    POST /api/v1/unlocks: 200 400 401 403 404 409 413 415 422 429 500 503
    "#);
    let missing: Vec<_> = Code::ALL
        .iter()
        .map(|code| code.as_str())
        .filter(|code| !codes.contains(*code))
        .collect();
    // An address that takes no such method has no operation to describe it.
    assert_eq!(missing, ["method_not_allowed"]);

    // Every reference leads somewhere.
    let mut references = BTreeSet::new();
    collect_references(&document, &mut references);
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    assert_eq!(
        document["components"]["securitySchemes"]["token"]["scheme"],
        "bearer"
    );
}

fn collect_references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(target) if name == "$ref" => {
                        found.insert(target.clone());
                    }
                    value => collect_references(value, found),
                }
            }
        }
        Value::Array(items) => items
            .iter()
            .for_each(|item| collect_references(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
