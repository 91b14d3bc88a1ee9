//! Counts the connections that have opened no flow yet, so that half-open ones cannot take all
//! the room.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::limits::{WAITING, WAITING_PER_PEER};

/// The count.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waiting(Arc<Mutex<Counts>>);

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    of: HashMap<IpAddr, usize>,
}

/// One connection's place; dropped when it has opened a flow, or ends.
#[derive(Debug)]
pub(crate) struct Slot {
    waiting: Waiting,
    peer: IpAddr,
}

impl Waiting {
    /// A place for one more connection, unless there are too many.
    pub(crate) fn take(&self, peer: IpAddr) -> Option<Slot> {
        let mut counts = self.counts();
        let of = counts.of.get(&peer).copied().unwrap_or(0);
        if counts.all >= WAITING || of >= WAITING_PER_PEER {
            return None;
        }
        counts.all += 1;
        counts.of.insert(peer, of + 1);
        let waiting = self.clone();
        Some(Slot { waiting, peer })
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut counts = self.waiting.counts();
        counts.all -= 1;
        match counts.of.get_mut(&self.peer) {
            Some(of) if *of > 1 => *of -= 1,
            Some(_) | None => {
                counts.of.remove(&self.peer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_cannot_take_all_places() {
        let waiting = Waiting::default();
        let [greedy, other] = [1, 2].map(|last| IpAddr::from([10, 0, 0, last]));
        let mut slots: Vec<Slot> = std::iter::from_fn(|| waiting.take(greedy)).collect();
        assert_eq!(slots.len(), WAITING_PER_PEER);
        assert!(waiting.take(other).is_some());
        slots.pop();
        assert!(waiting.take(greedy).is_some());
        drop(slots);
        assert!(waiting.counts().of.is_empty());
    }
}
