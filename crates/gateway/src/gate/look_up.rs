//! Who may have a name looked up, and how many at a time.

use std::collections::HashMap;
use std::sync::Arc;

use hourkey_domain::ids::{DeviceId, UserId};
use hourkey_protocol::gateway::Refusal;

use super::Gate;
use crate::limits::{MAX_LOOK_UPS_PER_DEVICE, MAX_LOOK_UPS_PER_USER};
use crate::table::{PeerIdentity, Target};

/// How many look-ups are under way.
#[derive(Default)]
pub(super) struct LookUps {
    of_devices: HashMap<DeviceId, usize>,
    of_users: HashMap<UserId, usize>,
}

impl LookUps {
    /// One more; false when there are too many.
    fn begin(&mut self, device: DeviceId, user: UserId) -> bool {
        let of_device = self.of_devices.get(&device).copied().unwrap_or(0);
        let of_user = self.of_users.get(&user).copied().unwrap_or(0);
        if of_device >= MAX_LOOK_UPS_PER_DEVICE || of_user >= MAX_LOOK_UPS_PER_USER {
            return false;
        }
        self.of_devices.insert(device, of_device + 1);
        self.of_users.insert(user, of_user + 1);
        true
    }

    fn end(&mut self, device: DeviceId, user: UserId) {
        less(&mut self.of_devices, device);
        less(&mut self.of_users, user);
    }
}

fn less<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, usize>, key: K) {
    if let Some(count) = counts.get_mut(&key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(&key);
        }
    }
}

/// A look-up that is under way, until it is dropped.
pub(crate) struct LookUp {
    gate: Arc<Gate>,
    device: DeviceId,
    user: UserId,
}

impl Drop for LookUp {
    fn drop(&mut self) {
        self.gate.state().look_ups.end(self.device, self.user);
    }
}

impl Gate {
    /// Lets a name be looked up, if by the name alone the person may go there.
    ///
    /// # Errors
    /// As [`crate::table::Table::admit`] under the lease, and [`Refusal::Busy`] when the device or
    /// its user has too many look-ups under way.
    pub(crate) fn look_up(
        self: &Arc<Self>,
        peer: &PeerIdentity,
        target: &Target,
    ) -> Result<LookUp, Refusal> {
        let now = self.live()?;
        let mut state = self.state();
        let user = state.table.admit(peer, target, now)?.user;
        let device = peer.device;
        if !state.look_ups.begin(device, user) {
            return Err(Refusal::Busy);
        }
        let gate = Arc::clone(self);
        Ok(LookUp { gate, device, user })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_and_users_have_so_many_at_a_time() {
        let mut look_ups = LookUps::default();
        let (ann, ben) = (UserId(1), UserId(2));
        let begun = |look_ups: &mut LookUps, device, user| {
            (0..1_000)
                .take_while(|_| look_ups.begin(DeviceId(device), user))
                .count()
        };
        assert_eq!(begun(&mut look_ups, 1, ann), MAX_LOOK_UPS_PER_DEVICE);
        let rest = MAX_LOOK_UPS_PER_USER - MAX_LOOK_UPS_PER_DEVICE;
        assert_eq!(
            begun(&mut look_ups, 2, ann) + begun(&mut look_ups, 3, ann),
            rest
        );
        // Others have their own.
        assert_eq!(begun(&mut look_ups, 4, ben), MAX_LOOK_UPS_PER_DEVICE);
        look_ups.end(DeviceId(1), ann);
        assert_eq!(begun(&mut look_ups, 1, ann), 1);
        for _ in 0..MAX_LOOK_UPS_PER_DEVICE {
            look_ups.end(DeviceId(4), ben);
        }
        assert!(!look_ups.of_users.contains_key(&ben));
    }
}
