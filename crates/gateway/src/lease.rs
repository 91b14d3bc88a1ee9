//! How long what the gateway knows is good.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hourkey_clock::Clock;
use hourkey_protocol::gateway::{LEASE, PING_EVERY};
use tokio::sync::watch;

/// The times that a gateway keeps to; tests choose shorter ones.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// How long traffic passes without a word of the controller.
    pub lease: Duration,
    /// A stream that is silent for this long is dead.
    pub silence: Duration,
    /// How often the clock is looked at, and at least as often what is due is cut.
    pub tick: Duration,
    /// When the clock was not looked at for this long, the process stood still.
    pub pause: Duration,
    /// The longest wait before the controller is tried again.
    pub longest_wait: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            lease: LEASE,
            silence: PING_EVERY * 5 / 2,
            tick: Duration::from_millis(250),
            pause: Duration::from_millis(1_500),
            longest_wait: Duration::from_secs(3),
        }
    }
}

/// Whether traffic passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Yes.
    Open,
    /// Not before the controller is heard again: the process stood still, and may have missed
    /// something.
    Held,
    /// No: the controller was not heard for too long.
    Over,
}

/// The lease: what was heard is good for a while, counted from a moment that surely lay before it
/// was said (`hourkey_protocol::gateway`).
///
/// Read before each write, so it is a few atomics, all on the boot clock in milliseconds.
pub(crate) struct Lease {
    clock: Arc<dyn Clock>,
    pace: Pace,
    /// From when the newest of what was heard counts; 0 for never heard.
    basis: AtomicU64,
    /// When a pause was last seen.
    paused: AtomicU64,
    /// When the clock was last looked at.
    ticked: AtomicU64,
    /// Rings when something was heard.
    bell: watch::Sender<u64>,
}

impl Lease {
    pub(crate) fn new(clock: Arc<dyn Clock>, pace: Pace) -> Self {
        let now = millis(clock.boot());
        Self {
            clock,
            pace,
            basis: AtomicU64::new(0),
            paused: AtomicU64::new(0),
            ticked: AtomicU64::new(now),
            bell: watch::Sender::new(0),
        }
    }

    /// Now, on the boot clock.
    pub(crate) fn now(&self) -> u64 {
        millis(self.clock.boot())
    }

    /// The controller was heard, and said it no earlier than `basis`.
    pub(crate) fn heard(&self, basis: u64) {
        self.basis.fetch_max(basis, Ordering::SeqCst);
        self.bell.send_replace(basis);
    }

    /// Rings each time the controller was heard.
    pub(crate) fn bell(&self) -> watch::Receiver<u64> {
        self.bell.subscribe()
    }

    /// Looks at the clock: called every [`Pace::tick`].
    pub(crate) fn tick(&self) {
        let now = self.now();
        self.notice_pause(now);
        self.ticked.store(now, Ordering::SeqCst);
    }

    /// Whether traffic passes now. Whoever writes first after a pause notices it, whether or not
    /// the ticker has run.
    pub(crate) fn standing(&self) -> Standing {
        let now = self.now();
        let basis = self.basis.load(Ordering::SeqCst);
        if basis == 0 || now >= basis + millis(self.pace.lease) {
            return Standing::Over;
        }
        self.notice_pause(now);
        if self.paused.load(Ordering::SeqCst) > basis {
            return Standing::Held;
        }
        Standing::Open
    }

    fn notice_pause(&self, now: u64) {
        let ticked = self.ticked.load(Ordering::SeqCst);
        if now.saturating_sub(ticked) > millis(self.pace.pause) {
            self.paused.fetch_max(now, Ordering::SeqCst);
        }
    }
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Boot(AtomicU64);

    impl Clock for Boot {
        fn boot(&self) -> Duration {
            Duration::from_millis(self.0.load(Ordering::SeqCst))
        }
    }

    #[test]
    fn a_lease_counts_from_its_basis_and_a_pause_holds_it() {
        let boot = Arc::new(Boot(AtomicU64::new(100_000)));
        let lease = Lease::new(Arc::clone(&boot) as _, Pace::default());
        let at = |ms| boot.0.store(ms, Ordering::SeqCst);
        assert_eq!(lease.standing(), Standing::Over, "never heard");
        lease.heard(99_000);
        assert_eq!(lease.standing(), Standing::Open);
        // An older word changes nothing.
        lease.heard(98_000);
        for ms in (100_000..114_000).step_by(250) {
            at(ms);
            lease.tick();
            assert_eq!(lease.standing(), Standing::Open, "{ms}");
        }
        at(114_000);
        assert_eq!(
            lease.standing(),
            Standing::Over,
            "at equal instants the ending wins"
        );

        lease.tick();
        lease.heard(114_000);
        // The process stands still for two seconds.
        at(116_000);
        assert_eq!(lease.standing(), Standing::Held);
        lease.tick();
        assert_eq!(
            lease.standing(),
            Standing::Held,
            "the ticker's turn changes nothing"
        );
        lease.heard(115_900);
        assert_eq!(
            lease.standing(),
            Standing::Held,
            "said before the pause was over"
        );
        lease.heard(116_000);
        assert_eq!(lease.standing(), Standing::Open);
    }
}
