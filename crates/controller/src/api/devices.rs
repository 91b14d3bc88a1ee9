//! Devices of the person, and where they connect.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use hourkey_access::app::App;
use hourkey_access::identity::device;
use hourkey_domain::ids::DeviceId;
use hourkey_protocol::device::{Device, DeviceEnrolment, EnrolDevice, Networks};

use super::call::{Id, JsonBody};
use super::error::ApiError;
use super::errors::{EndErrors, EnrolDeviceErrors, ReadErrors};
use crate::api::extract::SignedIn;
use crate::gateways::enrol;

/// Enrols the device of this session, or renews its certificate.
///
/// A request that is signed with the same key as before renews; another key enrols another device,
/// and the one before ends.
#[utoipa::path(put, path = "/device", operation_id = "enrol_device", tag = "use",
    request_body = EnrolDevice,
    responses((status = 200, description = "The device's certificate.", body = DeviceEnrolment),
        EnrolDeviceErrors))]
pub(super) async fn enrol_device(
    State(app): State<App>,
    SignedIn { session, .. }: SignedIn,
    JsonBody { body, key: _ }: JsonBody<EnrolDevice>,
) -> Result<Json<DeviceEnrolment>, ApiError> {
    app.budgets.change(session.user, app.clock.now())?;
    Ok(Json(device::enrol(&app, session, body).await?))
}

/// The person's devices, newest first.
#[utoipa::path(get, path = "/devices", operation_id = "list_devices", tag = "use",
    responses((status = 200, description = "Those that have not ended.", body = [Device]),
        ReadErrors))]
pub(super) async fn list(
    State(app): State<App>,
    SignedIn { session, .. }: SignedIn,
) -> Result<Json<Vec<Device>>, ApiError> {
    Ok(Json(device::list(&app, &session).await?))
}

/// Ends a device: one's own, or, as an administrator, anybody's. Its certificate stops working at
/// once, and its session ends. A session that signed in by a device code ends its own device alone.
#[utoipa::path(delete, path = "/devices/{id}", operation_id = "end_device", tag = "use",
    params(("id" = DeviceId, Path, description = "The device.")),
    responses((status = 204, description = "It has ended."), EndErrors))]
pub(super) async fn end(
    State(app): State<App>,
    SignedIn { caller, session }: SignedIn,
    Id(id): Id<DeviceId>,
) -> Result<StatusCode, ApiError> {
    device::end_by(&app, caller, session.id, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The networks of the person's resources, and the gateways that serve them.
#[utoipa::path(get, path = "/networks", operation_id = "networks", tag = "use",
    responses((status = 200, description = "Where to connect, and whom to trust.", body = Networks),
        ReadErrors))]
pub(super) async fn networks(
    State(app): State<App>,
    signed_in: SignedIn,
) -> Result<Json<Networks>, ApiError> {
    Ok(Json(enrol::networks(&app, signed_in.caller.user).await?))
}
