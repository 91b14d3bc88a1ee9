//! Loads the whole value.

use std::collections::{HashMap, HashSet};

use hourkey_domain::grant::Grant;
use hourkey_domain::ids::{GrantId, NetworkId, RequestId, ResourceId, UserId};
use hourkey_domain::organisation::{Access, Contents, Device, Names, Organisation, Session};
use hourkey_domain::request::Request;
use hourkey_domain::transition::Granted;
use hourkey_store::access::{AccessHistory, Open, OpenFilter};
use hourkey_store::account::ShownLink;
use hourkey_store::gateway::Gateway;
use hourkey_store::{Read, StoreError, account, device};

use crate::error::AppError;

/// The organisation as it stands in the transaction.
pub(super) async fn load(tx: &mut dyn Read) -> Result<Organisation, AppError> {
    let lists = tx.organisation().await?;
    let removed_users = tx.removed_users().await?.into_iter();
    let gateways = tx.gateways().await?.into_iter();
    let history = tx.all_access_history().await?;
    let open = tx.open(OpenFilter::default()).await?;
    let mut shown = tx.shown_links(None).await?;
    let living: HashSet<_> = lists.users.iter().map(|user| user.id).collect();
    shown.retain(|shown| living.contains(&shown.user));
    let contents = Contents {
        seq: tx.seq().await?,
        name: lists.name,
        periods: lists.periods,
        fallback_reviewers: lists.fallback_reviewers,
        deputies: tx.deputies().await?,
        bars: shown.iter().map(ShownLink::bar).collect(),
        users: lists.users,
        removed_users: removed_users
            .map(|(id, login, name)| (id, Names { login, name }))
            .collect(),
        groups: lists.groups,
        joined: lists.joined,
        networks: lists.networks,
        resources: lists.resources,
        removed_resources: tx.removed_resources().await?,
        assignments: lists.assignments,
        held_back: tx.held_back(None).await?,
        gateways: gateways
            .filter_map(|gateway| Some((gateway.id, serving(&gateway)?)))
            .collect(),
        accesses: accesses(tx, history, open).await?,
        devices: tx.devices(None).await?.into_iter().map(known).collect(),
        sessions: tx.sessions().await?.iter().map(running).collect(),
    };
    Ok(Organisation::build(contents))
}

/// What was kept between users and resources, of these histories and of what is open between the same.
pub(super) async fn accesses(
    tx: &mut dyn Read,
    history: Vec<((UserId, ResourceId), AccessHistory)>,
    open: Open,
) -> Result<Vec<((UserId, ResourceId), Access)>, AppError> {
    let granting = open.grants.iter().map(|grant| grant.request);
    let denied = history.iter().filter_map(|(_, history)| history.denied);
    let requests: Vec<RequestId> = granting.chain(denied).collect();
    let mut requests: HashMap<RequestId, Request> = match requests.is_empty() {
        true => HashMap::new(),
        false => {
            let found = tx.requests(&requests).await?.into_iter();
            found.map(|request| (request.id, request)).collect()
        }
    };
    let taken = history.iter().filter_map(|(_, history)| history.taken);
    let taken: Vec<GrantId> = taken.collect();
    let mut taken: HashMap<GrantId, Grant> = match taken.is_empty() {
        true => HashMap::new(),
        false => {
            let found = tx.grants(&taken).await?.into_iter();
            found.map(|grant| (grant.id, grant)).collect()
        }
    };
    let mut all: HashMap<(UserId, ResourceId), Access> = HashMap::with_capacity(history.len());
    for (between, history) in history {
        let access = Access {
            pending: None,
            grant: None,
            denied: history
                .denied
                .and_then(|id| requests.remove(&id))
                .map(Box::new),
            taken: history.taken.and_then(|id| taken.remove(&id)).map(Box::new),
            history,
        };
        all.insert(between, access);
    }
    for grant in open.grants {
        let Some(request) = requests.get(&grant.request).cloned() else {
            let why = format!("grant {} rests on no request", grant.id);
            return Err(StoreError::Corrupt(why).into());
        };
        let access = all.entry((grant.user, grant.resource)).or_default();
        access.grant = Some(Box::new(Granted { grant, request }));
    }
    for request in open.requests {
        let access = all.entry((request.user, request.resource)).or_default();
        access.pending = Some(Box::new(request));
    }
    Ok(all.into_iter().collect())
}

/// The network that a gateway serves, once it has enrolled.
pub(super) fn serving(gateway: &Gateway) -> Option<NetworkId> {
    gateway.key.as_ref().map(|_| gateway.network)
}

/// A device, as far as gateways must know it.
pub(super) fn known(device: device::Device) -> Device {
    Device {
        id: device.id,
        user: device.user,
        session: device.session,
        key: device.key,
    }
}

/// How long a session lasts.
pub(super) fn running(session: &account::Session) -> Session {
    Session {
        id: session.id,
        user: session.user,
        ends_at: session.ends_at,
    }
}
