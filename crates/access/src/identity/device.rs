//! Devices: enrolled by their session, with a certificate for a day at a time.

use chrono::TimeDelta;
use hourkey_domain::Time;
use hourkey_domain::audit::AuditAction;
use hourkey_domain::ids::{DeviceId, SessionId, UserId};
use hourkey_domain::review::Role;
use hourkey_pki::{IssueError, Request, Subject as CertificateSubject};
use hourkey_protocol::account::SessionKind;
use hourkey_protocol::device::{Device as Shown, DeviceEnrolment, EnrolDevice};
use hourkey_protocol::problem::Code;
use hourkey_store::account::Session;
use hourkey_store::device::NewDevice;
use hourkey_store::log::{Entry, Subject};
use hourkey_store::organisation::User;
use hourkey_store::{Room, Write};
use serde_json::json;

pub use hourkey_store::device::Device;

use super::caller::Caller;
use super::session::{self, label};
use crate::actor::Actor;
use crate::app::App;
use crate::error::AppError;

/// How long a device's certificate is valid.
const CERTIFICATE: TimeDelta = TimeDelta::hours(24);

/// Enrols the device of a session, or renews its certificate when the request is signed with the
/// key that it had. Another key is another device: the one before ends.
///
/// # Errors
/// [`Code::Malformed`] for what is no request; [`Code::Forbidden`] for a browser.
pub async fn enrol(
    app: &App,
    session: Session,
    call: EnrolDevice,
) -> Result<DeviceEnrolment, AppError> {
    if session.kind == SessionKind::Browser {
        return Err(AppError::refused(
            Code::Forbidden,
            "A browser is no device. Use the desktop app or the CLI.",
        ));
    }
    let request = request(&call.request)?;
    let key = request.fingerprint();
    let name = label(&call.name, "Unnamed");
    let (device, at) = app
        .transact(Room::Usual, move |tx, now| {
            Box::pin(async move {
                let running = tx.session(session.id).await?;
                if !running.is_some_and(|session| session::is_running(&session, now)) {
                    return Err(AppError::refused(
                        Code::Unauthenticated,
                        "The session has ended. Sign in again.",
                    ));
                }
                let device = match tx.device_of(session.id).await? {
                    Some(device) if device.key == key => {
                        tx.renew_device(device.id, now).await?;
                        device.id
                    }
                    before => {
                        if let Some(before) = before {
                            end(tx, &before, Some(session.user), "another key", now).await?;
                        }
                        insert(tx, &session, name, key, now).await?
                    }
                };
                Ok((device, now))
            })
        })
        .await?;
    let subject = CertificateSubject::Device(device);
    let issued = app
        .authorities
        .devices
        .issue(&request, subject, None, CERTIFICATE, at);
    let issued = issued.map_err(anyhow::Error::from)?;
    Ok(DeviceEnrolment {
        device,
        certificate: issued.certificate,
        expires_at: issued.expires_at,
    })
}

/// What somebody sent to be certified.
pub fn request(pem: &str) -> Result<Request, AppError> {
    Request::from_pem(pem).map_err(|error| match error {
        IssueError::BadRequest => AppError::refused(
            Code::Malformed,
            "The field request holds no certificate signing request (PKCS #10, PEM) with a right \
             signature.",
        ),
        IssueError::Failed(_) => AppError::Broken(error.into()),
    })
}

async fn insert(
    tx: &mut dyn Write,
    session: &Session,
    name: String,
    key: String,
    now: Time,
) -> Result<DeviceId, AppError> {
    let new = NewDevice {
        session: session.id,
        name: name.clone(),
        key: key.clone(),
        created_at: now,
    };
    let id = tx.insert_device(new).await?;
    let entry = Entry {
        at: now,
        actor: Some(session.user),
        action: AuditAction::DeviceEnrolled,
        subject: Subject::Account { user: session.user },
        detail: json!({ "device": id, "session": session.id, "name": name, "key": key }),
    };
    tx.record(entry).await?;
    Ok(id)
}

/// Ends a device and records why: its certificate stops working at once.
///
/// # Errors
/// The store's failure.
pub async fn end(
    tx: &mut dyn Write,
    device: &Device,
    actor: Option<UserId>,
    why: &str,
    now: Time,
) -> Result<(), AppError> {
    tx.end_device(device.id).await?;
    let entry = Entry {
        at: now,
        actor,
        action: AuditAction::DeviceEnded,
        subject: Subject::Account { user: device.user },
        detail: json!({ "device": device.id, "name": device.name, "why": why }),
    };
    tx.record(entry).await?;
    Ok(())
}

/// Ends one's own device, or, as an administrator, anybody's. Others answer as unknown (rule 1).
/// Its session ends with it: whoever holds a lost device could enrol it anew otherwise. `own` is the
/// caller's session.
///
/// # Errors
/// [`AppError::not_found`]; [`Code::Forbidden`] where `own` ends nothing but itself; the store's
/// failure.
pub async fn end_by(
    app: &App,
    caller: Caller,
    own: SessionId,
    id: DeviceId,
) -> Result<(), AppError> {
    app.transact(Room::Kept, move |tx, now| {
        Box::pin(async move {
            let by = caller.user;
            let actor = Actor::load(tx, caller, now).await?;
            let device = tx.device(id).await?;
            let theirs = device.filter(|it| it.user == by || actor.administers());
            let device = theirs.ok_or_else(AppError::not_found)?;
            caller.may_end(own, device.session)?;
            let why = if device.user == by {
                "ended by its owner"
            } else {
                "ended by an administrator"
            };
            end(tx, &device, Some(by), why, now).await?;
            if let Some(session) = tx.session(device.session).await? {
                session::end(tx, &session, Some(by), "its device was ended", now).await?;
            }
            Ok(())
        })
    })
    .await
}

/// The person's devices, newest first. `current` is the session that asks.
///
/// # Errors
/// The store's failure.
pub async fn list(app: &App, session: &Session) -> Result<Vec<Shown>, AppError> {
    let devices = app.store.read().await?.devices(Some(session.user)).await?;
    let shown = devices.into_iter().map(|device| Shown {
        id: device.id,
        name: device.name,
        kind: device.kind,
        created_at: device.created_at,
        renewed_at: device.renewed_at,
        current: device.session == session.id,
    });
    Ok(shown.collect())
}

/// A device with the name of whose it is.
#[derive(Clone, Debug)]
pub struct Owned {
    /// The device.
    pub device: Device,
    /// Its user's display name.
    pub owner: String,
}

/// The devices that a person may end, newest first: their own, or everybody's.
///
/// # Errors
/// The store's failure.
pub async fn visible_to(app: &App, user: &User) -> Result<Vec<Owned>, AppError> {
    let mut tx = app.store.read().await?;
    let whose = (!sees_all(user)).then_some(user.id);
    let mut owned = Vec::new();
    for device in tx.devices(whose).await? {
        let names = tx.user_name(device.user).await?;
        let owner = names.map(|(_, name)| name).unwrap_or_default();
        owned.push(Owned { device, owner });
    }
    Ok(owned)
}

/// True for administrators: they see and end everybody's devices.
#[must_use]
pub fn sees_all(user: &User) -> bool {
    user.roles.contains(&Role::Admin)
}
