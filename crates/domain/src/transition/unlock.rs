//! Unlocking without a request.

use super::facts::AccessFacts;
use super::kinds::Transition;
use crate::Time;
use crate::cause::Cause;
use crate::lock::lock_state;
use crate::reason::Text;
use crate::review::{MayNot, Reviewer};
use crate::settings::most_permissive;

/// Why an administrator cannot unlock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotUnlock {
    /// The user does not see the resource (rule 1).
    #[error("no such resource for this user")]
    NotVisible,
    /// The resource is disabled.
    #[error("the resource is disabled")]
    Disabled,
    /// It is open already.
    #[error("it is open")]
    Open,
    /// It does not lock by its disuse.
    #[error("it does not lock by disuse")]
    NotAutoLocked,
    /// Not by this person (rule 6).
    #[error(transparent)]
    MayNot(#[from] MayNot),
}

/// Unlocks what locked by its disuse, without a request, as an administrator (rule 6). A pending
/// request for it has nothing to wait for any more.
///
/// # Errors
/// [`CannotUnlock`], naming what is in the way.
pub fn unlock(
    facts: &AccessFacts,
    admin: &Reviewer<'_>,
    comment: Text,
    now: Time,
) -> Result<Vec<Transition>, CannotUnlock> {
    let best = most_permissive(&facts.assignments, now).ok_or(CannotUnlock::NotVisible)?;
    if !facts.resource_enabled {
        return Err(CannotUnlock::Disabled);
    }
    let Some(locked) = best.auto_locked(facts.last_used, now) else {
        let open = lock_state(&facts.view(), now).is_some_and(|lock| lock.is_open());
        return Err(match open {
            true => CannotUnlock::Open,
            false => CannotUnlock::NotAutoLocked,
        });
    };
    let unlock = locked.unlock(facts.user, facts.resource, admin, now)?;
    let pending = facts.pending.clone();
    // An extension waits beside a grant that runs on.
    let superseded = pending
        .filter(|request| request.terms.purpose.extends().is_none())
        .and_then(|request| request.pending(now).ok())
        .map(|pending| Transition::Superseded {
            request: pending.cancel(None, Cause::NoLongerNeeded, now),
        });
    let unlocked = Transition::Unlocked {
        unlock,
        last_used: facts.last_used,
        locks_at: best.locks_at(Some(unlock.at)).unwrap_or(now),
        comment,
    };
    Ok(superseded.into_iter().chain([unlocked]).collect())
}
