//! Notifies the person when a gateway cut a connection for what went through it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hourkey_clock::Clock;

use super::blocked_connection::BlockedConnection;
use super::prompt_handler::PromptHandler;
use crate::upstream::Tunnel;

/// What people were told last of connections that were blocked, and when on the boot clock.
#[derive(Clone, Default)]
pub(super) struct BlockedThrottle(Arc<Mutex<Option<(BlockedConnection, Duration)>>>);

/// Minimum time between two notifications of the same: programs retry.
const NOTIFY_INTERVAL: Duration = Duration::from_secs(60);

impl BlockedThrottle {
    /// Notifies the person if the gateway cuts the tunnel for what goes through it.
    pub(super) fn watch(
        &self,
        tunnel: &mut Tunnel,
        prompts: &Arc<dyn PromptHandler>,
        clock: &Arc<dyn Clock>,
    ) {
        let (last, prompts, clock) = (self.clone(), Arc::clone(prompts), Arc::clone(clock));
        tunnel.on_cut(move |end| {
            if let Some(blocked) = BlockedConnection::of(end)
                && last.is_news(&blocked, clock.boot())
            {
                prompts.blocked(&blocked);
            }
        });
    }

    fn is_news(&self, blocked: &BlockedConnection, now: Duration) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = |(known, at): &(BlockedConnection, Duration)| {
            known == blocked && now < *at + NOTIFY_INTERVAL
        };
        if last.as_ref().is_some_and(known) {
            return false;
        }
        *last = Some((blocked.clone(), now));
        true
    }
}
