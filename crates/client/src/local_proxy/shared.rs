//! What the connections of a local proxy share.

use std::time::Duration;

use super::return_to::ReturnTargets;
use crate::dial::Dialer;

/// How long a browser's CONNECT is held while its resource is locked: Chromium gives up at 30 s.
pub const BROWSER_HOLD_TIMEOUT: Duration = Duration::from_secs(25);
/// How long other connections to a locked resource are held.
pub const HOLD_TIMEOUT: Duration = Duration::from_secs(120);

/// What the connections of one local proxy share.
pub(super) struct Shared {
    /// Opens connections.
    pub(super) dialer: Dialer,
    /// The path of the PAC file.
    pub(super) pac: String,
    /// Where browsers return to.
    pub(super) return_targets: ReturnTargets,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}
