//! Connections that a gateway cut, in words.

use std::net::IpAddr;

use hourkey_protocol::gateway::{Ended, FlowEnd};

use crate::upstream::Tunnel;

/// A connection that a gateway cut for what went through it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockedConnection {
    /// The host that the connection was opened for.
    pub asked: String,
    /// The name inside; `None` when there was none.
    pub inside: Option<String>,
}

impl BlockedConnection {
    pub(super) fn of(end: &FlowEnd) -> Option<Self> {
        let asked = end.asked.clone();
        Some(Self {
            asked: asked.filter(|_| end.why == Ended::Mismatch)?,
            inside: end.inside.clone(),
        })
    }
}

/// True for what a forward's port is called by.
fn is_this_machine(name: &str) -> bool {
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

impl std::fmt::Display for BlockedConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { asked, inside } = self;
        match inside {
            Some(inside) if is_this_machine(inside) => write!(
                f,
                "A connection to {asked} was blocked: other resources share its address, and it \
                 was meant for {inside}, which is none of them. Reach it under its own name, \
                 through the local proxy, or have your administrator give {asked} a port of its \
                 own."
            ),
            Some(inside) => write!(
                f,
                "A connection to {asked} was blocked: it was meant for {inside}. Connect to \
                 {inside} itself, or ask your administrator."
            ),
            None => write!(
                f,
                "A connection to {asked} was blocked: other resources share its address, and it \
                 did not say which one it was for. Reach it under its own name, through the local \
                 proxy, ask for access to all of them, or have your administrator give {asked} a \
                 port of its own."
            ),
        }
    }
}

/// Why a gateway cut a connection, as a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CutReason {
    /// For what went through it; the person was last.
    #[error("{0}")]
    Blocked(BlockedConnection),
    /// The gateway did not hear its controller for too long to know whether access goes on.
    #[error(
        "The gateway had not heard from its controller for too long, and cut the connection. Your \
         access goes on: try again."
    )]
    Stale,
    /// The gateway was stopped.
    #[error("The gateway was stopped, and cut the connection. Your access goes on: try again.")]
    Stopped,
}

impl CutReason {
    fn of(end: &FlowEnd) -> Option<Self> {
        match end.why {
            Ended::Mismatch => BlockedConnection::of(end).map(Self::Blocked),
            Ended::Stale => Some(Self::Stale),
            Ended::Stopped => Some(Self::Stopped),
            Ended::Closed
            | Ended::Client
            | Ended::Destination
            | Ended::Permit
            | Ended::Device
            | Ended::Lost => None,
        }
    }
}

impl Tunnel {
    /// Waits for the gateway's word on why it cut this, as far as only the gateway knows; `None`
    /// when it did not, or for another cause. To be asked once this is gone.
    pub fn cut(&self) -> impl Future<Output = Option<CutReason>> + Send + use<> {
        let why_cut = self.why_cut();
        async move { why_cut.said().await.as_ref().and_then(CutReason::of) }
    }
}
