//! Says in the log which resources share an address.

use super::GateState;

/// The most pairs that are named.
const MAX_PAIRS: usize = 1_000;

impl GateState {
    /// Names each pair once: what goes to one of them without saying so in a way that the gateway
    /// can read is for the other one as well.
    pub(super) fn warn_of_shared(&mut self) {
        for (ip, one, two) in self.table.shared(MAX_PAIRS) {
            let pair = (one.id.min(two.id), one.id.max(two.id));
            if self.shared.len() < MAX_PAIRS && self.shared.insert(pair) {
                tracing::warn!(
                    address = %ip,
                    resource.id = %one.id,
                    resource.address = %one.address,
                    other.id = %two.id,
                    other.address = %two.address,
                    "two resources share an address: connections that name neither need access to \
                     both; a port of its own for one of them, here or under [hosts], parts them"
                );
            }
        }
    }
}
