//! What one message to a gateway holds, of one value of the organisation.

use std::collections::{BTreeMap, BTreeSet};

use hourkey_access::app::App;
use hourkey_access::error::AppError;
use hourkey_access::identity::session::running_until;
use hourkey_domain::Time;
use hourkey_domain::ids::{DeviceId, NetworkId, UserId};
use hourkey_domain::organisation::Organisation;
use hourkey_protocol::gateway::{All, Changes, Destination, Device, LiveDevice, Permit, User};
use hourkey_store::gateway::Gateway;
use hourkey_store::log::{Change, Subject};

/// The devices that are connected to a gateway, each with its user while it lives.
#[derive(Clone, Debug, Default)]
pub(super) struct Watched(BTreeMap<DeviceId, Option<UserId>>);

impl Watched {
    pub(super) fn add(&mut self, devices: &[DeviceId]) {
        for device in devices {
            self.0.entry(*device).or_insert(None);
        }
    }

    pub(super) fn remove(&mut self, devices: &[DeviceId]) {
        for device in devices {
            self.0.remove(device);
        }
    }

    fn users(&self) -> BTreeSet<UserId> {
        self.0.values().flatten().copied().collect()
    }

    fn of(&self, users: &BTreeSet<UserId>) -> BTreeSet<DeviceId> {
        let theirs = self
            .0
            .iter()
            .filter(|(_, user)| user.is_some_and(|user| users.contains(&user)));
        theirs.map(|(device, _)| *device).collect()
    }
}

/// What has to be told anew.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Due {
    /// The resources of the network.
    resources: bool,
    /// These devices, and what their users may use.
    devices: BTreeSet<DeviceId>,
    /// What these users may use.
    users: BTreeSet<UserId>,
    /// Whether the gateway is still there.
    gateway: bool,
}

impl Due {
    /// Devices that came.
    pub(super) fn came(devices: &[DeviceId]) -> Self {
        Self {
            devices: devices.iter().copied().collect(),
            ..Self::default()
        }
    }

    /// What follows from changes in the store; `None` stands for changes that nobody knows.
    pub(super) fn of(changes: Option<&[Change]>, watched: &Watched, gateway: &Gateway) -> Self {
        let mut due = Self::default();
        let Some(changes) = changes else {
            return Self::everything(watched);
        };
        let users = watched.users();
        for change in changes {
            match change.subject {
                Subject::Access { user, .. }
                | Subject::Use {
                    user,
                    restarts_count: true,
                    ..
                } if users.contains(&user) => {
                    due.users.insert(user);
                }
                Subject::Account { user } if users.contains(&user) => {
                    due.devices.extend(watched.of(&BTreeSet::from([user])));
                }
                Subject::Access { .. }
                | Subject::Account { .. }
                | Subject::Use { .. }
                | Subject::GatewayAsked { .. }
                | Subject::Mail
                | Subject::Download => {}
                Subject::Organisation { .. } | Subject::Unknown => {
                    return Self::everything(watched);
                }
                Subject::Gateway { gateway: which } => due.gateway |= which == gateway.id,
            }
        }
        due
    }

    fn everything(watched: &Watched) -> Self {
        Self {
            resources: true,
            devices: watched.0.keys().copied().collect(),
            users: watched.users(),
            gateway: true,
        }
    }

    pub(super) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// Everything, for the start of a stream.
pub(super) async fn all(
    app: &App,
    gateway: &Gateway,
    stream: u64,
    watched: &mut Watched,
) -> Result<All, AppError> {
    let due = Due::everything(watched);
    let organisation = app.organisation().await?;
    let now = app.clock.now();
    let (devices, users) = told(app, &organisation, gateway.network, watched, &due, now).await?;
    Ok(All {
        stream,
        seq: organisation.seq(),
        server_time: now,
        resources: destinations(&organisation, gateway.network),
        devices,
        users,
        takes_mismatch: true,
    })
}

/// What is due, of a value that is at least as new as what was heard of so far, up to `seq`; `None`
/// when the gateway was removed. More may have happened by now, of which only what is due is told.
pub(super) async fn changes(
    app: &App,
    gateway: &Gateway,
    watched: &mut Watched,
    due: &Due,
    seq: i64,
) -> Result<Option<Changes>, AppError> {
    let organisation = app.organisation_at(seq).await?;
    let now = app.clock.now();
    if due.gateway && organisation.gateway(gateway.id).is_none() {
        return Ok(None);
    }
    let (devices, users) = told(app, &organisation, gateway.network, watched, due, now).await?;
    let resources = due
        .resources
        .then(|| destinations(&organisation, gateway.network));
    Ok(Some(Changes {
        seq,
        server_time: now,
        resources,
        devices,
        users,
    }))
}

/// The devices that are due, and the users that are due or whose devices are.
///
/// A device that comes is told of only if its user sees a resource of the network: a gateway may
/// name any device, and TLS hands out no proof that it is connected (docs/SECURITY.md).
async fn told(
    app: &App,
    organisation: &Organisation,
    network: NetworkId,
    watched: &mut Watched,
    due: &Due,
    now: Time,
) -> Result<(Vec<Device>, Vec<User>), AppError> {
    let in_network = |id| organisation.permits(id, network, now);
    let mut users = BTreeMap::new();
    for id in &due.users {
        users.insert(*id, in_network(*id));
    }
    let mut devices = Vec::with_capacity(due.devices.len());
    for id in &due.devices {
        // One that went meanwhile concerns nobody any more.
        let Some(before) = watched.0.get(id).copied() else {
            continue;
        };
        let mut live = live(app, organisation, *id, now).await?;
        if let Some(user) = live.as_ref().map(|live| live.user) {
            let known = users.entry(user).or_insert_with(|| in_network(user));
            // One that was told of loses its permits first, and is cut for that reason.
            if before.is_none() && !known.sees_any {
                live = None;
            }
        }
        watched.0.insert(*id, live.as_ref().map(|live| live.user));
        devices.push(Device { id: *id, live });
    }
    let told: BTreeSet<UserId> = watched.users();
    let users = users.into_iter().filter(|(id, _)| told.contains(id));
    let shown = users.map(|(id, here)| User {
        id,
        permits: here
            .permits
            .into_iter()
            .map(|permit| Permit {
                resource: permit.resource,
                until: permit.until,
            })
            .collect(),
    });
    Ok((devices, shown.collect()))
}

/// A device as long as its session runs.
async fn live(
    app: &App,
    organisation: &Organisation,
    id: DeviceId,
    now: Time,
) -> Result<Option<LiveDevice>, AppError> {
    let Some(device) = organisation.device(id) else {
        return Ok(None);
    };
    let runs = running_until(app, organisation, device.session, now).await?;
    Ok(runs.map(|_| LiveDevice {
        user: device.user,
        key: device.key.clone(),
    }))
}

fn destinations(organisation: &Organisation, network: NetworkId) -> Vec<Destination> {
    let resources = organisation.resources_of(network);
    let destinations = resources.map(|resource| Destination {
        id: resource.id,
        address: resource.address.to_string(),
        ports: resource.ports.clone(),
        keep_alive_offline: resource.keep_alive_offline,
    });
    destinations.collect()
}
