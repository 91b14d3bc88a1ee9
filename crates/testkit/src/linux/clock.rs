//! The clock that tests can move.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context, Result};

/// Shifts the controller's clock and the client's boot clock alike, in debug builds only.
///
/// Programs that are given [`TestClock::VARIABLE`] with [`TestClock::path`] add the milliseconds
/// in that file to every reading of their clock.
#[derive(Debug)]
pub struct TestClock {
    path: PathBuf,
    shift: Mutex<i64>,
}

impl TestClock {
    /// The variable that names the file.
    pub const VARIABLE: &str = "HOURKEY_TEST_CLOCK";

    /// A clock that is not shifted yet, kept in this folder.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn new(folder: &Path) -> Result<Self> {
        let clock = Self {
            path: folder.join("test-clock"),
            shift: Mutex::new(0),
        };
        clock.write(0)?;
        Ok(clock)
    }

    /// The file with the shift.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Moves the clock on.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn advance(&self, by: Duration) -> Result<()> {
        let mut shift = self
            .shift
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        let moved = i64::try_from(by.as_millis())
            .ok()
            .and_then(|by| shift.checked_add(by))
            .context("the clock would leave its range")?;
        self.write(moved)?;
        *shift = moved;
        Ok(())
    }

    /// How far the clock has been moved.
    #[must_use]
    pub fn shift(&self) -> Duration {
        let shift = self
            .shift
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        Duration::from_millis(shift.unsigned_abs())
    }

    /// Replaces the file as a whole: a reader sees the old number or the new one.
    fn write(&self, milliseconds: i64) -> Result<()> {
        let next = self.path.with_extension("next");
        fs::write(&next, milliseconds.to_string())?;
        fs::rename(&next, &self.path).context("cannot move the test's clock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moves_add_up() {
        let folder = tempfile::tempdir().unwrap();
        let clock = TestClock::new(folder.path()).unwrap();
        assert_eq!(fs::read_to_string(clock.path()).unwrap(), "0");
        clock.advance(Duration::from_secs(60)).unwrap();
        clock.advance(Duration::from_millis(5)).unwrap();
        assert_eq!(fs::read_to_string(clock.path()).unwrap(), "60005");
        assert_eq!(clock.shift(), Duration::from_millis(60_005));
    }
}
