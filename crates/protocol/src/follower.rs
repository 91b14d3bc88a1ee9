//! Follows a stream of the controller from one connection to the next: how long to wait between them,
//! and which reason is worth telling. Without I/O: the program brings clock, timers and calls.

use std::time::Duration;

use crate::stream_ends::StreamEnds;

/// What a program knows of the streams that it had so far.
#[derive(Clone, Debug)]
pub struct Follower {
    backoff: Backoff,
    /// Connections that failed in a row.
    failed: u32,
    /// The reason that was told last.
    told: Option<String>,
    ends: StreamEnds,
}

/// How long to wait before a stream is taken up again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Upper bound of the first wait; it doubles each time.
    pub initial: Duration,
    /// Upper bound of all waits.
    pub max: Duration,
}

impl Backoff {
    /// Returns the wait after `failed` connections failed in a row. Full jitter: anywhere up to twice as
    /// long each time, so that clients which lost the same controller do not come back in the same
    /// instant. `chance` is anywhere from 0 to 1.
    #[must_use]
    pub fn wait(self, failed: u32, chance: f64) -> Duration {
        let doubled = 1_u32.checked_shl(failed).unwrap_or(u32::MAX);
        let longest = self.initial.saturating_mul(doubled);
        longest.min(self.max).mul_f64(chance)
    }
}

impl Follower {
    /// A program that had no stream yet.
    #[must_use]
    pub fn new(backoff: Backoff) -> Self {
        Self {
            backoff,
            failed: 0,
            told: None,
            ends: StreamEnds::default(),
        }
    }

    /// Returns the wait before the next connection; `chance` is [`Backoff::wait`]'s.
    pub fn next_wait(&mut self, chance: f64) -> Duration {
        let wait = self.backoff.wait(self.failed, chance);
        self.failed = self.failed.saturating_add(1);
        wait
    }

    /// The next wait is as short as the first: a stream was healthy, or there is a reason to try anew.
    pub fn start_over(&mut self) {
        self.failed = 0;
    }

    /// True before a connection failed in a row.
    #[must_use]
    pub fn is_first(&self) -> bool {
        self.failed == 0
    }

    /// The controller was heard: whatever breaks next is told, even for the same reason as before.
    pub fn heard(&mut self) {
        self.told = None;
    }

    /// True for another reason than the last one since the controller was heard.
    pub fn is_news(&mut self, why: &str) -> bool {
        if self.told.as_deref() == Some(why) {
            return false;
        }
        self.told = Some(why.to_owned());
        true
    }

    /// Notes that a stream was closed from outside at this age; see [`StreamEnds::closed`].
    pub fn closed(&mut self, age: Duration) -> Option<Duration> {
        self.ends.closed(age)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BACKOFF: Backoff = Backoff {
        initial: Duration::from_millis(500),
        max: Duration::from_secs(30),
    };

    #[test]
    fn waits_grow_until_the_controller_is_back() {
        let mut follower = Follower::new(BACKOFF);
        let mut waits = |count: usize| -> Vec<u64> {
            let waits = (0..count).map(|_| follower.next_wait(1.0));
            waits
                .map(|wait| u64::try_from(wait.as_millis()).unwrap())
                .collect()
        };
        assert_eq!(waits(4), [500, 1_000, 2_000, 4_000]);
        assert_eq!(waits(4), [8_000, 16_000, 30_000, 30_000]);
        follower.start_over();
        assert!(follower.is_first());
        assert_eq!(follower.next_wait(0.5), Duration::from_millis(250));
        assert!(!follower.is_first());
    }

    #[test]
    fn a_reason_is_told_once_until_the_controller_is_heard() {
        let mut follower = Follower::new(BACKOFF);
        assert!(follower.is_news("It rained."));
        assert!(!follower.is_news("It rained."));
        assert!(follower.is_news("It snowed."));
        follower.heard();
        assert!(follower.is_news("It snowed."));
    }

    proptest! {
        /// No wait is longer than the longest, however many connections failed.
        #[test]
        fn no_wait_is_too_long(failed in any::<u32>(), chance in 0.0_f64..=1.0) {
            let wait = BACKOFF.wait(failed, chance);
            prop_assert!(wait <= BACKOFF.max);
            prop_assert!(wait <= BACKOFF.wait(failed, 1.0));
            prop_assert_eq!(BACKOFF.wait(failed, 0.0), Duration::ZERO);
            prop_assert!(failed < 6 || BACKOFF.wait(failed, 1.0) == BACKOFF.max);
        }
    }
}
