//! The calls that gateways make.

use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use hourkey_domain::ids::GatewayId;
use hourkey_protocol::gateway::{
    ALL, Ack, All, Connected, Enrol, Enrolment, Follow, REPLACED, Renew,
};
use hourkey_protocol::problem::{Code, MEDIA_TYPE};
use tokio::sync::mpsc;

use super::{CREDENTIAL, ControllerState, GatewayStream};

pub(super) fn all(all: Arc<Mutex<ControllerState>>) -> Router {
    Router::new()
        .route("/api/v1/gateway/enrol", post(enrol))
        .route("/api/v1/gateway/certificate", post(renew))
        .route("/api/v1/gateway/stream", post(follow))
        .route("/api/v1/gateway/devices", post(connected))
        .route("/api/v1/gateway/ack", post(ack))
        .route("/api/v1/gateway/connections", post(connections))
        .route("/healthz", get(healthz))
        .with_state(all)
}

impl ControllerState {
    fn refuses(&mut self, headers: &HeaderMap) -> Option<Response> {
        if let Some(status) = self.away {
            self.refusals += 1;
            return Some(status.into_response());
        }
        let given = headers.get(header::AUTHORIZATION);
        let right = given.is_some_and(|it| it == &format!("Bearer {CREDENTIAL}"));
        (self.removed || !right).then(|| unauthenticated("This is no credential of a gateway."))
    }
}

fn unauthenticated(detail: &str) -> Response {
    problem(StatusCode::UNAUTHORIZED, Code::Unauthenticated, detail)
}

fn problem(status: StatusCode, code: Code, detail: &str) -> Response {
    let kind = [(header::CONTENT_TYPE, MEDIA_TYPE)];
    (status, kind, Json(code.problem(detail))).into_response()
}

type Shared = State<Arc<Mutex<ControllerState>>>;

async fn healthz(State(all): Shared) -> StatusCode {
    all.lock().unwrap().away.unwrap_or(StatusCode::OK)
}

async fn enrol(State(all): Shared, Json(body): Json<Enrol>) -> Response {
    let mut all = all.lock().unwrap();
    if all.token.take_if(|token| *token == body.token).is_none() {
        return unauthenticated("This token is not known, or was used already.");
    }
    Json(Enrolment {
        gateway: GatewayId(1),
        name: "gw-1".to_owned(),
        network: "office".to_owned(),
        credential: CREDENTIAL.to_owned(),
        certificate: all.certificate(&body.request),
    })
    .into_response()
}

async fn renew(State(all): Shared, headers: HeaderMap, Json(body): Json<Renew>) -> Response {
    let mut all = all.lock().unwrap();
    if let Some(refusal) = all.refuses(&headers) {
        return refusal;
    }
    all.renewals += 1;
    Json(all.certificate(&body.request)).into_response()
}

async fn follow(State(shared): Shared, headers: HeaderMap, Json(body): Json<Follow>) -> Response {
    let mut all = shared.lock().unwrap();
    if let Some(refusal) = all.refuses(&headers) {
        return refusal;
    }
    let (tx, mut rx) = mpsc::unbounded_channel();
    all.say(REPLACED, &serde_json::json!({}));
    all.streams += 1;
    all.followed = body.devices.iter().copied().collect();
    all.stream = Some(GatewayStream {
        number: all.streams,
        heard: 0,
        tx,
    });
    let (devices, users) = all.about(&body.devices);
    let everything = All {
        stream: all.streams,
        seq: all.seq,
        server_time: all.now(),
        resources: all.resources.values().cloned().collect(),
        devices,
        users,
        takes_mismatch: all.takes_mismatch,
    };
    if !all.mute {
        all.say(ALL, &everything);
    }
    let events = futures_util::stream::poll_fn(move |cx| {
        rx.poll_recv(cx)
            .map(|event| event.map(Ok::<_, std::io::Error>))
    });
    (
        [(header::CONTENT_TYPE, "text/event-stream")],
        Body::from_stream(events),
    )
        .into_response()
}

async fn connected(
    State(all): Shared,
    headers: HeaderMap,
    Json(body): Json<Connected>,
) -> Response {
    let mut all = all.lock().unwrap();
    if let Some(refusal) = all.refuses(&headers) {
        return refusal;
    }
    if all.stream.as_ref().map(|stream| stream.number) == Some(body.stream) {
        for id in &body.went {
            all.followed.remove(id);
        }
        all.followed.extend(&body.came);
        let (devices, users) = all.about(&body.came);
        all.say_changes(None, devices, users);
    }
    StatusCode::NO_CONTENT.into_response()
}

async fn ack(State(all): Shared, headers: HeaderMap, Json(body): Json<Ack>) -> Response {
    let mut all = all.lock().unwrap();
    if let Some(refusal) = all.refuses(&headers) {
        return refusal;
    }
    if let Some(stream) = all.stream.as_mut().filter(|it| it.number == body.stream) {
        assert_eq!(
            body.number,
            stream.heard + 1,
            "acknowledgements are counted"
        );
        stream.heard = body.number;
        assert!(body.seq >= all.acked, "sequence numbers grow");
        all.acked = body.seq;
        return StatusCode::NO_CONTENT.into_response();
    }
    let detail = "This stream has ended. Open another one.";
    problem(StatusCode::NOT_FOUND, Code::NotFound, detail)
}

async fn connections(
    State(all): Shared,
    headers: HeaderMap,
    Json(body): Json<serde_json::Value>,
) -> Response {
    let mut all = all.lock().unwrap();
    if let Some(refusal) = all.refuses(&headers) {
        return refusal;
    }
    let reported = body["connections"].as_array().unwrap();
    all.reported.extend(reported.iter().cloned());
    StatusCode::NO_CONTENT.into_response()
}
