//! The server's time, counted on by the boot clock (rule 13), so that a wrong wall clock changes
//! nothing.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hourkey_clock::Clock;
use hourkey_domain::Time;
use rustls::pki_types::UnixTime;

/// How many messages the estimate rests on.
const MESSAGES: usize = 20;

/// Not heard yet.
const UNKNOWN: i64 = i64::MAX;

/// The server's clock.
///
/// A message is late, never early: the smallest difference between the boot clock at its arrival
/// and the time that it carries is nearest to the truth. So a message that was long under way
/// prolongs no deadline.
pub(crate) struct ServerTime {
    clock: Arc<dyn Clock>,
    /// Boot clock less server's time, in milliseconds.
    offset: AtomicI64,
    seen: Mutex<VecDeque<i64>>,
}

impl std::fmt::Debug for ServerTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ServerTime")
    }
}

impl ServerTime {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            offset: AtomicI64::new(UNKNOWN),
            seen: Mutex::default(),
        }
    }

    /// Takes the time of a message that has just arrived.
    pub(crate) fn heard(&self, server: Time) {
        let offset = self.boot_ms() - server.timestamp_millis();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() == MESSAGES {
            seen.pop_front();
        }
        seen.push_back(offset);
        let least = seen.iter().copied().min().unwrap_or(offset);
        self.offset.store(least, Ordering::Relaxed);
    }

    /// A new stream: what another one carried counts no more.
    pub(crate) fn start_anew(&self) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.clear();
    }

    /// Milliseconds since the Unix epoch; the end of time while nothing was heard, so that no
    /// deadline lies ahead.
    pub(crate) fn now_ms(&self) -> i64 {
        match self.offset.load(Ordering::Relaxed) {
            UNKNOWN => i64::MAX,
            offset => self.boot_ms() - offset,
        }
    }

    pub(crate) fn now(&self) -> Time {
        Time::from_timestamp_millis(self.now_ms()).unwrap_or(Time::MAX_UTC)
    }

    fn boot_ms(&self) -> i64 {
        i64::try_from(self.clock.boot().as_millis()).unwrap_or(i64::MAX)
    }
}

/// Certificates are checked by the server's time.
impl rustls::time_provider::TimeProvider for ServerTime {
    fn current_time(&self) -> Option<UnixTime> {
        match self.offset.load(Ordering::Relaxed) {
            UNKNOWN => None,
            _ => {
                let ms = u64::try_from(self.now_ms()).ok()?;
                Some(UnixTime::since_unix_epoch(
                    std::time::Duration::from_millis(ms),
                ))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    struct Boot(AtomicI64);

    impl Clock for Boot {
        fn boot(&self) -> Duration {
            Duration::from_millis(self.0.load(Ordering::Relaxed).unsigned_abs())
        }
    }

    #[test]
    fn a_late_message_prolongs_nothing() {
        let boot = Arc::new(Boot(AtomicI64::new(10_000)));
        let time = ServerTime::new(Arc::clone(&boot) as _);
        assert_eq!(time.now_ms(), i64::MAX, "unknown");
        let at = |ms| Time::from_timestamp_millis(ms).unwrap();
        time.heard(at(1_000_000));
        boot.0.store(12_000, Ordering::Relaxed);
        assert_eq!(time.now_ms(), 1_002_000);
        // Sent two seconds ago: time does not go back.
        time.heard(at(1_000_000));
        assert_eq!(time.now_ms(), 1_002_000);
        // Sooner than the first: that one was late.
        time.heard(at(1_002_500));
        assert_eq!(time.now_ms(), 1_002_500);
    }
}
