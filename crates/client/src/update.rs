//! News of the event stream.

use std::time::Duration;

use hourkey_protocol::event::{Changes, Snapshot};

/// What the stream says. [`crate::live`] applies it to the [`crate::model::Model`].
#[derive(Clone, Debug, PartialEq)]
pub enum Update {
    /// Everything, anew.
    Snapshot(Box<Snapshot>),
    /// What changed.
    Changes(Box<Changes>),
    /// The stream is established; the model is current again, unless an update follows.
    Live,
    /// The controller is away: the stream broke, and could not be taken up at once. Sent again
    /// when the reason changes.
    Lost {
        /// What is wrong, as a sentence.
        why: String,
        /// When it was last heard, on the boot clock; `None` when never.
        heard: Option<Duration>,
    },
    /// The session has ended: sign in again. Nothing follows.
    SessionEnded,
}
