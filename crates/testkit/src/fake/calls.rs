//! The calls of the API, but for the stream.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use chrono::TimeDelta;
use hourkey_domain::ids::{DeviceId, NetworkId};
use hourkey_pki::{Request, Subject};
use hourkey_protocol::access::Resource;
use hourkey_protocol::account::Me;
use hourkey_protocol::device::{DeviceEnrolment, EnrolDevice, Network, Networks};
use hourkey_protocol::event::Snapshot;
use hourkey_protocol::problem::Code;

use super::controller::{FakeController, certificate, problem};
use super::rows::{self, at, person};

pub(super) async fn me(State(controller): State<FakeController>) -> Json<Me> {
    controller.seen().log.push("me".to_owned());
    Json(person())
}

pub(super) async fn requests(
    State(controller): State<FakeController>,
    headers: HeaderMap,
) -> Response {
    let key = headers["Idempotency-Key"].to_str().unwrap().to_owned();
    controller.seen().keys.push(key);
    let mut script = controller.script();
    if script.break_requests > 0 {
        script.break_requests -= 1;
        // A body that fails after the head: the connection breaks under the answer.
        let broken = futures_util::stream::iter([Err::<String, _>(std::io::Error::other("cut"))]);
        return Response::new(Body::from_stream(broken));
    }
    problem(Code::BlankText)
}

pub(super) async fn enrol(
    State(controller): State<FakeController>,
    Json(enrol): Json<EnrolDevice>,
) -> Json<DeviceEnrolment> {
    let key = Request::from_pem(&enrol.request).unwrap().fingerprint();
    controller.seen().enrolments.push(key);
    let device = DeviceId(1);
    let subject = Subject::Device(device);
    Json(DeviceEnrolment {
        device,
        certificate: certificate(controller.device_authority(), &enrol.request, subject),
        expires_at: at(0) + TimeDelta::days(1),
    })
}

pub(super) async fn networks(State(controller): State<FakeController>) -> Json<Networks> {
    Json(Networks {
        networks: vec![Network {
            id: NetworkId(1),
            name: "Office".to_owned(),
            gateways: controller.gateways(),
        }],
        authority: controller.gateway_authority().certificate().to_owned(),
    })
}

pub(super) async fn resources(State(controller): State<FakeController>) -> Json<Vec<Resource>> {
    Json(controller.rows().borrow().clone().unwrap_or_default())
}

pub(super) async fn snapshot(State(controller): State<FakeController>) -> Json<Snapshot> {
    let rows = controller.rows().borrow().clone();
    Json(rows::snapshot(1, 0, rows.unwrap_or_default()))
}
