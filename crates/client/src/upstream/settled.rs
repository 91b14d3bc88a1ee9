//! How a tunnel ends, told by whoever carries its bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Whether a tunnel has come to an orderly end: its way to the destination was shut down, or the
/// local program has closed and all that it said was sent. Any other end is abrupt, and the gateway
/// resets the destination's connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settled(Arc<AtomicBool>);

impl Settled {
    /// To be said before the tunnel is dropped.
    pub(crate) fn set(&self, orderly: bool) {
        self.0.store(orderly, Relaxed);
    }

    /// True once that was said of an orderly end.
    pub(super) fn is_orderly(&self) -> bool {
        self.0.load(Relaxed)
    }
}
