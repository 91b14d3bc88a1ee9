//! Gateways: added with a token that enrols them once, and removed.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::TimeDelta;
use hourkey_domain::Time;
use hourkey_domain::address::Host;
use hourkey_domain::audit::AuditAction;
use hourkey_domain::ids::{GatewayId, NetworkId, UserId};
use hourkey_domain::text::one_line;
use hourkey_protocol::problem::Code;
use hourkey_store::gateway::NewGateway;
use hourkey_store::log::{Entry, Subject};
use hourkey_store::{Room, Store, StoreError, Write, transact};
use serde_json::{Value, json};

pub use hourkey_store::gateway::Gateway;

use crate::actor::Actor;
use crate::app::App;
use crate::error::AppError;
use crate::identity::Caller;
use crate::identity::account::one_line as checked_line;
use crate::identity::secret::{digest, new_secret};

/// How long a token waits for its gateway.
pub const TOKEN: TimeDelta = TimeDelta::hours(24);

/// What somebody says of a new gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its name.
    pub name: String,
    /// The network that it serves.
    pub network: NetworkId,
    /// Where clients reach it: `host:port`.
    pub address: String,
}

/// A gateway that was added, and the token that enrols it: once, within [`TOKEN`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Added {
    /// Its id.
    pub id: GatewayId,
    /// The token: to be shown once, to whoever sets the gateway up.
    pub token: String,
}

/// All gateways, for those who see how things are set up.
///
/// # Errors
/// As for an unknown page for all others.
pub async fn list(app: &App, caller: impl Into<Caller>) -> Result<Vec<Gateway>, AppError> {
    let organisation = app.organisation().await?;
    match Actor::looking(&organisation, caller, app.clock.now())?.sees_configuration() {
        true => Ok(app.store.read().await?.gateways().await?),
        false => Err(AppError::not_found()),
    }
}

/// How many connections go on through each gateway that has any, for those who see how things are set up.
///
/// # Errors
/// As [`list`].
pub async fn open_connections(
    app: &App,
    caller: impl Into<Caller>,
) -> Result<HashMap<GatewayId, u64>, AppError> {
    let organisation = app.organisation().await?;
    match Actor::looking(&organisation, caller, app.clock.now())?.sees_configuration() {
        true => {
            let open = app.store.read().await?.open_connections().await?;
            Ok(open.into_iter().collect())
        }
        false => Err(AppError::not_found()),
    }
}

/// Adds a gateway, as an administrator or operator.
///
/// # Errors
/// [`Code::Forbidden`] for those who only see how things are set up, [`Code::NotFound`] for all others and
/// for an unknown network, [`Code::Malformed`] with what is wrong, [`Code::RateLimited`].
pub async fn add(app: &App, caller: impl Into<Caller>, wanted: Wanted) -> Result<Added, AppError> {
    let caller = caller.into();
    app.budgets.change(caller.user, app.clock.now())?;
    app.transact(Room::Usual, move |tx, now| {
        let wanted = wanted.clone();
        Box::pin(async move {
            let maker = authorized(tx, caller, now).await?;
            add_in(tx, wanted, Some(maker), now).await
        })
    })
    .await
}

/// Adds a gateway, from the terminal of the controller's host.
///
/// # Errors
/// As [`add`].
pub async fn add_here(
    store: &Arc<dyn Store>,
    wanted: Wanted,
    now: Time,
) -> Result<Added, AppError> {
    transact(store, Room::Usual, move |tx| {
        Box::pin(async move { add_in(tx, wanted, None, now).await })
    })
    .await
}

/// A new token for a gateway; an older one stops working. The gateway that is enrolled goes on until
/// another one enrols with it.
///
/// # Errors
/// As [`add`].
pub async fn new_token(
    app: &App,
    caller: impl Into<Caller>,
    id: GatewayId,
) -> Result<String, AppError> {
    let caller = caller.into();
    app.budgets.change(caller.user, app.clock.now())?;
    app.transact(Room::Usual, move |tx, now| {
        Box::pin(async move {
            let maker = authorized(tx, caller, now).await?;
            let gateway = tx.gateway(id).await?.ok_or_else(AppError::not_found)?;
            let (token, its_digest) = new_secret();
            tx.set_gateway_token(id, its_digest, now + TOKEN).await?;
            let detail = json!({ "name": gateway.name });
            let action = AuditAction::GatewayTokenMade;
            record(tx, id, action, detail, Some(maker), now).await?;
            Ok(token)
        })
    })
    .await
}

/// Removes a gateway, as an administrator or operator: it is fed nothing any more, and cuts everything.
///
/// # Errors
/// As [`add`].
pub async fn remove(app: &App, caller: impl Into<Caller>, id: GatewayId) -> Result<(), AppError> {
    let caller = caller.into();
    app.budgets.change(caller.user, app.clock.now())?;
    app.transact(Room::Kept, move |tx, now| {
        Box::pin(async move {
            let maker = authorized(tx, caller, now).await?;
            remove_in(tx, id, Some(maker), now).await
        })
    })
    .await
}

/// Removes a gateway, from the terminal of the controller's host.
///
/// # Errors
/// [`Code::NotFound`].
pub async fn remove_here(store: &Arc<dyn Store>, id: GatewayId, now: Time) -> Result<(), AppError> {
    transact(store, Room::Kept, move |tx| {
        Box::pin(remove_in(tx, id, None, now))
    })
    .await
}

async fn authorized(tx: &mut dyn Write, caller: Caller, now: Time) -> Result<UserId, AppError> {
    let actor = Actor::load(tx, caller, now).await?;
    actor.authorize_resources("Only administrators and operators add and remove gateways.")
}

async fn add_in(
    tx: &mut dyn Write,
    wanted: Wanted,
    maker: Option<UserId>,
    now: Time,
) -> Result<Added, AppError> {
    let name = checked_line(&wanted.name, "A gateway needs a name.")?;
    let address = wanted.address.trim().to_owned();
    check_address(&address)?;
    let network = tx.network(wanted.network).await?;
    let network = network.ok_or_else(AppError::not_found)?;
    let (token, its_digest) = new_secret();
    let new = NewGateway {
        name: name.clone(),
        network: network.id,
        address: address.clone(),
    };
    let id = match tx.insert_gateway(new).await {
        Err(StoreError::Duplicate(_)) => {
            let name = one_line(&name, 60);
            return Err(AppError::refused(
                Code::Malformed,
                format!("There is a gateway called “{name}” already. Choose another name."),
            ));
        }
        added => added?,
    };
    tx.set_gateway_token(id, its_digest, now + TOKEN).await?;
    let detail = json!({ "name": name, "network": network.name, "address": address });
    record(tx, id, AuditAction::GatewayAdded, detail, maker, now).await?;
    Ok(Added { id, token })
}

async fn remove_in(
    tx: &mut dyn Write,
    id: GatewayId,
    maker: Option<UserId>,
    now: Time,
) -> Result<(), AppError> {
    let gateway = tx.gateway(id).await?.ok_or_else(AppError::not_found)?;
    tx.remove_gateway(id).await?;
    let detail = json!({ "name": gateway.name });
    record(tx, id, AuditAction::GatewayRemoved, detail, maker, now).await?;
    Ok(())
}

/// Records what became of a gateway; `actor` is nobody for itself and for the terminal.
///
/// # Errors
/// The store's failure.
pub async fn record(
    tx: &mut dyn Write,
    gateway: GatewayId,
    action: AuditAction,
    detail: Value,
    actor: Option<UserId>,
    at: Time,
) -> Result<(), StoreError> {
    let entry = Entry {
        at,
        actor,
        action,
        subject: Subject::Gateway { gateway },
        detail,
    };
    tx.record(entry).await.map(|_| ())
}

/// The gateway that this token enrols, if it is good.
///
/// # Errors
/// [`Code::Unauthenticated`].
pub async fn by_token(tx: &mut dyn Write, token: &str, now: Time) -> Result<Gateway, AppError> {
    let found = tx.gateway_by_token(digest(token), now).await?;
    found.ok_or_else(|| {
        AppError::refused(
            Code::Unauthenticated,
            "This token is unknown, was used already, or has expired. Make another on the gateway’s \
             page, or with hourkey-controller gateway add.",
        )
    })
}

/// Host and port of an address; the host of an IPv6 address without its brackets.
#[must_use]
pub fn split(address: &str) -> Option<(&str, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    let port = port.parse().ok().filter(|port| *port != 0)?;
    let host = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    Some((host, port))
}

fn check_address(address: &str) -> Result<(), AppError> {
    let host = split(address).map(|(host, _)| host.parse::<Host>());
    match host {
        Some(Ok(_)) => Ok(()),
        Some(Err(_)) | None => Err(AppError::refused(
            Code::Malformed,
            format!(
                "“{}” is no address of a gateway: write where clients reach it, as gw.example.org:8443.",
                one_line(address, 100)
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_host_and_a_port() {
        for good in ["gw.corp.example:8443", "10.0.0.1:443", "[fd00::1]:8443"] {
            assert!(check_address(good).is_ok(), "{good}");
        }
        for bad in ["gw.corp.example", "gw:0", "gw:70000", ":8443", "a b:1", ""] {
            assert!(check_address(bad).is_err(), "{bad}");
        }
        assert_eq!(split("[fd00::1]:8443"), Some(("fd00::1", 8443)));
    }
}
