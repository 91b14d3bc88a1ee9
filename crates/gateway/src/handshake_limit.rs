//! Limits the connections whose device is not known yet, so that half-open ones cannot take all
//! the room.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::limits::{MAX_HANDSHAKES, MAX_HANDSHAKES_PER_SITE};

/// Limits the handshakes under way, in all and from one site.
#[derive(Clone, Debug, Default)]
pub(crate) struct HandshakeLimit(Arc<Mutex<Counts>>);

#[derive(Debug, Default)]
struct Counts {
    /// Oldest first.
    slots: BTreeMap<u64, (IpAddr, CancellationToken)>,
    of: HashMap<IpAddr, usize>,
    last: u64,
}

impl Counts {
    fn remove(&mut self, number: u64) -> Option<CancellationToken> {
        let (peer, taken) = self.slots.remove(&number)?;
        match self.of.get_mut(&peer) {
            Some(of) if *of > 1 => *of -= 1,
            Some(_) | None => {
                self.of.remove(&peer);
            }
        }
        Some(taken)
    }
}

/// The slot of one connection; dropped when its device is known, or it ends.
#[derive(Debug)]
pub(crate) struct HandshakeSlot {
    limit: HandshakeLimit,
    number: u64,
    taken: CancellationToken,
}

impl HandshakeSlot {
    /// Waits until a newer connection needs the slot.
    pub(crate) async fn is_taken(&self) {
        self.taken.cancelled().await;
    }
}

impl HandshakeLimit {
    /// Takes a slot for one more connection, unless its site has too many. When all are taken, the
    /// oldest goes: a handshake takes milliseconds, so that is most likely none.
    pub(crate) fn take(&self, peer: IpAddr) -> Option<HandshakeSlot> {
        let peer = site(peer);
        let mut counts = self.counts();
        let of = counts.of.get(&peer).copied().unwrap_or(0);
        if of >= MAX_HANDSHAKES_PER_SITE {
            return None;
        }
        if counts.slots.len() >= MAX_HANDSHAKES
            && let Some((&oldest, _)) = counts.slots.first_key_value()
            && let Some(taken) = counts.remove(oldest)
        {
            taken.cancel();
        }
        counts.last += 1;
        let (number, taken) = (counts.last, CancellationToken::new());
        counts.slots.insert(number, (peer, taken.clone()));
        *counts.of.entry(peer).or_default() += 1;
        let limit = self.clone();
        Some(HandshakeSlot {
            limit,
            number,
            taken,
        })
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the site that counts as one peer: an IPv4 address, or the /64 network of an IPv6 one,
/// since a host has all addresses of its network (RFC 4291, 2.5.4) and takes new ones as it likes
/// (RFC 8981).
pub(crate) fn site(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
    }
}

impl Drop for HandshakeSlot {
    fn drop(&mut self) {
        self.limit.counts().remove(self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_cannot_take_all_slots() {
        let limit = HandshakeLimit::default();
        let [greedy, other] = [1, 2].map(|last| IpAddr::from([10, 0, 0, last]));
        let mut slots: Vec<HandshakeSlot> = std::iter::from_fn(|| limit.take(greedy)).collect();
        assert_eq!(slots.len(), MAX_HANDSHAKES_PER_SITE);
        assert!(limit.take(other).is_some());
        slots.pop();
        assert!(limit.take(greedy).is_some());
        drop(slots);
        assert!(limit.counts().of.is_empty());
    }

    #[test]
    fn one_network_of_ipv6_counts_as_one_address() {
        let limit = HandshakeLimit::default();
        let address = |network, host| Ipv6Addr::from([0x2001, 0xdb8, 0, network, 0, 0, 0, host]);
        let slots = (0..=u16::MAX).map_while(|host| limit.take(address(1, host).into()));
        let slots: Vec<HandshakeSlot> = slots.collect();
        assert_eq!(slots.len(), MAX_HANDSHAKES_PER_SITE);
        assert!(limit.take(address(2, 0).into()).is_some());
        // IPv4 written as IPv6 is IPv4.
        for last in [1, 2] {
            let mapped = std::net::Ipv4Addr::new(10, 0, 0, last).to_ipv6_mapped();
            assert!(limit.take(mapped.into()).is_some());
            assert_eq!(site(mapped.into()), IpAddr::from([10, 0, 0, last]));
        }
    }

    #[test]
    fn the_oldest_goes_when_all_slots_are_taken() {
        let limit = HandshakeLimit::default();
        let peer =
            |number: usize| IpAddr::from([10, 0, (number / 200) as u8, (number % 200) as u8]);
        let slots: Vec<HandshakeSlot> = (0..MAX_HANDSHAKES + 2)
            .map(|number| limit.take(peer(number)).unwrap())
            .collect();
        let taken = slots.iter().map(|slot| slot.taken.is_cancelled());
        assert!(taken.eq((0..MAX_HANDSHAKES + 2).map(|number| number < 2)));
        assert_eq!(limit.counts().slots.len(), MAX_HANDSHAKES);
        drop(slots);
        assert!(limit.counts().of.is_empty());
    }
}
