//! Time since the machine started, as a test wants it.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hourkey_clock::Clock;

/// A clock that runs, and that tests move.
#[derive(Debug)]
pub struct TestClock {
    start: Instant,
    shift: Mutex<Duration>,
}

impl TestClock {
    /// Starts the clock.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            start: Instant::now(),
            shift: Mutex::new(Duration::from_secs(1_000)),
        })
    }

    /// Moves it forward.
    pub fn advance(&self, by: Duration) {
        *self.shift.lock().unwrap() += by;
    }
}

impl Clock for TestClock {
    fn boot(&self) -> Duration {
        self.start.elapsed() + *self.shift.lock().unwrap()
    }
}
