//! The rules of access (`docs/RULES.md`) as pure code: no I/O, no async, no clock.
//!
//! Time is a parameter everywhere ([`Time`]); nothing in here asks what time it is.
//! States change by transitions that consume the old state, so that a decided request cannot be
//! decided again by mistake.
#![warn(missing_docs)]

pub mod address;
pub mod audit;
pub mod cause;
pub mod change;
pub mod deputy;
pub mod extension;
pub mod format;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;
pub mod grant;
pub mod ids;
pub mod length;
pub mod lock;
pub mod naming;
pub mod organisation;
pub mod outcome;
pub mod periods;
pub mod reason;
#[cfg(test)]
#[path = "../../../fuzz/replay.rs"]
mod replay;
pub mod request;
pub mod review;
pub mod sentence;
pub mod settings;
pub mod text;
pub mod transition;
pub mod unlock;
pub mod visibility;
#[cfg(test)]
mod wording_cases;

/// A moment by the server's clock (rule 13).
pub type Time = chrono::DateTime<chrono::Utc>;

/// `moment` plus `span`, or the last moment there is when the sum lies beyond it: moments come
/// from outside (a start asked for, an end date), and the plain sum panics there.
pub(crate) fn later(moment: Time, span: chrono::TimeDelta) -> Time {
    moment.checked_add_signed(span).unwrap_or(Time::MAX_UTC)
}
