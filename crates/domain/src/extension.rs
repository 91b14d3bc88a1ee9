//! Extending a running grant (rule 5).
//!
//! An extension is a request that is bound to its grant ([`crate::request::Purpose::Extension`]).
//! Approved, it moves the end of that very grant, so that no connection notices. Its length is what
//! lies ahead of the approval, not what is added to the old end: at most one period lies ahead of now.

use serde::{Deserialize, Serialize};

use crate::Time;
use crate::grant::Window;
use crate::length::Length;
use crate::settings::{EffectiveAssignment, Mode};

/// What an extension would give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extension {
    /// When the grant runs without it.
    pub running: Window,
    /// For how long from now on it is asked.
    pub asked: Length,
    /// The longest that may be asked.
    pub longest: Length,
    /// The longest that the grant may last from its start to its end.
    pub total: Length,
    /// When the assignment itself ends.
    pub until: Option<Time>,
}

/// What keeps access from lasting longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// No more was asked, and more could be.
    Asked,
    /// At most one period lies ahead.
    Period(Length),
    /// At most so much lies between start and end.
    Total(Length),
    /// The group's access to the resource ends.
    Assignment,
    /// Something that a client does not know yet: its controller is newer.
    #[serde(other)]
    Unknown,
}

/// As the end of a sentence: "It cannot last longer: …".
impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Asked => f.write_str("more has to be asked for"),
            Self::Period(longest) => write!(f, "at most {longest} may lie ahead"),
            Self::Total(total) => write!(f, "access lasts at most {total} from its start"),
            Self::Assignment => f.write_str("the group’s access to this resource ends then"),
            Self::Unknown => f.write_str("a rule that this version of Hourkey does not know"),
        }
    }
}

/// Why an extension is refused: access would last less than a minute longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("access would last less than a minute longer")]
pub struct AddsNothing {
    /// When access ends.
    pub ends_at: Time,
    /// What is in the way of a later end.
    pub limit: Limit,
}

/// Why an extension is refused: its assignment does not give access for a time any more, since it auto-locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the group's access stays open while it is used: there is no time to extend")]
pub struct OpenWhileUsed;

/// Checks that access by this assignment is given for a time, which asking for more of it and approving that
/// both need.
pub(crate) fn is_for_a_time(assignment: &EffectiveAssignment) -> Result<(), OpenWhileUsed> {
    match assignment.settings.mode {
        Mode::AutoLock => Err(OpenWhileUsed),
        Mode::AccessRequest | Mode::Standing => Ok(()),
    }
}

impl Extension {
    /// When access ends if this is approved at `now`.
    ///
    /// # Errors
    /// [`AddsNothing`]: an extension never shortens, and one of less than a minute is none.
    pub fn ends_at(&self, now: Time) -> Result<Time, AddsNothing> {
        let by_length = match self.asked < self.longest {
            true => Limit::Asked,
            false => Limit::Period(self.longest),
        };
        let total = self.total.after(self.running.starts_at);
        let others = [
            Some((total, Limit::Total(self.total))),
            self.until.map(|until| (until, Limit::Assignment)),
        ];
        let by_length = (self.asked.after(now), by_length);
        let others = others.into_iter().flatten();
        let (ends_at, limit) = others.fold(
            by_length,
            |least, it| if it.0 < least.0 { it } else { least },
        );
        let running = self.running.expires_at;
        let running = self.until.map_or(running, |until| until.min(running));
        match ends_at >= Length::MIN.after(running) {
            true => Ok(ends_at),
            false => Err(AddsNothing {
                ends_at: running,
                limit,
            }),
        }
    }

    /// The same for the longest that may be asked.
    #[must_use]
    pub fn longest(self) -> Self {
        Self {
            asked: self.longest,
            ..self
        }
    }
}
