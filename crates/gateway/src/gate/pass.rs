//! What connections and flows hold of the gate.

use std::sync::Arc;

use hourkey_domain::ids::DeviceId;
use hourkey_protocol::gateway::Refusal;

use super::Gate;
use crate::lease::Verdict;
use crate::sniff::Found;
use crate::ticket::{Cause, Mismatch, Ticket};

/// A device's connection, for as long as it lives.
#[derive(Debug)]
pub struct Presence {
    pub(super) gate: Arc<Gate>,
    pub(super) device: DeviceId,
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.gate.disconnect(self.device);
    }
}

impl Presence {
    /// One more flow of the device is being opened, until what is returned is dropped.
    ///
    /// # Errors
    /// [`Refusal::Busy`] when there are too many.
    pub fn opening(&self) -> Result<Opening<'_>, Refusal> {
        let opening = Opening(self);
        if self.gate.opening(self.device, |count| count + 1) {
            Ok(opening)
        } else {
            Err(Refusal::Busy)
        }
    }
}

/// A flow that is being opened.
#[derive(Debug)]
pub struct Opening<'a>(&'a Presence);

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        let Presence { gate, device } = self.0;
        gate.opening(*device, |count| count.saturating_sub(1));
    }
}

/// A flow's right to pass. Drop it once its connections are closed.
#[derive(Debug)]
pub struct Pass {
    pub(super) gate: Arc<Gate>,
    pub(super) ticket: Arc<Ticket>,
}

/// May the next bytes of a flow pass?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Yes.
    Go,
    /// Not before the controller is heard again.
    Wait,
    /// No, never again.
    End,
}

impl Pass {
    /// The flow's ticket.
    #[must_use]
    pub fn ticket(&self) -> &Ticket {
        &self.ticket
    }

    /// May the next bytes pass? To be asked right before each write.
    #[must_use]
    pub fn step(&self) -> Step {
        match self.gate.lease.check() {
            Verdict::Live(now) if now < self.ticket.deadline() => Step::Go,
            Verdict::Over(Some(now))
                if self.ticket.keep_alive_offline() && now < self.ticket.deadline() =>
            {
                Step::Go
            }
            Verdict::Over(None)
                if self.ticket.keep_alive_offline() && self.ticket.deadline() > 0 =>
            {
                Step::Wait
            }
            Verdict::Live(_) | Verdict::Over(_) => Step::End,
            Verdict::Held if self.ticket.deadline() == 0 => Step::End,
            Verdict::Held => Step::Wait,
        }
    }

    /// Waits while the flow is held. True when it may go on.
    pub async fn may_go_on(&self) -> bool {
        let mut heard = self.gate.heard.subscribe();
        loop {
            match self.step() {
                Step::Go => return true,
                Step::End => return false,
                Step::Wait => {
                    if heard.changed().await.is_err() {
                        return false;
                    }
                }
            }
        }
    }

    /// Waits until the flow is cut.
    pub async fn is_cut(&self) {
        self.ticket.is_cut().await;
    }

    /// Why the flow is at its end, once [`Self::step`] said that it is.
    #[must_use]
    pub fn cause(&self) -> Cause {
        let expired = self.ticket.deadline() <= self.gate.now();
        let own = if expired {
            Cause::Expired
        } else {
            Cause::Stale
        };
        self.ticket.cause().unwrap_or(own)
    }

    /// May what was found inside of the flow pass?
    pub(crate) fn judge(&self, found: &Found) -> bool {
        let now = self.gate.now();
        let judged = self.gate.state().table.judge(self.ticket.id, found, now);
        self.agrees(judged)
    }

    /// May the destination speak now?
    pub(crate) fn judge_answer(&self) -> bool {
        let now = self.gate.now();
        let judged = self.gate.state().table.judge_answer(self.ticket.id, now);
        self.agrees(judged)
    }

    /// True when other resources are known where the flow goes.
    pub(crate) fn is_shared(&self) -> bool {
        self.gate.state().table.is_shared(self.ticket.id)
    }

    /// True when the user may use everything that is known where the flow goes.
    pub(crate) fn may_use_all(&self) -> bool {
        let now = self.gate.now();
        self.gate.state().table.may_use_all(self.ticket.id, now)
    }

    fn agrees(&self, judged: Result<(), Mismatch>) -> bool {
        if let Err(mismatch) = judged {
            self.ticket.set_mismatch(mismatch);
            self.ticket.cut(Cause::Mismatch);
            return false;
        }
        true
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.gate.state().table.close(self.ticket.id);
        self.ticket.close();
    }
}
