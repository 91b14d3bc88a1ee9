//! Ending early.

use super::facts::AccessFacts;
use super::kinds::{GrantChange, TooLate, Transition};
use crate::Time;
use crate::cause::Cause;
use crate::ids::{GrantId, RequestId};
use crate::reason::Text;
use crate::review::Decider;

/// Cancels a request, as its requester.
///
/// # Errors
/// [`TooLate`].
pub fn cancel(facts: &AccessFacts, request: RequestId, now: Time) -> Result<Transition, TooLate> {
    let pending = facts.waiting(request, now)?;
    let request = pending.cancel(Some(facts.user), Cause::Person, now);
    Ok(Transition::Cancelled { request })
}

/// Gives a grant back, as its user; a pending extension goes with it.
///
/// # Errors
/// [`TooLate`].
pub fn release(facts: &AccessFacts, grant: GrantId, now: Time) -> Result<Vec<Transition>, TooLate> {
    let (before, live) = facts.live(grant, now)?;
    let after = live.release(now);
    let released = Transition::Released(GrantChange { before, after });
    Ok(facts.with_extension(released, Cause::GrantEnded, now))
}

/// Takes a grant away, as a person who may approve it (rule 6); a pending extension goes with it.
///
/// # Errors
/// [`TooLate`].
pub fn revoke(
    facts: &AccessFacts,
    grant: GrantId,
    by: impl Into<Decider>,
    comment: Text,
    now: Time,
) -> Result<Vec<Transition>, TooLate> {
    let (before, live) = facts.live(grant, now)?;
    let after = live.revoke(Some(by.into()), Cause::Person, comment, now);
    let revoked = Transition::Revoked(GrantChange { before, after });
    Ok(facts.with_extension(revoked, Cause::GrantEnded, now))
}
