//! The connections that a watchdog watches.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::link_state::{LinkError, LinkState};

/// A connection is lost after this many polls in a row with something unanswered, and never less
/// than before: 20 to 25 s after the first loss.
const MAX_UNANSWERED_POLLS: u32 = 5;

/// The watched connections.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    connections: Mutex<HashMap<(SocketAddr, SocketAddr), WatchedLink>>,
    /// Counts the network's changes.
    pub(crate) changes: AtomicU64,
}

#[derive(Debug)]
struct WatchedLink {
    state: Arc<LinkState>,
    /// Unanswered probes in the last poll, and polls in a row with some.
    unanswered: u8,
    polls: u32,
}

impl Registry {
    fn connections(&self) -> MutexGuard<'_, HashMap<(SocketAddr, SocketAddr), WatchedLink>> {
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn remember(&self, state: Arc<LinkState>) {
        let link = WatchedLink {
            unanswered: 0,
            polls: 0,
            state,
        };
        let ends = (link.state.local, link.state.peer);
        self.connections().insert(ends, link);
    }

    pub(crate) fn forget(&self, state: &Arc<LinkState>) {
        let mut connections = self.connections();
        let ends = (state.local, state.peer);
        // Another one may have the same ends by now.
        if connections
            .get(&ends)
            .is_some_and(|it| Arc::ptr_eq(&it.state, state))
        {
            connections.remove(&ends);
        }
    }

    /// Updates one connection after a poll.
    #[cfg(target_os = "linux")]
    fn update(&self, ends: (SocketAddr, SocketAddr), unanswered: u8) {
        let mut connections = self.connections();
        let Some(link) = connections.get_mut(&ends) else {
            return;
        };
        let goes_on = unanswered > 0 && unanswered >= link.unanswered;
        link.polls = if goes_on { link.polls + 1 } else { 0 };
        link.unanswered = unanswered;
        if link.polls >= MAX_UNANSWERED_POLLS {
            link.state.lose(LinkError::Silent);
        }
    }

    /// Ends the connections from addresses that are gone.
    pub(crate) fn network_changed(&self, gone: &HashSet<IpAddr>) {
        self.changes.fetch_add(1, SeqCst);
        let connections = self.connections();
        let lost = connections
            .values()
            .filter(|it| gone.contains(&it.state.local.ip()));
        lost.for_each(|link| link.state.lose(LinkError::Network));
    }

    #[cfg(target_os = "linux")]
    pub(crate) async fn poll(self: &Arc<Self>) {
        if self.connections().is_empty() {
            return;
        }
        let registry = Arc::clone(self);
        let poll = move || {
            crate::netlink::each_socket(|socket| {
                registry.update((socket.local, socket.peer), socket.unanswered);
            })
        };
        if let Ok(Err(error)) = tokio::task::spawn_blocking(poll).await {
            tracing::debug!(%error, "cannot query connections");
        }
    }
}
