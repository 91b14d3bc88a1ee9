//! The server's clock: the truth about time, and it never runs backwards (rule 13).

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use hourkey_domain::Time;

/// Says what time it is. Whole milliseconds.
pub trait Clock: Send + Sync + 'static {
    /// Now; never earlier than an answer before.
    fn now(&self) -> Time;

    /// The longest that may pass before a sleeper asks again. The clock can jump: it is set, the
    /// machine sleeps, or a test moves it.
    fn patience(&self) -> Duration {
        Duration::from_secs(30)
    }
}

/// Returns once the clock has reached `moment`.
pub async fn sleep_until(clock: &dyn Clock, moment: Time) {
    loop {
        let Ok(left) = (moment - clock.now()).to_std() else {
            return;
        };
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left.min(clock.patience())).await;
    }
}

/// The system's wall clock, as long as it runs forward.
///
/// When it is set back, time goes on from where it was by a monotonic clock, at nine tenths of its
/// speed until the wall clock has come up: deadlines still come (held still, nothing would end),
/// and what lasts an hour lasts at most seven minutes more.
#[derive(Debug)]
pub struct SystemClock {
    since: Mutex<Since>,
}

/// From where time is counted on.
#[derive(Clone, Copy, Debug)]
struct Since {
    /// The wall clock's time then, in milliseconds since the Unix epoch.
    wall: i64,
    at: Instant,
}

impl SystemClock {
    /// A clock that is never earlier than `floor`, the newest time that the store knows.
    #[must_use]
    pub fn new(floor: Option<Time>) -> Self {
        let wall = floor.map_or(0, |floor| floor.timestamp_millis());
        let at = Instant::now();
        Self {
            since: Mutex::new(Since { wall, at }),
        }
    }
}

impl Since {
    /// The time, when the wall clock says `wall` and the monotonic one `at`; counted on from here
    /// where the wall clock is not behind.
    fn read(&mut self, wall: i64, at: Instant) -> i64 {
        let passed = at.saturating_duration_since(self.at).as_millis() * 9 / 10;
        let counted = self
            .wall
            .saturating_add(i64::try_from(passed).unwrap_or(i64::MAX));
        if wall >= counted {
            *self = Self { wall, at };
        }
        wall.max(counted)
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Time {
        #[expect(clippy::disallowed_methods, reason = "this is the clock")]
        let wall = chrono::Utc::now().timestamp_millis() + shift();
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        let now = since.read(wall, Instant::now());
        Time::from_timestamp_millis(now).unwrap_or(Time::MAX_UTC)
    }

    #[cfg(debug_assertions)]
    fn patience(&self) -> Duration {
        let moved_by_test = std::env::var_os("HOURKEY_TEST_CLOCK").is_some();
        if moved_by_test {
            Duration::from_millis(50)
        } else {
            Duration::from_secs(30)
        }
    }
}

/// Milliseconds that a test adds to the clock: the number in the file that `HOURKEY_TEST_CLOCK`
/// names. Compiled out of release builds.
#[cfg(debug_assertions)]
fn shift() -> i64 {
    std::env::var_os("HOURKEY_TEST_CLOCK")
        .and_then(|path| std::fs::read_to_string(path).ok())
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(0)
}

#[cfg(not(debug_assertions))]
fn shift() -> i64 {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_on_when_the_wall_clock_is_set_back_and_meets_it_again() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut since = Since { wall: 0, at: start };
        assert_eq!(since.read(1_000_000, start), 1_000_000);
        // Set back by 100 s.
        assert_eq!(since.read(900_000, start), 1_000_000);
        assert_eq!(since.read(910_000, after(10)), 1_009_000);
        assert_eq!(since.read(1_800_000, after(900)), 1_810_000);
        // Once the wall clock has come up, it leads again.
        assert_eq!(since.read(1_910_000, after(1_010)), 1_910_000);
        assert_eq!(since.read(1_911_000, after(1_011)), 1_911_000);
        // Set forward, it leads at once.
        assert_eq!(since.read(9_000_000, after(1_012)), 9_000_000);
    }
}
