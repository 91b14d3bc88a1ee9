//! Guards: what connections and flows hold of the gate while they last.

use std::sync::Arc;

use hourkey_domain::ids::DeviceId;
use hourkey_protocol::gateway::Refusal;

use super::Gate;
use crate::flow_state::{Cause, FlowState, Mismatch};
use crate::lease::LeaseState;
use crate::sniff::SniffedHost;

/// A device's connection, for as long as it lives.
#[derive(Debug)]
pub struct ConnectionGuard {
    pub(super) gate: Arc<Gate>,
    pub(super) device: DeviceId,
}

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        self.gate.disconnect(self.device);
    }
}

impl ConnectionGuard {
    /// One more flow of the device is being opened, until what is returned is dropped.
    ///
    /// # Errors
    /// [`Refusal::Busy`] when there are too many.
    pub fn opening(&self) -> Result<OpeningGuard<'_>, Refusal> {
        let opening = OpeningGuard(self);
        if self.gate.opening(self.device, |count| count + 1) {
            Ok(opening)
        } else {
            Err(Refusal::Busy)
        }
    }
}

/// A flow that is being opened.
#[derive(Debug)]
pub struct OpeningGuard<'a>(&'a ConnectionGuard);

impl Drop for OpeningGuard<'_> {
    fn drop(&mut self) {
        let ConnectionGuard { gate, device } = self.0;
        gate.opening(*device, |count| count.saturating_sub(1));
    }
}

/// Lets a flow run, and closes it in the table when dropped: once its connections are closed.
#[derive(Debug)]
pub struct FlowGuard {
    pub(super) gate: Arc<Gate>,
    pub(super) state: Arc<FlowState>,
}

/// Whether the next bytes of a flow may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// They may.
    Allow,
    /// Not before the controller is heard again: wait.
    Hold,
    /// Never again: close the flow.
    Close,
}

impl FlowGuard {
    /// Returns the flow's state.
    #[must_use]
    pub fn state(&self) -> &FlowState {
        &self.state
    }

    /// Decides whether the next bytes may pass. Ask right before each write.
    #[must_use]
    pub fn decide(&self) -> Decision {
        match self.gate.lease.check() {
            LeaseState::Live(now) if now < self.state.deadline() => Decision::Allow,
            LeaseState::Expired(Some(now))
                if self.state.keep_alive_offline() && now < self.state.deadline() =>
            {
                Decision::Allow
            }
            LeaseState::Expired(None)
                if self.state.keep_alive_offline() && self.state.deadline() > 0 =>
            {
                Decision::Hold
            }
            LeaseState::Live(_) | LeaseState::Expired(_) => Decision::Close,
            LeaseState::Held if self.state.deadline() == 0 => Decision::Close,
            LeaseState::Held => Decision::Hold,
        }
    }

    /// Waits while the flow is held. True when it may go on.
    pub async fn may_go_on(&self) -> bool {
        let mut heard = self.gate.heard.subscribe();
        loop {
            match self.decide() {
                Decision::Allow => return true,
                Decision::Close => return false,
                Decision::Hold => {
                    if heard.changed().await.is_err() {
                        return false;
                    }
                }
            }
        }
    }

    /// Waits until the flow is cut.
    pub async fn is_cut(&self) {
        self.state.is_cut().await;
    }

    /// Why the flow is at its end, once [`Self::decide`] said that it is.
    #[must_use]
    pub fn cause(&self) -> Cause {
        let expired = self.state.deadline() <= self.gate.now();
        let own = if expired {
            Cause::Expired
        } else {
            Cause::Stale
        };
        self.state.cause().unwrap_or(own)
    }

    /// Judges whether a host that was sniffed in the flow may pass.
    pub(crate) fn judge(&self, found: &SniffedHost) -> bool {
        let now = self.gate.now();
        let judged = self.gate.state().table.judge(self.state.id, found, now);
        self.agrees(judged)
    }

    /// Judges whether the destination may speak now.
    pub(crate) fn judge_answer(&self) -> bool {
        let now = self.gate.now();
        let judged = self.gate.state().table.judge_answer(self.state.id, now);
        self.agrees(judged)
    }

    /// Returns true when other resources are known at the flow's destination.
    pub(crate) fn is_shared(&self) -> bool {
        self.gate.state().table.is_shared(self.state.id)
    }

    /// Returns true when the user may use all resources known at the flow's destination.
    pub(crate) fn may_use_all(&self) -> bool {
        let now = self.gate.now();
        self.gate.state().table.may_use_all(self.state.id, now)
    }

    fn agrees(&self, judged: Result<(), Mismatch>) -> bool {
        if let Err(mismatch) = judged {
            self.state.set_mismatch(mismatch);
            self.state.cut(Cause::Mismatch);
            return false;
        }
        true
    }
}

impl Drop for FlowGuard {
    fn drop(&mut self) {
        self.gate.state().table.close(self.state.id);
        self.state.close();
    }
}
