//! Remembers why flows were cut, for the devices that ask.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use hourkey_domain::ids::DeviceId;
use hourkey_protocol::gateway::FlowEnd;

use crate::gate::FlowGuard;
use crate::relay::{Outcome, RelayEnd};
use crate::usage::{self, ConnectionReport};

/// The most ends that are remembered.
const MAX_ENDS: usize = 4_096;

/// The latest flows that were cut, oldest first.
#[derive(Debug, Default)]
pub(crate) struct FlowEnds(Mutex<VecDeque<(String, DeviceId, FlowEnd)>>);

impl FlowEnds {
    /// Remembers why a flow was cut: before its client sees that it was.
    pub(crate) fn note(&self, guard: &FlowGuard, report: &ConnectionReport, outcome: &Outcome) {
        let RelayEnd::Cut(cause) = outcome.end else {
            return;
        };
        let state = guard.state();
        let mismatch = state.mismatch();
        let end = FlowEnd {
            why: usage::ended(cause),
            asked: mismatch.map(|it| it.asked.clone()),
            inside: mismatch.and_then(|it| it.inside.clone()),
        };
        let mut ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if ends.len() >= MAX_ENDS {
            ends.pop_front();
        }
        ends.push_back((report.id().to_owned(), state.device, end));
    }

    /// Returns why a flow of the device was cut.
    pub(crate) fn find(&self, device: DeviceId, id: &str) -> Option<FlowEnd> {
        let ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found = ends.iter().rev();
        let found = found.find(|(of, from, _)| of == id && *from == device)?;
        Some(found.2.clone())
    }
}
