//! The codes of hosts without a browser, as people type them (RFC 8628, 3.3).

use hourkey_domain::Time;
use hourkey_domain::ids::{SessionId, UserId};
use hourkey_store::Room;
use hourkey_store::account::{Consent, DeviceCode};

use crate::app::App;
use crate::error::AppError;

/// Letters of what the person types: 34 bits, which the limits on attempts make plenty.
pub const USER_CODE: usize = 8;

/// A host that waits to be let in.
#[derive(Clone, Debug)]
pub struct WaitingHost {
    /// What the person types, without its hyphen.
    pub user_code: String,
    /// The client's id.
    pub client_id: String,
    /// What it calls itself.
    pub label: String,
}

/// The host that waits with this code, while it does.
///
/// # Errors
/// The store's failure.
pub async fn find(app: &App, user_code: &str) -> Result<Option<WaitingHost>, AppError> {
    let now = app.clock.now();
    let mut tx = app.store.read().await?;
    let found = tx.device_code_by_user_code(user_code).await?;
    let waiting = found.filter(|device| is_open(device, now));
    Ok(waiting.map(|device| WaitingHost {
        user_code: device.user_code,
        client_id: device.client_id,
        label: device.label,
    }))
}

/// Lets the host in by the session of the person, or sends it away. Nothing happens to one that no
/// longer waits: somebody else may have typed the code meanwhile.
///
/// # Errors
/// The store's failure.
pub async fn decide(
    app: &App,
    user_code: String,
    by: Option<(UserId, SessionId)>,
) -> Result<(), AppError> {
    let consent = by.map(|(user, session)| Consent { user, session });
    app.transact(Room::Usual, move |tx, now| {
        Box::pin(async move {
            let device = tx.device_code_by_user_code(&user_code).await?;
            if device.is_some_and(|device| is_open(&device, now)) {
                tx.decide_device_code(&user_code, consent).await?;
            }
            Ok(())
        })
    })
    .await
}

fn is_open(device: &DeviceCode, now: Time) -> bool {
    now < device.expires_at && device.consent.is_none() && !device.denied
}
