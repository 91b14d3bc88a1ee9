//! Detects that the gateway has no file descriptors left.

use std::io;
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use crate::limits;

/// Logs at intervals that no descriptors are left.
#[derive(Default)]
pub(crate) struct Descriptors(Mutex<Option<Instant>>);

impl Descriptors {
    /// Returns true when an error means that this process, or the whole machine, has none left, and
    /// logs what to do.
    pub(crate) fn are_used_up(&self, error: &io::Error) -> bool {
        if !says_used_up(error) {
            return false;
        }
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if said.is_none_or(|at| at.elapsed() >= limits::SHORTAGE_LOG_INTERVAL) {
            *said = Some(Instant::now());
            tracing::error!(
                %error,
                "no file descriptors left: connections wait or are refused as busy; each connection \
                 to a resource takes two: raise LimitNOFILE in the gateway's service, or `ulimit -n` \
                 where it is started (docs/admin/gateway.md)"
            );
        }
        true
    }
}

#[cfg(unix)]
fn says_used_up(error: &io::Error) -> bool {
    use rustix::io::Errno;
    matches!(
        Errno::from_io_error(error),
        Some(Errno::MFILE | Errno::NFILE)
    )
}

#[cfg(not(unix))]
fn says_used_up(_: &io::Error) -> bool {
    false
}
