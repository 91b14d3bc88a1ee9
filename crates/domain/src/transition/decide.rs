//! Approving and denying.

use super::facts::AccessFacts;
use super::kinds::{Gives, TooLate, Transition};
use crate::Time;
use crate::cause::Cause;
use crate::ids::RequestId;
use crate::length::Length;
use crate::reason::Text;
use crate::request::{CannotApprove, Purpose};
use crate::review::Decider;

/// Approves a request, for less time if the reviewer says so (rules 5, 6 and 7); `by` is `None` for
/// automatic approval. A request for the unlock of what is open by now is cancelled instead: there
/// is nothing to unlock.
///
/// # Errors
/// [`CannotApprove`], naming what is in the way.
pub fn approve(
    facts: &AccessFacts,
    request: RequestId,
    by: Option<Decider>,
    allowed: Option<Length>,
    comment: Text,
    now: Time,
) -> Result<Transition, CannotApprove> {
    let pending = facts.waiting(request, now)?;
    let terms = pending.request().terms;
    let live = facts.assignment(terms.assignment).ok_or(TooLate)?;
    match terms.purpose {
        Purpose::Grant => {
            let (request, window) = pending.approve(by, allowed, comment, live, now)?;
            let scheduled = window.starts_at > now;
            let gives = Gives::Grant { window, scheduled };
            Ok(Transition::Approved { request, gives })
        }
        Purpose::Extension(grant) => {
            let (before, _) = facts.live(grant, now)?;
            let before = before.window;
            let (request, window) = pending.extend(by, allowed, comment, before, live, now)?;
            let gives = Gives::Extension {
                grant,
                before,
                window,
            };
            Ok(Transition::Approved { request, gives })
        }
        Purpose::Unlock if allowed.is_some() => Err(CannotApprove::UnlockHasNoLength),
        Purpose::Unlock => match live.auto_locked(facts.last_used, now) {
            None => Ok(Transition::Cancelled {
                request: pending.cancel(None, Cause::NoLongerNeeded, now),
            }),
            Some(locked) => {
                let (request, unlock) = locked.approve(pending, by, comment, now)?;
                let locks_at = live.locks_at(Some(unlock.at)).unwrap_or(now);
                let gives = Gives::Unlock { unlock, locks_at };
                Ok(Transition::Approved { request, gives })
            }
        },
    }
}

/// Denies a request (rule 6).
///
/// # Errors
/// [`TooLate`].
pub fn deny(
    facts: &AccessFacts,
    request: RequestId,
    by: impl Into<Decider>,
    comment: Text,
    now: Time,
) -> Result<Transition, TooLate> {
    let pending = facts.waiting(request, now)?;
    let request = pending.deny(by, comment, now);
    Ok(Transition::Denied { request })
}
