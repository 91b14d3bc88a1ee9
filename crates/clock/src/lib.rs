//! Clocks: one that counts suspend, and the server's time counted on from it (rule 13).
#![warn(missing_docs)]

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// A clock that never stops: not in suspend, and not when somebody sets the wall clock.
pub trait Clock: Send + Sync {
    /// Time since an arbitrary moment at or before the machine's start, suspend included.
    fn boot(&self) -> Duration;
}

/// The machine's own clock.
///
/// Linux: `CLOCK_BOOTTIME`. macOS: `CLOCK_MONOTONIC`, which counts sleep there. Windows: the
/// performance counter behind [`std::time::Instant`], which counts sleep too.
#[derive(Clone, Copy, Debug, Default)]
pub struct BootClock;

impl Clock for BootClock {
    fn boot(&self) -> Duration {
        shifted(machine_time())
    }
}

/// The server's time, counted on by a [`Clock`] from the last message that carried it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServerClock {
    anchor: Option<(DateTime<Utc>, Duration)>,
}

/// The longest delay of a message in a connection that still counts as alive.
const MAX_MESSAGE_DELAY: TimeDelta = TimeDelta::minutes(2);

impl ServerClock {
    /// Takes the server's time from a message that arrived at `boot`.
    ///
    /// The server's time wins. The one exception is a time that is up to two minutes behind what
    /// is known: a message is always late and never early, and the server's clock never runs
    /// backwards, so such a message was under way for longer than the one before, for instance
    /// because the machine slept. Without this a countdown would jump backwards, and show
    /// something as open past its end.
    pub fn sync(&mut self, server_time: DateTime<Utc>, boot: Duration) {
        if let Some(now) = self.now(boot)
            && server_time < now
            && now - server_time <= MAX_MESSAGE_DELAY
        {
            return;
        }
        self.anchor = Some((server_time, boot));
    }

    /// The server's time at `boot`; `None` before the first [`Self::sync`].
    #[must_use]
    pub fn now(&self, boot: Duration) -> Option<DateTime<Utc>> {
        let (server_time, then) = self.anchor?;
        let passed = |duration| TimeDelta::from_std(duration).ok();
        match boot.checked_sub(then) {
            Some(after) => server_time.checked_add_signed(passed(after)?),
            None => server_time.checked_sub_signed(passed(then - boot)?),
        }
    }
}

#[cfg(target_os = "linux")]
fn machine_time() -> Duration {
    timespec(rustix::time::clock_gettime(rustix::time::ClockId::Boottime))
}

#[cfg(all(unix, not(target_os = "linux")))]
fn machine_time() -> Duration {
    timespec(rustix::time::clock_gettime(
        rustix::time::ClockId::Monotonic,
    ))
}

#[cfg(unix)]
fn timespec(time: rustix::time::Timespec) -> Duration {
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or_default(),
        u32::try_from(time.tv_nsec).unwrap_or_default(),
    )
}

#[cfg(not(unix))]
fn machine_time() -> Duration {
    static START: std::sync::LazyLock<std::time::Instant> =
        std::sync::LazyLock::new(std::time::Instant::now);
    START.elapsed()
}

/// Tests move the clock by a number of milliseconds in a file, read anew each time.
#[cfg(debug_assertions)]
fn shifted(time: Duration) -> Duration {
    let shift = std::env::var_os("HOURKEY_TEST_CLOCK")
        .and_then(|path| std::fs::read_to_string(path).ok())
        .and_then(|text| text.trim().parse::<i64>().ok())
        .unwrap_or(0);
    let by = Duration::from_millis(shift.unsigned_abs());
    if shift < 0 {
        time.saturating_sub(by)
    } else {
        time + by
    }
}

#[cfg(not(debug_assertions))]
fn shifted(time: Duration) -> Duration {
    time
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    #[test]
    fn counts_on_from_the_last_message() {
        let mut clock = ServerClock::default();
        assert_eq!(clock.now(Duration::from_secs(5)), None);
        clock.sync(at(0), Duration::from_secs(100));
        assert_eq!(clock.now(Duration::from_secs(160)), Some(at(60)));
        assert_eq!(clock.now(Duration::from_secs(40)), Some(at(-60)));
    }

    #[test]
    fn follows_a_server_that_went_back_for_good() {
        let mut clock = ServerClock::default();
        clock.sync(at(0), Duration::from_secs(100));
        clock.sync(at(-86_400), Duration::from_secs(101));
        assert_eq!(clock.now(Duration::from_secs(101)), Some(at(-86_400)));
    }

    proptest! {
        /// Rule 13: however messages are delayed, time never runs backwards, and is never ahead
        /// of the server's.
        #[test]
        fn delayed_messages_never_turn_time_back(
            messages in prop::collection::vec((0_i64..600, 0_i64..120), 1..40)
        ) {
            let mut clock = ServerClock::default();
            let mut boot = 1_000;
            let mut shown = None;
            for (gap, delay) in messages {
                boot += gap;
                let arrival = Duration::from_secs(boot.unsigned_abs());
                clock.sync(at(boot - delay), arrival);
                let now = clock.now(arrival);
                prop_assert!(now <= Some(at(boot)));
                prop_assert!(shown <= now);
                shown = now;
            }
        }
    }

    #[test]
    fn the_machine_clock_moves_forward() {
        let before = BootClock.boot();
        assert!(before > Duration::ZERO);
        assert!(BootClock.boot() >= before);
    }
}
