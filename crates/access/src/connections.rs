//! What went through the gateways under one grant.

use std::collections::HashMap;

use hourkey_protocol::access::{Request, RequestStatus};
use hourkey_store::usage::Connection;

use crate::app::App;
use crate::error::AppError;

/// The most that is shown.
pub const SHOWN: u32 = 20;

/// A connection, and the name of its gateway.
#[derive(Clone, Debug)]
pub struct Through {
    /// The gateway's name.
    pub gateway: String,
    /// The connection.
    pub connection: Connection,
}

/// The connections of the requester while the grant of their request ran, newest first, at most
/// [`SHOWN`]. Whoever may see the request may see them.
///
/// # Errors
/// The store's failure.
pub async fn through(app: &App, request: &Request) -> Result<Vec<Through>, AppError> {
    let (RequestStatus::Approved { .. }, Some(grant)) = (&request.status, &request.grant) else {
        return Ok(Vec::new());
    };
    let (user, resource) = (request.requester.id, request.resource);
    let until = grant.ended_at().unwrap_or_else(|| app.clock.now());
    let mut tx = app.store.read().await?;
    let found = tx
        .connections(user, resource, grant.starts_at, until, SHOWN)
        .await?;
    let gateways = tx.gateways().await?.into_iter();
    let names: HashMap<_, _> = gateways.map(|it| (it.id, it.name)).collect();
    let named = found.into_iter().map(|connection| {
        let name = names.get(&connection.gateway).cloned();
        let gateway = name.unwrap_or_else(|| "a removed gateway".to_owned());
        Through {
            gateway,
            connection,
        }
    });
    Ok(named.collect())
}
