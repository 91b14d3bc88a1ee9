//! Limits what the gateway buffers for clients whose destinations do not read.
//!
//! What an HTTP/2 connection may send ahead is set aside while it lasts, so that the sums hold
//! whatever the clients do. An HTTP/1.1 connection holds one piece in each direction, and counts as
//! a flow.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hourkey_domain::ids::{DeviceId, UserId};

use crate::limits::{
    MAX_ALL_WINDOWS, MAX_CONNECTION_WINDOW, MAX_DEVICE_WINDOWS, MAX_HTTP2_PER_DEVICE,
    MAX_STREAM_WINDOW, MAX_STREAMS, MAX_USER_WINDOWS, MIN_CONNECTION_WINDOW, MIN_STREAM_WINDOW,
};

/// Window sizes reserved by HTTP/2 connections, in bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Budget(Arc<Mutex<Reserved>>);

#[derive(Debug, Default)]
struct Reserved {
    all: u32,
    users: HashMap<UserId, u32>,
    devices: HashMap<DeviceId, (usize, u32)>,
}

/// The window reserved by one HTTP/2 connection, until this is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Budget,
    user: UserId,
    device: DeviceId,
    /// In bytes.
    pub(crate) window: u32,
}

impl Budget {
    /// A share for one more connection; `None` when its device has too many, or there is no room.
    pub(crate) fn take(&self, user: UserId, device: DeviceId) -> Option<Share> {
        let mut reserved = self.reserved();
        let (connections, of_device) = reserved.devices.get(&device).copied().unwrap_or_default();
        if connections >= MAX_HTTP2_PER_DEVICE {
            return None;
        }
        let of_user = reserved.users.get(&user).copied().unwrap_or(0);
        // A part of what is left: whoever comes later finds some, too.
        let window = MAX_CONNECTION_WINDOW
            .min(MAX_DEVICE_WINDOWS - of_device)
            .min((MAX_USER_WINDOWS - of_user) / 2)
            .min((MAX_ALL_WINDOWS - reserved.all) / 16);
        if window < MIN_CONNECTION_WINDOW {
            return None;
        }
        reserved.all += window;
        *reserved.users.entry(user).or_default() += window;
        reserved
            .devices
            .insert(device, (connections + 1, of_device + window));
        let budget = self.clone();
        Some(Share {
            budget,
            user,
            device,
            window,
        })
    }

    fn reserved(&self) -> MutexGuard<'_, Reserved> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// Returns the window of each of `streams`, in bytes, so that one whose destination does not read
    /// leaves room for the others. Changes with each doubling only, since the client is told.
    pub(crate) fn stream_window(&self, streams: usize) -> u32 {
        let parts = u32::try_from((streams + 1).next_power_of_two()).unwrap_or(u32::MAX);
        (self.window / parts).clamp(MIN_STREAM_WINDOW, MAX_STREAM_WINDOW)
    }
}

impl Share {
    /// How much of its window a stream gives back at a time: little enough that all of them
    /// together, and each alone, leave half of theirs.
    pub(crate) fn release_threshold(&self) -> usize {
        (self.window / (2 * MAX_STREAMS)).min(MIN_STREAM_WINDOW / 2) as usize
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let Self {
            budget,
            user,
            device,
            window,
        } = self;
        let mut reserved = budget.reserved();
        reserved.all -= *window;
        give_back(&mut reserved.users, user, |of| {
            *of -= *window;
            *of == 0
        });
        give_back(&mut reserved.devices, device, |(connections, of)| {
            (*connections, *of) = (*connections - 1, *of - *window);
            *connections == 0
        });
    }
}

/// Changes an entry, and removes it when that leaves nothing.
fn give_back<K: Hash + Eq, V>(of: &mut HashMap<K, V>, key: &K, change: impl Fn(&mut V) -> bool) {
    if of.get_mut(key).is_some_and(change) {
        of.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// However connections come and go, the sums hold, and all is given back.
        #[test]
        fn the_sums_hold(steps in prop::collection::vec((0_i64..40, 0_i64..6, any::<bool>()), 1..400)) {
            let budget = Budget::default();
            let mut shares: Vec<Share> = Vec::new();
            for (user, device, comes) in steps {
                if comes {
                    let device = DeviceId(10 * user + device);
                    shares.extend(budget.take(UserId(user), device));
                } else if !shares.is_empty() {
                    shares.swap_remove(device as usize % shares.len());
                }
                let sum = |counts: &dyn Fn(&Share) -> bool| {
                    shares.iter().filter(|it| counts(it)).map(|it| it.window).sum::<u32>()
                };
                prop_assert!(sum(&|_| true) <= MAX_ALL_WINDOWS);
                prop_assert!(sum(&|it| it.user == UserId(user)) <= MAX_USER_WINDOWS);
                let of_device = |it: &Share| it.device == DeviceId(10 * user + device);
                prop_assert!(sum(&of_device) <= MAX_DEVICE_WINDOWS);
                prop_assert!(shares.iter().filter(|it| of_device(it)).count() <= MAX_HTTP2_PER_DEVICE);
            }
            drop(shares);
            let reserved = budget.reserved();
            prop_assert!(reserved.all == 0 && reserved.users.is_empty() && reserved.devices.is_empty());
        }
    }

    #[test]
    fn whoever_comes_first_leaves_room_for_others() {
        let budget = Budget::default();
        let mut shares = Vec::new();
        for device in 0..100 {
            shares.extend((0..9).filter_map(|_| budget.take(UserId(1), DeviceId(device))));
        }
        let other = budget.take(UserId(2), DeviceId(200)).unwrap();
        assert_eq!(other.window, MAX_CONNECTION_WINDOW);
    }

    #[test]
    fn streams_share_their_connection_s_window() {
        let share = Budget::default().take(UserId(1), DeviceId(1)).unwrap();
        assert_eq!(share.stream_window(1), MAX_STREAM_WINDOW);
        assert!(share.stream_window(255) * 255 <= share.window);
        for streams in 1..255 {
            assert!(share.stream_window(streams + 1) <= share.stream_window(streams));
            assert!(share.stream_window(streams) as usize * (streams + 1) <= share.window as usize);
        }
    }
}
