//! Which devices a gateway asks about, for the audit log: a gateway may name any device and is told
//! what its user may use in the gateway's network, and TLS hands out no proof that the device is
//! connected. Each device is recorded once a day for each gateway.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::NaiveDate;
use hourkey_access::app::App;
use hourkey_domain::audit::AuditAction;
use hourkey_domain::ids::{DeviceId, GatewayId};
use hourkey_store::Room;
use hourkey_store::log::{Entry, Subject};
use serde_json::json;

/// What was recorded today.
#[derive(Debug, Default)]
pub struct Asked(Mutex<HashMap<GatewayId, Today>>);

#[derive(Debug, Default)]
struct Today {
    day: NaiveDate,
    devices: BTreeSet<DeviceId>,
}

impl Asked {
    /// Those of the devices that are not recorded for this day yet; from now on they are.
    fn new_ones(&self, gateway: GatewayId, devices: &[DeviceId], day: NaiveDate) -> Vec<DeviceId> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let today = all.entry(gateway).or_default();
        if today.day != day {
            *today = Today {
                day,
                devices: BTreeSet::new(),
            };
        }
        let new = devices.iter().copied();
        new.filter(|device| today.devices.insert(*device)).collect()
    }

    fn forget(&self, gateway: GatewayId, devices: &[DeviceId]) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(today) = all.get_mut(&gateway) {
            today.devices.retain(|device| !devices.contains(device));
        }
    }
}

/// Records what a gateway asks about. In the background: a store that cannot be written must not
/// keep a gateway from hearing of revocations.
pub(super) fn record(app: &App, asked: &Arc<Asked>, gateway: GatewayId, devices: &[DeviceId]) {
    let new = asked.new_ones(gateway, devices, app.clock.now().date_naive());
    if new.is_empty() {
        return;
    }
    let (app, asked) = (app.clone(), Arc::clone(asked));
    tokio::spawn(async move {
        let devices = new.clone();
        let recorded = app.transact(Room::Usual, move |tx, now| {
            Box::pin(async move {
                let entry = Entry {
                    at: now,
                    actor: None,
                    action: AuditAction::GatewayAsked,
                    subject: Subject::GatewayAsked { gateway },
                    detail: json!({ "devices": devices }),
                };
                Ok(tx.record(entry).await?)
            })
        });
        if let Err(failure) = recorded.await {
            // The next time that it asks about them.
            asked.forget(gateway, &new);
            failure.log();
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_device_is_recorded_once_a_day_for_each_gateway() {
        let day = |day| NaiveDate::from_ymd_opt(2030, 1, day).unwrap();
        let ids = |ids: &[i64]| ids.iter().copied().map(DeviceId).collect::<Vec<_>>();
        let (one, other) = (GatewayId(1), GatewayId(2));
        let asked = Asked::default();
        assert_eq!(asked.new_ones(one, &ids(&[7, 8]), day(1)), ids(&[7, 8]));
        assert_eq!(asked.new_ones(one, &ids(&[8, 9]), day(1)), ids(&[9]));
        assert_eq!(asked.new_ones(other, &ids(&[8]), day(1)), ids(&[8]));
        assert_eq!(asked.new_ones(one, &ids(&[8]), day(2)), ids(&[8]));
        asked.forget(one, &ids(&[8]));
        assert_eq!(asked.new_ones(one, &ids(&[8]), day(2)), ids(&[8]));
    }
}
