//! Sleeps until a moment of the boot clock, also when the machine is suspended on the way.

use std::sync::Arc;
use std::time::Duration;

use hourkey_clock::Clock;

/// A timer on the boot clock.
pub struct Timer {
    clock: Arc<dyn Clock>,
    #[cfg(target_os = "linux")]
    alarm: Option<linux::Alarm>,
}

/// The longest sleep where the system's timers stop in suspend: so late can a wake be noticed.
const MAX_SLEEP: Duration = Duration::from_secs(60);

/// How often a clock that a test moves is read.
#[cfg(debug_assertions)]
const MOVED_CLOCK: Duration = Duration::from_millis(50);

impl Timer {
    /// A timer on this clock.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            #[cfg(target_os = "linux")]
            alarm: linux::Alarm::new()
                .inspect_err(|error| {
                    tracing::warn!(%error, "cannot create a timer that counts suspend; a wake may be noticed a minute late");
                })
                .ok(),
        }
    }

    /// Ends at `at`, or never. May be called off at any time.
    pub async fn until(&mut self, at: Option<Duration>) {
        let Some(at) = at else {
            return std::future::pending().await;
        };
        loop {
            let Some(left) = at.checked_sub(self.clock.boot()) else {
                return;
            };
            if left.is_zero() {
                return;
            }
            self.sleep(at, left).await;
        }
    }

    async fn sleep(&mut self, at: Duration, left: Duration) {
        #[cfg(debug_assertions)]
        if std::env::var_os("HOURKEY_TEST_CLOCK").is_some() {
            return tokio::time::sleep(left.min(MOVED_CLOCK)).await;
        }
        #[cfg(target_os = "linux")]
        if let Some(alarm) = &mut self.alarm {
            match alarm.until(at).await {
                Ok(()) => return,
                Err(error) => tracing::warn!(%error, "timer failed"),
            }
            self.alarm = None;
        }
        #[cfg(not(target_os = "linux"))]
        let _ = at;
        tokio::time::sleep(left.min(MAX_SLEEP)).await;
    }
}

#[cfg(target_os = "linux")]
mod linux {
    //! `timerfd_create(2)` on `CLOCK_BOOTTIME`: fires at once after a suspend that was too long.

    use std::io;
    use std::os::fd::OwnedFd;
    use std::time::Duration;

    use async_io::Async;
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };

    pub(super) struct Alarm(Async<OwnedFd>);

    impl Alarm {
        pub(super) fn new() -> io::Result<Self> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let timer = timerfd_create(TimerfdClockId::Boottime, flags)?;
            Ok(Self(Async::new_nonblocking(timer)?))
        }

        /// Ends at `at` since the machine's start.
        pub(super) async fn until(&mut self, at: Duration) -> io::Result<()> {
            let once = Itimerspec {
                it_interval: timespec(Duration::ZERO),
                it_value: timespec(at),
            };
            timerfd_settime(self.0.get_ref(), TimerfdTimerFlags::ABSTIME, &once)?;
            let mut expirations = [0; 8];
            loop {
                match rustix::io::read(self.0.get_ref(), &mut expirations) {
                    Ok(_) => return Ok(()),
                    Err(rustix::io::Errno::AGAIN) => self.0.readable().await?,
                    Err(error) => return Err(error.into()),
                }
            }
        }
    }

    fn timespec(duration: Duration) -> Timespec {
        Timespec {
            tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: duration.subsec_nanos().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_moment_in_a_month_or_a_year_is_not_now() {
        let clock: Arc<dyn Clock> = Arc::new(hourkey_clock::BootClock);
        for days in [30, 365] {
            let at = clock.boot() + Duration::from_secs(days * 86_400);
            let mut timer = Timer::new(Arc::clone(&clock));
            let waited = tokio::time::timeout(Duration::from_millis(50), timer.until(Some(at)));
            assert!(waited.await.is_err(), "{days} days have passed at once");
        }
    }
}
