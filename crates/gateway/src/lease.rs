//! The lease: how long the state from the controller may be relied on (`protocol::gateway`,
//! "Lease"), and the pauses in between.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use hourkey_clock::Clock;

use crate::timings::Timings;

/// Whether traffic may pass now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseState {
    /// It may. The time is in milliseconds on the boot clock.
    Live(u64),
    /// Not yet: the gateway was stopped or asleep, and has not heard from the controller since.
    Held,
    /// It may not: the controller has been silent for too long. The time is in milliseconds on the boot
    /// clock; `None` when the gateway was stopped or asleep since, or never heard anything.
    Expired(Option<u64>),
}

/// The lease. Its numbers are milliseconds on the boot clock.
///
/// The data path asks it before each write, from any thread, so it is made of atomics. The order
/// of the stores matters: whoever sees a new `tick` also sees the pause that it ended.
pub struct Lease {
    clock: Arc<dyn Clock>,
    length: u64,
    pause: u64,
    /// When the last look at the clock was.
    tick: AtomicU64,
    /// When the last pause was over.
    resumed: AtomicU64,
    /// Lower bound on when the controller sent our current state; the lease runs from it. 0 for none.
    basis: AtomicU64,
}

impl std::fmt::Debug for Lease {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lease").finish_non_exhaustive()
    }
}

impl Lease {
    /// A lease that is over.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, timings: Timings) -> Self {
        let lease = Self {
            length: millis(timings.lease),
            pause: millis(timings.pause_threshold),
            tick: AtomicU64::new(0),
            resumed: AtomicU64::new(0),
            basis: AtomicU64::new(0),
            clock,
        };
        lease.tick.store(lease.now(), SeqCst);
        lease
    }

    /// Now, in milliseconds on the boot clock.
    #[must_use]
    pub fn now(&self) -> u64 {
        millis(self.clock.boot())
    }

    /// Returns whether traffic may pass now. A pause is seen here as well as by [`Self::tick`], whichever is first
    /// after it.
    #[must_use]
    pub fn check(&self) -> LeaseState {
        self.at(self.now())
    }

    /// Looks at the clock; call it regularly.
    pub fn tick(&self) -> LeaseState {
        // The clock is read once: a stop after the reading shows at the next look.
        let now = self.now();
        let lease_state = self.at(now);
        self.tick.fetch_max(now, SeqCst);
        lease_state
    }

    fn at(&self, now: u64) -> LeaseState {
        if now.saturating_sub(self.tick.load(SeqCst)) > self.pause {
            self.resumed.fetch_max(now, SeqCst);
        }
        let basis = self.basis.load(SeqCst);
        let held = basis <= self.resumed.load(SeqCst);
        if basis == 0 || now >= basis.saturating_add(self.length) {
            LeaseState::Expired((basis != 0 && !held).then_some(now))
        } else if held {
            LeaseState::Held
        } else {
            LeaseState::Live(now)
        }
    }

    /// Renews the lease: `basis` is a lower bound on when the controller sent our current state. Never
    /// shortens it.
    pub fn renew(&self, basis: u64) {
        self.basis.fetch_max(basis, SeqCst);
    }

    /// Ends the lease until it is renewed.
    pub fn end(&self) {
        self.basis.store(0, SeqCst);
    }

    /// True once [`Self::end`] was called, and before anything was ever heard.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.basis.load(SeqCst) == 0
    }

    /// When the lease is over if nothing is heard until then.
    #[must_use]
    pub fn ends(&self) -> u64 {
        match self.basis.load(SeqCst) {
            0 => u64::MAX,
            basis => basis.saturating_add(self.length),
        }
    }
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[derive(Default)]
    struct ManualClock(AtomicU64);

    impl Clock for ManualClock {
        fn boot(&self) -> Duration {
            Duration::from_millis(self.0.load(SeqCst))
        }
    }

    fn lease() -> (Arc<ManualClock>, Lease) {
        let manual_clock = Arc::new(ManualClock(AtomicU64::new(1_000)));
        let clock: Arc<dyn Clock> = manual_clock.clone();
        (manual_clock, Lease::new(clock, Timings::default()))
    }

    /// Moves the clock as a running gateway sees it: tick by tick.
    fn run_to(manual_clock: &ManualClock, lease: &Lease, end: u64) {
        while manual_clock.0.load(SeqCst) < end {
            manual_clock.0.fetch_add(250, SeqCst);
            lease.tick();
        }
    }

    #[test]
    fn lasts_from_the_moment_it_rests_on_and_never_shrinks() {
        let (manual_clock, lease) = lease();
        assert_eq!(lease.check(), LeaseState::Expired(None));
        run_to(&manual_clock, &lease, 5_000);
        lease.renew(4_000);
        lease.renew(3_000);
        assert_eq!(lease.check(), LeaseState::Live(5_000));
        run_to(&manual_clock, &lease, 18_750);
        manual_clock.0.store(18_999, SeqCst);
        assert_eq!(lease.check(), LeaseState::Live(18_999));
        manual_clock.0.store(19_000, SeqCst);
        assert_eq!(lease.check(), LeaseState::Expired(Some(19_000)));
    }

    #[test]
    fn after_a_pause_only_what_was_asked_since_counts() {
        for data_path_first in [true, false] {
            let (manual_clock, lease) = lease();
            lease.renew(1_000 + 1);
            manual_clock.0.store(1_100, SeqCst);
            assert_eq!(lease.tick(), LeaseState::Live(1_100));
            manual_clock.0.store(3_000, SeqCst);
            if data_path_first {
                assert_eq!(lease.check(), LeaseState::Held);
            }
            assert_eq!(lease.tick(), LeaseState::Held);
            run_to(&manual_clock, &lease, 3_500);
            // This was on its way while the gateway was stopped.
            lease.renew(1_200);
            assert_eq!(lease.check(), LeaseState::Held);
            lease.renew(3_250);
            assert_eq!(lease.check(), LeaseState::Live(3_500));
        }
    }
}
