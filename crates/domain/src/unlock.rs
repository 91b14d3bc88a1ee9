//! Auto-lock: a resource is open while it is used, locks after `lock_after` unused days, and is
//! opened again by an unlock, which an approval or an administrator makes.
//!
//! An unlock is no grant: it has no end of its own, it restarts the count of unused days.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::Time;
use crate::ids::{AssignmentId, RequestId, ResourceId, UserId};
use crate::reason::Text;
use crate::request::{Ask, CannotApprove, CannotAsk, NewRequest, Pending, Purpose, Request, State};
use crate::review::Decider;
use crate::review::{MayNot, Reviewer};
use crate::settings::{EffectiveAssignment, Mode};

/// What an approval, or an administrator, creates under auto-lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unlock {
    /// For whom.
    pub user: UserId,
    /// Of what.
    pub resource: ResourceId,
    /// Through which assignment.
    pub assignment: AssignmentId,
    /// When: the unused days are counted from here.
    pub at: DateTime<Utc>,
    /// By whom.
    pub by: Unlocker,
}

/// Who made an unlock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unlocker {
    /// The approval of a request, by a reviewer, or automatic (`None`).
    Approval {
        /// The request.
        request: RequestId,
        /// Who approved it.
        reviewer: Option<UserId>,
    },
    /// An administrator, without a request.
    Admin(UserId),
}

impl Unlock {
    /// Where the count of unused days starts after this unlock (`last_used` as in
    /// [`crate::lock::Facts`]): never earlier than before.
    #[must_use]
    pub fn restarts(&self, last_used: Option<Time>) -> Time {
        last_used.map_or(self.at, |last_used| last_used.max(self.at))
    }
}

/// An assignment known to be auto-locked and unused for too long: the only one that can be unlocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Locked(EffectiveAssignment);

impl EffectiveAssignment {
    /// This assignment, if it auto-locks, is valid, and has locked. `last_used` as in
    /// [`crate::lock::Facts`].
    #[must_use]
    pub fn auto_locked(self, last_used: Option<Time>, now: Time) -> Option<Locked> {
        let locked = self.locks_at(last_used).is_none_or(|at| now >= at);
        (self.settings.mode == Mode::AutoLock && self.is_valid(now) && locked)
            .then_some(Locked(self))
    }
}

impl Locked {
    /// Checks what somebody writes who asks for an unlock (rules 4, 10 and 11). The request
    /// carries the assignment's period, which an unlock does not use.
    ///
    /// # Errors
    /// [`CannotAsk`], naming the rule that is in the way.
    pub fn ask(
        &self,
        user: UserId,
        resource: ResourceId,
        reason: Text,
        revoked_at: Option<Time>,
        lapse: TimeDelta,
        now: Time,
    ) -> Result<NewRequest, CannotAsk> {
        let ask = Ask {
            reason,
            length: None,
            starts_at: None,
        };
        let assignment = &self.0;
        crate::request::write(
            Purpose::Unlock,
            user,
            resource,
            assignment,
            ask,
            revoked_at,
            lapse,
            now,
        )
    }

    /// Unlocks by approving `pending`, a request for this (rule 6); `by` is `None` for automatic
    /// approval.
    ///
    /// # Errors
    /// [`CannotApprove`]; the request stays as it was in the store.
    pub fn approve(
        self,
        pending: Pending,
        by: Option<Decider>,
        comment: Text,
        now: Time,
    ) -> Result<(Request, Unlock), CannotApprove> {
        pending.may_be_approved(by, &self.0, now)?;
        let request = pending.into_request();
        let unlock = Unlock {
            user: request.user,
            resource: request.resource,
            assignment: self.0.assignment,
            at: now,
            by: Unlocker::Approval {
                request: request.id,
                reviewer: by.map(|by| by.user),
            },
        };
        let state = State::Approved {
            at: now,
            by: by.map(|by| by.user),
            on_behalf_of: by.and_then(|by| by.on_behalf_of),
            length: request.asked,
            comment,
        };
        Ok((Request { state, ..request }, unlock))
    }

    /// Unlocks without a request, as an administrator may for everybody else (rule 6).
    ///
    /// # Errors
    /// [`MayNot`] for one's own resource, and for whoever is no administrator.
    pub fn unlock(
        self,
        user: UserId,
        resource: ResourceId,
        admin: &Reviewer<'_>,
        now: Time,
    ) -> Result<Unlock, MayNot> {
        admin.may_unlock(user)?;
        Ok(Unlock {
            user,
            resource,
            assignment: self.0.assignment,
            at: now,
            by: Unlocker::Admin(admin.user),
        })
    }
}
